"""The layout JSON: what is read, what is refused, and where the message says the fault is."""

import json
import math

import pytest

from mdio_vds.conventions import header_channel
from mdio_vds.enums import MetadataType, VolumeDataFormat, VolumeDataMapping
from mdio_vds.errors import VdsError
from mdio_vds.layout import parse_layout
from mdio_vds.metadata import metadata_value


@pytest.fixture
def raw(vds):
    return vds.layout_json(
        (5, 6, 7),
        [vds.channel(), vds.channel("Trace", "U8", channelMapping="PerTrace", mappedValues=1, discrete=True)],
        brick=128,
        margins=(4, 3),
        lods=2,
        metadata=[
            {"category": "C", "name": "Vector", "type": "DoubleVector2", "value": [1.5, -2]},
            {"category": "C", "name": "Vector", "type": "Int", "value": 7},
            vds.blob("C", "Bytes", b"\x00\xff"),
        ],
    )


def parse(raw):
    return parse_layout(json.dumps(raw).encode(), "a.vds")


def test_what_the_json_says(raw):
    raw["layoutDescriptor"] |= {
        "forceFullResolutionDimension": True,
        "fullResolutionDimension": 1,
        "create2DLODs": True,
    }
    raw["channelDescriptors"][0] |= {"useNoValue": True, "noValue": -999.25}
    layout = parse(raw)
    descriptor = layout.layout
    assert (descriptor.brick_size, descriptor.negative_margin, descriptor.positive_margin) == (128, 4, 3)
    assert (descriptor.lod_levels, descriptor.brick_size_2d_multiplier) == (2, 4)
    assert (descriptor.full_resolution_dimension, descriptor.create_2d_lods) == (1, True)
    assert layout.shape == (7, 6, 5)
    assert [(axis.name, axis.unit, axis.step) for axis in layout.axes][:2] == [
        ("Sample", "ms", 1.0),
        ("Crossline", "unitless", 1.0),
    ]
    first, second = layout.channels
    assert (first.format, first.no_value, first.value_range) == (VolumeDataFormat.Format_R32, -999.25, (-1.0, 1.0))
    assert (second.mapping, second.mapped_values, second.discrete) == (VolumeDataMapping.PerTrace, 1, True)
    assert second.no_value is None
    assert [item.value for item in layout.metadata] == [(1.5, -2.0), 7, b"\x00\xff"]
    assert layout.value("C", "Bytes") == b"\x00\xff"
    assert layout.value("C", "None") is None


def test_missing_keys_read_as_zero_and_false(raw):
    del raw["layoutDescriptor"]["negativeMargin"]
    del raw["channelDescriptors"][0]["renderable"]
    del raw["metadata"]
    layout = parse(raw)
    assert layout.layout.negative_margin == 0
    assert not layout.channels[0].renderable
    assert layout.metadata == ()


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("layoutDescriptor", "brickSize"), "BrickSize_33", "layoutDescriptor.brickSize"),
        (("layoutDescriptor", "negativeMargin"), 125, "layoutDescriptor.negativeMargin"),
        (("layoutDescriptor", "brickSize2DMultiplier"), 0, "brickSize2DMultiplier"),
        (("layoutDescriptor", "lodLevels"), "LODLevels_13", "lodLevels"),
        (("layoutDescriptor",), [], "layoutDescriptor"),
        (("axisDescriptors", 1, "numSamples"), 0, "axisDescriptors[1].numSamples"),
        (("axisDescriptors", 1, "numSamples"), 1.5, "axisDescriptors[1].numSamples"),
        (("axisDescriptors", 1, "numSamples"), True, "axisDescriptors[1].numSamples"),
        (("axisDescriptors", 1, "numSamples"), 2**31, "axisDescriptors[1].numSamples"),
        (("axisDescriptors", 0, "name"), 3, "axisDescriptors[0].name"),
        (("axisDescriptors", 0, "coordinateMin"), math.nan, "axisDescriptors[0].coordinateMin"),
        (("axisDescriptors", 0, "coordinateMax"), 10**400, "axisDescriptors[0].coordinateMax"),
        (("axisDescriptors",), [], "axisDescriptors"),
        (("channelDescriptors", 0, "format"), "Format_R16", "channelDescriptors[0].format"),
        (("channelDescriptors", 1, "name"), "Amplitude", "channelDescriptors"),
        (("channelDescriptors", 1, "mappedValues"), 0, "channelDescriptors[1].mappedValues"),
        (("channelDescriptors", 1, "valueRange"), [1], "channelDescriptors[1].valueRange"),
        (("channelDescriptors", 1, "discrete"), 1, "channelDescriptors[1].discrete"),
        (("channelDescriptors",), [], "channelDescriptors"),
        (("metadata", 0, "value"), [1.0], "metadata[0].value"),
        (("metadata", 0, "type"), "Quaternion", "metadata[0].type"),
        (("metadata", 2, "value"), "*", "metadata[2].value"),
        (("metadata",), {}, "metadata"),
    ],
)
def test_faults_are_named_with_their_place(raw, path, value, place):
    at = raw
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(VdsError) as caught:
        parse(raw)
    assert str(caught.value).startswith("a.vds: VolumeDataLayout: ")
    assert place in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000, b"null"])
def test_other_bytes_are_refused(text):
    with pytest.raises(VdsError, match="VolumeDataLayout"):
        parse_layout(text, "a.vds")


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("Int", 3, 3),
        ("IntVector3", [1, 2, 3], (1, 2, 3)),
        ("Float", 1, 1.0),
        ("FloatVector4", [1, 2, 3, 4.5], (1.0, 2.0, 3.0, 4.5)),
        ("String", "ä", "ä"),
        ("BLOB", "AAE=", b"\x00\x01"),
        ("BLOB", "", b""),
    ],
)
def test_metadata_values(kind, raw, value):
    assert metadata_value(MetadataType[kind], raw) == value


@pytest.mark.parametrize(
    ("kind", "raw"), [("Int", "3"), ("Int", [3]), ("IntVector2", 3), ("Double", "1"), ("String", 3), ("Int", True)]
)
def test_metadata_of_another_type_is_refused(kind, raw):
    with pytest.raises(ValueError, match="must"):
        metadata_value(MetadataType[kind], raw)


def test_only_the_first_channel_may_lack_a_name(raw):
    raw["channelDescriptors"][0]["name"] = ""
    assert parse(raw).channels[0].name == ""
    raw["channelDescriptors"][0]["name"] = "a"
    raw["channelDescriptors"][1]["name"] = ""
    with pytest.raises(VdsError, match="only the first channel may lack a name"):
        parse(raw)


def test_headers_of_an_impossible_size_are_not_headers(raw):
    raw["channelDescriptors"][1] |= {"name": "SEGYTraceHeader", "mappedValues": 2**31 - 1}
    assert header_channel(parse(raw)) is None
    raw["channelDescriptors"][1]["mappedValues"] = 240
    assert header_channel(parse(raw)) is not None
