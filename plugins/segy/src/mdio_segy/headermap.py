"""Trace headers of any layout as trace headers of a SEG-Y file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_segy.fields import TRACE_FIELDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.headers import HeaderLayout

__all__ = ["HeaderMap"]

_LAST_WORD = 232
"""Bytes behind this one have no meaning in the standard: they are copied as they are, whatever the byte order."""


class HeaderMap:
    """Moves the words of raw records to their places in a standard trace header.

    Parameters
    ----------
    source
        Layout of the records; words are known by byte number or name.
    big_endian
        Byte order to write.
    size
        Bytes of a trace header to write: 240, or more with header extensions.

    Attributes
    ----------
    complete
        Whether every standard word is there; otherwise the others have to be made.
    """

    def __init__(self, source: HeaderLayout, big_endian: bool, size: int) -> None:
        self._size = size
        self._from = np.full(size, -1, dtype=np.intp)
        self._other: list[tuple[str, int, np.dtype[Any]]] = []
        self._layout = source
        order = ">" if big_endian else "<"
        standard = True
        for byte, (name, kind) in TRACE_FIELDS.items():
            if byte > _LAST_WORD:
                continue
            field = source.by_name.get(str(byte)) or source.by_name.get(name)
            if field is None:
                standard = False
                continue
            target, have = np.dtype(order + kind), np.dtype(field.dtype)
            standard = standard and field.offset == byte - 1
            if have.kind == "i" and have.itemsize == target.itemsize:
                span = np.arange(field.offset, field.offset + target.itemsize)
                same = field.dtype.startswith(">") == big_endian
                self._from[byte - 1 : byte - 1 + target.itemsize] = span if same else span[::-1]
            else:
                self._other.append((field.name, byte - 1, target))
        if standard and source.itemsize > _LAST_WORD:
            behind = np.arange(_LAST_WORD, min(size, source.itemsize))
            self._from[behind] = behind
        self._held = self._from >= 0
        self.complete = not self._other and bool(self._held[:_LAST_WORD].all())
        self._identity = size == source.itemsize and np.array_equal(self._from, np.arange(size))

    def __call__(self, records: NDArray[Any], base: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
        """Return headers, uint8 ``(n, size)``.

        Parameters
        ----------
        records
            Raw records, ``(n,)``.
        base
            Headers that the words are put into, where not all are there; may be modified.
        """
        raw = np.ascontiguousarray(records).view(np.uint8).reshape(len(records), self._layout.itemsize)
        if self._identity:
            return raw
        out = np.zeros((len(raw), self._size), dtype=np.uint8) if base is None else base
        out[:, self._held] = raw[:, self._from[self._held]]
        for name, offset, kind in self._other:
            values = self._layout.values(records, name)
            fits = np.rint(values).astype(kind) if values.dtype.kind == "f" else values.astype(kind)
            out[:, offset : offset + kind.itemsize] = fits.view(np.uint8).reshape(len(raw), kind.itemsize)
        return out
