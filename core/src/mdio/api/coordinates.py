"""Coordinates → positions on the axes of a grid: what ``coord_to_index`` of MDIO v0 promises, for every accessor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import GridError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.grid import Grid

__all__ = ["PositionArray", "coord_to_index", "positions_of"]

_CLOSE = 1e-6
"""Share of a step by which a coordinate of a fractional axis may be off: 0.1 + 0.2 finds 0.3."""


class PositionArray(np.ndarray[Any, Any]):
    """Positions on an axis, int64; one alone converts with ``int()``, which numpy arrays no longer do."""

    def __int__(self) -> int:
        if self.size != 1:
            raise TypeError(f"int() takes one position, there are {self.size}")
        return int(self.item())


def coord_to_index(grid: Grid, queries: Sequence[Any], dimensions: str | Sequence[str] | None = None) -> Any:
    """Return the positions of coordinates, one array a dimension.

    Parameters
    ----------
    grid
        Where to look.
    queries
        A coordinate, or a 1-D sequence of them in any order, for each dimension.
    dimensions
        Name or names of the dimensions; all of the grid by default.

    Returns
    -------
    PositionArray or tuple of PositionArray
        A single array where ``dimensions`` is one name.

    Raises
    ------
    ShapeError
        Not one query a dimension.
    GridError
        A dimension or a coordinate is not there (a ValueError).
    """
    names = (
        grid.dim_names if dimensions is None else (dimensions,) if isinstance(dimensions, str) else tuple(dimensions)
    )
    if len(queries) != len(names):
        raise ShapeError(
            f"{len(queries)} queries for {len(names)} dimensions ({', '.join(names)})",
            hint="give one for each, or name the dimensions you mean",
        )
    found = tuple(positions_of(grid.select_dim(name), query) for name, query in zip(names, queries, strict=True))
    return found[0] if len(found) == 1 else found


def positions_of(dim: Dimension, query: Any) -> PositionArray:
    """Return the positions of one or more coordinates on an axis, 1-D; see :func:`coord_to_index`."""
    wanted = np.atleast_1d(np.asarray(query))
    if not wanted.size:
        return np.empty(0, dtype=np.int64).view(PositionArray)
    if wanted.dtype.kind not in "iuf" or wanted.ndim != 1:
        raise GridError(f"{dim.name}: {query!r} is neither a coordinate nor a 1-D list of coordinates")
    if not dim.size:
        raise GridError(f"{dim.name}: the axis is empty")
    coords = dim.coords
    order = None if np.all(coords[1:] >= coords[:-1]) else np.argsort(coords, kind="stable")
    ascending = coords if order is None else coords[order]
    after = np.clip(np.searchsorted(ascending, wanted), 1, max(coords.size - 1, 1))
    before = after - 1
    after = np.minimum(after, coords.size - 1)
    at = np.where(np.abs(wanted - ascending[before]) <= np.abs(wanted - ascending[after]), before, after)
    missing = ~(np.abs(wanted - ascending[at]) <= _tolerance(ascending))
    if missing.any():
        first = int(np.flatnonzero(missing)[0])
        raise GridError(
            f"{dim.name} has no coordinate {wanted[first]}",
            hint=f"nearest is {ascending[at[first]]}, the axis goes from {ascending[0]} to {ascending[-1]}",
        )
    return (at if order is None else order[at]).astype(np.int64).view(PositionArray)


def _tolerance(ascending: NDArray[Any]) -> float:
    if ascending.dtype.kind != "f" or ascending.size < 2:
        return 0.0
    return _CLOSE * float(np.diff(ascending).min())
