"""MDIO datasets as the arrays of MDIO v0: index them as numpy arrays, assign to them, ask for grid and headers."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.api.coordinates import coord_to_index
from mdio.api.current import Current
from mdio.api.file_headers import checked_binary, checked_text
from mdio.api.header_array import HeaderArray
from mdio.api.header_records import HeaderTable, records_dtype
from mdio.api.indexing import parse_key
from mdio.api.lazy import lazy_array, take
from mdio.convert import open as open_volume
from mdio.core.grid import Grid
from mdio.exceptions import StorageError
from mdio.native.dataset import Revision
from mdio.native.edit_session import STATISTICS
from mdio.native.editing import Editor
from mdio.native.options import ReadOptions
from mdio.native.picking import Item, Selection
from mdio.storage.urls import scheme

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from mdio.native.volume import MdioVolume

__all__ = ["MDIOAccessor", "MDIOReader", "MDIOWriter", "StaleDataWarning"]

_MODES = ("r", "r+", "w")
_BACKENDS = ("zarr", "dask")


class StaleDataWarning(UserWarning):
    """What is read is older than the last edit of the samples."""


class MDIOAccessor:
    """An MDIO dataset that is read by indexing and, where it is opened so, written by assigning to an index.

    ``mdio[15]`` is an inline, ``mdio[:, 15]`` a crossline, ``mdio[..., 250]`` a time slice of a 3-D stack. Lists of
    positions act on their own axis each: ``mdio[ils, xls]`` is the intersection of lines. Only the chunks that an
    index touches are read.

    ``mdio[15] = values`` stores samples by the same keys; values broadcast as in numpy, and only the stored objects
    that the key touches are read, changed and replaced. A dead trace that is written to becomes live: its samples are
    0 where nothing was written, and its header record is 0 but for the words that say its place in the grid – those
    the dataset was imported by, or those that are named as a dimension is (inline 189, crossline 193, …) –, so that it
    is found again in an exported SEG-Y. ``mdio.live_mask[key] = …`` makes traces live or dead; one that dies loses its
    samples and its header record. ``mdio.headers[key] = records`` changes header words of live traces, under either
    name, and ``mdio.headers["cdp_x"][key] = values`` one of them. ``mdio.text_header`` and ``mdio.binary_header`` are
    set whole.

    Everything that is stored twice follows: other access patterns, the number of traces, and statistics, which are
    out of date from the first edit until :meth:`update_statistics`. What holds when a process dies in mid-edit is said
    at :class:`mdio.native.editing.Editor`. From the first edit until :meth:`close`, nobody else may edit the dataset;
    reading is always possible. Edits may come from several threads (``dask.array.store(array, mdio)``).

    Parameters
    ----------
    mdio_path_or_buffer
        Path or URL.
    mode
        ``"r"``: read only. ``"r+"``: what is there can be changed. ``"w"``: access patterns can be added as well
        (:func:`mdio.api.convenience.rechunk`).
    access_pattern
        Which of several chunkings to read, e.g. ``"012"``. By default the one that bears the numbers of all axes
        (``"012"`` in 3-D), or the first one there is.
    storage_options
        Options of the storage backend, e.g. credentials; flat or keyed by protocol.
    return_metadata
        Whether an index returns ``(live mask, headers, samples)`` instead of the samples.
    new_chunks
        Chunks of the arrays of the dask backend, one length a dimension; those of the store by default.
    backend
        ``"zarr"``: arrays in memory. ``"dask"``: lazy dask arrays. These cannot be written, ``live_mask`` and
        ``headers`` included; the accessor itself can.
    memory_cache_size
        Bytes of decoded chunks to keep.
    disk_cache
        Whether chunks of a remote store are kept in a local temporary folder (``simplecache`` of fsspec). Not where
        it may be written.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    InvalidMDIOError
        It is no MDIO dataset, or has no such access pattern.
    ValueError
        No such mode or backend.
    """

    def __init__(
        self,
        mdio_path_or_buffer: str | os.PathLike[str],
        mode: str = "r",
        access_pattern: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        return_metadata: bool = False,
        new_chunks: Sequence[int] | None = None,
        backend: str = "zarr",
        memory_cache_size: int = 0,
        disk_cache: bool = False,
    ) -> None:
        _require("mode", mode, _MODES)
        _require("backend", backend, _BACKENDS)
        wanted = disk_cache and mode == "r"
        url, options = _cached_on_disk(str(mdio_path_or_buffer), storage_options or {}, wanted)
        self.url = str(mdio_path_or_buffer)
        self.mode = mode
        self.backend = backend
        self.return_metadata = return_metadata
        volume: MdioVolume = open_volume(  # type: ignore[assignment]  # the native reader was asked for
            url,
            format="mdio",
            options={"access_pattern": access_pattern, "cache": memory_cache_size},
            storage_options=options,
        )
        self.access_pattern = volume.pattern
        self._current = Current(
            volume, ReadOptions(access_pattern=volume.pattern, cache=memory_cache_size, allow_incomplete=False)
        )
        self._editor = None if mode == "r" else Editor(volume.dataset, volume.pattern, self._current.renew)
        if self.access_pattern in volume.description.stale:
            self._warn(f"an edit did not reach access pattern {self.access_pattern!r}; another one is up to date")
        samples, mask, headers = self._arrays()
        if backend == "dask":
            chunks = tuple(new_chunks) if new_chunks is not None else self.chunks
            samples, mask, headers = (
                lazy_array(array, chunks[: array.ndim], self.url) for array in (samples, mask, headers)
            )
        self._traces = samples
        self._live_mask = mask
        self._headers = headers

    @property
    def volume(self) -> MdioVolume:
        """The dataset as a volume; a snapshot, another one after an edit."""
        return self._current.volume

    def _arrays(self) -> tuple[Any, Any, Any]:
        volume, current, editor = self.volume, self._current, self._editor
        shape, dtype, stored = volume.schema.shape, volume.schema.dtype, volume.sample_array
        chunks, traces = stored.chunks, shape[:-1]
        # Functions of the editor, not of the accessor: a circle of references would keep its lock until a collection.
        stores: list[Any] = [partial(_refuse, self.url)] * 3
        if editor is not None:
            whole, part = partial(_store, shape), partial(_store, traces)
            stores = [
                partial(whole, editor.write_samples),
                partial(part, editor.write_live),
                partial(part, editor.write_headers),
            ]
        if self.backend == "dask":
            stores = [None] * 3  # tasks may be sent elsewhere
        samples = RegionArray(current.samples, shape, dtype, chunks, stored.compressor, store=stores[0])
        mask = RegionArray(current.live, traces, np.dtype(bool), chunks[:-1], store=stores[1])
        headers = HeaderTable(
            current.headers, traces, records_dtype(volume), chunks[:-1], kind=HeaderArray, store=stores[2]
        )
        return samples, mask, headers

    def _edited(self) -> Editor:
        if self._editor is None:
            _refuse(self.url)
        assert self._editor is not None
        return self._editor

    def _warn(self, what: str) -> None:
        warnings.warn(f"{self.url}: {what}", StaleDataWarning, stacklevel=3)

    def __getitem__(self, key: Any) -> Any:
        """Read a selection.

        Parameters
        ----------
        key
            Integers, slices of any step, ``...``, 1-D lists of integers or truth values.

        Returns
        -------
        ndarray, or tuple of ndarray
            Samples; with ``return_metadata`` live mask, headers (:class:`HeaderArray`) and samples, the first two
            under the key without the sample axis. dask arrays with the dask backend.

        Raises
        ------
        IndexError
            A key of another form, or a position outside the grid.
        """
        items = parse_key(key, self.shape)
        samples = take(self._traces, items)
        if not self.return_metadata:
            return samples
        return take(self._live_mask, items[:-1]), take(self._headers, items[:-1]), samples

    def __setitem__(self, key: Any, values: Any) -> None:
        """Store samples; the traces that they belong to become live.

        Parameters
        ----------
        key
            As for reading.
        values
            Real numbers that broadcast to what reading the key returns. Floats are rounded to the stored type.

        Raises
        ------
        IndexError
            A key of another form, or a position outside the grid.
        ShapeError
            The values do not broadcast.
        ValueError
            A value has no place in the stored type: an integer out of range, NaN among integers, a float so large
            that it would become infinite. The message names the first one; nothing is written.
        StorageError
            The accessor is for reading only.
        WriterLockedError
            Another process, or another accessor, is editing the dataset.
        """
        editor = self._edited()
        editor.write_samples(Selection(parse_key(key, self.shape), self.shape), np.asarray(values))

    def update_statistics(self) -> dict[str, float]:
        """Measure all samples of the default access pattern anew, and store and return what :attr:`stats` says."""
        from mdio.api.measuring import measure_volume

        editor = self._edited()
        before = editor.edits
        editor.store_statistics(measure_volume(self._current.default).summary(), before)
        return self.stats

    def copy(
        self,
        dest_path_or_buffer: str | os.PathLike[str],
        excludes: str = "",
        includes: str = "",
        storage_options: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Copy the dataset, with or without all its arrays; see :func:`mdio.api.convenience.copy_mdio`."""
        from mdio.api.convenience import copy_mdio

        copy_mdio(self, dest_path_or_buffer, excludes, includes, storage_options, overwrite)

    def coord_to_index(self, *args: Any, dimensions: str | Sequence[str] | None = None) -> Any:
        """Return the positions of coordinates, 0-based.

        Parameters
        ----------
        *args
            A coordinate, or a list of them in any order, for each dimension.
        dimensions
            Name or names of the dimensions; all of the grid by default.

        Returns
        -------
        ndarray or tuple of ndarray
            int64, 1-D, one array a dimension; ``int()`` works on a single position.

        Raises
        ------
        ShapeError
            Not one query a dimension.
        ValueError
            A coordinate or a dimension is not there.
        """
        return coord_to_index(self.grid, args, dimensions)

    @cached_property
    def grid(self) -> Grid:
        """Dimensions and live mask."""
        return Grid(self.volume.schema.dims, self._live_mask)

    @property
    def live_mask(self) -> Any:
        """Which cells hold a trace, bool; read when indexed (``live_mask[:]``)."""
        return self._live_mask

    @property
    def headers(self) -> Any:
        """Header records, or one word of them by its name; read when indexed (``headers["inline"][:]``)."""
        return self._headers

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension, the sample axis last."""
        return self.volume.schema.shape

    @property
    def n_dim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Chunk shape as stored; it may exceed the shape."""
        chunks: tuple[int, ...] = self.volume.sample_array.chunks
        return chunks

    @property
    def trace_count(self) -> int:
        """Number of traces; counted where the dataset does not say."""
        return self._current.trace_count

    @property
    def stats(self) -> dict[str, float]:
        """``mean``, ``std``, ``rms``, ``min``, ``max`` of the non-zero samples of live traces; empty when unknown.

        Warns with a :class:`StaleDataWarning` where samples were edited since; see :meth:`update_statistics`.
        """
        if STATISTICS in self.volume.description.stale:
            self._warn("statistics are older than the samples; update_statistics() measures them anew")
        known = self.volume.schema.metadata.statistics or {}
        return {key: known[key] for key in ("mean", "std", "rms", "min", "max") if key in known}

    @property
    def text_header(self) -> list[str]:
        """Textual file header, lines of 80 characters; empty when there is none."""
        return list(self.volume.schema.metadata.text)

    @text_header.setter
    def text_header(self, lines: Sequence[str]) -> None:
        """Set the textual file header: 40 strings of up to 80 characters, else ValueError."""
        self._edited().revise(Revision(text=checked_text(lines)))

    @property
    def binary_header(self) -> dict[str, Any]:
        """Words of the binary file header under the names of the store; empty when there is none."""
        return dict(self.volume.schema.metadata.binary)

    @binary_header.setter
    def binary_header(self, words: Mapping[str, Any]) -> None:
        """Set words of the binary file header under either name, else ValueError; words not named stay."""
        checked = checked_binary(words, self.volume.schema.metadata.binary, self.volume.dataset.layout)
        self._edited().revise(Revision(binary=checked))

    def close(self) -> None:
        """Forget cached chunks, and let others edit the dataset."""
        if self._editor is not None:
            self._editor.close()
        self.volume.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.grid!r}, access_pattern={self.access_pattern!r})"


class MDIOReader(MDIOAccessor):
    """Read-only :class:`MDIOAccessor`; the parameters are described there."""

    def __init__(
        self,
        mdio_path_or_buffer: str | os.PathLike[str],
        access_pattern: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        return_metadata: bool = False,
        new_chunks: Sequence[int] | None = None,
        backend: str = "zarr",
        memory_cache_size: int = 0,
        disk_cache: bool = False,
    ) -> None:
        super().__init__(
            mdio_path_or_buffer,
            "r",
            access_pattern,
            storage_options,
            return_metadata,
            new_chunks,
            backend,
            memory_cache_size,
            disk_cache,
        )


class MDIOWriter(MDIOAccessor):
    """:class:`MDIOAccessor` that changes what is there; the parameters are described there."""

    def __init__(
        self,
        mdio_path_or_buffer: str | os.PathLike[str],
        access_pattern: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        return_metadata: bool = False,
        new_chunks: Sequence[int] | None = None,
        backend: str = "zarr",
        memory_cache_size: int = 0,
        disk_cache: bool = False,
    ) -> None:
        super().__init__(
            mdio_path_or_buffer,
            "r+",
            access_pattern,
            storage_options,
            return_metadata,
            new_chunks,
            backend,
            memory_cache_size,
            disk_cache,
        )


def _store(
    shape: tuple[int, ...],
    write: Callable[[Selection, NDArray[Any]], None],
    items: tuple[Item, ...],
    values: NDArray[Any],
) -> None:
    write(Selection(items, shape), values)


def _refuse(url: str, *_: Any) -> None:
    raise StorageError(f"{url}: opened for reading only", hint='open it with mode="r+", or mdio.MDIOWriter')


def _require(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        near = difflib.get_close_matches(str(value), known, 1)
        raise ValueError(f"no {what} {value!r}; {f'did you mean {near[0]!r}' if near else f'there is {known}'}")


def _cached_on_disk(url: str, options: Mapping[str, Any], wanted: bool) -> tuple[str, Mapping[str, Any]]:
    """Return URL and options of a store that keeps what it fetched in a temporary folder; local ones need none."""
    kind = scheme(url)
    if not wanted or kind == "file" or "cache::" in url:
        return url, options
    keyed = options if isinstance(options.get(kind), Mapping) else {kind: dict(options)}
    return f"simplecache::{url}", keyed
