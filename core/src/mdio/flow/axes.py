"""Axes made regular or thinned out, without the coordinates of a long regular axis ever being made at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mdio.core.dimension import Dimension
from mdio.exceptions import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["every", "filled", "is_regular"]

_PIECE = 1 << 20  # coordinates of an axis looked at together


def _pieces(size: int) -> Iterator[tuple[int, int]]:
    """Cut an axis into overlapping pieces: each begins with the last position of the one before."""
    for start in range(0, max(1, size - 1), _PIECE):
        yield start, min(start + _PIECE + 1, size)


def is_regular(dim: Dimension) -> bool:
    """Whether all steps of an axis are the same, and not 0."""
    if dim.size < 2:
        return True
    first, second = dim.between(0, 2).tolist()
    step = second - first
    return step != 0 and all(
        np.allclose(np.diff(dim.between(*piece)), step, rtol=1e-6, atol=0) for piece in _pieces(dim.size)
    )


def filled(dim: Dimension) -> tuple[Dimension, NDArray[np.int64]]:
    """Return the regular axis with all lines of ``dim``, and where they are on it."""
    coords = dim.coords
    gaps = np.diff(coords.astype(np.int64) if coords.dtype.kind in "iu" else coords)
    if not ((gaps > 0).all() or (gaps < 0).all()):
        raise ShapeError(
            f"dimension {dim.name!r}: coordinates must ascend or descend to be made regular",
            hint="index the volume by other header words",
        )
    step = np.gcd.reduce(gaps) if gaps.dtype.kind == "i" else np.abs(gaps).min()
    step = step if gaps[0] > 0 else -step
    ratios = gaps / step
    counts = np.rint(ratios).astype(np.int64)
    if not np.allclose(ratios, counts, rtol=0, atol=1e-3):
        raise ShapeError(f"dimension {dim.name!r}: the distances of its coordinates have no common step")
    lines = np.concatenate([[0], np.cumsum(counts)])
    return Dimension.regular(dim.name, coords[0].item(), step.item(), int(lines[-1]) + 1, dim.unit), lines


def every(dim: Dimension, step: int) -> Dimension:
    """Return every ``step``-th position of an axis."""
    if step == 1:
        return dim
    size = -(-dim.size // step)
    if dim.size > 1 and is_regular(dim):
        first, second = dim.between(0, 2).tolist()
        return Dimension.regular(dim.name, first, (second - first) * step, size, dim.unit)
    return Dimension(dim.coords[::step], dim.name, dim.unit)
