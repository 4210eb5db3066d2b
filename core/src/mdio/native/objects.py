"""Where the stored form of a chunk lies: a piece of a buffer, or of an object that is opened when it is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdio.native.presence import LostObjectError

if TYPE_CHECKING:
    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import RangeReader, Store

__all__ = ["Buffer", "LazyObject", "ObjectReader", "Piece", "Source"]

_RANGED = 1 << 18
"""Bytes of a chunk from which a local file is read in parts where parts are wanted."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes in memory that hold the stored forms of chunks."""

    data: bytes | memoryview
    in_memory = True

    @property
    def quick(self) -> bytes | memoryview:
        """What a codec takes that reads by itself."""
        return self.data

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """Return some bytes."""
        return self.data if length == len(self.data) else memoryview(self.data)[offset : offset + length]


class LazyObject:
    """An object that is opened when it is first needed: a codec that reads by itself may do without.

    Parameters
    ----------
    store
        Root of the dataset.
    key
        Of the object.
    """

    in_memory = False

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key
        self._file: Any = None

    @property
    def quick(self) -> Any:
        """What a codec takes that reads by itself: the number of an open local file, or a path; else None."""
        if self._file is not None:
            return getattr(self._file, "descriptor", None)
        named = getattr(self._store, "file_name", None)
        return named(self._key) if named is not None else None

    def opened(self) -> RangeReader:
        """Return the open object.

        Raises
        ------
        MDIONotFoundError
            There is none.
        """
        if self._file is None:
            self._file = self._store.open(self._key)
        file: RangeReader = self._file
        return file

    @property
    def size(self) -> int:
        """Size in bytes; raises as :meth:`opened` does."""
        return self.opened().size

    def read(self, offset: int, length: int) -> bytes:
        """Return some bytes."""
        return self.opened().read(offset, length)

    def close(self) -> None:
        """Let go of the object; may be called again."""
        if self._file is not None:
            self._file.close()


Source = Buffer | LazyObject


@dataclass(frozen=True, slots=True)
class Piece:
    """The stored form of one chunk.

    Parameters
    ----------
    index
        Place of the chunk on the grid of chunks.
    source, offset, length
        Where it is; a length of -1 is that of an object that was not opened yet.
    """

    index: tuple[int, ...]
    source: Source
    offset: int
    length: int

    def measured(self) -> Piece:
        """Return the piece with its length; raises MDIONotFoundError where there is no object."""
        if self.length >= 0 or isinstance(self.source, Buffer):
            return self
        return Piece(self.index, self.source, self.offset, self.source.size)

    def bytes(self) -> bytes | memoryview:
        """Return all of it."""
        return self.source.read(self.offset, self.length)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill a buffer with bytes of it; of an object only."""
        assert isinstance(self.source, LazyObject)
        self.source.opened().read_into(self.offset + offset, buffer)


class ObjectReader:
    """Finds the chunks of an array whose objects hold one each.

    Parameters
    ----------
    store
        Root of the dataset.
    spec
        An array without shards.
    in_parts
        Whether parts of a chunk can be decoded.
    """

    def __init__(self, store: Store, spec: ArraySpec, *, in_parts: bool) -> None:
        self._store = store
        self._spec = spec
        self._opens = in_parts and spec.chunk_bytes >= _RANGED and store.path is not None

    def pieces(self, place: tuple[int, ...], _: Sequence[tuple[int, ...]]) -> Iterator[Sequence[Piece]]:
        """Yield the piece of the one chunk of an object, if it is there, or if that shows when it is read."""
        key = self._spec.key(place)
        if self._opens:
            with contextlib.closing(LazyObject(self._store, key)) as source:
                yield [Piece(place, source, 0, -1)]
            return
        data = self._store.get(key)
        if data is None:
            self.missed(place)
        else:
            yield [Piece(place, Buffer(data), 0, len(data))]

    def missed(self, place: tuple[int, ...]) -> None:
        """Take note that there is no object; raises LostObjectError where there has to be one."""
        if self._spec.presence is not None and self._spec.presence.expects(place):
            raise LostObjectError(self._store.url, self._spec.key(place))
