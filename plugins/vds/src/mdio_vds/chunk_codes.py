"""Chunks as they are stored from the codes of their voxels: hash, payload and level bytes, whatever the method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdio.exceptions import CodecError
from mdio_vds.encoding import encode_block
from mdio_vds.hashes import constant_hash, payload_hash
from mdio_vds.payloads import encode_wavelet_payload
from mdio_vds.wavelet.unusual import UnkeptToleranceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.enums import CompressionMethod
    from mdio_vds.targets import LayerTarget

__all__ = ["EncodedChunk", "Encoding"]


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """A chunk as it is stored.

    Parameters
    ----------
    index
        Its number.
    hash
        Its 64-bit hash.
    payload
        Encoded bytes; constant chunks have none.
    levels
        The 16 adaptive level bytes of wavelet chunks.
    decoded
        Bytes without compression; 0 where there is no payload.
    """

    index: int
    hash: int
    payload: bytes | memoryview = b""
    levels: bytes = b""
    decoded: int = 0

    def put(self, layer: LayerTarget) -> None:
        """Store the chunk behind all others."""
        layer.put(self.index, self.hash, self.payload, self.levels, self.decoded)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the chunks of a layer are encoded; safe to use from several threads.

    Parameters
    ----------
    method
        Method of the layer.
    tolerance
        Tolerance of the layer, which wavelet methods keep.
    level
        Zip level.
    """

    method: CompressionMethod
    tolerance: float = 0.0
    level: int | None = None

    def chunk(
        self,
        index: int,
        codes: NDArray[Any],
        channel: ChannelDescriptor,
        memory: Callable[[int], NDArray[np.uint8]] | None = None,
    ) -> EncodedChunk:
        """Encode a chunk.

        Parameters
        ----------
        index
            Its number.
        codes
            Stored codes of all voxels, axes of the group, slowest first, then the components where there are several.
        channel
            The channel.
        memory
            See :func:`mdio_vds.encoding.encode_block`.

        Raises
        ------
        CodecError
            A lossy method cannot hold the chunk within the tolerance.
        PluginNotInstalledError
            It is a wavelet method, and numba is missing.
        """
        constant = constant_hash(codes, channel)
        if constant is not None:
            return EncodedChunk(index, constant)
        if not self.method.is_wavelet:
            payload = encode_block(codes, self.method, channel, level=self.level, memory=memory)
            return EncodedChunk(index, payload_hash(payload), payload, decoded=codes.nbytes)
        try:
            stream, levels = encode_wavelet_payload(codes, self.method, channel, self.tolerance)
        except UnkeptToleranceError as error:
            raise CodecError(
                f"{channel.name} chunk {index} cannot be compressed with {self.method.label}: {error}",
                hint="WaveletLossless, Zip and RLE hold everything",
            ) from None
        return EncodedChunk(index, payload_hash(stream), stream, levels, codes.nbytes)
