"""Grids from keys: shapes worked out by hand, and errors that say which trace and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from mdio.core.gridding import build_grid
from mdio.core.table import HeaderTable
from mdio.exceptions import EnvironmentFormatError, GridTraceCountError, GridTraceSparsityError


def table(**columns):
    return HeaderTable({name: np.array(values, np.int32) for name, values in columns.items()})


def test_gaps_are_not_filled():
    dims, index, warning = build_grid(table(inline=[10, 10, 30, 30, 31, 31], crossline=[5, -1, 5, -1, 5, -1]), {})
    assert [(dim.name, dim.coords.tolist()) for dim in dims] == [("inline", [10, 30, 31]), ("crossline", [-1, 5])]
    assert index.count == 6
    assert warning == ""


def test_units_are_given_to_dimensions():
    dims, _, _ = build_grid(table(cdp=[1, 2, 3], offset=[100, 200, 300]), {"offset": "m"})
    assert [dim.unit for dim in dims] == ["", "m"]


def test_two_traces_in_one_cell():
    with pytest.raises(GridTraceCountError) as caught:
        build_grid(table(inline=[1, 1, 2, 2, 1], crossline=[7, 8, 7, 8, 8]))
    message = str(caught.value)
    for part in ("5 traces", "4 cells", "traces 1 and 4", "inline 1", "crossline 8", "HasDuplicates"):
        assert part in message, part
    assert "\n" not in message
    assert caught.value.exit_code == 4


def test_many_traces_in_few_cells():
    with pytest.raises(GridTraceCountError, match="6 traces, but only 2 cells"):
        build_grid(table(inline=[1, 1, 1, 2, 2, 2]))


def sparse(outlier):
    """Return a full 10 x 10 grid and one trace far off."""
    inline, crossline = (axis.ravel() for axis in np.meshgrid(np.arange(10), np.arange(10), indexing="ij"))
    return table(inline=[*inline, outlier], crossline=[*crossline, 50])


def test_a_sparse_grid_warns(monkeypatch):
    # 3 traces in 3 x 3 cells: 3 a trace.
    *_, warning = build_grid(table(a=[1, 2, 3], b=[4, 5, 6]))
    assert "9 cells for 3 traces (3.0 a trace)" in warning
    monkeypatch.setenv("MDIO__GRID__SPARSITY_RATIO_WARN", "3")
    *_, warning = build_grid(table(a=[1, 2, 3], b=[4, 5, 6]))
    assert warning == ""


def test_too_sparse_names_the_trace(monkeypatch):
    monkeypatch.setenv("MDIO__GRID__SPARSITY_RATIO_LIMIT", "1.15")
    monkeypatch.setenv("MDIO__GRID__SPARSITY_RATIO_WARN", "1")
    with pytest.raises(GridTraceSparsityError) as caught:
        build_grid(sparse(9999))
    message = str(caught.value)
    # 11 inlines x 11 crosslines for 101 traces.
    for part in ("inline 11", "crossline 11", "121 cells for 101 traces", "trace 100", "9999", "MDIO_IGNORE_CHECKS"):
        assert part in message, part
    with pytest.raises(GridTraceSparsityError, match="trace 100 with inline -9999"):
        build_grid(sparse(-9999))


@pytest.mark.parametrize("name", ["MDIO_IGNORE_CHECKS", "MDIO__IGNORE_CHECKS"])
@pytest.mark.parametrize(("value", "ignored"), [("1", True), ("True", True), ("0", False), ("", False)])
def test_the_check_can_be_switched_off(monkeypatch, name, value, ignored):
    monkeypatch.setenv(name, value)
    keys = table(a=range(20), b=range(20))
    if not ignored:
        with pytest.raises(GridTraceSparsityError):
            build_grid(keys)
        return
    dims, index, warning = build_grid(keys)
    assert [dim.size for dim in dims] == [20, 20]
    assert index.count == 20
    assert warning


def test_a_sparse_grid_of_floats_with_a_nan():
    column = np.arange(40, dtype=np.float32)
    column[7] = np.nan
    with pytest.raises(GridTraceSparsityError, match="trace"):
        build_grid(HeaderTable({"a": column, "b": np.arange(40, dtype=np.int32)}))


@pytest.mark.parametrize("name", ["MDIO__GRID__SPARSITY_RATIO_WARN", "MDIO__GRID__SPARSITY_RATIO_LIMIT"])
def test_settings_that_are_no_numbers(monkeypatch, name):
    monkeypatch.setenv(name, "ten")
    with pytest.raises(EnvironmentFormatError, match=f"{name}='ten'"):
        build_grid(table(a=[1, 2, 3], b=[4, 5, 6]))


def test_a_huge_sparse_grid_is_refused_before_memory_is_taken():
    keys = np.arange(3_000_00, dtype=np.int32)
    with pytest.raises(GridTraceSparsityError):
        build_grid(HeaderTable({"a": keys, "b": keys[::-1].copy(), "c": keys, "d": keys}))
