"""Reads the index words of all traces, and finds out which words index a file that comes without keys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.collect import Collected, collect
from mdio.core.gridding import build_grid
from mdio.exceptions import GridError
from mdio_segy.fields import KeyField
from mdio_segy.look import Look, too_sparse
from mdio_segy.words import WordWatch, regular_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.index import TraceIndex
    from mdio.core.table import HeaderTable
    from mdio_segy.filehead import SegyLayout
    from mdio_segy.tracefile import TraceFile

    Grid = tuple[tuple[Dimension, ...], TraceIndex]
    Words = tuple[tuple[str, int], ...]

__all__ = ["CANDIDATES", "Candidate", "SegyKeys", "find_geometry", "scan_keys", "weigh_candidates"]

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


class SegyKeys:
    """Index words of all traces, read from the file whenever they are asked for: a ``KeyStream``.

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
    """

    def __init__(
        self, traces: TraceFile, layout: SegyLayout, keys: Sequence[KeyField | None], names: Sequence[str]
    ) -> None:
        self.names = tuple(names)
        self.count = layout.trace_count
        self._traces = traces
        self._big_endian = layout.big_endian
        present = [key for key in keys if key is not None]
        self._low = min((key.byte - 1 for key in present), default=0)
        self._high = max((key.stop for key in present), default=0)
        shifted = [key and KeyField(key.name, key.byte - self._low, key.type) for key in keys]
        self._keys = dict(zip(self.names, shifted, strict=True))
        none = np.zeros((0, self._high - self._low), np.uint8)
        self.dtypes = tuple(column.dtype for column in self._read(none).values())

    def _read(self, records: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        return {
            name: np.zeros(len(records), np.int32) if key is None else key.read(records, self._big_endian)
            for name, key in self._keys.items()
        }

    def batches(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield name to words, native byte order, of the next traces."""
        for _, records in self._traces.scan(self._low, max(self._high, 1)):
            yield self._read(records)


def scan_keys(
    traces: TraceFile, layout: SegyLayout, keys: Sequence[KeyField | None], names: Sequence[str]
) -> HeaderTable:
    """Return the index words of all traces as whole columns, mapped from temporary files where they are long.

    For parameters see :class:`SegyKeys`.
    """
    return collect(SegyKeys(traces, layout, keys, names)).table()


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


class _Weighing:
    """The usual geometries of one file: a look at some traces drops most, one pass over all tells of the others.

    Only words that are in no regular order, yet may make a grid, are read once more.
    """

    def __init__(self, traces: TraceFile, layout: SegyLayout) -> None:
        self._traces = traces
        self._layout = layout
        self._count = layout.trace_count
        look = Look(traces, layout)
        self._problems = {words: look.problem(words) for words in CANDIDATES}
        bytes_ = sorted({byte for words in self._open for _, byte in words})
        self._watches = {byte: WordWatch(np.dtype(np.int32)) for byte in bytes_}
        self._watch()

    @property
    def _open(self) -> list[Words]:
        return [words for words, problem in self._problems.items() if not problem]

    def _watch(self) -> None:
        stream = self._stream(list(self._watches))
        for columns in stream.batches() if self._watches else ():
            needed = {byte for words in self._open for _, byte in words}
            if not needed:
                return
            for byte in needed:
                self._watches[byte].feed(columns[str(byte)])
            for words in self._open:
                sizes = [self._watches[byte].least for _, byte in words]
                self._problems[words] = too_sparse(words, sizes, self._count, exact=False)

    def _stream(self, places: Sequence[int]) -> SegyKeys:
        names = [str(byte) for byte in places]
        keys = [KeyField(name, byte) for name, byte in zip(names, places, strict=True)]
        return SegyKeys(self._traces, self._layout, keys, names)

    def estimate(self, words: Words) -> Candidate:
        """Return what the pass tells: shape and fill are exact, traces that share cells may be hidden."""
        if self._problems[words]:
            return Candidate(words, problem=self._problems[words])
        watches = [self._watches[byte] for _, byte in words]
        for (name, _), watch in zip(words, watches, strict=True):
            if watch.always == 0:
                return Candidate(words, problem=f"{name} is 0 in all traces")
        shape = tuple(watch.size for watch in watches)
        problem = too_sparse(words, shape, self._count, exact=True)
        cells = math.prod(shape)
        if cells < self._count:
            problem = f"{self._count} traces, but the grid {shape} has only {cells} cells"
        if problem:
            return Candidate(words, problem=problem)
        return Candidate(words, shape, self._count / cells)

    def grid(self, words: Words) -> tuple[Candidate, Grid | None]:
        """Return the candidate with its grid, or with what turned out to be wrong with it."""
        candidate = self.estimate(words)
        if candidate.problem:
            return candidate, None
        names = [name for name, _ in words]
        regular = regular_grid(names, [self._watches[byte] for _, byte in words], self._count)
        if regular is not None:
            return candidate, regular
        try:
            dims, index, _ = build_grid(self._columns.select({name: str(byte) for name, byte in words}))
        except GridError as error:
            return Candidate(words, problem=error.message), None
        return candidate, (dims, index)

    @cached_property
    def _columns(self) -> Collected:
        """All words of candidates that are still open, read when the first of them is in no regular order."""
        return collect(self._stream(sorted({byte for words in self._open for _, byte in words})))


def weigh_candidates(traces: TraceFile, layout: SegyLayout) -> Iterator[tuple[Candidate, Grid | None]]:
    """Yield every usual geometry with the grid it makes, in the order of :data:`CANDIDATES`."""
    weighing = _Weighing(traces, layout)
    for words in CANDIDATES:
        yield weighing.grid(words)


def find_geometry(traces: TraceFile, layout: SegyLayout) -> tuple[Candidate, Grid] | None:
    """Return the first usual geometry that makes a plausible grid, or None."""
    weighing = _Weighing(traces, layout)
    for words in CANDIDATES:
        if not weighing.estimate(words).plausible:
            continue
        candidate, grid = weighing.grid(words)
        if candidate.plausible and grid is not None:
            return candidate, grid
    return None
