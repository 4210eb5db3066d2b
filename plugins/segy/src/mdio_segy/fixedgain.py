"""Fixed point with gain, sample format 4: obsolete since SEG-Y rev 1, still legal.

SEG-Y rev 0 (Barry, Cavers and Kneale 1975) splits the four bytes into a gain exponent in the upper two, of which the
first is zero, and a 16-bit two's complement mantissa in the lower two. Neither it nor later revisions fix the sign
with which the exponent acts beyond doubt, and no file at hand decides it; here value = mantissa · 2^exponent, as for
any other exponent, with the upper two bytes taken as one signed number. Many words share a value, so those that are
not the one with the smallest exponent (from 0 up where the value is a whole number) travel as patches. Whatever the
right reading is, the words come back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdio.core.volume import Patches
from mdio_segy.batches import batches
from mdio_segy.errors import ValueNotRepresentable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode_words", "encode_words"]

_LARGEST = float(np.finfo(np.float32).max)


def decode_words(words: NDArray[np.uint32], out: NDArray[np.float32]) -> Patches | None:
    """Decode words to float32, rounded to nearest even, saturated at its largest finite value.

    Parameters
    ----------
    words
        1-D or 2-D, ``>u4`` or ``<u4``.
    out
        float32, native order, same shape.

    Returns
    -------
    Patches or None
        Words that :func:`encode_words` would not give back, by flat position in ``out``.
    """
    rows = words.reshape(1, -1) if words.ndim == 1 else words
    target = out.reshape(1, -1) if out.ndim == 1 else out
    at, raw = [], []
    for piece in batches(*rows.shape):
        word = rows[piece].astype(np.uint32)
        mantissa = word.astype(np.uint16).view(np.int16)
        exponent = (word >> np.uint32(16)).astype(np.uint16).view(np.int16)
        # Beyond ±400 float64 has long saturated; the clip keeps ldexp from overflowing into a warning.
        exact = np.ldexp(mantissa.astype(np.float64), np.clip(exponent, -400, 400).astype(np.int32))
        with np.errstate(under="ignore"):
            value = np.clip(exact, -_LARGEST, _LARGEST).astype(np.float32)
        target[piece] = value
        lost = np.flatnonzero(_encode(value) != word)
        if lost.size:
            at.append(lost + (piece[0].start * rows.shape[1] + piece[1].start))
            raw.append(word.reshape(-1)[lost])
    return Patches(np.concatenate(at), np.concatenate(raw)) if at else None


def encode_words(values: NDArray[np.float32], out: NDArray[np.uint32]) -> None:
    """Encode float32 with 16-bit mantissas, rounded to nearest even; shapes as for :func:`decode_words`.

    Raises
    ------
    ValueNotRepresentable
        NaN or infinity; the message names the flat position of the first.
    """
    finite = np.isfinite(values)
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise ValueNotRepresentable(
            f"sample {first} (counted from the first of the block) is not finite, which fixed point cannot hold",
            hint="write IEEE samples (ieee32), or replace these samples first",
        )
    np.copyto(out, _encode(values))


def _encode(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    exact = values.astype(np.float64)
    scale = np.frexp(exact)[1] - 15
    # A whole number that fits into 16 bits keeps exponent 0.
    scale = np.where((exact == np.rint(exact)) & (scale < 0), 0, scale)
    mantissa = np.rint(np.ldexp(exact, -scale))
    over = np.abs(mantissa) == 32768  # rounding up reached 2^15
    mantissa = np.where(over, mantissa / 2, mantissa)
    scale = np.where(over, scale + 1, scale)
    low = mantissa.astype(np.int16).view(np.uint16).astype(np.uint32)
    high = scale.astype(np.int16).view(np.uint16).astype(np.uint32)
    words: NDArray[np.uint32] = np.bitwise_or(np.left_shift(high, np.uint32(16)), low)
    return words
