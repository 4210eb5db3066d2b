"""Values of coefficients from their bit planes (VDS specification section 9.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.wavelet.compiled import PAYLOAD, compiled
from mdio_vds.wavelet.tree import BITS, KNOWN, SIGNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BYTE_BITS", "place_values"]

_RUN: Final = 4096  # values whose planes are summed up together: they stay in the first-level cache

BYTE_BITS: NDArray[np.float32] = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(np.float32)
"""The bits of each byte, lowest first, as numbers: a product adds eight values' bits at once."""


@compiled(
    f"void({PAYLOAD}, int32[::1], int64[::1], int64[:, ::1], int64, int64, float32[::1], float32,"
    " float32[:, ::1], float32[::1])"
)
def place_values(
    data: NDArray[np.uint8],
    places: NDArray[np.int32],
    corners: NDArray[np.int64],
    notes: NDArray[np.int64],
    top: int,
    bottom: int,
    weights: NDArray[np.float32],
    base: float,
    byte_bits: NDArray[np.float32],
    coefficients: NDArray[np.float32],
) -> None:
    """Put the values of a list where they belong.

    The sum is made in single precision from the smallest term upwards, as the reference implementation does it.

    Parameters
    ----------
    data
        Payload.
    places
        Place of the first member of each group.
    corners
        Offset of each member; a power of two of them.
    notes
        What :mod:`mdio_vds.wavelet.tree` noted on the planes; their bytes lie inside ``data``.
    top, bottom
        Highest and lowest plane that was read.
    weights
        Weight of each plane.
    base
        Value of a known coefficient without any bit set.
    byte_bits
        :data:`BYTE_BITS`.
    coefficients
        The chunk.
    """
    total = notes[KNOWN, bottom]
    size = corners.size
    sums = np.empty(_RUN, np.float32)
    for begin in range(0, total, _RUN):
        behind = min(begin + _RUN, total)
        sums[:] = base
        for plane in range(bottom, top + 1):
            known = min(notes[KNOWN, plane], behind) - begin
            if known <= 0:
                break
            weight = weights[plane]
            first = notes[BITS, plane] + (begin >> 3)
            whole = known >> 3
            for j in range(whole):
                bits = byte_bits[data[first + j]]
                eight = sums[8 * j : 8 * j + 8]
                for k in range(8):
                    eight[k] += weight * bits[k]
            if known & 7:
                bits = byte_bits[data[first + whole]]
                for k in range(known & 7):
                    sums[8 * whole + k] += weight * bits[k]
        for plane in range(bottom, top + 1):
            older = notes[KNOWN, plane + 1]
            first = notes[SIGNS, plane]
            for value in range(max(older, begin), min(notes[KNOWN, plane], behind)):
                negative = data[first + ((value - older) >> 3)] >> ((value - older) & 7) & 1
                sums[value - begin] *= np.float32(1 - 2 * negative)  # no branch: signs are as good as random
        for group in range(begin // size, behind // size):
            place = places[group]
            members = sums[group * size - begin :]
            for corner in range(size):
                coefficients[place + corners[corner]] = members[corner]
