"""A row of arrays that are read when they are looked at: what a range of lines or traces gives.

``for line in volume.iline[100:200]`` must not hold a hundred lines, and must not decode each brick a hundred times
either; so several are read together, as many as a fixed amount of memory takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LazyStack"]

_MEMORY = 1 << 26
"""Bytes read together."""


class LazyStack(Sequence[Any]):
    """Arrays of one shape, read when indexed or iterated; ``numpy.asarray`` stacks all of them.

    Parameters
    ----------
    read
        Returns the arrays of some positions, stacked along the first axis; positions are int64, in any order.
    positions
        Of the arrays, in the order of the row.
    shape, dtype
        Of one array.
    together
        How many neighbours cost as much as one, e.g. the length of a chunk.
    finish
        Makes of an array what is handed out; a copy by default, so that what is kept does not keep its neighbours.
    """

    def __init__(
        self,
        read: Callable[[NDArray[np.int64]], NDArray[Any]],
        positions: NDArray[np.int64] | range,
        shape: Sequence[int],
        dtype: np.dtype[Any],
        together: int = 1,
        finish: Callable[[Any], Any] = np.copy,
    ) -> None:
        self.item_shape = tuple(shape)
        self.dtype = dtype
        self._read = read
        self._positions = positions
        self._together = together
        self._finish = finish

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all of them stacked."""
        return (len(self._positions), *self.item_shape)

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> LazyStack: ...
    def __getitem__(self, key: int | slice) -> Any:
        """Return one array, or a part of the row."""
        if isinstance(key, slice):
            positions = self._positions[key]
            return LazyStack(self._read, positions, self.item_shape, self.dtype, self._together, self._finish)
        return self._finish(self._read(np.array([self._positions[key]], dtype=np.int64))[0])

    def __iter__(self) -> Iterator[Any]:
        size = max(1, int(np.prod(self.item_shape, dtype=np.int64)) * self.dtype.itemsize)
        # A line may be larger than what is held of many; then they come one by one.
        count = max(1, min(self._together, _MEMORY // size))
        for start in range(0, len(self), count):
            for found in self._read(np.asarray(self._positions[start : start + count], dtype=np.int64)):
                yield self._finish(found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("reading makes a new array; copy=False is not possible")
        whole = self._read(np.asarray(self._positions, dtype=np.int64))
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<{len(self)} arrays of shape {self.item_shape}, {self.dtype}; numpy.asarray(…) reads all>"
