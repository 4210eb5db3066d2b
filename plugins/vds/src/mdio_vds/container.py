"""The single-file ``HueDataStore`` container: named files, each a sparse array of chunks.

VDS specification section 2. The format has no checksums, so every offset and size is checked against the size of the
file before anything is read or allocated. Rows that we wrote carry a check (:mod:`mdio_vds.row_checks`). All integers
are little-endian.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.cache import Pages
from mdio_vds.chunks import ADAPTIVE_LEVELS, ChunkEntry, StoredLayer
from mdio_vds.enums import CompressionMethod
from mdio_vds.errors import VdsError
from mdio_vds.layout import LAYOUT_NAME
from mdio_vds.row_checks import check_of_row
from mdio_vds.wavelet.adaptive import BEST, prefix_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import RangeReader

__all__ = ["MAGIC", "VERSION", "Container", "ContainerFile", "ContainerLayer", "ContainerSource", "FileRow"]

MAGIC = b"HueDataStore"
VERSION = 0x0001_0000
"""Version of the container; the upper half is the one that matters."""

_HEADER = struct.Struct("<12siqii")
_ROW = struct.Struct("<qiii4sii")
_LAYER_METADATA = struct.Struct("<ifi")
_SIZES = struct.Struct(f"<16xq{ADAPTIVE_LEVELS}q")
"""Where wavelet layers keep the size of their chunks before compression, and those of the payloads at each level."""
_DIRECTORY = 16
"""Bytes before the file metadata of a page directory."""
_ENTRY = struct.Struct("<qiI")
"""What an index row has before the chunk metadata: offset, length, and a word that is reserved (section 2.4)."""
_PLACE = 12
"""Bytes of an index row before the reserved word."""
_LEVELS = slice(8, 8 + ADAPTIVE_LEVELS)
"""Where the chunk metadata of wavelet layers has its level bytes."""
_WINDOW = 1024
"""Index rows read at once: a page may have as many rows as the file has chunks."""
_MAX_NAME = 4096
_MAX_CHUNK_METADATA = 4096


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row of the file table (section 2.2)."""

    name: str
    tag: str
    directory: int
    chunk_count: int
    entries_per_page: int
    chunk_metadata_length: int
    file_metadata_length: int
    revision: int = 0

    @property
    def page_count(self) -> int:
        """Number of index pages."""
        return -(-self.chunk_count // self.entries_per_page)

    @property
    def directory_length(self) -> int:
        """Bytes of the page directory; 0 where there is none, as files without chunks may have it."""
        if not self.directory and not self.chunk_count:
            return 0
        return _DIRECTORY + self.file_metadata_length + 8 * self.page_count


class Container:
    """The file table of an open container.

    Parameters
    ----------
    reader
        The file.
    url
        For messages.

    Raises
    ------
    VdsError
        Not a container, or a table that points outside the file.
    """

    def __init__(self, reader: RangeReader, url: str) -> None:
        self.reader = reader
        self.url = url
        head = self.read(0, _HEADER.size, "header")
        magic, version, table, count, name_length = _HEADER.unpack(head)
        if magic != MAGIC:
            raise VdsError(f"not a VDS container: it starts with {magic!r}", url=url, byte=0)
        if table < _HEADER.size or count < 1 or not 1 <= name_length <= _MAX_NAME:
            raise VdsError(
                f"the header names {count} file(s) with {name_length}-byte names at offset {table}",
                url=url,
                name="header",
                byte=16,
                hint="the file was probably never finished or is damaged",
            )
        if version >> 16 != VERSION >> 16:
            raise VdsError(
                f"containers of version {version >> 16}.{version & 0xFFFF} are not known",
                url=url,
                name="header",
                byte=12,
            )
        self.version: int = version
        width = _ROW.size + name_length
        raw = self.read(table, count * width, "file table")
        self.files: dict[str, FileRow] = {}
        for i in range(count):
            row = self._row(raw[i * width : (i + 1) * width], table + i * width)
            if row.name in self.files:
                raise self.error("a second file of this name", row.name, table + i * width)
            self.files[row.name] = row
        self._check_directories((table, len(raw)))

    def _row(self, raw: bytes, byte: int) -> FileRow:
        directory, chunks, revision, entries, tag, cml, fml = _ROW.unpack_from(raw)
        try:
            name = raw[_ROW.size :].rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise self.error("a file name is not UTF-8", "file table", byte + _ROW.size) from None
        if chunks < 0 or entries < 1 or not 0 <= cml <= _MAX_CHUNK_METADATA or fml < 0:
            raise self.error(
                f"impossible file table row: {chunks} chunks, {entries} entries per page, "
                f"{cml} and {fml} bytes of metadata",
                name,
                byte,
            )
        return FileRow(name, tag.decode("latin-1").rstrip(" \0"), directory, chunks, entries, cml, fml, revision)

    def _check_directories(self, table: tuple[int, int]) -> None:
        """Raise where tables lie on each other: many rows that share one directory would be read many times."""
        taken = [(0, _HEADER.size, "header"), (*table, "file table")]
        for row in self.files.values():
            if row.directory_length:
                self.check(row.directory, row.directory_length, row.name)
                taken.append((row.directory, row.directory_length, row.name))
        taken.sort()
        for (start, length, name), (next_start, _, next_name) in itertools.pairwise(taken):
            if start + length > next_start:
                raise self.error(f"the table lies on that of {name}", next_name, next_start)

    def error(self, message: str, name: str, byte: int) -> VdsError:
        """Return an error that names the object and the offset in the container."""
        return VdsError(message, url=self.url, name=name, byte=byte)

    def check(self, offset: int, length: int, name: str) -> None:
        """Raise unless a range lies inside the file."""
        if offset < 0 or length < 0 or offset + length > self.reader.size:
            raise self.error(f"{length} bytes are announced here, but the file has {self.reader.size}", name, offset)

    def read(self, offset: int, length: int, name: str) -> bytes:
        """Return a checked range."""
        self.check(offset, length, name)
        return self.reader.read(offset, length)


class ContainerFile:
    """One file of a container: its metadata, chunk rows and chunks (sections 2.3 and 2.4)."""

    def __init__(self, container: Container, row: FileRow) -> None:
        self.container = container
        self.row = row
        raw = container.read(row.directory, row.directory_length, row.name)
        self.metadata = raw[_DIRECTORY : _DIRECTORY + row.file_metadata_length]
        self.pages: NDArray[np.int64] = np.frombuffer(raw[_DIRECTORY + row.file_metadata_length :], "<i8")
        """Offset of each index page; 0 where none of its chunks were written."""
        self._pages_apart = False
        cml = row.chunk_metadata_length
        fields = [("offset", "<i8"), ("length", "<i4"), ("reserved", "<i4")]
        self._type = np.dtype([*fields, ("metadata", f"V{cml}")] if cml else fields)
        self._per_page = -(-min(row.entries_per_page, row.chunk_count) // _WINDOW)
        self._windows: Pages[NDArray[Any]] = Pages(self._window)

    def __len__(self) -> int:
        return self.row.chunk_count

    def stored_bytes(self) -> int:
        """Return the bytes of all chunks, as their index rows say."""
        total = 0
        for page in np.flatnonzero(self.pages):
            for part in range(self._per_page):
                total += int(self._windows[int(page) * self._per_page + part]["length"].sum(dtype=np.int64))
        return total

    def find(self, index: int) -> tuple[int, int, bytes]:
        """Return payload offset, payload length in bytes and metadata of a chunk.

        Raises
        ------
        VdsError
            The row does not match its check.
        """
        if not 0 <= index < self.row.chunk_count:
            raise IndexError(f"chunk {index} of {self.row.name}, which has {self.row.chunk_count}")
        page, at = divmod(index, self.row.entries_per_page)
        window = self._windows[page * self._per_page + at // _WINDOW]
        raw = window[at % _WINDOW].tobytes()
        self._check_row(index, raw, window)
        offset, length, _ = _ENTRY.unpack_from(raw)
        return offset, length, raw[_ENTRY.size :]

    def _check_row(self, index: int, raw: bytes, window: NDArray[Any]) -> None:
        """Compare a row with its check; rows of others have none."""
        *_, check = _ENTRY.unpack_from(raw)
        if check:
            damaged = check != check_of_row(self.row.name, index, raw[:_PLACE] + raw[_ENTRY.size :])
        else:
            damaged = not any(raw) and bool(window["reserved"].any())  # nobody takes a chunk back: zeros were written
        if damaged:
            page, at = divmod(index, self.row.entries_per_page)
            raise self.container.error(
                f"entry {index} of the layer does not match its check: it is damaged",
                f"{self.row.name} chunk {index}",
                int(self.pages[page]) + at * self._type.itemsize,
            )

    def chunk(self, index: int, level: int = BEST) -> bytes:
        """Return the bytes of a chunk that an adaptive level needs; empty when it was never written."""
        offset, length, metadata = self.find(index)
        if length == 0:
            return b""
        length = prefix_length(length, metadata[_LEVELS], level)
        return self.container.read(offset, length, f"{self.row.name} chunk {index}")

    def rows(self) -> NDArray[Any]:
        """Return the index rows of all chunks, freshly made.

        Raises
        ------
        VdsError
            A page lies outside the file, a row is damaged, or the file announces more chunks than memory can hold.
        """
        try:
            rows = np.zeros(len(self), self._type)
        except (MemoryError, ValueError):
            raise self.container.error(
                f"no memory for the {len(self)} chunks that are announced", self.row.name, self.row.directory
            ) from None
        for page in np.flatnonzero(self.pages):
            first = int(page) * self.row.entries_per_page
            for part in range(self._per_page):
                window = self._window(int(page) * self._per_page + part)
                start, width, raw = first + part * _WINDOW, self._type.itemsize, window.tobytes()
                for at in range(len(window)):
                    self._check_row(start + at, raw[at * width : (at + 1) * width], window)
                rows[start : start + len(window)] = window
        return rows

    def _check_pages(self) -> None:
        """Raise where index pages lie on each other or on the header."""
        if self._pages_apart:
            return
        there = np.flatnonzero(self.pages)
        there = there[np.argsort(self.pages[there], kind="stable")]
        starts = self.pages[there]
        if int(starts[0]) < _HEADER.size or int(starts[-1]) > self.container.reader.size:
            return  # the page itself says so when it is read
        rows = np.minimum(self.row.entries_per_page, self.row.chunk_count - there * self.row.entries_per_page)
        on = np.flatnonzero(starts[:-1] + rows[:-1] * self._type.itemsize > starts[1:])
        if on.size:
            raise self.container.error(
                f"index page {there[on[0] + 1]} lies on page {there[on[0]]}", self.row.name, int(starts[on[0] + 1])
            )
        self._pages_apart = True

    def _window(self, window: int) -> NDArray[Any]:
        page, part = divmod(window, self._per_page)
        first = part * _WINDOW
        start = page * self.row.entries_per_page + first
        rows = max(0, min(_WINDOW, self.row.entries_per_page - first, self.row.chunk_count - start))
        base = int(self.pages[page])
        if base == 0:
            return np.zeros(rows, self._type)
        self._check_pages()
        if base < _HEADER.size:
            raise self.container.error("an index page cannot lie here", f"{self.row.name} index page {page}", base)
        raw = self.container.read(
            base + first * self._type.itemsize, rows * self._type.itemsize, f"{self.row.name} index page {page}"
        )
        return np.frombuffer(raw, self._type)


class ContainerLayer:
    """A layer file of a container (section 2.5)."""

    def __init__(self, file: ContainerFile) -> None:
        row = file.row
        self.file = file
        self.name = row.name
        self.chunk_count = row.chunk_count
        if len(file.metadata) < _LAYER_METADATA.size:
            raise file.container.error("the layer has no compression metadata", row.name, row.directory)
        method, self.tolerance, self.valid_chunk_count = _LAYER_METADATA.unpack_from(file.metadata)
        try:
            self.method = CompressionMethod(method)
        except ValueError:
            raise file.container.error(
                f"unknown compression method {method}", row.name, row.directory + _DIRECTORY
            ) from None
        self.uncompressed_size = 0
        """Bytes of the stored chunks before compression, as wavelet layers record them."""
        self.level_sizes: tuple[int, ...] = ()
        """Bytes of their payloads at each adaptive level, as wavelet layers record them."""
        if self.method.is_wavelet and len(file.metadata) >= _SIZES.size:
            self.uncompressed_size, *sizes = _SIZES.unpack_from(file.metadata)
            self.level_sizes = tuple(sizes)
        needed = 8 + (ADAPTIVE_LEVELS if self.method.is_wavelet else 0)
        if row.chunk_metadata_length != needed:
            raise file.container.error(
                f"{row.chunk_metadata_length} bytes of metadata a chunk, {self.method.label} needs {needed}",
                row.name,
                row.directory,
            )

    def stored_bytes(self) -> int:
        """Return the bytes of all payloads."""
        return self.file.stored_bytes()

    def entry(self, index: int) -> ChunkEntry:
        """Return the metadata of a chunk."""
        _, _, metadata = self.file.find(index)
        return ChunkEntry(int.from_bytes(metadata[:8], "little"), metadata[8:])

    def payload(self, index: int, level: int = BEST) -> bytes:
        """Return the encoded bytes of a chunk that an adaptive level needs."""
        return self.file.chunk(index, level)

    def place(self, index: int) -> tuple[str, int]:
        """Return layer and chunk, and the payload's offset in the container."""
        return f"{self.name} chunk {index}", self.file.find(index)[0]


class ContainerSource:
    """A VDS in one file."""

    storage_layout = "container"

    def __init__(self, reader: RangeReader, url: str) -> None:
        self.url = url
        self._reader = reader
        self.container = Container(reader, url)
        if LAYOUT_NAME not in self.container.files:
            legacy = "VDSObject" in self.container.files
            raise VdsError(
                "a VDS of the legacy kind, which cannot be read" if legacy else f"there is no {LAYOUT_NAME} in it",
                url=url,
                name="VDSObject" if legacy else "",
                hint="copy it with VDSCopy first" if legacy else "",
            )
        self.layers: Mapping[str, StoredLayer] = {
            name: ContainerLayer(ContainerFile(self.container, row))
            for name, row in self.container.files.items()
            if row.tag == "VDS"
        }

    def layout_json(self) -> bytes:
        """Return the ``VolumeDataLayout`` JSON."""
        file = ContainerFile(self.container, self.container.files[LAYOUT_NAME])
        return file.chunk(0) if len(file) else b""

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
