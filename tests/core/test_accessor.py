"""``MDIOReader``: every key against numpy, what is read for it, headers under both names, grid and coordinates."""

import pickle
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import mdio
from mdio.api.arrays import RegionArray
from mdio.api.header_array import HeaderArray
from mdio.api.indexing import gather, parse_key
from mdio.convert import create
from mdio.core.dimension import Dimension
from mdio.core.grid import Grid
from mdio.core.trace_header import STANDARD_FIELDS
from mdio.core.volume import Creation
from mdio.exceptions import GridError, InvalidMDIOError, MDIOError, MDIONotFoundError, ShapeError
from mdio.flow import engine
from mdio.testing import synthetic

FIELDS = [(name, f">{kind}") for _, name, kind in STANDARD_FIELDS]


def some_dead(*index):
    return sum(index) % 5 != 1


def store(path, volume, chunks):
    sink = create(
        path,
        volume,
        format="mdio",
        options={"chunks": chunks},
        creation=Creation(created="2024-01-01T00:00:00.000000+00:00"),
    )
    engine.run(volume, sink)
    sink.close()
    return path


@pytest.fixture(scope="module")
def volume():
    dims = [
        Dimension(np.array([10, 20, 30, 50, 40, 60, 70, 80, 90]), "inline"),
        Dimension.regular("crossline", 100, 2, 10),
        Dimension.regular("sample", 0.0, 0.1, 30, "ms"),
    ]
    return synthetic.volume((9, 10, 30), dims=dims, live=some_dead, headers=FIELDS)


@pytest.fixture(scope="module")
def path(volume, tmp_path_factory):
    return store(tmp_path_factory.mktemp("accessor") / "cube.mdio", volume, [4, 4, 8])


@pytest.fixture(scope="module")
def samples(volume):
    return volume.samples(volume.schema.region)


@pytest.fixture(scope="module")
def inlines(volume):
    """Word 189 of every trace, by its formula: trace number + 1000 for each field before it; 0 where dead."""
    place = [name for name, _ in FIELDS].index("inline")
    live = some_dead(*np.indices((9, 10)))
    return np.where(live, (np.arange(90).reshape(9, 10) + 1000 * place), 0)


# -- keys --------------------------------------------------------------------------------------------------------


@st.composite
def keys(draw):
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    chunks = tuple(draw(st.integers(1, 5)) for _ in shape)
    items = []
    for size in shape:
        position = st.integers(-size, size - 1)
        bound = st.none() | st.integers(-size - 3, size + 3)
        items.append(
            draw(
                st.one_of(
                    position,
                    position.map(np.int16),
                    st.builds(slice, bound, bound, st.none() | st.integers(-4, 4).filter(bool)),
                    st.lists(position, max_size=7),
                    st.lists(position, min_size=1, max_size=7).map(np.array),
                    st.lists(st.booleans(), min_size=size, max_size=size),
                )
            )
        )
    cut = draw(st.integers(0, len(items)))
    if draw(st.booleans()):
        gap = draw(st.integers(cut, len(items)))
        return shape, chunks, (*items[:cut], Ellipsis, *items[gap:])
    return shape, chunks, tuple(items[:cut]) if cut else items[0]


def full(key, ndim):
    """The key with one item an axis."""
    key = key if isinstance(key, tuple) else (key,)
    dots = [at for at, item in enumerate(key) if item is Ellipsis]
    at = dots[0] if dots else len(key)
    missing = ndim - len(key) + len(dots)
    return [*key[:at], *[slice(None)] * missing, *key[at + 1 :]]


def numpy_way(array, key):
    """Outer indexing with nothing but numpy: positions of each axis, ``np.ix_``, integer axes dropped."""
    items = full(key, array.ndim)
    places = []
    for item, size in zip(items, array.shape, strict=True):
        picked = np.arange(size)[
            np.asarray(item, dtype=None if np.size(item) else int) if isinstance(item, list) else item
        ]
        places.append(np.atleast_1d(picked))
    dropped = tuple(axis for axis, item in enumerate(items) if isinstance(item, int | np.integer))
    return np.squeeze(array[np.ix_(*places)], axis=dropped), places


@given(keys())
@example(((5, 4), (2, 2), (slice(None, None, -2), [3, 0, 0])))
@example(((3,), (2,), slice(2, None, -1)))
def test_keys_against_numpy(case):
    shape, chunks, key = case
    array = np.arange(np.prod(shape)).reshape(shape)
    fetched = []

    def fetch(region):
        fetched.append(region)
        assert array[region.slices].size, "an empty read"
        return array[region.slices].copy()

    found = RegionArray(fetch, shape, array.dtype, chunks)[key]
    expected, places = numpy_way(array, key)
    assert np.shape(found) == expected.shape
    np.testing.assert_array_equal(found, expected)
    if not any(isinstance(item, list | np.ndarray) for item in full(key, len(shape))):
        np.testing.assert_array_equal(found, array[key])

    # Nothing is read twice, and no chunk that holds nothing of the result.
    read = [index for region in fetched for index in region.chunks(chunks)]
    wanted = set(
        zip(
            *(axis.ravel() for axis in np.meshgrid(*(p // c for p, c in zip(places, chunks, strict=True)))), strict=True
        )
    )
    assert {tuple(map(int, index)) for index in wanted} == set(read)
    cells = np.zeros(shape, dtype=int)
    for region in fetched:
        cells[region.slices] += 1
    assert cells.max(initial=0) <= 1
    assert all(np.unique(places[axis]).size for axis in range(len(shape))) or not fetched


def test_a_list_across_chunks_reads_each_chunk_once():
    array = np.arange(100)
    fetched = []

    def fetch(region):
        fetched.append(tuple(region[0]))
        return array[region.slices]

    traces = RegionArray(fetch, (100,), array.dtype, (10,))
    np.testing.assert_array_equal(traces[[95, 3, 7, 3, 41, 40]], [95, 3, 7, 3, 41, 40])
    assert fetched == [(3, 8), (40, 42), (95, 96)]
    fetched.clear()
    np.testing.assert_array_equal(traces[5:35:4], np.arange(5, 35, 4))
    assert fetched == [(5, 10), (13, 18), (21, 30), (33, 34)]
    fetched.clear()
    traces[5:35]
    assert fetched == [(5, 35)]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "axis 0: None"),
        ((0, None), "axis 1: None"),
        (3, "position 3 outside of 3 positions, which count from 0; coord_to_index turns line numbers into them"),
        (-4, "position -4 outside of 3"),
        ([0, 7], "position 7 outside of 3"),
        (np.array([0, 2**64 - 1], dtype=np.uint64), "outside of 3"),
        ((0, 0, 0), "3 indices for an array of 2"),
        ((..., 0, ...), "one ellipsis"),
        (1.0, "1.0 not taken"),
        ("189", "'189' is no position"),
        ([[0, 1]], "2-D positions not taken"),
        ([True, False], "2 truth values for 3 positions"),
        (np.ones((3, 4), dtype=bool), "2-D positions not taken"),
        (object(), "not taken"),
    ],
)
def test_refused_keys(key, says):
    with pytest.raises(IndexError, match=says):
        parse_key(key, (3, 4))


def test_single_cells_are_scalars():
    array = np.arange(6.0).reshape(2, 3)
    found = RegionArray(lambda region: array[region.slices], (2, 3), array.dtype, (2, 3))[1, -1]
    assert isinstance(found, np.float64)
    assert found == 5.0


def test_records_come_as_the_class_that_was_asked_for():
    array = np.zeros(4, dtype=[("189", "<i4")])
    out = gather(
        parse_key([3, 0], (4,)), (4,), (1,), lambda region: array[region.slices], lambda n: np.ones(n, array.dtype)
    )
    assert out.dtype == array.dtype
    assert not out["189"].any()


# -- the reader --------------------------------------------------------------------------------------------------


def test_samples(path, samples):
    with mdio.MDIOReader(path) as reader:
        np.testing.assert_array_equal(reader[3], samples[3])
        np.testing.assert_array_equal(reader[:, 5], samples[:, 5])
        np.testing.assert_array_equal(reader[..., 25], samples[..., 25])
        np.testing.assert_array_equal(reader[::-2, 1:4, ::7], samples[::-2, 1:4, ::7])
        np.testing.assert_array_equal(reader[[8, 1], [9, 0, 4]], samples[np.ix_([8, 1], [9, 0, 4])])
        assert reader[3].dtype == np.float32
        assert len(reader) == 9


@pytest.mark.parametrize(
    ("key", "spatial"),
    [
        (np.s_[4], np.s_[4]),
        (np.s_[:, 3], np.s_[:, 3]),
        (np.s_[..., 7], np.s_[:, :]),
        (np.s_[:, :, 7], np.s_[:, :]),
        (np.s_[..., 3, :], np.s_[:, 3]),
        (np.s_[2, ..., 7], np.s_[2]),
        (np.s_[::3, -1, 2:4], np.s_[::3, -1]),
        (np.s_[[5, 0], :, 1:2], np.s_[[5, 0]]),
    ],
)
def test_metadata_lose_the_sample_axis_only(path, volume, samples, inlines, key, spatial):
    live, headers, found = mdio.MDIOReader(path, return_metadata=True)[key]
    np.testing.assert_array_equal(found, samples[key])
    np.testing.assert_array_equal(live, some_dead(*np.indices((9, 10)))[spatial])
    np.testing.assert_array_equal(headers["189"], inlines[spatial])
    assert headers.shape == live.shape


def test_both_names_of_header_words(path, inlines):
    reader = mdio.MDIOReader(path, return_metadata=True)
    headers = reader._headers[:]
    assert headers["189"].dtype == np.int32
    assert type(headers["189"]) is np.ndarray
    np.testing.assert_array_equal(headers["189"], inlines)
    np.testing.assert_array_equal(headers["inline"], inlines)
    for names in (["189", "193"], ["inline", "crossline"], ["inline", "193"]):
        both = headers[names]
        np.testing.assert_array_equal(both["inline"], inlines)
        np.testing.assert_array_equal(both["193"], headers["crossline"])
    _, record, _ = reader[2, 2, 0]
    assert record.shape == ()
    assert record["inline"] == inlines[2, 2] == record["189"]
    assert headers[2][2]["inline"] == inlines[2, 2]
    np.testing.assert_array_equal(headers[headers["inline"] > 0]["189"], inlines[inlines > 0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(headers))["inline"], inlines)


def test_unknown_header_words_have_near_names(path):
    headers = mdio.MDIOReader(path)._headers[0]
    with pytest.raises(ValueError, match="no header field 'crosline'; did you mean crossline"):
        headers["crosline"]
    with pytest.raises(ValueError, match="no header field '190'"):
        headers[["189", "190"]]


def test_header_words_are_set_by_either_name():
    headers = np.zeros(3, dtype=[("189", "<i4"), ("193", "<i4")]).view(HeaderArray)
    headers["inline"] = [1, 2, 3]
    headers["193"][1] = 7
    assert headers.tolist() == [(1, 0), (2, 7), (3, 0)]
    words = np.zeros(2, dtype=[("inline", "<i4")]).view(HeaderArray)
    words["189"] = 5
    assert words.tolist() == [(5,), (5,)]


def test_properties(path, volume, samples):
    reader = mdio.MDIOReader(path)
    assert reader.shape == (9, 10, 30)
    assert reader.n_dim == 3
    assert reader.chunks == (4, 4, 8)
    assert reader.trace_count == np.count_nonzero(some_dead(*np.indices((9, 10))))
    assert reader.text_header[0].startswith("C 1 SYNTHETIC")
    assert isinstance(reader.binary_header, dict)
    known = samples[samples != 0].astype(np.float64)
    expected = {"mean": known.mean(), "std": known.std(), "rms": np.sqrt((known**2).mean())}
    assert reader.stats == pytest.approx(expected | {"min": known.min(), "max": known.max()})
    np.testing.assert_array_equal(reader.live_mask[:], some_dead(*np.indices((9, 10))))
    np.testing.assert_array_equal(np.asarray(reader.live_mask), reader.live_mask[...])
    assert reader.volume.sample_array.compressor["id"] == "blosc"


def test_grid(path):
    grid = mdio.MDIOReader(path).grid
    assert isinstance(grid, mdio.Grid)
    assert grid.dim_names == ("inline", "crossline", "sample")
    assert grid.shape == (9, 10, 30)
    assert grid.ndim == 3
    assert (grid.get_min("inline"), grid.get_max("inline")) == (10, 90)
    assert (grid.get_min("crossline"), grid.get_max("crossline")) == (100, 118)
    np.testing.assert_array_equal(grid.select_dim("inline").coords, [10, 20, 30, 50, 40, 60, 70, 80, 90])
    assert grid.live_mask[0, 1] == np.False_
    with pytest.raises(GridError, match="no dimension 'crosline'; did you mean 'crossline'"):
        grid.select_dim("crosline")
    with pytest.raises(ValueError, match="there are: inline, crossline, sample"):
        grid.get_max("time")


def test_a_grid_without_mask():
    assert Grid([Dimension([1, 2], "inline")]).live_mask is None


def test_coordinates(path, samples):
    reader = mdio.MDIOReader(path)
    found = reader.coord_to_index([50, 10, 40], dimensions="inline")
    np.testing.assert_array_equal(found, [3, 0, 4])
    assert found.dtype.kind == "i"
    assert int(reader.coord_to_index(118, dimensions="crossline")) == 9
    assert reader.coord_to_index(118, dimensions=["crossline"]).shape == (1,)
    inline, crossline = reader.coord_to_index([20, 10], [102, 104], dimensions=["inline", "crossline"])
    np.testing.assert_array_equal(reader[inline, crossline], samples[np.ix_([1, 0], [1, 2])])
    everything = reader.coord_to_index(90, 100, [0.1 + 0.2, 2.9])
    assert [one.tolist() for one in everything] == [[8], [0], [3, 29]]
    assert reader.coord_to_index([], dimensions="inline").tolist() == []


def test_coordinates_that_are_not_there(path):
    reader = mdio.MDIOReader(path)
    with pytest.raises(ValueError, match="inline has no coordinate 44; nearest is 40, the axis goes from 10 to 90"):
        reader.coord_to_index([10, 44], dimensions="inline")
    for outside in (0, 1000):
        with pytest.raises(ValueError, match=f"crossline has no coordinate {outside}"):
            reader.coord_to_index(outside, dimensions="crossline")
    with pytest.raises(ValueError, match=r"sample has no coordinate 0\.15"):
        reader.coord_to_index(0.15, dimensions="sample")
    with pytest.raises(ValueError, match="no coordinate nan"):
        reader.coord_to_index(float("nan"), dimensions="sample")
    with pytest.raises(ShapeError, match="1 queries for 3 dimensions"):
        reader.coord_to_index(10)
    with pytest.raises(ShapeError, match="2 queries for 1 dimensions"):
        reader.coord_to_index(10, 100, dimensions="inline")
    with pytest.raises(TypeError, match="takes one position, there are 2"):
        int(reader.coord_to_index([10, 20], dimensions="inline"))
    with pytest.raises(GridError, match="neither a coordinate"):
        reader.coord_to_index("ten", dimensions="inline")


@pytest.mark.parametrize("shape", [(12, 20), (3, 4, 5, 6)])
def test_other_ranks_open_without_a_pattern(tmp_path, shape):
    made = synthetic.volume(shape, live=some_dead, headers=FIELDS)
    reader = mdio.MDIOReader(store(tmp_path / "x.mdio", made, [4] * len(shape)), return_metadata=True)
    assert reader.access_pattern == "012345"[: len(shape)]
    live, headers, samples = reader[1]
    np.testing.assert_array_equal(samples, made.samples(made.schema.region)[1])
    np.testing.assert_array_equal(live, some_dead(*np.indices(shape[:-1]))[1])
    assert headers.shape == shape[1:-1]


def test_a_cache_serves_the_same_samples(path, samples, monkeypatch):
    reader = mdio.MDIOReader(path, memory_cache_size=2**24)
    for _ in range(2):  # what is looked at a second time is kept
        np.testing.assert_array_equal(reader[3], samples[3])
    monkeypatch.setattr(type(reader.volume.dataset.store), "get", None)
    np.testing.assert_array_equal(reader[3], samples[3])


def test_an_accessor_reads(path, samples):
    accessor = mdio.MDIOAccessor(path, "r", "012", disk_cache=True)
    np.testing.assert_array_equal(accessor[0], samples[0])
    assert "012" in repr(accessor)


def test_what_cannot_be_opened(path, tmp_path, monkeypatch):
    with pytest.raises(MDIONotFoundError):
        mdio.MDIOReader(tmp_path / "nothing.mdio")
    with pytest.raises(InvalidMDIOError, match="no access pattern '01'; there are: 012"):
        mdio.MDIOReader(path, access_pattern="01")
    with pytest.raises(ValueError, match="no mode 'rw'"):
        mdio.MDIOAccessor(path, "rw")
    with pytest.raises(ValueError, match="no backend 'dask2'; did you mean 'dask'"):
        mdio.MDIOReader(path, backend="dask2")
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(MDIOError, match="pip install"):
        mdio.MDIOReader(path, backend="dask")


def test_dask_arrays_are_lazy(path, samples, inlines, monkeypatch):
    pytest.importorskip("dask.array")
    reader = mdio.MDIOReader(path, return_metadata=True, backend="dask", new_chunks=(3, 5, 30))
    with monkeypatch.context() as patch:
        patch.setattr(type(reader.volume.dataset.store), "get", None)
        live, headers, found = reader[[8, 1], [9, 0, 4], 1:]
        assert reader.live_mask.chunks == ((3, 3, 3), (5, 5))
    np.testing.assert_array_equal(found.compute(), samples[np.ix_([8, 1], [9, 0, 4])][..., 1:])
    np.testing.assert_array_equal(headers["189"].compute(), inlines[np.ix_([8, 1], [9, 0, 4])])
    np.testing.assert_array_equal(live.compute(), some_dead(*np.ix_([8, 1], [9, 0, 4])))
    with pytest.raises(ShapeError, match="2 chunk lengths for 3 dimensions"):
        mdio.MDIOReader(path, backend="dask", new_chunks=(3, 5))
