"""Distinct values of one key, gathered while traces stream by, and the position of each value among them.

Line numbers lie close together, so a flag a number between the smallest and the largest does; what is spread wider is
kept as sorted values. Memory grows with the distinct values, not with the traces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.rank import BitRank
from mdio.core.table import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["DistinctValues", "positions"]

_FLAGS = 1 << 24
"""Span of the values up to which flags are kept, in bytes."""
_DENSE = 32
"""Numbers a value up to which a bit each tells positions: less memory than the values themselves take."""
_PENDING = 1 << 20
"""Values that wait until they are sorted into the others."""


class DistinctValues:
    """A growing set of values of one type; NaN counts once."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._flags: NDArray[np.bool_] | None = np.zeros(0, bool) if dtype.kind in "iu" else None
        self._low = 0
        self._sorted = np.empty(0, dtype)
        self._pending: list[NDArray[Any]] = []
        self._waiting = 0

    def add(self, column: NDArray[Any]) -> None:
        """Take values in any order, with repeats."""
        if not len(column):
            return
        if self._flags is not None and self._flag(column):
            return
        heads = column[np.flatnonzero(column[1:] != column[:-1]) + 1]
        fresh = np.unique(np.concatenate([column[:1], heads]))
        self._pending.append(fresh)
        self._waiting += len(fresh)
        if self._waiting > max(_PENDING, len(self._sorted) // 4):
            self._settle()

    def _flag(self, column: NDArray[Any]) -> bool:
        """Set flags; return False, and give flags up, where the span is too wide."""
        assert self._flags is not None
        low, high = int(column.min()), int(column.max())
        if len(self._flags):
            low, high = min(low, self._low), max(high, self._low + len(self._flags) - 1)
        if high - low >= _FLAGS:
            self._sorted = self._flagged()
            self._flags = None
            return False
        if (low, high) != (self._low, self._low + len(self._flags) - 1):
            # Some room on both sides that moves with the values keeps the number of copies small.
            room = min(_FLAGS - 1 - (high - low), high - low + 1024) // 2
            start = max(low - room, -(2**63))
            flags = np.zeros(high + room + 1 - start, bool)
            if len(self._flags):
                flags[self._low - start : self._low - start + len(self._flags)] = self._flags
            self._flags, self._low = flags, start
        self._flags[_offsets(column, self._low)] = True
        return True

    def _flagged(self) -> NDArray[Any]:
        assert self._flags is not None
        found = np.flatnonzero(self._flags)
        values = np.empty(len(found), self.dtype)
        if self.dtype == np.uint64:  # its upper half does not fit the signed positions
            np.add(found.astype(np.uint64), np.uint64(self._low % 2**64), out=values)
        else:
            values[:] = found + self._low
        return values

    def _settle(self) -> None:
        if self._pending:
            everything = np.concatenate([self._sorted, *self._pending])
            self._sorted, self._pending, self._waiting = self._sorted[:0], [], 0
            self._sorted = _unique(everything)

    @property
    def least(self) -> int:
        """A number of distinct values that is surely reached, cheaply known."""
        return int(np.count_nonzero(self._flags)) if self._flags is not None else len(self._sorted)

    def rising(self) -> NDArray[Any]:
        """Return the values from the smallest to the largest."""
        if self._flags is not None:
            return self._flagged()
        self._settle()
        return self._sorted


def _unique(values: NDArray[Any]) -> NDArray[Any]:
    """Sort in place and drop repeats: less memory than ``np.unique``, which is left to NaNs."""
    if values.dtype.kind == "f":
        return np.unique(values)
    values.sort()
    keep = np.empty(len(values), bool)
    keep[:1] = True
    np.not_equal(values[1:], values[:-1], out=keep[1:])
    return values[keep]


def _offsets(column: NDArray[Any], low: int) -> NDArray[np.int64]:
    if column.dtype == np.uint64:
        return (column - np.uint64(low % 2**64)).astype(np.int64)
    return column.astype(np.int64) - low


def positions(values: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return the function from keys to their positions among all values, which are sorted."""
    if values.dtype.kind in "iu" and len(values):
        low = int(values[0])
        span = int(values[-1]) - low + 1
        if span <= _FLAGS // 4:
            table = np.zeros(span, np.int32)
            table[_offsets(values, low)] = np.arange(len(values), dtype=np.int32)
            return lambda column: table[_offsets(column, low)]
        if span <= _DENSE * len(values):
            # Each of these looks at two places; a search looks at twenty, and in no order that a cache likes.
            parts = (values[start : start + BATCH] for start in range(0, len(values), BATCH))
            ranks = BitRank(span, (_offsets(part, low) for part in parts))
            return lambda column: ranks.rank(_offsets(column, low))
    return lambda column: np.searchsorted(values, column)
