"""Many files, few of them open: a survey of thousands of lines must not need thousands of descriptors."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

__all__ = ["Pool"]

_MOST_OPEN = 64
"""Files that stay open; more are so only while more threads than this are at work."""


class _Closeable(Protocol):
    def close(self) -> None: ...


_File = TypeVar("_File", bound=_Closeable)


class Pool(Generic[_File]):
    """Opens files by number when they are used, and closes those whose use is longest ago.

    Parameters
    ----------
    opener
        Opens the file of a number; picklable, if the pool is to be.
    """

    def __init__(self, opener: Callable[[int], _File]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._open: OrderedDict[int, _File] = OrderedDict()
        self._users: dict[int, int] = {}

    @contextlib.contextmanager
    def using(self, number: int) -> Iterator[_File]:
        """Give a file that stays open for as long as the context lasts."""
        with self._lock:
            file = self._open.get(number)
            if file is None:
                file = self._open[number] = self._opener(number)
            self._open.move_to_end(number)
            self._users[number] = self._users.get(number, 0) + 1
        try:
            yield file
        finally:
            with self._lock:
                self._users[number] -= 1
                if not self._users[number]:
                    del self._users[number]
                idle = [other for other in self._open if other not in self._users]
                for other in idle[: max(0, len(self._open) - _MOST_OPEN)]:
                    self._open.pop(other).close()

    def close(self) -> None:
        """Close all files that nobody uses; they open again when they are used again."""
        with self._lock:
            for number in [number for number in self._open if number not in self._users]:
                self._open.pop(number).close()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._opener,)
