"""Every sample format: values worked out by hand or by struct, bytes back exactly."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.core.volume import Patches
from mdio.exceptions import WrongTypeError
from mdio_segy.errors import UnsupportedFormat, ValueNotRepresentable
from mdio_segy.numbers import FORMATS, format_by_code, format_by_name

STRUCT = {2: "i", 3: "h", 5: "f", 6: "d", 8: "b", 9: "q", 10: "I", 11: "H", 12: "Q", 16: "B"}


def decode(form, raw: bytes, big: bool):
    array = np.frombuffer(raw, np.uint8)[None, :]
    out = np.empty((1, len(raw) // form.item), form.dtype)
    return out, form.decode(array, out, big)


def test_table_is_the_standard():
    """SEG-Y rev 2.1 table 2: bytes a sample."""
    assert {code: form.item for code, form in FORMATS.items()} == {
        1: 4, 2: 4, 3: 2, 4: 4, 5: 4, 6: 8, 7: 3, 8: 1, 9: 8, 10: 4, 11: 2, 12: 8, 15: 3, 16: 1
    }  # fmt: skip
    assert {code: form.dtype.name for code, form in FORMATS.items()} == {
        1: "float32", 2: "int32", 3: "int16", 4: "float32", 5: "float32", 6: "float64", 7: "int32", 8: "int8",
        9: "int64", 10: "uint32", 11: "uint16", 12: "uint64", 15: "uint32", 16: "uint8",
    }  # fmt: skip


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("code", STRUCT)
def test_plain_types_equal_struct(code, big):
    form = FORMATS[code]
    kind = STRUCT[code]
    if kind in "fd":
        values = [0.0, -0.0, 1.5, -3.25, float("inf"), 2.0**-1040 if kind == "d" else 2.0**-149]
    else:
        info = np.iinfo(form.dtype)
        values = [info.min, info.max, 0, 1, info.max - 1]
    raw = struct.pack((">" if big else "<") + kind * len(values), *values)
    out, patches = decode(form, raw, big)
    assert patches is None
    assert out[0].tolist() == values
    assert form.encode(out, big).tobytes() == raw


@pytest.mark.parametrize("big", [True, False])
def test_three_byte_integers(big):
    values = [-(1 << 23), (1 << 23) - 1, -1, 0, 1, -2]
    raw = b"".join(value.to_bytes(3, "big" if big else "little", signed=True) for value in values)
    assert decode(FORMATS[7], raw, big)[0][0].tolist() == values
    assert decode(FORMATS[15], raw, big)[0][0].tolist() == [value % (1 << 24) for value in values]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(FORMATS)), st.booleans(), st.integers(1, 3), st.integers(0, 9), st.data())
def test_any_bytes_come_back(code, big, traces, samples, data):
    """NaN payloads, unnormalised words, anything; out of strided traces, into a part of an array."""
    form = FORMATS[code]
    size = samples * form.item
    raw = data.draw(st.binary(min_size=traces * size, max_size=traces * size))
    records = np.zeros((traces, 240 + size), np.uint8)
    records[:, 240:] = np.frombuffer(raw, np.uint8).reshape(traces, size)
    out = np.zeros((traces, samples + 2), form.dtype)[:, 1 : samples + 1]
    patches = form.decode(records[:, 240:], out, big)
    back = form.encode(out, big, patches)
    assert back.shape == (traces, size)
    assert back.tobytes() == raw


def test_signalling_nan_is_not_touched():
    raw = bytes.fromhex("7f800001 7fc12345 ffffffff 80000000")
    out, _ = decode(FORMATS[5], raw, True)
    assert out.view(np.uint32)[0].tolist() == [0x7F800001, 0x7FC12345, 0xFFFFFFFF, 0x80000000]
    assert FORMATS[5].encode(out, False).tobytes() == out.view("<u4").tobytes()


@pytest.mark.parametrize(
    ("word", "value"),
    [(0x00000005, 5.0), (0x0000FFFF, -1.0), (0x00038000, -262144.0), (0x000A0001, 1024.0), (0x00FF7FFF, 3.4028235e38)],
)
def test_fixed_gain_words(word, value):
    raw = struct.pack(">I", word)
    out, patches = decode(FORMATS[4], raw, True)
    assert out[0, 0] == np.float32(value)
    assert FORMATS[4].encode(out, True, patches).tobytes() == raw


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.0, 0), (32767.0, 0x7FFF), (-1.0, 0xFFFF), (65535.0, 0x00024000), (65538.0, 0x00024000), (0.5, 0xFFF14000)],
)
def test_fixed_gain_of_values(value, word):
    """Mantissas have 15 bits; 65535 rounds up to 2^15 · 2, which is 2^14 · 2^2."""
    raw = FORMATS[4].encode(np.array([[value]], np.float32), True)
    assert raw.view(">u4")[0, 0] == word
    out, patches = decode(FORMATS[4], raw.tobytes(), True)
    assert patches is None
    assert abs(out[0, 0] - value) <= abs(value) * 2.0**-15


def test_a_patch_holds_only_for_the_value_it_stood_for():
    form = FORMATS[1]
    raw = struct.pack(">4I", 0x46000001, 0x41100000, 0x41000000, 0x40080000)
    out, patches = decode(form, raw, True)
    assert patches.index.tolist() == [0, 2, 3]
    out[0, 2] = -0.0  # 0x41000000 is +0
    out[0, 3] = 2.0
    assert form.encode(out, True, patches).view(">u4").tolist() == [[0x46000001, 0x41100000, 0x80000000, 0x41200000]]


def test_patches_reach_the_second_trace():
    form = FORMATS[1]
    samples = np.ones((2, 3), np.float32)
    patches = Patches(np.array([4], np.int64), np.array([0x46000001], np.uint32))
    assert form.encode(samples, False, patches).view("<u4")[1].tolist() == [0x41100000, 0x46000001, 0x41100000]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueNotRepresentable, match=r"sample 4 .*8388608.*int32"):
        FORMATS[7].encode(np.array([[0, 0, 0], [0, 1 << 23, 0]], np.int32), True)
    with pytest.raises(WrongTypeError, match="int16 samples are made from int16, not from float32"):
        FORMATS[3].encode(np.zeros((1, 1), np.float32), True)
    with pytest.raises(ValueNotRepresentable, match="sample 1 "):
        FORMATS[4].encode(np.array([[0, np.nan]], np.float32), True)


def test_names():
    assert format_by_name("IBM").code == 1
    assert format_by_name("float32").code == format_by_name("ieee").code == format_by_name("5").code == 5
    assert format_by_code(16).name == "uint8"
    with pytest.raises(UnsupportedFormat, match="ibm32"):
        format_by_name("ibm23")
    with pytest.raises(UnsupportedFormat, match=r"code 13 .*--sample-format"):
        format_by_code(13)
