"""VDSs as objects in an emulator of S3 on this machine: ``mdio convert`` writes them, the wheel and we read them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("moto")
pytest.importorskip("s3fs")
pytest.importorskip("flask")
sys.path.insert(0, str(Path(__file__).with_name("matrix")))

from segy_bytes import grid, segy
from servers import s3_server
from vds_cases import Channel, Job
from vds_ours import read
from vds_wheel import Wheel, WheelError, connection, filesystem, storage_options

import mdio
from mdio.convert import Stores, convert
from mdio.exceptions import IncompleteDatasetError, MDIOAlreadyExistsError

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of the clients' event loop


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as url:
        filesystem(url).call_s3("create_bucket", Bucket="bucket")
        yield url


@pytest.fixture
def options(endpoint):
    return storage_options(endpoint)


@pytest.fixture
def objects(endpoint):
    """The bucket, empty at the end."""
    found = filesystem(endpoint)
    yield found
    for key in found.ls("bucket"):
        found.rm(key, recursive=True)


@pytest.fixture
def wheel():
    asked = Wheel(PEER)
    yield asked
    asked.close()


def source(path, seed=1, lines=12):
    """Write a SEG-Y file with IEEE floats."""
    inlines, crosslines = grid(lines, 40)
    samples = np.random.default_rng(seed).normal(0, 100, (len(inlines), 50)).astype("f4")
    path.write_bytes(segy({189: inlines, 193: crosslines}, samples, 5))
    return path


def mdio_convert(*arguments, **more):
    command = [sys.executable, "-m", "mdio", "convert", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def said(endpoint):
    """Return storage options as the command takes them."""
    options = storage_options(endpoint)
    del options["skip_instance_cache"]
    return json.dumps(options)


def job_of(volume, storage="s3"):
    """Return what the wheel has to know of a VDS to read all of its layers."""
    layout = volume.layout
    channels = tuple(
        Channel(c.name, c.format.label, c.components, c.mapping.name, c.mapped_values, renderable=c.renderable)
        for c in layout.channels
    )
    return Job("", storage, layout.shape, channels, lods=layout.layout.lod_levels)


def the_wheel_reads(wheel, url, connect, volume, folder):
    """Return ``{(channel, lod): bytes}``."""
    job = job_of(volume)
    parts = wheel.ask(job.task(do="read", url=url, connection=connect, out=str(folder / "pages")))["parts"]
    raw, at, found = (folder / "pages").read_bytes(), 0, {}
    for number, lod, _, size in parts:
        found[number, lod] = raw[at : at + size]
        at += size
    return found


def test_convert_reads_back_and_exports(tmp_path, endpoint, options, objects):
    path = source(tmp_path / "x.sgy")
    done = mdio_convert(path, "s3://bucket/x", "--to", "vds", "-o", "layout=objects", "-o", "brick_size=32",
                        "--storage-options", said(endpoint))  # fmt: skip
    _, errors = done.communicate()
    assert done.returncode == 0, errors
    assert "testing" not in errors  # no secret
    keys = [key.removeprefix("bucket/x/") for key in objects.find("bucket/x")]
    assert {"VolumeDataLayout", "LayerStatus", "Dimensions_012LOD0/0", "Dimensions_012LOD0/ChunkMetadata/0"} <= set(
        keys
    )
    assert not [key for key in keys if key.startswith(".")]
    volume = mdio.open("s3://bucket/x", storage_options=options)
    reference = mdio.open(path)
    assert volume.schema.shape == (12, 40, 50)
    np.testing.assert_array_equal(volume.samples(volume.schema.region), reference.samples(reference.schema.region))
    volume.close()
    reference.close()
    convert("s3://bucket/x", tmp_path / "back.sgy", storage_options=options)
    assert (tmp_path / "back.sgy").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("compression", ["none", "zip", "rle"])
@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_the_wheel_reads_every_voxel(tmp_path, endpoint, options, objects, wheel, compression):
    path = source(tmp_path / "x.sgy")
    settings = {"layout": "objects", "brick_size": 32, "margin": 2, "lods": 2, "compression": compression}
    convert(path, "s3://bucket/x", target_format="vds", target_options=settings, storage_options=options)
    volume = mdio.open("s3://bucket/x", storage_options=options)
    pages = the_wheel_reads(wheel, "s3://bucket/x", connection(endpoint), volume, tmp_path)
    ours = read(job_of(volume), Stores(options).open("s3://bucket/x"))
    names = {volume.layout.channels[number].name for number, _ in pages}
    assert {"Amplitude", "Trace", "SEGYTraceHeader"} <= names
    assert {lod for _, lod in pages} == {0, 1, 2}
    assert {key: part.tobytes() for key, part in ours.items()} == pages
    volume.close()


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_an_existing_one_is_replaced_only_when_asked(tmp_path, endpoint, options, objects, wheel):
    first, second = source(tmp_path / "a.sgy"), source(tmp_path / "b.sgy", seed=2, lines=3)
    settings = {"target_format": "vds", "storage_options": options}
    convert(first, "s3://bucket/x", target_options={"layout": "objects", "brick_size": 32}, **settings)
    with pytest.raises(MDIOAlreadyExistsError):
        convert(second, "s3://bucket/x", target_options={"layout": "objects"}, **settings)
    convert(second, "s3://bucket/x", target_options={"layout": "objects"}, overwrite=True, **settings)
    volume, reference = mdio.open("s3://bucket/x", storage_options=options), mdio.open(second)
    assert volume.schema.shape == (3, 40, 50)
    np.testing.assert_array_equal(volume.samples(volume.schema.region), reference.samples(reference.schema.region))
    pages = the_wheel_reads(wheel, "s3://bucket/x", connection(endpoint), volume, tmp_path)
    assert pages[0, 0] == volume.samples(volume.schema.region).tobytes()  # one brick
    listed = json.loads(objects.cat_file("bucket/x/LayerStatus"))
    chunks = {f"bucket/x/{layer['layerName']}/{i}" for layer in listed for i in range(layer["chunkCount"])}
    left = {key for key in objects.find("bucket/x") if "/ChunkMetadata/" not in key and key.count("/") > 2}
    assert left <= chunks  # nothing of the larger one before
    volume.close()
    reference.close()


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_killed_run_leaves_nothing_that_opens_and_is_resumed(tmp_path, endpoint, options, objects, wheel, overwrite):
    path = source(tmp_path / "x.sgy", lines=120)
    if overwrite:
        small = source(tmp_path / "small.sgy", seed=3)
        convert(small, "s3://bucket/x", target_format="vds", target_options={"layout": "objects"},
                storage_options=options)  # fmt: skip
    command = [path, "s3://bucket/x", "--to", "vds", "-o", "layout=objects", "-o", "brick_size=32", "-o", "lods=2",
               "--workers", "1", "--storage-options", said(endpoint)]  # fmt: skip
    run = mdio_convert(*command, *(["--overwrite"] if overwrite else []))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and run.poll() is None:
        objects.invalidate_cache()
        keys = objects.find("bucket/x")
        begun = not overwrite or "bucket/x/VolumeDataLayout" not in keys
        if begun and len([key for key in keys if "LOD0/" in key]) >= 2:
            break
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert run.returncode == -signal.SIGKILL, "it ended before it was killed"
    objects.invalidate_cache()
    assert "bucket/x/VolumeDataLayout" not in objects.find("bucket/x")
    with pytest.raises(IncompleteDatasetError):
        mdio.open("s3://bucket/x", storage_options=options)
    task = Job("", "s3", (1, 1, 1), (Channel("A", "R32"),), lods=0).task(do="read", out=str(tmp_path / "pages"))
    with pytest.raises(WheelError):
        wheel.ask(task | {"url": "s3://bucket/x", "connection": connection(endpoint)})
    done = mdio_convert(*command, "--resume")
    _, errors = done.communicate()
    assert done.returncode == 0, errors
    volume, reference = mdio.open("s3://bucket/x", storage_options=options), mdio.open(path)
    np.testing.assert_array_equal(volume.samples(volume.schema.region), reference.samples(reference.schema.region))
    pages = the_wheel_reads(wheel, "s3://bucket/x", connection(endpoint), volume, tmp_path)
    ours = read(job_of(volume), Stores(options).open("s3://bucket/x"))
    assert {key: part.tobytes() for key, part in ours.items()} == pages
    volume.close()
    reference.close()
