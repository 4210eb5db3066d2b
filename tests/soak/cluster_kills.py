"""Kills the workers of a Dask cluster at random moments of conversions and compares the outcome with local runs.

    python tests/soak/cluster_kills.py --workers 3 --kills 8      # five targets: about 4 minutes

Options: ``--seed 0``, ``--only v0``. The short form is ``tests/cluster/test_deaths.py``. The last line has all the
numbers; ends with code 1 when a byte differs, or fewer workers were killed than asked for.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import numpy as np
from cluster_kit import Slow, digests, kill, lines, worker_pids
from distributed import Client, LocalCluster
from segy_bytes import grid, samples_for, segy

from mdio.convert import convert
from mdio.flow.events import SlabDone

SHAPE = (128, 128, 250)
MEMORY = 1 << 18
KINDS = {
    "v0": ("x.mdio", {"chunks": [16, 16, 64]}, "mdio"),
    "v1": ("x.mdio", {"chunks": [16, 16, 64], "layout": "v1"}, "mdio"),
    "v1 sharded": ("x.mdio", {"chunks": [8, 8, 32], "layout": "v1", "shards": [16, 16, 64]}, "mdio"),
    "vds objects": ("x", {"brick_size": 64, "layout": "objects"}, "vds"),
    "segy": ("x.sgy", {}, "segy"),
}


def made(folder):
    """Return a SEG-Y file and a dataset made of it."""
    inline, crossline = grid(*SHAPE[:2])
    samples = samples_for(1, np.random.default_rng(1), SHAPE[0] * SHAPE[1], SHAPE[2])
    (folder / "in.sgy").write_bytes(segy({189: inline, 193: crossline}, samples, 1))
    convert(folder / "in.sgy", folder / "in.mdio", target_options={"chunks": [16, 16, 64]})
    return folder / "in.sgy", folder / "in.mdio"


class Killer:
    """Kills a worker each time that one of some numbers of slabs is done."""

    def __init__(self, client, moments):
        self.client, self.moments, self.killed = client, moments, []

    def __call__(self, event):
        if isinstance(event, SlabDone) and self.moments and event.slabs_done >= self.moments[0]:
            del self.moments[0]
            pids = []
            while not pids:  # all of them may be starting again
                try:
                    pids = [pid for pid in worker_pids(self.client) if pid not in self.killed]
                except OSError:
                    time.sleep(0.05)
            pid = random.choice(pids)
            time.sleep(random.random() * 0.2)
            kill(pid)
            self.killed.append(pid)


def one(kind, source, folder, arguments):
    name, options, format = KINDS[kind]
    settings = {"target_format": format, "target_options": options, "memory": MEMORY}
    (folder / "local").mkdir(parents=True)
    (folder / "cluster").mkdir()
    begun = time.monotonic()
    plain = convert(source, folder / "local" / name, workers=1, **settings)
    local = time.monotonic() - begun
    moments = sorted(random.sample(range(1, max(plain.slabs - 2, arguments.kills + 1)), arguments.kills))
    slow = [partial(Slow, seconds=0.1, log=str(folder / "log"))]
    quiet = {"processes": True, "dashboard_address": None, "silence_logs": 60}
    with LocalCluster(n_workers=arguments.workers, threads_per_worker=1, **quiet) as cluster, Client(cluster) as client:
        killer = Killer(client, moments)
        begun = time.monotonic()
        convert(source, folder / "cluster" / name, client=client, transforms=slow, observers=[killer], **settings)
        seconds = time.monotonic() - begun
    same = digests(folder / "cluster") == digests(folder / "local")
    sys.stdout.write(
        f"{kind:12} {plain.slabs:3} slabs  {len(killer.killed)} workers killed  "
        f"{len(lines(folder / 'log')):3} slabs read  "
        f"local {local:.1f} s  cluster {seconds:.1f} s  {'identical' if same else 'DIFFERENT'}\n"
    )
    sys.stdout.flush()
    return same, len(killer.killed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS)
    arguments = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        file, dataset = made(Path(folder))
        found = [
            one(kind, dataset if kind == "segy" else file, Path(folder) / kind, arguments)
            for kind in ([arguments.only] if arguments.only else KINDS)
        ]
    same, killed = sum(same for same, _ in found), sum(killed for _, killed in found)
    sys.stdout.write(f"{killed} workers killed in {len(found)} runs: {same} identical, {len(found) - same} wrong\n")
    return 0 if same == len(found) and killed == arguments.kills * len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
