"""Finite State Entropy: blocks that an encoder of the tests' own makes, and the sections that use them."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")
from mdio_vds.blocks import BlockError
from mdio_vds.wavelet.entropy import decode_entropy
from mdio_vds.wavelet.residual import apply_residual
from mdio_vds.wavelet.runs import clear_zero_runs, no_value_mask


def shares_of(data, log):
    """Cells per symbol: in proportion, one at least (-1 marks the rare ones), N in all."""
    counts = np.bincount(data, minlength=1)
    cells = 1 << log
    out = [0 if c == 0 else max(1, int(c * cells / len(data))) for c in counts]
    out[int(np.argmax(counts))] += cells - sum(out)
    assert max(out) >= 1
    return [-1 if s == 1 and c * cells < len(data) else s for s, c in zip(out, counts, strict=True)]


def header(shares, log):
    bits, n = log - 5, 4
    cells = 1 << log
    remaining, limit, width = cells + 1, cells, log + 1
    symbol, absent = 0, False
    while remaining > 1:
        if absent:
            gap = 0
            while shares[symbol + gap] == 0:
                gap += 1
            symbol += gap
            for size, ones in ((24, 16), (3, 2)):
                while gap >= size:
                    bits |= ((1 << ones) - 1) << n
                    n += ones
                    gap -= size
            bits |= gap << n
            n += 2
        value = shares[symbol] + 1
        short = 2 * limit - 1 - remaining
        if value < short:
            bits |= value << n
            n += width - 1
        else:
            bits |= (value + (short if value >= limit else 0)) << n
            n += width
        absent = shares[symbol] == 0
        remaining -= abs(shares[symbol])
        symbol += 1
        while remaining < limit:
            width -= 1
            limit //= 2
    return bits.to_bytes((n + 7) // 8, "little")


def table(shares, log):
    cells = 1 << log
    spread = [None] * cells
    top = cells
    for symbol, share in enumerate(shares):
        if share == -1:
            top -= 1
            spread[top] = symbol
    at = 0
    for symbol, share in enumerate(shares):
        for _ in range(max(share, 0)):
            spread[at] = symbol
            at = (at + cells // 2 + cells // 8 + 3) % cells
            while at >= top:
                at = (at + cells // 2 + cells // 8 + 3) % cells
    running = [abs(share) for share in shares]
    rows = []
    for symbol in spread:
        x = running[symbol]
        running[symbol] += 1
        width = log - (x.bit_length() - 1)
        rows.append((symbol, width, (x << width) - cells))
    return rows


def encode(data, log=9):
    """A block, found by walking the decoder's table backwards."""
    shares = shares_of(data, log)
    rows = table(shares, log)

    def before(symbol, state):
        return next(
            (cell, state - base, width)
            for cell, (s, width, base) in enumerate(rows)
            if s == symbol and base <= state < base + (1 << width)
        )

    states, pieces = [0, 0], []
    for n in range(len(data) - 1, -1, -1):
        turn = n % 2
        if n >= len(data) - 2:  # the last symbol of each state: any cell that has it
            states[turn] = next(cell for cell, row in enumerate(rows) if row[0] == data[n] and row[1] > 0)
            continue
        states[turn], value, width = before(data[n], states[turn])
        pieces.append((value, width))
    pieces += [(states[1], log), (states[0], log)]
    bits = n = 0
    for value, width in pieces:  # the last piece is read first, so it is highest
        bits |= value << n
        n += width
    bits |= 1 << n
    return header(shares, log) + bits.to_bytes(n // 8 + 1, "little")


def decoded(block, n):
    out = np.zeros(n, np.uint8)
    return decode_entropy(np.frombuffer(block, np.uint8), 0, len(block), out), out


def test_a_header_by_hand():
    # log 5: 0 in four bits; limits 32, 16 …: symbol 0 has 16 cells (17 in 6 bits: 2·32-1-33 = 30 > 17, so 5 bits),
    # symbol 1 the other 16 (remaining 17, limit 16, width 5: 2·16-1-17 = 14 <= 17 >= 16: 17 + 14 = 31 in 5 bits).
    assert header([16, 16], 5) == (0 | 17 << 4 | 31 << 9).to_bytes(2, "little")
    # All states of two equally likely symbols add one bit: 1, 0 and then the states' own symbols.
    rows = table([16, 16], 5)
    assert {row[1] for row in rows} == {1}


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 600), st.integers(5, 12), st.sampled_from([2, 3, 9, 60, 250]), st.integers(0, 2**32 - 1))
def test_blocks_come_back(n, log, symbols, seed):
    rng = np.random.default_rng(seed)
    data = np.minimum(rng.geometric(min(1, 3 / symbols), n) * rng.choice([1, 1, 30], n), 255).astype(np.uint8)
    data[:2] = (0, 1)
    if len(set(data.tolist())) * 2 > 1 << log:
        return
    block = encode(data.tolist(), log)
    produced, out = decoded(block, n)
    assert produced == n
    np.testing.assert_array_equal(out, data)
    assert decoded(block, n + 1)[0] != n + 1
    for end in range(0, len(block), 7):
        decoded(block[:end], n)  # no more than that it returns


def test_the_lossless_part():
    rng = np.random.default_rng(3)
    true = rng.normal(0, 5, 64).astype(np.float32)
    values = (true + rng.normal(0, 1e-4, 64)).astype(np.float32)
    bits = true.view(np.uint32) ^ values.view(np.uint32)
    planes = [(bits >> 8 * k & 255).astype(np.uint8) for k in range(4)]
    second = encode([*planes[1].tolist()], 9) if len(set(planes[1].tolist())) < 200 else None
    assert (planes[3] == 0).all()
    body = planes[0].tobytes() + (second or planes[1].tobytes()) + planes[2].tobytes()
    section = struct.pack("<5i", 0, -1, len(second) if second else -1, -1, 0) + body
    data = np.frombuffer(b"xyz" + section, np.uint8)
    got = values.copy().reshape(4, 16)
    apply_residual(data, 3, got)
    np.testing.assert_array_equal(got.reshape(-1), true)
    for end in (3, 20, 60, len(data) - 1):
        with pytest.raises(BlockError, match="lossless"):
            apply_residual(data[:end], 3, values.copy())


@pytest.mark.parametrize("width", [10, 300])
def test_zero_runs(width):
    rng = np.random.default_rng(width)
    counts = np.append(rng.integers(0, width + 1, 4), [0, width])
    values = np.ones((2, 3, width), np.float32)
    parts = [counts & 255] + ([counts >> 8] if width >= 256 else [])
    body = b"".join(struct.pack("<i", -1) + part.astype(np.uint8).tobytes() for part in parts)
    data = np.frombuffer(body, np.uint8)
    clear_zero_runs(data, (0, len(body)), values)
    np.testing.assert_array_equal((values == 0).sum(axis=2).ravel(), counts)
    assert all((row[:n] == 0).all() for row, n in zip(values.reshape(6, width), counts, strict=True))
    with pytest.raises(BlockError, match="zero run"):
        clear_zero_runs(data, (0, len(body) - 1), values)
    with pytest.raises(BlockError, match="a zero run of 77"):
        clear_zero_runs(np.frombuffer(struct.pack("<2i", 0, 77), np.uint8), (0, 8), np.ones((1, 10), np.float32))


def test_zero_runs_with_one_number_for_all():
    values = np.ones((4, 5), np.float32)
    clear_zero_runs(np.frombuffer(struct.pack("<2i", 0, 3), np.uint8), (0, 8), values)
    np.testing.assert_array_equal(values, [[0, 0, 0, 1, 1]] * 4)


def test_runs_without_value():
    # Rows of 5 voxels take 32 bits. 3 zeros, 40 ones (2 of row 0, padding, 11 of row 1: its 5), 53 zeros: 3 rows.
    runs = bytes([3 << 3, 1 | 1 << 1 | (40 & 31) << 3, 40 >> 5, 0 | 1 << 1 | (53 & 31) << 3, 53 >> 5])
    mask = no_value_mask(np.frombuffer(b"?" + runs, np.uint8), (1, 6), (3, 5))
    np.testing.assert_array_equal(mask, [[0, 0, 0, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    for damaged in (runs[:-1], runs + bytes([1 << 3])):
        with pytest.raises(BlockError, match="without value"):
            no_value_mask(np.frombuffer(damaged, np.uint8), (0, len(damaged)), (3, 5))
