"""What there is to say of a volume of any format, as plain data that JSON can hold; reads metadata only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.opened import OpenVolume
from mdio.core.region import Region
from mdio.native.volume import MdioVolume

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio.core.volume import Schema, Volume

__all__ = ["describe"]

_COUNTED = 1 << 24
"""Cells of a live mask that are looked at when nothing else tells the number of traces."""
_BATCH = 1 << 20


def describe(volume: Volume, path: str, format_name: str) -> dict[str, Any]:
    """Return a description of a volume.

    Parameters
    ----------
    volume
        Of any format.
    path
        Where it is, without secrets.
    format_name
        Name of its reader.

    Returns
    -------
    dict
        JSON-able; numbers that JSON has no word for are None. ``path``, ``stats``, ``grid`` and ``access_patterns``
        are named as ``mdio info`` of MDIO v0 names them; ``details`` is what the format itself adds.
    """
    if isinstance(volume, OpenVolume):
        volume = volume.inner
    schema = volume.schema
    metadata = schema.metadata
    attributes = dict(metadata.attributes)
    layout = attributes.pop("layout", None)
    inspect = getattr(volume, "inspect", None)
    statistics = dict(metadata.statistics or {})
    plain: dict[str, Any] = _plain(
        {
            "path": path,
            "format": format_name,
            "shape": schema.shape,
            "sample_type": schema.dtype.name,
            "nbytes": schema.region.size * schema.dtype.itemsize,
            "chunks": schema.chunks,
            "traces": _traces(volume),
            "grid": {dim.name: _dimension(dim) for dim in schema.dims},
            "stats": {key: statistics[key] for key in ("mean", "std", "rms", "min", "max") if key in statistics},
            "all_samples": statistics.get("honest", {}),
            "headers": {"bytes": schema.headers.itemsize, "fields": len(schema.headers.fields)},
            "source": _source(schema),
            **_dataset(volume),
            "text_header": metadata.text,
            "binary_header": metadata.binary,
            "details": inspect() if callable(inspect) else layout or {},
            "attributes": attributes,
        }
    )
    return plain


def _dimension(dim: Dimension) -> dict[str, Any]:
    empty = not dim.size
    return {
        "name": dim.name,
        "size": dim.size,
        "min": None if empty else dim.min(),
        "max": None if empty else dim.max(),
        "step": _step(dim),
        "unit": dim.unit,
    }


def _step(dim: Dimension) -> Any:
    """Return the step of an axis, None where it has none; by parts, since axes can be as long as a survey."""
    if dim.size < 2:
        return None
    first, second = dim.between(0, 2)
    step = second - first
    for start in range(0, dim.size - 1, _BATCH):
        steps = np.diff(dim.between(start, min(start + _BATCH + 1, dim.size)))
        even = np.isclose(steps, step, rtol=1e-6, atol=0) if steps.dtype.kind == "f" else steps == step
        if not np.all(even):
            return None
    return step


def _traces(volume: Volume) -> dict[str, Any]:
    spatial = volume.schema.region.spatial
    live = volume.schema.metadata.trace_count
    # Datasets made from arrays by MDIO 0.9 say 0.
    if live <= 0:
        live = int(np.count_nonzero(volume.live(Region(spatial)))) if spatial.size <= _COUNTED else -1
    known = live >= 0
    return {
        "live": live if known else None,
        "cells": spatial.size,
        "fraction": live / spatial.size if known and spatial.size else None,
    }


def _source(schema: Schema) -> dict[str, Any]:
    metadata = schema.metadata
    facts: dict[str, Any] = {"trace_order": metadata.order.kind}
    if metadata.source is not None:
        sizes = {name: len(data) for name, data in metadata.source.blobs.items()}
        # What SEG-Y calls the format is that of its samples.
        own = {"sample_format" if key == "format" else key: fact for key, fact in metadata.source.facts.items()}
        facts = {"format": metadata.source.format, **own, "raw_bytes": sizes} | facts
    return facts


def _dataset(volume: Volume) -> dict[str, Any]:
    """Return what only MDIO datasets have."""
    if not isinstance(volume, MdioVolume):
        return {}
    known = ("api_version", "created", "template")
    return {
        "layout": volume.dataset.layout,
        **{key: volume.attributes[key] for key in known if key in volume.attributes},
        "access_pattern": volume.pattern,
        "access_patterns": {
            pattern: {
                "chunks": array.chunks,
                "format": array.dtype.name,
                "compressor": array.compressor,
            }
            for pattern, array in volume.sample_arrays.items()
        },
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
