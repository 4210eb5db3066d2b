"""All stored layers of a VDS with their geometry, and all their chunks in one row, for who looks at every one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING

from mdio.core.region import Region
from mdio.flow.engine import available_cores
from mdio.flow.plan import DEFAULT_MEMORY, Plan
from mdio_vds.channel import layer_name
from mdio_vds.enums import VolumeDataMapping
from mdio_vds.partition import GROUPS, channel_partition
from mdio_vds.values import stored_dtype

if TYPE_CHECKING:
    from mdio_vds.chunks import StoredLayer, VdsSource
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout
    from mdio_vds.partition import Partition

__all__ = ["ChunkRow", "LayerGeometry", "PlacedLayer", "placed_layers"]

_MOST_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class LayerGeometry:
    """Which channel a layer belongs to, and how it is cut.

    Parameters
    ----------
    channel, group, lod
        The channel, the dimension group of the first channel, and the level of detail.
    partition
        The chunk grid.
    """

    channel: ChannelDescriptor
    group: tuple[int, ...]
    lod: int
    partition: Partition

    def region(self, index: int, dimensions: int) -> Region:
        """Return the cells of the volume that a chunk covers, slowest axis first; traces where it has values a trace.

        Parameters
        ----------
        index
            Number of the chunk.
        dimensions
            Axes of the VDS.
        """
        box = self.partition.interior(self.partition.position(index))[:dimensions]
        per_trace = self.channel.mapping is VolumeDataMapping.PerTrace
        return Region(reversed(box[1:] if per_trace else box))

    def decoded_bytes(self, index: int) -> int:
        """Return the bytes of a chunk without compression."""
        shape = self.partition.stored_shape(self.partition.position(index))
        return prod(shape) * self.channel.components * stored_dtype(self.channel).itemsize


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A stored layer; without geometry where it fits no channel of the layout."""

    layer: StoredLayer
    geometry: LayerGeometry | None


def placed_layers(source: VdsSource, layout: VolumeDataLayout) -> list[PlacedLayer]:
    """Return all stored layers, in the order in which they are stored."""
    known = {}
    for channel in layout.channels:
        for group in GROUPS:
            if group[-1] >= len(layout.axes):
                continue
            for lod in range(layout.layout.lod_levels + 1):
                name = layer_name(layout, channel, group, lod)
                if name in source.layers:
                    known[name] = LayerGeometry(channel, group, lod, channel_partition(layout, channel, group, lod))
    found = []
    for name, layer in source.layers.items():
        geometry = known.get(name)
        fits = geometry is not None and geometry.partition.total == layer.chunk_count
        found.append(PlacedLayer(layer, geometry if fits else None))
    return found


class ChunkRow:
    """The chunks of several layers, one layer behind the other, numbered through.

    Parameters
    ----------
    counts
        Chunks of each layer.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self._ends = list(accumulate(counts, initial=0))

    def __len__(self) -> int:
        return self._ends[-1]

    def chunks(self, region: Region) -> Iterator[tuple[int, int]]:
        """Yield number of the layer and number of the chunk in it for a span of the row."""
        (start, stop) = region[0]
        layer = bisect_right(self._ends, start) - 1
        for number in range(start, stop):
            while number >= self._ends[layer + 1]:
                layer += 1
            yield layer, number - self._ends[layer]

    def plan(self, chunk_bytes: int, workers: int | None = None, memory: int | None = None) -> Plan:
        """Return how the row is walked, a few chunks at a time.

        Parameters
        ----------
        chunk_bytes
            Bytes that a chunk takes in memory.
        workers
            Threads; all cores by default.
        memory
            Bytes that the chunks under way may take together, 512 MiB by default.
        """
        threads = available_cores() if workers is None else workers
        budget = DEFAULT_MEMORY if memory is None else memory
        share = budget // (2 * threads + 1)
        together = max(1, min(_MOST_TOGETHER, share // max(1, chunk_bytes), -(-len(self) // (4 * threads))))
        return Plan(
            shape=(len(self),),
            slab=(together,),
            workers=threads,
            memory=budget,
            slab_bytes=together * chunk_bytes,
            peak_bytes=2 * threads * together * chunk_bytes,
            read_amplification=1.0,
            fits=together * chunk_bytes <= share,
        )
