"""24 KB that decode to hundreds of megabytes, and metadata made to harm: refused before memory is taken.

Memory is measured in a process of its own, from the status that Linux keeps of it.
"""

import bz2
import gzip
import json
import lzma
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numcodecs
import numpy as np
import pytest

from mdio.convert import create
from mdio.convert import open as open_volume
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation
from mdio.exceptions import MDIOError
from mdio.flow import engine
from mdio.native.sealing import CHECK
from mdio.testing import synthetic

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured as Linux tells it")
SIDE = (64, 64, 256)
CHUNK = 4 * 64 * 64 * 256
"""Decoded bytes of a chunk: 4 MiB."""
BOMB = 256 << 20

READ = """
import sys
from mdio.convert import open
from mdio.exceptions import MDIOError

def peak():
    return int(next(l for l in __import__("pathlib").Path("/proc/self/status").read_text().splitlines()
                    if l.startswith("VmHWM")).split()[1]) << 10

good, bad = open(sys.argv[1]), open(sys.argv[2])
good.samples(good.schema.region)
before = peak()
try:
    bad.samples(bad.schema.region)
except MDIOError as error:
    print(peak() - before, type(error).__name__, error)
"""


def zstd_streaming(size):
    import zstandard

    bomb = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join(bomb.compress(bytes(1 << 20)) for _ in range(size >> 20)) + bomb.flush()


def deflated(size, wbits):
    bomb = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(bomb.compress(bytes(1 << 20)) for _ in range(size >> 20)) + bomb.flush()


def blosc(size):
    return bytes(numcodecs.Blosc("zstd", 9).encode(np.zeros(size, "u1")))


STREAMS = {
    "zstd": ({"id": "zstd", "level": 1}, lambda: bytes(numcodecs.Zstd(1).encode(np.zeros(BOMB, "u1")))),
    "zstd without a size": ({"id": "zstd", "level": 1}, lambda: zstd_streaming(BOMB)),
    "zlib": ({"id": "zlib", "level": 1}, lambda: deflated(BOMB // 8, 15)),
    "gzip": ({"id": "gzip", "level": 1}, lambda: deflated(BOMB // 8, 31)),
    "gzip in members": ({"id": "gzip", "level": 1}, lambda: gzip.compress(bytes(1 << 20)) * 30),
    "bz2": ({"id": "bz2", "level": 1}, lambda: bz2.compress(bytes(BOMB))),
    "lzma": (
        {"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None},
        lambda: lzma.compress(bytes(BOMB // 4)),
    ),
    "lz4": ({"id": "lz4", "acceleration": 1}, lambda: struct.pack("<I", 1 << 30) + bytes(24000)),
    "blosc": ({"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 1, "blocksize": 0}, lambda: blosc(BOMB)),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Two layouts without compression, by name."""
    folder = tmp_path_factory.mktemp("plain")
    for name, options in (("v0", {}), ("v1", {"layout": "v1"})):
        source = synthetic.volume(SIDE, headers=standard_layout())
        options = {**options, "chunks": SIDE, "codec": {"name": "none"}}
        sink = create(folder / f"{name}.mdio", source, options=options, creation=Creation())
        engine.run(source, sink)
        sink.close()
    return folder


def grown(good, bad):
    done = subprocess.run([sys.executable, "-c", READ, str(good), str(bad)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout, "the bomb was read as a chunk"
    growth, kind, _ = done.stdout.split(" ", 2)
    assert kind in ("CodecError", "IntegrityError", "VdsError", "FormatError"), done.stdout
    return int(growth)


def copied(source, target):
    import shutil

    shutil.copytree(source, target)
    return target


def spell(path, compressor=None, filters=None, codecs=None):
    """Say in the metadata how chunks of samples are stored; nothing says that they are checked."""
    if codecs is None:
        known = json.loads((path / ".zmetadata").read_text())
        known.pop(CHECK)
        known["metadata"]["data/chunked_012/.zarray"] |= {"compressor": compressor, "filters": filters}
        (path / ".zmetadata").write_text(json.dumps(known))
        return path / "data" / "chunked_012" / "0" / "0" / "0"
    document = path / "amplitude" / "zarr.json"
    known = json.loads(document.read_text())
    known["attributes"].pop(CHECK)
    known["codecs"] = [known["codecs"][0], *codecs]
    document.write_text(json.dumps(known))
    return path / "amplitude" / "c" / "0" / "0" / "0"


@linux
@pytest.mark.parametrize("name", STREAMS)
def test_a_bomb_in_v0(name, plain, tmp_path):
    compressor, stream = STREAMS[name]
    bad = copied(plain / "v0.mdio", tmp_path / "bad.mdio")
    spell(bad, compressor).write_bytes(stream())
    assert grown(plain / "v0.mdio", bad) < 2 * CHUNK


@linux
@pytest.mark.parametrize("inner", ["zlib", "zstd"])
def test_a_bomb_in_a_bomb(inner, plain, tmp_path):
    compressor, stream = STREAMS[inner]
    bad = copied(plain / "v0.mdio", tmp_path / "bad.mdio")
    outer = numcodecs.Zstd(9).encode(stream())
    spell(bad, {"id": "zstd", "level": 1}, [compressor]).write_bytes(outer)
    assert grown(plain / "v0.mdio", bad) < 2 * CHUNK


V1 = {
    "zstd": [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}],
    "zstd without a size": [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}],
    "gzip": [{"name": "gzip", "configuration": {"level": 1}}],
    "blosc": [
        {
            "name": "blosc",
            "configuration": {"cname": "zstd", "clevel": 1, "shuffle": "shuffle", "typesize": 4, "blocksize": 0},
        }
    ],
}


@linux
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("name", V1)
def test_a_bomb_in_v1(name, twice, plain, tmp_path):
    bad = copied(plain / "v1.mdio", tmp_path / "bad.mdio")
    data, codecs = STREAMS[name][1](), V1[name]
    if twice:
        data, codecs = gzip.compress(data), [*codecs, *V1["gzip"]]
    spell(bad, codecs=codecs).write_bytes(data)
    assert grown(plain / "v1.mdio", bad) < 2 * CHUNK


@linux
@pytest.mark.parametrize("compression", ["zip", "rle", "wavelet"])
def test_a_bomb_in_a_vds(compression, tmp_path):
    source = synthetic.volume((64, 64, 256), headers=standard_layout())
    options = {"layout": "objects", "brick_size": 64, "lods": 0, "compression": compression}
    sink = create(tmp_path / "good", source, format="vds", options=options, creation=Creation())
    engine.run(source, sink)
    sink.close()
    bad = copied(tmp_path / "good", tmp_path / "bad")
    for chunk in (bad / "Dimensions_012LOD0").glob("[0-9]*"):
        head = bytes(chunk.read_bytes()[:20])
        if compression == "zip":
            chunk.write_bytes(deflated(BOMB // 8, 15))
        elif compression == "rle":  # runs without end behind the true header
            chunk.write_bytes(head + b"\xff" * 24000)
        else:  # sizes of the stream that are too large in every field
            chunk.write_bytes(head[:4] + struct.pack("<4I", *[0x3FFFFFFF] * 4) + bytes(24000))
    for page in (bad / "Dimensions_012LOD0" / "ChunkMetadata").glob("*"):
        rows = bytearray(page.read_bytes())
        width = 28 if compression == "wavelet" else 8
        for at in range(width - 8 - 16 * (width == 28), len(rows), width):
            rows[at + 4 : at + 8] = b"abcd"  # a hash of somebody else's
        page.write_bytes(rows)
    assert grown(tmp_path / "good", bad) < 2 * CHUNK


@pytest.mark.parametrize("name", [name for name in STREAMS if not name.startswith(("lz4", "gzip in"))])
def test_honest_data_are_read(name, plain, tmp_path):
    """What stands in a bomb's place decodes as the stock codec has it."""
    compressor, _ = STREAMS[name]
    good = copied(plain / "v0.mdio", tmp_path / "good.mdio")
    raw = (good / "data" / "chunked_012" / "0" / "0" / "0").read_bytes()
    if name == "zstd without a size":
        import zstandard

        stream = zstandard.ZstdCompressor().compressobj()
        data = stream.compress(raw) + stream.flush()
    else:
        data = numcodecs.get_codec(compressor).encode(np.frombuffer(raw, "<f4"))
    spell(good, compressor).write_bytes(data)
    volume = open_volume(good)
    expected = open_volume(plain / "v0.mdio")
    assert np.array_equal(volume.samples(volume.schema.region), expected.samples(expected.schema.region))


# -- metadata made to harm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["pickle", "json2", "msgpack2", "vlen-utf8", "categorize"])
@pytest.mark.parametrize("place", ["compressor", "filter"])
def test_codecs_of_objects_are_refused(id, place, plain, tmp_path, monkeypatch):
    bad = copied(plain / "v0.mdio", tmp_path / "bad.mdio")
    config = {"id": id, "protocol": 5} if id == "pickle" else {"id": id}
    chunk = spell(bad, config) if place == "compressor" else spell(bad, None, [config])
    chunk.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "harmed").encode() + b"'\ntR.")
    with pytest.raises(MDIOError, match="Python objects"):
        open_volume(bad)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("id", ["numcodecs.pickle", "vlen-utf8", "numcodecs.json2"])
def test_codecs_of_objects_are_refused_in_v1(id, plain, tmp_path):
    bad = copied(plain / "v1.mdio", tmp_path / "bad.mdio")
    spell(bad, codecs=[{"name": id, "configuration": {}}])
    with pytest.raises(MDIOError):
        open_volume(bad)


@pytest.mark.parametrize("dtype", ["|O", "O", [["a", "|O"]], "<U99999999999", "nonsense", None, 7])
def test_types_that_no_array_of_numbers_has(dtype, plain, tmp_path):
    bad = copied(plain / "v0.mdio", tmp_path / "bad.mdio")
    known = json.loads((bad / ".zmetadata").read_text())
    known["metadata"]["data/chunked_012/.zarray"]["dtype"] = dtype
    (bad / ".zmetadata").write_text(json.dumps(known))
    with pytest.raises(MDIOError):
        open_volume(bad)


SIZES = {
    "shape": [[2**40, 2**40, 2**40], [-1, 64, 256], [64, 64], "abc", [1.5, 64, 256], None],
    "chunks": [[2**40, 2**40, 2**40], [0, 64, 256], [-1, 64, 256], [64], None],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in SIZES.items() for value in values])
def test_sizes_that_lie(key, value, plain, tmp_path):
    bad = copied(plain / "v0.mdio", tmp_path / "bad.mdio")
    known = json.loads((bad / ".zmetadata").read_text())
    known["metadata"]["data/chunked_012/.zarray"][key] = value
    (bad / ".zmetadata").write_text(json.dumps(known))
    with pytest.raises(MDIOError):
        volume = open_volume(bad)
        volume.samples(volume.schema.region)


@pytest.mark.parametrize("blob", ["../../secret", "/etc/passwd", "..", "a/../../b"])
@pytest.mark.parametrize("layout", ["v0", "v1"])
def test_names_that_lead_elsewhere(blob, layout, plain, tmp_path):
    bad = copied(plain / f"{layout}.mdio", tmp_path / "bad.mdio")
    path = bad / (".zmetadata" if layout == "v0" else "source/zarr.json")
    known = json.loads(path.read_text())
    group = known["metadata"]["source/.zattrs"] if layout == "v0" else known["attributes"]
    group |= {"format": "segy", "blobs": {blob: 10}}
    (known if layout == "v0" else group).pop(CHECK)
    if layout == "v0":
        array = {**known["metadata"]["metadata/live_mask/.zarray"], "shape": [10], "chunks": [10], "dtype": "|u1"}
        known["metadata"][f"source/{blob}/.zarray"] = {**array, "compressor": None}
    path.write_text(json.dumps(known))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "0").write_bytes(b"0123456789")
    with pytest.raises(MDIOError):
        open_volume(bad)


def test_nesting_without_end(plain, tmp_path):
    for layout, key in (("v0", ".zmetadata"), ("v1", "zarr.json"), ("v1", "source/zarr.json")):
        bad = copied(plain / f"{layout}.mdio", tmp_path / f"{layout}{key.replace('/', '')}.mdio")
        (bad / key).write_text("[" * 200000)
        with pytest.raises(MDIOError):
            open_volume(bad)
