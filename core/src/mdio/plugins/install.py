"""What to install for names that our own plugins ship, so that errors can say it without those plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import mdio

__all__ = ["COMMANDS", "DISTRIBUTIONS", "NAMES", "SUFFIXES", "install_hint"]

DISTRIBUTIONS: Final = {"mdio-segy": "segy", "mdio-vds": "vds", "mdio-compression": "compression"}
"""Distribution of each plugin of this project and its folder below ``plugins/``."""

SUFFIXES: Final = {".sgy": "mdio-segy", ".segy": "mdio-segy", ".vds": "mdio-vds"}
"""File ending and the distribution that reads and writes it."""

COMMANDS: Final = {"segy": "mdio-segy", "vds": "mdio-vds"}
"""Command and the distribution that brings it."""

NAMES: Final = {
    "reader:segy": "mdio-segy",
    "writer:segy": "mdio-segy",
    "reader:vds": "mdio-vds",
    "writer:vds": "mdio-vds",
    "codec:zfp": "mdio-compression",
    "codec:blosc": "mdio-compression",
}
"""``kind:name`` of a contribution and the distribution that brings it."""


def install_hint(distribution: str) -> str:
    """Return the command that installs a distribution of this project.

    In a clone, where the distributions are not on any index yet, it names the folder.
    """
    folder = DISTRIBUTIONS.get(distribution)
    if folder is not None and mdio.__file__:
        root = Path(mdio.__file__).resolve().parent.parent.parent.parent
        plugin = root / "plugins" / folder
        if (plugin / "pyproject.toml").is_file():
            return f"pip install -e {plugin.relative_to(root) if Path.cwd() == root else plugin}"
    return f"pip install {distribution}"
