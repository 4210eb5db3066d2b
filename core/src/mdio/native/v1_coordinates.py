"""Axis and coordinate variables of MDIO v1, as they are stored: plain arrays that xarray turns into labels.

Places are header words times the coordinate scalar of the *first trace of the file*, as multidimio 1.x has it; a
coordinate over fewer dimensions than there are is that of the first *live* trace (multidimio takes the first cell,
which may be dead).
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio.core.region import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Volume
    from mdio.native.templates import Coordinate

__all__ = ["NAN", "CoordinateReader", "axis_type", "coordinate_scalar", "fill_for", "length_unit", "units_of"]

NAN: Final = base64.standard_b64encode(np.array(np.nan, "<f8").tobytes()).decode()
"""The attribute ``_FillValue`` of NaN: xarray holds it as float64 whatever the variable is."""

_CELLS: Final = 1 << 20
"""Traces looked at together."""
_UNITS: Final[Mapping[str, tuple[str, ...]]] = {
    "length": ("mm", "cm", "m", "km", "in", "ft", "yd", "mi"),
    "time": ("ns", "µs", "ms", "s", "min", "h", "d"),
    "angle": ("deg", "rad"),
    "density": ("g/cm**3", "kg/m**3", "lb/gal"),
    "speed": ("m/s", "ft/s"),
    "frequency": ("Hz",),
    "voltage": ("µV", "mV", "V"),
}
"""All units that multidimio 1.x knows, by their kind."""


def units_of(unit: str) -> dict[str, Any]:
    """Return the attribute ``unitsV1`` of a unit; nothing for one that multidimio does not know."""
    unit = {"us": "µs", "degree": "deg", "\u03bcs": "µs"}.get(unit, unit)
    kind = next((kind for kind, units in _UNITS.items() if unit in units), None)
    return {} if kind is None else {"unitsV1": {kind: unit}}


def length_unit(binary: Mapping[str, Any]) -> str:
    """Return the unit of lengths that the binary header states, bytes 3255-3256: ``m``, ``ft`` or nothing."""
    code = binary.get("MeasurementSystem", binary.get("measurement_system_code"))
    return {1: "m", 2: "ft"}.get(code, "") if isinstance(code, int) else ""


def axis_type(dim: Dimension, wanted: str = "int32") -> np.dtype[Any]:
    """Return the type of an axis variable: the wanted one where it holds all coordinates, int64 or float64 else."""
    coords = dim.coords
    whole = coords.dtype.kind in "iu" or (
        bool(np.all(np.abs(coords) <= 2.0**53)) and np.array_equal(coords, np.rint(coords))
    )
    for kind in (np.dtype(wanted), np.dtype("int64")) if whole else (np.dtype(wanted),):
        if kind.kind == "f":
            fits = np.array_equal(coords.astype(kind).astype(np.float64), coords)
        else:
            limits = np.iinfo(kind)
            fits = whole and (not coords.size or bool(coords.min() >= limits.min and coords.max() <= limits.max))
        if fits:
            return kind
    return np.dtype("float64")


def fill_for(dtype: np.dtype[Any]) -> Any:
    """Return the fill value of a coordinate: NaN, or the largest value of the type."""
    return np.nan if dtype.kind == "f" else int(np.iinfo(dtype).max)


def _boxes(shape: Sequence[int], chunks: Sequence[int]) -> Iterator[Region]:
    for index in Region.whole(shape).chunks(chunks):
        yield Region.of_chunk(index, chunks, shape)


def coordinate_scalar(like: Volume, chunks: Sequence[int]) -> float:
    """Return the scalar for coordinates of the first trace of the file, bytes 71-72: factor, 1 where it is 0."""
    schema = like.schema
    if "coordinate_scalar" not in schema.headers.by_name:
        return 1.0
    best, cell = -1, None
    for box in _boxes(schema.shape[:-1], chunks):
        order = like.order(box)
        live = order >= 0
        if live.any():
            flat = int(np.where(live, order, np.iinfo(np.int64).max).argmin())
            position = int(order.reshape(-1)[flat])
            if best < 0 or position < best:
                at = np.unravel_index(flat, box.shape)
                best, cell = position, tuple(int(i) + start for i, start in zip(at, box.start, strict=True))
            if best == 0:
                break
    if cell is None:
        return 1.0
    records = like.headers(Region((i, i + 1) for i in cell))
    scalar = int(schema.headers.values(records, "coordinate_scalar").reshape(-1)[0])
    return float(scalar) if scalar > 0 else -1.0 / scalar if scalar else 1.0


class CoordinateReader:
    """Reads coordinates of a volume out of its trace headers.

    Parameters
    ----------
    like
        The volume.
    dims
        Names of its spatial dimensions as coordinates name them.
    chunks
        Traces that are read together, a length a spatial dimension.
    scalar
        Of :func:`coordinate_scalar`.
    """

    def __init__(self, like: Volume, dims: Sequence[str], chunks: Sequence[int], scalar: float) -> None:
        self._like = like
        self._dims = tuple(dims)
        self._chunks = tuple(chunks)
        self._shape = like.schema.shape[:-1]
        self._scalar = scalar

    def shape(self, coordinate: Coordinate) -> tuple[int, ...]:
        """Return the shape of a coordinate variable."""
        return tuple(self._shape[axis] for axis in self._axes(coordinate))

    def chunks(self, coordinate: Coordinate) -> tuple[int, ...]:
        """Return the boxes in which a coordinate is best read."""
        return tuple(self._chunks[axis] for axis in self._axes(coordinate))

    def _axes(self, coordinate: Coordinate) -> list[int]:
        return [self._dims.index(dim) for dim in coordinate.dims]

    def has(self, coordinate: Coordinate) -> bool:
        """Whether the headers have its word and the volume its dimensions."""
        return coordinate.word in self._like.schema.headers.by_name and {*coordinate.dims} <= {*self._dims}

    def read(self, coordinates: Sequence[Coordinate], box: Region) -> list[NDArray[Any]]:
        """Return a box of coordinates that have the same dimensions; fill where no trace is live.

        Traces behind a cell are read by parts and only until each cell has one.
        """
        axes = self._axes(coordinates[0])
        dropped = [axis for axis in range(len(self._dims)) if axis not in axes]
        found = [np.full(box.shape, fill_for(np.dtype(c.dtype)), dtype=c.dtype) for c in coordinates]
        pending = np.ones(box.shape, dtype=np.bool_)
        for part in _boxes([self._shape[axis] for axis in dropped], [self._chunks[axis] for axis in dropped]):
            if not pending.any():
                break
            pairs = dict(zip(axes, box, strict=True)) | dict(zip(dropped, part, strict=True))
            region = Region(pairs[axis] for axis in range(len(self._dims)))
            live = np.moveaxis(self._like.live(region), axes, range(len(axes))).reshape(*box.shape, -1)
            new = pending & live.any(axis=-1)
            if new.any():
                self._take(coordinates, region, axes, live, new, found)
                pending &= ~new
        return found

    def _take(
        self,
        coordinates: Sequence[Coordinate],
        region: Region,
        axes: list[int],
        live: NDArray[np.bool_],
        new: NDArray[np.bool_],
        found: list[NDArray[Any]],
    ) -> None:
        records = np.moveaxis(self._like.headers(region), axes, range(len(axes))).reshape(live.shape)
        first = live.argmax(axis=-1)
        chosen = np.ascontiguousarray(np.take_along_axis(records, first[..., None], axis=-1)[..., 0][new])
        layout = self._like.schema.headers
        for coordinate, out in zip(coordinates, found, strict=True):
            words = layout.values(chosen, coordinate.word)
            if coordinate.dtype == "float64":
                # Divided, not multiplied by a rounded reciprocal: 4310125 / 10 is 431012.5, and stays it.
                words = words * self._scalar if self._scalar >= 1 else words / round(1 / self._scalar)
            out[new] = words


def grouped(coordinates: Sequence[Coordinate]) -> Iterator[list[Coordinate]]:
    """Yield coordinates of the same dimensions together: their headers are read once."""
    ordered = sorted(coordinates, key=lambda c: c.dims)
    for _, group in itertools.groupby(ordered, key=lambda c: c.dims):
        yield list(group)
