"""How cost grows with size: seconds of CPU a gigabyte and memory of import and export, and bytes a trace of the index.

What grows faster than the data, or takes memory with the number of traces, shows here long before a terabyte does.
"""

from __future__ import annotations

import filecmp
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.inputs import make, survey_of
from benchmarks.measure import Cost, clean_environment, last_words, measure, remove, size_of, warm
from benchmarks.results import Record
from benchmarks.tools import DRIVERS, OURS, Source, own_tools

__all__ = ["ORDERS", "conversion", "indexes"]

ORDERS = ("sorted", "holes", "shuffled", "sparse")


def conversion(folder: Path, megabytes: Sequence[float], rounds: int) -> list[Record]:
    """Import and export stacks of growing size; each is made, measured and removed before the next."""
    tool = own_tools()[0]
    records = []
    for size in megabytes:
        survey = survey_of("stack", size)
        source = Source(survey, folder / "growth.sgy")
        store, back = folder / "growth.mdio", folder / "growth-back.sgy"
        make(survey, source.path)
        warm(source.path)
        imports: list[Cost] = []
        exports: list[Cost] = []
        for _ in range(rounds):
            remove(store)
            imports.append(measure(tool.ingest(source, store), store))
            remove(back)
            exports.append(measure(tool.export(source, store, back), back))
        equal = filecmp.cmp(source.path, back, shallow=False)
        mask = size_of(store / "metadata" / "live_mask") / survey.traces
        note = f"{survey.traces} traces; live mask {mask:.4f} stored bytes a trace"
        for name, costs in (("import", imports), ("export", exports)):
            values = {
                "seconds": [cost.seconds for cost in costs],
                "cpu": [cost.cpu for cost in costs],
                "cpu a gigabyte": [cost.cpu / (survey.bytes / 1e9) for cost in costs],
                "memory": [cost.memory / 1e6 for cost in costs],
                "size": [cost.size / 1e6 for cost in costs],
            }
            records.append(Record("growth", name, f"{OURS} {survey.bytes / 1e6:.0f} MB", values, equal, note))
        for path in (source.path, store, back):
            remove(path)
    return records


def indexes(counts: Sequence[float]) -> list[Record]:
    """Build indexes of more and more traces in every order."""
    records = []
    for order in ORDERS:
        for count in counts:
            command = [sys.executable, str(DRIVERS / "index_cost.py"), order, str(count)]
            done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)
            name = f"{OURS} {count:.0e} traces"
            if done.returncode:
                records.append(Record("index", order, name, note=last_words(done.stderr)))
                continue
            found = json.loads(done.stdout)
            values = {
                "cpu": [found["cpu"]],
                "memory": [found["peak_memory"] / 1e6],
                "one line": [found["line_ms"]],
                "kept a trace": [(found["kept_memory"] + found["kept_files"]) / found["traces"]],
                "files a trace": [found["peak_files"] / found["traces"]],
            }
            note = f"{found['index']}, {found['cells'] / found['traces']:.2f} cells a trace"
            records.append(Record("index", order, name, values, None, note))
    return records
