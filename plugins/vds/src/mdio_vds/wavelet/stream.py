"""The sections of a wavelet stream and where they lie (VDS specification sections 9.1 and 9.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from math import inf, prod
from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.blocks import BlockError
from mdio_vds.enums import CompressionMethod
from mdio_vds.wavelet.normalise import block_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LARGEST", "TABLE_PLANES", "Flags", "Stream", "parse_stream"]

LARGEST: Final = 512
"""Most voxels of a chunk along a dimension."""

TABLE_PLANES: Final = 16
"""Bit planes for which a stream says how many values are known."""

_HEADER: Final = struct.Struct("<6i")
_INT: Final = struct.Struct("<i")
_SINGLE: Final = struct.Struct("<f")
_VERSIONS: Final = range(671, 674)
_NORMALISED: Final = (CompressionMethod.WaveletNormalizeBlock, CompressionMethod.WaveletNormalizeBlockLossless)
_ABSENT: Final = 4  # length of a zero-run section that is nothing but its length


class Flags(IntFlag):
    """How a stream was made."""

    INTEGER = 1
    """Lifting steps are rounded to whole numbers."""
    LOSSLESS_INTEGER = 2
    """Low halves are not scaled."""
    DIFFERENCE = 4
    """A difference pass follows; no known writer sets it."""
    SOURCE_16_BIT = 8


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, not decoded yet. Places are (first byte, byte behind) in the payload.

    Parameters
    ----------
    data
        The payload.
    version
        671 to 673.
    dimensions
        1 to 3.
    sizes
        Chunk lengths, x first.
    flags
        How it was made.
    zero_runs
        Coded counts of zeros at the start of rows, or None.
    no_value
        The number for voxels without value, or None.
    no_value_runs
        Which voxels these are.
    field
        Block numbers of normalising methods, z y x, or None.
    step, start
        Weight of the lowest bit plane, and the bound of all coefficients.
    tree
        Counts, raw values and bit planes.
    residual
        First byte of the lossless part.
    """

    data: NDArray[np.uint8]
    version: int
    dimensions: int
    sizes: tuple[int, int, int]
    flags: Flags
    zero_runs: tuple[int, int] | None
    no_value: float | None
    no_value_runs: tuple[int, int]
    field: NDArray[np.float32] | None
    step: float
    start: float
    tree: tuple[int, int]
    residual: int

    @property
    def planes(self) -> int:
        """Number of bit planes."""
        count, bound = 0, np.float32(self.start)
        while bound >= np.float32(self.step):
            bound /= np.float32(2)
            count += 1
        return count


def parse_stream(payload: bytes, method: CompressionMethod, shape: tuple[int, ...], *, prefix: bool = False) -> Stream:
    """Find the sections of a payload; all places are inside of it.

    Parameters
    ----------
    payload
        A whole stream, or its first bytes.
    method
        Method of the layer; two of them have a section more.
    shape
        Stored lengths along the dimensions of the group, fastest first: 1 to 3 numbers.
    prefix
        Whether the stream may be cut off inside its bit planes, as reads of an adaptive level do.

    Raises
    ------
    BlockError
        The payload does not fit.
    """
    data = np.frombuffer(payload, np.uint8)
    if data.size < _HEADER.size:
        raise BlockError(f"a payload of {data.size} bytes is shorter than the header of a wavelet stream")
    version, total, *found, word = _HEADER.unpack_from(data.data)
    sizes, flags = _outline(version, tuple(found), word, shape)
    if total % 4 or total < data.size or (total > data.size and not prefix):
        raise BlockError(f"the payload has {data.size} bytes, its stream {total}")
    at = _HEADER.size

    zero_size = _integer(data, at)
    zero_runs = (at + _INT.size, at + zero_size) if zero_size > _ABSENT else None
    at = _section(data, at, zero_size, least=_ABSENT)

    runs = _integer(data, at)
    no_value, no_value_runs = None, (0, 0)
    at += _INT.size
    if runs != -1:
        no_value = _single(data, at)
        at += _SINGLE.size
        no_value_runs = (at, at + runs)
        at = _section(data, at, runs)

    field = None
    if method in _NORMALISED:
        counts = block_counts(sizes)
        begin, at = at, _section(data, at, 4 * prod(counts))
        field = data[begin:at].view("<f4").astype(np.float32).reshape(counts[::-1])

    step, start = _single(data, at), _single(data, at + _SINGLE.size)
    at += 2 * _SINGLE.size
    tree_size = _integer(data, at)
    at += _INT.size
    if not 0 < step < inf or not 0 <= start < inf:
        raise BlockError(f"thresholds {step} and {start} are not possible")
    behind = data.size if prefix else at + tree_size
    if tree_size < 0 or behind > data.size:
        raise BlockError(f"a section of {tree_size} bytes at byte {at} of {data.size}")
    return Stream(
        data=data,
        version=version,
        dimensions=len(shape),
        sizes=sizes,
        flags=flags,
        zero_runs=zero_runs,
        no_value=no_value,
        no_value_runs=no_value_runs,
        field=field,
        step=step,
        start=start,
        tree=(at, min(behind, at + tree_size)),
        residual=at + (tree_size + 3) // 4 * 4,
    )


def _outline(
    version: int, found: tuple[int, ...], word: int, shape: tuple[int, ...]
) -> tuple[tuple[int, int, int], Flags]:
    """Return chunk lengths and flags of a header."""
    if version not in _VERSIONS:
        raise BlockError(f"wavelet streams of version {version} are not known")
    dimensions, flags = word & 0xFF, word >> 8
    x, y, z = (*shape, 1, 1)[:3]
    if dimensions != len(shape) or found[:dimensions] != tuple(shape):
        raise BlockError(f"the stream holds {found[:dimensions]}, the layout has chunks of {tuple(shape)}")
    if not all(1 <= length <= LARGEST for length in shape):
        raise BlockError(f"a wavelet chunk of {tuple(shape)} voxels; {LARGEST} along a dimension are possible")
    if flags & ~int(Flags(15)) or flags & Flags.DIFFERENCE:
        raise BlockError(f"wavelet streams with flags {flags:#x} are not known")
    return (x, y, z), Flags(flags)


def _integer(data: NDArray[np.uint8], at: int) -> int:
    if at + _INT.size > data.size:
        raise BlockError(f"the stream is cut off at byte {data.size}")
    number: int = _INT.unpack_from(data.data, at)[0]
    return number


def _single(data: NDArray[np.uint8], at: int) -> float:
    if at + _SINGLE.size > data.size:
        raise BlockError(f"the stream is cut off at byte {data.size}")
    number: float = _SINGLE.unpack_from(data.data, at)[0]
    return number


def _section(data: NDArray[np.uint8], at: int, size: int, least: int = 0) -> int:
    """Return the byte behind a section, which is padded to whole words."""
    behind = at + (size + 3) // 4 * 4
    if size < least or behind > data.size:
        raise BlockError(f"a section of {size} bytes at byte {at} of {data.size}")
    return behind
