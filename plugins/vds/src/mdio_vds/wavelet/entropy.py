"""Finite State Entropy blocks (VDS specification section 9.8), the coding that Zstandard uses for its sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import PAYLOAD, compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode_entropy"]

_MOST_LOG: Final = 12
_SYMBOLS: Final = 256
_WORD: Final = 32


@inlined
def _bits(data: NDArray[np.uint8], at: int, end: int, bit: int, width: int) -> int:
    """Return ``width`` bits of a stream that is read lowest bit first; zeros beyond its end."""
    value = 0
    byte = at + (bit >> 3)
    for k in range(4):
        if byte + k < end:
            value |= int(data[byte + k]) << (8 * k)
    return (value >> (bit & 7)) & ((1 << width) - 1)


@inlined
def _field(word: Any, below: int, width: int) -> Any:
    """Return the ``width`` bits of a word that lie above its lowest ones."""
    return np.int64(word >> np.uint64(below)) & ((1 << width) - 1)


@inlined
def _distribution(data: NDArray[np.uint8], at: int, end: int, shares: NDArray[np.int64]) -> tuple[int, int]:
    """Read how many cells of the table each symbol has (-1: one at the top).

    Returns
    -------
    tuple of int
        Logarithm of the table's length, and the byte behind the header; zeros when the header is damaged.
    """
    log = _bits(data, at, end, 0, 4) + 5
    if log > _MOST_LOG:
        return 0, 0
    bit = 4
    limit = 1 << log
    remaining = limit + 1
    width = log + 1
    symbol = 0
    absent = False
    while remaining > 1:
        if at + (bit >> 3) >= end:
            return 0, 0
        if absent:
            while _bits(data, at, end, bit, 16) == 0xFFFF:
                symbol += 24
                bit += 16
            while _bits(data, at, end, bit, 2) == 3:
                symbol += 3
                bit += 2
            symbol += _bits(data, at, end, bit, 2)
            bit += 2
        if symbol >= _SYMBOLS:
            return 0, 0
        short = 2 * limit - 1 - remaining
        value = _bits(data, at, end, bit, width - 1)
        if value < short:
            bit += width - 1
        else:
            value = _bits(data, at, end, bit, width)
            if value >= limit:
                value -= short
            bit += width
        share = value - 1
        shares[symbol] = share
        symbol += 1
        absent = share == 0
        remaining -= abs(share)
        while remaining < limit:
            width -= 1
            limit >>= 1
    if remaining != 1:
        return 0, 0
    return log, at + ((bit + 7) >> 3)


@inlined
def _table(log: int, shares: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return a cell for each state: the symbol, from bit 8 on the bits to add, from bit 16 on what to add them to."""
    cells = 1 << log
    symbols = np.zeros(cells, np.int64)
    table = np.zeros(cells, np.uint32)
    top = cells - 1
    for symbol in range(_SYMBOLS):
        if shares[symbol] < 0:
            symbols[top] = symbol
            top -= 1
    at = 0
    for symbol in range(_SYMBOLS):
        for _ in range(shares[symbol]):
            symbols[at] = symbol
            at = (at + (cells >> 1) + (cells >> 3) + 3) & (cells - 1)
            while at > top:
                at = (at + (cells >> 1) + (cells >> 3) + 3) & (cells - 1)
    for cell in range(cells):
        symbol = symbols[cell]
        count = abs(shares[symbol])
        shares[symbol] = count + 1
        bits = log
        while count >> (log - bits + 1):
            bits -= 1
        table[cell] = ((count << bits) - cells) << 16 | bits << 8 | symbol
    return table


@compiled(f"int64({PAYLOAD}, int64, int64, uint8[::1])")
def decode_entropy(data: NDArray[np.uint8], at: int, end: int, out: NDArray[np.uint8]) -> int:
    """Decode a block of which the number of symbols is known.

    Parameters
    ----------
    data
        Payload.
    at, end
        Where the block starts, and the byte behind it.
    out
        Receives the symbols, all of it.

    Returns
    -------
    int
        Symbols that the block gives; the length of ``out`` unless it is damaged.
    """
    shares = np.zeros(_SYMBOLS, np.int64)
    log, body = _distribution(data, at, end, shares)
    if not log or body >= end or data[end - 1] == 0:
        return 0
    table = _table(log, shares)
    # The body as words that end where it ends: it is read from its end, and zeros are due before its beginning.
    size = end - body
    words = np.zeros(((size + 3) >> 2) + 2, np.uint64)
    for k in range(size):
        place = 4 * words.size - size + k
        words[place >> 2] |= np.uint64(data[body + k]) << np.uint64(8 * (place & 3))
    mark = 7
    while not data[end - 1] >> mark & 1:
        mark -= 1
    left = 8 * (size - 1) + mark
    at_word = words.size - 1
    held = words[at_word] & ((np.uint64(1) << np.uint64(24 + mark)) - np.uint64(1))
    have = 24 + mark
    states = np.zeros(2, np.int64)
    for k in range(2):
        left -= log
        states[k] = _field(held, have - log, log)
        have -= log
        if have < _WORD and at_word > 0:
            at_word -= 1
            held = held << np.uint64(_WORD) | words[at_word]
            have += _WORD
    if left < 0:
        return 0
    one, two = states[0], states[1]
    for n in range(out.size):
        # One symbol each turn; the states take turns.
        cell = int(table[one])
        out[n] = cell & 0xFF
        bits = (cell >> 8) & 0xFF
        left -= bits
        if left < 0:
            if n + 1 < out.size:
                out[n + 1] = table[two] & 0xFF
            return n + 2
        following = (cell >> 16) + _field(held, have - bits, bits)
        have -= bits
        if have < _WORD and at_word > 0:
            at_word -= 1
            held = held << np.uint64(_WORD) | words[at_word]
            have += _WORD
        one, two = two, following
    return out.size + 1
