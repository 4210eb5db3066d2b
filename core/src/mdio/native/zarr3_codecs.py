"""Codec pipelines of Zarr format 3 ↔ one codec of a chunk.

Stored chunks are handled as numcodecs-like objects whatever format names them: bytes and Blosc are our checked split
codec where its package is installed. What is read is what multidimio 1.x and zarr-python 3.1 write; a pipeline that
reorders or filters samples is refused when its array is read, not when its dataset is opened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import google_crc32c
import numpy as np

from mdio.exceptions import CodecError, IntegrityError
from mdio.native.bounded import decode_within
from mdio.native.codecs import resolve_codec
from mdio.native.shards import Sharding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.arrays import ArraySpec

__all__ = ["Chain", "Crc32c", "Pipeline", "codecs_json", "pipeline_of"]

_SHUFFLES: Final = ("noshuffle", "shuffle", "bitshuffle")
_STANDARD: Final = ("blosc", "zstd", "gzip")
"""Codecs of bytes that have the same name and arguments in both worlds."""
_ZFP: Final = "numcodecs.zfpy"
_MOST_TYPESIZE: Final = 255
_LARGEST: Final = 2**31
"""Bytes of a chunk where nothing says how many it has."""


class Crc32c:
    """A CRC32C behind the bytes, little endian (Zarr codec ``crc32c``)."""

    codec_id: ClassVar[str] = "crc32c"

    def encode(self, buf: Any) -> bytes:
        """Return the bytes and their check."""
        data = bytes(buf)
        return data + int(google_crc32c.value(data)).to_bytes(4, "little")

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes without their check.

        Raises
        ------
        IntegrityError
            They do not match it.
        """
        data = memoryview(buf)
        if not self.check(data):
            raise IntegrityError(
                "does not match its CRC32C", hint="restore the object from a copy or write the dataset again"
            )
        if out is None:
            return data[:-4]
        if data.nbytes - 4 != out.nbytes:
            raise CodecError(f"{data.nbytes - 4} bytes where {out.nbytes} are expected")
        out[...] = np.frombuffer(data[:-4], dtype=np.uint8)
        return out

    def check(self, buf: Any) -> bool:
        """Whether the bytes match their check."""
        data = memoryview(buf)
        return data.nbytes >= 4 and int(google_crc32c.value(bytes(data[:-4]))) == int.from_bytes(data[-4:], "little")


class Chain:
    """Several codecs of bytes as one: the first is nearest to the samples.

    Parameters
    ----------
    codecs
        At least two.
    """

    def __init__(self, codecs: Sequence[Any]) -> None:
        self.codecs = tuple(codecs)

    def encode(self, buf: Any) -> bytes:
        """Return the encoded chunk."""
        for codec in self.codecs:
            buf = codec.encode(buf)
        return bytes(buf)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the decoded chunk, in ``out`` where that is given."""
        first = self.codecs[0]
        if out is None:
            return first.decode(self._stripped(buf, _LARGEST))
        return first.decode(self._stripped(buf, out.nbytes), out=out)

    def decode_region(
        self,
        buf: Any,
        shape: Sequence[int],
        dtype: np.dtype[Any],
        region: Sequence[tuple[int, int]],
        out: NDArray[Any],
    ) -> None:
        """Decode one box of a chunk; partly, where the first codec can."""
        first = self.codecs[0]
        size = math.prod(shape) * dtype.itemsize
        buf = self._stripped(buf, size)
        if hasattr(first, "decode_region"):
            first.decode_region(buf, shape, dtype, region, out)
            return
        chunk = np.frombuffer(decode_within(first, buf, size), dtype=np.uint8).view(dtype).reshape(tuple(shape))
        out[...] = chunk[tuple(slice(start, stop) for start, stop in region)]

    def check(self, buf: Any) -> bool | None:
        """Verify the outermost check that there is; None where there is none."""
        for codec in reversed(self.codecs):
            if hasattr(codec, "check"):
                found: bool | None = codec.check(buf)
                if found is not None:
                    return found
            buf = codec.decode(buf)
        return None

    def _stripped(self, buf: Any, size: int) -> Any:
        for codec in reversed(self.codecs[1:]):
            buf = decode_within(codec, buf, size, last=False)
        return buf


@dataclass(frozen=True)
class Pipeline:
    """What a ``codecs`` entry says.

    Parameters
    ----------
    dtype
        With the byte order in which samples are stored.
    codec
        Of a chunk, None where it is stored as it is.
    chunks
        Shape of the chunks inside of an object; None where an object is one chunk.
    sharding
        How they lie in it.
    compressor
        Configuration of the first codec of bytes; for people.
    """

    dtype: np.dtype[Any]
    codec: Any = None
    chunks: tuple[int, ...] | None = None
    sharding: Sharding | None = None
    compressor: Mapping[str, Any] | None = None


def pipeline_of(path: str, entries: Sequence[Any], dtype: np.dtype[Any]) -> Pipeline:
    """Return what a ``codecs`` entry says.

    Raises
    ------
    CodecError
        A codec that is not known, or one that is not read; the message names array and codec.
    """
    first, *rest = [_parts(entry) for entry in entries] or [("", {})]
    name, settings = first
    if name == "sharding_indexed":
        if rest:
            raise _refusal(path, f"{name} followed by {rest[0][0]}")
        inner = pipeline_of(path, settings["codecs"], dtype)
        if inner.sharding is not None:
            raise _refusal(path, "shards within shards")
        sharding = Sharding(
            checked=_index_checked(path, settings.get("index_codecs") or ()),
            at_end=settings.get("index_location", "end") == "end",
        )
        chunks = tuple(int(n) for n in settings["chunk_shape"])
        return Pipeline(inner.dtype, inner.codec, chunks, sharding, inner.compressor)
    if name == _ZFP:
        # ZFP keeps -1 for what does not apply where the metadata of Zarr 3 hold null.
        config = {"id": "zfpy", **{key: -1 if value is None else value for key, value in settings.items()}}
        serializer = [resolve_codec(config, dtype.itemsize)]
    elif name == "bytes":
        config, serializer = None, []
        if settings.get("endian", "little") == "big":
            dtype = dtype.newbyteorder(">")
    elif name == "transpose":
        raise _refusal(path, "transpose", "write it anew in C order")
    else:
        raise _refusal(path, repr(name))
    size = dtype.itemsize if dtype.itemsize <= _MOST_TYPESIZE else 1
    codecs = [*serializer, *(_codec_of(path, name, settings, size) for name, settings in rest)]
    if config is None and rest:
        config = {"id": rest[0][0], **rest[0][1]}
    return Pipeline(dtype, codecs[0] if len(codecs) == 1 else Chain(codecs) if codecs else None, compressor=config)


def _parts(entry: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    return str(entry["name"]), entry.get("configuration") or {}


def _codec_of(path: str, name: str, settings: Mapping[str, Any], itemsize: int) -> Any:
    if name == "crc32c":
        return Crc32c()
    config = {"id": name.removeprefix("numcodecs."), **settings}
    if name == "blosc":
        config.pop("typesize", None)
        shuffle = config.get("shuffle", "shuffle")
        config["shuffle"] = _SHUFFLES.index(shuffle) if shuffle in _SHUFFLES else shuffle
    elif name not in _STANDARD and not name.startswith("numcodecs."):
        raise _refusal(path, repr(name))
    try:
        return resolve_codec(config, itemsize)
    except CodecError as error:
        raise CodecError(f"array {path}: {error.message}", hint=error.hint or _HINT) from error


_HINT = "install the package that brings the codec, or write the array anew with another one"


def _refusal(path: str, what: str, hint: str = _HINT) -> CodecError:
    return CodecError(f"array {path} is stored with {what}, which is not read here", hint=hint)


def _index_checked(path: str, entries: Sequence[Any]) -> bool:
    parts = [_parts(entry) for entry in entries]
    names = [name for name, _ in parts]
    if names not in (["bytes"], ["bytes", "crc32c"]) or parts[0][1].get("endian", "little") != "little":
        raise _refusal(path, f"shards whose index has the codecs {', '.join(names) or 'none'}")
    return len(names) == 2


# -- writing -----------------------------------------------------------------------------------------------------


def codecs_json(spec: ArraySpec) -> list[Any]:
    """Return the ``codecs`` entry of an array.

    Raises
    ------
    CodecError
        Its codec has no name in Zarr format 3.
    """
    inner = _chunk_codecs(spec)
    if spec.shards is None:
        return inner
    sharding = spec.sharding or Sharding()
    index: list[Any] = [{"name": "bytes", "configuration": {"endian": "little"}}]
    configuration = {
        "chunk_shape": list(spec.chunks),
        "codecs": inner,
        "index_codecs": [*index, {"name": "crc32c"}] if sharding.checked else index,
        "index_location": "end" if sharding.at_end else "start",
    }
    return [{"name": "sharding_indexed", "configuration": configuration}]


def _chunk_codecs(spec: ArraySpec) -> list[Any]:
    if spec.filters or spec.order != "C":
        raise CodecError(f"array {spec.path} has filters or Fortran order, which are not written in Zarr format 3")
    codecs = spec.codec.codecs if isinstance(spec.codec, Chain) else () if spec.codec is None else (spec.codec,)
    size = spec.dtype.itemsize if spec.dtype.itemsize <= _MOST_TYPESIZE else 1
    entries = [_entry(codec, size) for codec in codecs]
    if entries and entries[0]["name"] == _ZFP:
        return entries
    plain: dict[str, Any] = {"name": "bytes"}
    if spec.dtype.itemsize > 1 and spec.dtype.kind not in "VS":
        plain["configuration"] = {"endian": "big" if spec.dtype.byteorder == ">" else "little"}
    return [plain, *entries]


def _entry(codec: Any, itemsize: int) -> dict[str, Any]:
    if isinstance(codec, Crc32c):
        return {"name": "crc32c"}
    config = dict(codec.get_config())
    name = str(config.pop("id"))
    if name == "blosc":
        # -1 lets Blosc choose: bits where items have one byte.
        shuffle = config.get("shuffle", 1)
        configuration = {
            "typesize": itemsize,
            "cname": config["cname"],
            "clevel": config["clevel"],
            "shuffle": _SHUFFLES[shuffle] if shuffle >= 0 else "bitshuffle" if itemsize == 1 else "shuffle",
            "blocksize": config.get("blocksize", 0),
        }
        return {"name": name, "configuration": configuration}
    if name == "zfpy":
        absent = {"tolerance": None, "rate": None, "precision": None}
        given = {key: config[key] for key in absent if config.get(key, -1) not in (-1, None)}
        return {"name": _ZFP, "configuration": {"mode": config["mode"], **absent, **given}}
    if name == "zstd":
        config = {"level": config.get("level", 0), "checksum": bool(config.get("checksum", False))}
    return {"name": name if name in _STANDARD else f"numcodecs.{name}", "configuration": config}
