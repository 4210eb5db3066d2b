"""MDIO datasets as the arrays of MDIO v0: index them as numpy arrays, ask them for grid, headers and statistics."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.api.coordinates import coord_to_index
from mdio.api.header_array import HeaderArray
from mdio.api.header_records import HeaderRecords
from mdio.api.indexing import parse_key
from mdio.api.lazy import lazy_array, take
from mdio.convert import open as open_volume
from mdio.core.grid import Grid
from mdio.core.region import Region
from mdio.storage.urls import scheme

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from mdio.native.volume import MdioVolume

__all__ = ["MDIOAccessor", "MDIOReader"]

_MODES = ("r",)
_BACKENDS = ("zarr", "dask")
_COUNTED_AT_ONCE = 1 << 24
"""Cells of the live mask looked at together."""


class MDIOAccessor:
    """An MDIO dataset that is read by indexing.

    ``mdio[15]`` is an inline, ``mdio[:, 15]`` a crossline, ``mdio[..., 250]`` a time slice of a 3-D stack. Lists of
    positions act on their own axis each: ``mdio[ils, xls]`` is the intersection of lines. Only the chunks that an
    index touches are read.

    Parameters
    ----------
    mdio_path_or_buffer
        Path or URL.
    mode
        ``"r"``: read only.
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
        ``"zarr"``: arrays in memory. ``"dask"``: lazy dask arrays.
    memory_cache_size
        Bytes of decoded chunks to keep.
    disk_cache
        Whether chunks of a remote store are kept in a local temporary folder (``simplecache`` of fsspec).

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
        url, options = _cached_on_disk(str(mdio_path_or_buffer), storage_options or {}, disk_cache)
        self.url = str(mdio_path_or_buffer)
        self.mode = mode
        self.backend = backend
        self.return_metadata = return_metadata
        self.volume: MdioVolume = open_volume(  # type: ignore[assignment]  # the native reader was asked for
            url,
            format="mdio",
            options={"access_pattern": access_pattern, "cache": memory_cache_size},
            storage_options=options,
        )
        self.access_pattern = self.volume.pattern
        samples, mask, headers = self._arrays()
        if backend == "dask":
            chunks = tuple(new_chunks) if new_chunks is not None else self.chunks
            samples, mask, headers = (
                lazy_array(array, chunks[: array.ndim], self.url) for array in (samples, mask, headers)
            )
        self._traces = samples
        self._live_mask = mask
        self._headers = headers

    def _arrays(self) -> tuple[Any, Any, Any]:
        volume, schema = self.volume, self.volume.schema
        shape, stored = schema.shape, volume.sample_array
        samples = RegionArray(volume.samples, shape, schema.dtype, stored.chunks, stored.compressor)
        mask = RegionArray(volume.live, shape[:-1], np.dtype(bool), stored.chunks[:-1])
        headers = RegionArray(
            HeaderRecords(volume), shape[:-1], HeaderRecords.dtype_of(volume), stored.chunks[:-1], kind=HeaderArray
        )
        return samples, mask, headers

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

    @cached_property
    def trace_count(self) -> int:
        """Number of traces; counted where the dataset does not say."""
        known = self.volume.schema.metadata.trace_count
        # 0 counts as unsaid: releases that made datasets from arrays wrote it.
        return known if known > 0 else _count_live(self.volume)

    @property
    def stats(self) -> dict[str, float]:
        """``mean``, ``std``, ``rms``, ``min``, ``max`` of the non-zero samples of live traces; empty when unknown."""
        known = self.volume.schema.metadata.statistics or {}
        return {key: known[key] for key in ("mean", "std", "rms", "min", "max") if key in known}

    @property
    def text_header(self) -> list[str]:
        """Textual file header, lines of 80 characters; empty when there is none."""
        return list(self.volume.schema.metadata.text)

    @property
    def binary_header(self) -> dict[str, Any]:
        """Words of the binary file header under the names of the store; empty when there is none."""
        return dict(self.volume.schema.metadata.binary)

    def close(self) -> None:
        """Forget cached chunks."""
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


def _count_live(volume: MdioVolume) -> int:
    shape = volume.schema.shape[:-1]
    rest = int(np.prod(shape[1:], dtype=np.int64))
    rows = max(1, _COUNTED_AT_ONCE // max(rest, 1))
    return sum(
        int(np.count_nonzero(volume.live(Region([(start, min(start + rows, shape[0])), *((0, n) for n in shape[1:])]))))
        for start in range(0, shape[0], rows)
    )
