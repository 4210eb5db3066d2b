"""Voxels of a wavelet chunk from its payload: the steps of VDS specification section 9 one after the other."""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.blocks import BlockError
from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.values import no_value_code, stored_dtype
from mdio_vds.wavelet.adaptive import BEST
from mdio_vds.wavelet.bands import FIELD_BITS, pyramid
from mdio_vds.wavelet.normalise import multiply_by_field
from mdio_vds.wavelet.planes import BYTE_BITS, place_values
from mdio_vds.wavelet.residual import apply_residual
from mdio_vds.wavelet.runs import clear_zero_runs, no_value_mask
from mdio_vds.wavelet.stream import TABLE_PLANES, Flags, parse_stream
from mdio_vds.wavelet.transform import LOW_SCALE, inverse, inverse_rounded
from mdio_vds.wavelet.tree import KNOWN, walk_irregular, walk_regular

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.wavelet.bands import Pyramid
    from mdio_vds.wavelet.stream import Stream

__all__ = ["decode_wavelet"]

_FORMATS: Final = (VolumeDataFormat.Format_U8, VolumeDataFormat.Format_U16, VolumeDataFormat.Format_R32)
_LOSSLESS: Final = (CompressionMethod.WaveletLossless, CompressionMethod.WaveletNormalizeBlockLossless)
_TABLE: Final = struct.Struct(f"<{TABLE_PLANES}i")
_PROBLEMS: Final = {1: "the bit planes are cut off", 2: "the trees have more nodes than the chunk"}


def decode_wavelet(
    payload: bytes, method: CompressionMethod, channel: ChannelDescriptor, shape: Sequence[int], level: int = BEST
) -> NDArray[Any]:
    """Decode a payload of any of the four wavelet methods; safe to call from several threads.

    Parameters
    ----------
    payload
        A whole stream; at levels from 0 on its first bytes will do
        (:func:`mdio_vds.wavelet.adaptive.prefix_length`).
    method
        Method of the layer.
    channel
        The channel: one component, format R32, U8 or U16.
    shape
        Stored lengths along the dimensions of the group, lowest dimension (fastest) first: 1 to 3 numbers.
    level
        Adaptive level: -1 decodes everything, 0 leaves out the lossless part, each further one a bit plane.

    Returns
    -------
    ndarray
        Stored values in native byte order, shape reversed (slowest dimension first), freshly made.

    Raises
    ------
    BlockError
        The payload does not fit.
    """
    if channel.components != 1 or channel.format not in _FORMATS:
        raise BlockError(f"{channel.components} components of {channel.format.label} are never wavelet streams")
    stream = parse_stream(payload, method, tuple(shape), prefix=level > BEST)
    with np.errstate(all="ignore"):  # damaged numbers may overflow; they are as good as any
        values = _coefficients(stream, max(level, 0))
        invert = inverse_rounded if stream.flags & Flags.INTEGER else inverse
        shape_of = pyramid(stream.sizes, stream.dimensions)
        scale = 1.0 if stream.flags & Flags.LOSSLESS_INTEGER else LOW_SCALE
        invert(values, shape_of.sizes, shape_of.masks, scale)
        return _finished(stream, method, channel, values, level).reshape(shape[::-1])


def _coefficients(stream: Stream, bottom: int) -> NDArray[np.float32]:
    """Return the coefficients of all bit planes from one on, in the places that the transform wants."""
    shape = pyramid(stream.sizes, stream.dimensions)
    if not shape.regular and stream.version < _VERSION_WITHOUT_SHORTCUT and _in_doubt(stream, shape):
        warnings.warn(
            f"chunks of {stream.sizes} voxels in streams of version {stream.version} may decode differently elsewhere",
            stacklevel=2,
        )
    at, end = stream.tree
    tables = 1 if shape.regular else 2
    first = at + tables * _TABLE.size
    at = first + 4 * shape.starts.size
    if at > end:
        raise BlockError("the raw values are cut off")
    values = np.zeros(int(np.prod(stream.sizes)), np.float32)
    values[shape.starts] = stream.data[first:at].view("<f4")
    top = stream.planes - 1
    bottom = min(bottom, top + 1)
    if shape.roots.size and bottom <= top:
        _add_planes(stream, shape, values, at, top, bottom)
    return values


_VERSION_WITHOUT_SHORTCUT: Final = 673


def _in_doubt(stream: Stream, shape: Pyramid) -> bool:
    """Whether old writers may have ordered the values of a chunk otherwise (the version note of section 9.5)."""
    return (
        stream.dimensions == 3
        and any(int(mask).bit_count() == 2 for mask in shape.masks)
        and bool((shape.sizes & 1).any())
    )


def _add_planes(stream: Stream, shape: Pyramid, values: NDArray[np.float32], at: int, top: int, bottom: int) -> None:
    nx, ny, _ = stream.sizes
    x, y, z = shape.corners.T
    pitches = nx, nx * ny
    size = len(shape.corners)
    lists = np.empty((3, shape.node_count), np.int64)
    places = [np.empty(shape.value_count // size, np.int32)]
    notes = [np.zeros((3, top + 2), np.int64)]
    members = [x + pitches[0] * y + pitches[1] * z]
    begin = stream.data, at, stream.tree[1], top, bottom, shape.roots, *pitches
    if shape.regular:
        mask = int(shape.masks[0])
        doubled = sum(((1 << FIELD_BITS) - 1) << d * FIELD_BITS for d in range(3) if mask >> d & 1)
        steps = x | y << FIELD_BITS | z << 2 * FIELD_BITS
        problem = walk_regular(*begin, doubled, steps, lists, places[0], notes[0])
    else:
        places.append(np.empty(shape.value_count, np.int32))
        notes.append(np.zeros((3, top + 2), np.int64))
        members.append(np.zeros(1, np.int64))
        problem = walk_irregular(
            *begin, shape.children, shape.band_counts, size, lists, places[0], places[1], notes[0], notes[1]
        )
    if problem:
        raise BlockError(_PROBLEMS[problem])
    weights = np.ldexp(np.float32(stream.step), np.arange(top + 1))
    base = 0.0 if stream.flags & Flags.INTEGER else stream.step / 2
    for number, (where, note, offsets) in enumerate(zip(places, notes, members, strict=True)):
        table = _TABLE.unpack_from(stream.data.data, stream.tree[0] + number * _TABLE.size)
        checked = slice(bottom, min(top + 1, TABLE_PLANES))
        if list(table[checked]) != (note[KNOWN, checked] // offsets.size).tolist():
            raise BlockError("the bit planes do not hold as many values as the stream says")
        place_values(stream.data, where, offsets, note, top, bottom, weights, base, BYTE_BITS, values)


def _finished(
    stream: Stream, method: CompressionMethod, channel: ChannelDescriptor, values: NDArray[np.float32], level: int
) -> NDArray[Any]:
    """Return stored codes from what the transform gave: the steps of section 9.8 in their order."""
    chunk = values.reshape(stream.sizes[::-1])
    exact = method in _LOSSLESS and level == BEST
    missing = None
    if stream.no_value is not None:
        missing = no_value_mask(stream.data, stream.no_value_runs, chunk.shape)
        chunk[missing] = stream.no_value
    if stream.field is not None:
        multiply_by_field(chunk, stream.field)
    if stream.zero_runs is not None:
        clear_zero_runs(stream.data, stream.zero_runs, chunk)
    if exact and not stream.flags & Flags.INTEGER:
        apply_residual(stream.data, stream.residual, chunk)
    if missing is not None and stream.field is not None:
        chunk[missing] = stream.no_value  # the reference implementation leaves the products, which mean nothing
    if channel.format is VolumeDataFormat.Format_R32:
        return values
    if not stream.flags & Flags.INTEGER:
        # The numbers are codes whatever the channel's scale and offset. The reference implementation takes them for
        # real values, and returns other codes than were written where the scale is not 1 or the offset not 0.
        values += np.float32(0.5)
        np.floor(values, out=values)
    # Lossy decoding must not turn the largest code into that of "no value". The reference implementation cuts that off
    # in exact decoding too, and so loses the voxels without value.
    stored = stored_dtype(channel)
    most = int(np.iinfo(stored).max) - (channel.no_value is not None and not exact)
    codes: NDArray[Any] = np.clip(np.nan_to_num(values, copy=False), 0, most, out=values).astype(stored)
    if missing is not None and channel.no_value is not None:
        codes[missing.reshape(-1)] = no_value_code(channel)
    return codes
