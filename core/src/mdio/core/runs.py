"""Groups of equal rows among the index keys of all traces, found without sorting the traces.

Files lie in some order, so neighbours that agree are taken as one run first, and what is sorted is runs – shots,
cables, gathers –, traces only where the file lies in no order at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["batches", "counters", "distinct", "extents", "run_starts"]

_BATCH = 1 << 22


def batches(count: int) -> Iterator[slice]:
    """Yield slices that cover ``count`` traces, each small enough to make copies of."""
    for start in range(0, count, _BATCH):
        yield slice(start, min(start + _BATCH, count))


def run_starts(columns: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Return where runs of equal rows begin."""
    return np.flatnonzero(_begins(columns))


def _begins(columns: Iterable[NDArray[Any]]) -> NDArray[np.bool_]:
    """Return whether each row differs from the one before; columns are looked at one by one."""
    differs: NDArray[np.bool_] | None = None
    for column in columns:
        if differs is None:
            differs = np.zeros(len(column), dtype=bool)
            differs[:1] = True
        differs[1:] |= column[1:] != column[:-1]
    return np.zeros(0, dtype=bool) if differs is None else differs


def distinct(columns: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the distinct rows of columns, sorted by the first column, then the next."""
    found = [column[:0] for column in columns]
    for part in batches(len(columns[0])):
        rows = [column[part] for column in columns]
        starts = run_starts(rows)
        rows = [np.concatenate([known, row[starts]]) for known, row in zip(found, rows, strict=True)]
        order = np.lexsort(rows[::-1])
        rows = [row[order] for row in rows]
        starts = run_starts(rows)
        found = [row[starts] for row in rows]
    return found


def extents(groups: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the sorted distinct groups with the smallest and the largest value of each."""
    found = groups[:0], values[:0], values[:0]
    for part in batches(len(groups)):
        starts = run_starts([groups[part]])
        ends = (
            groups[part][starts],
            np.minimum.reduceat(values[part], starts),
            np.maximum.reduceat(values[part], starts),
        )
        group, low, high = (np.concatenate(pair) for pair in zip(found, ends, strict=True))
        order = np.argsort(group, kind="stable")
        starts = run_starts([group[order]])
        found = (
            group[order][starts],
            np.minimum.reduceat(low[order], starts),
            np.maximum.reduceat(high[order], starts),
        )
    return found


def counters(columns: Sequence[NDArray[Any]], count: int) -> NDArray[Any]:
    """Return 1, 2, 3, … in file order inside each distinct row of the columns, (count,)."""
    kind = np.int32 if count <= np.iinfo(np.int32).max else np.int64
    starts, ascending = _runs(columns, count)
    before = None if ascending else _earlier(columns, starts, count)
    numbers = np.empty(count, dtype=kind)
    for part in batches(count):
        # Of the type of the haystack: numpy would copy it for any other.
        edges = np.array([part.start, part.stop - 1], dtype=starts.dtype)
        first, last = np.searchsorted(starts, edges, side="right")
        runs = slice(first - 1, last)
        begin = starts[runs].astype(np.int64)
        skipped = begin if before is None else begin - before[runs]
        lengths = np.diff(np.maximum(begin, part.start), append=part.stop)
        numbers[part] = np.arange(part.start + 1, part.stop + 1) - np.repeat(skipped, lengths)
    return numbers


def _runs(columns: Sequence[NDArray[Any]], count: int) -> tuple[NDArray[Any], bool]:
    """Return where runs of equal rows begin, and whether rows never descend, so that no row has two runs."""
    kind = np.uint32 if count <= np.iinfo(np.uint32).max else np.int64
    if not columns:
        return np.zeros(min(count, 1), kind), True
    found, ascending = [], True
    for part in batches(count):
        # From the last row of the batch before, so that a run may cross.
        rows = [column[max(part.start - 1, 0) : part.stop] for column in columns]
        starts = run_starts(rows)[int(part.start > 0) :]
        found.append((starts + max(part.start - 1, 0)).astype(kind))
        ascending = ascending and _ascends(rows)
    return np.concatenate(found) if found else np.zeros(0, kind), ascending


def _ascends(rows: Sequence[NDArray[Any]]) -> bool:
    tied = np.ones(max(len(rows[0]) - 1, 0), dtype=bool)
    for column in rows:
        if np.any(tied & (column[1:] < column[:-1])):
            return False
        tied &= column[1:] == column[:-1]
    return True


def _earlier(columns: Sequence[NDArray[Any]], starts: NDArray[Any], count: int) -> NDArray[Any]:
    """Return for every run the number of traces in earlier runs of the same row."""
    order = np.lexsort([column[starts] for column in columns[::-1]])
    total = np.diff(starts, append=starts.dtype.type(count))[order]
    first = _begins(column[starts][order] for column in columns)
    lengths = total.copy()
    np.cumsum(lengths, out=total)
    total -= lengths
    # The traces before each row's first run; totals never fall, so the latest is the largest.
    np.multiply(total, first, out=lengths)
    np.maximum.accumulate(lengths, out=lengths)
    total -= lengths
    lengths[order] = total
    return lengths
