"""Chunk objects of one stored array: cut, encode and put; get, check and decode only what a region needs."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import CodecError, IntegrityError, MDIOError, MDIONotFoundError
from mdio.native.bounded import decode_within
from mdio.native.chunk_cache import ChunkCache, stamp_of
from mdio.native.presence import LostObjectError
from mdio.native.shards import Sharding, ShardReader
from mdio.native.spread import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import RangeReader, Store

    Stored = bytes | memoryview | RangeReader

__all__ = ["ChunkCache", "ChunkReader", "ChunkWriter", "UnstorableCellError"]

_ALONE = 3 << 20
"""Decoded bytes below which threads cost more than they give: what is short of the decoder waits for one lock."""

_RANGED = 1 << 18
"""Bytes of a chunk from which a local file is read in parts where parts are wanted."""

_Decode = Callable[[tuple[int, ...], "Stored", Region, Region, "NDArray[Any]"], None]


class UnstorableCellError(CodecError):
    """A sample that a codec cannot hold to its promise; ``cell`` is its place on the grid."""

    def __init__(self, error: CodecError, cell: tuple[int, ...]) -> None:
        super().__init__(error.message, hint=error.hint)
        self.cell = cell
        self.value = getattr(error, "value", None)


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
        self._store = store
        self._cache = cache
        large = spec.chunk_bytes >= _RANGED and store.path is not None
        self._ranged = large and self._partial and hasattr(spec.codec, "read_region")
        self._shards = ShardReader(store, spec, cache.tables) if spec.shards is not None else None

    def read(self, region: Region) -> NDArray[Any]:
        """Return a region, C order; chunks that are not there are fill. Nothing is kept."""
        out = self._filled(region.shape)
        self._decode_into(region, out, self._copy_held(region, out), self._read_part)
        return out

    def look(self, region: Region) -> NDArray[Any]:
        """Return what :meth:`read` returns, for somebody who looks at what lies near it next.

        Chunks that are asked for again are kept whole from then on, unless those of this region are more than half of
        what the cache holds.
        """
        out = self._filled(region.shape)
        if not out.size:
            return out
        touched = math.prod(-(-b // n) - a // n for (a, b), n in zip(region, self.chunks, strict=True))
        stamps: dict[tuple[int, ...], Any] = {}
        skip = self._copy_held(region, out, stamps)
        if 2 * touched * self.spec.chunk_bytes <= self._cache.capacity:
            self._decode_into(region, out, skip, partial(self._keep_part, stamps))
        else:
            self._decode_into(region, out, skip, self._read_part)
        return out

    def _decode_into(
        self, region: Region, out: NDArray[Any], skip: Callable[[tuple[int, ...]], bool], decode: _Decode
    ) -> None:
        """Fill ``out`` with the chunks of a region that are there and not skipped."""
        units = self._units(region, skip)

        def job(stored: Callable[[], Iterator[tuple[tuple[int, ...], Stored]]]) -> Callable[[], None]:
            def run() -> None:
                for index, data in stored():
                    box = Region.of_chunk(index, self.chunks, self.shape)
                    part = box.intersect(region)
                    decode(index, data, box, part, out[part.within(region)])

            return run

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
        for index, data in self._stored(region, lambda _: False):
            box = Region.of_chunk(index, self.chunks, self.shape)
            part = box.intersect(region)
            yield part, self._decode(index, data)[part.within(box)]

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

    def _stored(
        self, region: Region, skip: Callable[[tuple[int, ...]], bool]
    ) -> Iterator[tuple[tuple[int, ...], Stored]]:
        """Yield index and stored form of the chunks of a region that are there and not skipped."""
        for unit in self._units(region, skip):
            yield from unit()

    def _units(
        self, region: Region, skip: Callable[[tuple[int, ...]], bool]
    ) -> Iterator[Callable[[], Iterator[tuple[tuple[int, ...], Stored]]]]:
        """Yield functions that give the chunks of one object each, as :meth:`_stored` does."""
        if self._shards is None:
            for index in region.chunks(self.chunks):
                if not skip(index):
                    yield partial(self._whole_object, index)
            return
        for shard in region.chunks(self.spec.objects):
            inside = Region.of_chunk(shard, self.spec.objects, self.shape).intersect(region)
            wanted = [index for index in inside.chunks(self.chunks) if not skip(index)]
            if wanted:
                yield partial(self._shards.read, shard, wanted)

    def _whole_object(self, index: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Stored]]:
        key = self.spec.key(index)
        data: Any
        if self._ranged:
            try:
                data = self._store.open(key)
            except MDIONotFoundError:
                data = None
        else:
            data = self._store.get(key)
        if data is not None:
            with contextlib.closing(data) if self._ranged else contextlib.nullcontext():
                yield index, data
        elif self.spec.presence is not None and self.spec.presence.expects(index):
            raise LostObjectError(self._store.url, self.spec.key(index))

    def _read_part(self, index: tuple[int, ...], data: Stored, box: Region, part: Region, out: NDArray[Any]) -> None:
        inside = Region((a - c, b - c) for (a, b), (c, _) in zip(part, box, strict=True))
        if self._partial and 2 * part.size <= math.prod(self.chunks):
            try:
                if isinstance(data, bytes | memoryview):
                    self._codec.decode_region(data, self.chunks, self.dtype, inside, out)
                else:
                    self._codec.read_region(data.read_into, data.size, self.chunks, self.dtype, inside, out)
            except (MDIOError, ValueError, RuntimeError) as error:
                raise self._named(index, error) from error
            return
        out[...] = self._decode(index, data)[part.within(box)]

    def _keep_part(
        self,
        stamps: Mapping[tuple[int, ...], Any],
        index: tuple[int, ...],
        data: Stored,
        box: Region,
        part: Region,
        out: NDArray[Any],
    ) -> None:
        if self._cache.first_touch((self.path, index)):
            self._read_part(index, data, box, part, out)
            return
        held = self._decode(index, data)
        self._cache.put((self.path, index), held, stamps[index])
        out[...] = held[part.within(box)]

    def _decode(self, index: tuple[int, ...], data: Stored) -> NDArray[Any]:
        chunk = np.empty(self.chunks, dtype=self.dtype)
        if not isinstance(data, bytes | memoryview):
            data = data.read(0, data.size)
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


class ChunkWriter:
    """A stored array under construction, written by whole objects: chunks, or shards of chunks.

    Parameters
    ----------
    put
        Stores an object, given in pieces, under a key: ``put(key, *pieces)``.
    discard
        Deletes an object if it is there.
    spec
        The array.
    """

    def __init__(self, put: Callable[..., None], discard: Callable[[str], None], spec: ArraySpec) -> None:
        self.spec = spec
        self.path = spec.path
        self.shape = spec.shape
        self.chunks = spec.chunks
        self.objects = spec.objects
        self.dtype = spec.dtype
        self._put = put
        self._discard = discard
        self._codec = spec.codec
        self._sharding = (spec.sharding or Sharding()) if spec.shards is not None else None
        self._local = threading.local()

    def write(self, region: Region, values: NDArray[Any]) -> list[int]:
        """Store the objects of a region that starts on their grid.

        Returns
        -------
        list of int
            Number of objects stored and their bytes. Objects of only fill are not stored.

        Raises
        ------
        UnstorableCellError
            The codec cannot hold a sample to its promise.
        """
        count = size = 0
        for index in region.chunks(self.objects):
            box = Region.of_chunk(index, self.objects, self.shape)
            try:
                pieces = self.encode(values[box.within(region)])
            except UnstorableCellError as error:
                error.cell = tuple(base + at for base, at in zip(box.start, error.cell, strict=True))
                raise
            key = self.spec.key(index)
            if not pieces and self.spec.presence is not None and self.spec.presence.expects(index):
                pieces = self.encode(values[box.within(region)], fill=True)  # one that is gone would count as lost
            if pieces:
                self._put(key, *pieces)
                count, size = count + 1, size + sum(map(len, pieces))
            else:
                self._discard(key)
        return [count, size]

    def stored(self, get: Callable[[str], bytes | None], region: Region) -> list[int]:
        """Return what :meth:`write` returned for a region, judged by the objects that are there and whole."""
        count = size = 0
        for index in region.chunks(self.objects):
            data = get(self.spec.key(index))
            if data is not None and self._whole(data):
                count, size = count + 1, size + len(data)
        return [count, size]

    def _whole(self, data: bytes) -> bool:
        """Whether an object matches the checks that it carries."""
        check = getattr(self._codec, "check", lambda _: None)
        try:
            if self._sharding is None:
                return check(data) is not False
            inner = int(np.prod([outer // n for outer, n in zip(self.objects, self.chunks, strict=True)]))
            return all(check(chunk) is not False for chunk in self._sharding.chunks(data, inner))
        except MDIOError:
            return False

    def encode(self, part: NDArray[Any], *, fill: bool = False) -> Sequence[Any]:
        """Return the stored form of one object in pieces; none when it is all fill, unless fill is wanted as well.

        An object that passes the edge is padded with fill. The pieces hold until the next call in the same thread.
        ``cell`` of an error counts from the start of the object.
        """
        if self._sharding is None:
            return self._encode_chunk(part, (0,) * part.ndim, fill)
        whole = Region.whole(part.shape)
        grid = Region.whole(self.objects).chunks(self.chunks)
        return self._sharding.assemble(self._inner(part, whole, index, fill) for index in grid)

    def _inner(self, part: NDArray[Any], whole: Region, index: tuple[int, ...], fill: bool) -> bytes | None:
        box = Region((i * n, (i + 1) * n) for i, n in zip(index, self.chunks, strict=True)).intersect(whole)
        if not box.size:
            return None
        return b"".join(self._encode_chunk(part[box.slices], box.start, fill)) or None

    def _encode_chunk(self, part: NDArray[Any], start: tuple[int, ...], fill: bool) -> Sequence[Any]:
        # A lossy codec keeps its promise for the samples that it is given: it casts them itself.
        chunk = self._room(part.dtype if self.spec.lossy and part.dtype.itemsize <= 4 else self.dtype)
        cell = self.spec.fill_cell
        if part.shape != self.chunks:
            chunk[...] = np.zeros((), dtype=chunk.dtype) if cell is None else cell
        chunk[tuple(slice(0, n) for n in part.shape)] = part
        flat = chunk.reshape(-1).view(np.uint8)
        if not (fill or (_any_bit(flat) if cell is None else _any_other(flat, cell))):
            return ()
        if self._codec is None:
            return (flat.data,)
        try:
            if hasattr(self._codec, "encode_pieces"):
                pieces: Sequence[Any] = self._codec.encode_pieces(chunk)
                return pieces
            return (self._codec.encode(chunk),)
        except CodecError as error:
            position = getattr(error, "position", None)
            if position is None:
                raise
            inside = np.unravel_index(position, self.chunks)
            cell_at = tuple(int(at) + base for at, base in zip(inside, start, strict=True))
            raise UnstorableCellError(error, cell_at) from error

    def _room(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the calling thread's chunk: fresh pages for each would cost as much as filling it."""
        held: NDArray[Any] | None = getattr(self._local, "chunk", None)
        if held is None or held.dtype != dtype:
            held = self._local.chunk = np.empty(self.chunks, dtype=dtype)
        return held


def _any_bit(flat: NDArray[np.uint8]) -> bool:
    """Whether any bit is set; -0.0 counts, as it would not come back from fill."""
    head = flat.size // 8 * 8
    words = flat[:head].view(np.uint64)
    # Live data answer within the first words; only all-zero chunks are walked to their end.
    return bool(words[:512].any() or words.any() or flat[head:].any())


def _any_other(flat: NDArray[np.uint8], cell: NDArray[Any]) -> bool:
    """Whether any cell differs from a fill that is not zero, in any bit."""
    cells, fill = flat.reshape(-1, cell.nbytes), np.frombuffer(cell.tobytes(), np.uint8)
    return bool((cells[:512] != fill).any() or (cells != fill).any())
