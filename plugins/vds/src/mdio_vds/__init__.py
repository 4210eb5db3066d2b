"""VDS (OpenVDS volume data store) for the mdio toolkit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio_vds.errors import VdsError
    from mdio_vds.volume import VdsVolume, open_volume

__all__ = ["VdsError", "VdsVolume", "open_volume"]

_HOME = {"VdsError": "errors", "VdsVolume": "volume", "open_volume": "volume"}


def __getattr__(name: str) -> Any:
    # Lazy, because the entry point imports this package at every start.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mdio_vds.{_HOME[name]}"), name)
