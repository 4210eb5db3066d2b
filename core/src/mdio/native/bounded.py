"""Decoders that stop at the size a chunk can have, so that 24 KB of a stranger's store do not take 800 MB of memory.

Stock codecs make room for whatever a stream holds, or claims to hold, and leave it to the caller to find it too large.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mdio.exceptions import CodecError

__all__ = ["BOUNDED", "Bounded", "decode_within"]

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ROOM: Final = 1 << 16
"""Bytes by which what compresses badly may exceed a chunk between two codecs."""


class Bounded:
    """A stock codec of numcodecs whose decoding stops at a size.

    Parameters
    ----------
    codec
        Of an identifier in :data:`BOUNDED`.
    """

    def __init__(self, codec: Any) -> None:
        self._codec = codec
        self._within = BOUNDED[codec.codec_id]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_codec":  # asked for while a copy is made
            raise AttributeError(name)
        return getattr(self._codec, name)

    def decode(self, data: Any, out: Any = None) -> Any:
        """Return the decoded bytes, in ``out`` where that is given."""
        return self._codec.decode(data, out=out) if out is None else decode_within(self, data, out.nbytes)

    def decode_within(self, data: Any, limit: int) -> Any:
        """Return the decoded bytes; CodecError where there are more than ``limit``."""
        return self._within(self._codec, memoryview(data).cast("B"), limit)


def decode_within(codec: Any, data: Any, limit: int, *, last: bool = True) -> Any:
    """Decode with a codec that may or may not know bounds.

    Parameters
    ----------
    codec
        numcodecs-like.
    data
        What is stored.
    limit
        Decoded bytes of the chunk.
    last
        Whether it gives the chunk itself, and not what another codec decodes.
    """
    within = getattr(codec, "decode_within", None)
    return codec.decode(data) if within is None else within(data, limit if last else limit + limit // 8 + _ROOM)


def _refusal(name: str, limit: int) -> CodecError:
    return CodecError(f"{name} data decode to more than the {limit} bytes that they can hold: damaged, or made to harm")


def _cut_off(name: str) -> CodecError:
    return CodecError(f"{name} data are damaged: they end too early")


def _inflate(name: str, wbits: int) -> Callable[[Any, Any, int], bytes]:
    def inflate(codec: Any, data: Any, limit: int) -> bytes:  # noqa: ARG001 - one signature for all
        import zlib

        found = b""
        while True:  # gzip may have several members
            stream = zlib.decompressobj(wbits)
            try:
                found += stream.decompress(data, limit + 1 - len(found))
            except zlib.error as error:
                raise CodecError(f"{name} data are damaged: {error}") from error
            if len(found) > limit or stream.unconsumed_tail:
                raise _refusal(name, limit)
            if not stream.eof:
                raise _cut_off(name)
            if not stream.unused_data.strip(b"\0") or name != "gzip":
                return found
            data = stream.unused_data

    return inflate


def _bz2(codec: Any, data: Any, limit: int) -> bytes:  # noqa: ARG001
    import bz2

    stream = bz2.BZ2Decompressor()
    try:
        found = stream.decompress(data, limit + 1)
    except (OSError, ValueError) as error:
        raise CodecError(f"bz2 data are damaged: {error}") from error
    if len(found) > limit:
        raise _refusal("bz2", limit)
    if not stream.eof:
        raise _cut_off("bz2")
    return found


def _lzma(codec: Any, data: Any, limit: int) -> bytes:
    import lzma

    filters = codec.filters if codec.format == lzma.FORMAT_RAW else None
    try:
        stream = lzma.LZMADecompressor(codec.format, None if filters else limit + (1 << 26), filters)
        found = stream.decompress(data, limit + 1)
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise CodecError(f"lzma data are damaged: {error}") from error
    if len(found) > limit:
        raise _refusal("lzma", limit)
    if not (stream.eof or filters):  # raw streams need no end mark
        raise _cut_off("lzma")
    return found


def _zstd(codec: Any, data: Any, limit: int) -> Any:
    size = _zstd_size(bytes(data[:18]))
    if size is not None and size > limit:
        raise _refusal("zstd", limit)
    if size is not None:
        return codec.decode(data)
    try:
        import zstandard
    except ImportError:
        raise CodecError(
            "zstd data do not say how much they hold", hint="pip install mdio-compression, which reads them bit by bit"
        ) from None
    try:
        found = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read(limit + 1)
    except zstandard.ZstdError as error:
        raise CodecError(f"zstd data are damaged: {error}") from error
    if len(found) > limit:
        raise _refusal("zstd", limit)
    return found


def _zstd_size(head: bytes) -> int | None:
    """Return the content size that a frame states, None where it states none (RFC 8878, section 3.1.1.1)."""
    if head[:4] != _ZSTD_MAGIC or len(head) < 6:
        return None
    flags = head[4]
    single = flags >> 5 & 1
    width = (single, 2, 4, 8)[flags >> 6]
    at = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
    if not width:
        return None
    return int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)


def _stated(name: str, start: int) -> Callable[[Any, Any, int], Any]:
    """Return a decoder for data that state their size in four bytes, which stock decoders keep to."""

    def decode(codec: Any, data: Any, limit: int) -> Any:
        if len(data) < start + 4:
            raise CodecError(f"{name} data are damaged: {len(data)} bytes")
        if int.from_bytes(data[start : start + 4], "little") > limit:
            raise _refusal(name, limit)
        return codec.decode(data)

    return decode


BOUNDED: Final[dict[str, Callable[[Any, Any, int], Any]]] = {
    "zlib": _inflate("zlib", 15),
    "gzip": _inflate("gzip", 31),
    "bz2": _bz2,
    "lzma": _lzma,
    "zstd": _zstd,
    "lz4": _stated("lz4", 0),  # numcodecs puts the decoded size in front of the block
    "blosc": _stated("blosc", 4),  # nbytes of the Blosc-1 header
}
