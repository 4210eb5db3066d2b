"""What all views of a volume share: they move arrays, masks and patches of the volume below to their own grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import Block, Patches, TraceOrder, has_lengths, lengths_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Schema, Volume

__all__ = ["Place", "View", "thinned"]

Place: TypeAlias = "tuple[NDArray[np.intp], ...]"
"""Index arrays of some cells, one an axis."""


class View:
    """Moves arrays and patches of the volume below to where the view shows them.

    Subclasses say which region of the volume below is behind a region (:meth:`_behind`), how an array of it becomes
    one of the view (:meth:`_shown`), and where single cells go (:meth:`_moved`). All three work for regions with and
    without the sample axis.
    """

    def __init__(self, volume: Volume, schema: Schema, identity: Any) -> None:
        self.volume = volume
        views = [*volume.schema.metadata.identity.get("views", ()), identity]
        self.schema = schema.with_metadata(identity={**volume.schema.metadata.identity, "views": views})

    def _behind(self, region: Region) -> Region:
        return region

    def _shown(self, array: NDArray[Any], region: Region, fill: Any) -> NDArray[Any]:
        del region, fill
        return array

    def _moved(self, place: Place, region: Region) -> tuple[Place, NDArray[np.bool_] | None]:
        """Return where local cells of ``_behind(region)`` are in ``region``, and which of them are there at all."""
        del region
        return place, None

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region."""
        return self._fetch(self.volume.samples, region, self.volume.schema.dtype, 0)

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw header records of a region of traces."""
        return self._fetch(self.volume.headers, region, self.schema.headers.record, None)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region of traces are live."""
        return self._fetch(self.volume.live, region, np.dtype(np.bool_), False)

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the positions in the original file of a region of traces."""
        return self._fetch(self.volume.order, region, np.dtype(np.int64), -1)

    def lengths(self, region: Region) -> NDArray[np.uint32] | None:
        """Return the sample counts of a region of traces; None where all fill the sample axis."""
        behind = self._behind(region)
        if not behind.size:
            return np.zeros(region.shape, dtype=np.uint32) if has_lengths(self.volume) else None
        lengths = lengths_of(self.volume, behind)
        return None if lengths is None else self._lengths(self._shown(lengths, region, 0))

    def _fetch(
        self, read: Callable[[Region], NDArray[Any]], region: Region, dtype: np.dtype[Any], fill: Any
    ) -> NDArray[Any]:
        behind = self._behind(region)
        array = read(behind) if behind.size else np.zeros(behind.shape, dtype=dtype)
        return self._shown(array, region, fill)

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        behind, traces = self._behind(region), region.spatial
        if not behind.size:
            return self._dead(region)
        block = self.volume.read(behind)
        return Block(
            region=region,
            samples=self._shown(block.samples, region, 0),
            headers=None if block.headers is None else self._shown(block.headers, traces, None),
            live=self._shown(block.live, traces, False),
            patches=self._patches(block, region),
            order=None if block.order is None else self._shown(block.order, traces, -1),
            lengths=None if block.lengths is None else self._lengths(self._shown(block.lengths, traces, 0)),
        )

    def _dead(self, region: Region) -> Block:
        """Return a block without traces."""
        cells = region.spatial.shape
        record = self.schema.headers.record
        return Block(
            region=region,
            samples=np.zeros(region.shape, dtype=self.schema.dtype),
            headers=np.zeros(cells, dtype=record) if record.itemsize else None,
            live=np.zeros(cells, dtype=np.bool_),
            order=np.full(cells, -1, dtype=np.int64),
            lengths=self.lengths(region.spatial),
        )

    def close(self) -> None:
        """Close the volume below."""
        self.volume.close()

    def _lengths(self, lengths: NDArray[np.uint32]) -> NDArray[np.uint32]:
        return lengths

    def _patches(self, block: Block, region: Region) -> Patches | None:
        if block.patches is None:
            return None
        words = block.patches.words
        place, kept = self._moved(np.unravel_index(block.patches.index, block.region.shape), region)
        if kept is not None:
            place, words = tuple(axis[kept] for axis in place), words[kept]
        if not words.size:
            return None
        index = np.ravel_multi_index(place, region.shape).astype(np.int64)
        order = np.argsort(index, kind="stable")
        return Patches(index[order], words[order])


def thinned(schema: Schema, inner: Schema, *, known: bool = True) -> Schema:
    """Drop what a volume with fewer traces or samples cannot say any more."""
    full = known and inner.metadata.trace_count == math.prod(inner.shape[:-1])
    return schema.with_metadata(
        order=TraceOrder("mapped"),
        trace_count=math.prod(schema.shape[:-1]) if full else -1,
        statistics=None,
    )
