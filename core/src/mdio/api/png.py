"""The smallest PNG writer that will do: grey pixels, for pictures where a plotting library is too much."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["grey_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG of grey pixels (PNG specification, third edition, sections 5 and 11.2).

    Parameters
    ----------
    pixels
        uint8 (rows, columns), 0 black, 255 white.
    """
    rows, columns = pixels.shape
    # Bit depth 8, colour type 0 (grey), deflate, the five filters, not interlaced; filter 0 in front of each row.
    header = struct.pack(">2I5B", columns, rows, 8, 0, 0, 0, 0)
    lines = np.concatenate([np.zeros((rows, 1), dtype=np.uint8), pixels], axis=1)
    return (
        _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
