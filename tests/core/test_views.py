"""Views give the values that plain indexing of the arrays gives, and metadata that stay true."""

from __future__ import annotations

import numpy as np
import pytest

from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.core.volume import Patches, TraceOrder
from mdio.exceptions import GridTraceSparsityError, ShapeError
from mdio.flow.engine import run
from mdio.flow.views import Cast, Crop, Decimated, Regularize, Select, Transpose
from mdio.testing import synthetic
from mdio.testing.memory import MemoryTarget

SHAPE = (9, 8, 21)


@pytest.fixture
def volume():
    index = np.arange(4, int(np.prod(SHAPE)), 13, dtype=np.int64)
    made = synthetic.volume(SHAPE, patches=Patches(index, index.astype(np.uint32) + 1))
    made.schema = made.schema.with_metadata(statistics={"mean": 1.0}, identity={"url": "a.sgy"})
    return made


def everything(volume):
    """Samples, headers, live mask, order and a cube of patch words, of all of it."""
    block = volume.read(volume.schema.region)
    words = np.zeros(volume.schema.shape, dtype=np.uint32)
    if block.patches is not None:
        words.flat[block.patches.index] = block.patches.words
    return block.samples, block.headers, block.live, block.order, words


def agree(view, expected):
    for got, wanted in zip(everything(view), expected, strict=True):
        assert got.shape == wanted.shape
        assert got.tobytes() == np.ascontiguousarray(wanted).tobytes()


def cut(arrays, index):
    return [array[index[: array.ndim]] for array in arrays]


def test_crop(volume):
    view = Crop(volume, [(2, 8), slice(1, 7), (4, 19)])
    agree(view, cut(everything(volume), (slice(2, 8), slice(1, 7), slice(4, 19))))
    schema = view.schema
    assert [dim.coords[0] for dim in schema.dims] == [102, 101, 16]
    assert schema.chunks == (1, 1, 15)
    assert schema.metadata.order == TraceOrder("mapped")
    assert schema.metadata.trace_count == 36
    assert schema.metadata.statistics is None
    with pytest.raises(IndexError):
        Crop(volume, [(2, 10), (1, 7), (4, 19)])


def test_a_crop_of_all_changes_nothing_but_its_name(volume):
    schema = Crop(volume, volume.schema.region).schema
    assert schema.metadata.order == TraceOrder()
    assert schema.metadata.statistics == {"mean": 1.0}


def test_views_are_told_apart(volume):
    one = Crop(volume, [(0, 2), (0, 8), (0, 21)]).schema.metadata.identity
    other = Crop(volume, [(0, 3), (0, 8), (0, 21)]).schema.metadata.identity
    assert one["url"] == other["url"] == "a.sgy"
    assert one != other
    stacked = Cast(Crop(volume, [(0, 2), (0, 8), (0, 21)]), "f8").schema.metadata.identity
    assert stacked["views"] == [{"crop": [[0, 2], [0, 8], [0, 21]]}, {"cast": "f8"}]


def test_trace_count_of_a_part_is_unknown_where_there_are_holes():
    holed = synthetic.volume(SHAPE, live=lambda i, x: i != x)
    assert Crop(holed, [(0, 4), (0, 8), (0, 21)]).schema.metadata.trace_count == -1


def test_select(volume):
    view = Select(volume, {"inline": [7, 1, 2], "crossline": range(5)})
    samples, headers, live, order, words = (array.copy() for array in everything(volume))
    kept = np.zeros(SHAPE[:2], dtype=bool)
    kept[np.ix_([1, 2, 7], range(5))] = True
    samples[~kept] = 0
    headers[~kept] = np.zeros((), headers.dtype)
    order[~kept] = -1
    words[~kept] = 0
    agree(view, (samples, headers, live & kept, order, words))
    assert view.schema.shape == SHAPE
    assert view.schema.metadata.trace_count == -1
    assert view.schema.metadata.statistics is None


def test_select_reads_nothing_where_nothing_is_selected(volume):
    read = []
    for name in ("read", "samples", "headers", "live", "order"):
        original = getattr(volume, name)
        setattr(volume, name, lambda region, original=original: (read.append(region), original(region))[1])
    view = Select(volume, {"inline": [7]})
    empty = Region([(0, 4), (0, 8), (0, 21)])
    assert not view.read(empty).live.any()
    assert not view.samples(empty).any()
    assert (view.order(empty.spatial) == -1).all()
    assert read == []


def test_select_refuses_unknown_names_and_positions(volume):
    with pytest.raises(ShapeError, match="choose of inline, crossline"):
        Select(volume, {"sample": [1]})
    with pytest.raises(ShapeError, match="within 0 and 8"):
        Select(volume, {"inline": [9]})
    with pytest.raises(ShapeError, match="within 0 and 8"):
        Select(volume, {"inline": [-1]})


def test_transpose(volume):
    view = Transpose(volume, (1, 0))
    agree(view, [array.swapaxes(0, 1) for array in everything(volume)])
    assert view.schema.names == ("crossline", "inline", "sample")
    assert view.schema.metadata.order == TraceOrder("mapped")
    assert view.schema.metadata.statistics == {"mean": 1.0}
    back = Transpose(view, (1, 0, 2))
    agree(back, everything(volume))
    assert Transpose(volume, (0, 1)).schema.metadata.order == TraceOrder()
    for axes in ((1, 2, 0), (0, 0), (0,), (2, 1, 0)):
        with pytest.raises(ShapeError, match="sample axis stays last"):
            Transpose(volume, axes)


def test_transpose_of_three_spatial_axes():
    volume = synthetic.volume((3, 4, 5, 6))
    agree(
        Transpose(volume, (2, 0, 1)),
        [array.transpose((2, 0, 1, 3)[: array.ndim]) for array in everything(volume)],
    )


@pytest.mark.parametrize(
    ("coords", "regular"),
    [
        ([1, 2, 5, 6], [1, 2, 3, 4, 5, 6]),
        ([10, 14, 20, 22], [10, 12, 14, 16, 18, 20, 22]),
        ([9, 6, 0, -3], [9, 6, 3, 0, -3]),
        ([0.5, 1.0, 2.0, 2.5], [0.5, 1.0, 1.5, 2.0, 2.5]),
        (np.array([7, 5, 4, 1], dtype=np.uint16), [7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_regularize(coords, regular):
    dims = [
        Dimension(coords, "inline"),
        Dimension.regular("crossline", 1, 2, 3),
        Dimension.regular("sample", 0, 4, 5),
    ]
    volume = synthetic.volume((4, 3, 5), dims=dims, patches=Patches(np.array([17, 58]), np.array([1, 2], "u4")))
    view = Regularize(volume)
    np.testing.assert_array_equal(view.schema.dims[0].coords, regular)
    lines = [list(regular).index(coord) for coord in coords]
    expected = []
    for array, fill in zip(everything(volume), (0, None, False, -1, 0), strict=True):
        wide = np.zeros((len(regular), *array.shape[1:]), dtype=array.dtype)
        if fill is not None:
            wide[...] = fill
        wide[lines] = array
        expected.append(wide)
    agree(view, expected)
    assert view.schema.metadata.trace_count == 12
    assert view.schema.metadata.order == TraceOrder()


@pytest.mark.parametrize("coords", [[1, 2, 2, 3], [1, 3, 2, 4], [0.0, 1.0, 2.5, 3.1]])
def test_regularize_refuses_what_has_no_step(coords):
    dims = [Dimension(coords, "line"), Dimension.regular("sample", 0, 4, 5)]
    with pytest.raises(ShapeError, match="'line'"):
        Regularize(synthetic.volume((4, 5), dims=dims))


def test_regularize_refuses_an_absurd_grid():
    dims = [Dimension([1, 2, 3, 1_000_000], "line"), Dimension.regular("sample", 0, 4, 5)]
    with pytest.raises(GridTraceSparsityError, match="1000000"):
        Regularize(synthetic.volume((4, 5), dims=dims))


def test_long_regular_axes_stay_three_numbers():
    traces = 3_000_000
    dims = (Dimension.regular("trace", 1, 1, traces), Dimension.regular("sample", 0, 4, 5))
    volume = synthetic.volume((4, 5))
    volume.schema = type(volume.schema)(dims, volume.schema.dtype, volume.schema.headers, (1, 5))
    assert Regularize(volume).schema.dims == dims
    thinned = Decimated(volume, (1000, 1)).schema.dims[0]
    assert thinned == Dimension.regular("trace", 1, 1000, 3000)
    assert thinned._coords is None


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (
            "i2",
            [1.5, 2.5, -1.5, 4e4, -4e4, np.nan, np.inf, -np.inf, -0.4],
            [2, 2, -2, 32767, -32768, 0, 32767, -32768, 0],
        ),
        ("u1", [-1, 0.6, 255.4, 256, np.nan, 1, 2, 3, 4], [0, 1, 255, 255, 0, 1, 2, 3, 4]),
        ("i8", [2.0**63, -(2.0**63), 1, 2, 3, 4, 5, 6, 7], [2**63 - 1, -(2**63), 1, 2, 3, 4, 5, 6, 7]),
        ("f8", [0.1] * 9, [float(np.float32(0.1))] * 9),
    ],
)
def test_cast(kind, values, expected):
    volume = synthetic.volume((3, 3))
    volume._samples[...] = np.array(values, dtype="f4").reshape(3, 3)
    view = Cast(volume, kind)
    assert view.schema.dtype == np.dtype(kind)
    np.testing.assert_array_equal(view.samples(view.schema.region).ravel(), expected)
    np.testing.assert_array_equal(view.read(view.schema.region).samples.ravel(), expected)


def test_cast_between_integers_keeps_to_the_range():
    volume = synthetic.volume((2, 2), "i4")
    volume._samples[...] = [[-5, 300], [200, 7]]
    assert Cast(volume, "u1").samples(volume.schema.region).tolist() == [[0, 255], [200, 7]]
    assert Cast(volume, "i8").samples(volume.schema.region).tolist() == [[-5, 300], [200, 7]]


def test_cast_drops_what_is_not_true_any_more(volume):
    view = Cast(volume, "f8")
    assert view.read(view.schema.region).patches is None
    assert view.schema.metadata.statistics is None
    same = Cast(volume, "f4")
    assert same.read(same.schema.region).patches is not None
    assert same.schema.metadata.statistics == {"mean": 1.0}


def test_decimated(volume):
    view = Decimated(volume, (2, 3, 4))
    agree(view, cut(everything(volume), (slice(None, None, 2), slice(None, None, 3), slice(None, None, 4))))
    assert [dim.coords.tolist() for dim in view.schema.dims] == [
        [100, 102, 104, 106, 108],
        [100, 103, 106],
        [0, 16, 32, 48, 64, 80],
    ]
    assert view.schema.metadata.statistics is None
    assert view.schema.metadata.trace_count == 15
    for steps in ((2, 2), (0, 1, 1)):
        with pytest.raises(ShapeError):
            Decimated(volume, steps)


def test_decimated_reads_no_line_between(volume):
    read, original = [], volume.read
    volume.read = lambda region: (read.append(region[0]), original(region))[1]
    view = Decimated(volume, (4, 1, 1))
    view.read(view.schema.region)
    assert read == [(0, 1), (4, 5), (8, 9)]


def test_irregular_axes_are_decimated_by_coordinate(volume):
    dims = [Dimension([1, 2, 4, 8, 16], "line"), Dimension.regular("sample", 0, 4, 5)]
    assert Decimated(synthetic.volume((5, 5), dims=dims), (2, 1)).schema.dims[0].coords.tolist() == [1, 4, 16]


def test_closing_a_view_closes_the_volume(volume):
    closed = []
    volume.close = lambda: closed.append(True)
    Crop(Cast(volume, "f8"), volume.schema.region).close()
    assert closed == [True]


def test_lengths_follow_samples(volume):
    original = volume.read

    def read(region):
        block = original(region)
        block.lengths = np.full(region.spatial.shape, 10, dtype=np.uint32)
        return block

    volume.read = read
    for view, length in ((Crop(volume, [(0, 9), (0, 8), (4, 21)]), 6), (Decimated(volume, (1, 1, 3)), 4)):
        assert (view.read(view.schema.region).lengths == length).all()
    assert (Crop(volume, [(0, 9), (0, 8), (12, 21)]).read(Region([(0, 9), (0, 8), (0, 9)])).lengths == 0).all()


def test_a_view_runs_through_the_engine(volume):
    view = Transpose(Crop(volume, [(2, 8), (1, 7), (4, 19)]), (1, 0))
    target = MemoryTarget()
    run(view, target.create(view, chunks=(4, 4, 4)), workers=2)
    agree(target.open(), everything(view))
