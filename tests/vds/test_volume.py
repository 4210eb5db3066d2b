"""Volumes over files that the tests' own writer made: every value must come back where it was put."""

import pickle
import struct
import threading

import numpy as np
import pytest

from mdio.convert import Stores
from mdio.core.region import Region
from mdio.core.volume import Volume
from mdio.exceptions import MDIONotFoundError
from mdio_vds import VdsError, open_volume

RNG = np.random.default_rng(11)


def cube(shape, fmt="R32"):
    if fmt == "1Bit":
        return RNG.integers(0, 2, shape).astype("u1")
    kind = {"U8": "u1", "U16": "u2", "R32": "f4", "U32": "u4", "R64": "f8", "U64": "u8"}[fmt]
    return (RNG.normal(0, 100, shape) if kind[0] == "f" else RNG.integers(0, 250, shape)).astype(kind)


def constant(value):
    return (0x01010101 << 32) | struct.unpack("<I", struct.pack("<f", value))[0], b""


def write(vds, path, data, fmt="R32", method="Zip", group=(0, 1, 2), margins=(0, 0), ipe=1024, **channel):
    layout = vds.layout_json(data.shape, [vds.channel(fmt=fmt, **channel)], 32, margins)
    name = "Dimensions_" + "".join(map(str, group)) + "LOD0"
    chunks = vds.cut(data, 32, margins, group, fmt, method)
    return vds.Writer(layout).layer(name, method, chunks, ipe).container(path)


@pytest.mark.parametrize("method", ["None", "Zip", "RLE"])
@pytest.mark.parametrize("fmt", ["1Bit", "U8", "U16", "R32", "U32", "R64", "U64"])
def test_formats_and_methods(tmp_path, vds, open_vds, fmt, method):
    data = cube((34, 9, 41), fmt)
    volume = open_vds(write(vds, tmp_path / "a.vds", data, fmt, method))
    assert volume.schema.dtype == data.dtype
    np.testing.assert_array_equal(volume.samples(volume.schema.region), data)


@pytest.mark.parametrize("margins", [(0, 0), (2, 3), (4, 0)])
@pytest.mark.parametrize(
    ("shape", "group"),
    [
        ((70, 130), (0, 1)),
        ((65, 40, 33), (0, 1, 2)),
        ((5, 40, 130), (0, 1)),
        ((40, 30, 5), (1, 2)),
        ((3, 40, 5, 33), (0, 2, 3)),
        ((2, 3, 2, 35, 3, 34), (0, 2, 5)),
    ],
)
def test_dimensions_groups_and_margins(tmp_path, vds, open_vds, shape, group, margins):
    data = cube(shape)
    volume = open_vds(write(vds, tmp_path / "a.vds", data, group=group, margins=margins))
    assert volume.schema.shape == shape
    np.testing.assert_array_equal(volume.samples(volume.schema.region), data)
    for _ in range(5):
        low = [int(RNG.integers(0, n)) for n in shape]
        region = Region([(lo, int(RNG.integers(lo, n)) + 1) for lo, n in zip(low, shape, strict=True)])
        np.testing.assert_array_equal(volume.samples(region), data[region.slices])


@pytest.mark.parametrize("ipe", [1, 7, 1024, 3000])
def test_index_pages_of_any_length(tmp_path, vds, open_vds, ipe):
    data = cube((1100, 3, 2))
    # Group 01 makes one chunk per inline: 1100 chunks, more than one read of the index.
    volume = open_vds(write(vds, tmp_path / "a.vds", data, group=(0, 1), ipe=ipe))
    np.testing.assert_array_equal(volume.samples(volume.schema.region), data)
    assert volume.inspect()["layers"][0]["chunks"] == 1100
    assert volume.inspect()["storage"]["stored_bytes"] == sum(
        len(p) for _, p in vds.cut(data, 32, (0, 0), (0, 1), "R32", "Zip")
    )


def test_axes_and_schema(tmp_path, vds, open_vds):
    data = cube((4, 5, 6))
    layout = vds.layout_json(
        data.shape,
        [vds.channel()],
        metadata=[vds.blob("SEGY", "TextHeader", ("C 1 HELLO".ljust(80) * 40).encode("cp037"))],
    )
    layout["axisDescriptors"][0] |= {"coordinateMin": 100, "coordinateMax": 110}
    layout["axisDescriptors"][1] |= {"coordinateMin": 0.5, "coordinateMax": 2.5, "name": "Trace (offset)"}
    path = (
        vds.Writer(layout)
        .layer("Dimensions_012LOD0", "Zip", vds.cut(data, 32, (0, 0), (0, 1, 2), "R32", "Zip"))
        .container(tmp_path / "a")
    )
    volume = open_vds(path)
    assert isinstance(volume, Volume)
    schema = volume.schema
    assert schema.names == ("inline", "offset", "sample")
    assert [dim.unit for dim in schema.dims] == ["", "", "ms"]
    assert schema.dims[2].coords.tolist() == [100, 102, 104, 106, 108, 110]
    assert schema.dims[2].coords.dtype == np.int64
    assert schema.dims[1].coords.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert schema.chunks == (4, 5, 6)
    assert schema.metadata.text[0] == "C 1 HELLO".ljust(80)
    assert len(schema.metadata.text) == 40
    assert schema.metadata.trace_count == 20
    assert schema.headers.itemsize == 0
    block = volume.read(schema.region)
    assert block.headers is None
    assert block.live.all()
    assert volume.order(Region([(1, 3), (2, 4)])).tolist() == [[7, 8], [12, 13]]
    assert volume.headers(Region([(1, 3), (2, 4)])).shape == (2, 2)


@pytest.mark.parametrize(
    ("fmt", "scale", "offset", "dtype", "values"),
    [
        ("U8", 1.0, -128.0, "int8", [-128, -127, 0, 126, 127]),
        ("U8", 1.0, 0.0, "uint8", [0, 1, 128, 254, 255]),
        ("U8", 0.5, -3.0, "float32", [-3.0, -2.5, 61.0, 124.0, 124.5]),
        ("U16", 1.0, -32768.0, "int16", [-32768, -32767, -32640, -32514, -32513]),
        ("U16", 2.0, 0.0, "float32", [0, 2, 256, 508, 510]),
    ],
)
def test_integer_scale_and_offset(tmp_path, vds, open_vds, fmt, scale, offset, dtype, values):
    data = np.array([[0, 1, 128, 254, 255]])
    volume = open_vds(write(vds, tmp_path / "a.vds", data, fmt, group=(0, 1), integerScale=scale, integerOffset=offset))
    got = volume.samples(volume.schema.region)
    assert volume.schema.dtype == got.dtype == dtype
    assert got.tolist() == [values]


@pytest.mark.parametrize(
    ("fmt", "channel", "code", "expected"),
    [
        ("R32", {}, constant(2.5), 2.5),
        ("R64", {}, constant(-0.25), -0.25),
        ("U32", {}, constant(7.0), 7),
        ("U32", {}, constant(-7.0), 0),
        ("U16", {"integerScale": 2.0, "integerOffset": 10.0}, constant(20.0), 20.0),
        ("U8", {"useNoValue": True, "noValue": -1.0}, constant(255.0), 254),
        ("1Bit", {}, constant(1.0), 1),
        ("R32", {}, (0, b""), 0),
        ("R32", {"useNoValue": True, "noValue": -999.25}, (2**64 - 1, b""), -999.25),
        ("U8", {"useNoValue": True, "noValue": 0.0}, (2**64 - 1, b""), 255),
        ("U8", {"useNoValue": True, "noValue": -9.0, "integerScale": 0.5}, (2**64 - 1, b""), -9.0),
        ("U32", {"useNoValue": True, "noValue": -999.25}, (2**64 - 1, b""), 0),
    ],
)
def test_chunks_without_payload(tmp_path, vds, open_vds, fmt, channel, code, expected):
    layout = vds.layout_json((3, 4), [vds.channel(fmt=fmt, **channel)])
    volume = open_vds(vds.Writer(layout).layer("Dimensions_01LOD0", "RLE", [code]).container(tmp_path / "a.vds"))
    got = volume.samples(volume.schema.region)
    assert got.shape == (3, 4)
    assert (got == expected).all()


@pytest.fixture
def survey(vds):
    """Describe a 3-D survey with holes, headers and margins; return writer, samples, mask and headers."""
    shape = (40, 37, 35)
    live = RNG.integers(0, 4, shape[:2]) > 0
    data = cube(shape)  # the dead traces hold something on purpose
    headers = RNG.integers(0, 256, (*shape[:2], 240)).astype("u1")
    channels = [
        vds.channel(),
        vds.channel("Trace", "U8", channelMapping="PerTrace", mappedValues=1),
        vds.channel("SEGYTraceHeader", "U8", channelMapping="PerTrace", mappedValues=240),
    ]
    layout = vds.layout_json(shape, channels, margins=(2, 2))
    writer = vds.Writer(layout)
    writer.layer("Dimensions_012LOD0", "Zip", vds.cut(data, 32, (2, 2), (0, 1, 2), "R32", "Zip"))
    # Per-trace chunks use the edges of the primary channel: (32 - 4), not those of a two-dimensional group.
    chunks = [
        vds.payload(part, "U8", "RLE") for part in (live[:32, :32], live[:32, 28:], live[28:, :32], live[28:, 28:])
    ]
    writer.layer("TraceDimensions_012LOD0", "RLE", list(enumerate(chunks, 1)))
    chunks = [
        vds.payload(part, "U8", "Zip")
        for part in (headers[:32, :32], headers[:32, 28:], headers[28:, :32], headers[28:, 28:])
    ]
    writer.layer("SEGYTraceHeaderDimensions_012LOD0", "Zip", list(enumerate(chunks, 1)))
    return writer, data, live, headers


@pytest.mark.parametrize("kind", ["container", "objects"])
def test_a_survey_with_holes(tmp_path, open_vds, survey, kind):
    writer, data, live, headers = survey
    volume = open_vds(getattr(writer, kind)(tmp_path / "a.vds"))
    schema = volume.schema
    data = np.where(live[..., None], data, 0)
    headers = np.where(live[..., None], headers, 0)
    assert schema.headers.itemsize == 240
    assert schema.metadata.trace_count == -1
    block = volume.read(schema.region)
    np.testing.assert_array_equal(block.live, live)
    np.testing.assert_array_equal(block.samples, data)
    assert block.headers.shape == live.shape
    assert block.headers.tobytes() == headers.tobytes()
    order = np.where(live, np.cumsum(live).reshape(live.shape) - 1, -1)
    np.testing.assert_array_equal(volume.order(schema.region.spatial), order)
    inner = Region([(20, 35), (25, 37), (3, 9)])
    np.testing.assert_array_equal(volume.samples(inner), data[inner.slices])
    np.testing.assert_array_equal(volume.live(inner.spatial), live[20:35, 25:37])
    assert volume.headers(inner.spatial).tobytes() == headers[20:35, 25:37].tobytes()
    np.testing.assert_array_equal(volume.order(inner.spatial), order[20:35, 25:37])
    assert volume.inspect()["storage"]["layout"] == kind
    assert [row["fits_layout"] for row in volume.inspect()["layers"]] == [True] * 3


def test_byte_order_of_headers_follows_the_metadata(tmp_path, open_vds, survey):
    writer, *_ = survey
    big = open_vds(writer.container(tmp_path / "big.vds"))
    assert big.schema.headers.field("189").dtype == ">i4"
    writer.layout["metadata"] = [{"category": "SEGY", "name": "Endianness", "type": "Int", "value": 1}]
    little = open_vds(writer.container(tmp_path / "little.vds"))
    assert little.schema.headers.field("inline").dtype == "<i4"


def test_threads_agree(tmp_path, open_vds, survey):
    writer, data, live, _ = survey
    volume = open_vds(writer.container(tmp_path / "a.vds"))
    results = {}

    def run(i):
        region = Region([(i, i + 20), (0, 37), (0, 35)])
        results[i] = volume.read(region).samples

    threads = [threading.Thread(target=run, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(12):
        np.testing.assert_array_equal(results[i], np.where(live[..., None], data, 0)[i : i + 20])


def test_wavelet_layers_show_their_layout_and_refuse_what_is_no_stream(tmp_path, vds, open_vds):
    layout = vds.layout_json((3, 4, 5), [vds.channel()])
    for kind in ("container", "objects"):
        writer = vds.Writer(layout).layer("Dimensions_012LOD0", "Wavelet", [(5, b"x" * 50)])
        volume = open_vds(getattr(writer, kind)(tmp_path / kind))
        assert volume.schema.shape == (3, 4, 5)
        (layer,) = volume.inspect()["layers"]
        assert (layer["compression"], layer["tolerance"], layer["stored_bytes"]) == ("Wavelet", 0.5, 50)
        pytest.importorskip("numba")
        with pytest.raises(VdsError, match=r"Dimensions_012LOD0.*version 2021161080 are not known"):
            volume.samples(volume.schema.region)


def test_channels_are_chosen_by_name(tmp_path, vds, open_vds):
    first, second = cube((3, 4, 5)), cube((3, 4, 5), "U8")
    layout = vds.layout_json(first.shape, [vds.channel(), vds.channel("Phase", "U8")])
    writer = vds.Writer(layout)
    writer.layer("Dimensions_012LOD0", "Zip", vds.cut(first, 32, (0, 0), (0, 1, 2), "R32", "Zip"))
    writer.layer("PhaseDimensions_012LOD0", "None", vds.cut(second, 32, (0, 0), (0, 1, 2), "U8", "None"))
    path = writer.container(tmp_path / "a.vds")
    whole = Region.whole(first.shape)
    np.testing.assert_array_equal(open_vds(path).samples(whole), first)
    np.testing.assert_array_equal(open_vds(path, channel="Phase").samples(whole), second)
    with pytest.raises(VdsError, match=r"'Phse'.*Amplitude, Phase"):
        open_vds(path, channel="Phse")


def test_a_layer_with_another_number_of_chunks_is_refused(tmp_path, vds, open_vds):
    layout = vds.layout_json((3, 4, 5), [vds.channel()])
    volume = open_vds(
        vds.Writer(layout).layer("Dimensions_012LOD0", "Zip", [(0, b"")] * 2).container(tmp_path / "a.vds")
    )
    assert volume.inspect()["layers"][0]["fits_layout"] is False
    with pytest.raises(VdsError, match="2 chunks stored where the layout has 1"):
        volume.samples(volume.schema.region)


def test_several_components_are_refused_when_read(tmp_path, vds, open_vds):
    layout = vds.layout_json((3, 4, 5), [vds.channel(components="Components_2")])
    volume = open_vds(vds.Writer(layout).layer("Dimensions_012LOD0", "Zip", [(7, b"x")]).container(tmp_path / "a.vds"))
    assert volume.inspect()["channels"][0]["components"] == 2
    with pytest.raises(VdsError, match="2 components"):
        volume.samples(volume.schema.region)


def test_another_process_opens_it_again(tmp_path, vds):
    data = cube((3, 4, 5))
    path = write(vds, tmp_path / "a.vds", data)
    volume = open_volume(path, {"channel": "Amplitude"}, Stores())
    again = pickle.loads(pickle.dumps(volume))
    volume.close()
    np.testing.assert_array_equal(again.samples(again.schema.region), data)
    again.close()


def test_nothing_there(tmp_path, open_vds):
    with pytest.raises(MDIONotFoundError):
        open_vds(tmp_path / "none.vds")


def test_closing_twice(tmp_path, vds, open_vds):
    volume = open_vds(write(vds, tmp_path / "a.vds", cube((3, 4, 5))))
    volume.close()
    volume.close()
