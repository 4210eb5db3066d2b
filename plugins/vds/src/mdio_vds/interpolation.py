"""Interpolation kernels over neighbourhoods that were already gathered (VDS specification section 12.3).

The kernels know nothing of bricks or files: they get, for many positions at once, the voxels around each, and so all
positions of a request run through them together. In float32 the order of every sum and product is the one that gives
the reference implementation's results bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["InterpolationMethod", "Neighbourhood", "interpolate", "tap_offsets"]


class InterpolationMethod(IntEnum):
    """How a value between voxels is made; numbers are those of the API (section 1)."""

    Nearest = 0
    Linear = 1
    Cubic = 2
    Angular = 3
    Triangular = 4


_NEAREST, _CELL, _CUBE = (0,), (0, 1), (-1, 0, 1, 2)
_OFFSETS = {
    InterpolationMethod.Nearest: (_NEAREST, _NEAREST, _NEAREST),
    InterpolationMethod.Linear: (_CELL, _CELL, _CELL),
    InterpolationMethod.Cubic: (_CUBE, _CUBE, _CUBE),
    InterpolationMethod.Angular: (_CELL, _CELL, _CELL),
    InterpolationMethod.Triangular: (_CELL, _CELL, _NEAREST),
}


def tap_offsets(method: InterpolationMethod) -> tuple[tuple[int, ...], ...]:
    """Return, for x, y and z, which voxels a kernel reads.

    Offsets count from the voxel whose centre is the last one at or before the position. A single offset 0 stands for
    the voxel that the position lies in.
    """
    return _OFFSETS[method]


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What a kernel needs of n positions.

    Parameters
    ----------
    values
        Float32 or float64 voxels, shape ``(z taps, y taps, x taps, n)``, taps as :func:`tap_offsets` lists them; a
        dimension that the volume lacks has one tap.
    nearest
        The voxel that the position lies in, shape (n,).
    fractions
        Distance from the centre at or before the position, in voxels: three arrays of shape (n,), x first.
    valid, nearest_valid
        Which voxels have a value; None when all have.
    """

    values: NDArray[Any]
    nearest: NDArray[Any]
    fractions: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
    valid: NDArray[np.bool_] | None = None
    nearest_valid: NDArray[np.bool_] | None = None


def interpolate(
    method: InterpolationMethod, cells: Neighbourhood, replacement: float, value_range: tuple[float, float]
) -> NDArray[Any]:
    """Return the value at each position.

    Parameters
    ----------
    method
        The kernel; ``cells`` has its taps.
    cells
        Voxels around the positions.
    replacement
        What stands where there is no value.
    value_range
        Smallest and largest value of the channel, which Angular takes for one turn.

    Returns
    -------
    ndarray
        Shape (n,), type of ``cells.values``.
    """
    if method is InterpolationMethod.Triangular:
        return _triangular(cells, replacement)
    if method is InterpolationMethod.Nearest:
        values = cells.nearest.copy()
    elif method is InterpolationMethod.Linear:
        values = _weighted(cells, _linear_weights, None)
    elif method is InterpolationMethod.Cubic:
        values = _weighted(cells, _cubic_weights, None)
    else:
        kind = cells.values.dtype.type
        low, high = np.float32(value_range[0]), np.float32(value_range[1])
        turn = kind(high - low)
        values = _weighted(cells, _linear_weights, turn)
        if turn:
            values -= turn * np.floor((values - kind(low)) / turn)
    if cells.nearest_valid is not None:
        values[~cells.nearest_valid] = replacement
    return values


def _weighted(cells: Neighbourhood, weights: Any, turn: Any) -> NDArray[Any]:
    """Sum the weighted differences from the nearest voxel, x fastest, and add that voxel.

    Weights are float32 whatever the values are. Taps without value are left out and the sum is divided by the weights
    that are left. Where that sum is 0 the nearest voxel has no value either, so what the division gives is not used.
    """
    values, nearest, valid = cells.values, cells.nearest, cells.valid
    kind = values.dtype.type
    wz, wy, wx = (
        weights(fraction) if taps > 1 else (np.ones_like(fraction),)
        for fraction, taps in zip(reversed(cells.fractions), values.shape, strict=False)
    )
    total = np.zeros(nearest.shape, values.dtype)
    shares = np.zeros(nearest.shape, np.float32)
    counted = None if valid is None else _counted(valid)
    for k, j in product(range(len(wz)), range(len(wy))):
        for i in range(len(wx)):
            weight = wx[i] * wy[j]
            weight *= wz[k]
            value = values[k, j, i]
            if turn:
                # The turn of the circle that is closest to the nearest voxel.
                value = value - turn * np.floor((value - nearest) / turn + kind(0.5))
            term = value - nearest
            term *= weight
            if counted is not None:
                term[~counted[k, j, i]] = 0
                weight[~counted[k, j, i]] = 0
                shares += weight
            total += term
    if counted is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            total /= shares
    total += nearest
    return total


def _linear_weights(f: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    return f.dtype.type(1) - f, f


def _cubic_weights(f: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Catmull-Rom weights of the taps -1, 0, 1 and 2."""
    kind = f.dtype.type
    square = f * f
    cube = square * f
    return (
        kind(-0.5) * cube + square - kind(0.5) * f,
        kind(1.5) * cube - kind(2.5) * square + kind(1),
        kind(-1.5) * cube + kind(2) * square + kind(0.5) * f,
        kind(0.5) * cube - kind(0.5) * square,
    )


def _counted(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which taps count: of four in a row, an outer one counts only with the inner one before it."""
    inner = [np.repeat([1, 2], 2) if length == len(_CUBE) else np.arange(length) for length in valid.shape[:3]]
    counted: NDArray[np.bool_] = valid & valid[np.ix_(*inner)]
    return counted


def _triangular(cells: Neighbourhood, replacement: float) -> NDArray[Any]:
    """Interpolate in the triangles that a diagonal cuts a cell of x and y into.

    The diagonal joins the second corner along x with the second along y. Where a voxel has no value, the other
    diagonal serves, or the edge that the position lies on.
    """
    values = cells.values[0]
    one = values.dtype.type(1)
    u, v = (fraction.astype(values.dtype) for fraction in cells.fractions[:2])
    a, b, c, d = values[0, 0], values[0, 1], values[1, 0], values[1, 1]
    below = u <= one - v
    lower = a + u * (b - a) + v * (c - a)
    upper = d + (one - u) * (c - d) + (one - v) * (b - d)
    if cells.valid is None:
        return np.asarray(np.where(below, lower, upper))
    has = cells.valid[0]
    has_a, has_b, has_c, has_d = has[0, 0], has[0, 1], has[1, 0], has[1, 1]
    choices = (
        (below & has_a & has_b & has_c, lower),
        ((u >= one - v) & has_b & has_c & has_d, upper),
        ((u <= v) & has_a & has_c & has_d, c + u * (d - c) + (one - v) * (a - c)),
        ((u >= v) & has_a & has_b & has_d, b + (one - u) * (a - b) + v * (d - b)),
        ((v == 0) & has_a & has_b, a + u * (b - a)),
        ((u == 0) & has_a & has_c, a + v * (c - a)),
    )
    conditions, results = [where for where, _ in choices], [value for _, value in choices]
    chosen: NDArray[Any] = np.select(conditions, results, values.dtype.type(replacement))
    return chosen
