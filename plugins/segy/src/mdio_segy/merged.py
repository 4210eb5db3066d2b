"""What one file loses of several that it is written from."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mdio.core.volume import Schema

__all__ = ["warn_of_merged"]


def warn_of_merged(schema: Schema) -> None:
    """Warn when a dataset of several files is written as one, and the files have other headers than the first."""
    source = schema.metadata.source
    files = source.facts.get("files") if source is not None and source.format == "segy" else None
    if not files:
        return
    first = (files[0].get("head"), files[0].get("trailer"))
    others = [entry["name"] for entry in files if (entry.get("head"), entry.get("trailer")) != first]
    if others:
        from mdio_segy.opening import SegyWarning

        which = f"{others[0]} and {len(others) - 1} more" if len(others) > 1 else others[0]
        warnings.warn(
            f"{which} of {len(files)} files: other file headers than {files[0]['name']}, which the one file gets;"
            " --split writes every file with its own",
            SegyWarning,
            stacklevel=3,
        )
