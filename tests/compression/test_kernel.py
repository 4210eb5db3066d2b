"""The compiled loop beside the Python code: the same frames, the same samples, and no harm from any bytes."""

from __future__ import annotations

import os

import google_crc32c
import numcodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import use

from mdio.exceptions import CodecError, IntegrityError
from mdio_compression import kernel, planes
from mdio_compression.blosc import SplitBlosc
from mdio_compression.frame import MAGIC, parse

RNG = np.random.default_rng(11)


@pytest.fixture
def frames(monkeypatch):
    use("compiled", monkeypatch, kernel, "frames")
    return kernel.frames()


def ibm_like(shape):
    """Floats whose lowest bits are often zero, as those of IBM words are."""
    bits = np.cumsum(RNG.normal(size=shape), axis=-1).astype("f4").view("u4")
    dropped = RNG.integers(0, 4, shape).astype("u4")
    return (bits >> dropped << dropped).view("f4")


def python_frame(codec, values, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(kernel, "frames", lambda: None)
        return codec.encode(values)


SAMPLES = {
    "ibm": ibm_like((40, 32, 64)),
    "noise": RNG.random((32, 32, 64)),
    "repeated": np.repeat(RNG.random((64, 16, 64)).astype("f4"), 2, axis=1),
    "int16": RNG.integers(-300, 300, (50, 41, 33)).astype("i2"),
    "bool": RNG.random((300, 301)) < 0.5,
    "records": RNG.integers(0, 9, (70, 240)).astype("u1").view("V240"),
    "zeros": np.zeros((64, 64, 64), "f4"),
    "short": RNG.random(5).astype("f4"),
}


@pytest.mark.parametrize("level", [1, 5])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_frame_either_way(frames, name, level, monkeypatch):
    values = SAMPLES[name]
    codec = SplitBlosc(values.dtype.itemsize, clevel=level)
    frame = codec.encode(values)
    assert frame == python_frame(codec, values, monkeypatch)
    assert bytes(numcodecs.Blosc().decode(frame)) == values.tobytes()
    out = np.empty_like(values)
    codec.decode(frame, out)
    assert out.tobytes() == values.tobytes()


def traces_alike(shape):
    """Traces of which neighbours have the same exponents here and there."""
    walk = np.cumsum(RNG.normal(size=shape), axis=-1)
    walk[..., 1::3, :] = walk[..., 0 : shape[-2] - 1 : 3, :][..., : walk[..., 1::3, :].shape[-2], :]
    return (walk * RNG.uniform(1, 1.1, shape)).astype("f4")


@pytest.mark.parametrize("shape", [(16, 32, 64), (5, 6, 30, 40), (70, 500), (2, 3, 7000), (33, 17, 129)])
@pytest.mark.parametrize("kind", ["alike", "rows", "zeros", "int16"])
def test_repeats_are_looked_for_where_the_shape_of_a_chunk_says(frames, shape, kind):
    values = traces_alike(shape)
    if kind == "rows":
        values[...] = values[..., :1, :]
    elif kind == "zeros":
        values[..., shape[-1] // 3 :] = 0
    elif kind == "int16":
        values = values.astype("i2")
    codec = SplitBlosc(values.dtype.itemsize)
    flat = codec.encode(values)
    frame = b"".join(codec.encode_part(values, shape))
    assert bytes(numcodecs.Blosc().decode(frame)) == values.tobytes()
    out = np.empty_like(values)
    assert codec.decode(frame, out).tobytes() == values.tobytes()
    assert len(frame) < 1.06 * len(flat) + 1000  # else zstd's own would have been taken
    thorough = SplitBlosc(values.dtype.itemsize, clevel=5)
    assert b"".join(thorough.encode_part(values, shape)) == thorough.encode(values)


def test_a_trace_repeated_far_behind_is_found():
    """At a distance that zstd at level 1 finds as well, but only piece by piece among others."""
    values = ibm_like((16, 16, 64))
    values[1::2] = values[0::2]
    codec = SplitBlosc(4)
    frame, flat = b"".join(codec.encode_part(values, values.shape)), codec.encode(values)
    if kernel.frames() is not None and kernel._zstd()[-1]:
        assert frame != flat
    assert bytes(numcodecs.Blosc().decode(frame)) == values.tobytes()


def test_a_time_slice_needs_half_of_the_streams(frames):
    """Those of the other samples may hold anything; the check of their block is what finds it."""
    values = traces_alike((32, 32, 64))
    frame = bytearray(b"".join(SplitBlosc(4).encode_part(values, values.shape)))
    parsed = parse(bytes(frame))
    if not kernel.finds_repeats():
        pytest.skip("zstd looks for repeats itself")
    assert frame[3] == 8
    assert parsed.layout.blocksize == 65536
    jobs = np.array([[0, len(frame), 0, 32, 0, 0, 32, 0, 20, 21, 0]], np.int64)
    out = np.zeros((32, 32, 1), "f4")
    assert SplitBlosc(4).decode_boxes(bytes(frame), jobs, values.shape, out) == 1
    np.testing.assert_array_equal(out, values[..., 20:21])
    stock = bytearray(frame[: parsed.offsets[0]])  # the same without checks
    at, odd = parsed.offsets[0], b""
    for plane in range(8):
        length = int.from_bytes(frame[at : at + 4], "little")
        stream = frame[at + 4 : at + 4 + length]
        if plane >= 4 and length < 8192:
            odd = stream
            stream = bytes(length)
        stock += length.to_bytes(4, "little") + stream
        at += 4 + length
    stock += frame[at:]
    gap = 16 + 4 * len(parsed.offsets)
    moved = [offset - (parsed.offsets[0] - gap) for offset in parsed.offsets]
    stock[16:gap] = b"".join(offset.to_bytes(4, "little") for offset in moved)
    del stock[gap : parsed.offsets[0]]
    stock[12:16] = len(stock).to_bytes(4, "little")
    assert odd
    jobs[0, 1] = len(stock)
    out[...] = 0
    assert SplitBlosc(4).decode_boxes(bytes(stock), jobs, values.shape, out) == 1
    np.testing.assert_array_equal(out, values[..., 20:21])
    jobs[0, 8:10] = 21, 22
    assert SplitBlosc(4).decode_boxes(bytes(stock), jobs, values.shape, out) == 0


@pytest.mark.parametrize("blocksize", [2**12, 2**19, 2**21])
def test_planes_of_any_size_are_encoded_by_shape(frames, blocksize):
    values = traces_alike((16, 128, 256))
    frame = b"".join(SplitBlosc(4, blocksize=blocksize).encode_part(values, values.shape))
    assert bytes(numcodecs.Blosc().decode(frame)) == values.tobytes()


def test_weak_planes_are_stored_every_other_time():
    values = ibm_like((64, 64, 64))
    frame = parse(SplitBlosc(4).encode(values))
    lowest = [int.from_bytes(frame.data[at : at + 4].tobytes(), "little") for at in frame.offsets]
    plane = frame.layout.blocksize // 4
    assert all(length == plane for length in lowest[1::2])
    assert all(plane * (1 - 1 / planes.WEAK) < length < plane for length in lowest[0::2])


def test_padding_is_not_taken_for_a_weak_plane(frames, monkeypatch):
    """Planes of an edge chunk, of which most blocks are only padding, are not stored as they are."""
    values = ibm_like((64, 64, 64))
    values[20:] = 0
    codec = SplitBlosc(4)
    frame = codec.encode(values)
    assert frame == python_frame(codec, values, monkeypatch)
    parsed = parse(frame)
    assert len(frame) - parsed.offsets[5] < 2000
    by_shape = b"".join(codec.encode_part(values[:20], values.shape))
    parsed = parse(by_shape)
    assert len(by_shape) - parsed.offsets[-4] < 2000


def test_higher_levels_store_no_weak_plane_as_it_is():
    frame = parse(SplitBlosc(4, clevel=5).encode(ibm_like((64, 64, 64))))
    lowest = [int.from_bytes(frame.data[at : at + 4].tobytes(), "little") for at in frame.offsets]
    assert all(length < frame.layout.blocksize // 4 for length in lowest)


def test_noise_is_told_from_bytes_that_shrink():
    uniform = RNG.integers(0, 256, (500, 16384)).astype("u1")
    assert planes.noisy(uniform).all()
    assert not planes.noisy(uniform & 0x7F).any()
    # Half of the bytes have their lowest bit cleared: 7.81 bits of entropy.
    assert not planes.noisy(np.where(RNG.random(uniform.shape) < 0.5, uniform & 0xFE, uniform)).any()
    assert not planes.noisy(uniform[:, :4096]).any()  # too short to tell


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_part_of_any_array_is_encoded_as_the_padded_chunk(data):
    if kernel.frames() is None:
        pytest.skip("not compiled")
    ndim = data.draw(st.integers(1, 4))
    chunk = tuple(data.draw(st.integers(1, 9)) for _ in range(ndim))
    part = tuple(data.draw(st.integers(1, n)) for n in chunk)
    dtype = np.dtype(data.draw(st.sampled_from(["f4", "i2", ">f4", "f8", "u1", "V7"])))
    whole = np.frombuffer(RNG.bytes(int(np.prod([2 * n for n in part])) * dtype.itemsize), dtype)
    values = whole.reshape([2 * n for n in part])[tuple(slice(None, None, -2) for _ in part)]
    if data.draw(st.booleans()):
        values = values.T.copy().T
    cell = data.draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize) | st.none())
    codec = SplitBlosc(dtype.itemsize, blocksize=data.draw(st.integers(dtype.itemsize, 5000)))
    padded = np.full(chunk, np.frombuffer(cell or bytes(dtype.itemsize), dtype)[0], dtype)
    padded[tuple(slice(n) for n in values.shape)] = values
    pieces = codec.encode_part(values, chunk, cell)
    if pieces == ():
        assert padded.tobytes() == (cell or bytes(dtype.itemsize)) * padded.size
    elif pieces is not None:
        assert bytes(numcodecs.Blosc().decode(b"".join(pieces))) == padded.tobytes()


def test_a_chunk_of_fill_is_nothing_unless_it_is_wanted(frames):
    codec, nan = SplitBlosc(4), np.float32(np.nan).tobytes()
    empty = np.full((8, 8), np.nan, "f4")
    assert codec.encode_part(empty, (8, 9), nan) == ()
    assert len(codec.encode_part(empty, (8, 9), nan, keep_fill=True)) == 1
    assert len(codec.encode_part(empty, (8, 9))) == 1
    assert codec.encode_part(np.zeros((8, 8), "f4"), (8, 9)) == ()
    assert len(codec.encode_part(np.full((8, 8), -0.0, "f4"), (8, 9))) == 1


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_box_of_any_frame(data):
    """Of ours and of stock frames, from memory and from a file, into any corner of any array."""
    if kernel.frames() is None:
        pytest.skip("not compiled")
    shape = tuple(data.draw(st.integers(1, 24)) for _ in range(data.draw(st.integers(1, 4))))
    dtype = np.dtype(data.draw(st.sampled_from(["f4", "i2", "f8", "u1", "V240"])))
    values = np.frombuffer(RNG.integers(0, 5, int(np.prod(shape)) * dtype.itemsize).astype("u1").tobytes(), dtype)
    values = values.reshape(shape)
    ours = SplitBlosc(dtype.itemsize, blocksize=data.draw(st.integers(dtype.itemsize, 9000)))
    by_shape = ours.encode_part(values, shape, keep_fill=True)
    kind = data.draw(st.sampled_from(["ours", "by shape", "stock", "stock, of wider items"]))
    if kind == "ours" or (kind == "by shape" and by_shape is None):
        frame = ours.encode(values)
    elif kind == "by shape":
        frame = b"".join(ours.encode_part(values, shape, keep_fill=True))
    else:
        shuffle = data.draw(st.sampled_from([0, 1, 2]))
        flat = values.reshape(-1).view("u1") if dtype.itemsize > 8 else values.reshape(-1)
        wider = data.draw(st.sampled_from([2, 4, 8, 3, 5])) * dtype.itemsize
        if kind != "stock" and values.nbytes % wider == 0 and wider < 256:
            flat = flat.view(f"V{wider}")
        typesize = flat.itemsize
        frame = numcodecs.Blosc("zstd", 5, shuffle, data.draw(st.sampled_from([0, 512, 4096])))
        frame = frame.encode(flat.view("u1") if typesize == 1 else flat)
    box = [tuple(sorted((data.draw(st.integers(0, n - 1)), data.draw(st.integers(1, n))))) for n in shape]
    box = [(a, max(b, a + 1)) for a, b in box]
    room = np.zeros([2 * (b - a) + 1 for a, b in box], dtype)
    job = [3, len(frame)] + [word for a, b in box for word in (a, b, 1)]
    jobs = np.array([job], np.int64)
    source = b"xyz" + frame + b"z"
    done = SplitBlosc(dtype.itemsize).decode_boxes(source, jobs, shape, room)
    expected = np.zeros(room.shape, dtype)
    assert done or kind != "by shape" or by_shape is None
    if done:
        expected[tuple(slice(1, 1 + b - a) for a, b in box)] = values[tuple(slice(a, b) for a, b in box)]
    assert expected.tobytes() == room.tobytes()


BOXES = {
    "inlines": ((31, 34), (0, 20), (0, 30)),
    "last inline": ((63, 64), (0, 20), (0, 30)),
    "even slice": ((0, 64), (0, 20), (12, 13)),
    "odd slice": ((0, 64), (0, 20), (13, 14)),
    "slices": ((5, 60), (3, 20), (7, 10)),
    "trace": ((40, 41), (11, 12), (0, 30)),
    "sample": ((40, 41), (11, 12), (29, 30)),
}


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("by_shape", [False, True])
def test_files_by_number_and_by_name(frames, by_shape, box, tmp_path):
    values = ibm_like((64, 20, 30))
    codec = SplitBlosc(4, blocksize=8192)
    frame = b"".join(codec.encode_part(values, values.shape)) if by_shape else codec.encode(values)
    path = tmp_path / "frame"
    path.write_bytes(frame)
    wanted = values[tuple(slice(*span) for span in BOXES[box])]
    out = np.zeros(wanted.shape, "f4")
    jobs = np.array([[0, -1, *(word for span in BOXES[box] for word in (*span, 0))]], np.int64)
    assert SplitBlosc(4).decode_boxes(str(path), jobs, values.shape, out) == 1
    np.testing.assert_array_equal(out, wanted)
    file = os.open(path, os.O_RDONLY)
    try:
        assert SplitBlosc(4).decode_boxes(file, jobs, values.shape, np.zeros_like(out)) == 1
    finally:
        os.close(file)
    for source in (str(tmp_path / "none"), str(tmp_path)):
        assert SplitBlosc(4).decode_boxes(source, jobs, values.shape, out) == 0
    path.write_bytes(frame[:-1])
    assert SplitBlosc(4).decode_boxes(str(path), jobs, values.shape, out) == 0


def test_jobs_that_do_not_fit_are_refused(frames):
    values = ibm_like((8, 20, 30))
    frame = SplitBlosc(4).encode(values)
    good = [0, len(frame), 2, 4, 0, 0, 20, 0, 0, 30, 0]
    codec, out = SplitBlosc(4), np.zeros((2, 20, 30), "f4")
    assert codec.decode_boxes(frame, np.array([good], np.int64), values.shape, out) == 1
    for at, bad in ((0, -1), (0, 1), (1, len(frame) + 1), (1, 3), (2, -1), (3, 9), (3, 2), (4, 1), (4, -1), (7, 1)):
        job = [*good[:at], bad, *good[at + 1 :]]
        assert codec.decode_boxes(frame, np.array([good, job], np.int64), values.shape, out) == 1, (at, bad)
    for shape in ((8, 20, 31), (2**31, 20, 30), (0, 20, 30)):
        assert codec.decode_boxes(frame, np.array([good], np.int64), shape, out) == 0
    with pytest.raises(ValueError, match="do not go together"):
        frames.decode(frame, np.array([good[:-1]], np.int64), np.array(values.shape, np.int64), 4, out)
    with pytest.raises(ValueError, match="do not go together"):
        frames.encode(values, np.array((8, 20, 29), np.int64), bytes(4), 4096, 1, 1, False, bytearray(10**5))
    assert frames.encode(values, np.array((8, 20, 30), np.int64), bytes(4), 4096, 1, 1, False, bytearray(100)) == -1


@pytest.mark.parametrize("kind", ["ours", "stock", "stock split"])
def test_any_byte_of_a_frame_may_be_anything(frames, kind, monkeypatch):
    """What the compiled loop takes for good is what the Python code takes for good, and the same."""
    values = np.cumsum(RNG.integers(-3, 4, (8, 16, 16)), axis=-1).astype("f4")
    codec = SplitBlosc(4, blocksize=2048)
    frame = codec.encode(values) if kind == "ours" else numcodecs.Blosc("zstd", 1, 1, 2048).encode(values)
    if kind == "stock split":  # as it is, but for the checks
        whole = parse(codec.encode(values))
        gap = whole.offsets[0] - (16 + 4 * len(whole.offsets))
        head = bytearray(whole.data[: 16 + 4 * len(whole.offsets)].tobytes())
        moved = np.array(whole.offsets, "<u4") - gap
        head[12:16] = (len(whole.data) - gap).to_bytes(4, "little")
        head[16:] = moved.tobytes()
        frame = bytes(head) + whole.data[whole.offsets[0] :].tobytes()
    box = ((1, 7), (2, 15), (3, 16))
    for trial in range(3000):
        damaged = bytearray(frame)
        for _ in range(1 + trial % 3):
            at = int(RNG.integers(0, min(len(frame), 200 if trial % 2 else len(frame))))
            damaged[at] = int(RNG.integers(0, 256))
        if trial % 10 == 0:
            damaged = damaged[: int(RNG.integers(0, len(frame)))]
        found = []
        for _ in range(2):
            out = np.zeros((6, 13, 13), "f4")
            try:
                codec.decode_region(bytes(damaged), values.shape, "f4", box, out)
                found.append(out.tobytes())
            except (CodecError, IntegrityError) as error:
                found.append(type(error))
            monkeypatch.setattr(kernel, "frames", lambda: None)
        monkeypatch.undo()
        assert found[0] == found[1], trial
        if kind == "ours" and MAGIC in damaged and isinstance(found[0], bytes):
            assert found[0] == values[1:7, 2:15, 3:16].tobytes()


def test_streams_of_items_as_they_are_are_left_to_python(frames, monkeypatch):
    """Streams apart without a shuffle: legal, written by nobody."""
    values = np.arange(4096, dtype="f4")
    frame = bytearray(SplitBlosc(4, blocksize=4096).encode(values))
    plain = parse(bytes(frame))
    end = 16 + 8 * plain.layout.blocks + 8
    frame[2] &= 0xFE
    frame[end : end + 4] = google_crc32c.value(bytes(frame[:end])).to_bytes(4, "little")
    job = np.array([0, len(frame), 0, 4096, 0], np.int64)
    assert SplitBlosc(4).decode_boxes(bytes(frame), job, (4096,), np.zeros(4096, "f4")) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "frames", lambda: None)
        expected = SplitBlosc(4).decode(bytes(frame)).tobytes()
    assert SplitBlosc(4).decode(bytes(frame)).tobytes() == expected != values.tobytes()


def test_the_size_of_items_does_not_matter_where_bytes_are_together(frames, monkeypatch):
    values = np.cumsum(RNG.integers(-3, 4, (6, 20, 30)), axis=-1).astype("f4")
    frame = bytearray(numcodecs.Blosc("zstd", 1, 0).encode(values))
    jobs = np.array([[0, len(frame), 1, 5, 0, 2, 9, 0, 7, 8, 0]], np.int64)
    for typesize, done in ((4, 1), (7, 1), (8, 1), (0, 0)):
        frame[3] = typesize
        out = np.zeros((4, 7, 1), "f4")
        assert SplitBlosc(4).decode_boxes(bytes(frame), jobs, values.shape, out) == done
        if done:
            np.testing.assert_array_equal(out, values[1:5, 2:9, 7:8])
    with pytest.raises(CodecError):
        SplitBlosc(4).decode(bytes(frame))


def test_without_a_library_of_zstd_python_does_it(monkeypatch):
    kernel.frames.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "_libraries", lambda: iter(["libnothing.so"]))
            assert kernel.frames() is None
            values = ibm_like((16, 16, 16))
            assert SplitBlosc(4).decode(SplitBlosc(4).encode(values)).tobytes() == values.tobytes()
    finally:
        kernel.frames.cache_clear()
