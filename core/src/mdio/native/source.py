"""The group ``source/`` of an MDIO v0 dataset: what it takes to give the original file back byte for byte.

Its layout is specified in ``docs/source-group.md``; readers of MDIO 0.x do not look there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import Metadata, SourceFile, TraceOrder
from mdio.exceptions import InvalidMDIOError
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.layout import array_document

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = [
    "HEADER_REST",
    "LENGTHS",
    "ORDER",
    "PATCHES",
    "SOURCE_VERSION",
    "blob_arrays",
    "read_source",
    "source_attributes",
]

SOURCE_VERSION = 1
GROUP = "source"
ORDER = "source/order"
HEADER_REST = "source/header_rest"
PATCHES = "source/patches"
LENGTHS = "source/lengths"


def source_attributes(metadata: Metadata, header_size: int, big_endian: bool) -> dict[str, Any]:
    """Return the attributes of the group: version, format facts, order, names of the blobs."""
    source = metadata.source
    order = metadata.order
    return {
        "version": SOURCE_VERSION,
        "format": source.format if source else "",
        "facts": dict(source.facts) if source else {},
        "blobs": {name: len(data) for name, data in source.blobs.items()} if source else {},
        "header": {"size": header_size, "big_endian": big_endian},
        "order": {"kind": order.kind, "base": order.base, "strides": list(order.strides)},
    }


def blob_arrays(
    source: SourceFile, codec: Any, config: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    """Yield ``(path, .zarray document, chunk bytes)`` of the arrays that hold the blobs; empty blobs need none."""
    for name, data in source.blobs.items():
        if data:
            document = array_document((len(data),), (len(data),), "|u1", 0, config)
            chunk = np.frombuffer(data, dtype=np.uint8)
            yield f"{GROUP}/{name}", document, bytes(codec.encode(chunk)) if codec is not None else data


def read_source(
    store: Store, attributes: Mapping[str, Any], documents: Callable[[str], Mapping[str, Any] | None]
) -> tuple[SourceFile | None, TraceOrder]:
    """Return the original file's facts and bytes, and its trace order.

    Parameters
    ----------
    store
        Root of the dataset.
    attributes
        Attributes of the group.
    documents
        Array path to parsed ``.zarray``, or None.

    Raises
    ------
    InvalidMDIOError
        Written by a newer version of this group's layout, or an array is missing.
    """
    version = attributes.get("version")
    if not isinstance(version, int) or version > SOURCE_VERSION:
        raise InvalidMDIOError(
            f"group source/ has version {version!r}, this release reads up to {SOURCE_VERSION}",
            url=store.url,
            hint="upgrade mdio-core",
        )
    order = attributes.get("order", {})
    trace_order = TraceOrder(order.get("kind", "grid"), order.get("base", 0), tuple(order.get("strides", ())))
    if not attributes.get("format"):
        return None, trace_order
    blobs = {}
    for name, size in attributes.get("blobs", {}).items():
        document = documents(f"{GROUP}/{name}")
        if size and (document is None or list(document["shape"]) != [size]):
            raise InvalidMDIOError(f"array {GROUP}/{name} of {size} bytes is missing", url=store.url)
        blobs[name] = (
            ChunkReader(store, f"{GROUP}/{name}", document, ChunkCache()).read(Region([(0, size)])).tobytes()
            if document is not None and size
            else b""
        )
    facts = json.loads(json.dumps(attributes.get("facts", {})))
    return SourceFile(attributes["format"], facts, blobs), trace_order
