"""What ``mdio segy import`` says when it is done: which grid it made, and by which words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio.convert import Conversion

__all__ = ["grid_told", "tell_import"]


def tell_import(conversion: Conversion) -> None:
    """Write to standard error what the dataset holds; only its metadata are read."""
    from mdio.convert import open as open_volume
    from mdio.storage.urls import redact

    storage = conversion.target_storage_options
    volume = open_volume(
        conversion.target,
        format=conversion.target_format,
        storage_options=conversion.storage_options if storage is None else storage,
    )
    try:
        told = grid_told(volume)
    finally:
        volume.close()
    sys.stderr.write(f"{redact(conversion.target)}: {told}\n")


def grid_told(volume: Any) -> str:
    """Return the grid of an imported volume for people, and where its index was found or that it has no names."""
    told = " × ".join(f"{dim.name} {dim.size}" for dim in volume.schema.dims)
    geometry = volume.schema.metadata.attributes.get("geometry") or {}
    keys = geometry.get("keys") or []
    if geometry.get("found"):
        words = ", ".join(f"{name} at byte {byte}" for name, byte in keys)
        return f"{told}; " + (f"found {words}" if words else "no index was found, --header-locations says where one is")
    plain = [name for name in volume.schema.names if name.startswith("dim_")]
    return told + (f"; --header-names calls {', '.join(plain)} by better names" if plain else "")
