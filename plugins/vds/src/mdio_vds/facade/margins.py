"""Voxels that several chunks store: a change of one of them has to reach all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.partition import DIMENSIONS, Partition

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["changed_voxels", "overlaps"]

_Slices = tuple[slice, ...]


def overlaps(partition: Partition, index: int) -> Iterator[tuple[int, _Slices, _Slices]]:
    """Yield the chunks that store voxels which a chunk stores too, and where both have them.

    Parameters
    ----------
    partition
        The chunk grid.
    index
        The chunk.

    Yields
    ------
    int, tuple of slice, tuple of slice
        The other chunk, and slices of its codes and of theirs: axes of the group, slowest first.
    """
    position, counts = partition.position(index), partition.count
    own = partition.in_voxels(partition.box(position))
    steps = [(-1, 0, 1) if dim in partition.group else (0,) for dim in range(DIMENSIONS)]
    for step in product(*steps):
        other = tuple(at + by for at, by in zip(position, step, strict=True))
        if not any(step) or not all(0 <= at < count for at, count in zip(other, counts, strict=True)):
            continue
        theirs = partition.in_voxels(partition.box(other))
        shared = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(own, theirs, strict=True)]
        if all(lo < hi for lo, hi in shared):
            here, there = (
                tuple(
                    slice(shared[dim][0] - box[dim][0], shared[dim][1] - box[dim][0]) for dim in partition.group[::-1]
                )
                for box in (own, theirs)
            )
            yield partition.index(other), here, there


def changed_voxels(codes: NDArray[Any], original: NDArray[Any], components: int) -> NDArray[np.bool_]:
    """Return which voxels differ, without the axis of components."""
    different = np.asarray(codes != original)
    return np.asarray(different.any(axis=-1)) if components > 1 else different
