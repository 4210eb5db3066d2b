"""Shards: several chunks in one object, with an index of where each lies (Zarr codec ``sharding_indexed``, v1.0).

Objects can be large, so that a store has few of them, while chunks stay small, so that a section needs few bytes. A
part of a shard is read by ranges; a shard is written once, from memory.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from mdio.exceptions import ConfigError, IntegrityError, MDIONotFoundError
from mdio.native.chunk_cache import stamp_of
from mdio.native.objects import Buffer, LazyObject, Pieces
from mdio.native.presence import LostObjectError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import Store

__all__ = ["ShardReader", "ShardTable", "Sharding", "shard_shapes"]

_EMPTY = np.uint64(2**64 - 1)
"""Offset and length of a chunk that is not there."""
_GAP = 1 << 16
"""Bytes between two wanted chunks that are cheaper to read than to leave out."""
_AT_ONCE = 1 << 24
"""The most bytes of a shard that are read together, unless a chunk is larger."""

CHUNK_BYTES = 1 << 17
"""About what a chunk holds where a user asks for shards and does not say: 32×32×32 samples of four bytes."""
SHARD_BYTES = 1 << 23
"""About what a shard holds: 128×128×128 samples of four bytes."""


@dataclass(frozen=True)
class Sharding:
    """How the chunks of an object are found.

    Parameters
    ----------
    checked
        Whether a CRC32C follows the index.
    at_end
        Whether the index lies behind the chunks, not before them.
    """

    checked: bool = True
    at_end: bool = True

    def index_bytes(self, count: int) -> int:
        """Return the size of the index of so many chunks."""
        return 16 * count + 4 * self.checked

    def parse(self, raw: bytes | memoryview, size: int) -> NDArray[np.uint64]:
        """Return offset and length of each chunk, uint64 ``(chunks, 2)``.

        Parameters
        ----------
        raw
            The index.
        size
            Of the object, in bytes.

        Raises
        ------
        IntegrityError
            It does not match its check, or points beyond the object.
        """
        view = memoryview(raw)
        if self.checked:
            if int(google_crc32c.value(bytes(view[:-4]))) != int.from_bytes(view[-4:], "little"):
                raise IntegrityError("the index of a shard does not match its CRC32C")
            view = view[:-4]
        table = np.frombuffer(view, dtype="<u8").reshape(-1, 2).astype(np.uint64)
        offset, length = table.T
        limit = np.uint64(size)
        # A sum that overflows has a part that is too large.
        beyond = (offset > limit) | (length > limit) | (offset + length > limit)
        if beyond.any() and (table[beyond] != _EMPTY).any():
            raise IntegrityError("the index of a shard points beyond its object")
        return table

    def assemble(self, chunks: Iterable[bytes | None]) -> list[bytes]:
        """Return the pieces of an object of these chunks, in C order of their grid; none where all are missing."""
        pieces = list(chunks)
        table = np.full((len(pieces), 2), _EMPTY, dtype="<u8")
        at = 0 if self.at_end else self.index_bytes(len(pieces))
        stored = []
        for number, piece in enumerate(pieces):
            if piece is not None:
                table[number] = at, len(piece)
                at += len(piece)
                stored.append(piece)
        if not stored:
            return []
        index = table.tobytes()
        if self.checked:
            index += int(google_crc32c.value(index)).to_bytes(4, "little")
        return [*stored, index] if self.at_end else [index, *stored]

    def chunks(self, data: bytes, count: int) -> Iterator[memoryview]:
        """Yield the stored forms of the chunks of a whole object.

        Raises
        ------
        IntegrityError
            As :meth:`parse` does.
        """
        for offset, length in self.parse(self._index(data, count), len(data)):
            if (offset, length) != (_EMPTY, _EMPTY):
                yield memoryview(data)[int(offset) : int(offset + length)]

    def _index(self, data: bytes, count: int) -> memoryview:
        length = self.index_bytes(count)
        if len(data) < length:
            raise IntegrityError(f"a shard of {len(data)} bytes has no room for its index")
        return memoryview(data)[-length:] if self.at_end else memoryview(data)[:length]


ShardTable = tuple["NDArray[np.uint64] | None", int]
"""Index of a shard and size of its object; None where there is no object."""


class ShardReader:
    """Reads stored chunks out of the shards of an array.

    Parameters
    ----------
    store
        Root of the dataset.
    spec
        An array with shards.
    tables
        Keeps indexes; see :class:`mdio.native.chunk_cache.ChunkCache`.
    """

    def __init__(self, store: Store, spec: ArraySpec, tables: Any) -> None:
        assert spec.shards is not None
        self._store = store
        self._spec = spec
        self._tables = tables
        self._sharding = spec.sharding or Sharding()
        self._grid = tuple(outer // inner for outer, inner in zip(spec.shards, spec.chunks, strict=True))
        self._count = math.prod(self._grid)

    def pieces(self, shard: tuple[int, ...], wanted: NDArray[np.int64], stamp: Any = None) -> Iterator[Pieces]:
        """Yield the pieces of chunks of one shard, in the order in which they lie, and those that are not there.

        Parameters
        ----------
        shard
            Place of the shard on the grid of shards.
        wanted
            Places of chunks of it on the grid of chunks, int64 ``(n, dimensions)``.
        stamp
            Of the shard, where it was looked at already.
        """
        key = self._spec.key(shard)
        try:
            with contextlib.closing(LazyObject(self._store, key)) as file:
                table, _ = self._table(shard, key, file, stamp or stamp_of(self._store, key))
                if table is None:
                    yield Pieces(wanted)
                    return
                rows = table[self._numbers(wanted)]
                there = (rows[:, 0] != _EMPTY) | (rows[:, 1] != _EMPTY)
                if not there.all():
                    yield Pieces(wanted[~there])
                    wanted, rows = wanted[there], rows[there]
                if not len(wanted):
                    return
                order = np.argsort(rows[:, 0], kind="stable")
                offset, length = rows[order].astype(np.int64).T
                found = Pieces(wanted[order], file, offset, length)
                file.opened()
                if file.quick is not None:
                    yield found
                else:
                    yield from self._ranges(file, found)
        except LostObjectError:
            raise
        except IntegrityError as error:
            raise IntegrityError(f"{self._store.url}: shard {key}: {error.message}", hint=error.hint) from error

    def _numbers(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of chunks in the index of their shard."""
        numbers = np.zeros(len(wanted), np.int64)
        for axis, n in enumerate(self._grid):
            numbers = numbers * n + wanted[:, axis] % n
        return numbers

    def missed(self, shard: tuple[int, ...]) -> None:
        """Take note that there is no object; raises LostObjectError where there has to be one."""
        if self._spec.presence is not None and self._spec.presence.expects(shard):
            raise LostObjectError(self._store.url, self._spec.key(shard)) from None

    def _table(self, shard: tuple[int, ...], key: str, file: LazyObject, stamp: Any) -> ShardTable:
        known: ShardTable | None = self._tables.get(key, stamp)
        if known is None:
            known = self._fetch(shard, file)
            self._tables.put(key, known, stamp)
        return known

    def _fetch(self, shard: tuple[int, ...], file: LazyObject) -> ShardTable:
        length = self._sharding.index_bytes(self._count)
        try:
            size = file.size
        except MDIONotFoundError:
            self.missed(shard)
            return None, 0
        if size < length:
            raise IntegrityError(f"{size} bytes have no room for an index")
        raw = file.read(size - length if self._sharding.at_end else 0, length)
        return self._sharding.parse(raw, size), size

    def _ranges(self, file: LazyObject, found: Pieces) -> Iterator[Pieces]:
        """Read what lies close together in one go."""
        begins, ends = found.offset.tolist(), (found.offset + found.length).tolist()
        start = 0
        while start < len(found):
            stop, base, end = start + 1, begins[start], ends[start]
            while stop < len(found) and begins[stop] <= end + _GAP and end - base < _AT_ONCE:
                end = max(end, ends[stop])
                stop += 1
            part = slice(start, stop)
            source = Buffer(file.read(base, end - base))
            yield Pieces(found.index[part], source, found.offset[part] - base, found.length[part])
            start = stop


def shard_shapes(
    shards: bool | Sequence[int],
    chunks: Sequence[int] | None,
    usual: Sequence[int],
    itemsize: int,
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return chunks and shards for what a user asked for.

    Parameters
    ----------
    shards
        Whether there are to be any, or their shape.
    chunks
        Chunk shape, None where the user does not say.
    usual
        Chunk shape of the layout without shards.
    itemsize
        Bytes of a sample.

    Raises
    ------
    ConfigError
        Shards are not whole chunks.
    """
    if shards is False:
        return tuple(chunks or usual), None
    given = None if shards is True else tuple(shards)
    inner = tuple(chunks) if chunks is not None else _inner(given or usual, itemsize)
    outer = given or (_THREE if chunks is None and len(inner) == 3 else _grown(inner, itemsize))
    if not len(outer) == len(inner) == len(usual) or any(a % b for a, b in zip(outer, inner, strict=True)):
        raise ConfigError(
            f"shards {','.join(map(str, outer))} are not whole chunks {','.join(map(str, inner))}",
            path="shards",
            hint="one length a dimension, each a multiple of the chunk's",
        )
    return inner, outer


_THREE = (128, 128, 128)


def _inner(outer: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Return chunks that divide a shape: 32×32×32 in three dimensions where that goes, else of about 128 KiB."""
    if len(outer) == 3:
        return tuple(max(d for d in range(1, min(n, 32) + 1) if n % d == 0) for n in outer)
    inner = list(outer)
    while math.prod(inner) * itemsize > CHUNK_BYTES:
        even = [axis for axis, n in enumerate(inner) if n % 2 == 0]
        if not even:
            break
        axis = max(even, key=lambda axis: inner[axis])
        inner[axis] //= 2
    return tuple(inner)


def _grown(inner: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Return a shard of about 8 MiB: each axis doubled in turn."""
    outer, axis = list(inner), 0
    while math.prod(outer) * itemsize * 2 <= SHARD_BYTES:
        outer[axis % len(outer)] *= 2
        axis += 1
    return tuple(outer)
