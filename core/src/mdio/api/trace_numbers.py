"""Trace number in the original file → cell of the grid, for volumes that know only the other way.

The k-th trace is what people ask a SEG-Y file for. A volume says for any region which traces lie there
(:meth:`mdio.core.volume.Volume.order`); turned round, that is an array as long as the survey has cells, so it is kept
for small ones only. For large ones the lowest and highest number of each piece of the grid are kept, and the pieces
in which a wanted trace may lie are read again.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import numpy as np

from mdio.api.live_map import pieces_of
from mdio.exceptions import GridError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.core.volume import Volume

__all__ = ["TraceNumbers"]

_KEPT = 1 << 22
"""Cells of the largest grid whose table is kept whole, 32 MB."""


class TraceNumbers:
    """Where the traces of a file lie in the grid.

    Parameters
    ----------
    volume
        Of any format. It is asked for its order at the first use.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._shape = volume.schema.shape[:-1]
        self._cells = math.prod(self._shape)
        self._lock = threading.Lock()
        self._count = -1
        self._table: NDArray[np.int64] | None = None
        self._pieces: list[tuple[Region, int, int]] = []

    def __getstate__(self) -> dict[str, object]:
        return {"volume": self.volume}

    def __setstate__(self, state: dict[str, Volume]) -> None:
        self.__init__(state["volume"])  # type: ignore[misc]

    @property
    def count(self) -> int:
        """Number of traces."""
        metadata = self.volume.schema.metadata
        if metadata.trace_count == self._cells and metadata.order.kind == "grid":
            return self._cells
        self._look()
        return self._count

    def cells(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        """Return the position on each spatial axis of traces by their numbers, 0-based, inside the count."""
        metadata = self.volume.schema.metadata
        if metadata.trace_count == self._cells and metadata.order.kind == "grid":
            return _unravelled(numbers, self._shape)
        self._look()
        flat = self._table[numbers] if self._table is not None else self._searched(numbers)
        return _unravelled(flat, self._shape)

    def _look(self) -> None:
        """Go over the grid once: count traces, and keep the table or what tells the pieces apart."""
        with self._lock:
            if self._count >= 0:
                return
            small = self._cells <= _KEPT
            numbers: list[NDArray[np.int64]] = []
            cells: list[NDArray[np.int64]] = []
            count = 0
            for piece in pieces_of(self._shape):
                order = self.volume.order(piece)
                live = order >= 0
                there = order[live]
                count += there.size
                if small:
                    numbers.append(there)
                    cells.append(self._flat(piece, live))
                elif there.size:
                    self._pieces.append((piece, int(there.min()), int(there.max())))
            if small and numbers:
                # The k-th of those that are here: numbers may have gaps where traces were left out.
                self._table = np.concatenate(cells)[np.argsort(np.concatenate(numbers), kind="stable")]
            self._count = count

    def _searched(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return flat cells of trace numbers, looked for in the pieces that may have them."""
        flat = np.full(numbers.size, -1, dtype=np.int64)
        for piece, low, high in self._pieces:
            maybe = np.flatnonzero((numbers >= low) & (numbers <= high) & (flat < 0))
            if not maybe.size:
                continue
            order = self.volume.order(piece)
            live = order >= 0
            there, cells = order[live], self._flat(piece, live)
            ascending = np.argsort(there, kind="stable")
            at = np.searchsorted(there, numbers[maybe], sorter=ascending)
            at = ascending[np.minimum(at, there.size - 1)]
            hit = there[at] == numbers[maybe]
            flat[maybe[hit]] = cells[at[hit]]
        if (flat < 0).any():
            raise GridError(
                f"trace {numbers[np.argmin(flat)]} of the original file is not in this dataset",
                hint="some of its traces were left out; read by line numbers",
            )
        return flat

    def _flat(self, piece: Region, live: NDArray[np.bool_]) -> NDArray[np.int64]:
        place = [at + start for at, start in zip(np.nonzero(live), piece.start, strict=True)]
        return np.ravel_multi_index(place, self._shape).astype(np.int64)


def _unravelled(flat: NDArray[np.int64], shape: tuple[int, ...]) -> tuple[NDArray[np.int64], ...]:
    return tuple(axis.astype(np.int64) for axis in np.unravel_index(flat, shape))
