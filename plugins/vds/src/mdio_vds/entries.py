"""The chunk entries of a layer under construction: one row of an array each, because there may be millions."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.chunks import ADAPTIVE_LEVELS, ChunkEntry, ChunkKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.enums import CompressionMethod

__all__ = ["ROWS_PER_PAGE", "ChunkTable", "check_chunk", "level_totals", "row_type"]

ROWS_PER_PAGE = 1024
"""Chunks whose metadata make a page, in both layouts; what the reference implementation writes."""

_MOST = 2**31 - 1
NO_VALUE_HASH = 0xFFFF_FFFF_FFFF_FFFF
CONSTANT_TAG = 0x0101_0101
"""Section 7; :class:`~mdio_vds.chunks.ChunkEntry` says the same of one chunk."""


def row_type(method: CompressionMethod) -> np.dtype[Any]:
    """Return the type of an index row of a container: 24 bytes, 40 in wavelet layers (section 2.4)."""
    fields: list[tuple[str, str]] = [("offset", "<i8"), ("length", "<i4"), ("reserved", "<i4"), ("hash", "<u8")]
    return np.dtype([*fields, ("levels", f"V{ADAPTIVE_LEVELS}")] if method.is_wavelet else fields)


class ChunkTable:
    """Entries of all chunks of one layer, safe to use from several threads.

    Parameters
    ----------
    rows
        One row of :func:`row_type` for each chunk; taken over.
    rows_per_page
        Chunks that make a page, which is written anew when one of them was set.
    """

    def __init__(self, rows: NDArray[Any], rows_per_page: int = ROWS_PER_PAGE) -> None:
        self._rows = rows
        self.rows_per_page = rows_per_page
        self.changed: NDArray[np.bool_] = np.zeros(-(-len(rows) // rows_per_page), bool)
        self._leveled = "levels" in (rows.dtype.names or ())
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> tuple[int, int, ChunkEntry]:
        """Return payload offset, payload length in bytes, and the entry of a chunk."""
        if not 0 <= index < len(self._rows):
            raise IndexError(f"chunk {index} of {len(self._rows)}")
        with self._lock:
            return self._row(index)

    def set(self, index: int, offset: int, length: int, hash: int, levels: bytes = b"") -> tuple[int, ChunkEntry]:
        """Set a row; return payload length and entry that it had."""
        with self._lock:
            _, old_length, old = self._row(index)
            row = self._rows[index]
            row["offset"], row["length"], row["hash"] = offset, length, hash
            if self._leveled:
                row["levels"] = np.void(levels or bytes(ADAPTIVE_LEVELS))
            self.changed[index // self.rows_per_page] = True
        return old_length, old

    def _row(self, index: int) -> tuple[int, int, ChunkEntry]:
        row = self._rows[index]
        levels = row["levels"].tobytes() if self._leveled else b""
        return int(row["offset"]), int(row["length"]), ChunkEntry(int(row["hash"]), levels)

    def page(self, number: int) -> NDArray[Any]:
        """Return a copy of the rows of a page, filled up with zeros."""
        part = self._rows[number * self.rows_per_page : (number + 1) * self.rows_per_page]
        page = np.zeros(self.rows_per_page, self._rows.dtype)
        page[: len(part)] = part
        return page

    def valid(self) -> int:
        """Return the number of chunks that were written."""
        return int(np.count_nonzero(self._rows["hash"]))

    def stored(self) -> NDArray[np.bool_]:
        """Return which chunks have a payload; a million of them in a few milliseconds."""
        hashes = self._rows["hash"]
        stored: NDArray[np.bool_] = (hashes != 0) & (hashes != NO_VALUE_HASH) & (hashes >> 32 != CONSTANT_TAG)
        return stored

    def payload_bytes(self) -> int:
        """Return the bytes of all payloads."""
        return int(self._rows["length"].sum(dtype=np.int64))

    def levels(self) -> list[int]:
        """Return the bytes of the layer at each adaptive level; 16 zeros where there are no levels."""
        totals = np.zeros(ADAPTIVE_LEVELS, np.int64)
        if self._leveled:
            step = 1 << 16
            for start in range(0, len(self._rows), step):
                part = self._rows[start : start + step]
                totals += level_totals(part["length"], part["levels"])
        return [int(total) for total in totals]


def level_totals(lengths: NDArray[Any], levels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the bytes that a read of each adaptive level needs of those chunks that have it (section 9.9).

    Parameters
    ----------
    lengths
        Payload lengths in bytes.
    levels
        The 16 level bytes of each: 255ths of the level before; 0 ends the row.
    """
    parts = np.ascontiguousarray(levels).view(np.uint8).reshape(-1, ADAPTIVE_LEVELS).astype(np.int64)
    left = lengths.astype(np.int64)
    goes_on = np.ones(len(left), bool)
    totals = np.zeros(ADAPTIVE_LEVELS, np.int64)
    for level in range(ADAPTIVE_LEVELS):
        goes_on &= parts[:, level] != 0
        left = np.where(goes_on, left * parts[:, level] // 255, left)
        totals[level] = left[goes_on].sum()
    return totals


def check_chunk(index: int, count: int, method: CompressionMethod, hash: int, length: int, levels: bytes) -> None:
    """Raise ValueError unless a chunk is what the format can hold (section 7); IndexError for its number."""
    if not 0 <= index < count:
        raise IndexError(f"chunk {index} of {count}")
    if not 0 <= hash < 2**64:
        raise ValueError(f"a hash has 64 bits, not {hash:#x}")
    stored = ChunkEntry(hash).kind is ChunkKind.STORED
    if stored != bool(length):
        raise ValueError(f"chunk {index}: hash {hash:#018x} {'needs a' if stored else 'has no'} payload")
    if length > _MOST:
        raise ValueError(f"chunk {index}: a payload of {length} bytes is longer than {_MOST}")
    if levels and (len(levels) != ADAPTIVE_LEVELS or not method.is_wavelet):
        raise ValueError(f"chunk {index}: {len(levels)} level bytes in a layer of method {method.label}")
