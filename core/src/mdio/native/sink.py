"""Writes the MDIO v0 layout by blocks; every piece of metadata comes last, so half a dataset never opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio import __version__
from mdio.core.overriding import chunks_with_added
from mdio.core.region import Region
from mdio.core.volume import Block, Creation, Schema, Volume, has_lengths, lengths_of
from mdio.exceptions import ConfigError
from mdio.flow.journal import Journal
from mdio.native import layout, source
from mdio.native.chunks import ChunkWriter
from mdio.native.records import RecordPacker
from mdio.plugins.registry import registry
from mdio.storage.staging import REMOTE_STATE, StagedTree, claim_target, journal_path

if TYPE_CHECKING:
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
        The target cannot be begun; see :func:`mdio.storage.staging.claim_target`.
    ConfigError
        Chunks or codec do not fit the volume.
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
        self.chunks = _chunks(options, schema)
        self.halo = (0,) * len(self.chunks)
        self._pattern = layout.default_pattern(len(self.chunks))
        self._sample_codec = _sample_codec(options, schema.dtype)
        header_codec, plain_codec = _default_codec(layout.HEADER_SIZE), _default_codec(1)
        store = storage.open(url)
        self.journal, resumes = claim_target(
            store,
            creation,
            lambda: (
                Journal.local(journal_path(store.path.absolute()), store.url)
                if store.path is not None
                else Journal.on_store(store, REMOTE_STATE)
            ),
        )
        self.creation = creation
        self._tree = StagedTree(store)
        try:
            self._tree.begin(fresh=not resumes)
        except BaseException:
            self.journal.close() if resumes else self.journal.remove()
            raise
        self._packer = RecordPacker(schema.headers) if schema.headers.itemsize else None
        big = any(np.dtype(field.dtype).byteorder == ">" for field in schema.headers.fields)
        self._header_order = big
        spatial, spatial_chunks = schema.shape[:-1], self.chunks[:-1]
        make = self._writer
        self._samples = make(
            layout.data_array(self._pattern), schema.shape, self.chunks, schema.dtype, self._sample_codec
        )
        self._headers = make(
            layout.header_array(self._pattern),
            spatial,
            spatial_chunks,
            np.dtype((np.void, layout.HEADER_SIZE)),
            header_codec,
        )
        rest = self._packer.rest_size if self._packer else 0
        self._rest = (
            make(source.HEADER_REST, (*spatial, rest), (*spatial_chunks, rest), np.dtype("u1"), plain_codec)
            if rest
            else None
        )
        self._patches = make(source.PATCHES, schema.shape, self.chunks, np.dtype("<u4"), _default_codec(4))
        self._plain_codec = plain_codec

    def _writer(
        self, path: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> ChunkWriter:
        return ChunkWriter(self._tree.put, self._tree.discard, path, shape, chunks, dtype, codec)

    def write(self, block: Block) -> Mapping[str, Any]:
        """Store the chunks of a block: samples, headers, and what the types cannot give back."""
        receipt: dict[str, Any] = {"samples": self._samples.write(block.region, block.samples)}
        if block.region[-1][0] == 0:
            receipt |= self._write_headers(block)
        if block.patches is not None and block.patches.index.size:
            words = np.zeros(block.samples.shape, dtype=np.uint32)
            words.reshape(-1)[block.patches.index] = block.patches.words
            receipt["patches"] = self._patches.write(block.region, words)
        return receipt

    def _write_headers(self, block: Block) -> dict[str, Any]:
        if block.headers is None or self._packer is None:
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
        whole["headers"] = (self._headers, region.spatial)
        if self._rest is not None:
            whole["rest"] = (self._rest, Region([*region.spatial, (0, self._rest.shape[-1])]))
        return all(
            writer.stored(self._tree.work.get, box) == list(receipt[name])
            for name, (writer, box) in whole.items()
            if name in receipt
        )

    def commit(self, statistics: Mapping[str, Any]) -> None:
        """Write mask, trace order, source bytes, then all metadata, ``.zmetadata`` and the root ``.zgroup`` last."""
        arrays = {self._samples.path: self._document(self._samples, self._sample_codec)}
        if self._packer is not None:
            arrays[self._headers.path] = self._document(self._headers, _default_codec(layout.HEADER_SIZE))
        arrays |= self._write_mask()
        arrays |= self._write_source()
        documents = self._documents(arrays, statistics)
        consolidated = layout.to_json({"metadata": documents, "zarr_consolidated_format": 1})
        parts = [(key, layout.to_json(document)) for key, document in documents.items() if key != ".zgroup"]
        self._tree.commit([*parts, (".zmetadata", consolidated), (".zgroup", layout.to_json(documents[".zgroup"]))])
        self.journal.remove()

    def _document(self, writer: ChunkWriter, codec: Any) -> dict[str, Any]:
        config = codec.get_config() if codec is not None else None
        kind: Any = layout.HEADER_DTYPE if writer.dtype.kind == "V" else writer.dtype.newbyteorder("<").str
        fill: Any = False if writer.dtype.kind == "b" else 0.0 if writer.dtype.kind == "f" else 0
        return layout.array_document(writer.shape, writer.chunks, kind, fill, config)

    def _write_mask(self) -> dict[str, Any]:
        shape = self._schema.shape[:-1]
        mask = self._writer(layout.LIVE_MASK, shape, _plain_chunks(shape), np.dtype(bool), self._plain_codec)
        for box in _boxes(shape, mask.chunks):
            mask.write(box, self._like.live(box))
        return {layout.LIVE_MASK: self._document(mask, self._plain_codec)}

    def _write_source(self) -> dict[str, Any]:
        metadata, work = self._schema.metadata, self._tree.work
        arrays: dict[str, Any] = {}
        if metadata.source is not None:
            config = self._plain_codec.get_config() if self._plain_codec is not None else {}
            for path, document, data in source.blob_arrays(metadata.source, self._plain_codec, config):
                self._tree.put(f"{path}/0", data)
                arrays[path] = document
        if metadata.order.kind == "mapped":
            shape = self._schema.shape[:-1]
            kind = np.dtype("<u8")
            codec = _default_codec(kind.itemsize)
            order = self._writer(source.ORDER, shape, _plain_chunks(shape), kind, codec)
            for box in _boxes(shape, order.chunks):
                # 0 where dead, so that empty chunks need no object; traces count from 1.
                order.write(box, (self._like.order(box) + 1).astype(kind))
            arrays[source.ORDER] = self._document(order, codec)
        arrays |= self._write_lengths()
        if work.is_dir(source.PATCHES):
            arrays[source.PATCHES] = self._document(self._patches, _default_codec(4))
        if self._rest is not None and work.is_dir(source.HEADER_REST):
            arrays[source.HEADER_REST] = self._document(self._rest, self._plain_codec)
        return arrays

    def _write_lengths(self) -> dict[str, Any]:
        """Write the true sample counts where the source has them: a few bytes a trace, so all of them at the end."""
        shape = self._schema.shape[:-1]
        if not has_lengths(self._like):
            return {}
        kind = np.dtype("<u4")
        codec = _default_codec(kind.itemsize)
        writer = self._writer(source.LENGTHS, shape, _plain_chunks(shape), kind, codec)
        for box in _boxes(shape, writer.chunks):
            lengths = lengths_of(self._like, box)
            if lengths is not None:
                writer.write(box, lengths.astype(kind, copy=False))
        return {source.LENGTHS: self._document(writer, codec)}

    def _documents(self, arrays: Mapping[str, Any], statistics: Mapping[str, Any]) -> dict[str, Any]:
        schema, metadata = self._schema, self._schema.metadata
        ours = {
            "version": __version__,
            "layout": "v0",
            "units": {dim.name: dim.unit for dim in schema.dims},
            "statistics": statistics.get("honest", {}),
            **({"attributes": dict(metadata.attributes)} if metadata.attributes else {}),
        }
        root = {
            "api_version": layout.API_VERSION,
            "created": (self.journal.header or {}).get("created") or self.creation.created,
            "dimension": layout.dimension_documents(schema.dims),
            "trace_count": metadata.trace_count if metadata.trace_count >= 0 else statistics.get("trace_count", 0),
            **{key: statistics[key] for key in ("mean", "std", "rms", "min", "max")},
            layout.MDIO_KEY: ours,
        }
        group = {"zarr_format": 2}
        documents: dict[str, Any] = {".zgroup": group, ".zattrs": root}
        text = list(metadata.text) or [" " * 80] * 40
        attributes = {"text_header": text, "binary_header": _binary(metadata.binary, schema.shape[-1])}
        documents |= {"data/.zgroup": group, "metadata/.zgroup": group, "metadata/.zattrs": attributes}
        documents |= {"source/.zgroup": group}
        documents["source/.zattrs"] = source.source_attributes(metadata, schema.headers.itemsize, self._header_order)
        return documents | {f"{path}/.zarray": document for path, document in arrays.items()}

    def abort(self) -> None:
        """Leave nothing behind."""
        self._tree.abort()
        self.journal.remove()

    def close(self) -> None:
        """Let go of the lock and keep what was written for a resume."""
        self.journal.close()


def _binary(binary: Mapping[str, Any], samples: int) -> dict[str, Any]:
    """Return the binary header words; exporters of 0.x need the revision and format words to be there."""
    if binary:
        return dict(binary)
    return {"Format": 5, "Samples": min(samples, 32767), "SEGYRevision": 1, "SEGYRevisionMinor": 0}


def _chunks(options: WriteOptions, schema: Schema) -> tuple[int, ...]:
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


def _default_codec(itemsize: int) -> Any:
    for codec in registry().codecs():
        if codec.name == "blosc":
            return codec.load()(typesize=itemsize)
    import numcodecs

    return numcodecs.Blosc("zstd", clevel=5, shuffle=1)


def _sample_codec(options: WriteOptions, dtype: np.dtype[Any]) -> Any:
    if options.codec is None:
        return _default_codec(dtype.itemsize)
    if options.codec.name in ("none", "raw"):
        return None
    descriptor = registry().codec(options.codec.name)
    parameters = options.codec.parameters
    model = descriptor.options_model()
    if model is not None:
        from mdio.validation import validated

        parameters = validated(model, parameters, f"codec {descriptor.name}").model_dump(exclude_none=True)
    if descriptor.dtypes and dtype.name not in descriptor.dtypes:
        raise ConfigError(
            f"codec {descriptor.name} takes {', '.join(descriptor.dtypes)}, the samples are {dtype.name}",
            path="codec",
            hint="cast the samples, or use a lossless codec",
        )
    if descriptor.numcodecs_id == "blosc":
        parameters = {"typesize": dtype.itemsize, **parameters}
    return descriptor.load()(**parameters)


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
