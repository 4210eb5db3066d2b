"""What lossless methods add: the bits in which the decoded single-precision numbers differ from the true ones.

VDS specification section 9.8, step 4.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.blocks import BlockError
from mdio_vds.wavelet.entropy import decode_entropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["apply_residual"]

_HEADER: Final = struct.Struct("<5i")  # zero, then the bytes of four planes
_RAW: Final = -1


def apply_residual(data: NDArray[np.uint8], at: int, values: NDArray[np.float32]) -> None:
    """Make values exact.

    Parameters
    ----------
    data
        Payload.
    at
        Where the section starts; it reaches to the end.
    values
        The chunk; C order, changed in place.

    Raises
    ------
    BlockError
        The section is cut off or damaged.
    """
    if at + _HEADER.size > data.size:
        raise BlockError("the lossless part is cut off")
    unused, *sizes = _HEADER.unpack_from(data.data, at)
    if unused:
        raise BlockError(f"the lossless part starts with {unused} instead of 0")
    at += _HEADER.size
    bits = values.reshape(-1).view(np.uint32)
    plane = np.empty(bits.size, np.uint8)
    for number, size in enumerate(sizes):
        if size == 0:
            continue
        length = bits.size if size == _RAW else size
        if length <= 1 < bits.size or at + length > data.size or length < 0:
            raise BlockError(f"byte plane {number} of the lossless part is cut off or damaged")
        if size == _RAW:
            plane[:] = data[at : at + length]
        elif decode_entropy(data, at, at + length, plane) != bits.size:
            raise BlockError(f"byte plane {number} of the lossless part is damaged")
        at += length
        bits ^= plane.astype(np.uint32) << np.uint32(8 * number)
