"""Traces at points of the map and along lines across it, the nearest bin each: well ties, arbitrary lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.api.cells import read_cells
from mdio.exceptions import GridError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mdio.api.map_grid import MapGrid
    from mdio.core.dimension import Dimension
    from mdio.core.volume import Volume

__all__ = ["Traverse", "traces_along", "traces_at"]

_STEPS = 1_000_000
"""Points of a line at most."""


@dataclass(frozen=True)
class Traverse:
    """Traces along a line across the map.

    Parameters
    ----------
    values
        (points, … further axes …, samples); 0 where dead.
    live
        bool, the shape of ``values`` without samples.
    x, y
        Map coordinates of the points, on the line.
    distance
        From its beginning, in the unit of x and y.
    lines
        (points, 2): numbers on the first two axes of the bins that were read.
    """

    values: NDArray[Any]
    live: NDArray[np.bool_]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    distance: NDArray[np.float64]
    lines: NDArray[Any]


def traces_at(volume: Volume, grid: MapGrid, x: ArrayLike, y: ArrayLike) -> NDArray[Any]:
    """Return what lies in the bins nearest to points of the map.

    Parameters
    ----------
    volume
        Of any format.
    grid
        Where its first two axes lie.
    x, y
        Numbers, or 1-D arrays of one length.

    Returns
    -------
    ndarray
        (… further axes …, samples), with the points in front when there are several.

    Raises
    ------
    GridError
        A point lies outside the survey.
    """
    east, north = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    if east.ndim > 1:
        raise ShapeError(f"points of shape {east.shape}", hint="give numbers, or 1-D arrays of x and y")
    cells = _cells(volume, grid, east.reshape(-1), north.reshape(-1))
    found = _samples(volume, cells)
    return found if east.ndim else found[0]


def traces_along(
    volume: Volume, grid: MapGrid, points: Sequence[Sequence[float]], spacing: float | None = None
) -> Traverse:
    """Return the traces along straight lines between points of the map.

    Parameters
    ----------
    volume
        Of any format.
    grid
        Where its first two axes lie.
    points
        ``(x, y)`` each, two or more.
    spacing
        Distance between traces; the shorter side of a bin by default.

    Raises
    ------
    GridError
        The line leaves the survey.
    ShapeError
        Fewer than two points, or a spacing that is not positive or far too small.
    """
    corners = np.asarray(points, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 2:
        raise ShapeError("a line needs two points or more", hint="give [(x, y), (x, y), …]")
    if spacing is None:
        dims = volume.schema.dims[:2]
        sides = (np.hypot(*vector) * _step(dim) for vector, dim in zip((grid.first, grid.second), dims, strict=True))
        spacing = float(min(sides))
    behind = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    if not (spacing > 0 and behind[-1] / spacing < _STEPS):
        raise ShapeError(f"a trace every {spacing:g} on a line of {behind[-1]:g}", hint="give a larger spacing")
    distance = np.arange(0, behind[-1] * (1 + 1e-12), spacing)
    x, y = (np.interp(distance, behind, axis) for axis in corners.T)
    cells = _cells(volume, grid, x, y)
    mask = RegionArray(volume.live, volume.schema.shape[:-1], np.dtype(bool), volume.schema.chunks[:-1])
    lines = np.stack([dim.coords[at] for dim, at in zip(volume.schema.dims, cells, strict=False)], axis=1)
    return Traverse(_samples(volume, cells), read_cells(mask, cells), x, y, distance, lines)


def _cells(volume: Volume, grid: MapGrid, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the positions of the nearest bins on the first two axes."""
    cells = []
    for dim, numbers in zip(volume.schema.dims, grid.lines(x, y), strict=False):
        coords = dim.coords.astype(np.float64)
        ascending = np.argsort(coords, kind="stable")
        there = coords[ascending]
        after = np.clip(np.searchsorted(there, numbers), 1, max(1, there.size - 1))
        after, before = np.minimum(after, there.size - 1), after - 1
        at = np.where(np.abs(numbers - there[before]) <= np.abs(there[after] - numbers), before, after)
        off = np.abs(numbers - there[at]) > _step(dim) / 2 * (1 + 1e-6)
        if off.any():
            point = int(np.argmax(off))
            raise GridError(
                f"({x[point]:.10g}, {y[point]:.10g}) lies at {dim.name} {numbers[point]:.6g}, where nothing is",
                hint=f"{dim.name} goes from {there[0]:g} to {there[-1]:g}",
            )
        cells.append(ascending[at].astype(np.int64))
    return cells


def _step(dim: Dimension) -> float:
    """Return the usual distance of neighbouring numbers on an axis."""
    steps = np.abs(np.diff(dim.coords.astype(np.float64)))
    return float(np.median(steps)) if steps.size else 1.0


def _samples(volume: Volume, cells: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
    schema = volume.schema
    return read_cells(RegionArray(volume.samples, schema.shape, schema.dtype, schema.chunks), cells)
