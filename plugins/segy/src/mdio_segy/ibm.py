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

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.volume import Patches
from mdio_segy import kernel
from mdio_segy.batches import Scratch, batches
from mdio_segy.errors import ValueNotRepresentable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["decode_words", "encode_words"]

_SIGN = np.uint32(0x8000_0000)
_MAGNITUDE = np.uint32(0x7FFF_FFFF)
_EXPONENT = np.uint32(0x7F00_0000)
_FRACTION = np.uint32(0x00FF_FFFF)
_TOP_DIGIT = np.uint32(0x00F0_0000)
_BIAS = np.uint32(153 << 23)
_ONE = np.uint32(1)
_NOT_FINITE = np.uint32(255 << 23)
_TINY = np.uint32(23 << 23)
"""Magnitudes below this, 2^-104, are encoded apart."""
_LARGEST = float(np.finfo(np.float32).max)

_OFTEN = 16
"""One odd piece in so many, and all words are looked at in larger pieces."""

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
        for rows, cols in _left(words, out, "decode", words.dtype.byteorder):
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


def _left(one: NDArray[Any], other: NDArray[Any], what: str, order: str) -> Iterator[tuple[slice, slice]]:
    """Convert all that is ordinary in a compiled loop, if there is one, and yield rows and columns of what is left."""
    compiled = kernel.words()
    rows_fit = one.strides[1] == 4 and other.strides[1] == 4
    if compiled is None or not one.size or not rows_fit:
        yield from batches(*one.shape)
        return
    big = order == ">" or (order == "=" and sys.byteorder == "big")
    across = -(-one.shape[1] // compiled.PIECE)
    marks = np.empty(one.shape[0] * across, np.uint8)
    odd = getattr(compiled, what)(one.view(np.uint32), other.view(np.uint32), big, marks)
    if odd * _OFTEN > len(marks):
        yield from batches(*one.shape)
        return
    for at in np.flatnonzero(marks).tolist() if odd else ():
        row, piece = divmod(at, across)
        start = piece * compiled.PIECE
        yield slice(row, row + 1), slice(start, min(start + compiled.PIECE, one.shape[1]))


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
    for rows, cols in _left(values, out, "encode", out.dtype.byteorder):
        piece = values[rows, cols]
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):  # of values that are encoded apart
            encoded = _encode_batch(piece, out[rows, cols])
        if encoded:
            continue
        first = int(np.flatnonzero(~np.isfinite(piece))[0])
        raise ValueNotRepresentable(
            f"sample {rows.start * columns + cols.start + first} (counted from the first of the block) is"
            f" {piece.reshape(-1)[first]}, which IBM floats do not have",
            hint="write IEEE samples (ieee32), or replace these samples first",
        )


def _encode_batch(values: NDArray[np.float32], out: NDArray[np.uint32]) -> bool:
    """Encode one piece; return False, with nothing said about ``out``, when a value is not finite.

    A float32 is M · 2^(e-150) with a 24-bit M; the word is F · 2^(4E-280), where 4E is the first multiple of 4 from
    e + 130 on. So F is the magnitude times 2^(280-4E), a float32 whose bits are ``(407 - 4E) << 23``, rounded to an
    integer. The product is exact: F has at most 24 bits before its point, and M no more in all. Rounding up cannot
    carry into the exponent: where anything is cut off, F has spare bits.
    """
    shape = values.shape
    bits = values.view(np.uint32)
    magnitude = _scratch.get("magnitude", shape, np.uint32)
    power = _scratch.get("power", shape, np.uint32)
    factor = _scratch.get("factor", shape, np.uint32)
    if not magnitude.size:
        return True
    np.bitwise_and(bits, _MAGNITUDE, out=magnitude)
    if magnitude.max() >= _NOT_FINITE:
        return False
    nonzero = magnitude != 0 if magnitude.min() < _TINY else None
    tiny = nonzero & (magnitude < _TINY) if nonzero is not None else None
    np.add(magnitude, np.uint32(133 << 23), out=power)
    np.bitwise_and(power, np.uint32(0xFE00_0000), out=power)  # 4E to bits 23 … 31
    np.subtract(np.uint32(407 << 23 & 0xFFFF_FFFF), power, out=factor)
    fraction = factor.view(np.float32)
    np.multiply(magnitude.view(np.float32), fraction, out=fraction)
    np.rint(fraction, out=fraction)
    np.copyto(magnitude.view(np.int32), fraction, casting="unsafe")
    np.right_shift(power, _ONE, out=power)
    if nonzero is not None:
        np.multiply(power, nonzero, out=power)  # a zero has no exponent
    np.add(magnitude, power, out=magnitude)
    np.bitwise_and(bits, _SIGN, out=power)
    np.bitwise_or(magnitude, power, out=out)
    if tiny is not None and tiny.any():
        _encode_tiny(bits, np.nonzero(tiny), out)
    return True


def _encode_tiny(bits: NDArray[np.uint32], at: tuple[NDArray[np.intp], ...], out: NDArray[np.uint32]) -> None:
    """Encode values for which the factor is no float32, 48 binary places up, where E is 12 more.

    They are below 2^-104 and have these places to spare; subnormals come to be normal.
    """
    scaled = bits[at].view(np.float32) * np.float32(2.0**48)
    words = np.empty(scaled.shape, np.uint32)
    _encode_batch(scaled[None, :], words[None, :])
    out[at] = words - np.uint32(12 << 24)
