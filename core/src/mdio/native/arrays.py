"""One stored array of a dataset, whatever Zarr format its metadata are written in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mdio.native.presence import Presence
    from mdio.native.shards import Sharding

__all__ = ["ArraySpec"]


@dataclass(frozen=True)
class ArraySpec:
    """Where the objects of an array lie and what is in them.

    Parameters
    ----------
    path
        Path of the array below the root of the dataset.
    shape
        Of the array.
    chunks
        What is encoded as one; may exceed the shape.
    dtype
        As stored, byte order included; raw records as ``V<n>`` or structured.
    codec
        numcodecs-like codec of a chunk, or None. ``encode_part``, ``encode_pieces``, ``decode_boxes``,
        ``decode_region``, ``read_region`` and ``check`` are used where it has them.
    fill
        What cells hold that no object holds; of ``dtype``, None for zeros.
    filters
        Codecs applied before ``codec``.
    order
        ``"C"`` or ``"F"``: order of the cells in a chunk.
    prefix, separator
        Key of a chunk below the path: ``prefix + separator.join(index)``.
    compressor
        Configuration of the codec as metadata say it; for people.
    shards
        Cells of one object where an object holds several chunks with an index, a multiple of ``chunks``; else None.
    sharding
        How they are found in it; an index with a check at the end by default.
    attributes
        Of the array.
    dimension_names
        Names of its axes, where the format keeps them.
    masked
        Whether cells of dead traces may hold anything, so that readers have to go by the live mask.
    presence
        Which objects there have to be; None where that is not known.
    """

    path: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    codec: Any = None
    fill: Any = None
    filters: tuple[Any, ...] = ()
    order: str = "C"
    prefix: str = ""
    separator: str = "/"
    compressor: Mapping[str, Any] | None = None
    shards: tuple[int, ...] | None = None
    sharding: Sharding | None = None
    attributes: Mapping[str, Any] | None = None
    dimension_names: tuple[str, ...] | None = None
    masked: bool = False
    presence: Presence | None = None

    @property
    def objects(self) -> tuple[int, ...]:
        """Cells of one stored object."""
        return self.shards or self.chunks

    @property
    def chunk_bytes(self) -> int:
        """Decoded bytes of a chunk."""
        return math.prod(self.chunks) * self.dtype.itemsize

    @property
    def lossy(self) -> bool:
        """Whether samples come back only near those that were stored; cells of dead traces are then near 0 as well."""
        codecs = getattr(self.codec, "codecs", (self.codec,))
        return any(getattr(codec, "codec_id", "") == "zfpy" for codec in codecs)

    def key(self, index: tuple[int, ...]) -> str:
        """Return the key of an object by its place on the grid of objects."""
        return f"{self.path}/{self.prefix}{self.separator.join(map(str, index))}"

    @cached_property
    def fill_cell(self) -> np.ndarray[Any, Any] | None:
        """One cell of fill, 0-D; None where it is all zero bytes."""
        if self.fill is None:
            return None
        cell = np.zeros((), dtype=self.dtype)
        cell[...] = self.fill
        return cell if any(cell.tobytes()) else None
