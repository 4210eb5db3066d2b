"""Raw trace headers of any format → structured arrays that numpy and its friends compute with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.core.volume import Volume

__all__ = ["NativeRecords"]


class NativeRecords:
    """Reads the trace headers of a region as records of all fields, packed, in native byte order.

    Bytes that no field names are in :meth:`mdio.core.volume.Volume.headers` only.

    Parameters
    ----------
    volume
        Of any format with trace headers.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.dtype = np.dtype(
            [(field.name, np.dtype(field.dtype).newbyteorder("=")) for field in volume.schema.headers.fields]
        )

    def __call__(self, region: Region) -> NDArray[Any]:
        """Return the records of a region without sample axis."""
        layout = self.volume.schema.headers
        raw = np.ascontiguousarray(self.volume.headers(region)).view(layout.struct)
        out = np.empty(raw.shape, dtype=self.dtype)
        for field in layout.fields:
            out[field.name] = raw[field.name]
        return out
