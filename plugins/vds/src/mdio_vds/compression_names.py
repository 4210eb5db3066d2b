"""Compression methods by the names that the OpenVDS tools give them."""

from __future__ import annotations

from typing import Any, get_args

from mdio.exceptions import ConfigError
from mdio.plugins.registry import near
from mdio_vds.enums import CompressionMethod

__all__ = ["chosen_method"]

_OPTION = "--compression-method"


def chosen_method(name: str, tolerance: float | None) -> CompressionMethod:
    """Return the method of a name in any case.

    Raises
    ------
    ConfigError
        There is no such method, it cannot be written, or a tolerance was given for one that loses nothing.
    """
    from mdio_vds.options import VdsWriteOptions

    known = {method.label.lower(): method for method in CompressionMethod}
    method = known.get(name.lower())
    written: tuple[Any, ...] = get_args(VdsWriteOptions.model_fields["compression"].annotation)
    labels = [method.label for method in CompressionMethod if method.label.lower() in written]
    if method is None:
        names = [method.label for method in CompressionMethod]
        raise ConfigError(f"no compression method {name!r}", path=_OPTION, hint=near(name, names) or ", ".join(names))
    if method.label not in labels:
        raise ConfigError(
            f"{method.label} is read by other tools, but not written here yet",
            path=_OPTION,
            hint=f"choose one that loses nothing: {', '.join(labels)}",
        )
    if tolerance is not None and not method.is_wavelet:
        raise ConfigError(f"{method.label} loses nothing, so there is nothing to tolerate", path="--tolerance")
    return method
