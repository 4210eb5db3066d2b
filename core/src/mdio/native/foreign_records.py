"""Header records of somebody else's fields → raw records with every field at a byte.

Records of MDIO v1 are packed and carry no byte positions: their fields are those of the SEG-Y specification that an
importer was given. A field of its own pushes out the standard fields that it overlaps and stands at the end. Standard
names, and the usual ones of such fields, tell the byte; other fields get a place behind the standard header, where they
can be read but not exported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.trace_header import BYTE_OF, RECORD_SIZE, standard_layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RAW_HEADERS", "ForeignRecords", "foreign_records"]

RAW_HEADERS: Final = "raw_headers"
"""Variable of MDIO v1 that may hold the raw headers beside the records."""

_USUAL: Final = {
    "offset": 37,
    "cdp": 21,
    "channel": 13,
    "cable": 137,
    "gun": 171,
    "trace_header_name": 233,
    "unassigned": 233,
}
"""Bytes where fields that revision 1 does not name are usually read."""
_SHOT_POINTS: Final = {17: "energy_source_point_num", 197: "shot_point"}


class ForeignRecords:
    """Unpacks records into the layout that was found for them.

    Parameters
    ----------
    layout
        Of the raw records, big endian.
    source
        Byte of the stored record for each byte of a raw one, -1 for none.
    """

    def __init__(self, layout: HeaderLayout, source: NDArray[np.intp]) -> None:
        self.layout = layout
        self._there = np.flatnonzero(source >= 0)
        self._source = source[self._there]

    def unpack(self, stored: NDArray[np.uint8], known: NDArray[np.uint8] | None = None) -> NDArray[Any]:
        """Return raw records, ``V<itemsize>`` ``(n,)``, of stored ones, uint8 ``(n, itemsize)``.

        ``known`` are standard headers, uint8 ``(n, 240)``, for the bytes that no stored field has.
        """
        raw = np.zeros((len(stored), self.layout.itemsize), dtype=np.uint8)
        if known is not None:
            raw[:, :RECORD_SIZE] = known
        raw[:, self._there] = stored[:, self._source]
        return raw.view(self.layout.record)[:, 0]


def foreign_records(dtype: np.dtype[Any]) -> ForeignRecords | None:
    """Return how records of this type are unpacked; None for those of standard fields only.

    Parameters
    ----------
    dtype
        Of the stored records, little endian.
    """
    standard = {field.name: field for field in standard_layout().fields}
    numbers = {str(byte): name for name, byte in BYTE_OF.items()}
    fields = dict(dtype.fields or {})
    own = {
        name
        for name, (kind, *_) in fields.items()
        if numbers.get(name, name) not in standard
        or np.dtype(standard[numbers.get(name, name)].dtype).itemsize != kind.itemsize
    }
    if all(name in ("unassigned", "233") and fields[name][0].itemsize == 8 for name in own) and not _moved(fields):
        return None
    taken = np.zeros(RECORD_SIZE, dtype=np.bool_)
    placed: list[HeaderField] = []
    source = np.full(RECORD_SIZE + dtype.itemsize, -1, dtype=np.intp)
    end = RECORD_SIZE

    def put(name: str, offset: int, aliases: tuple[str, ...]) -> None:
        kind, start = fields[name][:2]
        span = np.arange(start, start + kind.itemsize)
        numeric = kind.kind in "iuf"
        source[offset : offset + kind.itemsize] = span[::-1] if numeric else span
        taken[offset : offset + kind.itemsize] = True
        placed.append(HeaderField(name, offset, kind.newbyteorder(">").str if numeric else kind.str, aliases))

    for name in fields:
        known = standard.get(numbers.get(name, name))
        if known is not None and name not in own and not (known.name == "shot_point" and _moved(fields)):
            put(name, known.offset, tuple({known.name, *known.aliases} - {name}))
    for name in (name for name in fields if name not in {field.name for field in placed}):
        kind = fields[name][0]
        byte = 17 if name == "shot_point" else _USUAL.get(name, 0)
        if byte and byte - 1 + kind.itemsize <= RECORD_SIZE and not taken[byte - 1 : byte - 1 + kind.itemsize].any():
            put(name, byte - 1, (str(byte),))
        else:
            put(name, end, ())
            end += kind.itemsize
    layout = HeaderLayout(tuple(sorted(placed, key=lambda field: field.offset)), end)
    return ForeignRecords(layout, source[:end])


def _moved(fields: Any) -> bool:
    """Whether a shot point of somebody's own replaced the one at byte 17."""
    return _SHOT_POINTS[197] in fields and _SHOT_POINTS[17] not in fields and "17" not in fields
