"""What a handful of trace headers says about the reading of a file: right byte order, one length, one interval."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mdio_segy.claims import Head
    from mdio_segy.detect import Fit

__all__ = ["Probe", "counts_agree", "headers_agree", "probe", "real_traces"]

_WALK = 64
_SPREAD = 8
_ALIKE = 120  # equal bytes of 240


@dataclass(frozen=True, slots=True)
class Probe:
    """Words of the first traces and the last one, at the places the reading gives.

    Parameters
    ----------
    samples, intervals
        Bytes 115-116 and 117-118 of each, unsigned.
    """

    samples: tuple[int, ...]
    intervals: tuple[int, ...]

    def other_order(self, samples: int) -> bool:
        """Whether the headers state ``samples`` in the other byte order and something else in this one."""
        stated = set(self.samples)
        return len(stated) == 1 and samples not in stated and _swapped(self.samples[0]) == samples


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def probe(found: Fit, head: Head) -> Probe:
    """Read the first four trace headers and the last one."""
    numbers = [*range(min(4, found.trace_count)), found.trace_count - 1]
    words = [
        struct.unpack_from(
            found.claims.order + "HH", head.read(found.data_offset + number * found.trace_bytes, 240), 114
        )
        for number in dict.fromkeys(numbers)
    ]
    return Probe(tuple(word[0] for word in words), tuple(word[1] for word in words))


def counts_agree(found: Fit, head: Head) -> float:
    """Return what part of some trace headers, spread over the file, states the sample count of the reading, or none."""
    numbers = np.linspace(0, found.trace_count - 1, min(_SPREAD, found.trace_count)).astype(np.int64).tolist()
    agree = 0
    for number in numbers:
        header = head.glance(found.data_offset + number * found.trace_bytes, 240)
        agree += struct.unpack_from(found.claims.order + "H", header, 114)[0] in (0, found.samples)
    return agree / len(numbers)


def headers_agree(found: Fit, count: int, head: Head) -> bool:
    """Return whether the first of ``count`` traces all begin with something like the first header.

    Decides whether a file whose end does not fit was cut, or is read with a wrong trace length: then what should be
    headers are samples, while headers share most of their bytes.
    """
    first = np.frombuffer(head.read(found.data_offset, 240), np.uint8)
    counts = first[114:118]
    for number in range(1, min(count, _WALK)):
        at = found.data_offset + number * found.trace_bytes
        other = np.frombuffer(head.read(at, 240), np.uint8)
        if np.count_nonzero(first == other) < _ALIKE or (counts.any() and not np.array_equal(counts, other[114:118])):
            return False
    return True


def real_traces(found: Fit, head: Head) -> int:
    """Return how many of the apparent traces at the end of the file have headers like the first one.

    Used when bytes follow the traces: a stretch longer than a trace looks like one until its header is read.
    """
    order = found.claims.order + "HH"
    like = struct.unpack_from(order, head.read(found.data_offset, 240), 114)
    if not any(like):
        return found.trace_count
    count = found.trace_count
    for _ in range(min(count - 1, _WALK)):
        header = head.read(found.data_offset + (count - 1) * found.trace_bytes, 240)
        if struct.unpack_from(order, header, 114) == like:
            return count
        count -= 1
    return found.trace_count
