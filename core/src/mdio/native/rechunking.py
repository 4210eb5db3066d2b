"""Carries the chunks of one stored array into arrays of other chunks, as a plan says."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.scratch import Scratch
from mdio.exceptions import MDIOError, StorageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.flow.rechunking import Pass, RechunkPlan
    from mdio.native.chunk_writer import ChunkWriter
    from mdio.native.chunks import ChunkReader

__all__ = ["Rechunking"]


class Rechunking:
    """One run over an array.

    A slab is filled by all threads, one source chunk each, and then emptied by all of them, one target chunk each: so
    there is one slab in memory, and it may be large.

    Parameters
    ----------
    plan
        Grids, slabs and order.
    reader
        The source.
    writers
        The targets by their names in the plan.
    dead
        Which cells of a region are to become zero, broadcast to it; None where none are. Asked once for each slab.
    failed
        Returns the error to raise for one that a codec raised: ``failed(name, error)``.
    """

    def __init__(
        self,
        plan: RechunkPlan,
        reader: ChunkReader,
        writers: Mapping[str, ChunkWriter],
        *,
        dead: Callable[[Region], NDArray[np.bool_]] | None,
        failed: Callable[[str, MDIOError], MDIOError],
    ) -> None:
        self._plan = plan
        self._reader = reader
        self._writers = writers
        self._dead = dead
        self._failed = failed
        self._scratch: _DecodedChunks | None = None

    def run(self, pool: Executor, done: Callable[[Region, int], None]) -> None:
        """Read and write everything.

        Parameters
        ----------
        pool
            Threads, as many as the plan says.
        done
            Called in the calling thread for each slab with its region and the bytes that were written from it,
            decoded.
        """
        plan = self._plan
        if plan.scratch_bytes:
            self._scratch = _DecodedChunks(plan.tile, plan.chunks, self._reader.dtype)
        try:
            for tile in plan.tiles:
                for step in plan.passes:
                    self._walk(pool, tile, step, done)
        finally:
            if self._scratch is not None:
                self._scratch.close()

    def _walk(self, pool: Executor, tile: Region, step: Pass, done: Callable[[Region, int], None]) -> None:
        room = np.empty(step.slab.cells, dtype=self._reader.dtype)
        for region in self._plan.walk(step, tile):
            slab = room[: region.size].reshape(region.shape)
            _all(
                pool, (_call(self._load, step, tile, region, slab, index) for index in region.chunks(self._plan.chunks))
            )
            if self._dead is not None:
                slab[self._dead(region)] = 0
            _all(
                pool,
                (
                    _call(self._store, name, region, slab, index)
                    for name in step.names
                    for index in region.chunks(self._writers[name].spec.objects)
                ),
            )
            done(region, slab.nbytes * len(step.names))

    def _load(self, step: Pass, tile: Region, region: Region, slab: NDArray[Any], index: tuple[int, ...]) -> None:
        box = Region.of_chunk(index, self._plan.chunks, self._plan.shape)
        part = box.intersect(region)
        view = slab[part.within(region)]
        if step.origin == "scratch":
            assert self._scratch is not None
            self._scratch.get(box, tile, part, view)
            return
        if part == box:
            # Straight from where it was decoded.
            found = False
            for _, values in self._reader.present(box):
                view[...] = values
                found = True
            if not found:
                view[...] = 0 if self._reader.spec.fill_cell is None else self._reader.spec.fill_cell
        else:
            view[...] = self._reader.read(part)
        if step.keeps:
            assert self._scratch is not None
            self._scratch.put(box, tile, view)

    def _store(self, name: str, region: Region, slab: NDArray[Any], index: tuple[int, ...]) -> None:
        writer = self._writers[name]
        box = Region.of_chunk(index, writer.spec.objects, self._plan.shape)
        try:
            writer.write(box, slab[box.within(region)])
        except StorageError:
            raise
        except MDIOError as error:
            raise self._failed(name, error) from error


class _DecodedChunks:
    """The chunks of a tile in a temporary file, each in a place of its own; the file has no name and ends with us."""

    def __init__(self, tile: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._chunks = tuple(map(min, chunks, tile))
        self._grid = tuple(-(-full // size) for full, size in zip(tile, self._chunks, strict=True))
        self._dtype = dtype
        self._place = math.prod(self._chunks) * dtype.itemsize
        self._bytes = self._place * math.prod(self._grid)
        try:
            self._file = Scratch(np.uint8, self._bytes)
        except StorageError as error:
            raise self._refused(error) from error

    def _start(self, box: Region, tile: Region) -> int:
        index = tuple((a - base) // size for (a, _), (base, _), size in zip(box, tile, self._chunks, strict=True))
        return int(np.ravel_multi_index(index, self._grid)) * self._place

    def put(self, box: Region, tile: Region, values: NDArray[Any]) -> None:
        """Keep a whole chunk."""
        try:
            self._file.write(self._start(box, tile), np.ascontiguousarray(values).reshape(-1).view(np.uint8))
        except StorageError as error:
            raise self._refused(error) from error

    def get(self, box: Region, tile: Region, part: Region, out: NDArray[Any]) -> None:
        """Copy a part of a chunk; only the rows of the first axis that it touches are read."""
        rows = part[0][0] - box[0][0], part[0][1] - box[0][0]
        row = math.prod(box.shape[1:]) * self._dtype.itemsize
        start = self._start(box, tile)
        data = self._file.read(start + rows[0] * row, start + rows[1] * row).view(self._dtype)
        inside = part.within(box)
        out[...] = data.reshape(-1, *box.shape[1:])[(slice(None), *inside[1:])]

    def close(self) -> None:
        """Give the space back."""
        self._file.close()

    def _refused(self, error: StorageError) -> StorageError:
        cause = error.__cause__
        reason = cause.strerror if isinstance(cause, OSError) else str(error)
        return StorageError(
            f"{tempfile.gettempdir()}: no temporary file of {self._bytes} bytes for decoded chunks: {reason}",
            hint="let TMPDIR name a directory with room, or allow more memory",
        )


def _call(task: Callable[..., None], *arguments: Any) -> Callable[[], None]:
    return lambda: task(*arguments)


def _all(pool: Executor, tasks: Iterable[Callable[[], None]]) -> None:
    """Carry out tasks in all threads; where one fails, those not yet begun are dropped and the error is raised."""
    futures: list[Future[None]] = [pool.submit(task) for task in tasks]
    try:
        for future in futures:
            future.result()
    except BaseException:
        for future in futures:
            future.cancel()
        raise
