"""Changes a stored array object by object: only touched ones are read, decoded, changed, encoded and replaced."""

from __future__ import annotations

import itertools
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import CodecError
from mdio.flow.engine import available_cores
from mdio.native.chunk_writer import ChunkWriter, UnstorableCellError
from mdio.native.chunks import ChunkCache, ChunkReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.native.picking import Cut, Selection
    from mdio.storage.store import Store

__all__ = ["ObjectLocks", "Rewriter", "is_lossy"]

_MEMORY = 1 << 28
"""Bytes of decoded objects that the threads of an edit may hold."""
_SOURCE_CACHE = 1 << 27
"""Bytes of decoded chunks kept while objects of another shape are filled from them."""
_LOCKS = 256
_REVERSIBLE = 5
"""Mode of ZFP that loses nothing."""


def is_lossy(spec: ArraySpec) -> bool:
    """Whether what is stored differs from what was to be stored: then encoding it again adds to the error."""
    codec = spec.codec
    return getattr(codec, "codec_id", "") == "zfpy" and getattr(codec, "mode", None) != _REVERSIBLE


class ObjectLocks:
    """A lock for every stored object; some share one, so that no survey is too large."""

    def __init__(self) -> None:
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def of(self, key: str) -> threading.Lock:
        """Return the lock of an object."""
        return self._locks[zlib.crc32(key.encode()) % _LOCKS]


class Rewriter:
    """A stored array that can be changed; from any thread of this process.

    Readers see every object as it was or as it is to be, never a part. An object that becomes all fill
    is deleted, unless the dataset says that there is one (:mod:`mdio.native.presence`): then it holds fill.

    Parameters
    ----------
    store
        Root of the dataset.
    spec
        The array.
    locks
        Shared by all arrays of the dataset.

    Raises
    ------
    CodecError
        Its chunks are stored in a way that can be read only.
    """

    def __init__(self, store: Store, spec: ArraySpec, locks: ObjectLocks) -> None:
        if spec.filters or spec.order != "C":
            raise CodecError(
                f"{store.url}: array {spec.path} has filters or Fortran order, and cannot be edited where it is",
                hint="convert the dataset to a new one",
            )
        self.spec = spec
        self.fill: Any = np.zeros((), spec.dtype) if spec.fill_cell is None else spec.fill_cell
        self._store = store
        self._locks = locks
        self._writer = ChunkWriter(self._put, store.delete, spec)
        size = int(np.prod(spec.objects, dtype=np.int64)) * spec.dtype.itemsize
        self._workers = max(1, min(available_cores(), _MEMORY // max(1, size)))

    def _put(self, key: str, *pieces: bytes | memoryview) -> None:
        self._store.write(key, pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def read(self, region: Region) -> NDArray[Any]:
        """Return a region as it is stored."""
        # A reader of its own: what one keeps of an object is outdated when that is replaced.
        return ChunkReader(self._store, self.spec, ChunkCache()).read(region)

    def assign(self, selection: Selection, values: NDArray[Any]) -> None:
        """Put values into the array.

        Parameters
        ----------
        selection
            Where.
        values
            From :meth:`~mdio.native.picking.Selection.spread`; they must fit the type.
        """
        self._each(selection.cuts(self.spec.objects), partial(self._assign, values))

    def alter(self, cuts: Iterable[Cut], change: Callable[[NDArray[Any], Cut], bool]) -> None:
        """Change objects in place.

        Parameters
        ----------
        cuts
            Of the grid of objects.
        change
            Gets the decoded cells of a cut's box, and the cut; returns whether it changed them. Called from several
            threads.
        """
        self._each(cuts, partial(self._alter, change))

    def fill_from(self, other: Rewriter, selection: Selection) -> None:
        """Encode whole objects anew from the array of another access pattern.

        Parameters
        ----------
        other
            Array of the same shape.
        selection
            Cells whose objects are made again.
        """
        source = ChunkReader(self._store, other.spec, ChunkCache(_SOURCE_CACHE))
        self._each(selection.cuts(self.spec.objects), partial(self._refill, source))

    def _assign(self, values: NDArray[Any], cut: Cut) -> None:
        with self._lock(cut):
            cells = np.empty(cut.box.shape, self.spec.dtype) if cut.whole else self.read(cut.box)
            cut.put(cells, values)
            self._replace(cut, cells)

    def _alter(self, change: Callable[[NDArray[Any], Cut], bool], cut: Cut) -> None:
        with self._lock(cut):
            cells = self.read(cut.box)
            if change(cells, cut):
                self._replace(cut, cells)

    def _refill(self, source: ChunkReader, cut: Cut) -> None:
        with self._lock(cut):
            self._replace(cut, source.look(cut.box))

    def _lock(self, cut: Cut) -> threading.Lock:
        index = tuple(start // length for start, length in zip(cut.box.start, self.spec.objects, strict=True))
        return self._locks.of(self.spec.key(index))

    def _replace(self, cut: Cut, cells: NDArray[Any]) -> None:
        try:
            self._writer.write(cut.box, cells)
        except UnstorableCellError as error:
            raise CodecError(
                f"{self._store.url}: {self.spec.path} at {list(error.cell)}: {error.message}", hint=error.hint
            ) from error

    def _each(self, cuts: Iterable[Cut], work: Callable[[Cut], None]) -> None:
        """Work on cuts in threads, a few at a time; the first error ends it."""
        some = iter(cuts)
        first = list(itertools.islice(some, 2))
        if len(first) < 2 or self._workers == 1:
            for cut in itertools.chain(first, some):
                work(cut)
            return
        running: deque[Future[None]] = deque()
        pool = ThreadPoolExecutor(self._workers, "mdio-edit")
        try:
            for cut in itertools.chain(first, some):
                if len(running) >= 2 * self._workers:
                    running.popleft().result()
                running.append(pool.submit(work, cut))
            while running:
                running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
