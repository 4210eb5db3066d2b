"""VDS (OpenVDS volume data store) for the mdio toolkit; ``import mdio_vds as openvds`` runs programs for OpenVDS.

All names are found when they are asked for, because the entry point imports this package at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio_vds.errors import VdsError as VdsError
    from mdio_vds.volume import VdsVolume as VdsVolume
    from mdio_vds.volume import open_volume as open_volume

_OWN = {"VdsError": "mdio_vds.errors", "VdsVolume": "mdio_vds.volume", "open_volume": "mdio_vds.volume"}


def _homes() -> dict[str, str]:
    from mdio_vds.facade import HOMES

    return _OWN | HOMES


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "core":
        return import_module("mdio_vds.core")
    if name == "__all__":
        return sorted(_homes())
    if name.startswith("__") or name not in _homes():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_homes()[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_homes(), "core"})
