"""Opens, creates and converts volumes: resolves names to plugins, hands them stores, and runs the engine."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mdio.core.volume import Creation, Sink, Volume
from mdio.exceptions import ConfigError, MDIOError, MDIONotFoundError, RunError, SlabError
from mdio.plugins.registry import registry
from mdio.storage.local import LocalStore
from mdio.storage.urls import local_path, redact, scheme
from mdio.validation import validated

if TYPE_CHECKING:
    from mdio.flow.engine import CancelToken
    from mdio.flow.events import Observer, Report
    from mdio.flow.plan import Plan
    from mdio.flow.pools import Elsewhere
    from mdio.plugins.contributions import Reader, Writer
    from mdio.storage.store import Store

__all__ = ["Conversion", "Stores", "absolute", "convert", "create", "find_reader", "open", "time_stamp"]

_HEAD = 4096


@dataclass(frozen=True)
class Stores:
    """Resolves URLs to stores with the storage options of one call.

    Parameters
    ----------
    options
        Options of the filesystem: flat for all remote URLs, or keyed by protocol, each to its own.
    """

    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def open(self, url: str) -> Store:
        """Return the store at a URL."""
        path = local_path(url)
        if path is not None:
            return LocalStore(path)
        from mdio.storage.options import environment_options, options_for, split_deadline
        from mdio.storage.remote import RemoteStore

        backend = registry().storage_backend(scheme(url))
        options, deadline = split_deadline(options_for(url, self.options) or options_for(url, environment_options()))
        filesystem = backend.load()(url, options)
        path = filesystem._strip_protocol(url)
        if scheme(url) not in _protocols(filesystem):
            path = path.removeprefix(f"{scheme(url)}://")  # it does not know the scheme that its plugin gave it
        return RemoteStore(filesystem, path, url, deadline=deadline)


def _protocols(filesystem: Any) -> tuple[str, ...]:
    found = filesystem.protocol
    return (found,) if isinstance(found, str) else tuple(found)


def open(
    url: str | os.PathLike[str],
    *,
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Volume:
    """Open a dataset of any installed format.

    Parameters
    ----------
    url
        Path or URL.
    format
        Name of the reader; found by content and name otherwise.
    options
        Options of that reader.
    storage_options
        Options of the store, e.g. credentials.

    Returns
    -------
    Volume
        Readable by region; close it when done.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    NoReaderError
        No installed reader knows it.
    ConfigError
        An option that the reader does not have.
    """
    from mdio.storage.staging import is_unfinished

    url = os.fspath(url)
    storage = Stores(storage_options or {})
    unfinished = local_path(url) is not None and is_unfinished(storage.open(url))
    try:
        return _opened(url, format, options or {}, storage)
    except MDIOError:
        if not unfinished or is_unfinished(storage.open(url)):
            raise
        return _opened(url, format, options or {}, storage)  # the run that made it has just ended


def _opened(url: str, format: str | None, options: Mapping[str, Any], storage: Stores) -> Volume:
    reader = registry().reader(format) if format else find_reader(url, storage)
    model = reader.options_model()
    if model is None and options:
        raise ConfigError(f"format {reader.name} takes no options", path=next(iter(options)))
    volume: Volume = reader.load()(url, validated(model, options, "input") if model is not None else None, storage)
    return volume


def find_reader(url: str, storage: Stores) -> Reader:
    """Return the reader for what lies at a URL: by its first bytes, its name, or by asking the readers.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    NoReaderError
        No installed reader knows it.
    """
    from mdio.storage.staging import is_unfinished

    store = storage.open(url)
    is_dir = store.is_dir()
    head = b""
    if not is_dir:
        try:
            with contextlib.closing(store.open()) as file:
                head = file.read(0, min(_HEAD, file.size))
        except MDIONotFoundError:
            if not is_unfinished(store):
                raise
            is_dir = True  # what it was to become is told by its name
    return registry().reader_for(url, head, is_dir, storage)


def create(
    url: str | os.PathLike[str],
    like: Volume,
    *,
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    creation: Creation | None = None,
) -> Sink:
    """Begin a target of any installed format.

    Parameters
    ----------
    url
        Path or URL.
    like
        The volume whose shape, live mask and metadata it takes.
    format
        Name of the writer; by the ending of the URL otherwise.
    options
        Options of that writer.
    storage_options
        Options of the store.
    creation
        Overwriting, resuming, fingerprint and time stamp.

    Returns
    -------
    Sink
        To be filled by blocks and committed.
    """
    url = os.fspath(url)
    writer, checked = _writer(url, format, options or {})
    sink: Sink = writer.load()(url, like, checked, Stores(storage_options or {}), creation or Creation())
    return sink


def _writer(url: str, format: str | None, given: Mapping[str, Any]) -> tuple[Writer, Any]:
    """Return the writer for a target, and its options checked."""
    writer = registry().writer(format) if format else registry().writer_for(url)
    model = writer.options_model()
    if model is None and given:
        raise ConfigError(f"format {writer.name} takes no options", path=next(iter(given)))
    return writer, validated(model, given, "output") if model is not None else None


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Everything that says what a conversion is to do.

    Parameters
    ----------
    source, target
        Paths or URLs.
    source_format, target_format
        Names of reader and writer; found otherwise.
    source_options, target_options
        Their options.
    storage_options
        Options of the stores.
    target_storage_options
        Options of the target's store where they are not the source's.
    transforms
        Functions volume → volume, applied in order before anything is written.
    overwrite, resume
        What may happen to a target that is there, complete or unfinished.
    workers
        Threads; all cores by default.
    memory
        Bytes that slabs in flight may take.
    on_error
        ``"stop"``, or ``"skip"`` to go on behind a slab that failed.
    client
        A ``dask.distributed.Client``, or the address of a scheduler, whose workers carry the slabs. ``workers`` are
        then slabs at once, and ``memory`` is that of each worker process. They must reach source and target under the
        same names. A target that only one process can write is written by the threads of this one, with a warning.
    """

    source: str
    target: str
    source_format: str | None = None
    target_format: str | None = None
    source_options: Mapping[str, Any] = field(default_factory=dict)
    target_options: Mapping[str, Any] = field(default_factory=dict)
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    target_storage_options: Mapping[str, Any] | None = field(default=None, repr=False)
    transforms: Sequence[Callable[[Volume], Volume]] = ()
    overwrite: bool = False
    resume: bool = False
    workers: int | None = None
    memory: int | None = None
    on_error: str = "stop"
    client: Any = field(default=None, repr=False, compare=False)

    def open_source(self) -> Volume:
        """Return the source with its transforms, as the target's format wants it."""
        volume = open(
            self.source,
            format=self.source_format,
            options=self.source_options,
            storage_options=self.storage_options,
        )
        try:
            for transform in self.transforms:
                volume = transform(volume)
            writer, options = _writer(self.target, self.target_format, self.target_options)
            prepared: Volume = writer.prepared(volume, options)
        except BaseException:
            volume.close()
            raise
        return prepared

    def plan(self) -> tuple[Volume, Plan]:
        """Return the opened source and what a run would do, without writing anything under the target's name."""
        from mdio.flow.engine import plan_for

        volume = self.open_source()
        try:
            with _scratch_target(self, volume) as sink:
                return volume, plan_for(volume, sink, workers=self.workers, memory=self.memory)
        except BaseException:
            volume.close()
            raise

    def run(self, *, observers: Sequence[Observer] = (), cancel: CancelToken | None = None) -> Report:
        """Convert.

        Raises
        ------
        MDIOError
            What went wrong. When it lies in the data or the request, nothing is left behind; when the run was
            stopped or the store failed, what was written is kept for ``resume``.
        """
        from mdio.flow import engine

        if local_path(self.target) is None and self.source.rstrip("/") == self.target.rstrip("/"):
            raise ConfigError(
                f"{redact(self.target)}: source and target are the same", hint="only local datasets swap in one step"
            )
        volume = self.open_source()
        try:
            with self._elsewhere(volume) as elsewhere:
                sink = self._sink(volume, self.target)
                try:
                    return engine.run(
                        volume,
                        sink,
                        workers=self.workers,
                        memory=self.memory,
                        observers=[*observers, *_plugin_observers()],
                        cancel=cancel,
                        on_error=self.on_error,
                        elsewhere=elsewhere,
                    )
                except SlabError as error:
                    if not isinstance(error.cause, OSError):
                        sink.abort()  # the store is fine: going on would meet the same data again
                    raise
                finally:
                    sink.close()
        finally:
            volume.close()

    @contextlib.contextmanager
    def _elsewhere(self, volume: Volume) -> Iterator[Elsewhere | None]:
        """Yield the cluster that carries the slabs, or None."""
        if self.client is None:
            yield None
            return
        from mdio.flow.carrying import OnCluster, Way
        from mdio.flow.cluster import client_of

        plain = replace(
            self,
            client=None,
            source=absolute(self.source),
            target=absolute(self.target),
            source_options=_absolute_files(self.source_options),
        )
        local = next((redact(url) for url in (self.source, self.target) if "memory:" in url), "")
        way = Way(plain.open_source, plain._begun, plain._target_store, local)
        with client_of(self.client) as client:
            yield OnCluster(client, way, volume, self.workers)

    def _target_stores(self) -> Mapping[str, Any]:
        return self.storage_options if self.target_storage_options is None else self.target_storage_options

    def _target_store(self) -> Store:
        return Stores(self._target_stores()).open(self.target)

    def _begun(self, volume: Volume, creation: Creation) -> Sink:
        """Begin the target as ``creation`` says."""
        return create(
            self.target,
            volume,
            format=self.target_format,
            options=self.target_options,
            storage_options=self._target_stores(),
            creation=creation,
        )

    def _sink(self, volume: Volume, target: str) -> Sink:
        creation = Creation(
            overwrite=self.overwrite,
            resume=self.resume,
            fingerprint={
                "source": dict(volume.schema.metadata.identity),
                "shape": list(volume.schema.shape),
                "source_options": _plain(self.source_options),
                "target_options": _plain(self.target_options),
            },
            created=time_stamp(),
        )
        return replace(self, target=target)._begun(volume, creation)


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    observers: Sequence[Observer] = (),
    cancel: CancelToken | None = None,
    **settings: Any,
) -> Report:
    """Convert any readable dataset to any writable format.

    Parameters
    ----------
    source, target
        Paths or URLs.
    observers
        Called with every event of the run.
    cancel
        Token that stops the run between slabs.
    **settings
        Fields of :class:`Conversion`.

    Returns
    -------
    Report
        What was done.
    """
    conversion = Conversion(source=os.fspath(source), target=os.fspath(target), **settings)
    return conversion.run(observers=observers, cancel=cancel)


@contextlib.contextmanager
def _scratch_target(conversion: Conversion, volume: Volume) -> Any:
    """Yield a sink of the wanted kind in a temporary folder, for what only the sink knows: its chunks."""
    import tempfile

    writer = (
        registry().writer(conversion.target_format)
        if conversion.target_format
        else registry().writer_for(conversion.target)
    )
    with tempfile.TemporaryDirectory(prefix="mdio-plan-") as folder:
        probe = replace(conversion, target_format=writer.name, overwrite=False, resume=False)
        sink = probe._sink(volume, f"{folder}/plan{(writer.suffixes or ('',))[0]}")
        try:
            yield sink
        finally:
            sink.abort()
            sink.close()


def absolute(url: str) -> str:
    """Return a URL as any process of this machine understands it."""
    path = local_path(url)
    return url if path is None else str(path.absolute())


def _absolute_files(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of a reader in which further sources are named as any process understands them."""
    further = options.get("files")
    return {**options, "files": [absolute(str(url)) for url in further]} if further else dict(options)


def _plugin_observers() -> list[Observer]:
    return [observer.load() for observer in registry().observers()]


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as JSON gives them back, so that a resume compares like with like."""
    import json

    plain: dict[str, Any] = json.loads(json.dumps(dict(options), default=str))
    return plain


def time_stamp() -> str:
    """Return the time stamp of this run, ISO 8601 UTC; ``SOURCE_DATE_EPOCH`` fixes it."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    if fixed is not None:
        try:
            moment = datetime.datetime.fromtimestamp(int(fixed), datetime.UTC)
        except (ValueError, OverflowError, OSError):
            raise RunError(f"SOURCE_DATE_EPOCH={fixed!r} is not a number of seconds") from None
    else:
        moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="microseconds")
