"""A look at some traces of a file, to drop geometries that it cannot have before all traces are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.gridding import sparsity_limit
from mdio.exceptions import GridError, GridTraceCountError, GridTraceSparsityError
from mdio_segy.fields import KeyField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdio_segy.filehead import SegyLayout
    from mdio_segy.tracefile import TraceFile

__all__ = ["Look", "refuse_nonsense", "too_sparse"]

_FIRST_LOOK = 4096
"""Traces at the beginning of the file."""
_WINDOWS = 8
"""Windows behind them; the last one ends with the file."""
_WINDOW = 256
"""Traces of each."""

_IN_LINE, _CROSS_LINE = 189, 193
_POSITION = (181, 185)
_NUMBERS = (9, 13, 17, 21, 25, 37, _IN_LINE, _CROSS_LINE)
"""Words that tell traces apart: record, channel, shot point, ensemble, its trace, offset, in-line, cross-line."""
_NONSENSE = 1e18
"""Cells of a grid of all line numbers between the least and the largest that no survey has."""


class Look:
    """Headers of some traces: the first ones, the last ones and some in between.

    Parameters
    ----------
    traces
        The open file.
    layout
        Its layout.
    """

    def __init__(self, traces: TraceFile, layout: SegyLayout) -> None:
        count = layout.trace_count
        starts = np.linspace(0, max(count - _WINDOW, 0), _WINDOWS + 1, dtype=np.int64)[1:]
        numbers = [np.arange(min(_FIRST_LOOK, count)), *(np.arange(s, min(s + _WINDOW, count)) for s in starts)]
        self.traces = np.unique(np.concatenate(numbers))
        self._first = len(numbers[0])
        self._headers = traces.fetch_part(self.traces, 0, 240)
        self._big_endian = layout.big_endian
        self._count = count

    def word(self, byte: int) -> NDArray[np.int64]:
        """Return a 4-byte word of the traces."""
        return KeyField("word", byte).read(self._headers, self._big_endian).astype(np.int64)

    def problem(self, words: tuple[tuple[str, int], ...]) -> str:
        """Return why words cannot index the file; empty when the look does not tell."""
        columns = [self.word(byte) for _, byte in words]
        varies = any(len(column) and np.ptp(column) for column in columns)
        if not any(column.any() for column in columns) or (len(self.traces) > 1 and not varies):
            return "does not vary"
        twins = _twins(columns)
        if twins is not None:
            if max(twins) < self._first:
                return "repeats within the first traces"
            cell = ", ".join(f"{name} {column[twins[0]]}" for (name, _), column in zip(words, columns, strict=True))
            return f"traces {self.traces[twins[0]]} and {self.traces[twins[1]]} both have {cell}"
        sizes = [len(np.unique(column)) for column in columns]
        return too_sparse(words, sizes, self._count, exact=len(self.traces) == self._count)


def too_sparse(words: tuple[tuple[str, int], ...], sizes: Sequence[int], count: int, *, exact: bool) -> str:
    """Return that a grid of these (or of at least these) lengths is too sparse for its traces; empty when it is not."""
    cells = float(np.prod([float(size) for size in sizes]))
    if cells <= sparsity_limit() * count:
        return ""
    grid = " × ".join(f"{name} {size}" for (name, _), size in zip(words, sizes, strict=True))
    return f"the grid {grid} has {'' if exact else 'at least '}{cells:.0f} cells for {count} traces"


def _twins(columns: list[NDArray[np.int64]]) -> tuple[int, int] | None:
    """Return the first two rows that are the same, or None."""
    order = np.lexsort(columns)
    same = np.ones(max(len(order) - 1, 0), bool)
    for column in columns:
        ordered = column[order]
        same &= ordered[1:] == ordered[:-1]
    pairs = np.flatnonzero(same)
    if not pairs.size:
        return None
    later = np.maximum(order[pairs], order[pairs + 1])
    one = pairs[int(np.argmin(later))]
    low, high = sorted((int(order[one]), int(order[one + 1])))
    return low, high


def refuse_nonsense(traces: TraceFile, layout: SegyLayout) -> None:
    """Refuse a file without a usual geometry whose headers claim one that cannot be.

    Any other file without a geometry is (trace, sample). The rules are narrow, for that must go on working:

    * Line numbers at the bytes where SEG-Y rev 1 has them run over more than 10^18 cells of a regular grid.
    * Every number that tells traces apart is 0, while the position of the traces is given (rev 1, bytes 181-188) and
      is the same for all of them.

    Raises
    ------
    GridTraceSparsityError
        The first.
    GridTraceCountError
        The second.
    """
    if layout.revision >> 8 < 1 or layout.trace_count < 2 or sparsity_limit() == float("inf"):
        return
    look = Look(traces, layout)
    problem = _explodes(look, layout.trace_count)
    if problem is None and _stands_still(look):
        problem = _all_stand_still(traces, layout)
    if problem is not None:
        raise problem


_HINT = "name the index words, e.g. --header-locations 9,21, or set MDIO_IGNORE_CHECKS=1 for a (trace, sample) dataset"


def _explodes(look: Look, count: int) -> GridError | None:
    spans = []
    for byte in (_IN_LINE, _CROSS_LINE):
        column = look.word(byte)
        spans.append((int(column.min()), int(column.max())))
    (low, high), (first, last) = spans
    cells = (high - low + 1) * (last - first + 1)
    if cells <= _NONSENSE:
        return None
    return GridTraceSparsityError(
        f"{count} traces in a grid of more than 10^18 cells: in-lines {low} to {high} (byte {_IN_LINE}),"
        f" cross-lines {first} to {last} (byte {_CROSS_LINE})",
        hint=_HINT,
    )


def _stands_still(look: Look) -> bool:
    return not any(look.word(byte).any() for byte in _NUMBERS) and any(look.word(byte).any() for byte in _POSITION)


def _all_stand_still(traces: TraceFile, layout: SegyLayout) -> GridError | None:
    """Return the error when what the look has seen holds for all traces."""
    place: Any = None
    for _, records in traces.scan(0, 240):
        word = {byte: KeyField("word", byte).read(records, layout.big_endian) for byte in (*_NUMBERS, *_POSITION)}
        if place is None:
            place = [word[byte][0] for byte in _POSITION]
        moves = any((word[byte] != at).any() for byte, at in zip(_POSITION, place, strict=True))
        if moves or any(word[byte].any() for byte in _NUMBERS):
            return None
    return GridTraceCountError(
        f"no geometry: in-line, cross-line, ensemble, record, shot point, channel and offset are 0 in all"
        f" {layout.trace_count} traces, and all lie at the same position",
        hint=_HINT,
    )
