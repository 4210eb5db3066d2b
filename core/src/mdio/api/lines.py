"""Lines, slices and gathers by their numbers, as users of segyio type them, of every format.

``volume.iline[278]`` is the section along inline 278, ``volume.iline[100:200:2]`` every second one of those below 200
that are there, read one after the other. Ranges leave out their end and what is missing, as in segyio; a single
number has to be there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.api.coordinates import positions_of
from mdio.api.stacks import LazyStack
from mdio.exceptions import GridError, ShapeError, StorageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Volume

__all__ = ["Lines", "NoLineError", "depth_slices", "gathers", "lines_along", "refuse_writing"]

_INLINE = ("inline", "iline", "il")
_CROSSLINE = ("crossline", "xline", "xl")


class NoLineError(GridError, KeyError):
    """A line, gather or coordinate that is not there; a KeyError as in segyio."""

    __str__ = GridError.__str__


class Lines:
    """Parts of a volume by the coordinates of some of its axes.

    Parameters
    ----------
    volume
        Of any format.
    axes
        Of the coordinates between the brackets, in their order.
    required
        How many of them have to be given; the further ones are at their first position when they are not.
    positional
        Whether the first axis goes by position, negative ones from the end, instead of by coordinate.
    editor
        Stores samples by positions, ``editor[items] = values``; None where nothing can be written.
    """

    def __init__(
        self,
        volume: Volume,
        axes: Sequence[int],
        required: int = 1,
        *,
        positional: bool = False,
        editor: Any = None,
    ) -> None:
        schema = volume.schema
        self._axes = tuple(axes)
        self._dims = [schema.dims[axis] for axis in axes]
        self._required = required
        self._positional = positional
        self._editor = editor
        self._array = RegionArray(volume.samples, schema.shape, schema.dtype, schema.chunks)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one part."""
        left = tuple(size for axis, size in enumerate(self._array.shape) if axis not in self._axes)
        # A trace alone is a line, or a gather, of one.
        return (1, *left) if len(left) == 1 and self._array.ndim - 1 not in self._axes else left

    def keys(self) -> Sequence[Any]:
        """Return the numbers there are: coordinates, or positions where they count; pairs where two are required."""
        if self._positional:
            return range(self._dims[0].size)
        coords = [dim.coords.tolist() for dim in self._dims[: self._required]]
        return coords[0] if len(coords) == 1 else list(itertools.product(*coords))

    def values(self) -> LazyStack:
        """Return all parts, read one after the other."""
        found: LazyStack = self[(slice(None),) * self._required]
        return found

    def items(self) -> Iterator[tuple[Any, NDArray[Any]]]:
        """Yield numbers and parts."""
        return zip(self.keys(), self.values(), strict=True)

    def __len__(self) -> int:
        return math.prod(dim.size for dim in self._dims[: self._required])

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter(self.values())

    def __contains__(self, number: Any) -> bool:
        return number in self.keys()

    def __getitem__(self, key: Any) -> Any:
        """Read one part, or several where there is a range or a list among the numbers.

        Returns
        -------
        ndarray or LazyStack
            The axes that are left, in their order; a row of such arrays for ranges and lists, in the order of their
            numbers, the last axis running fastest.

        Raises
        ------
        NoLineError
            A number is not there (a KeyError); the hint names the nearest one.
        IndexError
            Too few or too many numbers.
        """
        picked = self._picked(key)
        if all(isinstance(item, int) for item in picked):
            return np.asarray(self._array[self._items(picked)]).reshape(self.shape)
        wanted = [np.atleast_1d(np.asarray(item, dtype=np.int64)) for item in picked]
        counts = tuple(positions.size for positions in wanted)

        def read(numbers: NDArray[np.int64]) -> NDArray[Any]:
            places = np.unravel_index(numbers, counts)
            return self._stacked([positions[at] for positions, at in zip(wanted, places, strict=True)])

        varying = self._axes[int(np.argmax(counts))]
        return LazyStack(read, range(int(np.prod(counts))), self.shape, self._array.dtype, self._array.chunks[varying])

    def _picked(self, key: Any) -> list[int | NDArray[np.int64]]:
        """Return position or positions on each keyed axis."""
        given = key if isinstance(key, tuple) else (key,)
        if not self._required <= len(given) <= len(self._axes):
            names = ", ".join(dim.name for dim in self._dims)
            raise IndexError(f"{len(given)} numbers between the brackets, which take {names}")
        return [self._pick(number, at) for at, number in enumerate(given)] + [0] * (len(self._axes) - len(given))

    def place_of(self, number: Any) -> tuple[int, int]:
        """Return the first axis and the position on it of a single number; raises as indexing does."""
        at = self._pick(number, 0)
        if not isinstance(at, int):
            raise IndexError(f"{number!r} is not a single number")
        return self._axes[0], at

    def __setitem__(self, key: Any, value: Any) -> None:
        """Store one part, or several, in place; values broadcast.

        Raises
        ------
        StorageError
            The dataset is open for reading only.
        NoLineError
            A number is not there.
        ShapeError
            The values do not broadcast.
        """
        if self._editor is None:
            refuse_writing()
        picked = self._picked(key)
        wanted = [np.atleast_1d(np.asarray(item, dtype=np.int64)) for item in picked]
        several = () if all(isinstance(item, int) for item in picked) else (math.prod(item.size for item in wanted),)
        try:
            values = np.broadcast_to(value, (*several, *self.shape)).reshape(-1, *self.shape)
        except ValueError:
            raise ShapeError(
                f"values of shape {np.shape(value)} for lines of shape {(*several, *self.shape)}"
            ) from None
        for part, places in zip(values, itertools.product(*wanted), strict=True):
            items = self._items([int(place) for place in places])
            left = tuple(size for item, size in zip(items, self._array.shape, strict=True) if isinstance(item, slice))
            self._editor[items] = part.reshape(left)

    def __repr__(self) -> str:
        dim = self._dims[0]
        if not dim.size:
            return f"<0 of {dim.name}>"
        ends = dim.between(0, 1)[0], dim.between(dim.size - 1, dim.size)[0]
        return f"<{dim.size} of {dim.name} {ends[0]} … {ends[1]}, arrays of shape {self.shape}>"

    def _items(self, picked: Sequence[Any]) -> tuple[Any, ...]:
        chosen = dict(zip(self._axes, picked, strict=True))
        return tuple(chosen.get(axis, slice(None)) for axis in range(self._array.ndim))

    def _stacked(self, places: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
        """Return parts by their positions on each keyed axis, stacked; one read for those that differ in one axis."""
        varying = max(range(len(places)), key=lambda at: np.unique(places[at]).size)
        others = np.stack([axis for at, axis in enumerate(places) if at != varying] or [np.zeros_like(places[0])])
        out = np.empty((places[0].size, *self.shape), dtype=self._array.dtype)
        _, group = np.unique(others, axis=1, return_inverse=True)
        for one in range(int(group.max()) + 1 if group.size else 0):
            chosen = np.flatnonzero(group.reshape(-1) == one)
            picked: list[Any] = [int(axis[chosen[0]]) for axis in places]
            picked[varying] = places[varying][chosen]
            found = self._array[self._items(picked)]
            before = sum(axis < self._axes[varying] and axis not in self._axes for axis in range(self._array.ndim))
            out[chosen] = np.moveaxis(found, before, 0).reshape(chosen.size, *self.shape)
        return out

    def _pick(self, number: Any, at: int) -> int | NDArray[np.int64]:
        """Return the position of a number, or those of a range or a list."""
        dim = self._dims[at]
        if self._positional and at == 0:
            return _by_position(number, dim)
        if isinstance(number, slice):
            return _in_range(number, dim)
        try:
            found = positions_of(dim, number)
        except GridError as error:
            raise NoLineError(error.message, hint=error.hint) from None
        return int(found) if np.ndim(number) == 0 else np.asarray(found)


def lines_along(volume: Volume, kind: str, editor: Any = None) -> Lines:
    """Return the inlines (``"inline"``) or crosslines (``"crossline"``) of a volume.

    A line is 2-D (other line, sample). Surveys with further axes, such as offset, take a number for each of them
    after the line's, ``iline[278, 1200]``; without, it is the first one, as in segyio.

    Raises
    ------
    NoLineError
        The volume has no such axis.
    """
    spatial = volume.schema.names[:-1]
    own = _axis_named(spatial, _INLINE if kind == "inline" else _CROSSLINE)
    if own is None:
        raise NoLineError(
            f"the volume has no {kind}s", hint=f"its dimensions are {', '.join(volume.schema.names)}; see also .trace"
        )
    other = _axis_named(spatial, _CROSSLINE if kind == "inline" else _INLINE)
    rest = [axis for axis in range(len(spatial)) if axis not in {own, other}]
    return Lines(volume, [own, *(rest if other is not None else rest[1:])], editor=editor)


def depth_slices(volume: Volume, editor: Any = None) -> Lines:
    """Return the slices of a volume by sample position, 2-D where there are inlines and crosslines."""
    spatial = volume.schema.names[:-1]
    shown = {_axis_named(spatial, _INLINE), _axis_named(spatial, _CROSSLINE)}
    if None in shown:
        shown = set(range(min(2, len(spatial))))
    rest = [axis for axis in range(len(spatial)) if axis not in shown]
    return Lines(volume, [len(spatial), *rest], positional=True, editor=editor)


def gathers(volume: Volume, editor: Any = None) -> Lines:
    """Return what lies at an inline and crossline: (offset, sample), with one offset after stack.

    Volumes without these two axes take a number for every spatial axis but the last one, ``gather[shot]``.
    """
    spatial = volume.schema.names[:-1]
    pair = [_axis_named(spatial, _INLINE), _axis_named(spatial, _CROSSLINE)]
    axes = [axis for axis in pair if axis is not None]
    if len(axes) < 2:
        axes = [*range(max(1, len(spatial) - 1))]
    return Lines(volume, axes, len(axes), editor=editor)


def refuse_writing() -> NoReturn:
    """Say how data are changed, for what was opened for reading."""
    raise StorageError(
        "the dataset is open for reading only",
        hint="open MDIO to be changed with mdio.open(url, mode='r+'), or with mdio.MDIOWriter",
    )


def _axis_named(names: Sequence[str], known: Sequence[str]) -> int | None:
    return next((axis for axis, name in enumerate(names) if name.lower() in known), None)


def _by_position(number: Any, dim: Dimension) -> int | NDArray[np.int64]:
    if isinstance(number, slice):
        return np.arange(dim.size)[number]
    wanted = np.asarray(number)
    if wanted.dtype.kind not in "iu" or wanted.ndim > 1:
        raise IndexError(f"{dim.name}: {number!r} is no position; coordinates are found by volume.dims[-1]")
    if wanted.size and not (-dim.size <= wanted.min() and wanted.max() < dim.size):
        raise IndexError(f"{dim.name}: position {number} outside of {dim.size}")
    found = np.where(wanted < 0, wanted + dim.size, wanted).astype(np.int64)
    return int(found) if found.ndim == 0 else found


def _in_range(wanted: slice, dim: Dimension) -> NDArray[np.int64]:
    """Return the positions of the coordinates of a range: its end, and what is missing, are left out."""
    coords = dim.coords
    step = wanted.step
    if step == 0:
        raise ValueError("slice step cannot be zero")
    backward = step is not None and step < 0
    inside = np.ones(coords.size, dtype=bool)
    if wanted.start is not None:
        inside &= coords <= wanted.start if backward else coords >= wanted.start
    if wanted.stop is not None:
        inside &= coords > wanted.stop if backward else coords < wanted.stop
    if step is not None and coords.size:
        start = wanted.start if wanted.start is not None else coords.max() if backward else coords.min()
        inside &= (coords - start) % abs(step) == 0
    found = np.flatnonzero(inside)
    if step is not None:
        found = found[np.argsort(-coords[found] if backward else coords[found], kind="stable")]
    return found
