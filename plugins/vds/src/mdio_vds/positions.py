"""Where traces lie, by the words of their headers that an import was told to trust.

SEG-Y rev 1, section 6: coordinates of common depth points at bytes 181 and 185, multiplied by the scalar at 71; a
negative scalar divides, 0 counts as 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio.core.headers import HeaderField, HeaderLayout
from mdio.exceptions import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Schema
    from mdio_vds.options import VdsWriteOptions

__all__ = ["Positions"]

_STANDARD: Final = ("181:int32", "185:int32", "71:int16")
_TYPES: Final = {"int16": "i2", "int32": "i4", "int64": "i8", "float32": "f4", "float64": "f8"}
_METRES: Final = {"m": 1.0, "ft": 0.3048, "ussft": 1200 / 3937}
_X, _Y, _SCALAR = "position x", "position y", "position scalar"


class Positions:
    """Reads positions from raw trace headers, and knows their unit.

    Parameters
    ----------
    schema
        Of the volume.
    options
        Which words, and what they are multiplied by.

    Raises
    ------
    ConfigError
        Words were asked for that the trace headers do not have.
    """

    def __init__(self, schema: Schema, options: VdsWriteOptions) -> None:
        self.chosen = options.position_words is not None
        """Whether the words were asked for, so that no others are looked at."""
        own = options.header_unit or _stated_unit(schema)
        self.unit = options.survey_unit or own
        self._scale = options.position_scale
        self._factor = _METRES[own] / _METRES[self.unit]
        self._layout = _layout(schema, options.position_words or _STANDARD)
        if self._layout is None and self.chosen:
            raise ConfigError("the source has no trace headers with such words", path="position_words")

    @property
    def available(self) -> bool:
        """Whether the headers have the words."""
        return self._layout is not None

    def __call__(self, records: NDArray[Any], words: tuple[str, str] = (_X, _Y)) -> NDArray[np.float64]:
        """Return x and y of trace headers, shape (traces, 2), in :attr:`unit`."""
        layout = self._layout
        assert layout is not None
        if self._scale is None:
            scalar = layout.values(records, _SCALAR).astype(np.float64)
            factor, divisor = np.where(scalar > 0, scalar, 1), np.where(scalar < 0, -scalar, 1)
        else:
            factor, divisor = np.asarray(self._scale), np.asarray(1.0)
        found = np.stack([layout.values(records, word) * factor / divisor for word in words], axis=-1)
        return found if self._factor == 1.0 else found * self._factor


def _stated_unit(schema: Schema) -> str:
    """Return feet where the binary header says so (bytes 3255-3256), else metres."""
    system = schema.metadata.binary.get("MeasurementSystem", schema.metadata.binary.get("measurement_system"))
    return "ft" if system == 2 else "m"


def _layout(schema: Schema, words: tuple[str, ...]) -> HeaderLayout | None:
    """Return the layout of the headers with the words of positions; None where the headers are no SEG-Y ones."""
    headers = schema.headers
    if not {"71", "181", "185"} <= set(headers.by_name):
        return None
    order = "<" if headers.by_name["181"].dtype.startswith("<") else ">"
    fields = []
    for name, word in zip((_X, _Y, _SCALAR), words, strict=True):
        place, _, kind = word.partition(":")
        offset = int(place) - 1
        type_ = _TYPES[kind]
        if offset + int(type_[1]) > headers.itemsize:
            raise ConfigError(
                f"byte {place} lies behind the trace header of {headers.itemsize} bytes", path="position_words"
            )
        fields.append(HeaderField(name, offset, order + type_))
    return headers.with_fields(fields)
