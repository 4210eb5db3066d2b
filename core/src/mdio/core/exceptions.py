"""The errors under the module path of MDIO v0; they are those of :mod:`mdio.exceptions`."""

from __future__ import annotations

from mdio.exceptions import *  # noqa: F403 - every name of the tree, whatever it holds
from mdio.exceptions import __all__ as __all__
