"""Every combination of VDS that the openvds wheel and we can both write and read, written by one and read by the other.

    MDIO_PEER_OPENVDS=…/bin/python python tests/vds/openvds_matrix.py [--sample N]

Dimensions, margins, encodings, formats, components, mappings, levels of detail and storages as VDS specification
section 15 lists them, and what that leaves out: groups, 2D levels, whole dimensions, no-value, scales, conversions,
patched bytes. Prints what was run, what is equal, and what was left out and why; the exit code is 1 where anything
differs. ``--sample N`` takes every N-th VDS.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("matrix")))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from vds_cases import further, matrix
from vds_compare import Bench, conversions
from vds_patches import PATCHES, STRICTER, patched

AXES = ("dimensions", "margins", "encoding")


class Results:
    """Counts by row of the table."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.axes: dict[str, Counter[str]] = defaultdict(Counter)
        self.skipped: Counter[str] = Counter()
        self.differences: list[str] = []

    def add(self, job, outcome) -> None:
        """Count what came of a VDS."""
        part = "matrix" if job.kind == "matrix" else "further"
        self.rows[f"{part}: {job.direction}", job.storage]["VDS"] += 1
        for where, count in outcome.equal.items():
            self.rows[f"{part}: {job.direction}", where]["equal"] += count
        for where, count in outcome.rule.items():
            self.rows[f"{part}: {job.direction}", where]["LOD rule equal"] += count
        self.rows[f"{part}: {job.direction}", job.storage]["differ"] += len(outcome.differences)
        for axis, value in zip(AXES, (len(job.samples), job.margins, job.codec), strict=True):
            self.axes[axis][str(value)] += sum(outcome.equal.values())
        self.skipped += outcome.skipped
        self.differences += outcome.differences

    def text(self) -> str:
        """Return the table."""
        names = ("VDS", "equal", "LOD rule equal", "differ")
        lines = [["", "storage", *names]]
        lines += [[*row, *(str(counts[name]) for name in names)] for row, counts in sorted(self.rows.items())]
        total: Counter[str] = sum(self.rows.values(), Counter())
        lines.append(["total", "", *(str(total[name]) for name in names)])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        text += [f"equal by {axis}: " + ", ".join(f"{k} {n}" for k, n in c.items()) for axis, c in self.axes.items()]
        text += [f"left out {count}: {reason}" for reason, count in self.skipped.most_common()]
        text += [f"DIFFERS {difference}" for difference in self.differences[:100]]
        return "\n".join(text)


def run(python: str, folder: Path, sample: int = 1, threads: int = 2) -> Results:
    """Run all of it, or every ``sample``-th VDS; a thread has a wheel of its own."""
    jobs = (matrix() + further())[::sample]
    results, lock, local = Results(), threading.Lock(), threading.local()
    benches: list[Bench] = []

    def begin() -> None:
        place = folder / str(threading.get_ident())
        place.mkdir()
        local.bench = Bench(python, place, s3=any(job.storage == "s3" for job in jobs)).__enter__()
        benches.append(local.bench)

    def one(job) -> None:
        outcome = local.bench.run(job)
        with lock:
            results.add(job, outcome)

    def rest(_) -> None:
        for job in [job for job in further() if job.kind in ("scale and offset", "no-value") and job.codec == "Zip"][
            ::3
        ]:
            equal, skipped, differences = conversions(local.bench, job)
            results.skipped.update(skipped)
            results.rows["conversion of values", "container"]["equal"] += equal
            results.rows["conversion of values", "container"]["differ"] += len(differences)
            results.differences.extend(differences)
        for name in PATCHES:
            differences = patched(local.bench, name)
            if PATCHES[name][1] == STRICTER:
                results.skipped[STRICTER] += 1
                results.differences.extend(differences)
                continue
            results.rows["patched bytes", "container"]["differ" if differences else "equal"] += 1
            results.differences.extend(differences)

    try:
        with ThreadPoolExecutor(threads, initializer=begin) as pool:
            list(pool.map(one, jobs))
            list(pool.map(rest, [None]))
    finally:
        for bench in benches:
            bench.__exit__(None, None, None)
    return results


def main() -> int:
    """Run, print the table, and return 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=1, help="every N-th VDS")
    given = parser.parse_args()
    python = os.environ.get("MDIO_PEER_OPENVDS", "")
    if not python:
        print("MDIO_PEER_OPENVDS is not set: it is to name the Python of an environment with openvds", file=sys.stderr)
        return 2
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="openvds-matrix-", dir=memory if memory.is_dir() else None))
    started = time.monotonic()
    try:
        results = run(python, folder, given.sample)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(results.text())
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if results.differences else 0


if __name__ == "__main__":
    sys.exit(main())
