"""Blosc frames with split byte planes: the default codec for samples and headers.

c-blosc compresses the byte planes of a block as one stream. Giving each plane a stream of its own is legal in
the same frame, compresses better and is several times faster to write; every reader of Blosc-1 decodes it bit
for bit. The checks of `mdio_compression.frame` ride along.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mdio.exceptions import CodecError, IntegrityError, ShapeError
from mdio_compression import kernel, planes, streams
from mdio_compression.decode import decode_blocks, decode_box, needed_blocks, spans_of
from mdio_compression.frame import MAX_DECODED, Frame, Layout, assemble, gap_end, parse

__all__ = ["PRESETS", "SplitBlosc", "blosc"]

Bytes = NDArray[np.uint8]

_LANES = 2
_MANY_BLOCKS = 4
"""Blocks that a chunk keeps when they are made larger; a part of a chunk is read by whole blocks."""
_HEAD = 4096
"""Bytes of a frame that are read first where only a part of it is wanted."""
_KEPT = 1 << 22
"""The most bytes of scratch room that a thread keeps between calls."""

_local = threading.local()

PRESETS: dict[str, tuple[str, int]] = {"balanced": ("zstd", 1), "small": ("zstd", 5), "fast": ("lz4", 1)}
"""Preset to stream format and level."""


class SplitBlosc:
    """Codec for Blosc-1 frames with split byte planes and checks, with the interface of numcodecs.

    It is not registered with numcodecs: stored metadata says ``blosc``, and stock readers use their own decoder.
    One instance may be used by any number of threads.

    Parameters
    ----------
    typesize
        Bytes of one item, 1 to 255: 4 for float32 samples, the record size for headers.
    cname
        Stream format: ``zstd`` or ``lz4``.
    clevel
        Level of the stream format.
    blocksize
        Decoded bytes of one block; what a partial read decodes at least.
    """

    codec_id: ClassVar[str] = "blosc"

    def __init__(self, typesize: int = 4, cname: str = "zstd", clevel: int = 1, blocksize: int = 65536) -> None:
        if not 1 <= typesize <= 255:
            raise CodecError(f"typesize is {typesize}; Blosc takes 1 to 255")
        if blocksize < 1:
            raise CodecError(f"blocksize is {blocksize}; it must be positive")
        if cname not in ("zstd", "lz4"):
            raise CodecError(f"cannot write {cname!r} streams", hint="choose zstd or lz4")
        self.typesize = typesize
        self.cname = cname
        self.clevel = clevel
        self.blocksize = blocksize

    def __repr__(self) -> str:
        return (
            f"SplitBlosc(typesize={self.typesize}, cname={self.cname!r}, clevel={self.clevel}, "
            f"blocksize={self.blocksize})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SplitBlosc) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.typesize, self.cname, self.clevel, self.blocksize))

    def get_config(self) -> dict[str, Any]:
        """Return what array metadata says: the configuration of a stock codec that decodes the same frames."""
        return {"id": "blosc", "cname": self.cname, "clevel": self.clevel, "shuffle": 1, "blocksize": 0}

    def encode(self, buf: Any) -> bytes:
        """Return the frame of a contiguous buffer; raises as :meth:`encode_pieces` does."""
        return b"".join(self.encode_pieces(buf))

    def encode_pieces(self, buf: Any) -> list[Any]:
        """Return the frame of a contiguous buffer as buffers to be written one after another.

        They hold until the next call in the same thread.

        Raises
        ------
        CodecError
            More than 2 GiB.
        """
        data = _flat(buf)
        if data.size > MAX_DECODED:
            raise CodecError(
                f"a chunk of {data.size} bytes does not fit into a Blosc frame", hint="choose smaller chunks"
            )
        if data.size and data.size % self.typesize == 0:
            items = data.view(np.dtype((np.void, self.typesize)))
            pieces = self.encode_part(items, items.shape, keep_fill=True)
            if pieces is not None:
                return [*pieces]
        layout = Layout.fit(data.size, self.typesize, self.blocksize)
        return assemble(layout, self.cname, self._blocks(data, layout))

    def encode_part(
        self, part: NDArray[Any], shape: Sequence[int], cell: bytes | None = None, *, keep_fill: bool = False
    ) -> Sequence[Any] | None:
        """Return the frame of a chunk in pieces, straight from a part of a larger array and without a copy of it.

        Parameters
        ----------
        part
            The chunk, or what the array has of it at an edge; any strides.
        shape
            Of the chunk.
        cell
            Bytes of one item of fill, which the rest of the chunk is; zeros by default.
        keep_fill
            Whether a chunk of only fill is wanted as well.

        Returns
        -------
        sequence of buffers or None
            To be written one after another, until the next call in the same thread; empty for a chunk of only fill;
            None where :meth:`encode_pieces` has to do it.
        """
        frames = kernel.frames()
        size = math.prod(shape) * self.typesize
        usual = self.cname == "zstd" and part.itemsize == self.typesize and shape
        if frames is None or not usual or not 0 < size <= MAX_DECODED:
            return None
        lanes = self._lanes(shape)
        apart = self.typesize * lanes
        blocksize = self.blocksize * lanes  # streams as long as without
        layout = Layout.fit(size, apart, blocksize if size >= _MANY_BLOCKS * blocksize else self.blocksize)
        if layout.blocksize % apart:
            return None
        streams_each = apart if layout.splits(0) else 1
        room = _scratch(layout.head_bytes + size + 4 * layout.blocks * streams_each)
        stored = frames.encode(
            part.view(np.dtype((np.void, self.typesize))),
            np.array(shape, np.int64),
            bytes(self.typesize) if cell is None else cell,
            layout.blocksize,
            self.clevel,
            lanes,
            keep_fill,
            room,
        )
        return None if stored < 0 else (room[:stored].data,) if stored else ()

    def _lanes(self, shape: Sequence[int]) -> int:
        """Return over how many neighbours of the last axis bytes are taken apart together.

        Two: a time slice, or any other single index of that axis, then needs half of each block's streams, as frames
        say by the size of their items. Where zstd looks for repeats itself, that would cost a hundredth in size.
        """
        many = len(shape) > 1 and shape[-1] % _LANES == 0 and self.typesize in (2, 4)
        return _LANES if many and self.clevel == 1 and kernel.finds_repeats() else 1

    def _blocks(self, data: Bytes, layout: Layout) -> Iterator[Sequence[Any]]:
        deflate = streams.encoder(self.cname, self.clevel)
        whole = data.size // layout.blocksize if layout.blocks and layout.splits(0) else 0
        if whole:
            weak = planes.WEAK if self.clevel == 1 else layout.blocksize  # what no plane falls short of
            yield from _split_blocks(deflate, data[: whole * layout.blocksize], layout, whole, weak)
        for block in range(whole, layout.blocks):
            start = block * layout.blocksize
            plane = _shuffle(data[start : start + layout.length(block)], layout)
            (stream,) = deflate(plane, np.array([[[0, plane.size]]], np.uint64))
            yield _stored(stream, plane)

    def decode(self, buf: Any, out: Any = None, *, max_size: int | None = None) -> Any:
        """Return the decoded bytes of a frame, by us or by others.

        Parameters
        ----------
        buf
            The frame.
        out
            Where to write; a contiguous, writable buffer of exactly the decoded size.
        max_size
            The most bytes the frame may decode to; defaults to the size of ``out``.

        Returns
        -------
        ``out``, or a new ndarray of uint8

        Raises
        ------
        IntegrityError
            The frame does not match its checks; the message names the block.
        CodecError
            No valid frame, or one that claims more bytes than there may be.
        """
        target = None if out is None else _flat(out)
        if target is not None and target.size and target.size % self.typesize == 0:
            items = target.view(np.dtype((np.void, self.typesize)))
            job = np.array([0, memoryview(buf).nbytes, 0, items.size, 0], np.int64)
            if self.decode_boxes(buf, job, items.shape, items) == 1:
                return out
        frame = parse(buf, max_size if target is None else target.size)
        if target is None:
            target = out = np.empty(frame.layout.nbytes, np.uint8)
        elif target.size != frame.layout.nbytes:
            raise CodecError(f"a chunk of {frame.layout.nbytes} bytes where {target.size} are expected")
        decode_blocks(frame, target)
        return out

    def decode_boxes(self, source: Any, jobs: NDArray[np.int64], shape: Sequence[int], out: NDArray[Any]) -> int:
        """Decode boxes of chunks of one shape in one go, and return how many are done before one that is not.

        That one is for :meth:`decode_region`, which says what is wrong with it, or takes longer.

        Parameters
        ----------
        source
            Buffer with the frames, number of an open file, or name of one.
        jobs
            int64, a row a chunk: offset and length of the frame in the source (-1: to the end of a file), then for
            each axis start and stop of the box in the chunk and start in ``out``.
        shape
            Of the chunks.
        out
            Where the boxes go; its items are those of the chunk, its strides any.
        """
        frames = kernel.frames()
        if frames is None or not shape:
            return 0
        items = out.view(np.dtype((np.void, out.itemsize)))  # buffers of structured types are slow to describe
        return int(frames.decode(source, jobs, np.array(shape, np.int64), out.itemsize, items))

    def decode_region(
        self,
        buf: Any,
        shape: Sequence[int],
        dtype: DTypeLike,
        region: Sequence[tuple[int, int]],
        out: NDArray[Any],
    ) -> None:
        """Decode one box of a chunk, and of the frame only the blocks that hold it.

        Parameters
        ----------
        buf
            The frame.
        shape, dtype
            Of the whole chunk, which is in C order.
        region
            ``(start, stop)`` per dimension inside the chunk.
        out
            Where to write; has the shape of the box, any strides.

        Raises
        ------
        IntegrityError
            A block that was needed, or the header, does not match its check.
        CodecError
            No valid frame, or not one of a chunk of this shape.
        ShapeError
            ``region`` or ``out`` do not fit.
        """
        kind = np.dtype(dtype)
        box = _checked_box(shape, region, out)
        size = math.prod(shape) * kind.itemsize
        if out.size and out.dtype.itemsize == kind.itemsize:
            spans = (word for start, stop in box for word in (start, stop, 0))
            job = np.array([0, memoryview(buf).nbytes, *spans], np.int64)
            if self.decode_boxes(buf, job, shape, out) == 1:
                return
        frame = _sized(parse(buf, size), size)
        _decode_box(frame, shape, kind, box, out)

    def read_region(
        self,
        read_into: Callable[[int, memoryview], None],
        stored: int,
        shape: Sequence[int],
        dtype: DTypeLike,
        region: Sequence[tuple[int, int]],
        out: NDArray[Any],
    ) -> None:
        """Decode one box of a chunk that is not in memory, reading only the blocks that hold it.

        Parameters
        ----------
        read_into
            ``read_into(offset, buffer)`` fills a buffer with bytes of the frame.
        stored
            Bytes of the frame.
        shape, dtype, region, out
            As for :meth:`decode_region`, which also tells the errors.
        """
        kind = np.dtype(dtype)
        box = _checked_box(shape, region, out)
        size = math.prod(shape) * kind.itemsize
        data = np.empty(stored, np.uint8)  # pages that nothing is read into take no memory
        head = min(stored, _HEAD)
        read_into(0, data[:head].data)
        frame = parse(data, size) if head == stored or gap_end(data[:head]) <= head else None
        if frame is None or frame.crcs is None or not out.size:
            read_into(head, data[head:].data)
            frame = parse(data, size)
        else:
            ends = [*frame.offsets[1:], stored]
            for first, last in spans_of(needed_blocks(frame.layout.blocksize, shape, kind.itemsize, box)):
                start = max(frame.offsets[first], head)
                if start < ends[last]:
                    read_into(start, data[start : ends[last]].data)
        _decode_box(_sized(frame, size), shape, kind, box, out)

    def check(self, buf: Any) -> bool | None:
        """Verify the checks of a frame without decoding it; None for a frame by others, which has none."""
        try:
            frame = parse(buf)
            if frame.crcs is None:
                return None
            for block in range(len(frame.offsets)):
                frame.extent(block)
        except IntegrityError:
            return False
        return True


def blosc(
    preset: str = "balanced", typesize: int = 4, clevel: int | None = None, blocksize: int | None = None
) -> SplitBlosc:
    """Return the codec of a preset.

    Parameters
    ----------
    preset
        ``balanced`` (zstd level 1, the default), ``small`` (zstd level 5) or ``fast`` (lz4).
    typesize
        Bytes of one item.
    clevel, blocksize
        Instead of the preset's own.
    """
    if preset not in PRESETS:
        raise CodecError(f"no preset {preset!r}", hint=f"choose one of {', '.join(PRESETS)}")
    cname, level = PRESETS[preset]
    return SplitBlosc(typesize, cname, level if clevel is None else clevel, blocksize or 65536)


def _checked_box(shape: Sequence[int], region: Sequence[tuple[int, int]], out: NDArray[Any]) -> list[tuple[int, int]]:
    box = [(int(start), int(stop)) for start, stop in region]
    if len(box) != len(shape) or any(not 0 <= a <= b <= n for (a, b), n in zip(box, shape, strict=True)):
        raise ShapeError(f"box {box} outside a chunk of shape {tuple(shape)}")
    lengths = tuple(stop - start for start, stop in box)
    if out.shape != lengths:
        raise ShapeError(f"out has shape {out.shape} for a box of shape {lengths}")
    return box


def _sized(frame: Frame, size: int) -> Frame:
    if frame.layout.nbytes != size:
        raise CodecError(f"a chunk of {frame.layout.nbytes} bytes where {size} are expected")
    return frame


def _decode_box(
    frame: Frame, shape: Sequence[int], kind: np.dtype[Any], box: Sequence[tuple[int, int]], out: NDArray[Any]
) -> None:
    if not out.size:
        return
    blocks = [] if frame.stored else needed_blocks(frame.layout.blocksize, shape, kind.itemsize, box)
    if frame.layout.typesize == kind.itemsize and len(box):
        found = np.empty(out.shape, kind)
        if decode_box(frame, shape, box, blocks, found.reshape(-1).view(np.uint8)):
            out[...] = found
            return
    scratch = _scratch(frame.layout.nbytes)
    decode_blocks(frame, scratch, blocks)
    out[...] = scratch.view(kind).reshape(shape)[tuple(slice(a, b) for a, b in box)]


def _scratch(size: int) -> Bytes:
    """Return room of the calling thread; fresh pages for each chunk cost more than decoding a part of it."""
    if size > _KEPT:
        return np.empty(size, np.uint8)
    kept: Bytes | None = _local.__dict__.get("scratch")
    if kept is None or kept.size < size:
        kept = _local.scratch = np.empty(size, np.uint8)
    return kept[:size]


def _flat(buf: Any) -> Bytes:
    """Return a buffer as bytes; a view where it is contiguous, else a copy in C order."""
    if isinstance(buf, np.ndarray):
        return np.ascontiguousarray(buf).reshape(-1).view(np.uint8)
    return np.frombuffer(buf, np.uint8)


def _split_blocks(
    deflate: streams.Deflate, data: Bytes, layout: Layout, blocks: int, weak: int
) -> Iterator[Sequence[Any]]:
    """Yield the pieces of blocks that are one stream a byte plane."""
    items = layout.blocksize // layout.typesize
    table = planes.split(data, layout.typesize, _scratch(data.size)).reshape(layout.typesize, blocks, items)
    flat = table.reshape(-1)
    starts = (np.arange(layout.typesize) * blocks + np.arange(blocks)[:, None]).astype(np.uint64) * np.uint64(items)
    found: dict[int, Any] = {}

    def compress(wanted: NDArray[np.bool_]) -> None:
        some = starts[wanted]
        spans = np.stack((some, np.full(len(some), items, np.uint64)), axis=-1)
        found.update(zip(some.tolist(), deflate(flat, spans), strict=True))

    tried = np.zeros(starts.shape, np.bool_)
    tried[:: planes.TRIED] = True
    compress(tried)
    saved = np.array([[max(items - len(found[at]), 0) for at in row] for row in starts[:: planes.TRIED].tolist()])
    near = np.repeat(saved, planes.TRIED, axis=0)[:blocks]  # what the block before saved that was tried
    odd = np.arange(blocks)[:, None] % 2 == 1
    apart = table.swapaxes(0, 1)
    feeble = odd & (near * weak < items) & planes.noisy(apart, planes.WEAK_SQUARES)
    left = ~tried & ~np.where(near > 0, feeble, planes.noisy(apart))
    compress(left)
    for block, row in enumerate(starts.tolist()):
        yield [piece for at, plane in zip(row, table[:, block], strict=True) for piece in _stored(found.get(at), plane)]


def _stored(stream: Any, plane: Bytes) -> tuple[bytes, Any]:
    """Return a stream with its length before it; a plane that does not shrink is stored as it is."""
    if stream is None or len(stream) >= plane.size:
        stream = plane
    return len(stream).to_bytes(4, "little"), stream


def _shuffle(block: Bytes, layout: Layout) -> Bytes:
    """Return a block as one shuffled stream: the planes of whole items one after another, the rest as it is."""
    whole = block.size - block.size % layout.typesize
    return np.concatenate((planes.split(block[:whole], layout.typesize).reshape(-1), block[whole:]))
