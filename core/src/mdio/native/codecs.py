"""Codecs of stored chunks: those that plugins offer before the stock ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdio.exceptions import CodecError, ConfigError
from mdio.native.bounded import BOUNDED, Bounded
from mdio.plugins.registry import registry

if TYPE_CHECKING:
    import numpy as np

    from mdio.native.options import CodecChoice

__all__ = ["default_codec", "resolve_codec", "sample_codec"]

_OBJECTS = frozenset(
    ("pickle", "json2", "json", "msgpack2", "msgpack", "vlen-array", "vlen-bytes", "vlen-utf8", "categorize")
)
"""Codecs of arrays of objects."""


def default_codec(itemsize: int) -> Any:
    """Return the lossless codec of new arrays; stock Blosc where the plugin with the checked one is missing."""
    for codec in registry().codecs():
        if codec.name == "blosc":
            return codec.load()(typesize=itemsize)
    import numcodecs

    return numcodecs.Blosc("zstd", clevel=5, shuffle=1)


def sample_codec(choice: CodecChoice | None, dtype: np.dtype[Any]) -> Any:
    """Return the codec that a user chose for samples; None stores them as they are.

    Raises
    ------
    ConfigError
        Unknown, with wrong parameters, or not for this type of samples.
    """
    if choice is None:
        return default_codec(dtype.itemsize)
    if choice.name in ("none", "raw"):
        return None
    descriptor = registry().codec(choice.name)
    parameters = choice.parameters
    model = descriptor.options_model()
    if model is not None:
        from mdio.validation import validated

        parameters = validated(model, parameters, f"codec {descriptor.name}").model_dump(exclude_none=True)
    if descriptor.dtypes and dtype.name not in descriptor.dtypes:
        raise ConfigError(
            f"codec {descriptor.name} takes {', '.join(descriptor.dtypes)}, the samples are {dtype.name}",
            path="codec",
            hint="cast the samples, or use a lossless codec",
        )
    if descriptor.numcodecs_id == "blosc":
        parameters = {"typesize": dtype.itemsize, **parameters}
    return descriptor.load()(**parameters)


def resolve_codec(config: Mapping[str, Any] | None, itemsize: int) -> Any | None:
    """Return a numcodecs codec for a ``compressor`` entry of Zarr metadata; None for uncompressed chunks.

    Blosc and ZFP come from their plugin where it is installed (checks, partial decoding), else from numcodecs.

    Raises
    ------
    CodecError
        No installed package decodes it, or it holds Python objects.
    """
    if config is None:
        return None
    name = str(config.get("id", ""))
    stock = dict(config)
    if name == "zfpy":
        stock.pop("compression_kwargs", None)  # written beside its own arguments by releases of numcodecs, not taken
    for codec in registry().codecs():
        # ZFP of fixed rate or precision holds no tolerance; the plugin, which promises one, does not take it.
        if codec.numcodecs_id == name and (name != "zfpy" or config.get("tolerance", 0) > 0):
            options = {"typesize": itemsize} if name == "blosc" else {"tolerance": config.get("tolerance", 0)}
            return codec.load()(**options)
    import numcodecs

    if name in _OBJECTS:
        # Some of these run what a store tells them to.
        raise CodecError(f"chunks are stored with {name!r}, which holds Python objects and is never read")
    try:
        codec = numcodecs.get_codec(stock)
        return Bounded(codec) if name in BOUNDED else codec
    except (ValueError, TypeError, KeyError) as error:
        raise CodecError(
            f"chunks are compressed with {name!r}, which no installed package decodes",
            hint="pip install mdio-compression" if name in ("zfpy", "blosc") else "",
        ) from error
