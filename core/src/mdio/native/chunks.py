"""Chunk objects of one Zarr array: cut, encode and put; get, check and decode only what a region needs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import CodecError, IntegrityError, MDIOError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import Store

__all__ = ["ChunkCache", "ChunkReader", "ChunkWriter", "resolve_codec"]


def resolve_codec(config: Mapping[str, Any] | None, itemsize: int) -> Any | None:
    """Return a numcodecs codec for a ``compressor`` entry of Zarr metadata; None for uncompressed chunks.

    Blosc and ZFP come from their plugin where it is installed (checks, partial decoding), else from numcodecs.

    Raises
    ------
    CodecError
        No installed package decodes it.
    """
    if config is None:
        return None
    from mdio.plugins.registry import registry

    name = str(config.get("id", ""))
    stock = dict(config)
    if name == "zfpy":
        stock.pop("compression_kwargs", None)  # written beside its own arguments by releases of numcodecs, not taken
    for codec in registry().codecs():
        # ZFP of fixed rate or precision holds no tolerance; the plugin, which promises one, does not take it.
        if codec.numcodecs_id == name and (name != "zfpy" or config.get("tolerance", 0) > 0):
            options = {"typesize": itemsize} if name == "blosc" else {"tolerance": config.get("tolerance", 0)}
            return codec.load()(**options)
    import numcodecs

    try:
        return numcodecs.get_codec(stock)
    except (ValueError, TypeError, KeyError) as error:
        raise CodecError(
            f"chunks are compressed with {name!r}, which no installed package decodes",
            hint="pip install mdio-compression" if name in ("zfpy", "blosc") else "",
        ) from error


class ChunkCache:
    """Decoded chunks, least recently used dropped first; shared by the arrays of a dataset.

    Parameters
    ----------
    capacity
        Bytes of decoded data to keep; 0 keeps nothing.
    """

    def __init__(self, capacity: int = 0) -> None:
        self.capacity = capacity
        self._held: OrderedDict[Any, NDArray[Any]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: Any) -> NDArray[Any] | None:
        """Return a decoded chunk, or None."""
        if not self.capacity:
            return None
        with self._lock:
            chunk = self._held.get(key)
            if chunk is not None:
                self._held.move_to_end(key)
            return chunk

    def put(self, key: Any, chunk: NDArray[Any]) -> None:
        """Keep a decoded chunk."""
        if chunk.nbytes > self.capacity:
            return
        with self._lock:
            old = self._held.pop(key, None)
            self._size += chunk.nbytes - (old.nbytes if old is not None else 0)
            self._held[key] = chunk
            while self._size > self.capacity:
                _, dropped = self._held.popitem(last=False)
                self._size -= dropped.nbytes

    def clear(self) -> None:
        """Forget everything, after a write."""
        with self._lock:
            self._held.clear()
            self._size = 0


class ChunkReader:
    """A Zarr format 2 array, read by region.

    Parameters
    ----------
    store
        Root of the dataset.
    path
        Path of the array below it.
    document
        Its parsed ``.zarray``.
    cache
        Where decoded chunks are kept.
    """

    def __init__(self, store: Store, path: str, document: Mapping[str, Any], cache: ChunkCache) -> None:
        self.path = path
        self.shape = tuple(int(n) for n in document["shape"])
        self.chunks = tuple(int(n) for n in document["chunks"])
        kind = document["dtype"]
        self.dtype = np.dtype([tuple(row) for row in kind] if isinstance(kind, list) else kind)
        if self.dtype.hasobject:
            raise CodecError(f"{store.url}: array {path} holds objects, which are never read")
        self.fill = document.get("fill_value")
        self._separator = document.get("dimension_separator", ".")
        self._order = document.get("order", "C")
        self._filters = [resolve_codec(config, self.dtype.itemsize) for config in document.get("filters") or ()]
        self.compressor: Mapping[str, Any] | None = document.get("compressor")
        self._codec = resolve_codec(self.compressor, self.dtype.itemsize)
        self._partial = hasattr(self._codec, "decode_region") and not self._filters and self._order == "C"
        self._store = store
        self._cache = cache
        self._bytes = int(np.prod(self.chunks, dtype=np.int64)) * self.dtype.itemsize

    def key(self, index: tuple[int, ...]) -> str:
        """Return the key of a chunk object."""
        return f"{self.path}/{self._separator.join(map(str, index))}"

    def read(self, region: Region) -> NDArray[Any]:
        """Return a region, C order; chunks that are not there are fill."""
        out = np.zeros(region.shape, dtype=self.dtype)
        for index in region.chunks(self.chunks):
            box = Region.of_chunk(index, self.chunks, self.shape)
            part = box.intersect(region)
            self._read_part(index, box, part, out[part.within(region)])
        return out

    def present(self, region: Region) -> Iterator[tuple[Region, NDArray[Any]]]:
        """Yield ``(part of the region, values)`` of the chunks that are stored."""
        for index in region.chunks(self.chunks):
            data = self._store.get(self.key(index))
            if data is None:
                continue
            box = Region.of_chunk(index, self.chunks, self.shape)
            part = box.intersect(region)
            yield part, self._decode(index, data)[part.within(box)]

    def _read_part(self, index: tuple[int, ...], box: Region, part: Region, out: NDArray[Any]) -> None:
        held = self._cache.get((self.path, index))
        if held is None:
            data = self._store.get(self.key(index))
            if data is None:
                if self.fill not in (None, 0, False) and not isinstance(self.fill, str):
                    out[...] = self.fill
                elif self.fill == "NaN":
                    out[...] = np.nan
                return
            inside = Region((a - c, b - c) for (a, b), (c, _) in zip(part, box, strict=True))
            if self._partial and 2 * part.size <= int(np.prod(self.chunks)) and self._cache.capacity == 0:
                try:
                    self._codec.decode_region(data, self.chunks, self.dtype, inside, out)  # type: ignore[union-attr]
                except (MDIOError, ValueError, RuntimeError) as error:
                    raise self._named(index, error) from error
                return
            held = self._decode(index, data)
            self._cache.put((self.path, index), held)
        out[...] = held[part.within(box)]

    def _decode(self, index: tuple[int, ...], data: bytes) -> NDArray[Any]:
        chunk = np.empty(self.chunks, dtype=self.dtype)
        try:
            if self._codec is None and not self._filters:
                flat: Any = np.frombuffer(data, dtype=np.uint8)
            elif self._codec is not None and not self._filters:
                flat = np.frombuffer(self._codec.decode(data, out=_bytes_of(chunk)), dtype=np.uint8)
            else:
                flat = self._codec.decode(data) if self._codec is not None else data
                for codec in reversed(self._filters):
                    flat = codec.decode(flat)
                flat = np.frombuffer(flat, dtype=np.uint8)
        except MemoryError:
            raise
        except Exception as error:  # codecs raise what they like, e.g. zlib.error
            raise self._named(index, error) from error
        if flat.nbytes != self._bytes:
            raise IntegrityError(
                f"{self._store.url}: chunk {self.key(index)} decodes to {flat.nbytes} bytes, not {self._bytes}"
            )
        if not np.shares_memory(flat, chunk):
            chunk.reshape(-1).view(np.uint8)[:] = flat
        if self._order == "F":
            chunk = np.ascontiguousarray(chunk.reshape(self.chunks[::-1]).transpose())
        return chunk

    def _named(self, index: tuple[int, ...], error: Exception) -> MDIOError:
        kind = type(error) if isinstance(error, MDIOError) else CodecError
        return kind(f"{self._store.url}: chunk {self.key(index)}: {error}")


def _bytes_of(chunk: NDArray[Any]) -> NDArray[np.uint8]:
    return chunk.reshape(-1).view(np.uint8)


class ChunkWriter:
    """A Zarr format 2 array under construction, written by whole chunks.

    Parameters
    ----------
    put
        Stores an object, given in pieces, under a key: ``put(key, *pieces)``.
    discard
        Deletes an object if it is there.
    path
        Path of the array.
    shape, chunks
        Of the array.
    dtype
        Native or little-endian sample type; raw records as ``V<n>``.
    codec
        numcodecs codec, or None.
    """

    def __init__(
        self,
        put: Callable[..., None],
        discard: Callable[[str], None],
        path: str,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dtype: np.dtype[Any],
        codec: Any | None,
    ) -> None:
        self.path = path
        self.shape = shape
        self.chunks = chunks
        self.dtype = dtype
        self._put = put
        self._discard = discard
        self._codec = codec
        self._local = threading.local()

    def write(self, region: Region, values: NDArray[Any]) -> list[int]:
        """Store the chunks of a region that starts on the chunk grid.

        Returns
        -------
        list of int
            Number of objects stored and their bytes. Chunks of only zero bytes are not stored.
        """
        count = size = 0
        for index in region.chunks(self.chunks):
            box = Region.of_chunk(index, self.chunks, self.shape)
            pieces = self.encode(values[box.within(region)])
            key = f"{self.path}/{'/'.join(map(str, index))}"
            if pieces:
                self._put(key, *pieces)
                count, size = count + 1, size + sum(map(len, pieces))
            else:
                self._discard(key)
        return [count, size]

    def stored(self, get: Callable[[str], bytes | None], region: Region) -> list[int]:
        """Return what :meth:`write` returned for a region, judged by the objects that are there and whole."""
        count = size = 0
        check = getattr(self._codec, "check", None)
        for index in region.chunks(self.chunks):
            data = get(f"{self.path}/{'/'.join(map(str, index))}")
            if data is None:
                continue
            if check is not None:
                try:
                    if check(data) is False:
                        continue
                except MDIOError:
                    continue
            count, size = count + 1, size + len(data)
        return [count, size]

    def encode(self, part: NDArray[Any]) -> Sequence[Any]:
        """Return the stored form of one chunk in pieces; none when all zero.

        A chunk that passes the edge is padded with zeros. The pieces hold until the next call in the same thread.
        """
        chunk = self._room()
        if part.shape != self.chunks:
            chunk[...] = np.zeros((), dtype=self.dtype)
        chunk[tuple(slice(0, n) for n in part.shape)] = part
        flat = chunk.reshape(-1).view(np.uint8)
        if not _any_bit(flat):
            return ()
        if self._codec is None:
            return (flat.data,)
        if hasattr(self._codec, "encode_pieces"):
            pieces: Sequence[Any] = self._codec.encode_pieces(chunk)
            return pieces
        return (self._codec.encode(chunk),)

    def _room(self) -> NDArray[Any]:
        """Return the calling thread's chunk: fresh pages for each would cost as much as filling it."""
        held: NDArray[Any] | None = getattr(self._local, "chunk", None)
        if held is None:
            held = self._local.chunk = np.empty(self.chunks, dtype=self.dtype)
        return held


def _any_bit(flat: NDArray[np.uint8]) -> bool:
    """Whether any bit is set; -0.0 counts, as it would not come back from fill."""
    head = flat.size // 8 * 8
    words = flat[:head].view(np.uint64)
    # Live data answer within the first words; only all-zero chunks are walked to their end.
    return bool(words[:512].any() or words.any() or flat[head:].any())
