"""Raw trace-header records of any layout ↔ the packed little-endian records of MDIO v0.

The 89 fields cover bytes 1 to 232 without a gap, so packing is a permutation of bytes and loses nothing; what lies
beyond byte 232 travels beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.trace_header import STANDARD_FIELDS
from mdio.native.layout import HEADER_SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.headers import HeaderLayout

__all__ = ["RecordPacker"]


class RecordPacker:
    """Packs records of one layout and unpacks them again.

    Parameters
    ----------
    layout
        Layout of the raw records. A field that it lacks, or holds with another size, packs as zero.
    """

    def __init__(self, layout: HeaderLayout) -> None:
        self.layout = layout
        source = np.full(HEADER_SIZE, -1, dtype=np.intp)
        for byte, name, kind in STANDARD_FIELDS:
            field = layout.by_name.get(str(byte)) or layout.by_name.get(name)
            size = int(kind[1])
            if field is None or np.dtype(field.dtype).itemsize != size:
                continue
            span = np.arange(field.offset, field.offset + size)
            big = np.dtype(field.dtype).byteorder == ">"
            source[byte - 1 : byte - 1 + size] = span[::-1] if big else span
        self._held = source >= 0
        self._source = source
        self.rest_size = max(0, layout.itemsize - HEADER_SIZE)
        self.big_endian = any(np.dtype(field.dtype).byteorder == ">" for field in layout.fields)

    def pack(self, records: NDArray[Any]) -> NDArray[np.uint8]:
        """Return packed records, uint8 ``(n, 232)``, of raw records of any shape."""
        raw = records.reshape(-1).view(np.uint8).reshape(-1, self.layout.itemsize)
        if self._held.all():
            return np.take(raw, self._source, axis=1)
        packed = np.zeros((len(raw), HEADER_SIZE), dtype=np.uint8)
        packed[:, self._held] = raw[:, self._source[self._held]]
        return packed

    def rest(self, records: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the bytes beyond byte 232, uint8 ``(n, itemsize - 232)``."""
        raw = records.reshape(-1).view(np.uint8).reshape(-1, self.layout.itemsize)
        return raw[:, HEADER_SIZE:]

    def unpack(self, packed: NDArray[np.uint8], rest: NDArray[np.uint8] | None) -> NDArray[Any]:
        """Return raw records, ``V<itemsize>`` ``(n,)``, from packed ones and the bytes beyond."""
        raw = np.zeros((len(packed), self.layout.itemsize), dtype=np.uint8)
        raw[:, self._source[self._held]] = packed[:, self._held]
        if rest is not None and self.rest_size:
            raw[:, HEADER_SIZE:] = rest
        return raw.view(self.layout.record)[:, 0]
