"""Rechunking and verifying on a Dask cluster give what the threads of one process give."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from cluster_kit import digests
from segy_bytes import grid, samples_for, segy

distributed = pytest.importorskip("distributed")
# Sockets of clusters that come and go are closed when Python collects them, in whatever test that happens.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

from mdio.api.accessor import MDIOAccessor  # noqa: E402
from mdio.api.convenience import rechunk, rechunk_batch  # noqa: E402
from mdio.api.verifying import verify  # noqa: E402
from mdio.cli import main  # noqa: E402
from mdio.convert import convert  # noqa: E402
from mdio.convert import open as open_volume  # noqa: E402
from mdio.exceptions import CodecError, MDIOAlreadyExistsError  # noqa: E402

CHUNKS = [(1, 20, 100), (24, 1, 100), (24, 20, 4)]
NAMES = ["il", "xl", "z"]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module", params=["v0", "v1"])
def original(request, tmp_path_factory):
    inline, crossline = grid(24, 20)
    folder = tmp_path_factory.mktemp("in")
    keys = {189: inline[7:], 193: crossline[7:]}  # some dead cells
    (folder / "x.sgy").write_bytes(segy(keys, samples_for(1, np.random.default_rng(1), 473, 100), 1))
    options = {"chunks": [8, 8, 32], "layout": request.param}
    convert(folder / "x.sgy", folder / "x.mdio", target_options=options)
    return folder / "x.mdio"


@pytest.fixture
def dataset(original, tmp_path):
    return shutil.copytree(original, tmp_path / "x.mdio")


def of(path, **settings):
    with MDIOAccessor(path, "w") as accessor:
        rechunk_batch(accessor, CHUNKS, NAMES, **settings)


@pytest.mark.parametrize("memory", [None, 1 << 16])
def test_new_patterns_are_those_of_the_local_run(dataset, client, tmp_path, memory):
    """A little memory makes the local run take a temporary file, and the cluster three passes."""
    local = shutil.copytree(dataset, tmp_path / "local.mdio")
    of(local, memory=memory)
    of(dataset, memory=memory, client=client)
    assert digests(dataset) == digests(local)
    assert {path.name for path in tmp_path.iterdir()} == {"x.mdio", "local.mdio"}
    with MDIOAccessor(dataset, "w") as accessor, pytest.raises(MDIOAlreadyExistsError):
        rechunk(accessor, (1, 20, 100), "il", client=client)
    of(dataset, memory=memory, client=client, overwrite=True)
    assert digests(dataset) == digests(local)


def test_what_fails_leaves_the_dataset_as_it_was(dataset, client):
    numcodecs = pytest.importorskip("numcodecs")
    before = digests(dataset)
    with pytest.raises(CodecError, match=r"access pattern 'il', inline"):
        of(dataset, compressor=numcodecs.ZFPY(mode=4, tolerance=1e-30), client=client)
    assert digests(dataset) == before


def test_a_dataset_in_memory_is_rechunked_here(dataset, client):
    url = f"memory://cluster/{dataset.parent.name}.mdio"
    convert(dataset, url)
    with pytest.warns(UserWarning, match="threads of this process.*memory"):
        of(url, client=client)
    with MDIOAccessor(url, access_pattern="il") as accessor:
        assert accessor.shape == (24, 20, 100)


@pytest.mark.parametrize("damaged", [False, True])
def test_what_is_verified(dataset, client, damaged):
    if damaged:
        chunks = [path for path in dataset.rglob("*") if path.is_file() and path.name[0] in "0c123456789"]
        chunk = max(chunks, key=lambda path: path.stat().st_size)
        data = bytearray(chunk.read_bytes())
        data[len(data) // 2] ^= 0x10
        chunk.write_bytes(data)
    volume = open_volume(dataset)
    here, there = verify(volume), verify(volume, client=client)
    assert here.ok is (not damaged)
    assert there == here
    volume.close()


def test_the_command_line(dataset, cluster, capsys):
    there = ["--scheduler", cluster.scheduler_address, "--quiet", "--json"]
    rechunking = ["rechunk", str(dataset), "--chunk-size", "1,20,100", "--suffix", "il", *there]
    assert main(rechunking) == 0
    assert main(["verify", str(dataset), *there]) == 0
    assert main(["convert", str(dataset), str(dataset.with_name("y.sgy")), *there]) == 0
    rechunked, verified, _ = (json.loads(text) for text in _documents(capsys.readouterr().out))
    assert rechunked["patterns"][0]["name"] == "il"
    assert verified["ok"]
    assert verified["bytes"] == 2 * 24 * 20 * 100 * 4, "both patterns"


def _documents(text):
    """Yield the JSON documents that follow each other in a text."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        value, end = decoder.raw_decode(text, at)
        yield json.dumps(value)
        at = end + len(text[end:]) - len(text[end:].lstrip())
