"""The enumerations of the API, with the names and numbers of ``openvds`` 3.4.9."""

from __future__ import annotations

from mdio_vds import enums
from mdio_vds.facade.enumeration import Enumeration
from mdio_vds.partition import GROUPS, group_name

__all__ = [
    "AccessMode",
    "BrickSize",
    "CompressionMethod",
    "ConnectionType",
    "CredentialsType",
    "DimensionsND",
    "Flags",
    "InterpolationMethod",
    "LODLevels",
    "LogLevel",
    "MetadataType",
    "Options",
    "VDSProduceStatus",
    "VolumeDataComponents",
    "VolumeDataFormat",
    "VolumeDataMapping",
    "WaveletAdaptiveMode",
    "group_of",
]


def _numbered(*names: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


class DimensionsND(Enumeration, members=_numbered(*(group_name(group) for group in GROUPS))):
    """Dimension groups (VDS specification section 1)."""


class VolumeDataFormat(
    Enumeration, members={"Format_Any": -1} | {format.name: int(format) for format in enums.VolumeDataFormat}
):
    """Type of one voxel component."""


class VolumeDataComponents(Enumeration, members={"Components_1": 1, "Components_2": 2, "Components_4": 4}):
    """Values a voxel."""


class VolumeDataMapping(Enumeration, members=_numbered("Direct", "PerTrace")):
    """What a value belongs to: a voxel, or a trace."""


class CompressionMethod(Enumeration, members={method.label: int(method) for method in enums.CompressionMethod}):
    """How chunks are encoded."""


class InterpolationMethod(Enumeration, members=_numbered("Nearest", "Linear", "Cubic", "Angular", "Triangular")):
    """Kernel with which samples between voxels are made."""


class MetadataType(Enumeration, members={kind.name: int(kind) for kind in enums.MetadataType}):
    """Type of a metadata value."""


class VDSProduceStatus(Enumeration, members=_numbered("Normal", "Remapped", "Unavailable")):
    """Whether a layer is stored, answered from another one, or not to be had."""


class LogLevel(Enumeration, members=_numbered("None", "Error", "Warning", "Info", "Trace")):
    """How much is logged."""


class WaveletAdaptiveMode(Enumeration, members=_numbered("BestQuality", "Tolerance", "Ratio")):
    """How much of a wavelet stream is read."""


class AccessMode(
    Enumeration,
    members=_numbered(
        "AccessMode_ReadOnly",
        "AccessMode_ReadWrite",
        "AccessMode_Create",
        "AccessMode_CreateWithoutLODGeneration",
        "AccessMode_ReadWriteWithoutLODGeneration",
    ),
):
    """What a page accessor is for."""


class Flags(
    Enumeration,
    members={
        "Default": 0,
        "DiscreteData": 1,
        "NoLossyCompression": 2,
        "NotRenderable": 4,
        "NoLossyCompressionUseZip": 10,
    },
):
    """Properties of a channel."""


class BrickSize(Enumeration, members={f"BrickSize_{2**power}": power for power in range(5, 13)}):
    """Edge of a brick; the number is its logarithm to base 2."""


class LODLevels(Enumeration, members=_numbered("LODLevels_None", *(f"LODLevels_{level}" for level in range(1, 13)))):
    """The highest level of detail."""


class Options(
    Enumeration,
    members={"Options_None": 0, "Options_Create2DLODs": 1, "Options_ForceFullResolutionDimension": 2},
):
    """Properties of a layout."""


class ConnectionType(
    Enumeration,
    members=_numbered(
        "AWS",
        "Azure",
        "AzureSdkForCpp",
        "AzurePresigned",
        "GoogleStorage",
        "DMS",
        "Http",
        "VDSFile",
        "InMemory",
        "Other",
        "ConnectionTypeCount",
    ),
):
    """Where a VDS is kept."""


class CredentialsType(
    Enumeration,
    members={
        "Default": 0,
        "AccessToken": 1,
        "Path": 2,
        "Json": 3,
        "SignedUrl": 16,
        "SignedUrlPath": 18,
        "SignedUrlJson": 19,
    },
):
    """What Google credentials are given as."""


def group_of(dimensions: int) -> tuple[int, ...]:
    """Return the dimensions of a group's number; IndexError when there is no such number."""
    if not 0 <= int(dimensions) < len(GROUPS):
        raise IndexError(f"no dimension group has number {int(dimensions)}")
    return GROUPS[int(dimensions)]
