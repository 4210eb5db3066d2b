"""Workers, scheduler and driver of a run die half way: nothing wrong is left, and the end is the same to the byte."""

from __future__ import annotations

import threading
import time
from functools import partial

import cluster_kit
import numpy as np
import pytest
from cluster_kit import Deadly, Flaky, Slow, digests, kill, lines, wait_until, worker_pids
from segy_bytes import grid, samples_for, segy

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
# Sockets of clusters that come and go are closed when Python collects them, in whatever test that happens.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

from mdio.convert import convert  # noqa: E402
from mdio.exceptions import CancelledError, IncompleteDatasetError  # noqa: E402
from mdio.flow.engine import CancelToken  # noqa: E402
from mdio.flow.events import SlabDone  # noqa: E402
from mdio.flow.pools import ClusterError  # noqa: E402

SETTINGS = {"target_options": {"chunks": [8, 8, 32]}, "memory": 1 << 16}


@pytest.fixture(autouse=True)
def same_moment(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    inline, crossline = grid(24, 24)
    path = tmp_path_factory.mktemp("in") / "x.sgy"
    path.write_bytes(segy({189: inline, 193: crossline}, samples_for(1, np.random.default_rng(1), 576, 100), 1))
    return path


@pytest.fixture
def want(source, tmp_path, same_moment):
    (tmp_path / "local").mkdir()
    # As many slabs in a process as each worker has threads: with this little memory their shape depends on it.
    convert(source, tmp_path / "local" / "x.mdio", workers=1, **SETTINGS)
    return digests(tmp_path / "local" / "x.mdio")


@pytest.fixture(scope="module")
def cluster():
    """Two workers; one that is killed starts again."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=60
    ) as cluster:
        yield cluster


def slow(tmp_path, seconds=0.1):
    return [partial(Slow, seconds=seconds, log=str(tmp_path / "log"))]


def test_workers_that_are_killed(source, cluster, want, tmp_path):
    killed = []

    def killing(event):
        # Both at once the second time: nothing is left of what they had open.
        if isinstance(event, SlabDone) and event.slabs_done in (2, 6):
            for pid in pids[: 1 + len(killed)]:
                kill(pid)
                killed.append(pid)
            pids[:] = [pid for pid in pids if pid not in killed]
            if not pids:
                return
        if isinstance(event, SlabDone) and event.slabs_done == 5:
            pids[:] = worker_pids(client)

    with distributed.Client(cluster) as client:
        pids = worker_pids(client)
        convert(source, tmp_path / "x.mdio", client=client, transforms=slow(tmp_path), observers=[killing], **SETTINGS)
    assert len(set(killed)) >= 2
    assert digests(tmp_path / "x.mdio") == want


@pytest.fixture
def strict_cluster():
    """A cluster that gives a slab up when one worker has died with it: it is the driver that tries again."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=60
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_a_slab_that_kills_whoever_gets_it(source, strict_cluster, want, tmp_path):
    log = str(tmp_path / "log")
    deadly = {"transforms": [partial(Deadly, log=log)], "client": strict_cluster}
    with pytest.raises(ClusterError, match="died, one after the other"):
        convert(source, tmp_path / "x.mdio", **deadly, **SETTINGS)
    assert 4 <= len(lines(log)) <= 8, "it was tried four times, the next one perhaps as well"
    again = [partial(Deadly, log=log, times=len(lines(log)) + 2)]  # two more, which is borne
    convert(source, tmp_path / "x.mdio", resume=True, client=strict_cluster, transforms=again, **SETTINGS)
    assert digests(tmp_path / "x.mdio") == want


def test_a_store_with_a_hiccup(source, cluster, want, tmp_path):
    flaky = [partial(Flaky, seconds=0, log=str(tmp_path / "log"))]
    with distributed.Client(cluster) as client:
        convert(source, tmp_path / "x.mdio", client=client, transforms=flaky, **SETTINGS)
    assert digests(tmp_path / "x.mdio") == want


def test_a_run_that_is_stopped_goes_on(source, cluster, want, tmp_path):
    token = CancelToken()

    def stop(event):
        if isinstance(event, SlabDone) and event.slabs_done == 4:
            token.cancel()

    with distributed.Client(cluster) as client:
        with pytest.raises(CancelledError, match="of 18 slabs"):
            convert(source, tmp_path / "x.mdio", client=client, cancel=token, observers=[stop], **SETTINGS)
        assert not (tmp_path / ".x.mdio.lease").exists()
        with pytest.raises(IncompleteDatasetError):
            convert(source, tmp_path / "x.mdio", client=client, **SETTINGS)
        report = convert(source, tmp_path / "x.mdio", client=client, resume=True, **SETTINGS)
    assert report.resumed >= 4
    assert digests(tmp_path / "x.mdio") == want


DRIVER = """
import sys
from functools import partial
from cluster_kit import Slow
from mdio.convert import convert
source, target, log, address = sys.argv[1:]
convert(source, target, client=address, transforms=[partial(Slow, seconds=0.3, log=log)],
        target_options={"chunks": [8, 8, 32]}, memory=1 << 16)
"""


def test_a_driver_that_is_killed(source, cluster, want, tmp_path):
    """Its workers write no more: what they have begun to read when it dies is not stored."""
    target, log, part = tmp_path / "x.mdio", tmp_path / "log", tmp_path / ".x.mdio.part"
    with cluster_kit.process("-c", DRIVER, str(source), str(target), str(log), cluster.scheduler_address) as driver:
        wait_until(lambda: len(lines(log)) >= 5)
        kill(driver.pid)
        driver.wait()
        time.sleep(0.1)  # what is being written this moment is being written
        begun, written = len(lines(log)), digests(part)
    time.sleep(0.8)
    assert digests(part) == written
    assert len(lines(log)) == begun
    assert not target.exists()
    report = convert(source, target, resume=True, **SETTINGS)  # with threads, for a change
    assert report.resumed >= 1
    assert digests(target) == want
    assert not list(tmp_path.glob(".x.mdio*"))


def test_what_another_run_took_over_is_left_alone(source, cluster, tmp_path):
    """A worker that lost touch comes back when another run has the target: it writes nothing, and says so."""
    target, lease = tmp_path / "x.mdio", tmp_path / ".x.mdio.lease"

    def usurp():
        wait_until(lambda: len(lines(tmp_path / "log")) >= 3)
        lease.write_text('{"token": "another", "beat": 1}')

    with distributed.Client(cluster) as client:
        thread = threading.Thread(target=usurp)
        thread.start()
        with pytest.raises(ClusterError, match="another run"):
            convert(source, target, client=client, transforms=slow(tmp_path, 0.2), **SETTINGS)
        thread.join()
    assert not target.exists()
