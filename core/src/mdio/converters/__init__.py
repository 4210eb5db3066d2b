"""Import paths of MDIO v0, for programs written for it; what they get lives in ``mdio.api`` and in plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio.converters.mdio import mdio_to_segy
    from mdio.converters.numpy import numpy_to_mdio
    from mdio.converters.segy import segy_to_mdio

__all__ = ["mdio_to_segy", "numpy_to_mdio", "segy_to_mdio"]

_HOME = {"mdio_to_segy": "mdio", "numpy_to_mdio": "numpy", "segy_to_mdio": "segy"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
