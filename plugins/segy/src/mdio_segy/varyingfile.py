"""Bytes of traces by trace number where records differ in length: each padded with zeros to the longest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdio_segy.records import unpack
from mdio_segy.spans import spans
from mdio_segy.tracefile import TraceFile, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mdio.storage.store import RangeReader
    from mdio_segy.filehead import SegyLayout
    from mdio_segy.records import RecordTable

    _Take = Callable[[int, int, NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]], None]

__all__ = ["VaryingTraceFile", "open_traces"]

_WINDOW = 64 << 20
"""Bytes of a file that are mapped or fetched at once."""
_SCATTERED = 16
"""A map is taken for whole records, too, when their runs are shorter than this on average."""


def open_traces(reader: RangeReader, layout: SegyLayout) -> TraceFile:
    """Return the traces of an open file, whether they have one length or not."""
    return TraceFile(reader, layout) if layout.records is None else VaryingTraceFile(reader, layout, layout.records)


class VaryingTraceFile(TraceFile):
    """The traces of an open SEG-Y file that have lengths of their own.

    Parameters
    ----------
    reader
        The open file.
    layout
        Where the traces lie in it.
    table
        Length and place of each.
    """

    def __init__(self, reader: RangeReader, layout: SegyLayout, table: RecordTable) -> None:
        super().__init__(reader, layout)
        self._table = table

    def fetch(self, traces: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Fill ``out``, uint8 ``(n, bytes of the longest record)``, with whole records; ``traces`` ascend."""
        pieces = runs(traces)
        if self._maps and (len(traces) >= _SCATTERED * len(pieces) or len(pieces) == 1):
            self._copy(traces, 0, self._size, out, pieces, self._read)
        else:
            self._copy_part(traces, 0, self._size, out)

    def fetch_part(self, traces: NDArray[np.int64], low: int, high: int) -> NDArray[np.uint8]:
        """Return bytes ``low`` to ``high`` of records, uint8 ``(n, high-low)``; ``traces`` ascend."""
        out = np.empty((len(traces), high - low), dtype=np.uint8)
        self._copy_part(traces, low, high, out)
        return out

    def look(self, traces: NDArray[np.int64], low: int, high: int) -> NDArray[np.uint8]:
        """Return what :meth:`fetch_part` returns."""
        return self.fetch_part(traces, low, high)

    def scan(self, low: int, high: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield ``(first trace, bytes low to high of each record)`` over all traces, in windows."""
        per_window = max(1, _WINDOW // ((self._table.end - self._table.base) // self._count))
        for first in range(0, self._count, per_window):
            yield first, self.fetch_part(np.arange(first, min(first + per_window, self._count)), low, high)

    def _copy_part(self, traces: NDArray[np.int64], low: int, high: int, out: NDArray[np.uint8]) -> None:
        """Copy a part of records, mapped where the file can be, else what lies close together in one request."""
        if self._maps:
            self._copy(traces, low, high, out, [(0, len(traces))], self._mapped)
        else:
            self._copy(traces, low, high, out, None, self._read)

    def _copy(
        self,
        traces: NDArray[np.int64],
        low: int,
        high: int,
        out: NDArray[np.uint8],
        pieces: list[tuple[int, int]] | None,
        take: _Take,
    ) -> None:
        """Copy a part of records piece by piece; a piece is cut where it is longer than a window."""
        offsets, sizes = self._table.offsets(traces), self._table.sizes(traces)
        starts, ends = offsets + np.minimum(low, sizes), offsets + np.minimum(high, sizes)
        for begin, end in spans(starts, ends) if pieces is None else pieces:
            start = begin
            while start < end:
                base = int(starts[start])
                stop = min(end, max(start + 1, int(np.searchsorted(ends, base + _WINDOW, side="right"))))
                some = slice(start, stop)
                length = int(ends[stop - 1]) - base
                if length:
                    take(base, length, starts[some] - base, (ends - starts)[some], out[some])
                else:
                    out[some] = 0
                start = stop

    def _mapped(
        self, base: int, length: int, at: NDArray[np.int64], parts: NDArray[np.int64], out: NDArray[np.uint8]
    ) -> None:
        with self._reader.window(base, length) as view:  # type: ignore[attr-defined]
            unpack(np.frombuffer(view, np.uint8), at, parts, out)

    def _read(
        self, base: int, length: int, at: NDArray[np.int64], parts: NDArray[np.int64], out: NDArray[np.uint8]
    ) -> None:
        flat = np.empty(length, dtype=np.uint8)
        self._reader.read_into(base, flat.data.cast("B"))
        unpack(flat, at, parts, out)
