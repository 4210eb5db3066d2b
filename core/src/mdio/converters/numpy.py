"""Import path of MDIO 0.9 for arrays in memory → MDIO, so that programs written for it go on."""

from __future__ import annotations

from mdio.api.making import numpy_to_mdio

__all__ = ["numpy_to_mdio"]
