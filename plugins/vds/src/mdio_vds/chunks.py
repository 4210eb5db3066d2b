"""What a stored layer offers, wherever it lies: chunk entries and payload bytes.

The container and the object layout both provide :class:`StoredLayer`; everything above reads through it.
Chunk entries follow VDS specification section 7.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mdio_vds.enums import CompressionMethod
from mdio_vds.wavelet.adaptive import BEST

__all__ = ["ADAPTIVE_LEVELS", "ChunkEntry", "ChunkKind", "StoredLayer", "VdsSource"]

ADAPTIVE_LEVELS = 16
"""Adaptive level bytes in the chunk metadata of wavelet layers (section 9.9)."""

_NO_VALUE_HASH = 0xFFFF_FFFF_FFFF_FFFF
_CONSTANT_TAG = 0x0101_0101


class ChunkKind(Enum):
    """What the hash of a chunk says about it."""

    UNWRITTEN = "unwritten"
    NO_VALUE = "no value"
    CONSTANT = "constant"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """Metadata of one chunk: its 64-bit hash and, in wavelet layers, its 16 adaptive level bytes."""

    hash: int
    levels: bytes = b""

    @property
    def kind(self) -> ChunkKind:
        """What the chunk holds."""
        if self.hash == 0:
            return ChunkKind.UNWRITTEN
        if self.hash == _NO_VALUE_HASH:
            return ChunkKind.NO_VALUE
        return ChunkKind.CONSTANT if self.hash >> 32 == _CONSTANT_TAG else ChunkKind.STORED

    @property
    def constant(self) -> float:
        """The real value, in single precision, of all voxels of a constant chunk."""
        value: float = struct.unpack("<f", struct.pack("<I", self.hash & 0xFFFF_FFFF))[0]
        return value


class StoredLayer(Protocol):
    """One stored layer."""

    @property
    def name(self) -> str:
        """Layer name, e.g. ``"TraceDimensions_012LOD0"``."""
        ...

    @property
    def method(self) -> CompressionMethod:
        """How payloads are encoded."""
        ...

    @property
    def tolerance(self) -> float:
        """Tolerance of lossy methods."""
        ...

    @property
    def chunk_count(self) -> int:
        """Number of chunks."""
        ...

    @property
    def valid_chunk_count(self) -> int:
        """Number of chunks that were written, as recorded; -1 when it is not."""
        ...

    def stored_bytes(self) -> int:
        """Return the bytes of all payloads; -1 when nothing records them. May read all chunk metadata."""
        ...

    def entry(self, index: int) -> ChunkEntry:
        """Return the metadata of a chunk."""
        ...

    @property
    def uncompressed_size(self) -> int:
        """Bytes of all chunks with a payload before compression, as wavelet layers record them; else 0."""
        ...

    @property
    def level_sizes(self) -> Sequence[int]:
        """Bytes of all payloads at each adaptive level, as wavelet layers record them; else none."""
        ...

    def payload(self, index: int, level: int = BEST) -> bytes:
        """Return the encoded bytes of a chunk that an adaptive level needs; empty when there are none."""
        ...

    def place(self, index: int) -> tuple[str, int]:
        """Return, for messages, the object that holds a chunk's payload and the payload's offset in bytes."""
        ...


class VdsSource(Protocol):
    """An open VDS in either layout."""

    @property
    def url(self) -> str:
        """Where it is, secrets removed."""
        ...

    @property
    def storage_layout(self) -> str:
        """``"container"`` or ``"objects"``."""
        ...

    def layout_json(self) -> bytes:
        """Return the ``VolumeDataLayout`` JSON."""
        ...

    @property
    def layers(self) -> Mapping[str, StoredLayer]:
        """Stored layers by name."""
        ...

    def close(self) -> None:
        """Let go of files; may be called again."""
        ...
