"""A few recently used pages of chunk metadata, shared by threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Pages"]

T = TypeVar("T")

_KEPT = 64


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
