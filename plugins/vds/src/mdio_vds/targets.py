"""What a VDS under construction offers, wherever it lies; the counterpart of :mod:`mdio_vds.chunks`.

The container and the object layout both provide :class:`VdsTarget`. What was put can be read back at once, so that
levels of detail and page accessors work on a target as on a finished VDS.
"""

from __future__ import annotations

from typing import Protocol

from mdio_vds.chunks import StoredLayer, VdsSource
from mdio_vds.enums import CompressionMethod

__all__ = ["LayerTarget", "VdsTarget"]


class LayerTarget(StoredLayer, Protocol):
    """One layer under construction."""

    def put(self, index: int, hash: int, payload: bytes = b"", levels: bytes = b"") -> None:
        """Store a chunk; again with another payload replaces it. Any order, any thread.

        Parameters
        ----------
        index
            Number of the chunk.
        hash
            Its 64-bit hash; constant and no-value chunks have no payload (VDS specification section 7).
        payload
            Encoded bytes.
        levels
            The 16 adaptive level bytes of wavelet layers.
        """
        ...


class VdsTarget(VdsSource, Protocol):
    """A VDS under construction, or one that is being edited."""

    def add_layer(self, name: str, method: CompressionMethod, tolerance: float, chunk_count: int) -> LayerTarget:
        """Return a new layer, all of whose chunks are unwritten."""
        ...

    def layer(self, name: str) -> LayerTarget:
        """Return a layer by its name."""
        ...

    def commit(self, layout: bytes) -> None:
        """Write tables and the ``VolumeDataLayout`` JSON, what makes it readable last."""
        ...

    def abort(self) -> None:
        """Leave nothing behind of what was not there before."""
        ...
