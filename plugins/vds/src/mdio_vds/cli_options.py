"""Options that several commands below ``mdio vds`` share."""

from __future__ import annotations

from typing import Annotated

import typer

from mdio.exceptions import ConfigError

__all__ = [
    "BrickSize",
    "Compression",
    "FlushFrequency",
    "Json",
    "LodLevels",
    "Margin",
    "Overwrite",
    "SegyFile",
    "Tolerance",
    "VdsUrl",
    "refuse_flush",
]

VdsUrl = Annotated[str, typer.Argument(metavar="VDS", help="Path or URL of a VDS.")]
SegyFile = Annotated[str, typer.Argument(metavar="SEGY", help="Path or URL of a SEG-Y file.")]
Json = Annotated[bool, typer.Option("--json", "--json-output", help="Print the result as JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", "--force", "-f", help="Replace the target when it exists.")]
BrickSize = Annotated[
    int | None, typer.Option("--brick-size", "-b", metavar="N", help="Edge of a brick, margins included: 32 to 4096.")
]
Margin = Annotated[
    str | None, typer.Option("--margin", metavar="N|N,M", help="Voxels shared with the bricks before and behind.")
]
LodLevels = Annotated[int | None, typer.Option("--lod-levels", metavar="N", help="Levels of detail, 0 to 12.")]
Compression = Annotated[
    str | None, typer.Option("--compression-method", metavar="Zip|RLE|None", help="How bricks are encoded.")
]
Tolerance = Annotated[float | None, typer.Option("--tolerance", help="Tolerance of a wavelet method.")]
FlushFrequency = Annotated[
    str | None, typer.Option("--flush-frequency", hidden=True, help="Refused: every slab is kept for --resume.")
]


def refuse_flush(frequency: str | None) -> None:
    """Say that there is nothing to set."""
    if frequency is not None:
        raise ConfigError(
            "there is no such interval: every slab is kept as soon as it is written",
            path="--flush-frequency",
            hint="leave it out; --resume goes on where a run stopped",
        )
