"""A volume and a sink that live in arrays: the smallest complete pair, for tests of everything between the two."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import Block, Creation, Patches, Schema
from mdio.exceptions import IncompleteDatasetError, MDIOAlreadyExistsError, MDIONotFoundError
from mdio.flow.journal import Journal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Volume

__all__ = ["MemorySink", "MemoryTarget", "MemoryVolume"]


class MemoryVolume:
    """A volume held in arrays.

    Parameters
    ----------
    schema
        Its description; shapes must fit.
    samples
        Samples, shape of the schema; dead traces hold 0.
    headers
        Raw records ``V<itemsize>``, shape without the sample axis.
    live
        bool, shape without the sample axis.
    order
        File position of each trace; by default traces lie in grid order.
    patches
        Raw words of the whole volume, flat positions ascending; None for none.
    """

    def __init__(
        self,
        schema: Schema,
        samples: NDArray[Any],
        headers: NDArray[Any],
        live: NDArray[np.bool_],
        order: NDArray[np.int64] | None = None,
        patches: Patches | None = None,
    ) -> None:
        self.schema = schema
        self._samples = samples
        self._headers = headers
        self._live = live
        if order is None:
            order = np.where(live, np.cumsum(live, dtype=np.int64).reshape(live.shape) - 1, np.int64(-1))
        self._order = order
        self._patches = patches

    def samples(self, region: Region) -> NDArray[Any]:
        """Return a copy of the samples of a region."""
        return self._samples[region.slices].copy()

    def headers(self, region: Region) -> NDArray[Any]:
        """Return a copy of the header records of a region of traces."""
        return self._headers[region.slices].copy()

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return a copy of the live mask of a region of traces."""
        return self._live[region.slices].copy()

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return a copy of the file positions of a region of traces."""
        return self._order[region.slices].copy()

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        traces = region.spatial
        return Block(
            region=region,
            samples=self.samples(region),
            headers=self.headers(traces) if self.schema.headers.itemsize else None,
            live=self.live(traces),
            patches=self._cut_patches(region),
            order=self.order(traces),
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def _cut_patches(self, region: Region) -> Patches | None:
        if self._patches is None:
            return None
        place = np.unravel_index(self._patches.index, self.schema.shape)
        inside = np.ones(len(self._patches.index), dtype=np.bool_)
        for axis, (start, stop) in zip(place, region, strict=True):
            inside &= (axis >= start) & (axis < stop)
        if not inside.any():
            return None
        local = [axis[inside] - start for axis, start in zip(place, region.start, strict=True)]
        return Patches(np.ravel_multi_index(local, region.shape).astype(np.int64), self._patches.words[inside])


class MemoryTarget:
    """A place that :class:`MemorySink` writes to: empty, unfinished or complete, like a URL would be."""

    def __init__(self) -> None:
        self.volume: MemoryVolume | None = None
        self.statistics: Mapping[str, Any] | None = None
        self.unfinished: MemorySink | None = None

    def create(self, like: Volume, creation: Creation | None = None, chunks: Sequence[int] = ()) -> MemorySink:
        """Return a sink for this target: a new one, or the unfinished one when resuming.

        Raises
        ------
        MDIOAlreadyExistsError
            The target is complete and is not to be overwritten.
        """
        creation = creation or Creation()
        if self.volume is not None and not creation.overwrite:
            raise MDIOAlreadyExistsError("the memory target exists", hint="use overwrite")
        if self.unfinished is not None and creation.resume:
            self.unfinished.reopen(creation)
            return self.unfinished
        self.unfinished = MemorySink(self, like, creation, chunks or like.schema.chunks)
        return self.unfinished

    def open(self) -> MemoryVolume:
        """Return the volume once it is committed.

        Raises
        ------
        MDIONotFoundError, IncompleteDatasetError
            There is none yet.
        """
        if self.volume is not None:
            return self.volume
        if self.unfinished is not None:
            raise IncompleteDatasetError("the memory target was never finished", hint="finish it with --resume")
        raise MDIONotFoundError("the memory target is empty")


class MemorySink:
    """Keeps blocks in arrays; made by :meth:`MemoryTarget.create`."""

    def __init__(self, target: MemoryTarget, like: Volume, creation: Creation, chunks: Sequence[int]) -> None:
        schema = like.schema
        self.creation = creation
        self.chunks = tuple(chunks)
        self.halo = (0,) * len(schema.dims)
        self.needs: frozenset[str] = frozenset()
        self._lines: list[bytes] = []
        self.journal = Journal.in_memory(self._lines)
        self._target = target
        self._schema = schema
        self._lock = threading.Lock()
        self._samples = np.zeros(schema.shape, dtype=schema.dtype)
        self._headers = np.zeros(schema.shape[:-1], dtype=schema.headers.record)
        self._live = np.zeros(schema.shape[:-1], dtype=np.bool_)
        self._order = np.full(schema.shape[:-1], -1, dtype=np.int64)
        self._patches: dict[Region, Patches] = {}

    def reopen(self, creation: Creation) -> None:
        """Go on with what was written."""
        self.creation = creation
        self.journal = Journal.in_memory(self._lines)

    def write(self, block: Block) -> Mapping[str, Any]:
        """Copy a block into the arrays."""
        region, traces = block.region, block.region.spatial.slices
        self._samples[region.slices] = block.samples
        self._live[traces] = block.live
        if block.headers is not None:
            self._headers[traces] = block.headers
        if block.order is not None:
            self._order[traces] = block.order
        with self._lock:
            self._patches.pop(region, None)
            if block.patches is not None:
                self._patches[region] = block.patches
        return {"crc": self._crc(region)}

    def recheck(self, region: Region, receipt: Mapping[str, Any]) -> bool:
        """Whether the samples of a region are those that were written."""
        return bool(self._crc(region) == receipt["crc"])

    def _crc(self, region: Region) -> int:
        return zlib.crc32(self._samples[region.slices].tobytes())

    def commit(self, statistics: Mapping[str, Any]) -> None:
        """Make the target openable."""
        schema = self._schema.with_metadata(trace_count=int(np.count_nonzero(self._live)), statistics=dict(statistics))
        self._target.volume = MemoryVolume(
            replace(schema, chunks=self.chunks),
            self._samples,
            self._headers,
            self._live,
            self._order,
            self._all_patches(),
        )
        self._target.statistics = statistics
        self._target.unfinished = None
        self.journal.remove()

    def _all_patches(self) -> Patches | None:
        if not self._patches:
            return None
        index, words = [], []
        for region, patches in self._patches.items():
            local = np.unravel_index(patches.index, region.shape)
            place = [axis + start for axis, start in zip(local, region.start, strict=True)]
            index.append(np.ravel_multi_index(place, self._schema.shape))
            words.append(patches.words)
        flat, unsorted = np.concatenate(index), np.concatenate(words)
        order = np.argsort(flat, kind="stable")
        return Patches(flat[order].astype(np.int64), unsorted[order])

    def abort(self) -> None:
        """Forget what was written."""
        self._target.unfinished = None
        self.journal.remove()

    def close(self) -> None:
        """Keep what was written for a resume."""
