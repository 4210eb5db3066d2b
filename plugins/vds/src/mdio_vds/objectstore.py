"""A VDS as objects below a prefix: layout, layer status, metadata pages and one object a chunk.

VDS specification sections 3 and 5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdio.exceptions import MDIONotFoundError
from mdio_vds.cache import Pages
from mdio_vds.chunks import ADAPTIVE_LEVELS, ChunkEntry, ChunkKind, StoredLayer
from mdio_vds.enums import CompressionMethod
from mdio_vds.errors import VdsError
from mdio_vds.hashes import is_ours
from mdio_vds.layout import LAYOUT_NAME
from mdio_vds.row_checks import check_in_page, check_of_row
from mdio_vds.sealing import check_sealed
from mdio_vds.wavelet.adaptive import BEST, prefix_length

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["LAYER_NAME", "STATUS_NAME", "ObjectLayer", "ObjectSource", "page_key"]

STATUS_NAME = "LayerStatus"
"""Key of the JSON that lists the stored layers."""

LAYER_NAME = re.compile(r"(?P<channel>.*)(?P<group>Dimensions_[0-5]{2,3})LOD(?P<lod>[0-9]+)", re.DOTALL)
"""What a layer name is made of (section 1)."""

_MOST = 2**31 - 1
_PLAIN_ROW = 8
_WAVELET_ROW = 4 + 8 + ADAPTIVE_LEVELS
"""Payload length, hash and level bytes; the length is not in the container's rows."""


class ObjectLayer:
    """One layer below the prefix, described by its entry in LayerStatus.

    Raises
    ------
    VdsError
        The entry lacks what reading needs, or contradicts itself.
    """

    def __init__(self, store: Store, raw: Mapping[str, Any]) -> None:
        self._store = store
        self.raw = raw
        self.name = _field(store, raw, "layerName", str)
        if "/" in self.name or not LAYER_NAME.fullmatch(self.name):
            # The name becomes part of a key, so that it must not lead elsewhere.
            raise VdsError(f"{self.name!r} is not a layer name", url=store.url, name=STATUS_NAME)
        self.chunk_count: int = _field(store, raw, "chunkCount", int)
        self.valid_chunk_count = _field(store, raw, "validChunkCount", int, -1)
        self.tolerance = _single(store, _field(store, raw, "compressionTolerance", (int, float), 0.0))
        self.uncompressed_size: int = _field(store, raw, "uncompressedSize", int, 0)
        sizes = _field(store, raw, "adaptiveLevelSizes", list, [])
        self.level_sizes: tuple[int, ...] = tuple(size if isinstance(size, int) else 0 for size in sizes)
        self._serialized = _field(store, raw, "serializedSize", int, -1)
        label = _field(store, raw, "compressionMethod", str)
        try:
            self.method = CompressionMethod.from_label(label)
        except ValueError as error:
            raise VdsError(f"layer {self.name}: {error}", url=store.url, name=STATUS_NAME) from None
        self._rows: int = _field(store, raw, "chunkMetadataPageSize", int)
        self._width = _field(store, raw, "chunkMetadataByteSize", int)
        expected = _WAVELET_ROW if self.method.is_wavelet else _PLAIN_ROW
        if not 0 <= self.chunk_count <= _MOST or self._rows < 1 or self._width != expected:
            raise VdsError(
                f"layer {self.name}: {self.chunk_count} chunks, {self._rows} rows a page of {self._width} bytes; "
                f"{label} has {expected}-byte rows",
                url=store.url,
                name=STATUS_NAME,
            )
        # The payload length that precedes the hash in wavelet rows is not needed.
        self._entry = _PLAIN_ROW + (ADAPTIVE_LEVELS if self.method.is_wavelet else 0)
        directory = _field(store, raw, "pageDirectory", list, [])
        pages = -(-self.chunk_count // self._rows)
        numbers = all(isinstance(page, int) and not isinstance(page, bool) and page >= 0 for page in directory)
        if directory and (len(directory) != pages or not numbers):
            raise VdsError(
                f"layer {self.name}: pageDirectory must have one number for each of {pages} pages",
                url=store.url,
                name=STATUS_NAME,
            )
        self._directory = directory
        self._has_pages = _field(store, raw, "hasChunkMetadataPages", bool, True)
        self._pages: Pages[bytes] = Pages(self._page)

    def stored_bytes(self) -> int:
        """Return the bytes of all payloads as LayerStatus records them, -1 where it does not."""
        return int(self._serialized)

    def entry(self, index: int) -> ChunkEntry:
        """Return the metadata of a chunk."""
        if not 0 <= index < self.chunk_count:
            raise IndexError(f"chunk {index} of {self.name}, which has {self.chunk_count}")
        page, at = divmod(index, self._rows)
        whole = self._pages[page]
        raw = whole[at * self._width : (at + 1) * self._width]
        if len(raw) != self._width:
            raise VdsError(
                f"the metadata page ends before chunk {index}",
                url=self._store.url,
                name=self._key(page),
                byte=at * self._width,
            )
        self._check_row(index, raw, whole)
        return self._taken(raw)

    def _taken(self, raw: bytes) -> ChunkEntry:
        row = raw[self._width - self._entry :]
        return ChunkEntry(int.from_bytes(row[:8], "little"), row[8:])

    def _check_row(self, index: int, raw: bytes, whole: bytes) -> None:
        """Compare a row with its check behind the page, if there is one."""
        page, at = divmod(index, self._rows)
        check = check_in_page(whole, self._rows * self._width, at)
        if check is None or check == check_of_row(self.name, index, raw):
            return
        entry = self._taken(raw)
        # The reference implementation edits rows and leaves what is behind them. It gives chunks that it writes a
        # hash of its own, and stores an object also for those without payload, for which we have none.
        others = entry.kind is not ChunkKind.UNWRITTEN and not is_ours(entry.hash)
        if others and self._store.exists(f"{self.name}/{index}"):
            return
        raise VdsError(
            f"entry {index} in {self._key(page)} does not match its check: it is damaged",
            url=self._store.url,
            name=f"{self.name}/{index}",
        )

    def payload(self, index: int, level: int = BEST) -> bytes:
        """Return the encoded bytes of a chunk that an adaptive level needs; empty when there is no such object."""
        key = f"{self.name}/{index}"
        if level == BEST or not self.method.is_wavelet:
            return self._store.get(key) or b""
        try:
            reader = self._store.open(key)
        except MDIONotFoundError:
            return b""
        try:
            return reader.read(0, prefix_length(reader.size, self.entry(index).levels, level))
        finally:
            reader.close()

    def place(self, index: int) -> tuple[str, int]:
        """Return the key of a chunk; its payload is the whole object."""
        return f"{self.name}/{index}", 0

    def _key(self, page: int) -> str:
        return page_key(self.name, self.page_number(page))

    @property
    def page_count(self) -> int:
        """Number of metadata pages."""
        return -(-self.chunk_count // self._rows)

    @property
    def rows_per_page(self) -> int:
        """Chunks whose metadata make a page."""
        return self._rows

    def page_number(self, page: int) -> int:
        """Return the number in the key of a metadata page."""
        return int(self._directory[page]) if self._directory else page

    def page_rows(self, page: int) -> bytes:
        """Return the rows of a metadata page: 8 bytes a chunk, 28 in wavelet layers.

        Raises
        ------
        VdsError
            The page is missing or too short, or a row is damaged.
        """
        rows, width = min(self._rows, self.chunk_count - page * self._rows), self._width
        whole = self._page(page)
        raw = whole[: rows * width]
        if len(raw) < rows * self._width:
            raise VdsError(
                f"the metadata page has {len(raw)} bytes, {rows} chunks need {rows * self._width}",
                url=self._store.url,
                name=self._key(page),
            )
        for at in range(rows):
            self._check_row(page * self._rows + at, raw[at * width : (at + 1) * width], whole)
        return raw

    def _page(self, page: int) -> bytes:
        if not self._has_pages:
            raise VdsError(
                "chunk metadata are kept in object headers only, which this reader does not see",
                url=self._store.url,
                name=self.name,
                hint="copy it with VDSCopy first",
            )
        try:
            return self._store.read(self._key(page))
        except MDIONotFoundError:
            raise VdsError("the metadata page is missing", url=self._store.url, name=self._key(page)) from None


class ObjectSource:
    """A VDS in the object layout."""

    storage_layout = "objects"

    def __init__(self, store: Store) -> None:
        self._store = store
        self.url = store.url
        raw = store.get(STATUS_NAME)
        if raw is None:
            raise VdsError("the object is missing", url=store.url, name=STATUS_NAME)
        check_sealed(raw, store.url, STATUS_NAME)
        try:
            status = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise VdsError(f"not valid JSON: {error}", url=store.url, name=STATUS_NAME) from None
        if not isinstance(status, list) or not all(isinstance(item, dict) for item in status):
            raise VdsError("an array of objects is expected", url=store.url, name=STATUS_NAME)
        stored = [item for item in status if item.get("produceStatus", "Normal") == "Normal"]
        layers = [ObjectLayer(store, item) for item in stored]
        if len({layer.name for layer in layers}) != len(layers):
            raise VdsError("a layer is listed twice", url=store.url, name=STATUS_NAME)
        self.layers: Mapping[str, StoredLayer] = {layer.name: layer for layer in layers}
        self.status: list[dict[str, Any]] = status
        """LayerStatus as it is, with layers that are not stored but made from others."""

    def layout_json(self) -> bytes:
        """Return the ``VolumeDataLayout`` JSON."""
        text = self._store.get(LAYOUT_NAME)
        if text is None:
            raise VdsError("the object is missing", url=self.url, name=LAYOUT_NAME)
        return text

    def close(self) -> None:
        """Nothing is held open."""


def page_key(layer: str, number: int) -> str:
    """Return the key of a metadata page."""
    return f"{layer}/ChunkMetadata/{number}"


def _single(store: Store, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise VdsError("compressionTolerance is too large", url=store.url, name=STATUS_NAME) from None


_REQUIRED = object()


def _field(
    store: Store, raw: Mapping[str, Any], key: str, kind: type | tuple[type, ...], default: Any = _REQUIRED
) -> Any:
    value = raw.get(key, default)
    wrong_bool = isinstance(value, bool) and kind is not bool
    if value is default and default is not _REQUIRED:
        return value
    if not isinstance(value, kind) or wrong_bool:
        shown = "nothing" if value is _REQUIRED else repr(value)
        raise VdsError(f"{key}: {shown} is not usable", url=store.url, name=STATUS_NAME)
    return value
