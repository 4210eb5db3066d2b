"""What people do with whole datasets, under the names of MDIO v0: copy them, and add copies in other chunks."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, overload

from mdio.api.accessor import MDIOAccessor, MDIOReader
from mdio.convert import Stores
from mdio.exceptions import ConfigError, ShapeError, WrongTypeError
from mdio.native import source as original
from mdio.native.copying import copy_dataset
from mdio.native.dataset import Revision
from mdio.native.opening import open_dataset
from mdio.native.patterns import AddPatterns, NewPattern, checked_codec
from mdio.plugins.registry import registry

if TYPE_CHECKING:
    from mdio.flow.events import Observer, Report
    from mdio.native.dataset import Dataset

__all__ = ["add_patterns", "connected", "copy_mdio", "rechunk", "rechunk_batch"]

# -- further access patterns -------------------------------------------------------------------------------------


def rechunk(
    source: MDIOAccessor,
    chunks: Sequence[int],
    suffix: str,
    compressor: Any = None,
    overwrite: bool = False,
    *,
    memory: int | None = None,
    workers: int | None = None,
    observers: Sequence[Observer] = (),
    client: Any = None,
) -> None:
    """Add an access pattern to a dataset: the same samples and headers in other chunks.

    See :func:`rechunk_batch`, which adds several from one reading.

    Parameters
    ----------
    source
        Accessor of mode ``"w"``; its access pattern is read.
    chunks
        Chunk shape, clipped to the shape of the dataset.
    suffix
        Name of the new access pattern.
    compressor, overwrite, memory, workers, observers, client
        See :func:`rechunk_batch`.

    Examples
    --------
    >>> accessor = MDIOAccessor("stack.mdio", mode="w")  # doctest: +SKIP
    >>> rechunk(accessor, (1, 1024, 1024), suffix="fast_il")  # doctest: +SKIP
    """
    rechunk_batch(
        source,
        [chunks],
        [suffix],
        compressor,
        overwrite,
        memory=memory,
        workers=workers,
        observers=observers,
        client=client,
    )


def rechunk_batch(
    source: MDIOAccessor,
    chunks_list: Sequence[Sequence[int]],
    suffix_list: Sequence[str],
    compressor: Any = None,
    overwrite: bool = False,
    *,
    memory: int | None = None,
    workers: int | None = None,
    observers: Sequence[Observer] = (),
    client: Any = None,
) -> None:
    """Add several access patterns to a dataset.

    The source is read once where the budget of memory, or a temporary file (``TMPDIR``), allows it, and never more
    than twice; :func:`add_patterns` shows which. The patterns become part of the dataset when all of them are
    complete: a run that fails or is killed leaves the dataset as it was.

    Parameters
    ----------
    source
        Accessor of mode ``"w"``; its access pattern is read.
    chunks_list
        Chunk shapes, clipped to the shape of the dataset.
    suffix_list
        Names of the new access patterns, one for each chunk shape.
    compressor
        Codec of numcodecs for the samples; lossless Blosc with zstd by default. ``ZFPY`` of a fixed accuracy is
        replaced by the one of mdio-compression where that is installed: the same format, and checked.
    overwrite
        Replace access patterns that are there.
    memory
        Budget in bytes; 512 MiB by default.
    workers
        Threads; all cores by default.
    observers
        Called with the events of the run. Without any there is a progress bar on a terminal, and nothing elsewhere.
    client
        A ``dask.distributed.Client``, or the address of a scheduler, whose workers write the patterns; ``memory`` is
        then that of each worker process, and ``workers`` slabs at once. They must reach the dataset under the same
        name.

    Raises
    ------
    ConfigError
        The accessor is not of mode ``"w"``; an impossible name or compressor.
    NameError
        A name is that of the access pattern that is read.
    MDIOAlreadyExistsError
        There is an access pattern of this name, and ``overwrite`` was not asked for.
    ShapeError
        Chunks of another number of dimensions, or lists of different lengths.
    CodecError
        A sample that a lossy codec cannot hold; the message names its coordinates.

    Examples
    --------
    >>> rechunk_batch(  # doctest: +SKIP
    ...     accessor,
    ...     chunks_list=[(1, 1024, 1024), (1024, 1, 1024), (1024, 1024, 1)],
    ...     suffix_list=["fast_il", "fast_xl", "fast_z"],
    ... )
    """
    with connected(client) as joined:
        job = add_patterns(
            source,
            chunks_list,
            suffix_list,
            compressor,
            overwrite=overwrite,
            memory=memory,
            workers=workers,
            client=joined,
        )
        source.close()  # lets go of the lock that edits of this accessor took; it stays usable
        job.run([*(observers or _terminal()), *_of_plugins()])


def connected(client: Any) -> AbstractContextManager[Any]:
    """Return what opens the client of a cluster, None where there is none."""
    if client is None:
        return nullcontext()
    from mdio.flow.cluster import client_of

    return client_of(client)


def add_patterns(
    source: MDIOAccessor,
    chunks_list: Sequence[Sequence[int]],
    suffix_list: Sequence[str],
    compressor: Any = None,
    *,
    overwrite: bool = False,
    memory: int | None = None,
    workers: int | None = None,
    client: Any = None,
) -> AddPatterns:
    """Return what :func:`rechunk_batch` would do, checked and planned: ``describe()`` tells, ``run()`` does it.

    A ``client`` stays open until then. Where its workers cannot reach the dataset there is a warning, and threads of
    this process do the work.
    """
    if not isinstance(source, MDIOAccessor):
        raise WrongTypeError(
            f"the source is a {type(source).__name__}, not an accessor", hint='open it: MDIOAccessor(path, mode="w")'
        )
    if source.mode != "w":
        raise ConfigError(
            f"{source.url}: opened with mode {source.mode!r}",
            path="mode",
            hint='open it with MDIOAccessor(…, mode="w")',
        )
    if isinstance(suffix_list, str) or len(chunks_list) != len(suffix_list):
        raise ShapeError(f"{len(chunks_list)} chunk shapes for {len(suffix_list)} names", hint="give one for each")
    codec = checked_codec(compressor, source.volume.sample_array.dtype)
    wanted = [
        NewPattern(str(suffix), tuple(chunks), codec) for chunks, suffix in zip(chunks_list, suffix_list, strict=True)
    ]
    # As it is now: an accessor knows the dataset as it was opened, or as its own edits left it.
    dataset = open_dataset(source.volume.dataset.store)
    budget: dict[str, Any] = {"overwrite": overwrite, "memory": memory, "workers": workers}
    if client is None:
        return AddPatterns(dataset, source.access_pattern, wanted, **budget)
    from mdio.flow.pools import NotSharedError
    from mdio.native.patterns_apart import AddPatternsApart

    try:
        return AddPatternsApart(dataset, source.access_pattern, wanted, client=client, **budget)
    except NotSharedError as reason:
        text = f"the threads of this process do the work, not the cluster: {reason.message}"
        warnings.warn(text, stacklevel=2)
        return AddPatterns(dataset, source.access_pattern, wanted, **budget)


# -- copies ------------------------------------------------------------------------------------------------------


@overload
def copy_mdio(
    source: MDIOAccessor,
    dest_path_or_buffer: str | os.PathLike[str],
    excludes: str = "",
    includes: str = "",
    storage_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None: ...
@overload
def copy_mdio(
    source_path: str | os.PathLike[str],
    target_path: str | os.PathLike[str],
    overwrite: bool = False,
    copy_traces: bool = False,
    copy_headers: bool = False,
    storage_options_input: Mapping[str, Any] | None = None,
    storage_options_output: Mapping[str, Any] | None = None,
) -> None: ...
def copy_mdio(*args: Any, **kwargs: Any) -> None:
    """Copy a dataset; objects are copied as bytes. The copy is complete, or it is not there.

    Two forms, told apart by the first argument. With an accessor, as documented for MDIO 0.7 and before,
    ``copy_mdio(source, dest_path_or_buffer, excludes="", includes="", storage_options=None, overwrite=False)``
    copies everything but what is excluded; with a path, as in MDIO 0.9, ``copy_mdio(source_path, target_path,
    overwrite=False, copy_traces=False, copy_headers=False, storage_options_input=None, storage_options_output=None)``
    makes an empty dataset of the same structure unless told otherwise.

    Arrays that are left out are there, and empty. A copy without the samples of the default access pattern has
    statistics of zeros.

    Parameters
    ----------
    source
        Accessor of the dataset.
    dest_path_or_buffer, target_path
        Path or URL of the copy.
    excludes
        What to leave out: a regular expression that is looked for in the keys of objects, e.g. ``"chunked_012"``,
        which is in those of samples and of headers.
    includes
        What to copy nevertheless, e.g. ``"trace_headers"``.
    storage_options, storage_options_output
        Options of the store of the copy.
    source_path, storage_options_input
        Path or URL of the dataset, and options of its store.
    overwrite
        Replace what is there.
    copy_traces
        Whether the samples of all access patterns, and the live mask, are copied.
    copy_headers
        Whether the headers of all access patterns, and the live mask, are copied.

    Raises
    ------
    MDIOAlreadyExistsError
        The target is there, and ``overwrite`` was not asked for.
    WrongTypeError
        Arguments of one form with the first one of the other.
    """
    first = args[0] if args else kwargs.get("source", kwargs.get("source_path"))
    if isinstance(first, MDIOAccessor):
        _copy_accessor(*args, **kwargs)
    elif isinstance(first, str | os.PathLike):
        _copy_path(*args, **kwargs)
    else:
        raise WrongTypeError(f"the source is a {type(first).__name__}", hint="give an MDIOReader, or a path or URL")


def _copy_accessor(
    source: MDIOAccessor,
    dest_path_or_buffer: str | os.PathLike[str],
    excludes: str = "",
    includes: str = "",
    storage_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    copy_accessor(
        source,
        dest_path_or_buffer,
        excludes,
        includes,
        storage_options,
        overwrite,
        observers=[*_terminal(), *_of_plugins()],
    )


def copy_accessor(
    source: MDIOAccessor,
    dest_path_or_buffer: str | os.PathLike[str],
    excludes: str = "",
    includes: str = "",
    storage_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    *,
    observers: Sequence[Observer] = (),
) -> Report:
    """Carry out the first form of :func:`copy_mdio` and return how it went."""
    _require_flag(overwrite)
    out, kept = _expression("excludes", excludes), _expression("includes", includes)
    dataset = source.volume.dataset

    def chosen(key: str) -> bool:
        return out is None or not out.search(key) or (kept is not None and kept.search(key) is not None)

    patterns = dataset.patterns()
    samples = chosen(f"{dataset.samples(patterns[0])}/") if patterns else True
    headers = chosen(f"{dataset.headers(patterns[0])}/") if patterns else True
    return copy_dataset(
        dataset,
        Stores(storage_options or {}).open(os.fspath(dest_path_or_buffer)),
        lambda key: chosen(key) and _belongs(key, samples=samples, headers=headers),
        overwrite=overwrite,
        revision=None if samples else Revision(statistics=_NO_STATISTICS),
        observers=observers,
    )


def _copy_path(
    source_path: str | os.PathLike[str],
    target_path: str | os.PathLike[str],
    overwrite: bool = False,
    copy_traces: bool = False,
    copy_headers: bool = False,
    storage_options_input: Mapping[str, Any] | None = None,
    storage_options_output: Mapping[str, Any] | None = None,
) -> None:
    for flag in (overwrite, copy_traces, copy_headers):
        _require_flag(flag)
    with MDIOReader(source_path, storage_options=storage_options_input) as reader:
        dataset = reader.volume.dataset
        mask = copy_traces or copy_headers
        copy_dataset(
            dataset,
            Stores(storage_options_output or {}).open(os.fspath(target_path)),
            _by_kind(dataset, samples=copy_traces, headers=copy_headers, mask=mask),
            overwrite=overwrite,
            revision=None if copy_traces else Revision(statistics=_NO_STATISTICS, trace_count=None if mask else 0),
            observers=[*_terminal(), *_of_plugins()],
        )


def _by_kind(dataset: Dataset, *, samples: bool, headers: bool, mask: bool) -> Callable[[str], bool]:
    """Return whether an object is wanted by the array that it belongs to."""
    wanted = {f"{dataset.mask}/": mask}
    for pattern in dataset.patterns():
        wanted[f"{dataset.samples(pattern)}/"] = samples
        wanted[f"{dataset.headers(pattern)}/"] = headers

    def chosen(key: str) -> bool:
        named = next((kept for path, kept in wanted.items() if key.startswith(path)), True)
        return named and _belongs(key, samples=samples, headers=headers, mask=mask)

    return chosen


def _belongs(key: str, *, samples: bool, headers: bool, mask: bool = True) -> bool:
    """Whether an object beside the arrays of the patterns is of use without what was left out."""
    if key.startswith(f"{original.PATCHES}/"):
        return samples
    if key.startswith(f"{original.HEADER_REST}/"):
        return headers
    return mask or not key.startswith((f"{original.ORDER}/", f"{original.LENGTHS}/"))


_NO_STATISTICS: Mapping[str, Any] = dict.fromkeys(("mean", "std", "rms", "min", "max"), 0.0) | {"honest": {}}


def _require_flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise WrongTypeError(
            f"{value!r} is neither True nor False",
            hint="excludes and includes go with an MDIOReader as the source, copy_traces and copy_headers with a path",
        )


def _expression(name: str, text: str) -> re.Pattern[str] | None:
    if not isinstance(text, str):
        raise WrongTypeError(f"{name} is a {type(text).__name__}, not a text")
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise ConfigError(f"{text!r} is no regular expression: {error}", path=name) from None


def _terminal() -> list[Observer]:
    from mdio.flow.progress import progress_observer

    return [progress_observer()] if sys.stderr.isatty() else []


def _of_plugins() -> list[Observer]:
    return [observer.load() for observer in registry().observers()]
