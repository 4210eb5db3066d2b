"""``VolumeDataChannelDescriptor``: one channel of a VDS."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdio_vds.facade.enumerations import Flags as _Flags
from mdio_vds.facade.enumerations import VolumeDataComponents, VolumeDataFormat, VolumeDataMapping
from mdio_vds.facade.overloads import overloaded

__all__ = ["VolumeDataChannelDescriptor"]

_FORMAT = (
    "format: VolumeDataFormat, components: VolumeDataComponents, name: str, unit: str, "
    "valueRangeMin: float, valueRangeMax: float"
)
_MAPPED = "mapping: VolumeDataMapping, mappedValueCount: int, flags: Flags"
_SCALED = "integerScale: float, integerOffset: float"


class VolumeDataChannelDescriptor:
    """Format, name, unit, range and properties of a channel; without arguments one that is not initialised.

    Parameters
    ----------
    format, components
        Type of a component, and how many a voxel has.
    name, unit
        As stored.
    valueRangeMin, valueRangeMax
        Smallest and largest value that matters; what U8 and U16 data are spread over.
    mapping, mappedValueCount
        What a value belongs to, and how many values a trace has.
    flags
        Properties. Discrete channels take no lossy compression.
    noValue
        The value that means "no value"; without it there is none.
    integerScale, integerOffset
        ``real = integerOffset + integerScale * stored`` of U8 and U16.
    """

    Format = VolumeDataFormat
    Components = VolumeDataComponents
    Flags = _Flags

    @overloaded(
        "",
        _FORMAT,
        f"{_FORMAT}, mapping: VolumeDataMapping",
        f"{_FORMAT}, flags: Flags",
        f"{_FORMAT}, mapping: VolumeDataMapping, flags: Flags",
        f"{_FORMAT}, {_MAPPED}, {_SCALED}",
        f"{_FORMAT}, noValue: float",
        f"{_FORMAT}, noValue: float, mapping: VolumeDataMapping, flags: Flags",
        f"{_FORMAT}, {_MAPPED}, noValue: float, {_SCALED}",
    )
    def __init__(
        self,
        format: VolumeDataFormat = VolumeDataFormat.Format_Any,
        components: VolumeDataComponents = VolumeDataComponents.Components_1,
        name: str | None = None,
        unit: str | None = None,
        valueRangeMin: float = 0.0,
        valueRangeMax: float = 0.0,
        mapping: VolumeDataMapping = VolumeDataMapping.Direct,
        mappedValueCount: int = 1,
        flags: _Flags = _Flags.Default,
        noValue: float | None = None,
        integerScale: float = 1.0,
        integerOffset: float = 0.0,
    ) -> None:
        self._format, self._components = VolumeDataFormat(format), VolumeDataComponents(components)
        self._name, self._unit = name, unit
        self._range = _single(valueRangeMin), _single(valueRangeMax)
        self._mapping, self._mapped = VolumeDataMapping(mapping), mappedValueCount
        self._flags = flags
        self._no_value = None if noValue is None else _single(noValue)
        self._scale, self._offset = _single(integerScale), _single(integerOffset)

    @staticmethod
    @overloaded(
        f"{_FORMAT}, mappedValueCount: int, flags: Flags",
        f"{_FORMAT}, mappedValueCount: int, flags: Flags, noValue: float",
        method=False,
    )
    def traceMappedVolumeDataChannelDescriptor(**given: Any) -> VolumeDataChannelDescriptor:
        """Return a channel with values for each trace."""
        rest = {} if "noValue" not in given else {"noValue": given.pop("noValue")}
        return VolumeDataChannelDescriptor(
            **given, mapping=VolumeDataMapping.PerTrace, **rest, integerScale=1.0, integerOffset=0.0
        )

    def getFormat(self) -> VolumeDataFormat:
        """Return the type of a component."""
        return self._format

    def getComponents(self) -> VolumeDataComponents:
        """Return the number of components a voxel has."""
        return self._components

    def getName(self) -> str | None:
        """Return the name."""
        return self._name

    def getUnit(self) -> str | None:
        """Return the unit."""
        return self._unit

    def getValueRange(self) -> tuple[float, float]:
        """Return smallest and largest value that matters."""
        return self._range

    def getValueRangeMin(self) -> float:
        """Return the smallest value that matters."""
        return self._range[0]

    def getValueRangeMax(self) -> float:
        """Return the largest value that matters."""
        return self._range[1]

    def getMapping(self) -> VolumeDataMapping:
        """Return what a value belongs to."""
        return self._mapping

    def getMappedValueCount(self) -> int:
        """Return the values a trace has."""
        return self._mapped

    def getFlags(self) -> _Flags:
        """Return all properties."""
        return self._flags

    def getIntegerScale(self) -> float:
        """Return the scale of stored integers."""
        return self._scale

    def getIntegerOffset(self) -> float:
        """Return the offset of stored integers."""
        return self._offset

    def getNoValue(self) -> float:
        """Return the value that means "no value"; 0 where there is none."""
        return self._no_value or 0.0

    def isUseNoValue(self) -> bool:
        """Whether a value means "no value"."""
        return self._no_value is not None

    def isDiscrete(self) -> bool:
        """Whether interpolation is meaningless."""
        return bool(self._flags & _Flags.DiscreteData)

    def isRenderable(self) -> bool:
        """Whether the channel has levels of detail."""
        return not self._flags & _Flags.NotRenderable

    def isAllowLossyCompression(self) -> bool:
        """Whether a lossy method may be used."""
        return not self._flags & (_Flags.NoLossyCompression | _Flags.DiscreteData)

    def isUseZipForLosslessCompression(self) -> bool:
        """Whether Zip is taken where a lossy method may not be used."""
        return self._flags & _Flags.NoLossyCompressionUseZip == _Flags.NoLossyCompressionUseZip

    format = property(getFormat)
    components = property(getComponents)
    name = property(getName)
    unit = property(getUnit)
    valueRange = property(getValueRange)
    valueRangeMin = property(getValueRangeMin)
    valueRangeMax = property(getValueRangeMax)
    mapping = property(getMapping)
    mappedValueCount = property(getMappedValueCount)
    flags = property(getFlags)
    integerScale = property(getIntegerScale)
    integerOffset = property(getIntegerOffset)
    noValue = property(getNoValue)
    useNoValue = property(isUseNoValue)
    discrete = property(isDiscrete)
    renderable = property(isRenderable)
    allowLossyCompression = property(isAllowLossyCompression)
    useZipForLosslessCompression = property(isUseZipForLosslessCompression)


for _type in (VolumeDataFormat, VolumeDataComponents):
    for _name, _member in _type.__members__.items():
        setattr(VolumeDataChannelDescriptor, _name, _member)


def _single(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(value))
