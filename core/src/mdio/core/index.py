"""From grid cells to trace numbers, as compactly as the order of the file allows.

Most files lie in a regular order and need no memory at all (:class:`AffineIndex`); a grid-ordered file with holes
needs a bit a cell (:class:`RankIndex`); anything else a 4-byte map (:class:`MapIndex`) or, where the grid is far
larger than the survey, a sorted list of its cells (:class:`SparseIndex`). Maps and lists that are long lie in temporary
files and are mapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from mdio.core.rank import BitRank
from mdio.core.volume import TraceOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.core.scratch import Scratch

__all__ = ["AffineIndex", "MapIndex", "RankIndex", "SparseIndex", "TraceIndex", "cells_of", "grid_strides"]


class TraceIndex(Protocol):
    """Trace numbers by grid region; regions have no sample axis."""

    shape: tuple[int, ...]
    count: int

    @property
    def order(self) -> TraceOrder:
        """How the numbers follow from the positions."""
        ...

    def traces(self, region: Region) -> NDArray[np.int64]:
        """Return the trace number of every cell of a region, -1 where there is none."""
        ...

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region hold a trace."""
        ...


def cells_of(region: Region, shape: tuple[int, ...], strides: tuple[int, ...] | None = None) -> NDArray[np.int64]:
    """Return Σ strides·position for every cell of a region, int64; C-order strides of ``shape`` by default."""
    if strides is None:
        strides = grid_strides(shape)
    total = np.zeros((1,) * len(shape), dtype=np.int64)
    for axis, ((start, stop), stride) in enumerate(zip(region, strides, strict=True)):
        line = np.arange(start, stop, dtype=np.int64) * stride
        total = total + line.reshape([-1 if d == axis else 1 for d in range(len(shape))])
    return np.ascontiguousarray(np.broadcast_to(total, region.shape))


def grid_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the C-order strides of a grid, in cells."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return tuple(strides)


class AffineIndex:
    """Every cell holds the trace ``base + Σ strides·position``; covers sorted, crossline-sorted and reversed files."""

    def __init__(self, shape: tuple[int, ...], base: int = 0, strides: tuple[int, ...] | None = None) -> None:
        self.shape = shape
        self.base = base
        self.strides = strides if strides is not None else grid_strides(shape)
        self.count = int(np.prod(shape, dtype=np.int64))

    @property
    def order(self) -> TraceOrder:
        """Grid order where it is, else affine."""
        if self.base == 0 and self.strides == grid_strides(self.shape):
            return TraceOrder("grid")
        return TraceOrder("affine", self.base, self.strides)

    def traces(self, region: Region) -> NDArray[np.int64]:
        """Return the trace number of every cell of a region."""
        return cells_of(region, self.shape, self.strides) + self.base

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return all true."""
        return np.ones(region.shape, dtype=bool)


class RankIndex:
    """The trace number is the number of live cells before a cell in C order."""

    def __init__(self, shape: tuple[int, ...], members: BitRank) -> None:
        self.shape = shape
        self.count = members.count
        self._members = members

    @property
    def order(self) -> TraceOrder:
        """Grid order."""
        return TraceOrder("grid")

    def traces(self, region: Region) -> NDArray[np.int64]:
        """Return the trace number of every cell of a region, -1 where there is none."""
        cells = cells_of(region, self.shape)
        return np.where(self._members.contains(cells), self._members.rank(cells), -1)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region hold a trace."""
        return self._members.contains(cells_of(region, self.shape))


class MapIndex:
    """One number a cell; the largest value of its type where there is no trace.

    Parameters
    ----------
    shape
        Shape of the grid.
    numbers
        uint32 or uint64, one a cell in C order, in memory or in a temporary file. Pickling: see :class:`Scratch`.
    count
        Number of traces.
    """

    def __init__(self, shape: tuple[int, ...], numbers: Scratch, count: int) -> None:
        self.shape = shape
        self.count = count
        self._kept = numbers
        self._numbers = numbers.array.reshape(shape)
        self._none = np.iinfo(numbers.dtype).max

    @property
    def order(self) -> TraceOrder:
        """Mapped."""
        return TraceOrder("mapped")

    def traces(self, region: Region) -> NDArray[np.int64]:
        """Return the trace number of every cell of a region, -1 where there is none."""
        part = np.asarray(self._numbers[region.slices])
        return np.where(part == self._none, -1, part.astype(np.int64))

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region hold a trace."""
        return np.asarray(self._numbers[region.slices] != self._none)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.shape, self._kept, self.count)


class SparseIndex:
    """Sorted cells with their trace numbers, for grids far larger than the survey.

    Parameters
    ----------
    shape
        Shape of the grid.
    cells
        int64, rising, one a trace, in memory or in a temporary file. Pickling: see :class:`Scratch`.
    numbers
        uint32 or uint64, the trace number of each cell; None where the file is in grid order.
    """

    def __init__(self, shape: tuple[int, ...], cells: Scratch, numbers: Scratch | None = None) -> None:
        self.shape = shape
        self.count = cells.length
        self._kept = (cells, numbers)
        self._cells = cells.array
        self._numbers = None if numbers is None else numbers.array

    @property
    def order(self) -> TraceOrder:
        """Grid order where cells rise with the trace number, else mapped."""
        return TraceOrder("grid" if self._numbers is None else "mapped")

    def traces(self, region: Region) -> NDArray[np.int64]:
        """Return the trace number of every cell of a region, -1 where there is none."""
        wanted = cells_of(region, self.shape)
        at = np.minimum(np.searchsorted(self._cells, wanted), self.count - 1)
        numbers = at if self._numbers is None else self._numbers[at].astype(np.int64)
        return np.where(self._cells[at] == wanted, numbers, -1)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region hold a trace."""
        return self.traces(region) >= 0

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.shape, *self._kept)
