"""How far a lossy copy is from the original: the four measures of the MDIO documentation ("Compression (Lossy)").

They equal those of scikit-image with its default settings on float64 images (structural similarity: Wang, Bovik, Sheikh
and Simoncelli 2004, uniform window, sample covariance), but read row by row: any array with ``shape`` that can be
sliced along its first axis will do, and memory stays at a small multiple of the rows of a window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mdio.exceptions import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["mse", "nrmse", "psnr", "ssim"]

_BATCH = 1 << 18
"""Samples worked on at once, where a row is not longer."""

# Stabilising constants of the structural similarity (Wang et al. 2004, section III B).
_K1, _K2 = 0.01, 0.03

Wide: TypeAlias = "NDArray[np.float64]"


def mse(true: Any, test: Any) -> float:
    """Return the mean squared error, accumulated in float64.

    Raises
    ------
    ShapeError
        The shapes differ, or there is nothing to compare.
    """
    _checked(true, test)
    sums = []
    for a, b in _rows(true, test):
        a -= b
        sums.append(_squares(a))
    return math.fsum(sums) / int(math.prod(true.shape))


def nrmse(true: Any, test: Any) -> float:
    """Return the root of the mean squared error, over the root mean square of ``true`` (Euclidean normalisation).

    0 for equal arrays; infinite where only ``true`` is all zero.
    """
    _checked(true, test)
    errors, squares = [], []
    for a, b in _rows(true, test):
        squares.append(_squares(a))
        a -= b
        errors.append(_squares(a))
    error, square = math.fsum(errors), math.fsum(squares)
    if error == 0:
        return 0.0
    return math.sqrt(error / square) if square else math.inf


def psnr(true: Any, test: Any, data_range: float | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB; infinite for equal arrays.

    Parameters
    ----------
    true, test
        Original and copy, of one shape.
    data_range
        Largest minus smallest value that samples can have; that of ``true`` by default. (scikit-image takes that of
        the *type* by default, which says nothing for floats.) For a part of a volume give that of the volume.
    """
    error = mse(true, test)
    span = _range(true) if data_range is None else float(data_range)
    if error == 0:
        return math.inf
    return 10 * math.log10(span * span / error) if span else -math.inf


def ssim(true: Any, test: Any, data_range: float | None = None, window: int = 7) -> float:
    """Return the mean structural similarity; 1 for equal arrays.

    Parameters
    ----------
    true, test
        Original and copy, of one shape, two dimensions or more.
    data_range
        As for :func:`psnr`.
    window
        Length of the window in samples along each axis; odd. Windows that pass an edge are left out.

    Raises
    ------
    ShapeError
        The shapes differ, or an axis is shorter than the window.
    ValueError
        The window is not odd.
    """
    _checked(true, test)
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window is {window}; it must be odd and at least 3")
    if len(true.shape) < 2 or min(true.shape) < window:
        raise ShapeError(
            f"shape {tuple(true.shape)} is too small for windows of {window} samples along two axes or more",
            hint="choose a shorter window",
        )
    span = _range(true) if data_range is None else float(data_range)
    sums, count = [], 0
    for a, b in _rows(true, test, overlap=window - 1):
        similar = _similarity(a, b, span, window)
        sums.append(float(similar.sum()))
        count += similar.size
    return math.fsum(sums) / count


def _similarity(a: Wide, b: Wide, span: float, window: int) -> Wide:
    """Return the similarity of each window of a few rows."""
    size = window**a.ndim
    unbiased = size / (size - 1)
    mean_a, mean_b = _mean(a, window), _mean(b, window)
    var_a = unbiased * (_mean(a * a, window) - mean_a * mean_a)
    var_b = unbiased * (_mean(b * b, window) - mean_b * mean_b)
    both = unbiased * (_mean(a * b, window) - mean_a * mean_b)
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    below = (mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2)
    # Both are 0 for constant arrays of zeros with no range: nothing tells them apart.
    similar: Wide = np.divide(above, below, out=np.ones_like(above), where=below != 0)
    return similar


def _mean(values: Wide, window: int) -> Wide:
    """Return the mean of each window that lies inside, axis by axis."""
    for axis in range(values.ndim):
        length = values.shape[axis] - window + 1
        index: list[slice] = [slice(None)] * values.ndim
        index[axis] = slice(0, length)
        total = values[tuple(index)].copy()
        for shift in range(1, window):
            index[axis] = slice(shift, shift + length)
            total += values[tuple(index)]
        total /= window
        values = total
    return values


def _rows(true: Any, test: Any, overlap: int = 0) -> Iterator[tuple[Wide, Wide]]:
    """Yield copies of a few rows of both in float64; with an overlap, each window of rows is in one of them."""
    rows = true.shape[0]
    step = max(overlap + 1, _BATCH // max(1, math.prod(true.shape[1:])))
    for start in range(0, rows - overlap, step):
        part = slice(start, min(rows, start + step + overlap))
        yield np.array(true[part], dtype=np.float64), np.array(test[part], dtype=np.float64)


def _squares(values: Wide) -> float:
    flat = values.reshape(-1)
    return float(np.einsum("i,i->", flat, flat))


def _range(true: Any) -> float:
    """Return the largest minus the smallest value, rows at a time."""
    lows, highs = [], []
    step = max(1, _BATCH // max(1, math.prod(true.shape[1:])))
    for start in range(0, true.shape[0], step):
        part = np.asarray(true[start : start + step])
        lows.append(float(part.min()))
        highs.append(float(part.max()))
    return max(highs) - min(lows)


def _checked(true: Any, test: Any) -> None:
    if tuple(true.shape) != tuple(test.shape):
        raise ShapeError(f"shapes {tuple(true.shape)} and {tuple(test.shape)} differ")
    if not true.shape or not math.prod(true.shape):
        raise ShapeError(f"an array of shape {tuple(true.shape)} has nothing to compare")
