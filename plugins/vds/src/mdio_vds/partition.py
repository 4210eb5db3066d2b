"""How a layer is cut into chunks: the geometry of VDS specification section 6.

Everything is in six dimensions, dimension 0 first; dimensions that the volume lacks have one sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
from mdio_vds.enums import VolumeDataMapping

__all__ = ["DIMENSIONS", "GROUPS", "Box", "Partition", "channel_partition", "group_name"]

DIMENSIONS = 6
"""Dimensions of the chunk geometry, whatever the volume has."""

GROUPS: tuple[tuple[int, ...], ...] = (
    *((a, b, c) for a in range(6) for b in range(a + 1, 6) for c in range(b + 1, 6)),
    *((a, b) for a in range(6) for b in range(a + 1, 6)),
)
"""Dimension groups in the order of their numbers in the API: 012 is 0, 345 is 19, 01 is 20, 45 is 34 (section 1)."""

Box = tuple[tuple[int, int], ...]
"""Half-open bounds per dimension in voxels of full resolution, dimension 0 first."""


def group_name(group: Sequence[int]) -> str:
    """Return the name of a dimension group, e.g. ``"Dimensions_012"``."""
    return "Dimensions_" + "".join(str(dim) for dim in group)


@dataclass(frozen=True, slots=True)
class Partition:
    """The chunk grid of one layer.

    Parameters
    ----------
    samples
        Voxels per dimension at full resolution.
    group
        Dimensions along which chunks extend, ascending; all others have chunk length 1.
    edge
        Interior length of a chunk per dimension, in voxels of full resolution.
    negative_margin, positive_margin
        Overlap before and after, in voxels of full resolution at every level of detail.
    lod
        Level of detail; 0 is full resolution.
    full_resolution_dimension
        Dimension that is never decimated, or -1.
    """

    samples: tuple[int, ...]
    group: tuple[int, ...]
    edge: tuple[int, ...]
    negative_margin: int
    positive_margin: int
    lod: int = 0
    full_resolution_dimension: int = -1

    @property
    def count(self) -> tuple[int, ...]:
        """Chunks per dimension."""
        margins = self.negative_margin + self.positive_margin
        return tuple(
            # The division truncates toward zero: a volume shorter than the margins is one chunk.
            (max(0, self.samples[dim] - 1 - margins) // self.edge[dim] + 1) if dim in self.group else length
            for dim, length in enumerate(self.samples)
        )

    @property
    def total(self) -> int:
        """Number of chunks."""
        return prod(self.count)

    def index(self, position: Sequence[int]) -> int:
        """Return the number of the chunk at a grid position; dimension 0 varies fastest."""
        number = 0
        for at, count in zip(reversed(position), reversed(self.count), strict=True):
            number = number * count + at
        return number

    def position(self, index: int) -> tuple[int, ...]:
        """Return the grid position of a chunk number."""
        position = []
        for count in self.count:
            index, at = divmod(index, count)
            position.append(at)
        return tuple(position)

    def box(self, position: Sequence[int]) -> Box:
        """Return the voxels that the chunk stores, margins included."""
        return tuple(self._span(dim, at, True) for dim, at in enumerate(position))

    def interior(self, position: Sequence[int]) -> Box:
        """Return the voxels that the chunk owns; the interiors of all chunks tile the volume."""
        return tuple(self._span(dim, at, False) for dim, at in enumerate(position))

    def stored_shape(self, position: Sequence[int]) -> tuple[int, ...]:
        """Return the stored length along each dimension of the group, lowest dimension first."""
        box = self.box(position)
        lengths = []
        for dim in self.group:
            lo, hi = box[dim]
            shift = 0 if dim == self.full_resolution_dimension else self.lod
            lengths.append((hi - lo + (1 << shift) - 1) >> shift)
        return tuple(lengths)

    def owner(self, dim: int, voxel: int) -> int:
        """Return the grid position along one dimension of the chunk that owns a voxel."""
        if dim not in self.group:
            return voxel
        at = (voxel - self.negative_margin) // self.edge[dim]
        return min(max(at, 0), self.count[dim] - 1)

    def decimated(self, dim: int) -> bool:
        """Whether voxels are left out along a dimension at this level of detail."""
        return self.lod > 0 and dim in self.group and dim != self.full_resolution_dimension

    def in_voxels(self, box: Box) -> Box:
        """Return the voxels of this level of detail whose first voxel of full resolution lies in a box."""
        return tuple(
            (-(-lo >> self.lod), -(-hi >> self.lod)) if self.decimated(dim) else (lo, hi)
            for dim, (lo, hi) in enumerate(box)
        )

    def at_full_resolution(self, box: Box) -> Box:
        """Return the box of full resolution that voxels of this level of detail stand for."""
        return tuple(
            (lo << self.lod, min(hi << self.lod, self.samples[dim])) if self.decimated(dim) else (lo, hi)
            for dim, (lo, hi) in enumerate(box)
        )

    def beginning_in(self, box: Box) -> Iterator[tuple[int, ...]]:
        """Yield the grid positions of the chunks whose stored boxes begin in a box, dimension 0 fastest.

        Stored boxes begin on a regular grid whatever the margins, so each chunk begins in one box of a tiling.
        """
        spans = [
            range(-(-lo // edge), min(-(-hi // edge), count))
            for (lo, hi), edge, count in zip(box, self.edge, self.count, strict=True)
        ]
        return (position[::-1] for position in product(*reversed(spans)))

    def touching(self, box: Box) -> Iterator[tuple[int, ...]]:
        """Yield the grid positions of the chunks whose interiors meet a non-empty box, dimension 0 fastest."""
        spans = [
            range(self.owner(dim, lo), self.owner(dim, hi - 1) + 1) if hi > lo else range(0)
            for dim, (lo, hi) in enumerate(box)
        ]
        return (position[::-1] for position in product(*reversed(spans)))

    def _span(self, dim: int, at: int, margins: bool) -> tuple[int, int]:
        if dim not in self.group:
            return at, at + 1
        lo = at * self.edge[dim] + self.negative_margin
        hi = lo + self.edge[dim]
        if margins or at == 0:
            lo -= self.negative_margin
        if margins or at == self.count[dim] - 1:
            hi += self.positive_margin
        return lo, min(hi, self.samples[dim])


def channel_partition(
    layout: VolumeDataLayout, channel: ChannelDescriptor, group: tuple[int, ...], lod: int = 0
) -> Partition:
    """Return the chunk grid of a channel.

    Parameters
    ----------
    layout
        The VDS.
    channel
        Any of its channels.
    group
        Dimension group of the primary channel, which also names the layers of per-trace channels.
    lod
        Level of detail.
    """
    descriptor = layout.layout
    samples = layout.shape + (1,) * (DIMENSIONS - len(layout.axes))
    base = descriptor.brick_size - descriptor.negative_margin - descriptor.positive_margin
    if len(group) == 2:
        base *= descriptor.brick_size_2d_multiplier
    full = descriptor.full_resolution_dimension
    edge = tuple(
        min(base << (0 if dim == full else lod), length) if dim in group else 1 for dim, length in enumerate(samples)
    )
    if channel.mapping is VolumeDataMapping.PerTrace:
        values = channel.mapped_values
        samples, edge = (values, *samples[1:]), (values, *edge[1:])
        group = (*((0,) if values > 1 else ()), *(dim for dim in group if dim != 0))
    return Partition(
        samples=samples,
        group=group,
        edge=edge,
        negative_margin=descriptor.negative_margin,
        positive_margin=descriptor.positive_margin,
        lod=lod,
        full_resolution_dimension=full,
    )


def grown(box: Box, partition: Partition) -> Box:
    """Return a box with all voxels whose chunks may have some of its voxels in their margins."""
    return tuple(
        (max(0, lo - partition.positive_margin), min(length, hi + partition.negative_margin))
        if dim in partition.group
        else (lo, hi)
        for dim, ((lo, hi), length) in enumerate(zip(box, partition.samples, strict=True))
    )
