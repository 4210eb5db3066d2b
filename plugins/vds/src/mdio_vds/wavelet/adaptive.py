"""Reading less of wavelet chunks than is stored: levels and the bytes they need (VDS specification section 9.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BEST", "level_at_lod", "level_for_ratio", "level_for_tolerance", "prefix_length"]

BEST: Final = -1
"""The level that means everything, the lossless part included; level 0 is all of the lossy part."""

_LEVELS: Final = 16
_MOST_AT_LOD: Final = 4


def prefix_length(total: int, levels: bytes, level: int) -> int:
    """Return how many bytes of a payload a level needs.

    Parameters
    ----------
    total
        Bytes of the payload.
    levels
        The 16 level bytes of the chunk: each a share, in 255ths, of the level before; 0 ends them.
    level
        The level; :data:`~BEST` needs everything.
    """
    length = total
    for share in levels[: level + 1]:
        if share == 0:
            break
        length = length * share // 255
    return length


def level_for_tolerance(tolerance: float, layer_tolerance: float) -> int:
    """Return the highest level that keeps a tolerance, given that of the layer; 0 where none does."""
    if tolerance <= 0 or layer_tolerance <= 0:
        return 0
    return min(max(0, _doublings(tolerance, layer_tolerance)), _LEVELS - 1)


def level_for_ratio(ratio: float, uncompressed: int, sizes: Sequence[int]) -> int:
    """Return the highest level that is not compressed further than a ratio; 0 where none is.

    Parameters
    ----------
    ratio
        Uncompressed bytes for one that is read.
    uncompressed
        Bytes of all chunks that are not constant.
    sizes
        Bytes of the payloads at each level, of those chunks that have it; 0 where none has.
    """
    fitting = [level for level, size in enumerate(sizes) if size and uncompressed / size <= ratio]
    return max(fitting, default=0)


def level_at_lod(level: int, lod: int, tolerance: float, full_tolerance: float) -> int:
    """Return the level for a coarser layer that goes with one at full resolution.

    Parameters
    ----------
    level
        Level at full resolution.
    lod
        Level of detail of the layer; 0 gives ``level``.
    tolerance, full_tolerance
        Of the layer, and of the layer of full resolution.
    """
    if lod == 0 or level == BEST or tolerance <= 0 or full_tolerance <= 0:
        return level
    coarser = _doublings(tolerance, full_tolerance)
    return max(0, min(_MOST_AT_LOD, _LEVELS - 1 - coarser, level - coarser))


def _doublings(tolerance: float, base: float) -> int:
    """Return how often a tolerance is twice another one, both in single precision as files hold them."""
    return int(np.log2(np.float32(tolerance) / np.float32(base)))
