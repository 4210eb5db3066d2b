"""``VolumeDataAxisDescriptor``: one dimension of a VDS. All numbers are single precision, as in the API."""

from __future__ import annotations

import math
import operator

import numpy as np

from mdio_vds.facade.overloads import overloaded

__all__ = ["VolumeDataAxisDescriptor"]

_NO_INDEX = -(2**31)


class VolumeDataAxisDescriptor:
    """Samples, name, unit and coordinates of an axis; without arguments one that is not initialised.

    Parameters
    ----------
    numSamples
        Number of samples.
    name, unit
        As stored.
    coordinateMin, coordinateMax
        Coordinates of the first and the last sample.
    """

    @overloaded("", "numSamples: int, name: str, unit: str, coordinateMin: float, coordinateMax: float")
    def __init__(
        self,
        numSamples: int = 0,
        name: str | None = None,
        unit: str | None = None,
        coordinateMin: float = 0.0,
        coordinateMax: float = 0.0,
    ) -> None:
        self._samples, self._name, self._unit = numSamples, name, unit
        with np.errstate(over="ignore"):
            self._min, self._max = np.float32(coordinateMin), np.float32(coordinateMax)

    def getNumSamples(self) -> int:
        """Return the number of samples."""
        return self._samples

    def getName(self) -> str | None:
        """Return the name."""
        return self._name

    def getUnit(self) -> str | None:
        """Return the unit of the coordinates."""
        return self._unit

    def getCoordinateMin(self) -> float:
        """Return the coordinate of the first sample."""
        return float(self._min)

    def getCoordinateMax(self) -> float:
        """Return the coordinate of the last sample."""
        return float(self._max)

    def getCoordinateStep(self) -> float:
        """Return the distance of two samples; 0 where there are fewer."""
        return float((self._max - self._min) / np.float32(self._samples - 1)) if self._samples > 1 else 0.0

    def sampleIndexToCoordinate(self, sampleIndex: int) -> float:
        """Return the coordinate of a sample, also beyond the ends."""
        step = np.float32(self.getCoordinateStep())
        return float(self._min + np.float32(operator.index(sampleIndex)) * step)

    def coordinateToSampleIndex(self, coordinate: float) -> int:
        """Return the nearest sample, also beyond the ends."""
        position = self._along(coordinate)
        return math.floor(position + np.float32(0.5)) if np.isfinite(position) else _NO_INDEX

    def coordinateToSamplePosition(self, coordinate: float) -> float:
        """Return the position as requests take it: the centre of sample i is i + 0.5."""
        return float(self._along(coordinate) + np.float32(0.5))

    def _along(self, coordinate: float) -> np.float32:
        with np.errstate(all="ignore"):
            part = (np.float32(coordinate) - self._min) / (self._max - self._min)
            return np.float32(part * np.float32(self._samples - 1))

    numSamples = property(getNumSamples)
    name = property(getName)
    unit = property(getUnit)
    coordinateMin = property(getCoordinateMin)
    coordinateMax = property(getCoordinateMax)
    coordinateStep = property(getCoordinateStep)
