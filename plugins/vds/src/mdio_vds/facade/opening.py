"""``open``, ``create``, ``close`` and what is asked of a handle."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from mdio.storage.urls import scheme
from mdio_vds import enums
from mdio_vds.channel import layer_name, stored_group
from mdio_vds.facade.access import VolumeDataAccessManager
from mdio_vds.facade.connection import PROTOCOLS, Place, options_of, place_of
from mdio_vds.facade.enumerations import CompressionMethod, LogLevel, WaveletAdaptiveMode
from mdio_vds.facade.errors import VDSError, reported
from mdio_vds.facade.exceptions import InvalidOperation
from mdio_vds.facade.handle import VDS, begun, opened
from mdio_vds.facade.io_manager import IOManager
from mdio_vds.facade.metadata import MetadataReadAccess, MetadataWriteAccess
from mdio_vds.facade.options import OpenOptions
from mdio_vds.facade.overloads import overloaded
from mdio_vds.facade.records import record_of
from mdio_vds.wavelet.quality import BEST_QUALITY, Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdio.storage.store import Store
    from mdio_vds.chunks import StoredLayer
    from mdio_vds.facade.axis import VolumeDataAxisDescriptor
    from mdio_vds.facade.channel import VolumeDataChannelDescriptor
    from mdio_vds.facade.layout import VolumeDataLayout
    from mdio_vds.facade.layout_descriptor import VolumeDataLayoutDescriptor

__all__ = [
    "close",
    "create",
    "createOpenOptions",
    "getAccessManager",
    "getAccessManagerInterface",
    "getCompressionMethod",
    "getCompressionTolerance",
    "getLayout",
    "getMetadataWriteAccessInterface",
    "getWaveletAdaptiveLevels",
    "getWaveletCompressedSize",
    "getWaveletUncompressedSize",
    "open",
    "openWithAdaptiveCompressionRatio",
    "openWithAdaptiveCompressionTolerance",
    "retryableClose",
]

_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
_DESCRIPTORS = (
    "layoutDescriptor: VolumeDataLayoutDescriptor, axisDescriptors: list[VolumeDataAxisDescriptor], "
    "channelDescriptors: list[VolumeDataChannelDescriptor], metadata: MetadataReadAccess"
)
_COMPRESSION = "compressionMethod: CompressionMethod, compressionTolerance: float"
_PLACES = ("url: str, connectionString: str", "url: str", "options: OpenOptions", "ioManager: IOManager")


def _with_error(*signatures: str) -> list[str]:
    return [f"{signature}{error}" for signature in signatures for error in (", error: VDSError", "")]


@overloaded("url: str, connectionString: str, error: VDSError", "url: str, connectionString: str")
def createOpenOptions(url: str, connectionString: str, error: VDSError | None = None) -> OpenOptions | None:
    """Return the options of a URL and a connection string."""
    with reported(error):
        return options_of(url, connectionString)
    return None


@overloaded(*_with_error(*_PLACES, "ioManager: IOManager, logLevel: LogLevel"))
def open(
    url: str = "",
    connectionString: str = "",
    options: OpenOptions | None = None,
    ioManager: IOManager | None = None,
    logLevel: LogLevel | None = None,
    error: VDSError | None = None,
) -> VDS | None:
    """Open a VDS: one file, or a directory or key prefix in the object layout.

    Parameters
    ----------
    url, connectionString
        Where it is, and ``Key=Value;…`` for its connection. Any URL that the toolkit opens will do.
    options, ioManager
        Where it is, otherwise said.
    logLevel
        Level of this package's logger.
    error
        Takes up what goes wrong; None is returned then.

    Raises
    ------
    RuntimeError
        It cannot be opened, and no ``error`` was given.
    """
    with reported(error):
        _set_level(logLevel)
        if ioManager is not None:
            return opened(ioManager.store)
        known = options if options is not None else _options(url, connectionString)
        return opened(_place(url, known).store(), _quality(known))
    return None


@overloaded(*_with_error("url: str, connectionString: str, waveletAdaptiveTolerance: float"))
def openWithAdaptiveCompressionTolerance(
    url: str,
    connectionString: str,
    waveletAdaptiveTolerance: float,
    error: VDSError | None = None,
) -> VDS | None:
    """Open a VDS, and read its wavelet chunks as if they had been compressed with a tolerance.

    Of chunks that were compressed with less of it, or without loss, only the first bytes are read. Others are read as
    they are.
    """
    with reported(error):
        return opened(_store(url, connectionString, None, None), Quality(tolerance=waveletAdaptiveTolerance))
    return None


@overloaded(*_with_error("url: str, connectionString: str, waveletAdaptiveRatio: float"))
def openWithAdaptiveCompressionRatio(
    url: str,
    connectionString: str,
    waveletAdaptiveRatio: float,
    error: VDSError | None = None,
) -> VDS | None:
    """Open a VDS, and read its wavelet chunks as if they had been compressed to a ratio; 5 reads a fifth of the data.

    Data that are compressed further are read as they are.
    """
    with reported(error):
        return opened(_store(url, connectionString, None, None), Quality(ratio=waveletAdaptiveRatio))
    return None


@overloaded(
    *_with_error(
        *(f"{place}, {_DESCRIPTORS}{more}" for place in _PLACES for more in (f", {_COMPRESSION}", "")),
        f"{_PLACES[-1]}, {_DESCRIPTORS}, {_COMPRESSION}, logLevel: LogLevel",
        f"{_PLACES[-1]}, {_DESCRIPTORS}, logLevel: LogLevel",
    )
)
def create(
    layoutDescriptor: VolumeDataLayoutDescriptor,
    axisDescriptors: Sequence[VolumeDataAxisDescriptor],
    channelDescriptors: Sequence[VolumeDataChannelDescriptor],
    metadata: MetadataReadAccess,
    url: str = "",
    connectionString: str = "",
    options: OpenOptions | None = None,
    ioManager: IOManager | None = None,
    compressionMethod: int = 0,
    compressionTolerance: float = 0.01,
    logLevel: LogLevel | None = None,
    error: VDSError | None = None,
) -> VDS | None:
    """Create a VDS, in the place of what is there: a local file, or objects below a remote prefix.

    Parameters
    ----------
    layoutDescriptor, axisDescriptors, channelDescriptors, metadata
        What it is; the metadata are copied.
    compressionMethod, compressionTolerance
        How chunks are encoded. Channels that no wavelet method can hold get RLE, or Zip as their flags say; levels of
        detail are made from what is stored.
    url, connectionString, options, ioManager, logLevel, error
        As for :func:`open`.

    Raises
    ------
    InvalidArgument, RuntimeError
        It cannot be created, and no ``error`` was given.
    """
    with reported(error):
        _set_level(logLevel)
        record = record_of(layoutDescriptor, axisDescriptors, channelDescriptors)
        method = enums.CompressionMethod(int(compressionMethod))
        store = _store(url, connectionString, options, ioManager)
        zipped = frozenset(
            channel.getName() or "" for channel in channelDescriptors if channel.isUseZipForLosslessCompression()
        )
        tolerance = max(float(np.float32(compressionTolerance)), float(np.float32(0.01)))
        values = dict(metadata._values)
        return begun(store, record, values, method, tolerance, zipped, objects=store.path is None)
    return None


@overloaded("handle: VDS, flush: bool = True", "handle: VDS, error: VDSError, flush: bool = True")
def close(handle: VDS, flush: bool = True, error: VDSError | None = None) -> None:
    """Close a VDS.

    Parameters
    ----------
    handle
        The VDS.
    flush
        Whether what was not written yet is written.
    error
        Takes up what goes wrong.
    """
    with reported(error):
        handle.close(flush=flush)


retryableClose = close
"""The same: what cannot be written is not kept for another try."""


def getLayout(handle: VDS) -> VolumeDataLayout:
    """Return what a VDS is made of."""
    return _open(handle).public_layout


def getAccessManager(handle: VDS) -> VolumeDataAccessManager:
    """Return the manager of requests and pages.

    It interpolates across the borders of bricks, which the reference implementation does not: its attribute
    ``boundary`` set to ``"openvds"`` gives that one's results bit for bit.
    """
    return VolumeDataAccessManager(_open(handle))


getAccessManagerInterface = getAccessManager


def getMetadataWriteAccessInterface(handle: VDS) -> MetadataWriteAccess:
    """Return what changes the metadata of an open VDS; they are written with the next flush."""
    return MetadataWriteAccess(_open(handle)._values, handle.note_metadata)


def getCompressionMethod(handle: VDS) -> CompressionMethod:
    """Return how chunks are encoded."""
    return CompressionMethod(_open(handle).method)


def getCompressionTolerance(handle: VDS) -> float:
    """Return the tolerance of lossy encodings."""
    return _open(handle).tolerance


@dataclass(frozen=True)
class WaveletAdaptiveLevel:
    """What a read of an adaptive level comes to.

    Parameters
    ----------
    compressedSize
        Bytes that are read of all chunks of full resolution.
    compressionRatio
        Bytes that these decode to, for one that is read.
    compressionTolerance
        The tolerance that goes with it.
    """

    compressedSize: int
    compressionRatio: float
    compressionTolerance: float


def getWaveletAdaptiveLevels(handle: VDS) -> list[WaveletAdaptiveLevel]:
    """Return the adaptive levels of the first layer; none where it is not made of wavelets.

    As in the reference implementation the list begins with the sizes of level 1, but with the tolerance of level 0.
    """
    layer = _first_wavelet(handle)
    if layer is None:
        return []
    whole, base = np.float32(layer.uncompressed_size), np.float32(layer.tolerance)
    sizes = takewhile(bool, layer.level_sizes[1:])
    return [
        WaveletAdaptiveLevel(size, float(whole / np.float32(size)), float(np.ldexp(base, doublings)))
        for doublings, size in enumerate(sizes)
    ]


def getWaveletCompressedSize(handle: VDS) -> int:
    """Return the bytes of the first layer without its lossless part; 0 where it is not made of wavelets."""
    layer = _first_wavelet(handle)
    return next(iter(layer.level_sizes), 0) if layer is not None else 0


def getWaveletUncompressedSize(handle: VDS) -> int:
    """Return the bytes that the first layer decodes to, as recorded; 0 where it is not made of wavelets."""
    layer = _first_wavelet(handle)
    return layer.uncompressed_size if layer is not None else 0


def _first_wavelet(handle: VDS) -> StoredLayer | None:
    layout = _open(handle).layout
    group = stored_group(handle.source, layout, layout.channels[0])
    layer = handle.source.layers[layer_name(layout, layout.channels[0], group)] if group is not None else None
    return layer if layer is not None and layer.method.is_wavelet else None


def _open(handle: VDS) -> VDS:
    if not isinstance(handle, VDS):
        raise TypeError(f"a VDS is expected, not {type(handle).__name__}")
    if handle.closed:
        raise InvalidOperation("the VDS was closed")
    return handle


def _store(url: str, connectionString: str, options: OpenOptions | None, ioManager: IOManager | None) -> Store:
    if ioManager is not None:
        return ioManager.store
    return _place(url, options if options is not None else _options(url, connectionString)).store()


def _options(url: str, connectionString: str) -> OpenOptions:
    """Return the options of a URL; of one that only the toolkit knows, what the connection string says of reading."""
    return options_of(url if scheme(url) in PROTOCOLS else "", connectionString)


def _place(url: str, options: OpenOptions) -> Place:
    return place_of(options) if not url or scheme(url) in PROTOCOLS else Place(url)


def _quality(options: OpenOptions) -> Quality:
    if options.waveletAdaptiveMode == WaveletAdaptiveMode.Tolerance:
        return Quality(tolerance=options.waveletAdaptiveTolerance)
    if options.waveletAdaptiveMode == WaveletAdaptiveMode.Ratio:
        return Quality(ratio=options.waveletAdaptiveRatio)
    return BEST_QUALITY


def _set_level(level: LogLevel | None) -> None:
    if level is not None:
        logging.getLogger("mdio_vds").setLevel(_LEVELS[min(int(level), len(_LEVELS) - 1)])
