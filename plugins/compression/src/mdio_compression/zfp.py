"""ZFP in fixed-accuracy mode, held to its promise.

ZFP keeps its tolerance only for finite samples of similar size: a NaN, an infinity or a 1e30 spoils the whole
4×4×4 block around it, silently. A chunk that holds such a sample is therefore decoded again before it is handed out.
A check (magic and CRC32C) follows the stream, where ZFP decoders stop reading; stock numcodecs decodes the chunk.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from mdio.exceptions import CodecError, IntegrityError, UnstorableSampleError
from mdio_compression import kernel
from mdio_compression.quality import tolerance_for

__all__ = ["Zfp", "zfp"]

_MAGIC = b"\x9fMDIOz1\n"
_CHECK_BYTES = len(_MAGIC) + 4
_MODE_FIXED_ACCURACY = 4
_SURE = 2.0**16
"""Largest sample, in tolerances, up to which ZFP's own promise is relied on."""
_FINEST = 2.0**-80
"""Smallest tolerance for which that is so: blocks of samples below 2^-98 come back wrong (by experiment)."""
_COARSEST = 2.0**128
"""Largest tolerance that the compiled loop is asked for; float32 ends here."""
_LARGEST = 2.0**126
"""Largest sample for which that is so: what larger ones decode to may be infinite."""
_FLOAT32_INTEGERS = 2**24 - 1
"""Up to here an integer as float32 is still that integer."""
_TYPES = (np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.float32), np.dtype(np.float64))


class Zfp:
    """Lossy codec with a largest absolute error, with the interface of numcodecs.

    Samples that are neither float32 nor float64 are cast to float32, and decode as float32: an array of integers
    that is to be stored this way is declared as float32. The tolerance is checked against the values before the
    cast.

    Parameters
    ----------
    tolerance
        Largest absolute error of a sample, in its own unit.
    on_nonfinite
        What happens to a chunk that holds NaN or infinity, or that ZFP cannot hold to the tolerance: ``error``
        raises; ``lossless`` stores this chunk in ZFP's reversible mode, bit for bit.
    """

    codec_id: ClassVar[str] = "zfpy"

    def __init__(self, tolerance: float, on_nonfinite: str = "error") -> None:
        if not (math.isfinite(tolerance) and tolerance > 0):
            raise CodecError(f"tolerance is {tolerance}; it must be a positive number")
        if on_nonfinite not in ("error", "lossless"):
            raise CodecError(f"on_nonfinite is {on_nonfinite!r}", hint="choose error or lossless")
        self.tolerance = float(tolerance)
        self.on_nonfinite = on_nonfinite

    def __repr__(self) -> str:
        return f"Zfp(tolerance={self.tolerance}, on_nonfinite={self.on_nonfinite!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zfp) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.tolerance, self.on_nonfinite))

    def get_config(self) -> dict[str, Any]:
        """Return what array metadata says: the configuration of numcodecs' ZFPY."""
        return {
            "id": self.codec_id,
            "mode": _MODE_FIXED_ACCURACY,
            "compression_kwargs": {"tolerance": self.tolerance},
            "tolerance": self.tolerance,
            "rate": -1,
            "precision": -1,
        }

    def encode(self, buf: Any) -> bytes:
        """Return the compressed chunk of an array of any layout.

        Raises
        ------
        CodecError
            No numbers, an empty array, too long for ZFP.
        UnstorableSampleError
            With ``on_nonfinite="error"``, a sample that ZFP cannot hold to the tolerance, or that spoils the block of
            one: its ``position`` in C order and its ``value``.
        """
        import zfpy

        given = np.asarray(buf)
        array = _as_float(given)
        done = self._encode_compiled(given, array)
        if done is not None:
            return _checked(done)
        if self._is_sure_of(given, array):
            return _checked(bytes(zfpy.compress_numpy(array, tolerance=self.tolerance)))
        with np.errstate(invalid="ignore", over="ignore"):
            fault = _first(~np.isfinite(array))
            if fault is None:
                stream = bytes(zfpy.compress_numpy(array, tolerance=self.tolerance))
                error = np.abs(_difference(zfpy.decompress_numpy(stream), given, array))
                fault = _first(~(error <= self.tolerance))
        if fault is not None:
            if self.on_nonfinite == "error":
                raise _unstorable(
                    given,
                    _culprit(array, fault),
                    f"ZFP cannot hold to a tolerance of {self.tolerance}",
                    hint="use on_nonfinite=lossless or a lossless codec",
                )
            stream = _reversible(given, array)
        return _checked(stream)

    def _encode_compiled(self, given: NDArray[Any], array: NDArray[Any]) -> bytes | None:
        """Return the stream that zfpy writes, for what `_is_sure_of` says yes to; None where zfpy has to do it."""
        if array.dtype != np.float32 or array.ndim > 3 or not _FINEST <= self.tolerance < _COARSEST:
            return None
        compiled = kernel.zfp_streams()
        if compiled is None:
            return None
        exponent = math.frexp(self.tolerance)[1] - 1
        stream: bytes | None = compiled.encode(array, exponent, self._sure_limit(given))
        return stream

    def _is_sure_of(self, given: NDArray[Any], array: NDArray[Any]) -> bool:
        """Whether no sample can miss the tolerance, so that nothing needs to be decoded to see it.

        ZFP turns a block into integers of 30 bits below its largest sample, transforms them, and leaves out bit planes
        that weigh less than the tolerance by two bits for each dimension and two more (ZFP documentation, "fixed-
        accuracy mode"). What it leaves out stays within the tolerance; what is lost before are some of the last of the
        30 bits, so samples that are not much larger than the tolerance have bits to spare.
        """
        top = max(float(array.max()), -float(array.min()))  # NaN where there is one, and then not below anything
        return self.tolerance >= _FINEST and top <= self._sure_limit(given)

    def _sure_limit(self, given: NDArray[Any]) -> float:
        """Return the largest sample of an array up to which that is so."""
        exact = _LARGEST if given.dtype.kind == "f" else _FLOAT32_INTEGERS
        return min(self.tolerance * _SURE, exact)

    def decode(self, buf: Any, out: Any = None, *, max_size: int | None = None) -> Any:
        """Return the decoded array of a chunk, by us or by others.

        Parameters
        ----------
        buf
            The compressed chunk.
        out
            Where to write; a contiguous, writable buffer of exactly the decoded size.
        max_size
            The most bytes the chunk may decode to; defaults to the size of ``out``.

        Raises
        ------
        IntegrityError
            The chunk does not match its check.
        CodecError
            No ZFP stream, or one that claims more bytes than there may be.
        """
        import zfpy

        stream, crc = _take_apart(bytes(buf))
        if crc is not None and google_crc32c.value(stream) != crc:
            raise IntegrityError(
                "a ZFP chunk is damaged: its CRC32C does not match",
                hint="restore the object from a copy or import it again",
            )
        size = _decoded_bytes(stream)
        target = None if out is None else np.asarray(out)
        limit = max_size if target is None else target.nbytes
        if (limit is not None and size > limit) or (target is not None and size != target.nbytes):
            raise CodecError(f"a ZFP chunk claims to hold {size} bytes where {limit} are expected; not decoded")
        if crc is None:
            # A stream that was cut off makes the decoder read on; let it read zeros. No stream is longer.
            stream += bytes(size + size // 2 + 4096)
        array = zfpy.decompress_numpy(stream)
        if target is None:
            return array
        target.reshape(-1).view(np.uint8)[...] = array.reshape(-1).view(np.uint8)
        return out

    def check(self, buf: Any) -> bool | None:
        """Verify the check of a chunk without decoding it; None for a chunk by others, which has none."""
        stream, crc = _take_apart(bytes(buf))
        return None if crc is None else google_crc32c.value(stream) == crc


def _checked(stream: bytes) -> bytes:
    """Return a stream with its CRC behind it, which ZFP does not look at."""
    crc: int = google_crc32c.value(stream)
    return b"".join((stream, _MAGIC, crc.to_bytes(4, "little")))


def zfp(
    tolerance: float | None = None,
    quality: str | None = None,
    std: float | None = None,
    on_nonfinite: str = "error",
) -> Zfp:
    """Return the codec for a tolerance, or for a quality of data with standard deviation ``std``.

    Raises
    ------
    CodecError
        Neither or both are given, or a quality without ``std``.
    """
    if (tolerance is None) == (quality is None):
        raise CodecError("zfp needs either a tolerance or a quality")
    if tolerance is None:
        if quality is None or std is None:
            raise CodecError(
                f"quality {quality!r} needs the standard deviation of the volume",
                hint="compute the statistics first, or give a tolerance",
            )
        tolerance = tolerance_for(quality, std)
    return Zfp(tolerance, on_nonfinite)


def _as_float(given: NDArray[Any]) -> NDArray[Any]:
    """Return the array as ZFP takes it: float32 or float64 in native order, contiguous, 1 to 4 dimensions."""
    if given.dtype.kind not in "iuf" or given.dtype.itemsize > 8:
        raise CodecError(f"ZFP cannot store samples of type {given.dtype}", hint="use the codec blosc")
    if not given.size:
        raise CodecError("ZFP cannot store an empty array")
    kind = np.float64 if given.dtype.kind == "f" and given.dtype.itemsize == 8 else np.float32
    array = np.ascontiguousarray(given, dtype=kind)
    if array.ndim > 4:
        array = array.reshape(-1, *array.shape[-3:])
    if max(array.shape) > 1 << 48 // array.ndim:
        raise CodecError(
            f"ZFP cannot store a chunk of shape {array.shape}: {array.ndim} dimensions have at most "
            f"{1 << 48 // array.ndim} samples each",
            hint="choose a smaller chunk",
        )
    return array


def _difference(decoded: NDArray[Any], given: NDArray[Any], array: NDArray[Any]) -> NDArray[Any]:
    """Return decoded minus given; integers are compared before their cast to float32."""
    if given.dtype.kind in "iu":
        wide: NDArray[Any] = decoded.astype(np.float64) - given.reshape(array.shape)
        return wide
    narrow: NDArray[Any] = decoded - array
    return narrow


def _first(wrong: NDArray[np.bool_]) -> int | None:
    """Return the position in C order of the first True, or None."""
    flat = wrong.reshape(-1)
    position = int(flat.argmax())
    return position if flat[position] else None


def _culprit(array: NDArray[Any], fault: int) -> int:
    """Return which sample spoils the block of 4 along each axis that a faulty sample lies in: the largest one.

    A sample of 1e30 takes the precision of all others in its block, which are no more at fault than their neighbours.
    """
    cell = np.unravel_index(fault, array.shape)
    if not np.isfinite(array[cell]):
        return fault
    block = tuple(slice(int(i) // 4 * 4, int(i) // 4 * 4 + 4) for i in cell)
    values = np.abs(array[block])
    inside = np.unravel_index(int(values.argmax()), values.shape)
    where = [int(i) + part.start for i, part in zip(inside, block, strict=True)]
    return int(np.ravel_multi_index(where, array.shape))


def _unstorable(given: NDArray[Any], position: int, why: str, *, hint: str) -> UnstorableSampleError:
    value = given.reshape(-1)[position]
    return UnstorableSampleError(
        f"sample {position} of the chunk is {value}, which {why}", position=position, value=value.item(), hint=hint
    )


def _reversible(given: NDArray[Any], array: NDArray[Any]) -> bytes:
    import zfpy

    if given.dtype.kind in "iu":
        fault = _first(array.astype(np.float64) != given.reshape(array.shape))
        if fault is not None:
            raise _unstorable(given, fault, "float32 cannot hold", hint="use a lossless codec")
    stream = bytes(zfpy.compress_numpy(array))
    if zfpy.decompress_numpy(stream).tobytes() != array.tobytes():
        raise CodecError("ZFP's reversible mode does not give a chunk back", hint="use a lossless codec")
    return stream


def _take_apart(chunk: bytes) -> tuple[bytes, int | None]:
    """Return the stream and the CRC that follows it, None where a chunk has no check."""
    if chunk[-_CHECK_BYTES:-4] != _MAGIC:
        return chunk, None
    return chunk[:-_CHECK_BYTES], int.from_bytes(chunk[-4:], "little")


def _decoded_bytes(stream: bytes) -> int:
    """Return the decoded size that the header of a stream claims.

    After "zfp" and a version byte come, from the lowest bit: 2 bits of type, 2 of dimensions less one, 48 bits
    shared evenly by the lengths less one (ZFP documentation, "zfp_write_header", full header).
    """
    if len(stream) < 12 or stream[:3] != b"zfp":
        raise CodecError("a compressed chunk does not begin with a ZFP header")
    word = int.from_bytes(stream[4:11], "little")
    dims = (word >> 2 & 3) + 1
    bits = 48 // dims
    lengths = [(word >> 4 + bits * k & (1 << bits) - 1) + 1 for k in range(dims)]
    return math.prod(lengths) * _TYPES[word & 3].itemsize
