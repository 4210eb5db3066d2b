"""The Blosc-1 frame and the checks that travel in its gap.

Stock readers find the blocks of a frame by the offset table only, so bytes between the table and the first
block are nobody's. Our frames carry their checks there, and any reader of Blosc-1 still decodes them::

    0            16 bytes   header: format version 2, compressor version 1, flags, typesize,
                            u32 decoded bytes, u32 block size, u32 frame bytes (all little-endian)
    16           4·n bytes  u32 offset of each of the n blocks
    16 + 4·n     8 bytes    MAGIC                                            | the gap,
    24 + 4·n     4·n bytes  u32 CRC32C of each block as stored               | present in our
    24 + 8·n     4 bytes    u32 CRC32C of everything before this word        | frames only
    28 + 8·n                the blocks, in order, without holes

A block is one stream, or one stream for each byte plane of the items; every stream has its length before it
(i32), and one as long as its plane is stored raw. CRC32C is the Castagnoli polynomial of RFC 3720, section
12.1. The header is described in c-blosc's ``README_CHUNK_FORMAT.rst``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from mdio.exceptions import CodecError, IntegrityError

__all__ = ["COMPRESSORS", "MAGIC", "MAX_DECODED", "Frame", "Layout", "assemble", "gap_end", "parse"]

MAGIC = b"\x9fMDIOc1\n"
"""Says that a gap holds our checks; the ``1`` is the version of the gap's layout."""

MAX_DECODED = 2**31 - 1 - 16
"""The most bytes one frame decodes to; the format counts in signed 32 bits."""

COMPRESSORS = ("blosclz", "lz4", "snappy", "zlib", "zstd")
"""Stream formats by their number in the top three bits of the flags byte."""

_SHUFFLE, _MEMCPYED, _BITSHUFFLE, _UNSPLIT = 0x01, 0x02, 0x04, 0x10
_HEADER = struct.Struct("<BBBBIII")
_HEADER_BYTES = _HEADER.size
_GAP_FIXED_BYTES = len(MAGIC) + 4
_MAX_SPLIT_TYPESIZE = 16
_MIN_SPLIT_ITEMS = 128

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Layout:
    """How decoded bytes are cut into blocks and blocks into streams.

    Parameters
    ----------
    nbytes
        Decoded bytes in all.
    typesize
        Bytes of one item.
    blocksize
        Decoded bytes of every block but the last, which may be shorter.
    """

    nbytes: int
    typesize: int
    blocksize: int

    @classmethod
    def fit(cls, nbytes: int, typesize: int, blocksize: int) -> Layout:
        """Return the layout with the block size that readers accept: whole items, no more than there is."""
        largest = max(min(blocksize, nbytes), 1)
        return cls(nbytes, typesize, largest - largest % typesize if largest > typesize else largest)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.nbytes // self.blocksize) if self.nbytes else 0

    @property
    def head_bytes(self) -> int:
        """Bytes before the first block of a frame of ours."""
        return _HEADER_BYTES + 8 * self.blocks + _GAP_FIXED_BYTES

    def length(self, block: int) -> int:
        """Return the decoded bytes of a block."""
        return min(self.blocksize, self.nbytes - block * self.blocksize)

    def splits(self, block: int) -> bool:
        """Whether readers may expect one stream for each byte plane in a block.

        They never do in a shorter last block, nor with items wider than 16 bytes, nor with fewer than 128
        items in a block, whatever the flags say (found by experiment with the stock decoder).
        """
        return (
            1 < self.typesize <= _MAX_SPLIT_TYPESIZE
            and self.blocksize // self.typesize >= _MIN_SPLIT_ITEMS
            and self.length(block) == self.blocksize
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """A parsed frame; it keeps a view of the buffer it was parsed from.

    Parameters
    ----------
    data
        The whole frame.
    layout
        Sizes of blocks.
    flags
        The flags byte.
    offsets
        Position of each block in ``data``; empty in a frame that stores its bytes as they are.
    crcs
        CRC32C of each block; None in a frame written by others.
    """

    data: Bytes
    layout: Layout
    flags: int
    offsets: Sequence[int]
    crcs: Sequence[int] | None

    @property
    def shuffled(self) -> bool:
        """Whether the bytes of the items are sorted into planes."""
        return bool(self.flags & _SHUFFLE)

    @property
    def bitshuffled(self) -> bool:
        """Whether the bits of the items are sorted into planes."""
        return bool(self.flags & _BITSHUFFLE)

    @property
    def stored(self) -> bool:
        """Whether the decoded bytes follow the header as they are."""
        return bool(self.flags & _MEMCPYED)

    @property
    def compressor(self) -> str:
        """Name of the stream format."""
        number = self.flags >> 5
        return COMPRESSORS[number] if number < len(COMPRESSORS) else f"number {number}"

    def split(self, block: int) -> bool:
        """Whether a block holds one stream for each byte plane."""
        return not self.flags & _UNSPLIT and self.layout.splits(block)

    def extent(self, block: int) -> tuple[int, int]:
        """Return start and stop in ``data`` of a block, verified where the frame has checks.

        In a frame by others the end of a block is not known; the extent then reaches to the end of the frame.

        Raises
        ------
        IntegrityError
            The block does not match its CRC.
        """
        start, stop = self.offsets[block], len(self.data)
        if self.crcs is not None:
            if block + 1 < len(self.offsets):
                stop = self.offsets[block + 1]
            found = google_crc32c.value(self.data[start:stop])
            if found != self.crcs[block]:
                raise IntegrityError(
                    f"block {block} of {len(self.offsets)} of a compressed chunk is damaged: "
                    f"CRC32C {found:#010x} where {self.crcs[block]:#010x} was written",
                    hint="restore the object from a copy or import it again",
                )
        return start, stop


def assemble(layout: Layout, compressor: str, blocks: Iterable[Sequence[Any]]) -> list[Any]:
    """Return, in pieces, a frame with checks of shuffled and, where readers expect it, split blocks.

    Parameters
    ----------
    layout
        Sizes; ``Layout.fit`` makes one that readers accept.
    compressor
        Stream format, one of `COMPRESSORS`.
    blocks
        The stored bytes of each block, in order, each in pieces.

    Returns
    -------
    list of buffers
        To be written or joined in order; not joined here, because a chunk is copied with the interpreter locked.
    """
    pieces: list[Any] = []
    lengths, checks = [], []
    for block in blocks:
        length = check = 0
        for piece in block:
            length += len(piece)
            check = google_crc32c.extend(check, piece)
        pieces += block
        lengths.append(length)
        checks.append(check)
    n = len(lengths)
    sizes = np.array(lengths, np.int64)
    first = layout.head_bytes
    offsets = first + np.cumsum(sizes) - sizes
    total = first + int(sizes.sum())
    flags = _SHUFFLE | COMPRESSORS.index(compressor) << 5
    if not (n and layout.splits(0)):
        flags |= _UNSPLIT  # c-blosc finds out by itself, blosc2 wants to be told
    head = b"".join(
        (
            _HEADER.pack(2, 1, flags, layout.typesize, layout.nbytes, layout.blocksize, total),
            offsets.astype("<u4").tobytes(),
            MAGIC,
            np.array(checks, "<u4").tobytes(),
        )
    )
    return [head, google_crc32c.value(head).to_bytes(4, "little"), *pieces]


def parse(buf: Any, max_size: int | None = None) -> Frame:
    """Return the parsed and, where the frame has checks, verified head of a frame.

    Parameters
    ----------
    buf
        The frame: any contiguous buffer.
    max_size
        The most decoded bytes the caller has room for.

    Raises
    ------
    IntegrityError
        The head of a frame with checks is damaged, or the frame is cut off.
    CodecError
        These bytes are no frame, or claim to hold more than ``max_size`` bytes.
    """
    data = np.frombuffer(buf, np.uint8)
    if data.size < _HEADER_BYTES:
        raise CodecError(f"a compressed chunk of {data.size} bytes is shorter than a Blosc header")
    version, _, flags, typesize, nbytes, blocksize, total = _HEADER.unpack(data[:_HEADER_BYTES].tobytes())
    crcs = _checks(data)
    if crcs is not None and total != data.size:
        raise IntegrityError(
            f"a compressed chunk is {data.size} bytes long where {total} were written",
            hint="restore the object from a copy or import it again",
        )
    if version != 2 or total > data.size or nbytes > MAX_DECODED or not typesize:
        raise CodecError("a compressed chunk does not begin with a valid Blosc header")
    if max_size is not None and nbytes > max_size:
        raise CodecError(f"a compressed chunk claims to hold {nbytes} bytes where {max_size} are expected; not decoded")
    data = data[:total]
    layout = Layout(nbytes, typesize, blocksize)
    if flags & _MEMCPYED:
        if total < _HEADER_BYTES + nbytes:
            raise CodecError(f"a stored chunk of {nbytes} bytes is cut off")
        return Frame(data, layout, flags, (), None)
    if (nbytes and not 0 < blocksize <= nbytes) or total < _HEADER_BYTES + 4 * layout.blocks:
        raise CodecError("a compressed chunk has a Blosc header of impossible sizes")
    if not flags & _UNSPLIT and layout.blocks and layout.splits(0) and blocksize % typesize:
        raise CodecError(f"a compressed chunk has blocks of {blocksize} bytes, which are no whole items of {typesize}")
    offsets = np.frombuffer(data, "<u4", layout.blocks, _HEADER_BYTES).tolist()
    if any(offset > total for offset in offsets):
        raise CodecError("a compressed chunk has a block beyond its end")
    return Frame(data, layout, flags, offsets, crcs)


def gap_end(head: Bytes) -> int:
    """Return where the checks of a frame end that begins with these bytes, if it is one of ours."""
    if head.size < _HEADER_BYTES:
        return _HEADER_BYTES
    nbytes, blocksize = np.frombuffer(head, "<u4", 2, 4).tolist()
    blocks = -(-nbytes // blocksize) if blocksize else 0
    return _HEADER_BYTES + 8 * int(blocks) + _GAP_FIXED_BYTES


def _checks(data: Bytes) -> list[int] | None:
    """Return the verified CRCs of the blocks, or None where the frame is by others.

    The magic is looked for where the header's sizes put it and where the first offset puts it, so that damage to
    either still finds the frame to be ours.
    """
    nbytes, blocksize, _, first = np.frombuffer(data, "<u4", 4, 4).tolist() if data.size >= 20 else (0, 0, 0, 0)
    by_header = -(-nbytes // blocksize) if blocksize else 0
    by_offset = (first - _HEADER_BYTES - _GAP_FIXED_BYTES) // 8
    for n in (by_header, by_offset):
        gap = _HEADER_BYTES + 4 * n
        end = gap + len(MAGIC) + 4 * n
        if n < 0 or end + 4 > data.size or data[gap : gap + len(MAGIC)].tobytes() != MAGIC:
            continue
        if google_crc32c.value(data[:end]) != int.from_bytes(data[end : end + 4].tobytes(), "little"):
            raise IntegrityError(
                "the header of a compressed chunk is damaged: its CRC32C does not match",
                hint="restore the object from a copy or import it again",
            )
        crcs: list[int] = np.frombuffer(data, "<u4", n, gap + len(MAGIC)).tolist()
        return crcs
    return None
