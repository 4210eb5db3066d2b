"""Where the fields of a raw trace-header record lie.

Records travel whole and unparsed (:class:`numpy.void` of the record size), because copying structured arrays with
gaps loses the bytes in the gaps. A layout stands beside them and says how to read a field.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["HeaderField", "HeaderLayout"]


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One field of a record.

    Parameters
    ----------
    name
        Word name, e.g. ``"inline"``.
    offset
        Position in the record in bytes, 0-based.
    dtype
        numpy type string with byte order, e.g. ``">i4"``.
    aliases
        Other names, e.g. the 1-based byte number ``"189"``.
    """

    name: str
    offset: int
    dtype: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeaderLayout:
    """The fields of a record and its size in bytes; ``itemsize`` 0 means that the format has no trace headers."""

    fields: tuple[HeaderField, ...] = ()
    itemsize: int = 0

    @cached_property
    def by_name(self) -> dict[str, HeaderField]:
        """Every name and alias with its field."""
        names = {alias: field for field in self.fields for alias in field.aliases}
        return names | {field.name: field for field in self.fields}

    @cached_property
    def record(self) -> np.dtype[Any]:
        """The type of a raw record, ``V<itemsize>``."""
        return np.dtype((np.void, self.itemsize))

    @cached_property
    def struct(self) -> np.dtype[Any]:
        """The record as a structured type with the word names, to view raw records with."""
        return np.dtype(
            {
                "names": [field.name for field in self.fields],
                "formats": [field.dtype for field in self.fields],
                "offsets": [field.offset for field in self.fields],
                "itemsize": self.itemsize,
            }
        )

    def field(self, name: str) -> HeaderField:
        """Return the field of this name or alias.

        Raises
        ------
        KeyError
            Unknown; the message suggests near names.
        """
        try:
            return self.by_name[name]
        except KeyError:
            near = difflib.get_close_matches(name, self.by_name, 3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise KeyError(f"no header field {name!r}{hint}") from None

    def values(self, records: NDArray[Any], name: str) -> NDArray[Any]:
        """Return one field of raw records as a native-order copy with the shape of ``records``."""
        field = self.field(name)
        kind = np.dtype(field.dtype)
        raw = np.ascontiguousarray(records).view(np.uint8).reshape(*records.shape, self.itemsize)
        part = np.ascontiguousarray(raw[..., field.offset : field.offset + kind.itemsize])
        return part.view(kind)[..., 0].astype(kind.newbyteorder("="))

    def with_fields(self, extra: Iterable[HeaderField]) -> HeaderLayout:
        """Return a layout with more fields; a name given again replaces the old field."""
        merged = {field.name: field for field in self.fields} | {field.name: field for field in extra}
        return HeaderLayout(tuple(sorted(merged.values(), key=lambda field: field.offset)), self.itemsize)
