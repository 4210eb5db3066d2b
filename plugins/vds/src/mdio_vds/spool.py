"""Half-size copies of samples that are stored with loss, for the levels of detail that are made at the end.

Levels of detail are made from the original samples (VDS specification section 10), which a lossy layer no longer has.
A copy at half resolution takes an eighth of them, in a file without structure that goes when the VDS is complete.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from mdio.exceptions import StorageError
from mdio_vds.partition import DIMENSIONS
from mdio_vds.thinning import coarser, special_code
from mdio_vds.values import stored_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.partition import Box, Partition

__all__ = ["LevelSpool", "begin_spools"]

_TEMPORARY = "mdio-levels-"

_MOST_LEVELS = 12
"""Levels of detail that a layout may have."""


def begin_spools(
    target: Path | None, partitions: Sequence[Partition], channel: ChannelDescriptor, *, fresh: bool
) -> tuple[LevelSpool, ...]:
    """Make the files for all levels of a channel.

    Parameters
    ----------
    target
        Where the VDS is to be; the files lie beside it. None for temporary ones, which a resume does not find.
    partitions
        Chunk grid of each level; none where no files are needed.
    channel
        The channel.
    fresh
        Whether those of an earlier run are discarded.
    """
    if target is None:
        if not partitions:
            return ()
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        base = folder / "x"
    else:
        base = target.absolute()
    paths = [base.parent / f".{base.name}.level{number + 1}" for number in range(_MOST_LEVELS)]
    if fresh:
        for path in paths:
            path.unlink(missing_ok=True)
    return tuple(LevelSpool(path, partition, channel) for path, partition in zip(paths, partitions, strict=False))


class LevelSpool:
    """The codes of one level of detail in a file; several threads may put and look at different boxes.

    Parameters
    ----------
    path
        The file; made, or taken up where it is there.
    partition
        Chunk grid of the level.
    channel
        The channel.

    Raises
    ------
    StorageError
        The file cannot be made.
    """

    def __init__(self, path: Path, partition: Partition, channel: ChannelDescriptor) -> None:
        self.partition, self.channel = partition, channel
        self._path = path
        self._dtype = stored_dtype(channel)
        whole = tuple((0, length) for length in partition.samples)
        self._shape = tuple(hi - lo for lo, hi in reversed(partition.in_voxels(whole)))
        size = prod(self._shape) * self._dtype.itemsize
        try:
            with path.open("ab") as file:
                file.truncate(size)
        except OSError as error:
            raise StorageError(f"{path}: a file of {size} bytes cannot be made: {error.strerror or error}") from error

    def thin_out(self, codes: NDArray[Any], outer: Sequence[tuple[int, int]], inner: Sequence[tuple[int, int]]) -> int:
        """Put what a slab of full resolution gives to the first level.

        Parameters
        ----------
        codes
            The slab, slowest axis first.
        outer
            Where it lies: half-open bounds of each axis, margins included.
        inner
            The cells that begin in this box are put.

        Returns
        -------
        int
            A check of them.
        """
        codes = codes.reshape((1,) * (DIMENSIONS - codes.ndim) + codes.shape)
        rest = ((0, 1),) * (DIMENSIONS - len(outer))
        box = self.partition.in_voxels((*reversed(inner), *rest))
        source = self.partition.at_full_resolution(box)
        bounds = (*reversed(outer), *rest)
        picked = tuple(
            slice(lo - base, min(hi, end) - base) for (lo, hi), (base, end) in zip(source, bounds, strict=True)
        )
        axes = [DIMENSIONS - 1 - dim for dim in self.partition.group if self.partition.decimated(dim)]
        level = np.ascontiguousarray(coarser(codes[picked[::-1]], axes, special_code(self.channel)))
        self.put(box, level)
        return _check(level)

    def check(self, inner: Sequence[tuple[int, int]]) -> int:
        """Return the check of what :meth:`thin_out` put for a box."""
        rest = ((0, 1),) * (DIMENSIONS - len(inner))
        return _check(np.ascontiguousarray(self.look(self.partition.in_voxels((*reversed(inner), *rest)))))

    def put(self, box: Box, codes: NDArray[Any]) -> None:
        """Put codes in a box of voxels of the level, dimension 0 first; axes of the codes slowest first."""
        view = self._map("r+")
        view[_slices(box)] = codes.reshape([hi - lo for lo, hi in reversed(box)])
        del view  # what is mapped counts as memory of the process

    def look(self, box: Box) -> NDArray[Any]:
        """Return the codes of a box, six axes, slowest first."""
        return np.array(self._map("r")[_slices(box)])

    def remove(self) -> None:
        """Delete the file, and its folder where that was made for it."""
        self._path.unlink(missing_ok=True)
        if self._path.parent.name.startswith(_TEMPORARY):
            with contextlib.suppress(OSError):  # others are still in it
                self._path.parent.rmdir()

    def _map(self, mode: Any) -> NDArray[Any]:
        return np.memmap(self._path, self._dtype, mode, shape=self._shape)


def _slices(box: Box) -> tuple[slice, ...]:
    return tuple(slice(lo, hi) for lo, hi in reversed(box))


def _check(codes: NDArray[Any]) -> int:
    check: int = google_crc32c.value(codes.reshape(-1).view(np.uint8).tobytes())
    return check
