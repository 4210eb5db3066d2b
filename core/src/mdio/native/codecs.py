"""Codecs of stored chunks: those that plugins offer before the stock ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdio.exceptions import CodecError, ConfigError, MDIOError, PluginError
from mdio.native.bounded import BOUNDED, Bounded
from mdio.plugins.registry import registry

if TYPE_CHECKING:
    import numpy as np

    from mdio.native.options import CodecChoice
    from mdio.plugins.contributions import Codec

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
    codec = descriptor.load()(**parameters)
    _check_found_again(descriptor, codec)
    return codec


def _check_found_again(descriptor: Codec, codec: Any) -> None:
    """Refuse a codec whose chunks nobody could read: readers go by the name in its configuration."""
    name = str(codec.get_config().get("id", ""))
    if descriptor.numcodecs_id == name:
        return
    import numcodecs

    try:
        numcodecs.get_codec(codec.get_config())
    except (ValueError, TypeError, KeyError) as error:
        raise PluginError(
            f"codec {descriptor.name} would not be found again: its numcodecs_id is {descriptor.numcodecs_id!r}, "
            f"its configuration says {name!r}",
            hint=f"its author writes numcodecs_id={name!r} in the descriptor",
        ) from error


def resolve_codec(config: Mapping[str, Any] | None, itemsize: int) -> Any | None:
    """Return a numcodecs codec for a ``compressor`` entry of Zarr metadata; None for uncompressed chunks.

    Blosc and ZFP come from their plugin where it is installed (checks, partial decoding), else from numcodecs.

    Raises
    ------
    CodecError
        No installed package decodes it, its parameters are not taken, or it holds Python objects.
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
            return _of_plugin(codec, config, itemsize)
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
            hint="pip install mdio-compression"
            if name in ("zfpy", "blosc")
            else "install the plugin it was written with; mdio codecs list shows what there is",
        ) from error


def _of_plugin(descriptor: Codec, config: Mapping[str, Any], itemsize: int) -> Any:
    """Return the codec of a plugin for a configuration; those of Blosc and ZFP need not know how a frame was made."""
    if config["id"] == "blosc":
        parameters: dict[str, Any] = {"typesize": itemsize}
    elif config["id"] == "zfpy":
        parameters = {"tolerance": config["tolerance"]}
    else:
        parameters = {key: value for key, value in config.items() if key != "id"}
    factory = descriptor.load()
    try:
        # numcodecs asks a class that reads its configuration in a way of its own, and so do we.
        return factory.from_config(parameters) if hasattr(factory, "from_config") else factory(**parameters)
    except MDIOError:
        raise
    except (TypeError, ValueError) as error:
        raise CodecError(
            f"codec {descriptor.name} does not take the parameters that chunks were written with: {error}",
            hint="install the version of its plugin that wrote them",
        ) from error
