"""ZFP chunks: the promise of the tolerance, the check behind the stream, and stock numcodecs as the oracle."""

from __future__ import annotations

import numcodecs
import numpy as np
import pytest
import zfpy
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.exceptions import CodecError, IntegrityError
from mdio_compression.zfp import Zfp, zfp

RNG = np.random.default_rng(3)
STOCK = numcodecs.ZFPY(mode=4, tolerance=0.01)


def smooth(*shape, dtype="f4"):
    return np.cumsum(RNG.normal(size=shape), axis=-1).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", "f2", "i2", "u1", "i4"])
@pytest.mark.parametrize("shape", [(5,), (7, 3), (16, 17, 18), (4, 5, 6, 7), (2, 3, 4, 5, 6), (1, 1, 1), ()])
def test_within_tolerance_for_us_and_for_stock_numcodecs(shape, dtype):
    data = (RNG.normal(size=shape) * 50 + 100).astype(dtype)
    chunk = Zfp(0.5).encode(data)
    ours = Zfp(0.5).decode(chunk)
    assert ours.dtype == ("f8" if dtype == "f8" else "f4")
    assert np.abs(ours.reshape(shape).astype("f8") - data).max() <= 0.5
    assert STOCK.decode(chunk).tobytes() == ours.tobytes()
    out = np.empty(shape, ours.dtype)
    assert Zfp(0.5).decode(chunk, out) is out
    assert out.tobytes() == ours.tobytes()


def test_any_layout():
    data = smooth(12, 13, 14)
    plain = Zfp(0.01).encode(data)
    assert Zfp(0.01).encode(np.asfortranarray(data)) == plain
    assert Zfp(0.01).encode(smooth(24, 26, 28)[::2, ::2, ::2]) != plain
    strided = np.zeros((24, 13, 14), "f4")
    strided[::2] = data
    assert Zfp(0.01).encode(strided[::2]) == plain


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_sample_that_breaks_the_promise(bad):
    data = smooth(8, 8, 8)
    data[1, 2, 3] = bad
    with pytest.raises(CodecError) as error:
        Zfp(0.01).encode(data)
    if not np.isfinite(bad):
        assert "sample 83 of the chunk" in str(error.value)  # 1*64 + 2*8 + 3
        assert str(np.float32(bad)) in str(error.value)
    chunk = Zfp(0.01, "lossless").encode(data)
    assert STOCK.decode(chunk).tobytes() == data.tobytes()
    assert Zfp(0.01).decode(chunk).tobytes() == data.tobytes()


def test_integers_that_float32_cannot_hold():
    data = np.full((4, 4, 4), 2**24 + 1, "i4")
    for mode in ("error", "lossless"):
        with pytest.raises(CodecError, match="sample 0 of the chunk is 16777217"):
            Zfp(0.5, mode).encode(data)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(width=32), min_size=1, max_size=200),
    tolerance=st.floats(1e-6, 1e6),
)
def test_lossless_mode_keeps_every_promise(values, tolerance):
    data = np.array(values, "f4")
    decoded = Zfp(tolerance, "lossless").decode(Zfp(tolerance, "lossless").encode(data))
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(decoded - data) <= tolerance
    assert (near | (decoded.view("u4") == data.view("u4"))).all()


def test_every_flipped_bit_is_harmless_or_found():
    data = smooth(5, 6)
    chunk = Zfp(0.1).encode(data)
    whole = Zfp(0.1).decode(chunk).tobytes()
    missed = 0
    for position in range(len(chunk)):
        for bit in range(8):
            damaged = bytearray(chunk)
            damaged[position] ^= 1 << bit
            try:
                decoded = Zfp(0.1).decode(bytes(damaged), max_size=data.nbytes)
            except (IntegrityError, CodecError):
                continue
            missed += 1
            assert decoded.tobytes() == whole
    assert missed == 64  # the magic


def test_check_and_foreign_chunks():
    data = smooth(9, 9, 9)
    chunk = Zfp(0.1).encode(data)
    assert Zfp(0.1).check(chunk) is True
    assert Zfp(0.1).check(b"\0" + chunk[1:]) is False
    foreign = numcodecs.ZFPY(mode=4, tolerance=0.1).encode(data)
    assert Zfp(0.1).check(foreign) is None
    assert np.abs(Zfp(0.1).decode(foreign) - data).max() <= 0.1
    Zfp(0.1).decode(foreign[:40])  # cut off: decodes to something, and does not crash


def test_claimed_size_is_checked_before_room_is_made():
    chunk = Zfp(0.1).encode(smooth(9, 9, 9))
    with pytest.raises(CodecError, match="claims to hold 2916 bytes where 2000 are expected"):
        Zfp(0.1).decode(chunk, max_size=2000)
    with pytest.raises(CodecError, match="not decoded"):
        Zfp(0.1).decode(chunk, np.empty(10, "f4"))
    with pytest.raises(CodecError, match="ZFP header"):
        Zfp(0.1).decode(b"no zfp stream at all")


def test_config_is_what_numcodecs_understands():
    config = Zfp(0.25).get_config()
    assert config == numcodecs.ZFPY(mode=4, tolerance=0.25).get_config()
    assert isinstance(numcodecs.get_codec(dict(config)), numcodecs.ZFPY)


def test_bad_parameters_and_arrays():
    for bad in (0, -1, np.nan, np.inf):
        with pytest.raises(CodecError, match="positive"):
            Zfp(bad)
    with pytest.raises(CodecError, match="choose error or lossless"):
        Zfp(1, "ignore")
    for array in (np.zeros(0, "f4"), np.zeros(3, "c8"), np.zeros((2, 2, 70000), "f4")):
        with pytest.raises(CodecError):
            Zfp(1).encode(array)


def test_factory_resolves_quality():
    assert zfp(quality="high", std=2.0) == Zfp(0.2)
    assert zfp(tolerance=0.3, on_nonfinite="lossless") == Zfp(0.3, "lossless")
    with pytest.raises(CodecError, match="standard deviation"):
        zfp(quality="high")
    with pytest.raises(CodecError, match="either"):
        zfp()


@pytest.mark.parametrize("ndim", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_not_decoded_again_is_within_the_tolerance(ndim, dtype):
    # Blocks that are hard for the transform, as large as is relied on: signs at random, spikes, every size at once.
    rng = np.random.default_rng(ndim)
    for tolerance in (2.0**-80, 1e-20, 0.03, 0.03125, 0.0625, 1e6, 1e30):
        top = tolerance * 2.0**16 * 0.999
        for kind in range(4):
            values = rng.uniform(-1, 1, (4,) * (ndim - 1) + (4096,))
            if kind == 1:
                values = np.sign(values)
            elif kind == 2:
                values = values * 2.0 ** -rng.integers(0, 30, values.shape)
            elif kind == 3:
                values = np.where(rng.random(values.shape) < 0.1, np.sign(values), values * 1e-5)
            values = (values * top).astype(dtype)
            codec = Zfp(tolerance)
            assert codec._is_sure_of(values, values)
            decoded = zfpy.decompress_numpy(codec.encode(values))
            assert np.abs(decoded.astype("f8") - values.astype("f8")).max() <= tolerance


def test_larger_samples_are_decoded_again(monkeypatch):
    seen = []
    real = zfpy.decompress_numpy
    monkeypatch.setattr(zfpy, "decompress_numpy", lambda stream: seen.append(1) or real(stream))
    codec = Zfp(1e-3)
    codec.encode(np.full((4, 4, 4), 60.0, "f4"))
    assert not seen
    codec.encode(np.full((4, 4, 4), 70.0, "f4"))
    Zfp(1e-30, on_nonfinite="lossless").encode(np.full((4, 4, 4), 1e-28, "f4"))
    assert len(seen) >= 2


def test_samples_that_decode_to_infinity():
    data = np.array([np.finfo("f4").max, -np.finfo("f4").max], "f4")
    with pytest.raises(CodecError, match="cannot hold"):
        Zfp(1.7e38).encode(data)
    assert Zfp(1.7e38, "lossless").decode(Zfp(1.7e38, "lossless").encode(data)).tobytes() == data.tobytes()


def test_integers_are_compared_before_their_cast(monkeypatch):
    """2^24 + 1 is 2^24 as float32, which is no integer to be sure of."""
    seen = []
    real = zfpy.decompress_numpy
    monkeypatch.setattr(zfpy, "decompress_numpy", lambda stream: seen.append(1) or real(stream))
    Zfp(1000.0).encode(np.full((4, 4, 4), 2**24 - 1, "i4"))
    assert not seen
    Zfp(1000.0).encode(np.full((4, 4, 4), 2**24 + 1, "i4"))
    assert seen
