"""Chunk hashes: hand-worked numbers, and constants that readers expand to the very bits that were written."""

import struct

import numpy as np
import pytest

from mdio_vds.chunks import ChunkEntry, ChunkKind
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import VolumeDataFormat
from mdio_vds.hashes import chunk_hash, constant_hash, payload_hash, verify_hash
from mdio_vds.values import constant_code, no_value_code

NO_VALUE = 2**64 - 1
DTYPES = {"1Bit": "u1", "U8": "u1", "U16": "u2", "R32": "f4", "U32": "u4", "R64": "f8", "U64": "u8"}


def channel(fmt="R32", components=1, **more):
    return ChannelDescriptor("A", "", VolumeDataFormat[f"Format_{fmt}"], components, (0.0, 1.0), **more)


def block(code, fmt="R32"):
    return np.full((3, 4, 5), code, DTYPES[fmt])


def test_a_payload_has_our_tag_and_its_crc32c():
    # CRC-32C of "123456789" is the check value of the CRC catalogue.
    assert payload_hash(b"123456789") == 0x6D64696F_E3069283
    assert payload_hash(b"123456789") >> 32 == int.from_bytes(b"mdio", "big")
    assert payload_hash(b"") == 0x6D64696F_00000000
    assert ChunkEntry(payload_hash(b"")).kind is ChunkKind.STORED


def test_our_hashes_are_verified_and_those_of_others_are_not():
    assert verify_hash(payload_hash(b"abc"), b"abc") is True
    assert verify_hash(payload_hash(b"abc"), b"abd") is False
    for other in (0, 1, NO_VALUE, 0x01010101_3F800000, 0x6D64696E_E3069283):
        assert verify_hash(other, b"123456789") is None


def test_a_chunk_with_different_voxels_has_the_hash_of_its_payload():
    values = block(1.5)
    values[2, 3, 4] = 1.25
    assert constant_hash(values, channel()) is None
    assert chunk_hash(values, channel(), b"payload") == payload_hash(b"payload")
    values[...] = 0
    values[1, 0, 0] = -0.0
    assert constant_hash(values, channel()) is None


@pytest.mark.parametrize(
    ("fmt", "code", "low"),
    [
        ("R32", 1.0, 0x3F800000),
        ("R32", 0.0, 0),
        ("R32", -0.0, 0x80000000),
        ("R32", np.inf, 0x7F800000),
        ("U8", 200, 0x43480000),
        ("U16", 65535, 0x477FFF00),
        ("1Bit", 0, 0),
        ("1Bit", 1, 0x3F800000),
    ],
)
def test_constants_hold_the_real_value_in_single_precision(fmt, code, low):
    hash = chunk_hash(block(code, fmt), channel(fmt), b"unused")
    assert hash == 0x01010101_00000000 + low
    assert ChunkEntry(hash).kind is ChunkKind.CONSTANT
    assert constant_hash(np.asfortranarray(block(code, fmt)), channel(fmt)) == hash


def test_constants_hold_what_comes_after_scale_and_offset():
    # -9.5 + 0.5 * 3
    hash = constant_hash(block(3, "U8"), channel("U8", integer_scale=0.5, integer_offset=-9.5))
    assert hash == 0x01010101 << 32 | struct.unpack("<I", struct.pack("<f", -8.0))[0]


def test_booleans_and_other_byte_orders_are_taken():
    assert constant_hash(block(1, "1Bit") != 0, channel("1Bit")) == 0x01010101_3F800000
    assert constant_hash(block(1.0).astype(">f4"), channel()) == 0x01010101_3F800000


@pytest.mark.parametrize(
    "bits", [0x7FC00000, 0xFFC00000, 0x7FC12345, 0xFFFFFFFF, 0x7FA00001, 0xFF800001, 1, 0x80000000]
)
def test_a_constant_comes_back_with_its_bits_or_is_stored(bits):
    values = np.full((3, 4, 5), bits, "u4").view("f4")
    hash = constant_hash(values, channel())
    signalling = bits & 0x7F800000 == 0x7F800000 and bits & 0x7FFFFF and not bits & 0x400000
    if signalling:
        assert hash is None
    else:
        assert constant_code(channel(), ChunkEntry(hash).constant).view("u4") == bits


@pytest.mark.parametrize(("fmt", "top"), [("U8", 255), ("U16", 65535)])
@pytest.mark.parametrize("scale", [1.0, 0.5, -0.25, 1e-3, float(np.float32(0.0733237)), 1e30, 1e-40, 0.0])
@pytest.mark.parametrize("offset", [0.0, -128.0, -9.5, 1e9, 1e-9])
@pytest.mark.parametrize("no_value", [None, -1.0])
def test_codes_come_back_from_constants_or_are_stored(fmt, top, scale, offset, no_value):
    ch = channel(fmt, integer_scale=scale, integer_offset=offset, no_value=no_value)
    constants = 0
    for code in (0, 1, 2, top // 3, top // 2, top - 1, top):
        hash = constant_hash(block(code, fmt), ch)
        if no_value is not None and code == top:
            assert hash == NO_VALUE
        elif hash is not None:
            constants += 1
            real = np.float32(struct.unpack("<f", struct.pack("<I", hash & 0xFFFFFFFF))[0])
            for kind in (np.float32, np.float64):  # the expansion of section 7 in either precision
                assert np.floor((kind(real) - kind(offset)) / kind(scale) + kind(0.5)) == code
    if abs(scale) >= 1e-3 and abs(offset) < 1e3:
        assert constants == (7 if no_value is None else 6)
    if offset == 1e9 and abs(scale) < 1:
        assert constants < 4  # single precision cannot tell 1e9 from 1e9 + 1


@pytest.mark.parametrize("fmt", ["U32", "R64", "U64"])
def test_formats_wider_than_the_hash_are_stored(fmt):
    assert constant_hash(block(1, fmt), channel(fmt)) is None
    assert constant_hash(block(0, fmt), channel(fmt)) is None


def test_voxels_of_several_components_are_stored():
    assert constant_hash(np.zeros((3, 4, 2), "f4"), channel("R32", 2)) is None


@pytest.mark.parametrize(
    ("fmt", "no_value", "code"),
    [("U8", 0.0, 255), ("U16", 0.0, 65535), ("R32", -999.25, -999.25), ("R64", -999.25, -999.25), ("U32", 7.0, 7)],
)
def test_chunks_without_values_are_all_ones(fmt, no_value, code):
    ch = channel(fmt, no_value=no_value)
    assert chunk_hash(block(code, fmt), ch, b"") == NO_VALUE
    assert no_value_code(ch) == code
    assert constant_hash(block(code, fmt), channel(fmt)) != NO_VALUE
    values = block(code, fmt)
    values[0, 0, 0] -= 1
    assert constant_hash(values, ch) is None


@pytest.mark.parametrize(
    ("fmt", "no_value", "code"),
    [
        ("R64", 0.1, 0.1),  # 0.1 in single precision is another number
        ("U32", 7.5, 7),  # others round
        ("U32", -999.25, 0),  # clamped
        ("R64", -0.0, 0.0),  # other bits
    ],
)
def test_values_that_others_expand_otherwise_are_stored(fmt, no_value, code):
    assert constant_hash(block(code, fmt), channel(fmt, no_value=no_value)) is None


def test_one_bit_has_no_code_for_no_value():
    assert constant_hash(block(0, "1Bit"), channel("1Bit", no_value=0.0)) == 0x01010101_00000000
