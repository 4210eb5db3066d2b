"""Names and attributes of the MDIO v0 layout: a Zarr format 2 hierarchy that every 0.x release opens and exports.

The spelling is the one family that all releases agree on: ``api_version`` 0.7.4, header records of 89 fields and 232
bytes under byte-number names, binary header words under segyio names. What is ours stands in the group ``source/``
and under the attribute ``mdio``, where those releases do not look.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.trace_header import STANDARD_FIELDS

__all__ = [
    "API_VERSION",
    "HEADER_DTYPE",
    "HEADER_SIZE",
    "LIVE_MASK",
    "MDIO_KEY",
    "array_document",
    "data_array",
    "default_chunks",
    "default_pattern",
    "dimension_documents",
    "dimensions_from",
    "header_array",
    "to_json",
]

API_VERSION = "0.7.4"
MDIO_KEY = "mdio"
"""Root attribute that holds what is ours."""
LIVE_MASK = "metadata/live_mask"
HEADER_SIZE = 232
HEADER_DTYPE: list[list[str]] = [[str(byte), f"<{kind}"] for byte, _, kind in STANDARD_FIELDS]
"""Header record of the v0 layout as Zarr writes it; packed, 232 bytes."""

_DEFAULT_CHUNKS = {
    1: (262144,),
    2: (512, 512),
    3: (64, 64, 64),
    4: (16, 16, 16, 64),
    5: (8, 8, 8, 8, 64),
    6: (4, 4, 4, 8, 8, 64),
}


def default_chunks(ndim: int) -> tuple[int, ...]:
    """Return the default chunk shape: the documented one for 2-D and 3-D, about 1 MiB of float32 beyond."""
    return _DEFAULT_CHUNKS.get(ndim) or (1,) * (ndim - 6) + _DEFAULT_CHUNKS[6]


def default_pattern(ndim: int) -> str:
    """Return the access pattern name of the first array: ``"012"`` for three dimensions."""
    return "".join(str(axis) for axis in range(ndim))


def data_array(pattern: str) -> str:
    """Return the path of the sample array of an access pattern."""
    return f"data/chunked_{pattern}"


def header_array(pattern: str) -> str:
    """Return the path of the trace-header array of an access pattern."""
    return f"metadata/chunked_{pattern}_trace_headers"


def to_json(document: Any) -> bytes:
    """Return the canonical text of a metadata document."""
    return json.dumps(document, indent=4, sort_keys=True, ensure_ascii=True).encode()


def array_document(
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: str | list[list[str]],
    fill: Any,
    compressor: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the ``.zarray`` document of an array (Zarr format 2, C order, separator ``/``)."""
    if isinstance(dtype, list):
        fill = base64.standard_b64encode(bytes(np.dtype([tuple(row) for row in dtype]).itemsize)).decode()
    return {
        "chunks": list(chunks),
        "compressor": dict(compressor) if compressor is not None else None,
        "dimension_separator": "/",
        "dtype": dtype,
        "fill_value": fill,
        "filters": None,
        "order": "C",
        "shape": list(shape),
        "zarr_format": 2,
    }


def dimension_documents(dims: Sequence[Dimension]) -> list[dict[str, Any]]:
    """Return the root attribute ``dimension``: names and full coordinates, whole numbers as integers."""
    documents = []
    for dim in dims:
        coords = dim.coords
        # Beyond 2**53 floats have gaps wider than one, and soon no place in 64 bits.
        if coords.dtype.kind == "f" and np.all(np.abs(coords) <= 2.0**53) and np.array_equal(coords, np.rint(coords)):
            coords = coords.astype(np.int64)
        documents.append({"name": dim.name, "coords": coords.tolist()})
    return documents


def dimensions_from(documents: Sequence[Mapping[str, Any]], units: Mapping[str, str]) -> tuple[Dimension, ...]:
    """Return the dimensions that the root attribute describes; regular axes are kept as three numbers."""
    dims = []
    for document in documents:
        name, coords = str(document["name"]), np.asarray(document["coords"])
        unit = units.get(name, "ms" if name == "sample" else "")
        if len(coords) > 1:
            first, step = coords[0].item(), (coords[1] - coords[0]).item()
            if np.array_equal(first + step * np.arange(len(coords)), coords):
                dims.append(Dimension.regular(name, first, step, len(coords), unit))
                continue
        dims.append(Dimension(coords, name, unit))
    return tuple(dims)
