"""Recognises files in a regular order while their keys stream by, in memory that does not grow with the traces.

Most files are sorted: every key holds each of its values for the same number of traces, over and over. A
:class:`Cycle` learns that from the first traces and checks all others against it, so that it can also give back what it
has seen – nothing needs to be kept until a file turns out to be irregular.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.index import AffineIndex, grid_strides
from mdio.core.table import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cycle", "Progression", "RegularOrder", "affine_index"]


class Progression:
    """Values that rise or fall, in three numbers as long as their step stays the same.

    A line of 200 million CDPs has 200 million values. Floats are kept as they are, for their steps are rarely exact.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.size = 0
        self._even = dtype.kind in "iu"
        self._first = 0
        self._step = 0  # of uneven values the sign counts
        self._buffer = np.empty(0, dtype)

    @property
    def even(self) -> tuple[int, int] | None:
        """Start and step while all steps are the same."""
        return (self._first, self._step) if self._even else None

    @property
    def descending(self) -> bool:
        """Whether values fall."""
        return self._step < 0

    def extend(self, values: NDArray[Any]) -> bool:
        """Append values; return False, and append nothing, where they do not go on rising or falling."""
        known = np.concatenate([self.slice(max(self.size - 1, 0), self.size), values])
        if not len(known) or known[0] != known[0]:
            return not len(known)
        falls = self.descending if self._step else len(known) > 1 and known[1] < known[0]
        if not np.all(known[1:] < known[:-1] if falls else known[1:] > known[:-1]):
            return False
        if self._even:
            self._go_on(known)
        elif len(known) > 1:
            self._step = -1 if falls else 1
        if not self._even:
            self._append(values)
        self.size += len(values)
        return True

    def _go_on(self, known: NDArray[Any]) -> None:
        """Find the step, or see that there is none."""
        first = int(known[0])
        if not self.size:
            self._first = first
        if len(known) == 1:
            self._even = first < 2**63
            return
        step = self._step or int(known[1]) - first
        even = abs(step) < 2**63 and max(first, first + step * (len(known) - 1)) < 2**63
        even = even and np.array_equal(known, _line(first, step, 0, len(known), self.dtype))
        if not even and self.size:
            self._buffer = self.slice(0, self.size)
        self._even = even
        self._step = step

    def _append(self, values: NDArray[Any]) -> None:
        if self.size + len(values) > len(self._buffer):
            # Doubled, so that values are moved a few times only; pages that are not touched take no memory.
            larger = np.empty(max(2 * self.size, self.size + len(values)), self.dtype)
            larger[: self.size] = self._buffer[: self.size]
            self._buffer = larger
        self._buffer[self.size : self.size + len(values)] = values

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """Return the values of positions ``start`` to ``stop``."""
        if self._even:
            return _line(self._first, self._step, start, stop, self.dtype)
        return self._buffer[start:stop]

    def rising(self) -> NDArray[Any]:
        """Return all values from the smallest to the largest."""
        values = self.slice(0, self.size)
        return values[::-1].copy() if self.descending else values


def _line(first: int, step: int, start: int, stop: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    values = np.empty(stop - start, dtype)
    for base in range(start, stop, BATCH):
        part = np.arange(base, min(base + BATCH, stop), dtype=np.int64)
        part *= step
        part += first
        values[base - start : base - start + len(part)] = part
    return values


class Cycle:
    """One key: each value of a progression ``repeat`` times, and again from its first value.

    Parameters
    ----------
    dtype
        Type of the key.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.values = Progression(dtype)
        self.count = 0
        self.repeat = 0
        """Traces that hold a value; 0 as long as there was no second value."""
        self._closed = False

    def feed(self, column: NDArray[Any]) -> bool:
        """Take the keys of the next traces; return False where they break the rule: these are then not counted."""
        if not len(column):
            return True
        if not self.count and not self.values.extend(column[:1]):
            return False
        if not self.repeat:
            changed = column != self.values.slice(0, 1)[0]
            at = int(changed.argmax())
            if changed[at]:
                self.repeat = self.count + at
        if self.repeat and not self._closed and not self._learn(column):
            return False
        if not np.array_equal(column, self.predict(self.count, len(column))):
            return False
        self.count += len(column)
        return True

    def _learn(self, column: NDArray[Any]) -> bool:
        """Append the new values among the heads of runs, up to the one that begins the next cycle."""
        heads = column[self.values.size * self.repeat - self.count :: self.repeat]
        again = heads == self.values.slice(0, 1)[0]
        at = int(again.argmax()) if len(again) else 0
        if len(again) and again[at]:
            self._closed = True
            heads = heads[:at]
        return self.values.extend(heads)

    def predict(self, first: int, count: int) -> NDArray[Any]:
        """Return the keys of ``count`` traces from trace ``first``, as the rule has them."""
        if not self.repeat:
            return np.broadcast_to(self.values.slice(0, 1), (count,))
        low, high = first // self.repeat, -(-(first + count) // self.repeat)
        values = self._values(low % self.values.size, high - low)
        if self.repeat == 1:
            return values
        begun = first - low * self.repeat
        if high - low == 1:  # a run may be far longer than a batch
            return np.broadcast_to(values, (count,))
        ends = np.full(high - low, self.repeat)
        ends[0] -= begun
        ends[-1] -= high * self.repeat - first - count
        return np.repeat(values, ends) if self.repeat > count else np.repeat(values, self.repeat)[begun:][:count]

    def _values(self, at: int, count: int) -> NDArray[Any]:
        """Return ``count`` values from position ``at`` on, beginning again after the last."""
        length = self.values.size
        if at + count <= length:
            return self.values.slice(at, at + count)
        rest = count - (length - at)
        again = self.values.slice(0, min(length, rest))
        return np.concatenate([self.values.slice(at, length), np.resize(again, rest)])

    @property
    def constant(self) -> bool:
        """Whether there is one value only."""
        return self.values.size <= 1


def affine_index(cycles: Sequence[Cycle], count: int) -> AffineIndex | None:
    """Return the index of traces whose keys are these, or None where they do not count all traces.

    They do when the keys are the digits of the trace number in a mixed radix, whichever runs fastest and in whichever
    direction.
    """
    inner = 1
    for cycle in sorted((cycle for cycle in cycles if not cycle.constant), key=lambda cycle: cycle.repeat):
        if cycle.repeat != inner:
            return None
        inner *= cycle.values.size
    if inner != count:
        return None
    shape = tuple(cycle.values.size for cycle in cycles)
    base, strides = 0, []
    for cycle, grid_stride in zip(cycles, grid_strides(shape), strict=True):
        if cycle.constant:
            strides.append(grid_stride)
        elif cycle.values.descending:
            base += cycle.repeat * (cycle.values.size - 1)
            strides.append(-cycle.repeat)
        else:
            strides.append(cycle.repeat)
    return AffineIndex(shape, base, tuple(strides))


class RegularOrder:
    """All keys of a file.

    Parameters
    ----------
    dtypes
        Key name to type.
    """

    def __init__(self, dtypes: Mapping[str, np.dtype[Any]]) -> None:
        self.cycles = {name: Cycle(dtype) for name, dtype in dtypes.items()}
        self.count = 0

    def feed(self, columns: Mapping[str, NDArray[Any]]) -> bool:
        """Take the next traces; return False where they are out of order: none of these is then counted."""
        if not all(cycle.feed(columns[name]) for name, cycle in self.cycles.items()):
            return False
        self.count += len(next(iter(columns.values())))
        return True

    @property
    def sizes(self) -> list[int]:
        """Number of values of each key so far."""
        return [cycle.values.size for cycle in self.cycles.values()]

    def index(self) -> AffineIndex | None:
        """Return the index of the traces so far, or None where their keys do not count them all."""
        return affine_index(list(self.cycles.values()), self.count)

    def predict(self, first: int, count: int) -> dict[str, NDArray[Any]]:
        """Return the keys of counted traces again."""
        return {name: cycle.predict(first, count) for name, cycle in self.cycles.items()}
