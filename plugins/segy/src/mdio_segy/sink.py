"""Writes SEG-Y from any volume: byte for byte what the source was where it was SEG-Y, else a plain rev 1 file."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from mdio.core.region import Region
from mdio.core.volume import Block, Creation, Patches, Volume
from mdio.exceptions import ConfigError
from mdio.flow.joining import claim
from mdio.flow.journal import Journal
from mdio.flow.pools import NotSharedError
from mdio.storage.staging import StagedFile
from mdio_segy.merged import warn_of_merged
from mdio_segy.outgoing import keeps_lengths, outgoing_records, state_lengths
from mdio_segy.outline import SegyOutline, outline_for
from mdio_segy.places import TracePlaces
from mdio_segy.records import packed
from mdio_segy.tracefile import as_slice, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import Storage, Store
    from mdio_segy.options import SegyWriteOptions
    from mdio_segy.split import SplitFiles

__all__ = ["SegySink", "create_segy"]

_BATCH = 2 << 20
"""Bytes of records that are put together before they are written."""


def create_segy(url: str, like: Volume, options: SegyWriteOptions, storage: Storage, creation: Creation) -> SegySink:
    """Begin a SEG-Y file.

    Raises
    ------
    ConfigError
        No trace to write, or a sample format that does not exist.
    MDIOAlreadyExistsError, IncompleteDatasetError, WriterLockedError, StorageError
        The target cannot be begun; see :func:`mdio.storage.claiming.claim_target`.
    """
    if options.split:
        from mdio_segy.split import SplitSink

        return SplitSink(url, like, options, storage, creation)
    warn_of_merged(like.schema)
    return SegySink(url, like, options, storage, creation)


class SegySink:
    """A SEG-Y file under construction; every trace has its place in it from the start."""

    needs: frozenset[str] = frozenset()

    def __init__(self, url: str, like: Volume, options: SegyWriteOptions, storage: Storage, creation: Creation) -> None:
        schema = like.schema
        self.outline: SegyOutline = outline_for(schema, options, own_lengths=keeps_lengths(like))
        self.chunks = (*(1,) * (len(schema.shape) - 1), max(1, schema.shape[-1]))
        self.halo = (0,) * len(self.chunks)
        self.creation = creation
        self._like = like
        self._options = options
        self._places = TracePlaces(like)
        count = self._places.count
        if count == 0 and (schema.metadata.source is None or schema.metadata.source.facts.get("traces")):
            raise ConfigError("no live trace to write", hint="check the selection")
        self._table = outgoing_records(like, self.outline, self._places)
        self._end = self._table.end if self._table else len(self.outline.head) + count * self.outline.trace_bytes
        size = self._end + len(self.outline.trailer)
        store = storage.open(url)
        self._file = self._staged(store, size)
        self.journal, resumes = claim(store, creation, lambda: Journal.of_local_target(store))
        self._local = threading.local()
        self._fresh = not resumes
        self._begun = False
        self._begin_lock = threading.Lock()

    def _staged(self, store: Store, size: int) -> StagedFile | SplitFiles:
        return StagedFile(store, size)

    def _begin(self) -> None:
        """Open the file with the first block: a plan alone takes no disk."""
        with self._begin_lock:
            if not self._begun:
                self._file.begin(fresh=self._fresh)
                self._begun = True

    def share(self) -> None:
        """Let other processes write blocks: every trace has its place in the one file.

        Raises
        ------
        NotSharedError
            The file is made in a temporary one and uploaded at the end, or there are several.
        """
        if not isinstance(self._file, StagedFile):
            raise NotSharedError("several files are written by one process")
        if self._file.store.path is None:
            raise NotSharedError(f"{self._file.store.url}: a remote SEG-Y file is made in a temporary one first")
        self._begin()

    def write(self, block: Block) -> Mapping[str, Any]:
        """Write the live traces of a block to their places."""
        self._begin()
        rows = np.flatnonzero(block.live.reshape(-1))
        if not rows.size:
            return {"traces": 0}
        if block.order is None:
            raise ConfigError("the source does not say in which order its traces lie")
        places = self._places.of(block.region.spatial, rows, block.order.reshape(-1)[rows])
        if not np.all(places[1:] > places[:-1]):
            by_place = np.argsort(places, kind="stable")
            rows, places = rows[by_place], places[by_place]
        samples = block.samples.reshape(-1, block.samples.shape[-1])
        headers = None if block.headers is None else block.headers.reshape(-1)
        step = max(1, _BATCH // self.outline.trace_bytes)
        check = 0
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            check = self._write_rows(rows[part], places[part], samples, headers, block, check)
        return {"traces": len(rows), "crc32c": check}

    def _write_rows(
        self,
        rows: NDArray[np.int64],
        places: NDArray[np.int64],
        samples: NDArray[Any],
        headers: NDArray[Any] | None,
        block: Block,
        check: int,
    ) -> int:
        """Write some traces; return the checksum of all so far."""
        outline = self.outline
        records = self._buffer(len(rows))
        records[:, : outline.header_bytes] = outline.headers(headers, rows, places, block)
        patches = _patches_of(block.patches, rows, samples)
        outline.samples(samples[as_slice(rows)], patches, records[:, outline.header_bytes :])
        if self._table is not None:
            state_lengths(records, self._table.lengths(places), big_endian=outline.big_endian)
            records = packed(records, self._table.sizes(places))
        flat, done = records.reshape(-1), 0
        for offset, length in self._ranges(places):
            self._file.write(offset, flat[done : done + length].data.cast("B"))
            done += length
        return int(google_crc32c.extend(check, flat))

    def _ranges(self, places: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Return ``(offset, bytes)`` of the pieces of the file that traces make, whose places ascend."""
        base, size = len(self.outline.head), self.outline.trace_bytes
        if self._table is None:
            return [(base + int(places[start]) * size, (stop - start) * size) for start, stop in runs(places)]
        offsets = self._table.offsets(places)
        ends = offsets + self._table.sizes(places)
        return [(int(offsets[start]), int(ends[stop - 1] - offsets[start])) for start, stop in runs(places)]

    def _buffer(self, count: int) -> NDArray[np.uint8]:
        held: NDArray[np.uint8] | None = getattr(self._local, "buffer", None)
        if held is None or len(held) < count:
            held = self._local.buffer = np.empty((count, self.outline.trace_bytes), dtype=np.uint8)
        return held[:count]

    def recheck(self, region: Region, receipt: Mapping[str, Any]) -> bool:
        """Whether the traces of a region are in the file as they were written; a power cut can lose them."""
        self._begin()
        rows = np.flatnonzero(self._like.live(region.spatial))
        order = self._like.order(region.spatial).reshape(-1)[rows]
        places = np.sort(self._places.of(region.spatial, rows, order))
        check = 0
        step = max(1, _BATCH // self.outline.trace_bytes)
        for first in range(0, len(places), step):
            for offset, length in self._ranges(places[first : first + step]):
                check = google_crc32c.extend(check, self._file.read(offset, length))
        return receipt.get("traces") == len(places) and (not len(places) or receipt.get("crc32c") == check)

    def commit(self, statistics: Mapping[str, Any]) -> None:  # noqa: ARG002 - SEG-Y has no place for them
        """Write file headers and trailer; then the file appears under its name."""
        self._begin()
        self._file.write(0, self.outline.head)
        if self.outline.trailer:
            self._file.write(self._end, self.outline.trailer)
        self._file.commit()
        self.journal.remove()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._file.abort()
        self.journal.remove()

    def close(self) -> None:
        """Let go of the file and keep what was written for a resume."""
        self._file.close()
        self.journal.close()


def _patches_of(patches: Patches | None, rows: NDArray[np.int64], samples: NDArray[Any]) -> Patches | None:
    """Return the patches of some rows, counted within them."""
    if patches is None or not patches.index.size:
        return None
    width = samples.shape[1]
    row, column = np.divmod(patches.index, width)
    by_row = np.argsort(rows, kind="stable")
    at = np.minimum(np.searchsorted(rows[by_row], row), len(rows) - 1)
    mine = rows[by_row[at]] == row
    if not mine.any():
        return None
    index = by_row[at[mine]] * width + column[mine]
    up = np.argsort(index, kind="stable")
    return Patches(index[up], patches.words[mine][up])
