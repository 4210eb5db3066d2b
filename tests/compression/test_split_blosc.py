"""Frames of the default codec: stock numcodecs is the oracle, and no damaged bit decodes unnoticed."""

from __future__ import annotations

import contextlib
import threading

import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import WAYS, use

from mdio.exceptions import CodecError, IntegrityError, ShapeError
from mdio_compression import kernel
from mdio_compression.blosc import PRESETS, SplitBlosc, blosc
from mdio_compression.frame import MAGIC, Layout, parse


@pytest.fixture(autouse=True, params=WAYS, scope="module")
def way(request):
    with pytest.MonkeyPatch.context() as patch:
        use(request.param, patch, kernel, "frames")
        yield request.param


STOCK = numcodecs.Blosc()
RNG = np.random.default_rng(7)

KINDS = {
    "noise": lambda n: RNG.integers(0, 256, n).astype(np.uint8),
    "zeros": lambda n: np.zeros(n, np.uint8),
    "trend": lambda n: np.cumsum(RNG.normal(size=n // 4 + 1)).astype("f4").view(np.uint8)[:n],
    "muted": lambda n: np.where(np.arange(n) < n // 2, 0, RNG.integers(0, 256, n)).astype(np.uint8),
}


def smooth(shape, dtype="f4"):
    return np.cumsum(RNG.normal(size=shape), axis=-1).astype(dtype)


@pytest.mark.parametrize("cname", ["zstd", "lz4"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("typesize", [1, 2, 3, 4, 8, 12, 16, 17, 232, 255])
def test_stock_decoder_and_ours_give_the_bytes_back(typesize, kind, cname, way):
    if (cname, way) == ("lz4", "compiled"):
        return  # Python does it either way
    for size in (1, 3, typesize, 127, 128, 129, 512, 4096, 8191, 30000, 65540):
        for blocksize in (64, 500, 508, 512, 4096, 65536):
            data = KINDS[kind](size)
            codec = SplitBlosc(typesize, cname, blocksize=blocksize)
            frame = codec.encode(data)
            assert bytes(STOCK.decode(frame)) == data.tobytes(), (size, blocksize)
            assert codec.decode(frame).tobytes() == data.tobytes(), (size, blocksize)
            assert codec.check(frame) is True


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(min_size=1, max_size=3000),
    repeat=st.integers(1, 40),
    typesize=st.integers(1, 255),
    blocksize=st.integers(1, 70000),
    cname=st.sampled_from(["zstd", "lz4"]),
)
def test_any_bytes_round_trip_with_the_stock_decoder(data, repeat, typesize, blocksize, cname):
    data *= repeat
    codec = SplitBlosc(typesize, cname, blocksize=max(blocksize, len(data) // 500))
    frame = codec.encode(data)
    assert bytes(STOCK.decode(frame)) == data
    assert codec.decode(frame).tobytes() == data


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(64, 64, 64), (50, 64, 64), (63, 61, 59), (16, 16)])
def test_chunks_of_samples(dtype, shape):
    chunk = smooth(shape, dtype)
    for name in PRESETS:
        frame = blosc(name, typesize=chunk.itemsize).encode(chunk)
        out = np.empty_like(chunk)
        assert STOCK.decode(frame, out).tobytes() == chunk.tobytes()
        again = np.zeros_like(chunk)
        assert blosc(name, typesize=chunk.itemsize).decode(frame, again) is again
        assert again.tobytes() == chunk.tobytes()


def test_incompressible_frame_longer_than_its_data_decodes_everywhere():
    data = RNG.integers(0, 256, 1 << 18).astype(np.uint8)
    frame = SplitBlosc(4, blocksize=4096).encode(data)
    assert len(frame) > data.size + 16
    assert bytes(STOCK.decode(frame)) == data.tobytes()


def test_header_by_hand():
    # 1024 float32 zeros, one split block: 16 + 4 offset + 8 magic + 4 CRC + 4 CRC = 36 = 0x24.
    frame = SplitBlosc(4).encode(np.zeros(1024, "f4"))
    assert frame[:4] == bytes((2, 1, 0x81, 4))
    assert np.frombuffer(frame, "<u4", 4, 4).tolist() == [4096, 4096, len(frame), 0x24]
    assert frame[20:28] == MAGIC
    # 100 items are fewer than 128: one stream, and the flag that says so (0x10), which blosc2 needs.
    assert SplitBlosc(4).encode(np.zeros(100, "f4"))[2] == 0x91


def test_split_planes_beat_the_stock_encoder():
    chunk = smooth((64, 64, 64))
    assert len(SplitBlosc(4).encode(chunk)) < len(numcodecs.Blosc("zstd", 1).encode(chunk))


def test_same_input_same_bytes_from_every_thread():
    chunk = smooth((32, 32, 32))
    frames = []
    threads = [threading.Thread(target=lambda: frames.append(SplitBlosc(4).encode(chunk))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(frames) == 4
    assert len(set(frames)) == 1


def test_layout_fits_whole_items():
    assert Layout.fit(1000, 232, 500) == Layout(1000, 232, 464)
    assert Layout.fit(100, 232, 65536) == Layout(100, 232, 100)
    assert Layout.fit(4096, 4, 65536).blocks == 1
    assert [Layout.fit(1000, 232, 500).length(k) for k in range(3)] == [464, 464, 72]


# ------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        (SplitBlosc(4, blocksize=1024), np.cumsum(np.arange(700, dtype="f4") % 13).astype("f4")),
        (SplitBlosc(232), np.arange(600, dtype=np.uint8)[:464]),
        (SplitBlosc(4, "lz4", blocksize=1024), np.arange(520, dtype="f4")),
    ],
    ids=["split and short block", "records", "lz4"],
)
def test_every_flipped_bit_is_harmless_or_found(codec, data):
    frame = codec.encode(data)
    size = data.nbytes
    found = 0
    for position in range(len(frame)):
        for bit in range(8):
            damaged = bytearray(frame)
            damaged[position] ^= 1 << bit
            try:
                decoded = codec.decode(bytes(damaged), max_size=size)
            except (IntegrityError, CodecError):
                found += 1
            else:
                assert decoded.tobytes() == data.tobytes(), (position, bit)
    # Only the magic's 64 bits may go unnoticed: without it the frame is somebody else's.
    assert found == 8 * len(frame) - 64


def test_error_names_the_block():
    codec = SplitBlosc(4, blocksize=4096)
    frame = bytearray(codec.encode(smooth((16, 16, 64))))
    frame[parse(bytes(frame)).offsets[5] + 9] ^= 1
    with pytest.raises(IntegrityError, match="block 5 of 16"):
        codec.decode(bytes(frame))
    assert codec.check(bytes(frame)) is False
    out = np.empty((1, 16, 64), "f4")
    codec.decode_region(bytes(frame), (16, 16, 64), "f4", ((4, 5), (0, 16), (0, 64)), out)
    with pytest.raises(IntegrityError, match="block 5 of 16"):
        codec.decode_region(bytes(frame), (16, 16, 64), "f4", ((5, 6), (0, 16), (0, 64)), out)


@pytest.mark.parametrize("keep", [0, 3, 15, 16, 19, 40, -1])
def test_frame_cut_off(keep):
    codec = SplitBlosc(4, blocksize=1024)
    frame = codec.encode(smooth((8, 8, 16)))[:keep]
    with pytest.raises((IntegrityError, CodecError)):
        codec.decode(frame)


def test_claimed_size_is_checked_before_room_is_made():
    frame = SplitBlosc(4).encode(np.zeros(1 << 22, np.uint8))
    with pytest.raises(CodecError, match="claims to hold 4194304 bytes where 1000 are expected"):
        SplitBlosc(4).decode(frame, max_size=1000)
    with pytest.raises(CodecError, match="not decoded"):
        SplitBlosc(4).decode(frame, np.empty(250, "f4"))
    with pytest.raises(CodecError, match="where 8388608 are expected"):
        SplitBlosc(4).decode(frame, np.empty(1 << 21, "f4"))
    bomb = bytearray(numcodecs.Blosc("zstd", 1).encode(np.zeros(1 << 20, "f4")))
    bomb[4:8] = (2**32 - 1).to_bytes(4, "little")
    with pytest.raises(CodecError):
        SplitBlosc(4).decode(bytes(bomb))


def test_stream_that_claims_more_than_its_block():
    import zstandard

    stream = zstandard.ZstdCompressor().compress(bytes(1 << 20))
    for count in (1, 20):
        body = (len(stream).to_bytes(4, "little") + stream) * count
        first = 16 + 4 * count
        offsets = first + np.arange(count) * (len(stream) + 4)
        head = bytes((2, 1, 0x91, 4)) + np.array([256 * count, 256, first + len(body)], "<u4").tobytes()
        with pytest.raises(CodecError):
            SplitBlosc(4).decode(head + offsets.astype("<u4").tobytes() + body)


# ------------------------------------------------------------------------------------------------ regions


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_region_equals_slice_of_the_whole(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    dtype = data.draw(st.sampled_from(["i2", "f4", "f8", "V12", "V20"]))
    region = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in shape]
    foreign = data.draw(st.booleans())
    blocksize = data.draw(st.sampled_from([32, 300, 1024, 4096]))
    n = int(np.prod(shape)) * np.dtype(dtype).itemsize
    chunk = (np.arange(n) // 3 % 251).astype(np.uint8).view(dtype).reshape(shape)
    codec = SplitBlosc(chunk.itemsize, blocksize=blocksize)
    frame = numcodecs.Blosc("zstd", 5, 1, blocksize).encode(chunk) if foreign else codec.encode(chunk)
    box = tuple(slice(a, b) for a, b in region)
    out = np.zeros(chunk[box].shape, dtype)
    codec.decode_region(frame, shape, dtype, region, out)
    assert out.tobytes() == chunk[box].tobytes()
    out = np.zeros(chunk[box].shape, dtype)
    codec.read_region(Stored(frame).read_into, len(frame), shape, dtype, region, out)
    assert out.tobytes() == chunk[box].tobytes()


class Stored:
    """A frame somewhere else, which says what is read of it."""

    def __init__(self, frame):
        self.frame, self.read = bytes(frame), []

    def read_into(self, offset, buffer):
        assert offset + len(buffer) <= len(self.frame)
        self.read.append((offset, offset + len(buffer)))
        buffer[:] = self.frame[offset : offset + len(buffer)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_region_of_rows_that_blocks_hold_whole(data):
    """The planes are not put together but where they are wanted."""
    shape = (*data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3)), 16)
    dtype = data.draw(st.sampled_from(["i2", ">f4", "f8"]))
    region = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in shape]
    chunk = RNG.integers(0, 1000, shape).astype(dtype)
    codec = SplitBlosc(chunk.itemsize, blocksize=16 * chunk.itemsize * data.draw(st.sampled_from([8, 16, 24])))
    box = tuple(slice(a, b) for a, b in region)
    for way in ("decode", "read"):
        out = np.zeros(chunk[box].shape, dtype)
        frame = codec.encode(chunk)
        if way == "decode":
            codec.decode_region(frame, shape, dtype, region, out)
        else:
            codec.read_region(Stored(frame).read_into, len(frame), shape, dtype, region, out)
        assert out.tobytes() == chunk[box].tobytes()


def test_of_a_frame_elsewhere_only_the_head_and_what_is_needed_are_read():
    chunk = smooth((64, 32, 32))
    codec = SplitBlosc(4, blocksize=4096)
    frame = codec.encode(chunk)
    offsets = [*parse(bytes(frame)).offsets, len(frame)]
    stored, out = Stored(frame), np.zeros((2, 5, 7), "f4")
    codec.read_region(stored.read_into, len(frame), (64, 32, 32), "f4", ((40, 42), (3, 8), (20, 27)), out)
    assert (out == chunk[40:42, 3:8, 20:27]).all()
    assert stored.read == [(0, 4096), (offsets[40], offsets[42])]
    foreign, out = numcodecs.Blosc("zstd", 5, 1, 4096).encode(chunk), np.zeros((2, 5, 7), "f4")
    stored = Stored(foreign)  # where its blocks end is not known
    codec.read_region(stored.read_into, len(foreign), (64, 32, 32), "f4", ((40, 42), (3, 8), (20, 27)), out)
    assert (out == chunk[40:42, 3:8, 20:27]).all()
    assert stored.read == [(0, 4096), (4096, len(foreign))]


@pytest.mark.parametrize("where", ["head", "block"])
def test_damage_to_a_frame_elsewhere(where):
    chunk = smooth((64, 32, 32))
    codec = SplitBlosc(4, blocksize=4096)
    frame = bytearray(codec.encode(chunk))
    frame[100 if where == "head" else parse(bytes(frame)).offsets[40] + 30] ^= 4
    with pytest.raises(IntegrityError):
        codec.read_region(
            Stored(frame).read_into,
            len(frame),
            (64, 32, 32),
            "f4",
            ((40, 42), (3, 8), (20, 27)),
            np.zeros((2, 5, 7), "f4"),
        )


def test_region_reads_only_the_blocks_it_needs():
    chunk = smooth((64, 32, 32))
    codec = SplitBlosc(4, blocksize=4096)  # one plane a block
    frame = bytearray(codec.encode(chunk))
    offsets = [*parse(bytes(frame)).offsets, len(frame)]
    for block in range(64):
        if block not in (10, 11):
            frame[offsets[block] + 8 : offsets[block + 1]] = bytes(offsets[block + 1] - offsets[block] - 8)
    out = np.zeros((2, 5, 7), "f4")
    codec.decode_region(bytes(frame), (64, 32, 32), "f4", ((10, 12), (3, 8), (20, 27)), out)
    assert (out == chunk[10:12, 3:8, 20:27]).all()


def test_region_into_a_strided_view():
    chunk = smooth((20, 20, 20))
    whole = np.zeros((10, 40, 20), "f4")
    view = whole[2:7, ::4, 5:15]
    SplitBlosc(4, blocksize=1024).decode_region(
        SplitBlosc(4, blocksize=1024).encode(chunk), (20, 20, 20), "f4", ((3, 8), (4, 14), (1, 11)), view
    )
    assert (view == chunk[3:8, 4:14, 1:11]).all()
    assert not whole[:, 1::4].any()


def test_region_that_does_not_fit():
    codec = SplitBlosc(4)
    frame = codec.encode(smooth((4, 4)))
    with pytest.raises(ShapeError, match="outside a chunk"):
        codec.decode_region(frame, (4, 4), "f4", ((0, 5), (0, 4)), np.empty((5, 4), "f4"))
    with pytest.raises(ShapeError, match="out has shape"):
        codec.decode_region(frame, (4, 4), "f4", ((0, 2), (0, 4)), np.empty((4, 2), "f4"))
    with pytest.raises(CodecError, match="64 bytes where 128 are expected"):
        codec.decode_region(frame, (4, 8), "f4", ((0, 2), (0, 4)), np.empty((2, 4), "f4"))


# ------------------------------------------------------------------------------------------- other writers


@pytest.mark.parametrize("cname", ["zstd", "lz4", "lz4hc", "blosclz", "zlib"])
@pytest.mark.parametrize("shuffle", [0, 1, 2])
@pytest.mark.parametrize("blocksize", [0, 2048, 65536])
def test_frames_of_the_stock_encoder(cname, shuffle, blocksize):
    codec = SplitBlosc(4)
    for chunk in (
        smooth((30, 33, 35)),
        smooth((30, 33, 35), "f8"),
        smooth((7, 5), "i2"),
        np.zeros((40, 40, 40), "f4"),
        RNG.integers(0, 256, 100_000).astype(np.uint8),
        RNG.integers(0, 9, 232 * 500).astype(np.uint8).view("V232"),
    ):
        frame = numcodecs.Blosc(cname, 5, shuffle, blocksize).encode(chunk)
        assert codec.check(frame) is None
        assert codec.decode(frame).tobytes() == chunk.tobytes()
        half = tuple(slice(n // 3, n) for n in chunk.shape)
        out = np.zeros(chunk[half].shape, chunk.dtype)
        codec.decode_region(frame, chunk.shape, chunk.dtype, [(n // 3, n) for n in chunk.shape], out)
        assert out.tobytes() == chunk[half].tobytes()


def test_damaged_foreign_frames_never_crash():
    codec = SplitBlosc(4)
    for cname in ("zstd", "lz4", "zlib"):
        frame = numcodecs.Blosc(cname, 5, 1, 2048).encode(smooth((10, 10, 20)))
        for position in range(0, len(frame), 7):
            damaged = bytearray(frame)
            damaged[position] ^= 0x41
            with contextlib.suppress(CodecError):
                codec.decode(bytes(damaged), max_size=8000)


# ------------------------------------------------------------------------------------------------ interface


def test_config_is_what_a_stock_codec_understands():
    config = SplitBlosc(4, clevel=5).get_config()
    assert config == {"id": "blosc", "cname": "zstd", "clevel": 5, "shuffle": 1, "blocksize": 0}
    assert isinstance(numcodecs.get_codec(dict(config)), numcodecs.Blosc)


def test_bad_parameters():
    for bad in ({"typesize": 0}, {"typesize": 256}, {"blocksize": 0}, {"cname": "snappy"}):
        with pytest.raises(CodecError):
            SplitBlosc(**bad)
    with pytest.raises(CodecError, match="no preset"):
        blosc("tiny")
    assert blosc("small", typesize=8, blocksize=1024) == SplitBlosc(8, "zstd", 5, 1024)
    assert blosc(clevel=3) == SplitBlosc(4, "zstd", 3)


def test_blocks_that_are_no_whole_items_are_refused():
    frame = bytearray(numcodecs.Blosc("zstd", 1, 1, 2048).encode(np.arange(600, dtype="f8")))
    frame[2] &= ~0x10  # streams apart
    frame[8:12] = (2050).to_bytes(4, "little")
    with pytest.raises(CodecError, match="no whole items of 8"):
        SplitBlosc(8).decode(bytes(frame))
