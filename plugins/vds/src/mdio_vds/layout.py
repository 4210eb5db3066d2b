"""The ``VolumeDataLayout`` JSON read into checked records (VDS specification section 4).

Files come from many writers, so every value is checked here once, and all other modules may trust the records.
"""

from __future__ import annotations

import json
import math
from typing import Any

from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, LayoutDescriptor, VolumeDataLayout
from mdio_vds.enums import MetadataType, VolumeDataFormat, VolumeDataMapping
from mdio_vds.errors import VdsError
from mdio_vds.metadata import MetadataItem, metadata_value
from mdio_vds.sealing import check_sealed

__all__ = ["LAYOUT_NAME", "parse_layout"]

LAYOUT_NAME = "VolumeDataLayout"
"""Name of the container file, or key, that holds the JSON."""

_MAX_SAMPLES = 2**31 - 1
_BRICKS = {f"BrickSize_{2**power}": 2**power for power in range(5, 13)}
_LODS = {"LODLevels_None": 0} | {f"LODLevels_{level}": level for level in range(1, 13)}
_COMPONENTS = {"Components_1": 1, "Components_2": 2, "Components_4": 4}


def parse_layout(text: bytes, url: str = "") -> VolumeDataLayout:
    """Read the JSON of a VDS.

    Parameters
    ----------
    text
        UTF-8 JSON, section 4. Missing keys mean 0, false or empty text, as in the reference
        implementation, but for ``integerScale`` (1), where 0 would wipe out all samples.
    url
        For messages.

    Raises
    ------
    VdsError
        Damaged, not JSON, or a value that no VDS can have; the message has the path inside the JSON.
    """
    check_sealed(text, url, LAYOUT_NAME)
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VdsError(f"not valid JSON: {error}", url=url, name=LAYOUT_NAME) from None
    root = _Node(raw, "", url)
    axes = tuple(_axis(node) for node in root.items("axisDescriptors"))
    if not 2 <= len(axes) <= 6:
        raise root.error("axisDescriptors", f"a VDS has 2 to 6 axes, not {len(axes)}")
    channels = tuple(_channel(node) for node in root.items("channelDescriptors"))
    if not channels:
        raise root.error("channelDescriptors", "a VDS has at least one channel")
    if len({channel.name for channel in channels}) != len(channels):
        raise root.error("channelDescriptors", "channel names are not unique")
    if not all(channel.name for channel in channels[1:]):
        # Its layers would bear the names of the first channel's (section 1).
        raise root.error("channelDescriptors", "only the first channel may lack a name")
    return VolumeDataLayout(
        layout=_layout(root.child("layoutDescriptor"), len(axes)),
        axes=axes,
        channels=channels,
        metadata=tuple(_metadata(node) for node in root.items("metadata")),
    )


class _Node:
    """A JSON object and the path to it, so that every message names its place."""

    def __init__(self, raw: Any, path: str, url: str) -> None:
        self.path, self.url = path, url
        if not isinstance(raw, dict):
            raise self.error("", "an object is expected")
        self.raw: dict[str, Any] = raw

    def error(self, key: str, message: str) -> VdsError:
        where = ".".join(part for part in (self.path, key) if part) or "top level"
        return VdsError(f"{where}: {message}", url=self.url, name=LAYOUT_NAME)

    def child(self, key: str) -> _Node:
        return _Node(self.raw.get(key), f"{self.path}{key}", self.url)

    def items(self, key: str) -> list[_Node]:
        raw = self.raw.get(key, [])
        if not isinstance(raw, list):
            raise self.error(key, "an array is expected")
        return [_Node(item, f"{key}[{i}]", self.url) for i, item in enumerate(raw)]

    def text(self, key: str) -> str:
        value = self.raw.get(key, "")
        if not isinstance(value, str):
            raise self.error(key, f"text is expected, not {value!r}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self.error(key, f"text is expected that UTF-8 can hold, not {value!r}") from None
        return value

    def flag(self, key: str) -> bool:
        value = self.raw.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"true or false is expected, not {value!r}")
        return value

    def whole(self, key: str, low: int, high: int, default: int = 0) -> int:
        value = self.raw.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"a whole number from {low} to {high} is expected, not {value!r}")
        return value

    def number(self, key: str, default: float = 0.0) -> float:
        return self._finite(key, self.raw.get(key, default))

    def pair(self, key: str) -> tuple[float, float]:
        value = self.raw.get(key, [0.0, 0.0])
        if not isinstance(value, list) or len(value) != 2:
            raise self.error(key, f"two numbers are expected, not {value!r}")
        return self._finite(key, value[0]), self._finite(key, value[1])

    def _finite(self, key: str, value: object) -> float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
        raise self.error(key, f"a finite number is expected, not {value!r}")

    def choice(self, key: str, names: dict[str, int]) -> int:
        value = self.text(key)
        if value not in names:
            raise self.error(key, f"unknown value {value!r}; expected one of {', '.join(names)}")
        return names[value]


def _layout(node: _Node, dimensions: int) -> LayoutDescriptor:
    brick = node.choice("brickSize", _BRICKS)
    negative = node.whole("negativeMargin", 0, brick)
    positive = node.whole("positiveMargin", 0, brick)
    if negative + positive >= brick:
        raise node.error("negativeMargin", f"margins {negative} + {positive} leave nothing of brick size {brick}")
    forced = node.flag("forceFullResolutionDimension")
    return LayoutDescriptor(
        brick_size=brick,
        negative_margin=negative,
        positive_margin=positive,
        brick_size_2d_multiplier=node.whole("brickSize2DMultiplier", 1, 2**20),
        lod_levels=node.choice("lodLevels", _LODS),
        create_2d_lods=node.flag("create2DLODs"),
        full_resolution_dimension=node.whole("fullResolutionDimension", 0, dimensions - 1) if forced else -1,
    )


def _axis(node: _Node) -> AxisDescriptor:
    return AxisDescriptor(
        samples=node.whole("numSamples", 1, _MAX_SAMPLES),
        name=node.text("name"),
        unit=node.text("unit"),
        coordinate_min=node.number("coordinateMin"),
        coordinate_max=node.number("coordinateMax"),
    )


def _channel(node: _Node) -> ChannelDescriptor:
    stored = VolumeDataFormat(node.choice("format", {kind.name: int(kind) for kind in VolumeDataFormat}))
    components = node.choice("components", _COMPONENTS)
    if stored is VolumeDataFormat.Format_1Bit and components > 1:
        # Section 8.2: the body of such channels is undefined.
        raise node.error("components", "1-bit channels have one component")
    mapping = VolumeDataMapping(node.choice("channelMapping", {kind.name: int(kind) for kind in VolumeDataMapping}))
    per_trace = mapping is VolumeDataMapping.PerTrace
    return ChannelDescriptor(
        name=node.text("name"),
        unit=node.text("unit"),
        format=stored,
        components=components,
        value_range=node.pair("valueRange"),
        mapping=mapping,
        mapped_values=node.whole("mappedValues", 1, _MAX_SAMPLES) if per_trace else 1,
        discrete=node.flag("discrete"),
        renderable=node.flag("renderable"),
        allow_lossy_compression=node.flag("allowLossyCompression"),
        no_value=node.number("noValue") if node.flag("useNoValue") else None,
        integer_scale=node.number("integerScale", 1.0),
        integer_offset=node.number("integerOffset"),
    )


def _metadata(node: _Node) -> MetadataItem:
    names = {kind.name: int(kind) for kind in MetadataType}
    kind = MetadataType(node.choice("type", names))
    category, name = node.text("category"), node.text("name")
    try:
        return MetadataItem(category, name, kind, metadata_value(kind, node.raw.get("value")))
    except ValueError as error:
        raise node.error("value", str(error)) from None
