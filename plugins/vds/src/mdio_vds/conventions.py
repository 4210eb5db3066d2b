"""Names under which SEG-Y data travel in a VDS (VDS specification section 13)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mdio_vds.enums import VolumeDataFormat, VolumeDataMapping

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio.core.headers import HeaderLayout
    from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, VolumeDataLayout

__all__ = ["header_channel", "header_layout", "text_header", "to_dimension", "trace_channel"]

_LINE = 80


def trace_channel(layout: VolumeDataLayout) -> ChannelDescriptor | None:
    """Return the channel that is not 0 where a trace exists, or None."""
    channel = layout.by_channel.get("Trace")
    return channel if channel is not None and _per_trace_bytes(channel) and channel.mapped_values == 1 else None


def header_channel(layout: VolumeDataLayout) -> ChannelDescriptor | None:
    """Return the channel of raw trace headers in file byte order, or None."""
    channel = layout.by_channel.get("SEGYTraceHeader")
    return channel if channel is not None and _per_trace_bytes(channel) and channel.mapped_values > 1 else None


def _per_trace_bytes(channel: ChannelDescriptor) -> bool:
    return (
        channel.mapping is VolumeDataMapping.PerTrace
        and channel.format is VolumeDataFormat.Format_U8
        and channel.components == 1
    )


def header_layout(layout: VolumeDataLayout, itemsize: int) -> HeaderLayout:
    """Return the fields of a raw trace header; metadata ``SEGY/Endianness`` is 0 for big-endian, 1 for little."""
    from mdio.core.trace_header import standard_layout

    return standard_layout(layout.value("SEGY", "Endianness") != 1, itemsize)


def text_header(layout: VolumeDataLayout) -> tuple[str, ...]:
    """Return the textual file header in lines of 80 characters, EBCDIC or ASCII, whichever has more blanks."""
    raw = layout.value("SEGY", "TextHeader")
    if not isinstance(raw, bytes):
        return ()
    text = raw.decode("cp037" if raw.count(0x40) > raw.count(0x20) else "latin-1")
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return tuple(text[start : start + _LINE] for start in range(0, len(text), _LINE))


def to_dimension(axis: AxisDescriptor) -> Dimension:
    """Return an axis as a regular dimension: lower-case name, coordinates whole numbers where all of them are.

    ``"Trace (offset)"`` becomes ``"trace_offset"``; the unit ``unitless`` becomes empty.
    """
    from mdio.core.dimension import Dimension

    name = re.sub(r"[^0-9a-z]+", "_", axis.name.lower()).strip("_") or "axis"
    unit = "" if axis.unit == "unitless" else axis.unit
    start, step = axis.coordinate_min, axis.step
    if start.is_integer() and step.is_integer():
        start, step = int(start), int(step)
    return Dimension.regular(name, start, step, axis.samples, unit)
