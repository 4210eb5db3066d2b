"""The group ``source/`` of an MDIO dataset: what it takes to give the original file back byte for byte.

Its layout is specified in ``docs/source-group.md``; other readers of MDIO do not look there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.trace_header import RECORD_SIZE, standard_layout
from mdio.core.volume import Metadata, SourceFile, TraceOrder
from mdio.exceptions import InvalidMDIOError
from mdio.native.presence import OBJECTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.records import RecordPacker

__all__ = [
    "GROUP",
    "HEADER_REST",
    "LENGTHS",
    "ORDER",
    "PATCHES",
    "SOURCE_VERSION",
    "blob_specs",
    "header_layout",
    "read_source",
    "source_attributes",
    "without_objects",
]

SOURCE_VERSION = 1
GROUP = "source"
ORDER = "source/order"
HEADER_REST = "source/header_rest"
PATCHES = "source/patches"
LENGTHS = "source/lengths"


def source_attributes(
    metadata: Metadata, packer: RecordPacker | None, objects: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the attributes of the group: version, format facts, order, names of the blobs, objects that are stored."""
    source = metadata.source
    order = metadata.order
    return {
        "version": SOURCE_VERSION,
        "format": source.format if source else "",
        "facts": dict(source.facts) if source else {},
        "blobs": {name: len(data) for name, data in source.blobs.items()} if source else {},
        "header": _header_facts(packer),
        "order": {"kind": order.kind, "base": order.base, "strides": list(order.strides)},
        **({OBJECTS: dict(objects)} if objects else {}),
    }


def without_objects(attributes: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Return the attributes of the group with nothing said of the objects of some arrays."""
    gone = set(paths)
    objects = attributes.get(OBJECTS)
    if not isinstance(objects, Mapping):
        return dict(attributes)
    return {**attributes, OBJECTS: {path: entry for path, entry in objects.items() if path not in gone}}


def _header_facts(packer: RecordPacker | None) -> dict[str, Any]:
    """Return what it takes to make raw records again; records of a layout of their own say all their fields."""
    if packer is None:
        return {"size": 0, "big_endian": True}
    facts: dict[str, Any] = {"size": packer.layout.itemsize, "big_endian": packer.big_endian}
    if packer.layout != standard_layout(packer.big_endian, packer.layout.itemsize):
        facts["fields"] = [
            {"name": field.name, "offset": field.offset, "dtype": field.dtype, "aliases": list(field.aliases)}
            for field in packer.layout.fields
        ]
    return facts


def header_layout(attributes: Mapping[str, Any], *, has_records: bool) -> HeaderLayout:
    """Return the layout of the raw trace headers.

    Parameters
    ----------
    attributes
        Of the group; empty where there is none.
    has_records
        Whether the dataset has an array of header records.

    Raises
    ------
    InvalidMDIOError
        Fields do not fit their record.
    """
    if not attributes:
        return standard_layout(True) if has_records else HeaderLayout()
    header = attributes.get("header", {})
    size = int(header.get("size", RECORD_SIZE))
    if "fields" in header:
        fields = tuple(
            HeaderField(str(row["name"]), int(row["offset"]), str(row["dtype"]), tuple(row.get("aliases", ())))
            for row in header["fields"]
        )
        if any(not 0 <= field.offset <= size - np.dtype(field.dtype).itemsize for field in fields):
            raise InvalidMDIOError(f"header fields in {GROUP}/ lie outside of a record of {size} bytes")
        return HeaderLayout(fields, size)
    return standard_layout(header.get("big_endian", True), size) if size else HeaderLayout()


def blob_specs(source: SourceFile) -> Iterator[tuple[str, bytes]]:
    """Yield ``(path, bytes)`` of the arrays that hold the blobs; empty blobs need none."""
    for name, data in source.blobs.items():
        if data:
            yield f"{GROUP}/{name}", data


def read_source(
    url: str, attributes: Mapping[str, Any], read: Callable[[str], NDArray[Any] | None]
) -> tuple[SourceFile | None, TraceOrder]:
    """Return the original file's facts and bytes, and its trace order.

    Parameters
    ----------
    url
        Of the dataset, for messages.
    attributes
        Attributes of the group; empty where there is none.
    read
        Returns a whole array by its path, None where it is missing.

    Raises
    ------
    InvalidMDIOError
        Written by a newer version of this group's layout, or an array is missing.
    """
    if not attributes:
        return None, TraceOrder("grid")
    version = attributes.get("version")
    if not isinstance(version, int) or version > SOURCE_VERSION:
        raise InvalidMDIOError(
            f"group {GROUP}/ has version {version!r}, this release reads up to {SOURCE_VERSION}",
            url=url,
            hint="upgrade mdio-core",
        )
    order = attributes.get("order", {})
    trace_order = TraceOrder(order.get("kind", "grid"), order.get("base", 0), tuple(order.get("strides", ())))
    if not attributes.get("format"):
        return None, trace_order
    blobs = {}
    for name, size in attributes.get("blobs", {}).items():
        if not name or any(part in ("", ".", "..") for part in name.replace("\\", "/").split("/")):
            raise InvalidMDIOError(f"group {GROUP}/ names {name!r}, which leads elsewhere", url=url)
        stored = read(f"{GROUP}/{name}") if size else np.empty(0, np.uint8)
        if stored is None or stored.shape != (size,):
            raise InvalidMDIOError(f"array {GROUP}/{name} of {size} bytes is missing", url=url)
        blobs[name] = stored.tobytes()
    facts = json.loads(json.dumps(attributes.get("facts", {})))
    return SourceFile(attributes["format"], facts, blobs), trace_order
