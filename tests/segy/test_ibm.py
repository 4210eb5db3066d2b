"""IBM floats against exact rational arithmetic and hand-worked words."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import WAYS, use

from mdio_segy import kernel
from mdio_segy.batches import BATCH
from mdio_segy.errors import SegyError, ValueNotRepresentable
from mdio_segy.ibm import decode_words, encode_words


@pytest.fixture(autouse=True, params=WAYS, scope="module")
def way(request):
    with pytest.MonkeyPatch.context() as patch:
        use(request.param, patch, kernel, "words")
        yield


LARGEST = Fraction(float(np.finfo(np.float32).max))


def exact(word: int) -> Fraction:
    """The value of a word by its definition, sign left out."""
    return Fraction(word & 0xFFFFFF, 1 << 24) * Fraction(16) ** ((word >> 24 & 127) - 64)


def nearest_float32(value: Fraction) -> float:
    """Round a positive rational to float32, to nearest even, saturating; by integers only."""
    if value >= LARGEST:
        return float(LARGEST)
    if not value:
        return 0.0
    exponent = math.floor(math.log2(value.numerator) - math.log2(value.denominator))
    while Fraction(2) ** exponent > value:
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= value:
        exponent += 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    return float(round(value / unit) * unit)  # Fraction rounds half to even


def reference_word(value: float) -> int:
    """Encode by rational arithmetic."""
    sign = 0x80000000 if math.copysign(1, value) < 0 else 0
    size = abs(Fraction(value))
    if not size:
        return sign
    power = 0
    while Fraction(16) ** power <= size:
        power += 1
    while Fraction(16) ** (power - 1) > size:
        power -= 1
    fraction = round(size / Fraction(16) ** power * (1 << 24))
    if fraction == 1 << 24:
        fraction, power = 1 << 20, power + 1
    return sign | (power + 64) << 24 | fraction


def decode(words: list[int], order: str = ">"):
    out = np.full(len(words), np.nan, np.float32)
    patches = decode_words(np.array(words, dtype=order + "u4"), out)
    return out, patches


def encode(values) -> list[int]:
    out = np.zeros(len(values), np.uint32)
    encode_words(np.array(values, np.float32), out)
    return out.tolist()


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (0x40080000, 0.03125),
        (0x46000001, 1.0),
        (0x400CCCCC, 0.04999995231628418),
        (0x41000000, 0.0),
        (0xC2640000, -100.0),
        (0x41100000, 1.0),
        (0x46FFFFFF, 16777215.0),
        (0x60FFFFFF, 3.4028234663852886e38),
        (0x61100000, 3.4028234663852886e38),
        (0xFFFFFFFF, -3.4028234663852886e38),
        (0x20400000, 2.0**-130),
        (0x00000001, 0.0),
        (0, 0.0),
    ],
)
def test_hand_worked_words(word, value):
    for order in "><":
        out, _ = decode([word], order)
        assert out[0] == np.float32(value)


def test_patches_are_the_words_that_do_not_come_back():
    words = [0x41100000, 0x40080000, 0, 0x41000000, 0xC2640000, 0x7F100000, 0x46000001, 0x80000000, 0x00000001]
    out, patches = decode(words)
    assert patches.index.tolist() == [1, 3, 5, 6, 8]
    assert patches.words.tolist() == [words[at] for at in patches.index]
    assert patches.index.dtype == np.int64
    assert patches.words.dtype == np.uint32
    assert np.signbit(out[7])
    assert not np.signbit(out[2])


def test_ordinary_words_need_no_patches():
    assert decode([0x42640000, 0xC1100000, 0, 0x80000000])[1] is None


words32 = st.one_of(
    st.integers(0, 2**32 - 1),
    st.builds(lambda s, e, f: s << 31 | e << 24 | f, st.integers(0, 1), st.integers(30, 40), st.integers(0, 2**24 - 1)),
    st.builds(
        lambda s, e, f: s << 31 | e << 24 | f, st.integers(0, 1), st.integers(94, 104), st.integers(0, 2**24 - 1)
    ),
    st.builds(lambda e, f: e << 24 | f, st.integers(0, 127), st.integers(0, 0xFFFFF)),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(words32, min_size=1, max_size=40))
def test_decode_equals_rational_arithmetic(words):
    out, patches = decode(words)
    for word, value in zip(words, out.tolist(), strict=True):
        assert abs(value) == nearest_float32(exact(word))
        if value:
            assert (value < 0) == bool(word >> 31)
    back = np.array(encode(out), np.uint32)
    lost = np.flatnonzero(back != np.array(words, np.uint32))
    assert lost.tolist() == ([] if patches is None else patches.index.tolist())


@settings(deadline=None, max_examples=150)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_encode_equals_rational_arithmetic(values):
    assert encode(values) == [reference_word(value) for value in values]


def test_encode_rounds_ties_to_even():
    below_16 = float(np.nextafter(np.float32(16), np.float32(0)))  # 24 bits in 1 hex digit + 20: all of them fit
    assert encode([below_16]) == [0x41FFFFFF]
    assert encode([float(np.nextafter(np.float32(2), np.float32(0)))]) == [0x41200000]  # 3 bits too many, rounds up
    assert encode([float(np.nextafter(np.float32(1), np.float32(0)))]) == [0x40FFFFFF]
    assert encode([1 + 2.0**-21]) == [0x41100000]  # half a unit above an even fraction
    assert encode([1 + 3 * 2.0**-21]) == [0x41100002]  # half a unit above an odd one
    assert encode([-0.0, 0.0, 2.0**-149]) == [0x80000000, 0, 0x1B800000]


def test_encode_where_the_quick_way_ends():
    values = [sign * value for value in (0.0, 2.0**-104, 1.0, 2.0**127) for sign in (1, -1)]
    values += [float(np.nextafter(np.float32(2.0**-104), np.float32(end))) for end in (0, 1)]
    assert encode(values) == [reference_word(value) for value in values]
    assert encode([2.0**-104]) == [0x27100000]  # 16^-26, that is 16^(39-64) / 16


@pytest.mark.parametrize("shape", [(3, BATCH + 5000), (200, 1501), (70_000, 4), (1, 1), (0, 5), (5, 0)])
def test_strided_traces_in_any_shape(shape):
    """Traces between headers, written into a part of a larger array; odd words on both sides of batch edges."""
    rows, columns = shape
    rng = np.random.default_rng(5)
    words = rng.integers(0x3F100000, 0x44FFFFFF, shape, dtype=np.uint32) | np.uint32(0x00100000)
    flat = words.reshape(-1)
    spots = [at for at in (0, 4, BATCH - 1, BATCH, flat.size - 1) if 0 <= at < flat.size]
    flat[spots] = 0x46000001
    records = np.zeros((rows, 60 + columns), ">u4")
    records[:, 60:] = words
    out = np.zeros((rows, columns + 3), np.float32)
    patches = decode_words(records[:, 60:], out[:, 1 : 1 + columns])
    assert (patches.index.tolist() if patches else []) == sorted(set(spots))
    contiguous = np.empty(shape, np.float32)
    decode_words(words.astype("<u4"), contiguous)
    assert np.array_equal(out[:, 1 : 1 + columns], contiguous)
    assert not out[:, 0].any()
    assert not out[:, -1].any()
    expected = np.ldexp((words & 0xFFFFFF).astype(float), (words >> 24).astype(int) * 4 - 280)
    assert np.array_equal(contiguous, expected.astype(np.float32))
    back = np.empty(shape, np.uint32)
    encode_words(contiguous, back)
    flat[spots] = 0x41100000
    assert np.array_equal(back, words)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_encode_names_what_ibm_does_not_have(bad):
    values = np.ones((3, 140_000), np.float32)
    values[2, 139_000] = bad
    with pytest.raises(ValueNotRepresentable, match=r"sample 419000 .*ieee32") as caught:
        encode_words(values, np.empty(values.shape, np.uint32))
    assert isinstance(caught.value, SegyError)
