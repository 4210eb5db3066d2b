"""``VolumeDataLayout``: what an open VDS is made of."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from mdio_vds.facade.exceptions import InvalidArgument
from mdio_vds.facade.metadata import MetadataReadAccess
from mdio_vds.facade.records import public_axis, public_channel, public_layout_descriptor
from mdio_vds.partition import DIMENSIONS

if TYPE_CHECKING:
    from mdio_vds.descriptors import VolumeDataLayout as Record
    from mdio_vds.facade.axis import VolumeDataAxisDescriptor
    from mdio_vds.facade.channel import VolumeDataChannelDescriptor
    from mdio_vds.facade.enumerations import VolumeDataComponents, VolumeDataFormat, VolumeDataMapping
    from mdio_vds.facade.grid import VDSIJKGridDefinition
    from mdio_vds.facade.layout_descriptor import VolumeDataLayoutDescriptor
    from mdio_vds.facade.metadata import Values

__all__ = ["VolumeDataLayout"]


class VolumeDataLayout(MetadataReadAccess):
    """Axes, channels and metadata of an open VDS; it stays good when that is closed.

    Parameters
    ----------
    record
        The layout.
    values
        The metadata; may change while the VDS is open.
    zipped
        Channels that were created with ``NoLossyCompressionUseZip``.
    contents
        Returns what stands for the contents, see :meth:`getContentsHash`.
    """

    Dimensionality_Max = DIMENSIONS

    def __init__(
        self,
        record: Record,
        values: Values,
        zipped: frozenset[str] = frozenset(),
        contents: Callable[[], bytes] = lambda: b"",
    ) -> None:
        super().__init__()
        self._values = values
        self._record = record
        self._contents = contents
        self._axes = [public_axis(axis) for axis in record.axes]
        self._channels = [public_channel(channel, zipped=channel.name in zipped) for channel in record.channels]

    # ---- the whole -----------------------------------------------------------------------------------------------

    def getDimensionality(self) -> int:
        """Return the number of axes."""
        return len(self._axes)

    def getChannelCount(self) -> int:
        """Return the number of channels."""
        return len(self._channels)

    def getLayoutDescriptor(self) -> VolumeDataLayoutDescriptor:
        """Return how the VDS is cut into bricks."""
        return public_layout_descriptor(self._record.layout)

    def getLayoutHash(self) -> int:
        """Return 64 bits that are the same for the same axes, channels and bricks; other than those of OpenVDS."""
        shown = repr((self._record.layout, self._record.axes, self._record.channels))
        return int.from_bytes(hashlib.blake2b(shown.encode(), digest_size=8).digest(), "little")

    def getContentsHash(self) -> int:
        """Return 64 bits that stand for layout, metadata, and the state of the stored layers when it was opened."""
        shown = repr((self.getLayoutHash(), list(self._values.items()))).encode()
        return int.from_bytes(hashlib.blake2b(shown + self._contents(), digest_size=8).digest(), "little")

    def getVDSIJKGridDefinitionFromMetadata(self) -> VDSIJKGridDefinition:
        """Return where the voxels lie in the world."""
        from mdio_vds.facade.grid import grid_definition

        return grid_definition(self)

    # ---- axes ----------------------------------------------------------------------------------------------------

    def getAxisDescriptor(self, dimension: int) -> VolumeDataAxisDescriptor:
        """Return an axis.

        Raises
        ------
        InvalidArgument
            There is no such axis.
        """
        if not 0 <= operator.index(dimension) < len(self._axes):
            raise InvalidArgument(
                f"Invalid dimension {dimension} the dimensionality of the Layout is {len(self._axes)}"
            )
        return self._axes[dimension]

    def getDimensionNumSamples(self, dimension: int) -> int:
        """Return the samples of a dimension; 1 for those that the VDS lacks."""
        if not 0 <= operator.index(dimension) < DIMENSIONS:
            raise InvalidArgument(
                f"Dimension {dimension} is not a valid dimension. Dimensionality_Max is {DIMENSIONS}."
            )
        return self._axes[dimension].getNumSamples() if dimension < len(self._axes) else 1

    def getDimensionName(self, dimension: int) -> str | None:
        """Return the name of a dimension."""
        return self._dimension(dimension).getName()

    def getDimensionUnit(self, dimension: int) -> str | None:
        """Return the unit of a dimension."""
        return self._dimension(dimension).getUnit()

    def getDimensionMin(self, dimension: int) -> float:
        """Return the coordinate of the first sample of a dimension."""
        return self._dimension(dimension).getCoordinateMin()

    def getDimensionMax(self, dimension: int) -> float:
        """Return the coordinate of the last sample of a dimension."""
        return self._dimension(dimension).getCoordinateMax()

    def _dimension(self, dimension: int) -> VolumeDataAxisDescriptor:
        if not 0 <= operator.index(dimension) < len(self._axes):
            raise InvalidArgument(
                f"Dimension {dimension} is not a valid dimension. The layout dimensionality is {len(self._axes)}."
            )
        return self._axes[dimension]

    # ---- channels ------------------------------------------------------------------------------------------------

    def getChannelDescriptor(self, channel: int) -> VolumeDataChannelDescriptor:
        """Return a channel.

        Raises
        ------
        InvalidArgument
            There is no such channel; so by all methods below.
        """
        if not 0 <= operator.index(channel) < len(self._channels):
            raise InvalidArgument(
                f"Channel {channel} is not a valid channel index. ChannelCount is {len(self._channels)}."
            )
        return self._channels[channel]

    def isChannelAvailable(self, channelName: str) -> bool:
        """Whether there is a channel of this name."""
        return any(channel.getName() == channelName for channel in self._channels)

    def getChannelIndex(self, channelName: str) -> int:
        """Return the number of the channel of a name."""
        for index, channel in enumerate(self._channels):
            if channel.getName() == channelName:
                return index
        raise InvalidArgument(
            f"ChannelName {channelName} is not found. Use IsChannelAvailable() to verify channel existence."
        )

    def getChannelFormat(self, channel: int) -> VolumeDataFormat:
        """Return the type of a component."""
        return self.getChannelDescriptor(channel).getFormat()

    def getChannelComponents(self, channel: int) -> VolumeDataComponents:
        """Return the number of components a voxel has."""
        return self.getChannelDescriptor(channel).getComponents()

    def getChannelName(self, channel: int) -> str | None:
        """Return the name of a channel."""
        return self.getChannelDescriptor(channel).getName()

    def getChannelUnit(self, channel: int) -> str | None:
        """Return the unit of a channel."""
        return self.getChannelDescriptor(channel).getUnit()

    def getChannelValueRangeMin(self, channel: int) -> float:
        """Return the smallest value that matters."""
        return self.getChannelDescriptor(channel).getValueRangeMin()

    def getChannelValueRangeMax(self, channel: int) -> float:
        """Return the largest value that matters."""
        return self.getChannelDescriptor(channel).getValueRangeMax()

    def getChannelMapping(self, channel: int) -> VolumeDataMapping:
        """Return what a value belongs to."""
        return self.getChannelDescriptor(channel).getMapping()

    def getChannelNoValue(self, channel: int) -> float:
        """Return the value that means "no value"; 0 where there is none."""
        return self.getChannelDescriptor(channel).getNoValue()

    def getChannelIntegerScale(self, channel: int) -> float:
        """Return the scale of stored integers."""
        return self.getChannelDescriptor(channel).getIntegerScale()

    def getChannelIntegerOffset(self, channel: int) -> float:
        """Return the offset of stored integers."""
        return self.getChannelDescriptor(channel).getIntegerOffset()

    def isChannelDiscrete(self, channel: int) -> bool:
        """Whether interpolation is meaningless."""
        return self.getChannelDescriptor(channel).isDiscrete()

    def isChannelRenderable(self, channel: int) -> bool:
        """Whether the channel has levels of detail."""
        return self.getChannelDescriptor(channel).isRenderable()

    def isChannelAllowingLossyCompression(self, channel: int) -> bool:
        """Whether a lossy method may be used."""
        return self.getChannelDescriptor(channel).isAllowLossyCompression()

    def isChannelUseNoValue(self, channel: int) -> bool:
        """Whether a value means "no value"."""
        return self.getChannelDescriptor(channel).isUseNoValue()

    def isChannelUseZipForLosslessCompression(self, channel: int) -> bool:
        """Whether Zip is taken where a lossy method may not be used; known in the session that creates a VDS."""
        return self.getChannelDescriptor(channel).isUseZipForLosslessCompression()

    @property
    def numSamples(self) -> tuple[int, ...]:
        """Samples per dimension, dimension 0 first."""
        return self._record.shape

    dimensionality = property(getDimensionality)
    channelCount = property(getChannelCount)
    layoutDescriptor = property(getLayoutDescriptor)
    layoutHash = property(getLayoutHash)
    contentsHash = property(getContentsHash)
    VDSIJKGridDefinitionFromMetadata = property(getVDSIJKGridDefinitionFromMetadata)
