"""Super-chunks: the chunks of a layer in blocks, each of which is made of whole stored chunks."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from mdio_vds.partition import Partition

__all__ = ["SuperChunks"]


@dataclass(frozen=True, slots=True)
class SuperChunks:
    """Blocks of chunks that are best made together; single chunks where the layer itself is stored.

    Parameters
    ----------
    partition
        Chunk grid of the layer.
    stored
        That of the layer which is stored and serves it.
    """

    partition: Partition
    stored: Partition

    @property
    def _edges(self) -> tuple[int, ...]:
        return tuple(map(max, self.stored.edge, self.partition.edge))

    @property
    def _counts(self) -> tuple[int, ...]:
        if self.stored.group == self.partition.group:
            return self.partition.count
        return tuple(-(-length // edge) for length, edge in zip(self.stored.samples, self._edges, strict=True))

    @property
    def count(self) -> int:
        """Number of blocks."""
        return prod(self._counts)

    def chunks(self, index: int) -> list[int]:
        """Return the chunks of a block; none where there is no such block."""
        if not 0 <= index < self.count:
            return []
        if self.stored.group == self.partition.group:
            return [index]
        box = []
        for counted, edge, length in zip(self._counts, self._edges, self.partition.samples, strict=True):
            index, at = divmod(index, counted)
            box.append((at * edge, min((at + 1) * edge, length)))
        return [self.partition.index(position) for position in self.partition.touching(tuple(box))]
