"""Names under which SEG-Y data travel in a VDS (VDS specification section 13)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from mdio.flow.axes import is_regular
from mdio_vds.descriptors import AxisDescriptor
from mdio_vds.enums import VolumeDataFormat, VolumeDataMapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mdio.core.dimension import Dimension
    from mdio.core.headers import HeaderLayout
    from mdio_vds.descriptors import ChannelDescriptor, VolumeDataLayout

__all__ = [
    "decode_text",
    "encode_text",
    "header_channel",
    "header_layout",
    "text_header",
    "to_axis",
    "to_dimension",
    "trace_channel",
]

_MOST_BYTES = 1 << 16
"""Bytes that a trace header can have; a damaged layout may say anything."""
_LINE, _LINES = 80, 40
_SIGNS = bytes(range(0x20, 0x7F)).decode()
_AXIS_OF = {
    "sample": "Sample",
    "time": "Time",
    "depth": "Depth",
    "inline": "Inline",
    "crossline": "Crossline",
    "offset": "Trace (offset)",
    "cdp": "CDP",
    "trace": "Trace",
}
_NAME_OF = {axis: name for name, axis in _AXIS_OF.items()}


def trace_channel(layout: VolumeDataLayout) -> ChannelDescriptor | None:
    """Return the channel that is not 0 where a trace exists, or None."""
    channel = layout.by_channel.get("Trace")
    return channel if channel is not None and _per_trace_bytes(channel) and channel.mapped_values == 1 else None


def header_channel(layout: VolumeDataLayout) -> ChannelDescriptor | None:
    """Return the channel of raw trace headers in file byte order, or None."""
    for name in ("SEGYTraceHeader", "TraceHeader"):
        channel = layout.by_channel.get(name)
        if channel is not None and _per_trace_bytes(channel):
            return channel
    return None


def _per_trace_bytes(channel: ChannelDescriptor) -> bool:
    return (
        channel.mapping is VolumeDataMapping.PerTrace
        and channel.format is VolumeDataFormat.Format_U8
        and channel.components == 1
        and channel.mapped_values <= _MOST_BYTES
    )


def header_layout(layout: VolumeDataLayout, itemsize: int) -> HeaderLayout:
    """Return the fields of a raw trace header; metadata ``SEGY/Endianness`` is 0 for big-endian, 1 for little."""
    from mdio.core.trace_header import standard_layout

    return standard_layout(layout.value("SEGY", "Endianness") != 1, itemsize)


def text_header(layout: VolumeDataLayout) -> tuple[str, ...]:
    """Return the textual file header in lines of 80 characters; empty where there is none."""
    raw = layout.value("SEGY", "TextHeader")
    return decode_text(raw) if isinstance(raw, bytes) else ()


def decode_text(raw: bytes) -> tuple[str, ...]:
    """Return a textual header of 3200 bytes in lines of 80 characters: EBCDIC, or ASCII where more of it makes sense.

    Characters that cannot be printed become blanks (SEG-Y rev 1, section 4).
    """
    ebcdic, ascii_ = (len(raw) - len(raw.translate(None, signs)) for signs in (_SIGNS.encode("cp037"), _SIGNS.encode()))
    text = raw.decode("latin-1" if ascii_ > ebcdic or not raw.strip(b"\0") else "cp037")
    text = "".join(letter if letter.isprintable() or letter == "\xa0" else " " for letter in text)
    return tuple(text[start : start + _LINE].ljust(_LINE) for start in range(0, len(text), _LINE))


def encode_text(lines: Sequence[str]) -> bytes:
    """Return lines as a textual header of 3200 bytes in EBCDIC; what it has no place for is cut."""
    text = "".join(line[:_LINE].ljust(_LINE) for line in lines[:_LINES]).ljust(_LINES * _LINE)
    return text.encode("cp037", "replace")


def to_dimension(axis: AxisDescriptor) -> Dimension:
    """Return an axis as a regular dimension: the name that other formats use, whole coordinates where all of them are.

    ``"Trace (offset)"`` is ``"offset"``, any other name becomes lower case; the unit ``unitless`` becomes empty.
    """
    from mdio.core.dimension import Dimension

    plain = re.sub(r"[^0-9a-z]+", "_", axis.name.lower()).strip("_") or "axis"
    name = _NAME_OF.get(axis.name, plain)
    unit = "" if axis.unit == "unitless" else axis.unit
    start, step = axis.coordinate_min, axis.step
    if start.is_integer() and step.is_integer():
        start, step = int(start), int(step)
    return Dimension.regular(name, start, step, axis.samples, unit)


def to_axis(dim: Dimension) -> AxisDescriptor:
    """Return a dimension as an axis of a VDS.

    An axis is regular and its ends are single precision (specification section 16). Where coordinates are not, and for
    the traces of a gather, whose offsets may differ from gather to gather, positions are counted from 1 instead.
    """
    name = _AXIS_OF.get(dim.name, dim.name)
    size = max(1, dim.size)
    first, last = 1.0, float(size)
    if dim.size and dim.name != "offset" and is_regular(dim):
        ends = (float(dim.between(0, 1)[0]), float(dim.between(dim.size - 1, dim.size)[0]))
        if all(float(np.float32(end)) == end for end in ends):
            first, last = ends
    return AxisDescriptor(size, name, dim.unit or "unitless", first, last)
