"""Index keys of all traces, one column a key: what grid overrides rework and the index is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HeaderTable"]


@dataclass(frozen=True, slots=True)
class HeaderTable:
    """Columns of header words in file order.

    Parameters
    ----------
    columns
        Key name to values, all of the same length; the order is the order of the dimensions.
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
    def count(self) -> int:
        """Number of traces."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def replace(self, **columns: NDArray[Any]) -> HeaderTable:
        """Return a table with columns replaced or appended; the given arrays are taken as they are."""
        return HeaderTable({**self.columns, **columns}, self.notes)
