"""Builds the grid of a survey from its index keys: coordinates, trace index, and errors that name the way out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.cells import Shared, TraceCells, index_of
from mdio.core.collect import Collected
from mdio.core.dimension import Dimension
from mdio.core.distinct import DistinctValues
from mdio.core.index import AffineIndex, TraceIndex
from mdio.core.regular import Progression, RegularOrder
from mdio.core.table import BATCH, HeaderTable, KeyStream
from mdio.exceptions import EnvironmentFormatError, GridTraceCountError, GridTraceSparsityError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["build_grid", "dimension_of", "sparsity_limit"]

_LONG = 1 << 16
"""Values from which on a dimension with an even step is kept as start, step and size."""
_SURE = 1 << 20
"""Distinct values at which keys are no longer read when it is certain that the grid is too sparse."""


def build_grid(keys: KeyStream, units: dict[str, str] | None = None) -> tuple[tuple[Dimension, ...], TraceIndex, str]:
    """Return the spatial dimensions, the trace index, and a warning (or an empty string) about a sparse grid.

    Every dimension is the sorted unique values of its key; gaps are not filled. A file in a regular order is read
    once and takes no memory for its traces. Any other is kept in temporary files on the way (see
    :mod:`mdio.core.scratch`), unless its keys are a :class:`HeaderTable`; memory grows with the distinct values of
    keys.

    Parameters
    ----------
    keys
        One key a dimension, slowest first.
    units
        Dimension name to unit.

    Raises
    ------
    GridTraceCountError
        Two traces fall into one cell.
    GridTraceSparsityError
        More than ``MDIO__GRID__SPARSITY_RATIO_LIMIT`` (10) cells a trace, unless ``MDIO_IGNORE_CHECKS`` is set; or
        more cells than 64 bits count.
    StorageError
        No room for temporary files.
    """
    units = units or {}
    if not keys.count:
        coords = [np.zeros(0, kind) for kind in keys.dtypes]
        return _dimensions(keys.names, coords, units), AffineIndex((0,) * len(coords)), ""
    order = RegularOrder(dict(zip(keys.names, keys.dtypes, strict=True)))
    batches = keys.batches()
    rest: list[dict[str, NDArray[Any]]] = []
    for columns in batches:
        if not order.feed(columns):
            rest = [columns]
            break
        if _is_surely_sparse(order.sizes, keys.count):
            raise _surely_sparse(keys, [cycle.values.rising() for cycle in order.cycles.values()])
    else:
        index = order.index()
        if index is not None:
            dims = (dimension_of(name, cycle.values, units.get(name, "")) for name, cycle in order.cycles.items())
            return tuple(dims), index, ""
    kept, coords = _kept(keys, order, _chained(rest, batches))
    shape = tuple(len(values) for values in coords)
    warning = _check_density(kept, coords, shape)
    traces = TraceCells(kept, coords)
    if kept is not keys:
        del kept  # and its temporary files
    found = index_of(traces)
    if isinstance(found, Shared):
        raise _shared_error(keys.names, coords, traces, found)
    return _dimensions(keys.names, coords, units), found, warning


def _chained(rest: list[Any], batches: Iterator[Any]) -> Iterator[Any]:
    yield from rest
    yield from batches


def _kept(
    keys: KeyStream, order: RegularOrder, rest: Iterator[dict[str, NDArray[Any]]]
) -> tuple[KeyStream, list[NDArray[Any]]]:
    """Return keys that can be read again at little cost, and their distinct values.

    What the regular order has taken is not read again: it follows from the order.
    """
    distinct = {name: DistinctValues(kind) for name, kind in zip(keys.names, keys.dtypes, strict=True)}
    kept = None if isinstance(keys, HeaderTable) else Collected(keys.names, keys.dtypes, keys.count)
    for columns in _all(order, rest):
        for name, values in distinct.items():
            values.add(columns[name])
        if kept is not None:
            kept.append(columns)
        if _is_surely_sparse([values.least for values in distinct.values()], keys.count):
            raise _surely_sparse(keys, [values.rising() for values in distinct.values()])
    return keys if kept is None else kept, [values.rising() for values in distinct.values()]


def _all(order: RegularOrder, rest: Iterator[dict[str, NDArray[Any]]]) -> Iterator[dict[str, NDArray[Any]]]:
    for first in range(0, order.count, BATCH):
        yield order.predict(first, min(BATCH, order.count - first))
    yield from rest


def dimension_of(name: str, values: Progression, unit: str = "") -> Dimension:
    """Return the dimension of the values of a regular key."""
    even = values.even
    if even is None or values.size < _LONG:
        return Dimension(values.rising(), name, unit)
    start, step = even
    if values.descending:
        start, step = start + step * (values.size - 1), -step
    return Dimension.regular(name, start, step, values.size, unit)


def _dimensions(names: Sequence[str], coords: Sequence[NDArray[Any]], units: dict[str, str]) -> tuple[Dimension, ...]:
    return tuple(_dimension(name, values, units.get(name, "")) for name, values in zip(names, coords, strict=True))


def _dimension(name: str, values: NDArray[Any], unit: str) -> Dimension:
    if len(values) < _LONG:
        return Dimension(values, name, unit)
    progression = Progression(values.dtype)
    for first in range(0, len(values), BATCH):
        if not progression.extend(values[first : first + BATCH]) or progression.even is None:
            return Dimension(values, name, unit)
    return dimension_of(name, progression, unit)


# -- what is wrong -----------------------------------------------------------------------------------------------


def _shared_error(
    names: Sequence[str], coords: Sequence[NDArray[Any]], traces: TraceCells, shared: Shared
) -> GridTraceCountError:
    place = np.unravel_index(shared.cell, traces.shape)
    cell = ", ".join(f"{name} {values[at]}" for name, values, at in zip(names, coords, place, strict=True))
    grid = " × ".join(map(str, traces.shape))
    taken = traces.count - shared.surplus
    cells = f"one cell of the grid {grid} is" if taken == 1 else f"{taken} cells of the grid {grid} are"
    return GridTraceCountError(
        f"{traces.count} traces, but only {cells} taken: "
        f"traces {shared.traces[0]} and {shared.traces[1]} both have {cell}",
        hint="add the key that tells them apart, or use the grid override HasDuplicates "
        "(or NonBinned with a chunksize)",
    )


def sparsity_limit() -> float:
    """Return the number of cells a trace above which a grid is refused; infinite where the check is switched off."""
    limit = _ratio("MDIO__GRID__SPARSITY_RATIO_LIMIT", 10.0)
    return float("inf") if _ignore_checks() else limit


def _most_cells(count: int) -> float:
    return min(sparsity_limit() * count, 2.0**62)


def _product(lengths: Sequence[int]) -> float:
    return float(np.prod([float(length) for length in lengths]))


def _check_density(keys: KeyStream, coords: Sequence[NDArray[Any]], shape: tuple[int, ...]) -> str:
    size = _product(shape)
    ratio = size / max(1, keys.count)
    warn, limit = _ratio("MDIO__GRID__SPARSITY_RATIO_WARN", 2.0), sparsity_limit()
    if ratio <= warn and ratio <= limit:
        return ""
    grid = " × ".join(f"{name} {length}" for name, length in zip(keys.names, shape, strict=True))
    what = f"the grid {grid} has {size:.0f} cells for {keys.count} traces ({ratio:.1f} a trace)"
    if size > _most_cells(keys.count):
        raise _sparse(what, keys, coords)
    return what


def _is_surely_sparse(least: Sequence[int], count: int) -> bool:
    """Whether so many values are known already that it makes no sense to read on."""
    return max(least) > _SURE and _product(least) > _most_cells(count)


def _surely_sparse(keys: KeyStream, coords: Sequence[NDArray[Any]]) -> GridTraceSparsityError:
    least = [len(values) for values in coords]
    grid = " × ".join(f"{name} {length}" for name, length in zip(keys.names, least, strict=True))
    size = _product(least)
    what = (
        f"the grid has at least {grid} = {size:.0f} cells for {keys.count} traces"
        f" (more than {size / keys.count:.0f} a trace)"
    )
    return _sparse(what, keys, coords)


def _sparse(what: str, keys: KeyStream, coords: Sequence[NDArray[Any]]) -> GridTraceSparsityError:
    name, value = _culprit(keys.names, coords)
    trace = _trace_with(keys, name, value)
    hint = "check the header locations"
    if sparsity_limit() < float("inf"):
        hint += ", or set MDIO_IGNORE_CHECKS=1 to go on"
    return GridTraceSparsityError(f"{what}; the likely culprit is trace {trace} with {name} {value}", hint=hint)


def _culprit(names: Sequence[str], coords: Sequence[NDArray[Any]]) -> tuple[str, Any]:
    """Return the key and the value that stands farthest from the others, measured in typical steps."""
    best: tuple[float, str, Any] = (-1.0, names[0], coords[0][0])
    for name, values in zip(names, coords, strict=True):
        if len(values) < 2:
            continue
        with np.errstate(over="ignore", invalid="ignore"):  # floats from anywhere in the file may be any number
            steps = np.diff(values.astype(np.float64))
            at = int(np.argmax(steps))
            gap = float(steps[at] / (np.median(steps) or 1.0))
        # The lonely side of the largest gap.
        lonely = values[at + 1] if at + 1 > len(values) // 2 else values[at]
        if gap > best[0]:
            best = (gap, name, lonely)
    return best[1], best[2]


def _trace_with(keys: KeyStream, name: str, value: Any) -> int:
    first = 0
    for columns in keys.batches():
        column = columns[name]
        hits = np.flatnonzero(column == value if value == value else np.isnan(column))
        if hits.size:
            return first + int(hits[0])
        first += len(column)
    raise AssertionError("a value that no trace has")


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
