"""Where the stored form of a chunk lies: a piece of a buffer, or of an open object that is read when it is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdio.exceptions import MDIONotFoundError
from mdio.native.presence import LostObjectError

if TYPE_CHECKING:
    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import RangeReader, Store

__all__ = ["ObjectReader", "Piece", "Source"]

_RANGED = 1 << 18
"""Bytes of a chunk from which a local file is read in parts where parts are wanted."""


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes that hold the stored forms of chunks.

    Parameters
    ----------
    data
        In memory, or an open object.
    """

    data: bytes | memoryview | RangeReader

    @property
    def in_memory(self) -> bool:
        """Whether the bytes are there already."""
        return isinstance(self.data, bytes | memoryview)

    @property
    def quick(self) -> Any:
        """The buffer, or the number of an open local file; None for objects elsewhere."""
        return self.data if self.in_memory else getattr(self.data, "descriptor", None)


@dataclass(frozen=True, slots=True)
class Piece:
    """The stored form of one chunk.

    Parameters
    ----------
    index
        Place of the chunk on the grid of chunks.
    source, offset, length
        Where it is.
    """

    index: tuple[int, ...]
    source: Source
    offset: int
    length: int

    def bytes(self) -> bytes | memoryview:
        """Return all of it."""
        data: Any = self.source.data
        if not self.source.in_memory:
            read: bytes = data.read(self.offset, self.length)
            return read
        if self.length == len(data):
            whole: bytes | memoryview = data
            return whole
        return memoryview(data)[self.offset : self.offset + self.length]

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill a buffer with bytes of it; of an open object only."""
        data: Any = self.source.data
        data.read_into(self.offset + offset, buffer)


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
        """Yield the piece of the one chunk of an object, if it is there."""
        key = self._spec.key(place)
        if self._opens:
            try:
                file = self._store.open(key)
            except MDIONotFoundError:
                self._miss(place)
                return
            with contextlib.closing(file):
                yield [Piece(place, Source(file), 0, file.size)]
            return
        data = self._store.get(key)
        if data is None:
            self._miss(place)
        else:
            yield [Piece(place, Source(data), 0, len(data))]

    def _miss(self, place: tuple[int, ...]) -> None:
        if self._spec.presence is not None and self._spec.presence.expects(place):
            raise LostObjectError(self._store.url, self._spec.key(place))
