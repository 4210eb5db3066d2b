"""Levels of detail: coarser layers made from finer ones, by the rule of the format (VDS specification section 10).

They are made by reading back what is stored, chunk by chunk, when a VDS is complete: one way for a new VDS and for one
that was edited, and a run that was stopped has nothing to remember. Only what is stored with loss has to be kept
until then: see :mod:`mdio_vds.spool`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mdio_vds.channel import ChannelReader, layer_name
from mdio_vds.layer_encoding import layer_encoding
from mdio_vds.partition import channel_partition
from mdio_vds.thinning import coarser, special_code
from mdio_vds.values import stored_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.chunk_codes import EncodedChunk, Encoding
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.partition import Box, Partition
    from mdio_vds.spool import LevelSpool
    from mdio_vds.targets import LayerTarget, VdsTarget

__all__ = ["Level", "coarser_chunk", "levels_of", "make_lods"]


def levels_of(layout: VolumeDataLayout, channel: ChannelDescriptor, group: tuple[int, ...]) -> range:
    """Return the levels of detail above full resolution that a channel has in a dimension group (section 6)."""
    descriptor = layout.layout
    has = channel.renderable and (len(group) > 2 or descriptor.create_2d_lods)
    return range(1, descriptor.lod_levels + 1 if has else 1)


def make_lods(
    target: VdsTarget,
    layout: VolumeDataLayout,
    group: tuple[int, ...],
    *,
    level: int | None = None,
    workers: int = 2,
    spools: Mapping[str, Sequence[LevelSpool]] | None = None,
) -> None:
    """Add all layers of coarser levels to a VDS whose layers of full resolution are complete.

    Each worker holds one chunk of a level and a part of one of the level below. Chunks are stored in the order of their
    numbers, whichever is ready first: the same VDS gives the same bytes.

    Parameters
    ----------
    target
        The VDS; has no such layers yet.
    layout
        Its layout.
    group
        The dimension group in which its channels are stored.
    level
        Zip level.
    workers
        Threads.
    spools
        By name of channels that are stored with loss, a file for each level; the first holds it already. Levels of
        other channels are made from what is stored.

    Raises
    ------
    VdsError
        A chunk cannot be read back.
    """
    with ThreadPoolExecutor(workers, "mdio-lod") as pool:
        for channel in layout.channels:
            kept = (spools or {}).get(channel.name)
            full = target.layers[layer_name(layout, channel, group)]
            for lod in levels_of(layout, channel, group):
                partition = channel_partition(layout, channel, group, lod)
                encoding = layer_encoding(channel, full.method, full.tolerance, lod, level=level)
                name = layer_name(layout, channel, group, lod)
                layer = target.add_layer(name, encoding.method, encoding.tolerance, partition.total)
                if kept is None:
                    codes_of = _from_stored(ChannelReader(target, layout, channel, group, lod - 1), partition)
                else:
                    codes_of = _from_spools(kept, lod, partition)
                _fill(pool, workers, codes_of, encoding, channel, layer)


Codes = Callable[[int], "NDArray[Any]"]
"""Returns the codes of the chunk of a number."""


def _from_stored(finer: ChannelReader, partition: Partition) -> Codes:
    return lambda index: coarser_chunk(finer, partition, partition.position(index))


def _from_spools(spools: Sequence[LevelSpool], lod: int, partition: Partition) -> Codes:
    def codes_of(index: int) -> NDArray[Any]:
        position = partition.position(index)
        box = partition.in_voxels(partition.box(position))
        if lod == 1:
            return spools[0].look(box).reshape(partition.stored_shape(position)[::-1])
        codes = coarser_chunk(spools[lod - 2], partition, position)
        if lod <= len(spools):
            spools[lod - 1].put(box, codes)
        return codes

    return codes_of


def _fill(
    pool: ThreadPoolExecutor,
    workers: int,
    codes_of: Codes,
    encoding: Encoding,
    channel: ChannelDescriptor,
    layer: LayerTarget,
) -> None:
    """Make the chunks of a layer, a few at a time."""

    def make(index: int) -> EncodedChunk:
        return encoding.chunk(index, codes_of(index), channel)

    running: deque[Future[EncodedChunk]] = deque()
    try:
        for index in range(layer.chunk_count):
            running.append(pool.submit(make, index))
            if len(running) > 2 * workers:
                running.popleft().result().put(layer)
        while running:
            running.popleft().result().put(layer)
    finally:
        for future in running:
            future.cancel()


class Level(Protocol):
    """A level of detail that boxes are read from: a stored layer, or a spool."""

    @property
    def channel(self) -> ChannelDescriptor:
        """The channel."""
        ...

    @property
    def partition(self) -> Partition:
        """The chunk grid."""
        ...

    def look(self, box: Box) -> NDArray[Any]:
        """Return the codes of a box, six axes, slowest first."""
        ...


def coarser_chunk(finer: Level, partition: Partition, position: tuple[int, ...]) -> NDArray[Any]:
    """Return the stored codes of a chunk, made from the level below; axes of the group, slowest first.

    Parameters
    ----------
    finer
        The level below.
    partition
        The chunk grid of the level to make.
    position
        Grid position of the chunk.
    """
    below = finer.partition
    # Cells that the end of the chunk cuts, at its margin, are made of the voxels that lie inside.
    source, box = below.in_voxels(partition.box(position)), partition.in_voxels(partition.box(position))
    out = np.empty([hi - lo for lo, hi in reversed(box)], stored_dtype(finer.channel))
    spans = [_halves(partition, below, dim, lo, hi) for dim, (lo, hi) in enumerate(box)]
    axes = [out.ndim - 1 - dim for dim in partition.group if partition.decimated(dim)]
    for part in product(*spans):
        wanted = tuple(
            (2 * lo, min(2 * hi, source[dim][1])) if partition.decimated(dim) else (lo, hi)
            for dim, (lo, hi) in enumerate(part)
        )
        target = tuple(slice(lo - base, hi - base) for (lo, hi), (base, _) in zip(part, box, strict=True))
        out[target[::-1]] = coarser(finer.look(wanted), axes, special_code(finer.channel))
    return out.reshape(partition.stored_shape(position)[::-1])


def _halves(partition: Partition, below: Partition, dim: int, lo: int, hi: int) -> list[tuple[int, int]]:
    """Cut a chunk where two of the level below meet, so that not all of them are in memory at once."""
    if not partition.decimated(dim):
        return [(lo, hi)]
    middle = -(-((lo << partition.lod) + below.edge[dim] + below.negative_margin) >> partition.lod)
    return [(lo, middle), (middle, hi)] if middle < hi else [(lo, hi)]
