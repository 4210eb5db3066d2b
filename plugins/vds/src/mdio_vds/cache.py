"""What was used recently and may be wanted again, shared by threads: pages of chunk metadata, decoded chunks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CACHE_BYTES", "ChunkCache", "Pages"]

T = TypeVar("T")

_KEPT = 64

CACHE_BYTES = 256 << 20
"""Decoded bytes that a cache keeps unless told otherwise."""


class Pages(Generic[T]):
    """Numbered pages, loaded when first asked for; the 64 last used ones are kept.

    Parameters
    ----------
    load
        Returns the page of a number; may run in several threads at once.
    """

    def __init__(self, load: Callable[[int], T]) -> None:
        self._load = load
        self._pages: OrderedDict[int, T] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, number: int) -> T:
        with self._lock:
            if number in self._pages:
                self._pages.move_to_end(number)
                return self._pages[number]
        page = self._load(number)  # outside the lock: loading waits for storage
        with self._lock:
            self._pages[number] = page
            while len(self._pages) > _KEPT:
                self._pages.popitem(last=False)
        return page


class ChunkCache:
    """Decoded chunks, the least recently used ones let go; safe to use from several threads.

    A chunk that several threads ask for at once is loaded by one of them.

    Parameters
    ----------
    limit
        Bytes to keep.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.limit = limit
        self._kept: OrderedDict[Hashable, NDArray[Any]] = OrderedDict()
        self._loading: dict[Hashable, Future[NDArray[Any]]] = {}
        self._lock = threading.Lock()
        self.held = 0

    def get(self, key: Hashable, load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the chunk of a key, loaded when it is not there; read-only."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            pending = self._loading.get(key)
            if pending is None:
                own = self._loading[key] = Future()
        if pending is not None:
            return pending.result()
        try:
            chunk = load()
        except BaseException as error:
            with self._lock:
                del self._loading[key]
            own.set_exception(error)
            raise
        chunk.flags.writeable = False
        with self._lock:
            del self._loading[key]
            self._kept[key] = chunk
            self.held += chunk.nbytes
            while self.held > self.limit:
                self.held -= self._kept.popitem(last=False)[1].nbytes
        own.set_result(chunk)
        return chunk

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._kept.clear()
            self.held = 0
