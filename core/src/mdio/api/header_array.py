"""Trace headers in memory that answer to the names of every MDIO release: byte numbers and words."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdio.native.header_names import held_name

__all__ = ["HeaderArray"]


class HeaderArray(np.ndarray[Any, Any]):
    """Structured array of trace headers; a view of any structured array (``array.view(HeaderArray)``).

    A field is picked by its byte number (1-based, ``headers["189"]``), as MDIO up to 0.7 names it, or by its word
    (``headers["inline"]``), as later releases do, singly and in lists, whichever the records themselves hold. A
    single field comes as a plain array, one record as a 0-D array of this class.
    """

    def __getitem__(self, key: Any) -> Any:
        """Return fields or records; a ValueError names near fields when there is none."""
        if isinstance(key, str):
            field = self.view(np.ndarray)[held_name(key, self.dtype.names or ())]
            return field[()] if field.ndim == 0 else field
        if isinstance(key, list) and key and all(isinstance(name, str) for name in key):
            return super().__getitem__([held_name(name, self.dtype.names or ()) for name in key])
        found = super().__getitem__(key)
        if isinstance(found, np.void):
            # An ellipsis keeps a single record an array, and with it its names and its memory.
            found = super().__getitem__((*key, ...) if isinstance(key, tuple) else (key, ...))
        return found

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, str):
            self.view(np.ndarray)[held_name(key, self.dtype.names or ())] = value
        else:
            super().__setitem__(key, value)

    def tolist(self) -> Any:
        """Return plain Python tuples."""
        return self.view(np.ndarray).tolist()
