"""Chunk payloads to write: the 24-byte descriptor and the None, Zip and RLE bodies (VDS specification section 8)."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.blocks import DESCRIPTOR, deflate
from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.runs import encode_runs
from mdio_vds.values import stored_dtype

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["encode_block"]

_ZIP_LEVEL = 6
"""The level of OpenVDS: its streams are to the byte those of zlib at level 6. Lower levels save hardly any time."""


def encode_block(
    values: NDArray[Any],
    method: CompressionMethod,
    channel: ChannelDescriptor,
    *,
    level: int | None = None,
    memory: Callable[[int], NDArray[np.uint8]] | None = None,
) -> bytes | memoryview:
    """Encode stored codes as a None, Zip or RLE payload; the same codes always give the same bytes.

    Any number of threads may encode at once.

    Parameters
    ----------
    values
        Stored codes as :func:`mdio_vds.blocks.decode_block` returns them: the type of the channel's format in either
        byte order (uint8 zeros and ones, or bool, for 1Bit), one to three axes, slowest dimension first, then the
        components where there are several. An array that is not in C order is copied once.
    method
        None, Zip or RLE.
    channel
        The channel, for format and components.
    level
        Zip level, 1 (fast) to 9 (small).
    memory
        Gives so many bytes, on a boundary of 8, to those encodings that know their size before. Freshly made without.

    Returns
    -------
    bytes or memoryview
        Descriptor and body.

    Raises
    ------
    ValueError
        Another method, or codes that do not fit the channel.
    """
    several = channel.components > 1
    shape = values.shape[:-1] if several else values.shape
    if not 1 <= len(shape) <= 3 or 0 in shape or (several and values.shape[-1] != channel.components):
        raise ValueError(f"codes of shape {values.shape} are no block of {channel.components} component(s)")
    one_bit = channel.format is VolumeDataFormat.Format_1Bit
    if one_bit and several:
        raise ValueError("1Bit channels have one component")  # section 8.2: nobody can read more
    if values.dtype.newbyteorder("=") != stored_dtype(channel) and not (one_bit and values.dtype == np.bool_):
        raise ValueError(f"{values.dtype} codes in a channel of {channel.format.label}")
    sizes = (*reversed(shape), 1, 1)[:3]
    descriptor = DESCRIPTOR.pack(len(shape), *sizes, int(channel.format), channel.components)
    stored = np.dtype(channel.format.typestr)
    if method is CompressionMethod.NONE and not one_bit:
        # Straight into the payload: any other way moves all samples once more.
        size = DESCRIPTOR.size + prod(values.shape) * stored.itemsize
        payload = np.empty(size, np.uint8) if memory is None else memory(size)
        payload[: DESCRIPTOR.size] = np.frombuffer(descriptor, np.uint8)
        np.copyto(payload[DESCRIPTOR.size :].view(stored).reshape(values.shape), values)
        return payload.data
    if one_bit:
        body = np.packbits(values, axis=-1, bitorder="little").ravel()
    else:
        body = np.ascontiguousarray(values, stored).reshape(-1).view(np.uint8)
    if method is CompressionMethod.NONE:
        return b"".join((descriptor, body.data))
    if method is CompressionMethod.Zip:
        stream = deflate.compressobj(_ZIP_LEVEL if level is None else level)
        return b"".join((descriptor, stream.compress(body), stream.flush()))
    if method is CompressionMethod.RLE:
        return b"".join((descriptor, *encode_runs(body, _run_unit(channel))))
    raise ValueError(f"{method.label} is not a block encoding")


def _run_unit(channel: ChannelDescriptor) -> int:
    """Return the bytes that runs repeat: a voxel, or a component where a voxel has more than 8 (section 8.3)."""
    scalar = np.dtype(channel.format.typestr).itemsize
    return scalar * channel.components if scalar * channel.components <= 8 else scalar
