"""Metadata documents of Zarr format 3, written and parsed here.

Importing zarr-python costs a quarter of a whole import, and its releases spell records in ways that others refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdio.exceptions import CodecError
from mdio.native.arrays import ArraySpec
from mdio.native.zarr3_codecs import codecs_json, pipeline_of
from mdio.native.zarr3_types import data_type_of, dtype_of, fill_json, fill_of

__all__ = ["array_document", "group_document", "spec_of"]


def group_document(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``zarr.json`` document of a group."""
    return {"attributes": dict(attributes), "zarr_format": 3, "node_type": "group"}


def array_document(spec: ArraySpec) -> dict[str, Any]:
    """Return the ``zarr.json`` document of an array (Zarr core specification version 3, "Array metadata")."""
    return {
        "shape": list(spec.shape),
        "data_type": data_type_of(spec.dtype),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(spec.objects)}},
        "chunk_key_encoding": _key_encoding(spec),
        "fill_value": fill_json(spec),
        "codecs": codecs_json(spec),
        "attributes": dict(spec.attributes or {}),
        **({"dimension_names": list(spec.dimension_names)} if spec.dimension_names is not None else {}),
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def _key_encoding(spec: ArraySpec) -> dict[str, Any]:
    name = "default" if spec.prefix else "v2"
    return {"name": name, "configuration": {"separator": spec.separator}}


def spec_of(path: str, document: Mapping[str, Any]) -> ArraySpec:
    """Return the array that a ``zarr.json`` document describes.

    Raises
    ------
    CodecError
        Its type or its codecs are not read here; the message names the array and what to do.
    """
    try:
        return _spec_of(path, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"array {path}: its metadata cannot be read: {type(error).__name__}: {error}") from error


def _spec_of(path: str, document: Mapping[str, Any]) -> ArraySpec:
    if document.get("storage_transformers"):
        raise CodecError(f"array {path} has storage transformers, which are not read here")
    grid = document["chunk_grid"]
    if grid["name"] != "regular":
        raise CodecError(
            f"array {path} has a chunk grid {grid['name']!r}, which is not read here",
            hint="write it anew with chunks of one shape",
        )
    shape = tuple(int(n) for n in document["shape"])
    objects = tuple(int(n) for n in grid["configuration"]["chunk_shape"])
    pipeline = pipeline_of(path, document["codecs"], dtype_of(document["data_type"], path))
    chunks = pipeline.chunks or objects
    if len(objects) != len(shape) or len(chunks) != len(shape) or any(n < 1 for n in (*chunks, *objects)):
        raise CodecError(f"array {path} of shape {list(shape)} has chunks {list(chunks)} in {list(objects)}")
    if any(outer % inner for outer, inner in zip(objects, chunks, strict=True)):
        raise CodecError(f"array {path} has shards {list(objects)} that are not whole chunks {list(chunks)}")
    names = document.get("dimension_names")
    prefix, separator = _keys(document.get("chunk_key_encoding", "default"), len(shape))
    return ArraySpec(
        path=path,
        shape=shape,
        chunks=chunks,
        dtype=pipeline.dtype,
        codec=pipeline.codec,
        fill=fill_of(document.get("fill_value"), pipeline.dtype, path),
        prefix=prefix,
        separator=separator,
        compressor=pipeline.compressor,
        shards=objects if pipeline.sharding is not None else None,
        sharding=pipeline.sharding,
        attributes=document.get("attributes") or {},
        dimension_names=None if names is None else tuple("" if name is None else str(name) for name in names),
    )


def _keys(encoding: Any, ndim: int) -> tuple[str, str]:
    """Return prefix and separator of chunk keys; a single number has one object, named ``c`` or ``0``."""
    name, settings = (encoding, {}) if isinstance(encoding, str) else (encoding["name"], encoding.get("configuration"))
    if name not in ("default", "v2"):
        raise ValueError(f"chunk key encoding {name!r}")
    default = name == "default"
    separator = str((settings or {}).get("separator", "/" if default else "."))
    if not ndim:
        return "c" if default else "0", separator
    return f"c{separator}" if default else "", separator
