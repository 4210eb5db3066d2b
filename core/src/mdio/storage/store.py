"""What the toolkit needs of a place that keeps bytes; everything above talks to these protocols only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RangeReader", "Storage", "Store"]


class RangeReader(Protocol):
    """An open object, read by absolute ranges from any thread."""

    @property
    def size(self) -> int:
        """Size in bytes."""
        ...

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` from ``offset``.

        Raises
        ------
        StorageError
            The object ends before the buffer is full, or reading failed.
        """
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``; raises as :meth:`read_into` does."""
        ...

    def close(self) -> None:
        """Let go of the object; may be called again."""
        ...


class Store(Protocol):
    """A root and the objects below it, by relative keys with ``/``; the key ``""`` is the root as one object."""

    @property
    def url(self) -> str:
        """The root for messages and metadata, secrets removed."""
        ...

    @property
    def path(self) -> Path | None:
        """The root as a local path, or None when it is elsewhere."""
        ...

    def open(self, key: str = "") -> RangeReader:
        """Open an object for range reads; :class:`~mdio.exceptions.MDIONotFoundError` when it is missing."""
        ...

    def read(self, key: str = "") -> bytes:
        """Return a whole object; :class:`~mdio.exceptions.MDIONotFoundError` when it is missing."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return a whole object, or None when it is missing."""
        ...

    def exists(self, key: str = "") -> bool:
        """Whether there is an object, or anything below it as a prefix."""
        ...

    def is_dir(self, key: str = "") -> bool:
        """Whether there are objects below this prefix."""
        ...

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield ``(key, size)`` of all objects below a prefix, in any order."""
        ...

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Store a whole object; readers see the old or the new one, never a part."""
        ...

    def delete(self, key: str = "") -> None:
        """Delete an object or everything below a prefix; nothing there is no error."""
        ...

    def join(self, key: str) -> Store:
        """Return the store below a prefix."""
        ...


class Storage(Protocol):
    """Resolves URLs to stores with the options of the call; handed to readers and writers."""

    def open(self, url: str) -> Store:
        """Return the store at a URL; raises :class:`~mdio.exceptions.StorageError` for unknown schemes."""
        ...
