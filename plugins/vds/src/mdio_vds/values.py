"""Stored codes and the sample values they mean (VDS specification sections 7 and 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.enums import VolumeDataFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = [
    "as_type",
    "constant_code",
    "no_value_code",
    "sample_codes",
    "sample_dtype",
    "sample_values",
    "stored_dtype",
]

_QUANTISED = {VolumeDataFormat.Format_U8: 8, VolumeDataFormat.Format_U16: 16}


def stored_dtype(channel: ChannelDescriptor) -> np.dtype[Any]:
    """Return the native type of stored codes; uint8 for 1Bit."""
    return np.dtype(channel.format.typestr).newbyteorder("=")


def sample_dtype(channel: ChannelDescriptor) -> np.dtype[Any]:
    """Return the type in which samples lose nothing and mean what they are.

    U8 and U16 with scale 1 are integers: unsigned with offset 0, signed with offset -128 or -32768 (the way int8 and
    int16 samples are stored, section 13). Any other scale or offset gives float32. All else is as stored.
    """
    bits = _QUANTISED.get(channel.format)
    if bits is None or (channel.integer_scale, channel.integer_offset) == (1.0, 0.0):
        return stored_dtype(channel)
    if (channel.integer_scale, channel.integer_offset) == (1.0, -float(2 ** (bits - 1))):
        return np.dtype(f"i{bits // 8}")
    return np.dtype("f4")


def sample_values(codes: NDArray[Any], channel: ChannelDescriptor) -> NDArray[Any]:
    """Turn stored codes into samples of :func:`sample_dtype`; may reuse the memory of ``codes``."""
    target = sample_dtype(channel)
    if target == codes.dtype:
        return codes
    if target.kind == "i":
        # Subtracting half the range is flipping the highest bit.
        codes ^= codes.dtype.type(1 << (8 * codes.dtype.itemsize - 1))
        return codes.view(target)
    values = codes.astype(np.float32)
    values *= np.float32(channel.integer_scale)
    values += np.float32(channel.integer_offset)
    if channel.no_value is not None:
        values[codes == no_value_code(channel)] = channel.no_value
    return values


def sample_codes(samples: NDArray[Any], channel: ChannelDescriptor) -> NDArray[Any]:
    """Return the stored codes of samples, the inverse of :func:`sample_values` and :func:`as_type`; may be a view.

    U8 and U16 of another scale than 1 are quantised as the format wants it (section 11): single precision, half up,
    values outside of the range at its ends.

    Raises
    ------
    ValueError
        The channel cannot hold a value.
    """
    stored = stored_dtype(channel)
    bits = _QUANTISED.get(channel.format)
    if bits is not None and sample_dtype(channel).kind == "f":
        return _quantised(samples, channel, bits)
    if samples.dtype == stored:
        return samples
    if samples.dtype.kind == "i" and samples.dtype.itemsize == stored.itemsize and stored.kind == "u":
        codes = samples.view(stored)
        return codes ^ stored.type(1 << (bits - 1)) if bits is not None else codes
    codes = samples.astype(stored)
    if samples.dtype.kind in "iu" and not np.array_equal(codes, samples):
        raise ValueError(f"a sample has no exact place in {channel.format.label}")
    return codes


def _quantised(samples: NDArray[Any], channel: ChannelDescriptor, bits: int) -> NDArray[Any]:
    top = np.float32(2**bits - 1 - (channel.no_value is not None))
    low, high = (np.float32(end) for end in channel.value_range)
    codes = (samples.astype(np.float32) - low) * (top / (high - low))
    np.nan_to_num(codes, copy=False)
    quantised: NDArray[Any] = np.floor(np.clip(codes, 0, top) + np.float32(0.5)).clip(0, top)
    return quantised.astype(stored_dtype(channel))


def as_type(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return samples in the type that they had before they were stored; may reuse memory.

    Signed integers of 64 bits are stored as the bits of unsigned ones, shorter ones as numbers.
    """
    if values.dtype == dtype:
        return values
    if values.dtype == np.uint64 and dtype == np.int64:
        return values.view(dtype)
    return (np.rint(values) if dtype.kind in "iu" and values.dtype.kind == "f" else values).astype(dtype)


def no_value_code(channel: ChannelDescriptor) -> NDArray[Any]:
    """Return the code of "no value", without dimensions: the largest for U8 and U16, 0 for 1Bit (section 7)."""
    stored = stored_dtype(channel)
    bits = _QUANTISED.get(channel.format)
    if bits is not None:
        return np.asarray(2**bits - 1, stored)
    one_bit = channel.format is VolumeDataFormat.Format_1Bit
    return _fitted(0.0 if one_bit else channel.no_value or 0.0, stored)


def constant_code(channel: ChannelDescriptor, value: float) -> NDArray[Any]:
    """Return the stored code, without dimensions, of a constant chunk's real value (section 7)."""
    stored = stored_dtype(channel)
    bits = _QUANTISED.get(channel.format)
    if channel.format is VolumeDataFormat.Format_1Bit:
        return np.asarray(value != 0, stored)
    if bits is None:
        return _fitted(value, stored)
    top = 2**bits - 1 - (channel.no_value is not None)
    code = np.floor((value - channel.integer_offset) / (channel.integer_scale or 1.0) + 0.5)
    return np.asarray(np.clip(np.nan_to_num(code), 0, top), stored)


def _fitted(value: float, stored: np.dtype[Any]) -> NDArray[Any]:
    if stored.kind == "u":
        # The largest single below the type's limit: the limit itself is not representable.
        limit = np.nextafter(np.float32(2.0 ** (8 * stored.itemsize)), np.float32(0))
        return np.asarray(np.clip(np.nan_to_num(value), 0, limit)).astype(stored)
    return np.asarray(value, stored)
