"""Wavelet payloads from the voxels of a chunk: the steps of VDS specification section 9 from the last to the first.

Lossy voxels are as near as the tolerance promises (:mod:`mdio_vds.wavelet.bounds`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.values import stored_dtype
from mdio_vds.wavelet.amplitude import divide_by_amplitude
from mdio_vds.wavelet.bands import pyramid
from mdio_vds.wavelet.bounds import (
    LEAST_CODES,
    PLAIN,
    ROUNDED,
    SMALLEST,
    WHOLE,
    Bound,
    bound_coefficients,
    free_coefficients,
)
from mdio_vds.wavelet.holes import fill_holes
from mdio_vds.wavelet.levels_out import level_bytes
from mdio_vds.wavelet.normalise import multiply_by_field
from mdio_vds.wavelet.runs_out import ABSENT, coded_bytes, leading_zeros, no_value_section, zero_section
from mdio_vds.wavelet.stream import LARGEST, Flags
from mdio_vds.wavelet.tree_section import tree_section
from mdio_vds.wavelet.unusual import UnkeptToleranceError, unusual_voxels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.wavelet.tree_section import Quantised

__all__ = ["UnkeptToleranceError", "encode_wavelet"]

_VERSION: Final = 673
_HEADER: Final = struct.Struct("<6i")
_THRESHOLDS: Final = struct.Struct("<ffi")
_RESIDUAL: Final = struct.Struct("<5i")
_LOSSLESS: Final = (CompressionMethod.WaveletLossless, CompressionMethod.WaveletNormalizeBlockLossless)
_NORMALISED: Final = (CompressionMethod.WaveletNormalizeBlock, CompressionMethod.WaveletNormalizeBlockLossless)
_CODE_STEP: Final = {VolumeDataFormat.Format_U8: 1.0, VolumeDataFormat.Format_U16: 256.0}
_NORMALISED_STEP: Final = 27.650514602661133  # what the reference implementation has for a tolerance of 1
_RANGE_STEPS: Final = 255  # a tolerance of 1 is a step of 8-bit codes, whatever the format
_LARGEST: Final = 1e33


def encode_wavelet(
    codes: NDArray[Any], method: CompressionMethod, channel: ChannelDescriptor, tolerance: float
) -> tuple[bytes, bytes]:
    """Encode a chunk with any of the four wavelet methods; safe to call from several threads.

    The same codes always give the same bytes. What readers decode is

    - with a lossless method, the codes to the last bit;
    - with method Wavelet, codes that are less than a step off (R32), or a step at most (U8, U16). A step is
      ``tolerance`` 255ths of the range of values for R32, ``tolerance`` codes of U8, or 256 times as many of U16; with
      steps below 1 integers are exact. Voxels without value are exactly that, and so are zeros at the start of rows;
    - with method WaveletNormalizeBlock, codes whose quality goes with the amplitude around them. Nothing is promised
      but voxels without value.

    Parameters
    ----------
    codes
        Stored codes as :func:`mdio_vds.wavelet.decode.decode_wavelet` returns them, in either byte order: one to
        three axes, slowest dimension first, 1 to 512 voxels each.
    method
        One of the four methods.
    channel
        The channel: one component, format R32, U8 or U16. Its range of values scales the tolerance of R32.
    tolerance
        Of the layer. Lossless layers have one too, for those who read less than everything.

    Returns
    -------
    tuple of bytes
        The payload, and the 16 adaptive level bytes of the chunk.

    Raises
    ------
    UnkeptToleranceError
        A lossy stream cannot hold the chunk: there are infinities or not-a-numbers other than "no value", or numbers
        so much larger than the tolerance that single precision cannot keep it. A lossless method holds everything.
    ValueError
        Not a wavelet method, or codes, channel or tolerance that do not fit.
    """
    _check(codes, method, channel, tolerance)
    dimensions = codes.ndim
    original = np.ascontiguousarray(codes, stored_dtype(channel)).reshape((1, 1, *codes.shape)[-3:])
    # There may be anything in a chunk; what overflows is found out.
    with np.errstate(all="ignore"):
        return _encoded(original, dimensions, method, channel, tolerance)


def _check(codes: NDArray[Any], method: CompressionMethod, channel: ChannelDescriptor, tolerance: float) -> None:
    if not method.is_wavelet:
        raise ValueError(f"{method.label} is not a wavelet method")
    if channel.components != 1 or channel.format not in (*_CODE_STEP, VolumeDataFormat.Format_R32):
        raise ValueError(f"{channel.components} components of {channel.format.label} are never wavelet streams")
    if codes.dtype.newbyteorder("=") != stored_dtype(channel):
        raise ValueError(f"{codes.dtype} codes in a channel of {channel.format.label}")
    if not 1 <= codes.ndim <= 3 or not all(1 <= length <= LARGEST for length in codes.shape):
        raise ValueError(f"codes of shape {codes.shape} are no wavelet chunk")
    if not 0 < tolerance < np.inf:
        raise ValueError(f"a tolerance of {tolerance} is not possible")


def _encoded(
    original: NDArray[Any], dimensions: int, method: CompressionMethod, channel: ChannelDescriptor, tolerance: float
) -> tuple[bytes, bytes]:
    exact, normalised = method in _LOSSLESS, method in _NORMALISED
    sizes: tuple[int, int, int] = original.shape[::-1]
    shape = pyramid(sizes, dimensions)
    values = original.astype(np.float32)
    unusual = unusual_voxels(original, channel, exact=exact)
    if unusual is not None:
        fill_holes(values, unusual.holes.view(np.uint8))
    missing = unusual if unusual is not None and unusual.missing.any() else None
    single = channel.format is VolumeDataFormat.Format_R32
    zeros = leading_zeros(original) if single else None
    field = divide_by_amplitude(values) if normalised else None
    step = _layer_step(method, channel, tolerance)
    kind = PLAIN
    if not single and not normalised:
        np.rint(values, out=values)  # what fills holes are means
        kind = WHOLE if exact or step < LEAST_CODES else ROUNDED
    tree: Quantised | None
    if exact or normalised or kind is WHOLE:
        tree = free_coefficients(values, shape, kind, step)
    else:
        bound = Bound(original, None if missing is None else missing.missing, channel, step)
        tree = bound_coefficients(values, shape, kind, step, bound)
        if tree is None and not single:
            kind = WHOLE
            tree = free_coefficients(values, shape, kind, step)
    if tree is None:
        raise UnkeptToleranceError(f"no lossy stream holds the chunk to within {step:g}")
    flags = kind.flags
    if flags and channel.format is VolumeDataFormat.Format_U16:
        flags |= Flags.SOURCE_16_BIT
    section, needed = tree_section(tree)
    parts = [
        zero_section(zeros, sizes[0]),
        ABSENT if missing is None else no_value_section(missing.missing, missing.value),
        b"" if field is None else field.tobytes(),
        _THRESHOLDS.pack(tree.step, tree.start, len(section)),
    ]
    before = _HEADER.size + sum(len(part) for part in parts)
    parts += [section, bytes(-len(section) % 4)]
    if exact and not flags:
        kind.inverse(tree.known, shape.sizes, shape.masks, kind.scale)
        decoded = tree.known.reshape(original.shape)
        if missing is not None:
            decoded[missing.missing] = missing.value
        if field is not None:
            multiply_by_field(decoded, field)
        if zeros is not None:
            decoded.reshape(-1, sizes[0])[np.arange(sizes[0]) < zeros[:, None]] = 0
        parts.append(_residual(original.astype(np.float32, copy=False), decoded))
    total = _HEADER.size + sum(len(part) for part in parts)
    header = _HEADER.pack(_VERSION, total + -total % 4, *sizes, dimensions | int(flags) << 8)
    payload = b"".join((header, *parts, bytes(-total % 4)))
    return payload, level_bytes(len(payload), [before + size for size in needed])


def _layer_step(method: CompressionMethod, channel: ChannelDescriptor, tolerance: float) -> float:
    """Return the weight of the lowest plane, in single precision, for the tolerance of a layer (section 9.10)."""
    if method in _NORMALISED:
        step = _NORMALISED_STEP * tolerance
    elif channel.format is VolumeDataFormat.Format_R32:
        low, high = channel.value_range
        step = tolerance * (high - low) / _RANGE_STEPS
    else:
        return float(np.floor(_CODE_STEP[channel.format] * tolerance))  # readers expect whole numbers
    return float(np.float32(min(max(step, SMALLEST), _LARGEST)))


def _residual(original: NDArray[np.float32], decoded: NDArray[np.float32]) -> bytes:
    """Return the section that makes voxels exact (section 9.8, step 4)."""
    bits = original.reshape(-1).view(np.uint32) ^ decoded.reshape(-1).view(np.uint32)
    planes = bits.astype("<u4", copy=False).view(np.uint8).reshape(-1, 4)
    coded = []
    for number in range(4):
        plane = np.ascontiguousarray(planes[:, number])
        coded.append(coded_bytes(plane) if plane.any() else (0, b""))
    return b"".join((_RESIDUAL.pack(0, *(size for size, _ in coded)), *(body for _, body in coded)))
