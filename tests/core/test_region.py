"""Regions against arrays that are really cut."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdio.core.region import Region


@st.composite
def shapes_and_regions(draw, count=1):
    shape = draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))
    regions = []
    for _ in range(count):
        pairs = []
        for length in shape:
            start = draw(st.integers(0, length))
            pairs.append((start, draw(st.integers(start, length))))
        regions.append(Region(pairs))
    return tuple(shape), *regions


@given(shapes_and_regions())
def test_shape_and_size_are_those_of_the_slice(case):
    shape, region = case
    part = np.zeros(shape)[region.slices]
    assert region.shape == part.shape
    assert region.size == part.size
    assert region.start == tuple(start for start, _ in region)
    assert region.spatial == Region(list(region)[:-1])


@given(shapes_and_regions(2))
def test_intersection_and_cover(case):
    shape, one, other = case
    a, b = np.zeros(shape, bool), np.zeros(shape, bool)
    a[one.slices] = True
    b[other.slices] = True
    both = np.zeros(shape, bool)
    common = one.intersect(other)
    both[common.slices] = True
    assert np.array_equal(both, a & b)
    assert common.size == np.count_nonzero(a & b)
    if one.covers(other):
        assert not (b & ~a).any()
    elif other.size:
        assert (b & ~a).any()


@given(shapes_and_regions(2))
def test_within_an_outer_array(case):
    shape, one, outer = case
    inner = one.intersect(outer)
    if not inner.size:
        return
    whole = np.arange(int(np.prod(shape))).reshape(shape)
    assert np.array_equal(whole[outer.slices][inner.within(outer)], whole[inner.slices])


@given(shapes_and_regions(), st.data())
def test_chunks_touched(case, data):
    shape, region = case
    chunks = tuple(data.draw(st.integers(1, 10)) for _ in shape)
    touched = {
        tuple((i + start) // c for i, start, c in zip(cell, region.start, chunks, strict=True))
        for cell in np.ndindex(*region.shape)
    }
    found = list(region.chunks(chunks))
    if region.size:
        assert found == sorted(touched), "in C order, each once"
    for index in found:
        box = Region.of_chunk(index, chunks, shape)
        assert Region.whole(shape).covers(box)
        assert all(n <= c for n, c in zip(box.shape, chunks, strict=True))


def test_empty_regions_touch_no_chunk():
    assert list(Region([(0, 5), (3, 3)]).chunks((2, 2))) == []


def test_a_region_is_plain_data():
    region = Region([(0, np.int64(5)), [2, 3]])
    assert region == ((0, 5), (2, 3))
    assert type(region[0][1]) is int
    assert Region(json.loads(json.dumps(region))) == region
    assert pickle.loads(pickle.dumps(region)) == region
    assert isinstance(pickle.loads(pickle.dumps(region)), Region)
    assert len({region, Region([(0, 5), (2, 3)])}) == 1


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ((slice(None), slice(2, 4)), [(0, 5), (2, 4)]),
        ((slice(-2, None), slice(0, 99)), [(3, 5), (0, 7)]),
        ([(1, 2), (3, 7)], [(1, 2), (3, 7)]),
        ([(5, 5), (0, 7)], [(5, 5), (0, 7)]),
    ],
)
def test_normalise(key, expected):
    assert Region.normalise(key, (5, 7)) == Region(expected)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ([(0, 5)], "1 dimensions for an array of 2"),
        ([(0, 6), (0, 7)], r"\(0, 6\) outside \(0, 5\)"),
        ([(-1, 2), (0, 7)], "outside"),
        ([(3, 2), (0, 7)], "outside"),
        ((slice(None, None, 2), slice(None)), "step 1"),
    ],
)
def test_what_is_no_region(key, message):
    with pytest.raises(IndexError, match=message):
        Region.normalise(key, (5, 7))
