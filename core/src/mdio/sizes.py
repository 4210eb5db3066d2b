"""Sizes in bytes as people write them, for run files and the command line alike."""

from __future__ import annotations

import re
from typing import Final

from mdio.exceptions import ConfigError

__all__ = ["size"]

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def size(text: str) -> int:
    """Return a size in bytes: ``512``, ``2GiB`` and ``2G`` (powers of 1024), ``64 kB`` (powers of 1000).

    Raises
    ------
    ConfigError
        It is no size, or less than one byte.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is not None:
        number, unit, binary = match.groups()
        decimal = bool(unit) and not binary and text.strip().lower().endswith("b")
        value = int(float(number) * (1000 if decimal else 1024) ** _POWERS[unit.lower()])
        if value > 0:
            return value
    raise ConfigError(f"{text!r} is not a size", hint="write it like 512M, 2GiB or 1.5 GB")
