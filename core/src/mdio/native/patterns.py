"""Adds access patterns to a dataset: the same samples once more in other chunks.

A pattern becomes part of the dataset when all its objects are stored, and not before. Until then they lie where no
reader looks: beside the array's folder where there are folders, and below a key that no metadata name elsewhere. The
journal ``.mdio-adding`` keeps a second writer away and tells the next one what a run that was killed left behind.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import ConfigError, InvalidMDIOError, MDIOAlreadyExistsError, MDIOError, ShapeError, StorageError
from mdio.flow.engine import available_cores
from mdio.flow.events import Observer, Report, RunFinished, RunStarted, RunStopped, Warned
from mdio.flow.journal import Journal
from mdio.flow.lines import FileLines
from mdio.flow.rechunking import RechunkPlan, Target, plan_rechunking
from mdio.flow.telling import Telling
from mdio.native.chunk_writer import ChunkWriter
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.codecs import default_codec, resolve_codec
from mdio.native.dataset import Revision
from mdio.native.opening import open_dataset
from mdio.native.rechunking import Rechunking
from mdio.storage.claiming import is_unfinished, journal_path
from mdio.storage.staging import StagedTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.native.dataset import Dataset
    from mdio.storage.store import Store

__all__ = ["ADDING", "AddPatterns", "NewPattern", "SamePatternError", "checked_codec"]

ADDING = ".mdio-adding"
"""Object (or prefix, on object stores) in a dataset that exists while patterns are being added."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class SamePatternError(ConfigError, NameError):
    """An access pattern was to be made from itself (a ``NameError``, as in MDIO v0)."""


@dataclass(frozen=True, slots=True)
class NewPattern:
    """An access pattern to be added.

    Parameters
    ----------
    name
        Its name: letters, digits and ``_.-``.
    chunks
        One length a dimension, clipped to the shape.
    codec
        numcodecs-like codec of the samples; None stores them as they are.
    """

    name: str
    chunks: tuple[int, ...]
    codec: Any


def checked_codec(codec: Any, dtype: np.dtype[Any]) -> Any:
    """Return the codec to use for one that a user made with numcodecs; the lossless default for None.

    ZFP of a fixed accuracy is swapped for the one that keeps its promise, where that plugin is installed.

    Raises
    ------
    ConfigError
        It is no codec, or does not take samples of this type.
    """
    if codec is None:
        return default_codec(dtype.itemsize)
    if not all(hasattr(codec, name) for name in ("encode", "decode", "get_config")):
        raise ConfigError(
            f"{type(codec).__name__} is no codec of numcodecs", path="compressor", hint="e.g. numcodecs.Blosc('zstd')"
        )
    config = codec.get_config()
    if config.get("id") == "zfpy":
        if dtype.kind != "f" or dtype.itemsize not in (4, 8):
            raise ConfigError(
                f"ZFP takes float32 and float64, the samples are {dtype.name}",
                path="compressor",
                hint="use a lossless codec",
            )
        if type(codec).__module__.startswith("numcodecs"):
            return resolve_codec(config, dtype.itemsize)
    return codec


class AddPatterns:
    """Access patterns that are to be added to a dataset, checked and planned.

    Parameters
    ----------
    dataset
        Gets the patterns.
    source
        Access pattern that is read.
    wanted
        What is to be added.
    overwrite
        Replace patterns that are there. On a local disk the old one stays until the new one is whole.
    memory
        Budget in bytes; 512 MiB by default.
    workers
        Threads; all cores by default.

    Raises
    ------
    SamePatternError
        A name is that of ``source``.
    MDIOAlreadyExistsError
        A pattern is there and ``overwrite`` was not asked for.
    ConfigError, ShapeError
        A name that is none, or is given twice; chunks of another number of dimensions.
    """

    def __init__(
        self,
        dataset: Dataset,
        source: str,
        wanted: Sequence[NewPattern],
        *,
        overwrite: bool = False,
        memory: int | None = None,
        workers: int | None = None,
    ) -> None:
        self.dataset = dataset
        self._url = dataset.store.url
        samples = dataset.array(dataset.samples(source))
        if samples is None:
            raise InvalidMDIOError(f"access pattern {source!r} has no samples", url=self._url)
        self._samples = samples
        self._records = dataset.array(dataset.headers(source))
        self.wanted = tuple(replace(new, chunks=self._clipped(new.chunks)) for new in wanted)
        self._source, self._overwrite = source, overwrite
        self._check_names()
        self._new = [
            dataset.pattern_specs(new.name, new.chunks, samples.dtype.newbyteorder("<"), new.codec)
            for new in self.wanted
        ]
        threads = available_cores() if workers is None else workers
        names = [new.name for new in self.wanted]
        self.plan = _plan(samples, names, [spec for spec, _ in self._new], memory, threads)
        records = [(name, spec) for name, (_, spec) in zip(names, self._new, strict=True) if spec is not None]
        self.header_plan: RechunkPlan | None = None
        if self._records is not None and records:
            names, specs = [name for name, _ in records], [spec for _, spec in records]
            self.header_plan = _plan(self._records, names, specs, memory, threads)
        self._bytes = sum(len(plan.targets) * _size(plan) for plan in self._plans)
        self._slabs = sum(plan.slabs for plan in self._plans)

    def _clipped(self, chunks: Sequence[int]) -> tuple[int, ...]:
        shape = self._samples.shape
        try:
            lengths = tuple(int(length) for length in chunks)
        except (TypeError, ValueError):
            lengths = ()
        if len(lengths) != len(shape) or min(lengths) < 1:
            raise ShapeError(
                f"chunks {tuple(chunks) if isinstance(chunks, Sequence) else chunks} for an array of shape {shape}",
                hint=f"give {len(shape)} positive lengths",
            )
        return tuple(max(1, min(length, full)) for length, full in zip(lengths, shape, strict=True))

    def _check_names(self) -> None:
        if not self.wanted:
            raise ConfigError("no access pattern to add", path="suffix")
        seen: set[str] = set()
        for new in self.wanted:
            if not _NAME.fullmatch(new.name):
                raise ConfigError(f"{new.name!r} is no name of an access pattern", path="suffix", hint="e.g. fast_il")
            if new.name == self._source:
                raise SamePatternError(
                    f"{new.name!r} is the access pattern that is read", path="suffix", hint="give another name"
                )
            if new.name in seen:
                raise ConfigError(f"{new.name!r} is given twice", path="suffix")
            seen.add(new.name)
            if new.name in self.dataset.patterns() and not self._overwrite:
                raise MDIOAlreadyExistsError(
                    f"{self._url}: access pattern {new.name!r} already exists", hint="use --overwrite to replace it"
                )

    @property
    def _plans(self) -> list[RechunkPlan]:
        return [self.plan] if self.header_plan is None else [self.plan, self.header_plan]

    def describe(self) -> Mapping[str, Any]:
        """Return the plans as a JSON-able mapping: that of the samples, and ``headers``."""
        headers = {} if self.header_plan is None else {"headers": self.header_plan.describe()}
        return {**self.plan.describe(), **headers}

    # -- carrying it out -----------------------------------------------------------------------------------------

    def run(self, observers: Iterable[Observer] = ()) -> Report:
        """Write the patterns and make them part of the dataset.

        Raises
        ------
        WriterLockedError
            Another run is adding patterns to this dataset (told on local disks only).
        MDIOError
            What went wrong; nothing half-made is left.
        """
        begun = time.monotonic()
        progress = Telling(observers, self._slabs, self._bytes)
        progress.tell(RunStarted(self.describe(), self._slabs, self._bytes))
        for plan in self._plans:
            if not plan.fits:
                progress.tell(Warned(str(plan.describe()["notes"][0])))
        try:
            self._run(progress)
        except BaseException as error:
            progress.tell(RunStopped(str(error) or type(error).__name__))
            raise
        report = Report(self.describe(), {}, self._slabs, 0, (), self._bytes, time.monotonic() - begun)
        progress.tell(RunFinished(report))
        return report

    def _run(self, progress: Telling) -> None:
        store = self.dataset.store
        with _locked(store):
            self._open_again()
            specs = [spec for pair in self._new for spec in pair if spec is not None]
            journal = Journal.of(store, ADDING)
            try:
                self._clean(journal.header)
                journal.restart()
                journal.begin({"paths": [spec.path for spec in specs]})
                self._add(specs, progress)
                self._freshen()
            finally:
                journal.remove()

    def _open_again(self) -> None:
        """Take the dataset as it is now that nobody else can change it; metadata are written back whole."""
        self.dataset = open_dataset(self.dataset.store)
        now = self.dataset.array(self.dataset.samples(self._source))
        if now is None or any(
            getattr(now, name) != getattr(self._samples, name) for name in ("shape", "chunks", "dtype", "compressor")
        ):
            raise StorageError(f"{self._url}: was replaced since it was opened", hint="open it again")
        self._check_names()

    def _add(self, specs: Sequence[ArraySpec], progress: Telling) -> None:
        store, dataset = self.dataset.store, self.dataset
        replaced = [spec.path for spec in specs if dataset.array(spec.path) is not None]
        if store.path is None:
            dataset.remove_arrays(replaced)  # nothing can be renamed there: objects go where they belong at once
            replaced = []
        trees = {spec.path: StagedTree(store.join(spec.path)) for spec in specs}
        try:
            for tree in trees.values():
                tree.abort()
                tree.begin(fresh=False)
            self._carry(trees, progress)
            dataset.remove_arrays(replaced)
            for tree in trees.values():
                tree.commit(())
            dataset.add_arrays(specs)
        except BaseException:
            for path, tree in trees.items():
                tree.abort()
                self._delete_orphan(path)
            raise

    def _carry(self, trees: Mapping[str, StagedTree], progress: Telling) -> None:
        """Write all objects, samples first: what a codec refuses shows early."""
        for at, plan in enumerate(self._plans):
            with ThreadPoolExecutor(plan.workers, "mdio-rechunk") as pool:
                self._rechunking(plan, at, trees).run(pool, progress.done)

    def _rechunking(self, plan: RechunkPlan, at: int, trees: Mapping[str, StagedTree]) -> Rechunking:
        """Return what carries out a plan, that of the samples (0) or that of the headers."""
        source = self._records if at else self._samples
        specs = [pair[at] for pair in self._new]
        assert source is not None  # else there is no plan
        writers = {
            new.name: _writer(trees[spec.path], spec)
            for new, spec in zip(self.wanted, specs, strict=True)
            if spec is not None
        }
        dead = self._dead if not at and self._fills_dead(specs) else None
        reader = ChunkReader(self.dataset.store, source, ChunkCache())
        return Rechunking(plan, reader, writers, dead=dead, failed=self._failed)

    def _fills_dead(self, specs: Sequence[ArraySpec | None]) -> bool:
        """Whether dead traces hold something that a lossy codec refuses: NaN, in layouts that fill with it."""
        lossy = any(getattr(spec.codec, "codec_id", "") == "zfpy" for spec in specs if spec is not None)
        return lossy and (self._samples.masked or self._samples.fill_cell is not None)

    def _dead(self, region: Region) -> NDArray[np.bool_]:
        spec = self.dataset.array(self.dataset.mask)
        if spec is None:
            raise InvalidMDIOError(f"array {self.dataset.mask} is missing", url=self._url)
        live = ChunkReader(self.dataset.store, spec, ChunkCache()).read(region.spatial)
        return ~live.astype(bool)

    def _failed(self, name: str, error: MDIOError) -> MDIOError:
        """Name the place in the words of the grid, where the sample is known."""
        cell = getattr(error, "cell", ())
        at = "".join(
            f", {dim.name} {dim.between(i, i + 1)[0]:.12g}"
            for dim, i in zip(self.dataset.describe().dims, cell, strict=False)
        )
        return _renamed(error, f"{self._url}: access pattern {name!r}{at}: {error.message}")

    def _clean(self, header: Mapping[str, Any] | None) -> None:
        """Delete what a run that was killed had stored."""
        for path in (header or {}).get("paths", ()):
            if self.dataset.store.path is not None:
                StagedTree(self.dataset.store.join(path)).abort()
            self._delete_orphan(path)

    def _delete_orphan(self, path: str) -> None:
        if self.dataset.array(path) is None:
            self.dataset.store.delete(path)

    def _freshen(self) -> None:
        """Take the new patterns off the list of those that an edit left behind."""
        stale = self.dataset.describe().stale
        new = {pattern.name for pattern in self.wanted}
        if new & set(stale):
            self.dataset.revise(Revision(stale=[name for name in stale if name not in new]))


@contextlib.contextmanager
def _locked(store: Store) -> Iterator[None]:
    """Hold the lock that imports and edits of a local dataset take; object stores offer none."""
    if store.path is None:
        yield
        return
    lines = FileLines(journal_path(store.path.absolute()), store.url)
    try:
        yield
    finally:
        # The journal of a run that was to replace the dataset is not ours to delete.
        lines.close() if is_unfinished(store) else lines.remove()


def _size(plan: RechunkPlan) -> int:
    return int(np.prod(plan.shape, dtype=np.int64)) * plan.itemsize


def _plan(
    source: ArraySpec, names: Sequence[str], specs: Sequence[ArraySpec], memory: int | None, workers: int
) -> RechunkPlan:
    targets = [Target(name, spec.objects, _copies(spec.codec)) for name, spec in zip(names, specs, strict=True)]
    return plan_rechunking(source.shape, source.dtype.itemsize, source.chunks, targets, memory, workers)


def _copies(codec: Any) -> int:
    """Return how many copies of a chunk there are at most while it is encoded."""
    if codec is None or hasattr(codec, "encode_pieces"):
        return 2
    return 6 if getattr(codec, "codec_id", "") == "zfpy" else 3  # ZFP's is decoded again and compared


def _writer(tree: StagedTree, spec: ArraySpec) -> ChunkWriter:
    """Return a writer into a tree whose root is the array itself."""
    inside = len(spec.path) + 1
    return ChunkWriter(
        lambda key, *pieces: tree.put(key[inside:], *pieces), lambda key: tree.discard(key[inside:]), spec
    )


def _renamed(error: MDIOError, message: str) -> MDIOError:
    """Return an error of the same class, with what it carries, and another message."""
    import copy

    other = copy.copy(error)
    other.message = message
    other.args = (message,)
    return other
