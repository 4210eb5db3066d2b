"""Measures readers, writers and peers side by side and prints tables of ratios.

    python -m benchmarks --peer PYTHON [--peer PYTHON …] --json results.json
    python -m benchmarks table results.json [WORD …] # the short table of the README, of inputs with these words
    python -m benchmarks show results.json           # the tables again

Everyone runs in turns, as whole processes or – for reads – in new processes of their own, ``--repeat`` times; the best
and the median count. Everyone's result is checked against a decode of the SEG-Y file that none of them made, and
exports byte by byte. The exit code is 1 when a result of ours is wrong; what a peer cannot do is noted.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import cases, growth
from benchmarks.inputs import FORMATS, KINDS, Survey, make, survey_of
from benchmarks.measure import remove
from benchmarks.results import Record, Results, load, readme_table, save, show
from benchmarks.tools import OURS, Environment, Source
from benchmarks.truth import shape_of

ALONE = ("start", "growth", "index")
"""Cases that take none of the inputs."""
INPUTS = ("stack", "ieee", "int16", "prestack", "line2d")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, or print what a run left; return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] in (["table"], ["show"]):
        return _print(*words)
    options = _parse(words)
    only = options.only.split(",") if options.only else [*cases.CASES, *ALONE]
    unknown = set(only) - {*cases.CASES, *ALONE}
    if unknown:
        raise SystemExit(f"no case {', '.join(sorted(unknown))}; there are {', '.join([*cases.CASES, *ALONE])}")
    environments = [Environment.at(sys.executable, OURS), *map(_environment, options.peer)]
    results = Results(_machine(environments, options.repeat), [])

    def add(records: Sequence[Record]) -> None:
        results.records += records
        for record in records:
            print(_line(record), file=sys.stderr, flush=True)
        if options.json:
            save(results, options.json)  # what is there survives whatever comes next

    if "start" in only:
        add(cases.start(environments, options.repeat))
    with tempfile.TemporaryDirectory(prefix="mdio-bench-", dir=options.folder) as name:
        folder = Path(name)
        chosen = [case for case in cases.CASES if case in only]
        for survey, path in _inputs(options) if chosen else []:
            inside = folder / "input"
            inside.mkdir()
            if path is None:
                path = inside / "input.sgy"
                make(survey, path)
            bench = cases.Bench(Source(survey, path), inside, environments, options.repeat, options.who)
            for case in chosen:
                add(cases.CASES[case](bench))
            remove(inside)
        if "growth" in only:
            add(growth.conversion(folder, options.growth, min(options.repeat, 3)))
        if "index" in only:
            add(growth.indexes(options.traces))
    from rich.console import Console

    show(results, Console(width=max(Console().width, 200) if not sys.stdout.isatty() else None))
    for record in results.wrong:
        print(f"wrong: {_line(record)}", file=sys.stderr)
    return 1 if results.wrong else 0


def _parse(words: Sequence[str]) -> argparse.Namespace:
    def numbers(text: str) -> list[float]:
        return [float(part) for part in text.split(",")]

    parser = argparse.ArgumentParser("python -m benchmarks", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--peer", action="append", default=[], metavar="[NAME=]PYTHON", help="interpreter with peers; may be repeated"
    )
    parser.add_argument("--only", default="", metavar="CASE,…", help=f"of {', '.join([*cases.CASES, *ALONE])}")
    parser.add_argument("--inputs", default=",".join(INPUTS), metavar="KIND,…", help=f"of {', '.join(INPUTS)}, or none")
    parser.add_argument(
        "--sizes", type=numbers, default=[405, 1328], metavar="MB,…", help="of the stacks; all others have the first"
    )
    parser.add_argument(
        "--data", action="append", default=[], metavar="NAME=SEGY[@189,193]", help="a stack of yours; may be repeated"
    )
    parser.add_argument("--who", type=lambda text: text.split(","), default=[], help="words of the peers to ask")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--growth", type=numbers, default=[405, 1328, 5000], metavar="MB,…")
    parser.add_argument("--traces", type=numbers, default=[1e6, 1e7, 5e7], metavar="N,…", help="of the case index")
    parser.add_argument("--folder", type=Path, help="where files are made (a temporary folder by default)")
    parser.add_argument("--json", type=Path, help="file for the results")
    return parser.parse_args(words)


def _print(what: str, path: str, *words: str) -> int:
    results = load(Path(path))
    if what == "table":
        print(readme_table(results, words), end="")
        return 0
    from rich.console import Console

    show(results, Console())
    return 0


def _environment(text: str) -> Environment:
    label, _, python = text.rpartition("=")
    return Environment.at(python, label)


def _inputs(options: argparse.Namespace) -> list[tuple[Survey, Path | None]]:
    """Return the surveys to run, each with its file where it is there already."""
    found: list[tuple[Survey, Path | None]] = []
    for text in options.data:
        name, _, rest = text.partition("=")
        path, _, places = rest.partition("@")
        keys = tuple(int(place) for place in (places or "189,193").split(","))
        kind = {1: "line2d", 2: "stack", 3: "prestack"}[len(keys)]
        names = {1: ("cdp",), 2: ("inline", "crossline"), 3: ("inline", "crossline", "offset")}[len(keys)]
        found.append((Survey(name, kind, "ibm", shape_of(Path(path), keys), keys, names), Path(path)))
    first, *others = options.sizes
    for kind in filter(None, options.inputs.replace("none", "").split(",")):
        if kind == "stack":
            found += [(survey_of("stack", size), None) for size in (first, *others)]
        elif kind in FORMATS:
            found.append((survey_of("stack", first, kind), None))
        elif kind in KINDS:
            found.append((survey_of(kind, first), None))
        else:
            raise SystemExit(f"no input {kind}; there are {', '.join(INPUTS)}")
    return found


def _machine(environments: Sequence[Environment], rounds: int) -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "repeat": rounds,
        "load": round(os.getloadavg()[0], 2),
        "peers": sorted({one.name(package) for one in environments for package in one.packages}),
    }


def _line(record: Record) -> str:
    best = ", ".join(f"{measure} {min(values):.4g}" for measure, values in record.values.items() if values)
    verdict = {True: "equal", False: "DIFFERENT", None: ""}[record.equal]
    return " · ".join(filter(None, [record.case, record.input, record.name, best, verdict, record.note]))


if __name__ == "__main__":
    sys.exit(main())
