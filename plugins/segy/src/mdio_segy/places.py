"""Which place in a SEG-Y file each trace of a volume gets.

Traces of the original file keep their order; traces that it did not have (somebody made a dead cell live) follow
them in grid order. Nothing is held but a bit a trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdio.core.index import cells_of
from mdio.core.rank import BitRank
from mdio.core.region import Region
from mdio.exceptions import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Volume

__all__ = ["TracePlaces", "bands"]

_CELLS = 1 << 22


class TracePlaces:
    """Places of traces, from 0 without gaps.

    The live mask is counted anew: counts kept in metadata go stale when the mask is edited, and some writers leave 0.

    Parameters
    ----------
    volume
        Gives live mask and order.

    Raises
    ------
    FormatError
        Two traces claim the same position in the original file.
    """

    def __init__(self, volume: Volume) -> None:
        self._shape = volume.schema.shape[:-1]
        whole = volume.schema.region.spatial
        parts = bands(whole)
        self.count = sum(int(np.count_nonzero(volume.live(band))) for band in parts)
        self._kept: BitRank | None = None
        self._late: BitRank | None = None
        kind = volume.schema.metadata.order.kind
        if kind == "grid" or (kind == "affine" and self.count == whole.size):
            return  # the order is dense as it is
        placed, largest = 0, -1
        for band in parts:
            order = volume.order(band)[volume.live(band)]
            placed += int(np.count_nonzero(order >= 0))
            largest = max(largest, int(order.max(initial=-1)))
        orders = (volume.order(band)[volume.live(band)] for band in parts)
        kept = BitRank(largest + 1, (order[order >= 0] for order in orders))
        if kept.count != placed:
            raise FormatError(
                f"{placed} traces claim {kept.count} positions in the original file; two have the same",
                hint="the array source/order was changed",
            )
        if placed < self.count or largest + 1 != self.count:
            self._kept = kept
        if placed < self.count:
            new = (cells_of(band, self._shape)[volume.live(band) & (volume.order(band) < 0)] for band in parts)
            self._late = BitRank(whole.size, new)

    def before(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many of the traces lay before positions in the original file."""
        if self._kept is None:
            return np.minimum(numbers, self.count)
        inside = numbers < self._kept.size
        ranks = np.full(len(numbers), self._kept.count, np.int64)
        ranks[inside] = self._kept.rank(numbers[inside])
        return ranks

    def of(self, region: Region, rows: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of some live traces.

        Parameters
        ----------
        region
            Without sample axis; where the traces lie.
        rows
            Flat positions of the traces in it.
        order
            Their positions in the original file, -1 for none.
        """
        if self._kept is None:
            return order
        places = np.empty_like(order)
        known = order >= 0
        places[known] = self._kept.rank(order[known])
        if self._late is not None and not known.all():
            cells = cells_of(region, self._shape).reshape(-1)[rows[~known]]
            places[~known] = self._kept.count + self._late.rank(cells)
        return places


def bands(region: Region) -> list[Region]:
    """Cut a grid along its slowest axis in pieces of some million cells."""
    start, stop = region[0]
    line = max(1, region.size // max(1, stop - start))
    step = max(1, _CELLS // line)
    return [Region([(first, min(first + step, stop)), *region[1:]]) for first in range(start, stop, step)]
