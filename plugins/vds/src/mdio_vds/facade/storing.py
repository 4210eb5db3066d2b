"""Single chunks into layers under construction, and the coarser levels that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.channel import ChannelReader, layer_name
from mdio_vds.encoding import encode_block
from mdio_vds.hashes import constant_hash, payload_hash
from mdio_vds.lods import coarser_chunk, levels_of, lod_tolerance
from mdio_vds.partition import channel_partition
from mdio_vds.voxels import VoxelReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.enums import CompressionMethod
    from mdio_vds.partition import Box, Partition
    from mdio_vds.targets import LayerTarget, VdsTarget

__all__ = ["add_layers", "clear_layer", "store_codes", "update_levels"]

_UNWRITTEN = 0


def add_layers(
    target: VdsTarget,
    layout: VolumeDataLayout,
    channel: ChannelDescriptor,
    group: tuple[int, ...],
    method: CompressionMethod,
    tolerance: float,
) -> None:
    """Add those layers of a channel that are not there: full resolution and all coarser levels."""
    for lod in (0, *levels_of(layout, channel, group)):
        name = layer_name(layout, channel, group, lod)
        if name not in target.layers:
            total = channel_partition(layout, channel, group, lod).total
            target.add_layer(name, method, lod_tolerance(tolerance, lod), total)


def clear_layer(layer: LayerTarget) -> None:
    """Make all chunks unwritten."""
    for index in range(layer.chunk_count):
        if layer.entry(index).hash != _UNWRITTEN:
            layer.put(index, _UNWRITTEN)


def store_codes(layer: LayerTarget, index: int, codes: NDArray[Any], channel: ChannelDescriptor) -> None:
    """Encode a chunk and put it.

    Parameters
    ----------
    layer
        Where it goes.
    index
        Its number.
    codes
        Stored codes, axes of the group, slowest first, then the components where there are several.
    channel
        The channel.
    """
    codes = np.ascontiguousarray(codes)
    constant = constant_hash(codes, channel)
    if constant is not None:
        layer.put(index, constant)
        return
    payload = encode_block(codes, layer.method, channel)
    layer.put(index, payload_hash(payload), payload, decoded=codes.nbytes)


def update_levels(
    target: VdsTarget,
    layout: VolumeDataLayout,
    channel: ChannelDescriptor,
    group: tuple[int, ...],
    changed: Iterable[int],
) -> None:
    """Make those chunks of coarser levels anew that chunks of full resolution are part of.

    Parameters
    ----------
    target, layout, channel, group
        Whose layers.
    changed
        Numbers of the chunks of full resolution.
    """
    finer = channel_partition(layout, channel, group)
    boxes = [finer.interior(finer.position(index)) for index in changed]
    for lod in levels_of(layout, channel, group):
        partition = channel_partition(layout, channel, group, lod)
        positions = {position for box in boxes for position in partition.touching(_grown(box, partition))}
        layer = target.layers[layer_name(layout, channel, group, lod)]
        below = ChannelReader(target, layout, channel, group, lod - 1)
        for position in sorted(positions, key=partition.index):
            if below.touches(below.partition.in_voxels(partition.box(position))):
                codes = _codes(target, layout, below, group, partition, position, lod)
                store_codes(layer, partition.index(position), codes, channel)
            else:
                layer.put(partition.index(position), _UNWRITTEN)


def _grown(box: Box, partition: Partition) -> Box:
    """Return a box with all voxels whose chunks may have some of its voxels in their margins."""
    return tuple(
        (max(0, lo - partition.positive_margin), min(length, hi + partition.negative_margin))
        if dim in partition.group
        else (lo, hi)
        for dim, ((lo, hi), length) in enumerate(zip(box, partition.samples, strict=True))
    )


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
