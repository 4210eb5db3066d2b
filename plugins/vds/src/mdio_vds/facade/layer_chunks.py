"""What a page accessor says about its layer: where the chunks lie, and what they correspond to in other layers."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from mdio_vds.channel import layer_name
from mdio_vds.enums import VolumeDataMapping
from mdio_vds.facade.enumerations import DimensionsND, group_of
from mdio_vds.facade.exceptions import InvalidArgument, InvalidOperation
from mdio_vds.facade.page import filled, six_numbers
from mdio_vds.facade.queries import LayerQueries
from mdio_vds.facade.records import public_channel
from mdio_vds.facade.super_chunks import SuperChunks
from mdio_vds.partition import channel_partition
from mdio_vds.voxels import serving_group

if TYPE_CHECKING:
    from mdio_vds.facade.channel import VolumeDataChannelDescriptor
    from mdio_vds.facade.handle import VDS
    from mdio_vds.facade.layout import VolumeDataLayout
    from mdio_vds.partition import Box

__all__ = ["LayerChunks"]


class LayerChunks:
    """The chunks of one layer.

    Parameters
    ----------
    handle
        The VDS.
    dimensionsND, lod, channel
        The layer.

    Raises
    ------
    InvalidOperation
        The layout has no such layer.
    """

    def __init__(self, handle: VDS, dimensionsND: DimensionsND, lod: int, channel: int) -> None:
        self._handle, self._lod, self._channel = handle, operator.index(lod), operator.index(channel)
        self._group = group_of(dimensionsND)
        layout = handle.layout
        if not 0 <= self._channel < len(layout.channels):
            raise InvalidOperation("Specified channel doesn't exist")
        if missing := LayerQueries(handle)._missing(dimensionsND, self._lod, self._channel):
            raise InvalidOperation(missing)
        self._record = layout.channels[self._channel]
        self._partition = channel_partition(layout, self._record, self._group, self._lod)
        self._name = layer_name(layout, self._record, self._group, self._lod)
        self._references = 1

    def _index(self, chunkIndex: int) -> int:
        index = operator.index(chunkIndex)
        if not 0 <= index < self._partition.total:
            raise InvalidArgument("The requested chunk doesn't exist")
        return index

    def _box(self, chunk: int, *, margin: bool) -> Box:
        position = self._partition.position(self._index(chunk))
        return self._partition.box(position) if margin else self._partition.interior(position)

    def getChunkIndex(self, position: Any) -> int:
        """Return the chunk that owns a voxel, given in six dimensions; outside of the volume the nearest."""
        voxel = [int(number) for number in six_numbers(position)]
        counts = self._partition.count
        at = [min(max(self._partition.owner(dim, where), 0), counts[dim] - 1) for dim, where in enumerate(voxel)]
        return self._partition.index(at)

    def getChunkMinMax(self, chunk: int, min: Any = None, max: Any = None) -> tuple[list[int], list[int]] | None:
        """Return first voxels and those behind the last of a chunk in six dimensions, or put them into two arrays."""
        return filled(self._box(chunk, margin=True), min, max)

    def getChunkMinMaxExcludingMargin(
        self, chunk: int, minExcludingMargin: Any = None, maxExcludingMargin: Any = None
    ) -> tuple[list[int], list[int]] | None:
        """Return the same of the voxels that no other chunk owns."""
        return filled(self._box(chunk, margin=False), minExcludingMargin, maxExcludingMargin)

    def getChunkVolumeDataHash(self, chunkIndex: int) -> int:
        """Return the hash of a chunk; 0 while it is not written, and for layers that are not stored."""
        index = self._index(chunkIndex)
        layer = (self._handle.source if self._lod else self._handle.stored).layers.get(self._name)
        return layer.entry(index).hash if layer is not None else 0

    def getChunkCount(self) -> int:
        """Return the number of chunks."""
        return self._partition.total

    def getMappedChunkIndex(self, primaryChannelChunkIndex: int) -> int:
        """Return the chunk that has the values of the traces of a chunk of the first channel."""
        return operator.index(primaryChannelChunkIndex) // self._column()

    def getPrimaryChannelChunkIndex(self, chunkIndex: int) -> int:
        """Return the first chunk of the first channel that has samples of the traces of a chunk."""
        return operator.index(chunkIndex) * self._column()

    def _column(self) -> int:
        """Return the chunks of the first channel above each other for one of a per-trace channel."""
        if self._record.mapping is VolumeDataMapping.Direct:
            return 1
        layout = self._handle.layout
        return channel_partition(layout, layout.channels[0], self._group, self._lod).count[0]

    def getSuperChunkCount(self) -> int:
        """Return the number of super-chunks: blocks of chunks that are read together."""
        return self._super_chunks().count

    def getChunkIndicesInSuperChunk(self, superChunkIndex: int) -> list[int]:
        """Return the chunks of a super-chunk; none where there is no such super-chunk."""
        return self._super_chunks().chunks(operator.index(superChunkIndex))

    def _super_chunks(self) -> SuperChunks:
        layout = self._handle.layout
        serving = serving_group(self._handle.stored, layout, self._record, self._group, self._lod)
        stored = channel_partition(layout, self._record, serving or self._group, self._lod)
        return SuperChunks(self._partition, stored)

    def getLayout(self) -> VolumeDataLayout:
        """Return the layout of the VDS."""
        return self._handle.public_layout

    def getLOD(self) -> int:
        """Return the level of detail."""
        return self._lod

    def getChannelIndex(self) -> int:
        """Return the number of the channel."""
        return self._channel

    def getChannelDescriptor(self) -> VolumeDataChannelDescriptor:
        """Return the channel."""
        return public_channel(self._record)

    def getNumSamples(self, numSamples: Any = None) -> list[int] | None:
        """Return the samples of the channel in six dimensions, or put them into an array."""
        if numSamples is None:
            return list(self._partition.samples)
        six_numbers(numSamples)
        numSamples[...] = self._partition.samples
        return None

    def addReference(self) -> int:
        """Count one user more; return how many there are."""
        self._references += 1
        return self._references

    def removeReference(self) -> int:
        """Count one user less; return how many there are."""
        self._references -= 1
        return self._references

    layout = property(getLayout)
    LOD = property(getLOD)
    channelIndex = property(getChannelIndex)
    channelDescriptor = property(getChannelDescriptor)
    chunkCount = property(getChunkCount)
    superChunkCount = property(getSuperChunkCount)
