"""Boxes that meet two chunk grids at once: how often a source chunk is read when an array is walked slab by slab."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Slab", "choose_slab", "common_grid"]


@dataclass(frozen=True, slots=True)
class Slab:
    """A box that tiles an array.

    Parameters
    ----------
    shape
        Its length along each axis.
    max_reads, mean_reads
        Slabs that touch a source chunk: the most of any chunk, and the mean over all chunks.
    """

    shape: tuple[int, ...]
    max_reads: int
    mean_reads: float

    @property
    def cells(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)


def common_grid(extent: Sequence[int], *grids: Sequence[int]) -> tuple[int, ...]:
    """Return the smallest box that holds whole chunks of all grids, or reaches the end of the axis."""
    return tuple(
        min(full, math.lcm(*(min(size, full) for size in sizes))) for full, *sizes in zip(extent, *grids, strict=True)
    )


def choose_slab(
    extent: Sequence[int], unit: Sequence[int], chunks: Sequence[int], limit: int, enough: int
) -> Slab | None:
    """Return the slab that reads source chunks least often.

    Parameters
    ----------
    extent
        Shape of what is tiled.
    unit
        A slab is a multiple of it along each axis, or reaches the end.
    chunks
        Grid of the source.
    limit
        Most cells of a slab.
    enough
        Cells up to which a slab is grown further, for fewer and larger steps.

    Returns
    -------
    Slab or None
        None where a single unit is larger than the limit.
    """
    axes = [list(_lengths(*each)) for each in zip(extent, unit, chunks, strict=True)]
    best: Slab | None = None
    for picked in itertools.product(*axes):
        slab = Slab(
            tuple(length for length, _, _ in picked),
            math.prod(most for _, most, _ in picked),
            math.prod(mean for _, _, mean in picked),
        )
        if slab.cells <= limit and (best is None or _rank(slab) < _rank(best)):
            best = slab
    return None if best is None else _grown(best, extent, chunks, min(limit, max(enough, best.cells)))


def _rank(slab: Slab) -> tuple[int, float, int]:
    return slab.max_reads, slab.mean_reads, slab.cells


def _lengths(full: int, unit: int, chunk: int) -> Iterator[tuple[int, int, float]]:
    """Yield ``(length, most, mean reads)`` of the lengths along an axis that are worth their memory, short ones first.

    A box of several axes is best made of them: along each axis a longer one is taken only where it reads less.
    """
    unit, chunk = min(unit, full), min(chunk, full)
    doubled = {unit << power for power in range((full // unit).bit_length())}
    lengths = {*doubled, -(-chunk // unit) * unit, math.lcm(unit, chunk), full}
    best: tuple[int, float] | None = None
    for length in sorted(min(length, full) for length in lengths):
        reads = _reads(full, length, chunk)
        if best is None or reads < best:
            best = reads
            yield length, *reads


def _reads(full: int, length: int, chunk: int) -> tuple[int, float]:
    """Return how many intervals of a length touch a chunk along an axis: the most, and the mean over its chunks."""
    start = np.arange(0, full, chunk, dtype=np.int64)
    stop = np.minimum(start + chunk, full)
    touched = (stop - 1) // length - start // length + 1
    return int(touched.max()), float(touched.mean())


def _grown(slab: Slab, extent: Sequence[int], chunks: Sequence[int], limit: int) -> Slab:
    """Lengthen a slab by whole multiples of itself, which never reads a chunk more often; in even pieces."""
    shape = list(slab.shape)
    for axis in reversed(range(len(shape))):
        pieces = -(-extent[axis] // shape[axis])
        times = min(pieces, limit // math.prod(shape))
        if times > 1:
            even = -(-pieces // (-(-pieces // times)))
            shape[axis] = min(extent[axis], shape[axis] * even)
    reads = [_reads(full, length, min(size, full)) for full, length, size in zip(extent, shape, chunks, strict=True)]
    return Slab(tuple(shape), math.prod(most for most, _ in reads), math.prod(mean for _, mean in reads))
