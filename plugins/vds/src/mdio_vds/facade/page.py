"""``VolumeDataPage``: the voxels of one chunk as a buffer that callers read and write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.enums import VolumeDataFormat
from mdio_vds.facade.errors import ReadErrorException_
from mdio_vds.partition import DIMENSIONS
from mdio_vds.values import stored_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.facade.pages import VolumeDataPageAccessor
    from mdio_vds.partition import Box, Partition

__all__ = ["PageBuffer", "VolumeDataPage", "filled", "six_numbers"]

_PITCH = 8


class PageBuffer:
    """Voxels in memory as pages have them: rows padded to multiples of eight voxels (VDS specification section 8.2).

    Parameters
    ----------
    channel
        For the type of the elements: numbers, records ``f0``, ``f1``, … of several components, packed bits of 1Bit.
    partition, position
        Chunk grid and place of the chunk.
    dimensionality
        Dimensions of the VDS, all of which the array has, slowest first.
    """

    def __init__(
        self, channel: ChannelDescriptor, partition: Partition, position: tuple[int, ...], dimensionality: int
    ) -> None:
        self._channel = channel
        self._packed = channel.format is VolumeDataFormat.Format_1Bit
        kind = stored_dtype(channel)
        several = channel.components > 1
        dtype = np.dtype([(f"f{i}", kind) for i in range(channel.components)]) if several else kind
        self._voxels = partition.stored_shape(position)
        shape, strides, pitch = [1] * dimensionality, [0] * dimensionality, dtype.itemsize
        for number, (dim, length) in enumerate(zip(partition.group, self._voxels, strict=True)):
            padded = length if length == 1 else -(-length // _PITCH) * _PITCH
            if self._packed and number == 0:
                length, padded = -(-length // _PITCH), -(-padded // _PITCH)
            shape[dim], strides[dim] = length, pitch
            pitch *= padded
        self._memory = np.zeros(pitch, np.uint8)
        self.array: NDArray[Any] = np.ndarray(
            shape[::-1], dtype, buffer=self._memory.data, strides=tuple(strides[::-1])
        )

    def codes(self) -> NDArray[Any]:
        """Return the stored codes as chunks have them: axes of the group, slowest first, then components."""
        lengths = self._voxels[::-1]
        if self._packed:
            packed = self.array.reshape(*lengths[:-1], -1)
            return np.unpackbits(packed, axis=-1, count=lengths[-1], bitorder="little")
        if self._channel.components > 1:
            plain = np.ascontiguousarray(self.array).view(stored_dtype(self._channel))
            return plain.reshape(*lengths, self._channel.components)
        return self.array.reshape(lengths)

    def fill(self, codes: NDArray[Any]) -> None:
        """Take up stored codes; any shape with the right number of elements in the right order."""
        lengths = self._voxels[::-1]
        if self._packed:
            packed = np.packbits(codes.reshape(lengths), axis=-1, bitorder="little")
            self.array[...] = packed.reshape(self.array.shape)
        elif self._channel.components > 1:
            plain = np.ascontiguousarray(codes, stored_dtype(self._channel))
            self.array[...] = plain.reshape(-1).view(self.array.dtype).reshape(self.array.shape)
        else:
            self.array[...] = codes.reshape(self.array.shape)


class VolumeDataPage:
    """One chunk in memory; made by a page accessor, and held there until :meth:`release`.

    Parameters
    ----------
    accessor
        Whose page it is.
    index
        Number of the chunk.
    buffer
        Its voxels.
    writable
        Whether it may be changed.
    dirty
        Whether it is to be written although nobody changed it: a new page.
    """

    def __init__(
        self, accessor: VolumeDataPageAccessor, index: int, buffer: PageBuffer, *, writable: bool, dirty: bool
    ) -> None:
        self._accessor, self._index, self._buffer = accessor, index, buffer
        self._writable, self._dirty = writable, dirty
        self._users = 0
        self._original: NDArray[Any] | None = None
        """Codes as they were read, where other chunks have some of the voxels too."""

    def getBuffer(self) -> memoryview:
        """Return the voxels, not to be written; slowest dimension first, one axis for each dimension of the VDS."""
        return self._buffer.array.data.toreadonly()

    def getWritableBuffer(self) -> memoryview:
        """Return the voxels to be changed; the page is written with the next commit.

        Raises
        ------
        RuntimeError
            The accessor is for reading only.
        """
        if not self._writable:
            raise RuntimeError("Trying to get a writable buffer from a read-only volume data page accessor")
        self._dirty = True
        return self._buffer.array.data

    def updateWrittenRegion(self, writtenMin: Any, writtenMax: Any) -> None:
        """Say which voxels were changed; the whole page is written."""
        six_numbers(writtenMin)
        six_numbers(writtenMax)
        if not self._writable:
            raise RuntimeError("Trying to write to a read-only volume data page accessor")
        self._dirty = True

    def getMinMax(self, min: Any = None, max: Any = None) -> tuple[list[int], list[int]] | None:
        """Return first voxels and those behind the last in six dimensions, or put them into two arrays."""
        return filled(self._accessor._box(self._index, margin=True), min, max)

    def getMinMaxExcludingMargin(
        self, minExcludingMargin: Any = None, maxExcludingMargin: Any = None
    ) -> tuple[list[int], list[int]] | None:
        """Return the same of the voxels that no other chunk owns."""
        return filled(self._accessor._box(self._index, margin=False), minExcludingMargin, maxExcludingMargin)

    def getVolumeDataPageAccessor(self) -> VolumeDataPageAccessor:
        """Return whose page it is."""
        return self._accessor

    def getError(self) -> ReadErrorException_:
        """Return the error with which it was read: none, as reading raises it."""
        return ReadErrorException_("", 0)

    def release(self) -> None:
        """Let it go; the accessor may keep it for a while, and writes it when it was changed."""
        self._users = self._users - 1 if self._users > 0 else 0
        self._accessor._trim()

    volumeDataPageAccessor = property(getVolumeDataPageAccessor)
    error = property(getError)


def six_numbers(position: Any) -> NDArray[np.int32]:
    """Return six whole numbers; ValueError for any other number of them."""
    numbers = np.asarray(position, np.int32)
    if numbers.shape != (DIMENSIONS,):
        raise ValueError("Array has the wrong size/dimensions.")
    return numbers


def filled(box: Box, lows: Any, highs: Any) -> tuple[list[int], list[int]] | None:
    """Return the ends of a box as two lists, or put them into two arrays of the caller."""
    ends: tuple[Sequence[int], Sequence[int]] = [lo for lo, _ in box], [hi for _, hi in box]
    if lows is None and highs is None:
        return list(ends[0]), list(ends[1])
    for array, end in zip((lows, highs), ends, strict=True):
        six_numbers(array)
        array[...] = end
    return None
