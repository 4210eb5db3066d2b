"""Reads MDIO v0 datasets, ours and those of multidimio 0.x, by region."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from mdio.core.headers import HeaderLayout
from mdio.core.index import cells_of
from mdio.core.rank import BitRank
from mdio.core.region import Region
from mdio.core.trace_header import RECORD_SIZE, STANDARD_FIELDS, standard_layout
from mdio.core.volume import Block, Metadata, Patches, Schema, TraceOrder
from mdio.exceptions import IncompleteDatasetError, InvalidMDIOError, MDIONotFoundError
from mdio.native import layout, source
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.records import RecordPacker
from mdio.storage.staging import is_unfinished

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.options import ReadOptions
    from mdio.storage.store import Storage, Store

__all__ = ["MdioVolume", "open_volume", "sniff"]


def sniff(url: str, head: bytes, storage: Storage) -> bool:  # noqa: ARG001 - a directory has no first bytes
    """Whether there is an MDIO v0 dataset, complete or not."""
    store = storage.open(url)
    return store.get(".zmetadata") is not None or is_unfinished(store)


def open_volume(url: str, options: ReadOptions, storage: Storage) -> MdioVolume:
    """Open a dataset.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    IncompleteDatasetError
        It was never finished.
    InvalidMDIOError
        It is not an MDIO v0 dataset, or lacks what one must have.
    """
    store = storage.open(url)
    text = store.get(".zmetadata") if store.exists() else None
    unfinished = is_unfinished(store)
    if (text is None or store.path is None) and unfinished and not options.allow_incomplete:
        raise IncompleteDatasetError(
            f"{store.url}: an import or conversion into it did not end",
            hint="run the same command again with --resume",
        )
    if text is None:
        if not store.exists():
            raise MDIONotFoundError(f"{store.url}: no such file or directory")
        if store.get("zarr.json") is not None:
            raise InvalidMDIOError("a Zarr format 3 store; the MDIO v1 layout is not read yet", url=store.url)
        raise InvalidMDIOError("not an MDIO dataset: .zmetadata is missing", url=store.url)
    try:
        metadata = json.loads(text)["metadata"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidMDIOError(f".zmetadata cannot be read: {error}", url=store.url) from error
    return MdioVolume(store, metadata, options)


class MdioVolume:
    """An MDIO v0 dataset."""

    def __init__(self, store: Store, documents: Mapping[str, Any], options: ReadOptions) -> None:
        self._store = store
        self._documents = documents
        self._options = options
        self.cache = ChunkCache(options.cache)
        root = self._attributes("")
        if "dimension" not in root:
            raise InvalidMDIOError("the root attribute 'dimension' is missing", url=store.url)
        self.pattern = self._choose_pattern(options.access_pattern)
        self._samples = self._array(layout.data_array(self.pattern))
        self._records = self._array(layout.header_array(self.pattern), required=False)
        self._mask = self._array(layout.LIVE_MASK)
        self._patches = self._array(source.PATCHES, required=False)
        self._rest = self._array(source.HEADER_REST, required=False)
        self._order_array = self._array(source.ORDER, required=False)
        self._lengths = self._array(source.LENGTHS, required=False)
        ours = root.get(layout.MDIO_KEY, {})
        dims = layout.dimensions_from(root["dimension"], ours.get("units", {}))
        if tuple(dim.size for dim in dims) != self._samples.shape:
            raise InvalidMDIOError(
                f"dimensions {[dim.size for dim in dims]} and array {list(self._samples.shape)} disagree", url=store.url
            )
        attributes = self._attributes("source")
        if attributes:
            source_file, order = source.read_source(store, attributes, self._document)
            header = attributes.get("header", {})
            size = header.get("size", RECORD_SIZE)
            # Shorter records are of another layout: what they had of the standard fields stands at its place.
            size = max(size, RECORD_SIZE) if 0 < size < layout.HEADER_SIZE else size
            headers = standard_layout(header.get("big_endian", True), size) if size else HeaderLayout()
        else:
            source_file, order = None, TraceOrder("grid")
            headers = standard_layout(True) if self._records is not None else HeaderLayout()
        self._packer = RecordPacker(headers)
        shared = self._attributes("metadata")
        statistics = {key: root[key] for key in ("mean", "std", "rms", "min", "max") if key in root}
        if ours.get("statistics"):
            statistics["honest"] = ours["statistics"]
        self._schema = Schema(
            dims=dims,
            dtype=self._samples.dtype.newbyteorder("="),
            headers=headers,
            chunks=tuple(max(1, min(c, n)) for c, n in zip(self._samples.chunks, self._samples.shape, strict=True)),
            metadata=Metadata(
                text=tuple(shared.get("text_header", ())),
                binary=shared.get("binary_header", {}),
                source=source_file,
                order=order,
                trace_count=int(root.get("trace_count", -1)),
                statistics=statistics or None,
                identity={"url": store.url, "metadata": google_crc32c.value(layout.to_json(documents))},
                attributes=ours.get("attributes", {}),
            ),
        )

    def _attributes(self, path: str) -> Mapping[str, Any]:
        key = f"{path}/.zattrs" if path else ".zattrs"
        found: Mapping[str, Any] = self._documents.get(key, {})
        return found

    def _document(self, path: str) -> Mapping[str, Any] | None:
        return self._documents.get(f"{path}/.zarray")

    def _choose_pattern(self, wanted: str | None) -> str:
        patterns = self.access_patterns
        if wanted is None and patterns:
            ndim = len(self._attributes("")["dimension"])
            return layout.default_pattern(ndim) if layout.default_pattern(ndim) in patterns else patterns[0]
        if wanted not in patterns:
            raise InvalidMDIOError(
                f"no access pattern {wanted!r}", url=self._store.url, hint=f"there are: {', '.join(patterns) or 'none'}"
            )
        return wanted

    @property
    def access_patterns(self) -> tuple[str, ...]:
        """Names of the access patterns."""
        prefix, suffix = "data/chunked_", "/.zarray"
        return tuple(
            key[len(prefix) : -len(suffix)]
            for key in sorted(self._documents)
            if key.startswith(prefix) and key.endswith(suffix)
        )

    @property
    def sample_array(self) -> ChunkReader:
        """The stored array of samples: its chunks, type and compressor."""
        array: ChunkReader = self._samples
        return array

    @property
    def sample_arrays(self) -> dict[str, ChunkReader]:
        """The stored array of samples of every access pattern."""
        return {pattern: self._array(layout.data_array(pattern)) for pattern in self.access_patterns}

    @property
    def header_array(self) -> ChunkReader | None:
        """The stored array of header records, or None."""
        array: ChunkReader | None = self._records
        return array

    def _array(self, path: str, *, required: bool = True) -> Any:
        document = self._document(path)
        if document is not None:
            return ChunkReader(self._store, path, document, self.cache)
        if required:
            raise InvalidMDIOError(f"array {path} is missing", url=self._store.url)
        return None

    @property
    def schema(self) -> Schema:
        """Shape, types and metadata."""
        return self._schema

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Root attributes as stored."""
        return self._attributes("")

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region."""
        values: NDArray[Any] = self._samples.read(region)
        return values.astype(self._schema.dtype, copy=False)

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw records, in the byte order and size of the original file's."""
        if self._records is None:
            return np.zeros(region.shape, dtype=self._schema.headers.record)
        stored = self._records.read(region)
        packed = stored.reshape(-1).view(np.uint8).reshape(stored.size, self._records.dtype.itemsize)
        rest = None
        if self._rest is not None:
            size = self._rest.shape[-1]
            rest = self._rest.read(Region([*region, (0, size)])).reshape(-1, size)
        elif self._records.dtype.itemsize == RECORD_SIZE and self._packer.rest_size == RECORD_SIZE - layout.HEADER_SIZE:
            # MDIO 0.8 and later keep bytes 233 to 240 as one little-endian word behind the standard fields.
            rest = packed[:, layout.HEADER_SIZE :]
            rest = rest[:, ::-1] if self._packer.big_endian else rest
        packed = _standard_order(packed, self._records.dtype)
        return self._packer.unpack(packed, rest).reshape(region.shape)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return the live mask of a region."""
        mask: NDArray[np.bool_] = self._mask.read(region)
        return mask

    @cached_property
    def _rank(self) -> BitRank:
        return BitRank.from_mask(self.live(self._schema.region.spatial))

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the file position of each trace of a region, -1 where dead."""
        order = self._schema.metadata.order
        if order.kind == "affine":
            return cells_of(region, self._schema.shape[:-1], order.strides) + order.base
        if order.kind == "mapped" and self._order_array is not None:
            stored: NDArray[np.int64] = self._order_array.read(region).astype(np.int64)
            return stored - 1
        cells = cells_of(region, self._schema.shape[:-1])
        return np.where(self._rank.contains(cells), self._rank.rank(cells), -1)

    def lengths(self, region: Region) -> NDArray[np.uint32] | None:
        """Return the sample count of each trace of a region, 0 where dead; None where all fill the sample axis."""
        if self._lengths is None:
            return None
        stored: NDArray[np.uint32] = self._lengths.read(region).astype(np.uint32, copy=False)
        return np.where(self.live(region), np.minimum(stored, self._schema.shape[-1]), 0).astype(np.uint32)

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        spatial = region.spatial
        return Block(
            region=region,
            samples=self.samples(region),
            headers=self.headers(spatial) if self._schema.headers.itemsize else None,
            live=self.live(spatial),
            patches=self._read_patches(region),
            order=self.order(spatial),
            lengths=self.lengths(spatial),
        )

    def _read_patches(self, region: Region) -> Patches | None:
        if self._patches is None:
            return None
        words: NDArray[np.uint32] | None = None
        for part, values in self._patches.present(region):
            if words is None:
                words = np.zeros(region.shape, dtype=np.uint32)
            words[part.within(region)] = values
        if words is None:
            return None
        index = np.flatnonzero(words)
        return Patches(index, words.reshape(-1)[index]) if index.size else None

    def close(self) -> None:
        """Forget cached chunks."""
        self.cache.clear()

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self._store, self._documents, self._options)


def _reopen(store: Store, documents: Mapping[str, Any], options: ReadOptions) -> MdioVolume:
    return MdioVolume(store, documents, options)


def _standard_order(packed: NDArray[np.uint8], dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    """Return records with the 89 standard fields first, whatever the spelling and size of the stored ones."""
    if dtype.itemsize == layout.HEADER_SIZE:
        return packed
    if dtype.itemsize > layout.HEADER_SIZE and len(dtype.names or ()) >= len(STANDARD_FIELDS):
        return np.ascontiguousarray(packed[:, : layout.HEADER_SIZE])
    out = np.zeros((len(packed), layout.HEADER_SIZE), dtype=np.uint8)
    fields: Mapping[str, Any] = dtype.fields or {}
    for byte, name, kind in STANDARD_FIELDS:
        field = fields.get(name) or fields.get(str(byte))
        if field is not None and field[0].itemsize == int(kind[1]):
            size = int(kind[1])
            out[:, byte - 1 : byte - 1 + size] = packed[:, field[1] : field[1] + size]
    return out
