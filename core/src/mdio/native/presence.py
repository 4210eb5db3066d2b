"""Which objects of an array were stored, so that one that got lost is told from one that was never needed.

Zarr stores no object for a chunk of only fill. A deleted object therefore reads as fill without a word, which is how a
survey loses a part of itself when a copy breaks off or a disk is repaired. The commit of a dataset writes down which
objects there are, one bit each, in the attributes of the group ``source/``; readers ask it only where they find none.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import IntegrityError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import Store

__all__ = ["OBJECTS", "LostObjectError", "Presence", "presence_of", "stored_objects"]

OBJECTS = "objects"
"""Attribute of the group ``source/``: path of an array -> its entry."""
_MOST = 1 << 27
"""Objects of one array that are written down; their bits take 16 MiB before they are compressed."""


@dataclass(frozen=True, eq=False)
class Presence:
    """The objects of one array that have to be there.

    Parameters
    ----------
    grid
        Objects along each axis.
    bits
        One an object in C order, most significant first; None where all of them are there.
    """

    grid: tuple[int, ...]
    bits: NDArray[np.uint8] | None

    def expects(self, index: tuple[int, ...]) -> bool:
        """Whether there was an object at this place of the grid."""
        if self.bits is None:
            return True
        number = 0
        for at, length in zip(index, self.grid, strict=True):
            number = number * length + at
        return bool(self.bits[number >> 3] >> (7 - (number & 7)) & 1)


class LostObjectError(IntegrityError):
    """An object that has to be there and is not."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(
            f"{url}: object {key} is missing: it was there when the dataset was made",
            hint="restore it from a copy; other tools read zeros or fill in its place",
        )


def grid_of(spec: ArraySpec) -> tuple[int, ...]:
    """Return the number of objects along each axis of an array."""
    return tuple(-(-n // max(c, 1)) for n, c in zip(spec.shape, spec.objects, strict=True))


def stored_objects(store: Store, specs: Iterable[ArraySpec]) -> dict[str, Any]:
    """Return the attribute that says which objects of arrays there are; the store is asked for their names.

    Parameters
    ----------
    store
        Root of the dataset.
    specs
        Its arrays.
    """
    found = {}
    for spec in specs:
        grid = grid_of(spec)
        count = math.prod(grid)
        if not 0 < count <= _MOST:
            continue
        there = np.zeros(count, dtype=np.bool_)
        head = f"{spec.path}/{spec.prefix}"
        for key, _ in store.list(spec.path):
            index = _index(key.removeprefix(head), spec.separator, grid) if key.startswith(head) else None
            if index is not None:
                there[np.ravel_multi_index(index, grid) if grid else 0] = True
        entry: dict[str, Any] = {"grid": list(grid), "count": int(np.count_nonzero(there))}
        if entry["count"] < count:
            entry["bits"] = base64.b64encode(zlib.compress(np.packbits(there).tobytes(), 6)).decode()
        found[spec.path] = entry
    return found


def _index(text: str, separator: str, grid: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the place of an object on the grid, None for what is none."""
    parts = text.split(separator) if grid else []
    if len(parts) != len(grid) or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    index = tuple(map(int, parts))
    return index if all(at < length for at, length in zip(index, grid, strict=True)) else None


def presence_of(objects: Any, spec: ArraySpec) -> Presence | None:
    """Return what is known of the objects of an array; None where nothing is, or it was cut anew since.

    Parameters
    ----------
    objects
        The attribute.
    spec
        The array.
    """
    entry = objects.get(spec.path) if isinstance(objects, Mapping) else None
    grid = grid_of(spec)
    if not isinstance(entry, Mapping) or entry.get("grid") != list(grid):
        return None
    text = entry.get("bits")
    if text is None:
        return Presence(grid, None)
    wanted = -(-math.prod(grid) // 8)
    try:
        packed = base64.b64decode(text, validate=True)
        bits = np.frombuffer(zlib.decompressobj().decompress(packed, wanted + 1), np.uint8)
    except (TypeError, ValueError, binascii.Error, zlib.error):
        return None
    return Presence(grid, bits) if bits.size == wanted else None
