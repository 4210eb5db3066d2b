"""Three-byte integers, sample formats 7 and 15 of SEG-Y rev 2: numpy has no such type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_segy.batches import batches
from mdio_segy.errors import ValueNotRepresentable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode_bytes", "encode_bytes"]


def decode_bytes(raw: NDArray[np.uint8], out: NDArray[Any], big_endian: bool) -> None:
    """Decode 24-bit integers, signed or not as ``out`` is.

    Parameters
    ----------
    raw
        uint8, (traces, 3 · samples), contiguous along the last axis.
    out
        int32 or uint32, (traces, samples).
    big_endian
        Byte order of ``raw``.
    """
    octets = raw.reshape(*out.shape, 3)
    high, low = (0, 2) if big_endian else (2, 0)
    for piece in batches(*out.shape):
        source, target = octets[piece], out[piece]
        # Into the upper three bytes, then down: the shift of a signed type spreads the sign.
        bits = target.view(np.uint32)
        np.copyto(bits, source[..., high])
        for position in (1, low):
            np.left_shift(bits, np.uint32(8), out=bits)
            np.bitwise_or(bits, source[..., position], out=bits)
        np.left_shift(bits, np.uint32(8), out=bits)
        np.right_shift(target, target.dtype.type(8), out=target)


def encode_bytes(samples: NDArray[Any], raw: NDArray[np.uint8], big_endian: bool) -> None:
    """Encode integers of 24 bits; arguments as for :func:`decode_bytes`.

    Raises
    ------
    ValueNotRepresentable
        A value needs more than 24 bits; the message names its flat position.
    """
    signed = samples.dtype.kind == "i"
    least, most = (-(1 << 23), (1 << 23) - 1) if signed else (0, (1 << 24) - 1)
    octets = raw.reshape(*samples.shape, 3)
    order = (0, 1, 2) if big_endian else (2, 1, 0)
    for piece in batches(*samples.shape):
        source, target = samples[piece], octets[piece]
        if source.min() < least or source.max() > most:
            bad = np.argwhere((samples < least) | (samples > most))[0]
            raise ValueNotRepresentable(
                f"sample {bad[0] * samples.shape[1] + bad[1]} (counted from the first of the block) is"
                f" {samples[tuple(bad)]}, outside the 24-bit range {least} … {most}",
                hint="write int32 or uint32 samples instead",
            )
        for position, shift in zip(order, (16, 8, 0), strict=True):
            np.copyto(target[..., position], source >> samples.dtype.type(shift), casting="unsafe")
