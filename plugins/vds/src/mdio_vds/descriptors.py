"""Axes, channels and the layout of a VDS as plain frozen records (VDS specification section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mdio_vds.enums import VolumeDataFormat, VolumeDataMapping
from mdio_vds.metadata import MetadataItem

__all__ = ["AxisDescriptor", "ChannelDescriptor", "LayoutDescriptor", "VolumeDataLayout"]


@dataclass(frozen=True, slots=True)
class LayoutDescriptor:
    """How the volume is cut into bricks.

    Parameters
    ----------
    brick_size
        Edge of a brick in voxels, both margins included.
    negative_margin, positive_margin
        Overlap with the brick before and after, in voxels.
    brick_size_2d_multiplier
        Two-dimensional groups use interior edges this many times longer.
    lod_levels
        Highest level of detail; 0 when there is full resolution only.
    create_2d_lods
        Whether layers of two-dimensional groups have levels of detail.
    full_resolution_dimension
        Dimension that is never decimated, or -1.
    """

    brick_size: int
    negative_margin: int = 0
    positive_margin: int = 0
    brick_size_2d_multiplier: int = 4
    lod_levels: int = 0
    create_2d_lods: bool = False
    full_resolution_dimension: int = -1


@dataclass(frozen=True, slots=True)
class AxisDescriptor:
    """One dimension: samples, name, unit and the coordinates of its first and last sample."""

    samples: int
    name: str
    unit: str
    coordinate_min: float
    coordinate_max: float

    @property
    def step(self) -> float:
        """Distance of two samples in the axis' unit; 0 when there is one sample."""
        return (self.coordinate_max - self.coordinate_min) / (self.samples - 1) if self.samples > 1 else 0.0


@dataclass(frozen=True, slots=True)
class ChannelDescriptor:
    """One channel.

    Parameters
    ----------
    name, unit
        As stored.
    format
        Type of a component on disk.
    components
        1, 2 or 4 values a voxel.
    value_range
        Smallest and largest value that matters, in real values.
    mapping
        Whether a value belongs to a voxel or to a trace.
    mapped_values
        Values a trace; 1 for direct channels.
    discrete
        Whether interpolation is meaningless.
    renderable
        Whether the channel has levels of detail.
    allow_lossy_compression
        Whether a lossy method may be used.
    no_value
        The value that means "no value", or None when the channel has none.
    integer_scale, integer_offset
        ``real = integer_offset + integer_scale * stored`` for U8 and U16.
    """

    name: str
    unit: str
    format: VolumeDataFormat
    components: int
    value_range: tuple[float, float]
    mapping: VolumeDataMapping = VolumeDataMapping.Direct
    mapped_values: int = 1
    discrete: bool = False
    renderable: bool = True
    allow_lossy_compression: bool = True
    no_value: float | None = None
    integer_scale: float = 1.0
    integer_offset: float = 0.0


@dataclass(frozen=True, slots=True)
class VolumeDataLayout:
    """Everything the ``VolumeDataLayout`` object says; axes in dimension order, dimension 0 varies fastest."""

    layout: LayoutDescriptor
    axes: tuple[AxisDescriptor, ...]
    channels: tuple[ChannelDescriptor, ...]
    metadata: tuple[MetadataItem, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples per dimension, dimension 0 first."""
        return tuple(axis.samples for axis in self.axes)

    @property
    def by_channel(self) -> Mapping[str, ChannelDescriptor]:
        """Channels by name."""
        return {channel.name: channel for channel in self.channels}

    def value(self, category: str, name: str) -> object | None:
        """Return the first metadata value of a category and name, or None."""
        for item in self.metadata:
            if (item.category, item.name) == (category, name):
                return item.value
        return None
