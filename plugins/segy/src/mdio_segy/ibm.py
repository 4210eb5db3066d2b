"""IBM System/360 single precision, the sample format of most SEG-Y files.

A word is sign s (1 bit), exponent E (7 bits), fraction F (24 bits); its value is (-1)^s · F/2^24 · 16^(E-64)
(SEG-Y rev 1, section 4 and appendix E). float32 has 24 significant bits too, so a normalised word (top hexadecimal
digit of F not 0) whose value lies in float32's normal range becomes float32 without rounding and comes back as the
same word. The rest – unnormalised words, zeros with an exponent, values beyond float32 or among its subnormals – is
rare in amplitudes and is worked on word by word in double precision, where all of it is exact. Words that float32
does not give back travel as :class:`~mdio.core.volume.Patches`.

Both directions work on cache-sized pieces with integer arithmetic only where it matters: 16^(E-64)/2^24 is
2^(4E-280), a float32 whose bits are ``(4E - 153) << 23``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.volume import Patches
from mdio_segy.batches import Scratch, batches
from mdio_segy.errors import ValueNotRepresentable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode_words", "encode_words"]

_SIGN = np.uint32(0x8000_0000)
_MAGNITUDE = np.uint32(0x7FFF_FFFF)
_EXPONENT = np.uint32(0x7F00_0000)
_FRACTION = np.uint32(0x00FF_FFFF)
_TOP_DIGIT = np.uint32(0x00F0_0000)
_BIAS = np.uint32(153 << 23)
_ONE = np.uint32(1)
_LARGEST = float(np.finfo(np.float32).max)

_scratch = Scratch()


def decode_words(words: NDArray[np.uint32], out: NDArray[np.float32]) -> Patches | None:
    """Decode IBM words to float32, each rounded once, to nearest even.

    Parameters
    ----------
    words
        1-D or 2-D, ``>u4`` or ``<u4`` as in the file; any strides.
    out
        float32, native order, same shape; any strides, contiguous along the last axis for speed. Values beyond
        float32 become its largest finite value, never infinity; a zero with sign becomes -0.

    Returns
    -------
    Patches or None
        The words that :func:`encode_words` would not give back, by flat position in ``out``; None when there are
        none.
    """
    words, out = _as_rows(words, out)
    columns = words.shape[1]
    found: list[tuple[NDArray[np.int64], NDArray[np.uint32]]] = []
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for rows, cols in batches(*words.shape):
            odd = _decode_batch(words[rows, cols], out[rows, cols])
            if odd is not None:
                found.append((odd[0] + (rows.start * columns + cols.start), odd[1]))
    if not found:
        return None
    return Patches(np.concatenate([at for at, _ in found]), np.concatenate([word for _, word in found]))


def _as_rows(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both arrays in two dimensions; as long rows where their memory allows."""
    if first.flags.c_contiguous and second.flags.c_contiguous:
        return first.reshape(1, -1), second.reshape(1, -1)
    if first.ndim == 1:
        return first[None, :], second[None, :]
    return first, second


def _decode_batch(
    words: NDArray[np.uint32], out: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]] | None:
    shape = words.shape
    word = _scratch.get("word", shape, np.uint32)
    part = _scratch.get("part", shape, np.uint32)
    value = _scratch.get("value", shape, np.float32)
    np.copyto(word, words)
    np.bitwise_and(word, _FRACTION, out=part)
    np.copyto(value, part.view(np.int32), casting="unsafe")  # exact: at most 24 bits
    # Nonzero fractions without a top digit, and zeros with an exponent: in both cases a nonzero word whose top
    # digit is 0. Counting is cheaper than marking.
    np.bitwise_and(word, _TOP_DIGIT, out=part)
    normalised = np.count_nonzero(part)
    np.bitwise_and(word, _EXPONENT, out=part)
    np.add(part, part, out=part)
    np.subtract(part, _BIAS, out=part)
    np.multiply(value, part.view(np.float32), out=value)
    # The factor's bits wrapped around where E < 39 or E > 102 and are then those of a negative number; E = 38 gives
    # -inf, values beyond float32 +inf, E = 102 +inf or NaN. So what is not within [-0, largest] went wrong.
    ordinary = (
        (normalised == word.size or normalised == np.count_nonzero(word))
        and value.min() >= 0.0
        and value.max() <= _LARGEST
    )
    bits = value.view(np.uint32)
    np.bitwise_and(bits, _MAGNITUDE, out=bits)
    np.bitwise_and(word, _SIGN, out=part)
    np.bitwise_or(bits, part, out=out.view(np.uint32))
    return None if ordinary else _decode_odd(word, out)


def _decode_odd(
    word: NDArray[np.uint32], out: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]] | None:
    """Decode again what the quick way cannot, and return position and word of what float32 does not give back."""
    exponent = word & _EXPONENT
    quick = (word & _TOP_DIGIT) != 0
    quick &= exponent >= np.uint32(39 << 24)
    quick &= exponent <= np.uint32(96 << 24)
    quick |= (word & _MAGNITUDE) == 0
    at = np.flatnonzero(~quick)
    odd = word.reshape(-1)[at]
    values = _exact(odd)
    out[np.divmod(at, out.shape[1])] = values
    back = np.empty_like(odd)
    _encode_batch(values[None, :], back[None, :])
    lost = back != odd
    return (at[lost], odd[lost]) if lost.any() else None


def _exact(words: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Return words as float32 by way of float64, where every IBM word is exact: 24 bits, 2^-280 to 2^252."""
    power = (words >> np.uint32(24) & np.uint32(0x7F)).astype(np.int32) * 4 - 280
    value = np.ldexp((words & _FRACTION).astype(np.float64), power)
    np.minimum(value, _LARGEST, out=value)
    bits = value.astype(np.float32).view(np.uint32)
    return (bits | (words & _SIGN)).view(np.float32)


def encode_words(values: NDArray[np.float32], out: NDArray[np.uint32]) -> None:
    """Encode float32 as normalised IBM words, rounded to nearest even.

    Every finite float32 has such a word: the range of IBM numbers is wider, subnormals become normalised words and
    -0 becomes a zero with sign.

    Parameters
    ----------
    values
        1-D or 2-D float32, native order; any strides.
    out
        uint32, same shape; any strides and byte order.

    Raises
    ------
    ValueNotRepresentable
        NaN or infinity; the message names the flat position of the first.
    """
    values, out = _as_rows(values, out)
    columns = values.shape[1]
    for rows, cols in batches(*values.shape):
        piece = values[rows, cols]
        if _encode_batch(piece, out[rows, cols]):
            continue
        first = int(np.flatnonzero(~np.isfinite(piece))[0])
        raise ValueNotRepresentable(
            f"sample {rows.start * columns + cols.start + first} (counted from the first of the block) is"
            f" {piece.reshape(-1)[first]}, which IBM floats do not have",
            hint="write IEEE samples (ieee32), or replace these samples first",
        )


def _encode_batch(values: NDArray[np.float32], out: NDArray[np.uint32]) -> bool:
    """Encode one piece; return False, with nothing said about ``out``, when a value is not finite.

    A float32 is M · 2^(e-150) with a 24-bit M; the word is F · 2^(4E-280). So F is M shifted right by the k of
    0 … 3 that makes e + 130 + k a multiple of 4, which is 4E. All is shifted left by 3 first, so that there is
    always a bit to round by. Rounding up cannot carry into the exponent: with k > 0 F has spare bits.
    """
    shape = values.shape
    bits = _scratch.get("bits", shape, np.uint32)
    power = _scratch.get("power", shape, np.uint32)
    shift = _scratch.get("shift", shape, np.uint32)
    fraction = _scratch.get("fraction", shape, np.uint32)
    tie = _scratch.get("tie", shape, np.uint32)
    np.copyto(bits, values.view(np.uint32))
    np.bitwise_and(bits, _MAGNITUDE, out=fraction)
    np.right_shift(fraction, np.uint32(23), out=power)
    if not power.size:
        return True
    if power.max() == 255:
        return False
    np.subtract(np.uint32(2), power, out=shift)
    np.bitwise_and(shift, np.uint32(3), out=shift)
    np.add(power, np.uint32(130), out=power)
    np.add(power, shift, out=power)
    np.left_shift(power, np.uint32(22), out=power)  # 4E to bits 24 … 30
    np.add(shift, np.uint32(3), out=shift)
    np.left_shift(fraction, np.uint32(3), out=fraction)
    np.bitwise_and(fraction, np.uint32(0x03FF_FFF8), out=fraction)
    np.bitwise_or(fraction, np.uint32(0x0400_0000), out=fraction)
    np.right_shift(fraction, shift, out=tie)  # half a unit, less one when the unit is even
    np.bitwise_and(tie, _ONE, out=tie)
    np.add(fraction, tie, out=fraction)
    np.subtract(shift, _ONE, out=tie)
    np.left_shift(_ONE, tie, out=tie)
    np.subtract(tie, _ONE, out=tie)
    np.add(fraction, tie, out=fraction)
    np.right_shift(fraction, shift, out=fraction)
    np.add(fraction, power, out=fraction)
    np.bitwise_and(bits, _SIGN, out=tie)
    np.bitwise_or(fraction, tie, out=out)
    tiny = np.less(bits & _MAGNITUDE, np.uint32(0x0080_0000))
    if tiny.any():
        _encode_tiny(bits, tiny, out)
    return True


def _encode_tiny(bits: NDArray[np.uint32], tiny: NDArray[np.bool_], out: NDArray[np.uint32]) -> None:
    """Encode zeros and subnormals; the latter are normal 24 binary places up, where E is 6 more."""
    np.copyto(out, bits & _SIGN, where=tiny)
    at = np.nonzero(tiny & ((bits & _MAGNITUDE) != 0))
    if at[0].size:
        scaled = bits[at].view(np.float32) * np.float32(2.0**24)
        words = np.empty(scaled.shape, np.uint32)
        _encode_batch(scaled[None, :], words[None, :])
        out[at] = words - np.uint32(6 << 24)
