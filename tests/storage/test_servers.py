"""Servers on this machine, one test for each kind of store; skipped by name where a server is not installed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fault_cases import source
from range_server import range_server
from servers import free_port, s3_server, serving

import mdio
from mdio.api.verifying import verify
from mdio.convert import Stores, convert
from mdio.exceptions import MDIOAlreadyExistsError, MDIONotFoundError, StorageError

pytestmark = [
    pytest.mark.usefixtures("clean", "hasty"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of the clients' event loops
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TARGETS = {
    "v0": ("x.mdio", "mdio", {"chunks": (16, 16, 64)}),
    "v1 sharded": ("y.mdio", "mdio", {"chunks": (8, 8, 64), "layout": "v1", "shards": (16, 16, 64)}),
    "vds": ("x.vds", "vds", {"layout": "objects", "brick_size": 64, "lods": 0}),
}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    path = tmp_path_factory.mktemp("servers") / "x.sgy"
    return path, source(path)


def there_and_back(survey, root, options, tmp_path):
    """Import to a store, read and verify there, export from there and to there."""
    path, data = survey
    for name, format, settings in TARGETS.values():
        url = f"{root}/{name}"
        convert(path, url, target_format=format, target_options=settings, storage_options=options)
        with mdio.open(url, storage_options=options) as volume, mdio.open(path) as truth:
            region = volume.schema.region
            assert volume.read(region).samples.tobytes() == truth.read(region).samples.tobytes()
            assert verify(volume).ok
        with pytest.raises(MDIOAlreadyExistsError):
            convert(path, url, target_format=format, storage_options=options)
        convert(url, tmp_path / "back.sgy", overwrite=True, storage_options=options)
        assert (tmp_path / "back.sgy").read_bytes() == data
    convert(f"{root}/x.mdio", f"{root}/back.sgy", storage_options=options)
    store = Stores(options).open(root)
    assert store.read("back.sgy") == data
    file = store.open("back.sgy")
    assert (file.size, file.read(3600, 240)) == (len(data), data[3600:3840])
    assert not store.exists("nothing")
    assert store.is_dir("x.mdio")
    with pytest.raises(MDIONotFoundError):
        mdio.open(f"{root}/nothing.mdio", storage_options=options)
    store.delete("x.mdio")
    assert not store.exists("x.mdio")
    assert not [key for key, _ in store.list() if key.startswith("x.mdio")]


def creates_once(root, options):
    """Two writers with clients of their own: the condition is the store's. Emulators of Google's ignore it."""
    one, other = (Stores(options).open(root) for _ in range(2))
    assert one.create("lock", b"mine")
    assert one.create("lock", b"mine")
    assert not other.create("lock", b"yours")
    assert other.read("lock") == b"mine"


def test_memory(survey, tmp_path):
    creates_once("memory://bucket/root", {})
    there_and_back(survey, "memory://bucket/root", {}, tmp_path)


def test_s3(survey, tmp_path):
    pytest.importorskip("moto", reason="the emulator of S3 is not installed: pip install moto[server]")
    pytest.importorskip("flask", reason="the emulator of S3 is not installed: pip install moto[server]")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    with s3_server() as url:
        options = {
            "key": "testing-key", "secret": "testing-secret", "skip_instance_cache": True,
            "client_kwargs": {"endpoint_url": url, "region_name": "us-east-1"},
        }  # fmt: skip
        s3fs.S3FileSystem(**options).call_s3("create_bucket", Bucket="bucket")
        there_and_back(survey, "s3://bucket/root", options, tmp_path)
        creates_once("s3://bucket/root", options)


def test_azure(survey, tmp_path):
    pytest.importorskip("adlfs", reason="adlfs is not installed")
    server = shutil.which("azurite-blob")
    if server is None:
        pytest.skip("Azurite is not installed: npm install -g azurite")
    port, account = free_port(), "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's own
    command = [server, "--silent", "--location", str(tmp_path / "azurite"), "--blobPort", str(port),
               "--skipApiVersionCheck"]  # fmt: skip
    with serving(command, f"http://127.0.0.1:{port}/{account}") as url:
        options = {"connection_string": f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};"
                                        f"BlobEndpoint={url};"}  # fmt: skip
        fsspec.filesystem("az", **options).mkdir("bucket")
        there_and_back(survey, "az://bucket/root", options, tmp_path)
        creates_once("az://bucket/root", options)


def test_google(survey, tmp_path, monkeypatch):
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # asks for the kind of bucket by gRPC
    pytest.importorskip("gcsfs", reason="gcsfs is not installed")
    server = shutil.which("gcp-storage-emulator") or shutil.which(
        "gcp-storage-emulator", path=Path(sys.executable).parent
    )
    if server is None:
        pytest.skip("the emulator of Google Cloud Storage is not installed: pip install gcp-storage-emulator")
    port = free_port()
    command = [server, "start", "--host", "127.0.0.1", "--port", str(port), "--in-memory", "--default-bucket", "bucket"]
    with serving(command, f"http://127.0.0.1:{port}/") as url:
        options = {"endpoint_url": url.rstrip("/"), "token": "anon", "project": "test"}
        there_and_back(survey, "gs://bucket/root", options, tmp_path)


def test_a_web_server(survey, tmp_path):
    pytest.importorskip("aiohttp", reason="fsspec needs aiohttp for http://")
    path, data = survey
    convert(path, tmp_path / "x.mdio")
    with range_server() as web:
        web.files["/x.sgy"] = data
        web.files.update(published(tmp_path / "x.mdio", "/x.mdio"))
        with mdio.open(f"{web.url}/x.mdio") as volume, mdio.open(path) as truth:
            region = volume.schema.region
            assert volume.read(region).samples.tobytes() == truth.read(region).samples.tobytes()
        convert(f"{web.url}/x.mdio", tmp_path / "back.sgy")
        assert (tmp_path / "back.sgy").read_bytes() == data
        ranges = [headers["Range"] for _, _, headers in web.requests if "Range" in headers]
        assert not [value for value in ranges if value.startswith("bytes=-")]
        with pytest.raises(StorageError, match="writing"):
            Stores().open(web.url).write("x", b"1")


def published(folder, root):
    """Return a folder as a web server shows it, with a page that lists it."""
    names = {
        f"{root}/{path.relative_to(folder)}": path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()
    }
    return names | {root: b"".join(f'<a href="{name}">x</a>'.encode() for name in names)}


@pytest.mark.parametrize("rate", [0.05, 0.3])
@pytest.mark.parametrize("kind", ["503", "reset", "truncation"])
def test_a_web_server_that_fails(survey, tmp_path, kind, rate):
    """Failures on the wire: what the client for the web makes of them is known for what it is."""
    pytest.importorskip("aiohttp", reason="fsspec needs aiohttp for http://")
    _, data = survey
    with range_server(kind, rate, seed=4) as web:
        web.files["/x.sgy"] = data
        for number in range(4):
            convert(f"{web.url}/x.sgy", tmp_path / f"{number}.mdio", workers=2)
            convert(tmp_path / f"{number}.mdio", tmp_path / f"{number}.sgy")
            assert (tmp_path / f"{number}.sgy").read_bytes() == data
        if rate > 0.1:
            assert web.injected > 0


def test_a_cache_in_front(survey, tmp_path):
    """``simplecache::``: what was read once is read from the local disk, and the bytes are the same."""
    path, _ = survey
    convert(path, "memory://bucket/x.mdio")
    options = {"simplecache": {"cache_storage": str(tmp_path / "cache")}}
    with mdio.open("simplecache::memory://bucket/x.mdio", storage_options=options) as volume, mdio.open(path) as truth:
        region = volume.schema.region
        assert np.array_equal(
            volume.read(region).samples.view(np.uint8), truth.read(region).samples.view(np.uint8), equal_nan=False
        )
    assert any((tmp_path / "cache").iterdir())
