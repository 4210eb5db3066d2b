"""Where the stored form of a chunk lies: a piece of a buffer, or of an object that is opened when it is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.native.presence import LostObjectError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import RangeReader, Store

__all__ = ["Buffer", "LazyObject", "ObjectReader", "Piece", "Pieces", "Source"]

_ZERO = np.zeros(1, np.int64)
_UNKNOWN = np.full(1, -1, np.int64)

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


class Pieces:
    """The stored forms of chunks that have one source, or that are not there.

    Parameters
    ----------
    index
        Places of the chunks on their grid, int64 ``(n, dimensions)``.
    source
        Where they are; None for chunks that are not there.
    offset, length
        Of each in the source, int64 ``(n,)``; a length of -1 is that of an object that was not opened yet.
    """

    __slots__ = ("index", "length", "offset", "source")

    def __init__(
        self,
        index: NDArray[np.int64],
        source: Source | None = None,
        offset: NDArray[np.int64] = _ZERO,
        length: NDArray[np.int64] = _ZERO,
    ) -> None:
        self.index = index
        self.source = source
        self.offset = offset
        self.length = length

    def __len__(self) -> int:
        return len(self.index)

    def chosen(self, which: NDArray[np.bool_]) -> Pieces:
        """Return some of them."""
        return Pieces(self.index[which], self.source, self.offset[which], self.length[which])

    def each(self) -> Iterator[Piece]:
        """Yield them one by one; of a source only."""
        assert self.source is not None
        for index, offset, length in zip(self.index.tolist(), self.offset.tolist(), self.length.tolist(), strict=True):
            yield Piece(tuple(index), self.source, offset, length)


class Piece:
    """The stored form of one chunk.

    Parameters
    ----------
    index
        Place of the chunk on the grid of chunks.
    source, offset, length
        Where it is; a length of -1 is that of an object that was not opened yet.
    """

    __slots__ = ("_length", "index", "offset", "source")

    def __init__(self, index: tuple[int, ...], source: Source, offset: int, length: int) -> None:
        self.index = index
        self.source = source
        self.offset = offset
        self._length = length

    @property
    def length(self) -> int:
        """Its bytes; raises MDIONotFoundError where there is no object."""
        if self._length < 0:
            assert isinstance(self.source, LazyObject)
            self._length = self.source.size
        return self._length

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

    def pieces(self, place: tuple[int, ...], wanted: NDArray[np.int64], _: Any = None) -> Iterator[Pieces]:
        """Yield the piece of the one chunk of an object; whether it is there may show when it is read."""
        key = self._spec.key(place)
        if self._opens:
            with contextlib.closing(LazyObject(self._store, key)) as source:
                yield Pieces(wanted, source, _ZERO, _UNKNOWN)
            return
        data = self._store.get(key)
        if data is None:
            self.missed(place)
            yield Pieces(wanted)
        else:
            yield Pieces(wanted, Buffer(data), _ZERO, np.array([len(data)], np.int64))

    def missed(self, place: tuple[int, ...]) -> None:
        """Take note that there is no object; raises LostObjectError where there has to be one."""
        if self._spec.presence is not None and self._spec.presence.expects(place):
            raise LostObjectError(self._store.url, self._spec.key(place))
