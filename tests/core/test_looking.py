"""Reads by those who look around: several threads, chunks that are kept, and what must not be served any more."""

import threading
import time

import numpy as np
import pytest

import mdio
from mdio.convert import create
from mdio.core.region import Region
from mdio.core.volume import Creation
from mdio.exceptions import IntegrityError, MDIOError, StorageError
from mdio.flow import spread as spreading
from mdio.flow.engine import run
from mdio.flow.spread import spread
from mdio.testing import synthetic

SHAPE = (48, 40, 35)
LAYOUTS = {
    "v0": {"chunks": (16, 16, 16)},
    "v1": {"layout": "v1", "chunks": (16, 16, 16)},
    "shards": {"layout": "v1", "chunks": (8, 8, 8), "shards": (16, 16, 16)},
}


@pytest.fixture(params=LAYOUTS)
def place(request, tmp_path):
    def write(factor=1):
        volume = synthetic.volume(SHAPE)
        volume._samples[...] *= factor
        path = tmp_path / "x.mdio"
        run(volume, create(path, volume, options=LAYOUTS[request.param], creation=Creation(overwrite=True)))
        return path, volume._samples

    return write


BOXES = [
    Region([(5, 6), (0, 40), (0, 35)]),
    Region([(0, 48), (7, 8), (0, 35)]),
    Region([(0, 48), (0, 40), (9, 10)]),
    Region([(3, 35), (10, 25), (20, 34)]),
    Region([(47, 48), (39, 40), (0, 35)]),
    Region([(0, 48), (0, 40), (0, 35)]),
]


@pytest.mark.parametrize("ranged", [1000, 1 << 30])
@pytest.mark.parametrize("cache", [0, 60_000, 1 << 28])
def test_every_look_gives_the_same(place, cache, ranged, monkeypatch):
    monkeypatch.setattr("mdio.native.objects._RANGED", ranged)
    path, samples = place()
    monkeypatch.setattr("mdio.native.chunks._ALONE", 1000)
    with mdio.open(path, options={"cache": cache}) as volume:
        for _ in range(4):
            for box in BOXES:
                np.testing.assert_array_equal(volume.samples(box), samples[box.slices])


def test_what_is_looked_at_again_is_not_read_again(place, monkeypatch):
    path, samples = place()
    with mdio.open(path) as volume:
        for _ in range(2):
            volume.samples(BOXES[0])
        near = Region([(7, 8), (0, 40), (0, 35)])
        monkeypatch.setattr(type(volume.dataset.store), "get", None)
        monkeypatch.setattr(type(volume.dataset.store), "open", None)
        np.testing.assert_array_equal(volume.samples(near), samples[near.slices])


def test_what_others_wrote_since_is_seen(place):
    path, samples = place()
    with mdio.open(path) as volume:
        for _ in range(3):
            np.testing.assert_array_equal(volume.samples(BOXES[0]), samples[BOXES[0].slices])
        with mdio.MDIOAccessor(path, "r+") as other:
            other[5] = 3 * samples[5]
        np.testing.assert_array_equal(volume.samples(BOXES[0]), 3 * samples[BOXES[0].slices])


def test_a_dataset_that_was_replaced_is_not_mixed_with_the_old_one(place):
    path, _ = place()
    with mdio.open(path) as volume:
        for _ in range(3):
            volume.samples(BOXES[0])
        place(factor=3)
        with pytest.raises(StorageError, match="replaced"):
            volume.samples(BOXES[0])


def test_reading_for_a_conversion_keeps_nothing(place):
    path, _ = place()
    with mdio.open(path) as volume:
        for _ in range(3):
            volume.read(BOXES[5])
        assert all(kept[0].dtype == bool for kept in volume.inner.cache._held.values())  # but the live mask


def test_damage_is_told_by_whichever_thread_finds_it(place):
    path, _ = place()
    objects = [
        file
        for file in path.rglob("*")
        if file.is_file() and file.stat().st_size > 1000 and not file.name.startswith((".z", "zarr"))
    ]
    for file in objects:
        raw = bytearray(file.read_bytes())
        raw[len(raw) // 2] ^= 16
        file.write_bytes(raw)
    with mdio.open(path) as volume, pytest.raises((IntegrityError, MDIOError)):
        volume.samples(BOXES[5])


class TestSpread:
    def test_all_jobs_are_done_once(self, monkeypatch):
        monkeypatch.setattr(spreading, "available_cores", lambda: 3)
        spreading._pool.cache_clear()
        done, threads = [], set()

        def job(number):
            def run():
                time.sleep(0.001)
                done.append(number)
                threads.add(threading.get_ident())

            return run

        spread(job(number) for number in range(200))
        assert sorted(done) == list(range(200))
        assert len(threads) > 1
        spreading._pool.cache_clear()

    @pytest.mark.parametrize("cores", [1, 3])
    def test_an_error_ends_it(self, monkeypatch, cores):
        monkeypatch.setattr(spreading, "available_cores", lambda: cores)
        spreading._pool.cache_clear()
        done = []

        def job(number):
            def run():
                if number == 5:
                    raise IntegrityError("five")
                done.append(number)

            return run

        with pytest.raises(IntegrityError, match="five"):
            spread(job(number) for number in range(20_000))
        assert len(done) < 19_000
        assert spreading._reading == 0
        spreading._pool.cache_clear()

    def test_a_second_read_takes_no_threads_that_are_busy(self, monkeypatch):
        monkeypatch.setattr(spreading, "available_cores", lambda: 2)
        submitted = []

        class Pool:
            def submit(self, work):
                submitted.append(work)
                raise AssertionError("no thread is free")

        monkeypatch.setattr(spreading, "_pool", Pool)
        monkeypatch.setattr(spreading, "_reading", 1)
        done = []
        spread([lambda: done.append(1)])
        assert (done, submitted) == ([1], [])
