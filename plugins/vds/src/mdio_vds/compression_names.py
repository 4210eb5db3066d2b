"""Compression methods by the names that the OpenVDS tools give them."""

from __future__ import annotations

from mdio.exceptions import ConfigError
from mdio.plugins.registry import near
from mdio_vds.enums import CompressionMethod

__all__ = ["chosen_method", "method_of"]

_OPTION = "--compression-method"
_KNOWN = {method.label.lower(): method for method in CompressionMethod}


def chosen_method(name: str, tolerance: float | None) -> CompressionMethod:
    """Return the method of a name in any case.

    Raises
    ------
    ConfigError
        There is no such method, or a tolerance was given for one that loses nothing.
    """
    method = _KNOWN.get(name.lower())
    if method is None:
        names = [method.label for method in CompressionMethod]
        raise ConfigError(f"no compression method {name!r}", path=_OPTION, hint=near(name, names) or ", ".join(names))
    if tolerance is not None and not method.is_wavelet:
        raise ConfigError(f"{method.label} loses nothing, so there is nothing to tolerate", path="--tolerance")
    return method


def method_of(option: str) -> CompressionMethod:
    """Return the method of the writer's option ``compression``."""
    return _KNOWN[option]
