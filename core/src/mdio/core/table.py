"""Index keys of all traces, one column a key: what grid overrides rework and the index is built from.

Keys come as a stream of batches (:class:`KeyStream`), since a survey has up to some hundred million traces; overrides,
which look at whole columns, get a :class:`HeaderTable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BATCH", "HeaderTable", "KeyStream"]

BATCH = 1 << 18
"""Traces a batch: small enough that all its temporaries stay in a few megabytes."""


class KeyStream(Protocol):
    """Index keys in file order, batch by batch, as often as they are asked for."""

    @property
    def names(self) -> tuple[str, ...]:
        """Key names, slowest dimension first."""
        ...

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Type of each key, native byte order."""
        ...

    @property
    def count(self) -> int:
        """Number of traces."""
        ...

    def batches(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield name to values of the next traces, from the first trace to the last.

        The arrays are valid until the next batch is asked for.
        """
        ...


@dataclass(frozen=True, slots=True)
class HeaderTable:
    """Columns of header words in file order.

    Parameters
    ----------
    columns
        Key name to values, all of the same length; the order is the order of the dimensions. They may be memory maps.
    notes
        What overrides did, for the record (JSON-able).
    """

    columns: Mapping[str, NDArray[Any]]
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Key names, slowest dimension first."""
        return tuple(self.columns)

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Type of each key."""
        return tuple(column.dtype for column in self.columns.values())

    @property
    def count(self) -> int:
        """Number of traces."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def batches(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield name to values of the next traces."""
        for first in range(0, self.count, BATCH):
            yield {name: column[first : first + BATCH] for name, column in self.columns.items()}

    def replace(self, **columns: NDArray[Any]) -> HeaderTable:
        """Return a table with columns replaced or appended; the given arrays are taken as they are."""
        return HeaderTable({**self.columns, **columns}, self.notes)
