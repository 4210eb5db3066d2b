"""Samples that pages brought and that are stored with loss, at half resolution, until coarser levels are made.

Levels of detail are made from the original samples (VDS specification section 10). A chunk that was stored by an
earlier session has none any more: what it decodes to stands for them.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdio_vds.lods import coarser_chunk, levels_of
from mdio_vds.partition import channel_partition, grown
from mdio_vds.spool import LevelSpool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.channel import ChannelReader
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.partition import Box

__all__ = ["Originals"]


class Originals:
    """What is known of the levels of one channel; callers keep other threads away.

    Parameters
    ----------
    layout, channel, group
        Whose layers.
    """

    def __init__(self, layout: VolumeDataLayout, channel: ChannelDescriptor, group: tuple[int, ...]) -> None:
        folder = tempfile.mkdtemp(prefix="mdio-levels-")
        self._end = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._full = channel_partition(layout, channel, group)
        partitions = [channel_partition(layout, channel, group, lod) for lod in levels_of(layout, channel, group)]
        self._spools = [
            LevelSpool(Path(folder, str(number)), partition, channel) for number, partition in enumerate(partitions)
        ]
        self._known: dict[int, set[int]] = {lod: set() for lod in range(1, len(partitions) + 1)}
        """Chunks whose voxels are in the file of a level: chunks of full resolution for the first."""

    def forget(self, index: int) -> None:
        """Take down that a chunk of full resolution was stored some other way."""
        self._known[1].discard(index)
        box = self._full.box(self._full.position(index))
        for lod, spool in enumerate(self._spools[1:], 2):
            grid = spool.partition
            self._known[lod] -= {grid.index(at) for at in grid.touching(grown(box, grid))}

    def keep(self, index: int, codes: NDArray[Any]) -> None:
        """Take the codes of a chunk of full resolution before they are encoded, axes of the group, slowest first."""
        position = self._full.position(index)
        box = self._full.box(position)
        outer, inner = tuple(reversed(box)), tuple(reversed(self._full.interior(position)))
        self._spools[0].thin_out(codes.reshape([hi - lo for lo, hi in outer]), outer, inner)
        self.forget(index)
        self._known[1].add(index)

    def codes(self, lod: int, position: tuple[int, ...], full: ChannelReader) -> NDArray[Any]:
        """Return a chunk of a level.

        Parameters
        ----------
        lod, position
            Which one.
        full
            The stored layer of full resolution, for chunks that were never kept.
        """
        partition = self._spools[lod - 1].partition
        box = partition.box(position)
        self._ensure(max(1, lod - 1), box, full)
        if lod == 1:
            return self._spools[0].look(partition.in_voxels(box)).reshape(partition.stored_shape(position)[::-1])
        return coarser_chunk(self._spools[lod - 2], partition, position)

    def _ensure(self, lod: int, box: Box, full: ChannelReader) -> None:
        """See to it that the file of a level has the voxels of a box; the first one is filled from full resolution."""
        partition = self._full if lod == 1 else self._spools[lod - 1].partition
        for position in partition.touching(box):
            index = partition.index(position)
            if index in self._known[lod]:
                continue
            if lod == 1:
                self.keep(index, full.chunk(position))
                continue
            codes = self.codes(lod, position, full)
            self._spools[lod - 1].put(partition.in_voxels(partition.box(position)), codes)
            self._known[lod].add(index)

    def close(self) -> None:
        """Delete the files."""
        self._end()
