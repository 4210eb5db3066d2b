"""Decoders that stop at a size: what is whole comes back, what is damaged or too long is named."""

import copy
import sys

import numcodecs
import numpy as np
import pytest

from mdio.exceptions import CodecError
from mdio.native.bounded import BOUNDED, Bounded, decode_within

PLAIN = np.random.default_rng(1).integers(0, 9, 5000).astype("u1").tobytes()
CODECS = {
    "zlib": numcodecs.Zlib(),
    "gzip": numcodecs.GZip(),
    "bz2": numcodecs.BZ2(),
    "lzma": numcodecs.LZMA(),
    "zstd": numcodecs.Zstd(),
    "lz4": numcodecs.LZ4(),
}
RAW = numcodecs.LZMA(format=3, filters=[{"id": 0x21, "preset": 1}])


def test_every_codec_is_looked_at():
    assert set(CODECS) <= set(BOUNDED)


@pytest.mark.parametrize("name", CODECS)
class TestEach:
    def test_gives_what_fits_and_refuses_what_does_not(self, name):
        stored = CODECS[name].encode(PLAIN)
        codec = Bounded(CODECS[name])
        assert bytes(codec.decode_within(stored, len(PLAIN))) == PLAIN
        with pytest.raises(CodecError, match=f"{name} data decode to more than the 4999 bytes"):
            codec.decode_within(stored, len(PLAIN) - 1)

    def test_damage_is_named(self, name):
        stored = bytearray(CODECS[name].encode(PLAIN))
        stored[:3] = b"\xff\xff\xff"
        with pytest.raises((CodecError, RuntimeError), match=name if name not in ("lz4", "zstd") else None):
            Bounded(CODECS[name]).decode_within(bytes(stored), len(PLAIN))

    @pytest.mark.parametrize("cut", [1, 3, 2000])
    def test_what_is_cut_off_is_an_error(self, name, cut):
        stored = bytes(CODECS[name].encode(PLAIN))[:-cut]
        with pytest.raises((CodecError, RuntimeError)):
            Bounded(CODECS[name]).decode_within(stored, len(PLAIN))

    def test_fills_an_array_and_is_copied(self, name):
        codec = copy.deepcopy(Bounded(CODECS[name]))
        out = np.empty(len(PLAIN), "u1")
        found = codec.decode(CODECS[name].encode(PLAIN), out=out)
        assert bytes(found) == PLAIN
        assert bytes(codec.decode(CODECS[name].encode(PLAIN))) == PLAIN
        assert codec.codec_id == name


def test_raw_lzma_has_no_end_mark():
    assert bytes(Bounded(RAW).decode_within(RAW.encode(PLAIN), len(PLAIN))) == PLAIN


def test_several_members_of_gzip_are_one():
    stored = bytes(numcodecs.GZip().encode(PLAIN[:100])) + bytes(numcodecs.GZip().encode(PLAIN[100:]))
    assert bytes(Bounded(numcodecs.GZip()).decode_within(stored, len(PLAIN))) == PLAIN


def test_lz4_without_room_for_a_size():
    with pytest.raises(CodecError, match="lz4 data are damaged: 3 bytes"):
        Bounded(numcodecs.LZ4()).decode_within(b"\1\0\0", 10)


class TestZstdWithoutSize:
    @pytest.fixture
    def stored(self):
        zstandard = pytest.importorskip("zstandard")
        return zstandard.ZstdCompressor(write_content_size=False).compress(PLAIN)

    def test_is_read_up_to_the_limit(self, stored):
        assert bytes(Bounded(numcodecs.Zstd()).decode_within(stored, len(PLAIN))) == PLAIN
        with pytest.raises(CodecError, match="zstd data decode to more"):
            Bounded(numcodecs.Zstd()).decode_within(stored, 4999)
        with pytest.raises(CodecError, match="zstd data are damaged"):
            Bounded(numcodecs.Zstd()).decode_within(b"\0" + stored[1:], len(PLAIN))

    def test_says_what_to_install(self, stored, monkeypatch):
        monkeypatch.setitem(sys.modules, "zstandard", None)
        with pytest.raises(CodecError, match="do not say how much") as caught:
            Bounded(numcodecs.Zstd()).decode_within(stored, len(PLAIN))
        assert "pip install mdio-compression" in caught.value.hint


def test_codecs_that_know_no_bounds_decode_as_they_are():
    assert bytes(decode_within(numcodecs.Blosc(), numcodecs.Blosc().encode(PLAIN), 1)) == PLAIN
