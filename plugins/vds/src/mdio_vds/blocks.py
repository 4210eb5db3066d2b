"""Chunk payloads: the 24-byte descriptor and the None, Zip and RLE bodies (VDS specification section 8)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.runs import RunLengthError, decode_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["DESCRIPTOR", "BlockError", "decode_block", "deflate"]

DESCRIPTOR = struct.Struct("<6i")
"""Dimensions, three sizes (fastest first, 1 where unused), format and components (section 8.1)."""

try:
    deflate: Any = import_module("zlib_ng.zlib_ng")
    """The zlib module in use: zlib-ng, which encodes in half and decodes in two thirds of the time, or Python's own."""
except ImportError:
    deflate = zlib


class BlockError(ValueError):
    """A payload that cannot be what its descriptor and layer say; the caller knows where it lies."""


def decode_block(
    payload: bytes,
    method: CompressionMethod,
    channel: ChannelDescriptor,
    shape: Sequence[int],
    *,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Decode a None, Zip or RLE payload.

    Parameters
    ----------
    payload
        Descriptor and body.
    method
        Encoding of the layer.
    channel
        The channel, for format and components.
    shape
        Stored lengths along the dimensions of the group, lowest dimension (fastest) first: 1 to 3 numbers.
    out
        Array to decode into, of the shape and type that are returned; any strides.

    Returns
    -------
    ndarray
        Stored values in native byte order, shape reversed (slowest dimension first), with the components as
        last axis where there are several. 1Bit gives uint8 zeros and ones. Without ``out``, read-only where the
        memory is the payload's.

    Raises
    ------
    BlockError
        The payload does not fit.
    """
    if len(payload) < DESCRIPTOR.size:
        raise BlockError(f"a payload of {len(payload)} bytes is shorter than its descriptor")
    found = DESCRIPTOR.unpack_from(payload)
    sizes = (*shape, 1, 1)[:3]
    expected = (len(shape), *sizes, int(channel.format), channel.components)
    if found != expected:
        raise BlockError(f"the descriptor says {found}, the layout {expected} (dimensions, sizes, format, components)")
    one_bit = channel.format is VolumeDataFormat.Format_1Bit
    kind = np.dtype(channel.format.typestr)
    row = -(-sizes[0] // 8) if one_bit else sizes[0] * channel.components * kind.itemsize
    body = _body(payload, method, row * prod(sizes[1:]))
    if one_bit:
        packed = np.frombuffer(body, np.uint8).reshape(-1, row)
        values = np.unpackbits(packed, axis=1, count=sizes[0], bitorder="little")
    else:
        values = np.frombuffer(body, kind).astype(kind.newbyteorder("="), copy=False)
    components = (channel.components,) if channel.components > 1 else ()
    values = values.reshape(*reversed(shape), *components)
    if out is None:
        return values
    if out.shape != values.shape or out.dtype != values.dtype:
        raise ValueError(f"{values.dtype} {values.shape} does not go into {out.dtype} {out.shape}")
    out[...] = values
    return out


def _body(payload: bytes, method: CompressionMethod, size: int) -> bytes | memoryview | NDArray[np.uint8]:
    if method is CompressionMethod.RLE:
        return _unrun(payload, size)
    raw = memoryview(payload)[DESCRIPTOR.size :]
    if method is CompressionMethod.NONE:
        if len(raw) != size:
            raise BlockError(f"a body of {len(raw)} bytes where {size} are due")
        return raw
    if method is CompressionMethod.Zip:
        return _unzip(raw, size)
    raise BlockError(f"{method.label} is not a block encoding")


def _unzip(raw: memoryview, size: int) -> bytes:
    stream = deflate.decompressobj()  # grows as it decodes, so that an announced size takes no memory by itself
    try:
        body: bytes = stream.decompress(raw, size + 1)
    except deflate.error as error:
        raise BlockError(f"damaged zip stream: {error}") from None
    if len(body) != size or not stream.eof:
        raise BlockError(f"the zip stream does not give the {size} bytes that are due")
    return body


def _unrun(payload: bytes, size: int) -> NDArray[np.uint8]:
    try:
        return decode_runs(payload, size, DESCRIPTOR.size)
    except RunLengthError as error:
        raise BlockError(f"damaged RLE stream: {error}") from None
