"""Chunk payloads: the 24-byte descriptor and the None, Zip and RLE bodies (VDS specification section 8)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.enums import CompressionMethod, VolumeDataFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["BlockError", "decode_block"]

_DESCRIPTOR = struct.Struct("<6i")
_RLE_HEADER = struct.Struct("<3i")


class BlockError(ValueError):
    """A payload that cannot be what its descriptor and layer say; the caller knows where it lies."""


def decode_block(
    payload: bytes, method: CompressionMethod, channel: ChannelDescriptor, shape: Sequence[int]
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

    Returns
    -------
    ndarray
        Stored values in native byte order, shape reversed (slowest dimension first), with the components as
        last axis where there are several. 1Bit gives uint8 zeros and ones.

    Raises
    ------
    BlockError
        The payload does not fit.
    """
    if len(payload) < _DESCRIPTOR.size:
        raise BlockError(f"a payload of {len(payload)} bytes is shorter than its descriptor")
    found = _DESCRIPTOR.unpack_from(payload)
    sizes = (*shape, 1, 1)[:3]
    expected = (len(shape), *sizes, int(channel.format), channel.components)
    if found != expected:
        raise BlockError(f"the descriptor says {found}, the layout {expected} (dimensions, sizes, format, components)")
    one_bit = channel.format is VolumeDataFormat.Format_1Bit
    kind = np.dtype(channel.format.typestr)
    row = -(-sizes[0] // 8) if one_bit else sizes[0] * channel.components * kind.itemsize
    body = _body(memoryview(payload)[_DESCRIPTOR.size :], method, row * prod(sizes[1:]))
    if one_bit:
        packed = np.frombuffer(body, np.uint8).reshape(-1, row)
        values = np.unpackbits(packed, axis=1, count=sizes[0], bitorder="little")
    else:
        values = np.frombuffer(body, kind).astype(kind.newbyteorder("="), copy=False)
    components = (channel.components,) if channel.components > 1 else ()
    return values.reshape(*reversed(shape), *components)


def _body(raw: memoryview, method: CompressionMethod, size: int) -> bytes | bytearray | memoryview:
    if method is CompressionMethod.NONE:
        if len(raw) != size:
            raise BlockError(f"a body of {len(raw)} bytes where {size} are due")
        return raw
    if method is CompressionMethod.Zip:
        return _unzip(raw, size)
    if method is CompressionMethod.RLE:
        return _unrun(raw, size)
    raise BlockError(f"{method.label} is not a block encoding")


def _unzip(raw: memoryview, size: int) -> bytes:
    stream = zlib.decompressobj()  # grows as it decodes, so that an announced size takes no memory by itself
    try:
        body = stream.decompress(raw, size + 1)
    except zlib.error as error:
        raise BlockError(f"damaged zip stream: {error}") from None
    if len(body) != size or not stream.eof:
        raise BlockError(f"the zip stream does not give the {size} bytes that are due")
    return body


def _unrun(raw: memoryview, size: int) -> bytearray:
    if len(raw) < _RLE_HEADER.size:
        raise BlockError("the RLE header is cut off")
    total, decoded, unit = _RLE_HEADER.unpack_from(raw)
    if total != len(raw) or decoded != size or unit not in (1, 2, 4, 8):
        raise BlockError(f"RLE header ({total}, {decoded}, {unit}) for {len(raw)} bytes that decode to {size}")
    data = bytes(raw)
    body = bytearray()
    at, end = _RLE_HEADER.size, len(data)
    while at < end and len(body) < size:
        control = data[at]
        length = control & 0x3F
        at += 1
        if control & 0x80:
            if at == end:
                raise BlockError("an RLE run is cut off")
            length |= data[at] << 6
            at += 1
        length += 1
        taken = length * unit if control & 0x40 else unit
        if at + taken > end:
            raise BlockError("an RLE run is cut off")
        piece = data[at : at + taken]
        body += piece if control & 0x40 else piece * length
        at += taken
    if len(body) != size or at != end:
        raise BlockError(f"the RLE runs do not give the {size} bytes that are due")
    return body
