"""What a VDS under construction offers, wherever it lies; the counterpart of :mod:`mdio_vds.chunks`.

The container and the object layout both provide :class:`VdsTarget`. What was put can be read back at once, so that
levels of detail and page accessors work on a target as on a finished VDS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from mdio_vds.chunks import StoredLayer, VdsSource
from mdio_vds.enums import CompressionMethod
from mdio_vds.errors import VdsError
from mdio_vds.layout import LAYOUT_NAME

__all__ = ["LayerTarget", "TargetContents", "VdsTarget"]


class LayerTarget(StoredLayer, Protocol):
    """One layer under construction."""

    def put(
        self, index: int, hash: int, payload: bytes | memoryview = b"", levels: bytes = b"", decoded: int = 0
    ) -> None:
        """Store a chunk behind all others; again with another payload replaces it. Any order, any thread.

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
        decoded
            Bytes of the chunk without compression, with or without payload; wavelet layers record their sum.

        Raises
        ------
        ValueError
            A payload where the hash says that there is none, or none where it says that there is one.
        IndexError
            There is no such chunk.
        """
        ...

    def put_at(
        self,
        index: int,
        hash: int,
        offset: int,
        payload: bytes | memoryview = b"",
        levels: bytes = b"",
        decoded: int = 0,
    ) -> None:
        """Store a chunk at an offset of the caller's choice, in bytes, so that a run goes the same way twice.

        Offsets begin at :attr:`VdsTarget.start`, and the caller keeps payloads apart. The object layout has no
        offsets and leaves them aside. Any thread.
        """
        ...

    def restore(self, index: int, hash: int, offset: int, length: int, levels: bytes = b"", decoded: int = 0) -> None:
        """Take up a chunk that an earlier run put at ``offset``; its ``length`` bytes are not looked at."""
        ...


class VdsTarget(VdsSource, Protocol):
    """A VDS under construction, or one that is being edited."""

    @property
    def start(self) -> int:
        """First offset in bytes at which a chunk may be put; 0 where there are no offsets."""
        ...

    @property
    def layers(self) -> Mapping[str, LayerTarget]:
        """Layers by name, also those added since."""
        ...

    def add_layer(self, name: str, method: CompressionMethod, tolerance: float, chunk_count: int) -> LayerTarget:
        """Return a new layer, all of whose chunks are unwritten."""
        ...

    def layer(self, name: str) -> LayerTarget:
        """Return a layer by its name."""
        ...

    def commit(self, layout: bytes) -> None:
        """Write tables and the ``VolumeDataLayout`` JSON, what makes it readable last.

        No chunk may be put meanwhile. What is new is finished with it; editing may go on.
        """
        ...

    def abort(self) -> None:
        """Leave nothing behind of what was not there before."""
        ...


L = TypeVar("L", bound=LayerTarget)


class TargetContents(Generic[L]):
    """Layers and layout of a target, wherever it lies."""

    url: str
    _layers: dict[str, L]
    _layout: bytes | None

    @property
    def layers(self) -> Mapping[str, L]:
        """Layers by name, also those added since."""
        return self._layers

    def layer(self, name: str) -> L:
        """Return a layer by its name.

        Raises
        ------
        VdsError
            There is none.
        """
        try:
            return self._layers[name]
        except KeyError:
            raise VdsError(
                f"there is no layer {name!r}", url=self.url, hint=f"there are: {', '.join(self._layers) or 'none'}"
            ) from None

    def layout_json(self) -> bytes:
        """Return the JSON of the last commit.

        Raises
        ------
        VdsError
            There was none.
        """
        if self._layout is None:
            raise VdsError("the layout is not written yet", url=self.url, name=LAYOUT_NAME)
        return self._layout
