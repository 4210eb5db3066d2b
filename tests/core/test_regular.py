"""Grids of key streams: any order against a dictionary, with bounds as shipped and so small that all paths run."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.core import cells, collect, distinct, gridding, regular, scratch
from mdio.core.collect import Collected
from mdio.core.distinct import DistinctValues, positions
from mdio.core.gridding import build_grid
from mdio.core.index import AffineIndex, MapIndex, RankIndex, SparseIndex
from mdio.core.region import Region
from mdio.core.regular import Cycle, Progression, RegularOrder
from mdio.core.table import HeaderTable
from mdio.exceptions import GridTraceCountError, GridTraceSparsityError


class Stream:
    """Key columns that come in batches of some length and can be counted."""

    def __init__(self, columns, batch=7):
        self.columns = columns
        self.names = tuple(columns)
        self.dtypes = tuple(column.dtype for column in columns.values())
        self.count = len(next(iter(columns.values())))
        self.batch = batch
        self.passes = 0

    def batches(self):
        self.passes += 1
        for first in range(0, self.count, self.batch):
            yield {name: column[first : first + self.batch].copy() for name, column in self.columns.items()}


@pytest.fixture(scope="module", params=["shipped", "tiny"], autouse=True)
def bounds(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MDIO_IGNORE_CHECKS", "1")
        if request.param == "tiny":
            patch.setattr(scratch, "_IN_MEMORY", 0)
            patch.setattr(cells, "_BUCKET", 3)
            patch.setattr(cells, "_BINS", 3)
            patch.setattr(distinct, "_FLAGS", 40)
            patch.setattr(distinct, "_PENDING", 2)
            patch.setattr(gridding, "_LONG", 3)
            for module in (cells, collect, distinct, gridding, regular):
                patch.setattr(module, "BATCH", 5)
        yield request.param


def check(columns, dims, index):
    """Compare every cell with a dictionary from coordinates to trace number."""
    rows = list(zip(*(column.tolist() for column in columns.values()), strict=True))
    by_cell = {row: number for number, row in enumerate(rows)}
    shape = tuple(dim.size for dim in dims)
    for axis, dim in enumerate(dims):
        assert dim.coords.tolist() == sorted({row[axis] for row in rows})
    assert index.shape == shape
    assert index.count == len(rows)
    expected = np.full(shape, -1, np.int64)
    axes = [dim.coords.tolist() for dim in dims]
    for cell in np.ndindex(*shape):
        expected[cell] = by_cell.get(tuple(axis[at] for axis, at in zip(axes, cell, strict=True)), -1)
    whole = Region.whole(shape)
    assert np.array_equal(index.traces(whole), expected)
    assert np.array_equal(index.live(whole), expected >= 0)
    if index.order.kind == "grid":
        assert expected[expected >= 0].tolist() == list(range(len(rows)))


KINDS = {"i2": 1, "i4": 1, "i8": 2**40, "u4": 1, "f4": 0.5, "f8": 0.1}


@st.composite
def surveys(draw):
    ndim = draw(st.integers(1, 3))
    columns = []
    for _ in range(ndim):
        kind = draw(st.sampled_from(list(KINDS)))
        lowest = 0 if kind == "u4" else -300
        if draw(st.booleans()):
            start, step, size = draw(st.tuples(st.integers(lowest, 300), st.integers(1, 9), st.integers(1, 6)))
            values = [start + step * at for at in range(size)]
        else:
            values = sorted(draw(st.sets(st.integers(lowest, 300), min_size=1, max_size=6)))
        columns.append((np.array(values) * KINDS[kind]).astype(kind))
    shape = tuple(len(values) for values in columns)
    numbers = np.arange(np.prod(shape)).reshape(shape)
    numbers = numbers.transpose(draw(st.permutations(range(ndim))))  # sorted by any keys, e.g. offsets in six ways
    for axis in range(ndim):
        if draw(st.booleans()):
            numbers = np.flip(numbers, axis)
    if ndim > 1 and draw(st.integers(0, 4)) == 0:
        numbers = numbers.copy()
        numbers[1::2] = numbers[1::2, ::-1]  # zigzag
    order = numbers.ravel()
    if draw(st.integers(0, 4)) == 0:
        order = np.array(draw(st.permutations(order.tolist())))
    if draw(st.integers(0, 2)) == 0:
        order = order[sorted(draw(st.sets(st.integers(0, len(order) - 1), min_size=1)))]
    places = np.unravel_index(order, shape)
    return {f"k{axis}": column[at] for axis, (column, at) in enumerate(zip(columns, places, strict=True))}


@settings(max_examples=250, deadline=None)
@given(surveys(), st.integers(1, 40), st.booleans())
def test_any_order_equals_a_dictionary(columns, batch, whole):
    dims, index, _ = build_grid(HeaderTable(columns) if whole else Stream(columns, batch))
    check(columns, dims, index)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-3, 3)), min_size=2, max_size=60).filter(
        lambda rows: len(set(rows)) < len(rows)
    ),
    st.integers(1, 20),
)
def test_traces_that_share_a_cell_are_named(rows, batch):
    columns = {"inline": np.array([a for a, _ in rows], "i4"), "crossline": np.array([b for _, b in rows], "i4")}
    cell = min(row for row in rows if rows.count(row) > 1)
    first, second = [number for number, row in enumerate(rows) if row == cell][:2]
    with pytest.raises(GridTraceCountError) as caught:
        build_grid(Stream(columns, batch))
    message = str(caught.value)
    taken = len(set(rows))
    assert f"{len(rows)} traces, but only {f'{taken} cells' if taken > 1 else 'one cell'} of the grid" in message
    assert f"traces {first} and {second} both have inline {cell[0]}, crossline {cell[1]}" in message


def lines(ni, nx):
    inline, crossline = np.meshgrid(np.arange(ni), np.arange(nx), indexing="ij")
    return {"inline": inline.ravel().astype("i4"), "crossline": crossline.ravel().astype("i4")}


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (slice(None), AffineIndex),
        (slice(None, None, -1), AffineIndex),
        (slice(0, 199), RankIndex),
        (np.r_[0:100, 101:200], RankIndex),
        (np.r_[0:198, 199, 198], MapIndex),
    ],
)
def test_a_file_is_read_once_whatever_its_order(order, kind):
    stream = Stream({name: column[order] for name, column in lines(10, 20).items()})
    dims, index, _ = build_grid(stream)
    assert type(index) is kind
    assert stream.passes == 1
    check(stream.columns, dims, index)


@pytest.mark.parametrize(("order", "numbers"), [(1, None), (-1, "mapped")])
def test_far_more_cells_than_traces(order, numbers):
    n = np.arange(300, dtype="i4")[::order]
    stream = Stream({"inline": n, "crossline": n})
    dims, index, _ = build_grid(stream)
    assert type(index) is SparseIndex
    assert index.order.kind == (numbers or "grid")
    check(stream.columns, dims, index)


def test_more_cells_than_64_bits_count():
    n = np.arange(20_000, dtype="i8") ** 2
    keys = {f"k{axis}": n for axis in range(5)}
    with pytest.raises(GridTraceSparsityError):
        build_grid(Stream(keys, 1000))


@pytest.mark.parametrize("shuffled", [False, True])
def test_reading_ends_when_the_grid_is_certainly_too_sparse(monkeypatch, shuffled):
    monkeypatch.delenv("MDIO_IGNORE_CHECKS")
    monkeypatch.setattr(gridding, "_SURE", 100)
    n = np.arange(3000, dtype="i4") ** 2
    if shuffled:
        n = np.random.default_rng(1).permutation(n)
    read = []

    class Counted(Stream):
        def batches(self):
            read.append(0)
            for columns in super().batches():
                read[-1] += 50
                yield columns

    with pytest.raises(GridTraceSparsityError, match=r"at least a \d+ × b \d+ = \d+ cells for 3000 traces"):
        build_grid(Counted({"a": n, "b": -n}, 50))
    assert read[0] == 200  # 174 x 174 cells are more than 10 a trace


class TestParts:
    @given(st.lists(st.integers(-4, 4), min_size=1, max_size=60), st.integers(1, 9))
    @settings(deadline=None)
    def test_an_order_gives_back_what_it_has_taken(self, values, batch):
        column = np.array(values, "i4")
        order = RegularOrder({"a": column.dtype})
        for first in range(0, len(column), batch):
            if not order.feed({"a": column[first : first + batch]}):
                break
        for low in range(order.count):
            assert order.predict(low, order.count - low)["a"].tolist() == values[low : order.count]

    @given(
        st.integers(1, 5), st.lists(st.integers(-50, 50), min_size=2, max_size=6, unique=True), st.integers(1, 4),
        st.integers(1, 9), st.booleans(),
    )  # fmt: skip
    @settings(deadline=None)
    def test_a_cycle_is_recognised(self, repeat, values, cycles, batch, falls):
        values = sorted(values, reverse=falls)
        column = np.tile(np.repeat(np.array(values, "i2"), repeat), cycles)
        cycle = Cycle(column.dtype)
        assert all(cycle.feed(column[first : first + batch]) for first in range(0, len(column), batch))
        assert (cycle.repeat, cycle.values.size, cycle.values.descending) == (repeat, len(values), falls)
        assert cycle.values.rising().tolist() == sorted(values)

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("u8", [2**64 - 3, 2**64 - 2, 2**64 - 1]),
            ("u8", [0, 2**63, 2**64 - 1]),
            ("u8", [2**64 - 1]),
            ("i8", [-(2**63), 2**63 - 1]),
            ("i8", [2**63 - 1, 0, -(2**63) + 1, -(2**63)]),
            ("i2", [-32768, 32767]),
            ("u1", [0, 100, 200]),
            ("f4", [0.25, 0.5, 7.0]),
        ],
    )
    def test_progressions_to_the_ends_of_their_types(self, kind, values):
        column = np.array(values, kind)
        for batch in (1, len(values)):
            progression = Progression(column.dtype)
            assert all(progression.extend(column[first : first + batch]) for first in range(0, len(values), batch))
            assert progression.slice(0, progression.size).tolist() == values
            assert progression.rising().tolist() == sorted(values)
        dims, index, _ = build_grid(Stream({"k": column}, 2))
        assert dims[0].coords.tolist() == sorted(values)
        assert type(index) is AffineIndex
        found = DistinctValues(column.dtype)
        for value in (column, column[::-1]):
            found.add(value)
        assert found.rising().tolist() == sorted(values)
        assert positions(found.rising())(column).tolist() == [sorted(values).index(value) for value in values]

    @given(st.lists(st.lists(st.integers(-200, 200) | st.integers(-(2**31), 2**31 - 1)), max_size=8), st.integers(1, 9))
    @settings(deadline=None)
    def test_distinct_values_are_a_set(self, parts, scale):
        found = DistinctValues(np.dtype("i8"))
        for part in parts:
            found.add(np.array(part, "i8") * scale)
            assert found.least <= len(found.rising())
        everything = sorted({value * scale for part in parts for value in part})
        assert found.rising().tolist() == everything
        where = positions(found.rising())(np.array(everything[::-1], "i8"))
        assert where.tolist() == list(range(len(everything)))[::-1]

    def test_nan_counts_once(self):
        found = DistinctValues(np.dtype("f4"))
        for _ in range(3):
            found.add(np.array([np.nan, 1, np.nan], "f4"))
        assert np.array_equal(found.rising(), [1, np.nan], equal_nan=True)

    def test_some_columns_under_other_names(self):
        kept = Collected(["a", "b"], [np.dtype("i4"), np.dtype("f4")], 12)
        for first in range(0, 12, 6):
            numbers = np.arange(first, first + 6)
            kept.append({"a": numbers.astype("i4"), "b": numbers / np.float32(2)})
        table = kept.select({"x": "b"}).table()
        assert table.names == ("x",)
        assert table.dtypes == (np.dtype("f4"),)
        assert table.columns["x"].tolist() == [number / 2 for number in range(12)]


MEASURE = """
import sys
from pathlib import Path
import numpy as np
import mdio.core.gridding as gridding
how, count = sys.argv[1], 8_000_000
class Keys:
    names, dtypes, count = ("inline", "crossline"), (np.dtype("i4"),) * 2, count
    def batches(self):
        for first in range(0, count, 1 << 18):
            n = np.arange(first, min(first + (1 << 18), count))
            if how == "shuffled":
                n = (n * 7368787 + 12345) % count
            if how == "sparse":
                n = (n * 7368787 + 12345) % count * 9
            if how == "late":
                n = np.where(n < count - 2, n, 2 * count - 3 - n)
            if how == "line":
                yield {"inline": np.zeros(len(n), "i4"), "crossline": n.astype("i4")}
                continue
            yield {"inline": (n // 2000).astype("i4"), "crossline": (n % 2000).astype("i4")}
def peak():  # of this process: ru_maxrss may be that of the one which has started it
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
before = peak()
_, index, _ = gridding.build_grid(Keys())
print(type(index).__name__, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("how", "kind", "most"),
    [
        # 8 million traces: two columns alone take 61 MiB, cells as much, a dense map of the sparse grid 275 MiB.
        ("sorted", "AffineIndex", 20),
        ("line", "AffineIndex", 20),
        ("late", "MapIndex", 90),
        ("shuffled", "MapIndex", 90),
        ("sparse", "SparseIndex", 120),
    ],
)
def test_memory_does_not_grow_with_the_traces(bounds, how, kind, most):
    if bounds == "tiny":
        pytest.skip("bounds as shipped")
    done = subprocess.run([sys.executable, "-c", MEASURE, how], capture_output=True, text=True, check=True)
    name, grown = done.stdout.split()
    assert name == kind
    assert float(grown) < most


def test_nothing_stays_open():
    before = len(os.listdir("/proc/self/fd"))
    order = np.random.default_rng(1).permutation(200)
    _, index, _ = build_grid(Stream({name: column[order] for name, column in lines(10, 20).items()}))
    del index
    assert len(os.listdir("/proc/self/fd")) == before
