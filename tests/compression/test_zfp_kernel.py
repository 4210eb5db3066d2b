"""The compiled ZFP loop beside zfpy: the same streams, bit for bit, and nothing done that zfpy has to judge."""

from __future__ import annotations

import math
import sys
import threading

import numpy as np
import pytest
import zfpy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernels import WAYS, use

from mdio.exceptions import UnstorableSampleError
from mdio_compression import kernel
from mdio_compression.zfp import Zfp

TOLERANCES = [2.0**-20, 2.0**20, 2.0**-80, 2.0**127, 1.7e38, 0.03, 1e-3, 0.7, 1.0, np.nextafter(1.0, 0), 1000.0]
KINDS = ["noise", "walk", "smooth", "integers", "constant", "zeros", "spikes", "every size", "signs", "denormals"]
LOOPS = ["encode", "encode_portable"]


@pytest.fixture
def loops(monkeypatch):
    use("compiled", monkeypatch, kernel, "zfp_streams")
    return kernel.zfp_streams()


def make(kind, shape, top, seed):
    """Samples of up to ``top``."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, shape)
    if kind == "walk":
        values = np.cumsum(values, axis=-1)
    elif kind == "smooth":
        values = sum(np.sin(np.arange(n) * 0.3 + axis).reshape(-1, *[1] * (len(shape) - axis - 1))
                     for axis, n in enumerate(shape)) + 1e-4 * values  # fmt: skip
    elif kind == "integers":
        values = np.rint(values * 100)
    elif kind == "constant":
        values = np.full(shape, values.flat[0])
    elif kind == "zeros":
        values = np.where(values < 0, -0.0, 0.0)
    elif kind == "spikes":
        values = np.where(rng.random(shape) < 0.02, np.sign(values), 0)
    elif kind == "every size":
        values = values * 2.0 ** -rng.integers(0, 40, shape)
    elif kind == "signs":
        values = np.sign(values)
    largest = max(float(np.abs(values).max()), 1e-300)
    if kind == "denormals":
        return (values * 2.0**-130).astype("f4")
    with np.errstate(under="ignore"):
        made = (values / largest * top).astype("f4")
    return np.where(np.abs(made.astype("f8")) > top, np.nextafter(made, np.float32(0)), made).astype("f4")


def stream_of(loops, name, values, tolerance, limit=math.inf):
    return getattr(loops, name)(values, math.frexp(tolerance)[1] - 1, limit)


def reference(values, tolerance):
    return bytes(zfpy.compress_numpy(values, tolerance=tolerance))


shapes = st.one_of(
    st.tuples(st.integers(1, 300)),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 70)),
)


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    shape=shapes,
    tolerance=st.sampled_from(TOLERANCES) | st.floats(2.0**-20, 2.0**20),
    size=st.floats(-8, 16),
    seed=st.integers(0, 2**32),
)
@example("noise", (64, 64, 64), 0.03, 8, 1)
@example("smooth", (64, 64, 64), 0.03, 12, 1)
@example("every size", (33, 31, 67), 1.0, 16, 1)
def test_the_streams_of_zfpy_bit_for_bit(kind, shape, tolerance, size, seed):
    loops = kernel.zfp_streams()
    if loops is None:
        pytest.skip("not compiled")
    top = min(tolerance * 2.0**size, float(np.finfo("f4").max))
    values = make(kind, shape, top, seed)
    expected = reference(values, tolerance)
    for name in LOOPS:
        assert stream_of(loops, name, values, tolerance) == expected, name
    if top > 2.0**126:
        return
    chunk = Zfp(tolerance).encode(values)
    assert chunk[: len(expected)] == expected
    assert len(chunk) == len(expected) + 12
    decoded = zfpy.decompress_numpy(chunk)
    assert np.abs(decoded.astype("f8") - values.astype("f8")).max() <= tolerance


@settings(max_examples=200, deadline=None)
@given(
    values=st.lists(st.floats(-(2.0**36), 2.0**36, width=32), min_size=1, max_size=130),
    tolerance=st.floats(2.0**-20, 2.0**20),
    dims=st.integers(1, 3),
)
def test_any_floats(values, tolerance, dims):
    """Also those for which so many planes are wanted that the format's 32 are the limit."""
    loops = kernel.zfp_streams()
    if loops is None:
        pytest.skip("not compiled")
    shape = {1: (-1,), 2: (-1, 5), 3: (-1, 2, 3)}[dims]
    array = np.resize(np.array(values, "f4"), (len(values) + 29) // 30 * 30).reshape(shape)
    for name in LOOPS:
        assert stream_of(loops, name, array, tolerance) == reference(array, tolerance), name


@pytest.mark.parametrize(
    "shape", [(1,), (4,), (5,), (1000,), (1, 1), (4, 5), (7, 129), (1, 1, 1), (4, 4, 4), (5, 6, 131)]
)
@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_headers(loops, shape, tolerance):
    for name in LOOPS:
        assert stream_of(loops, name, np.zeros(shape, "f4"), tolerance) == reference(np.zeros(shape, "f4"), tolerance)


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_the_last_coefficient_of_a_block(loops, name, dims):
    """Found by a test as the only one left, it is not written; blocks in which that happens at every place of it."""
    rng = np.random.default_rng(dims)
    for drop in range(24):
        values = rng.uniform(-1, 1, (4,) * (dims - 1) + (4096,)).astype("f4")
        values *= rng.choice([1.0, 2.0**-4, 2.0**-8], values.shape).astype("f4")
        assert stream_of(loops, name, values, 2.0**-drop) == reference(values, 2.0**-drop)


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("limit", [0.0, 1e-46, 1.0, 0.1, 100.3, float(np.float32(100.3)), 3.5e38])
def test_the_limit_is_exact(loops, name, limit):
    """One sample anywhere that is larger by the least, a NaN or an infinity: not done."""
    largest = np.float32(min(limit, float(np.finfo("f4").max)))
    if float(largest) > limit:
        largest = np.nextafter(largest, np.float32(0))
    values = np.zeros((5, 6, 37), "f4")
    with np.errstate(over="ignore"):
        beyond = np.nextafter(largest, np.float32(np.inf))
    for at in (0, 4, 31, 32, 36, 37 * 6, 5 * 6 * 37 - 1):
        for value in (largest, -largest):
            values.flat[at] = value
            assert getattr(loops, name)(values, 0, limit) == reference(values, 1.0)
        for value in (beyond, -beyond, np.inf, -np.inf, np.nan, -np.nan):
            values.flat[at] = value
            assert getattr(loops, name)(values, 0, limit) is None, (at, value)
        values.flat[at] = 0


def test_what_is_not_for_the_loop_is_refused(loops):
    good = np.zeros((4, 5, 6), "f4")
    unordered = (good.T, good[:, ::2], good[::-1])
    for bad in (good.astype("f8"), good.astype("i4"), good.astype(">f4"), good[None], good[:0], good[0, 0, 0]):
        with pytest.raises((ValueError, BufferError)):
            loops.encode(bad, 0, 1.0)
    for bad in unordered:
        with pytest.raises((ValueError, BufferError)):
            loops.encode(bad, 0, 1.0)
    for exponent, limit in ((-81, 1.0), (128, 1.0), (0, -1.0), (0, math.nan)):
        with pytest.raises(ValueError, match="not one for this module"):
            loops.encode(good, exponent, limit)
    with pytest.raises(ValueError, match="not one for this module"):
        loops.encode(np.zeros((1, 1, 2**16 + 1), "f4"), 0, 1.0)
    with pytest.raises(TypeError):
        loops.encode(good)


def test_samples_of_any_alignment(loops):
    values = make("walk", (9, 10, 40), 50.0, 1)
    moved = np.frombuffer(b"abc" + values.tobytes(), "f4", offset=3).reshape(values.shape)
    for name in LOOPS:
        assert stream_of(loops, name, moved, 0.1) == reference(values, 0.1)


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f2", "f8", "i2", "u1", "i4"])
@pytest.mark.parametrize("shape", [(), (50,), (7, 30), (9, 10, 33), (3, 4, 5, 6), (2, 3, 4, 5, 6)])
def test_the_same_chunk_either_way(loops, shape, dtype, monkeypatch):
    values = (make("walk", shape or (1,), 100.0, 5).reshape(shape) + 20).astype(dtype)
    chunks = []
    for way in WAYS:
        with monkeypatch.context() as patch:
            use(way, patch, kernel, "zfp_streams")
            chunks.append(
                [Zfp(t, "lossless").encode(v) for t in (2.0**-90, 1e-3, 0.03, 8.0, 1e39) for v in (values, values.T)]
            )
    assert chunks[0] == chunks[1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_what_the_loop_does_not_do_is_judged_as_before(way, bad, monkeypatch):
    use(way, monkeypatch, kernel, "zfp_streams")
    values = make("noise", (9, 10, 33), 1.0, 2)
    values[3, 4, 5] = bad
    with pytest.raises(UnstorableSampleError) as error:
        Zfp(0.01).encode(values)
    assert error.value.position == (3 * 10 + 4) * 33 + 5
    assert Zfp(0.01, "lossless").decode(Zfp(0.01, "lossless").encode(values)).tobytes() == values.tobytes()


def test_ordinary_chunks_are_done_by_the_loop_alone(loops, monkeypatch):
    values = make("walk", (16, 16, 40), 100.0, 3)
    expected = reference(values, 0.03)
    monkeypatch.setattr(zfpy, "compress_numpy", None)
    assert Zfp(0.03).encode(values).startswith(expected)


def test_another_version_of_the_codec_is_left_to_zfpy(loops, monkeypatch):
    """So that no store gets chunks of two versions."""
    real = zfpy.compress_numpy
    changed = {}

    def another(array, **options):
        stream = bytearray(real(array, **options))
        stream[3] = 6
        changed["last"] = bytes(stream)
        return bytes(stream)

    kernel.zfp_streams.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(zfpy, "compress_numpy", another)
            assert kernel.zfp_streams() is None
            assert Zfp(0.1).encode(np.ones((4, 4, 4), "f4")).startswith(changed["last"])
    finally:
        kernel.zfp_streams.cache_clear()
    assert kernel.zfp_streams() is loops


def test_without_the_compiled_module_zfpy_does_it(monkeypatch):
    kernel.zfp_streams.cache_clear()
    try:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "mdio_compression._zfp", None)
            patch.delattr("mdio_compression._zfp", raising=False)
            assert kernel.zfp_streams() is None
            assert not kernel.is_compiled()
            assert Zfp(0.1).encode(np.ones(9, "f4")).startswith(reference(np.ones(9, "f4"), 0.1))
    finally:
        kernel.zfp_streams.cache_clear()


def test_threads_do_not_disturb_each_other(loops):
    chunks = [make("walk", (32, 32, 32), 100.0, seed) for seed in range(4)]
    expected = [reference(values, 0.03) for values in chunks]
    wrong = []

    def work(n):
        wrong.extend(n for _ in range(50) if stream_of(loops, "encode", chunks[n], 0.03) != expected[n])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
