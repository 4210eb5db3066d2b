"""Steps in coordinates against volumes whose samples tell where they lie."""

import numpy as np
import pytest
from pydantic import ValidationError

from mdio.config.transforms import Step
from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.exceptions import ConfigError, ShapeError
from mdio.testing import synthetic


@pytest.fixture
def volume():
    """Inlines 100 … 105, crosslines 210, 208 … 200 (descending), samples 0, 4 … 36 ms."""
    dims = [
        Dimension.regular("inline", 100, 1, 6),
        Dimension([210, 208, 206, 204, 202, 200], "crossline"),
        Dimension.regular("sample", 0, 4, 10, "ms"),
    ]
    return synthetic.volume((6, 6, 10), dims=dims)


def whole(volume):
    return volume.samples(Region.whole(volume.schema.shape))


def step(**values):
    return Step.model_validate(values)


def test_crop_keeps_both_ends(volume):
    cropped = step(crop={"inline": [101, 103], "sample": [8, 20], "crossline": [202, 206]})(volume)
    assert cropped.schema.shape == (3, 3, 4)
    assert np.array_equal(whole(cropped), whole(volume)[1:4, 2:5, 2:6])
    assert list(cropped.schema.dims[1].coords) == [206, 204, 202]


def test_crop_with_open_ends_and_ends_the_other_way_round(volume):
    assert np.array_equal(whole(step(crop={"inline": [None, 101]})(volume)), whole(volume)[:2])
    assert np.array_equal(whole(step(crop={"sample": [30, None]})(volume)), whole(volume)[:, :, 8:])
    assert np.array_equal(whole(step(crop={"inline": [103, 101]})(volume)), whole(volume)[1:4])


def test_crop_to_nothing_says_what_there_is(volume):
    with pytest.raises(ShapeError, match="no inline from 300 to 400; inline goes from 100 to 105"):
        step(crop={"inline": [300, 400]})(volume)
    with pytest.raises(ShapeError, match="no sample from 5 to 7"):
        step(crop={"sample": [5, 7]})(volume)


def test_crop_of_an_axis_without_order():
    dims = [Dimension([5, 1, 6, 2], "shot"), Dimension.regular("sample", 0, 1, 2)]
    volume = synthetic.volume((4, 2), dims=dims, headers=())
    with pytest.raises(ShapeError, match="lie apart"):
        step(crop={"shot": [5, 6]})(volume)
    assert step(crop={"shot": [1, 6]})(volume).schema.shape == (4, 2)


def test_long_axes_are_looked_at_in_pieces(monkeypatch):
    monkeypatch.setattr("mdio.flow.selecting._PIECE", 4)
    volume = synthetic.volume((11, 2), dims=[Dimension.regular("t", 0, 1, 11), Dimension.regular("sample", 0, 1, 2)])
    assert np.array_equal(whole(step(crop={"t": [2, 9]})(volume)), whole(volume)[2:10])
    kept = step(select={"t": "1:9:4"})(volume)
    assert np.flatnonzero(kept.live(Region([(0, 11)]))).tolist() == [1, 5, 9]


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        ([100, 104], [0, 4]),
        (103, [3]),
        ("101:103", [1, 2, 3]),
        ("100:105:2", [0, 2, 4]),
        ("101:105:2", [1, 3, 5]),
        ("103", [3]),
    ],
)
def test_select_kills_the_other_traces(volume, wanted, positions):
    selected = step(select={"inline": wanted})(volume)
    assert selected.schema.shape == (6, 6, 10)
    mask = np.zeros((6, 6), bool)
    mask[positions] = True
    assert np.array_equal(selected.live(Region([(0, 6), (0, 6)])), mask)


def test_select_of_what_is_not_there(volume):
    with pytest.raises(ShapeError, match="there is no inline 99; inline goes from 100 to 105"):
        step(select={"inline": [101, 99]})(volume)
    with pytest.raises(ShapeError, match="no inline from 1 to 2"):
        step(select={"inline": "1:2"})(volume)


def test_cast_transpose_decimate_regularize(volume):
    assert step(cast="int16")(volume).schema.dtype == np.dtype("int16")
    turned = step(transpose=["crossline", "inline"])(volume)
    assert np.array_equal(whole(turned), whole(volume).transpose(1, 0, 2))
    thin = step(decimate={"crossline": 2})(volume)
    assert np.array_equal(whole(thin), whole(volume)[:, ::2])
    gappy = step(crop={"inline": [100, 101]})(volume)
    assert step(regularize=True)(gappy).schema.shape == gappy.schema.shape


@pytest.mark.parametrize("spelling", ["regularize", {"regularize": None}, {"regularize": {}}, {"regularize": True}])
def test_spellings_of_regularize(spelling):
    dims = [Dimension([1, 2, 4], "shot"), Dimension.regular("sample", 0, 1, 2)]
    volume = synthetic.volume((3, 2), dims=dims, headers=())
    assert Step.model_validate(spelling)(volume).schema.shape == (4, 2)


def test_unknown_dimensions_get_near_names(volume):
    for values in ({"crop": {"inlne": [1, 2]}}, {"transpose": ["inlne"]}, {"decimate": {"inlne": 2}}):
        with pytest.raises(ConfigError, match="no dimension 'inlne'; did you mean inline"):
            Step.model_validate(values)(volume)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"crop": {"inline": [1, 2]}, "cast": "int8"},
        {"crop": {"inline": [1]}},
        {"crop": {"inline": [1, 2, 3]}},
        {"crop": {"inline": 1}},
        {"cast": "complex64"},
        {"select": {"inline": "a:b"}},
        {"select": {"inline": "1:2:0"}},
        {"select": {"inline": "1:2:3:4"}},
        {"decimate": {"inline": 0}},
        {"regularize": False},
        {"croop": {}},
        "cast",
    ],
)
def test_what_is_no_step(values):
    with pytest.raises(ValidationError):
        Step.model_validate(values)
