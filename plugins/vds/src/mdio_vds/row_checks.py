"""Checks of chunk entries, for what no payload vouches for: the value of a constant chunk lies in its entry alone.

Both layouts have room for them that the reference implementation does not look at: the reserved word of a container's
index row, which it sets to 0 when it writes the row anew, and bytes behind the last row of a metadata page, which it
keeps as they are when it edits the page. A check is the CRC32C of the layer's name, the number of the chunk and the
entry, so that an entry in another's place is found as well.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["check_in_page", "check_of_row", "page_checks", "seal_rows"]

_MARK = b"mdiorows"
_CHECK = struct.Struct("<I")
_RESERVED = slice(12, 16)
"""Where an index row of a container has its reserved word."""


def check_of_row(layer: str, index: int, row: bytes) -> int:
    """Return the check of a chunk's entry, never 0.

    Parameters
    ----------
    layer
        Name of the layer.
    index
        Number of the chunk.
    row
        Its row, without the reserved word in a container.
    """
    check: int = google_crc32c.value(f"{layer}\0{index}\0".encode() + row)
    return check or 1


def seal_rows(layer: str, first: int, rows: NDArray[Any]) -> NDArray[Any]:
    """Set the reserved words of all index rows of a container's page to their checks.

    Also of rows that no chunk has: a page offset that was damaged then leads to no zeros, which are unwritten chunks.

    Parameters
    ----------
    layer
        Name of the layer.
    first
        Number of the chunk of the first row.
    rows
        The page; changed in place and returned.
    """
    width, raw = rows.dtype.itemsize, rows.tobytes()
    parts = [raw[at * width : (at + 1) * width] for at in range(len(rows))]
    checks = [
        check_of_row(layer, first + at, part[: _RESERVED.start] + part[_RESERVED.stop :])
        for at, part in enumerate(parts)
    ]
    rows["reserved"] = np.array(checks, "<u4").view("<i4")
    return rows


def page_checks(layer: str, first: int, count: int, width: int, rows: bytes) -> bytes:
    """Return what goes behind the rows of a metadata page: a mark and a check for each of ``count`` rows."""
    checks = [_CHECK.pack(check_of_row(layer, first + at, rows[at * width : (at + 1) * width])) for at in range(count)]
    return _MARK + b"".join(checks)


def check_in_page(page: bytes, rows_end: int, at: int) -> int | None:
    """Return the check of a row of a metadata page, whose rows end at ``rows_end``; None where it has none."""
    start = rows_end + len(_MARK)
    place = start + _CHECK.size * at
    if page[rows_end:start] != _MARK or place + _CHECK.size > len(page):
        return None
    check: int = _CHECK.unpack_from(page, place)[0]
    return check
