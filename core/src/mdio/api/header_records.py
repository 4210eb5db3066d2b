"""Raw trace headers of a volume → the records that MDIO v0 shows: packed, little endian, under byte numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.native.layout import HEADER_DTYPE
from mdio.native.records import RecordPacker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.native.volume import MdioVolume

__all__ = ["HeaderRecords"]


class HeaderRecords:
    """Reads header records of an MDIO dataset; a function of a region without the sample axis."""

    def __init__(self, volume: MdioVolume) -> None:
        self._volume = volume
        self._dtype = self.dtype_of(volume)

    @staticmethod
    def dtype_of(volume: MdioVolume) -> np.dtype[Any]:
        """Return the type of the records: 89 fields, and the 90th of MDIO 0.8 where the store keeps it."""
        fields = [tuple(field) for field in HEADER_DTYPE]
        stored = volume.header_array
        if stored is not None and {"unassigned", "233"} & {*(stored.dtype.names or ())}:
            fields.append(("233", "<i8"))
        return np.dtype(fields)

    def __call__(self, region: Region) -> NDArray[Any]:
        """Return the records of a region."""
        layout = self._volume.schema.headers
        if not layout.itemsize:
            return np.zeros(region.shape, dtype=self._dtype)
        raw = self._volume.headers(region)
        packer = RecordPacker(layout)
        packed = packer.pack(raw)
        if len(self._dtype.names or ()) > len(HEADER_DTYPE):
            rest = packer.rest(raw)[:, :8]
            packed = np.concatenate([packed, rest[:, ::-1] if packer.big_endian else rest], axis=1)
        return np.ascontiguousarray(packed).view(self._dtype)[:, 0].reshape(region.shape)
