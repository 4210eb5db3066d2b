"""Two axes of a volume at fixed coordinates of the others, thinned to what a picture can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.api.coordinates import positions_of
from mdio.exceptions import ShapeError
from mdio.flow.selecting import axis_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Volume

__all__ = ["Axis", "Section", "difference_of", "read_section", "section_at", "shown_name"]

_BATCH = 1 << 22
"""Samples read together before they are thinned."""
_QUANTITIES = {"s": "time", "ms": "time", "us": "time", "m": "depth", "km": "depth", "ft": "depth"}
"""What sample axes of a unit measure."""


@dataclass(frozen=True)
class Axis:
    """An axis of a section.

    Parameters
    ----------
    name, unit
        Of the dimension.
    coords
        Coordinate of every row or column that is shown.
    step
        Positions from one to the next; more than 1 where the section is thinned.
    """

    name: str
    unit: str
    coords: NDArray[Any]
    step: int

    @property
    def even(self) -> bool:
        """Whether the coordinates rise or fall by one amount."""
        steps = np.diff(self.coords.astype(np.float64))
        return bool(steps.size == 0 or (steps[0] != 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0)))

    @property
    def label(self) -> str:
        """Name, unit and thinning for people."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{shown_name(self.name, self.unit)}{unit}" + (f", one in {self.step}" if self.step > 1 else "")


@dataclass(frozen=True)
class Section:
    """Samples over two axes.

    Parameters
    ----------
    values
        (down, across), the type of the samples; 0 where dead.
    live
        bool, same shape.
    down, across
        The axes. ``down`` is the sample axis but in a slice.
    fixed
        Name, coordinate and unit of every other dimension.
    sliced
        Whether the sample is among them, so that this is a map and no section.
    """

    values: NDArray[Any]
    live: NDArray[np.bool_]
    down: Axis
    across: Axis
    fixed: tuple[tuple[str, Any, str], ...]
    sliced: bool = False

    @property
    def title(self) -> str:
        """The fixed coordinates for people, e.g. ``inline 278``."""
        return ", ".join(
            f"{shown_name(name, unit)} {coord:.10g}{f' {unit}' if unit else ''}" for name, coord, unit in self.fixed
        )


def shown_name(name: str, unit: str) -> str:
    """Return the name of a dimension for people: what is called ``sample`` is time or depth where its unit says so."""
    return _QUANTITIES.get(unit, name) if name == "sample" else name


def read_section(
    volume: Volume, at: Mapping[str, float] | None = None, *, columns: int = 4096, rows: int = 4096
) -> Section:
    """Read a section or slice.

    Shown are the sample axis and the longest spatial axis that is not fixed, or, where the sample is fixed, the two
    longest spatial axes. Dimensions that are neither shown nor in ``at`` are fixed at their middle; when ``at`` is
    empty and there are three dimensions or more, the first one is among them.

    Parameters
    ----------
    volume
        Of any format.
    at
        Coordinate by dimension.
    columns, rows
        Traces and samples at most; longer axes are thinned to every second, third, … position.

    Raises
    ------
    ConfigError
        The volume has no such dimension.
    GridError
        A dimension has no such coordinate; the hint names the nearest one.
    ShapeError
        Fewer than two axes are left, or one of them is empty.
    """
    dims = volume.schema.dims
    fixed = {axis_of(volume, name, "plot"): (name, coord) for name, coord in (at or {}).items()}
    positions = {axis: int(positions_of(dims[axis], _plain(coord))) for axis, (_, coord) in fixed.items()}
    if not positions and len(dims) > 2:
        positions[0] = dims[0].size // 2
    slow, fast = _shown(volume.schema.shape, positions)
    for axis in range(len(dims)):
        if axis not in {slow, fast} and axis not in positions:
            positions[axis] = dims[axis].size // 2
    return section_at(volume, positions, columns=columns, rows=rows)


def section_at(volume: Volume, positions: Mapping[int, int], *, columns: int = 4096, rows: int = 4096) -> Section:
    """Read the two axes that are left when all others are fixed at positions of the grid.

    Parameters
    ----------
    volume
        Of any format.
    positions
        Position, 0-based, by axis; two axes are not in it.
    columns, rows
        As in :func:`read_section`.

    Raises
    ------
    ShapeError
        Not two axes are left, a position lies outside, or the volume is empty.
    """
    dims = volume.schema.dims
    left = [axis for axis in range(len(dims)) if axis not in positions]
    if len(left) != 2:
        raise ShapeError(f"plot: {len(left)} axes are left to show, not two")
    for axis, at in positions.items():
        if not 0 <= at < dims[axis].size:
            raise ShapeError(f"plot: position {at} of {dims[axis].name}, which has {dims[axis].size}")
    if not volume.schema.region.size:
        raise ShapeError(f"plot: a volume of shape {volume.schema.shape} has nothing to show")
    slow, fast = left
    sliced = len(dims) - 1 in positions
    limits = (rows, columns) if sliced else (columns, rows)
    steps = [-(-dims[axis].size // limit) for axis, limit in zip((slow, fast), limits, strict=True)]
    items: list[Any] = [positions.get(axis, slice(None)) for axis in range(len(dims))]
    schema = volume.schema
    samples = RegionArray(volume.samples, schema.shape, schema.dtype, schema.chunks)
    mask = RegionArray(volume.live, schema.shape[:-1], np.dtype(np.bool_), schema.chunks[:-1])
    values = _thinned(samples, items, slow, *steps)
    live = _thinned(mask, items[:-1], slow, *steps)
    slow_axis, fast_axis = (_axis(dims[axis], step) for axis, step in zip((slow, fast), steps, strict=True))
    told = tuple(
        (dims[axis].name, dims[axis].between(at, at + 1)[0], dims[axis].unit) for axis, at in sorted(positions.items())
    )
    if sliced:
        return Section(values, live, slow_axis, fast_axis, told, sliced)
    return Section(values.T, np.broadcast_to(live, values.T.shape), fast_axis, slow_axis, told)


def difference_of(section: Section, other: Section) -> Section:
    """Return what is left when another section is taken away; live is what is live in both.

    Raises
    ------
    ShapeError
        The two do not have the same axes.
    """
    for one, two in ((section.down, other.down), (section.across, other.across)):
        if one.name != two.name or not _equal(one.coords, two.coords):
            raise ShapeError(
                f"difference: the sections have different axes, {_told(one)} and {_told(two)}",
                hint="crop or select both to the same lines and samples",
            )
    kind = np.result_type(section.values.dtype, other.values.dtype, np.float32)
    both = section.live & other.live
    values = np.where(both, section.values.astype(kind) - other.values.astype(kind), 0)
    return replace(section, values=values, live=both)


def _shown(shape: tuple[int, ...], positions: Mapping[int, int]) -> tuple[int, int]:
    """Return the slower and the faster axis to show."""
    last = len(shape) - 1
    spatial = [axis for axis in range(last) if axis not in positions]
    wanted = 2 if last in positions else 1
    if len(spatial) < wanted:
        raise ShapeError("plot: less than two axes are left to show", hint="fix fewer coordinates")
    longest = sorted(spatial, key=lambda axis: -shape[axis])[:wanted]
    slow, fast = sorted([*longest, *([] if last in positions else [last])])
    return slow, fast


def _thinned(array: RegionArray, items: list[Any], slow: int, slow_step: int, fast_step: int) -> NDArray[Any]:
    """Read every ``slow_step``-th position of the slow axis, some at a time; keep every ``fast_step``-th of the fast.

    The fast axis is read whole: single cells of it cost as much as all.
    """
    wanted = np.arange(0, array.shape[slow], slow_step)
    rest = [size for axis, size in enumerate(array.shape) if axis != slow and not isinstance(items[axis], int)]
    batch = max(1, _BATCH // max(1, int(np.prod(rest, dtype=np.int64))))
    parts = []
    for start in range(0, wanted.size, batch):
        part = array[(*items[:slow], wanted[start : start + batch], *items[slow + 1 :])]
        parts.append(part[:, ::fast_step].copy() if part.ndim == 2 else part)
    return np.concatenate(parts)


def _axis(dim: Dimension, step: int) -> Axis:
    if step == 1:
        return Axis(dim.name, dim.unit, dim.coords, 1)
    coords = np.concatenate([dim.between(at, at + 1) for at in range(0, dim.size, step)])
    return Axis(dim.name, dim.unit, coords, step)


def _plain(coord: float) -> float:
    """Return whole numbers as such: messages speak of inline 278, not 278.0."""
    return int(coord) if isinstance(coord, float) and coord.is_integer() else coord


def _equal(one: NDArray[Any], two: NDArray[Any]) -> bool:
    return one.shape == two.shape and bool(np.allclose(one, two, rtol=1e-9, atol=0))


def _told(axis: Axis) -> str:
    return f"{axis.name} {axis.coords[0]:.10g} … {axis.coords[-1]:.10g}"
