"""One turn through a store that fails: import, verify, read, copy, export, each right or refused with a typed error.

The short form runs in the suite, the long one is ``tests/soak/faults.py``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faulty_store import clear, faulty, reachable
from segy_bytes import grid, samples_for, segy

import mdio
from mdio.api.verifying import verify
from mdio.convert import convert
from mdio.exceptions import MDIOError

TARGETS = {
    "v0": ("mdio", {"chunks": (8, 8, 64)}),
    "v1": ("mdio", {"chunks": (8, 8, 64), "layout": "v1"}),
    "v1 sharded": ("mdio", {"chunks": (8, 8, 32), "layout": "v1", "shards": (8, 16, 64)}),
    "vds objects": ("vds", {"layout": "objects", "brick_size": 64, "lods": 1}),
    "vds container": ("vds", {"layout": "container", "brick_size": 64}),
}


@dataclass
class Outcome:
    """What became of a turn: the steps that ended well, and the error that ended it."""

    done: tuple[str, ...]
    error: MDIOError | None
    seconds: float
    injected: int
    requests: int


def source(path: Path, shape=(20, 24), samples=70) -> bytes:
    """Write a SEG-Y file whose samples are all different."""
    inline, crossline = grid(*shape)
    data = segy({189: inline, 193: crossline}, samples_for(5, np.random.default_rng(3), len(inline), samples), 5)
    path.write_bytes(data)
    return data


def turn(path: Path, data: bytes, target: str, kind: str, rate: float, *, seed: int = 0, **faults) -> Outcome:
    """Take a file to a failing store and back.

    Raises
    ------
    AssertionError
        Something came back that is not what was put in, or something unfinished passes for whole.
    """
    clear()
    format, options = TARGETS[target]
    url = f"faulty://b/x.{format}"
    done: list[str] = []
    error: MDIOError | None = None
    begun = time.monotonic()
    with mdio.open(path) as volume:
        whole = volume.schema.region
        truth = volume.read(whole)
    with faulty(kind, rate, seed=seed, **faults) as dice:
        try:
            convert(path, url, target_format=format, target_options=options, workers=2)
            done.append("import")
            with mdio.open(url) as volume:
                block = volume.read(whole)
                assert block.samples.tobytes() == truth.samples.tobytes(), "other samples"
                assert np.array_equal(block.live, truth.live), "another live mask"
                assert block.headers.tobytes() == truth.headers.tobytes(), "other headers"
                done.append("read")
                result = verify(volume, workers=2)
                assert result.ok or faults.get("silent"), f"verify: {result.damages} {result.findings}"
                done += ["verify"] * result.ok
            convert(url, "faulty://b/back.sgy", workers=2)
            done.append("export")
        except MDIOError as found:
            error = found
    seconds = time.monotonic() - begun
    injected, requests = sum(dice.injected.values()), sum(dice.calls.values())
    back = _stored("/b/back.sgy")
    if "export" in done:
        assert back == data, "the file that came back is another"
    else:
        assert back is None, "something unfinished has the final name"
    if "import" not in done:
        _not_there(url, whole, truth)
    return Outcome(tuple(done), error, seconds, injected, requests)


def _stored(path):
    import fsspec

    memory = fsspec.filesystem("memory")
    return memory.cat_file(path) if memory.isfile(path) else None


def _not_there(url, whole, truth):
    """A target whose run failed does not open; one whose last answer got lost is whole."""
    with reachable():
        try:
            volume = mdio.open(url)
        except MDIOError:
            return
        with volume:
            assert volume.read(whole).samples.tobytes() == truth.samples.tobytes(), "half opens"
