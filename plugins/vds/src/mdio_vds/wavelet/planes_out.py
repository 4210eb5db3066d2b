"""Coefficients into bit planes (VDS specification sections 9.6 and 9.10); the counterpart of ``planes``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled, inlined
from mdio_vds.wavelet.tree import BITS, KNOWN, SIGNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MOST_PLANES", "known_value", "quantise", "value_table", "write_values"]

MOST_PLANES: Final = 30
"""Bits of a quantised magnitude; the sign is kept above."""

_MAGNITUDE: Final = np.uint32((1 << 31) - 1)
_SIGN: Final = np.uint32(31)
_RUN: Final = 4096  # values that are gathered together: they stay in the first-level cache
_EXPONENT: Final = 126  # of single precision for numbers below 1
_SHORT: Final = 10  # bits of magnitudes whose values are kept in a table
_SHORT_ONES: Final = np.uint32((1 << _SHORT) - 1)


@compiled("int64(float32[::1], float32, float32, uint32[::1], uint8[::1])")
def quantise(
    coefficients: NDArray[np.float32],
    step: float,
    rounding: float,
    quantised: NDArray[np.uint32],
    lengths: NDArray[np.uint8],
) -> int:
    """Divide magnitudes by the weight of the lowest plane.

    Parameters
    ----------
    coefficients
        Finite, and less than two to the power of :data:`MOST_PLANES` steps.
    step
        Weight of the lowest plane.
    rounding
        What is added before the fraction is cut off: 0 where readers add half a step.
    quantised
        Receives the magnitudes, with the sign in the highest bit.
    lengths
        Receives how many bits each magnitude needs.

    Returns
    -------
    int
        Most bits of any.
    """
    words = coefficients.view(np.uint32)
    scaled = np.empty(_RUN, np.float32)
    bits = scaled.view(np.int32)
    most = 0
    for begin in range(0, coefficients.size, _RUN):
        count = min(_RUN, coefficients.size - begin)
        part, out = coefficients[begin : begin + count], quantised[begin : begin + count]
        signs, needed = words[begin : begin + count], lengths[begin : begin + count]
        for k in range(count):
            scaled[k] = np.abs(part[k]) / step + rounding
        for k in range(count):
            out[k] = np.uint32(np.int32(scaled[k])) | (signs[k] >> _SIGN) << _SIGN
        for k in range(count):
            needed[k] = max((bits[k] >> np.int32(23)) - np.int32(_EXPONENT), np.int32(0))
        for k in range(count):
            most = max(most, int(needed[k]))
    return most


def value_table(weights: NDArray[np.float32], base: float) -> NDArray[np.float32]:
    """Return what readers make of small magnitudes; they add up from the lowest plane in single precision.

    Parameters
    ----------
    weights
        Weight of each plane.
    base
        Value of a known coefficient without any bit set.
    """
    numbers = np.arange(1 << _SHORT)
    table = np.full(numbers.size, base, np.float32)
    for plane, weight in enumerate(weights[:_SHORT]):
        table[numbers >> plane & 1 == 1] += weight
    return table


@inlined
def known_value(word: Any, table: NDArray[np.float32], weights: NDArray[np.float32]) -> Any:
    """Return what readers make of a coefficient of :func:`quantise` that they know of, to the last bit."""
    magnitude = word & _MAGNITUDE
    value = table[magnitude & _SHORT_ONES]
    rest = magnitude >> np.uint32(_SHORT)
    plane = _SHORT
    while rest:
        if rest & np.uint32(1):
            value += weights[plane]
        rest >>= np.uint32(1)
        plane += 1
    return -value if word >> _SIGN else value


@inlined
def _turned(word: np.uint64) -> np.uint64:
    """Return eight bytes transposed as a matrix of bits."""
    swap = (word ^ (word >> np.uint64(7))) & np.uint64(0x00AA00AA00AA00AA)
    word = word ^ swap ^ (swap << np.uint64(7))
    swap = (word ^ (word >> np.uint64(14))) & np.uint64(0x0000CCCC0000CCCC)
    word = word ^ swap ^ (swap << np.uint64(14))
    swap = (word ^ (word >> np.uint64(28))) & np.uint64(0x00000000F0F0F0F0)
    return word ^ swap ^ (swap << np.uint64(28))


@compiled("void(uint8[::1], int32[::1], int64[::1], int64[:, ::1], int64, uint32[::1])")
def write_values(
    out: NDArray[np.uint8],
    places: NDArray[np.int32],
    corners: NDArray[np.int64],
    notes: NDArray[np.int64],
    top: int,
    quantised: NDArray[np.uint32],
) -> None:
    """Write the bits and signs of the values of a list.

    Parameters
    ----------
    out
        The stream.
    places
        Place of the first member of each group.
    corners
        Offset of each member; a power of two of them.
    notes
        What :mod:`mdio_vds.wavelet.tree_out` noted on the planes. Signs are clear.
    top
        Highest plane.
    quantised
        Magnitudes and signs of :func:`quantise`.
    """
    total = notes[KNOWN, 0]
    size = corners.size
    gathered = np.zeros(_RUN, np.uint32)
    for begin in range(0, total, _RUN):
        count = min(_RUN, total - begin)
        for group in range(begin // size, (begin + count) // size):
            for corner in range(size):
                gathered[group * size - begin + corner] = quantised[places[group] + corners[corner]]
        gathered[count:] = 0
        for first in range(0, count, 8):
            eight = gathered[first : first + 8]
            byte = (begin + first) >> 3
            for low in range(0, top + 1, 8):
                word = np.uint64(0)
                for k in range(8):
                    part = (eight[k] & _MAGNITUDE) >> np.uint32(low) & np.uint32(255)
                    word |= np.uint64(part) << np.uint64(8 * k)
                # A value that is not known yet has no bit in a plane: the last byte of a plane may hold such ones.
                word = _turned(word)
                for plane in range(low, min(low + 8, top + 1)):
                    if begin + first >= notes[KNOWN, plane]:
                        break
                    out[notes[BITS, plane] + byte] = np.uint8(word & np.uint64(255))
                    word >>= np.uint64(8)
        for plane in range(top + 1):
            older = notes[KNOWN, plane + 1]
            at = notes[SIGNS, plane]
            for value in range(max(older, begin), min(notes[KNOWN, plane], begin + count)):
                sign = np.uint8(gathered[value - begin] >> _SIGN)
                out[at + ((value - older) >> 3)] |= sign << np.uint8((value - older) & 7)
