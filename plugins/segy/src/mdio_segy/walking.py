"""Follows the traces of a file whose headers state lengths of their own: each tells where the next one begins.

The walk is sequential by nature. Traces of one length in a row are checked together, so that long runs cost nothing
a trace; where every trace differs from the one before, a step is two words read.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from mdio_segy.records import RecordTable, run_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_segy.claims import Head
    from mdio_segy.detect import Fit

__all__ = ["Walk", "walk"]

_WINDOW = 8 << 20
"""Bytes of the file that are looked at at once; only headers are touched where the file can be mapped."""
_FIRST_WINDOW = 32 << 10
"""The same of the first window: most walks end after a step or two, and a remote file is fetched, not mapped."""
_STANDARD = 240
_PROBABLE = 16
"""Traces of one length in a row after which the next ones are expected to have it, too."""


@dataclass(frozen=True)
class Walk:
    """What a walk found.

    Parameters
    ----------
    table
        The traces on the way; None when the first one is none.
    kinds
        Number of different lengths.
    stopped_at
        Byte at which there is no further trace: the end of the file, a trailer, or something else.
    reason
        Why there is none; empty at the end of the file.
    """

    table: RecordTable | None
    kinds: int
    stopped_at: int
    reason: str


def walk(found: Fit, head: Head) -> Walk:
    """Follow the traces from the first one as far as they go.

    A header on the way has to look like one: it states a count above 0, and either repeats the sample interval of the
    first (bytes 117-118) or is numbered next (bytes 1-4). Junk counts, which are common, lead into samples, where
    this fails at once. Every step goes on by a trace header at least, and 10 bytes a run of traces are held.

    Parameters
    ----------
    found
        A reading of the file: gives byte order, sample format, trace header bytes and the first trace.
    head
        The file.
    """
    steps = _Steps(found, head.size)
    window = min(_FIRST_WINDOW, _WINDOW)
    while not steps.reason and steps.at < head.size:
        with head.window(steps.at, min(window, head.size - steps.at)) as view:
            steps.through(view)
        window = min(8 * window, _WINDOW)
    times, lengths = np.array(steps.times, np.int64), np.array(steps.lengths, np.uint32)
    table = run_table(times, lengths, found.data_offset, found.header_bytes, found.format.item) if len(times) else None
    return Walk(table, len(np.unique(lengths)), steps.at, steps.reason)


class _Steps:
    """Where a walk is, and the runs of equal traces behind it."""

    def __init__(self, found: Fit, size: int) -> None:
        self.at = found.data_offset
        self.reason = ""
        self.times = array("Q")
        self.lengths = array("H")
        self._size = size
        self._header, self._item = found.header_bytes, found.format.item
        self._order = found.claims.order
        self._interval = self._number = -1

    def through(self, view: memoryview) -> None:
        """Take the traces whose headers lie in a window that begins with the next one."""
        words = struct.Struct(self._order + "i110xHH").unpack_from
        header, item, left = self._header, self._item, self._size - self.at
        times, lengths = self.times, self.lengths
        last, number, interval = (lengths[-1] if lengths else 0), self._number, self._interval
        at, room = 0, len(view) - _STANDARD
        alike, reach = 0, _PROBABLE
        while at <= room:
            count, samples, step = words(view, at)
            if interval < 0:
                interval = step
            elif (step != interval or not step) and count != number + 1:
                self.reason = "no trace header is"
            size = header + samples * item
            if not samples:
                self.reason = "a trace header without a sample count is"
            elif at + size > left:
                self.reason = f"a trace of {samples} samples, beyond the end of the file, is"
            if self.reason:
                break
            number, at = count, at + size
            if samples != last:
                times.append(1)
                lengths.append(samples)
                last, alike, reach = samples, 0, _PROBABLE
                continue
            times[-1] += 1
            alike += 1
            if alike >= reach:
                more = min(8 * reach, (room - at) // size + 1, (left - at) // size)
                same = self._same(view, at, size, more, samples, interval, number) if more > 0 else 0
                if same:
                    at += same * size
                    times[-1] += same
                    number = words(view, at - size)[0]
                reach = 8 * reach if same == more else _PROBABLE
                alike = reach if same == more else 0
        else:
            if 0 < left - at < _STANDARD:
                self.reason = "too little for a trace header is"
        self.at += at
        self._number, self._interval = number, interval

    def _same(self, view: memoryview, at: int, size: int, count: int, samples: int, interval: int, number: int) -> int:
        """Return how many of the next ``count`` headers look like one and state the same sample count."""
        flat = np.frombuffer(view, np.uint8)
        stated = _words(flat, at + 114, size, count, self._order + "u2") == samples
        steps = _words(flat, at + 116, size, count, self._order + "u2") == interval
        if not interval or not steps.all():
            numbers = _words(flat, at, size, count, self._order + "i4").astype(np.int64)
            steps &= bool(interval)
            steps |= numbers == np.concatenate([[number], numbers[:-1]]) + 1
        stated &= steps
        return count if stated.all() else int(np.argmin(stated))


def _words(flat: NDArray[np.uint8], at: int, step: int, count: int, kind: str) -> NDArray[np.generic]:
    dtype = np.dtype(kind)
    first = flat[at : at + dtype.itemsize].view(dtype)
    return np.array(as_strided(first, (count,), (step,), writeable=False))
