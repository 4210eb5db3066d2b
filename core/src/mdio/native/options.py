"""Options of the native format, validated at the edges (run files, command line, Python)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["CodecChoice", "ReadOptions", "WriteOptions"]


class ReadOptions(BaseModel):
    """How to open a dataset."""

    model_config = ConfigDict(extra="forbid")

    access_pattern: str | None = Field(None, description="name of the array pair; the first one by default")
    cache: Annotated[int, Field(ge=0)] = Field(
        256 << 20, description="bytes of decoded chunks to keep for those who look at the same ones again"
    )
    allow_incomplete: bool = Field(False, description="open an unfinished dataset, for rescue")


class CodecChoice(BaseModel):
    """A codec by name with its parameters."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


class WriteOptions(BaseModel):
    """How to lay out a new dataset."""

    model_config = ConfigDict(extra="forbid")

    layout: Literal["v0", "v0.9", "v1"] = Field(
        "v0",
        description="spelling: v0 opens in every multidimio 0.x, v0.9 has the names of 0.8 and later, v1 opens in "
        "multidimio 1.x and xarray",
    )
    chunks: tuple[Annotated[int, Field(gt=0)], ...] | None = Field(
        None, description="chunk shape, one length a dimension; 64×64×64 for 3-D by default, 128×128×128 in v1"
    )
    codec: CodecChoice | None = Field(None, description="codec of the samples; lossless Blosc by default")
    shards: bool | tuple[Annotated[int, Field(gt=0)], ...] = Field(
        False,
        description="v1: several chunks in one object; true for 32×32×32 in 128×128×128 (or as large), or a shape",
    )
    template: str | None = Field(None, description="v1: name of the survey template; told by the dimensions otherwise")
    header_fields: Literal[89, 90] = Field(
        89, description="v1: fields of a header record; 90 keep bytes 233 to 240 where releases 1.2 see them"
    )

    @field_validator("codec", mode="before")
    @classmethod
    def _codec_by_name(cls, value: Any) -> Any:
        """Accept ``zfp:tolerance=0.1,…`` and a bare name."""
        if not isinstance(value, str):
            return value
        name, _, rest = value.partition(":")
        choice: dict[str, Any] = {"name": name}
        for part in filter(None, rest.split(",")):
            key, found, text = part.partition("=")
            if not found:
                raise ValueError(f"{part!r} in codec {value!r} is not key=value")
            choice[key] = text
        return choice

    @field_validator("shards", mode="before")
    @classmethod
    def _shards_from_text(cls, value: Any) -> Any:
        """Accept ``true``, ``false`` and ``128,128,128``."""
        if not isinstance(value, str):
            return value
        word = value.strip().lower()
        return word == "true" if word in ("true", "false") else [part.strip() for part in value.split(",")]

    @field_validator("header_fields", mode="before")
    @classmethod
    def _number_from_text(cls, value: Any) -> Any:
        """Accept ``90`` as text."""
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    @field_validator("chunks", mode="before")
    @classmethod
    def _chunks_from_text(cls, value: Any) -> Any:
        """Accept ``64,64,64``."""
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value
