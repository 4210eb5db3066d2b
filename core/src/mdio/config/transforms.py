"""The steps of ``transform:``, written in coordinates, as functions volume → volume."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mdio.flow.selecting import Span, axis_of, parse_coordinates, positions_between, select

if TYPE_CHECKING:
    from mdio.core.volume import Volume

__all__ = ["Step"]

SampleType = Literal[
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"
]


def _span(value: list[float | None]) -> list[float | None]:
    if len(value) != 2:
        raise ValueError(f"expected two coordinates, first and last, got {len(value)}")
    return value


def _selected(value: Any) -> Any:
    """Return a list of coordinates, or a span for text like ``100:200`` and ``100:200:2``."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value]
    return parse_coordinates(value) if isinstance(value, str) else value


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
        axis = axis_of(volume, name, "crop")
        ends = (-math.inf if first is None else first, math.inf if last is None else last)
        region[axis] = positions_between(volume.schema.dims[axis], min(ends), max(ends))
    return Crop(volume, region)


def _cast(volume: Volume, dtype: str) -> Volume:
    from mdio.flow.views import Cast

    return Cast(volume, dtype)


def _transpose(volume: Volume, names: list[str]) -> Volume:
    from mdio.flow.views import Transpose

    return Transpose(volume, [axis_of(volume, name, "transpose") for name in names])


def _regularize(volume: Volume, _: bool) -> Volume:
    from mdio.flow.views import Regularize

    return Regularize(volume)


def _decimate(volume: Volume, steps: Mapping[str, int]) -> Volume:
    from mdio.flow.views import Decimated

    axes = {axis_of(volume, name, "decimate"): step for name, step in steps.items()}
    return Decimated(volume, [axes.get(axis, 1) for axis in range(len(volume.schema.dims))])


_APPLY: Final[Mapping[str, Callable[[Volume, Any], Volume]]] = {
    "crop": _crop,
    "select": select,
    "cast": _cast,
    "transpose": _transpose,
    "regularize": _regularize,
    "decimate": _decimate,
}
