"""Levels of detail: coarser layers made from finer ones, by the rule of the format (VDS specification section 10).

They are made by reading back what is stored, chunk by chunk, when a VDS is complete: one way for a new VDS and for one
that was edited, and a run that was stopped has nothing to remember.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.channel import ChannelReader, layer_name
from mdio_vds.encoding import encode_block
from mdio_vds.enums import VolumeDataFormat
from mdio_vds.hashes import constant_hash, payload_hash
from mdio_vds.partition import channel_partition
from mdio_vds.values import stored_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.partition import Partition
    from mdio_vds.targets import LayerTarget, VdsTarget

__all__ = ["coarser", "coarser_chunk", "levels_of", "lod_tolerance", "make_lods"]


def levels_of(layout: VolumeDataLayout, channel: ChannelDescriptor, group: tuple[int, ...]) -> range:
    """Return the levels of detail above full resolution that a channel has in a dimension group (section 6)."""
    descriptor = layout.layout
    has = channel.renderable and (len(group) > 2 or descriptor.create_2d_lods)
    return range(1, descriptor.lod_levels + 1 if has else 1)


def lod_tolerance(tolerance: float, lod: int) -> float:
    """Return the tolerance that a layer records, from that of full resolution (section 8.4); 0 stays 0."""
    return max(tolerance, 2.0) * 2 ** min(lod, 2) if tolerance and lod else tolerance


def make_lods(
    target: VdsTarget, layout: VolumeDataLayout, group: tuple[int, ...], *, level: int | None = None, workers: int = 2
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

    Raises
    ------
    VdsError
        A chunk cannot be read back.
    """
    with ThreadPoolExecutor(workers, "mdio-lod") as pool:
        for channel in layout.channels:
            for lod in levels_of(layout, channel, group):
                finer = ChannelReader(target, layout, channel, group, lod - 1)
                partition = channel_partition(layout, channel, group, lod)
                full = target.layers[layer_name(layout, channel, group)]
                layer = target.add_layer(
                    layer_name(layout, channel, group, lod),
                    full.method,
                    lod_tolerance(full.tolerance, lod),
                    partition.total,
                )
                _fill(pool, workers, finer, partition, layer, level)


def _fill(
    pool: ThreadPoolExecutor,
    workers: int,
    finer: ChannelReader,
    partition: Partition,
    layer: LayerTarget,
    level: int | None,
) -> None:
    """Make the chunks of a layer, a few at a time."""

    def make(index: int) -> tuple[int, int, bytes | memoryview]:
        codes = coarser_chunk(finer, partition, partition.position(index))
        constant = constant_hash(codes, finer.channel)
        if constant is not None:
            return index, constant, b""
        payload = encode_block(codes, layer.method, finer.channel, level=level)
        return index, payload_hash(payload), payload

    running: deque[Future[tuple[int, int, bytes | memoryview]]] = deque()
    try:
        for index in range(partition.total):
            running.append(pool.submit(make, index))
            if len(running) > 2 * workers:
                layer.put(*running.popleft().result())
        while running:
            layer.put(*running.popleft().result())
    finally:
        for future in running:
            future.cancel()


def coarser_chunk(finer: ChannelReader, partition: Partition, position: tuple[int, ...]) -> NDArray[Any]:
    """Return the stored codes of a chunk, made from the level below; axes of the group, slowest first.

    Parameters
    ----------
    finer
        The channel at the level below.
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
        out[target[::-1]] = coarser(finer.look(wanted), axes, _special(finer.channel))
    return out.reshape(partition.stored_shape(position)[::-1])


def _halves(partition: Partition, below: Partition, dim: int, lo: int, hi: int) -> list[tuple[int, int]]:
    """Cut a chunk where two of the level below meet, so that not all of them are in memory at once."""
    if not partition.decimated(dim):
        return [(lo, hi)]
    middle = -(-((lo << partition.lod) + below.edge[dim] + below.negative_margin) >> partition.lod)
    return [(lo, middle), (middle, hi)] if middle < hi else [(lo, hi)]


def coarser(codes: NDArray[Any], axes: list[int], special: NDArray[Any]) -> NDArray[Any]:
    """Halve some axes: of each cell the first voxel that is not special, the fastest axis running first.

    Parameters
    ----------
    codes
        Any shape.
    axes
        Axes to halve, the fastest first; a cell cut by the end has the voxels that are there.
    special
        The code that is passed over, without dimensions. A cell of nothing else becomes special.
    """
    picked = [slice(None)] * codes.ndim
    for axis in axes:
        picked[axis] = slice(None, None, 2)
    plain = codes[tuple(picked)]
    if not (plain == special).any():
        return plain
    for axis in axes:
        even: list[slice] = [slice(None)] * codes.ndim
        odd = even.copy()
        even[axis], odd[axis] = slice(None, None, 2), slice(1, None, 2)
        first, second = codes[tuple(even)].copy(), codes[tuple(odd)]
        paired = even.copy()
        paired[axis] = slice(0, second.shape[axis])
        pair = first[tuple(paired)]
        np.copyto(pair, second, where=pair == special)
        codes = first
    return codes


def _special(channel: ChannelDescriptor) -> NDArray[Any]:
    """Return the code that levels of detail pass over: 0, in floats the no-value, which is 0 where there is none."""
    floats = channel.format in (VolumeDataFormat.Format_R32, VolumeDataFormat.Format_R64)
    return np.asarray((channel.no_value or 0.0) if floats else 0, stored_dtype(channel))
