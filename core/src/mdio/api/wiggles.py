"""Traces as lines that swing about their place, the older of the two ways to look at a section."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.api.sections import Axis, Section

__all__ = ["WIGGLE_PIXELS", "draw_wiggles", "extent_of"]

WIGGLE_PIXELS = 8
"""Pixels that a trace needs at least to be told from the next."""
_REACH = 1.5
"""Distances between traces that the largest value that is shown swings."""
_INK, _PAPER = "#1a1a1a", "#ffffff"


def extent_of(axis: Axis) -> tuple[float, float]:
    """Return where the first cell of an axis begins and the last one ends: coordinates where even, else positions."""
    if not axis.even:
        return -0.5, axis.coords.size - 0.5
    first, last = float(axis.coords[0]), float(axis.coords[-1])
    half = (last - first) / (axis.coords.size - 1) / 2 if axis.coords.size > 1 else 0.5
    return first - half, last + half


def draw_wiggles(axes: Any, section: Section, low: float, high: float, *, rows: int) -> None:
    """Draw the traces of a section into matplotlib axes.

    Parameters
    ----------
    axes
        In the coordinates of the section.
    section
        No slice.
    low, high
        Values that swing farthest to the left and to the right; what is beyond is cut off there.
    rows
        Points a line has at least, so that the filled part ends where the line crosses its middle.

    Raises
    ------
    ShapeError
        The section is a slice, which has no traces to draw.
    """
    if section.sliced:
        raise ShapeError("plot: a slice has no traces to draw as wiggles", hint="draw it in colour")
    drawn = np.asarray(section.live.any(axis=0))
    middle, width = _cells(section.across)
    depth, _ = _cells(section.down)
    # Live columns get paper; the ground of dead ones shows through.
    left, right = axes.get_xlim()
    for start, stop in _runs(drawn):
        edges = middle[[start, stop - 1]] + np.array([-0.5, 0.5]) * width
        axes.axvspan(*np.clip(edges, *sorted((left, right))), facecolor=_PAPER, zorder=0.5, linewidth=0)
    half = (high - low) / 2
    swing = np.clip((section.values.T[drawn].astype(np.float64) - (low + half)) / half, -1, 1)
    swing, depth = _denser(np.where(np.isfinite(swing), swing, 0), depth, rows)
    x = middle[drawn, None] + swing * _REACH * width
    filled = middle[drawn, None] + np.maximum(swing, 0) * _REACH * width
    collections = import_module("matplotlib.collections")
    ends = middle[drawn, None]
    outlines = np.stack(
        [np.concatenate([ends, filled, ends], axis=1), np.broadcast_to(_padded(depth), (len(x), depth.size + 2))],
        axis=-1,
    )
    axes.add_collection(collections.PolyCollection(outlines, facecolor=_INK, edgecolor="none", zorder=2), autolim=False)
    lines = np.stack([x, np.broadcast_to(depth, x.shape)], axis=-1)
    axes.add_collection(collections.LineCollection(lines, colors=_INK, linewidths=0.5, zorder=3), autolim=False)


def _cells(axis: Axis) -> tuple[NDArray[np.float64], float]:
    """Return the middle of every cell and their signed width, as :func:`extent_of` lays them out."""
    first, last = extent_of(axis)
    width = (last - first) / axis.coords.size
    middle = np.asarray(first + width * (np.arange(axis.coords.size) + 0.5), dtype=np.float64)
    return middle, width


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return start and stop of each run of true values."""
    steps = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)], axis=1)


def _denser(
    values: NDArray[np.float64], depth: NDArray[np.float64], rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return traces with points on the straight lines between their samples, so many that there are ``rows``."""
    times = -(-rows // max(1, depth.size - 1))
    if depth.size < 2 or times <= 1:
        return values, depth
    at = np.arange((depth.size - 1) * times + 1) / times
    below = np.minimum(at.astype(np.int64), depth.size - 2)
    share = at - below
    between = values[:, below] * (1 - share) + values[:, below + 1] * share
    return between, depth[below] * (1 - share) + depth[below + 1] * share


def _padded(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([depth[:1], depth, depth[-1:]])
