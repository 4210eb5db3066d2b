"""Descriptors of the API to and from the records of this package; what a VDS cannot be is refused here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mdio_vds import enums
from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, LayoutDescriptor, VolumeDataLayout
from mdio_vds.facade.axis import VolumeDataAxisDescriptor
from mdio_vds.facade.channel import VolumeDataChannelDescriptor
from mdio_vds.facade.enumerations import (
    BrickSize,
    Flags,
    LODLevels,
    Options,
    VolumeDataComponents,
    VolumeDataFormat,
    VolumeDataMapping,
)
from mdio_vds.facade.exceptions import InvalidArgument
from mdio_vds.facade.layout_descriptor import VolumeDataLayoutDescriptor
from mdio_vds.metadata import MetadataItem

if TYPE_CHECKING:
    from mdio_vds.facade.metadata import Values

__all__ = ["public_axis", "public_channel", "public_layout_descriptor", "record_of", "values_of"]

_DIMENSIONS = range(2, 7)


def record_of(
    layout: VolumeDataLayoutDescriptor,
    axes: Sequence[VolumeDataAxisDescriptor],
    channels: Sequence[VolumeDataChannelDescriptor],
) -> VolumeDataLayout:
    """Return the record of a VDS to create.

    Raises
    ------
    InvalidArgument
        More axes than a VDS has.
    RuntimeError
        Anything else that a VDS cannot be.
    """
    if len(axes) > _DIMENSIONS.stop - 1:
        raise InvalidArgument("Dimension 6 is not a valid dimension. Dimensionality_Max is 6.")
    if len(axes) < _DIMENSIONS.start:
        raise RuntimeError(f"A VDS has at least {_DIMENSIONS.start} axes")
    return VolumeDataLayout(
        layout=_layout(layout, len(axes)),
        axes=tuple(_axis(axis) for axis in axes),
        channels=tuple(_channels(channels)),
    )


def _layout(given: VolumeDataLayoutDescriptor, dimensions: int) -> LayoutDescriptor:
    if given.getBrickSize().name == "???":
        raise RuntimeError("Invalid brick size")
    edge = 1 << int(given.getBrickSize())
    negative, positive = given.getNegativeMargin(), given.getPositiveMargin()
    for name, margin in (("negative", negative), ("positive", positive)):
        if margin < 0 or negative + positive >= edge:
            raise RuntimeError(f"Invalid {name} margin")
    if given.getBrickSizeMultiplier2D() < 1:
        raise RuntimeError("Invalid 2D brick size multiplier")
    full = given.getFullResolutionDimension() if given.isForceFullResolutionDimension() else -1
    if not -1 <= full < dimensions:
        raise RuntimeError("Full resolution dimension must be a valid dimension or -1")
    return LayoutDescriptor(
        edge, negative, positive, given.getBrickSizeMultiplier2D(), int(given.getLODLevels()), given.isCreate2DLODs(),
        full,
    )  # fmt: skip


def _axis(given: VolumeDataAxisDescriptor) -> AxisDescriptor:
    name, unit = given.getName(), given.getUnit()
    if name is None or unit is None:
        raise RuntimeError("Axis descriptor has not been initialized")
    if given.getNumSamples() < 1:
        raise RuntimeError("Axis descriptor has invalid number of samples")
    return AxisDescriptor(given.getNumSamples(), name, unit, given.getCoordinateMin(), given.getCoordinateMax())


def _channels(given: Sequence[VolumeDataChannelDescriptor]) -> list[ChannelDescriptor]:
    if not given:
        raise RuntimeError("A VDS has at least one channel")
    channels = [_channel(channel) for channel in given]
    if channels[0].mapping is not enums.VolumeDataMapping.Direct:
        raise RuntimeError("The primary channel must be direct mapped")
    if not channels[0].renderable:
        raise RuntimeError("The primary channel must be renderable")
    if not all(channel.name for channel in channels[1:]):
        raise RuntimeError("Additional channel descriptors must be named")
    if len({channel.name for channel in channels}) != len(channels):
        raise RuntimeError("Channel name must be unique")
    return channels


def _channel(given: VolumeDataChannelDescriptor) -> ChannelDescriptor:
    name, unit = given.getName(), given.getUnit()
    if name is None or unit is None:
        raise RuntimeError("Channel descriptor has not been been initialized")
    if given.getFormat() == VolumeDataFormat.Format_Any:
        raise RuntimeError(f"Channel {name!r} needs a format")
    per_trace = given.getMapping() == VolumeDataMapping.PerTrace
    if per_trace and given.getMappedValueCount() < 1:
        raise RuntimeError(f"Channel {name!r} needs at least one value for each trace")
    if given.getFormat() == VolumeDataFormat.Format_1Bit and given.getComponents() > 1:
        raise RuntimeError(f"Channel {name!r}: 1Bit channels have one component")
    return ChannelDescriptor(
        name=name,
        unit=unit,
        format=enums.VolumeDataFormat(int(given.getFormat())),
        components=int(given.getComponents()),
        value_range=(given.getValueRangeMin(), given.getValueRangeMax()),
        mapping=enums.VolumeDataMapping(int(given.getMapping())),
        mapped_values=given.getMappedValueCount() if per_trace else 1,
        discrete=given.isDiscrete(),
        renderable=given.isRenderable(),
        allow_lossy_compression=given.isAllowLossyCompression(),
        no_value=given.getNoValue() if given.isUseNoValue() else None,
        integer_scale=given.getIntegerScale(),
        integer_offset=given.getIntegerOffset(),
    )


def public_axis(axis: AxisDescriptor) -> VolumeDataAxisDescriptor:
    """Return the descriptor of an axis."""
    return VolumeDataAxisDescriptor(axis.samples, axis.name, axis.unit, axis.coordinate_min, axis.coordinate_max)


def public_channel(channel: ChannelDescriptor, *, zipped: bool = False) -> VolumeDataChannelDescriptor:
    """Return the descriptor of a channel; ``zipped`` is known only while a VDS is created, files do not tell."""
    flags = Flags.DiscreteData if channel.discrete else Flags.Default
    if not channel.allow_lossy_compression or channel.discrete:
        flags = Flags(flags | (Flags.NoLossyCompressionUseZip if zipped else Flags.NoLossyCompression))
    if not channel.renderable:
        flags = Flags(flags | Flags.NotRenderable)
    no_value = {} if channel.no_value is None else {"noValue": channel.no_value}
    return VolumeDataChannelDescriptor(
        format=VolumeDataFormat(channel.format),
        components=VolumeDataComponents(channel.components),
        name=channel.name,
        unit=channel.unit,
        valueRangeMin=channel.value_range[0],
        valueRangeMax=channel.value_range[1],
        mapping=VolumeDataMapping(channel.mapping),
        mappedValueCount=channel.mapped_values,
        flags=flags,
        integerScale=channel.integer_scale,
        integerOffset=channel.integer_offset,
        **no_value,
    )


def public_layout_descriptor(layout: LayoutDescriptor) -> VolumeDataLayoutDescriptor:
    """Return the descriptor of a layout."""
    forced = layout.full_resolution_dimension >= 0
    options = Options.Options_Create2DLODs if layout.create_2d_lods else Options.Options_None
    return VolumeDataLayoutDescriptor(
        BrickSize(layout.brick_size.bit_length() - 1),
        layout.negative_margin,
        layout.positive_margin,
        layout.brick_size_2d_multiplier,
        LODLevels(layout.lod_levels),
        Options(options | (Options.Options_ForceFullResolutionDimension if forced else 0)),
        layout.full_resolution_dimension,
    )


def values_of(items: Sequence[MetadataItem]) -> Values:
    """Return metadata as containers hold them."""
    return {(item.category, item.name, int(item.type)): item.value for item in items}
