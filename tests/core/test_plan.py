"""Slabs tile the volume on the sink's grid, inside the budget."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.core.region import Region
from mdio.exceptions import ShapeError
from mdio.flow.plan import Regions, make_plan

MIB = 1 << 20
TEAPOT = (345, 188, 1501)


@st.composite
def cases(draw):
    ndim = draw(st.integers(1, 4))
    shape = draw(st.tuples(*[st.integers(1, (1000, 50, 14, 7)[ndim - 1])] * ndim))
    chunk = st.tuples(*[st.integers(1, 30)] * ndim)
    return {
        "shape": shape,
        "itemsize": draw(st.sampled_from([1, 4, 8])),
        "header_bytes": draw(st.sampled_from([0, 240])),
        "source_chunks": draw(chunk),
        "sink_chunks": draw(chunk),
        "halo": draw(st.tuples(*[st.integers(0, 3)] * ndim)),
        "memory": draw(st.integers(1, 1 << 22)),
        "workers": draw(st.integers(1, 40)),
    }


def bytes_of(shape, case):
    """Samples with halo, 240-byte headers, a live flag and an 8-byte position a trace: by hand."""
    lengths = [min(n + 2 * h, full) for n, h, full in zip(shape, case["halo"], case["shape"], strict=True)]
    traces = math.prod(lengths[:-1])
    return traces * lengths[-1] * case["itemsize"] + traces * (case["header_bytes"] + 9)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_tiles_the_volume_on_the_grid_and_in_the_budget(case):
    plan = make_plan(**case)
    seen = np.zeros(case["shape"], dtype=np.int8)
    for region in plan.regions:
        seen[region.slices] += 1
        for (start, stop), unit, full in zip(region, case["sink_chunks"], case["shape"], strict=True):
            assert start % unit == 0
            assert stop % unit == 0 or stop == full
            assert start < stop
    assert (seen == 1).all()
    share = case["memory"] // (case["workers"] + 1)
    chunk = [min(c, n) for c, n in zip(case["sink_chunks"], case["shape"], strict=True)]
    assert plan.fits == (bytes_of(plan.slab, case) <= share)
    if not plan.fits:
        assert bytes_of(chunk, case) > share, "a smaller slab would have fitted"
        assert list(plan.slab) == chunk
        assert plan.describe()["notes"]
    assert plan.slab_bytes == bytes_of(plan.slab, case)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_amplification_is_what_a_count_of_source_chunks_gives(case):
    plan = make_plan(**case)
    read = 0
    for region in plan.regions:
        grown = Region(
            (max(0, a - h), min(n, b + h)) for (a, b), h, n in zip(region, case["halo"], case["shape"], strict=True)
        )
        lengths = []
        for (start, stop), chunk, full in zip(grown, case["source_chunks"], case["shape"], strict=True):
            touched = range(start // chunk, (stop - 1) // chunk + 1)
            lengths.append(sum(min((i + 1) * chunk, full) - i * chunk for i in touched))
        read += math.prod(lengths)
    assert plan.read_amplification == pytest.approx(read / math.prod(case["shape"]))


@settings(deadline=None, max_examples=60)
@given(cases())
def test_regions_are_a_sequence(case):
    regions = make_plan(**case).regions
    listed = list(itertools.islice(regions, 50))
    assert [regions[i] for i in range(len(listed))] == listed
    assert regions[-1] == regions[len(regions) - 1]
    assert listed[0] in regions
    assert listed == sorted(listed), "C order"
    with pytest.raises(IndexError):
        regions[len(regions)]


@settings(deadline=None, max_examples=60)
@given(cases(), st.integers(1, 16))
def test_workers_do_not_change_slabs_while_memory_allows(case, workers):
    roomy = case | {"memory": 1 << 40}
    assert make_plan(**roomy | {"workers": workers}).slab == make_plan(**roomy | {"workers": 1}).slab


@pytest.mark.parametrize("source", [(1, 1, 1501), (1, 188, 1501), (64, 64, 64)])
def test_one_column_of_chunks_for_a_poststack_volume(source):
    plan = make_plan(TEAPOT, 4, 240, source, (64, 64, 64), (0, 0, 0), 512 * MIB, 2)
    assert plan.slab == (64, 64, 1501)
    assert plan.count == 6 * 3
    assert plan.peak_bytes < 60 * MIB


@pytest.mark.parametrize(
    ("source", "sink", "slab"),
    [
        ((128, 128, 128), (64, 64, 64), (128, 128, 384)),  # source bricks are decoded once
        ((512, 512, 4), (64, 64, 64), (345, 188, 64)),  # time slices
        ((64, 64, 64), (1, 1, 1501), (64, 64, 1501)),  # traces out of bricks
    ],
)
def test_whole_source_chunks(source, sink, slab):
    plan = make_plan(TEAPOT, 4, 240, source, sink, (0, 0, 0), 512 * MIB, 2)
    assert plan.slab == slab
    assert plan.read_amplification == 1


def test_splits_the_sample_axis_evenly_when_a_column_is_too_large():
    plan = make_plan((1000, 1000, 5000), 4, 240, (1, 1, 5000), (64, 64, 64), (0, 0, 0), 48 * MIB, 2)
    assert plan.slab[:2] == (64, 64)
    assert plan.slab[2] == 896  # six pieces: five of 896 and one of 520, not 960 and 200
    assert plan.fits


def test_a_chunk_above_the_budget_is_planned_and_said():
    plan = make_plan((256, 256, 256), 4, 240, (1, 1, 256), (256, 256, 256), (0, 0, 0), MIB, 2)
    assert plan.slab == (256, 256, 256)
    assert not plan.fits
    assert "memory budget" in plan.describe()["notes"][0]


def test_two_hundred_million_traces_are_no_list():
    plan = make_plan((200_000_000, 1501), 4, 240, (1, 1501), (512, 256), (0, 0))
    assert plan.count > 100_000
    assert plan.slab_bytes <= 8 * MIB
    assert plan.regions[plan.count - 1].slices[0].stop == 200_000_000


def test_small_volumes_keep_many_slabs_once_tasks_are_worth_it():
    plan = make_plan((400, 400, 100), 4, 240, (1, 1, 100), (1, 1, 100), (0, 0, 0), 512 * MIB, 2)
    assert plan.count >= 32
    assert make_plan((10, 10, 100), 4, 240, (1, 1, 100), (1, 1, 100), (0, 0, 0)).count == 1


def test_empty_volume_has_no_slabs():
    plan = make_plan((0, 10, 100), 4, 240, (1, 1, 100), (64, 64, 64), (0, 0, 0))
    assert plan.count == 0
    assert list(plan.regions) == []


def test_settled_slab_is_kept_or_refused():
    arguments = (TEAPOT, 4, 240, (1, 1, 1501), (64, 64, 64), (0, 0, 0), 512 * MIB, 2)
    assert make_plan(*arguments, slab=[64, 128, 192]).slab == (64, 128, 192)
    with pytest.raises(ShapeError, match="grid"):
        make_plan(*arguments, slab=(64, 100, 1501))
    with pytest.raises(ShapeError, match="dimensions"):
        make_plan((4, 5), 4, 0, (1, 1), (1, 1, 1), (0, 0))
    with pytest.raises(ShapeError, match="1 or more"):
        make_plan((4, 5), 4, 0, (1, 1), (0, 1), (0, 0))


def test_description_is_json():
    described = make_plan(TEAPOT, 4, 240, (1, 1, 1501), (64, 64, 64), (0, 0, 0)).describe()
    assert json.loads(json.dumps(described)) == described
    assert described["slabs"] == 18


def test_contains_only_its_own_slabs():
    regions = Regions((10, 10), (4, 5))
    assert Region([(4, 8), (5, 10)]) in regions
    assert Region([(4, 9), (5, 10)]) not in regions
    assert Region([(12, 16), (0, 5)]) not in regions
    assert regions[1:3] == [regions[1], regions[2]]
