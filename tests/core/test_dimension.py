"""Axes: regular ones kept in three numbers behave like lists of coordinates."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdio.core.dimension import Dimension
from mdio.exceptions import ShapeError


@given(st.integers(-1000, 1000), st.integers(-50, 50), st.integers(1, 40), st.data())
def test_regular_equals_listed(start, step, size, data):
    regular = Dimension.regular("inline", start, step, size, "m")
    listed = Dimension([start + step * i for i in range(size)], "inline", "m")
    assert regular == listed
    assert listed == regular
    assert hash(regular) == hash(listed)
    assert len(regular) == regular.size == listed.size == size
    assert (regular.min(), regular.max()) == (listed.min(), listed.max())
    a = data.draw(st.integers(0, size))
    b = data.draw(st.integers(a, size))
    assert regular.between(a, b).tolist() == listed.between(a, b).tolist()
    assert regular.crop(a, b) == listed.crop(a, b)
    assert regular.crop(a, b).unit == "m"
    assert regular[a:b].tolist() == listed[a:b].tolist()


def test_types_of_coordinates():
    assert Dimension.regular("sample", 0, 4, 3).coords.dtype == np.int64
    assert Dimension.regular("sample", 0, 0.5, 3).coords.tolist() == [0.0, 0.5, 1.0]
    assert Dimension(np.array([1, 2], np.int16), "x").coords.dtype == np.int16


def test_an_axis_of_200_million_costs_nothing():
    axis = Dimension.regular("trace", 1, 1, 200_000_000)
    assert (axis.min(), axis.max(), axis.size) == (1, 200_000_000, 200_000_000)
    assert axis.between(199_999_998, 200_000_000).tolist() == [199_999_999, 200_000_000]
    assert axis.crop(100, 150_000_000).size == 149_999_900


def test_differences_are_seen():
    axis = Dimension([1, 2, 3], "inline")
    assert axis != Dimension([1, 2, 4], "inline")
    assert axis != Dimension([1, 2, 3], "crossline")
    assert axis != Dimension([1, 2], "inline")
    with pytest.raises(TypeError):
        axis == [1, 2, 3]  # noqa: B015 - the comparison is what is tested


def test_only_one_dimension():
    with pytest.raises(ShapeError, match=r"'inline'.*2-D"):
        Dimension([[1, 2], [3, 4]], "inline")


def test_assignment_makes_a_regular_axis_a_listed_one():
    axis = Dimension.regular("inline", 0, 1, 4)
    axis[2] = 9
    assert axis.coords.tolist() == [0, 1, 9, 3]
    assert axis.max() == 9


def test_shows_itself():
    assert repr(Dimension.regular("sample", 0, 4, 3, "ms")) == "Dimension('sample', 3: 0 … 8 ms)"
    assert repr(Dimension([], "trace")) == "Dimension('trace', empty)"


@pytest.mark.parametrize("axis", [Dimension.regular("x", 3, 2, 5, "m"), Dimension([3, 9], "x", "m")])
def test_pickles(axis):
    copy = pickle.loads(pickle.dumps(axis))
    assert copy == axis
    assert copy.unit == "m"
