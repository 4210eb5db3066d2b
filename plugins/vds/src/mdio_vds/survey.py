"""Metadata that other readers of SEG-Y in VDS look for: file headers, where the survey lies, where the data came from.

VDS specification sections 4 and 13. Coordinates are those of common depth points, multiplied by the header scalar.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import SourceFile
from mdio.storage.urls import split_name
from mdio_vds.conventions import decode_text, encode_text
from mdio_vds.enums import MetadataType
from mdio_vds.metadata import MetadataItem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Schema, Volume
    from mdio_vds.descriptors import AxisDescriptor, VolumeDataLayout
    from mdio_vds.positions import Positions

__all__ = ["import_items", "imported_source", "imported_type", "segy_items", "survey_items"]

_TEXT, _BINARY = 3200, 400
_CODES = {
    "float32": 5, "float64": 6, "int32": 2, "int16": 3, "int8": 8, "int64": 9, "uint32": 10, "uint16": 11,
    "uint64": 12, "uint8": 16,
}  # fmt: skip
"""SEG-Y sample format codes (rev 2.1, bytes 3225-3226) of samples that never were SEG-Y."""
_TYPES = {1: "f4", 2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1", 9: "i8", 10: "u4", 11: "u2", 12: "u8", 16: "u1"}
"""Types of samples by SEG-Y format code, of the formats that others import."""
_MOST_POSITIONS = 1 << 16
"""Traces of a 2-D line up to which each has its position in the metadata, which are parsed whole at every open."""


def segy_items(schema: Schema) -> Iterator[MetadataItem]:
    """Yield the category ``SEGY``: file headers of the original, or ones made for data with standard trace headers."""
    source = schema.metadata.source
    if source is not None and source.format == "segy":
        facts, head = source.facts, source.blobs.get("head", b"")
        at = int(facts.get("text_offset", 0))
        text, binary = head[at : at + _TEXT], head[at + _TEXT : at + _TEXT + _BINARY]
        if schema.metadata.text and decode_text(text) != tuple(schema.metadata.text):
            text = encode_text(schema.metadata.text)
        big, data_big, code = facts["big_endian"], facts["data_big_endian"], int(facts["format"])
    elif "115" in schema.headers.by_name:
        big = data_big = not schema.headers.fields[0].dtype.startswith("<")
        code = _CODES.get(schema.dtype.name, 5)
        text, binary = encode_text(schema.metadata.text), _binary(schema, code, big_endian=big)
    else:
        return
    yield MetadataItem("SEGY", "TextHeader", MetadataType.BLOB, text)
    yield MetadataItem("SEGY", "BinaryHeader", MetadataType.BLOB, binary)
    yield MetadataItem("SEGY", "Endianness", MetadataType.Int, int(not big))
    yield MetadataItem("SEGY", "DataEndianness", MetadataType.Int, int(not data_big))
    yield MetadataItem("SEGY", "DataSampleFormatCode", MetadataType.Int, code)


def imported_source(layout: VolumeDataLayout) -> SourceFile | None:
    """Return the original of a VDS that another tool imported from SEG-Y, as far as its metadata tell; or None.

    The file that it makes is the original where that had nothing else than headers and traces, in grid order.
    """
    text, binary = layout.value("SEGY", "TextHeader"), layout.value("SEGY", "BinaryHeader")
    if not (isinstance(text, bytes) and len(text) == _TEXT and isinstance(binary, bytes) and len(binary) == _BINARY):
        return None
    little = layout.value("SEGY", "Endianness") == 1
    data = layout.value("SEGY", "DataEndianness")
    code = layout.value("SEGY", "DataSampleFormatCode")
    if not isinstance(code, int):
        (code,) = struct.unpack_from("<H" if little else ">H", binary, 24)
    if code not in _TYPES:
        return None
    axis = layout.axes[0]
    facts = {
        "big_endian": not little,
        "data_big_endian": not little if data is None else data != 1,
        "format": code,
        "header_bytes": 240,
        "samples": axis.samples,
        "interval_us": axis.step * {"s": 1e6, "us": 1.0}.get(axis.unit, 1e3),
        "text_offset": 0,
    }
    return SourceFile("segy", facts, {"head": text + binary, "trailer": b""})


def imported_type(source: SourceFile, stored: np.dtype[Any]) -> np.dtype[Any]:
    """Return the sample type of a VDS that another tool imported: wide integers were stored in single precision."""
    original = np.dtype(_TYPES[source.facts["format"]])
    return original if stored == np.float32 and original.kind in "iu" and original.itemsize == 4 else stored


def _binary(schema: Schema, code: int, *, big_endian: bool) -> bytes:
    """Return a binary header that says what the samples are."""
    axis = schema.dims[-1]
    step = float(axis.between(1, 2)[0] - axis.between(0, 1)[0]) if axis.size > 1 else 0.0
    raw = bytearray(_BINARY)
    order = ">" if big_endian else "<"
    for offset, value in ((16, round(step * 1000)), (20, axis.size), (24, code), (300, 0x100), (302, 1)):
        struct.pack_into(f"{order}H", raw, offset, value if 0 <= value <= 0xFFFF else 0)
    return bytes(raw)


def survey_items(
    volume: Volume, axes: Sequence[AxisDescriptor], positions: Positions, crs_wkt: str = ""
) -> Iterator[MetadataItem]:
    """Yield the categories ``SurveyCoordinateSystem`` and, for 2-D lines, ``TraceCoordinates``.

    Parameters
    ----------
    volume
        Read at a few traces; at all of them where it is a line.
    axes
        Axes of the VDS, dimension 0 first: positions follow from their coordinates.
    positions
        Reads positions from trace headers.
    crs_wkt
        Coordinate reference system as well-known text; empty where nobody said.
    """
    schema = volume.schema
    yield MetadataItem("SurveyCoordinateSystem", "Unit", MetadataType.String, positions.unit)
    if crs_wkt:
        yield MetadataItem("SurveyCoordinateSystem", "CRSWkt", MetadataType.String, crs_wkt)
    if not positions.available or not schema.region.spatial.size:
        return
    if len(schema.dims) == 2:
        if schema.shape[0] <= _MOST_POSITIONS:
            yield from _line_items(volume, positions)
        return
    if {"inline", "crossline"} <= set(schema.names):
        yield from _grid_items(volume, axes, positions)


def _grid_items(volume: Volume, axes: Sequence[AxisDescriptor], positions: Positions) -> Iterator[MetadataItem]:
    corners = _corners(volume)
    if corners is None:
        return
    schema = volume.schema
    lines = [schema.names.index(name) for name in ("inline", "crossline")]
    places, points = [], []
    for cell in corners:
        point = positions(volume.headers(Region((at, at + 1) for at in cell)).reshape(-1))[0]
        along = [axes[len(schema.dims) - 1 - axis] for axis in lines]
        places.append([a.coordinate_min + a.step * cell[axis] for a, axis in zip(along, lines, strict=True)])
        points.append(point)
    (a, b, c), (p, q, r) = np.array(places), np.array(points)
    if not np.any(points):
        return
    zero = np.zeros(2)
    by_crossline = (q - p) / (b[1] - a[1]) if b[1] != a[1] else zero
    by_inline = (r - p - (c[1] - a[1]) * by_crossline) / (c[0] - a[0]) if c[0] != a[0] else zero
    values = {
        "Origin": p - a[0] * by_inline - a[1] * by_crossline,
        "InlineSpacing": by_inline,
        "CrosslineSpacing": by_crossline,
    }
    for name, value in values.items():
        pair = (float(value[0]), float(value[1]))
        yield MetadataItem("SurveyCoordinateSystem", name, MetadataType.DoubleVector2, pair)


def _corners(volume: Volume) -> tuple[tuple[int, ...], ...] | None:
    """Return three live cells far from each other: two on the first inline that has traces, one on the last."""
    schema = volume.schema
    axis = schema.names.index("inline")
    grid = schema.shape[:-1]

    def of_inline(number: int) -> NDArray[np.int64]:
        region = Region([(number, number + 1) if at == axis else (0, n) for at, n in enumerate(grid)])
        cells = np.argwhere(volume.live(region))
        cells[:, axis] += number
        return cells

    first = next((cells for number in range(grid[axis]) if len(cells := of_inline(number))), None)
    if first is None:
        return None
    last = next(cells for number in reversed(range(grid[axis])) if len(cells := of_inline(number)))
    crossline = first[:, schema.names.index("crossline")]
    picked = (first[crossline.argmin()], first[crossline.argmax()], last[0])
    return tuple(tuple(int(at) for at in cell) for cell in picked)


def _line_items(volume: Volume, positions: Positions) -> Iterator[MetadataItem]:
    schema = volume.schema
    records = volume.headers(schema.region.spatial).reshape(-1)
    points = positions(records)
    if not points.any() and not positions.chosen:
        points = positions(records, ("73", "77"))
    blobs = {
        "TracePositions": points.astype("<f8"),
        "TraceVerticalOffsets": np.zeros(len(records), "<f8"),
        "EnergySourcePointNumbers": schema.headers.values(records, "17").astype("<i4"),
        "EnsembleNumbers": schema.headers.values(records, "21").astype("<i4"),
    }
    for name, values in blobs.items():
        yield MetadataItem("TraceCoordinates", name, MetadataType.BLOB, values.tobytes())


def import_items(schema: Schema, created: str) -> Iterator[MetadataItem]:
    """Yield the category ``ImportInformation``: name and size of the source, time of the run.

    Parameters
    ----------
    schema
        Of the volume.
    created
        ISO 8601; empty where nobody said.
    """
    identity = schema.metadata.identity
    name = split_name(str(identity.get("url", "")))[1]
    if name:
        yield MetadataItem("ImportInformation", "DisplayName", MetadataType.String, name)
        yield MetadataItem("ImportInformation", "InputFileName", MetadataType.String, name)
    if isinstance(identity.get("size"), int):
        yield MetadataItem("ImportInformation", "InputFileSize", MetadataType.Double, identity["size"])
    if created:
        moment = datetime.datetime.fromisoformat(created).astimezone(datetime.UTC)
        stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield MetadataItem("ImportInformation", "ImportTimeStamp", MetadataType.String, stamp)
