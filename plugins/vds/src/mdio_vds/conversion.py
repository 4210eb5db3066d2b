"""From stored codes to the sample format that a request asks for (VDS specification section 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.enums import VolumeDataFormat
from mdio_vds.values import no_value_code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["convert_codes", "convert_reals", "has_value", "real_values", "target_dtype"]

_QUANTISED = {VolumeDataFormat.Format_U8: 256, VolumeDataFormat.Format_U16: 65536}
_SINGLE = (
    VolumeDataFormat.Format_1Bit,
    VolumeDataFormat.Format_U8,
    VolumeDataFormat.Format_U16,
    VolumeDataFormat.Format_R32,
)


def target_dtype(target: VolumeDataFormat) -> np.dtype[Any]:
    """Return the native type of an element of a request; uint8 holding 0 or 1 for 1Bit."""
    return np.dtype(target.typestr).newbyteorder("=")


def has_value(codes: NDArray[Any], channel: ChannelDescriptor, replacement: float | None) -> NDArray[np.bool_] | None:
    """Return which stored codes are values, or None when all of them are.

    A replacement that is given turns "no value" on for a channel that has none, and then it is the largest code of U8
    and U16 and 0 of all other formats. That is how the reference implementation behaves.
    """
    if channel.no_value is None and replacement is None:
        return None
    if channel.format is VolumeDataFormat.Format_1Bit:
        return None
    mask: NDArray[np.bool_] = codes != no_value_code(channel)
    return mask


def real_values(codes: NDArray[Any], channel: ChannelDescriptor) -> NDArray[Any]:
    """Return the real values of stored codes: float64 for U32, R64 and U64, else float32."""
    if channel.format not in _SINGLE:
        return codes.astype(np.float64, copy=False)
    values = codes.astype(np.float32, copy=False)
    if channel.format in _QUANTISED and (channel.integer_scale, channel.integer_offset) != (1.0, 0.0):
        values *= np.float32(channel.integer_scale)
        values += np.float32(channel.integer_offset)
    return values


def convert_codes(
    codes: NDArray[Any], channel: ChannelDescriptor, target: VolumeDataFormat, replacement: float | None = None
) -> NDArray[Any]:
    """Return stored codes in the format of a request.

    Parameters
    ----------
    codes
        Stored codes of the channel, any shape; zeros and ones for 1Bit.
    channel
        The channel.
    target
        Wanted format. U8 and U16 spread the channel's value range over the codes of the type, all but the last where
        there is "no value"; of a channel with as many bits or fewer they are its codes.
    replacement
        What stands for "no value" in R32, U32, R64 and U64; the channel's own value when None. See :func:`has_value`.

    Returns
    -------
    ndarray
        Shape of ``codes``, type :func:`target_dtype`; ``codes`` itself where nothing changes. NaN becomes 0 in integer
        formats, and what they cannot hold their smallest or largest number.
    """
    stored = channel.format
    if stored is target and (target in _QUANTISED or target is VolumeDataFormat.Format_1Bit):
        return codes
    valid = has_value(codes, channel, replacement)
    if target is VolumeDataFormat.Format_1Bit:
        ones = codes != 0
        return np.asarray(ones if valid is None else ones & valid, np.uint8)
    if stored < target and target in _QUANTISED:
        return _marked(codes.astype(target_dtype(target)), valid, 65535)
    if target in _QUANTISED:
        return _quantised(real_values(codes, channel).astype(np.float32, copy=False), channel, target, valid)
    kept = channel.no_value or 0.0 if replacement is None else replacement
    exact = codes if stored.label[0] != "R" and stored not in _QUANTISED else real_values(codes, channel)
    if target in (VolumeDataFormat.Format_U32, VolumeDataFormat.Format_U64):
        dtype = target_dtype(target)
        return _marked(_whole(exact, dtype), valid, _whole(np.asarray(kept, np.float32), dtype))
    with np.errstate(over="ignore"):  # a double beyond the range of singles is infinite
        return _marked(exact.astype(target_dtype(target), copy=valid is not None), valid, np.float32(kept))


def convert_reals(
    values: NDArray[Any],
    channel: ChannelDescriptor,
    target: VolumeDataFormat,
    valid: NDArray[np.bool_] | None = None,
) -> NDArray[Any]:
    """Return interpolated values in the format of a request; where ``valid`` is false U8 and U16 get "no value"."""
    if target is VolumeDataFormat.Format_1Bit:
        return np.asarray(values != 0, np.uint8)
    if target in _QUANTISED:
        return _quantised(values.astype(np.float32, copy=False), channel, target, valid)
    if target in (VolumeDataFormat.Format_U32, VolumeDataFormat.Format_U64):
        return _whole(values, target_dtype(target))
    return values.astype(target_dtype(target), copy=False)


def _marked(values: NDArray[Any], valid: NDArray[np.bool_] | None, mark: Any) -> NDArray[Any]:
    if valid is not None:
        values[~valid] = mark
    return values


def _quantised(
    values: NDArray[Any], channel: ChannelDescriptor, target: VolumeDataFormat, valid: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """Spread the value range over the codes; all in float32, as the reference implementation does."""
    buckets = _QUANTISED[target] - (valid is not None or channel.no_value is not None)
    low, high = (np.float32(limit) for limit in channel.value_range)
    top = np.float32(buckets - 1)
    with np.errstate(all="ignore"):  # not a number, infinite, and a range of no width
        scaled = (values - low) * (top / (high - low))
        scaled += np.float32(0.5)
    np.nan_to_num(scaled, copy=False, nan=0.0)
    np.clip(scaled, 0, top, out=scaled)
    return _marked(scaled.astype(target_dtype(target)), valid, _QUANTISED[target] - 1)


def _whole(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the nearest whole numbers, halves upwards, clamped to what the unsigned type holds."""
    largest = np.iinfo(dtype).max
    if values.dtype.kind == "u":
        if values.dtype.itemsize > dtype.itemsize:
            values = np.minimum(values, values.dtype.type(largest))
        return values.astype(dtype)
    # The largest number of the float type below the limit, which itself may not be representable.
    limit = values.dtype.type(largest)
    beyond = values >= limit
    rounded = values + values.dtype.type(0.5)
    rounded = np.where((values > 0) & ~beyond, rounded, values.dtype.type(0))
    # Adding a half may round up to the limit.
    whole = np.minimum(rounded, np.nextafter(limit, values.dtype.type(0))).astype(dtype)
    return np.asarray(np.where(beyond, largest, whole), dtype)
