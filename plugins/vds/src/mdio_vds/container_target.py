"""A ``HueDataStore`` container that is written or edited; the counterpart of :mod:`mdio_vds.container`.

Payloads are appended as they come, the tables behind them, and the header last of all (VDS specification section 14):
a file that was not finished has no header, and one that was being edited still has its old one, which leads to the
old state. Space of what was replaced is not used again; a copy has none of it.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from mdio_vds.chunks import ChunkEntry, ChunkKind
from mdio_vds.container import (
    MAGIC,
    VERSION,
    ContainerLayer,
    ContainerSource,
    FileRow,
)
from mdio_vds.entries import ROWS_PER_PAGE, ChunkTable, check_chunk, row_type
from mdio_vds.enums import CompressionMethod
from mdio_vds.errors import VdsError
from mdio_vds.growing import EditedFile, GrowingFile, NewFile
from mdio_vds.layout import LAYOUT_NAME
from mdio_vds.row_checks import seal_rows
from mdio_vds.targets import TargetContents
from mdio_vds.wavelet.adaptive import BEST, prefix_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import RangeReader, Store

__all__ = ["HEADER_BYTES", "ContainerLayerTarget", "ContainerTarget"]

_HEADER = struct.Struct("<12siqii")
_ROW = struct.Struct("<qiii4sii")
_ENTRY = struct.Struct("<qii")
_PLAIN = struct.Struct("<ifi")
_WAVELET = struct.Struct("<ifiiq16q")
_DIRECTORY = 16
HEADER_BYTES = _HEADER.size
"""Where the payloads of a new container begin."""

_SANE_PAGES = range(64, 1 << 16)
"""Rows a page of existing layers with which editing goes on; layers of other pages get new ones."""


class ContainerTarget(TargetContents["ContainerLayerTarget"]):
    """A container under construction; use :meth:`create` or :meth:`edit`.

    The same chunks put in the same order, or at the same places, give the same bytes.
    """

    storage_layout = "container"

    def __init__(self, store: Store, file: GrowingFile, reader: RangeReader | None = None) -> None:
        self.url = store.url
        self._file = file
        self._reader = reader
        self._source = ContainerSource(reader, store.url) if reader is not None else None
        self._start = self._end = reader.size if reader is not None else HEADER_BYTES
        self._layout: bytes | None = None
        self._rows: dict[str, FileRow] = {}
        self._layers: dict[str, ContainerLayerTarget] = {}
        self._lock = threading.Lock()
        if self._source is not None:
            self._layout = self._source.layout_json()
            self._rows = dict(self._source.container.files)
            for name, layer in self._source.layers.items():
                assert isinstance(layer, ContainerLayer)
                self._layers[name] = ContainerLayerTarget.existing(self, layer)

    @classmethod
    def create(cls, store: Store, *, fresh: bool = True) -> Self:
        """Begin a container.

        Parameters
        ----------
        store
            The target, claimed before (:func:`mdio.storage.claiming.claim_target`). A local file grows under another
            name; a remote one is made in a temporary file and uploaded by :meth:`commit`.
        fresh
            False when a run goes on: what the earlier one wrote is kept and taken up with
            :meth:`ContainerLayerTarget.restore`.
        """
        return cls(store, NewFile(store, fresh=fresh))

    @classmethod
    def edit(cls, store: Store) -> Self:
        """Open a container for changes: in place where it is local, else in a copy that :meth:`commit` uploads.

        The caller keeps other writers away; readers see the old state until they open the file again.

        Raises
        ------
        VdsError
            It is damaged.
        StorageError
            It is missing, or cannot be written.
        """
        reader = store.open()
        try:
            path: Path | None = store.path
            file = EditedFile(path) if path is not None else NewFile(store, fresh=True, original=reader)
            try:
                return cls(store, file, reader)
            except BaseException:
                file.close()
                raise
        except BaseException:
            reader.close()
            raise

    @property
    def start(self) -> int:
        """First offset in bytes at which a chunk may be put."""
        return self._start

    def add_layer(
        self, name: str, method: CompressionMethod, tolerance: float, chunk_count: int
    ) -> ContainerLayerTarget:
        """Return a new layer, all of whose chunks are unwritten.

        Raises
        ------
        ValueError
            The name is taken, or nothing can have so many chunks.
        """
        if name in self._rows or name in self._layers or not name:
            raise ValueError(f"{self.url}: a layer cannot be named {name!r}")
        if not 0 < chunk_count < 2**31:
            raise ValueError(f"{name}: a layer cannot have {chunk_count} chunks")
        table = ChunkTable(np.zeros(chunk_count, row_type(method)))
        layer = ContainerLayerTarget(self, name, method, tolerance, chunk_count)
        layer.table = table
        layer.pages = np.zeros(len(table.changed), "<i8")
        self._layers[name] = layer
        return layer

    def claim(self, length: int) -> int:
        """Return an offset behind everything, at which ``length`` bytes are kept free for the caller."""
        with self._lock:
            self._end += length
            return self._end - length

    def reach(self, offset: int, length: int) -> None:
        """Note that a range is in use; ValueError where it would spoil what is there."""
        if offset < self._start:
            raise ValueError(f"{self.url}: chunks go at byte {self._start} or later, not at {offset}")
        with self._lock:
            self._end = max(self._end, offset + length)

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write bytes that :meth:`claim` or :meth:`reach` gave a place."""
        self._file.write(offset, data)

    def append(self, data: bytes) -> int:
        """Write bytes behind everything and return their offset."""
        offset = self.claim(len(data))
        self._file.write(offset, data)
        return offset

    def read(self, offset: int, length: int, name: str) -> bytes:
        """Return bytes of the file as it was, or of what was put since."""
        if self._source is not None and offset < self._start:
            return self._source.container.read(offset, length, name)
        data = self._file.read(offset, length)
        if len(data) != length:
            raise VdsError(f"{length} bytes are announced here, of which {len(data)} are there", url=self.url,
                           name=name, byte=offset)  # fmt: skip
        return data

    def commit(self, layout: bytes) -> None:
        """Write tables and the ``VolumeDataLayout`` JSON, then the header.

        No chunk may be put meanwhile. A new container is finished with it, and so is a remote one that was edited;
        editing a local one may go on.

        Parameters
        ----------
        layout
            What :func:`mdio_vds.layout_json.write_layout` returns.
        """
        for layer in self._layers.values():
            row = layer.store()
            if row is not None:
                self._rows[layer.name] = row
        if layout != self._layout or LAYOUT_NAME not in self._rows:
            self._rows[LAYOUT_NAME] = self._store_layout(layout)
        width = 8 * max(-(-len(name.encode()) // 8) for name in self._rows)
        names = sorted(self._rows, key=lambda name: name != LAYOUT_NAME)  # it comes first; else as they were added
        table = self.append(b"".join(_packed(self._rows[name], width) for name in names))
        self._file.finish(self._end, _HEADER.pack(MAGIC, VERSION, table, len(names), width))
        self._layout = layout

    def _store_layout(self, layout: bytes) -> FileRow:
        page = self.append(_ENTRY.pack(self.append(layout), len(layout), 0))
        directory = self.append(bytes(_DIRECTORY) + struct.pack("<q", page))
        return FileRow(LAYOUT_NAME, "JSON", directory, 1, 1, 0, 0)

    def close(self) -> None:
        """Let go of the files. A local container that is not finished is kept for a resume; edits are dropped."""
        self._file.close()
        if self._source is not None:
            self._source.close()

    def abort(self) -> None:
        """Leave nothing behind of what was not there before the last commit."""
        self._file.abort()
        if self._source is not None:
            self._source.close()


class ContainerLayerTarget:
    """One layer of a container that is written or edited."""

    def __init__(
        self, target: ContainerTarget, name: str, method: CompressionMethod, tolerance: float, chunk_count: int
    ) -> None:
        self._target = target
        self.name = name
        self.method = method
        self.tolerance = float(np.float32(tolerance))
        self.chunk_count = chunk_count
        self.table: ChunkTable | None = None
        """Entries; of an existing layer only once it is changed."""
        self.pages: NDArray[np.int64] = np.zeros(0, "<i8")
        """Offset of each index page; 0 while none of its chunks were written."""
        self._old: ContainerLayer | None = None
        self._stored = False
        self._uncompressed = 0
        self._lock = threading.Lock()

    @classmethod
    def existing(cls, target: ContainerTarget, old: ContainerLayer) -> Self:
        """Return a layer of a container that is edited."""
        layer = cls(target, old.name, old.method, old.tolerance, old.chunk_count)
        layer._old, layer._stored = old, True
        layer._uncompressed = old.uncompressed_size
        return layer

    @property
    def valid_chunk_count(self) -> int:
        """Number of chunks that were written."""
        return self.table.valid() if self.table is not None else self._unchanged.valid_chunk_count

    @property
    def _unchanged(self) -> ContainerLayer:
        assert self._old is not None
        return self._old

    def stored_bytes(self) -> int:
        """Return the bytes of all payloads."""
        return self.table.payload_bytes() if self.table is not None else self._unchanged.stored_bytes()

    def entry(self, index: int) -> ChunkEntry:
        """Return the metadata of a chunk."""
        return self.table.row(index)[2] if self.table is not None else self._unchanged.entry(index)

    @property
    def uncompressed_size(self) -> int:
        """Bytes of the stored chunks before compression."""
        return self._uncompressed

    @property
    def level_sizes(self) -> Sequence[int]:
        """Bytes of their payloads at each adaptive level."""
        return self.table.levels() if self.table is not None else self._unchanged.level_sizes

    def payload(self, index: int, level: int = BEST) -> bytes:
        """Return the encoded bytes of a chunk that an adaptive level needs; empty when there are none."""
        if self.table is None:
            return self._unchanged.payload(index, level)
        offset, length, entry = self.table.row(index)
        length = prefix_length(length, entry.levels, level)
        return self._target.read(offset, length, f"{self.name} chunk {index}") if length else b""

    def place(self, index: int) -> tuple[str, int]:
        """Return layer and chunk, and the payload's offset in the container."""
        if self.table is None:
            return self._unchanged.place(index)
        return f"{self.name} chunk {index}", self.table.row(index)[0]

    def put(
        self, index: int, hash: int, payload: bytes | memoryview = b"", levels: bytes = b"", decoded: int = 0
    ) -> None:
        """Store a chunk behind all others; see :class:`~mdio_vds.targets.LayerTarget`."""
        check_chunk(index, self.chunk_count, self.method, hash, len(payload), levels)
        self._put(index, hash, self._target.claim(len(payload)) if payload else 0, payload, levels, decoded)

    def put_at(
        self,
        index: int,
        hash: int,
        offset: int,
        payload: bytes | memoryview = b"",
        levels: bytes = b"",
        decoded: int = 0,
    ) -> None:
        """Store a chunk at a place of the caller's choice, who keeps the chunks apart.

        Parameters
        ----------
        index, hash, payload, levels, decoded
            See :class:`~mdio_vds.targets.LayerTarget`.
        offset
            In bytes, from :attr:`ContainerTarget.start` on; of no meaning without payload.
        """
        check_chunk(index, self.chunk_count, self.method, hash, len(payload), levels)
        if payload:
            self._target.reach(offset, len(payload))
        self._put(index, hash, offset if payload else 0, payload, levels, decoded)

    def _put(
        self, index: int, hash: int, offset: int, payload: bytes | memoryview, levels: bytes, decoded: int
    ) -> None:
        if payload:
            self._target.write(offset, payload)
        self._set(index, hash, offset, len(payload), levels, decoded)

    def restore(self, index: int, hash: int, offset: int, length: int, levels: bytes = b"", decoded: int = 0) -> None:
        """Take up a chunk that an earlier run stored at ``offset``; its payload is not looked at."""
        check_chunk(index, self.chunk_count, self.method, hash, length, levels)
        if length:
            self._target.reach(offset, length)
        self._set(index, hash, offset if length else 0, length, levels, decoded)

    def _set(self, index: int, hash: int, offset: int, length: int, levels: bytes, decoded: int) -> None:
        with self._lock:
            table = self.table
            if table is None:
                table = self._load()
            _, old = table.set(index, offset, length, hash, levels)
            stored = ChunkEntry(hash).kind is ChunkKind.STORED
            self._uncompressed += decoded * (stored - (old.kind is ChunkKind.STORED))

    def _load(self) -> ChunkTable:
        """Read all entries of an existing layer."""
        file = self._unchanged.file
        rows = file.rows().view(row_type(self.method))
        entries = file.row.entries_per_page
        if entries in _SANE_PAGES:
            table = ChunkTable(rows, entries)
            self.pages = file.pages.copy()
        else:
            table = ChunkTable(rows, ROWS_PER_PAGE)
            table.changed[:] = True
            self.pages = np.zeros(len(table.changed), "<i8")
        self.table = table
        return table

    def store(self) -> FileRow | None:
        """Append changed index pages and a page directory; return the row of the file table, None when it stays."""
        table = self.table
        if table is None or (self._stored and not table.changed.any()):
            return None
        for number in np.flatnonzero(table.changed):
            page = seal_rows(self.name, int(number) * table.rows_per_page, table.page(int(number)))
            self.pages[number] = self._target.append(page.tobytes())
        metadata = self._metadata(table)
        directory = self._target.append(bytes(_DIRECTORY) + metadata + self.pages.tobytes())
        table.changed[:] = False
        self._stored = True
        width = row_type(self.method).itemsize - _ENTRY.size
        return FileRow(self.name, "VDS", directory, len(table), table.rows_per_page, width, len(metadata))

    def _metadata(self, table: ChunkTable) -> bytes:
        """Return method, tolerance and counts (section 2.5)."""
        head = int(self.method), self.tolerance, table.valid()
        if not self.method.is_wavelet:
            return _PLAIN.pack(*head)
        return _WAVELET.pack(*head, 0, self._uncompressed, *table.levels())


def _packed(row: FileRow, width: int) -> bytes:
    fixed = _ROW.pack(
        row.directory,
        row.chunk_count,
        row.revision,
        row.entries_per_page,
        row.tag.encode("latin-1").ljust(4),
        row.chunk_metadata_length,
        row.file_metadata_length,
    )
    return fixed + row.name.encode().ljust(width, b"\0")
