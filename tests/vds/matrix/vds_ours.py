"""Our side of the matrix: writes VDSs with the package's own pieces, and reads whole layers chunk by chunk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mdio_vds.channel import ChannelReader, layer_name
from mdio_vds.container_target import ContainerTarget
from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, LayoutDescriptor, VolumeDataLayout
from mdio_vds.encoding import encode_block
from mdio_vds.enums import CompressionMethod, VolumeDataFormat, VolumeDataMapping
from mdio_vds.hashes import constant_hash, payload_hash
from mdio_vds.layer_encoding import lod_tolerance
from mdio_vds.layout import parse_layout
from mdio_vds.layout_json import write_layout
from mdio_vds.lods import coarser_chunk, levels_of, make_lods
from mdio_vds.object_target import ObjectTarget
from mdio_vds.partition import GROUPS, channel_partition, group_name
from mdio_vds.volume import open_source
from mdio_vds.voxels import ChunkCache, VoxelReader


def layout_of(job):
    """Return the layout of a VDS of the matrix."""
    return VolumeDataLayout(
        LayoutDescriptor(
            job.brick, *job.margins, job.multiplier, job.lods, job.flat_lods, -1 if job.full is None else job.full
        ),
        tuple(AxisDescriptor(n, f"D{i}", "ms", 0.0, n - 1.0) for i, n in enumerate(job.samples)),
        tuple(
            ChannelDescriptor(
                channel.name, "", VolumeDataFormat[f"Format_{channel.format}"], channel.components, (-50.0, 50.0),
                VolumeDataMapping[channel.mapping], channel.mapped, channel.discrete, channel.renderable,
                no_value=channel.no_value, integer_scale=channel.scale, integer_offset=channel.offset,
            )
            for channel in job.channels
        ),
    )  # fmt: skip


def group_of(job):
    """Return the dimension group of a VDS."""
    return next(group for group in GROUPS if group_name(group) == job.group)


def method_of(job):
    """Return the encoding of a VDS."""
    return CompressionMethod.NONE if job.codec == "None" else CompressionMethod[job.codec]


def write(job, data, store):
    """Write a VDS with all its levels of detail."""
    layout, group, method = layout_of(job), group_of(job), method_of(job)
    target = (ContainerTarget if job.storage == "container" else ObjectTarget).create(store)
    try:
        for channel in layout.channels:
            partition = channel_partition(layout, channel, group)
            layer = target.add_layer(layer_name(layout, channel, group), method, 0.01, partition.total)
            for position, box in boxes(job, partition):
                codes = data[channel.name][box]
                put(layer, partition, position, codes, channel)
        make_lods(target, replace(layout, channels=tuple(c for c in layout.channels if c.components == 1)), group)
        for channel in layout.channels:
            if channel.components > 1:
                thin_out(target, layout, channel, group, method)
        target.commit(write_layout(layout))
        target.close()
    except BaseException:
        target.abort()
        raise


def boxes(job, partition):
    """Yield the grid position of each chunk, and the slices of the data that it holds at full resolution."""
    for index in range(partition.total):
        position = partition.position(index)
        box = partition.box(position)[: len(job.samples)]
        yield position, tuple(slice(lo, hi) for lo, hi in reversed(box))


def put(layer, partition, position, codes, channel):
    """Store a chunk."""
    tail = (channel.components,) if channel.components > 1 else ()
    codes = np.ascontiguousarray(codes).reshape(*partition.stored_shape(position)[::-1], *tail)
    constant = constant_hash(codes, channel)
    if constant is not None:
        layer.put(partition.index(position), constant)
        return
    payload = encode_block(codes, layer.method, channel, level=1)
    layer.put(partition.index(position), payload_hash(payload), payload)


def thin_out(target, layout, channel, group, method):
    """Add the levels of a channel with several components: every other voxel."""
    for lod in levels_of(layout, channel, group):
        partition = channel_partition(layout, channel, group, lod)
        name = layer_name(layout, channel, group, lod)
        layer = target.add_layer(name, method, lod_tolerance(0.01, lod), partition.total)
        below = VoxelReader(target, layout, channel, group, lod - 1)
        for index in range(partition.total):
            position = partition.position(index)
            codes = below.read(partition.box(position))
            step = tuple(slice(None, None, 2 if partition.decimated(dim) else 1) for dim in reversed(range(6)))
            put(layer, partition, position, codes[step], channel)


def read(job, store):
    """Return ``{(channel, lod): codes of all chunks}``, margins included."""
    source = open_source(store)
    try:
        layout, group = parse_layout(source.layout_json()), group_of(job)
        found = {}
        cache = ChunkCache(1)
        for number, channel in enumerate(layout.channels):
            for lod in range(job.lods_of(job.channels[number]) + 1):
                reader = VoxelReader(source, layout, channel, group, lod, cache)
                partition = reader.partition
                parts = [reader.chunk(partition.position(i)).reshape(-1) for i in range(partition.total)]
                found[number, lod] = np.concatenate(parts)
        return found
    finally:
        source.close()


def expected(job, data):
    """Return the codes of all chunks of full resolution as :func:`read` does, cut from the data that was written."""
    layout, group = layout_of(job), group_of(job)
    found = {}
    for number, channel in enumerate(layout.channels):
        partition = channel_partition(layout, channel, group)
        parts = [data[channel.name][box].reshape(-1) for _, box in boxes(job, partition)]
        found[number, 0] = np.concatenate(parts)
    return found


def coarser_than(job, store):
    """Return the codes that we make of each level that is stored, for the next one; one component only."""
    source = open_source(store)
    try:
        layout, group = parse_layout(source.layout_json()), group_of(job)
        found = {}
        for number, channel in enumerate(layout.channels):
            if channel.components > 1:
                continue
            for lod in range(1, job.lods_of(job.channels[number]) + 1):
                finer = ChannelReader(source, layout, channel, group, lod - 1)
                partition = channel_partition(layout, channel, group, lod)
                positions = (partition.position(index) for index in range(partition.total))
                found[number, lod] = np.concatenate([coarser_chunk(finer, partition, p).reshape(-1) for p in positions])
        return found
    finally:
        source.close()
