"""Run-length streams: worked by hand, against a decoder that goes byte by byte, and damaged."""

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdio_vds.runs import RunLengthError, decode_runs, encode_runs

UNITS = [1, 2, 4, 8]


def encode(units):
    return b"".join(encode_runs(units.view("u1"), units.itemsize))


def pieces(stream):
    """Return ``("L" or "R", length)`` of every piece and the decoded bytes, from the specification."""
    total, _, unit = struct.unpack_from("<3i", stream)
    assert total == len(stream)
    found, out, at = [], [], 12
    while at < total:
        control = stream[at]
        at += 1
        count = control & 63
        if control & 128:
            count += stream[at] * 64
            at += 1
        literal = bool(control & 64)
        take = (count + 1) * unit if literal else unit
        assert at + take <= total
        out.append(stream[at : at + take] * (1 if literal else count + 1))
        found.append(("L" if literal else "R", count + 1))
        at += take
    return found, b"".join(out)


def units_of(lengths, unit):
    """Stretches of equal units, neighbours different."""
    return np.repeat(np.arange(len(lengths)) % 250 + 1, lengths).astype(f"u{unit}")


def text(lengths):
    return " ".join(kind + str(length) for kind, length in lengths)


# What the wheel made of these stretches: a stretch of n is n equal units.
@pytest.mark.parametrize(
    ("unit", "stretches", "expected"),
    [
        (4, [1, 1, 1, 2, 1, 1, 2, 2, 1, 3], "L3 R2 L2 R2 R2 L1 R3"),
        (2, [2, 1, 1], "R2 L2"),
        (8, [1, 2], "L1 R2"),
        (1, [1, 1, 1, 2, 1, 1, 2, 2, 1, 3], "L12 R3"),
        (1, [3, 1, 3, 3, 4], "R3 L1 R3 R3 R4"),
        (1, [3, 2, 2, 1, 2, 2, 3, 2], "R3 R2 R2 L5 R3 R2"),
        (1, [2, 1, 3], "R2 L1 R3"),
        (1, [2, 3, 2, 1], "R2 R3 R2 L1"),
        (4, [20000, 1], "R16384 R3616 L1"),
        (1, [1, 16386, 1], "L1 R16384 R2 L1"),
        (4, [64, 65], "R64 R65"),
    ],
)
def test_pieces_are_those_of_the_wheel(unit, stretches, expected):
    data = units_of(stretches, unit)
    found, decoded = pieces(encode(data))
    assert text(found) == expected
    assert decoded == data.tobytes()


def test_long_literals_are_cut_at_16384():
    data = np.arange(40000, dtype="u4")
    assert text(pieces(encode(data))[0]) == "L16384 L16384 L7232"


def test_bytes_by_hand():
    # 65 times 9 takes a second length byte (64 = 0 + 1 * 64); then 2 literals.
    data = np.array([9] * 65 + [1, 2], "<u2")
    stream = bytes.fromhex("80 01 0900 41 0100 0200")
    assert encode(data) == struct.pack("<3i", 12 + len(stream), 134, 2) + stream
    assert decode_runs(memoryview(encode(data)), 134).tobytes() == data.tobytes()


LENGTHS = st.one_of(
    st.lists(st.integers(1, 5), min_size=1, max_size=400),
    st.lists(st.sampled_from([1, 1, 1, 2, 3, 63, 64, 65, 1000]), min_size=1, max_size=60),
    st.lists(st.sampled_from([1, 16383, 16384, 16385, 32769]), min_size=1, max_size=4),
)


@given(LENGTHS, st.sampled_from(UNITS))
def test_streams_come_back(lengths, unit):
    data = units_of(lengths, unit)
    stream = encode(data)
    assert pieces(stream)[1] == data.tobytes()
    got = decode_runs(memoryview(stream), data.nbytes)
    assert got.tobytes() == data.tobytes()
    assert got.flags.writeable


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("seed", range(4))
def test_short_and_long_pieces_in_one_stream_come_back(unit, seed):
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(12):  # long enough for several windows of controls, and for literals across their edges
        parts.append(rng.integers(1, 2 + 2 ** rng.integers(0, 9), 2000))
        parts.append(np.ones(rng.integers(1, 30000), "i8"))
    data = rng.integers(0, 256, sum(part.size for part in parts)).astype(f"u{unit}")
    data = np.repeat(data, np.concatenate(parts))
    stream = encode(data)
    assert pieces(stream)[1] == data.tobytes()
    assert decode_runs(memoryview(stream), data.nbytes).tobytes() == data.tobytes()


@pytest.mark.parametrize("unit", UNITS)
def test_any_cutting_into_pieces_is_read(unit):
    """Other writers cut otherwise: runs of one, one-unit literals, two control bytes where one would do."""
    rng = np.random.default_rng(unit)
    for average in (2, 30, 3000):
        body, expected = bytearray(), bytearray()
        for _ in range(20000 // average + 300):
            length, literal = int(rng.integers(1, min(2 * average, 16384))), int(rng.integers(0, 2))
            long = length > 64 or rng.random() < 0.3
            body.append((length - 1) & 63 | literal << 6 | long << 7)
            if long:
                body.append((length - 1) >> 6)
            data = rng.integers(0, 256, length * unit if literal else unit, "u1").tobytes()
            body += data
            expected += data if literal else data * length
        stream = struct.pack("<3i", 12 + len(body), len(expected), unit) + body
        assert decode_runs(memoryview(stream), len(expected)).tobytes() == expected


def damaged(stream, size):
    try:
        return decode_runs(memoryview(stream), size).size
    except RunLengthError:
        return size


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("lengths", [[1, 2, 3] * 400, [1] * 3000 + [500, 1, 1, 700]], ids=["short", "long"])
def test_damage_is_an_error_or_gives_the_bytes_that_are_due(unit, lengths):
    data = units_of(lengths, unit)
    stream = encode(data)
    rng = np.random.default_rng(7)
    for cut in [*range(40), *(len(stream) - n for n in range(1, 40))]:
        with pytest.raises(RunLengthError):
            decode_runs(memoryview(stream[:cut]), data.nbytes)
        if cut >= 12:  # cut off although the header agrees
            with pytest.raises(RunLengthError):
                decode_runs(memoryview(struct.pack("<i", cut) + stream[4:cut]), data.nbytes)
    for at in rng.integers(12, len(stream), 300):
        broken = bytearray(stream)
        broken[at] = rng.integers(0, 256)
        assert damaged(bytes(broken), data.nbytes) == data.nbytes
    with pytest.raises(RunLengthError):
        decode_runs(memoryview(struct.pack("<i", len(stream) + 1) + stream[4:] + b"\0"), data.nbytes)
    with pytest.raises(RunLengthError):
        decode_runs(memoryview(stream), data.nbytes + unit)


@given(st.binary(max_size=200), st.sampled_from(UNITS), st.integers(1, 400))
def test_noise_is_an_error_or_gives_the_bytes_that_are_due(body, unit, count):
    stream = struct.pack("<3i", 12 + len(body), count * unit, unit) + body
    assert damaged(stream, count * unit) == count * unit


def test_memory_is_taken_only_when_the_runs_give_what_is_due():
    size = 1 << 30
    body = bytes([0xBF, 0xFF, 0]) * 3  # 3 runs of 16384 bytes
    with pytest.raises(RunLengthError, match="49152"):
        decode_runs(memoryview(struct.pack("<3i", 12 + len(body), size, 1) + body), size)


@pytest.mark.parametrize("unit", UNITS)
def test_long_runs_do_not_give_more_than_is_due(unit):
    """Long pieces are copied before all of them are known: a stream that lies ends before memory is taken."""
    piece = bytes([0xBF, 0xFF]) + bytes(unit)  # 16384 units of zeros
    size = 16384 * unit
    stream = struct.pack("<3i", 12 + 4000 * len(piece), size, unit) + 4000 * piece
    tracemalloc.start()
    try:
        with pytest.raises(RunLengthError, match=f"more than the {size} bytes"):
            decode_runs(memoryview(stream), size)
        assert tracemalloc.get_traced_memory()[1] < 3 * size + 100_000
    finally:
        tracemalloc.stop()
