"""Builds the grid of a survey from its index keys: coordinates, trace index, and errors that name the way out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.index import AffineIndex, MapIndex, RankIndex, SparseIndex, TraceIndex, grid_strides
from mdio.core.rank import BitRank
from mdio.exceptions import EnvironmentFormatError, GridTraceCountError, GridTraceSparsityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdio.core.table import HeaderTable

__all__ = ["build_grid"]

_BATCH = 1 << 22
_DENSE_LIMIT = 4
"""A dense map is kept up to this many cells a trace; above, sorted cells take less."""


def build_grid(
    table: HeaderTable, units: dict[str, str] | None = None
) -> tuple[tuple[Dimension, ...], TraceIndex, str]:
    """Return the spatial dimensions, the trace index, and a warning (or an empty string) about a sparse grid.

    Every dimension is the sorted unique values of its key; gaps are not filled.

    Parameters
    ----------
    table
        One column a dimension, slowest first.
    units
        Dimension name to unit.

    Raises
    ------
    GridTraceCountError
        Two traces fall into one cell.
    GridTraceSparsityError
        More than ``MDIO__GRID__SPARSITY_RATIO_LIMIT`` (10) cells a trace, unless ``MDIO_IGNORE_CHECKS`` is set.
    """
    units = units or {}
    columns = list(table.columns.values())
    affine = _affine(columns)
    if affine is not None:
        coords, index = affine
        return _dimensions(table.names, coords, units), index, ""
    coords = [np.unique(column) for column in columns]
    shape = tuple(len(values) for values in coords)
    warning = _check_density(table, coords, shape)
    cells = _cells(columns, coords, shape)
    _check_unique(table, columns, cells, shape)
    return _dimensions(table.names, coords, units), _index(cells, shape), warning


def _dimensions(names: Sequence[str], coords: Sequence[NDArray[Any]], units: dict[str, str]) -> tuple[Dimension, ...]:
    return tuple(Dimension(values, name, units.get(name, "")) for name, values in zip(names, coords, strict=True))


def _affine(columns: Sequence[NDArray[Any]]) -> tuple[list[NDArray[Any]], AffineIndex] | None:
    """Recognise files in a regular order, whichever key runs fastest and in whichever direction."""
    count = len(columns[0])
    found = []
    for column in columns:
        cycle = _cycle(column)
        if cycle is None:
            return None
        found.append(cycle)
    inner = 1
    for _, repeat, values in sorted(((len(v) > 1, r, v) for r, v in found), key=lambda item: (item[0], item[1])):
        if len(values) == 1:
            continue
        if repeat != inner:
            return None
        inner *= len(values)
    if inner != count:
        return None
    base, strides, coords = 0, [], []
    for repeat, values in found:
        descending = len(values) > 1 and values[0] > values[-1]
        stride = repeat if len(values) > 1 else 0
        base += stride * (len(values) - 1) if descending else 0
        strides.append(-stride if descending else stride)
        coords.append(values[::-1].copy() if descending else values.copy())
    shape = tuple(len(values) for values in coords)
    grid = grid_strides(shape)
    exact = tuple(g if length == 1 else s for g, s, length in zip(grid, strides, shape, strict=True))
    return coords, AffineIndex(shape, base, exact)


def _cycle(column: NDArray[Any]) -> tuple[int, NDArray[Any]] | None:
    """Return ``(repeat, values)`` of a column that repeats each of some monotonic values, over and over; else None."""
    count = len(column)
    repeat = _first(column, lambda part: part != column[0])
    if repeat == count:
        return 1, column[:1]
    if not repeat or count % repeat:  # 0: NaN differs from itself
        return None
    steps = column[::repeat]
    length = 1 + _first(steps[1:], lambda part: part == steps[0])
    values = steps[:length]
    if len(steps) % length:
        return None
    rising = np.diff(values)
    if not (np.all(values[1:] > values[:-1]) or np.all(values[1:] < values[:-1])) or len(rising) != length - 1:
        return None
    whole = repeat * length
    for start in range(0, count, max(whole, _BATCH // whole * whole)):
        part = column[start : start + max(whole, _BATCH // whole * whole)]
        if not np.array_equal(part.reshape(-1, length, repeat), _expected(values, part.size // whole, repeat)):
            return None
    return repeat, values


def _expected(values: NDArray[Any], cycles: int, repeat: int) -> NDArray[Any]:
    return np.broadcast_to(values[None, :, None], (cycles, len(values), repeat))


def _first(array: NDArray[Any], test: Any) -> int:
    """Return the first position where ``test`` holds, or the length; looks at no more than it must."""
    start, width = 0, 1024
    while start < len(array):
        hits = np.flatnonzero(test(array[start : start + width]))
        if hits.size:
            return start + int(hits[0])
        start, width = start + width, min(width * 8, _BATCH)
    return len(array)


def _cells(
    columns: Sequence[NDArray[Any]], coords: Sequence[NDArray[Any]], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    count = len(columns[0])
    cells = np.zeros(count, dtype=np.int64)
    for column, values, stride in zip(columns, coords, grid_strides(shape), strict=True):
        for start in range(0, count, _BATCH):
            part = slice(start, start + _BATCH)
            cells[part] += np.searchsorted(values, column[part]) * stride
    return cells


def _index(cells: NDArray[np.int64], shape: tuple[int, ...]) -> TraceIndex:
    size = int(np.prod(shape, dtype=np.int64))
    if np.all(cells[1:] > cells[:-1]):
        if len(cells) == size:
            return AffineIndex(shape)
        if size <= 64 * len(cells):
            return RankIndex(shape, BitRank(size, [cells]))
    kind = np.uint32 if len(cells) < np.iinfo(np.uint32).max else np.uint64
    if size <= _DENSE_LIMIT * len(cells):
        numbers = np.full(size, np.iinfo(kind).max, dtype=kind)
        numbers[cells] = np.arange(len(cells), dtype=kind)
        return MapIndex(numbers.reshape(shape), len(cells))
    by_cell = np.argsort(cells, kind="stable")
    return SparseIndex(shape, cells[by_cell], by_cell.astype(kind))


def _check_unique(
    table: HeaderTable, columns: Sequence[NDArray[Any]], cells: NDArray[np.int64], shape: tuple[int, ...]
) -> None:
    if np.all(cells[1:] > cells[:-1]):
        return
    by_cell = np.argsort(cells, kind="stable")
    same = np.flatnonzero(cells[by_cell[1:]] == cells[by_cell[:-1]])
    if not same.size:
        return
    first, second = sorted((int(by_cell[same[0]]), int(by_cell[same[0] + 1])))
    cell = ", ".join(f"{name} {column[first]}" for name, column in zip(table.names, columns, strict=True))
    raise GridTraceCountError(
        f"{len(cells)} traces, but only {len(cells) - same.size} cells of the grid {shape} are taken: "
        f"traces {first} and {second} both have {cell}",
        hint="add the key that tells them apart, or use the grid override HasDuplicates "
        "(or NonBinned with a chunksize)",
    )


def _check_density(table: HeaderTable, coords: Sequence[NDArray[Any]], shape: tuple[int, ...]) -> str:
    size = int(np.prod([float(length) for length in shape]))
    ratio = size / max(1, table.count)
    warn = _ratio("MDIO__GRID__SPARSITY_RATIO_WARN", 2.0)
    limit = _ratio("MDIO__GRID__SPARSITY_RATIO_LIMIT", 10.0)
    if ratio <= warn:
        return ""
    grid = " × ".join(f"{name} {length}" for name, length in zip(table.names, shape, strict=True))
    what = f"the grid {grid} has {size} cells for {table.count} traces ({ratio:.1f} a trace)"
    if ratio > limit and not _ignore_checks():
        name, trace = _culprit(table, coords)
        raise GridTraceSparsityError(
            f"{what}; the likely culprit is trace {trace} with {name} {table.columns[name][trace]}",
            hint="check the header locations, or set MDIO_IGNORE_CHECKS=1 to go on",
        )
    return what


def _culprit(table: HeaderTable, coords: Sequence[NDArray[Any]]) -> tuple[str, int]:
    """Return the key and trace whose value stands farthest from the others, measured in typical steps."""
    best: tuple[float, str, int] = (-1.0, table.names[0], 0)
    for name, values in zip(table.names, coords, strict=True):
        if len(values) < 2:
            continue
        steps = np.diff(values.astype(np.float64))
        at = int(np.argmax(steps))
        gap = float(steps[at] / (np.median(steps) or 1.0))
        # The lonely side of the largest gap.
        lonely = values[at + 1] if at + 1 > len(values) // 2 else values[at]
        if gap > best[0]:
            column = table.columns[name]
            best = (gap, name, int(np.argmax(column == lonely if lonely == lonely else np.isnan(column))))
    return best[1], best[2]


def _ratio(name: str, default: float) -> float:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        return float(text)
    except ValueError:
        raise EnvironmentFormatError(f"{name}={text!r} is not a number") from None


def _ignore_checks() -> bool:
    text = os.environ.get("MDIO_IGNORE_CHECKS", os.environ.get("MDIO__IGNORE_CHECKS", ""))
    return text.strip().lower() in ("1", "true", "yes", "on")
