"""Functions of the API that need no VDS."""

from __future__ import annotations

from mdio_vds import enums
from mdio_vds.chunks import ChunkEntry, ChunkKind
from mdio_vds.facade.connection import PROTOCOLS
from mdio_vds.facade.enumeration import Enumeration
from mdio_vds.facade.enumerations import CompressionMethod, ConnectionType, Flags, Options

__all__ = [
    "GlobalState",
    "compressionMethod_IsWavelet",
    "getGlobalState",
    "getLODSize",
    "getOpenVDSName",
    "getOpenVDSRevision",
    "getOpenVDSVersion",
    "isCompressionMethodSupported",
    "isSupportedProtocol",
    "operator_bor",
    "volumeDataHash_IsConstant",
    "volumeDataHash_IsDefined",
    "volumeDataHash_IsNoValue",
]


class GlobalState:
    """Counters of what was read; always 0 here."""

    def getBytesDownloaded(self, connectionType: ConnectionType) -> int:  # noqa: ARG002 - see above
        """Return 0."""
        return 0

    getBytesDecompressed = getChunksDownloaded = getChunksDecompressed = getBytesDownloaded


_STATE = GlobalState()


def getGlobalState() -> GlobalState:
    """Return the counters."""
    return _STATE


def getOpenVDSName() -> str:
    """Return the name of this package."""
    return "mdio-vds"


def getOpenVDSVersion() -> str:
    """Return the version of this package."""
    from importlib.metadata import version

    return version("mdio-vds")


def getOpenVDSRevision() -> str:
    """Return nothing."""
    return ""


def getLODSize(voxelMin: int, voxelMax: int, LOD: int, includePartialUpperVoxel: bool = True) -> int:
    """Return how many voxels of a level of detail lie between two of full resolution."""
    return (voxelMax - voxelMin + ((1 << LOD) - 1 if includePartialUpperVoxel else 0)) >> LOD


def compressionMethod_IsWavelet(compressionMethod: CompressionMethod) -> bool:
    """Whether a method makes wavelet streams."""
    return enums.CompressionMethod(int(compressionMethod)).is_wavelet


def isCompressionMethodSupported(compressionMethod: CompressionMethod) -> bool:
    """Whether there is such a method; all of them are read and written."""
    return int(compressionMethod) in list(enums.CompressionMethod)


def isSupportedProtocol(url: str) -> bool:
    """Whether the scheme of a URL is one that OpenVDS knows; a plain path has none."""
    name, separator, _ = url.partition("://")
    return bool(separator) and name.lower() in PROTOCOLS


def operator_bor(lhs: Flags | Options, rhs: Flags | Options) -> Enumeration:
    """Return flags or options together."""
    if type(lhs) is not type(rhs):
        raise TypeError("operator_bor(): incompatible function arguments: flags of one kind are needed")
    return type(lhs)(int(lhs) | int(rhs))


def volumeDataHash_IsDefined(volumeDataHash: int) -> bool:
    """Whether a chunk with this hash was written."""
    return _kind(volumeDataHash) is not ChunkKind.UNWRITTEN


def volumeDataHash_IsConstant(volumeDataHash: int) -> bool:
    """Whether all voxels of a chunk with this hash are the same, "no value" included."""
    return _kind(volumeDataHash) in (ChunkKind.CONSTANT, ChunkKind.NO_VALUE)


def volumeDataHash_IsNoValue(volumeDataHash: int) -> bool:
    """Whether all voxels of a chunk with this hash are "no value"."""
    return _kind(volumeDataHash) is ChunkKind.NO_VALUE


def _kind(hash: int) -> ChunkKind:
    if not 0 <= hash < 1 << 64:
        raise TypeError(f"a hash has 64 bits, not {hash:#x}")
    return ChunkEntry(hash).kind
