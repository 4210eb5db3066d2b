"""The steps of ``transform:``, written in coordinates, as functions volume → volume."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mdio.exceptions import ConfigError, ShapeError
from mdio.plugins.registry import near

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Volume

__all__ = ["Span", "Step"]

_PIECE: Final = 1 << 20  # coordinates looked at together: an axis may be as long as the survey has traces

SampleType = Literal[
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"
]


class Span(NamedTuple):
    """Coordinates from ``first`` to ``last``, both included, in steps (0: all that are there)."""

    first: float
    last: float
    step: float = 0.0


def _span(value: list[float | None]) -> list[float | None]:
    if len(value) != 2:
        raise ValueError(f"expected two coordinates, first and last, got {len(value)}")
    return value


def _selected(value: Any) -> Any:
    """Return a list of coordinates, or a span for text like ``100:200`` and ``100:200:2``."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value]
    if not isinstance(value, str):
        return value
    try:
        parts = [float(part) for part in value.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(map(math.isfinite, parts)) or (len(parts) == 3 and parts[2] <= 0):
        raise ValueError(f"{value!r} is not of the form first:last or first:last:step")
    return parts if len(parts) == 1 else Span(*parts)


Bounds = Annotated[list[float | None], AfterValidator(_span)]
Coordinates = Annotated[
    Span | list[float], BeforeValidator(_selected, json_schema_input_type=float | str | list[float])
]


class Step(BaseModel):
    """One transform; exactly one key. Called with a volume it returns the transformed one.

    Dimensions are named and places are coordinates (line numbers, milliseconds), never positions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: dict[str, Bounds] | None = Field(
        default=None, description="dimension to [first, last] coordinate, both kept; null for an open end"
    )
    select: dict[str, Coordinates] | None = Field(
        default=None, description="dimension to the coordinates whose traces stay: a list, or text first:last[:step]"
    )
    cast: SampleType | None = Field(default=None, description="sample type to convert to")
    transpose: list[str] | None = Field(default=None, description="dimensions of traces, slowest first")
    regularize: Literal[True] | None = Field(default=None, description="fill missing lines, so that axes have one step")
    decimate: dict[str, Annotated[int, Field(ge=1)]] | None = Field(
        default=None, description="dimension to step: every so-many-th position is kept, from the first on"
    )

    @model_validator(mode="before")
    @classmethod
    def _spelling(cls, value: Any) -> Any:
        """Accept ``- regularize`` and ``- regularize: {}``."""
        if value == "regularize":
            return {"regularize": True}
        if isinstance(value, dict) and "regularize" in value and value["regularize"] in (None, {}):
            return {**value, "regularize": True}
        return value

    @model_validator(mode="after")
    def _one(self) -> Step:
        if len(self._given()) != 1:
            raise ValueError(f"a step is one of {', '.join(type(self).model_fields)}")
        return self

    def _given(self) -> list[str]:
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    def __call__(self, volume: Volume) -> Volume:
        """Return the transformed volume; no samples move.

        Raises
        ------
        ConfigError
            The volume has no such dimension.
        ShapeError
            Nothing would be left, or the coordinates asked for are not there.
        """
        (name,) = self._given()
        return _APPLY[name](volume, getattr(self, name))


def _crop(volume: Volume, spans: Mapping[str, list[float | None]]) -> Volume:
    from mdio.flow.views import Crop

    region = list(volume.schema.region)
    for name, (first, last) in spans.items():
        axis = _axis(volume, name, "crop")
        ends = (-math.inf if first is None else first, math.inf if last is None else last)
        region[axis] = _positions_between(volume.schema.dims[axis], min(ends), max(ends))
    return Crop(volume, region)


def _select(volume: Volume, wanted: Mapping[str, Span | list[float]]) -> Volume:
    from mdio.flow.views import Select

    positions = {}
    for name, coords in wanted.items():
        dim = volume.schema.dims[_axis(volume, name, "select")]
        positions[name] = _positions_in(dim, coords) if isinstance(coords, Span) else _positions_of(dim, coords)
    return Select(volume, positions)  # type: ignore[arg-type]


def _cast(volume: Volume, dtype: str) -> Volume:
    from mdio.flow.views import Cast

    return Cast(volume, dtype)


def _transpose(volume: Volume, names: list[str]) -> Volume:
    from mdio.flow.views import Transpose

    return Transpose(volume, [_axis(volume, name, "transpose") for name in names])


def _regularize(volume: Volume, _: bool) -> Volume:
    from mdio.flow.views import Regularize

    return Regularize(volume)


def _decimate(volume: Volume, steps: Mapping[str, int]) -> Volume:
    from mdio.flow.views import Decimated

    axes = {_axis(volume, name, "decimate"): step for name, step in steps.items()}
    return Decimated(volume, [axes.get(axis, 1) for axis in range(len(volume.schema.dims))])


_APPLY: Final[Mapping[str, Callable[[Volume, Any], Volume]]] = {
    "crop": _crop,
    "select": _select,
    "cast": _cast,
    "transpose": _transpose,
    "regularize": _regularize,
    "decimate": _decimate,
}


def _axis(volume: Volume, name: str, step: str) -> int:
    names = [dim.name for dim in volume.schema.dims]
    if name not in names:
        hint = near(name, names) or f"it has {', '.join(names)}"
        raise ConfigError(f"{step}: the volume has no dimension {name!r}", hint=hint)
    return names.index(name)


def _pieces(dim: Dimension) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, dim.size, _PIECE):
        yield start, dim.between(start, min(start + _PIECE, dim.size))


def _where(dim: Dimension, holds: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return the positions whose coordinate fulfils a condition."""
    import numpy as np

    found = [start + np.flatnonzero(holds(coords)) for start, coords in _pieces(dim)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *found])


def _positions_between(dim: Dimension, low: float, high: float) -> tuple[int, int]:
    """Return first and last position (exclusive) of the coordinates from low to high."""
    import numpy as np

    first, last, count = -1, -1, 0
    for start, coords in _pieces(dim):
        inside = np.flatnonzero((coords >= low) & (coords <= high))
        if inside.size:
            first = first if count else start + int(inside[0])
            last = start + int(inside[-1])
            count += inside.size
    if not count:
        raise ShapeError(f"crop: no {dim.name} from {low:g} to {high:g}", hint=_extent(dim))
    if last - first + 1 != count:
        raise ShapeError(
            f"crop: the coordinates of {dim.name} are in no order, those from {low:g} to {high:g} lie apart",
            hint="select keeps traces by their coordinates in any order",
        )
    return first, last + 1


def _positions_in(dim: Dimension, span: Span) -> NDArray[np.int64]:
    low, high = sorted(span[:2])
    positions = _where(
        dim,
        lambda coords: (
            (coords >= low)
            & (coords <= high)
            & ((coords - span.first) % span.step == 0 if span.step else coords == coords)
        ),
    )
    if not positions.size:
        raise ShapeError(f"select: no {dim.name} from {low:g} to {high:g}", hint=_extent(dim))
    return positions


def _positions_of(dim: Dimension, coords: list[float]) -> NDArray[np.int64]:
    import numpy as np

    positions = _where(dim, lambda there: np.isin(there, coords))
    missing = np.setdiff1d(coords, dim.coords[positions] if positions.size else [])
    if missing.size:
        raise ShapeError(f"select: there is no {dim.name} {missing[0]:g}", hint=_extent(dim))
    return positions


def _extent(dim: Dimension) -> str:
    return f"{dim.name} goes from {dim.min():g} to {dim.max():g}" if dim.size else f"{dim.name} is empty"
