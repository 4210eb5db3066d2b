"""Reads the index words of all traces, and finds out which words index a file that comes without keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.gridding import build_grid
from mdio.core.table import HeaderTable
from mdio.exceptions import GridError
from mdio_segy.fields import KeyField

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.index import TraceIndex
    from mdio_segy.filehead import SegyLayout
    from mdio_segy.tracefile import TraceFile

__all__ = ["CANDIDATES", "Candidate", "find_geometry", "scan_keys", "weigh_candidates"]

_FIRST_LOOK = 4096
"""Traces that are looked at before all are, to drop candidates that do not vary or repeat at once."""
_PLAUSIBLE_FILL = 0.5
"""Least part of the cells of a found grid that must hold a trace."""

CANDIDATES: tuple[tuple[tuple[str, int], ...], ...] = (
    (("inline", 189), ("crossline", 193)),
    (("inline", 189), ("crossline", 193), ("offset", 37)),
    (("inline", 9), ("crossline", 21)),
    (("inline", 5), ("crossline", 21)),
    (("inline", 9), ("crossline", 21), ("offset", 37)),
    (("cdp", 21), ("offset", 37)),
    (("cdp", 21), ("trace", 25)),
    (("shot_point", 17), ("channel", 13)),
    (("shot_point", 9), ("channel", 13)),
    (("inline", 181), ("crossline", 185)),
    (("cdp", 21),),
)
"""Where index words usually lie (SEG-Y rev 1 puts them at 189/193; older files at 9/21, 5/21, 17/13, 181/185)."""


def scan_keys(
    traces: TraceFile, layout: SegyLayout, keys: Sequence[KeyField | None], names: Sequence[str]
) -> HeaderTable:
    """Return the index words of all traces.

    Parameters
    ----------
    traces
        The open file.
    layout
        Its layout.
    keys
        Index words, slowest first; None for a word that the file does not have, which reads as zero.
    names
        Name of each.

    Returns
    -------
    HeaderTable
        One column a key, in file order, native byte order.
    """
    columns: dict[str, NDArray[Any]] = {}
    present = [key for key in keys if key is not None]
    low = min((key.byte - 1 for key in present), default=0)
    high = max((key.stop for key in present), default=1)
    shifted = {key: KeyField(key.name, key.byte - low, key.type) for key in present}
    for key, name in zip(keys, names, strict=True):
        kind = np.int32 if key is None else shifted[key].read(np.zeros((0, high - low), np.uint8), True).dtype
        columns[name] = np.zeros(layout.trace_count, dtype=kind)
    if present:
        for first, records in traces.scan(low, high):
            for key, name in zip(keys, names, strict=True):
                if key is not None:
                    columns[name][first : first + len(records)] = shifted[key].read(records, layout.big_endian)
    return HeaderTable(columns)


@dataclass(frozen=True)
class Candidate:
    """A geometry that a file could have.

    Parameters
    ----------
    keys
        ``(name, byte)`` of each index word, slowest first.
    shape
        Grid it makes, without the sample axis; empty where it makes none.
    fill
        Part of the cells that hold a trace.
    problem
        Why it was dropped; empty when it is a grid.
    """

    keys: tuple[tuple[str, int], ...]
    shape: tuple[int, ...] = ()
    fill: float = 0.0
    problem: str = ""

    @property
    def plausible(self) -> bool:
        """Whether it may be taken without being asked for."""
        return not self.problem and self.fill >= _PLAUSIBLE_FILL


def weigh_candidates(
    traces: TraceFile, layout: SegyLayout
) -> Iterator[tuple[Candidate, tuple[tuple[Dimension, ...], TraceIndex] | None]]:
    """Yield every usual geometry with the grid it makes, in the order of :data:`CANDIDATES`."""
    look = traces.fetch_part(np.arange(min(_FIRST_LOOK, layout.trace_count)), 0, 240)
    for words in CANDIDATES:
        keys = [KeyField(name, byte) for name, byte in words]
        first = np.stack([key.read(look, layout.big_endian).astype(np.int64) for key in keys], axis=1)
        if not first.any() or (len(first) > 1 and not np.ptp(first, axis=0).any()):
            yield Candidate(words, problem="does not vary"), None
            continue
        if len(np.unique(first, axis=0)) < len(first):
            yield Candidate(words, problem="repeats within the first traces"), None
            continue
        yield _grid(traces, layout, words, keys)


def _grid(
    traces: TraceFile, layout: SegyLayout, words: tuple[tuple[str, int], ...], keys: list[KeyField]
) -> tuple[Candidate, tuple[tuple[Dimension, ...], TraceIndex] | None]:
    table = scan_keys(traces, layout, keys, [name for name, _ in words])
    try:
        dims, index, _ = build_grid(table)
    except GridError as error:
        return Candidate(words, problem=error.message), None
    for dim in dims:
        if dim.size == 1 and not dim.coords[0]:
            return Candidate(words, problem=f"{dim.name} is 0 in all traces"), None
    cells = int(np.prod(index.shape, dtype=np.int64))
    return Candidate(words, index.shape, index.count / cells), (dims, index)


def find_geometry(
    traces: TraceFile, layout: SegyLayout
) -> tuple[Candidate, tuple[tuple[Dimension, ...], TraceIndex]] | None:
    """Return the first usual geometry that makes a plausible grid, or None."""
    for candidate, grid in weigh_candidates(traces, layout):
        if candidate.plausible and grid is not None:
            return candidate, grid
    return None
