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

_SPIKY = 20
"""Standard deviations this many times what almost all samples stay below are those of spikes."""
_LOOKED_AT = 1 << 18
"""Samples of a section, or few more: of larger ones every second, third … of both axes tells as well."""


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
        would show a reflection all white and what lies between two all grey. Where spikes make them many times what
        almost all samples stay below, they are those of the others.

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
    around = _samples(section, math.isqrt(section.values.size // _LOOKED_AT) + 1) - centre
    if section.sliced:
        std = _swing(around) or std
    # What 99 of 100 samples do not exceed.
    most = float(np.percentile(np.abs(around), 99)) if around.size else 0.0
    if 0 < most < std / _SPIKY:
        std = _swing(around[np.abs(around) <= most])
    half = gain * std or max(abs(mean), abs(low), abs(high)) or 1.0
    return centre - half, centre + half


def _measured(section: Section) -> tuple[float, float, float, float]:
    """Return minimum, maximum, mean and standard deviation of the finite samples of live traces that are not 0."""
    values = _samples(section, 1)
    if not values.size:
        return 0.0, 0.0, 0.0, 0.0
    return float(values.min()), float(values.max()), float(values.mean()), float(values.std())


def _samples(section: Section, step: int) -> NDArray[np.float64]:
    """Return the finite samples of live traces that are not 0, of every ``step``-th row and column."""
    values = section.values[::step, ::step][section.live[::step, ::step]].astype(np.float64)
    wanted: NDArray[np.float64] = values[np.isfinite(values) & (values != 0)]
    return wanted


def _swing(around: NDArray[np.float64]) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(around)))) if around.size else 0.0
