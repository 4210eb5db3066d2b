"""One axis of a grid: a name and the coordinate of every position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Dimension"]


class Dimension:
    """A named axis.

    Regular axes keep start, step and size only, so that an axis of 200 million traces costs nothing; their
    coordinates are made when asked for.

    Parameters
    ----------
    coords
        One coordinate a position: 1-D, any number type, need not be regular.
    name
        Name of the axis, e.g. ``"inline"``.
    unit
        Unit of the coordinates, e.g. ``"ms"``; empty when unknown.

    Raises
    ------
    ShapeError
        ``coords`` is not one-dimensional.
    """

    __slots__ = ("_coords", "_regular", "name", "unit")

    def __init__(self, coords: Sequence[float] | NDArray[Any], name: str, unit: str = "") -> None:
        values = np.asarray(coords)
        if values.ndim != 1:
            raise ShapeError(f"dimension {name!r}: coordinates must be 1-D, not {values.ndim}-D")
        self.name = name
        self.unit = unit
        self._coords: NDArray[Any] | None = values
        self._regular: tuple[float, float, int] | None = None

    @classmethod
    def regular(cls, name: str, start: float, step: float, size: int, unit: str = "") -> Dimension:
        """Return an axis whose coordinates are ``start + step * position``, kept in three numbers."""
        self = cls.__new__(cls)
        self.name = name
        self.unit = unit
        self._coords = None
        self._regular = (start, step, int(size))
        return self

    @property
    def coords(self) -> NDArray[Any]:
        """Coordinates, one a position; int64 or float64 for regular axes."""
        if self._coords is not None:
            return self._coords
        assert self._regular is not None
        return self.between(0, self._regular[2])

    def between(self, start: int, stop: int) -> NDArray[Any]:
        """Return the coordinates of positions ``start`` to ``stop`` without making the others."""
        if self._coords is not None:
            return self._coords[start:stop]
        assert self._regular is not None
        first, step, _ = self._regular
        return first + step * np.arange(start, stop)

    @property
    def size(self) -> int:
        """Number of positions."""
        if self._coords is not None:
            return int(self._coords.size)
        assert self._regular is not None
        return self._regular[2]

    def crop(self, start: int, stop: int) -> Dimension:
        """Return the part of the axis between two positions."""
        if self._regular is not None:
            first, step, _ = self._regular
            return Dimension.regular(self.name, first + step * start, step, stop - start, self.unit)
        return Dimension(self.between(start, stop), self.name, self.unit)

    def min(self) -> Any:
        """Return the smallest coordinate."""
        return self._ends()[0]

    def max(self) -> Any:
        """Return the largest coordinate."""
        return self._ends()[1]

    def _ends(self) -> tuple[Any, Any]:
        if self._regular is not None and self._regular[2]:
            first, step, size = self._regular
            last = first + step * (size - 1)
            return min(first, last), max(first, last)
        coords = self.coords
        return coords.min(), coords.max()

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, item: Any) -> Any:
        return self.coords[item]

    def __setitem__(self, item: Any, value: Any) -> None:
        if self._coords is None:
            self._coords, self._regular = self.coords, None
        self._coords[item] = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dimension):
            raise TypeError("a Dimension can be compared with a Dimension only")
        if self.name != other.name or self.size != other.size:
            return False
        if self._regular is not None and self._regular == other._regular:
            return True
        return bool(np.array_equal(self.coords, other.coords))

    def __hash__(self) -> int:
        return hash((self.name, self.size))

    def __repr__(self) -> str:
        if not self.size:
            return f"Dimension({self.name!r}, empty)"
        first, last = self.between(0, 1)[0], self.between(self.size - 1, self.size)[0]
        unit = f" {self.unit}" if self.unit else ""
        return f"Dimension({self.name!r}, {self.size}: {first} … {last}{unit})"
