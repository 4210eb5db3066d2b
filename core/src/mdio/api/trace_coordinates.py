"""Where traces lie on the map: the CDP coordinates of the trace headers, scaled.

SEG-Y rev 1 (SEG, 2002), section 6, table 3: bytes 181-184 and 185-188 hold the coordinates of the ensemble, bytes
71-72 the scalar for them – a positive one multiplies, a negative one divides, 0 means 1 (rev 2) – and bytes 89-90
their unit. Bytes 3255-3256 of the file header say whether lengths are metres (1) or feet (2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.live_map import live_ends

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.core.volume import Metadata, Volume

__all__ = ["CdpCoordinate", "cdp_coordinates", "length_unit", "scaled"]

_WORDS = ("cdp_x", "cdp_y")
_SCALAR = "coordinate_scalar"
_ANGLES = {2: "arcsecond", 3: "degree"}
"""Coordinate unit code and its unit; 1 is a length, 4 degrees, minutes and seconds in one number."""


class CdpCoordinate:
    """Reads one coordinate of a region of traces: float64, NaN where there is no trace."""

    def __init__(self, volume: Volume, word: str, unit: str = "") -> None:
        self.volume = volume
        self.word = word
        self.unit = unit

    def __call__(self, region: Region) -> NDArray[np.float64]:
        """Return the coordinate of every cell of a region without sample axis."""
        layout = self.volume.schema.headers
        records = self.volume.headers(region)
        words = layout.values(records, self.word)
        scalars = layout.values(records, _SCALAR) if _SCALAR in layout.by_name else np.zeros((), dtype=np.int16)
        return np.where(self.volume.live(region), scaled(words, scalars), np.nan)


def scaled(words: NDArray[Any], scalars: NDArray[Any]) -> NDArray[np.float64]:
    """Return coordinate words times their scalars, float64: positive multiplies, negative divides, 0 is 1."""
    wide = scalars.astype(np.float64)
    # Divided, not multiplied by the reciprocal: 4310125 / 10 is 431012.5, and stays it.
    return words * np.where(wide > 0, wide, 1.0) / np.where(wide < 0, -wide, 1.0)


def cdp_coordinates(volume: Volume) -> dict[str, CdpCoordinate]:
    """Return ``cdp_x`` and ``cdp_y`` where the trace headers have them; empty where the first traces say (0, 0)."""
    layout = volume.schema.headers
    if not {*_WORDS} <= layout.by_name.keys():
        return {}
    some = [volume.headers(cell) for cell in live_ends(volume)]
    if not any(layout.values(record, word).any() for record in some for word in _WORDS):
        return {}
    unit = _unit(volume, some[0])
    return {word: CdpCoordinate(volume, word, unit) for word in _WORDS}


def length_unit(metadata: Metadata) -> str:
    """Return ``"m"`` or ``"ft"`` as the binary file header says, or an empty string."""
    names = ("MeasurementSystem", "measurement_system_code", "measurement_system")
    codes = [metadata.binary[name] for name in names if name in metadata.binary]
    return {1: "m", 2: "ft"}.get(codes[0], "") if codes else ""


def _unit(volume: Volume, record: NDArray[Any]) -> str:
    layout = volume.schema.headers
    if "coordinate_unit" not in layout.by_name:
        return ""
    code = int(layout.values(record, "coordinate_unit").reshape(-1)[0])
    return length_unit(volume.schema.metadata) if code == 1 else _ANGLES.get(code, "")
