"""One axis of a grid: a name and the coordinate of every position."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.serialization import Serializer
from mdio.exceptions import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Dimension", "DimensionSerializer"]


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

    def to_dict(self) -> dict[str, Any]:
        """Return name and coordinates as plain data: ``{"name": …, "coords": […]}``, as stored by MDIO v0."""
        return {"name": self.name, "coords": self.coords.tolist()}

    @classmethod
    def from_dict(cls, other: Mapping[str, Any]) -> Dimension:
        """Return the dimension of :meth:`to_dict`; other keys do not matter.

        Raises
        ------
        MissingKeysError
            ``name`` or ``coords`` is missing.
        ShapeError
            The coordinates are not one-dimensional, or not as many as ``length`` says.
        """
        length = other.get("length")
        axis = cls(**Serializer.validate_payload(other, inspect.signature(cls)))
        if length is not None and length != axis.size:
            raise ShapeError(f"dimension {axis.name!r}: length {length}, but {axis.size} coordinates")
        return axis

    def serialize(self, stream_format: str) -> str:
        """Return the dimension as JSON or YAML text; see :class:`DimensionSerializer`."""
        return DimensionSerializer(stream_format).serialize(self)

    @classmethod
    def deserialize(cls, stream: str, stream_format: str) -> Dimension:
        """Return the dimension that JSON or YAML text holds; see :class:`DimensionSerializer`."""
        return DimensionSerializer(stream_format).deserialize(stream)

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


class DimensionSerializer(Serializer):
    """Turns a dimension into text of the form ``{"name", "length", "coords"}`` and back.

    Parameters
    ----------
    stream_format
        ``"JSON"`` or ``"YAML"``; case does not matter.
    """

    def serialize(self, payload: Dimension) -> str:  # type: ignore[override]  # as documented by MDIO v0
        """Return the text of a dimension."""
        return super().serialize({"name": payload.name, "length": payload.size, "coords": payload.coords.tolist()})

    def deserialize(self, stream: str) -> Dimension:  # type: ignore[override]  # as documented by MDIO v0
        """Return the dimension that a text holds.

        Raises
        ------
        FormatError
            The text is not of the format; a MissingKeysError (KeyError) where keys are missing.
        ShapeError
            The coordinates are not one-dimensional, or not as many as ``length`` says.
        """
        return Dimension.from_dict(super().deserialize(stream))
