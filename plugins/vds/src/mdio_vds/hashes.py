"""Chunk hashes that we write (VDS specification sections 7 and 16).

Readers take a hash as an opaque number unless it says that the chunk is constant or without values. Ours carries a
check of the payload, and a tag by which a chunk that somebody else wrote later is told from one that is damaged.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from mdio_vds.chunks import ChunkEntry
from mdio_vds.enums import VolumeDataFormat
from mdio_vds.values import constant_code, no_value_code, stored_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["chunk_hash", "constant_hash", "is_ours", "payload_hash", "verify_hash"]

_TAG = 0x6D64_696F  # "mdio": neither 0 nor all ones nor the tag of constants
_CONSTANT = 0x0101_0101
_NO_VALUE = 0xFFFF_FFFF_FFFF_FFFF
_QUANTISED = (VolumeDataFormat.Format_U8, VolumeDataFormat.Format_U16)
_EXACT = (VolumeDataFormat.Format_1Bit, *_QUANTISED, VolumeDataFormat.Format_R32)


def chunk_hash(values: NDArray[Any], channel: ChannelDescriptor, payload: bytes | memoryview) -> int:
    """Return the 64-bit hash of a chunk, never 0.

    Parameters
    ----------
    values
        Stored codes of all voxels.
    channel
        The channel.
    payload
        The encoded chunk. Where :func:`constant_hash` gives a hash, nothing has to be encoded or stored.
    """
    constant = constant_hash(values, channel)
    return payload_hash(payload) if constant is None else constant


def payload_hash(payload: bytes | memoryview) -> int:
    """Return the hash of a chunk that is stored: our tag, then the CRC32C of the payload."""
    check: int = google_crc32c.value(np.frombuffer(payload, np.uint8))  # it refuses memory that may be written to
    return _TAG << 32 | check


def verify_hash(hash: int, payload: bytes | memoryview) -> bool | None:
    """Return whether a payload is the one its hash was made from; None where the hash is not one of ours."""
    return hash == payload_hash(payload) if is_ours(hash) else None


def is_ours(hash: int) -> bool:
    """Return whether a hash is a check of a payload that we wrote."""
    return hash >> 32 == _TAG


def constant_hash(values: NDArray[Any], channel: ChannelDescriptor) -> int | None:
    """Return the hash of a chunk that takes no payload, or None where it takes one.

    That is a chunk all of whose voxels are bit by bit the same, and which readers expand to exactly those bits:

    - every voxel is "no value", or
    - the format is 1Bit, U8, U16 or R32. The hash holds the real value in single precision, which U32, U64 and R64
      values do not fit into in general.

    Voxels of several components are stored always.

    Parameters
    ----------
    values
        Stored codes of all voxels.
    channel
        The channel.
    """
    if channel.components != 1 or not _all_the_same(values):
        return None
    code = values[(0,) * values.ndim].astype(stored_dtype(channel))
    if channel.format is VolumeDataFormat.Format_1Bit:
        return _constant(float(code))
    if channel.no_value is not None and _is_no_value(code, channel.no_value, channel):
        return _NO_VALUE
    if channel.format not in _EXACT:
        return None
    if channel.format in _QUANTISED:
        return _quantised(int(code), channel)
    hash = _CONSTANT << 32 | int(code.view(np.uint32))
    # A signalling NaN turns into a quiet one on its way through readers.
    return hash if constant_code(channel, ChunkEntry(hash).constant).tobytes() == code.tobytes() else None


def _all_the_same(values: NDArray[Any]) -> bool:
    bits = values.view(f"u{values.itemsize}")
    first = bits[(0,) * bits.ndim]
    # One row tells nearly every chunk that is not.
    return bool((bits[(0,) * (bits.ndim - 1)] == first).all() and (bits == first).all())


def _is_no_value(code: np.generic, value: float, channel: ChannelDescriptor) -> bool:
    if code.tobytes() != no_value_code(channel).tobytes():
        return False
    # Readers hold the channel's value in single precision, and round it for U32 and U64 in their own ways: where the
    # code is not that very number (or a zero of the other sign), they would expand to something else.
    return channel.format in _QUANTISED or np.float64(code).tobytes() == np.float64(np.float32(value)).tobytes()


def _quantised(code: int, channel: ChannelDescriptor) -> int | None:
    scale, offset = channel.integer_scale, channel.integer_offset
    real = float(np.float32(offset) + np.float32(scale) * np.float32(code))
    if not np.isfinite(real) or not scale or abs((real - offset) / scale - code) > 0.25:
        return None  # far from the rounding points, so that single and double precision give the same code
    return _constant(real) if int(constant_code(channel, real)) == code else None


def _constant(value: float) -> int:
    bits: int = struct.unpack("<I", struct.pack("<f", value))[0]
    return _CONSTANT << 32 | bits
