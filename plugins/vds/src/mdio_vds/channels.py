"""Which channels a volume gets in a VDS: those of SEG-Y imports, and a few of our own for what they lose.

VDS specification section 13 for the former, section 16 for the latter and for sample types.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import ConfigError
from mdio_vds.compression_names import method_of
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import VolumeDataFormat, VolumeDataMapping
from mdio_vds.layer_encoding import layer_encoding
from mdio_vds.values import sample_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Block, Schema
    from mdio_vds.chunk_codes import Encoding
    from mdio_vds.options import VdsWriteOptions

__all__ = [
    "HEADERS",
    "LENGTHS",
    "OFFSET",
    "ORDER",
    "OTHER_HEADERS",
    "PATCHES",
    "TRACE",
    "StoredChannel",
    "holds",
    "patch_channel",
    "per_trace",
    "per_trace_channels",
    "sample_channel",
]

TRACE = "Trace"
HEADERS = "SEGYTraceHeader"
OTHER_HEADERS = "TraceHeader"
"""Raw records that are too short for SEG-Y; readers of SEG-Y in VDS do not look there."""
OFFSET = "Offset"
ORDER = "MDIOTraceNumber"
"""Position in the original file, counted from 1; 0 where there is no trace."""
LENGTHS = "MDIOTraceLength"
"""Sample count of each trace of a file whose traces differ in length; 0 where there is no trace."""
PATCHES = "MDIOPatches"
"""Raw 32-bit words of samples that the sample type cannot give back, at their own positions; 0 elsewhere."""

_SHORTEST_HEADER = 240
_FORMATS = {
    "int8": VolumeDataFormat.Format_U8,
    "uint8": VolumeDataFormat.Format_U8,
    "int16": VolumeDataFormat.Format_U16,
    "uint16": VolumeDataFormat.Format_U16,
    "uint32": VolumeDataFormat.Format_U32,
    "uint64": VolumeDataFormat.Format_U64,
    "int64": VolumeDataFormat.Format_U64,
    "int32": VolumeDataFormat.Format_R64,
    "float64": VolumeDataFormat.Format_R64,
    "float32": VolumeDataFormat.Format_R32,
    "float16": VolumeDataFormat.Format_R32,
}
_SINGLE_CODES = (7, 15)
"""SEG-Y formats of integers of 24 bits, all of which single precision holds."""


@dataclass(frozen=True, slots=True)
class StoredChannel:
    """A channel and how its chunks of full resolution are encoded."""

    channel: ChannelDescriptor
    encoding: Encoding


def sample_channel(schema: Schema, options: VdsWriteOptions) -> StoredChannel:
    """Return the channel of samples, of a type that loses nothing unless another was asked for.

    Its value range is a placeholder until the data are known.

    Raises
    ------
    ConfigError
        No type of the format holds the samples, or integers were to be quantised.
    """
    name = schema.dtype.name
    if name not in _FORMATS:
        raise ConfigError(f"VDS has no type for {name} samples", hint="cast, e.g. to float32")
    stored, offset = _FORMATS[name], 0.0
    source = schema.metadata.source
    if name in ("int32", "uint32") and source is not None and source.facts.get("format") in _SINGLE_CODES:
        stored = VolumeDataFormat.Format_R32
    if name in ("int8", "int16"):
        offset = -float(2 ** (8 * schema.dtype.itemsize - 1))
    if options.format != "source":
        if schema.dtype.kind != "f":
            raise ConfigError(f"{name} samples are not quantised", path="format", hint="leave the format out")
        stored = VolumeDataFormat.Format_U8 if options.format == "u8" else VolumeDataFormat.Format_U16
    channel = ChannelDescriptor(
        name=options.channel,
        unit=options.unit,
        format=stored,
        components=1,
        value_range=options.value_range or (0.0, 1.0),
        integer_offset=offset,
    )
    method = method_of(options.compression)
    return StoredChannel(channel, layer_encoding(channel, method, options.tolerance or 0.0, level=options.level))


def holds(channel: ChannelDescriptor, dtype: np.dtype[Any]) -> bool:
    """Whether a channel is what :func:`sample_channel` makes of samples of a type."""
    if channel.format is VolumeDataFormat.Format_R32 and dtype.name in ("int32", "uint32"):
        return True
    return channel.format is _FORMATS.get(dtype.name) and (
        dtype.kind == "f" or dtype.itemsize > 2 or sample_dtype(channel) == dtype
    )


def per_trace_channels(schema: Schema, encoding: Encoding, *, lengths: bool) -> tuple[StoredChannel, ...]:
    """Return the channels with values a trace, in the order in which they are stored.

    Parameters
    ----------
    schema
        Of the volume.
    method
        How they are encoded.
    lengths
        Whether traces have lengths of their own.
    """
    found = [_channel(TRACE, VolumeDataFormat.Format_U8, (0.0, 1.0), discrete=True)]
    size = schema.headers.itemsize
    if size:
        name = HEADERS if size >= _SHORTEST_HEADER else OTHER_HEADERS
        found.append(
            _channel(name, VolumeDataFormat.Format_U8, (0.0, 255.0), discrete=True, renderable=False, values=size)
        )
    if "offset" in schema.names and "37" in schema.headers.by_name:
        found.append(_channel(OFFSET, VolumeDataFormat.Format_R32, (0.0, 1.0), unit="m"))
    if schema.metadata.order.kind == "mapped":
        source = schema.metadata.source
        traces = max(math.prod(schema.shape[:-1]), int(source.facts.get("traces", 0)) if source else 0)
        wide = traces > np.iinfo(np.uint32).max - 1
        stored = VolumeDataFormat.Format_U64 if wide else VolumeDataFormat.Format_U32
        found.append(_channel(ORDER, stored, (0.0, float(max(1, traces))), discrete=True, renderable=False))
    if lengths:
        longest = float(max(1, schema.shape[-1]))
        found.append(_channel(LENGTHS, VolumeDataFormat.Format_U32, (0.0, longest), discrete=True, renderable=False))
    return tuple(StoredChannel(channel, encoding) for channel in found)


def patch_channel(encoding: Encoding) -> StoredChannel:
    """Return the channel of raw words; there is one only where a sample needs it."""
    top = float(np.iinfo(np.uint32).max)
    channel = ChannelDescriptor(
        PATCHES, "", VolumeDataFormat.Format_U32, 1, (0.0, top), discrete=True, renderable=False,
        allow_lossy_compression=False,
    )  # fmt: skip
    return StoredChannel(channel, encoding)


def per_trace(name: str, block: Block, schema: Schema) -> NDArray[Any]:
    """Return what a channel of values a trace stores of a block: its shape with the values as last axis.

    Raises
    ------
    ConfigError
        The source gives no order although it has one.
    """
    if name == TRACE:
        return block.live.view(np.uint8)[..., None]
    if name in (HEADERS, OTHER_HEADERS):
        size = schema.headers.itemsize
        if block.headers is None:
            return np.zeros((*block.live.shape, size), np.uint8)
        return np.ascontiguousarray(block.headers).view(np.uint8).reshape(*block.live.shape, size)
    if name == OFFSET:
        assert block.headers is not None
        return schema.headers.values(block.headers, "37").astype(np.float32)[..., None]
    if name == ORDER:
        if block.order is None:
            raise ConfigError("the source does not say in which order its traces lie")
        return (block.order + 1)[..., None]
    lengths = block.lengths if block.lengths is not None else np.zeros(block.live.shape, np.uint32)
    return lengths[..., None]


def _channel(
    name: str,
    stored: VolumeDataFormat,
    value_range: tuple[float, float],
    *,
    unit: str = "",
    discrete: bool = False,
    renderable: bool = True,
    values: int = 1,
) -> ChannelDescriptor:
    return ChannelDescriptor(
        name=name,
        unit=unit,
        format=stored,
        components=1,
        value_range=value_range,
        mapping=VolumeDataMapping.PerTrace,
        mapped_values=values,
        discrete=discrete,
        renderable=renderable,
        allow_lossy_compression=False,
    )
