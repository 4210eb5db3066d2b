"""``IOManager``: a place of the toolkit handed to ``open`` and ``create``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mdio_vds.facade.connection import Place, options_of, place_of
from mdio_vds.facade.options import OpenOptions

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["IOManager"]


class IOManager:
    """Reads, writes and lists the objects of one place.

    Parameters
    ----------
    where
        A URL, options, or a store of the toolkit. A local file is the object ``""``.
    storage_options
        Options of the filesystem of a URL.
    """

    def __init__(self, where: str | OpenOptions | Store, storage_options: Mapping[str, Any] | None = None) -> None:
        if isinstance(where, OpenOptions):
            self.store = place_of(where).store()
        elif isinstance(where, str):
            place = Place(where, storage_options) if storage_options else place_of(options_of(where))
            self.store = place.store()
        else:
            self.store = where

    def size(self, name: str = "") -> int:
        """Return the bytes of an object; MDIONotFoundError when it is missing."""
        reader = self.store.open(name)
        try:
            return reader.size
        finally:
            reader.close()

    def read(self, name: str = "", offset: int = 0, length: int | None = None) -> bytes:
        """Return an object, or ``length`` bytes of it."""
        if length is None and offset == 0:
            return self.store.read(name)
        reader = self.store.open(name)
        try:
            return reader.read(offset, reader.size - offset if length is None else length)
        finally:
            reader.close()

    def write(self, name: str, data: bytes) -> None:
        """Store an object."""
        self.store.write(name, data)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield names and sizes in bytes."""
        return self.store.list(prefix)
