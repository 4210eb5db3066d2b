"""Walking a volume: every cell once, in plan order, whatever the threads do, and every end is a clean one."""

import threading
import time

import numpy as np
import pytest

from mdio.core.dimension import Dimension
from mdio.core.places import cell_text, region_text
from mdio.core.region import Region
from mdio.flow.events import RunFinished, RunStarted, RunStopped, SlabDone, Warned
from mdio.flow.walk import plan_walk, walk
from mdio.testing import synthetic


def test_every_cell_once_and_in_order():
    volume = synthetic.volume((7, 9, 33), chunks=(2, 4, 8))
    plan = plan_walk([volume.schema], workers=3, memory=8_000)
    seen, order = np.zeros((7, 9, 33), int), []
    first = threading.Event()

    def look(region):
        if not first.is_set():
            first.set()
            time.sleep(0.05)  # the first slab ends last
        return region

    for region, result in walk(plan, look, 4):
        assert region is result
        seen[region.slices] += 1
        order.append(region.start)
    assert plan.count > 6
    assert (seen == 1).all()
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("memory", "aligned"),
    [(10 << 20, (12, 8, 16)), (3_000, None)],
)
def test_slabs_are_whole_chunks_of_both_volumes_as_far_as_memory_goes(memory, aligned):
    a = synthetic.volume((60, 40, 200), chunks=(4, 8, 16))
    b = synthetic.volume((60, 40, 200), chunks=(3, 8, 200))
    plan = plan_walk([a.schema, b.schema], workers=1, memory=memory)
    assert plan.fits
    if aligned:
        for length, unit, full in zip(plan.slab, aligned, plan.shape, strict=True):
            assert length % unit == 0 or length == full
    assert plan.peak_bytes <= memory


def test_events():
    volume = synthetic.volume((4, 4, 8), chunks=(2, 4, 8))
    told = []
    plan = plan_walk([volume.schema], workers=1, memory=2_000)
    list(walk(plan, lambda region: None, 4, [told.append]))
    assert isinstance(told[0], RunStarted)
    assert isinstance(told[-1], RunFinished)
    assert told[0].bytes == told[-1].report.bytes == told[-2].bytes_done == 4 * 4 * 4 * 8
    assert sum(event.bytes for event in told if isinstance(event, SlabDone)) == 512


def test_a_failing_look_ends_the_walk():
    volume = synthetic.volume((4, 4, 8), chunks=(1, 4, 8))
    plan, told = plan_walk([volume.schema], workers=2, memory=1), []

    def look(region):
        raise ZeroDivisionError("here")

    with pytest.raises(ZeroDivisionError):
        list(walk(plan, look, 4, [told.append]))
    assert told[-1] == RunStopped("here")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mdio-walk")]


def test_an_observer_that_fails_is_dropped():
    volume = synthetic.volume((4, 4, 8), chunks=(1, 4, 8))
    told = []

    def bad(event):
        raise ValueError("guest")

    list(walk(plan_walk([volume.schema], workers=1, memory=1), lambda region: None, 4, [bad, told.append]))
    warnings = [event.message for event in told if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "guest" in warnings[0]
    assert isinstance(told[-1], RunFinished)


def test_places():
    dims = (Dimension([7, 3, 12], "inline"), Dimension.regular("sample", 0.0, 0.1, 50, "ms"))
    assert region_text(dims, Region([(0, 2), (3, 4)])) == "inline 7–3, sample 0.3 ms"
    assert region_text(dims, Region([(1, 2)])) == "inline 3"
    assert region_text(dims, Region([(1, 1), (0, 1)])) == "no inline"
    assert cell_text(dims, (2, 1)) == "inline 12, sample 0.1 ms"
