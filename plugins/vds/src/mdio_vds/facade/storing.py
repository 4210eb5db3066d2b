"""Single chunks into layers under construction, and the coarser levels that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.channel import ChannelReader, layer_name
from mdio_vds.chunk_codes import EncodedChunk, Encoding
from mdio_vds.layer_encoding import layer_encoding
from mdio_vds.lods import coarser_chunk, levels_of
from mdio_vds.partition import channel_partition, grown
from mdio_vds.voxels import VoxelReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.enums import CompressionMethod
    from mdio_vds.facade.originals import Originals
    from mdio_vds.partition import Partition
    from mdio_vds.targets import LayerTarget, VdsTarget

__all__ = ["add_layers", "clear_layer", "encoded", "update_levels"]

_UNWRITTEN = 0


def add_layers(
    target: VdsTarget,
    layout: VolumeDataLayout,
    channel: ChannelDescriptor,
    group: tuple[int, ...],
    method: CompressionMethod,
    tolerance: float,
    instead: CompressionMethod,
) -> None:
    """Add those layers of a channel that are not there: full resolution and all coarser levels.

    Parameters
    ----------
    target, layout, channel, group
        Where.
    method, tolerance, instead
        See :func:`mdio_vds.layer_encoding.layer_encoding`.
    """
    for lod in (0, *levels_of(layout, channel, group)):
        name = layer_name(layout, channel, group, lod)
        if name not in target.layers:
            total = channel_partition(layout, channel, group, lod).total
            encoding = layer_encoding(channel, method, tolerance, lod, instead=instead)
            target.add_layer(name, encoding.method, encoding.tolerance, total)


def clear_layer(layer: LayerTarget) -> None:
    """Make all chunks unwritten."""
    for index in range(layer.chunk_count):
        if layer.entry(index).hash != _UNWRITTEN:
            layer.put(index, _UNWRITTEN)


def encoded(layer: LayerTarget, index: int, codes: NDArray[Any], channel: ChannelDescriptor) -> EncodedChunk:
    """Return a chunk as it is to be stored.

    Parameters
    ----------
    layer
        Where it is to go.
    index
        Its number.
    codes
        Stored codes, axes of the group, slowest first, then the components where there are several.
    channel
        The channel.
    """
    return Encoding(layer.method, layer.tolerance).chunk(index, np.ascontiguousarray(codes), channel)


def update_levels(
    target: VdsTarget,
    layout: VolumeDataLayout,
    channel: ChannelDescriptor,
    group: tuple[int, ...],
    changed: Iterable[int],
    originals: Originals | None = None,
) -> None:
    """Make those chunks of coarser levels anew that chunks of full resolution are part of.

    Parameters
    ----------
    target, layout, channel, group
        Whose layers.
    changed
        Numbers of the chunks of full resolution.
    originals
        What levels are made from where chunks are stored with loss.
    """
    full = ChannelReader(target, layout, channel, group)
    finer = channel_partition(layout, channel, group)
    boxes = [finer.interior(finer.position(index)) for index in changed]
    for lod in levels_of(layout, channel, group):
        partition = channel_partition(layout, channel, group, lod)
        positions = {position for box in boxes for position in partition.touching(grown(box, partition))}
        layer = target.layers[layer_name(layout, channel, group, lod)]
        below = ChannelReader(target, layout, channel, group, lod - 1)
        for position in sorted(positions, key=partition.index):
            if below.touches(below.partition.in_voxels(partition.box(position))):
                if originals is not None:
                    codes = originals.codes(lod, position, full)
                else:
                    codes = _codes(target, layout, below, group, partition, position, lod)
                encoded(layer, partition.index(position), codes, channel).put(layer)
            else:
                layer.put(partition.index(position), _UNWRITTEN)


def _codes(
    target: VdsTarget,
    layout: VolumeDataLayout,
    below: ChannelReader,
    group: tuple[int, ...],
    partition: Partition,
    position: tuple[int, ...],
    lod: int,
) -> NDArray[Any]:
    """Return a chunk made of the level below; voxels of several components are thinned out."""
    channel = below.channel
    if channel.components == 1:
        return coarser_chunk(below, partition, position)
    reader = VoxelReader(target, layout, channel, group, lod - 1)
    codes = reader.read(partition.box(position))
    picked = [slice(None)] * codes.ndim
    for dim in partition.group:
        if partition.decimated(dim):
            picked[codes.ndim - 2 - dim] = slice(None, None, 2)
    return codes[tuple(picked)].reshape(*partition.stored_shape(position)[::-1], channel.components)
