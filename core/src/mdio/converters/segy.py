"""Import path of MDIO v0: the importer, which comes with the distribution mdio-segy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio_segy import segy_to_mdio as segy_to_mdio

__all__ = ["segy_to_mdio"]


def __getattr__(name: str) -> Any:
    if name != "segy_to_mdio":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import mdio

    return mdio.segy_to_mdio
