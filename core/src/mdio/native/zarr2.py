"""Array metadata of Zarr format 2, written and parsed here.

Importing zarr-python costs a quarter of a whole import, and the order in which documents appear decides whether half
a store opens.
"""

from __future__ import annotations

import base64
import json
import math
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from mdio.exceptions import CodecError
from mdio.native.arrays import ArraySpec
from mdio.native.codecs import resolve_codec

__all__ = ["array_document", "spec_of", "to_json"]

_MOST = 1 << 40
"""Bytes of a chunk beyond which no memory has room for it."""
_WORDS = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def to_json(document: Any) -> bytes:
    """Return the canonical text of a metadata document."""
    return json.dumps(document, indent=4, sort_keys=True, ensure_ascii=True).encode()


def array_document(spec: ArraySpec) -> dict[str, Any]:
    """Return the ``.zarray`` document of an array (Zarr specification version 2, "Arrays")."""
    return {
        "chunks": list(spec.chunks),
        "compressor": spec.codec.get_config() if spec.codec is not None else None,
        "dimension_separator": spec.separator,
        "dtype": _dtype_json(spec.dtype),
        "fill_value": _fill_json(spec),
        "filters": None,
        "order": spec.order,
        "shape": list(spec.shape),
        "zarr_format": 2,
    }


def spec_of(path: str, document: Mapping[str, Any]) -> ArraySpec:
    """Return the array that a ``.zarray`` document describes.

    Raises
    ------
    CodecError
        It holds objects, is compressed in a way that nothing installed decodes, or its sizes are none.
    """
    try:
        return _spec_of(path, document)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, CodecError):
            raise
        raise CodecError(f"array {path}: its metadata cannot be read: {type(error).__name__}: {error}") from error


def _spec_of(path: str, document: Mapping[str, Any]) -> ArraySpec:
    kind = document["dtype"]
    if not isinstance(kind, (str, list)):
        raise ValueError(f"data type {kind!r}")
    dtype = np.dtype([tuple(row) for row in kind] if isinstance(kind, list) else kind)
    if dtype.hasobject:
        raise CodecError(f"array {path} holds objects, which are never read")
    size = dtype.itemsize
    shape, chunks = (tuple(operator.index(n) for n in document[key]) for key in ("shape", "chunks"))
    if len(shape) != len(chunks) or any(n < 0 or c < (n > 0) for n, c in zip(shape, chunks, strict=True)):
        raise ValueError(f"shape {list(shape)} in chunks {list(chunks)}")
    if math.prod(chunks) * size > _MOST:
        raise ValueError(f"chunks {list(chunks)} of {size} bytes a cell")
    return ArraySpec(
        path=path,
        shape=shape,
        chunks=chunks,
        dtype=dtype,
        codec=resolve_codec(document.get("compressor"), size),
        fill=_fill(document.get("fill_value"), dtype),
        filters=tuple(resolve_codec(config, size) for config in document.get("filters") or ()),
        order=document.get("order", "C"),
        separator=document.get("dimension_separator", "."),
        compressor=document.get("compressor"),
    )


def _dtype_json(dtype: np.dtype[Any]) -> Any:
    if dtype.fields:
        return [[name, field[0].str] for name, field in dtype.fields.items()]
    return dtype.newbyteorder("<").str


def _fill_json(spec: ArraySpec) -> Any:
    kind = spec.dtype.kind
    if kind == "V":
        return base64.standard_b64encode(bytes(spec.dtype.itemsize)).decode()
    if kind == "b":
        return False
    return 0.0 if kind == "f" else 0


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    if value in (None, 0, False):
        return None
    if dtype.kind == "V":
        raw = base64.standard_b64decode(value) if isinstance(value, str) else b""
        return np.frombuffer(raw, dtype=dtype)[0] if len(raw) == dtype.itemsize and any(raw) else None
    return _WORDS.get(value) if isinstance(value, str) else value
