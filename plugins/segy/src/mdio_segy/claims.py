"""What the file headers say, taken down word by word in one byte order, and what the user says instead.

SEG-Y rev 1 section 5, rev 2.1 table 2. Nothing is judged here; :mod:`mdio_segy.detect` does that.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mdio.exceptions import ConfigError

if TYPE_CHECKING:
    from mdio.storage.store import RangeReader

__all__ = ["Claims", "Head", "LayoutOverrides", "read_claims"]

_PREFETCH = 64 << 10
_WINDOW = 64 << 10
_MOST_WINDOWS = 8
_MOST_HEADER_EXTENSIONS = 64


@dataclass(frozen=True, slots=True)
class LayoutOverrides:
    """What the user knows better than the file.

    Parameters
    ----------
    format
        Sample format code (``--sample-format``).
    samples
        Samples a trace (``--samples``).
    interval
        Sample interval in microseconds (``--interval``).
    endian
        ``"big"`` or ``"little"``: byte order of binary and trace headers (``--endian``).
    data_endian
        The same for samples (``--data-endian``); as the headers by default.
    extended_text
        Number of extended textual records (``--extended-headers``).
    strict
        Refuse a file that does not end with a whole trace, instead of keeping what is left (``--strict``).

    Raises
    ------
    ConfigError
        A byte order that is neither.
    """

    format: int | None = None
    samples: int | None = None
    interval: float | None = None
    endian: str | None = None
    data_endian: str | None = None
    extended_text: int | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("endian", "data_endian"):
            if getattr(self, name) not in (None, "big", "little"):
                raise ConfigError(f"{name} is {getattr(self, name)!r}", hint="give big or little, or leave it out")


class Head:
    """Small reads of a file out of a few larger ones, where each costs a round trip."""

    def __init__(self, reader: RangeReader, url: str) -> None:
        self.url = url
        self.size = reader.size
        self._reader = reader
        self._near = hasattr(reader, "window")
        self._windows: list[tuple[int, bytes]] = []
        self.start = reader.read(0, min(self.size, _PREFETCH))

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; the range lies inside the file."""
        if offset + length <= len(self.start):
            return self.start[offset : offset + length]
        if self._near or length > _WINDOW // 2:
            return self._reader.read(offset, length)
        for first, data in self._windows:
            if first <= offset and offset + length <= first + len(data):
                return data[offset - first : offset - first + length]
        # Traces are walked forwards from the first and backwards from the last.
        first = max(0, min(offset - _WINDOW // 4, self.size - _WINDOW))
        data = self._reader.read(first, min(_WINDOW, self.size - first))
        self._windows = [(first, data), *self._windows[: _MOST_WINDOWS - 1]]
        return data[offset - first : offset - first + length]

    def glance(self, offset: int, length: int) -> bytes:
        """Return a few bytes from far inside the file, near which nothing else will be read."""
        if offset + length <= len(self.start):
            return self.start[offset : offset + length]
        return self._reader.read(offset, length)

    @contextlib.contextmanager
    def window(self, offset: int, length: int) -> Iterator[memoryview]:
        """Give a larger range, mapped where the file can be; no view of the memory may outlive the context."""
        if hasattr(self._reader, "window"):
            with self._reader.window(offset, length) as view:
                yield view
        else:
            yield memoryview(self._reader.read(offset, length))


@dataclass(frozen=True, slots=True)
class Claims:
    """What the binary header says in one byte order; counts are unsigned.

    Parameters
    ----------
    big_endian
        The byte order.
    base
        Where the textual header begins: behind a tape label, if any.
    code
        Sample format code.
    modern
        Whether the words that rev 2 added hold: they are junk in many older files.
    samples, more_samples
        Sample count, and the extended one of rev 2.
    interval, more_interval
        Sample interval in microseconds, and the extended one of rev 2.
    extended_text
        Number of extended textual records, as stated.
    extensions
        Trace header extensions of 240 bytes: stated numbers, the likelier first.
    first_trace, stanzas, traces
        Rev 2.1: offset of the first trace, number of trailer stanzas, number of traces; 0 when not stated.
    fixed
        The fixed-length flag.
    """

    big_endian: bool
    base: int
    code: int
    modern: bool
    samples: int
    more_samples: int
    interval: int
    more_interval: float
    extended_text: int
    extensions: tuple[int, ...]
    first_trace: int
    stanzas: int
    traces: int
    fixed: bool

    @property
    def order(self) -> str:
        """Byte order for :mod:`struct`."""
        return ">" if self.big_endian else "<"


def read_claims(binary: bytes, base: int, big_endian: bool, declared: bool) -> Claims:
    """Return what a binary header says in one byte order.

    Parameters
    ----------
    binary
        400 bytes.
    base
        Where the textual header begins in the file.
    big_endian
        The byte order to try.
    declared
        Whether the byte-order constant of rev 2 is there.
    """

    def word(byte: int, kind: str) -> int:
        return int(struct.unpack_from((">" if big_endian else "<") + kind, binary, byte - 3201)[0])

    modern = binary[300] == 2 or (declared and binary[301] == 2)
    wide, narrow = word(3507, "i"), word(3507, "h")
    extensions = [n for n in (wide, narrow) if 0 < n <= _MOST_HEADER_EXTENSIONS] if modern else []
    interval = struct.unpack_from((">" if big_endian else "<") + "d", binary, 72)[0] if modern else 0.0
    return Claims(
        big_endian=big_endian,
        base=base,
        code=word(3225, "H"),
        modern=modern,
        samples=word(3221, "H"),
        more_samples=word(3269, "I") if modern or declared else 0,
        interval=word(3217, "H"),
        more_interval=interval if math.isfinite(interval) and 0 < interval < 1e9 else 0.0,
        extended_text=word(3505, "h"),
        extensions=(*dict.fromkeys(extensions), 0),
        first_trace=word(3521, "Q") if modern else 0,
        stanzas=word(3529, "i") if modern else 0,
        traces=word(3513, "Q") if modern else 0,
        fixed=word(3503, "h") == 1,
    )
