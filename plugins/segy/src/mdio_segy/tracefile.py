"""Bytes of traces by trace number: positioned reads for whole records, a passing memory map for pieces of them.

Of a remote file, what lies close together is fetched in one request.
"""

from __future__ import annotations

import itertools
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from mdio.flow.spread import spread
from mdio_segy import kernel
from mdio_segy.spans import FAR_BATCH, spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mdio.storage.store import RangeReader
    from mdio_segy.filehead import SegyLayout

__all__ = ["TraceFile", "as_slice", "runs"]

_WINDOW = 64 << 20
"""Bytes of a file that are mapped or fetched at once while headers are scanned."""
_NEAR_BATCH = 1 << 20
"""Bytes of records that one local read fetches before they are decoded: small enough to stay in the cache."""
_KEPT = 512 << 20
"""Bytes of a file that a map may have touched when it is given up for a new one."""
_PAGE = 4096
_FEW = 1024
"""Records below which one thread reads pieces of them."""
_PARTS = 8
"""Into which the records of a window are cut for the threads."""
_SCATTERED = 16
"""A map is taken for whole records, too, when their runs are shorter than this on average."""


def runs(numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return ``(start, stop)`` positions of the pieces of an ascending array that rise by one."""
    if not len(numbers):
        return []
    breaks = np.flatnonzero(numbers[1:] != numbers[:-1] + 1) + 1
    edges = [0, *breaks.tolist(), len(numbers)]
    return list(itertools.pairwise(edges))


def as_slice(rows: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return a slice for consecutive rows, so that nothing is copied twice."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and np.all(rows[1:] > rows[:-1]):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


class TraceFile:
    """The traces of an open SEG-Y file.

    Parameters
    ----------
    reader
        The open file.
    layout
        Where the traces lie in it.
    """

    def __init__(self, reader: RangeReader, layout: SegyLayout) -> None:
        self._reader = reader
        self._start = layout.data_offset
        self._size = layout.trace_bytes
        self._count = layout.trace_count
        self._maps = hasattr(reader, "window")
        self._touched = 0

    @property
    def batch(self) -> int:
        """Bytes of records that are worth fetching before they are decoded."""
        return _NEAR_BATCH if self._maps else FAR_BATCH

    def close(self) -> None:
        """Close the file; may be called again."""
        self._reader.close()

    def fetch(self, traces: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Fill ``out``, uint8 ``(n, trace bytes)``, with whole records; ``traces`` ascend."""
        if not self._maps:
            self._fetch_spans(traces, 0, self._size, out)
            return
        pieces = runs(traces)
        if len(traces) < _SCATTERED * len(pieces) and len(pieces) > 1:
            self._gather(traces, 0, self._size, out)
            return
        for start, stop in pieces:
            offset = self._start + int(traces[start]) * self._size
            self._reader.read_into(offset, out[start:stop].data.cast("B"))

    def fetch_part(self, traces: NDArray[np.int64], low: int, high: int) -> NDArray[np.uint8]:
        """Return bytes ``low`` to ``high`` of records, uint8 ``(n, high-low)``; ``traces`` ascend."""
        out = np.empty((len(traces), high - low), dtype=np.uint8)
        if self._maps:
            self._gather(traces, low, high, out)
        else:
            self._fetch_spans(traces, low, high, out)
        return out

    def look(self, traces: NDArray[np.int64], low: int, high: int) -> NDArray[np.uint8]:
        """Return what :meth:`fetch_part` returns, for somebody who looks at other parts of the same traces next.

        The pages of a local file stay mapped, so that the next look costs no more than the copy.
        """
        if not self._maps or not len(traces):
            return self.fetch_part(traces, low, high)
        base = int(traces[0])
        records = int(traces[-1]) - base + 1
        offset = self._start + base * self._size + low
        touched = min(len(traces) * ((high - low) // _PAGE + 1) * _PAGE, records * self._size)
        if touched > _KEPT:
            return self.fetch_part(traces, low, high)
        if self._count * self._size > _KEPT:  # else all of it may be mapped
            self._touched += touched
            if self._touched > _KEPT:
                self._touched = touched
                self._reader.let_go()  # type: ignore[attr-defined]
        view = self._reader.kept_window(offset, (records - 1) * self._size + high - low)  # type: ignore[attr-defined]
        window = _strided(view, records, high - low, self._size, 0)
        return np.array(window if records == len(traces) else window[traces - base])

    def _fetch_spans(self, traces: NDArray[np.int64], low: int, high: int, out: NDArray[np.uint8]) -> None:
        """Copy pieces of records out of ranges that hold those lying close together."""
        starts = self._start + traces * self._size + low
        for first, stop in spans(starts, starts + (high - low)):
            offset = int(starts[first])
            base = int(traces[first])
            records = int(traces[stop - 1]) - base + 1
            if records == stop - first and (high - low == self._size or records == 1):
                self._reader.read_into(offset, out[first:stop].data.cast("B"))
                continue
            data = self._reader.read(offset, (records - 1) * self._size + high - low)
            window = _strided(memoryview(data), records, high - low, self._size, 0)
            out[first:stop] = window if records == stop - first else window[traces[first:stop] - base]

    def _gather(self, traces: NDArray[np.int64], low: int, high: int, out: NDArray[np.uint8]) -> None:
        """Copy pieces of records out of memory-mapped windows; each is unmapped before the next."""
        words = kernel.words()
        if words is not None and self._size >= _PAGE // 2 and 4 * (high - low) <= self._size:
            self._gather_small(words.gather, traces, low, out)
            return
        per_window = max(1, _WINDOW // self._size)
        start = 0
        while start < len(traces):
            base = int(traces[start])
            stop = int(np.searchsorted(traces, base + per_window))
            records = int(traces[stop - 1]) - base + 1
            offset = self._start + base * self._size
            with self._reader.window(offset, (records - 1) * self._size + high) as view:  # type: ignore[attr-defined]
                window = _strided(view, records, high - low, self._size, low)
                if records == stop - start:
                    out[start:stop] = window
                else:
                    out[start:stop] = window[traces[start:stop] - base]
                del window
            start = stop

    def _gather_small(
        self, gather: Callable[..., int], traces: NDArray[np.int64], low: int, out: NDArray[np.uint8]
    ) -> None:
        """Read a few bytes of every record, each by itself: half of what it costs to map the page it lies in."""
        width = out.shape[1]
        offsets = self._start + low + traces * self._size

        def read(part: slice) -> None:
            some, target = offsets[part], out[part]
            done = gather(self._reader.descriptor, some, width, target)  # type: ignore[attr-defined]
            for at in range(done, len(some)):  # never in a whole file; raises where it is not
                self._reader.read_into(int(some[at]), target[at].data)

        step = max(1, min(_WINDOW // self._size, -(-len(traces) // _PARTS)))
        parts = [slice(first, first + step) for first in range(0, len(traces), step)]
        for part in parts:
            self._will_need(offsets[part], width)
        if len(traces) < _FEW:
            for part in parts:
                read(part)
        else:
            spread(partial(read, part) for part in parts)

    def _will_need(self, offsets: NDArray[np.int64], width: int) -> None:
        """Have the system fetch pages ahead where most are needed: it takes single bytes here and there for random."""
        if len(offsets) and hasattr(os, "posix_fadvise"):
            span = int(offsets[-1]) + width - int(offsets[0])
            if span <= 2 * len(offsets) * max(self._size, _PAGE):
                os.posix_fadvise(self._reader.descriptor, int(offsets[0]), span, os.POSIX_FADV_WILLNEED)  # type: ignore[attr-defined]

    def scan(self, low: int, high: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield ``(first trace, bytes low to high of each record)`` over all traces, in windows.

        The arrays are copies of at most some megabytes.
        """
        per_window = max(1, _WINDOW // self._size)
        for first in range(0, self._count, per_window):
            count = min(per_window, self._count - first)
            yield first, self.fetch_part(np.arange(first, first + count), low, high)


def _strided(view: memoryview, records: int, width: int, step: int, offset: int) -> NDArray[Any]:
    flat = np.frombuffer(view, dtype=np.uint8)
    return as_strided(flat[offset:], (records, width), (step, 1), writeable=False)
