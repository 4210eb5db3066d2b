"""Blocks of a Blosc-1 frame, by us or by others, into their places in the decoded chunk.

Streams are inflated many at a time, because each call gives the interpreter lock away and has to win it back:
one call for each 16 KB plane leaves two threads no faster than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdio.exceptions import CodecError
from mdio_compression import planes, streams
from mdio_compression.frame import Frame

__all__ = ["decode_blocks", "decode_box", "needed_blocks", "spans_of"]

Bytes = NDArray[np.uint8]

_BATCH = 1 << 19
"""Decoded bytes inflated by one call; more than this falls out of the cache before the planes are joined."""


def decode_blocks(frame: Frame, out: Bytes, wanted: Iterable[int] | None = None) -> None:
    """Decode blocks into ``out``, which has room for the whole chunk.

    Parameters
    ----------
    frame
        What to decode; the checks of the blocks that are read are verified.
    out
        uint8, contiguous; bytes of other blocks are left alone (or decoded too, where a stream format is not
        known here and the stock decoder does the whole frame).
    wanted
        Ascending block numbers; None for all.

    Raises
    ------
    IntegrityError
        A block does not match its check.
    CodecError
        A stream cannot be decoded.
    """
    if frame.stored:
        out[...] = frame.data[16 : 16 + out.size]
        return
    inflate = streams.INFLATERS.get(frame.compressor)
    if frame.bitshuffled or inflate is None:
        _decode_stock(frame, out)
        return
    layout = frame.layout
    for first, last in _runs(frame, range(layout.blocks) if wanted is None else wanted):
        start = first * layout.blocksize
        stop = min((last + 1) * layout.blocksize, layout.nbytes)
        _decode_run(frame, range(first, last + 1), out[start:stop], inflate)


def _runs(frame: Frame, wanted: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of runs of neighbouring whole blocks, each a batch; a shorter block stands alone."""
    layout = frame.layout
    longest = max(_BATCH // layout.blocksize, 1)
    for first, last in spans_of(wanted):
        end = last + (layout.length(last) == layout.blocksize)
        for low in range(first, end, longest):
            yield low, min(low + longest, end) - 1
        if end == last:
            yield last, last


def decode_box(
    frame: Frame, shape: Sequence[int], box: Sequence[tuple[int, int]], blocks: Iterable[int], out: Bytes
) -> bool:
    """Decode a box of a chunk without putting bytes together that lie outside of it.

    Parameters
    ----------
    frame
        What to decode; the checks of the blocks that are read are verified.
    shape
        Of the chunk, in C order, in items of the frame.
    box
        ``(start, stop)`` per dimension; not empty.
    blocks
        The blocks that hold it (:func:`needed_blocks`).
    out
        uint8, contiguous, of the box's items.

    Returns
    -------
    bool
        False for frames whose rows of items are not found whole in blocks of byte planes; nothing was done.
    """
    layout = frame.layout
    inflate = streams.INFLATERS.get(frame.compressor)
    row = shape[-1] * layout.typesize
    plain = frame.stored or frame.bitshuffled or not frame.shuffled or inflate is None
    if plain or layout.typesize == 1 or layout.blocksize % row or not frame.split(layout.blocks - 1):
        return False
    assert inflate is not None
    wanted = np.zeros(1, np.int64)
    for (start, stop), length in zip(box[:-1], shape[:-1], strict=True):
        wanted = (wanted[:, None] * length + np.arange(start, stop)).reshape(-1)
    first, last = box[-1]
    target = out.reshape(len(wanted), last - first, layout.typesize)
    rows = layout.blocksize // row
    for low, high in _runs(frame, blocks):
        begin, end = np.searchsorted(wanted, (low * rows, (high + 1) * rows))
        inside = _as_slice(wanted[begin:end] - low * rows)
        parts = _parts(frame, range(low, high + 1), layout.typesize, inflate)
        for k in range(layout.typesize):
            plane = np.concatenate(parts[k :: layout.typesize]) if high > low else parts[k]
            table = plane.reshape(-1, shape[-1])
            if last - first == 1:
                target[begin:end, 0, k] = table[inside, first]
            else:
                target[begin:end, :, k] = table[inside, first:last]
    return True


def _as_slice(rows: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return a slice for rows of one distance, which numpy takes several times as fast."""
    first, last, count = int(rows[0]), int(rows[-1]), len(rows)
    step = int(rows[1]) - first if count > 1 else 1
    if last - first == step * (count - 1) and (rows[1:] - rows[:-1] == step).all():
        return slice(first, last + 1, step)
    return rows


def _parts(frame: Frame, blocks: range, count: int, inflate: Callable[..., list[Any]]) -> list[Bytes]:
    """Return the decoded streams of neighbouring blocks of one length, block by block."""
    size = frame.layout.length(blocks[0]) // count
    spans = [span for block in blocks for span in _spans(frame, block, count)]
    packed = [span for span in spans if span[1] != size]
    inflated = iter(inflate(frame.data, packed, size))
    return [
        frame.data[start : start + size] if stored == size else np.frombuffer(next(inflated), np.uint8)
        for start, stored in spans
    ]


def _decode_run(frame: Frame, blocks: range, out: Bytes, inflate: Callable[..., list[Any]]) -> None:
    """Decode neighbouring blocks of one length."""
    layout = frame.layout
    length = layout.length(blocks[0])
    count = layout.typesize if frame.split(blocks[0]) else 1
    parts = _parts(frame, blocks, count, inflate)
    if not frame.shuffled or layout.typesize == 1:
        np.concatenate(parts, out=out)
    elif count > 1:
        planes.join([np.concatenate(parts[k::count]) for k in range(count)], out)
    else:
        whole = length - length % layout.typesize
        for k, part in enumerate(parts):
            target = out[k * length : (k + 1) * length]
            planes.join(part[:whole].reshape(layout.typesize, -1), target[:whole])
            target[whole:] = part[whole:]


def _spans(frame: Frame, block: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield start and length in the frame of each stream of a block."""
    position, end = frame.extent(block)
    view = frame.data.data
    for _ in range(count):
        length = int.from_bytes(view[position : position + 4], "little")
        position += 4
        if not 0 < length <= end - position:
            raise CodecError(f"block {block} of a compressed chunk is cut off")
        yield position, length
        position += length


def _decode_stock(frame: Frame, out: Bytes) -> None:
    for block in range(len(frame.offsets)):
        frame.extent(block)
    from numcodecs import blosc as stock

    try:
        stock.decompress(frame.data, out)
    except (RuntimeError, ValueError) as error:
        raise CodecError(f"the Blosc decoder refuses a compressed chunk: {error}") from error


def needed_blocks(blocksize: int, shape: Sequence[int], itemsize: int, region: Sequence[tuple[int, int]]) -> list[int]:
    """Return, ascending, the blocks that hold a box of a chunk in C order.

    Parameters
    ----------
    blocksize
        Decoded bytes of a block.
    shape, itemsize
        Of the chunk.
    region
        ``(start, stop)`` per dimension; not empty.
    """
    # Trailing dimensions that are taken whole join the run of bytes of the dimension before them.
    axis = len(shape) - 1
    run = itemsize
    while axis > 0 and region[axis] == (0, shape[axis]):
        run *= shape[axis]
        axis -= 1
    start, stop = region[axis]
    first = np.array([start * run], np.int64)
    stride = run * shape[axis]
    for (a, b), n in zip(reversed(region[:axis]), reversed(shape[:axis]), strict=True):
        first = (np.arange(a, b, dtype=np.int64)[:, None] * stride + first).reshape(-1)
        stride *= n
    low = first // blocksize
    high = (first + (stop - start) * run - 1) // blocksize
    # +1 where a run enters a block, -1 behind its last block: the running sum counts the runs in each.
    change = np.bincount(low, minlength=int(high[-1]) + 2) - np.bincount(high + 1, minlength=int(high[-1]) + 2)
    needed: list[int] = np.flatnonzero(np.cumsum(change) > 0).tolist()
    return needed


def spans_of(blocks: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of the runs of neighbours among ascending block numbers."""
    first = last = -1
    for block in blocks:
        if first >= 0 and block == last + 1:
            last = block
            continue
        if first >= 0:
            yield first, last
        first = last = block
    if first >= 0:
        yield first, last
