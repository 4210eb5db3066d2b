"""``VolumeDataPageAccessor``: reads and writes a layer chunk by chunk."""

from __future__ import annotations

import operator
import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from mdio_vds.chunks import ChunkKind
from mdio_vds.errors import VdsError
from mdio_vds.facade.enumerations import AccessMode as _AccessMode
from mdio_vds.facade.enumerations import DimensionsND
from mdio_vds.facade.errors import runtime_errors
from mdio_vds.facade.exceptions import InvalidOperation, ReadErrorException
from mdio_vds.facade.layer_chunks import LayerChunks
from mdio_vds.facade.margins import changed_voxels, overlaps
from mdio_vds.facade.page import PageBuffer, VolumeDataPage, six_numbers
from mdio_vds.facade.storing import encoded
from mdio_vds.values import no_value_code
from mdio_vds.voxels import VoxelReader, serving_group

if TYPE_CHECKING:
    from mdio_vds.chunks import VdsSource
    from mdio_vds.facade.handle import VDS

__all__ = ["VolumeDataPageAccessor"]

_READ_ERROR = -1
_UNAVAILABLE = (
    "The requested dimension group or channel is unavailable (check VDS produce status before requesting data)"
)
_ONLY_FULL = (
    "LODs can only be automatically created/updated when accessing LOD 0, "
    "use AccessMode_CreateWithoutLODGeneration to write LODs directly"
)


class VolumeDataPageAccessor(LayerChunks):
    """The chunks of one layer as pages; made by ``createVolumeDataPageAccessor``.

    Pages that were changed are written when they leave the cache, with :meth:`commit`, and when the VDS is flushed.

    Parameters
    ----------
    handle
        The VDS.
    dimensionsND, lod, channel
        The layer.
    maxPages
        Pages that are kept; those in use are kept always.
    accessMode
        What for. Modes that create begin with an empty layer; those without levels of detail leave coarser levels
        alone.
    chunkMetadataPageSize
        Not used: pages of chunk metadata have 1024 rows.

    Raises
    ------
    InvalidOperation
        There is no such layer, or it cannot be written this way.
    RuntimeError
        The VDS cannot be written.
    """

    AccessMode = _AccessMode

    def __init__(
        self,
        handle: VDS,
        dimensionsND: DimensionsND,
        lod: int,
        channel: int,
        maxPages: int,
        accessMode: _AccessMode,
        chunkMetadataPageSize: int = 1024,  # noqa: ARG002 - see above
    ) -> None:
        super().__init__(handle, dimensionsND, lod, channel)
        self._mode = _AccessMode(accessMode)
        self._levels = self._mode in (_AccessMode.AccessMode_Create, _AccessMode.AccessMode_ReadWrite)
        if self._levels and self._lod:
            raise InvalidOperation(_ONLY_FULL)
        self._max_pages = operator.index(maxPages)
        self._pages: OrderedDict[int, VolumeDataPage] = OrderedDict()
        self._lock = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        handle = self._handle
        empty = self._mode in (_AccessMode.AccessMode_Create, _AccessMode.AccessMode_CreateWithoutLODGeneration)
        serving = serving_group(handle.stored, handle.layout, self._record, self._group, self._lod)
        if not empty and serving is None:
            raise InvalidOperation(_UNAVAILABLE)
        if not self._writes:
            return
        if not empty and serving != self._group:
            raise InvalidOperation("A dimension group that is remapped cannot be written")
        with runtime_errors():
            handle.begin_layer(self._channel, self._group, self._lod, levels=self._levels, empty=empty)
        handle.register(self)

    @property
    def _writes(self) -> bool:
        return self._mode != _AccessMode.AccessMode_ReadOnly

    # ---- pages ---------------------------------------------------------------------------------------------------

    def createPage(self, chunkIndex: int) -> VolumeDataPage:
        """Return a new page of a chunk, full of "no value" or zeros, for the caller to fill.

        Raises
        ------
        InvalidOperation
            The page is in use, or the accessor is for reading only.
        InvalidArgument
            There is no such chunk.
        """
        if not self._writes:
            raise InvalidOperation("A page cannot be created through a read-only volume data page accessor")
        with self._lock:
            index = self._index(chunkIndex)
            if index in self._pages and self._pages[index]._users:
                raise InvalidOperation("Cannot create a page that already exists")
            buffer = self._buffer(index)
            if self._record.no_value is not None:
                buffer.array[...] = no_value_code(self._record)
            return self._keep(index, VolumeDataPage(self, index, buffer, writable=True, dirty=True))

    def readPage(self, chunkIndex: int) -> VolumeDataPage:
        """Return the page of a chunk.

        Raises
        ------
        InvalidArgument
            There is no such chunk.
        ReadErrorException
            It is damaged.
        """
        with self._lock:
            index = self._index(chunkIndex)
            page = self._pages.get(index)
            if page is None:
                page = self._read(index)
            return self._keep(index, page)

    def _read(self, index: int) -> VolumeDataPage:
        page = VolumeDataPage(self, index, self._load(index), writable=self._writes, dirty=False)
        if self._writes and (self._partition.negative_margin or self._partition.positive_margin):
            page._original = page._buffer.codes().copy()
        return page

    def readPageAtPosition(self, position: Any) -> VolumeDataPage | None:
        """Return the page that owns a voxel; None outside of the volume."""
        voxel = [int(number) for number in six_numbers(position)]
        inside = all(0 <= at < length for at, length in zip(voxel, self._partition.samples, strict=True))
        return self.readPage(self.getChunkIndex(position)) if inside else None

    def copyPage(self, chunkIndex: int, source: VolumeDataPageAccessor) -> None:
        """Copy a chunk from an accessor of the same layout; as it is stored, where both store it the same way.

        Raises
        ------
        InvalidOperation
            The layouts differ, or the accessor is for reading only.
        """
        if not self._writes:
            raise InvalidOperation("A page cannot be copied to a read-only volume data page accessor")
        kind = self._record.format, self._record.components
        if self._partition != source._partition or kind != (source._record.format, source._record.components):
            raise InvalidOperation(
                "The source volume data page accessor layout is not compatible "
                "with the layout of this volume data page accessor"
            )
        index = self._index(chunkIndex)
        if source._copy_stored(index, self):
            self._handle.forget_original(self._channel, self._group, index)
        else:
            page = source.readPage(index)
            with self._lock, runtime_errors():
                layer = self._handle.writable().layers[self._name]
                encoded(layer, index, page._buffer.codes(), self._record).put(layer)
                if self._levels:
                    self._handle.keep_original(self._channel, self._group, index, page._buffer.codes())
            page.release()
        with self._lock:
            self._pages.pop(index, None)
        if self._levels:
            self._handle.note_changed(self._channel, self._group, [index])

    def _copy_stored(self, index: int, to: VolumeDataPageAccessor) -> bool:
        """Copy a payload as it is; False where it has to be encoded anew."""
        layer = self._handle.stored.layers.get(self._name)
        page = self._pages.get(index)
        if layer is None or (page is not None and page._dirty):
            return False
        with runtime_errors():
            other = to._handle.writable().layers[to._name]
            if layer.method is not other.method or not self._same_meaning(to):
                return False
            entry = layer.entry(index)
            other.put(index, entry.hash, layer.payload(index), entry.levels)
        return True

    def _same_meaning(self, other: VolumeDataPageAccessor) -> bool:
        """Whether hashes of constant chunks mean the same codes."""
        own, theirs = self._record, other._record
        return (own.no_value, own.integer_scale, own.integer_offset) == (
            theirs.no_value,
            theirs.integer_scale,
            theirs.integer_offset,
        )

    def commit(self) -> None:
        """Write all pages that were changed; what the file says about them is written with the next flush."""
        with self._lock:
            dirty = {index: page for index, page in self._pages.items() if page._dirty}
            self._write(dirty)
            for page in dirty.values():
                page._dirty = page._users > 0  # whoever holds it may go on writing
            self._trim()

    def _write(self, pages: dict[int, VolumeDataPage]) -> None:
        if not pages:
            return
        pages = pages | self._spread(pages)
        with runtime_errors():
            layer = self._handle.writable().layers[self._name]
            codes = {index: page._buffer.codes() for index, page in pages.items()}
            # Encoded at once and stored in turns: the same pages give the same file.
            for chunk in self._handle.executor.map(
                partial(encoded, layer, channel=self._record), codes, codes.values()
            ):
                chunk.put(layer)
            for index, original in codes.items() if self._levels else ():
                self._handle.keep_original(self._channel, self._group, index, original)
        if self._levels:
            self._handle.note_changed(self._channel, self._group, pages)

    def _spread(self, pages: dict[int, VolumeDataPage]) -> dict[int, VolumeDataPage]:
        """Bring changed voxels to all other chunks that store them; return their pages."""
        reached: dict[int, VolumeDataPage] = {}
        for index, page in pages.items():
            if page._original is None:
                continue
            codes = page._buffer.codes().copy()
            changed = changed_voxels(codes, page._original, self._record.components)
            page._original = codes
            for other, here, there in overlaps(self._partition, index):
                if not changed[here].any():
                    continue
                near = pages.get(other) or reached.get(other) or self._pages.get(other) or self._read(other)
                reached[other] = near
                theirs = near._buffer.codes().copy()
                for array in (theirs, near._original):
                    if array is not None:
                        array[there][changed[here]] = codes[here][changed[here]]
                near._buffer.fill(theirs)
        return reached

    def _keep(self, index: int, page: VolumeDataPage) -> VolumeDataPage:
        page._users += 1
        self._pages[index] = page
        self._pages.move_to_end(index)
        self._trim()
        return page

    def _trim(self) -> None:
        """Let go of the pages that were used longest ago."""
        with self._lock:
            excess = len(self._pages) - max(self._max_pages, 1)
            if excess <= 0:
                return
            unused = [index for index, page in self._pages.items() if not page._users]
            gone = unused[:excess]
            if any(self._pages[index]._dirty for index in gone):
                # Those that go next are written with them, in several threads.
                soon = unused[: max(excess, self._max_pages // 2)]
                dirty = {index: self._pages[index] for index in soon if self._pages[index]._dirty}
                self._write(dirty)
                for page in dirty.values():
                    page._dirty = False
            for index in gone:
                del self._pages[index]

    def _buffer(self, index: int) -> PageBuffer:
        dimensions = len(self._handle.layout.axes)
        return PageBuffer(self._record, self._partition, self._partition.position(index), dimensions)

    def _load(self, index: int) -> PageBuffer:
        buffer, handle = self._buffer(index), self._handle
        source: VdsSource = handle.source if self._lod else handle.stored
        layer = source.layers.get(self._name)
        if layer is not None and layer.entry(index).kind is ChunkKind.UNWRITTEN:
            if self._record.no_value is not None:
                buffer.array[...] = no_value_code(self._record)
            return buffer
        try:
            reader = VoxelReader(
                source, handle.layout, self._record, self._group, self._lod, handle.cache, handle.quality
            )
            buffer.fill(reader.chunk(self._partition.position(index)))
        except VdsError as error:
            raise ReadErrorException(str(error), _READ_ERROR) from error
        return buffer

    def getMaxPages(self) -> int:
        """Return how many pages are kept."""
        return self._max_pages

    def setMaxPages(self, maxPages: int) -> None:
        """Change how many pages are kept."""
        self._max_pages = operator.index(maxPages)
        self._trim()

    maxPages = property(getMaxPages)
