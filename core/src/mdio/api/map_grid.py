"""Where the lines of a survey lie on the map: x and y as straight functions of the two line numbers.

Bins of a survey are a lattice (SEG-Y rev 2.0, section 6 and annex D.2, and P6/98 describe them by corners): three
points that are not on one line give all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.trace_coordinates import cdp_coordinates
from mdio.core.region import Region
from mdio.exceptions import GridError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mdio.core.volume import Volume

__all__ = ["MapGrid", "map_grid_of"]

_LINES = 9
"""Lines of a survey that are looked at."""
_TRACES = 1 << 12
"""Traces of a line that are looked at."""
_STRAY = 0.5
"""Bins that a trace may lie off its place."""


@dataclass(frozen=True)
class MapGrid:
    """A lattice: ``(x, y) = origin + first * (number of the first axis) + second * (number of the second axis)``.

    Parameters
    ----------
    origin
        Map coordinates of line numbers (0, 0).
    first, second
        What one more on the first and on the second axis adds to x and y.
    unit
        Of x and y; empty when unknown.
    """

    origin: tuple[float, float]
    first: tuple[float, float]
    second: tuple[float, float]
    unit: str = ""

    @classmethod
    def from_corners(cls, corners: Iterable[Sequence[float]], unit: str = "") -> MapGrid:
        """Return the lattice through points: ``(inline, crossline, x, y)`` each, three or more.

        Raises
        ------
        GridError
            All points are on one line, or more than three do not lie on a lattice.
        """
        points = np.asarray(list(corners), dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 4 or len(points) < 3:
            raise ShapeError("a map grid needs three corners or more", hint="give (inline, crossline, x, y) for each")
        return cls.fitted(points[:, :2], points[:, 2:], unit)

    @classmethod
    def fitted(cls, lines: NDArray[np.float64], places: NDArray[np.float64], unit: str = "") -> MapGrid:
        """Return the lattice nearest to points in the sense of least squares.

        Parameters
        ----------
        lines
            (points, 2) line numbers.
        places
            (points, 2) x and y.
        unit
            Of x and y.

        Raises
        ------
        GridError
            The points do not determine a lattice, or one lies more than half a bin away from its place on it.
        """
        # Differences from the middle: map coordinates are large and bins small.
        middle, centre = lines.mean(axis=0), places.mean(axis=0)
        solution, _, rank, _ = np.linalg.lstsq(lines - middle, places - centre, rcond=1e-9)
        if rank < 2 or abs(np.linalg.det(solution)) == 0:
            raise GridError("the traces lie on one line of the map", hint="give three corners that do not")
        off = places - centre - (lines - middle) @ solution
        bin_size = float(np.linalg.norm(solution, axis=1).min())
        worst = int(np.argmax(np.abs(off).max(axis=1)))
        if np.abs(off[worst]).max() > _STRAY * bin_size:
            raise GridError(
                f"lines {lines[worst][0]:g}, {lines[worst][1]:g} lie {np.linalg.norm(off[worst]):.4g} away from where "
                "the others put them: the survey is no regular grid on the map",
                hint="read by line numbers, or give corners: MapGrid.from_corners",
            )
        origin = centre - middle @ solution
        return cls(_pair(origin), _pair(solution[0]), _pair(solution[1]), unit)

    def xy(self, first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of line numbers; they broadcast."""
        one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        x, y = (self.origin[at] + self.first[at] * one + self.second[at] * two for at in (0, 1))
        return x, y

    def lines(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the line numbers, with fractions, of points on the map; they broadcast."""
        east, north = np.asarray(x, dtype=np.float64) - self.origin[0], np.asarray(y, dtype=np.float64) - self.origin[1]
        det = self.first[0] * self.second[1] - self.first[1] * self.second[0]
        one = (east * self.second[1] - north * self.second[0]) / det
        two = (north * self.first[0] - east * self.first[1]) / det
        return one, two


def map_grid_of(volume: Volume) -> MapGrid:
    """Return where the first two axes of a volume lie on the map, by the CDP coordinates of some of its traces.

    Raises
    ------
    GridError
        Trace headers have no coordinates, or traces do not lie on a lattice.
    ShapeError
        The volume has one spatial axis.
    """
    shape = volume.schema.shape[:-1]
    if len(shape) < 2:
        raise ShapeError("a map grid needs two spatial axes", hint=f"this volume has {volume.schema.names[0]} only")
    words = cdp_coordinates(volume)
    if not words:
        raise GridError(
            "the trace headers have no CDP coordinates", hint="give corners: volume.map_grid = MapGrid.from_corners(…)"
        )
    found: list[NDArray[np.float64]] = []
    for at in np.unique(np.linspace(0, shape[0] - 1, _LINES).round().astype(np.int64)).tolist():
        for start in _starts(shape[1]):
            stop = min(start + _TRACES, shape[1])
            box = Region([(at, at + 1), (start, stop), *((0, 1) for _ in shape[2:])])
            x, y = (words[word](box).reshape(-1) for word in ("cdp_x", "cdp_y"))
            first, second = volume.schema.dims[0].between(at, at + 1), volume.schema.dims[1].between(start, stop)
            live = np.isfinite(x) & np.isfinite(y)
            found.append(np.stack([np.broadcast_to(first, x.shape), second, x, y], axis=1)[live])
    points = np.concatenate(found)
    if len(points) < 3:
        raise GridError("too few live traces to find a map grid", hint="give corners: MapGrid.from_corners(…)")
    return MapGrid.fitted(points[:, :2], points[:, 2:], words["cdp_x"].unit)


def _starts(size: int) -> list[int]:
    return sorted({0, max(0, size // 2 - _TRACES // 2), max(0, size - _TRACES)}) if size > _TRACES else [0]


def _pair(values: NDArray[Any]) -> tuple[float, float]:
    return float(values[0]), float(values[1])
