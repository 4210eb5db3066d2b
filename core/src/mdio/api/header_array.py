"""Trace headers in memory that answer to the names of every MDIO release: byte numbers and words."""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

import numpy as np

from mdio.core.trace_header import STANDARD_FIELDS

__all__ = ["HeaderArray"]

_UNASSIGNED = (233, "unassigned")
"""The field that MDIO 0.8 and later keep behind the standard ones."""


@cache
def _synonyms() -> dict[str, str]:
    """Return the other name of every field: byte number to word and word to byte number."""
    pairs = [*((byte, name) for byte, name, _ in STANDARD_FIELDS), _UNASSIGNED]
    return {str(byte): name for byte, name in pairs} | {name: str(byte) for byte, name in pairs}


class HeaderArray(np.ndarray[Any, Any]):
    """Structured array of trace headers; a view of any structured array (``array.view(HeaderArray)``).

    A field is picked by its byte number (1-based, ``headers["189"]``), as MDIO up to 0.7 names it, or by its word
    (``headers["inline"]``), as later releases do, singly and in lists, whichever the records themselves hold. A
    single field comes as a plain array, one record as a 0-D array of this class.
    """

    def __getitem__(self, key: Any) -> Any:
        """Return fields or records; a ValueError names near fields when there is none."""
        if isinstance(key, str):
            field = self.view(np.ndarray)[self._held(key)]
            return field[()] if field.ndim == 0 else field
        if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
            return super().__getitem__([self._held(name) for name in key])
        found = super().__getitem__(key)
        if isinstance(found, np.void):
            # An ellipsis keeps a single record an array, and with it its names and its memory.
            found = super().__getitem__((*key, ...) if isinstance(key, tuple) else (key, ...))
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str):
            self.view(np.ndarray)[self._held(key)] = value
        else:
            super().__setitem__(key, value)

    def _held(self, name: str) -> str:
        """Return the name under which the records hold a field."""
        names = self.dtype.names or ()
        if name in names:
            return name
        other = _synonyms().get(name)
        if other in names:
            return str(other)
        known = {*names, *(_synonyms()[held] for held in names if held in _synonyms())}
        near = difflib.get_close_matches(name, known, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "names are byte numbers (189) or words (inline)"
        raise ValueError(f"no header field {name!r}; {hint}")

    def tolist(self) -> Any:
        """Return plain Python tuples."""
        return self.view(np.ndarray).tolist()
