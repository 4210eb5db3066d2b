"""Import path of MDIO 0.9: arrays in memory → MDIO."""

from __future__ import annotations

from mdio.api.making import numpy_to_mdio

__all__ = ["numpy_to_mdio"]
