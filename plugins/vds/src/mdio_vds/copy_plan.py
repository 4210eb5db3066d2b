"""Says how each layer of a VDS is copied, before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mdio.exceptions import ConfigError
from mdio_vds.channel import layer_name
from mdio_vds.enums import CompressionMethod, VolumeDataMapping
from mdio_vds.layer_encoding import layer_encoding
from mdio_vds.layout import parse_layout
from mdio_vds.lods import levels_of
from mdio_vds.partition import channel_partition
from mdio_vds.placed import LayerGeometry, PlacedLayer, placed_layers

if TYPE_CHECKING:
    from mdio_vds.chunks import VdsSource
    from mdio_vds.descriptors import ChannelDescriptor, LayoutDescriptor, VolumeDataLayout

__all__ = ["CopyPlan", "CopyWishes", "LayerCopy", "copy_fingerprint", "plan_copy"]


@dataclass(frozen=True, slots=True)
class CopyWishes:
    """What is to be different in a copy; None for what stays.

    Parameters
    ----------
    method
        Encoding of the samples; values a trace and discrete channels stay zipped unless it is None.
    tolerance
        Of a wavelet method, in 255ths of the value range.
    brick_size, margin, lods
        Edge of a brick and its margins before and behind in voxels; highest level of detail.
    """

    method: CompressionMethod | None = None
    tolerance: float | None = None
    brick_size: int | None = None
    margin: tuple[int, int] | None = None
    lods: int | None = None


@dataclass(frozen=True, slots=True)
class LayerCopy:
    """How one layer is copied.

    Parameters
    ----------
    placed
        The layer.
    how
        ``"bytes"``, ``"encode"`` (same chunks, another encoding) or ``"cut"`` (other chunks).
    method, tolerance
        Encoding of the copy.
    geometry
        Of the copy; None where that of the source is not known.
    chunks
        Chunks of the copy.
    """

    placed: PlacedLayer
    how: str
    method: CompressionMethod
    tolerance: float
    geometry: LayerGeometry | None
    chunks: int


@dataclass(frozen=True, slots=True)
class CopyPlan:
    """What a copy does.

    Parameters
    ----------
    old, layout
        Of the source, and of the copy.
    layers
        Layers that are copied.
    remade
        Names of the layers that are made from them: levels of detail.
    """

    old: VolumeDataLayout
    layout: VolumeDataLayout
    layers: tuple[LayerCopy, ...]
    remade: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        bricks = self.layout.layout
        return {
            "channels": [channel.name for channel in self.layout.channels],
            "brick_size": bricks.brick_size,
            "margin": [bricks.negative_margin, bricks.positive_margin],
            "lod_levels": bricks.lod_levels,
            "layers": [
                {"name": copy.placed.layer.name, "how": copy.how, "compression": copy.method.label,
                 "chunks": copy.chunks}
                for copy in self.layers
            ]
            + [{"name": name, "how": "make"} for name in self.remade],
        }  # fmt: skip


def plan_copy(source: VdsSource, wishes: CopyWishes) -> CopyPlan:
    """Say how each layer of a VDS is copied.

    Raises
    ------
    ConfigError
        Something of it cannot be had as it was wished.
    """
    old = parse_layout(source.layout_json(), source.url)
    layout = replace(old, layout=_bricks(old, wishes))
    placed = placed_layers(source, old)
    moved = layout.layout != old.layout
    same_cut = replace(layout.layout, lod_levels=old.layout.lod_levels) == old.layout
    layers = []
    for one in placed:
        if one.geometry is None and moved:
            raise ConfigError(f"{source.url}: {one.layer.name} fits no channel and cannot be cut anew",
                              hint="copy it as it is, or find the damage with mdio vds verify")  # fmt: skip
        if moved and one.geometry is not None and one.geometry.lod:
            continue
        layers.append(_layer(layout, one, wishes, same_cut=same_cut))
    remade = _remade(layout, layers) if moved else {}
    for copy in layers:
        _possible(copy, levels=any(copy.placed.layer.name in names for names in remade.values()))
    return CopyPlan(old, layout, tuple(layers), tuple(remade))


def _bricks(old: VolumeDataLayout, wishes: CopyWishes) -> LayoutDescriptor:
    bricks = old.layout
    before, behind = wishes.margin if wishes.margin is not None else (bricks.negative_margin, bricks.positive_margin)
    size = wishes.brick_size if wishes.brick_size is not None else bricks.brick_size
    if 2 * (before + behind) >= size:
        raise ConfigError(f"margins {before} and {behind} take half of a brick of {size} or more", path="margin")
    return replace(
        bricks,
        brick_size=size,
        negative_margin=before,
        positive_margin=behind,
        lod_levels=bricks.lod_levels if wishes.lods is None else wishes.lods,
    )


def _layer(layout: VolumeDataLayout, placed: PlacedLayer, wishes: CopyWishes, *, same_cut: bool) -> LayerCopy:
    layer, geometry = placed.layer, placed.geometry
    method, tolerance = layer.method, layer.tolerance
    if wishes.method is not None and geometry is not None:
        wish = _effective(geometry.channel, wishes.method)
        wanted = layer_encoding(geometry.channel, wish, wishes.tolerance or 0.0, geometry.lod)
        if wanted.method is not method or (wish.is_wavelet and wishes.tolerance is not None):
            method, tolerance = wanted.method, wanted.tolerance
    stays = method is layer.method and tolerance == layer.tolerance
    how = "bytes" if same_cut and stays else "encode" if same_cut else "cut"
    if geometry is not None and how == "cut":
        partition = channel_partition(layout, geometry.channel, geometry.group, geometry.lod)
        geometry = replace(geometry, partition=partition)
    chunks = layer.chunk_count if geometry is None else geometry.partition.total
    return LayerCopy(placed, how, method, tolerance, geometry, chunks)


def _effective(channel: ChannelDescriptor, wish: CompressionMethod) -> CompressionMethod:
    """Return the encoding of a channel: what is no sample is zipped unless nothing is."""
    beside = channel.mapping is VolumeDataMapping.PerTrace or channel.discrete
    return CompressionMethod.Zip if beside and wish is not CompressionMethod.NONE else wish


def _remade(layout: VolumeDataLayout, layers: Iterable[LayerCopy]) -> dict[str, set[str]]:
    """Return the levels of detail to make, each with the layer of full resolution that it is made from."""
    made: dict[str, set[str]] = {}
    for copy in layers:
        geometry = copy.geometry
        if geometry is not None:
            for lod in levels_of(layout, geometry.channel, geometry.group):
                made[layer_name(layout, geometry.channel, geometry.group, lod)] = {copy.placed.layer.name}
    return made


def _possible(copy: LayerCopy, *, levels: bool) -> None:
    """Refuse what cannot be done before anything is written."""
    geometry = copy.placed.geometry
    if geometry is not None and geometry.channel.components > 1 and levels:
        raise ConfigError(
            f"levels of detail of {geometry.channel.name}, which has {geometry.channel.components} components,"
            " cannot be made",
            path="lods",
            hint="--lod-levels 0 copies it without",
        )


def copy_fingerprint(source: VdsSource, wishes: CopyWishes) -> dict[str, Any]:
    """Return what tells this copy from another, so that a resume goes on with the same one only."""
    return {
        "source": {"url": source.url, "layout": hashlib.sha256(source.layout_json()).hexdigest()},
        "copy": {
            "method": None if wishes.method is None else wishes.method.label,
            "tolerance": wishes.tolerance,
            "brick_size": wishes.brick_size,
            "margin": None if wishes.margin is None else list(wishes.margin),
            "lods": wishes.lods,
        },
    }
