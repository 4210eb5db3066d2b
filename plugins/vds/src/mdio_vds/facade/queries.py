"""What an open VDS has and how large the answers to requests are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from mdio_vds import enums
from mdio_vds.facade.arguments import Buffer, byte_size, checked_box, six
from mdio_vds.facade.enumerations import DimensionsND, VDSProduceStatus, VolumeDataFormat, group_of
from mdio_vds.facade.errors import runtime_errors
from mdio_vds.facade.exceptions import InvalidArgument, InvalidOperation
from mdio_vds.partition import Partition, channel_partition
from mdio_vds.voxels import VoxelReader, serving_group, subset_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.facade.handle_protocol import VdsHandle
    from mdio_vds.partition import Box

__all__ = ["LayerQueries", "stored_format"]

_R32 = VolumeDataFormat.Format_R32


def stored_format(format: VolumeDataFormat) -> enums.VolumeDataFormat:
    """Return the format of the elements of a request."""
    try:
        return enums.VolumeDataFormat(int(format))
    except ValueError:
        raise InvalidOperation("Illegal format") from None


class LayerQueries:
    """The part of an access manager that reads no samples.

    Parameters
    ----------
    handle
        The open VDS.
    """

    def __init__(self, handle: VdsHandle) -> None:
        self._open = handle

    @property
    def _handle(self) -> VdsHandle:
        if self._open.closed:
            raise InvalidOperation("Invalid Access Manager: the VDS was closed")
        return self._open

    @property
    def volumeDataLayout(self) -> object:
        """See :meth:`getVolumeDataLayout`."""
        return self.getVolumeDataLayout()

    def getVolumeDataLayout(self) -> Any:
        """Return the layout of the VDS."""
        return self._handle.public_layout

    def getVDSProduceStatus(self, dimensionsND: DimensionsND, lod: int = 0, channel: int = 0) -> VDSProduceStatus:
        """Return whether a layer is stored, answered from another one (at full resolution only), or not to be had."""
        handle = self._handle
        if not 0 <= channel < len(handle.layout.channels) or not self._exists(dimensionsND, lod, channel):
            return VDSProduceStatus.Unavailable
        group = group_of(dimensionsND)
        serving = serving_group(handle.source, handle.layout, handle.layout.channels[channel], group, lod)
        if serving is None:
            return VDSProduceStatus.Unavailable
        return VDSProduceStatus.Normal if serving == group else VDSProduceStatus.Remapped

    def getVDSChunkCount(self, dimensionsND: DimensionsND, lod: int = 0, channel: int = 0) -> int:
        """Return the number of chunks that the layout gives a layer, whether it is stored or not; 0 for none."""
        layout = self._handle.layout
        if not 0 <= channel < len(layout.channels) or not self._exists(dimensionsND, lod, channel):
            return 0
        return channel_partition(layout, layout.channels[channel], group_of(dimensionsND), lod).total

    def flush(self) -> None:
        """Write what is pending."""
        self._handle.flush()

    # ---- sizes and buffers ---------------------------------------------------------------------------------------

    def getVolumeSubsetBufferSize(
        self,
        min: Sequence[int],
        max: Sequence[int],
        format: VolumeDataFormat = _R32,
        lod: int = 0,
        channel: int = 0,
    ) -> int:
        """Return the bytes of a subset; the box is not checked."""
        return byte_size(self._subset_elements(min, max, lod, channel), stored_format(format))

    def getProjectedVolumeSubsetBufferSize(
        self,
        min: Sequence[int],
        max: Sequence[int],
        projectedDimensions: DimensionsND,
        format: VolumeDataFormat = _R32,
        lod: int = 0,
        channel: int = 0,
    ) -> int:
        """Return the bytes of a projected subset; the box is not checked."""
        return byte_size(self._picture_elements(min, max, projectedDimensions, lod, channel), stored_format(format))

    def getVolumeSamplesBufferSize(self, sampleCount: int, channel: int = 0) -> int:
        """Return the bytes of ``sampleCount`` float32 samples."""
        return sampleCount * self._channel(channel).components * 4

    def getVolumeTracesBufferSize(self, traceCount: int, traceDimension: int, lod: int = 0, channel: int = 0) -> int:
        """Return the bytes of ``traceCount`` float32 traces."""
        components = self._channel(channel).components
        return traceCount * self._trace_length(traceDimension, lod, channel) * components * 4

    def allocateVolumeSubsetBuffer(
        self,
        min: Sequence[int],
        max: Sequence[int],
        format: VolumeDataFormat = _R32,
        lod: int = 0,
        channel: int = 0,
    ) -> NDArray[Any]:
        """Return a flat array for a subset."""
        return Buffer(self._subset_elements(min, max, lod, channel), stored_format(format), None).array

    def allocateProjectedVolumeSubsetBuffer(
        self,
        min: Sequence[int],
        max: Sequence[int],
        projectedDimensions: DimensionsND,
        format: VolumeDataFormat = _R32,
        lod: int = 0,
        channel: int = 0,
    ) -> NDArray[Any]:
        """Return a flat array for a projected subset."""
        elements = self._picture_elements(min, max, projectedDimensions, lod, channel)
        return Buffer(elements, stored_format(format), None).array

    def allocateVolumeSamplesBuffer(self, sampleCount: int, channel: int = 0) -> NDArray[Any]:
        """Return a flat float32 array for samples."""
        return Buffer(self.getVolumeSamplesBufferSize(sampleCount, channel) // 4, stored_format(_R32), None).array

    def allocateVolumeTracesBuffer(
        self, traceCount: int, traceDimension: int, lod: int = 0, channel: int = 0
    ) -> NDArray[Any]:
        """Return a flat float32 array for traces."""
        size = self.getVolumeTracesBufferSize(traceCount, traceDimension, lod, channel)
        return Buffer(size // 4, stored_format(_R32), None).array

    # ---- checks --------------------------------------------------------------------------------------------------

    def _channel(self, channel: int) -> ChannelDescriptor:
        channels = self._handle.layout.channels
        if not 0 <= channel < len(channels):
            raise InvalidArgument(f"Channel {channel} is not a valid channel index. ChannelCount is {len(channels)}.")
        return channels[channel]

    def _exists(self, dimensionsND: DimensionsND, lod: int, channel: int) -> bool:
        return self._missing(dimensionsND, lod, channel) == ""

    def _missing(self, dimensionsND: DimensionsND, lod: int, channel: int) -> str:
        """Return what keeps the layout from having a layer; empty when it has it."""
        layout = self._handle.layout
        group = group_of(dimensionsND)
        if group[-1] >= len(layout.axes):
            return "Specified dimension group doesn't exist"
        thinned = layout.channels[channel].renderable and (len(group) == 3 or layout.layout.create_2d_lods)
        if lod < 0 or (lod > 0 and not thinned):
            return "Specified LOD doesn't exist"
        if lod > layout.layout.lod_levels:
            # The layout goes on, whether stored or not, to the first level that is a single chunk.
            finer = channel_partition(layout, layout.channels[0], group, lod - 1)
            if all(finer.count[dim] == 1 for dim in group if dim != finer.full_resolution_dimension):
                return "Specified LOD doesn't exist"
        return ""

    def _reader(self, dimensionsND: DimensionsND, lod: int, channel: int) -> VoxelReader:
        descriptor, handle = self._channel(channel), self._handle
        if missing := self._missing(dimensionsND, lod, channel):
            raise InvalidOperation(missing)
        try:
            with runtime_errors():
                group = group_of(dimensionsND)
                return VoxelReader(handle.source, handle.layout, descriptor, group, lod, handle.cache, handle.quality)
        except LookupError:
            raise InvalidOperation(
                "The requested dimension group or channel is unavailable "
                "(check VDS produce status before requesting data)"
            ) from None

    def _box(self, lows: Sequence[int], highs: Sequence[int], channel: int) -> Box:
        return checked_box(lows, highs, self._partition(0, channel), len(self._handle.layout.axes))

    def _partition(self, lod: int, channel: int) -> Partition:
        return channel_partition(self._handle.layout, self._channel(channel), (0, 1, 2), lod)

    def _trace_length(self, dimension: int, lod: int, channel: int) -> int:
        """Return the samples of a trace; of a per-trace channel along dimension 0, its values."""
        partition = self._partition(lod, channel)
        dimensions = len(self._handle.layout.axes)
        if not 0 <= dimension < dimensions:
            raise InvalidArgument(
                f"Dimension {dimension} is not a valid dimension. The layout dimensionality is {dimensions}."
            )
        return subset_shape(partition, tuple((0, length) for length in partition.samples))[dimension]

    def _subset_elements(self, lows: Sequence[int], highs: Sequence[int], lod: int, channel: int) -> int:
        box = tuple(zip(six(lows, 0), six(highs, 1), strict=True))[: len(self._handle.layout.axes)]
        return prod(subset_shape(self._partition(lod, channel), box)) * self._channel(channel).components

    def _projected(self, projectedDimensions: DimensionsND) -> tuple[int, ...]:
        projected = group_of(projectedDimensions)
        if len(projected) != 2:
            raise InvalidArgument("The projected dimension group must contain 2 dimensions.")
        return projected

    def _picture_elements(
        self, lows: Sequence[int], highs: Sequence[int], projectedDimensions: DimensionsND, lod: int, channel: int
    ) -> int:
        box = tuple(zip(six(lows, 0), six(highs, 1), strict=True))
        shape = subset_shape(self._partition(lod, channel), box)
        return prod(shape[dim] for dim in self._projected(projectedDimensions)) * self._channel(channel).components
