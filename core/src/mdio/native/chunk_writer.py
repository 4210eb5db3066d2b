"""Chunk objects of one stored array on their way into a store: cut, encoded, put."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import CodecError, MDIOError
from mdio.native.shards import Sharding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec

__all__ = ["ChunkWriter", "UnstorableCellError"]


class UnstorableCellError(CodecError):
    """A sample that a codec cannot hold to its promise; ``cell`` is its place on the grid."""

    def __init__(self, error: CodecError, cell: tuple[int, ...]) -> None:
        super().__init__(error.message, hint=error.hint)
        self.cell = cell
        self.value = getattr(error, "value", None)


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
        self._cell_bytes = None if spec.fill_cell is None else spec.fill_cell.tobytes()
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
        encode_part = getattr(self._codec, "encode_part", None)
        if encode_part is not None and part.dtype == self.dtype:
            found: Sequence[Any] | None = encode_part(part, self.chunks, self._cell_bytes, keep_fill=fill)
            if found is not None:
                return found
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
