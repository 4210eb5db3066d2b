"""Writes MDIO datasets of every layout by blocks; what makes one openable comes last, so half of it never opens."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.overriding import chunks_with_added
from mdio.core.region import Region
from mdio.core.volume import Block, Creation, Schema, Volume, has_lengths, lengths_of
from mdio.exceptions import ConfigError, UnstorableSampleError
from mdio.flow.joining import claim
from mdio.flow.journal import Journal
from mdio.native import source
from mdio.native.arrays import ArraySpec
from mdio.native.chunk_writer import ChunkWriter, UnstorableCellError
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.codecs import default_codec, sample_codec
from mdio.native.dataset import Contents, Layout
from mdio.native.pattern_copy import copy_patterns, further_patterns
from mdio.native.pending import PendingDocuments
from mdio.native.presence import stored_objects
from mdio.native.records import RecordPacker
from mdio.native.shards import shard_shapes
from mdio.native.v0 import V0Layout
from mdio.storage.staging import StagedTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.options import WriteOptions
    from mdio.storage.store import Storage

__all__ = ["MdioSink", "create_sink"]

_PLAIN_CELLS = 1 << 24
"""Cells a chunk of the live mask and of other arrays that hold one small number a trace."""


def create_sink(url: str, like: Volume, options: WriteOptions, storage: Storage, creation: Creation) -> MdioSink:
    """Begin a dataset.

    Raises
    ------
    MDIOAlreadyExistsError, IncompleteDatasetError, WriterLockedError, StorageError
        The target cannot be begun; see :func:`mdio.storage.claiming.claim_target`.
    ConfigError
        Chunks, shards, template or codec do not fit the volume or the layout.
    """
    return MdioSink(url, like, options, storage, creation)


class MdioSink:
    """A dataset under construction."""

    halo: tuple[int, ...]
    needs: frozenset[str] = frozenset()

    def __init__(self, url: str, like: Volume, options: WriteOptions, storage: Storage, creation: Creation) -> None:
        schema = like.schema
        self._like = like
        self._schema = schema
        self._layout = _layout(options, schema)
        usual = _chunks(options, schema, self._layout)
        chosen = usual if options.chunks else None
        chunks, shards = shard_shapes(options.shards, chosen, usual, schema.dtype.itemsize)
        codec = sample_codec(options.codec, schema.dtype)
        store = storage.open(url)
        self.journal, resumes = claim(store, creation, lambda: Journal.of_target(store))
        self.creation = creation
        self._tree = StagedTree(store)
        try:
            self._tree.begin(fresh=not resumes)
        except BaseException:
            self.journal.close() if resumes else self.journal.remove()
            raise
        samples = self._layout.samples(schema, chunks, shards, codec)
        if samples.lossy and samples.dtype.kind + str(samples.dtype.itemsize) not in ("f4", "f8"):
            # ZFP gives back floats whatever it got.
            samples = self._layout.samples(replace(schema, dtype=np.dtype(np.float32)), chunks, shards, codec)
        self._samples = self._writer(samples)
        self.chunks = chunks = self._samples.spec.objects
        self.halo = (0,) * len(chunks)
        self._packer = RecordPacker(schema.headers, self._layout.header_fields) if schema.headers.itemsize else None
        self._headers = self._rest = None
        if self._packer is not None:
            codec = default_codec(self._packer.size)
            self._headers = self._writer(self._layout.headers(schema, chunks, codec))
            rest = self._packer.rest_size
            if rest:
                shape, cut = (*schema.shape[:-1], rest), (*chunks[:-1], rest)
                self._rest = self._plain(source.HEADER_REST, shape, cut, np.dtype("u1"))
        self._patches = self._plain(source.PATCHES, schema.shape, chunks, np.dtype("<u4"))

    def _writer(self, spec: ArraySpec) -> ChunkWriter:
        return ChunkWriter(self._tree.put, self._tree.discard, spec)

    def _plain(self, path: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any]) -> ChunkWriter:
        return self._writer(self._layout.plain(path, shape, chunks, dtype, default_codec(dtype.itemsize)))

    def share(self) -> None:
        """Let other processes write blocks: every object is one block's, and lies in the open from the start."""

    def write(self, block: Block) -> Mapping[str, Any]:
        """Store the chunks of a block: samples, headers, and what the types cannot give back."""
        try:
            receipt: dict[str, Any] = {"samples": self._samples.write(block.region, self._layout.stored(block))}
        except UnstorableCellError as error:
            raise self._refused(error) from error
        if block.region[-1][0] == 0:
            receipt |= self._write_headers(block)
        if block.patches is not None and block.patches.index.size:
            words = np.zeros(block.samples.shape, dtype=np.uint32)
            words.reshape(-1)[block.patches.index] = block.patches.words
            receipt["patches"] = self._patches.write(block.region, words)
        return receipt

    def _refused(self, error: UnstorableCellError) -> UnstorableSampleError:
        """Return an error that names a sample by its coordinates."""
        place = []
        for dim, at in zip(self._schema.dims, error.cell, strict=True):
            coordinate = f"{dim.between(at, at + 1)[0]:.12g}"
            place.append(f"{dim.name} {coordinate}{' ' + dim.unit if dim.unit else ''}")
        what = error.message
        promise = getattr(self._samples.spec.codec, "tolerance", None)
        if error.value is not None and promise is not None:
            what = f"{error.value} cannot be held to a tolerance of {promise}"
        return UnstorableSampleError(
            f"{', '.join(place)}: {what}",
            position=int(np.ravel_multi_index(error.cell, self._schema.shape)),
            value=math.nan if error.value is None else error.value,
            hint=error.hint,
        )

    def _write_headers(self, block: Block) -> dict[str, Any]:
        if block.headers is None or self._packer is None or self._headers is None:
            return {}
        spatial = block.region.spatial
        packed = self._packer.pack(block.headers).view(self._headers.dtype).reshape(spatial.shape)
        receipt = {"headers": self._headers.write(spatial, packed)}
        if self._rest is not None:
            rest = self._packer.rest(block.headers).reshape(*spatial.shape, -1)
            if rest.any():
                receipt["rest"] = self._rest.write(Region([*spatial, (0, rest.shape[-1])]), rest)
        return receipt

    def recheck(self, region: Region, receipt: Mapping[str, Any]) -> bool:
        """Whether the objects of a region are there, whole, with the sizes that were recorded.

        A power cut can keep the journal and lose the data it speaks of, so their checks are verified.
        """
        whole = {"samples": (self._samples, region), "patches": (self._patches, region)}
        if self._headers is not None:
            whole["headers"] = (self._headers, region.spatial)
        if self._rest is not None:
            whole["rest"] = (self._rest, Region([*region.spatial, (0, self._rest.shape[-1])]))
        return all(
            writer.stored(self._tree.work.get, box) == list(receipt[name])
            for name, (writer, box) in whole.items()
            if name in receipt
        )

    def commit(self, statistics: Mapping[str, Any]) -> None:
        """Write mask, axes, trace order, source bytes, then all metadata; what makes it openable is the last."""
        put, like = self._tree.put, self._like
        arrays = [self._samples.spec]
        records: ChunkReader | None = None
        if self._headers is not None and self._packer is not None:
            arrays.append(self._headers.spec)
            records = ChunkReader(self._tree.work, self._headers.spec, ChunkCache())
            like = _Written(like, records, self._packer)
        arrays += [self._write_mask(), *self._layout.describe_axes(like, put), *self._write_source()]
        contents = Contents(
            schema=self._schema,
            arrays=tuple(arrays),
            packer=self._packer,
            statistics=statistics,
            created=(self.journal.header or {}).get("created") or self.creation.created,
            objects=stored_objects(self._tree.work, arrays),
        )
        documents = PendingDocuments(self._tree.store.url, self._layout.documents(contents))
        further = further_patterns(self._like)
        if further is not None:
            copy_patterns(*further, documents, records, put)
        self._tree.commit(documents)
        self.journal.remove()

    def _write_mask(self) -> ArraySpec:
        shape = self._schema.shape[:-1]
        mask = self._writer(self._layout.mask(self._schema, _plain_chunks(shape), default_codec(1)))
        for box in _boxes(shape, mask.chunks):
            mask.write(box, self._like.live(box))
        return mask.spec

    def _write_source(self) -> Iterator[ArraySpec]:
        metadata, work = self._schema.metadata, self._tree.work
        if metadata.source is not None:
            for path, data in source.blob_specs(metadata.source):
                blob = self._plain(path, (len(data),), (len(data),), np.dtype("u1"))
                blob.write(Region([(0, len(data))]), np.frombuffer(data, np.uint8))
                yield blob.spec
        if metadata.order.kind == "mapped":
            shape = self._schema.shape[:-1]
            order = self._plain(source.ORDER, shape, _plain_chunks(shape), np.dtype("<u8"))
            for box in _boxes(shape, order.chunks):
                # 0 where dead, so that empty chunks need no object; traces count from 1.
                order.write(box, (self._like.order(box) + 1).astype(order.dtype))
            yield order.spec
        yield from self._write_lengths()
        if work.is_dir(source.PATCHES):
            yield self._patches.spec
        if self._rest is not None and work.is_dir(source.HEADER_REST):
            yield self._rest.spec

    def _write_lengths(self) -> Iterator[ArraySpec]:
        """Write the true sample counts where the source has them: a few bytes a trace, so all of them at the end."""
        shape = self._schema.shape[:-1]
        if not has_lengths(self._like):
            return
        writer = self._plain(source.LENGTHS, shape, _plain_chunks(shape), np.dtype("<u4"))
        for box in _boxes(shape, writer.chunks):
            lengths = lengths_of(self._like, box)
            if lengths is not None:
                writer.write(box, lengths.astype(writer.dtype, copy=False))
        yield writer.spec

    def abort(self) -> None:
        """Leave nothing behind."""
        self._tree.abort()
        self.journal.remove()

    def close(self) -> None:
        """Let go of the lock and keep what was written for a resume."""
        self.journal.close()


class _Written:
    """A volume whose trace headers are read back from the target: sources may have to be read whole for them."""

    def __init__(self, like: Volume, records: ChunkReader, packer: RecordPacker) -> None:
        self._like = like
        self._records = records
        self._packer = packer
        self.schema = like.schema
        self.live = like.live
        self.order = like.order
        self.samples = like.samples
        self.read = like.read
        self.close = like.close

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw records, as far as packed ones hold them."""
        stored = self._records.read(region)
        packed = stored.reshape(-1).view(np.uint8).reshape(stored.size, self._packer.size)
        return self._packer.unpack(packed, None).reshape(region.shape)


def _layout(options: WriteOptions, schema: Schema) -> Layout:
    """Return the layout; what only MDIO v1 has is refused for others."""
    if options.layout == "v1":
        from mdio.native.v1_layout import V1Layout

        return V1Layout(schema, options.template, options.header_fields)
    usual = {"shards": False, "template": None, "header_fields": 89}
    for name, value in usual.items():
        if getattr(options, name) != value:
            raise ConfigError(f"layout {options.layout} has none", path=name, hint="use layout=v1")
    return V0Layout(options.layout)


def _chunks(options: WriteOptions, schema: Schema, layout: Layout) -> tuple[int, ...]:
    """Return the chunk shape; a dimension that a grid override added has a length of its own."""
    shape, names = schema.shape, schema.names
    geometry = schema.metadata.attributes.get("geometry", {})
    added = geometry.get("added", {})
    if options.chunks and added and len(options.chunks) != len(shape):
        return chunks_with_added(options.chunks, [key for key, _ in geometry["keys"]], names, added)
    chunks = options.chunks or tuple(
        added.get(name, length) for name, length in zip(names, layout.default_chunks(len(shape)), strict=True)
    )
    if len(chunks) != len(shape):
        raise ConfigError(
            f"chunks {','.join(map(str, chunks))} have {len(chunks)} lengths, the volume {len(shape)} dimensions",
            path="chunks",
            hint=f"one length for each of {', '.join(names)}",
        )
    return tuple(chunks)


def _plain_chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return chunks of whole trailing axes, bounded in cells."""
    chunks = list(shape)
    for axis in range(len(shape)):
        rest = int(np.prod(chunks[axis + 1 :], dtype=np.int64))
        chunks[axis] = max(1, min(shape[axis], _PLAIN_CELLS // max(rest, 1)))
        if rest * chunks[axis] <= _PLAIN_CELLS:
            break
    return tuple(chunks)


def _boxes(shape: tuple[int, ...], chunks: tuple[int, ...]) -> Iterator[Region]:
    for index in Region.whole(shape).chunks(chunks):
        yield Region.of_chunk(index, chunks, shape)
