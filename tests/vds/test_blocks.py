"""Chunk payloads: bytes worked by hand, round trips with an encoder of our own, and damage."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mdio_vds.blocks import BlockError, decode_block
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import CompressionMethod, VolumeDataFormat


def channel(fmt="U8", components=1):
    return ChannelDescriptor("A", "", VolumeDataFormat[f"Format_{fmt}"], components, (0.0, 1.0))


def descriptor(*numbers):
    return struct.pack("<6i", *numbers)


def test_a_run_length_stream_by_hand():
    # 3 times 7, the literals 1 2, and 70 times 9 (70 - 1 = 69 = 5 + 1 * 64 needs the second length byte).
    runs = bytes([2, 7, 0x40 | 1, 1, 2, 0x80 | 5, 1, 9])
    body = struct.pack("<3i", 12 + len(runs), 75, 1) + runs
    got = decode_block(descriptor(2, 25, 3, 1, 1, 1) + body, CompressionMethod.RLE, channel(), (25, 3))
    assert got.shape == (3, 25)
    assert got.ravel().tolist() == [7] * 3 + [1, 2] + [9] * 70


def test_one_bit_rows_are_packed_lowest_bit_first():
    # Rows of 10 voxels take 2 bytes each: 0b1 -> voxel 0, 0b10 in the second byte -> voxel 9.
    body = bytes([0b0000_0001, 0b10, 0b1000_0000, 0])
    got = decode_block(descriptor(2, 10, 2, 1, 0, 1) + body, CompressionMethod.NONE, channel("1Bit"), (10, 2))
    assert np.argwhere(got).tolist() == [[0, 0], [0, 9], [1, 7]]


def test_components_are_the_last_axis():
    body = np.arange(12, dtype="<u2").tobytes()
    got = decode_block(descriptor(1, 6, 1, 1, 2, 2) + body, CompressionMethod.NONE, channel("U16", 2), (6,))
    assert got.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]


SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, max_side=40)
TYPES = st.sampled_from(["u1", "<u2", "<f4", "<f8"])


@given(hnp.arrays(TYPES, SHAPES, elements={"min_value": 0, "max_value": 3}), st.sampled_from(["None", "Zip", "RLE"]))
def test_blocks_come_back(vds, block, method):
    fmt = {"u1": "U8", "u2": "U16", "f4": "R32", "f8": "R64"}[block.dtype.str[1:]]
    kind = CompressionMethod.from_label(method)
    got = decode_block(vds.payload(block, fmt, method), kind, channel(fmt), block.shape[::-1])
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, block)


@pytest.mark.parametrize("unit", [1, 2, 4, 8])
def test_the_unit_of_runs_comes_from_the_stream(vds, unit):
    data = bytes(16) + bytes(range(48))
    got = decode_block(
        descriptor(1, 16, 1, 1, 3, 1) + vds.rle(data, unit), CompressionMethod.RLE, channel("R32"), (16,)
    )
    assert got.tobytes() == data


GOOD = np.arange(64, dtype="u1").reshape(4, 4, 4)
ZIPPED = descriptor(3, 4, 4, 4, 1, 1) + zlib.compress(GOOD.tobytes())


@pytest.mark.parametrize(
    ("payload", "method"),
    [
        (b"", "None"),
        (descriptor(3, 4, 4, 4, 1, 1) + bytes(63), "None"),
        (descriptor(3, 4, 4, 4, 1, 1) + bytes(65), "None"),
        (descriptor(2, 4, 4, 4, 1, 1) + bytes(64), "None"),
        (descriptor(3, 4, 4, 5, 1, 1) + bytes(80), "None"),
        (descriptor(3, 4, 4, 4, 2, 1) + bytes(64), "None"),
        (descriptor(3, 4, 4, 4, 1, 2) + bytes(128), "None"),
        (ZIPPED[:-5], "Zip"),
        (ZIPPED[:30] + b"\xff" + ZIPPED[31:], "Zip"),
        (descriptor(3, 4, 4, 4, 1, 1) + zlib.compress(bytes(65)), "Zip"),
        (descriptor(3, 4, 4, 4, 1, 1) + zlib.compress(bytes(63)), "Zip"),
        (descriptor(3, 4, 4, 4, 1, 1) + b"\0\0", "RLE"),
        (descriptor(3, 4, 4, 4, 1, 1) + struct.pack("<3i", 14, 64, 1) + bytes([62, 0]), "RLE"),
        (descriptor(3, 4, 4, 4, 1, 1) + struct.pack("<3i", 14, 64, 1) + bytes([0x80 | 62, 1]), "RLE"),
        (descriptor(3, 4, 4, 4, 1, 1) + struct.pack("<3i", 14, 64, 3) + bytes([63, 0]), "RLE"),
        (descriptor(3, 4, 4, 4, 1, 1) + struct.pack("<3i", 13, 64, 1) + bytes([0xC0]), "RLE"),
        (descriptor(3, 4, 4, 4, 1, 1) + struct.pack("<3i", 15, 64, 1) + bytes([63, 0, 0]), "RLE"),
    ],
)
def test_damage_is_an_error(payload, method):
    with pytest.raises(BlockError):
        decode_block(payload, CompressionMethod.from_label(method), channel(), (4, 4, 4))


@pytest.mark.parametrize("method", [CompressionMethod.Zip, CompressionMethod.RLE])
def test_an_absurd_size_is_refused_before_memory_is_taken(method):
    side = 4096  # 64 GiB of U8
    body = struct.pack("<3i", 14, 0, 1) + b"\0\0" if method is CompressionMethod.RLE else zlib.compress(b"a")
    with pytest.raises(BlockError):
        decode_block(descriptor(3, side, side, side, 1, 1) + body, method, channel(), (side, side, side))
