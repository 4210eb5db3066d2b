"""What a run file may say: its shape, without what plugins add to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mdio.config.transforms import Step
from mdio.sizes import size

__all__ = ["Defaults", "Grid", "Input", "Output", "Plugins", "Run", "RunFile", "RunSettings", "Word"]

_NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9_. -]*$"
_WORD: Final = re.compile(r"(\d+)(?::([A-Za-z]\w*))?")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        """Take a known key with nothing behind it for one that is not there."""
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the trace header: 1-based first byte and type; no byte for a word that the file lacks."""

    location: int | None
    type: str = ""


def _word(value: Any) -> Any:
    if value is None or isinstance(value, Word):
        return value or Word(None)
    match = _WORD.fullmatch(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise ValueError('expected a byte, counted from 1, or "byte:type" like "193:int32"')
    return Word(int(match[1]), match[2] or "")


def _bytes(value: Any) -> Any:
    return size(value) if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(_bytes, json_schema_input_type=int | str), Field(gt=0)]
HeaderWord = Annotated[Word, BeforeValidator(_word, json_schema_input_type=int | str | None)]
Url = Annotated[str, Field(min_length=1)]


class RunSettings(_Model):
    """How a run is carried out."""

    workers: Annotated[int, Field(ge=1)] | None = Field(default=None, description="threads; all cores by default")
    memory: Size | None = Field(default=None, description="memory for slabs, e.g. 2 GiB")
    resume: bool | None = Field(
        default=None, description="go on with unfinished targets, leave finished ones as they are"
    )
    on_error: Literal["stop", "skip"] | None = Field(
        default=None, description="skip: leave out slabs that cannot be read, and go on behind a run that failed"
    )


class Defaults(_Model):
    """What holds for every run that does not say otherwise."""

    run: RunSettings = Field(default_factory=RunSettings)


class Plugins(_Model):
    """Which plugin is meant where several offer the same name."""

    prefer: dict[str, str] = Field(default={}, description='"kind:name" to distribution, e.g. "reader:npz": mdio-npz')


class Input(_Model):
    """What is read. A local URL is relative to the directory the command runs in, not to the run file."""

    url: Url = Field(description="path or URL")
    format: str | None = Field(default=None, description="name of the reader; found by content otherwise")
    options: dict[str, Any] = Field(default={}, description="options of that reader")


class Grid(_Model):
    """How traces become a grid, for formats whose traces carry their place in header words."""

    template: str | None = Field(default=None, description="kind of survey; names dimensions, their words and chunks")
    index: dict[str, HeaderWord] | None = Field(
        default=None,
        min_length=1,
        description="dimension, slowest first, to byte or byte:type; wins over the template's",
    )
    overrides: list[Any] | dict[str, Any] = Field(
        default=[],
        union_mode="left_to_right",
        description="rules that rework the words: a list, or the mapping of MDIO v0",
    )


class Output(_Model):
    """What is written. A local URL is relative to the directory the command runs in, not to the run file."""

    url: Url = Field(description="path or URL")
    format: str | None = Field(default=None, description="name of the writer; by the ending of the URL otherwise")
    chunks: list[Annotated[int, Field(ge=1)]] | None = Field(
        default=None, description="chunk shape, one length a dimension"
    )
    codec: str | dict[str, Any] | None = Field(
        default=None, description="name, name:key=value,…, or a mapping with name"
    )
    layout: str | None = Field(default=None, description="generation of the format, where it has several")
    overwrite: bool = Field(default=False, description="replace what is there")
    options: dict[str, Any] = Field(default={}, description="further options of the writer")


class Run(_Model):
    """One conversion."""

    name: Annotated[str, Field(pattern=_NAME)] = Field(default="", description="for --only, --set and messages")
    input: Input
    grid: Grid = Field(default_factory=Grid)
    transform: list[Step] = Field(default=[], description="in this order, before anything is written")
    output: Output
    run: RunSettings = Field(default_factory=RunSettings, description="instead of defaults.run")


class RunFile(_Model):
    """Conversions, carried out in the order they are written in."""

    version: Literal[1] = Field(description="of this file format")
    defaults: Defaults = Field(default_factory=Defaults)
    storage: dict[str, dict[str, Any]] = Field(
        default={}, repr=False, description="protocol to options of its filesystem"
    )
    plugins: Plugins = Field(default_factory=Plugins)
    runs: list[Run] = Field(min_length=1)
