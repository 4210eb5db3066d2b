"""The layout JSON as we write it: to the byte what the wheel writes, and read back as it was."""

import dataclasses
import json
import os
import subprocess

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, LayoutDescriptor, VolumeDataLayout
from mdio_vds.enums import MetadataType, VolumeDataFormat, VolumeDataMapping
from mdio_vds.errors import VdsError
from mdio_vds.layout import parse_layout
from mdio_vds.layout_json import styled_json, write_layout
from mdio_vds.metadata import MetadataItem

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")


def layout(**changes):
    base = VolumeDataLayout(
        LayoutDescriptor(64, 4, 3, lod_levels=2),
        (
            AxisDescriptor(70, "Sample", "ms", 0.10000000149011612, 276.25),
            AxisDescriptor(41, 'A/b "q" \\ é\n\t\x01\x7f😀', "unitless", 1.0000000116860974e-07, 1e20),
        ),
        (
            ChannelDescriptor("Amplitude", "", VolumeDataFormat.Format_R32, 1, (-50.5, 1e10)),
            ChannelDescriptor(
                "Trace", "", VolumeDataFormat.Format_U8, 1, (0.0, 1.0), VolumeDataMapping.PerTrace, 1, discrete=True,
                allow_lossy_compression=False,
            ),
        ),
        (
            MetadataItem("C", "d", MetadataType.Double, 0.1),
            MetadataItem("C", "v", MetadataType.IntVector2, (1, -2)),
            MetadataItem("C", "b", MetadataType.BLOB, b"\x00\xfe\xff\x01"),
        ),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


# Written by OpenVDS+ 3.4.9 but for the names, of which it was given the same.
EXPECTED = r"""{
    "axisDescriptors" : 
    [
        {
            "coordinateMax" : 276.25,
            "coordinateMin" : 0.10000000149011612,
            "name" : "Sample",
            "numSamples" : 70,
            "unit" : "ms"
        },
        {
            "coordinateMax" : 1e+20,
            "coordinateMin" : 1.0000000116860974e-07,
            "name" : "A/b \"q\" \\ \u00e9\n\t\u0001DEL\ud83d\ude00",
            "numSamples" : 41,
            "unit" : "unitless"
        }
    ],
    "channelDescriptors" : 
    [
        {
            "allowLossyCompression" : true,
            "channelMapping" : "Direct",
            "components" : "Components_1",
            "discrete" : false,
            "format" : "Format_R32",
            "integerOffset" : 0.0,
            "integerScale" : 1.0,
            "mappedValues" : 1,
            "name" : "Amplitude",
            "noValue" : 0.0,
            "renderable" : true,
            "unit" : "",
            "useNoValue" : false,
            "valueRange" : 
            [
                -50.5,
                10000000000.0
            ]
        },
        {
            "allowLossyCompression" : false,
            "channelMapping" : "PerTrace",
            "components" : "Components_1",
            "discrete" : true,
            "format" : "Format_U8",
            "integerOffset" : 0.0,
            "integerScale" : 1.0,
            "mappedValues" : 1,
            "name" : "Trace",
            "noValue" : 0.0,
            "renderable" : true,
            "unit" : "",
            "useNoValue" : false,
            "valueRange" : 
            [
                0.0,
                1.0
            ]
        }
    ],
    "layoutDescriptor" : 
    {
        "brickSize" : "BrickSize_64",
        "brickSize2DMultiplier" : 4,
        "create2DLODs" : false,
        "forceFullResolutionDimension" : false,
        "fullResolutionDimension" : -1,
        "lodLevels" : "LODLevels_2",
        "negativeMargin" : 4,
        "positiveMargin" : 3
    },
    "metadata" : 
    [
        {
            "category" : "C",
            "name" : "d",
            "type" : "Double",
            "value" : 0.10000000000000001
        },
        {
            "category" : "C",
            "name" : "v",
            "type" : "IntVector2",
            "value" : 
            [
                1,
                -2
            ]
        },
        {
            "category" : "C",
            "name" : "b",
            "type" : "BLOB",
            "value" : "AP7/AQ=="
        }
    ]
}"""  # noqa: W291 - the format puts a blank there


def test_every_byte_is_that_of_the_reference():
    assert write_layout(layout()).decode().rstrip() == EXPECTED.replace("DEL", "\x7f")


def test_what_is_special():
    text = write_layout(
        layout(
            layout=LayoutDescriptor(32, full_resolution_dimension=1, create_2d_lods=True),
            channels=(
                ChannelDescriptor(
                    "A", "m", VolumeDataFormat.Format_U16, 2, (0.0, 1.0), discrete=True, renderable=False,
                    no_value=-999.25, integer_scale=0.5, integer_offset=-3.5,
                ),
            ),
            metadata=(),
        )
    )  # fmt: skip
    raw = json.loads(text)
    assert raw["layoutDescriptor"] == {
        "brickSize": "BrickSize_32",
        "brickSize2DMultiplier": 4,
        "create2DLODs": True,
        "forceFullResolutionDimension": True,
        "fullResolutionDimension": 1,
        "lodLevels": "LODLevels_None",
        "negativeMargin": 0,
        "positiveMargin": 0,
    }
    assert raw["channelDescriptors"] == [
        {
            "allowLossyCompression": False,  # discrete
            "channelMapping": "Direct",
            "components": "Components_2",
            "discrete": True,
            "format": "Format_U16",
            "integerOffset": -3.5,
            "integerScale": 0.5,
            "mappedValues": 1,
            "name": "A",
            "noValue": -999.25,
            "renderable": False,
            "unit": "m",
            "useNoValue": True,
            "valueRange": [0.0, 1.0],
        }
    ]
    assert text.rstrip().endswith(b'"metadata" : []\n}')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e15, "1000000000000000.0"),
        (1e16, "10000000000000000.0"),
        (1e17, "1e+17"),
        (1e-300, "1e-300"),
        (1e300, "1.0000000000000001e+300"),
        (5e-324, "4.9406564584124654e-324"),
        (123456789.123, "123456789.123"),
        (float("inf"), "1e+9999"),
        (float("-inf"), "-1e+9999"),
        (float("nan"), "null"),
        (3, "3"),
        (True, "true"),
        ([], "[]"),
        ({}, "{}"),
        ("a\\u007f", '"a\\\\u007f"'),
    ],
)
def test_spelling(value, text):
    assert styled_json(value).decode() == text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": ()}, "2 to 6 axes"),
        ({"layout": LayoutDescriptor(33)}, "brickSize"),
        ({"layout": LayoutDescriptor(32, lod_levels=13)}, "lodLevels"),
        ({"layout": LayoutDescriptor(32, 16, 16)}, "margins"),
        ({"layout": LayoutDescriptor(32, full_resolution_dimension=2)}, "fullResolutionDimension"),
        ({"channels": ()}, "at least one channel"),
        (
            {"channels": (ChannelDescriptor("A", "", VolumeDataFormat.Format_R32, 3, (0, 1)),)},
            r"channelDescriptors\[0\].components",
        ),
        (
            {"channels": (ChannelDescriptor("A", "", VolumeDataFormat.Format_R32, 1, (0, float("nan"))),)},
            r"channelDescriptors\[0\].valueRange",
        ),
    ],
)
def test_what_no_vds_can_have_is_not_written(changes, message):
    with pytest.raises(VdsError, match=f"a.vds: VolumeDataLayout: .*{message}"):
        write_layout(layout(**changes), "a.vds")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NUMBER = {"Int": st.integers(-(2**31), 2**31 - 1), "Flo": st.floats(width=32, allow_nan=False),
          "Dou": st.floats(allow_nan=False)}  # fmt: skip


@st.composite
def items(draw):
    kind = draw(st.sampled_from(MetadataType))
    if kind is MetadataType.String:
        value = draw(TEXT)
    elif kind is MetadataType.BLOB:
        value = draw(st.binary(max_size=8))
    else:
        one = NUMBER[kind.name[:3]]
        value = draw(one) if kind.length == 1 else draw(st.tuples(*[one] * kind.length))
    return MetadataItem(draw(TEXT), draw(TEXT), kind, value)


@st.composite
def channels(draw):
    stored = draw(st.sampled_from(VolumeDataFormat))
    mapping = draw(st.sampled_from(VolumeDataMapping))
    discrete = draw(st.booleans())
    return ChannelDescriptor(
        draw(TEXT), draw(TEXT), stored, 1 if stored == 0 else draw(st.sampled_from([1, 2, 4])),
        draw(st.tuples(FINITE, FINITE)), mapping, draw(st.integers(1, 300)) if mapping else 1, discrete,
        draw(st.booleans()), not discrete and draw(st.booleans()), draw(st.none() | FINITE), draw(FINITE), draw(FINITE),
    )  # fmt: skip


AXIS = st.builds(AxisDescriptor, st.integers(1, 2**31 - 1), TEXT, TEXT, FINITE, FINITE)
LAYOUT = st.builds(
    LayoutDescriptor, st.sampled_from([32, 4096]), st.integers(0, 15), st.integers(0, 15), st.integers(1, 9),
    st.integers(0, 12), st.booleans(), st.integers(-1, 1),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.builds(
        VolumeDataLayout,
        LAYOUT,
        st.lists(AXIS, min_size=2, max_size=6).map(tuple),
        st.lists(channels(), min_size=1, max_size=3, unique_by=lambda channel: channel.name)
        .filter(lambda found: all(channel.name for channel in found[1:]))  # only the first one may lack a name
        .map(tuple),
        st.lists(items(), max_size=4).map(tuple),
    )
)
def test_what_is_written_reads_back(layout):
    text = write_layout(layout)
    assert parse_layout(text) == layout
    json.loads(text)


MAKE = r"""
import math, sys
import openvds as o
D, C = o.VolumeDataLayoutDescriptor, o.VolumeDataChannelDescriptor
descriptor = D(D.BrickSize.BrickSize_64, 4, 3, 4, D.LODLevels.LODLevels_2, D.Options.Options_None, 0)
axes = [o.VolumeDataAxisDescriptor(*a) for a in (
        (70, "Sample", "ms", 0.1, 276.3), (41, "Crossline", "unitless", 20, 60),
        (45, 'Inl/ine "q" \\ é\n\t\x01\x7f😀', "", 1e-7, 1e20))]
f, one = o.VolumeDataFormat, o.VolumeDataComponents.Components_1
channels = [
    C(f.Format_R32, one, "Amplitude", "", -50.1, 1e10),
    C(f.Format_U8, one, "Trace", "", 0, 1, o.VolumeDataMapping.PerTrace, 1, C.Flags.DiscreteData, 1.0, 0.0),
    C(f.Format_U16, one, "U", "m", 0, 1, o.VolumeDataMapping.Direct, 1, C.Flags.NoLossyCompression,
      -999.25, 0.07, -3.5),
]
m = o.MetadataContainer()
for n in (2, 3, 4):
    getattr(m, f"setMetadataIntVector{n}")("B", "i", (2**31 - 1, -2**31, 0, 7)[:n])
    getattr(m, f"setMetadataFloatVector{n}")("B", "f", (0.1, -0.0, 1e-45, 123456.789)[:n])
    getattr(m, f"setMetadataDoubleVector{n}")("B", "d", (0.1, 1e300, 5e-324, 1e16)[:n])
m.setMetadataInt("A", "i", -2**31)
m.setMetadataFloat("A", "f", 0.1)
m.setMetadataDouble("A", "d", 123456789.123)
m.setMetadataDouble("A", "inf", math.inf)
m.setMetadataDouble("A", "nan", math.nan)
m.setMetadataString("A", "s", 'a/b"\\é\n\r\t\b\f\x01\x1f\x7f😀</x>')
m.setMetadataString("A", "empty", "")
m.setMetadataBLOB("A", "b", b"\0\xfe\xff\x01")
m.setMetadataBLOB("A", "empty", b"")
o.close(o.create(sys.argv[1], "", descriptor, axes, channels, m, o.CompressionMethod.Zip, 0.01))
"""


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_the_json_of_the_wheel_comes_back_to_the_byte(tmp_path, storage):
    from mdio_vds.volume import open_source

    subprocess.run([PEER, "-c", MAKE, tmp_path / "a.vds"], check=True)
    source = open_source(storage.open(tmp_path / "a.vds"))
    text = source.layout_json()
    source.close()
    layout = parse_layout(text)
    assert len({item.type for item in layout.metadata}) == 14
    assert write_layout(layout).rstrip() == text.rstrip()


def test_a_check_stands_behind_it():
    """32 bits of the CRC32C of all before, as spaces and tabs; one that does not match is damage, none is not."""
    text = write_layout(layout())
    body, seal = text[:-32], text[-32:]
    assert body.endswith(b"}\n")
    bits = f"{google_crc32c.value(body):032b}"
    assert seal == bits.replace("0", " ").replace("1", "\t").encode()
    assert parse_layout(text) == parse_layout(body) == parse_layout(json.dumps(json.loads(text)).encode())
    with pytest.raises(VdsError, match="does not match its check"):
        parse_layout(text.replace(b"coordinateMax", b"coordinateMan", 1))
