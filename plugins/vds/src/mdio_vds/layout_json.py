"""The ``VolumeDataLayout`` JSON written as the reference implementation spells it (VDS specification section 4).

Keys are sorted, four spaces indent, and numbers have the digits that a double needs. Files of the same layout are thus
the same byte for byte, whoever wrote them; readers do not care.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mdio_vds.layout import parse_layout
from mdio_vds.metadata import json_value
from mdio_vds.sealing import sealed

if TYPE_CHECKING:
    from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, LayoutDescriptor, VolumeDataLayout

__all__ = ["styled_json", "write_layout"]

_INDENT = "    "


def write_layout(layout: VolumeDataLayout, url: str = "") -> bytes:
    """Return the JSON of a layout in ASCII, with its check (:mod:`mdio_vds.sealing`) behind it.

    Parameters
    ----------
    layout
        Axes, channels, metadata. A discrete channel never allows lossy compression, whatever its record says.
    url
        For messages.

    Raises
    ------
    VdsError
        A value that no VDS can have; the text is read back to find out.
    """
    text = styled_json(
        {
            "layoutDescriptor": _layout(layout.layout),
            "axisDescriptors": [_axis(axis) for axis in layout.axes],
            "channelDescriptors": [_channel(channel) for channel in layout.channels],
            "metadata": [
                {"category": item.category, "name": item.name, "type": item.type.name, "value": json_value(item)}
                for item in layout.metadata
            ],
        }
    )
    parse_layout(text, url)
    return sealed(text)


def styled_json(value: object) -> bytes:
    """Return plain data (mappings, sequences, text, numbers) as JSON in the style of the format, in ASCII.

    Infinity is ``1e+9999`` and what is not a number is null, as the reference implementation spells and reads them.
    """
    return "".join(_pieces(value, "")).encode("ascii")


def _pieces(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        rows = [(f"{_text(key)} : {_break(value[key], indent + _INDENT)}", value[key]) for key in sorted(value)]
        yield from _rows("{", rows, "}", indent)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _rows("[", [("", part) for part in value], "]", indent)
    else:
        yield _scalar(value)


def _rows(first: str, rows: Sequence[tuple[str, object]], last: str, indent: str) -> Iterator[str]:
    if not rows:
        yield first + last
        return
    inner = indent + _INDENT
    separator = f"{first}\n{inner}"
    for before, value in rows:
        yield separator + before
        yield from _pieces(value, inner)
        separator = f",\n{inner}"
    yield f"\n{indent}{last}"


def _break(value: object, indent: str) -> str:
    """Return what stands between a key and its value: containers begin on a line of their own."""
    nested = isinstance(value, (Mapping, Sequence)) and not isinstance(value, str)
    return f"\n{indent}" if nested and value else ""


def _scalar(value: object) -> str:
    if isinstance(value, float):
        return _number(value)
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, str):  # the one control character that the reference implementation does not escape
        return '"' + "\x7f".join(json.dumps(part)[1:-1] for part in value.split("\x7f")) + '"'
    return json.dumps(value)


def _number(value: float) -> str:
    if math.isnan(value):
        return "null"
    if math.isinf(value):
        return "1e+9999" if value > 0 else "-1e+9999"
    text = f"{value:.17g}"
    return text if "." in text or "e" in text else f"{text}.0"


def _layout(layout: LayoutDescriptor) -> dict[str, Any]:
    forced = layout.full_resolution_dimension >= 0
    return {
        "brickSize": f"BrickSize_{layout.brick_size}",
        "negativeMargin": layout.negative_margin,
        "positiveMargin": layout.positive_margin,
        "brickSize2DMultiplier": layout.brick_size_2d_multiplier,
        "lodLevels": f"LODLevels_{layout.lod_levels or 'None'}",
        "create2DLODs": layout.create_2d_lods,
        "forceFullResolutionDimension": forced,
        "fullResolutionDimension": layout.full_resolution_dimension if forced else -1,
    }


def _axis(axis: AxisDescriptor) -> dict[str, Any]:
    return {
        "numSamples": axis.samples,
        "name": axis.name,
        "unit": axis.unit,
        "coordinateMin": float(axis.coordinate_min),
        "coordinateMax": float(axis.coordinate_max),
    }


def _channel(channel: ChannelDescriptor) -> dict[str, Any]:
    return {
        "format": channel.format.name,
        "components": f"Components_{channel.components}",
        "name": channel.name,
        "unit": channel.unit,
        "valueRange": [float(end) for end in channel.value_range],
        "channelMapping": channel.mapping.name,
        "mappedValues": channel.mapped_values,
        "discrete": channel.discrete,
        "renderable": channel.renderable,
        "allowLossyCompression": channel.allow_lossy_compression and not channel.discrete,
        "useNoValue": channel.no_value is not None,
        "noValue": float(channel.no_value or 0.0),
        "integerScale": float(channel.integer_scale),
        "integerOffset": float(channel.integer_offset),
    }
