"""Finite State Entropy blocks to write (VDS specification section 9.8); the counterpart of ``entropy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import PAYLOAD, compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["encode_entropy"]

_LEAST_LOG: Final = 5
_MOST_LOG: Final = 12
_SYMBOLS: Final = 256
_HEADER_ROOM: Final = 512
_WORTHWHILE: Final = 0.99  # share of the plain size above which nothing is gained


@inlined
def _shares(counts: NDArray[np.int64], total: int, log: int) -> NDArray[np.int64]:
    """Return how many cells of the table each symbol gets: in proportion, at least one, all of them in sum."""
    cells = 1 << log
    shares = np.zeros(_SYMBOLS, np.int64)
    given = 0
    largest = 0
    for symbol in range(_SYMBOLS):
        if counts[symbol]:
            shares[symbol] = max(1, (counts[symbol] * cells + total // 2) // total)
            given += shares[symbol]
            if counts[symbol] > counts[largest]:
                largest = symbol
    if given <= cells:
        shares[largest] += cells - given
    while given > cells:
        # Take from the symbols that lose least, one cell at a time: there are few to take.
        worst = -1
        least = 0.0
        for symbol in range(_SYMBOLS):
            if shares[symbol] > 1:
                loss = counts[symbol] * np.log(shares[symbol] / (shares[symbol] - 1))
                if worst < 0 or loss < least:
                    worst, least = symbol, loss
        shares[worst] -= 1
        given -= 1
    return shares


@inlined
def _write_shares(shares: NDArray[np.int64], log: int, out: NDArray[np.uint8]) -> int:
    """Write the header of a block to the start of memory that is clear; return its bytes."""
    cells = 1 << log
    word = log - _LEAST_LOG
    have = 4
    at = 0
    remaining = cells + 1
    limit = cells
    width = log + 1
    symbol = 0
    while remaining > 1:
        if symbol and shares[symbol - 1] == 0:
            zeros = 0
            while shares[symbol + zeros] == 0:
                zeros += 1
            symbol += zeros
            while zeros >= 24:
                word |= 0xFFFF << have
                have += 16
                zeros -= 24
                while have >= 8:
                    out[at] = word & 255
                    word >>= 8
                    have -= 8
                    at += 1
            while zeros >= 3:
                word |= 3 << have
                have += 2
                zeros -= 3
            word |= zeros << have
            have += 2
        short = 2 * limit - 1 - remaining
        value = shares[symbol] + 1
        remaining -= shares[symbol]
        bits = width - 1 if value < short else width
        if value >= limit:
            value += short
        word |= value << have
        have += bits
        while remaining < limit:
            width -= 1
            limit >>= 1
        symbol += 1
        while have >= 8:
            out[at] = word & 255
            word >>= 8
            have -= 8
            at += 1
    if have:
        out[at] = word
        at += 1
    return at


@inlined
def _places(shares: NDArray[np.int64], log: int) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """Return the cells of all symbols, those of a symbol ascending, and where those of each symbol start."""
    cells = 1 << log
    symbols = np.empty(cells, np.uint8)
    at = 0
    for symbol in range(_SYMBOLS):
        for _ in range(shares[symbol]):
            symbols[at] = symbol
            at = (at + (cells >> 1) + (cells >> 3) + 3) & (cells - 1)
    starts = np.zeros(_SYMBOLS, np.int64)
    for symbol in range(1, _SYMBOLS):
        starts[symbol] = starts[symbol - 1] + shares[symbol - 1]
    filled = starts.copy()
    places = np.empty(cells, np.uint16)
    for cell in range(cells):
        symbol = symbols[cell]
        places[filled[symbol]] = cell
        filled[symbol] += 1
    return places, starts


@inlined
def _logarithm(number: Any) -> int:
    """Return the place of the highest bit."""
    place = 0
    while number >> (place + 1):
        place += 1
    return place


@compiled(f"int64({PAYLOAD}, uint8[::1])")
def encode_entropy(symbols: NDArray[np.uint8], out: NDArray[np.uint8]) -> int:
    """Encode bytes as a block.

    Parameters
    ----------
    symbols
        What to encode; at least two.
    out
        Clear memory for as many bytes, and 512 more.

    Returns
    -------
    int
        Bytes of the block; 0 when it would hardly be shorter than its contents.
    """
    total = symbols.size
    four = np.zeros((4, _SYMBOLS), np.int64)
    for k in range(total):
        four[k & 3, symbols[k]] += 1  # counters in turn: one that is hit again and again is waited for
    counts = four.sum(axis=0)
    different = 0
    entropy = 0.0
    for symbol in range(_SYMBOLS):
        if counts[symbol]:
            different += 1
            entropy -= counts[symbol] * np.log2(counts[symbol] / total)
    if total < 2 or entropy / 8 > _WORTHWHILE * total:
        return 0
    if different == 1:
        counts[symbols[0] ^ 1] = 1  # a block has two symbols or more
        different = 2
    log = _MOST_LOG
    while log > _LEAST_LOG and (1 << log) >= 2 * different and (1 << log) > total:
        log -= 1
    shares = _shares(counts, counts.sum(), log)
    at = _write_shares(shares, log, out)
    places, starts = _places(shares, log)
    cells = 1 << log
    # A state x turns into bits until it is between the share of the symbol and twice that: add is so much that
    # (x + add) >> 16 is how many.
    adds = np.zeros(_SYMBOLS, np.int64)
    offsets = np.zeros(_SYMBOLS, np.int64)
    for symbol in range(_SYMBOLS):
        share = shares[symbol]
        if share:
            most = log - (_logarithm(share - 1) if share > 1 else 0)
            adds[symbol] = (most << 16) - (share << most)
            offsets[symbol] = starts[symbol] - share
    if shares.max() >= cells:
        return 0
    states = np.zeros(2, np.int64)
    last = total - 1
    for k in (last, last - 1):
        states[k & 1] = cells + places[starts[symbols[k]]]
    room = out.size - 8
    word = np.uint64(0)
    have = 0
    one, two = states[(last - 2) & 1], states[(last - 1) & 1]
    for k in range(last - 2, -1, -1):
        symbol_ = symbols[k]
        bits = (one + adds[symbol_]) >> 16
        word |= np.uint64(one & ((1 << bits) - 1)) << np.uint64(have)
        have += bits
        following = cells + places[(one >> bits) + offsets[symbol_]]
        one, two = two, following
        if have >= 32:
            if at >= room:
                return 0
            for j in range(4):
                out[at + j] = np.uint8(word >> np.uint64(8 * j) & np.uint64(255))
            at += 4
            word >>= np.uint64(32)
            have -= 32
    # Symbol 0 was encoded last, by the state that is now the second: readers begin with that one.
    first, second = (two, one) if last >= 2 else (states[0], states[1])
    for state in (second, first):
        word |= np.uint64(state & (cells - 1)) << np.uint64(have)
        have += log
    word |= np.uint64(1) << np.uint64(have)
    have += 1
    if at >= room:
        return 0
    while have > 0:
        out[at] = np.uint8(word & np.uint64(255))
        word >>= np.uint64(8)
        have -= 8
        at += 1
    return at if at < total else 0
