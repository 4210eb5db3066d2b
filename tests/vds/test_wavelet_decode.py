"""Whole streams from an encoder of the tests' own, which follows VDS specification section 9 word by word."""

import struct

import numpy as np
import pytest
from vds_streams import coefficients_of, encode, inverse

pytest.importorskip("numba")
from mdio_vds.blocks import BlockError
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.wavelet.adaptive import prefix_length
from mdio_vds.wavelet.decode import decode_wavelet

F = np.float32


def channel(fmt="R32", **more):
    return ChannelDescriptor("A", "", VolumeDataFormat[f"Format_{fmt}"], 1, (-1.0, 1.0), **more)


SHAPES = [
    (16, 16, 16),
    (8, 8, 8),
    (5, 6, 7),
    (17, 9, 12),
    (16, 31, 5),
    (33, 8, 9),
    (1, 1, 50),
    (20, 33),
    (32, 32),
    (45,),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_streams_of_every_kind_of_shape(shape):
    full, dims = (*shape, 1, 1)[:3], len(shape)
    data = coefficients_of(full, 7)
    stream, meant, ends = encode(data, dims, 3.0)
    got = decode_wavelet(stream, CompressionMethod.Wavelet, channel(), shape)
    assert got.shape == shape[::-1]
    np.testing.assert_array_equal(got, inverse(meant(0), full, dims).reshape(got.shape))
    for level in sorted(ends)[:4]:  # planes from a level on are all that a reader of the level needs
        expected = inverse(meant(level), full, dims).reshape(got.shape)
        part = stream[: ends[level]]
        np.testing.assert_array_equal(
            decode_wavelet(part, CompressionMethod.Wavelet, channel(), shape, level), expected
        )
        with pytest.raises(BlockError):
            decode_wavelet(part[:-1], CompressionMethod.Wavelet, channel(), shape, level)
        if len(part) < len(stream):
            with pytest.raises(BlockError, match="its stream"):
                decode_wavelet(part, CompressionMethod.Wavelet, channel(), shape)


def test_a_level_reads_the_prefix_that_its_byte_gives():
    stream, meant, ends = encode(coefficients_of((16, 16, 16), 3), 3, 1.0)
    levels, length = [], len(stream)
    for level in range(3):
        levels.append(-(-max(ends[level], 1) * 255 // length))
        length = length * levels[-1] // 255
    levels = bytes(levels) + bytes(13)
    for level in range(3):
        part = stream[: prefix_length(len(stream), levels, level)]
        got = decode_wavelet(part, CompressionMethod.Wavelet, channel(), (16, 16, 16), level)
        np.testing.assert_array_equal(got, inverse(meant(level), (16, 16, 16), 3))


def test_the_lossless_part_follows_the_tree_at_the_next_word():
    shape = (17, 9, 12)
    data = coefficients_of(shape, 4)
    stream, meant, _ = encode(data, 3, 2.0)
    assert struct.unpack_from("<i", stream, 40)[0] % 4  # or the test would show nothing
    true = inverse(data, shape, 3)
    bits = true.view(np.uint32) ^ inverse(meant(0), shape, 3).view(np.uint32)
    planes = [(bits >> 8 * k & 255).astype(np.uint8).tobytes() for k in range(4)]
    section = (struct.pack("<5i", 0, -1, -1, -1, -1) + b"".join(planes)).ljust(20 + 4 * data.size, b"\0")
    longer = struct.pack("<ii", 673, len(stream) + len(section)) + stream[8:] + section
    lossless = CompressionMethod.WaveletLossless
    np.testing.assert_array_equal(decode_wavelet(longer, lossless, channel(), shape), true)
    np.testing.assert_array_equal(decode_wavelet(longer, lossless, channel(), shape, 0), inverse(meant(0), shape, 3))


def test_integers_are_clamped_and_keep_no_value():
    data = np.rint(coefficients_of((16, 16, 16), 4))
    stream, _, _ = encode(data, 3, 1.0, integer=True)
    got = decode_wavelet(stream, CompressionMethod.WaveletLossless, channel("U8"), (16, 16, 16))
    assert got.dtype == np.uint8
    assert (got.min(), got.max()) == (0, 255)
    # The first 32 bits are row 0 (16 voxels and padding); the reference implementation makes 254 of 255.
    none = struct.pack("<if", 3, 255.0) + bytes([1 | 1 << 1 | (32 & 31) << 3, 32 >> 5, 0, 0])
    longer = stream[:28] + none + stream[32:]
    longer = struct.pack("<ii", 673, len(longer)) + longer[8:]
    missing = channel("U8", no_value=-1.0)
    exact = decode_wavelet(longer, CompressionMethod.WaveletLossless, missing, (16, 16, 16)).reshape(-1)
    assert (exact[:16] == 255).all()
    np.testing.assert_array_equal(exact[16:], got.reshape(-1)[16:])  # 255 was stored as what it is
    lossy = decode_wavelet(longer, CompressionMethod.Wavelet, missing, (16, 16, 16)).reshape(-1)
    assert (lossy[:16] == 255).all()
    np.testing.assert_array_equal(lossy[16:], np.minimum(got, 254).reshape(-1)[16:])  # no voxel loses its value


def test_a_field_of_amplitudes():
    data = np.ones((16, 16, 16), F)
    stream, meant, _ = encode(data, 3, 1.0)
    field = struct.pack("<8f", *range(1, 9))
    longer = stream[:32] + field + stream[32:]
    longer = struct.pack("<ii", 673, len(longer)) + longer[8:]
    got = decode_wavelet(longer, CompressionMethod.WaveletNormalizeBlock, channel(), (16, 16, 16))
    plain = inverse(meant(0), (16, 16, 16), 3)
    # Voxel 0 lies before the centre of block 0, voxel 15 behind that of block 1, voxel 8 9/16 between the two.
    for at, factor in (((0, 0, 0), 1), ((0, 0, 15), 2), ((0, 15, 0), 3), ((15, 15, 15), 8), ((0, 0, 8), 1 + 9 / 16)):
        assert got[at] == F(plain[at] * F(factor))
    # The numbers are codes: scale and offset of the channel have no part in them.
    scaled = channel("U8", integer_scale=0.5, integer_offset=-3.0)
    codes = decode_wavelet(longer, CompressionMethod.WaveletNormalizeBlock, scaled, (16, 16, 16))
    np.testing.assert_array_equal(codes, np.clip(np.floor(got + F(0.5)), 0, 255))


def damaged():
    stream, _, _ = encode(coefficients_of((17, 9, 12), 1), 3, 1.0)

    def patched(at, form, value):
        return stream[:at] + struct.pack(form, value) + stream[at + struct.calcsize(form) :]

    yield "shorter than the header", stream[:23]
    yield "version 670", patched(0, "<i", 670)
    yield "its stream", patched(4, "<i", len(stream) + 4)
    yield "layout has chunks", patched(8, "<i", 18)
    yield "flags", patched(20, "<i", 3 | 4 << 8)
    yield "section of 2147483647 bytes", patched(24, "<i", 2**31 - 1)
    yield "section of 0 bytes", patched(24, "<i", 0)
    yield "section of -2 bytes", patched(28, "<i", -2)
    yield "thresholds", patched(32, "<f", 0.0)
    yield "thresholds", patched(36, "<f", float("inf"))
    yield "section of -1 bytes", patched(40, "<i", -1)
    yield "raw values are cut off", patched(40, "<i", 200)
    yield "bit planes are cut off", patched(40, "<i", struct.unpack_from("<i", stream, 40)[0] - 1)
    yield "as many values", patched(44, "<i", 1)
    yield "as many values", patched(44 + 64, "<i", 1)


@pytest.mark.parametrize(("message", "payload"), list(damaged()), ids=lambda v: v if isinstance(v, str) else "")
def test_damage_is_named(message, payload):
    with pytest.raises(BlockError, match=message):
        decode_wavelet(payload, CompressionMethod.Wavelet, channel(), (17, 9, 12))


def test_what_is_never_a_wavelet():
    with pytest.raises(BlockError, match="R64"):
        decode_wavelet(b"", CompressionMethod.Wavelet, channel("R64"), (8,))


@pytest.mark.parametrize("shape", [(16, 16, 16), (17, 9, 12), (33, 20)], ids=str)
def test_random_damage_gives_an_error_or_a_chunk(shape):
    stream, _, _ = encode(coefficients_of((*shape, 1)[:3], 1), len(shape), 1.0)
    rng = np.random.default_rng(5)
    outcomes = set()
    for _ in range(300):
        payload = bytearray(stream)
        for at in rng.integers(0, len(stream), rng.integers(1, 6)):
            payload[at] = rng.integers(0, 256)
        level = int(rng.integers(-1, 3))
        if level >= 0:
            payload = payload[: rng.integers(0, len(stream))]
        try:
            assert (
                decode_wavelet(bytes(payload), CompressionMethod.Wavelet, channel(), shape, level).shape == shape[::-1]
            )
            outcomes.add("chunk")
        except BlockError:
            outcomes.add("error")
    assert outcomes == {"chunk", "error"}


def test_old_streams_in_doubt_are_warned_of():
    # x and y are split (8, 9), z is not: two bits; sizes are odd.
    stream, _, _ = encode(coefficients_of((33, 17, 5), 1), 3, 1.0)
    old = struct.pack("<i", 672) + stream[4:]
    with pytest.warns(UserWarning, match="version 672"):
        decode_wavelet(old, CompressionMethod.Wavelet, channel(), (33, 17, 5))
