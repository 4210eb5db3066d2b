"""The sections that code runs, to write: voxels without value, and zeros at the start of rows; see ``runs``.

VDS specification section 9.8, steps 1 and 3.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled
from mdio_vds.wavelet.entropy_out import encode_entropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ABSENT", "coded_bytes", "leading_zeros", "no_value_section", "zero_section"]

ABSENT: Final = struct.pack("<i", -1)
"""The section of a chunk in which every voxel has a value."""

_INT: Final = struct.Struct("<i")
_NO_ZEROS: Final = _INT.pack(_INT.size)
_ROW_UNIT: Final = 32  # rows of the bit array are a multiple of it
_LONG_ROW: Final = 256  # from this length on, counts have a second byte
_HEADER_ROOM: Final = 512
_RAW: Final = -1
_WORTHWHILE: Final = 1 / 16  # zeros for each row, on average, below which they are taken for chance


@compiled("int64(uint8[:, ::1], uint8[::1])")
def _write_runs(mask: NDArray[np.uint8], out: NDArray[np.uint8]) -> int:
    """Write the runs of a bit array whose rows are padded; return their bytes."""
    width = mask.shape[1]
    pitch = (width + _ROW_UNIT - 1) // _ROW_UNIT * _ROW_UNIT
    at = 0
    value = 0
    length = 0
    for row in range(mask.shape[0] + 1):
        for x in range(pitch if row < mask.shape[0] else 1):
            # Padding goes on as the row ends; a last turn closes the last run.
            bit = int(mask[row, min(x, width - 1)] != 0) if row < mask.shape[0] else 1 - value
            if bit == value:
                length += 1
                continue
            if length:
                more = 0
                while length >> (5 + 8 * more):
                    more += 1
                out[at] = value | more << 1 | (length & 31) << 3
                for k in range(more):
                    out[at + 1 + k] = (length >> (5 + 8 * k)) & 255
                at += 1 + more
            value = bit
            length = 1
    return at


def no_value_section(missing: NDArray[np.bool_], value: np.float32) -> bytes:
    """Return the section that says which voxels have no value.

    Parameters
    ----------
    missing
        Those voxels, slowest dimension first.
    value
        What they get.
    """
    rows = np.ascontiguousarray(missing).view(np.uint8).reshape(-1, missing.shape[-1])
    room = len(rows) * (rows.shape[1] + 2) + 4 + rows.size // 64
    runs = np.empty(room, np.uint8)
    length = _write_runs(rows, runs)
    return b"".join((_INT.pack(length), value.tobytes(), runs[:length].tobytes(), bytes(-length % 4)))


def leading_zeros(values: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return how many zeros each row starts with, as in mutes and outside of a survey; None where hardly any does.

    Parameters
    ----------
    values
        The chunk, slowest dimension first.
    """
    width = values.shape[-1]
    rows = values.reshape(-1, width)
    zero = rows == 0
    if np.count_nonzero(zero) < _WORTHWHILE * len(rows):
        return None
    counts: NDArray[np.int64] = np.where(zero.all(axis=1), width, (~zero).argmax(axis=1))
    return counts if counts.sum() >= _WORTHWHILE * len(rows) else None


def zero_section(counts: NDArray[np.int64] | None, width: int) -> bytes:
    """Return the section that makes zeros of the first voxels of rows.

    Parameters
    ----------
    counts
        How many, of every row; None for none.
    width
        Voxels of a row.
    """
    if counts is None:
        return _NO_ZEROS
    body = _coded_counts((counts & 255).astype(np.uint8))
    if width >= _LONG_ROW:
        body += _coded_counts((counts >> 8).astype(np.uint8))
    return b"".join((_INT.pack(_INT.size + len(body)), body, bytes(-len(body) % 4)))


def _coded_counts(counts: NDArray[np.uint8]) -> bytes:
    if (counts == counts[0]).all():
        return _INT.pack(0) + _INT.pack(int(counts[0]))
    size, body = coded_bytes(counts)
    return _INT.pack(size) + body


def coded_bytes(values: NDArray[np.uint8]) -> tuple[int, bytes]:
    """Return the size field, which is -1 for plain ones, and the coded bytes of an array."""
    out = np.zeros(values.size + _HEADER_ROOM, np.uint8)
    size = encode_entropy(values, out)
    return (size, out[:size].tobytes()) if size else (_RAW, values.tobytes())
