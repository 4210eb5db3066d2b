"""Chunks that were decoded are kept for the next section, and never show in what a reader returns."""

import numpy as np
import pytest

from mdio.core.region import Region
from mdio_vds import volume as volume_module
from mdio_vds.cache import ChunkCache
from mdio_vds.channel import ChannelReader

SHAPE = (40, 70, 50)  # bricks of 32: 2 × 3 × 2


@pytest.fixture
def loads(monkeypatch):
    """Numbers of the chunks that were decoded."""
    found = []
    block = ChannelReader.block

    def counted(self, index, position):
        found.append(index)
        return block(self, index, position)

    monkeypatch.setattr(ChannelReader, "block", counted)
    return found


def made(vds, open_vds, path, method):
    data = np.random.default_rng(3).normal(size=SHAPE).astype("f4")
    layout = vds.layout_json(SHAPE, [vds.channel()], 32)
    chunks = vds.cut(data, 32, (0, 0), (0, 1, 2), "R32", method)
    vds.Writer(layout).layer("Dimensions_012LOD0", method, chunks).container(path)
    return data, open_vds(path)


INLINE, NEXT = Region([(3, 4), (0, 70), (0, 50)]), Region([(4, 5), (0, 70), (0, 50)])


@pytest.mark.parametrize(("method", "again"), [("Zip", 0), ("RLE", 0), ("None", 6)])
def test_a_neighbour_is_decoded_only_where_nothing_was_kept(tmp_path, vds, open_vds, loads, method, again):
    data, volume = made(vds, open_vds, tmp_path / "x.vds", method)
    np.testing.assert_array_equal(volume.samples(INLINE), data[3:4])
    assert sorted(loads) == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(volume.samples(NEXT), data[4:5])
    assert len(loads) == 6 + again


def test_what_is_returned_is_the_readers_own(tmp_path, vds, open_vds):
    data, volume = made(vds, open_vds, tmp_path / "x.vds", "Zip")
    brick = Region([(0, 32), (0, 32), (0, 32)])
    volume.samples(brick)[...] = 0
    np.testing.assert_array_equal(volume.samples(brick), data[:32, :32, :32])


def test_more_than_the_cache_holds_is_not_kept(tmp_path, vds, open_vds, loads, monkeypatch):
    monkeypatch.setattr(volume_module, "_CACHE_BYTES", 6 * 32**3 * 4)
    data, volume = made(vds, open_vds, tmp_path / "x.vds", "Zip")
    np.testing.assert_array_equal(volume.samples(INLINE), data[3:4])
    np.testing.assert_array_equal(volume.samples(volume.schema.region), data)
    assert len(loads) == 6 + 12  # all of them, past the cache
    volume.samples(INLINE)
    assert len(loads) == 6 + 12  # and the section is still there


def test_slabs_of_a_conversion_are_not_kept(tmp_path, vds, open_vds, loads):
    _, volume = made(vds, open_vds, tmp_path / "x.vds", "Zip")
    volume.read(INLINE)
    volume.read(INLINE)
    assert len(loads) == 12


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("box", [((0, 50), (0, 70), (0, 40)), ((7, 9), (30, 34), (31, 33)), ((1, 2), (2, 3), (3, 4))])
def test_threads_and_cache_change_nothing(tmp_path, vds, open_vds, workers, box):
    data, volume = made(vds, open_vds, tmp_path / "x.vds", "RLE")
    (x0, x1), (y0, y1), (z0, z1) = box
    cache = ChunkCache()
    for _ in range(2):
        got = volume._samples.read(box, cache=cache, workers=workers)
        np.testing.assert_array_equal(got, data[z0:z1, y0:y1, x0:x1])
    np.testing.assert_array_equal(volume._samples.look(box), data[z0:z1, y0:y1, x0:x1])
