"""A VDS in the object layout that is written or edited; the counterpart of :mod:`mdio_vds.objectstore`.

One object a chunk, at once; metadata pages, ``LayerStatus`` and last ``VolumeDataLayout``, by which a VDS is known,
at the end (VDS specification sections 3 and 5).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mdio.exceptions import MDIONotFoundError
from mdio_vds.chunks import ADAPTIVE_LEVELS, ChunkEntry, ChunkKind
from mdio_vds.entries import ROWS_PER_PAGE, ChunkTable, check_chunk, row_type
from mdio_vds.enums import CompressionMethod
from mdio_vds.growing import EditedTree, NewTree, ObjectPlace
from mdio_vds.layout import LAYOUT_NAME, parse_layout
from mdio_vds.layout_json import styled_json
from mdio_vds.objectstore import LAYER_NAME, STATUS_NAME, ObjectLayer, ObjectSource, page_key
from mdio_vds.row_checks import page_checks
from mdio_vds.sealing import sealed
from mdio_vds.targets import TargetContents
from mdio_vds.wavelet.adaptive import BEST, prefix_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import Store

__all__ = ["ObjectLayerTarget", "ObjectTarget"]

_SANE_PAGES = range(64, 1 << 16)
"""Rows a page of existing layers with which editing goes on; layers of other pages get new ones."""
_REQUESTS = 16
"""Metadata pages that are fetched at once."""


class ObjectTarget(TargetContents["ObjectLayerTarget"]):
    """A VDS of objects under construction; use :meth:`create` or :meth:`edit`."""

    storage_layout = "objects"
    start = 0

    def __init__(self, store: Store, place: ObjectPlace, source: ObjectSource | None = None) -> None:
        self.url = store.url
        self.store = store
        self.place = place
        self._source = source
        self._layout = source.layout_json() if source is not None else None
        self._layers: dict[str, ObjectLayerTarget] = {}
        for name, layer in source.layers.items() if source is not None else ():
            assert isinstance(layer, ObjectLayer)
            self._layers[name] = ObjectLayerTarget.existing(self, layer)

    @classmethod
    def create(cls, store: Store, *, fresh: bool = True) -> Self:
        """Begin a VDS.

        Parameters
        ----------
        store
            The target, claimed before (:func:`mdio.storage.claiming.claim_target`). A local folder grows under another
            name; below a remote prefix what makes it a VDS is written last.
        fresh
            False when a run goes on: what the earlier one wrote is kept and taken up with
            :meth:`ObjectLayerTarget.restore`.
        """
        return cls(store, NewTree(store, fresh=fresh))

    @classmethod
    def edit(cls, store: Store) -> Self:
        """Open a VDS for changes in place; the caller keeps other writers away.

        Chunks are replaced at once, so that readers of the old state see new samples in the chunks they have not
        fetched yet. What the metadata say changes with :meth:`commit`.

        Raises
        ------
        VdsError
            It is damaged.
        """
        return cls(store, EditedTree(store), ObjectSource(store))

    def add_layer(self, name: str, method: CompressionMethod, tolerance: float, chunk_count: int) -> ObjectLayerTarget:
        """Return a new layer, all of whose chunks are unwritten.

        Raises
        ------
        ValueError
            The name is taken or not one of a layer, or nothing can have so many chunks.
        """
        if name in self._layers or "/" in name or not LAYER_NAME.fullmatch(name):
            raise ValueError(f"{self.url}: a layer cannot be named {name!r}")
        if not 0 < chunk_count < 2**31:
            raise ValueError(f"{name}: a layer cannot have {chunk_count} chunks")
        self._layers[name] = ObjectLayerTarget.new(self, name, method, tolerance, chunk_count)
        return self._layers[name]

    def commit(self, layout: bytes) -> None:
        """Write metadata pages, ``LayerStatus`` and the ``VolumeDataLayout`` JSON, in this order.

        No chunk may be put meanwhile. A new VDS is finished with it; editing one may go on.

        Parameters
        ----------
        layout
            What :func:`mdio_vds.layout_json.write_layout` returns.
        """
        first = parse_layout(layout, self.url).channels[0].name
        for layer in self._layers.values():
            layer.store_pages()
        known: dict[Any, Mapping[str, Any]]
        known = {item.get("layerName"): item for item in (self._source.status if self._source is not None else [])}
        known |= {layer.name: layer.status(first) for layer in self._layers.values()}
        last = [(STATUS_NAME, sealed(styled_json(list(known.values()))))]
        if layout != self._layout:
            last.append((LAYOUT_NAME, layout))
        self.place.finish(last)
        self._layout = layout
        for layer in self._layers.values():
            layer.clean()

    def close(self) -> None:
        """Let go. A VDS that is not finished is kept for a resume; edits are dropped as by :meth:`abort`."""
        if self._source is not None:
            self.abort()

    def abort(self) -> None:
        """Leave nothing behind of what was not there before the last commit.

        What replaced chunks of an existing VDS stays: their old payloads are gone.
        """
        if self._source is None:
            self.place.abort()
            return
        for layer in self._layers.values():
            layer.drop()


class ObjectLayerTarget:
    """One layer of a VDS of objects that is written or edited."""

    def __init__(
        self, target: ObjectTarget, name: str, method: CompressionMethod, tolerance: float, chunk_count: int
    ) -> None:
        self._target = target
        self.name = name
        self.method = method
        self.tolerance = float(np.float32(tolerance))
        self.chunk_count = chunk_count
        self._old: ObjectLayer | None = None
        self._table: ChunkTable | None = None
        """Entries; of an existing layer only once it is changed."""
        self._had: NDArray[np.bool_] = np.zeros(0, bool)
        """Chunks that had an object at the last commit."""
        self._numbers: NDArray[np.int64] = np.zeros(0, np.int64)
        """Numbers of the objects of the metadata pages; -1 while a page has none."""
        self._free = 0
        self._replaced: list[int] = []
        self._bytes = 0
        self._uncompressed = 0
        self._lock = threading.Lock()

    @classmethod
    def new(
        cls, target: ObjectTarget, name: str, method: CompressionMethod, tolerance: float, chunk_count: int
    ) -> Self:
        """Return a layer without chunks."""
        layer = cls(target, name, method, tolerance, chunk_count)
        layer._table = layer._begin(ChunkTable(np.zeros(chunk_count, row_type(method))))
        return layer

    @classmethod
    def existing(cls, target: ObjectTarget, old: ObjectLayer) -> Self:
        """Return a layer of a VDS that is edited."""
        layer = cls(target, old.name, old.method, old.tolerance, old.chunk_count)
        layer._old = old
        layer._bytes = old.stored_bytes()
        recorded = old.raw.get("uncompressedSize")
        layer._uncompressed = recorded if isinstance(recorded, int) else 0
        return layer

    def _begin(self, table: ChunkTable) -> ChunkTable:
        """Take up a table, all of whose pages are to be written."""
        table.changed[:] = True
        self._numbers = np.full(len(table.changed), -1)
        self._had = table.stored()
        return table

    @property
    def _unchanged(self) -> ObjectLayer:
        assert self._old is not None
        return self._old

    @property
    def valid_chunk_count(self) -> int:
        """Number of chunks that were written; -1 when nothing records it."""
        return self._table.valid() if self._table is not None else self._unchanged.valid_chunk_count

    def stored_bytes(self) -> int:
        """Return the bytes of all payloads; -1 when nothing records them."""
        return self._bytes

    def entry(self, index: int) -> ChunkEntry:
        """Return the metadata of a chunk."""
        return self._table.row(index)[2] if self._table is not None else self._unchanged.entry(index)

    @property
    def uncompressed_size(self) -> int:
        """Bytes of the stored chunks before compression."""
        return self._uncompressed

    @property
    def level_sizes(self) -> Sequence[int]:
        """Bytes of their payloads at each adaptive level."""
        return self._table.levels() if self._table is not None else self._unchanged.level_sizes

    def payload(self, index: int, level: int = BEST) -> bytes:
        """Return the encoded bytes of a chunk that an adaptive level needs; empty when there are none."""
        entry = self.entry(index)
        if entry.kind is not ChunkKind.STORED:
            return b""
        whole = self._target.place.get(f"{self.name}/{index}") or b""
        return whole[: prefix_length(len(whole), entry.levels, level)]

    def place(self, index: int) -> tuple[str, int]:
        """Return the key of a chunk; its payload is the whole object."""
        return f"{self.name}/{index}", 0

    def put(
        self, index: int, hash: int, payload: bytes | memoryview = b"", levels: bytes = b"", decoded: int = 0
    ) -> None:
        """Store a chunk; see :class:`~mdio_vds.targets.LayerTarget`."""
        check_chunk(index, self.chunk_count, self.method, hash, len(payload), levels)
        self._load()
        size = self._known_size(index)
        if payload:
            self._target.place.put(f"{self.name}/{index}", bytes(payload))
        elif size and not self._had[index]:  # what had an object at the last commit keeps it until the next one
            self._target.place.discard(f"{self.name}/{index}")
        self._set(index, hash, len(payload), levels, decoded, size)

    def put_at(
        self,
        index: int,
        hash: int,
        offset: int,  # noqa: ARG002 - a chunk is an object of its own
        payload: bytes | memoryview = b"",
        levels: bytes = b"",
        decoded: int = 0,
    ) -> None:
        """As :meth:`put`: there are no offsets between objects."""
        self.put(index, hash, payload, levels, decoded)

    def restore(
        self,
        index: int,
        hash: int,
        offset: int,  # noqa: ARG002 - a chunk is an object of its own
        length: int,
        levels: bytes = b"",
        decoded: int = 0,
    ) -> None:
        """Take up a chunk that an earlier run stored; its payload is not looked at."""
        check_chunk(index, self.chunk_count, self.method, hash, length, levels)
        self._load()
        self._set(index, hash, length, levels, decoded, self._known_size(index))

    def _known_size(self, index: int) -> int:
        """Return the payload bytes of a chunk before it is replaced; the pages of plain layers do not have them."""
        assert self._table is not None
        _, size, entry = self._table.row(index)
        if size or self._bytes < 0 or entry.kind is not ChunkKind.STORED:
            return size
        try:
            reader = self._target.store.open(f"{self.name}/{index}")
        except MDIONotFoundError:
            return 0
        size = reader.size
        reader.close()
        return size

    def _set(self, index: int, hash: int, length: int, levels: bytes, decoded: int, size: int) -> None:
        assert self._table is not None
        with self._lock:
            _, old = self._table.set(index, 0, length, hash, levels)
            if self._bytes >= 0:
                self._bytes += length - size
            stored = ChunkEntry(hash).kind is ChunkKind.STORED
            self._uncompressed += decoded * (stored - (old.kind is ChunkKind.STORED))

    def _load(self) -> None:
        """Read all entries of an existing layer, once."""
        with self._lock:
            if self._table is not None:
                return
            old = self._unchanged
            rows = np.zeros(old.chunk_count, row_type(self.method))
            with ThreadPoolExecutor(_REQUESTS) as pool:
                raw = np.frombuffer(b"".join(pool.map(old.page_rows, range(old.page_count))), _page_type(self.method))
            for field in raw.dtype.names or ():
                rows[field] = raw[field]
            numbers = np.array([old.page_number(page) for page in range(old.page_count)], np.int64)
            if old.rows_per_page in _SANE_PAGES:
                table = self._begin(ChunkTable(rows, old.rows_per_page))
                table.changed[:] = False
                self._numbers = numbers
            else:
                table = self._begin(ChunkTable(rows, ROWS_PER_PAGE))
                self._replaced = numbers.tolist()
            self._free = int(numbers.max(initial=-1)) + 1
            self._table = table

    def store_pages(self) -> None:
        """Write changed metadata pages under new numbers, so that the old ones are good until ``LayerStatus`` is."""
        if self._table is None:
            return
        kind = _page_type(self.method)
        for page in np.flatnonzero(self._table.changed):
            rows = self._table.page(int(page))
            raw = np.zeros(len(rows), kind)
            for field in kind.names or ():
                raw[field] = rows[field]
            if self._numbers[page] >= 0:
                self._replaced.append(int(self._numbers[page]))
            self._numbers[page] = self._free
            self._free += 1
            first, data = int(page) * len(raw), raw.tobytes()
            checks = page_checks(self.name, first, min(len(raw), self.chunk_count - first), kind.itemsize, data)
            self._target.place.put(page_key(self.name, int(self._numbers[page])), data + checks)
        self._table.changed[:] = False

    def status(self, first_channel: str) -> Mapping[str, Any]:
        """Return the entry in ``LayerStatus``."""
        table = self._table
        if table is None:
            return self._unchanged.raw
        parts = LAYER_NAME.fullmatch(self.name)
        assert parts is not None  # of layers with other names there are none
        levels = table.levels()
        status: dict[str, Any] = {
            "layerName": self.name,
            "dimensionGroup": parts["group"],
            "lod": int(parts["lod"]),
            "channelName": parts["channel"] or first_channel,
            "produceStatus": "Normal",
            "hasChunkMetadataPages": True,
            "chunkCount": self.chunk_count,
            "chunkMetadataPageSize": table.rows_per_page,
            "chunkMetadataByteSize": _page_type(self.method).itemsize,
            "compressionMethod": _SPELLINGS.get(self.method, self.method.label),
            "compressionTolerance": self.tolerance,
            "uncompressedSize": self._uncompressed,
            "adaptiveLevelSizes": levels,
            "validChunkCount": table.valid(),
        }
        if self._bytes >= 0:
            status["serializedSize"] = self._bytes
        if not np.array_equal(self._numbers, np.arange(len(self._numbers))):
            status["pageDirectory"] = self._numbers.tolist()
        return status

    def clean(self) -> None:
        """Delete what the last commit left without use."""
        if self._table is None:
            return
        stored = self._table.stored()
        for index in np.flatnonzero(self._had & ~stored):
            self._target.place.discard(f"{self.name}/{index}")
        for number in self._replaced:
            self._target.place.discard(page_key(self.name, number))
        self._replaced = []
        self._had = stored

    def drop(self) -> None:
        """Delete objects of chunks that had none at the last commit."""
        if self._table is not None:
            for index in np.flatnonzero(self._table.stored() & ~self._had):
                self._target.place.discard(f"{self.name}/{index}")


_SPELLINGS = {
    CompressionMethod.WaveletNormalizeBlock: "WaveletNormalizeBlockExperimental",
    CompressionMethod.WaveletNormalizeBlockLossless: "WaveletNormalizeBlockExperimentalLossless",
}
"""Both spellings are read; this is the one of the reference implementation (section 5)."""


def _page_type(method: CompressionMethod) -> np.dtype[Any]:
    """Return the type of a row of a metadata page: 8 bytes, or 28 in wavelet layers (section 3)."""
    if not method.is_wavelet:
        return np.dtype([("hash", "<u8")])
    return np.dtype([("length", "<u4"), ("hash", "<u8"), ("levels", f"V{ADAPTIVE_LEVELS}")])
