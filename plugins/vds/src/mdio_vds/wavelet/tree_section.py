"""The tree section of a stream from the coefficients of a chunk (VDS specification sections 9.4 and 9.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.wavelet.bands import FIELD_BITS
from mdio_vds.wavelet.depths import depths_irregular, depths_regular
from mdio_vds.wavelet.planes_out import quantise, value_table, write_values
from mdio_vds.wavelet.stream import TABLE_PLANES
from mdio_vds.wavelet.tree import KNOWN
from mdio_vds.wavelet.tree_out import grow_irregular, grow_regular, tree_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.wavelet.bands import Pyramid

__all__ = ["Quantised", "quantised", "tree_section"]

_ROUNDING: Final = 0.2
"""What is added to integers, in steps, before fractions are cut off: less than half, since zeros take least room."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """The coefficients of a chunk, quantised; enough to tell what readers decode.

    Parameters
    ----------
    shape
        The pyramid of the chunk.
    step
        Weight of the lowest bit plane, in single precision.
    planes
        Number of bit planes.
    raw
        Coefficients that are stored raw.
    words
        Of :func:`mdio_vds.wavelet.planes_out.quantise`.
    depths
        Of :mod:`mdio_vds.wavelet.depths`.
    known
        Coefficients as readers get them, to the last bit.
    """

    shape: Pyramid
    step: float
    planes: int
    raw: NDArray[np.float32]
    words: NDArray[np.uint32]
    depths: NDArray[np.uint16]
    known: NDArray[np.float32]

    @property
    def start(self) -> float:
        """The bound of all coefficients that goes into the stream; half a step where there are no planes."""
        return float(np.ldexp(np.float32(self.step), self.planes - 1))


def quantised(
    coefficients: NDArray[np.float32], raw: NDArray[np.float32], shape: Pyramid, step: float, *, integer: bool
) -> Quantised:
    """Quantise coefficients.

    Parameters
    ----------
    coefficients
        Of the chunk, x fastest; zeros where they are stored raw, and less than 2^30 steps elsewhere.
    raw
        Those that are stored raw, in the order of the stream.
    shape
        The pyramid of the chunk.
    step
        Weight of the lowest bit plane, in single precision.
    integer
        Whether readers leave out to add half a step, as they do with integers.
    """
    words = np.empty(coefficients.size, np.uint32)
    lengths = np.empty(coefficients.size, np.uint8)
    planes = quantise(coefficients, step, _ROUNDING + 0.5 / step if integer else 0.0, words, lengths)
    known = np.zeros(coefficients.size, np.float32)
    known[shape.starts] = raw
    depths = np.empty(0, np.uint16)
    if planes:
        depths = np.empty(int(shape.sizes[1].prod()), np.uint16)
        weights = np.ldexp(np.float32(step), np.arange(planes))
        values = words, value_table(weights, 0.0 if integer else step / 2), weights, shape.sizes, shape.masks
        if shape.regular:
            depths_regular(lengths, *values, _offsets(shape), depths, known)
        else:
            depths_irregular(lengths, *values, shape.children, shape.band_counts, depths, known)
    return Quantised(shape, step, planes, raw, words, depths, known)


def tree_section(source: Quantised) -> tuple[bytes, tuple[int, ...]]:
    """Return counts, raw values and bit planes, and how many bytes of that each adaptive level needs."""
    shape, planes, raw = source.shape, source.planes, source.raw
    tables = 1 if shape.regular else 2
    front = 4 * (tables * TABLE_PLANES + raw.size)
    room = tree_room(shape.node_count, source.words.size, len(shape.masks), planes) if planes else 0
    out = np.empty(front + room, np.uint8)
    out[front - 4 * raw.size : front].view("<f4")[:] = raw
    counts = np.zeros((tables, TABLE_PLANES), "<i4")
    ends = np.full(max(planes, 1), front, np.int64)
    if planes:
        for number, (places, offsets, notes) in enumerate(_grow(out, front, source, ends)):
            tabled = min(planes, TABLE_PLANES)
            counts[number, :tabled] = notes[KNOWN, :tabled] // offsets.size
            write_values(out, places, offsets, notes, planes - 1, source.words)
    out[: counts.nbytes] = counts.reshape(-1).view(np.uint8)
    return out[: ends[0]].tobytes(), tuple(ends.tolist())


def _offsets(shape: Pyramid) -> NDArray[np.int64]:
    """Return the offsets of the members of a group."""
    nx, ny, _ = shape.sizes[0].tolist()
    x, y, z = shape.corners.T
    offsets: NDArray[np.int64] = x + nx * (y + ny * z)
    return offsets


def _grow(
    out: NDArray[np.uint8], at: int, source: Quantised, ends: NDArray[np.int64]
) -> list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]]:
    """Write the trees; return the lists of values: places, offsets of the members, and notes on the planes."""
    shape, top = source.shape, source.planes - 1
    (nx, ny, _), (deep_x, deep_y, _) = shape.sizes[0].tolist(), shape.sizes[1].tolist()
    begin = out, at, top, shape.roots, nx, nx * ny, deep_x, deep_x * deep_y
    x, y, z = shape.corners.T
    offsets = _offsets(shape)
    size = offsets.size
    lists = np.empty((3, shape.node_count), np.int64)
    groups = np.empty(shape.value_count // size, np.int32)
    notes = np.zeros((3, top + 2), np.int64)
    if shape.regular:
        mask = int(shape.masks[0])
        doubled = sum(((1 << FIELD_BITS) - 1) << d * FIELD_BITS for d in range(3) if mask >> d & 1)
        steps = x | y << FIELD_BITS | z << 2 * FIELD_BITS
        grow_regular(*begin, doubled, steps, source.depths, lists, groups, notes, ends)
        return [(groups, offsets, notes)]
    singles = np.empty(shape.value_count, np.int32)
    single_notes = np.zeros((3, top + 2), np.int64)
    children = shape.children, shape.band_counts
    grow_irregular(*begin, *children, size, source.depths, lists, groups, singles, notes, single_notes, ends)
    return [(groups, offsets, notes), (singles, np.zeros(1, np.int64), single_notes)]
