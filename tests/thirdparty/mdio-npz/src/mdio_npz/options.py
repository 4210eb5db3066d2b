"""Options of the format, as ``mdio convert -i key=value`` and ``-o key=value`` take them."""

from pydantic import BaseModel, ConfigDict, Field


class ReadOptions(BaseModel):
    """How an archive is read."""

    model_config = ConfigDict(extra="forbid")

    array: str = Field("samples", description="Name of the array that holds the samples")


class WriteOptions(BaseModel):
    """How an archive is written."""

    model_config = ConfigDict(extra="forbid")

    compress: bool = Field(False, description="Deflate the arrays")
