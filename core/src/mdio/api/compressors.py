"""Configurations of stored codecs → the codec objects of numcodecs that releases of MDIO show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["codec_of"]

_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}
_BESIDE = ("compression_kwargs", "typesize")
"""Entries of stored configurations that the codecs themselves do not take, or say by other means."""


def codec_of(config: Mapping[str, Any] | None) -> Any:
    """Return the codec that a configuration describes.

    Parameters
    ----------
    config
        As array metadata have it: ``{"id": …}`` in Zarr format 2, ``{"name": …, "configuration": …}`` in format 3.

    Returns
    -------
    object
        A codec of numcodecs; the configuration where numcodecs does not know it, None where there is none.
    """
    if config is None:
        return None
    flat = dict(config)
    if "name" in flat:
        flat = {"id": str(flat["name"]).removeprefix("numcodecs."), **(flat.get("configuration") or {})}
    if isinstance(flat.get("shuffle"), str):
        flat["shuffle"] = _SHUFFLES.get(flat["shuffle"], flat["shuffle"])
    try:
        from numcodecs import get_codec

        return get_codec({key: value for key, value in flat.items() if key not in _BESIDE})
    except (ImportError, ValueError, TypeError, KeyError):
        return config
