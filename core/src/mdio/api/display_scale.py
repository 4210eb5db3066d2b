"""Between which values the colours of a picture run: standard deviations, not extremes, which spikes decide."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.api.sections import Section

__all__ = ["limits_of"]


def limits_of(section: Section, statistics: Mapping[str, Any] | None, gain: float) -> tuple[float, float]:
    """Return the values at which colours end.

    Parameters
    ----------
    section
        What is to be shown.
    statistics
        Of the whole volume, as ``Metadata.statistics``; where unknown, those of the section are taken.
    gain
        Standard deviations from the centre to the ends: 0, or the mean where all values have one sign, as velocities.
        Those of a slice are its own, about the same centre: amplitudes are not the same at all times, and the volume's
        would show a reflection all white and what lies between two all grey.

    Raises
    ------
    ConfigError
        The gain is not positive.
    """
    if not (math.isfinite(gain) and gain > 0):
        raise ConfigError(f"gain {gain} is not a positive number")
    known = statistics or {}
    numbers = [known.get(name) for name in ("min", "max", "mean", "std")]
    if all(isinstance(number, float | int) and math.isfinite(number) for number in numbers) and known["std"] > 0:
        low, high, mean, std = (float(known[name]) for name in ("min", "max", "mean", "std"))
    else:
        low, high, mean, std = _measured(section)
    centre = mean if low > 0 or high < 0 else 0.0
    if section.sliced:
        std = _swing(section, centre) or std
    half = gain * std or max(abs(mean), abs(low), abs(high)) or 1.0
    return centre - half, centre + half


def _measured(section: Section) -> tuple[float, float, float, float]:
    """Return minimum, maximum, mean and standard deviation of the finite samples of live traces that are not 0."""
    values = _samples(section)
    if not values.size:
        return 0.0, 0.0, 0.0, 0.0
    return float(values.min()), float(values.max()), float(values.mean()), float(values.std())


def _swing(section: Section, centre: float) -> float:
    """Return the root of the mean square about a centre, of the same samples."""
    values = _samples(section) - centre
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0


def _samples(section: Section) -> NDArray[np.float64]:
    values = section.values[section.live].astype(np.float64)
    wanted: NDArray[np.float64] = values[np.isfinite(values) & (values != 0)]
    return wanted
