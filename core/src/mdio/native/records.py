"""Raw trace-header records of any layout ↔ the packed little-endian records that MDIO stores.

The 89 fields cover bytes 1 to 232 without a gap, so packing standard records is a permutation of bytes and loses
nothing; what lies behind them travels beside it. Records of another layout travel whole beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.trace_header import RECORD_SIZE, STANDARD_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdio.core.headers import HeaderLayout

__all__ = ["FIELDS", "FIELDS_09", "PACKED_SIZE", "RecordPacker", "in_standard_order", "record_dtype"]

FIELDS = tuple(STANDARD_FIELDS)
"""``(byte, name, type)`` of the 89 fields of a stored record."""

FIELDS_09 = (*FIELDS, (233, "unassigned", "i8"))
"""The same with the 90th field of MDIO 0.8 and later: bytes 233 to 240 as one word."""

PACKED_SIZE = 232


def record_dtype(fields: tuple[tuple[int, str, str], ...], *, words: bool) -> np.dtype[Any]:
    """Return the type of a stored record: packed, little endian, under words or under byte numbers."""
    return np.dtype([(name if words else str(byte), f"<{kind}") for byte, name, kind in fields])


class RecordPacker:
    """Packs records of one layout and unpacks them again.

    Parameters
    ----------
    layout
        Layout of the raw records. A field that it lacks, or holds with another size, packs as zero.
    fields
        Of the packed record: :data:`FIELDS` or :data:`FIELDS_09`.
    """

    def __init__(self, layout: HeaderLayout, fields: tuple[tuple[int, str, str], ...] = FIELDS) -> None:
        self.layout = layout
        self.fields = fields
        self.big_endian = any(np.dtype(field.dtype).byteorder == ">" for field in layout.fields)
        self.size = sum(int(kind[1]) for _, _, kind in fields)
        source = np.full(self.size, -1, dtype=np.intp)
        for byte, name, kind in fields:
            size = int(kind[1])
            field = layout.by_name.get(str(byte)) or layout.by_name.get(name)
            if byte > PACKED_SIZE and field is None and self._is_standard and layout.itemsize >= RECORD_SIZE:
                offset, big = byte - 1, self.big_endian  # a word of no meaning has the order of those before it
            elif field is None or np.dtype(field.dtype).itemsize != size:
                continue
            else:
                offset, big = field.offset, np.dtype(field.dtype).byteorder == ">"
            span = np.arange(offset, offset + size)
            source[byte - 1 : byte - 1 + size] = span[::-1] if big else span
        self._held = source >= 0
        self._source = source
        first = np.zeros(layout.itemsize, dtype=bool)
        first[source[self._held]] = True
        covered = int(first.argmin()) if not first.all() else layout.itemsize
        self.rest_from = covered if not first[covered:].any() else 0
        """First byte of a raw record that :meth:`rest` keeps: behind the packed ones, or 0 where those have gaps."""

    @property
    def _is_standard(self) -> bool:
        return all(field.offset == byte - 1 for field, (byte, _, _) in zip(self.layout.fields, FIELDS, strict=False))

    @property
    def rest_size(self) -> int:
        """Bytes of a raw record that packing does not hold, and that travel beside it."""
        return self.layout.itemsize - self.rest_from

    def pack(self, records: NDArray[Any]) -> NDArray[np.uint8]:
        """Return packed records, uint8 ``(n, size)``, of raw records of any shape."""
        raw = records.reshape(-1).view(np.uint8).reshape(-1, self.layout.itemsize)
        if self._held.all():
            return np.take(raw, self._source, axis=1)
        packed = np.zeros((len(raw), self.size), dtype=np.uint8)
        packed[:, self._held] = raw[:, self._source[self._held]]
        return packed

    def rest(self, records: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the bytes that packing does not hold, uint8 ``(n, rest_size)``."""
        raw = records.reshape(-1).view(np.uint8).reshape(-1, self.layout.itemsize)
        return raw[:, self.rest_from :]

    def unpack(self, packed: NDArray[np.uint8], rest: NDArray[np.uint8] | None) -> NDArray[Any]:
        """Return raw records, ``V<itemsize>`` ``(n,)``, from packed ones and the bytes beside them.

        Where both hold a field the packed one is the truth: it is what others edit.
        """
        raw = np.zeros((len(packed), self.layout.itemsize), dtype=np.uint8)
        if rest is not None and self.rest_size:
            raw[:, self.rest_from :] = rest
        raw[:, self._source[self._held]] = packed[:, self._held]
        return raw.view(self.layout.record)[:, 0]


def in_standard_order(
    packed: NDArray[np.uint8], dtype: np.dtype[Any], fields: tuple[tuple[int, str, str], ...] = FIELDS
) -> NDArray[np.uint8]:
    """Return records as packed fields in byte order, whatever spelling, order and size the stored ones have.

    Parameters
    ----------
    packed
        uint8 ``(n, itemsize)``: stored records.
    dtype
        Their structured type; a field that it lacks is zero.
    fields
        What is wanted.
    """
    wanted = record_dtype(fields, words=False)
    stored: Mapping[str, Any] = dtype.fields or {}
    offsets = [stored[name][1] for name in (dtype.names or ())[: len(fields)]]
    if dtype.itemsize >= wanted.itemsize and offsets == [byte - 1 for byte, _, _ in fields]:
        return packed if dtype.itemsize == wanted.itemsize else np.ascontiguousarray(packed[:, : wanted.itemsize])
    out = np.zeros((len(packed), wanted.itemsize), dtype=np.uint8)
    for byte, name, kind in fields:
        size = int(kind[1])
        field = stored.get(name) or stored.get(str(byte))
        if field is not None and field[0].itemsize == size:
            out[:, byte - 1 : byte - 1 + size] = packed[:, field[1] : field[1] + size]
    return out
