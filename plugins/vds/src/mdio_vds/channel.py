"""Reading boxes of voxels of one channel out of its chunks, at any level of detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.blocks import BlockError, decode_block
from mdio_vds.chunks import ChunkKind
from mdio_vds.errors import VdsError
from mdio_vds.hashes import verify_hash
from mdio_vds.partition import DIMENSIONS, GROUPS, channel_partition, group_name
from mdio_vds.values import constant_code, no_value_code, stored_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mdio_vds.chunks import StoredLayer, VdsSource
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.partition import Box, Partition

__all__ = ["ChannelReader", "layer_name", "stored_group"]


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
    ) -> None:
        self.channel = channel
        self.partition: Partition = channel_partition(layout, channel, group, lod)
        self.layer: StoredLayer = source.layers[layer_name(layout, channel, group, lod)]
        self._url = source.url
        if self.layer.chunk_count != self.partition.total:
            raise VdsError(
                f"{self.layer.chunk_count} chunks stored where the layout has {self.partition.total}",
                url=source.url,
                name=self.layer.name,
            )

    def read(self, box: Box) -> NDArray[Any]:
        """Return the stored codes of a box.

        Parameters
        ----------
        box
            Half-open bounds inside the channel in voxels of this level of detail, dimension 0 first; missing
            dimensions are one voxel.

        Returns
        -------
        ndarray
            C order, as many axes as ``box`` has, slowest dimension first; native byte order, freshly made.

        Raises
        ------
        VdsError
            A payload is missing, damaged or of an encoding that cannot be decoded.
        """
        if self.channel.components != 1:
            raise VdsError(
                f"{self.channel.components} components a voxel cannot be read as one volume",
                url=self._url,
                name=self.channel.name,
            )
        full = (*box, *((0, 1),) * (DIMENSIONS - len(box)))
        out = np.zeros([hi - lo for lo, hi in reversed(full)], stored_dtype(self.channel))
        for position, part in self._parts(full):
            target = tuple(slice(lo - a, hi - a) for (lo, hi), (a, _) in zip(part, full, strict=True))
            self._fill(out[target[::-1]], position, part)
        return out.reshape([hi - lo for lo, hi in reversed(box)])

    def touches(self, box: Box) -> bool:
        """Whether any chunk that holds voxels of a box was written."""
        full = (*box, *((0, 1),) * (DIMENSIONS - len(box)))
        indices = (self.partition.index(position) for position, _ in self._parts(full))
        return any(self.layer.entry(index).kind is not ChunkKind.UNWRITTEN for index in indices)

    def _parts(self, full: Box) -> Iterator[tuple[tuple[int, ...], Box]]:
        """Yield the chunks that own voxels of a box, and which of them."""
        for position in self.partition.touching(self.partition.at_full_resolution(full)):
            owned = self.partition.in_voxels(self.partition.interior(position))
            part = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(full, owned, strict=True))
            if all(lo < hi for lo, hi in part):
                yield position, part

    def _fill(self, out: NDArray[Any], position: tuple[int, ...], part: Box) -> None:
        index = self.partition.index(position)
        entry = self.layer.entry(index)
        if entry.kind is ChunkKind.UNWRITTEN:
            out[...] = 0
        elif entry.kind is ChunkKind.NO_VALUE:
            out[...] = no_value_code(self.channel)
        elif entry.kind is ChunkKind.CONSTANT:
            out[...] = constant_code(self.channel, entry.constant)
        else:
            stored = self.partition.in_voxels(self.partition.box(position))
            inside = tuple(slice(lo - a, hi - a) for (lo, hi), (a, _) in zip(part, stored, strict=True))
            block = self._block(index, position)
            out[...] = block.reshape([hi - lo for lo, hi in reversed(stored)])[inside[::-1]]

    def _block(self, index: int, position: tuple[int, ...]) -> NDArray[Any]:
        name, byte = self.layer.place(index)
        if self.layer.method.is_wavelet:
            raise VdsError(
                f"{self.layer.method.label} chunks cannot be decoded yet",
                url=self._url,
                name=name,
                hint="decoding comes with a later release; VDSCopy --compression-method Zip makes a readable copy",
            )
        payload = self.layer.payload(index)
        if not payload:
            raise VdsError("the chunk has no data", url=self._url, name=name, byte=byte)
        if verify_hash(self.layer.entry(index).hash, payload) is False:
            raise VdsError("the chunk does not match its check: it is damaged", url=self._url, name=name, byte=byte)
        shape = self.partition.stored_shape(position)
        try:
            return decode_block(payload, self.layer.method, self.channel, shape)
        except BlockError as error:
            raise VdsError(str(error), url=self._url, name=name, byte=byte) from None
