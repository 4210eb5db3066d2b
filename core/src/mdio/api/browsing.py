"""What a page in a browser asks about a volume, answered: its axes, and slices as raw numbers or as a picture.

Nothing here knows HTTP; :mod:`mdio.api.serving` carries it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.display_scale import limits_of
from mdio.api.grey import grey_pixels
from mdio.api.png import grey_png
from mdio.api.sections import section_at, shown_name
from mdio.exceptions import ConfigError, ShapeError
from mdio.plugins.registry import near

if TYPE_CHECKING:
    from mdio.api.sections import Axis, Section
    from mdio.core.dimension import Dimension
    from mdio.core.volume import Volume

__all__ = ["Browsed", "Slice"]

_NAMED = 1 << 16
"""Coordinates of the longest axis that are sent; of longer ones first and last are."""
_PIXELS = 4096
"""Traces and samples of a slice at most."""
_DEFAULT = 2048
_READERS = 4
"""Slices read at once, however many are asked for."""


@dataclass(frozen=True)
class Slice:
    """A slice as it travels.

    Parameters
    ----------
    facts
        What a page has to know to draw it: JSON-able.
    data
        Raw values or a picture.
    """

    facts: Mapping[str, Any]
    data: bytes


class Browsed:
    """A volume that is looked at, slice by slice.

    Parameters
    ----------
    volume
        Of any format, two dimensions or more; read from several threads.
    source
        What the page calls it, without secrets.
    """

    def __init__(self, volume: Volume, source: str) -> None:
        if len(volume.schema.dims) < 2 or not volume.schema.region.size:
            raise ShapeError(f"{source}: a volume of shape {volume.schema.shape} has nothing to show")
        self.volume = volume
        self.source = source
        self._reading = threading.BoundedSemaphore(_READERS)

    def facts(self) -> dict[str, Any]:
        """Return name, type and axes, JSON-able."""
        schema = self.volume.schema
        return {
            "source": self.source,
            "dtype": schema.dtype.name,
            "traces": schema.metadata.trace_count,
            "dims": [_axis_facts(dim) for dim in schema.dims],
        }

    def values(self, query: Mapping[str, str]) -> Slice:
        """Return a slice as float32, little endian, (down, across) in C order; NaN where dead or not finite.

        Parameters
        ----------
        query
            Position, 0-based, by name of every dimension but the two that are shown; ``columns`` and ``rows`` at most.

        Raises
        ------
        ConfigError
            Another name, or something that is no number.
        ShapeError
            Not two dimensions are left, or a position lies outside.
        """
        section = self._section(query, set())
        values = np.where(section.live, section.values, np.nan).astype("<f4")
        values[~np.isfinite(values)] = np.nan
        return Slice(self._section_facts(section), values.tobytes())

    def picture(self, query: Mapping[str, str]) -> Slice:
        """Return a slice as a grey PNG; ``gain`` in the query is in standard deviations, 3 by default."""
        section = self._section(query, {"gain"})
        try:
            gain = float(query.get("gain", 3))
        except ValueError:
            raise ConfigError(f"gain: {query['gain']!r} is not a number") from None
        low, high = limits_of(section, self.volume.schema.metadata.statistics, gain)
        return Slice(self._section_facts(section), grey_png(grey_pixels(section, low, high)))

    def _section(self, query: Mapping[str, str], also: set[str]) -> Section:
        names = list(self.volume.schema.names)
        limits = {"columns": _DEFAULT, "rows": _DEFAULT}
        positions: dict[int, int] = {}
        for name, text in query.items():
            if name in also:
                continue
            if name not in names and name not in limits:
                raise ConfigError(f"no dimension {name!r}", hint=near(name, names) or f"there are {', '.join(names)}")
            if not (text.isascii() and text.isdecimal()) or len(text) > 18:
                raise ConfigError(f"{name}: {text[:40]!r} is no position", hint="positions count from 0")
            if name in names:
                positions[names.index(name)] = int(text)
            else:
                limits[name] = min(max(1, int(text)), _PIXELS)
        with self._reading:
            return section_at(self.volume, positions, **limits)

    def _section_facts(self, section: Section) -> dict[str, Any]:
        low, high = limits_of(section, self.volume.schema.metadata.statistics, 1)
        return {
            "shape": list(section.values.shape),
            "down": _shown(section.down),
            "across": _shown(section.across),
            "sliced": section.sliced,
            "title": section.title,
            "centre": (low + high) / 2,
            "std": (high - low) / 2,
        }


def _axis_facts(dim: Dimension) -> dict[str, Any]:
    ends = [dim.between(0, 1)[0].item(), dim.between(dim.size - 1, dim.size)[0].item()]
    coords = dim.coords.tolist() if dim.size <= _NAMED else None
    label = shown_name(dim.name, dim.unit)
    return {"name": dim.name, "label": label, "unit": dim.unit, "size": dim.size, "ends": ends, "coords": coords}


def _shown(axis: Axis) -> dict[str, Any]:
    return {"name": axis.name, "step": axis.step}
