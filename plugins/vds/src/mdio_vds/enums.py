"""Enumerations of the format with the names and numbers that VDS files and the OpenVDS API use.

Source: VDS specification section 1 (numbers stored in payloads and containers) and section 4 (names in the JSON).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

__all__ = [
    "ChannelFlags",
    "CompressionMethod",
    "LayoutOptions",
    "MetadataType",
    "VolumeDataFormat",
    "VolumeDataMapping",
]


class VolumeDataFormat(IntEnum):
    """Type of one voxel component."""

    Format_1Bit = 0
    Format_U8 = 1
    Format_U16 = 2
    Format_R32 = 3
    Format_U32 = 4
    Format_R64 = 5
    Format_U64 = 6

    @property
    def typestr(self) -> str:
        """Type string of numpy for a component on disk, little-endian; of the packed byte for 1Bit."""
        return ("|u1", "|u1", "<u2", "<f4", "<u4", "<f8", "<u8")[self]

    @property
    def label(self) -> str:
        """Short name, e.g. ``"R32"``."""
        return self.name.removeprefix("Format_")


class VolumeDataMapping(IntEnum):
    """What a value of a channel belongs to: a voxel, or a trace (a column along dimension 0)."""

    Direct = 0
    PerTrace = 1


class CompressionMethod(IntEnum):
    """How the chunks of a layer are encoded."""

    NONE = 0
    Wavelet = 1
    RLE = 2
    Zip = 3
    WaveletNormalizeBlock = 4
    WaveletLossless = 5
    WaveletNormalizeBlockLossless = 6

    @property
    def label(self) -> str:
        """Name as the JSON and the tools spell it."""
        return "None" if self is CompressionMethod.NONE else self.name

    @property
    def is_wavelet(self) -> bool:
        """Whether chunks are wavelet streams, whose metadata carry 16 adaptive level bytes."""
        return self not in (CompressionMethod.NONE, CompressionMethod.RLE, CompressionMethod.Zip)

    @classmethod
    def from_label(cls, label: str) -> CompressionMethod:
        """Return the method of a JSON name; both spellings of the normalising methods are known.

        Raises
        ------
        ValueError
            Unknown name.
        """
        for method in cls:
            if method.label == label.replace("NormalizeBlockExperimental", "NormalizeBlock"):
                return method
        raise ValueError(f"unknown compression method {label!r}")


class MetadataType(IntEnum):
    """Type of a metadata value."""

    Int = 0
    IntVector2 = 1
    IntVector3 = 2
    IntVector4 = 3
    Float = 4
    FloatVector2 = 5
    FloatVector3 = 6
    FloatVector4 = 7
    Double = 8
    DoubleVector2 = 9
    DoubleVector3 = 10
    DoubleVector4 = 11
    String = 12
    BLOB = 13

    @property
    def length(self) -> int:
        """Number of components of a vector type, else 1."""
        return int(self.name[-1]) if "Vector" in self.name else 1


class ChannelFlags(IntFlag):
    """Properties of a channel."""

    Default = 0
    DiscreteData = 1
    NoLossyCompression = 2
    NotRenderable = 4
    NoLossyCompressionUseZip = 10


class LayoutOptions(IntFlag):
    """Properties of a layout."""

    NONE = 0
    Create2DLODs = 1
    ForceFullResolutionDimension = 2
