"""One compressed stream of a Blosc frame: zstd, lz4 and zlib, with nothing shared between threads."""

from __future__ import annotations

import itertools
import struct
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdio.exceptions import CodecError

__all__ = ["INFLATERS", "encoder"]

_MANY = 12
"""Streams from which on one call for all of them, which sets up a context, beats a call for each."""

Span = tuple[int, int]
"""Start and length of a stream in its frame."""

_local = threading.local()


Bytes = NDArray[np.uint8]
Spans = NDArray[np.uint64]
"""Start and length of each plane in contiguous bytes, ``(blocks, planes, 2)``."""

Deflate = Callable[[Bytes, Spans], Sequence[Any]]
"""``deflate(data, spans) -> streams``, block by block."""


def encoder(cname: str, clevel: int) -> Deflate:
    """Return the function that compresses planes, for use in the calling thread only.

    Raises
    ------
    CodecError
        Streams of this kind are not written here.
    """
    made: dict[tuple[str, int], Deflate] = _local.__dict__.setdefault("encoders", {})
    found = made.get((cname, clevel))
    if found is None:
        if cname == "zstd":
            found = _zstd_encoder(clevel)
        elif cname == "lz4":
            found = _lz4_encoder()
        else:
            raise CodecError(f"cannot write {cname!r} streams", hint="choose zstd or lz4")
        made[cname, clevel] = found
    return found


def _zstd_encoder(clevel: int) -> Deflate:
    import zstandard

    # Matches shorter than 7 bytes cost more in a plane of samples than they save: level 1 with long matches only
    # is some 5 % faster on exponent planes and no less dense. A small hash table is quick to clear for each plane.
    # Other levels fit their parameters to the size of each plane.
    if clevel != 1:
        return partial(_zstd_deflate, zstandard.ZstdCompressor(level=clevel))
    parameters = zstandard.ZstdCompressionParameters.from_level(clevel, min_match=7, hash_log=12, window_log=17)
    return partial(_zstd_deflate, zstandard.ZstdCompressor(compression_params=parameters))


def _zstd_deflate(compressor: Any, data: Bytes, spans: Spans) -> list[Any]:
    import zstandard

    flat = spans.reshape(-1, 2)
    if len(flat) < _MANY or "multi_compress_to_buffer" not in zstandard.backend_features:
        return [compressor.compress(data[start : start + length].data) for start, length in flat.tolist()]
    # One call without the interpreter's lock for all planes of a chunk: threads do not queue up for the lock
    # between planes that take microseconds.
    segments = zstandard.BufferWithSegments(data.data, flat.tobytes())
    return list(compressor.multi_compress_to_buffer(segments, threads=0))


def _lz4_encoder() -> Deflate:
    from numcodecs import lz4

    def deflate(data: Bytes, spans: Spans) -> list[Any]:
        # numcodecs puts the decoded size in front of the LZ4 block; Blosc wants the bare block.
        return [
            bytes(lz4.compress(data[start : start + length]))[4:] for start, length in spans.reshape(-1, 2).tolist()
        ]

    return deflate


def _inflate_one(inflate: Any, stream: Any, size: int) -> Any:
    import zstandard

    # The decompressor would make room for what the stream claims.
    if zstandard.frame_content_size(stream) not in (size, -1):
        raise CodecError(f"a stream claims another size than the {size} bytes its block has")
    return _sized(inflate.decompress(stream, max_output_size=size), size)


def _inflate_zstd(data: Any, spans: Sequence[Span], size: int) -> list[Any]:
    import zstandard

    if not spans:
        return []
    inflate = _local.__dict__.get("zstd")
    if inflate is None:
        inflate = _local.zstd = zstandard.ZstdDecompressor()
    try:
        if len(spans) < _MANY or "multi_decompress_to_buffer" not in zstandard.backend_features:
            return [_inflate_one(inflate, data[a : a + n], size) for a, n in spans]
        table = struct.pack(f"={2 * len(spans)}Q", *itertools.chain.from_iterable(spans))
        # Sizes are given, so a stream that claims more than its block has room for is refused, not allocated.
        inflated: Any = inflate.multi_decompress_to_buffer(
            zstandard.BufferWithSegments(data, table),
            decompressed_sizes=struct.pack("=Q", size) * len(spans),
            threads=0,
        )
        return list(inflated)
    except (zstandard.ZstdError, ValueError) as error:
        raise CodecError(f"a zstd stream is damaged: {error}") from error


def _inflate_lz4(data: Any, spans: Sequence[Span], size: int) -> list[Any]:
    from numcodecs import lz4

    # numcodecs wants the decoded size in front of the bare block that Blosc stores.
    head = size.to_bytes(4, "little")
    try:
        return [_sized(lz4.decompress(head + data[a : a + n].tobytes()), size) for a, n in spans]
    except (RuntimeError, ValueError) as error:
        raise CodecError(f"an lz4 stream is damaged: {error}") from error


def _inflate_zlib(data: Any, spans: Sequence[Span], size: int) -> list[Any]:
    import zlib

    try:
        return [_sized(zlib.decompressobj().decompress(data[a : a + n], size), size) for a, n in spans]
    except zlib.error as error:
        raise CodecError(f"a zlib stream is damaged: {error}") from error


def _sized(plane: bytes, size: int) -> bytes:
    if len(plane) != size:
        raise CodecError(f"a stream holds {len(plane)} bytes where its block has {size}")
    return plane


INFLATERS: dict[str, Callable[[Any, Sequence[Span], int], list[Any]]] = {
    "zstd": _inflate_zstd,
    "lz4": _inflate_lz4,
    "zlib": _inflate_zlib,
}
"""Stream format to ``inflate(frame as uint8 array, spans, decoded bytes of each) -> buffers``.

Formats that are not here go to the stock decoder.
"""
