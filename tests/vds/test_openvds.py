"""VDS files by the official wheel, read by us: layout, chunk counts and samples must be what the wheel says."""

import functools
import http.server
import json
import os
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from mdio.core.region import Region
from mdio_vds.partition import channel_partition

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
pytestmark = [pytest.mark.interop, pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")]

AXES = [
    [70, "Sample", "ms", 0, 276],
    [41, "Crossline", "unitless", 20, 60],
    [45, "Inline", "unitless", 1, 89],
    [3, "Offset", "m", 100, 300],
]
CASES = [
    {"format": "R32", "method": "None", "brick": 32, "margins": [0, 0], "lods": 0},
    {"format": "R32", "method": "Zip", "brick": 32, "margins": [2, 2], "lods": 2},
    {"format": "R32", "method": "RLE", "brick": 64, "margins": [4, 4], "lods": 1},
    {"format": "U8", "method": "RLE", "brick": 32, "margins": [3, 2], "lods": 0},
    {"format": "U16", "method": "Zip", "brick": 128, "margins": [0, 0], "lods": 3},
    {"format": "U32", "method": "RLE", "brick": 32, "margins": [0, 4], "lods": 0},
    {"format": "R64", "method": "None", "brick": 32, "margins": [4, 0], "lods": 0},
    {"format": "U64", "method": "RLE", "brick": 64, "margins": [0, 0], "lods": 0},
    {"format": "R32", "method": "Zip", "brick": 32, "margins": [2, 2], "lods": 0, "dims": 2, "group": "Dimensions_01"},
    {"format": "R32", "method": "RLE", "brick": 32, "margins": [2, 2], "lods": 1, "dims": 4},
    {"format": "R32", "method": "Zip", "brick": 32, "margins": [0, 0], "lods": 0, "dims": 4, "group": "Dimensions_023"},
    {"format": "U16", "method": "Zip", "brick": 32, "margins": [0, 0], "lods": 0, "offset": -32768.0},
    {"format": "U8", "method": "Zip", "brick": 32, "margins": [0, 0], "lods": 0, "scale": 0.5, "offset": -3.0},
]


def number(case):
    return "-".join(str(part) for part in (case["format"], case["method"], *case["margins"], case.get("dims", 3)))


@pytest.mark.parametrize("case", CASES, ids=number)
def test_layout_chunk_counts_and_samples_are_those_of_the_wheel(tmp_path, open_vds, case):
    axes = AXES[: case.get("dims", 3)]
    case = {
        "scale": 1.0,
        "offset": 0.0,
        "group": "Dimensions_012",
        "seed": 5,
        "path": str(tmp_path / "a.vds"),
        "axes": axes,
    } | case
    subprocess.run([PEER, Path(__file__).with_name("openvds_make.py")], input=json.dumps(case).encode(), check=True)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["written equals read"]
    samples = np.load(tmp_path / "samples.npy")

    volume = open_vds(case["path"])
    layout = volume.layout
    ours = [[a.samples, a.name, a.unit, a.coordinate_min, a.coordinate_max] for a in layout.axes]
    assert ours == report["axes"]
    channel = layout.channels[0]
    assert [[channel.name, channel.format.name, *channel.value_range]] == report["channels"]
    group = tuple(int(digit) for digit in case["group"].removeprefix("Dimensions_"))
    for lod, count in report["chunks"].items():
        assert channel_partition(layout, channel, group, int(lod)).total == count
    inspected = volume.inspect()
    stored = [row for row in inspected["layers"] if row["lod"] == 0]
    assert [(row["chunks"], row["compression"], row["fits_layout"]) for row in stored] == [
        (report["chunks"]["0"], report["method"], True)
    ]
    assert {(row["category"], row["name"]): row["value"] for row in inspected["metadata"]} == {
        ("SurveyCoordinateSystem", "Origin"): [1.5, -2.25],
        ("Test", "Name"): "käse",
        ("Test", "Blob"): "3 bytes",
        ("Test", "Int"): -5,
    }
    assert layout.value("Test", "Blob") == b"\x00\x01\xfe"

    got = volume.samples(volume.schema.region)
    expected = samples
    if case["scale"] != 1 or case["offset"]:
        expected = (samples * case["scale"] + case["offset"]).astype(got.dtype)
    np.testing.assert_array_equal(got, expected)
    inner = Region([(length // 3, 2 * length // 3 + 1) for length in got.shape])
    np.testing.assert_array_equal(volume.samples(inner), got[inner.slices])


def segy(path, lines, code, samples=37):
    """Write a big-endian SEG-Y with IEEE floats (5) or 16-bit integers (3) and one hole; return headers and samples."""
    rng = np.random.default_rng(3)
    binary = bytearray(400)
    struct.pack_into(">h", binary, 16, 4000)
    struct.pack_into(">h", binary, 20, samples)
    struct.pack_into(">h", binary, 24, code)
    struct.pack_into(">h", binary, 300, 0x100)
    struct.pack_into(">h", binary, 302, 1)
    traces = {}
    out = bytearray(("C 1 OWN DATA".ljust(80) * 40).encode("cp037")) + binary
    for inline, crossline in lines:
        head = bytearray(rng.integers(0, 256, 240, dtype=np.uint8).tobytes())
        struct.pack_into(">h", head, 28, 1)
        struct.pack_into(">h", head, 70, 1)
        struct.pack_into(">h", head, 114, samples)
        struct.pack_into(">h", head, 116, 4000)
        struct.pack_into(">h", head, 108, 0)
        struct.pack_into(">4i", head, 180, 1000 + 25 * crossline, 2000 + 25 * inline, inline, crossline)
        values = rng.normal(0, 100, samples).astype(">f4" if code == 5 else ">i2")
        traces[inline, crossline] = (bytes(head), values)
        out += head + values.tobytes()
    Path(path).write_bytes(out)
    return traces


@pytest.mark.parametrize("code", [5, 3])
def test_an_imported_segy_gives_back_headers_mask_order_and_samples(tmp_path, open_vds, code):
    lines = [(i, x) for i in range(10, 50) for x in range(5, 42) if (i, x) not in {(12, 9), (30, 41), (49, 5)}]
    traces = segy(tmp_path / "a.sgy", lines, code)
    tool = Path(PEER).with_name("SEGYImport")
    command = [tool, "--vdsfile", tmp_path / "a.vds", "--brick-size", "32", "--margin", "2", "--ignore-warnings"]
    command += ["--compression-method", "Zip", "-p", "InlineNumber", "-s", "CrosslineNumber", tmp_path / "a.sgy"]
    subprocess.run(command, check=True, capture_output=True)
    volume = open_vds(tmp_path / "a.vds")
    schema = volume.schema
    assert schema.names == ("inline", "crossline", "sample")
    assert schema.shape == (40, 37, 37)
    assert schema.dtype == ("float32" if code == 5 else "int16")
    assert schema.metadata.text[0].strip() == "C 1 OWN DATA"
    block = volume.read(schema.region)
    order = volume.order(schema.region.spatial)
    dead = {(12, 9), (30, 41), (49, 5)}
    for i, inline in enumerate(schema.dims[0].coords):
        for x, crossline in enumerate(schema.dims[1].coords):
            if (inline, crossline) in dead:
                assert not block.live[i, x]
                assert order[i, x] == -1
                assert not block.samples[i, x].any()
                assert block.headers[i, x].tobytes() == bytes(240)
                continue
            head, values = traces[inline, crossline]
            assert block.live[i, x]
            assert order[i, x] == lines.index((inline, crossline))
            assert block.headers[i, x].tobytes() == head
            np.testing.assert_array_equal(block.samples[i, x], values)
    assert schema.headers.values(block.headers, "inline")[5, 5] == 15


READ = """
import json, sys
import numpy as np, openvds
vds = openvds.open(sys.argv[1], "")
layout = openvds.getLayout(vds)
size = [layout.getDimensionNumSamples(d) for d in range(3)]
request = openvds.getAccessManager(vds).requestVolumeSubset((0,) * 6, (*size, 1, 1, 1))
np.save(sys.argv[2], np.asarray(request.data).reshape(size[::-1]))
"""


@pytest.mark.parametrize("method", ["None", "Zip", "RLE"])
@pytest.mark.parametrize("kind", ["container", "objects"])
def test_the_wheel_reads_what_the_writer_of_these_tests_writes(tmp_path, vds, serve, kind, method):
    data = np.random.default_rng(1).normal(size=(34, 40, 70)).astype("f4")
    writer = vds.Writer(vds.layout_json(data.shape, [vds.channel()], 32, (2, 2)))
    writer.layer("Dimensions_012LOD0", method, vds.cut(data, 32, (2, 2), (0, 1, 2), "R32", method))
    path = getattr(writer, kind)(tmp_path / "a.vds")
    url = serve(tmp_path) + "/a.vds" if kind == "objects" else path
    subprocess.run([PEER, "-c", READ, url, tmp_path / "out.npy"], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), data)


@pytest.fixture
def serve():
    """Serve a directory over HTTP, which is how the wheel reads the object layout."""
    servers = []

    def start(root):
        handler = functools.partial(QuietHandler, directory=root)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass
