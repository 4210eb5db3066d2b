"""Import path of MDIO v0: the exporter, which comes with the distribution mdio-segy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio_segy import mdio_to_segy as mdio_to_segy

__all__ = ["mdio_to_segy"]


def __getattr__(name: str) -> Any:
    if name != "mdio_to_segy":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import mdio

    return mdio.mdio_to_segy
