"""Arguments of requests, checked: boxes, positions and the buffers that callers bring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.conversion import target_dtype
from mdio_vds.enums import VolumeDataFormat
from mdio_vds.facade.exceptions import InvalidArgument
from mdio_vds.partition import DIMENSIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.partition import Box, Partition

__all__ = ["Buffer", "byte_size", "checked_box", "checked_positions", "six"]


def six(values: Sequence[Any], missing: int) -> tuple[int, ...]:
    """Return coordinates of all six dimensions; those that are not given get ``missing``."""
    if len(values) > DIMENSIONS:
        raise ValueError(f"{len(values)} coordinates, but a VDS has at most {DIMENSIONS} dimensions")
    return tuple(int(value) for value in values) + (missing,) * (DIMENSIONS - len(values))


def checked_box(lows: Sequence[Any], highs: Sequence[Any], partition: Partition, dimensionality: int) -> Box:
    """Return the box of a request; what is said about dimensions that the VDS lacks is not used.

    Raises
    ------
    InvalidArgument
        The box is empty or leaves the channel.
    """
    box = []
    for dim, (lo, hi) in enumerate(zip(six(lows, 0), six(highs, 1), strict=True)):
        if dim >= dimensionality:
            lo, hi = 0, 1
        elif not 0 <= lo < hi <= partition.samples[dim]:
            raise InvalidArgument(f"Illegal volume subset, dimension {dim} min = {lo}, max = {hi}")
        box.append((lo, hi))
    return tuple(box)


def checked_positions(positions: Any) -> NDArray[np.float32]:
    """Return positions as (n, 6) float32; coordinates that are not given are 0.

    Raises
    ------
    TypeError
        Not a sequence of sequences.
    ValueError
        More than six coordinates.
    InvalidArgument
        Not a number.
    """
    try:
        given = np.asarray(positions, np.float32)
    except ValueError:  # rows of different lengths
        rows = [np.asarray(row, np.float32) for row in positions]
        given = np.zeros((len(rows), max(map(len, rows))), np.float32)
        for target, row in zip(given, rows, strict=True):
            target[: len(row)] = row
    if given.size == 0:
        return np.zeros((0, DIMENSIONS), np.float32)
    if given.ndim != 2:
        raise TypeError(f"positions are a sequence of coordinate tuples, not an array of shape {given.shape}")
    if given.shape[1] > DIMENSIONS:
        raise ValueError(f"{given.shape[1]} coordinates, but a VDS has at most {DIMENSIONS} dimensions")
    bad = np.flatnonzero(np.isnan(given).any(axis=1))
    if len(bad):
        raise InvalidArgument(f"position {bad[0]} is not a number: {tuple(given[bad[0]].tolist())}")
    out = np.zeros((len(given), DIMENSIONS), np.float32)
    out[:, : given.shape[1]] = given
    return out


def byte_size(elements: int, format: VolumeDataFormat) -> int:
    """Return the bytes of a buffer; 1Bit is packed, eight elements a byte."""
    if format is VolumeDataFormat.Format_1Bit:
        return -(-elements // 8)
    return elements * target_dtype(format).itemsize


class Buffer:
    """Where a request writes, and the array that its caller gets.

    Parameters
    ----------
    elements, format
        What the request delivers.
    given
        The caller's array: of any shape, C-contiguous, of the type of the request or of single bytes, and large enough;
        or of any strides with exactly the type and the elements of the request. None makes a new flat array.

    Raises
    ------
    ValueError
        The array does not do.
    """

    def __init__(self, elements: int, format: VolumeDataFormat, given: NDArray[Any] | None) -> None:
        dtype = target_dtype(format)
        self.bytes = byte_size(elements, format)
        packed = format is VolumeDataFormat.Format_1Bit
        if given is None:
            given = np.zeros(self.bytes // dtype.itemsize, dtype)
        self.array = given
        if given.nbytes < self.bytes:
            raise ValueError(
                f"output array is too small to hold the requested data with format VolumeDataFormat.{format.name}: "
                f"{given.nbytes} bytes of {self.bytes}"
            )
        if not given.flags.writeable:
            raise ValueError("array is read-only")
        if given.dtype != dtype and given.dtype.itemsize != 1:
            raise ValueError(f"output array has type {given.dtype}, but the requested data are {dtype}")
        self.finish: Callable[[], None] = lambda: None
        if given.flags.c_contiguous:
            memory = given.reshape(-1).view(np.uint8)[: self.bytes]
            if packed:
                self.flat = np.empty(elements, np.uint8)
                self.finish = lambda: np.copyto(memory, np.packbits(self.flat, bitorder="little"))
            else:
                self.flat = memory.view(dtype)
        elif given.dtype == dtype and given.size == elements and not packed:
            self.flat = np.empty(elements, dtype)
            self.finish = lambda: np.copyto(given, self.flat.reshape(given.shape))
        else:
            raise ValueError("output array is not contiguous")
