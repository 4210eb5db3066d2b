"""Chunks of one stored array on their way out of a store: got, checked and decoded, only what a region needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import CodecError, IntegrityError, MDIOError, MDIONotFoundError
from mdio.flow.spread import spread
from mdio.native.bounded import decode_within
from mdio.native.chunk_cache import ChunkCache, stamp_of
from mdio.native.objects import ObjectReader, Piece
from mdio.native.shards import ShardReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import Store

__all__ = ["ChunkCache", "ChunkReader"]

_ALONE = 1 << 20
"""Decoded bytes below which threads cost more than they give."""

_Decode = Callable[[Sequence[Piece], Region, "NDArray[Any]"], None]
_Unit = Callable[[], Iterator[Sequence[Piece]]]


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
        out = self._filled(region.shape)
        self._decode_into(region, out, self._copy_held(region, out), self._take)
        return out

    def look(self, region: Region) -> NDArray[Any]:
        """Return what :meth:`read` returns, for somebody who looks at what lies near it next.

        Chunks that are asked for again are kept whole from then on, unless those of this region are more than the
        cache holds.
        """
        out = self._filled(region.shape)
        if not out.size:
            return out
        touched = math.prod(-(-b // n) - a // n for (a, b), n in zip(region, self.chunks, strict=True))
        stamps: dict[tuple[int, ...], Any] = {}
        skip = self._copy_held(region, out, stamps)
        if touched * self.spec.chunk_bytes <= self._cache.capacity:
            self._decode_into(region, out, skip, partial(self._take_or_keep, stamps))
        else:
            self._decode_into(region, out, skip, self._take)
        return out

    def _decode_into(
        self, region: Region, out: NDArray[Any], skip: Callable[[tuple[int, ...]], bool], decode: _Decode
    ) -> None:
        """Fill ``out`` with the chunks of a region that are there and not skipped."""

        def job(unit: _Unit) -> Callable[[], None]:
            def run() -> None:
                for pieces in unit():
                    decode(pieces, region, out)

            return run

        units = self._units(region, skip)
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
        for unit in self._units(region, lambda _: False):
            for pieces in unit():
                for piece in filter(None, map(self._measured, pieces)):
                    box = Region.of_chunk(piece.index, self.chunks, self.shape)
                    part = box.intersect(region)
                    yield part, self._decode(piece)[part.within(box)]

    def _filled(self, shape: tuple[int, ...]) -> NDArray[Any]:
        cell = self.spec.fill_cell
        return np.zeros(shape, dtype=self.dtype) if cell is None else np.full(shape, cell, dtype=self.dtype)

    def _copy_held(
        self, region: Region, out: NDArray[Any], stamps: dict[tuple[int, ...], Any] | None = None
    ) -> Callable[[tuple[int, ...]], bool]:
        """Return a function that takes a chunk from the cache, if it is there, and notes the stamps of the others."""

        def copy(index: tuple[int, ...]) -> bool:
            stamp = self._stamp(index)
            held = self._cache.get((self.path, index), stamp)
            if held is None:
                if stamps is not None:
                    stamps[index] = stamp
                return False
            box = Region.of_chunk(index, self.chunks, self.shape)
            part = box.intersect(region)
            out[part.within(region)] = held[part.within(box)]
            return True

        return copy

    def _stamp(self, index: tuple[int, ...]) -> Any:
        """Return the stamp of the object that holds a chunk, where there is a cache to compare it."""
        if not self._cache.capacity:
            return None
        place = index
        if self.spec.shards is not None:
            place = tuple(i * n // s for i, n, s in zip(index, self.chunks, self.spec.objects, strict=True))
        return stamp_of(self._store, self.spec.key(place))

    def _units(self, region: Region, skip: Callable[[tuple[int, ...]], bool]) -> Iterator[_Unit]:
        """Yield functions that give the chunks of one object each that are there and not skipped."""
        for place in region.chunks(self.spec.objects):
            if self.spec.shards is None:
                wanted = [] if skip(place) else [place]
            else:
                inside = Region.of_chunk(place, self.spec.objects, self.shape).intersect(region)
                wanted = [index for index in inside.chunks(self.chunks) if not skip(index)]
            if wanted:
                yield partial(self._objects.pieces, place, wanted)

    def _take(self, pieces: Sequence[Piece], region: Region, out: NDArray[Any]) -> None:
        """Decode what a region needs of chunks of one source: all in one go where the codec can, else one by one."""
        source = pieces[0].source.quick if pieces and self._decode_boxes is not None else None
        if self._decode_boxes is None or source is None:
            for piece in pieces:
                self._take_one(piece, region, out)
            return
        jobs = self._jobs(pieces, region)
        done = 0
        while done < len(pieces):
            done += self._decode_boxes(source, jobs[done:], self.chunks, out)
            if done < len(pieces):
                self._take_one(pieces[done], region, out)
                done += 1

    def _jobs(self, pieces: Sequence[Piece], region: Region) -> NDArray[np.int64]:
        """Return a row a chunk: where it lies in its source, for each axis start and stop in it and start in out."""
        jobs = np.empty((len(pieces), 2 + 3 * len(region)), np.int64)
        if len(pieces) == 1:  # arithmetic of numpy costs more than it saves
            (piece,) = pieces
            row = [piece.offset, piece.length]
            for (low, high), i, n in zip(region, piece.index, self.chunks, strict=True):
                begin = max(low - i * n, 0)
                row += (begin, min(high - i * n, n), begin + i * n - low)
            jobs[0] = row
            return jobs
        chunks = np.array(self.chunks, np.int64)
        first, last = np.array(region, np.int64).T
        base = np.array([piece.index for piece in pieces], np.int64) * chunks
        start = np.maximum(base, first)
        jobs[:, 0] = [piece.offset for piece in pieces]
        jobs[:, 1] = [piece.length for piece in pieces]
        jobs[:, 2::3] = start - base
        jobs[:, 3::3] = np.minimum(base + chunks, last) - base
        jobs[:, 4::3] = start - first
        return jobs

    def _measured(self, piece: Piece) -> Piece | None:
        """Return a piece with its length, None where there is no object and need not be one."""
        try:
            return piece.measured()
        except MDIONotFoundError:
            self._objects.missed(piece.index)
            return None

    def _take_one(self, given: Piece, region: Region, out: NDArray[Any]) -> None:
        piece = self._measured(given)
        if piece is None:
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

    def _take_or_keep(
        self, stamps: Mapping[tuple[int, ...], Any], pieces: Sequence[Piece], region: Region, out: NDArray[Any]
    ) -> None:
        """Decode whole, and keep, the chunks that were looked at before."""
        fresh = []
        for piece in pieces:
            if self._cache.first_touch((self.path, piece.index)):
                fresh.append(piece)
                continue
            measured = self._measured(piece)
            if measured is None:
                continue
            held = self._decode(measured)
            self._cache.put((self.path, piece.index), held, stamps[piece.index])
            box = Region.of_chunk(piece.index, self.chunks, self.shape)
            part = box.intersect(region)
            out[part.within(region)] = held[part.within(box)]
        self._take(fresh, region, out)

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


def _bytes_of(chunk: NDArray[Any]) -> NDArray[np.uint8]:
    return chunk.reshape(-1).view(np.uint8)
