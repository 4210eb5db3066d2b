"""A SEG-Y file as a volume: any region equals the slice of the whole, from any thread, without a map as with one."""

from __future__ import annotations

import itertools
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import fsspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segy_bytes import grid, ibm_words, samples_for, segy

import mdio
from mdio.core.region import Region
from mdio.storage.local import LocalFile
from mdio_segy import spans, tracefile
from mdio_segy.tracefile import runs


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def survey(path, order="sorted", code=3, traces=(7, 6), samples=40):
    """Write a survey and return the whole arrays that a volume of it must give, from numpy alone."""
    rng = np.random.default_rng(8)
    inline, crossline = grid(*traces)
    cells = np.arange(inline.size)
    if order == "shuffled":
        cells = rng.permutation(cells)
    if order == "holes":
        cells = np.delete(cells, [3, 4, 5, 17, 30])
    if order == "shuffled holes":
        cells = rng.permutation(cells)[:30]
    if order == "transposed":
        cells = cells.reshape(traces).T.ravel()
    if order == "reversed":
        cells = cells[::-1]
    values = samples_for(code, rng, cells.size, samples)
    data = segy({189: inline[cells], 193: crossline[cells]}, values, code, noise=rng)
    path.write_bytes(data)
    size = 240 + values.itemsize * samples
    raw = np.frombuffer(data, np.uint8)[3600:].reshape(cells.size, size)[:, :240]
    whole = np.zeros((inline.size, samples), values.dtype)
    headers = np.zeros((inline.size, 240), np.uint8)
    numbers = np.full(inline.size, -1)
    whole[cells], headers[cells], numbers[cells] = values, raw, np.arange(cells.size)
    return whole.reshape(*traces, samples), headers.reshape(*traces, 240), numbers.reshape(traces)


ORDERS = ["sorted", "shuffled", "holes", "shuffled holes", "transposed", "reversed"]


def boxes(shape):
    return [
        Region.whole(shape),
        Region([(2, 5), (1, 6), (0, 40)]),
        Region([(2, 5), (1, 6), (7, 31)]),
        Region([(0, 7), (3, 4), (39, 40)]),
        Region([(6, 7), (5, 6), (0, 1)]),
        Region([(0, 7), (0, 6), (12, 13)]),
        Region([(3, 3), (0, 6), (0, 40)]),
        Region([(0, 7), (2, 2), (5, 9)]),
        Region([(0, 7), (0, 6), (9, 9)]),
        Region([(0, 0), (0, 0), (0, 0)]),
    ]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["map", "reads", "small windows", "short maps", "blocks", "remote"])
def test_any_region(tmp_path, order, way, monkeypatch):
    path = tmp_path / "x.sgy"
    samples, headers, numbers = survey(path, order)
    if way == "reads":
        monkeypatch.delattr(LocalFile, "window")
    if way == "small windows":
        monkeypatch.setattr(tracefile, "_WINDOW", 1000)
    if way == "short maps":
        monkeypatch.setattr(tracefile, "_KEPT", 10_000)
    if way == "blocks":
        monkeypatch.setattr("mdio_segy.volume._LOOK", 1000)
    url = str(path)
    if way == "remote":
        url = "memory://bucket/x.sgy"
        fsspec.filesystem("memory").pipe_file("/bucket/x.sgy", path.read_bytes())
    volume = mdio.open(url, options={"header_locations": [189, 193]})
    for region in boxes(samples.shape):
        assert np.array_equal(volume.samples(region), samples[region.slices])
        block = volume.read(region)
        assert np.array_equal(block.samples, samples[region.slices])
        where = region.spatial
        assert block.headers.shape == where.shape
        assert block.headers.tobytes() == headers[where.slices].tobytes()
        assert volume.headers(where).tobytes() == headers[where.slices].tobytes()
        assert np.array_equal(block.order, numbers[where.slices])
        assert np.array_equal(volume.order(where), numbers[where.slices])
        assert np.array_equal(block.live, numbers[where.slices] >= 0)
        assert np.array_equal(volume.live(where), numbers[where.slices] >= 0)
    volume.close()
    volume.close()


def test_patches_are_counted_in_the_region(tmp_path):
    words = ibm_words(np.random.default_rng(1), (12, 10))
    odd = [(0, 0), (3, 9), (5, 4), (5, 5), (11, 9)]
    for trace, sample in odd:
        words[trace, sample] = 0x40000000 + 16 * trace + sample
    inline, crossline = grid(3, 4)
    shuffled = np.random.default_rng(2).permutation(12)
    (tmp_path / "x.sgy").write_bytes(segy({189: inline[shuffled], 193: crossline[shuffled]}, words))
    volume = mdio.open(tmp_path / "x.sgy")
    cube = np.zeros((12, 10), np.uint32)
    for trace, sample in odd:
        cube[shuffled[trace], sample] = words[trace, sample]
    cube = cube.reshape(3, 4, 10)
    for region in (Region.whole((3, 4, 10)), Region([(1, 3), (1, 4), (3, 10)]), Region([(0, 1), (0, 4), (0, 2)])):
        patches = volume.read(region).patches
        expected = cube[region.slices].ravel()
        found = np.zeros(region.size, np.uint32)
        if patches is not None:
            assert np.all(np.diff(patches.index) > 0)
            found[patches.index] = patches.words
        assert np.array_equal(found, expected)
    volume.close()


def test_threads(tmp_path):
    samples, _, _ = survey(tmp_path / "x.sgy", "shuffled")
    volume = mdio.open(tmp_path / "x.sgy")
    regions = [Region([(i, i + 2), (j, 6), (k, 40)]) for i in range(6) for j in range(5) for k in (0, 11)] * 3
    with ThreadPoolExecutor(6) as pool:
        for region, block in zip(regions, pool.map(volume.read, regions), strict=True):
            assert np.array_equal(block.samples, samples[region.slices])
    volume.close()


def test_pickles(tmp_path):
    samples, _, _ = survey(tmp_path / "x.sgy", "holes")
    volume = mdio.open(tmp_path / "x.sgy")
    copy = pickle.loads(pickle.dumps(volume))
    volume.close()
    assert np.array_equal(copy.samples(copy.schema.region), samples)
    copy.close()


@pytest.mark.parametrize(
    ("kept", "counts"),
    [(13_440, [0] * 7), (13_439, [0, 1, 2, 3, 4, 5, 6]), (9_600, [0, 1, 2, 3, 4, 5, 6])],  # 42 traces of 320 bytes
)
def test_a_map_is_kept_and_given_up_when_it_has_grown(tmp_path, monkeypatch, kept, counts):
    survey(tmp_path / "x.sgy")
    monkeypatch.setattr(tracefile, "_KEPT", kept)
    given_up = []
    let_go = LocalFile.let_go
    monkeypatch.setattr(LocalFile, "let_go", lambda self: (given_up.append(1), let_go(self))[1])
    monkeypatch.delattr(LocalFile, "read_into")  # nothing is read any other way
    with mdio.open(tmp_path / "x.sgy") as volume:
        for count, sample in zip(counts, range(7), strict=True):
            volume.samples(Region([(0, 5), (0, 6), (sample, sample + 1)]))
            assert len(given_up) == count


def test_a_file_that_is_cut_while_it_is_read(tmp_path):
    survey(tmp_path / "x.sgy")
    volume = mdio.open(tmp_path / "x.sgy")
    volume.samples(Region([(0, 7), (0, 6), (3, 9)]))  # what is mapped must not kill the process
    with (tmp_path / "x.sgy").open("r+b") as file:
        file.truncate(5000)
    for read in (volume.read, volume.samples, lambda region: volume.headers(region.spatial)):
        with pytest.raises(mdio.exceptions.StorageError, match="cut"):
            read(Region.whole((7, 6, 40)))
    with pytest.raises(mdio.exceptions.StorageError, match="cut"):
        volume.samples(Region([(0, 7), (0, 6), (3, 9)]))
    volume.close()


@pytest.mark.parametrize("order", ["sorted", "shuffled", "transposed"])
def test_memory_of_a_read_is_that_of_its_region(tmp_path, order, monkeypatch):
    """No read asks for more than its traces, in pieces of bounded size, but for gaps that are worth it."""
    monkeypatch.setattr(spans, "_GAP", 0)
    survey(tmp_path / "x.sgy", order, traces=(30, 20), samples=100)
    volume = mdio.open(tmp_path / "x.sgy")
    asked = []
    read_into = LocalFile.read_into
    monkeypatch.setattr(
        LocalFile, "read_into", lambda self, at, buffer: (asked.append(buffer.nbytes), read_into(self, at, buffer))[1]
    )
    monkeypatch.delattr(LocalFile, "window")
    volume._traces._maps = False
    volume.read(Region([(3, 5), (0, 20), (0, 100)]))
    assert sum(asked) == 40 * 440
    volume.close()


@given(st.lists(st.integers(0, 60), unique=True).map(sorted))
def test_runs(numbers):
    found = runs(np.array(numbers, np.int64))
    rebuilt = [list(range(numbers[start], numbers[start] + stop - start)) for start, stop in found]
    assert list(itertools.chain(*rebuilt)) == numbers
    for (_, stop), (start, _) in itertools.pairwise(found):
        assert stop == start
        assert numbers[stop] > numbers[stop - 1] + 1, "runs are as long as they can be"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.data())
def test_any_box_of_any_order(tmp_path_factory, which, data):
    path = tmp_path_factory.getbasetemp() / f"box-{which}.sgy"
    samples, headers, numbers = survey(path, ORDERS[which])
    volume = mdio.open(path, options={"header_locations": [189, 193]})
    pairs = []
    for length in samples.shape:
        start = data.draw(st.integers(0, length))
        pairs.append((start, data.draw(st.integers(start, length))))
    region = Region(pairs)
    block = volume.read(region)
    assert np.array_equal(block.samples, samples[region.slices])
    assert block.headers.tobytes() == headers[region.spatial.slices].tobytes()
    assert np.array_equal(volume.samples(region), block.samples)
    assert np.array_equal(block.order, numbers[region.spatial.slices])
    volume.close()
