"""The SEG-Y sink: every trace has its place from the start, whatever comes when, and half a file never shows."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import fsspec
import numpy as np
import pytest

import mdio
from mdio.convert import create
from mdio.core.region import Region
from mdio.core.volume import Creation, Patches, TraceOrder
from mdio.exceptions import ConfigError, MDIOError
from mdio.flow import engine
from mdio.flow.views import Crop, Select, Transpose
from mdio.testing import MemoryVolume, synthetic

SHAPE = (5, 4, 6)


def volume(order=None, live=None, kind="mapped"):
    made = synthetic.volume(SHAPE, live=live, order=order)
    if order is not None:
        made.schema = made.schema.with_metadata(order=TraceOrder(kind))
    return made


def samples_of(path, count=6):
    raw = np.frombuffer(path.read_bytes(), np.uint8)[3600:].reshape(-1, 240 + 4 * count)
    return raw[:, 240:].copy().view(">f4")


def write(path, source, regions=None, **options):
    sink = create(str(path), source, options=options)
    sink.journal.begin({"fingerprint": {}})
    for region in regions or [source.schema.region]:
        sink.write(source.read(Region(region)))
    sink.commit({})
    sink.close()


def numbered(live, seed=2):
    order = np.full(live.shape, -1, np.int64)
    order[live] = np.random.default_rng(seed).permutation(int(live.sum()))
    return order


HOLES = np.indices(SHAPE[:-1]).sum(axis=0) % 3 != 1


@pytest.mark.parametrize("live", [np.ones(SHAPE[:-1], bool), HOLES], ids=["full", "holes"])
@pytest.mark.parametrize("pieces", ["whole", "lines", "traces", "shuffled traces", "twice"])
def test_traces_go_to_their_places(tmp_path, live, pieces):
    order = numbered(live)
    source = volume(order, live)
    regions = [source.schema.region]
    if pieces == "lines":
        regions = [[(i, i + 1), (0, 4), (0, 6)] for i in range(5)]
    if pieces in ("traces", "shuffled traces", "twice"):
        regions = [[(i, i + 1), (j, j + 1), (0, 6)] for i in range(5) for j in range(4)]
    if pieces == "twice":
        regions *= 2
    if pieces in ("shuffled traces", "twice"):
        random.Random(4).shuffle(regions)
    write(tmp_path / "x.sgy", source, regions)
    expected = np.zeros((int(live.sum()), 6), np.float32)
    expected[order[live]] = source.samples(source.schema.region)[live]
    assert np.array_equal(samples_of(tmp_path / "x.sgy"), expected)


def test_many_threads(tmp_path):
    order = numbered(HOLES)
    source = volume(order, HOLES)
    sink = create(str(tmp_path / "x.sgy"), source)
    sink.journal.begin({"fingerprint": {}})
    cells = [(i, j) for i in range(5) for j in range(4)]

    def work(part):
        for i, j in part:
            sink.write(source.read(Region([(i, i + 1), (j, j + 1), (0, 6)])))

    threads = [threading.Thread(target=work, args=(cells[n::5],)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.commit({})
    sink.close()
    expected = np.zeros((int(HOLES.sum()), 6), np.float32)
    expected[order[HOLES]] = source.samples(source.schema.region)[HOLES]
    assert np.array_equal(samples_of(tmp_path / "x.sgy"), expected)


@pytest.mark.parametrize("kind", ["mapped", "grid"])
@pytest.mark.parametrize("stale", [-1, 0, 7, 1000])
def test_counts_in_metadata_may_be_wrong(tmp_path, stale, kind):
    """multidimio 0.9 leaves 0 after some imports; an edited live mask makes any count stale."""
    source = volume(None, HOLES)
    source.schema = source.schema.with_metadata(trace_count=stale, order=TraceOrder(kind))
    write(tmp_path / "x.sgy", source)
    assert np.array_equal(samples_of(tmp_path / "x.sgy"), source.samples(source.schema.region)[HOLES])


class TestSelections:
    """What is left of a file keeps the order of the file."""

    def expected(self, source, view):
        region = view.schema.region
        live, order = view.live(region.spatial), view.order(region.spatial)
        return view.samples(region)[live][np.argsort(order[live], kind="stable")]

    @pytest.mark.parametrize("known", [True, False])
    @pytest.mark.parametrize("live", [np.ones(SHAPE[:-1], bool), HOLES], ids=["full", "holes"])
    @pytest.mark.parametrize(
        "cut",
        [
            lambda v: Crop(v, [(1, 4), (1, 3), (0, 6)]),
            lambda v: Crop(v, [(1, 4), (1, 3), (2, 5)]),
            lambda v: Select(v, {"inline": [0, 3], "crossline": [1, 2, 3]}),
            lambda v: Transpose(v, (1, 0)),
            lambda v: Crop(Transpose(v, (1, 0)), [(0, 3), (2, 5), (0, 6)]),
        ],
    )
    def test_views(self, tmp_path, live, cut, known):
        source = volume(numbered(live) if known else None, live)
        view = cut(source)
        sink = create(str(tmp_path / "x.sgy"), view)
        engine.run(view, sink, workers=2)
        sink.close()
        count = view.schema.shape[-1]
        assert np.array_equal(samples_of(tmp_path / "x.sgy", count), self.expected(source, view))

    def test_nothing_selected(self, tmp_path):
        view = Select(volume(), {"inline": []})
        with pytest.raises(ConfigError, match="no live trace"):
            create(str(tmp_path / "x.sgy"), view)
        assert list(tmp_path.iterdir()) == []


def test_two_traces_in_one_place_are_refused(tmp_path):
    order = np.arange(20).reshape(5, 4)
    order[3, 3] = 2
    with pytest.raises(MDIOError, match="20 traces claim 19 positions"):
        create(str(tmp_path / "x.sgy"), volume(order))
    assert list(tmp_path.iterdir()) == []


def test_traces_without_a_place_follow(tmp_path):
    order = np.arange(20)[::-1].reshape(5, 4).copy()
    order[1, 1] = order[4, 0] = -1
    source = volume(order)
    write(tmp_path / "x.sgy", source, [[(i, i + 1), (0, 4), (0, 6)] for i in (4, 1, 0, 2, 3)])
    cube = source.samples(source.schema.region)
    known = order >= 0
    expected = [*cube[known][np.argsort(order[known])], cube[1, 1], cube[4, 0]]
    assert np.array_equal(samples_of(tmp_path / "x.sgy"), expected)


def test_no_trace_has_a_place(tmp_path):
    source = volume(np.full(SHAPE[:-1], -1, np.int64))
    write(tmp_path / "x.sgy", source)
    assert np.array_equal(samples_of(tmp_path / "x.sgy"), source.samples(source.schema.region).reshape(20, 6))


def test_patches_find_their_samples(tmp_path):
    """Patches count in the block; traces go elsewhere, in pieces, and the words follow."""
    order = numbered(np.ones(SHAPE[:-1], bool))
    base = volume(order)
    # 0x46000001 means 1.0, spelled as no encoder does.
    cube = np.full(SHAPE, 1.0, np.float32)
    index = np.array([0, 5, 6, 50, 77, 119])
    source = MemoryVolume(
        base.schema,
        cube,
        base.headers(base.schema.region.spatial),
        base.live(base.schema.region.spatial),
        order,
        Patches(index, np.full(6, 0x46000001, np.uint32)),
    )
    write(tmp_path / "x.sgy", source, [[(i, i + 1), (0, 4), (0, 6)] for i in range(5)], segy_format="ibm32")
    words = np.full((20, 6), 0x41100000, np.uint32)
    for flat in index:
        i, j, k = np.unravel_index(flat, SHAPE)
        words[order[i, j], k] = 0x46000001
    assert np.array_equal(samples_of(tmp_path / "x.sgy").view(np.uint32).byteswap(), words)


class TestUnfinished:
    def test_a_sink_alone_takes_no_disk(self, tmp_path):
        sink = create(str(tmp_path / "x.sgy"), volume())
        assert not (tmp_path / ".x.sgy.part").exists()
        sink.abort()
        assert list(tmp_path.iterdir()) == []

    def test_half_a_file_is_not_there(self, tmp_path):
        source = volume()
        sink = create(str(tmp_path / "x.sgy"), source)
        sink.journal.begin({"fingerprint": {}})
        sink.write(source.read(source.schema.region))
        assert not (tmp_path / "x.sgy").exists()
        with pytest.raises(MDIOError, match=r"--resume|another run"):
            create(str(tmp_path / "x.sgy"), source, creation=Creation(resume=False))
        sink.abort()
        sink.close()
        assert list(tmp_path.iterdir()) == []

    def test_the_old_file_stays_until_the_new_is_whole(self, tmp_path):
        (tmp_path / "x.sgy").write_bytes(b"old")
        source = volume()
        with pytest.raises(mdio.exceptions.MDIOAlreadyExistsError):
            create(str(tmp_path / "x.sgy"), source)
        sink = create(str(tmp_path / "x.sgy"), source, creation=Creation(overwrite=True))
        sink.write(source.read(source.schema.region))
        assert (tmp_path / "x.sgy").read_bytes() == b"old"
        sink.commit({})
        sink.close()
        assert len(samples_of(tmp_path / "x.sgy")) == 20
        assert [path.name for path in tmp_path.iterdir()] == ["x.sgy"]

    def test_traces_lost_by_a_power_cut_are_seen(self, tmp_path):
        source = volume(numbered(HOLES), HOLES)
        sink = create(str(tmp_path / "x.sgy"), source, creation=Creation(resume=True))
        regions = [Region([(i, i + 1), (0, 4), (0, 6)]) for i in range(5)]
        receipts = [dict(sink.write(source.read(region))) for region in regions]
        assert all(sink.recheck(region, receipt) for region, receipt in zip(regions, receipts, strict=True))
        with (tmp_path / ".x.sgy.part").open("r+b") as file:
            file.seek(3600 + int(source.order(regions[2].spatial).max()) * 264 + 250)
            file.write(b"lost")
        seen = [sink.recheck(region, receipt) for region, receipt in zip(regions, receipts, strict=True)]
        assert seen == [True, True, False, True, True]
        sink.abort()
        sink.close()

    def test_a_target_that_is_a_folder(self, tmp_path):
        (tmp_path / "x.sgy").mkdir()
        source = volume()
        with pytest.raises(MDIOError):
            write(tmp_path / "x.sgy", source)
        (tmp_path / "x.sgy" / "precious").write_text("1")
        with pytest.raises(MDIOError, match="is a directory"):
            create(str(tmp_path / "x.sgy"), source, creation=Creation(overwrite=True))
        assert (tmp_path / "x.sgy" / "precious").read_text() == "1"
        assert [path.name for path in tmp_path.iterdir()] == ["x.sgy"]


def test_remote(tmp_path):
    filesystem = fsspec.filesystem("memory")
    source = volume(numbered(HOLES), HOLES)
    try:
        write("memory://bucket/x.sgy", source)
        (tmp_path / "x.sgy").write_bytes(filesystem.cat_file("/bucket/x.sgy"))
        write(tmp_path / "y.sgy", source)
        assert (tmp_path / "x.sgy").read_bytes() == (tmp_path / "y.sgy").read_bytes()
    finally:
        filesystem.store.clear()


def test_all_orders_are_streamed(tmp_path, monkeypatch):
    """File positions of a survey are never held at once."""
    from mdio_segy import places

    monkeypatch.setattr(places, "_CELLS", 8)
    source = volume(numbered(HOLES), HOLES)
    asked, order = [], source.order
    monkeypatch.setattr(source, "order", lambda region: (asked.append(region.size), order(region))[1])
    view = Crop(source, [(0, 5), (0, 3), (0, 6)])
    sink = create(str(tmp_path / "x.sgy"), view)
    assert max(asked) <= 8
    sink.abort()
    sink.close()
    assert replace(view.schema) == view.schema
