"""Options of the codecs as users write them in run files and after ``--codec``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["BloscOptions", "ZfpOptions"]

QualityName = Literal["very_low", "low", "medium", "high", "very_high", "ultra"]


class BloscOptions(BaseModel):
    """Options of the codec ``blosc``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Literal["balanced", "small", "fast"] = Field(
        "balanced", description="balanced (zstd level 1), small (zstd level 5) or fast (lz4)"
    )
    clevel: int | None = Field(None, ge=1, le=22, description="level instead of the preset's own")
    blocksize: int | None = Field(
        None, ge=128, le=2**30, description="decoded bytes of a block, the least a partial read decodes"
    )
    typesize: int = Field(4, ge=1, le=255, description="bytes of one item")


class ZfpOptions(BaseModel):
    """Options of the codec ``zfp``: either ``tolerance`` or ``quality``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tolerance: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="largest error of a sample, in its own unit"
    )
    quality: QualityName | None = Field(
        None, description="largest error as a multiple of the standard deviation: very_low 6 … ultra 0.001"
    )
    std: float | None = Field(None, gt=0, allow_inf_nan=False, description="standard deviation that quality refers to")
    on_nonfinite: Literal["error", "lossless"] = Field(
        "error", description="what to do with a chunk that ZFP cannot hold to the tolerance"
    )

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.tolerance is None) == (self.quality is None):
            raise ValueError("give either tolerance or quality")
        return self
