"""Metadata of a dataset before it is stored: edited like a finished one, then stored in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mdio.exceptions import MDIONotFoundError

if TYPE_CHECKING:
    from mdio.storage.store import RangeReader

__all__ = ["PendingDocuments"]


class PendingDocuments:
    """A store that keeps metadata documents in memory; see :class:`mdio.storage.store.Store`.

    Parameters
    ----------
    url
        Where they are going to be; for messages.
    documents
        Key and text, in the order in which they are to be stored.
    """

    path = None

    def __init__(self, url: str, documents: Sequence[tuple[str, bytes]]) -> None:
        self.url = url
        self._order = [key for key, _ in documents]
        self._held = dict(documents)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield the documents: further ones first, then the others in their order."""
        further = [key for key in self._held if key not in self._order]
        for key in (*further, *self._order):
            if key in self._held:
                yield key, self._held[key]

    def get(self, key: str) -> bytes | None:
        """Return a document, or None."""
        return self._held.get(key)

    def read(self, key: str = "") -> bytes:
        """Return a document."""
        if key not in self._held:
            raise MDIONotFoundError(f"{self.url}/{key}: no such object")
        return self._held[key]

    def open(self, key: str = "") -> RangeReader:
        """Refuse: documents are read whole."""
        raise MDIONotFoundError(f"{self.url}/{key}: no such object")

    def exists(self, key: str = "") -> bool:
        """Whether there is a document, or any below it."""
        return not key or key in self._held or self.is_dir(key)

    def is_dir(self, key: str = "") -> bool:
        """Whether there are documents below this prefix."""
        return any(held.startswith(f"{key}/") for held in self._held) if key else bool(self._held)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield key and size of the documents below a prefix."""
        for key, data in self._held.items():
            if not prefix or key.startswith(f"{prefix}/"):
                yield key, len(data)

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Keep a document."""
        self._held[key] = bytes(data)

    def delete(self, key: str = "") -> None:
        """Drop a document, or all below a prefix."""
        self._held = {held: data for held, data in self._held.items() if held != key and not held.startswith(f"{key}/")}

    def join(self, key: str) -> PendingDocuments:
        """Return the documents below a prefix."""
        inner = [(held[len(key) + 1 :], data) for held, data in self if held.startswith(f"{key}/")]
        return PendingDocuments(f"{self.url}/{key}", inner)
