"""The MDIO v1 layout, written: what multidimio 1.x, xarray and plain Zarr read without knowing us.

Spelled as release 1.1.3 spells it, which both 1.1 and 1.2 open and export; see the MDIO v1 compatibility specification,
section 9. The root document comes last: without it there is no dataset.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio import __version__
from mdio.core.region import Region
from mdio.exceptions import ConfigError
from mdio.native import source, v1_header
from mdio.native.arrays import ArraySpec
from mdio.native.chunk_writer import ChunkWriter
from mdio.native.codecs import default_codec
from mdio.native.dataset import Contents, Put
from mdio.native.records import FIELDS, FIELDS_09, record_dtype
from mdio.native.sealing import sealed_node
from mdio.native.templates import DOMAINS, Template, template_for
from mdio.native.v1 import (
    DEFAULT,
    HEADERS,
    MASK,
    MDIO_KEY,
    STATISTICS,
    file_header_spec,
    other_words,
    spelled,
    sums_of,
)
from mdio.native.v1_coordinates import (
    NAN,
    CoordinateReader,
    axis_type,
    coordinate_scalar,
    fill_for,
    grouped,
    length_unit,
    units_of,
)
from mdio.native.zarr2 import to_json
from mdio.native.zarr3 import array_document, group_document

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Block, Schema, Volume
    from mdio.native.templates import Coordinate

__all__ = ["V1Layout"]

API_VERSION: Final = "1.1.3"
"""The release whose spelling this is."""

_LENGTHS: Final = frozenset(("mm", "cm", "m", "km", "in", "ft", "yd", "mi"))
_COORDINATE_CELLS: Final = 1 << 24
"""Cells of one chunk of a coordinate variable."""


class V1Layout:
    """How a new dataset of the v1 layout is spelled; see :class:`mdio.native.dataset.Layout`.

    Parameters
    ----------
    schema
        Of the volume that is written.
    template
        Name of the template; chosen by the dimensions otherwise.
    header_fields
        89, as revision 1 has them, or 90: with bytes 233 to 240 as the word ``unassigned``.

    Raises
    ------
    ConfigError
        There is no such template, or it has other dimensions.
    """

    def __init__(self, schema: Schema, template: str | None = None, header_fields: int = 89) -> None:
        *spatial, last = schema.dims
        if not spatial:
            raise ConfigError("a volume without traces has no MDIO v1 layout", path="layout", hint="use layout=v0")
        domain = last.name
        if domain == "sample":
            domain = DOMAINS[1] if last.unit in _LENGTHS else DOMAINS[0]
        plain = spelled([dim.name for dim in spatial])
        self._template: Template = template_for(plain, domain, template)
        self._dims = spelled([*(dim.name for dim in spatial), domain])
        self._fields = FIELDS if header_fields == len(FIELDS) else FIELDS_09
        self._dead_is_nan = False
        self._traces: tuple[int, ...] = ()
        self._coordinates: tuple[str, ...] = ()

    @property
    def header_fields(self) -> tuple[tuple[int, str, str], ...]:
        """``(byte, name, type)`` of the fields of a stored header record."""
        return self._fields

    def default_chunks(self, ndim: int) -> tuple[int, ...]:
        """Return the chunk shape of the template."""
        assert ndim == len(self._template.chunks)
        return self._template.chunks

    # -- arrays --------------------------------------------------------------------------------------------------

    def samples(self, schema: Schema, chunks: tuple[int, ...], shards: tuple[int, ...] | None, codec: Any) -> ArraySpec:
        """Return the array of samples; dead cells of floats are NaN, unless a lossy codec would spread them."""
        spec = self._variable(DEFAULT, schema.shape, chunks, schema.dtype.newbyteorder("<"), codec)
        self._dead_is_nan = schema.dtype.kind == "f" and not spec.lossy
        fill = np.nan if self._dead_is_nan else None
        return replace(spec, shards=shards, fill=fill, dimension_names=self._dims, masked=True)

    def headers(self, schema: Schema, chunks: tuple[int, ...], codec: Any) -> ArraySpec:
        """Return the array of header records."""
        self._traces = chunks[:-1]
        kind = record_dtype(self._fields, words=True)
        return self._variable(HEADERS, schema.shape[:-1], chunks[:-1], kind, codec)

    def mask(self, schema: Schema, chunks: tuple[int, ...], codec: Any) -> ArraySpec:
        """Return the array of the live mask."""
        return self._variable(MASK, schema.shape[:-1], chunks, np.dtype(bool), codec)

    def plain(
        self, path: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> ArraySpec:
        """Return an array of our own: in a group below, where names of dimensions are not needed."""
        return ArraySpec(path, shape, _whole(chunks), dtype, codec, prefix="c/")

    def _variable(
        self, name: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> ArraySpec:
        return ArraySpec(
            name,
            shape,
            _whole(chunks),
            dtype,
            codec,
            prefix="c/",
            dimension_names=self._dims[: len(shape)],
        )

    def stored(self, block: Block) -> NDArray[Any]:
        """Return the samples of a block with NaN for dead traces of floats."""
        if not self._dead_is_nan or block.live.all():
            return block.samples
        samples: NDArray[Any] = block.samples.copy()
        samples[~block.live] = np.nan
        return samples

    # -- axes and coordinates ------------------------------------------------------------------------------------

    def describe_axes(self, like: Volume, put: Put) -> Sequence[ArraySpec]:
        """Store axis and coordinate variables; return them."""
        return [*self._write_axes(like.schema.dims, put), *self._write_coordinates(like, put)]

    def _write_axes(self, dims: Sequence[Dimension], put: Put) -> list[ArraySpec]:
        specs = []
        for name, dim in zip(self._dims, dims, strict=True):
            kind = axis_type(dim, self._template.types.get(name, "int32")).newbyteorder("<")
            spec = ArraySpec(
                name,
                (dim.size,),
                _whole((dim.size,)),
                kind,
                default_codec(kind.itemsize),
                fill=fill_for(kind),
                prefix="c/",
                attributes=units_of(dim.unit),
                dimension_names=(name,),
            )
            ChunkWriter(put, _keep, spec).write(Region.whole(spec.shape), dim.coords.astype(kind))
            specs.append(spec)
        return specs

    def _write_coordinates(self, like: Volume, put: Put) -> list[ArraySpec]:
        if not like.schema.headers.itemsize:
            return []
        traces = self._traces or like.schema.chunks[:-1]
        reader = CoordinateReader(like, self._dims[:-1], traces, coordinate_scalar(like, traces))
        wanted = [c for c in self._template.coordinates if reader.has(c) and c.name not in self._dims]
        unit = length_unit(like.schema.metadata.binary)
        specs = []
        for group in grouped(wanted):
            writers = [ChunkWriter(put, _keep, self._coordinate(c, reader, unit)) for c in group]
            if not writers[0].spec.chunk_bytes:
                continue
            for index in Region.whole(writers[0].shape).chunks(writers[0].chunks):
                box = Region.of_chunk(index, writers[0].chunks, writers[0].shape)
                values = [np.empty(box.shape, dtype=writer.dtype) for writer in writers]
                for cell in box.chunks(reader.chunks(group[0])):
                    part = Region.of_chunk(cell, reader.chunks(group[0]), writers[0].shape).intersect(box)
                    for out, found in zip(values, reader.read(group, part), strict=True):
                        out[part.within(box)] = found
                for writer, out in zip(writers, values, strict=True):
                    writer.write(box, out)
            specs += [writer.spec for writer in writers]
        self._coordinates = tuple(sorted(spec.path for spec in specs))
        return specs

    def _coordinate(self, coordinate: Coordinate, reader: CoordinateReader, unit: str) -> ArraySpec:
        kind = np.dtype(coordinate.dtype).newbyteorder("<")
        attributes = {**units_of(unit), "_FillValue": NAN} if kind.kind == "f" else {}
        shape = reader.shape(coordinate)
        return ArraySpec(
            coordinate.name,
            shape,
            _bounded(shape, reader.chunks(coordinate)),
            kind,
            default_codec(kind.itemsize),
            fill=fill_for(kind),
            prefix="c/",
            attributes=attributes,
            dimension_names=coordinate.dims,
        )

    # -- metadata ------------------------------------------------------------------------------------------------

    def documents(self, contents: Contents) -> Sequence[tuple[str, bytes]]:
        """Return all metadata objects, that of the root last."""
        schema, metadata = contents.schema, contents.metadata
        arrays = [self._described(spec, contents) for spec in contents.arrays]
        arrays.append(file_header_spec(v1_header.file_header(schema)))
        group = group_document(source.source_attributes(metadata, contents.packer, contents.objects))
        documents = [(f"{source.GROUP}/zarr.json", group)]
        documents += [(f"{spec.path}/zarr.json", array_document(spec)) for spec in arrays]
        documents.append(("zarr.json", group_document(self._root(contents))))
        return [(key, to_json(sealed_node(document))) for key, document in documents]

    def _described(self, spec: ArraySpec, contents: Contents) -> ArraySpec:
        """Return a variable with the attributes that need the whole dataset to be known."""
        if spec.path not in (DEFAULT, HEADERS, MASK):
            return spec
        attributes: dict[str, Any] = {"coordinates": " ".join(self._coordinates)} if self._coordinates else {}
        if spec.path == DEFAULT:
            if self._dead_is_nan:
                attributes["_FillValue"] = NAN
            sums = sums_of(contents.statistics)
            if sums:
                attributes["statsV1"] = sums
        return replace(spec, attributes=attributes)

    def _root(self, contents: Contents) -> dict[str, Any]:
        metadata, template = contents.metadata, self._template
        kind: dict[str, Any] = {"defaultVariableName": DEFAULT}
        if template.survey:
            kind[template.survey_key] = template.survey
        if template.gather:
            kind["gatherType"] = template.gather
        overrides = metadata.attributes.get("geometry", {}).get("overrides")
        if overrides:
            kind["gridOverrides"] = dict(overrides)
        crs = metadata.attributes.get("crs")
        return {
            "apiVersion": API_VERSION,
            "createdOn": contents.created.replace("T", " "),
            "name": template.name,
            "attributes": kind,
            **({"crs": crs} if isinstance(crs, str) else {}),
            MDIO_KEY: self._ours(contents),
        }

    def _ours(self, contents: Contents) -> dict[str, Any]:
        schema, metadata, statistics = contents.schema, contents.metadata, contents.statistics
        traces = metadata.trace_count if metadata.trace_count >= 0 else statistics.get("trace_count", 0)
        names = {ours: dim.name for ours, dim in zip(self._dims, schema.dims, strict=True) if ours != dim.name}
        optional = {
            "attributes": dict(metadata.attributes),
            "binary": other_words(metadata.binary),
            "text": [] if v1_header.parted(v1_header.joined(metadata.text)) == metadata.text else list(metadata.text),
        }
        return {
            "version": __version__,
            "layout": "v1",
            "names": names,
            "units": {dim.name: dim.unit for dim in schema.dims},
            "trace_count": traces,
            "nonzero": {key: statistics[key] for key in STATISTICS if key in statistics},
            "statistics": statistics.get("honest", {}),
            **{key: value for key, value in optional.items() if value},
        }


def _keep(key: str) -> None:
    """Leave an object of only fill away: nothing was written before."""


def _whole(chunks: Sequence[int]) -> tuple[int, ...]:
    """Return chunks of at least one cell: Zarr format 3 knows no others."""
    return tuple(max(1, n) for n in chunks)


def _bounded(shape: Sequence[int], step: Sequence[int]) -> tuple[int, ...]:
    """Return the whole shape as chunk, or whole steps of it that keep to the bound."""
    chunks = list(_whole(shape))
    for axis, length in enumerate(step):
        cells = math.prod(chunks)
        if cells <= _COORDINATE_CELLS:
            break
        room = _COORDINATE_CELLS * chunks[axis] // cells
        chunks[axis] = min(chunks[axis], max(1, room // length) * length)
    return tuple(chunks)
