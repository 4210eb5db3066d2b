"""The scheduler of a cluster dies half way through a run, and the run goes on with another one."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from cluster_kit import Slow, digests, kill, machines
from segy_bytes import grid, samples_for, segy

pytest.importorskip("distributed")
# Sockets of clusters that come and go are closed when Python collects them, in whatever test that happens.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

from mdio.convert import convert  # noqa: E402
from mdio.flow.events import SlabDone  # noqa: E402
from mdio.flow.pools import ClusterError  # noqa: E402

SETTINGS = {"target_options": {"chunks": [8, 8, 32]}, "memory": 1 << 16}


def test_a_scheduler_that_is_killed(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    inline, crossline = grid(24, 24)
    source = tmp_path / "x.sgy"
    source.write_bytes(segy({189: inline, 193: crossline}, samples_for(1, np.random.default_rng(1), 576, 100), 1))
    convert(source, tmp_path / "local.mdio", workers=1, **SETTINGS)
    slow = [partial(Slow, seconds=0.1, log=str(tmp_path / "log"))]
    with machines(tmp_path, "first.json") as (address, scheduler):

        def killing(event):
            if isinstance(event, SlabDone) and event.slabs_done == 3:
                kill(scheduler.pid)

        with pytest.raises(ClusterError, match=r"scheduler was lost.*--resume"):
            convert(
                source,
                tmp_path / "x.mdio",
                client=address,
                transforms=slow,
                observers=[killing],
                **SETTINGS,
            )
    with machines(tmp_path, "second.json") as (address, _):
        report = convert(source, tmp_path / "x.mdio", client=address, resume=True, **SETTINGS)
    assert report.resumed >= 3
    assert digests(tmp_path / "x.mdio") == digests(tmp_path / "local.mdio")
