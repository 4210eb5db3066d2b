"""Where two arrays of samples, or of trace headers, differ: counted batch by batch, so that memory stays small.

Samples of one type are compared bit by bit (a NaN equals the same NaN, 0.0 is not -0.0), those of two types by value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.headers import HeaderField, HeaderLayout

__all__ = ["OTHER_BYTES", "HeaderPairs", "SampleDifference", "sample_difference"]

_BATCH = 1 << 18

OTHER_BYTES = "other bytes"
"""Stands for what differs in records of one layout outside all its fields."""


@dataclass(slots=True)
class SampleDifference:
    """What differs between the samples of a region.

    Parameters
    ----------
    traces
        bool, shape of the region without the sample axis: traces with a different sample.
    count
        Different samples.
    largest
        Largest absolute difference of two finite samples, in float64, those within the tolerance included.
    not_finite
        Different samples of which one is NaN or infinite.
    first
        Flat position, C order, of the first different sample; -1 for none.
    values
        The two samples there.
    """

    traces: NDArray[np.bool_]
    count: int = 0
    largest: float = 0.0
    not_finite: int = 0
    first: int = -1
    values: tuple[Any, Any] | None = None


def sample_difference(
    one: NDArray[Any], other: NDArray[Any], kept: NDArray[np.bool_] | None = None, tolerance: float | None = None
) -> SampleDifference:
    """Compare two arrays of samples of one shape.

    Parameters
    ----------
    one, other
        Real numbers in native byte order, the sample axis last.
    kept
        Which traces are looked at; all for None.
    tolerance
        Samples no further apart count as equal, and so do two NaN; None compares bit by bit.
    """
    cells, length = one.shape[:-1], one.shape[-1]
    found = SampleDifference(np.zeros(cells, dtype=np.bool_))
    traces = found.traces.reshape(-1)
    a, b = np.ascontiguousarray(one).reshape(-1), np.ascontiguousarray(other).reshape(-1)
    flags = None if kept is None or kept.all() else kept.reshape(-1)
    for start in range(0, a.size, _BATCH):
        x, y = a[start : start + _BATCH], b[start : start + _BATCH]
        at = np.flatnonzero(_unequal(x, y))
        if flags is not None:
            at = at[flags[(start + at) // length]]
        if not at.size:
            continue
        wide_x, wide_y = x[at].astype(np.float64), y[at].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            gap = np.abs(wide_x - wide_y)
        finite = np.isfinite(wide_x) & np.isfinite(wide_y)
        found.largest = max(found.largest, float(gap.max(where=finite, initial=0.0)))
        if tolerance is not None:
            wrong = ~(gap <= tolerance) & ~(np.isnan(wide_x) & np.isnan(wide_y))
            at, finite = at[wrong], finite[wrong]
            if not at.size:
                continue
        found.count += at.size
        found.not_finite += at.size - int(np.count_nonzero(finite))
        traces[(start + at) // length] = True
        if found.first < 0:
            found.first = start + int(at[0])
            found.values = x[at[0]], y[at[0]]
    return found


def _unequal(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    if x.dtype == y.dtype:
        bits = np.dtype(f"u{x.dtype.itemsize}")
        unequal: NDArray[np.bool_] = x.view(bits) != y.view(bits)
        return unequal
    return _values_differ(x, y)


def _values_differ(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
    unequal: NDArray[np.bool_] = x != y
    if x.dtype.kind == y.dtype.kind == "f":
        unequal &= ~(np.isnan(x) & np.isnan(y))
    return unequal


@dataclass(frozen=True, slots=True)
class HeaderPairs:
    """The header fields that two layouts share, whatever their order, byte order and names.

    Parameters
    ----------
    one, other
        The layouts.
    pairs
        Field of the first layout, field of the second one.
    """

    one: HeaderLayout
    other: HeaderLayout
    pairs: Sequence[tuple[HeaderField, HeaderField]] = field(default=())

    @classmethod
    def of(cls, one: HeaderLayout, other: HeaderLayout) -> HeaderPairs:
        """Return the pairs of two layouts: a field is found by its name, else by an alias."""
        pairs = []
        for mine in one.fields:
            names = [name for name in (mine.name, *mine.aliases) if name in other.by_name]
            if names:
                pairs.append((mine, other.by_name[names[0]]))
        return cls(one, other, pairs)

    def difference(
        self, one: NDArray[Any], other: NDArray[Any], kept: NDArray[np.bool_]
    ) -> Mapping[str, tuple[int, int]]:
        """Compare raw records.

        Parameters
        ----------
        one, other
            Records of either layout, of one shape.
        kept
            Which are looked at.

        Returns
        -------
        Mapping
            Field name to the number of records that differ and the flat position of the first one. Records of one
            layout that differ outside its fields stand under :data:`OTHER_BYTES`.
        """
        at = np.flatnonzero(kept)
        whole = self.one == self.other
        if whole:
            size = self.one.itemsize
            x = np.ascontiguousarray(one).reshape(-1).view(np.uint8).reshape(-1, size)
            y = np.ascontiguousarray(other).reshape(-1).view(np.uint8).reshape(-1, size)
            at = at[(x != y).any(axis=1)[at]]
        if not at.size:
            return {}
        left, right = one.reshape(-1)[at], other.reshape(-1)[at]
        unexplained = np.full(at.size, whole)
        found = {}
        for mine, theirs in self.pairs:
            differ = _values_differ(self.one.values(left, mine.name), self.other.values(right, theirs.name))
            unexplained &= ~differ
            if differ.any():
                found[mine.name] = int(np.count_nonzero(differ)), int(at[differ.argmax()])
        if unexplained.any():
            found[OTHER_BYTES] = int(np.count_nonzero(unexplained)), int(at[unexplained.argmax()])
        return found
