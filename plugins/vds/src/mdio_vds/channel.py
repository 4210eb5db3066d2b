"""Reading boxes of voxels of one channel out of its chunks, at any level of detail."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.blocks import BlockError
from mdio_vds.chunks import ChunkKind
from mdio_vds.enums import CompressionMethod
from mdio_vds.errors import VdsError
from mdio_vds.hashes import verify_hash
from mdio_vds.partition import DIMENSIONS, GROUPS, channel_partition, group_name
from mdio_vds.payloads import decode_payload
from mdio_vds.values import constant_code, no_value_code, stored_dtype
from mdio_vds.wavelet.adaptive import BEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mdio_vds.cache import ChunkCache
    from mdio_vds.chunks import StoredLayer, VdsSource
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.partition import Box, Partition

__all__ = ["ChannelReader", "layer_name", "stored_group"]

_THREADED = 128 << 20
"""Bytes of chunks that are stored as they are for which threads pay."""


def layer_name(layout: VolumeDataLayout, channel: ChannelDescriptor, group: tuple[int, ...], lod: int = 0) -> str:
    """Return the name of a layer; the first channel's layers carry no channel name (section 1)."""
    prefix = "" if channel.name == layout.channels[0].name else channel.name
    return f"{prefix}{group_name(group)}LOD{lod}"


def stored_group(source: VdsSource, layout: VolumeDataLayout, channel: ChannelDescriptor) -> tuple[int, ...] | None:
    """Return the first group, in the order of their numbers, whose full-resolution layer of a channel is stored."""
    for group in GROUPS:
        if layer_name(layout, channel, group) in source.layers:
            return group
    return None


class ChannelReader:
    """One channel of a VDS in one dimension group, at one level of detail.

    Parameters
    ----------
    source
        The open VDS, or one under construction.
    layout
        Its layout.
    channel
        Which channel.
    group
        A group in which the channel is stored.
    lod
        Level of detail; 0 is full resolution.
    level
        Adaptive level of wavelet chunks (VDS specification section 9.9); everything by default.

    Raises
    ------
    VdsError
        The layer does not have the number of chunks that the layout asks for.
    """

    def __init__(
        self,
        source: VdsSource,
        layout: VolumeDataLayout,
        channel: ChannelDescriptor,
        group: tuple[int, ...],
        lod: int = 0,
        level: int = BEST,
    ) -> None:
        self.channel = channel
        self.level = level
        self.partition: Partition = channel_partition(layout, channel, group, lod)
        self.layer: StoredLayer = source.layers[layer_name(layout, channel, group, lod)]
        self._url = source.url
        self._chunk_bytes = prod(self.partition.edge) * stored_dtype(channel).itemsize
        if self.layer.chunk_count != self.partition.total:
            raise VdsError(
                f"{self.layer.chunk_count} chunks stored where the layout has {self.partition.total}",
                url=source.url,
                name=self.layer.name,
            )

    def read(self, box: Box, *, cache: ChunkCache | None = None, workers: int = 1) -> NDArray[Any]:
        """Return the stored codes of a box.

        Parameters
        ----------
        box
            Half-open bounds inside the channel in voxels of this level of detail, dimension 0 first; missing
            dimensions are one voxel.
        cache
            Keeps chunks that had to be decoded for the next time, unless those of this box are more than it holds.
        workers
            Threads that decode.

        Returns
        -------
        ndarray
            C order, as many axes as ``box`` has, slowest dimension first; native byte order, freshly made.

        Raises
        ------
        VdsError
            A payload is missing, damaged or of an encoding that cannot be decoded.
        """
        self._check_components()
        full = (*box, *((0, 1),) * (DIMENSIONS - len(box)))
        out = np.empty([hi - lo for lo, hi in reversed(full)], stored_dtype(self.channel))  # every voxel has an owner
        parts = list(self._parts(full))
        size = len(parts) * self._chunk_bytes
        plain = self.layer.method is CompressionMethod.NONE  # reading these again is no dearer than keeping them
        if cache is not None and (plain or size > cache.limit):
            cache = None
        if plain and size < _THREADED:
            workers = 1

        def take(found: tuple[tuple[int, ...], Box]) -> None:
            position, part = found
            out[_inside(part, full)] = self._codes(position, part, cache)

        if workers > 1 and len(parts) > 1:
            with ThreadPoolExecutor(min(workers, len(parts)), "mdio-chunk") as pool:
                deque(pool.map(take, parts), maxlen=0)
        else:
            for found in parts:
                take(found)
        return out.reshape([hi - lo for lo, hi in reversed(box)])

    def look(self, box: Box) -> NDArray[Any]:
        """Return what :meth:`read` returns, or a read-only view of it in memory that holds more."""
        full = (*box, *((0, 1),) * (DIMENSIONS - len(box)))
        parts = list(islice(self._parts(full), 2))
        if len(parts) != 1:
            return self.read(box)
        self._check_components()
        return self._codes(*parts[0]).reshape([hi - lo for lo, hi in reversed(box)])

    def _check_components(self) -> None:
        if self.channel.components != 1:
            raise VdsError(
                f"{self.channel.components} components a voxel cannot be read as one volume",
                url=self._url,
                name=self.channel.name,
            )

    def touches(self, box: Box) -> bool:
        """Whether any chunk that holds voxels of a box was written."""
        full = (*box, *((0, 1),) * (DIMENSIONS - len(box)))
        indices = (self.partition.index(position) for position, _ in self._parts(full))
        return any(self.layer.entry(index).kind is not ChunkKind.UNWRITTEN for index in indices)

    def chunk(self, position: tuple[int, ...]) -> NDArray[Any]:
        """Return all that a chunk holds, margins included, with six axes; may be read-only."""
        return self._codes(position, self.partition.in_voxels(self.partition.box(position)))

    def _parts(self, full: Box) -> Iterator[tuple[tuple[int, ...], Box]]:
        """Yield the chunks that own voxels of a box, and which of them."""
        for position in self.partition.touching(self.partition.at_full_resolution(full)):
            owned = self.partition.in_voxels(self.partition.interior(position))
            part = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(full, owned, strict=True))
            if all(lo < hi for lo, hi in part):
                yield position, part

    def _codes(self, position: tuple[int, ...], part: Box, cache: ChunkCache | None = None) -> NDArray[Any]:
        """Return what a chunk holds of a box that it owns, with six axes; may be read-only."""
        index = self.partition.index(position)
        entry = self.layer.entry(index)
        if entry.kind is ChunkKind.STORED:
            stored = self.partition.in_voxels(self.partition.box(position))
            if cache is None:
                block = self.block(index, position)
            else:
                key = self.layer.name, index, entry.hash, self.level
                block = cache.get(key, lambda: self.block(index, position))
            return block.reshape([hi - lo for lo, hi in reversed(stored)])[_inside(part, stored)]
        code = np.zeros((), stored_dtype(self.channel))
        if entry.kind is ChunkKind.NO_VALUE:
            code = no_value_code(self.channel)
        elif entry.kind is ChunkKind.CONSTANT:
            code = constant_code(self.channel, entry.constant)
        return np.broadcast_to(code, [hi - lo for lo, hi in reversed(part)])

    def block(self, index: int, position: tuple[int, ...]) -> NDArray[Any]:
        """Return the decoded payload of a chunk that is stored, checked.

        Raises
        ------
        VdsError
            It is missing, damaged or of an encoding that cannot be decoded.
        PluginNotInstalledError
            It is a wavelet chunk, and numba is missing.
        """
        name, byte = self.layer.place(index)
        payload = self.layer.payload(index, self.level)
        if not payload:
            raise VdsError("the chunk has no data", url=self._url, name=name, byte=byte)
        # The check is one of the whole payload: what an adaptive level leaves out cannot be checked.
        if self.level == BEST and verify_hash(self.layer.entry(index).hash, payload) is False:
            raise VdsError("the chunk does not match its check: it is damaged", url=self._url, name=name, byte=byte)
        shape = self.partition.stored_shape(position)
        try:
            return decode_payload(payload, self.layer.method, self.channel, shape, self.level)
        except BlockError as error:
            raise VdsError(str(error), url=self._url, name=name, byte=byte) from None


def _inside(part: Box, whole: Box) -> tuple[slice, ...]:
    """Return where a box lies in another one, as slices of an array of that: slowest dimension first."""
    return tuple(slice(lo - base, hi - base) for (lo, hi), (base, _) in zip(part[::-1], whole[::-1], strict=True))
