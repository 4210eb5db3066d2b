"""The layout of a VDS as nested plain data, for ``mdio info`` in any output format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdio_vds.channel import layer_name
from mdio_vds.partition import GROUPS, channel_partition, group_name

if TYPE_CHECKING:
    from mdio_vds.chunks import StoredLayer, VdsSource
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.metadata import MetadataItem

__all__ = ["inspect_source", "layout_mapping"]

Row = dict[str, Any]

_MAX_TEXT = 200


def layout_mapping(layout: VolumeDataLayout) -> Mapping[str, Any]:
    """Return layout, axes, channels and metadata keys; JSON-able."""
    descriptor = layout.layout
    return {
        "layout": {
            "dimensions": len(layout.axes),
            "brick_size": descriptor.brick_size,
            "negative_margin": descriptor.negative_margin,
            "positive_margin": descriptor.positive_margin,
            "brick_size_2d_multiplier": descriptor.brick_size_2d_multiplier,
            "lod_levels": descriptor.lod_levels,
            "create_2d_lods": descriptor.create_2d_lods,
            "full_resolution_dimension": (
                descriptor.full_resolution_dimension if descriptor.full_resolution_dimension >= 0 else None
            ),
        },
        "axes": [
            {
                "dimension": number,
                "name": axis.name,
                "unit": axis.unit,
                "samples": axis.samples,
                "first": axis.coordinate_min,
                "last": axis.coordinate_max,
                "step": axis.step,
            }
            for number, axis in enumerate(layout.axes)
        ],
        "channels": [_channel_row(channel) for channel in layout.channels],
        "metadata": [_metadata_row(item) for item in layout.metadata],
    }


def inspect_source(source: VdsSource, layout: VolumeDataLayout) -> Mapping[str, Any]:
    """Return :func:`layout_mapping` and the stored layers; reads the chunk index, but no samples."""
    layers = [row for channel in layout.channels for row in _layer_rows(source, layout, channel)]
    known = {row["name"] for row in layers}
    layers += [_layer_row(layer) for name, layer in source.layers.items() if name not in known]
    return {
        "storage": {
            "layout": source.storage_layout,
            "layers": len(source.layers),
            "stored_bytes": _sum([row["stored_bytes"] for row in layers]),
        },
        **layout_mapping(layout),
        "layers": layers,
    }


def _sum(sizes: list[int | None]) -> int | None:
    return None if None in sizes else sum(size or 0 for size in sizes)


def _layer_rows(source: VdsSource, layout: VolumeDataLayout, channel: ChannelDescriptor) -> list[Row]:
    rows = []
    for group in GROUPS:
        for lod in range(layout.layout.lod_levels + 1):
            layer = source.layers.get(layer_name(layout, channel, group, lod))
            if layer is None:
                continue
            partition = channel_partition(layout, channel, group, lod)
            place = {"channel": channel.name, "group": group_name(group), "lod": lod}
            grid = {
                "chunk_grid": list(partition.count[: len(layout.axes)]),
                "fits_layout": layer.chunk_count == partition.total,
            }
            rows.append({"name": layer.name} | place | grid | _layer_row(layer))
    return rows


def _layer_row(layer: StoredLayer) -> Row:
    stored = layer.stored_bytes()
    return {
        "name": layer.name,
        "compression": layer.method.label,
        "tolerance": layer.tolerance if layer.method.is_wavelet else None,
        "chunks": layer.chunk_count,
        "written_chunks": layer.valid_chunk_count if layer.valid_chunk_count >= 0 else None,
        "stored_bytes": stored if stored >= 0 else None,
    }


def _channel_row(channel: ChannelDescriptor) -> Row:
    return {
        "name": channel.name,
        "unit": channel.unit,
        "format": channel.format.label,
        "components": channel.components,
        "value_range": list(channel.value_range),
        "mapping": channel.mapping.name,
        "mapped_values": channel.mapped_values,
        "no_value": channel.no_value,
        "integer_scale": channel.integer_scale,
        "integer_offset": channel.integer_offset,
        "discrete": channel.discrete,
        "renderable": channel.renderable,
        "lossy_allowed": channel.allow_lossy_compression,
    }


def _metadata_row(item: MetadataItem) -> Row:
    value: Any = item.value
    if isinstance(value, bytes):
        value = f"{len(value)} bytes"
    elif isinstance(value, str) and len(value) > _MAX_TEXT:
        value = f"{value[:_MAX_TEXT]}…"
    elif isinstance(value, tuple):
        value = list(value)
    return {"category": item.category, "name": item.name, "type": item.type.name, "value": value}
