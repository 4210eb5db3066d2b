"""Parameters of the built-in grid overrides, as objects for Python and as the models that run files are checked by.

::

    [ChannelWrap(channels_per_cable=800), CalculateCable(channels_per_cable=800)]

Parameters go by their Python names and by the names of MDIO v0 (``ChannelsPerCable``) alike.
"""

from __future__ import annotations

import operator
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

__all__ = ["AutoChannelWrap", "AutoShotWrap", "CalculateCable", "ChannelWrap", "HasDuplicates", "NonBinned"]


def _whole(value: Any) -> Any:
    """Take integers of any kind, numpy's too, but not the truth values that Python counts among them."""
    if isinstance(value, bool):
        raise ValueError("expected a number")
    return operator.index(value) if hasattr(value, "__index__") else value


_Count = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=2**31 - 1)]
_ChannelsPerCable = Annotated[
    _Count,
    Field(
        validation_alias=AliasChoices("ChannelsPerCable", "channels_per_cable"),
        serialization_alias="ChannelsPerCable",
        description="channels of each cable",
    ),
]


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelWrap(_Parameters):
    """Numbers the channels of each cable from 1: channel' = (channel - 1) mod ChannelsPerCable + 1."""

    channels_per_cable: _ChannelsPerCable


class CalculateCable(_Parameters):
    """Computes the cable: cable' = (channel - 1) div ChannelsPerCable + 1."""

    channels_per_cable: _ChannelsPerCable


class AutoChannelWrap(_Parameters):
    """Numbers the channels of each cable from 1 where cables do not share channel numbers."""

    channel_trace_qc: Any = Field(
        None,
        validation_alias=AliasChoices("AutoChannelTraceQC", "channel_trace_qc"),
        exclude=True,
        description="taken for compatibility and not used: all traces are looked at",
    )


class AutoShotWrap(_Parameters):
    """Makes the shot numbers of each gun dense where guns fire in turn."""


class NonBinned(_Parameters):
    """Numbers the traces of each grid cell along a new dimension ``trace``."""

    chunksize: _Count = Field(description="chunk length along the new dimension")
    non_binned_dims: tuple[str, ...] = Field((), description="index keys that the new dimension replaces")

    @field_validator("non_binned_dims", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class HasDuplicates(_Parameters):
    """As NonBinned, in chunks of one: for few traces that share a cell."""
