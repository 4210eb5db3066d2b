"""Reads MDIO datasets of every layout, ours and those of multidimio, by region."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.index import cells_of
from mdio.core.rank import BitRank
from mdio.core.region import Region
from mdio.core.trace_header import RECORD_SIZE
from mdio.core.volume import Block, Metadata, Patches, Schema
from mdio.exceptions import CodecError, InvalidMDIOError, StorageError
from mdio.native import source
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.foreign_records import RAW_HEADERS, ForeignRecords, foreign_records
from mdio.native.opening import open_dataset
from mdio.native.records import FIELDS, FIELDS_09, RecordPacker, in_standard_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.dataset import Dataset, Description
    from mdio.native.options import ReadOptions
    from mdio.storage.store import Storage, Store

__all__ = ["MdioVolume", "open_volume"]


def open_volume(url: str, options: ReadOptions, storage: Storage) -> MdioVolume:
    """Open a dataset.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    IncompleteDatasetError
        It was never finished.
    InvalidMDIOError
        It is not an MDIO dataset, or lacks what one must have.
    """
    return _reopen(storage.open(url), options)


class MdioVolume:
    """An MDIO dataset of any layout, read through one of its access patterns."""

    def __init__(self, dataset: Dataset, options: ReadOptions) -> None:
        self.dataset = dataset
        self.folder: tuple[int, int] | None = None
        """Folder that was opened, where that is known."""
        self._options = options
        self.cache = ChunkCache(options.cache)
        self.pattern = self._choose_pattern(options.access_pattern)
        self._samples = self._required(dataset.samples(self.pattern))
        self._mask = self._required(dataset.mask)
        self._records = self._array(dataset.headers(self.pattern))
        self._patches = self._array(source.PATCHES)
        self._rest = self._array(source.HEADER_REST)
        self._order_array = self._array(source.ORDER)
        self._lengths = self._array(source.LENGTHS)
        self._raw: ChunkReader | None = None
        self.description = self._describe(dataset.describe())

    def _describe(self, described: Description) -> Description:
        sizes = [dim.size for dim in described.dims]
        if tuple(sizes) != self._samples.shape:
            raise InvalidMDIOError(
                f"dimensions {sizes} and array {list(self._samples.shape)} disagree", url=self.dataset.store.url
            )
        headers = source.header_layout(described.header, has_records=self._records is not None)
        self._foreign: ForeignRecords | None = None
        if self._records is not None and not described.header:
            self._foreign = foreign_records(self._records.dtype)
            headers = self._foreign.layout if self._foreign is not None else headers
            with contextlib.suppress(CodecError):  # an extra: the records do without
                self._raw = self._array(RAW_HEADERS)
        wide = self._records is not None and {"233", "unassigned"} & {*(self._records.dtype.names or ())}
        self._packer = RecordPacker(headers, FIELDS_09 if wide else FIELDS)
        self._schema = Schema(
            dims=described.dims,
            dtype=self._samples.dtype.newbyteorder("="),
            headers=headers,
            chunks=tuple(max(1, min(c, n)) for c, n in zip(self._samples.chunks, self._samples.shape, strict=True)),
            metadata=Metadata(
                text=described.text,
                binary=described.binary,
                source=described.source,
                order=described.order,
                trace_count=described.trace_count,
                statistics=_known(described),
                identity={"url": self.dataset.store.url, "metadata": self.dataset.identity},
                attributes=described.attributes,
            ),
        )
        return described

    def _choose_pattern(self, wanted: str | None) -> str:
        patterns = self.access_patterns
        if wanted is None and patterns:
            return patterns[0]
        if wanted is not None and self.dataset.array(self.dataset.samples(wanted)) is not None:
            # The name of a variable, as MDIO v1 has it, or of another one over the same grid.
            return next((name for name in patterns if self.dataset.samples(name) == wanted), wanted)
        if wanted not in patterns:
            raise InvalidMDIOError(
                f"no access pattern {wanted!r}",
                url=self.dataset.store.url,
                hint=f"there are: {', '.join(patterns) or 'none'}",
            )
        return wanted

    @property
    def access_patterns(self) -> tuple[str, ...]:
        """Names of the access patterns, the default one first."""
        return self.dataset.patterns()

    @property
    def sample_array(self) -> ChunkReader:
        """The stored array of samples: its chunks, type and compressor."""
        return self._samples

    @property
    def sample_arrays(self) -> dict[str, ChunkReader]:
        """The stored array of samples of every access pattern whose codec is known here."""
        found = {}
        for pattern in self.access_patterns:
            with contextlib.suppress(CodecError):
                found[pattern] = self._required(self.dataset.samples(pattern))
        return found

    @property
    def packer(self) -> RecordPacker:
        """How raw header records and the packed ones of the store follow from each other."""
        return self._packer

    def _array(self, path: str) -> ChunkReader | None:
        spec = self.dataset.array(path)
        return ChunkReader(self.dataset.store, spec, self.cache) if spec is not None else None

    def _required(self, path: str) -> ChunkReader:
        array = self._array(path)
        if array is None:
            raise InvalidMDIOError(f"array {path} is missing", url=self.dataset.store.url)
        return array

    @property
    def schema(self) -> Schema:
        """Shape, types and metadata."""
        return self._schema

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Versions and time stamps as stored."""
        return self.description.facts

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region; dead traces are 0 whatever the store has for them."""
        values = self._alive(self._samples.look(region), region, None)
        self._require_the_same()
        return values

    def _require_the_same(self) -> None:
        """Raise where another dataset has taken the place of this one, whose chunks would be taken for ours."""
        store = self.dataset.store
        if self.folder is not None and self.folder != _folder_of(store):
            raise StorageError(f"{store.url}: it was replaced or deleted while it was read", hint="open it again")

    def _alive(self, stored: NDArray[Any], region: Region, live: NDArray[np.bool_] | None) -> NDArray[Any]:
        values: NDArray[Any] = stored.astype(self._schema.dtype, copy=False)
        spec = self._samples.spec
        if spec.masked or spec.lossy or spec.fill_cell is not None:
            dead = ~(self.live(region.spatial) if live is None else live)
            if dead.any():
                values[dead] = 0
        return values

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw records, in the byte order and size of the original file's."""
        if self._records is None:
            return np.zeros(region.shape, dtype=self._schema.headers.record)
        stored = self._records.read(region)
        packed = stored.reshape(-1).view(np.uint8).reshape(stored.size, self._records.dtype.itemsize)
        if self._foreign is not None:
            return self._foreign.unpack(packed, self._raw_headers(region)).reshape(region.shape)
        rest = None
        if self._rest is not None:
            size = self._rest.shape[-1]
            rest = self._rest.read(Region([*region, (0, size)])).reshape(-1, size)
        elif self._packer.rest_size:
            raw = self._raw_headers(region)
            rest = None if raw is None else raw[:, self._packer.rest_from :]
        fields = FIELDS_09 if self._packer.size > 232 else FIELDS
        return self._packer.unpack(in_standard_order(packed, self._records.dtype, fields), rest).reshape(region.shape)

    def _raw_headers(self, region: Region) -> NDArray[np.uint8] | None:
        """Return the bytes of the headers in the file that somebody else imported, where they were kept."""
        if self._raw is None or self._raw.dtype.itemsize != RECORD_SIZE:
            return None
        return self._raw.read(region).reshape(-1).view(np.uint8).reshape(-1, RECORD_SIZE)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return the live mask of a region."""
        mask: NDArray[np.bool_] = self._mask.look(region)
        return mask

    @cached_property
    def _rank(self) -> BitRank:
        return BitRank.from_mask(self.live(self._schema.region.spatial))

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the file position of each trace of a region, -1 where dead."""
        return self._order_of(region, self.live(region))

    def _order_of(self, region: Region, live: NDArray[np.bool_]) -> NDArray[np.int64]:
        order = self._schema.metadata.order
        if order.kind == "affine":
            return np.where(live, cells_of(region, self._schema.shape[:-1], order.strides) + order.base, -1)
        if order.kind == "mapped" and self._order_array is not None:
            return np.where(live, self._order_array.read(region).astype(np.int64) - 1, -1)
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
        live = self.live(spatial)
        block = Block(
            region=region,
            samples=self._alive(self._samples.read(region), region, live),
            headers=self.headers(spatial) if self._schema.headers.itemsize else None,
            live=live,
            patches=self._read_patches(region),
            order=self._order_of(spatial, live),
            lengths=self.lengths(spatial),
        )
        self._require_the_same()
        return block

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
        return _reopen, (self.dataset.store, self._options)


def _known(described: Description) -> dict[str, Any] | None:
    """Return the statistics, marked where an edit left them behind the samples."""
    if not described.statistics:
        return None
    return {**described.statistics, **({"stale": True} if "statistics" in described.stale else {})}


def _reopen(store: Store, options: ReadOptions) -> MdioVolume:
    folder = _folder_of(store)  # before the metadata, so that those of another are noticed
    volume = MdioVolume(open_dataset(store, allow_incomplete=options.allow_incomplete), options)
    volume.folder = folder
    return volume


def _folder_of(store: Store) -> tuple[int, int] | None:
    """Return what tells the folder of a local dataset from one that is put in its place; None for stores elsewhere."""
    if store.path is None:
        return None
    try:
        found = store.path.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino
