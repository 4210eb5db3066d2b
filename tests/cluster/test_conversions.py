"""Conversions on a Dask cluster give what the threads of one process give, whoever dies on the way."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial

import numpy as np
import pytest
from cluster_kit import Other, Slow, digests, lines, worker_pids
from segy_bytes import grid, samples_for, segy

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
# Sockets of clusters that come and go are closed when Python collects them, in whatever test that happens.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

from mdio.convert import convert  # noqa: E402
from mdio.exceptions import SlabError  # noqa: E402
from mdio.flow.events import SlabDone, Warned  # noqa: E402
from mdio.flow.pools import ClusterError  # noqa: E402

SMALL = 1 << 17  # so little memory that there are many slabs


@pytest.fixture(scope="module", autouse=True)
def same_moment():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        yield


@pytest.fixture(scope="module")
def cluster(same_moment):
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    inline, crossline = grid(24, 20)
    path = tmp_path_factory.mktemp("in") / "x.sgy"
    path.write_bytes(segy({189: inline, 193: crossline}, samples_for(1, np.random.default_rng(1), 480, 100), 1))
    return path


@pytest.fixture(scope="module")
def dataset(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("dataset") / "x.mdio"
    convert(source, path, target_options={"chunks": [8, 8, 32]})
    return path


TARGETS = {
    "v0": ("x.mdio", {"chunks": [8, 8, 32]}),
    "v1": ("x.mdio", {"chunks": [8, 8, 32], "layout": "v1"}),
    "shards": ("x.mdio", {"chunks": [4, 4, 16], "layout": "v1", "shards": [8, 8, 32]}),
    "vds objects": ("x", {"brick_size": 64, "layout": "objects"}),
    "vds 8 bit": ("x", {"brick_size": 64, "layout": "objects", "format": "u8"}),
    "segy": ("x.sgy", {}),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_the_bytes_are_those_of_the_local_run(kind, source, client, tmp_path):
    name, options = TARGETS[kind]
    settings = {"target_options": options, "memory": SMALL}
    if kind.startswith("vds"):
        settings["target_format"] = "vds"
    for folder in ("local", "cluster"):
        (tmp_path / folder).mkdir()
    convert(source, tmp_path / "local" / name, **settings)
    events = []
    report = convert(source, tmp_path / "cluster" / name, client=client, observers=[events.append], **settings)
    assert digests(tmp_path / "cluster") == digests(tmp_path / "local")
    assert sorted(path.name for path in (tmp_path / "cluster").iterdir()) == [name], "nothing beside it"
    assert report.plan["executor"] == "Dask: 2 workers with 4 threads"
    assert sum(isinstance(event, SlabDone) for event in events) == report.slabs
    assert not any("cluster" in event.message for event in events if isinstance(event, Warned))


def test_an_export_and_an_address(dataset, source, cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the workers are elsewhere
    os.symlink(dataset, "x.mdio")
    convert("x.mdio", "back.sgy", client=cluster.scheduler_address, memory=SMALL)
    assert (tmp_path / "back.sgy").read_bytes() == source.read_bytes()


def test_the_work_is_done_by_the_workers(source, client, tmp_path):
    log = tmp_path / "log"
    convert(
        source,
        tmp_path / "x.mdio",
        target_options={"chunks": [8, 8, 32]},
        transforms=[partial(Slow, seconds=0.05, log=str(log))],
        memory=SMALL,
        client=client,
    )
    readers = {int(line.split()[0]) for line in lines(log)}
    assert readers == set(worker_pids(client))
    assert os.getpid() not in readers


@pytest.mark.parametrize(
    ("target", "settings", "reason"),
    [
        ("x.vds", {}, "one file is written by one process"),
        ("memory://cluster/x.mdio", {}, "in the memory of this process"),
        ("memory://cluster/x.sgy", {}, "in the memory of this process"),
    ],
)
def test_what_cannot_be_shared_is_done_here_and_said(target, settings, reason, source, client, tmp_path):
    target = target if "://" in target else str(tmp_path / target)
    events = []
    report = convert(source, target, client=client, observers=[events.append], overwrite=True, **settings)
    (warning,) = [event.message for event in events if isinstance(event, Warned)]
    assert reason in warning
    assert reason in report.plan["executor"]


def test_a_transform_that_cannot_be_sent(source, client, tmp_path):
    lock = threading.Lock()  # nothing that can be pickled
    events = []
    convert(
        source,
        tmp_path / "x.mdio",
        client=client,
        observers=[events.append],
        transforms=[lambda volume: volume if lock.acquire(blocking=False) else None],
    )
    assert any("cannot be sent" in event.message for event in events if isinstance(event, Warned))


class TestErrors:
    def test_of_a_slab_come_with_their_class_and_place(self, source, client, tmp_path):
        with pytest.raises(SlabError, match=r"inline .*tolerance") as found:
            convert(
                source,
                tmp_path / "x.mdio",
                target_options={"codec": "zfp:tolerance=1e-30", "chunks": [8, 8, 32]},
                client=client,
            )
        assert type(found.value.cause).__name__ == "UnstorableSampleError"
        assert not list(tmp_path.iterdir()), "the data are to blame: nothing is left"

    def test_no_scheduler(self, source, tmp_path, monkeypatch):
        quickly = dask.config.set({"distributed.comm.timeouts.connect": "0.5s"})
        with quickly, pytest.raises(ClusterError, match=r"127\.0\.0\.1:1.*dask scheduler"):
            convert(source, tmp_path / "x.mdio", client="tcp://127.0.0.1:1")
        assert not list(tmp_path.iterdir())

    def test_no_distributed(self, source, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(ClusterError, match=r"mdio-core\[distributed\]") as found:
            convert(source, tmp_path / "x.mdio", client="tcp://127.0.0.1:1")
        assert isinstance(found.value, ImportError)

    def test_another_source_than_the_driver_sees(self, source, client, tmp_path):
        with pytest.raises(ClusterError, match="another source"):
            convert(source, tmp_path / "x.mdio", client=client, transforms=[Other])
