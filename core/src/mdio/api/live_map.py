"""Where the traces of a volume are, seen cheaply: a small map for people, and some live cells to look at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mdio.core.region import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Volume

__all__ = ["live_ends", "live_share", "pieces_of"]

_MAPPED = 1 << 24
"""Cells of the largest grid that a map is made of."""
_PIECE = 1 << 20
_PIECES = 64
"""Cells looked at together, and how often, until a live one is found."""


def live_share(volume: Volume, rows: int = 200, columns: int = 200) -> NDArray[np.float64] | None:
    """Return which share of the cells behind each pixel of a map is live.

    Parameters
    ----------
    volume
        Its live mask is read.
    rows, columns
        Pixels at most.

    Returns
    -------
    ndarray or None
        float64 (first dimension, second dimension), 0 to 1; all further spatial dimensions count together, a line
        makes a map of one row. None for grids without cells, or so large that the mask is no longer cheap.
    """
    spatial = volume.schema.region.spatial
    if not 0 < spatial.size <= _MAPPED:
        return None
    mask = volume.live(spatial)
    flat = mask.reshape(1, -1) if mask.ndim < 2 else mask.reshape(*mask.shape[:2], -1).mean(axis=2)
    return _shrunk(_shrunk(flat.astype(np.float64), rows, 0), columns, 1)


def _shrunk(values: NDArray[np.float64], pixels: int, axis: int) -> NDArray[np.float64]:
    """Return means of runs along an axis, as many as pixels, or the values where they are fewer."""
    size = values.shape[axis]
    if size <= pixels:
        return values
    edges = np.arange(pixels + 1) * size // pixels
    shape = [1, 1]
    shape[axis] = pixels
    means: NDArray[np.float64] = np.add.reduceat(values, edges[:-1], axis=axis) / np.diff(edges).reshape(shape)
    return means


def live_ends(volume: Volume) -> list[Region]:
    """Return the first live trace in grid order and one more behind it, a cell each; empty when there is none near.

    Two, because what is 0 at the origin of a survey is not 0 elsewhere.
    """
    shape = volume.schema.shape[:-1]
    for piece in itertools.islice(pieces_of(shape), _PIECES):
        live = np.flatnonzero(volume.live(piece))
        if live.size:
            found = np.unravel_index(live[[0, -1]], piece.shape)
            cells = {tuple(int(axis[end]) for axis in found): None for end in (0, 1)}
            return [
                Region((start + at, start + at + 1) for (start, _), at in zip(piece, cell, strict=True))
                for cell in cells
            ]
    return []


def pieces_of(shape: tuple[int, ...]) -> Iterator[Region]:
    """Yield boxes of at most some cells that cover the grid, in C order."""
    axis, below = 0, math.prod(shape)
    while axis < len(shape) and below > _PIECE * shape[axis]:
        below //= shape[axis]
        axis += 1
    rows = max(1, _PIECE * shape[axis] // below) if axis < len(shape) and below else 1
    chunks = tuple(1 if at < axis else rows if at == axis else max(1, size) for at, size in enumerate(shape))
    for index in Region.whole(shape).chunks(chunks):
        yield Region.of_chunk(index, chunks, shape)
