"""numpy keys → boxes to read: every basic form, and lists of positions that act on their own axis each.

Only what a key touches is read. Positions of one axis that share a chunk, or follow each other, are read in one box
and picked from it, so that no chunk is read twice for a stride or a list, and nothing between far positions is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mdio.core.region import Region
from mdio.native.picking import Item, outer, regular

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Item", "gather", "parse_key"]


def parse_key(key: Any, shape: Sequence[int]) -> tuple[Item, ...]:
    """Return one item an axis for a numpy key.

    Integers, slices of any step, an ellipsis, and 1-D sequences of integers or of truth values are taken. Several
    sequences select the intersection of their positions (outer indexing), as MDIO documents, not pairs as numpy.

    Parameters
    ----------
    key
        What stands between the brackets.
    shape
        Of the array.

    Raises
    ------
    IndexError
        Anything else, too many indices, or a position outside the axis.
    """
    given = list(key) if isinstance(key, tuple) else [key]
    dots = [at for at, item in enumerate(given) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can have one ellipsis ('...') only")
    missing = len(shape) - len(given) + len(dots)
    if missing < 0:
        raise IndexError(f"{len(given) - len(dots)} indices for an array of {len(shape)} dimensions")
    at = dots[0] if dots else len(given)
    given[at : at + 1] = [slice(None)] * missing
    return tuple(_item(item, axis, size) for axis, (item, size) in enumerate(zip(given, shape, strict=True)))


def _item(item: Any, axis: int, size: int) -> Item:
    if isinstance(item, slice):
        return item
    if item is None:
        raise IndexError(f"axis {axis}: None (a new axis) is not taken; add axes to the result")
    if isinstance(item, str | bytes):
        raise IndexError(f"axis {axis}: {item!r} is no position; header fields are picked from the header array")
    values = np.asarray(item)
    if values.dtype.kind == "b" and values.ndim == 1:
        if values.size != size:
            raise IndexError(f"axis {axis}: {values.size} truth values for {size} positions")
        return np.flatnonzero(values)
    if not values.size and values.ndim == 1:
        return np.empty(0, dtype=np.int64)
    if values.dtype.kind not in "iu" or values.ndim > 1:
        what = f"{values.ndim}-D positions" if values.dtype.kind in "iub" and values.ndim > 1 else repr(item)
        raise IndexError(f"axis {axis}: {what} not taken; use integers, slices, '...' or 1-D lists of positions")
    # Bounds are checked before the cast: a huge unsigned position would wrap into range.
    wrong = (values >= size) | (values < -size)
    if wrong.any():
        raise IndexError(
            f"axis {axis}: position {values[wrong].flat[0]} outside of {size} positions, which count from 0; "
            "coord_to_index turns line numbers into them"
        )
    positions = values.astype(np.int64)
    positions = np.where(positions < 0, positions + size, positions)
    return int(positions) if values.ndim == 0 else positions


_ALL = slice(None)


class _Span(NamedTuple):
    """Positions ``start`` to ``stop`` of one axis: read at once, ``source`` picked, put at ``target``."""

    start: int
    stop: int
    source: slice | NDArray[np.int64] = _ALL
    target: slice | NDArray[np.int64] = _ALL

    @property
    def direct(self) -> bool:
        """Whether what is read is what was asked for, in its order and completely."""
        return self.source is _ALL and self.target is _ALL


def gather(
    items: Sequence[Item],
    shape: Sequence[int],
    chunks: Sequence[int],
    fetch: Callable[[Region], NDArray[Any]],
    empty: Callable[[tuple[int, ...]], NDArray[Any]],
) -> NDArray[Any]:
    """Read what a parsed key selects.

    Parameters
    ----------
    items
        From :func:`parse_key`.
    shape, chunks
        Of the array; chunks decide which positions are read together.
    fetch
        Returns a region in C order.
    empty
        Makes the result, given its shape.

    Returns
    -------
    ndarray
        Integers drop their axis, as in numpy; 0-D when all items are integers.
    """
    axes = [_axis(item, size, chunk) for item, size, chunk in zip(items, shape, chunks, strict=True)]
    kept = tuple(length for (length, _), item in zip(axes, items, strict=True) if not isinstance(item, int))
    if all(len(spans) == 1 and spans[0].direct for _, spans in axes):
        return fetch(Region((spans[0].start, spans[0].stop) for _, spans in axes)).reshape(kept)
    out = empty(tuple(length for length, _ in axes))
    for box in itertools.product(*(spans for _, spans in axes)):
        part = fetch(Region((span.start, span.stop) for span in box))
        for axis, span in enumerate(box):
            part = part[(_ALL,) * axis + (span.source,)]
        out[outer([span.target for span in box], out.shape)] = part
    return out.reshape(kept)


def _axis(item: Item, size: int, chunk: int) -> tuple[int, list[_Span]]:
    """Return how many positions an item selects, and the spans that bring them."""
    if isinstance(item, int):
        return 1, [_Span(item, item + 1)]
    if isinstance(item, slice):
        wanted = range(*item.indices(size))
        if wanted and wanted.step == 1:
            return len(wanted), [_Span(wanted[0], wanted[-1] + 1)]
        if wanted and wanted.step == -1:
            return len(wanted), [_Span(wanted[-1], wanted[0] + 1, slice(None, None, -1))]
        item = np.arange(wanted.start, wanted.stop, wanted.step, dtype=np.int64)
    return item.size, _spans(item, chunk) if item.size else []


def _spans(positions: NDArray[np.int64], chunk: int) -> list[_Span]:
    """Group positions in any order, repeats included, by what is read at once."""
    order = np.argsort(positions, kind="stable")
    ascending = positions[order]
    far = np.diff(ascending) > 1
    cuts = np.flatnonzero(far & (np.diff(ascending // chunk) > 0)) + 1
    return [
        _Span(int(near[0]), int(near[-1]) + 1, regular(near - near[0]), regular(target))
        for near, target in zip(np.split(ascending, cuts), np.split(order, cuts), strict=True)
    ]
