"""The MDIO v0 layout: a Zarr format 2 hierarchy that every 0.x release opens and exports.

``v0`` is spelled in the one way that all releases agree on: ``api_version`` 0.7.4, header records of 89 fields and
232 bytes under byte-number names, binary header words under segyio names. ``v0.9`` is spelled as 0.8 and 0.9 do:
words, and bytes 233 to 240 in the record. What is ours stands in the group ``source/`` and under the attribute
``mdio``, where those releases do not look.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np

from mdio import __version__
from mdio.core.region import Region
from mdio.exceptions import CodecError, InvalidMDIOError
from mdio.native import binary, source
from mdio.native.arrays import ArraySpec
from mdio.native.axes import axis_of
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.codecs import default_codec
from mdio.native.dataset import Contents, Description, Put, Revision, default_pattern
from mdio.native.presence import OBJECTS, presence_of
from mdio.native.records import FIELDS, FIELDS_09, record_dtype
from mdio.native.sealing import check_consolidated, sealed_consolidated
from mdio.native.zarr2 import array_document, spec_of, to_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Block, Schema, Volume
    from mdio.storage.store import Store

__all__ = ["GENERATIONS", "MDIO_KEY", "V0Dataset", "V0Layout", "open_v0"]

MDIO_KEY = "mdio"
"""Root attribute that holds what is ours."""
_MASK = "metadata/live_mask"
_STATISTICS = ("mean", "std", "rms", "min", "max")


@dataclass(frozen=True)
class _Generation:
    """A spelling that releases agree on; they choose how to export by ``api_version``."""

    name: str
    api_version: str
    fields: tuple[tuple[int, str, str], ...]
    words: bool


GENERATIONS = {
    "v0": _Generation("v0", "0.7.4", FIELDS, words=False),
    "v0.9": _Generation("v0.9", "0.9.3", FIELDS_09, words=True),
}

_DEFAULT_CHUNKS = {
    1: (262144,),
    2: (512, 512),
    3: (64, 64, 64),
    4: (16, 16, 16, 64),
    5: (8, 8, 8, 8, 64),
    6: (4, 4, 4, 8, 8, 64),
}


def _samples(pattern: str) -> str:
    return f"data/chunked_{pattern}"


def _headers(pattern: str) -> str:
    return f"metadata/chunked_{pattern}_trace_headers"


def _dimension_documents(dims: Sequence[Dimension]) -> list[dict[str, Any]]:
    """Return the root attribute ``dimension``: names and full coordinates, whole numbers as integers."""
    documents = []
    for dim in dims:
        coords = dim.coords
        # Beyond 2**53 floats have gaps wider than one, and soon no place in 64 bits.
        if coords.dtype.kind == "f" and np.all(np.abs(coords) <= 2.0**53) and np.array_equal(coords, np.rint(coords)):
            coords = coords.astype(np.int64)
        documents.append({"name": dim.name, "coords": coords.tolist()})
    return documents


def _named(dims: Sequence[Dimension]) -> tuple[Dimension, ...]:
    """Return the axes under the names of this layout, where the last one is always called ``sample``."""
    last = dims[-1]
    if last.name == "sample":
        return tuple(dims)
    return (*dims[:-1], axis_of("sample", last.coords, last.unit))


def _dimensions(documents: Sequence[Mapping[str, Any]], units: Mapping[str, str]) -> tuple[Dimension, ...]:
    """Return the dimensions that the root attribute describes; regular axes are kept as three numbers."""
    dims = []
    for document in documents:
        name = str(document["name"])
        unit = units.get(name, "ms" if name == "sample" else "")
        dims.append(axis_of(name, np.asarray(document["coords"]), unit))
    return tuple(dims)


# -- existing datasets -------------------------------------------------------------------------------------------


def open_v0(store: Store, text: bytes) -> V0Dataset:
    """Return the dataset whose ``.zmetadata`` is given.

    Raises
    ------
    InvalidMDIOError
        The metadata cannot be read, or are those of another kind of Zarr store.
    IntegrityError
        They do not match their check.
    """
    try:
        whole = json.loads(text)
        documents = whole["metadata"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidMDIOError(f".zmetadata cannot be read: {error}", url=store.url) from error
    check_consolidated(whole, text, store.url)
    return V0Dataset(store, documents)


class V0Dataset:
    """An existing dataset of the v0 layout; see :class:`mdio.native.dataset.Dataset`."""

    mask = _MASK

    def __init__(self, store: Store, documents: Mapping[str, Any]) -> None:
        self.store = store
        self._documents = dict(documents)
        root = self._attributes("")
        if "dimension" not in root:
            raise InvalidMDIOError("the root attribute 'dimension' is missing", url=store.url)
        self._ndim = len(root["dimension"])

    @property
    def layout(self) -> str:
        """``"v0"`` or ``"v0.9"``, by the version its exporters go by."""
        version = str(self._attributes("").get("api_version", ""))
        return "v0.9" if version.startswith(("0.8", "0.9")) else "v0"

    @property
    def identity(self) -> int:
        """Checksum of all metadata."""
        value: int = google_crc32c.value(to_json(self._documents))
        return value

    def _attributes(self, path: str) -> dict[str, Any]:
        key = f"{path}/.zattrs" if path else ".zattrs"
        return dict(self._documents.get(key, {}))

    def patterns(self) -> tuple[str, ...]:
        """Return the names of the access patterns, the one that bears the numbers of all axes first."""
        prefix, suffix = _samples(""), "/.zarray"
        names = [
            key[len(prefix) : -len(suffix)]
            for key in sorted(self._documents)
            if key.startswith(prefix) and key.endswith(suffix)
        ]
        first = default_pattern(self._ndim)
        return tuple(sorted(names, key=lambda name: name != first))

    def samples(self, pattern: str) -> str:
        """Return the path of the samples of an access pattern."""
        return _samples(pattern)

    def headers(self, pattern: str) -> str:
        """Return the path of the header records of an access pattern."""
        return _headers(pattern)

    def array(self, path: str) -> ArraySpec | None:
        """Return an array by its path, None where there is none."""
        document = self._documents.get(f"{path}/.zarray")
        if document is None:
            return None
        try:
            spec = spec_of(path, document)
        except CodecError as error:
            raise CodecError(f"{self.store.url}: {error.message}", hint=error.hint) from error
        return replace(spec, presence=presence_of(self._attributes(source.GROUP).get(OBJECTS), spec))

    def describe(self) -> Description:
        """Return what the metadata say."""
        root, shared, group = self._attributes(""), self._attributes("metadata"), self._attributes(source.GROUP)
        ours = root.get(MDIO_KEY, {})
        statistics: dict[str, Any] = {key: root[key] for key in _STATISTICS if key in root}
        if ours.get("statistics"):
            statistics["honest"] = ours["statistics"]
        original, order = source.read_source(self.store.url, group, self._whole)
        return Description(
            dims=_dimensions(root["dimension"], ours.get("units", {})),
            text=tuple(shared.get("text_header", ())),
            binary=shared.get("binary_header", {}),
            statistics=statistics or None,
            trace_count=int(root.get("trace_count", -1)),
            source=original,
            order=order,
            header=group,
            stale=tuple(ours.get("stale", ())),
            attributes=ours.get("attributes", {}),
            facts={key: root[key] for key in ("api_version", "created") if key in root},
        )

    def _whole(self, path: str) -> NDArray[Any] | None:
        spec = self.array(path)
        if spec is None:
            return None
        return ChunkReader(self.store, spec, ChunkCache()).read(Region.whole(spec.shape))

    def revise(self, revision: Revision) -> None:
        """Change metadata; ``.zmetadata``, which readers go by, is replaced in one step and last."""
        root, shared = self._attributes(""), self._attributes("metadata")
        ours = dict(root.get(MDIO_KEY, {}))
        if revision.text is not None:
            shared["text_header"] = list(revision.text)
        if revision.binary is not None:
            shared["binary_header"] = dict(revision.binary)
        if revision.trace_count is not None:
            root["trace_count"] = revision.trace_count
        if revision.statistics is not None:
            root |= {key: revision.statistics[key] for key in _STATISTICS if key in revision.statistics}
            ours["statistics"] = dict(revision.statistics.get("honest", {}))
        if revision.stale is not None:
            ours["stale"] = list(revision.stale)
        root[MDIO_KEY] = ours
        forgotten = self._forgotten(revision.emptied or ())
        self._replace({".zattrs": root, "metadata/.zattrs": shared, **forgotten})

    def _forgotten(self, paths: Iterable[str]) -> dict[str, Any]:
        """Return the attributes of the group ``source/`` without the objects of arrays, if that changes them."""
        group = self._attributes(source.GROUP)
        kept = source.without_objects(group, paths)
        return {} if kept == group else {f"{source.GROUP}/.zattrs": kept}

    def _replace(self, changed: Mapping[str, Any]) -> None:
        documents = {**self._documents, **changed}
        for key, document in changed.items():
            self.store.write(key, to_json(document))
        self.store.write(".zmetadata", sealed_consolidated(documents))
        self._documents = documents

    def pattern_specs(
        self, pattern: str, chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> tuple[ArraySpec, ArraySpec | None]:
        """Return the arrays of an access pattern that is to be added; records are spelled as those there are."""
        first = self.patterns()[0]
        samples, records = self.array(_samples(first)), self.array(_headers(first))
        if samples is None:
            raise InvalidMDIOError(f"array {_samples(first)} is missing", url=self.store.url)
        new = ArraySpec(_samples(pattern), samples.shape, chunks, dtype, codec)
        if records is None:
            return new, None
        codec = default_codec(records.dtype.itemsize)
        return new, ArraySpec(_headers(pattern), records.shape, chunks[:-1], records.dtype, codec)

    def add_arrays(self, specs: Iterable[ArraySpec]) -> None:
        """Make arrays part of the dataset whose objects are stored already."""
        specs = tuple(specs)
        forgotten = self._forgotten(spec.path for spec in specs)
        self._replace({**forgotten, **{f"{spec.path}/.zarray": array_document(spec) for spec in specs}})

    def remove_arrays(self, paths: Iterable[str]) -> None:
        """Take arrays out of the dataset, metadata first, and delete their objects."""
        paths = tuple(paths)
        gone = {f"{path}/{name}" for path in paths for name in (".zarray", ".zattrs")}
        self._documents = {key: value for key, value in self._documents.items() if key not in gone}
        self._replace(self._forgotten(paths))
        for path in paths:
            self.store.delete(path)


# -- new datasets ------------------------------------------------------------------------------------------------


class V0Layout:
    """How a new dataset of the v0 layout is spelled; see :class:`mdio.native.dataset.Layout`.

    Parameters
    ----------
    name
        Key of :data:`GENERATIONS`.
    """

    def __init__(self, name: str = "v0") -> None:
        self._generation = GENERATIONS[name]

    @property
    def header_fields(self) -> tuple[tuple[int, str, str], ...]:
        """``(byte, name, type)`` of the fields of a stored header record."""
        return self._generation.fields

    def default_chunks(self, ndim: int) -> tuple[int, ...]:
        """Return the documented chunk shape for 2-D and 3-D, about 1 MiB of float32 beyond."""
        return _DEFAULT_CHUNKS.get(ndim) or (1,) * (ndim - 6) + _DEFAULT_CHUNKS[6]

    def samples(self, schema: Schema, chunks: tuple[int, ...], shards: tuple[int, ...] | None, codec: Any) -> ArraySpec:
        """Return the array of samples; there are no shards in this layout."""
        del shards
        path = _samples(default_pattern(len(schema.dims)))
        return ArraySpec(path, schema.shape, chunks, schema.dtype.newbyteorder("<"), codec)

    def headers(self, schema: Schema, chunks: tuple[int, ...], codec: Any) -> ArraySpec:
        """Return the array of header records."""
        kind = record_dtype(self._generation.fields, words=self._generation.words)
        return ArraySpec(_headers(default_pattern(len(schema.dims))), schema.shape[:-1], chunks[:-1], kind, codec)

    def mask(self, schema: Schema, chunks: tuple[int, ...], codec: Any) -> ArraySpec:
        """Return the array of the live mask."""
        return ArraySpec(_MASK, schema.shape[:-1], chunks, np.dtype(bool), codec)

    def plain(
        self, path: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> ArraySpec:
        """Return an array of our own."""
        return ArraySpec(path, shape, chunks, dtype, codec)

    def stored(self, block: Block) -> NDArray[Any]:
        """Return the samples of a block; dead traces hold 0 in this layout."""
        return block.samples

    def describe_axes(self, like: Volume, put: Put) -> Sequence[ArraySpec]:
        """Store nothing: coordinates are attributes in this layout."""
        del like, put
        return ()

    def documents(self, contents: Contents) -> Sequence[tuple[str, bytes]]:
        """Return all metadata objects, ``.zmetadata`` and the root ``.zgroup`` last."""
        documents = self._documents(contents)
        consolidated = sealed_consolidated(documents)
        parts = [(key, to_json(document)) for key, document in documents.items() if key != ".zgroup"]
        return [*parts, (".zmetadata", consolidated), (".zgroup", to_json(documents[".zgroup"]))]

    def _documents(self, contents: Contents) -> dict[str, Any]:
        schema, metadata, statistics = contents.schema, contents.metadata, contents.statistics
        dims = _named(schema.dims)
        ours = {
            "version": __version__,
            "layout": self._generation.name,
            "units": {dim.name: dim.unit for dim in dims},
            "statistics": statistics.get("honest", {}),
            **({"attributes": dict(metadata.attributes)} if metadata.attributes else {}),
        }
        root = {
            "api_version": self._generation.api_version,
            "created": contents.created,
            "dimension": _dimension_documents(dims),
            "trace_count": metadata.trace_count if metadata.trace_count >= 0 else statistics.get("trace_count", 0),
            **{key: statistics[key] for key in _STATISTICS},
            MDIO_KEY: ours,
        }
        group = {"zarr_format": 2}
        words = binary.as_words if self._generation.words else binary.as_segyio
        attributes = {
            "text_header": list(metadata.text) or [" " * 80] * 40,
            "binary_header": words(binary.complete(metadata.binary, schema.shape[-1])),
        }
        return {
            ".zgroup": group,
            ".zattrs": root,
            "data/.zgroup": group,
            "metadata/.zgroup": group,
            "metadata/.zattrs": attributes,
            f"{source.GROUP}/.zgroup": group,
            f"{source.GROUP}/.zattrs": source.source_attributes(metadata, contents.packer, contents.objects),
            **{f"{spec.path}/.zarray": array_document(spec) for spec in contents.arrays},
        }
