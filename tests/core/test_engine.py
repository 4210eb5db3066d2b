"""The engine carries every sample once, resumes, stops and reports."""

from __future__ import annotations

import dataclasses
import math
import threading
import time

import numpy as np
import pytest

from mdio.core.region import Region
from mdio.core.volume import Creation
from mdio.exceptions import (
    CancelledError,
    ConfigError,
    FormatError,
    IncompleteDatasetError,
    JournalMismatchError,
    SlabError,
    StorageError,
)
from mdio.flow import engine
from mdio.flow.engine import CancelToken, available_cores, plan_for, run
from mdio.flow.events import RunFinished, RunStarted, RunStopped, SlabDone, Warned
from mdio.flow.turns import Turns
from mdio.testing import synthetic
from mdio.testing.memory import MemoryTarget

CHUNKS = (4, 4, 16)
TIGHT = {"workers": 2, "memory": 3 * 4 * 4 * (50 * 4 + 9 + 10)}  # slabs of one column of chunks: 5 x 8 of them


@pytest.fixture
def source():
    return synthetic.volume((20, 30, 50), live=lambda i, x: (i + x) % 5 > 0)


@pytest.fixture
def target():
    return MemoryTarget()


def same(target, source):
    written, whole = target.open(), source.schema.region
    np.testing.assert_array_equal(written.samples(whole), source.samples(whole))
    np.testing.assert_array_equal(written.headers(whole.spatial), source.headers(whole.spatial))
    np.testing.assert_array_equal(written.live(whole.spatial), source.live(whole.spatial))
    np.testing.assert_array_equal(written.order(whole.spatial), source.order(whole.spatial))


class Spoiled:
    """A volume of which some regions cannot be read."""

    def __init__(self, volume, bad, error):
        self._volume = volume
        self.bad = bad
        self.error = error
        self.reads = []

    def __getattr__(self, name):
        return getattr(self._volume, name)

    def read(self, region):
        self.reads.append(region)
        if self.bad(region):
            raise self.error
        return self._volume.read(region)


def test_carries_everything_and_reports(source, target):
    events = []
    report = run(source, target.create(source, chunks=CHUNKS), **TIGHT, observers=[events.append])
    same(target, source)
    assert report.slabs == 40
    assert report.bytes == 20 * 30 * 50 * 4
    assert (report.resumed, report.skipped) == (0, ())
    samples = source.samples(source.schema.region)[source.live(source.schema.region.spatial)].astype(float)
    assert report.statistics["trace_count"] == 480
    assert report.statistics["mean"] == pytest.approx(samples.mean())
    assert report.statistics["rms"] == pytest.approx(math.sqrt((samples**2).mean()))
    assert target.statistics == report.statistics

    assert isinstance(events[0], RunStarted)
    assert events[-1] == RunFinished(report)
    done = [event for event in events if isinstance(event, SlabDone)]
    assert [event.slabs_done for event in done] == list(range(1, 41))
    assert done[-1].bytes_done == done[-1].bytes_total == report.bytes
    assert done[-1].traces_done == 480
    assert {event.region for event in done} == set(
        plan_for(source, target.create(source, Creation(overwrite=True), CHUNKS), **TIGHT).regions
    )


def test_traces_split_along_samples_count_once(source, target):
    report = run(source, target.create(source, chunks=(20, 30, 16)), workers=1, memory=100_000)
    assert report.slabs == 4
    assert report.statistics["trace_count"] == 480
    same(target, source)


def test_the_same_digits_whatever_the_workers(source):
    summaries = []
    for workers in (1, 2, 7):
        target = MemoryTarget()
        memory = (workers + 1) * TIGHT["memory"] // 3
        summaries.append(run(source, target.create(source, chunks=CHUNKS), workers=workers, memory=memory).statistics)
    assert summaries[0] == summaries[1] == summaries[2]


def test_never_more_slabs_in_memory_than_workers(source, target):
    sink = target.create(source, chunks=CHUNKS)
    gauge, lock, peak = [0], threading.Lock(), [0]
    write, read = sink.write, source.read

    def counting_read(region):
        with lock:
            gauge[0] += 1
            peak[0] = max(peak[0], gauge[0])
        return read(region)

    def counting_write(block):
        try:
            return write(block)
        finally:
            with lock:
                gauge[0] -= 1

    source.read, sink.write = counting_read, counting_write
    run(source, sink, **TIGHT)
    assert 1 <= peak[0] <= 2


def test_a_failing_read_stops_with_its_place_and_can_be_resumed(source, target):
    spoiled = Spoiled(source, lambda r: r.start[:2] == (8, 12), FormatError("bad trace", hint="repair it"))
    events = []
    creation = Creation(resume=True, fingerprint={"a": 1}, created="then")
    with pytest.raises(
        SlabError, match=r"inline 108–111, crossline 112–115, sample 0–196 ms: bad trace; repair it$"
    ) as e:
        run(spoiled, target.create(source, creation, CHUNKS), **TIGHT, observers=[events.append])
    assert e.value.region == Region([(8, 12), (12, 16), (0, 50)])
    assert isinstance(e.value.cause, FormatError)
    assert e.value.exit_code == FormatError.exit_code
    assert isinstance(events[-1], RunStopped)
    with pytest.raises(IncompleteDatasetError):
        target.open()

    first = set(spoiled.reads) - {e.value.region}
    healed = Spoiled(source, lambda r: False, None)
    report = run(healed, target.create(source, creation, CHUNKS), **TIGHT)
    assert first
    assert not first & set(healed.reads), "finished slabs are not read again"
    assert report.resumed == len(first)
    assert len(healed.reads) == 40 - len(first)
    same(target, source)
    fresh = MemoryTarget()
    assert run(source, fresh.create(source, chunks=CHUNKS), **TIGHT).statistics == report.statistics


def test_a_resume_keeps_the_slabs_it_was_begun_with(source, target):
    creation = Creation(resume=True)
    spoiled = Spoiled(source, lambda r: r.start[0] >= 12, OSError("gone"))
    with pytest.raises(SlabError):
        run(spoiled, target.create(source, creation, CHUNKS), **TIGHT)
    report = run(source, target.create(source, creation, CHUNKS), workers=1)
    assert report.plan["slab"] == [4, 4, 50]
    assert report.resumed > 0
    same(target, source)


def test_a_resume_with_another_fingerprint_or_grid_is_refused(source, target):
    spoiled = Spoiled(source, lambda r: r.start[0] >= 12, OSError("gone"))
    with pytest.raises(SlabError):
        run(spoiled, target.create(source, Creation(resume=True, fingerprint={"etag": "a"}), CHUNKS), **TIGHT)
    with pytest.raises(JournalMismatchError, match="etag"):
        run(source, target.create(source, Creation(resume=True, fingerprint={"etag": "b"}), CHUNKS), **TIGHT)
    sink = target.create(source, Creation(resume=True, fingerprint={"etag": "a"}), CHUNKS)
    sink.chunks = (5, 5, 25)
    with pytest.raises(JournalMismatchError, match="other chunks"):
        run(source, sink, **TIGHT)


def test_a_slab_that_is_not_there_any_more_is_written_again(source, target):
    creation = Creation(resume=True)
    spoiled = Spoiled(source, lambda r: r.start[0] >= 12, OSError("gone"))
    with pytest.raises(SlabError):
        run(spoiled, target.create(source, creation, CHUNKS), workers=1, memory=TIGHT["memory"] * 2 // 3)
    sink = target.create(source, creation, CHUNKS)
    sink._samples[1, 1, 1] += 1
    report = run(source, sink, **TIGHT)
    assert report.resumed == 3 * 8 - 1
    same(target, source)


def test_skip_leaves_out_what_cannot_be_read(source, target):
    events = []
    spoiled = Spoiled(source, lambda r: r.start[:2] == (8, 12), FormatError("bad trace"))
    report = run(spoiled, target.create(source, chunks=CHUNKS), **TIGHT, on_error="skip", observers=[events.append])
    ((region, message),) = report.skipped
    assert region == Region([(8, 12), (12, 16), (0, 50)])
    assert "bad trace" in message
    assert any(isinstance(event, Warned) and "bad trace" in event.message for event in events)
    hole = target.open().samples(region)
    assert not hole.any()
    assert report.statistics["trace_count"] == 480 - int(source.live(region.spatial).sum())


def test_a_failing_write_stops_even_with_skip(source, target):
    sink = target.create(source, chunks=CHUNKS)

    def full(block):
        raise StorageError("no space left")

    sink.write = full
    with pytest.raises(SlabError, match="no space left") as e:
        run(source, sink, **TIGHT, on_error="skip")
    assert e.value.exit_code == StorageError.exit_code


def test_cancel_ends_running_slabs_and_names_resume(source, target):
    token, closed = CancelToken(), []
    creation = Creation(resume=True)
    sink = target.create(source, creation, CHUNKS)
    sink.close = lambda: closed.append(True)

    def stop(event):
        if isinstance(event, SlabDone) and event.slabs_done == 5:
            token.cancel()

    with pytest.raises(CancelledError, match=r"of 40 slabs.*--resume") as e:
        run(source, sink, **TIGHT, cancel=token, observers=[stop])
    assert e.value.exit_code == 130
    assert closed == [True]
    done = len(sink.journal.finished())
    assert 5 <= done < 40
    assert run(source, target.create(source, creation, CHUNKS), **TIGHT).resumed == done
    same(target, source)


def test_ctrl_c_is_a_cancel(source, target, monkeypatch):
    import mdio.flow.engine as engine

    wait, calls = engine.wait, []

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return wait(*args, **kwargs)

    monkeypatch.setattr(engine, "wait", interrupted)
    with pytest.raises(CancelledError):
        run(source, target.create(source, chunks=CHUNKS), **TIGHT)


def test_ctrl_c_starts_no_waiting_slab(source, target, monkeypatch):
    import mdio.flow.engine as engine

    gate, read = threading.Event(), source.read

    def slow(region):
        assert gate.wait(10)
        return read(region)

    def interrupted(*args, **kwargs):
        threading.Timer(0.2, gate.set).start()
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "wait", interrupted)
    source.read = slow
    sink = target.create(source, Creation(resume=True), CHUNKS)
    with pytest.raises(CancelledError, match="after 1 of 40"):
        run(source, sink, workers=1, memory=TIGHT["memory"] * 2 // 3)
    assert len(sink.journal.finished()) == 1


def test_an_observer_that_fails_is_dropped_with_one_warning(source, target):
    events = []

    def broken(event):
        raise RuntimeError("no disk for logs")

    run(source, target.create(source, chunks=CHUNKS), **TIGHT, observers=[broken, events.append])
    warnings = [event.message for event in events if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "no disk for logs" in warnings[0]
    same(target, source)


def test_halo_reaches_the_sink_and_stays_out_of_the_statistics(source, target):
    sink = target.create(source, chunks=CHUNKS)
    sink.halo = (1, 2, 3)
    seen, write = [], sink.write
    sink.write = lambda block: (seen.append(block.region), write(block))[1]
    report = run(source, sink, workers=1, memory=40_000)
    assert report.statistics["trace_count"] == 480
    assert report.statistics["honest"]["count"] == 480 * 50
    plain = MemoryTarget()
    without = run(source, plain.create(source, chunks=CHUNKS), workers=1).statistics
    assert report.statistics["rms"] == pytest.approx(without["rms"], rel=1e-12)
    assert report.statistics["honest"]["mean"] == pytest.approx(without["honest"]["mean"], rel=1e-12)
    whole = source.schema.region
    inner = {region for region in seen if region[0][0] > 0 and region[0][1] < 20}
    assert inner
    assert all(region[0][0] % 4 == 3 and region[0][1] % 4 == 1 for region in inner)
    assert all(whole.covers(region) for region in seen)
    same(target, source)


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_value_range_comes_first_and_survives_a_resume(target, dtype):
    source = synthetic.volume((20, 30, 50), dtype)
    source._samples[7, 3, 9] = 30_000
    ranges = []
    creation = Creation(resume=True)

    def sink_for():
        sink = target.create(source, creation, CHUNKS)
        sink.needs = frozenset({"value_range"})
        sink.value_range = ranges.append
        return sink

    spoiled = Spoiled(source, lambda r: r.start[0] >= 12, OSError("gone"))
    with pytest.raises(SlabError):
        run(spoiled, sink_for(), **TIGHT)
    samples = source.samples(source.schema.region)
    low, high = ranges[0]
    if dtype == "i2":
        assert (low, high) == (samples.min(), 30_000)
    else:
        assert samples.min() <= low < 0 < high <= samples.max()
    source._samples[0, 0, 0] = 32_000
    looks, samples_of = [], source.samples
    source.samples = lambda region: (looks.append(region), samples_of(region))[1]
    report = run(source, sink_for(), **TIGHT)
    assert ranges[1] == ranges[0]
    assert len(looks) == 40 - report.resumed, "the volume is not looked at again"


def test_known_statistics_save_the_look_at_floats(target):
    source = synthetic.volume((4, 4, 8))
    source.schema = source.schema.with_metadata(statistics={"honest": {"min": -3.0, "max": 5.0}})
    ranges = []
    sink = target.create(source, chunks=(4, 4, 8))
    sink.needs, sink.value_range = frozenset({"value_range"}), ranges.append
    run(source, sink)
    assert ranges == [(-3.0, 5.0)]


def test_blocks_are_let_go_of(source, target):
    import gc
    import weakref

    sink = target.create(source, chunks=CHUNKS)
    held, alive, write = [], [], sink.write

    def watch(block):
        alive.append(sum(ref() is not None for ref in held))
        held.append(weakref.ref(block.samples))
        return write(block)

    sink.write = watch
    run(source, sink, workers=1, memory=TIGHT["memory"])
    gc.collect()
    assert max(alive) <= 1
    assert not any(ref() is not None for ref in held)


def test_a_chunk_above_the_budget_warns(source, target):
    events = []
    run(source, target.create(source, chunks=(20, 30, 50)), workers=1, memory=1000, observers=[events.append])
    assert any(isinstance(event, Warned) and "memory budget" in event.message for event in events)


def test_an_empty_volume_is_committed(target):
    source = synthetic.volume((0, 4, 8))
    report = run(source, target.create(source, chunks=(4, 4, 8)))
    assert report.slabs == 0
    assert target.open().schema.shape == (0, 4, 8)
    assert dataclasses.asdict(report)["statistics"]["mean"] == 0


def test_an_unknown_way_to_treat_errors_is_refused(source, target):
    with pytest.raises(ConfigError, match="on_error"):
        run(source, target.create(source), on_error="ignore")


def test_cores_are_at_least_one():
    assert available_cores() >= 1


def test_the_slab_that_failed_is_named_not_those_that_waited_for_it(source, target):
    """Whichever of the two is noticed first."""
    sink = target.create(source, Creation(), CHUNKS)
    turns, write = [], sink.write

    def expect(regions):
        turns.append(Turns(regions, 0))

    def in_turn(block):
        with turns[0].of(block.region):
            if block.region.start == (0, 0, 0):
                time.sleep(0.05)  # the next one waits for its turn by now
                raise ValueError("made to fail")
            return write(block)

    sink.expect, sink.left_out, sink.write = expect, lambda region: turns[0].left_out(region), in_turn
    slab = engine._Run._slab

    def slow(self, region):
        try:
            return slab(self, region)
        except ValueError:
            time.sleep(0.05)  # those that waited are through with their own error
            raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine._Run, "_slab", slow)
        with pytest.raises(SlabError, match="made to fail"):
            run(source, sink, **TIGHT)
