"""Raw trace headers of a volume → the records that MDIO v0 shows: packed, little endian, under byte numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.native.records import record_dtype

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
        return record_dtype(volume.packer.fields, words=False)

    def __call__(self, region: Region) -> NDArray[Any]:
        """Return the records of a region."""
        if not self._volume.schema.headers.itemsize:
            return np.zeros(region.shape, dtype=self._dtype)
        packed = self._volume.packer.pack(self._volume.headers(region))
        return np.ascontiguousarray(packed).view(self._dtype)[:, 0].reshape(region.shape)
