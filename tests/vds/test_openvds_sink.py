"""What we write, read by the wheel: every voxel of every level, SEG-Y to the original bytes; and what it imports."""

import functools
import http.server
import json
import os
import subprocess
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import mdio
from mdio.convert import convert, create
from mdio.core.trace_header import standard_layout
from mdio.flow.engine import run
from mdio.testing import synthetic
from mdio_vds.channel import ChannelReader
from mdio_vds.partition import channel_partition

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
DATA = Path(__file__).parents[3] / "shared/data"
pytestmark = [pytest.mark.interop, pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")]

CASES = [
    {"shape": (70, 41, 100)},
    {"shape": (70, 41, 100), "margin": 4, "brick_size": 32, "compression": "rle", "lods": 2},
    {"shape": (40, 70, 40), "layout": "objects", "brick_size": 32},
    {"shape": (40, 70, 40), "layout": "objects", "brick_size": 32, "compression": "none", "margin": (2, 3)},
    {"shape": (300, 270)},
    {"shape": (3, 5, 40, 35), "brick_size": 32},
    {"shape": (2, 3, 2, 3, 4, 9)},
    {"shape": (1, 1, 1)},
    {"shape": (33, 20, 40), "full_resolution_dimension": 0, "brick_size": 32, "lods": 3},
    *({"shape": (33, 20, 40), "dtype": dtype} for dtype in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f8")),
]


@pytest.fixture
def serve(tmp_path):
    """Serve a folder over HTTP, which is how the wheel reads the object layout."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_the_wheel_reads_every_voxel(tmp_path, serve, case):
    case = dict(case)
    shape, dtype = case.pop("shape"), case.pop("dtype", "f4")
    order = np.random.default_rng(1).permutation(int(np.prod(shape[:-1]))).reshape(shape[:-1]).astype(np.int64)
    source = synthetic.volume(shape, dtype, headers=standard_layout(), order=order)
    name = "x.vds" if case.get("layout") != "objects" else "x"
    run(source, create(tmp_path / name, source, format="vds", options=case), workers=2)
    volume = mdio.open(tmp_path / name)
    flat = len(shape) == 2
    lods = volume.layout.layout.lod_levels
    url = str(tmp_path / name) if name == "x.vds" else f"{serve}/{name}"
    command = {"url": url, "lods": lods, "out": str(tmp_path / "out.npz")}
    script = Path(__file__).with_name("openvds_read.py")
    done = subprocess.run([PEER, script], input=json.dumps(command).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-500:]
    report, found = json.loads(done.stdout), np.load(tmp_path / "out.npz")
    samples = source._samples
    kind = np.dtype(dtype)
    if kind.kind == "i" and kind.itemsize <= 2:  # stored from 0, as SEGYImport does
        samples = (samples.astype("i4") + (1 << (8 * kind.itemsize - 1))).astype(f"u{kind.itemsize}")
    if kind == np.int64:
        samples = samples.view("u8")
    assert np.array_equal(found["lod0"].reshape(shape), samples)
    group = (0, 1) if flat else (0, 1, 2)
    for lod in range(1, lods + 1):
        partition = channel_partition(volume.layout, volume.channel, group, lod)
        whole = partition.in_voxels(tuple((0, length) for length in partition.samples))
        ours = ChannelReader(volume._source, volume.layout, volume.channel, group, lod).read(whole)
        if len(shape) <= 3:  # requests also halve the axes outside of the group (section 12.1)
            assert np.array_equal(found[f"lod{lod}"], ours.reshape(-1))
    assert np.array_equal(found["Trace"], np.ones(order.size))
    assert found["SEGYTraceHeader"].tobytes() == source._headers.tobytes()
    assert np.array_equal(found["MDIOTraceNumber"], order.reshape(-1) + 1)
    assert report["axes"][0] == ["Sample", "ms", 0, 4 * (shape[-1] - 1)]
    assert report["range"] == [pytest.approx(float(source._samples.min())), pytest.approx(max(
        float(source._samples.max()), float(source._samples.min()) + 1))]  # fmt: skip
    assert json.loads(report["facts"])["dtype"] == kind.name


EXPORTED = [
    "equinor__segyio__test-data__small.sgy",
    "equinor__segyio__test-data__small-ps.sgy",
    "equinor__segyio__test-data__interval-neg-bin-pos-trace.sgy",
    "equinor__segyio__test-data__f3.sgy",
    "equinor__segyio__test-data__multiformats__Format2msb.sgy",
    "equinor__segyio__test-data__multiformats__Format5lsb.sgy",
    "equinor__segyio__test-data__multiformats__Format8msb.sgy",
    "equinor__segyio__test-data__multiformats__Format11msb.sgy",
    "equinor__seismic-zfp__test_data__small_hole.sgy",
    "equinor__seismic-zfp__test_data__small-irregular.sgy",
    "equinor__xtgeo-testdata__cubes__etc__ex1_missing_traces_75x71x26.segy",
]


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="../shared is absent")
@pytest.mark.parametrize("name", EXPORTED)
def test_the_wheel_exports_our_vds_to_the_original_bytes(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        convert(DATA / name, tmp_path / "x.vds")
    tool = Path(PEER).with_name("SEGYExport")
    command = [tool, "--vdsfile", tmp_path / "x.vds", tmp_path / "back.sgy"]
    subprocess.run(command, capture_output=True, check=True)
    assert (tmp_path / "back.sgy").read_bytes() == (DATA / name).read_bytes()


IMPORTED = {
    "equinor__segyio__test-data__small.sgy": [],
    "equinor__segyio__test-data__small-ps.sgy": ["--prestack"],
    "equinor__segyio__test-data__interval-neg-bin-pos-trace.sgy": ["--2d"],
    "equinor__segyio__test-data__f3.sgy": [],
    "equinor__segyio__test-data__multiformats__Format2msb.sgy": [],
    "equinor__segyio__test-data__multiformats__Format8msb.sgy": [],
    "equinor__segyio__test-data__multiformats__Format11msb.sgy": [],
    "equinor__seismic-zfp__test_data__small_hole.sgy": [],
    "equinor__seismic-zfp__test_data__small-irregular.sgy": [],
    "equinor__seismic-zfp__test_data__small-ieee.sgy": ["--brick-size", "32", "--margin", "4"],
}


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="../shared is absent")
@pytest.mark.parametrize("name", IMPORTED)
def test_a_vds_that_the_wheel_imported_is_exported_to_the_original_bytes(tmp_path, name):
    command = [Path(PEER).with_name("SEGYImport"), "--vdsfile", tmp_path / "x.vds", "--ignore-warnings"]
    command += ["--compression-method", "Zip", *IMPORTED[name], DATA / name]
    subprocess.run(command, capture_output=True, check=True)
    convert(tmp_path / "x.vds", tmp_path / "back.sgy")
    assert (tmp_path / "back.sgy").read_bytes() == (DATA / name).read_bytes()
    convert(tmp_path / "x.vds", tmp_path / "own.vds")
    convert(tmp_path / "own.vds", tmp_path / "again.sgy")
    assert (tmp_path / "again.sgy").read_bytes() == (DATA / name).read_bytes()
