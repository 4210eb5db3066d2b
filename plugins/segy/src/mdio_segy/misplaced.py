"""Index words that were looked for a byte or two from where they are: they index well, by numbers nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdio_segy.fields import TRACE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mdio.core.dimension import Dimension
    from mdio_segy.fields import KeyField

__all__ = ["misplaced_words"]

_LOOKED_AT = 1 << 16
"""Coordinates of a dimension."""


def misplaced_words(dims: Iterable[Dimension], keys: Iterable[KeyField | None], big_endian: bool) -> list[str]:
    """Return a warning for each key whose coordinates are those of a word nearby, times 256 or a power of it.

    Only keys that begin where no standard word begins, and end up in one that does, are suspected: a survey may well
    count in steps of 256.

    Parameters
    ----------
    dims
        Spatial dimensions of the grid.
    keys
        The key of each; None where it is no header word.
    big_endian
        Byte order of the headers.
    """
    found = []
    for dim, key in zip(dims, keys, strict=False):
        if key is None or key.byte in TRACE_FIELDS or dim.size < 2:
            continue
        coords = dim.between(0, min(dim.size, _LOOKED_AT))
        if coords.dtype.kind not in "iu":
            continue
        coords = coords.astype(np.int64)
        zeros = next((count for count in (3, 2, 1) if not np.any(coords % 256**count)), 0)
        place = key.byte - zeros if big_endian else key.byte + zeros
        if zeros and place in TRACE_FIELDS:
            found.append(
                f"every {dim.name} at byte {key.byte} is a multiple of {256**zeros}: its word may begin at byte {place}"
            )
    return found
