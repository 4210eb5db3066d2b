"""Options of reading and writing SEG-Y, validated at the edges."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticKnownError

__all__ = ["SegyReadOptions", "SegyWriteOptions"]


def _listed(value: Any) -> Any:
    """Accept ``189,193``, one number, and lists; an empty entry or ``None`` is a missing word."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, int):
        value = [value]
    if isinstance(value, list | tuple):
        return [None if item in (None, "", "None", "none", "null") else item for item in value]
    return value


def _location(value: int | str | None) -> int | str | None:
    """Return a byte as a number, checked; a word's name, and a byte with a type, stay text for the file to resolve."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", value):
        value = int(value)
    if isinstance(value, int) and value < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    if isinstance(value, int) and value > 65535:
        raise PydanticKnownError("less_than_equal", {"le": 65535})
    return value


class SegyReadOptions(BaseModel):
    """How to read a SEG-Y file; everything may be left to be found out."""

    model_config = ConfigDict(extra="forbid")

    header_locations: list[Annotated[int | str | None, AfterValidator(_location)]] | None = Field(
        None, description="index words, slowest first: 1-based first bytes, 181:int32, or names"
    )
    header_names: list[str] | None = Field(
        None, description="their names; by default dim_0, dim_1, … of bytes, and names as given"
    )
    header_types: list[str | None] | None = Field(
        None, description="their types; by default int32 of bytes, and a named word's own"
    )
    grid_overrides: dict[str, Any] = Field(default_factory=dict, description="rules that rework the index words")
    endian: Literal["auto", "big", "little"] = Field("auto", description="byte order of the headers")
    data_endian: Literal["auto", "big", "little"] = Field("auto", description="byte order of the samples")
    sample_format: int | None = Field(None, description="sample format code, where the header's is wrong")
    samples: Annotated[int, Field(gt=0)] | None = Field(None, description="samples a trace")
    interval: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="sample interval in microseconds"
    )
    extended_headers: Annotated[int, Field(ge=0)] | None = Field(None, description="extended textual records")
    strict: bool = Field(False, description="refuse files with a defect instead of warning of it")
    files: list[str] = Field(default_factory=list, description="further SEG-Y files; their traces follow")

    @field_validator("header_locations", "header_names", "header_types", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return _listed(value)

    @field_validator("grid_overrides", mode="before")
    @classmethod
    def _overrides(cls, value: Any) -> Any:
        """Accept JSON text, a mapping, and the run file's list of one-key mappings."""
        if isinstance(value, str):
            value = json.loads(value)
        if isinstance(value, list):
            merged: dict[str, Any] = {}
            for item in value:
                if not isinstance(item, str | dict):
                    raise ValueError(f"{item!r} is neither the name of an override nor a mapping")
                merged.update({item: True} if isinstance(item, str) else item)
            return merged
        return value or {}


class SegyWriteOptions(BaseModel):
    """How to write a SEG-Y file; what the source was, unless told otherwise."""

    model_config = ConfigDict(extra="forbid")

    segy_format: str = Field("source", description="sample format: source, ibm32, ieee32, int16, …")
    endian: Literal["source", "big", "little"] = Field("source", description="byte order")
    split: bool = Field(False, description="write a folder of the files that the dataset was made from")
