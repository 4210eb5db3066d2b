"""The index of traces in any order, from the grid cell of each, in memory that does not grow with the traces.

The cells are written to a temporary file. Where they rise, a bit a cell is enough. Else they are dealt into buckets of
neighbouring cells, each small enough for memory, and every bucket gives its part of the map or of the sorted list; two
traces of one cell meet in a bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.distinct import positions
from mdio.core.index import AffineIndex, MapIndex, RankIndex, SparseIndex, TraceIndex, grid_strides
from mdio.core.rank import BitRank
from mdio.core.scratch import Scratch
from mdio.core.table import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.table import KeyStream

__all__ = ["Shared", "TraceCells", "index_of"]

_RANK_LIMIT = 32
"""A bit a cell is kept up to this many cells a trace: 44 bits; above, the 64 bits of a sorted cell come close."""
_DENSE_LIMIT = 4
"""A dense map is kept up to this many cells a trace; above, sorted cells take less."""
_BUCKET = 1 << 21
"""Traces, and cells of a dense map, that are sorted in memory at once."""
_BINS = 16
"""Bits of a cell that buckets are told apart by."""


class TraceCells:
    """The cell of every trace, in file order.

    Parameters
    ----------
    stream
        Keys of the traces.
    coords
        Sorted values of each key.
    """

    def __init__(self, stream: KeyStream, coords: Sequence[NDArray[Any]]) -> None:
        self.shape = tuple(len(values) for values in coords)
        self.count = stream.count
        self.rising = True
        self._cells = Scratch(np.int64, stream.count)
        axes = [
            (name, positions(values), stride)
            for name, values, stride in zip(stream.names, coords, grid_strides(self.shape), strict=True)
        ]
        first, last = 0, -1
        for columns in stream.batches():
            cells = np.zeros(len(columns[stream.names[0]]), np.int64)
            for name, position, stride in axes:
                cells += position(columns[name]) * np.int64(stride)
            self.rising = self.rising and int(cells[0]) > last and bool(np.all(cells[1:] > cells[:-1]))
            last = int(cells[-1])
            self._cells.write(first, cells)
            first += len(cells)

    @property
    def size(self) -> int:
        """Number of cells of the grid."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def cells(self) -> Scratch:
        """The cells, as they are kept."""
        return self._cells

    def batches(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield ``(first trace, cells)``."""
        for first in range(0, self.count, BATCH):
            yield first, self._cells.read(first, min(first + BATCH, self.count))


@dataclass(frozen=True, slots=True)
class Shared:
    """Cells that hold more than one trace.

    Parameters
    ----------
    cell
        The first of them.
    traces
        The first two of its traces.
    surplus
        How many traces there are more than cells that they take.
    """

    cell: int
    traces: tuple[int, int]
    surplus: int


def index_of(traces: TraceCells) -> TraceIndex | Shared:
    """Return the smallest index that fits, or what is wrong where two traces share a cell."""
    size, count = traces.size, traces.count
    if traces.rising:
        if count == size:
            return AffineIndex(traces.shape)
        if size <= _RANK_LIMIT * count:
            return RankIndex(traces.shape, BitRank(size, (cells for _, cells in traces.batches())))
        return SparseIndex(traces.shape, traces.cells)
    dense = size <= _DENSE_LIMIT * count
    kind = np.uint32 if count < np.iinfo(np.uint32).max else np.uint64
    buckets = _Buckets(traces, kind, dense)
    index = _dense(traces, buckets, kind) if dense else _sparse(traces, buckets, kind)
    return index if index is not None else _shared(buckets)


def _dense(traces: TraceCells, buckets: _Buckets, kind: Any) -> MapIndex | None:
    """Return the map, or None where traces share a cell."""
    numbers = Scratch(kind, traces.size)
    for low, high, cells, found in buckets:
        part = np.full(high - low, np.iinfo(kind).max, kind)
        part[cells - low] = found
        if not np.array_equal(part[cells - low], found):  # a later trace took the cell
            return None
        numbers.write(low, part)
    return MapIndex(traces.shape, numbers, traces.count)


def _sparse(traces: TraceCells, buckets: _Buckets, kind: Any) -> SparseIndex | None:
    """Return the sorted list, or None where traces share a cell."""
    cells, numbers = Scratch(np.int64, traces.count), Scratch(kind, traces.count)
    at = 0
    for _, _, some, found in buckets:
        order = np.argsort(some)
        ordered = some[order]
        if np.any(ordered[1:] == ordered[:-1]):
            return None
        cells.write(at, ordered)
        numbers.write(at, found[order])
        at += len(some)
    return SparseIndex(traces.shape, cells, numbers)


def _shared(buckets: _Buckets) -> Shared:
    first: tuple[int, tuple[int, int]] | None = None
    surplus = 0
    for _, _, cells, numbers in buckets:
        ordered = np.sort(cells)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        surplus += len(twice)
        if len(twice) and first is None:
            among = numbers[cells == twice[0]]
            first = int(twice[0]), (int(among[0]), int(among[1]))
    assert first is not None
    return Shared(*first, surplus)


class _Buckets:
    """Traces dealt by their cells; iterating yields ``(first cell, end, cells, trace numbers)``, in file order each."""

    def __init__(self, traces: TraceCells, kind: Any, dense: bool) -> None:
        self._shift = max(0, (traces.size - 1).bit_length() - _BINS)
        filled = np.zeros(((traces.size - 1) >> self._shift) + 1, np.int64)
        for _, cells in traces.batches():
            filled += np.bincount(cells >> self._shift, minlength=len(filled))
        width = 1 << self._shift
        # Bins are joined while their traces, and for a dense map their cells, stay below the size of a bucket.
        group = (np.cumsum(filled) - 1) // _BUCKET
        if dense:
            group += np.arange(len(filled), dtype=np.int64) * width // _BUCKET
        begins = np.diff(group, prepend=group[0] - 1) != 0
        first_bins = np.flatnonzero(begins)
        self._of_bin = (np.cumsum(begins) - 1).astype(np.uint16)
        self._low = [int(bin_) * width for bin_ in first_bins]
        self._low.append(traces.size)
        ends = np.concatenate([[0], np.cumsum(filled)])
        self._starts = ends[[*first_bins.tolist(), len(filled)]]
        self._deal(traces, kind)

    def _deal(self, traces: TraceCells, kind: Any) -> None:
        self._cells, self._numbers = Scratch(np.int64, traces.count), Scratch(kind, traces.count)
        at = self._starts.copy()
        for first, cells in traces.batches():
            bucket = self._of_bin[cells >> self._shift]
            order = np.argsort(bucket, kind="stable")
            sorted_cells, numbers = cells[order], (order + first).astype(kind)
            ends = np.searchsorted(bucket[order], np.arange(len(at)), side="right")
            start = 0
            for one in np.flatnonzero(np.diff(ends, prepend=0)).tolist():
                stop = int(ends[one])
                self._cells.write(int(at[one]), sorted_cells[start:stop])
                self._numbers.write(int(at[one]), numbers[start:stop])
                at[one] += stop - start
                start = stop

    def __iter__(self) -> Iterator[tuple[int, int, NDArray[np.int64], NDArray[Any]]]:
        for one in range(len(self._starts) - 1):
            start, stop = int(self._starts[one]), int(self._starts[one + 1])
            low, high = self._low[one], self._low[one + 1]
            yield low, high, self._cells.read(start, stop), self._numbers.read(start, stop)
