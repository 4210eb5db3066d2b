"""Boxes of codes at any level and from any group, and the cache of decoded chunks."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vds_handle import Handle

from mdio_vds.facade.access import VolumeDataAccessManager
from mdio_vds.facade.enumerations import InterpolationMethod
from mdio_vds.partition import Partition
from mdio_vds.voxels import ChunkCache, VoxelReader, _parts, serving_group, subset_shape

LINEAR = InterpolationMethod.Linear

SHAPE = (37, 41, 50)  # slowest first


def ramp(shape=SHAPE):
    """Voxel (x, y, z) is x + 100 y + 10000 z: every voxel tells where it is."""
    axes = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    return sum(a * 100**i for i, a in enumerate(reversed(axes))).astype("f4")


def levels(vds, data, margins, lods, brick=32):
    """Write every level of ``data``, cut by hand: level L+1 is every second voxel, margins are in full-size voxels."""
    n, p = margins
    writer = vds.Writer(vds.layout_json(data.shape, [vds.channel()], brick, margins, lods))
    for lod in range(lods + 1):
        spans = []
        for size in data.shape:
            edge = min((brick - n - p) << lod, size)
            count = max(1, int((size - 1 - n - p) / edge) + 1)
            spans.append([(i * edge, min(i * edge + edge + n + p, size)) for i in range(count)])
        chunks = []
        for z in spans[0]:
            for y in spans[1]:
                for x in spans[2]:
                    block = data[z[0] : z[1], y[0] : y[1], x[0] : x[1]][:: 1 << lod, :: 1 << lod, :: 1 << lod]
                    chunks.append((1 + len(chunks) + 1000 * lod, vds.payload(block, "R32", "Zip")))
        writer.layer(f"Dimensions_012LOD{lod}", "Zip", chunks)
    return writer


@pytest.fixture(scope="module", params=[(0, 0), (2, 2), (3, 1)])
def handle(request, vds, tmp_path_factory):
    path = tmp_path_factory.mktemp("voxels") / "a.vds"
    with Handle(levels(vds, ramp(), request.param, 2).container(path)) as opened:
        yield opened


def reader(handle, group=(0, 1, 2), lod=0):
    return VoxelReader(handle.source, handle.layout, handle.layout.channels[0], group, lod, handle.cache)


def six(*spans):
    return (*spans, *((0, 1),) * (6 - len(spans)))


spans = st.tuples(*[st.tuples(st.integers(0, n - 1), st.integers(1, n)) for n in reversed(SHAPE)])


@settings(max_examples=60, deadline=None)
@given(spans, st.sampled_from([0, 1, 2]), st.sampled_from([(0, 1, 2), (0, 1), (1, 2)]))
def test_boxes_at_all_levels(handle, ends, lod, group):
    box = [(lo, max(lo + 1, hi)) for lo, hi in ends]
    got = reader(handle, group if lod == 0 else (0, 1, 2), lod).read(six(*box))[0, 0, 0]
    expected = ramp()[:: 1 << lod, :: 1 << lod, :: 1 << lod]
    step = (1 << lod) - 1
    where = [slice(lo >> lod, (lo >> lod) + ((hi - lo + step) >> lod)) for lo, hi in reversed(box)]
    np.testing.assert_array_equal(got, expected[tuple(where)])


@pytest.mark.parametrize("lod", [0, 1, 2])
def test_traces_at_all_levels_are_their_voxels(handle, lod):
    step = 1 << lod
    # a position at the centre of voxel 3, 4 of the level
    at = [(0, (3 + 0.5) * step, (4 + 0.5) * step)]
    got = VolumeDataAccessManager(handle).requestVolumeTraces(at, 0, lod=lod, interpolationMethod=LINEAR).data
    np.testing.assert_array_equal(got, ramp()[4 * step, 3 * step, ::step])


def test_dimensions_outside_of_the_group_are_thinned_out_from_where_the_box_begins():
    partition = Partition(
        samples=(40, 21, 19, 5, 1, 1), group=(0, 1, 2), edge=(40, 21, 19, 1, 1, 1),
        negative_margin=0, positive_margin=0, lod=1,
    )  # fmt: skip
    box = ((3, 40), (0, 21), (0, 19), (1, 5), (0, 1), (0, 1))
    assert subset_shape(partition, box) == (19, 11, 10, 2, 1, 1)
    assert [at for at, _, _ in _parts(partition, 3, 1, 5)] == [1, 3]
    assert list(_parts(partition, 0, 3, 40)) == [(0, slice(0, 19), slice(1, 20))]


def test_each_chunk_is_decoded_once_and_shared(handle, monkeypatch):
    decoded = []
    made = reader(handle)
    made._cache.clear()
    plain = made._stored.block
    monkeypatch.setattr(made._stored, "block", lambda index, position: decoded.append(index) or plain(index, position))
    box = six((0, 50), (20, 21), (0, 37))
    pieces = list(made.pieces(box))
    assert made.piece_count(box) == len(pieces)
    first = made.read(box)
    assert sorted(decoded) == sorted(made.partition.index(piece.position) for piece in pieces)
    assert len(decoded) < made.partition.total
    np.testing.assert_array_equal(made.read(box), first)
    assert len(set(decoded)) == len(decoded)


def test_chunks_of_a_group_that_is_not_stored(handle):
    flat = reader(handle, (0, 1))
    position = (0, 0, 30, 0, 0, 0)
    (x0, x1), (y0, y1) = flat.partition.box(position)[:2]
    np.testing.assert_array_equal(flat.chunk(position)[0, 0, 0, 0], ramp()[30, y0:y1, x0:x1])
    channel = handle.layout.channels[0]
    assert serving_group(handle.source, handle.layout, channel, (0, 1), 0) == (0, 1, 2)
    assert serving_group(handle.source, handle.layout, channel, (0, 1), 1) is None
    assert serving_group(handle.source, handle.layout, channel, (0, 1, 3), 0) is None
    with pytest.raises(LookupError, match="Dimensions_03LOD0"):
        reader(handle, (0, 3))


def test_the_cache_keeps_to_its_limit():
    cache = ChunkCache(100)
    loads = []

    def load(key):
        return lambda: loads.append(key) or np.zeros(40, np.uint8)

    for key in "abac":  # a is used again, so b goes
        cache.get(key, load(key))
    assert cache.held == 80
    for key in "acb":
        cache.get(key, load(key))
    assert loads == list("abcb")
    assert not cache.get("b", load("b")).flags.writeable
    cache.get("huge", lambda: np.zeros(1000, np.uint8))
    assert cache.held <= 100


def test_threads_that_want_the_same_chunk_load_it_once_and_share_an_error():
    cache, started, go = ChunkCache(), threading.Event(), threading.Event()
    calls, results = [], []

    def load():
        calls.append(1)
        started.set()
        go.wait(5)
        raise OSError("broken")

    def want():
        try:
            cache.get("a", load)
        except OSError as error:
            results.append(str(error))

    threads = [threading.Thread(target=want) for _ in range(3)]
    threads[0].start()
    started.wait(5)
    for thread in threads[1:]:
        thread.start()
    while len(cache._loading) != 1:
        pass
    go.set()
    for thread in threads:
        thread.join()
    assert results == ["broken"] * 3
    assert cache.get("a", lambda: np.ones(1)).tolist() == [1]


def test_a_box_that_the_cache_cannot_hold_is_not_kept(handle):
    whole = six(*((0, n) for n in reversed(SHAPE)))
    small = six((0, 4), (0, 4), (0, 4))
    kept = VoxelReader(handle.source, handle.layout, handle.layout.channels[0], (0, 1, 2), 0, ChunkCache(1 << 20))
    assert kept.passing(whole) is kept
    few = VoxelReader(
        handle.source, handle.layout, handle.layout.channels[0], (0, 1, 2), 0, cache := ChunkCache(160000)
    )
    assert few.passing(small) is few
    few.read(small)
    assert (held := cache.held) > 0
    passing = few.passing(whole)
    np.testing.assert_array_equal(passing.read(whole)[0, 0, 0], ramp())
    assert cache.held == held  # what was kept before is still there, nothing has come to it
