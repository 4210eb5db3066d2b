"""The sections of a wavelet stream that code runs: where voxels have no value, and zeros at the start of rows.

VDS specification section 9.8, steps 1 and 3.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.blocks import BlockError
from mdio_vds.wavelet.compiled import PAYLOAD, compiled
from mdio_vds.wavelet.entropy import decode_entropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["clear_zero_runs", "no_value_mask"]

_INT: Final = struct.Struct("<i")
_ROW_UNIT: Final = 32  # rows of the bit array are a multiple of it
_LONG_ROW: Final = 256  # from this length on, counts have a second byte


@compiled(f"int64({PAYLOAD}, int64, int64, uint8[:, ::1])")
def _mark_runs(data: NDArray[np.uint8], at: int, end: int, mask: NDArray[np.uint8]) -> int:
    """Set the voxels of runs of ones; return how many bits, row padding included, the runs cover, or -1 for damage."""
    width = mask.shape[1]
    pitch = (width + _ROW_UNIT - 1) // _ROW_UNIT * _ROW_UNIT
    total = mask.shape[0] * pitch
    bit = 0
    while at < end:
        control = int(data[at])
        more = (control >> 1) & 3
        if at + more >= end:
            return -1
        length = control >> 3
        for k in range(more):
            length |= int(data[at + 1 + k]) << (5 + 8 * k)
        at += 1 + more
        behind = bit + length
        if behind > total:
            return -1
        while control & 1 and bit < behind:
            row = bit // pitch
            first = bit - row * pitch
            for x in range(first, min(first + behind - bit, width)):
                mask[row, x] = 1
            bit = (row + 1) * pitch
        bit = behind
    return bit


def no_value_mask(data: NDArray[np.uint8], section: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which voxels have no value.

    Parameters
    ----------
    data
        Payload.
    section
        First byte of the runs, and the one behind them.
    shape
        Of the chunk, slowest dimension first.

    Raises
    ------
    BlockError
        The runs cover other voxels than the chunk has.
    """
    mask = np.zeros(shape, np.uint8)
    covered = _mark_runs(data, *section, mask.reshape(-1, shape[-1]))
    if covered < 0:
        raise BlockError("the runs of voxels without value do not fit the chunk")
    return mask.view(np.bool_)


def clear_zero_runs(data: NDArray[np.uint8], section: tuple[int, int], values: NDArray[np.float32]) -> None:
    """Set the first voxels of rows to zero, as many as are stored for each row.

    Parameters
    ----------
    data
        Payload.
    section
        First byte of the coded counts, and the one behind them.
    values
        The chunk, slowest dimension first; changed in place.

    Raises
    ------
    BlockError
        The counts are damaged.
    """
    width = values.shape[-1]
    rows = values.reshape(-1, width)
    at, end = section
    counts, at = _counts(data, at, end, len(rows))
    if width >= _LONG_ROW:
        high, _ = _counts(data, at, end, len(rows))
        counts = counts | high << 8
    if counts.max() > width:
        raise BlockError(f"a zero run of {counts.max()} voxels in a row of {width}")
    rows[np.arange(width) < counts[:, None]] = 0


def _counts(data: NDArray[np.uint8], at: int, end: int, number: int) -> tuple[NDArray[np.int64], int]:
    """Return one coded array of bytes, and where the next one starts."""
    if at + _INT.size > end:
        raise BlockError("the zero runs are cut off")
    (size,) = _INT.unpack_from(data.data, at)
    at += _INT.size
    behind = at + (size if size > 0 else _INT.size if size == 0 else number)
    if behind > end:
        raise BlockError("the zero runs are cut off")
    if size == 0:
        return np.full(number, _INT.unpack_from(data.data, at)[0], np.int64), behind
    if size < 0:
        return data[at:behind].astype(np.int64), behind
    counts = np.empty(number, np.uint8)
    if decode_entropy(data, at, behind, counts) != number:
        raise BlockError("the zero runs are damaged")
    return counts.astype(np.int64), behind
