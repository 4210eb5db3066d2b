"""The names of the API once more: programs write both ``openvds.open`` and ``openvds.core.open``."""

from __future__ import annotations

from typing import Any

import mdio_vds


def __getattr__(name: str) -> Any:
    return getattr(mdio_vds, name)


def __dir__() -> list[str]:
    return dir(mdio_vds)
