"""Key columns in full, for what looks at them more than once: short ones in memory, others in temporary files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdio.core.scratch import Scratch
from mdio.core.table import BATCH, HeaderTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdio.core.table import KeyStream

__all__ = ["Collected", "collect"]


class Collected:
    """A key stream that has been kept.

    Parameters
    ----------
    names
        Key names.
    dtypes
        Their types.
    count
        Number of traces; they are appended in file order.
    """

    def __init__(self, names: Sequence[str], dtypes: Sequence[np.dtype[Any]], count: int) -> None:
        self.names = tuple(names)
        self.dtypes = tuple(dtypes)
        self.count = count
        self._columns = {name: Scratch(kind, count) for name, kind in zip(names, dtypes, strict=True)}
        self._filled = 0

    def append(self, columns: dict[str, NDArray[Any]]) -> None:
        """Take the keys of the next traces."""
        for name, column in self._columns.items():
            column.write(self._filled, columns[name])
        self._filled += len(columns[self.names[0]])

    def batches(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield name to values of the next traces. Files are read, not mapped: what is mapped counts as memory."""
        for first in range(0, self.count, BATCH):
            yield {name: column.read(first, first + BATCH) for name, column in self._columns.items()}

    def select(self, names: Mapping[str, str]) -> Collected:
        """Return some of the keys under other names (new name to old), without copying them."""
        types = dict(zip(self.names, self.dtypes, strict=True))
        some = Collected(tuple(names), [types[old] for old in names.values()], 0)
        some.count = some._filled = self.count
        some._columns = {new: self._columns[old] for new, old in names.items()}
        return some

    def table(self) -> HeaderTable:
        """Return the columns as arrays, mapped where they lie in files."""
        return HeaderTable({name: column.array for name, column in self._columns.items()})

    def close(self) -> None:
        """Give temporary files back now; arrays of :meth:`table` stay valid."""
        for column in self._columns.values():
            column.close()


def collect(stream: KeyStream) -> Collected:
    """Return all keys of a stream."""
    kept = Collected(stream.names, stream.dtypes, stream.count)
    for columns in stream.batches():
        kept.append(columns)
    return kept
