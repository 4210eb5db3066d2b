"""What edits do to the decoded cells of one stored object; see :meth:`mdio.native.rewriting.Rewriter.alter`.

Flags and values speak of a selection, the cells of a box: a cut says how the one lies in the other.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.native.header_names import held_name
from mdio.native.picking import Cut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.native.index_words import IndexWord
    from mdio.native.rewriting import Rewriter

__all__ = ["Clearing", "Lengthening", "NewRecords", "RecordWriting", "Setting"]


def _flags(cut: Cut, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the flags of traces in the box of a cut, which may have one more axis."""
    ndim = flags.ndim
    traces = Cut(type(cut.box)(cut.box[:ndim]), cut.inside[:ndim], cut.source[:ndim])
    placed = np.zeros(traces.box.shape, dtype=np.bool_)
    traces.put(placed, flags)
    return placed


class Setting:
    """Puts the cells of a box."""

    def __init__(self, box: Region, values: NDArray[Any]) -> None:
        self._box = box
        self._values = values

    def __call__(self, cells: NDArray[Any], cut: Cut) -> bool:
        """Change the cells of an object that the box lies in."""
        cells[self._box.within(cut.box)] = self._values
        return True


class Clearing:
    """Puts one value into all cells of flagged traces."""

    def __init__(self, flags: NDArray[np.bool_], value: NDArray[Any]) -> None:
        self._flags = flags
        self._value = value

    def __call__(self, cells: NDArray[Any], cut: Cut) -> bool:
        """Change cells; the array may have an axis more than the flags."""
        flags = _flags(cut, self._flags)
        cells[flags] = self._value
        return bool(flags.any())


class NewRecords:
    """Gives flagged traces a header record of zeros but for their index words."""

    def __init__(self, flags: NDArray[np.bool_], words: Sequence[IndexWord]) -> None:
        self._flags = flags
        self._words = words

    def __call__(self, cells: NDArray[Any], cut: Cut) -> bool:
        """Change records; words that these do not have, or that a coordinate does not fit, stay 0."""
        flags = _flags(cut, self._flags)
        if not flags.any():
            return False
        cells[flags] = np.zeros((), dtype=cells.dtype)
        for word in self._words:
            try:
                name = held_name(word.name, cells.dtype.names or ())
            except ValueError:
                continue
            coords = np.asarray(word.dim.between(*cut.box[word.axis]))
            limits = np.iinfo(cells.dtype[name])
            if np.all((coords >= limits.min) & (coords <= limits.max) & (np.rint(coords) == coords)):
                line = coords.reshape([-1 if axis == word.axis else 1 for axis in range(cells.ndim)])
                cells[name][flags] = np.broadcast_to(line, cells.shape)[flags]
        return True


class RecordWriting:
    """Puts fields into header records of live traces.

    Attributes
    ----------
    dropped
        Dead traces whose record would have changed.
    """

    def __init__(self, mask: Rewriter, records: NDArray[Any]) -> None:
        self.dropped = 0
        self._mask = mask
        self._records = records
        self._lock = threading.Lock()

    def __call__(self, cells: NDArray[Any], cut: Cut) -> bool:
        """Change records."""
        new = cells.copy()
        for name in self._records.dtype.names or ():
            cut.put(new[held_name(name, cells.dtype.names or ())], self._records[name])
        differs = new != cells
        live = self._mask.read(cut.box)
        dropped = int(np.count_nonzero(differs & ~live))
        if dropped:
            with self._lock:
                self.dropped += dropped
        differs &= live
        cells[differs] = new[differs]
        return bool(differs.any())


class Lengthening:
    """Raises the lengths of traces that have one to what is demanded."""

    def __init__(self, ends: NDArray[Any]) -> None:
        self._ends = ends

    def __call__(self, cells: NDArray[Any], cut: Cut) -> bool:
        """Change lengths; 0 stands for the whole axis and for dead traces, and stays."""
        ends = np.zeros_like(cells)
        cut.put(ends, self._ends)
        short = (cells > 0) & (cells < ends)
        cells[short] = ends[short]
        return bool(short.any())
