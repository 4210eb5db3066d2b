"""Decoded chunks and indexes of shards that are kept for those who look at the same ones again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.shards import ShardTable
    from mdio.storage.store import Store

__all__ = ["ChunkCache", "stamp_of"]

_TABLES = 4096
"""Indexes of shards that are kept; one of 64 chunks takes 1 KiB."""
_TOUCHED = 1 << 14
"""Chunks of an array whose first touch is remembered."""


def stamp_of(store: Store, key: str) -> Any:
    """Return what tells a local object from one that took its place; None for objects elsewhere."""
    if store.path is None:
        return None
    try:
        status = os.stat(f"{store.path}/{key}")  # noqa: PTH116 - for every chunk of a read, and paths take ten times as long
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class _Tables:
    """Indexes of shards, least recently used dropped first."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[ShardTable, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, stamp: Any) -> ShardTable | None:
        with self._lock:
            table, known = self._held.get(key, (None, None))
            if table is None or known != stamp:
                return None
            self._held.move_to_end(key)
            return table

    def put(self, key: str, table: ShardTable, stamp: Any) -> None:
        with self._lock:
            self._held[key] = table, stamp
            while len(self._held) > _TABLES:
                self._held.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._held.clear()


class ChunkCache:
    """Decoded chunks, least recently used dropped first; shared by the arrays of a dataset.

    Parameters
    ----------
    capacity
        Bytes of decoded data to keep; 0 keeps nothing.
    """

    def __init__(self, capacity: int = 0) -> None:
        self.capacity = capacity
        self._held: OrderedDict[Any, tuple[NDArray[Any], Any]] = OrderedDict()
        self._touched: dict[str, OrderedDict[Any, None]] = {}
        self._size = 0
        self._lock = threading.Lock()
        self.tables = _Tables()

    def get(self, key: Any, stamp: Any = None) -> NDArray[Any] | None:
        """Return a decoded chunk that was kept with the same stamp, or None."""
        if not self._held:
            return None
        with self._lock:
            chunk, known = self._held.get(key, (None, None))
            if chunk is None or known != stamp:
                return None
            self._held.move_to_end(key)
            return chunk

    @property
    def holds_any(self) -> bool:
        """Whether anything is kept."""
        return bool(self._held)

    def put(self, key: Any, chunk: NDArray[Any], stamp: Any = None) -> None:
        """Keep a decoded chunk."""
        if chunk.nbytes > self.capacity:
            return
        with self._lock:
            old, _ = self._held.pop(key, (None, None))
            self._size += chunk.nbytes - (old.nbytes if old is not None else 0)
            self._held[key] = chunk, stamp
            while self._size > self.capacity:
                _, (dropped, _) = self._held.popitem(last=False)
                self._size -= dropped.nbytes

    def first_touches(self, path: str, numbers: Sequence[Any]) -> list[bool]:
        """Return which chunks of an array, or regions of it, were not looked at lately."""
        with self._lock:
            touched = self._touched.setdefault(path, OrderedDict())
            first = [number not in touched for number in numbers]
            for number in numbers:
                touched[number] = None
                touched.move_to_end(number)
            while len(touched) > _TOUCHED:
                touched.popitem(last=False)
            return first

    def clear(self) -> None:
        """Forget everything, after a write."""
        with self._lock:
            self._held.clear()
            self._touched.clear()
            self._size = 0
        self.tables.clear()
