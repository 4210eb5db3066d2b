"""What may be said when a VDS is opened, and when one is written."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

__all__ = ["VdsOptions", "VdsWriteOptions"]

BRICK_SIZES = tuple(2**power for power in range(5, 13))
_WORD = r"^[1-9][0-9]{0,4}:(int16|int32|int64|float32|float64)$"


Compression = Literal[
    "none", "zip", "rle", "wavelet", "waveletlossless", "waveletnormalizeblock", "waveletnormalizeblocklossless"
]
Word = Annotated[str, Field(pattern=_WORD)]


class VdsOptions(BaseModel):
    """Options of the reader ``vds``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str | None = Field(default=None, description="Sample channel to read; the first one when not given.")
    adaptive_tolerance: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="read less of wavelet bricks: as if they had been compressed with this tolerance, that is to within"
        " so many 255ths of the value range",
    )
    adaptive_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="read less of wavelet bricks: as if they had been compressed to this ratio; 5 reads a fifth",
    )

    @model_validator(mode="after")
    def _one_quality(self) -> VdsOptions:
        if self.adaptive_tolerance is not None and self.adaptive_ratio is not None:
            raise ValueError("adaptive_tolerance and adaptive_ratio: only one of them can be given")
        return self


class VdsWriteOptions(BaseModel):
    """Options of the writer ``vds``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layout: Literal["auto", "container", "objects"] = Field(
        "auto", description="one file, or objects below a prefix; by default one file where the name ends in .vds"
    )
    brick_size: int = Field(64, description="edge of a brick in voxels, margins included: 32 to 4096, a power of two")
    margin: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]] = Field(
        (0, 0), description="voxels that a brick shares with the one before and the one behind; one number for both"
    )
    lods: Annotated[int, Field(ge=0, le=12)] | None = Field(
        None, description="levels of detail; 4 in three dimensions and 2 otherwise by default, as SEGYImport"
    )
    create_2d_lods: bool | None = Field(
        None, description="whether data of two dimensions get levels of detail, which is the default"
    )
    full_resolution_dimension: Annotated[int, Field(ge=0, le=5)] | None = Field(
        None, description="dimension that levels of detail keep whole; 0 is the sample axis"
    )
    compression: Compression = Field(
        "zip",
        description="how bricks are encoded; Wavelet and WaveletNormalizeBlock lose something, the others nothing",
    )
    tolerance: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="what a wavelet method may lose, in 255ths of the value range (0.01 by default); Wavelet keeps"
        " every sample to within it",
    )
    level: Annotated[int, Field(ge=1, le=9)] | None = Field(None, description="zip level, 1 (fast) to 9 (small)")
    channel: Annotated[str, Field(min_length=1)] = Field("Amplitude", description="name of the sample channel")
    unit: str = Field("", description="unit of the samples")
    format: Literal["source", "u8", "u16"] = Field(
        "source", description="u8 and u16 quantise floats between the ends of the value range"
    )
    value_range: tuple[float, float] | None = Field(
        None, description="smallest and largest value that matter; the extremes of the data by default"
    )
    sample_unit: Literal["ms", "s", "m", "ft"] | None = Field(None, description="unit of the sample axis")
    sample_start: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="coordinate of the first sample"
    )
    index_axis: bool = Field(False, description="count the positions of a line from 1 instead of by its coordinates")
    position_words: tuple[Word, Word, Word] | None = Field(
        None, description="header words of x, y and their scalar; 181:int32,185:int32,71:int16 by default"
    )
    position_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="what positions are multiplied by, instead of the scalar of their headers"
    )
    header_unit: Literal["m", "ft", "ussft"] | None = Field(
        None, description="unit of positions in trace headers; what the binary header says by default"
    )
    survey_unit: Literal["m", "ft", "ussft"] | None = Field(
        None, description="unit in which positions are stored; that of the trace headers by default"
    )
    crs_wkt: str = Field("", description="coordinate reference system as well-known text")

    @field_validator("position_words", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value

    @field_validator("margin", "value_range", mode="before")
    @classmethod
    def _pair(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept ``2,3`` and ``2:3``, and one number for both margins."""
        pair = [part.strip() for part in value.replace(":", ",").split(",")] if isinstance(value, str) else value
        pair = [pair] if isinstance(pair, int) else pair
        return [*pair, *pair] if info.field_name == "margin" and isinstance(pair, list) and len(pair) == 1 else pair

    @field_validator("compression", mode="before")
    @classmethod
    def _any_spelling(cls, value: Any) -> Any:
        return value.lower().replace("-", "").replace("_", "") if isinstance(value, str) else value

    @field_validator("format", "layout", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("brick_size")
    @classmethod
    def _known_size(cls, value: int) -> int:
        if value not in BRICK_SIZES:
            raise ValueError(f"must be one of {', '.join(map(str, BRICK_SIZES))}")
        return value

    @model_validator(mode="after")
    def _fits(self) -> VdsWriteOptions:
        if 2 * sum(self.margin) >= self.brick_size:
            raise ValueError(f"margins {self.margin} take half of a brick of {self.brick_size} or more")
        if self.tolerance is not None and not self.compression.startswith("wavelet"):
            raise ValueError(f"tolerance: {self.compression} loses nothing, so there is nothing to tolerate")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            raise ValueError("value_range: the first number must be smaller than the second")
        if self.value_range is not None and not all(map(math.isfinite, self.value_range)):
            raise ValueError("value_range: both numbers must be finite")
        return self
