"""What the index of a survey takes: ``index_cost.py ORDER TRACES`` prints memory, temporary files and seconds as JSON.

The keys come as a stream that is computed, so that nothing but the index takes memory. ``ORDER`` is ``sorted``,
``holes`` (a tenth of the cells has no trace), ``shuffled`` (no order at all) or ``sparse`` (none, six cells a trace).
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mdio.core.gridding import build_grid
from mdio.core.region import Region
from mdio.core.table import BATCH

CROSSLINES = 4096


class Keys:
    """Inline and crossline of every trace of a grid with 4096 crosslines."""

    names = ("inline", "crossline")
    dtypes = (np.dtype(np.int32), np.dtype(np.int32))

    def __init__(self, order: str, count: int) -> None:
        self._cells = {"sorted": 1.0, "holes": 10 / 9, "shuffled": 1.0, "sparse": 6.0}[order]
        self._shuffled = order in ("shuffled", "sparse")
        lines = max(1, math.ceil(count * self._cells / CROSSLINES))
        self._size = lines * CROSSLINES
        golden = int(self._size * 0.618)  # neighbours in the file are far apart in the grid, and evenly
        self._step = next(step for step in range(golden, self._size) if math.gcd(step, self._size) == 1)
        self.count = int(self._size / self._cells)

    def batches(self) -> Iterator[dict[str, Any]]:
        for first in range(0, self.count, BATCH):
            trace = np.arange(first, min(first + BATCH, self.count), dtype=np.int64)
            cell = trace * self._step % self._size if self._shuffled else (trace * self._cells + 1e-9).astype(np.int64)
            yield {
                "inline": (cell // CROSSLINES + 1).astype(np.int32),
                "crossline": (cell % CROSSLINES + 1).astype(np.int32),
            }


def resident(field: str) -> int:
    """Return a line of ``/proc/self/status`` in bytes."""
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(field))


def temporary() -> int:
    """Return the bytes of open files without a name, each counted once."""
    files = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            state = entry.stat()
        except OSError:
            continue
        if state.st_nlink == 0:
            files[state.st_dev, state.st_ino] = state.st_blocks * 512
    return sum(files.values())


def main() -> None:
    order, count = sys.argv[1], int(float(sys.argv[2]))
    os.environ["MDIO_IGNORE_CHECKS"] = "1"
    build_grid(Keys(order, 4096))  # what is imported on first use does not count
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew (proc(5))
    before = resident("VmRSS")
    stop, most = threading.Event(), [0]

    def watch() -> None:
        while not stop.wait(0.02):
            most[0] = max(most[0], temporary())

    watcher = threading.Thread(target=watch)
    watcher.start()
    keys = Keys(order, count)
    began = time.process_time()
    _, index, _ = build_grid(keys)
    seconds = time.process_time() - began
    stop.set()
    watcher.join()
    peak, after, files = resident("VmHWM") - before, resident("VmRSS") - before, temporary()
    began = time.process_time()
    line = Region(((index.shape[0] // 2, index.shape[0] // 2 + 1), (0, CROSSLINES)))
    looked = [index.traces(line) for _ in range(20)]
    found = {
        "index": type(index).__name__,
        "traces": keys.count,
        "cells": math.prod(index.shape),
        "cpu": seconds,
        "peak_memory": peak,
        "kept_memory": after,
        "peak_files": max(most[0], files),
        "kept_files": files,
        "line_ms": 1e3 * (time.process_time() - began) / len(looked),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
