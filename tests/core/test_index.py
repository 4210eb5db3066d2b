"""Trace indices and bit sets against dictionaries and Python sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.core.gridding import build_grid
from mdio.core.index import AffineIndex, MapIndex, RankIndex, SparseIndex, cells_of
from mdio.core.rank import BitRank
from mdio.core.region import Region
from mdio.core.table import HeaderTable


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1), max_size=80))))
def test_bit_rank_is_a_set(case):
    size, members = case
    held = set(members)
    half = len(members) // 2
    mask = np.zeros(size, bool)
    mask[list(held)] = True
    everything = np.arange(size)
    for bits in (
        BitRank(size, [np.array(members[:half], np.int64), np.array(members[half:], np.int64)]),
        BitRank.from_mask(mask),
    ):
        assert bits.count == len(held)
        assert bits.contains(everything).tolist() == [n in held for n in range(size)]
        assert bits.rank(everything).tolist() == [sum(m < n for m in held) for n in range(size)]


def test_bit_rank_of_nothing():
    assert BitRank(0, []).count == 0
    assert BitRank(70, []).rank(np.array([0, 69])).tolist() == [0, 0]


def test_bit_rank_takes_batches_larger_than_its_own():
    members = np.arange(0, 3_000_000, 3)
    bits = BitRank(3_000_000, [members[::-1]])
    assert bits.count == 1_000_000
    assert bits.rank(np.array([2_999_999, 0, 3, 1500])).tolist() == [1_000_000, 0, 1, 500]


def check_against_dictionary(keys, dims, index):
    """Compare every cell with a dictionary from coordinates to trace number."""
    by_cell = {tuple(row): number for number, row in enumerate(keys)}
    shape = tuple(dim.size for dim in dims)
    assert index.shape == shape
    assert index.count == len(keys)
    expected = np.full(shape, -1, np.int64)
    for cell in np.ndindex(*shape):
        coords = tuple(dim.coords[i].item() for dim, i in zip(dims, cell, strict=True))
        expected[cell] = by_cell.get(coords, -1)
    whole = Region.whole(shape)
    assert np.array_equal(index.traces(whole), expected)
    assert np.array_equal(index.live(whole), expected >= 0)
    assert index.traces(whole).dtype == np.int64
    for axis, length in enumerate(shape):  # parts are slices of the whole
        pairs = [(0, n) for n in shape]
        pairs[axis] = (length // 2, length)
        region = Region(pairs)
        assert np.array_equal(index.traces(region), expected[region.slices])
        assert np.array_equal(index.live(region), expected[region.slices] >= 0)
    empty = Region((0, 0) for _ in shape)
    assert index.traces(empty).shape == index.live(empty).shape == (0,) * len(shape)
    order = index.order
    if order.kind == "grid":
        live = expected[expected >= 0]
        assert live.tolist() == list(range(len(keys)))
    elif order.kind == "affine":
        assert np.array_equal(cells_of(whole, shape, order.strides) + order.base, expected)


def table(keys, kinds=None):
    columns = np.array(keys).T
    kinds = kinds or ["i4"] * len(columns)
    return HeaderTable({f"k{axis}": column.astype(kinds[axis]) for axis, column in enumerate(columns)})


@st.composite
def surveys(draw):
    ndim = draw(st.integers(1, 4))
    axes = [
        draw(st.lists(st.integers(-500, 500), min_size=1, max_size=5, unique=True).map(sorted)) for _ in range(ndim)
    ]
    cells = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)
    how = draw(st.sampled_from(["sorted", "transposed", "reversed", "flipped axis", "shuffled"]))
    grid = cells.reshape(*(len(axis) for axis in axes), ndim)
    if how == "transposed":
        grid = grid.transpose(*draw(st.permutations(range(ndim))), ndim)
    if how == "flipped axis":
        grid = np.flip(grid, draw(st.integers(0, ndim - 1)))
    keys = grid.reshape(-1, ndim)
    if how == "reversed":
        keys = keys[::-1]
    if how == "shuffled":
        keys = keys[draw(st.permutations(range(len(keys))))]
    if draw(st.booleans()):
        kept = draw(st.sets(st.integers(0, len(keys) - 1), min_size=1))
        keys = keys[sorted(kept)]
    return [tuple(int(value) for value in row) for row in keys]


@settings(max_examples=150, deadline=None)
@given(surveys())
def test_any_survey_equals_a_dictionary(keys):
    import os

    os.environ["MDIO_IGNORE_CHECKS"] = "1"
    try:
        dims, index, _ = build_grid(table(keys))
    finally:
        del os.environ["MDIO_IGNORE_CHECKS"]
    for axis, dim in enumerate(dims):
        assert dim.coords.tolist() == sorted({row[axis] for row in keys})
    check_against_dictionary(keys, dims, index)


def keys_of(shape):
    return [tuple(int(i) for i in cell) for cell in np.ndindex(*shape)]


@pytest.mark.parametrize(
    ("keys", "kind", "order"),
    [
        (keys_of((4, 5)), AffineIndex, "grid"),
        ([(a, b) for b in range(5) for a in range(4)], AffineIndex, "affine"),
        (keys_of((4, 5))[::-1], AffineIndex, "affine"),
        (keys_of((4, 5, 3, 2)), AffineIndex, "grid"),
        ([row for row in keys_of((4, 5)) if row not in ((0, 1), (3, 4))], RankIndex, "grid"),
        (keys_of((4, 5))[1::2] + keys_of((4, 5))[::2], MapIndex, "mapped"),
        ([(i * 7 % 30, i * 11 % 30) for i in range(30)], SparseIndex, "mapped"),
        ([(5, 5)], AffineIndex, "grid"),
        ([(5, 1), (5, 2), (5, 9)], AffineIndex, "grid"),
        ([(1, 5), (2, 5), (9, 5)], AffineIndex, "grid"),
        ([(9, 5), (2, 5), (1, 5)], AffineIndex, "affine"),
    ],
)
def test_the_smallest_structure_that_does(keys, kind, order, monkeypatch):
    monkeypatch.setenv("MDIO_IGNORE_CHECKS", "1")
    dims, index, _ = build_grid(table(keys))
    assert type(index) is kind
    assert index.order.kind == order
    check_against_dictionary(keys, dims, index)


def test_a_regular_file_needs_no_memory_for_its_index():
    inline = np.repeat(np.arange(1000, dtype=np.int32), 800)
    crossline = np.tile(np.arange(800, dtype=np.int32), 1000)
    _, index, _ = build_grid(HeaderTable({"inline": inline, "crossline": crossline}))
    assert type(index) is AffineIndex
    assert index.traces(Region([(999, 1000), (799, 800)])).tolist() == [[799_999]]


@pytest.mark.parametrize("values", [[1.5, 2.5, 3.25], [np.nan, 1.0, 2.0], [1.0, np.nan, 2.0]])
def test_keys_of_floats(values):
    _, index, _ = build_grid(HeaderTable({"x": np.array(values, np.float32)}))
    assert index.count == 3
    assert index.live(Region([(0, 3)])).all()


def test_no_traces():
    dims, index, warning = build_grid(
        HeaderTable({"inline": np.zeros(0, np.int32), "crossline": np.zeros(0, np.int32)})
    )
    assert [dim.size for dim in dims] == [0, 0]
    assert index.count == 0
    assert index.traces(Region([(0, 0), (0, 0)])).shape == (0, 0)
    assert warning == ""
