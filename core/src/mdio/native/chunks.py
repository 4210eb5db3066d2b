"""Chunks of one stored array on their way out of a store: got, checked and decoded, only what a region needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import CodecError, IntegrityError, MDIOError, MDIONotFoundError
from mdio.flow.spread import spread
from mdio.native.bounded import decode_within
from mdio.native.chunk_cache import ChunkCache, stamp_of
from mdio.native.objects import ObjectReader, Piece, Pieces
from mdio.native.room import copied, zeros
from mdio.native.shards import ShardReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import Store

__all__ = ["ChunkCache", "ChunkReader"]

_ALONE = 1 << 20
"""Decoded bytes below which threads cost more than they give."""

_TOGETHER = 4
"""Chunks of an object that one thread takes in one go, at least."""
_PARTS = 4
"""Parts into which the chunks of a region are cut where they lie in fewer objects."""

_Decode = Callable[["Pieces", Region, "NDArray[Any]", Any], None]
_Unit = tuple[tuple[int, ...], "NDArray[np.int64]", Any]


class ChunkReader:
    """A stored array, read by region.

    Parameters
    ----------
    store
        Root of the dataset.
    spec
        The array.
    cache
        Where decoded chunks are kept.
    """

    def __init__(self, store: Store, spec: ArraySpec, cache: ChunkCache) -> None:
        self.spec = spec
        self.path = spec.path
        self.shape = spec.shape
        self.chunks = spec.chunks
        self.dtype = spec.dtype
        self.compressor = spec.compressor
        self._codec = spec.codec
        self._partial = hasattr(spec.codec, "decode_region") and not spec.filters and spec.order == "C"
        self._decode_boxes = getattr(spec.codec, "decode_boxes", None) if self._partial and spec.shape else None
        self._store = store
        self._cache = cache
        self._objects: ShardReader | ObjectReader
        if spec.shards is not None:
            self._objects = ShardReader(store, spec, cache.tables)
        else:
            self._objects = ObjectReader(store, spec, in_parts=self._partial)

    def read(self, region: Region) -> NDArray[Any]:
        """Return a region, C order; chunks that are not there are fill. Nothing is kept."""
        out = self._room(region.shape)
        self._decode_into(region, out, self._take)
        return out

    def look(self, region: Region) -> NDArray[Any]:
        """Return what :meth:`read` returns, for somebody who looks at the same, or at what lies near it, next.

        A region that is looked at again is kept, and so are, whole, the chunks that are asked for again, unless those
        of this region are more than the cache holds.
        """
        if not self._cache.capacity or not region.size:
            return self.read(region)
        stamps = [self._stamp(place) for place in region.chunks(self.spec.objects)]
        kept = self._cache.get((self.path, region), stamps)
        if kept is not None:
            return copied(kept)
        out = self._room(region.shape)
        keeps = _touched(region, self.chunks) * self.spec.chunk_bytes <= self._cache.capacity
        self._decode_into(region, out, self._take_or_keep if keeps else self._take, stamps)
        (first,) = self._cache.first_touches(self.path, [region])
        if not first:
            self._cache.put((self.path, region), copied(out), stamps)
        return out

    def _decode_into(
        self, region: Region, out: NDArray[Any], decode: _Decode, stamps: Sequence[Any] | None = None
    ) -> None:
        """Fill ``out`` with a region: from the cache, from the store, or with fill."""

        def job(unit: _Unit) -> Callable[[], None]:
            place, wanted, stamp = unit

            def run() -> None:
                for pieces in self._objects.pieces(place, wanted, stamp):
                    if pieces.source is None:
                        self._fill(pieces.index, region, out)
                    else:
                        decode(pieces, region, out, stamp)

            return run

        units = self._units(region, out, stamps)
        if self._decoded_bytes(region) < _ALONE:
            for unit in units:
                job(unit)()
        else:
            spread(map(job, units))

    def _decoded_bytes(self, region: Region) -> float:
        """Return about how much is decoded: of chunks in C order, mostly what lies across their first axis."""
        if not region.size:
            return 0
        spans = [-(-b // n) - a // n for (a, b), n in zip(region, self.chunks, strict=True)]
        share = (region[0][1] - region[0][0]) / (spans[0] * self.chunks[0]) if self._partial else 1
        return math.prod(spans) * self.spec.chunk_bytes * share

    def present(self, region: Region) -> Iterator[tuple[Region, NDArray[Any]]]:
        """Yield ``(part of the region, values)`` of the chunks that are stored."""
        for place in region.chunks(self.spec.objects):
            for pieces in self._objects.pieces(place, self._inside(place, region)):
                for piece in pieces.each() if pieces.source is not None else ():
                    if self._is_there(piece):
                        box = Region.of_chunk(piece.index, self.chunks, self.shape)
                        part = box.intersect(region)
                        yield part, self._decode(piece)[part.within(box)]

    def _room(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return room that is zero where that is the fill: the system has such pages at hand."""
        return zeros(shape, self.dtype) if self.spec.fill_cell is None else np.empty(shape, self.dtype)

    def _fill(self, indices: NDArray[np.int64], region: Region, out: NDArray[Any]) -> None:
        """Put fill where chunks are not there."""
        for index in indices.tolist() if self.spec.fill_cell is not None else ():
            part = Region.of_chunk(index, self.chunks, self.shape).intersect(region)
            out[part.within(region)] = self.spec.fill_cell

    def _stamp(self, place: tuple[int, ...]) -> Any:
        return stamp_of(self._store, self.spec.key(place))

    def _inside(self, place: tuple[int, ...], region: Region) -> NDArray[np.int64]:
        """Return the chunks of an object that a region touches."""
        if self.spec.shards is None:
            return np.array(place, np.int64).reshape(1, -1)
        inside = Region.of_chunk(place, self.spec.objects, self.shape).intersect(region)
        return np.array([*inside.chunks(self.chunks)], np.int64).reshape(-1, len(self.chunks))

    def _units(self, region: Region, out: NDArray[Any], stamps: Sequence[Any] | None) -> Iterator[_Unit]:
        """Yield the objects of a region, those of their chunks that are not in the cache, and the object's stamp.

        What is in the cache is copied on the way. Of objects with many chunks several threads take a part each.
        """
        parts = self._parts_each(region)
        for number, place in enumerate(region.chunks(self.spec.objects)):
            wanted = self._inside(place, region)
            stamp = stamps[number] if stamps is not None else None
            if self._cache.holds_any:
                stamp = self._stamp(place) if stamps is None else stamp
                left = [not self._copy_held(tuple(index), stamp, region, out) for index in wanted.tolist()]
                wanted = wanted[left]
            step = max(-(-len(wanted) // parts), _TOGETHER)
            for first in range(0, len(wanted), step):
                yield place, wanted[first : first + step], stamp

    def _parts_each(self, region: Region) -> int:
        """Return how many threads share the chunks of an object: one where there are other objects to be had."""
        if self.spec.shards is None or self._store.path is None:  # a store elsewhere would be asked once more for each
            return 1
        return -(-_PARTS // max(_touched(region, self.spec.shards), 1))

    def _copy_held(self, index: tuple[int, ...], stamp: Any, region: Region, out: NDArray[Any]) -> bool:
        held = self._cache.get((self.path, index), stamp)
        if held is None:
            return False
        self._put(index, held, region, out)
        return True

    def _put(self, index: tuple[int, ...], chunk: NDArray[Any], region: Region, out: NDArray[Any]) -> None:
        """Copy what a region has of a decoded chunk."""
        box = Region.of_chunk(index, self.chunks, self.shape)
        part = box.intersect(region)
        out[part.within(region)] = chunk[part.within(box)]

    def _take(self, pieces: Pieces, region: Region, out: NDArray[Any], _: Any) -> None:
        """Decode what a region needs of chunks of one source: all in one go where the codec can, else one by one."""
        assert pieces.source is not None
        source = pieces.source.quick if self._decode_boxes is not None else None
        if self._decode_boxes is None or source is None:
            for piece in pieces.each():
                self._take_one(piece, region, out)
            return
        jobs = self._jobs(pieces, region)
        done = self._decode_boxes(source, jobs, self.chunks, out)
        one_by_one = list(pieces.each()) if done < len(pieces) else ()
        while done < len(pieces):
            self._take_one(one_by_one[done], region, out)
            done += 1
            if done < len(pieces):
                done += self._decode_boxes(source, jobs[done:], self.chunks, out)

    def _jobs(self, pieces: Pieces, region: Region) -> NDArray[np.int64]:
        """Return a row a chunk: where it lies in its source, for each axis start and stop in it and start in out."""
        if len(pieces) == 1:  # so small that numpy costs more than it saves
            row = [int(pieces.offset[0]), int(pieces.length[0])]
            for (low, high), i, n in zip(region, pieces.index[0].tolist(), self.chunks, strict=True):
                begin = max(low - i * n, 0)
                row += (begin, min(high - i * n, n), begin + i * n - low)
            return np.array(row, np.int64)
        jobs = np.empty((len(pieces), 2 + 3 * len(region)), np.int64)
        jobs[:, 0] = pieces.offset
        jobs[:, 1] = pieces.length
        low, high = np.array(region, np.int64).T
        lengths = np.array(self.chunks, np.int64)
        begin = low - pieces.index * lengths  # of the region, as the chunks count
        start = np.maximum(begin, 0)
        jobs[:, 2::3] = start
        jobs[:, 3::3] = np.minimum(begin + (high - low), lengths)
        jobs[:, 4::3] = start - begin
        return jobs

    def _is_there(self, piece: Piece) -> bool:
        """Whether there is a chunk; raises LostObjectError where there has to be one."""
        try:
            return piece.length >= 0
        except MDIONotFoundError:
            self._objects.missed(piece.index)
            return False

    def _take_one(self, piece: Piece, region: Region, out: NDArray[Any]) -> None:
        if not self._is_there(piece):
            self._fill(np.array([piece.index], np.int64), region, out)
            return
        box = Region.of_chunk(piece.index, self.chunks, self.shape)
        part = box.intersect(region)
        target = out[part.within(region)]
        if not self._partial or 2 * part.size > math.prod(self.chunks):
            target[...] = self._decode(piece)[part.within(box)]
            return
        inside = Region((a - c, b - c) for (a, b), (c, _) in zip(part, box, strict=True))
        try:
            if piece.source.in_memory or not hasattr(self._codec, "read_region"):
                self._codec.decode_region(piece.bytes(), self.chunks, self.dtype, inside, target)
            else:
                self._codec.read_region(piece.read_into, piece.length, self.chunks, self.dtype, inside, target)
        except (MDIOError, ValueError, RuntimeError) as error:
            raise self._named(piece.index, error) from error

    def _take_or_keep(self, pieces: Pieces, region: Region, out: NDArray[Any], stamp: Any) -> None:
        """Decode whole, and keep, the chunks that were looked at before."""
        touched = self._cache.first_touches(self.path, [tuple(index) for index in pieces.index.tolist()])
        if all(touched):
            self._take(pieces, region, out, stamp)
            return
        first = np.array(touched, np.bool_)
        if any(touched):
            self._take(pieces.chosen(first), region, out, stamp)
        for piece in pieces.chosen(~first).each():
            if self._is_there(piece):
                held = self._decode(piece)
                self._cache.put((self.path, piece.index), held, stamp)
                self._put(piece.index, held, region, out)
            else:
                self._fill(np.array([piece.index], np.int64), region, out)

    def _decode(self, piece: Piece) -> NDArray[Any]:
        index, data = piece.index, piece.bytes()
        chunk = np.empty(self.chunks, dtype=self.dtype)
        try:
            if self._codec is None and not self.spec.filters:
                flat: Any = np.frombuffer(data, dtype=np.uint8)
            elif self._codec is not None and not self.spec.filters:
                flat = np.frombuffer(self._codec.decode(data, out=_bytes_of(chunk)), dtype=np.uint8)
            else:
                flat, size = data, self.spec.chunk_bytes
                if self._codec is not None:
                    flat = decode_within(self._codec, data, size, last=False)
                for codec in reversed(self.spec.filters):
                    flat = decode_within(codec, flat, size, last=codec is self.spec.filters[0])
                flat = np.frombuffer(flat, dtype=np.uint8)
        except MemoryError:
            raise
        except Exception as error:  # codecs raise what they like, e.g. zlib.error
            raise self._named(index, error) from error
        if flat.nbytes != self.spec.chunk_bytes:
            raise IntegrityError(
                f"{self._store.url}: chunk {self._name(index)} decodes to {flat.nbytes} bytes, "
                f"not {self.spec.chunk_bytes}"
            )
        if not np.shares_memory(flat, chunk):
            chunk.reshape(-1).view(np.uint8)[:] = flat
        if self.spec.order == "F":
            chunk = np.ascontiguousarray(chunk.reshape(self.chunks[::-1]).transpose())
        return chunk

    def _named(self, index: tuple[int, ...], error: Exception) -> MDIOError:
        kind = type(error) if isinstance(error, CodecError | IntegrityError) else CodecError
        return kind(f"{self._store.url}: chunk {self._name(index)}: {error}")

    def _name(self, index: tuple[int, ...]) -> str:
        """Return the key of a chunk, or of its shard with the chunk's place on the grid."""
        if self.spec.shards is None:
            return self.spec.key(index)
        shard = tuple(i * n // s for i, n, s in zip(index, self.chunks, self.spec.shards, strict=True))
        return f"{','.join(map(str, index))} in {self.spec.key(shard)}"


def _touched(region: Region, chunks: Sequence[int]) -> int:
    """Return the number of chunks that a region touches."""
    return math.prod(-(-b // n) - a // n for (a, b), n in zip(region, chunks, strict=True))


def _bytes_of(chunk: NDArray[Any]) -> NDArray[np.uint8]:
    return chunk.reshape(-1).view(np.uint8)
