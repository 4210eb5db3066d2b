"""Which encoding the layers of a channel get when one was asked for (VDS specification section 8.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdio_vds.chunk_codes import Encoding
from mdio_vds.enums import CompressionMethod, VolumeDataFormat

if TYPE_CHECKING:
    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["LEAST_TOLERANCE", "holds_wavelets", "layer_encoding", "lod_tolerance"]

LEAST_TOLERANCE = float(np.float32(0.01))
"""What layers record that lose nothing, and the smallest that others may have."""

_FORMATS = (VolumeDataFormat.Format_U8, VolumeDataFormat.Format_U16, VolumeDataFormat.Format_R32)
_LOSSY = {
    CompressionMethod.WaveletLossless: CompressionMethod.Wavelet,
    CompressionMethod.WaveletNormalizeBlockLossless: CompressionMethod.WaveletNormalizeBlock,
}


def holds_wavelets(channel: ChannelDescriptor) -> bool:
    """Whether readers find wavelet streams of a channel: one component of a narrow format that may lose something."""
    return (
        channel.components == 1
        and channel.format in _FORMATS
        and channel.allow_lossy_compression
        and not channel.discrete
    )


def layer_encoding(
    channel: ChannelDescriptor,
    method: CompressionMethod,
    tolerance: float,
    lod: int = 0,
    *,
    instead: CompressionMethod = CompressionMethod.RLE,
    level: int | None = None,
) -> Encoding:
    """Return the encoding of a layer.

    Parameters
    ----------
    channel
        Its channel.
    method, tolerance
        What was asked for.
    lod
        Level of detail of the layer: coarser ones lose something whatever full resolution does.
    instead
        Method of channels that cannot be wavelets: RLE, or Zip.
    level
        Zip level.
    """
    if not holds_wavelets(channel):
        narrow = channel.format in _FORMATS and channel.allow_lossy_compression and not channel.discrete
        recorded = lod_tolerance(LEAST_TOLERANCE if narrow else 0.0, lod)
        return Encoding(instead if method.is_wavelet else method, recorded, level)
    if method in _LOSSY:
        tolerance = LEAST_TOLERANCE
        method = _LOSSY[method] if lod else method
    return Encoding(method, lod_tolerance(max(tolerance, LEAST_TOLERANCE), lod), level)


def lod_tolerance(tolerance: float, lod: int) -> float:
    """Return the tolerance that a layer records, from that of full resolution; 0 stays 0."""
    return max(tolerance, 2.0) * 2 ** min(lod, 2) if tolerance and lod else tolerance
