"""Where the data of a VDS came from: what our own metadata keep so that the original file comes back byte for byte.

Category ``mdio`` of the metadata (VDS specification section 16); other readers hand it on unread:

- ``Version`` (Int): of this layout; a newer one is not read.
- ``Facts`` (String, JSON): sample type, axes, layout of trace headers, trace order, text and binary header as other
  formats keep them, statistics, and the facts of the original file (``docs/source-group.md`` has those of SEG-Y).
- ``source/<name>`` (BLOB): raw bytes of the original file. ``axis/<name>`` (BLOB): float64 or int64 coordinates,
  little-endian, of an axis that is not regular.

The category ``SEGY`` and the channels are the truth; what is kept here only fills in what they cannot hold.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.trace_header import standard_layout
from mdio.core.volume import SourceFile, TraceOrder
from mdio_vds.conventions import decode_text, to_axis
from mdio_vds.enums import MetadataType
from mdio_vds.errors import VdsError
from mdio_vds.metadata import MetadataItem

if TYPE_CHECKING:
    from mdio.core.volume import Schema
    from mdio_vds.descriptors import AxisDescriptor, VolumeDataLayout

__all__ = ["CATEGORY", "Origin", "origin_items", "read_origin"]

CATEGORY = "mdio"
VERSION = 1
_TEXT, _BINARY = 3200, 400


@dataclass(frozen=True, slots=True)
class Origin:
    """What our metadata say about the volume that a VDS was made from.

    Parameters
    ----------
    dtype
        Sample type of the volume.
    dims
        Its axes, slowest first; None where the axes of the VDS are no longer what they were made of.
    headers
        Layout of its trace headers.
    order
        How traces lay in the original file.
    source
        Facts and bytes of the original file.
    text, binary
        File headers as other formats keep them.
    statistics, attributes
        As :class:`mdio.core.volume.Metadata` has them.
    trace_count
        Number of traces; -1 where it is not known.
    """

    dtype: np.dtype[Any]
    dims: tuple[Dimension, ...] | None
    headers: HeaderLayout
    order: TraceOrder
    source: SourceFile | None
    text: tuple[str, ...]
    binary: Mapping[str, Any]
    statistics: Mapping[str, Any] | None
    attributes: Mapping[str, Any]
    trace_count: int


def origin_items(schema: Schema, statistics: Mapping[str, Any], segy: Mapping[str, bytes]) -> Iterator[MetadataItem]:
    """Yield the entries of our category.

    Parameters
    ----------
    schema
        Of the volume.
    statistics
        Of its samples, as they were written.
    segy
        The BLOBs ``TextHeader`` and ``BinaryHeader`` of the category ``SEGY``, where there are any.
    """
    metadata, source = schema.metadata, schema.metadata.source
    dims, blobs = [], {}
    for dim in schema.dims:
        row, coords = _dim_facts(dim)
        dims.append(row)
        if coords is not None:
            blobs[f"axis/{dim.name}"] = coords
    facts: dict[str, Any] = {
        "dtype": schema.dtype.name,
        "dims": dims,
        "header": _header_facts(schema.headers),
        "order": {
            "kind": metadata.order.kind,
            "base": metadata.order.base,
            "strides": list(metadata.order.strides),
        },
        "traces": statistics.get("trace_count", -1),
        "statistics": dict(statistics),
        "text": list(metadata.text),
        "binary": dict(metadata.binary),
        "segy": {name: zlib.crc32(data) for name, data in segy.items()},
        "attributes": {key: value for key, value in metadata.attributes.items() if key != "layout"},
    }
    if source is not None:
        facts["source"] = {
            "format": source.format,
            "facts": dict(source.facts),
            "blobs": {name: len(data) for name, data in source.blobs.items()},
        }
        blobs |= {f"source/{name}": data for name, data in source.blobs.items() if data}
    text = json.dumps(facts, separators=(",", ":"), default=_plain)
    yield MetadataItem(CATEGORY, "Version", MetadataType.Int, VERSION)
    yield MetadataItem(CATEGORY, "Facts", MetadataType.String, text)
    for name, data in blobs.items():
        yield MetadataItem(CATEGORY, name, MetadataType.BLOB, data)


def read_origin(layout: VolumeDataLayout, url: str = "") -> Origin | None:
    """Return what our metadata say, None where there are none.

    Parameters
    ----------
    layout
        Of the VDS.
    url
        For messages.

    Raises
    ------
    VdsError
        They are damaged, or of a newer version.
    """
    version, text = layout.value(CATEGORY, "Version"), layout.value(CATEGORY, "Facts")
    if version is None or not isinstance(text, str):
        return None
    if version != VERSION:
        raise VdsError(
            f"metadata of the category {CATEGORY} have version {version}, this release reads {VERSION}",
            url=url,
            hint="upgrade mdio-vds",
        )
    try:
        return _origin(layout, json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VdsError(f"metadata {CATEGORY}/Facts are damaged: {error!r}", url=url) from None


def _origin(layout: VolumeDataLayout, facts: Mapping[str, Any]) -> Origin:
    source, text, binary = _source(layout, facts), tuple(facts["text"]), facts["binary"]
    for name, check in facts["segy"].items():
        now = layout.value("SEGY", name)
        if not isinstance(now, bytes) or zlib.crc32(now) == check:
            continue
        # Somebody edited this header since: theirs is the truth.
        size, at = (_TEXT, 0) if name == "TextHeader" else (_BINARY, _TEXT)
        if name == "TextHeader":
            text = decode_text(now)
        else:
            binary = {}
        if source is not None and source.format == "segy" and len(now) == size:
            head, at = source.blobs.get("head", b""), at + int(source.facts.get("text_offset", 0))
            source = SourceFile(
                source.format, source.facts, {**source.blobs, "head": head[:at] + now + head[at + size :]}
            )
    order = facts["order"]
    return Origin(
        dtype=np.dtype(facts["dtype"]),
        dims=_dims(layout, facts["dims"]),
        headers=_header_layout(facts["header"]),
        order=TraceOrder(order["kind"], int(order["base"]), tuple(order["strides"])),
        source=source,
        text=text,
        binary=binary,
        statistics=facts["statistics"] or None,
        attributes=facts["attributes"],
        trace_count=int(facts["traces"]),
    )


def _source(layout: VolumeDataLayout, facts: Mapping[str, Any]) -> SourceFile | None:
    kept = facts.get("source")
    if kept is None:
        return None
    blobs = {}
    for name, size in kept["blobs"].items():
        data = layout.value(CATEGORY, f"source/{name}") if size else b""
        if not isinstance(data, bytes) or len(data) != size:
            raise ValueError(f"source/{name} of {size} bytes is missing")
        blobs[name] = data
    return SourceFile(kept["format"], kept["facts"], blobs)


def _dims(layout: VolumeDataLayout, rows: list[Mapping[str, Any]]) -> tuple[Dimension, ...] | None:
    """Return the axes as they were, if those of the VDS still are what became of them."""
    dims = []
    for row in rows:
        if "step" in row:
            dims.append(Dimension.regular(row["name"], row["start"], row["step"], row["size"], row["unit"]))
            continue
        raw = layout.value(CATEGORY, f"axis/{row['name']}") if row["size"] else b""
        if not isinstance(raw, bytes):
            raise ValueError(f"axis/{row['name']} is missing")
        dims.append(Dimension(np.frombuffer(raw, row["dtype"]).astype(row["dtype"][1:]), row["name"], row["unit"]))
    if len(dims) != len(layout.axes):
        return None
    same = all(_same(to_axis(dim), axis) for dim, axis in zip(reversed(dims), layout.axes, strict=True))
    return tuple(dims) if same else None


def _same(made: AxisDescriptor, found: AxisDescriptor) -> bool:
    return (made.samples, made.name, made.coordinate_min, made.coordinate_max) == (
        found.samples, found.name, found.coordinate_min, found.coordinate_max,
    )  # fmt: skip


def _dim_facts(dim: Dimension) -> tuple[dict[str, Any], bytes | None]:
    """Return an axis as JSON, and its coordinates where they are not regular."""
    row: dict[str, Any] = {"name": dim.name, "unit": dim.unit, "size": dim.size}
    if not dim.size:
        return row | {"start": 0, "step": 1}, None
    start = dim.between(0, 1)[0].item()
    step = dim.between(1, 2)[0].item() - start if dim.size > 1 else 1
    regular = Dimension.regular(dim.name, start, step, dim.size)
    piece = 1 << 20
    if all(
        np.array_equal(dim.between(at, min(at + piece, dim.size)), regular.between(at, min(at + piece, dim.size)))
        for at in range(0, dim.size, piece)
    ):
        return row | {"start": start, "step": step}, None
    kind = "<i8" if dim.coords.dtype.kind in "iu" else "<f8"
    return row | {"dtype": kind}, dim.coords.astype(kind).tobytes()


def _header_facts(layout: HeaderLayout) -> dict[str, Any]:
    """Return the layout of header records: their size, and what differs from standard ones."""
    big_endian = not layout.fields or not layout.fields[0].dtype.startswith("<")
    facts: dict[str, Any] = {"size": layout.itemsize, "big_endian": big_endian}
    standard = set(standard_layout(big_endian, layout.itemsize).fields)
    extra = standard <= set(layout.fields)
    rows = [field for field in layout.fields if not (extra and field in standard)]
    if rows or not extra:
        facts["extra" if extra else "fields"] = [
            {"name": field.name, "offset": field.offset, "dtype": field.dtype, "aliases": list(field.aliases)}
            for field in rows
        ]
    return facts


def _header_layout(facts: Mapping[str, Any]) -> HeaderLayout:
    size = int(facts["size"])
    if not size:
        return HeaderLayout()
    fields = tuple(
        HeaderField(str(row["name"]), int(row["offset"]), str(row["dtype"]), tuple(row["aliases"]))
        for row in facts.get("fields", facts.get("extra", ()))
    )
    if any(not 0 <= field.offset <= size - np.dtype(field.dtype).itemsize for field in fields):
        raise ValueError(f"header fields lie outside of a record of {size} bytes")
    if "fields" in facts:
        return HeaderLayout(fields, size)
    standard = standard_layout(bool(facts["big_endian"]), size)
    return standard.with_fields(fields) if fields else standard


def _plain(value: Any) -> Any:
    """Return numbers of numpy as JSON knows them."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be kept as JSON")
