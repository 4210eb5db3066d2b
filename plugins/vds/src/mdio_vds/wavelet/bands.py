"""The geometry of a wavelet pyramid: box sizes, which coefficients are whose children, and where the roots are.

VDS specification sections 9.3 to 9.5. Everything here depends on the chunk's shape alone and is kept for the few shapes
that the chunks of a volume have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FIELD_BITS", "LEVEL_SHIFT", "SECTOR_SHIFT", "Pyramid", "Sizes", "pyramid"]

Sizes = tuple[int, int, int]
"""Lengths along x (fastest), y and z."""

FIELD_BITS = 10
SECTOR_SHIFT = 3 * FIELD_BITS
LEVEL_SHIFT = SECTOR_SHIFT + 3
"""A node is one integer: x, y and z in ten bits each, three bits of sector, then the level."""

_SMALLEST = 8  # shorter lines are not split

_MOST_BANDS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """What the shape of a chunk says about its stream.

    Parameters
    ----------
    sizes
        Box lengths, the whole chunk first, then the low part of each split; one row each.
    masks
        Which dimensions each split halves: bit 0 is x.
    regular
        Whether every parent has exactly the children at twice its position.
    starts
        Linear places of the coefficients that are stored raw, in the order of the stream.
    roots
        Nodes at which the trees begin.
    corners
        Offsets of the members of a value group from its first one, x fastest, as (x, y, z) rows.
    children
        Bands in which the children of a node lie, by ``[level, sector, number]``: child sector, then four triples -
        origin, end, children per parent, first parent, and the parent coordinate that has one child more (-1: none).
    band_counts
        How many of them, by ``[level, sector]``.
    node_count
        Nodes of all levels.
    """

    sizes: NDArray[np.int64]
    masks: NDArray[np.int64]
    regular: bool
    starts: NDArray[np.int64]
    roots: NDArray[np.int64]
    corners: NDArray[np.int64]
    children: NDArray[np.int64]
    band_counts: NDArray[np.int64]
    node_count: int

    @property
    def value_count(self) -> int:
        """Coefficients that the trees give."""
        return int(self.sizes[0].prod()) - self.starts.size


@lru_cache(maxsize=64)
def pyramid(shape: Sizes, dimensions: int) -> Pyramid:
    """Return the pyramid of chunks of a shape.

    Parameters
    ----------
    shape
        Chunk lengths, 1 for missing dimensions.
    dimensions
        Dimensions of the chunk, 1 to 3.
    """
    sizes, masks = _splits(shape)
    levels = len(masks)
    children = np.zeros((max(levels, 1), 8, _MOST_BANDS, 16), np.int64)
    counts = np.zeros((max(levels, 1), 8), np.int64)
    regular = True
    for level in range(1, levels):
        for sector in _subsets(masks[level]):
            bands = _bands(sizes, masks, level, sector)
            counts[level, sector] = len(bands)
            children[level, sector, : len(bands)] = bands
            regular = regular and len(bands) == 1 and _doubles(bands[0])
    regular = regular and len(set(masks[:levels])) <= 1
    grouped = masks[1] if regular and levels > 1 else (1 << dimensions) - 1
    detail = [prod(sizes[level]) - prod(sizes[level + 1]) for level in range(levels)]
    starts, roots = _starts(shape, sizes, masks)
    return Pyramid(
        sizes=np.array(sizes, np.int64),
        masks=np.array(masks, np.int64),
        regular=regular,
        starts=starts,
        roots=roots,
        corners=np.array(_corners(grouped), np.int64),
        children=children,
        band_counts=counts,
        node_count=sum(detail[1:]),
    )


def _splits(shape: Sizes) -> tuple[list[Sizes], list[int]]:
    sizes, masks = [shape], []
    while any(length >= _SMALLEST for length in sizes[-1]):
        masks.append(sum(1 << d for d in range(3) if sizes[-1][d] >= _SMALLEST))
        x, y, z = ((length + 1) >> 1 if length >= _SMALLEST else length for length in sizes[-1])
        sizes.append((x, y, z))
    return sizes, masks


def _subsets(mask: int) -> list[int]:
    """Return the non-empty subsets of a set of dimensions in ascending order."""
    return [sector for sector in range(1, 8) if sector & ~mask == 0]


def _corners(mask: int) -> list[Sizes]:
    x, y, z = (range(2) if mask >> d & 1 else range(1) for d in range(3))
    return [(i, j, k) for k in z for j in y for i in x]


def _bands(sizes: list[Sizes], masks: list[int], level: int, sector: int) -> list[list[int]]:
    """Return the bands of the children of a sector's nodes (section 9.5), as rows of :attr:`Pyramid.children`."""
    mask = masks[level]
    other = mask ^ masks[level - 1]
    here, low, finer = sizes[level], sizes[level + 1], sizes[level - 1]
    factor = [2 if mask >> d & 1 else 1 for d in range(3)]
    first = [low[d] if sector >> d & 1 else 0 for d in range(3)]
    last = [here[d] if sector >> d & 1 else low[d] for d in range(3)]
    kinds = [sector, *(sector | more for more in _subsets(other))]
    if sector == _subsets(mask)[0]:
        kinds += _subsets(other)
    bands = []
    for child in kinds:
        origin = [here[d] if child >> d & 1 else 0 for d in range(3)]
        end = [finer[d] if child >> d & 1 else here[d] for d in range(3)]
        wider = [
            last[d] - 1 if end[d] - origin[d] > (last[d] - first[d]) * factor[d] else -1 for d in range(3)
        ]  # fmt: skip
        bands.append([child, *origin, *end, *factor, *first, *wider])
    return bands


def _doubles(band: list[int]) -> bool:
    """Whether the children of every parent in a band are those at twice its position, none left over or cut off."""
    origin, end, factor, first, wider = (band[at : at + 3] for at in range(1, 16, 3))
    return all(
        origin[d] == first[d] * factor[d] and wider[d] < 0 and (end[d] - origin[d]) % factor[d] == 0 for d in range(3)
    )


def _starts(shape: Sizes, sizes: list[Sizes], masks: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the raw values and the root nodes."""
    levels = len(masks)
    if levels <= 1:
        return np.arange(prod(shape), dtype=np.int64), np.empty(0, np.int64)
    level, low, here = levels - 1, sizes[levels], sizes[levels - 1]
    places = [_box((0, 0, 0), low)]
    nodes = []
    for sector in _subsets(masks[level]):
        lo = tuple(low[d] if sector >> d & 1 else 0 for d in range(3))
        hi = tuple(here[d] if sector >> d & 1 else low[d] for d in range(3))
        x, y, z = _box(lo, hi)
        places.append((x, y, z))
        packed = x | y << FIELD_BITS | z << 2 * FIELD_BITS
        nodes.append(packed | sector << SECTOR_SHIFT | level << LEVEL_SHIFT)
    starts = [x + shape[0] * (y + shape[1] * z) for x, y, z in places]
    return np.concatenate(starts), np.concatenate(nodes)


def _box(lo: tuple[int, ...], hi: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the coordinates of all positions of a box, x fastest."""
    z, y, x = np.mgrid[lo[2] : hi[2], lo[1] : hi[1], lo[0] : hi[0]].reshape(3, -1).astype(np.int64)
    return x, y, z
