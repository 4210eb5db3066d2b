"""What one pass over a file learns of a header word: its order while it is regular, its distinct values afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mdio.core.distinct import DistinctValues
from mdio.core.gridding import dimension_of
from mdio.core.regular import Cycle, affine_index
from mdio.core.table import BATCH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.index import TraceIndex

__all__ = ["WordWatch", "regular_grid"]


class WordWatch:
    """One word of all traces, fed in file order.

    Parameters
    ----------
    dtype
        Type of the word.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.cycle: Cycle | None = Cycle(dtype)
        self._distinct = DistinctValues(dtype)

    def feed(self, column: NDArray[Any]) -> None:
        """Take the words of the next traces."""
        if self.cycle is not None:
            if self.cycle.feed(column):
                return
            values = self.cycle.values
            for start in range(0, values.size, BATCH):
                self._distinct.add(values.slice(start, min(start + BATCH, values.size)))
            self.cycle = None
        self._distinct.add(column)

    @property
    def least(self) -> int:
        """A number of distinct values that is surely reached, cheaply known."""
        return self.cycle.values.size if self.cycle is not None else self._distinct.least

    @property
    def size(self) -> int:
        """Number of distinct values."""
        return self.cycle.values.size if self.cycle is not None else len(self._distinct.rising())

    @property
    def always(self) -> int | None:
        """The value that all traces have, if they have the same."""
        if self.cycle is None or not self.cycle.constant:
            return None
        return int(self.cycle.values.slice(0, 1)[0])


def regular_grid(
    names: Sequence[str], watches: Sequence[WordWatch], count: int
) -> tuple[tuple[Dimension, ...], TraceIndex] | None:
    """Return the grid of words that are all in a regular order, or None."""
    cycles = [watch.cycle for watch in watches if watch.cycle is not None]
    index = affine_index(cycles, count) if len(cycles) == len(watches) else None
    if index is None:
        return None
    return tuple(dimension_of(name, cycle.values) for name, cycle in zip(names, cycles, strict=True)), index
