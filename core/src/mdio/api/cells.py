"""Single cells of a grid read together, wherever they lie: traces by number, along a line on the map, at a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.api.arrays import RegionArray

__all__ = ["read_cells", "write_cells"]

_WASTE = 2
"""Cells read for one that is wanted, up to which a box around all of them is read at once."""


def read_cells(array: RegionArray, cells: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
    """Return what lies in some cells, in their order.

    Parameters
    ----------
    array
        Its first axes are those of the grid.
    cells
        Position on each axis of the grid, 1-D, of one length; cells may come twice.

    Returns
    -------
    ndarray
        (cells, *further axes of the array).
    """
    out = np.zeros((cells[0].size, *array.shape[len(cells) :]), dtype=array.dtype).view(array.kind)
    for items, chosen, at in _boxes(cells, _WASTE):
        out[chosen] = array[items][at]
    return out


def write_cells(array: Any, cells: Sequence[NDArray[np.int64]], values: NDArray[Any]) -> None:
    """Store values in some cells; of a cell that comes twice the last value stays.

    Parameters
    ----------
    array
        Takes values by one item an axis of the grid: ``array[items] = …``.
    cells
        As for :func:`read_cells`.
    values
        (cells, *further axes).
    """
    for items, chosen, at in _boxes(cells, 1):
        lengths = [item.size for item in items if not isinstance(item, int)]
        box = np.empty((*lengths, *values.shape[1:]), dtype=values.dtype)
        box[at] = values[chosen]
        array[items] = box


_Box: TypeAlias = "tuple[tuple[Any, ...], Any, Any]"


def _boxes(cells: Sequence[NDArray[np.int64]], waste: float) -> Iterator[_Box]:
    """Yield items to index an array with, which cells they hold, and where in what they select those are.

    One box where not more cells than ``waste`` for each that is wanted lie in it; else a piece of line each, along the
    axis on which there are fewest.
    """
    count, axes = cells[0].size, len(cells)
    if not count:
        return
    lines = [np.unique(axis, return_inverse=True) for axis in cells]
    held = math.prod(there.size for there, _ in lines)
    places = tuple(at for _, at in lines)
    if held <= waste * count and (waste > 1 or _distinct(places) == held):
        yield tuple(there for there, _ in lines), slice(None), places
        return
    keys = [_line_keys(cells, axis) for axis in range(axes)]
    along = min(range(axes), key=lambda axis: np.unique(keys[axis]).size)
    order = np.lexsort((cells[along], keys[along]))
    for chosen in np.split(order, np.flatnonzero(np.diff(keys[along][order])) + 1):
        there, at = np.unique(cells[along][chosen], return_inverse=True)
        first = chosen[0]
        yield tuple(there if axis == along else int(cells[axis][first]) for axis in range(axes)), chosen, at


def _distinct(places: Sequence[NDArray[np.int64]]) -> int:
    return int(np.unique(np.stack(places), axis=1).shape[1])


def _line_keys(cells: Sequence[NDArray[np.int64]], along: int) -> NDArray[np.int64]:
    """Return a number for each cell that is the same for all cells of one line along an axis."""
    key = np.zeros(cells[0].size, dtype=np.int64)
    for axis, positions in enumerate(cells):
        if axis != along:
            key = key * (int(positions.max()) + 1) + positions
    return key
