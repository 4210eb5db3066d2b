"""Boxes of grid positions: what is read, written, planned and journalled."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

__all__ = ["Region"]


class Region(tuple[tuple[int, int], ...]):
    """A box: ``(start, stop)`` grid positions per dimension, half open, step 1.

    A tuple, hence hashable, ordered in C order of its corners and JSON-able (slices are neither on Python 3.11).
    """

    __slots__ = ()

    def __new__(cls, bounds: Iterable[Sequence[int]]) -> Self:
        """Make a region from ``(start, stop)`` pairs."""
        return super().__new__(cls, ((int(start), int(stop)) for start, stop in bounds))

    @classmethod
    def whole(cls, shape: Sequence[int]) -> Self:
        """Return the region that covers an array of this shape."""
        return cls((0, length) for length in shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths per dimension."""
        return tuple(stop - start for start, stop in self)

    @property
    def size(self) -> int:
        """Number of cells."""
        size = 1
        for start, stop in self:
            size *= stop - start
        return size

    @property
    def start(self) -> tuple[int, ...]:
        """First position per dimension."""
        return tuple(start for start, _ in self)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The region as an index into an array of the whole grid."""
        return tuple(slice(start, stop) for start, stop in self)

    @property
    def spatial(self) -> Region:
        """The region without its last (sample) axis: one cell a trace."""
        return Region(self[:-1])

    def within(self, outer: Region) -> tuple[slice, ...]:
        """Return the index of this region inside an array that holds ``outer``."""
        return tuple(slice(start - base, stop - base) for (start, stop), (base, _) in zip(self, outer, strict=True))

    def intersect(self, other: Region) -> Region:
        """Return the common box; a dimension without overlap becomes empty at its start."""
        pairs = []
        for (a, b), (c, d) in zip(self, other, strict=True):
            start = max(a, c)
            pairs.append((start, max(start, min(b, d))))
        return Region(pairs)

    def covers(self, other: Region) -> bool:
        """Whether every cell of ``other`` is in this region."""
        return all(a <= c and d <= b for (a, b), (c, d) in zip(self, other, strict=True))

    def chunks(self, chunks: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield the indices, in C order, of the cells of a regular chunk grid that this region touches."""
        spans = [
            range(start // size, -(-stop // size)) if stop > start else range(0)
            for (start, stop), size in zip(self, chunks, strict=True)
        ]
        return itertools.product(*spans)

    @classmethod
    def of_chunk(cls, index: Sequence[int], chunks: Sequence[int], shape: Sequence[int]) -> Self:
        """Return the part of chunk ``index`` of a regular chunk grid that lies inside ``shape``."""
        return cls(
            (i * size, min((i + 1) * size, length)) for i, size, length in zip(index, chunks, shape, strict=True)
        )

    @classmethod
    def normalise(cls, key: Any, shape: Sequence[int]) -> Self:
        """Turn slices (step 1), pairs or a region into a checked region of an array of this shape.

        Raises
        ------
        IndexError
            A bound lies outside the shape, or the number of dimensions differs.
        """
        pairs = []
        key = tuple(key)
        if len(key) != len(shape):
            raise IndexError(f"a region of {len(key)} dimensions for an array of {len(shape)}")
        for item, length in zip(key, shape, strict=True):
            if isinstance(item, slice):
                start, stop, step = item.indices(length)
                if step != 1:
                    raise IndexError("a region has step 1")
            else:
                start, stop = item
            if not 0 <= start <= stop <= length:
                raise IndexError(f"({start}, {stop}) outside (0, {length})")
            pairs.append((start, stop))
        return cls(pairs)
