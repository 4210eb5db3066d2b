"""SEG-Y for mdio: import, export, scan; every byte comes back.

Names load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio_segy.api import mdio_to_segy, segy_to_mdio
    from mdio_segy.opening import SegyWarning

__all__ = ["SegyWarning", "mdio_to_segy", "segy_to_mdio"]

_EXPORTS = {
    "SegyWarning": "mdio_segy.opening",
    "mdio_to_segy": "mdio_segy.api",
    "segy_to_mdio": "mdio_segy.api",
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_EXPORTS[name]), name)
