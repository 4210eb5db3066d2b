"""What may be said when a VDS is opened."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["VdsOptions"]


class VdsOptions(BaseModel):
    """Options of the reader ``vds``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str | None = Field(default=None, description="Sample channel to read; the first one when not given.")
