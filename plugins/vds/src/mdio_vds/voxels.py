"""Stored codes of any box at any level of detail, from whichever group is stored, with decoded chunks kept for a while.

A request asks for a dimension group. Where that group is not stored, another one that has the same voxels serves at
full resolution (the reference implementation calls that remapped), so the chunks which callers see here are those of
the group asked for, and may be put together from pieces of stored ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.cache import CACHE_BYTES, ChunkCache
from mdio_vds.channel import ChannelReader, layer_name
from mdio_vds.chunks import ChunkKind
from mdio_vds.partition import DIMENSIONS, GROUPS, Partition, channel_partition
from mdio_vds.values import constant_code, no_value_code, stored_dtype
from mdio_vds.wavelet.quality import BEST_QUALITY, Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.chunks import VdsSource
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.partition import Box

__all__ = ["CACHE_BYTES", "ChunkCache", "Piece", "VoxelReader", "serving_group", "subset_shape"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk gives to a box.

    Parameters
    ----------
    position
        The chunk in its grid.
    target, source
        Where the voxels go in the output and where they are in the chunk; six slices, slowest dimension first.
    """

    position: tuple[int, ...]
    target: tuple[slice, ...]
    source: tuple[slice, ...]


def serving_group(
    source: VdsSource, layout: VolumeDataLayout, channel: ChannelDescriptor, group: tuple[int, ...], lod: int
) -> tuple[int, ...] | None:
    """Return the stored group that answers requests for a group: itself, one that it contains or is contained in.

    Other groups serve at full resolution only (section 1). None when none does.
    """
    if layer_name(layout, channel, group, lod) in source.layers:
        return group
    if lod == 0:
        for other in GROUPS:
            related = set(other) <= set(group) or set(group) <= set(other)
            if related and layer_name(layout, channel, other) in source.layers:
                return other
    return None


def subset_shape(partition: Partition, box: Box) -> tuple[int, ...]:
    """Return the voxels per dimension, dimension 0 first, that a box at full resolution has at a level (section 12.1).

    Dimensions that chunks do not extend along are thinned out too; only one at forced full resolution is not.
    """
    shape = []
    for dim, (lo, hi) in enumerate(box):
        shift = 0 if dim == partition.full_resolution_dimension else partition.lod
        shape.append((hi - lo + (1 << shift) - 1) >> shift)
    return tuple(shape)


class VoxelReader:
    """One channel in one dimension group at one level of detail.

    Parameters
    ----------
    source
        The open VDS, or one under construction.
    layout
        Its layout.
    channel
        Which channel.
    group
        Dimension group whose chunks are seen.
    lod
        Level of detail.
    cache
        Keeps decoded chunks, also for other readers of the same VDS.
    quality
        How much of wavelet chunks is read; everything by default.

    Raises
    ------
    LookupError
        No stored layer has these voxels.
    VdsError
        A layer is stored that does not fit the layout.
    """

    def __init__(
        self,
        source: VdsSource,
        layout: VolumeDataLayout,
        channel: ChannelDescriptor,
        group: tuple[int, ...] = (0, 1, 2),
        lod: int = 0,
        cache: ChunkCache | None = None,
        quality: Quality = BEST_QUALITY,
    ) -> None:
        serving = serving_group(source, layout, channel, group, lod)
        if serving is None:
            raise LookupError(f"no stored layer serves {layer_name(layout, channel, group, lod)}")
        self.channel = channel
        self.dtype: np.dtype[Any] = stored_dtype(channel)
        self.partition = channel_partition(layout, channel, group, lod)
        level = quality.level(source, layout, channel, serving, lod)
        self._stored = ChannelReader(source, layout, channel, serving, lod, level)
        self._remapped = serving != group
        self._cache = ChunkCache() if cache is None else cache
        self._tail = (channel.components,) if channel.components > 1 else ()

    def shape(self, box: Box) -> tuple[int, ...]:
        """Return the shape of what :meth:`read` gives: slowest of six dimensions first, then components."""
        return (*reversed(subset_shape(self.partition, box)), *self._tail)

    def pieces(self, box: Box) -> Iterator[Piece]:
        """Yield which stored chunk gives which part of a box, dimension 0 fastest.

        Parameters
        ----------
        box
            Half-open bounds in voxels of full resolution inside the channel; six dimensions, dimension 0 first. At a
            level of detail output k along a thinned-out dimension is voxel ``(lo >> lod) + k`` of the level
            (section 12.1); along one that chunks do not extend along it is voxel ``lo + (k << lod)``.
        """
        partition = self._stored.partition
        spans = [list(_parts(partition, dim, *bounds)) for dim, bounds in enumerate(box)]
        for parts in product(*reversed(spans)):
            yield Piece(
                tuple(at for at, _, _ in reversed(parts)),
                tuple(target for _, target, _ in parts),
                tuple(inside for _, _, inside in parts),
            )

    def piece_count(self, box: Box) -> int:
        """Return how many pieces :meth:`pieces` yields."""
        partition = self._stored.partition
        return prod(sum(1 for _ in _parts(partition, dim, *bounds)) for dim, bounds in enumerate(box))

    def passing(self, box: Box) -> VoxelReader:
        """Return the reader for a box that is read once: one that keeps nothing where the cache cannot hold all of it.

        Chunks that go before they are wanted again cost the memory that new ones are decoded into.
        """
        chunk_bytes = prod(self._stored.partition.edge) * self.dtype.itemsize * self.channel.components
        if self.piece_count(box) * chunk_bytes <= self._cache.limit:
            return self
        passing = copy(self)
        passing._cache = ChunkCache(0)
        return passing

    def load(self, piece: Piece) -> NDArray[Any]:
        """Return the codes of a piece, a read-only view with six axes, slowest dimension first, and components."""
        codes: NDArray[Any] = self._chunk(piece.position)[piece.source]
        return codes

    def read(self, box: Box) -> NDArray[Any]:
        """Return the stored codes of a box (see :meth:`pieces`), freshly made, shape :meth:`shape`."""
        out = np.empty(self.shape(box), self.dtype)
        for piece in self.pieces(box):
            out[piece.target] = self.load(piece)
        return out

    def chunk(self, position: tuple[int, ...]) -> NDArray[Any]:
        """Return the codes that a chunk of the group holds, margins included; axes as :meth:`load` gives them."""
        if not self._remapped:
            return self._chunk(position)
        codes = self.read(self.partition.box(position))
        codes.flags.writeable = False
        return codes

    def _chunk(self, position: tuple[int, ...]) -> NDArray[Any]:
        partition, layer = self._stored.partition, self._stored.layer
        index = partition.index(position)
        entry = layer.entry(index)
        shape = (*(hi - lo for lo, hi in reversed(partition.in_voxels(partition.box(position)))), *self._tail)
        if entry.kind is ChunkKind.STORED:
            # The hash names the contents, so that a chunk which is written anew is not taken for the old one.
            key = (layer.name, index, entry.hash, self._stored.level)
            return self._cache.get(key, lambda: self._stored.block(index, position).reshape(shape))
        code: Any = self.dtype.type(0)
        unwritten = entry.kind is ChunkKind.UNWRITTEN and self.channel.no_value is not None
        if unwritten or entry.kind is ChunkKind.NO_VALUE:
            code = no_value_code(self.channel)
        elif entry.kind is ChunkKind.CONSTANT:
            code = constant_code(self.channel, entry.constant)
        return np.broadcast_to(code, shape)


def _parts(partition: Partition, dim: int, lo: int, hi: int) -> Iterator[tuple[int, slice, slice]]:
    """Yield chunk, place in the output and place in the chunk for the voxels of a span along one dimension."""
    full = dim == partition.full_resolution_dimension
    step = 1 if full else 1 << partition.lod
    count = -(-(hi - lo) // step)
    if dim not in partition.group:
        for k in range(count):
            yield lo + k * step, slice(k, k + 1), slice(0, 1)
        return
    first = lo // step * step
    last = first + (count - 1) * step
    for at in range(partition.owner(dim, first), partition.owner(dim, last) + 1):
        position = [0] * DIMENSIONS
        position[dim] = at
        owned_lo, owned_hi = partition.interior(position)[dim]
        stored_lo, _ = partition.box(position)[dim]
        begin = max(0, -(-(owned_lo - first) // step))
        end = min(count, -(-(owned_hi - first) // step))
        if begin < end:
            inside = (first + begin * step - stored_lo) // step
            yield at, slice(begin, end), slice(inside, inside + end - begin)
