"""Which cells an index selects, and how they lie in the objects that an array is stored in.

Lists of positions act on their own axis each (outer indexing), so that a selection is one line of positions an axis
and never has to be written out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cut", "Item", "Selection", "outer", "regular"]

Item = int | slice | np.ndarray
"""What an index says of one axis: a position (drops the axis), a slice, or int64 positions; none of them negative."""

Positions = slice | np.ndarray


def regular(positions: NDArray[np.int64]) -> Positions:
    """Return positions as a slice where they have one step: numpy copies slices faster than lists."""
    first, last = int(positions[0]), int(positions[-1])
    step = int(positions[1]) - first if positions.size > 1 else 1
    if step == 0 or np.any(np.diff(positions) != step):
        return positions
    stop = last + (1 if step > 0 else -1)
    return slice(first, stop if stop >= 0 else None, step)


def outer(positions: Sequence[Positions], shape: Sequence[int]) -> Any:
    """Return an index under which several lists mean their intersection; one list means that already."""
    if sum(not isinstance(line, slice) for line in positions) < 2:
        return tuple(positions)
    return np.ix_(
        *(np.arange(n)[line] if isinstance(line, slice) else line for line, n in zip(positions, shape, strict=True))
    )


class _Line:
    """Positions that an item selects on one axis, ascending and once each, and where their values are found.

    Of a position that is listed twice the last value counts, as in numpy.
    """

    def __init__(self, item: Item, size: int) -> None:
        self.size = size
        self.order: NDArray[np.int64] | None = None
        if isinstance(item, np.ndarray):
            order = np.argsort(item, kind="stable")
            ascending = item[order]
            last = np.append(ascending[1:] != ascending[:-1], True)[: item.size]
            self.places: range | NDArray[np.int64] = ascending[last]
            self.order = order[last]
            self.given: range | NDArray[np.int64] = item
        else:
            self.given = range(item, item + 1) if isinstance(item, int) else range(*item.indices(size))
            self.places = self.given if self.given.step > 0 else self.given[::-1]
        self.length = len(self.given)

    @property
    def complete(self) -> bool:
        """Whether every position of the axis is selected."""
        return len(self.places) == self.size

    def groups(self, step: int) -> Iterator[tuple[int, Positions, Positions]]:
        """Yield ``(number of the object, positions in it, positions of their values)`` for objects of a length."""
        if self.order is None:
            yield from self._range_groups(step)
            return
        places, order = np.asarray(self.places), self.order
        cuts = np.flatnonzero(np.diff(places // step)) + 1
        for near, source in zip(np.split(places, cuts), np.split(order, cuts), strict=True):
            if near.size:
                number = int(near[0]) // step
                yield number, regular(near - number * step), regular(source)

    def _range_groups(self, step: int) -> Iterator[tuple[int, slice, slice]]:
        places, given = self.places, self.given
        assert isinstance(places, range)
        assert isinstance(given, range)
        done = 0
        while done < len(places):
            number = places[done] // step
            # As many as lie before the end of the object.
            until = min(len(places), done - (places[done] - (number + 1) * step) // places.step)
            base = number * step
            step_inside = places.step if until - done > 1 else 1
            inside = slice(places[done] - base, places[until - 1] - base + 1, step_inside)
            if given.step > 0:
                source = slice(done, until)
            else:
                stop = len(places) - until - 1
                source = slice(len(places) - done - 1, stop if stop >= 0 else None, -1)
            yield number, inside, source
            done = until


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a selection that lies in one box.

    Parameters
    ----------
    box
        Of grid positions, inside the array.
    inside
        Positions in the box, one item an axis.
    source
        Positions of their values among the values of the selection.
    """

    box: Region
    inside: tuple[Positions, ...]
    source: tuple[Positions, ...]

    @property
    def whole(self) -> bool:
        """Whether every cell of the box is selected."""
        return all(
            isinstance(item, slice) and item == slice(0, length, 1)
            for item, length in zip(self.inside, self.box.shape, strict=True)
        )

    @property
    def narrow(self) -> Cut:
        """The same cells in the smallest box."""
        ends = [
            (item.start, item.stop) if isinstance(item, slice) else (int(item[0]), int(item[-1]) + 1)
            for item in self.inside
        ]
        return Cut(
            Region((base + start, base + stop) for (base, _), (start, stop) in zip(self.box, ends, strict=True)),
            tuple(
                slice(0, stop - start, item.step) if isinstance(item, slice) else item - start
                for item, (start, stop) in zip(self.inside, ends, strict=True)
            ),
            self.source,
        )

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values of these cells, of all values of the selection."""
        part = values[tuple(item if isinstance(item, slice) else slice(None) for item in self.source)]
        for axis, item in enumerate(self.source):
            if not isinstance(item, slice):
                part = part[(slice(None),) * axis + (item,)]
        return part

    def put(self, target: NDArray[Any], values: NDArray[Any]) -> None:
        """Put values of the selection into an array of the box; floats become integers by rounding half to even."""
        part = self.take(values)
        if target.dtype.kind in "iu" and part.dtype.kind == "f":
            part = np.rint(part)
        target[outer(self.inside, target.shape)] = part


class Selection:
    """Cells of an array.

    Parameters
    ----------
    items
        One an axis.
    shape
        Of the array.
    """

    def __init__(self, items: Iterable[Item], shape: Sequence[int]) -> None:
        self._items = tuple(items)
        self._grid = tuple(shape)
        self._lines = tuple(_Line(item, size) for item, size in zip(self._items, self._grid, strict=True))

    @classmethod
    def of(cls, region: Region, shape: Sequence[int]) -> Selection:
        """Return the cells of a region."""
        return cls(region.slices, shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of positions on every axis, as they were listed."""
        return tuple(line.length for line in self._lines)

    @property
    def drops(self) -> tuple[bool, ...]:
        """Which axes an integer takes away."""
        return tuple(isinstance(item, int) for item in self._items)

    @property
    def empty(self) -> bool:
        """Whether no cell is selected."""
        return 0 in self.shape

    @cached_property
    def traces(self) -> Selection:
        """The selection without its last (sample) axis."""
        return Selection(self._items[:-1], self._grid[:-1])

    @property
    def covers_traces(self) -> bool:
        """Whether every sample of its traces is selected."""
        return self._lines[-1].complete

    @property
    def last(self) -> NDArray[np.int64]:
        """Positions on the last axis, as they were listed."""
        return np.asarray(self._lines[-1].given, dtype=np.int64)

    def whole_traces(self, count: int) -> Selection:
        """Return a selection of all ``count`` positions of one more axis."""
        return Selection((*self._items, slice(None)), (*self._grid, count))

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values with one axis for every axis of the array, by the rules of numpy; a view.

        Raises
        ------
        ShapeError
            They do not broadcast to the selection.
        """
        kept = tuple(n for n, dropped in zip(self.shape, self.drops, strict=True) if not dropped)
        given = values
        while given.ndim > len(kept) and given.shape[0] == 1:
            given = given[0]
        try:
            wide = np.broadcast_to(given, kept)
        except ValueError:
            raise ShapeError(f"values of shape {values.shape} for a selection of shape {kept}") from None
        return wide[tuple(np.newaxis if dropped else slice(None) for dropped in self.drops)]

    def naming(self, values: NDArray[Any]) -> Callable[[int], str]:
        """Return what names the grid position of a value by its flat position; broadcast axes count from 0."""
        kept = [axis for axis, dropped in enumerate(self.drops) if not dropped]

        def named(at: int) -> str:
            index = [0] * len(self._lines)
            given = np.unravel_index(at, values.shape) if values.ndim else ()
            for axis, number in zip(reversed(kept), reversed(given), strict=False):
                index[axis] = int(number)
            return f"value at {[int(line.given[at]) for line, at in zip(self._lines, index, strict=True)]}"

        return named

    def cuts(self, grid: Sequence[int]) -> Iterator[Cut]:
        """Yield the parts of the selection by the objects of a regular grid, in C order."""
        lines = [list(line.groups(step)) for line, step in zip(self._lines, grid, strict=True)]
        for group in itertools.product(*lines):
            box = Region.of_chunk([number for number, _, _ in group], grid, self._grid)
            yield Cut(box, tuple(inside for _, inside, _ in group), tuple(source for _, _, source in group))
