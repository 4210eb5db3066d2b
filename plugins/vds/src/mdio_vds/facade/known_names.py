"""Names with a meaning: metadata, axes and units (VDS specification section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mdio_vds.facade.enumerations import MetadataType
from mdio_vds.facade.metadata import MetadataKey

__all__ = ["KnownAxisNames", "KnownMetadata", "KnownUnitNames"]

_SURVEY, _TRACES, _IMPORT = "SurveyCoordinateSystem", "TraceCoordinates", "ImportInformation"
_SEGY, _STATISTICS, _WRITTEN = "SEGY", "Statistics", "WrittenRegion"
_CATEGORIES = (_SURVEY, _TRACES, _IMPORT, _SEGY, _STATISTICS, _WRITTEN)

_KEYS: dict[str, tuple[str, str, MetadataType]] = {
    "surveyCoordinateSystemOrigin": (_SURVEY, "Origin", MetadataType.DoubleVector2),
    "surveyCoordinateSystemInlineSpacing": (_SURVEY, "InlineSpacing", MetadataType.DoubleVector2),
    "surveyCoordinateSystemCrosslineSpacing": (_SURVEY, "CrosslineSpacing", MetadataType.DoubleVector2),
    "surveyCoordinateSystemIJKOrigin": (_SURVEY, "Origin3D", MetadataType.DoubleVector3),
    "surveyCoordinateSystemIStepVector": (_SURVEY, "IStepVector", MetadataType.DoubleVector3),
    "surveyCoordinateSystemJStepVector": (_SURVEY, "JStepVector", MetadataType.DoubleVector3),
    "surveyCoordinateSystemKStepVector": (_SURVEY, "KStepVector", MetadataType.DoubleVector3),
    "surveyCoordinateSystemCRSWkt": (_SURVEY, "CRSWkt", MetadataType.String),
    "surveyCoordinateSystemUnit": (_SURVEY, "Unit", MetadataType.String),
    "tracePositions": (_TRACES, "TracePositions", MetadataType.BLOB),
    "traceVerticalOffsets": (_TRACES, "TraceVerticalOffsets", MetadataType.BLOB),
    "energySourcePointNumbers": (_TRACES, "EnergySourcePointNumbers", MetadataType.BLOB),
    "ensembleNumbers": (_TRACES, "EnsembleNumbers", MetadataType.BLOB),
    "SEGYTextHeader": (_SEGY, "TextHeader", MetadataType.BLOB),
    "SEGYBinaryHeader": (_SEGY, "BinaryHeader", MetadataType.BLOB),
    "SEGYEndianness": (_SEGY, "Endianness", MetadataType.Int),
    "SEGYDataEndianness": (_SEGY, "DataEndianness", MetadataType.Int),
    "SEGYDataSampleFormatCode": (_SEGY, "DataSampleFormatCode", MetadataType.Int),
    "SEGYPrimaryKey": (_SEGY, "PrimaryKey", MetadataType.String),
    "importInformationDisplayName": (_IMPORT, "DisplayName", MetadataType.String),
    "importInformationInputFileName": (_IMPORT, "InputFileName", MetadataType.String),
    "importInformationInputFileSize": (_IMPORT, "InputFileSize", MetadataType.Double),
    "importInformationInputTimeStamp": (_IMPORT, "InputTimeStamp", MetadataType.String),
    "importInformationImportTimeStamp": (_IMPORT, "ImportTimeStamp", MetadataType.String),
    "actualValueRange": (_STATISTICS, "ActualValueRange", MetadataType.FloatVector2),
    "histogram": (_STATISTICS, "Histogram", MetadataType.BLOB),
    "writtenRegion": (_WRITTEN, "WrittenRegion", MetadataType.BLOB),
}
for _point in range(4):
    _base = f"GridPoint{_point}"
    _KEYS[f"surveyCoordinateSystem{_base}"] = (_SURVEY, _base, MetadataType.DoubleVector2)
    _KEYS[f"surveyCoordinateSystem{_base}Inline"] = (_SURVEY, f"{_base}Inline", MetadataType.Float)
    _KEYS[f"surveyCoordinateSystem{_base}Crossline"] = (_SURVEY, f"{_base}Crossline", MetadataType.Float)

_AXES = ("Inline", "Crossline", "Time", "Depth", "Sample", "I", "J", "K", "X", "Y", "Z")
_UNITS = {
    "millisecond": "ms",
    "second": "s",
    "meter": "m",
    "foot": "ft",
    "USSurveyFoot": "ussft",
    "metersPerSecond": "m/s",
    "feetPerSecond": "ft/s",
    "USSurveyFeetPerSecond": "ussft/s",
    "unitless": "unitless",
}


class _Named(type):
    if TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any: ...


class KnownMetadata(metaclass=_Named):
    """Functions that return keys of metadata, and names of categories."""


class KnownAxisNames(metaclass=_Named):
    """Functions that return names of axes."""


class KnownUnitNames(metaclass=_Named):
    """Functions that return units."""


def _add(owner: type, name: str, says: str, make: Callable[[], Any]) -> None:
    make.__name__, make.__doc__ = name, says
    make.__qualname__ = f"{owner.__name__}.{name}"
    setattr(owner, name, staticmethod(make))


def _maker(value: str) -> Callable[[], str]:
    return lambda: value


def _key_maker(category: str, name: str, type: MetadataType) -> Callable[[], MetadataKey]:
    return lambda: MetadataKey(type, category, name)


for _function, _key in _KEYS.items():
    _add(KnownMetadata, _function, f"Return the key of {_key[0]}/{_key[1]}.", _key_maker(*_key))
for _category in _CATEGORIES:
    _add(KnownMetadata, f"category{_category}", f"Return the category {_category}.", _maker(_category))
for _axis in _AXES:
    _add(KnownAxisNames, _axis.lower(), f"Return {_axis}.", _maker(_axis))
for _unit, _symbol in _UNITS.items():
    _add(KnownUnitNames, _unit, f"Return {_symbol}.", _maker(_symbol))
