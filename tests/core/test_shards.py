"""Shards: layouts of every kind written and read back by zarr-python, read by ranges, and damaged."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.core.region import Region
from mdio.exceptions import ConfigError, IntegrityError, MDIOError
from mdio.native.arrays import ArraySpec
from mdio.native.chunk_writer import ChunkWriter
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.codecs import default_codec
from mdio.native.shards import Sharding, shard_shapes
from mdio.native.zarr3 import array_document, spec_of
from mdio.storage.local import LocalStore

EMPTY = 2**64 - 1


class Counting(LocalStore):
    """Counts what is read; as a store elsewhere."""

    path = None

    def __init__(self, path):
        super().__init__(path)
        self.ranges = []
        self.whole = 0

    def open(self, key=""):
        inner, ranges = super().open(key), self.ranges

        class File:
            size = inner.size

            def read(self, offset, length):
                ranges.append((key, offset, length))
                return inner.read(offset, length)

            def close(self):
                inner.close()

        return File()

    def get(self, key):
        self.whole += 1
        return super().get(key)


def stored(folder, values, chunks, shards, **more):
    spec = ArraySpec("a", values.shape, chunks, values.dtype, default_codec(4), prefix="c/", shards=shards, **more)
    store = Counting(folder)
    writer = ChunkWriter(lambda key, *pieces: store.write(key, b"".join(pieces)), store.delete, spec)
    receipt = writer.write(Region.whole(spec.shape), values)
    store.write("a/zarr.json", json.dumps(array_document(spec)).encode())
    return store, writer, receipt


def reader(store, cache=0):
    return ChunkReader(store, spec_of("a", json.loads(store.read("a/zarr.json"))), ChunkCache(cache))


@st.composite
def layouts(draw):
    ndim = draw(st.integers(1, 4))
    shape = tuple(draw(st.integers(1, 13)) for _ in range(ndim))
    inner = tuple(draw(st.integers(1, 5)) for _ in range(ndim))
    outer = tuple(n * draw(st.integers(1, 4)) for n in inner)
    region = []
    for n in shape:
        start = draw(st.integers(0, n))
        region.append((start, draw(st.integers(start, n))))
    return shape, inner, outer, Region(region), draw(st.integers(0, 2**31)), draw(st.sampled_from([0.0, np.nan, 7.0]))


@settings(max_examples=60, deadline=None)
@given(layouts(), st.booleans(), st.booleans())
def test_any_layout_is_read_by_zarr_and_by_us(layout, at_end, checked):
    shape, inner, outer, region, seed, fill = layout
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype("f4")
    for index in Region.whole(shape).chunks(inner):  # some chunks are all fill
        if rng.random() < 0.5:
            values[Region.of_chunk(index, inner, shape).slices] = fill
    with tempfile.TemporaryDirectory() as folder:
        store, writer, receipt = stored(
            Path(folder), values, inner, outer, fill=fill, sharding=Sharding(checked=checked, at_end=at_end)
        )
        np.testing.assert_array_equal(zarr.open_array(Path(folder) / "a", mode="r")[...], values)
        array = reader(store)
        np.testing.assert_array_equal(array.read(region), values[region.slices])
        np.testing.assert_array_equal(reader(store, 1 << 20).read(region), values[region.slices])
        seen = np.full(shape, fill, "f4")
        for part, found in array.present(Region.whole(shape)):
            seen[part.slices] = found
        np.testing.assert_array_equal(seen, values)
        assert writer.stored(store.get, Region.whole(shape)) == receipt
        objects = [file for file in (Path(folder) / "a").rglob("*") if file.is_file() and file.name != "zarr.json"]
        assert len(objects) == receipt[0]
        assert sum(file.stat().st_size for file in objects) == receipt[1]


def test_the_index(tmp_path):
    """Offset and length of each chunk as two 64-bit words in C order, all bits set for none, then a CRC32C."""
    values = np.zeros((4, 6), "f4")
    values[0, 0] = 1
    values[3, 5] = 2
    stored(tmp_path, values, (2, 2), (4, 6))
    data = (tmp_path / "a" / "c" / "0" / "0").read_bytes()
    index = np.frombuffer(data[-100:-4], "<u8").reshape(6, 2)
    assert [tuple(row) for row in index[1:5].tolist()] == [(EMPTY, EMPTY)] * 4
    (first, length), (last, other) = index[0].tolist(), index[5].tolist()
    assert (first, last) == (0, length)
    assert last + other == len(data) - 100
    out = np.empty((2, 2), "f4")
    default_codec(4).decode(data[last : last + other], out=out.reshape(-1).view("u1"))
    assert out.tolist() == [[0, 0], [0, 2]]


def test_shards_of_only_fill_are_not_stored(tmp_path):
    values = np.zeros((8, 8), "f4")
    values[0, 0] = 1
    _, _, receipt = stored(tmp_path, values, (2, 2), (4, 4))
    assert receipt[0] == 1
    assert [file.name for file in (tmp_path / "a" / "c").rglob("*") if file.is_file()] == ["0"]


def test_a_shard_that_became_empty_goes(tmp_path):
    values = np.ones((4, 4), "f4")
    _, writer, _ = stored(tmp_path, values, (2, 2), (4, 4))
    assert writer.write(Region.whole((4, 4)), 0 * values) == [0, 0]
    assert not (tmp_path / "a" / "c" / "0" / "0").exists()


def test_parts_are_read_by_ranges(tmp_path):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(64, 64, 64)).astype("f4")
    store, _, _ = stored(tmp_path, values, (16, 16, 16), (64, 64, 64))
    size = (tmp_path / "a" / "c" / "0" / "0" / "0").stat().st_size
    array = reader(store)
    store.ranges.clear()
    store.whole = 0
    np.testing.assert_array_equal(array.read(Region([(0, 4), (0, 4), (0, 4)])), values[:4, :4, :4])
    index, *chunks = store.ranges
    assert index == ("a/c/0/0/0", size - 64 * 16 - 4, 64 * 16 + 4)
    assert sum(length for _, _, length in chunks) < size / 32
    # The index is known now; neighbours come in one go.
    store.ranges.clear()
    np.testing.assert_array_equal(array.read(Region([(0, 1), (0, 1), (0, 64)])), values[:1, :1])
    assert len(store.ranges) == 1
    store.ranges.clear()
    np.testing.assert_array_equal(array.read(Region.whole(values.shape)), values)
    assert len(store.ranges) == 1
    assert store.whole == 0


def test_nothing_is_read_twice_with_a_cache(tmp_path):
    values = np.random.default_rng(1).normal(size=(32, 32)).astype("f4")
    store, _, _ = stored(tmp_path, values, (8, 8), (32, 32))
    array = reader(store, 1 << 20)
    for _ in range(2):  # what is looked at a second time is kept
        array.look(Region.whole(values.shape))
    store.ranges.clear()
    np.testing.assert_array_equal(array.read(Region([(3, 30), (5, 6)])), values[3:30, 5:6])
    assert store.ranges == []


def test_a_changed_shard_is_seen_after_the_cache_is_cleared(tmp_path):
    values = np.random.default_rng(1).normal(size=(8, 8)).astype("f4")
    store, writer, _ = stored(tmp_path, values, (4, 4), (8, 8))
    cache = ChunkCache(1 << 20)
    array = ChunkReader(store, spec_of("a", json.loads(store.read("a/zarr.json"))), cache)
    array.read(Region.whole((8, 8)))
    values[:4] = 0
    writer.write(Region.whole((8, 8)), values)
    cache.clear()
    np.testing.assert_array_equal(array.read(Region.whole((8, 8))), values)


class TestDamage:
    @pytest.fixture
    def shard(self, tmp_path):
        values = np.random.default_rng(1).normal(size=(8, 8)).astype("f4")
        store, writer, receipt = stored(tmp_path, values, (4, 4), (8, 8))
        return store, writer, receipt, tmp_path / "a" / "c" / "0" / "0"

    @pytest.mark.parametrize("at", [-1, -5, -60, 0, 40])
    def test_a_bit(self, shard, at):
        store, writer, receipt, file = shard
        data = bytearray(file.read_bytes())
        data[at] ^= 1
        file.write_bytes(data)
        with pytest.raises(MDIOError, match="a/c/0/0"):
            reader(store).read(Region.whole((8, 8)))
        assert writer.stored(store.get, Region.whole((8, 8))) != receipt

    @pytest.mark.parametrize("length", [0, 3, 67, 100])
    def test_a_cut(self, shard, length):
        store, writer, receipt, file = shard
        file.write_bytes(file.read_bytes()[:length])
        with pytest.raises(IntegrityError, match="a/c/0/0"):
            reader(store).read(Region.whole((8, 8)))
        assert writer.stored(store.get, Region.whole((8, 8))) != receipt

    def test_an_index_that_points_beyond(self):
        for offset, length in ((10, 1 << 40), (1 << 62, 4), (EMPTY, 5), ((1 << 63) + 5, (1 << 63) + 5)):
            index = np.array([[offset, length]], "<u8").tobytes()
            with pytest.raises(IntegrityError, match="beyond"):
                Sharding(checked=False).parse(index, 1000)

    def test_other_chunks_of_it_are_read(self, shard):
        store, _, _, file = shard
        whole = reader(store).read(Region.whole((8, 8)))
        data = bytearray(file.read_bytes())
        data[60] ^= 1  # in the first chunk
        file.write_bytes(data)
        np.testing.assert_array_equal(reader(store).read(Region([(4, 8), (0, 8)])), whole[4:])


@pytest.mark.parametrize(
    ("shards", "chunks", "usual", "expected"),
    [
        (False, None, (128, 128, 128), ((128, 128, 128), None)),
        (False, (3, 4, 5), (128, 128, 128), ((3, 4, 5), None)),
        (True, None, (128, 128, 128), ((32, 32, 32), (128, 128, 128))),
        (True, (16, 16, 16), (128, 128, 128), ((16, 16, 16), (128, 128, 128))),
        ((64, 64, 256), None, (128, 128, 128), ((32, 32, 32), (64, 64, 256))),
        ((100, 64, 7), None, (128, 128, 128), ((25, 32, 7), (100, 64, 7))),
        ((64, 64, 64), (16, 64, 32), (128, 128, 128), ((16, 64, 32), (64, 64, 64))),
        (True, None, (1024, 1024), ((128, 256), (1024, 2048))),
        (True, None, (8, 8, 32, 512), ((8, 8, 16, 32), (32, 32, 32, 64))),
    ],
)
def test_shapes(shards, chunks, usual, expected):
    assert shard_shapes(shards, chunks, usual, 4) == expected


@pytest.mark.parametrize(("shards", "chunks"), [((64, 64), None), ((64, 64, 60), (32, 32, 32)), ((8,), (8, 8, 8))])
def test_shapes_that_do_not_fit(shards, chunks):
    with pytest.raises(ConfigError, match="shards"):
        shard_shapes(shards, chunks, (128, 128, 128), 4)
