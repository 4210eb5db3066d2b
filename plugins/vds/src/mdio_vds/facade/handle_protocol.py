"""What an access manager needs of an open VDS, so that opening and reading stay apart."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Protocol

from mdio_vds.chunks import VdsSource
from mdio_vds.descriptors import VolumeDataLayout
from mdio_vds.voxels import ChunkCache
from mdio_vds.wavelet.quality import Quality

__all__ = ["VdsHandle"]


class VdsHandle(Protocol):
    """An open VDS, or one under construction."""

    @property
    def layout(self) -> VolumeDataLayout:
        """Its layout, our record."""
        ...

    @property
    def public_layout(self) -> object:
        """Its layout as callers of the API see it: what ``getVolumeDataLayout`` returns."""
        ...

    @property
    def source(self) -> VdsSource:
        """Stored layers: a ``VdsSource``, or a ``VdsTarget`` while it is written or edited."""
        ...

    @property
    def cache(self) -> ChunkCache:
        """Decoded chunks, shared by all requests; one for each handle."""
        ...

    @property
    def quality(self) -> Quality:
        """How much of wavelet chunks is read."""
        ...

    @property
    def executor(self) -> Executor:
        """Runs the work of requests. Tasks never wait for other tasks, so it may be shared by many handles."""
        ...

    @property
    def threads(self) -> int:
        """How many tasks one request may have at a time; at least 1."""
        ...

    @property
    def closed(self) -> bool:
        """Whether it was closed; requests that are under way are then cancelled."""
        ...

    def flush(self) -> None:
        """Write what is pending; nothing to do for one that is only read."""
        ...
