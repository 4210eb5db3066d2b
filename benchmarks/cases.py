"""What is compared: each case measures everyone who can do it on one input, in turns, and checks what came out."""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Cost, ProcessFailed, clean_environment, in_turns, last_words, measure, remove, warm
from benchmarks.results import Record
from benchmarks.tools import (
    OURS,
    Environment,
    Reader,
    Source,
    Tool,
    mdio_command,
    openvds,
    own_tools,
    own_vds,
    tools_of,
)
from benchmarks.truth import Truth

__all__ = ["CASES", "Bench", "requests"]

METHODS = ("None", "RLE", "Zip")
TOLERANCE = 0.03
"""Largest absolute error of the lossy import."""
WAVELET_TOLERANCES = (0.1, 0.0875, 0.05)
"""Of ``SEGYImport``; see its help. Quality and size are printed, so that like is compared with like."""
CACHE = 64 << 20


@dataclass
class Bench:
    """One input with everything that has been made of it.

    Parameters
    ----------
    source
        The SEG-Y file.
    folder
        Where results go.
    environments
        Interpreters with peers, our own among them.
    rounds
        How often everything is run.
    only
        Words of which a contestant's name must have one; ours are always in.
    """

    source: Source
    folder: Path
    environments: Sequence[Environment]
    rounds: int
    only: Sequence[str] = ()
    _truth: Truth | None = field(default=None, repr=False)

    @property
    def truth(self) -> Truth:
        if self._truth is None:
            self._truth = Truth.of(self.source.path, self.source.survey.keys, self.folder / "truth.npy")
        return self._truth

    def tools(self) -> list[Tool]:
        """Return all writers of MDIO and VDS in their default modes."""
        others = [tool for environment in self.environments for tool in tools_of(environment)]
        return [*own_tools(), *(tool for tool in others if self.is_wanted(tool.name))]

    def is_wanted(self, name: str) -> bool:
        return not self.only or any(word in name for word in self.only)

    def having(self, package: str) -> Environment | None:
        """Return the first environment with a package."""
        return next((one for one in self.environments if package in one.packages), None)

    def path(self, name: str, suffix: str) -> Path:
        return self.folder / (name.replace(" ", "-") + suffix)

    def store(self, tool: Tool) -> Path:
        """Return the store that a tool makes of the input, made now if it is not there.

        Raises
        ------
        ProcessFailed
            The tool cannot.
        """
        path = self.path(tool.name, tool.suffix)
        if not path.exists():
            self._ingest(tool, path)
        return path

    def _ingest(self, tool: Tool, path: Path) -> Cost:
        remove(path)
        try:
            return measure(tool.ingest(self.source, path), path, extra=tool.extra)
        except ProcessFailed:
            remove(path)
            raise

    def ingest(self, case: str, tools: Sequence[Tool]) -> list[Record]:
        """Measure SEG-Y to the stores of tools, and read them back by the tools' own readers."""
        warm(self.source.path)
        costs, failed = in_turns(
            {tool.name: lambda tool=tool: self._ingest(tool, self.path(tool.name, tool.suffix)) for tool in tools},
            self.rounds,
        )
        records = []
        for tool in tools:
            note, equal = failed.get(tool.name, ""), None
            if not note:
                try:
                    equal = self.is_whole(tool.reader, self.path(tool.name, tool.suffix))
                except ProcessFailed as error:
                    note, equal = f"cannot be read: {error}", False
            records.append(self.record(case, tool.name, costs[tool.name], note, equal))
        return records

    def export(self, case: str, tools: Sequence[Tool], stores: dict[str, Path]) -> list[Record]:
        """Measure stores to SEG-Y; the result must be the input, byte for byte."""

        def run(tool: Tool) -> Cost:
            target = self.path(f"{tool.name} back", ".sgy")
            remove(target)
            return measure(tool.export(self.source, stores[tool.name], target), target, extra=tool.extra)

        for store in stores.values():
            warm(store)
        costs, failed = in_turns({tool.name: lambda tool=tool: run(tool) for tool in tools}, self.rounds)
        records = []
        for tool in tools:
            target = self.path(f"{tool.name} back", ".sgy")
            equal = None if tool.name in failed else filecmp.cmp(self.source.path, target, shallow=False)
            records.append(self.record(case, tool.name, costs[tool.name], failed.get(tool.name, ""), equal))
            remove(target)
        return records

    def is_whole(self, reader: Reader, store: Path) -> bool:
        """Whether a reader finds all samples in a store."""
        whole = [(0, length) for length in self.truth.shape]
        found = self.ask(reader, store, [("scan", whole)])
        return bool(found["reads"]["scan"]["digest"] == self.truth.digest(whole))

    def ask(self, reader: Reader, store: Path, wanted: Sequence[Any], **more: Any) -> dict[str, Any]:
        """Run a driver and return what it prints."""
        command = reader.command(self.source, store, wanted, **more)
        done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)
        if done.returncode:
            raise ProcessFailed(last_words(done.stderr))
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def record(self, case: str, name: str, costs: Sequence[Cost], note: str, equal: bool | None = None) -> Record:
        """Return the record of runs of a process; sizes in MB."""
        values = {
            "seconds": [cost.seconds for cost in costs],
            "cpu": [cost.cpu for cost in costs],
            "memory": [cost.memory / 1e6 for cost in costs],
        }
        if any(cost.size for cost in costs):
            values["size"] = [cost.size / 1e6 for cost in costs]
        return Record(case, self.source.survey.name, name, values if costs else {}, equal, note)


def ingest(bench: Bench) -> list[Record]:
    """SEG-Y to MDIO and VDS."""
    return bench.ingest("ingest", bench.tools())


def _made(bench: Bench, case: str, tools: Iterable[Tool]) -> tuple[dict[str, Path], list[Record]]:
    """Return the stores of tools, and records of those that cannot make theirs."""
    stores, records = {}, []
    for tool in tools:
        try:
            stores[tool.name] = bench.store(tool)
        except ProcessFailed as error:
            records.append(Record(case, bench.source.survey.name, tool.name, note=str(error)))
    return stores, records


def export(bench: Bench) -> list[Record]:
    """Each tool's own store back to SEG-Y."""
    tools = bench.tools()
    stores, records = _made(bench, "export", tools)
    return bench.export("export", [tool for tool in tools if tool.name in stores], stores) + records


def vds(bench: Bench) -> list[Record]:
    """SEG-Y to VDS and back by method: both import the same file, both export the VDS that ours made."""
    environment = bench.having("openvds")
    records = []
    for method in METHODS:
        tools = [own_vds(method)]
        if environment is not None:
            tools.append(openvds(environment, method))
        imported = bench.ingest(f"vds import {method}", tools)
        for record in imported:
            record.case, record.input = "vds import", f"{method} · {record.input}"
        records += imported
        if not imported[0].values:
            continue
        ours = bench.path(tools[0].name, tools[0].suffix)
        exported = bench.export("vds export", tools, dict.fromkeys((tool.name for tool in tools), ours))
        for record in exported:
            record.input = f"{method} · {record.input}"
        records += exported
        if len(tools) > 1 and imported[1].values:
            crossed = bench.path("crossed", ".sgy")
            measure(tools[0].export(bench.source, bench.path(tools[1].name, ".vds"), crossed), crossed)
            same = filecmp.cmp(bench.source.path, crossed, shallow=False)
            exported[0].equal = bool(exported[0].equal) and same
            exported[0].note = f"the VDS of {tools[1].name} exported by mdio: {'equal' if same else 'DIFFERENT'}"
            remove(crossed)
        for tool in tools:
            if method != "Zip" or tool.ours:
                remove(bench.path(tool.name, tool.suffix))
    return records


def rechunk(bench: Bench) -> list[Record]:
    """A second access pattern for inlines, without loss, added to a copy of each tool's store."""
    shape = bench.truth.shape
    chunks = [4, *(min(256, length) for length in shape[1:])]
    tools = [tool for tool in bench.tools() if tool.rechunk is not None]
    stores, records = _made(bench, "rechunk", tools)
    tools = [tool for tool in tools if tool.name in stores]

    def run(tool: Tool) -> Cost:
        copy = bench.path(f"{tool.name} rechunked", tool.suffix)
        remove(copy)
        shutil.copytree(stores[tool.name], copy)
        assert tool.rechunk is not None
        return measure(tool.rechunk(bench.source, copy, chunks), copy, extra=tool.extra)

    costs, failed = in_turns({tool.name: lambda tool=tool: run(tool) for tool in tools}, bench.rounds)
    for tool in tools:
        copy = bench.path(f"{tool.name} rechunked", tool.suffix)
        equal = None if tool.name in failed or not tool.ours else _has_pattern(bench, copy)
        records.append(bench.record("rechunk", tool.name, costs[tool.name], failed.get(tool.name, ""), equal))
        remove(copy)
    return records


def _has_pattern(bench: Bench, store: Path) -> bool:
    return bench.is_whole(Reader(sys.executable, "read_mdio.py", {"options": {"access_pattern": "bench"}}), store)


def requests(shape: Sequence[int], turn: int) -> list[tuple[str, list[tuple[int, int]]]]:
    """Return what is read of a volume, elsewhere in every round: planes, a cube of 64, a trace, everything."""
    at = [min(length - 1, int(length * (0.31 + 0.13 * (turn % 5)))) for length in shape]
    whole = [(0, length) for length in shape]

    def part(*axes: int) -> list[tuple[int, int]]:
        return [(at[axis], at[axis] + 1) if axis in axes else whole[axis] for axis in range(len(shape))]

    cube = [(min(low, max(0, length - 64)), min(length, low + 64)) for low, length in zip(at, shape, strict=True)]
    last = len(shape) - 1
    planes = {
        2: [("slice", part(1))],
        3: [("inline", part(0)), ("crossline", part(1)), ("slice", part(2))],
        4: [("inline", part(0, 2)), ("crossline", part(1, 2)), ("slice", part(2, 3)), ("gather", part(0, 1))],
    }[len(shape)]
    return [*planes, ("cube", cube), ("trace", part(*range(last))), ("scan", whole)]


@dataclass(frozen=True)
class _Contestant:
    name: str
    reader: Reader
    store: Path


def _latencies(bench: Bench, case: str, contestants: Sequence[_Contestant]) -> list[Record]:
    """Read everything with everyone, in turns, each round in new processes."""
    name = bench.source.survey.name
    records = {one.name: Record(case, name, one.name, equal=True) for one in contestants}
    for one in contestants:
        warm(one.store)
    for turn in range(bench.rounds):
        wanted = requests(bench.truth.shape, turn)
        right = {request: bench.truth.digest(region) for request, region in wanted}
        for one in contestants:
            record = records[one.name]
            if record.note:
                continue
            try:
                found = bench.ask(one.reader, one.store, wanted, repeat=2)
            except ProcessFailed as error:
                record.values, record.equal, record.note = {}, None, str(error)
                continue
            record.values.setdefault("open", []).append(min(found["open"]))
            for request, read in found["reads"].items():
                record.values.setdefault(request, []).extend(read["fresh"])
                if request != "scan":
                    record.values.setdefault(f"{request} again", []).extend(read["again"][-1:])
                record.equal = bool(record.equal) and read["digest"] == right[request]
    return list(records.values())


def reads(bench: Bench) -> list[Record]:
    """Random reads, each tool from its own store; ours, tensorstore and zarr from that of a peer too."""
    tools = bench.tools()
    stores, records = _made(bench, "reads", tools)
    contestants = [_Contestant(tool.name, tool.reader, stores[tool.name]) for tool in tools if tool.name in stores]
    first = tools[0]
    if first.name in stores:
        cached = Reader(sys.executable, "read_mdio.py", {"options": {"cache": CACHE}})
        contestants.insert(1, _Contestant(f"{first.name}, cache", cached, stores[first.name]))
    found = _latencies(bench, "reads", contestants)
    for tool in tools:
        if tool.name.startswith("multidimio") and tool.name in stores:
            found += _on_foreign_store(bench, tool, stores[tool.name])
    segyio = bench.having("segyio")
    if segyio is not None and bench.is_wanted("segyio"):
        on_file = _Contestant(f"segyio {segyio.packages['segyio']} on SEG-Y", _segyio(segyio), bench.source.path)
        found += _latencies(bench, "reads", [on_file])
    return found + records


def _on_foreign_store(bench: Bench, tool: Tool, store: Path) -> list[Record]:
    """Read a peer's store with ours and with general readers of Zarr."""
    shape = bench.truth.shape
    is_v3 = (store / "zarr.json").exists()
    array = "amplitude" if is_v3 else f"data/chunked_{''.join(str(axis) for axis in range(len(shape)))}"
    settings = {"array": array, "driver": "zarr3" if is_v3 else "zarr"}
    contestants = [_Contestant(OURS, Reader(sys.executable, "read_mdio.py"), store)]
    for package in ("tensorstore", "zarr"):
        environment = bench.having(package)
        if environment is not None:
            reader = Reader(environment.python, f"read_{package}.py", settings)
            contestants.append(_Contestant(environment.name(package), reader, store))
    return _latencies(bench, f"reads of a store of {tool.name}", contestants)


def _segyio(environment: Environment) -> Reader:
    return Reader(environment.python, "read_segyio.py")


def lazy(bench: Bench) -> list[Record]:
    """Reads straight from the SEG-Y file."""
    survey = bench.source.survey
    options = {"header_locations": list(survey.keys), "header_names": list(survey.names)}
    contestants = [_Contestant(OURS, Reader(sys.executable, "read_mdio.py", {"options": options}), bench.source.path)]
    environment = bench.having("segyio")
    if environment is not None:
        contestants.append(_Contestant(environment.name("segyio"), _segyio(environment), bench.source.path))
    return _latencies(bench, "lazy", contestants)


def lossy(bench: Bench) -> list[Record]:
    """ZFP to a tolerance beside the wavelets of the openvds wheel: cost, size, and quality."""
    if bench.source.survey.format == "int16":
        return []
    own = own_tools()[0]

    def zfp(source: Source, target: Path) -> list[str]:
        return [*own.ingest(source, target), "--lossy", "--compression-tolerance", str(TOLERANCE)]

    tools = [Tool(f"{OURS} zfp {TOLERANCE}", ".mdio", zfp, own.export, own.reader)]
    environment = bench.having("openvds")
    if environment is not None:
        tools += [openvds(environment, "Wavelet", value) for value in WAVELET_TOLERANCES]
    warm(bench.source.path)
    runs: dict[str, Callable[[], Cost]] = {
        tool.name: lambda tool=tool: bench._ingest(tool, bench.path(tool.name, tool.suffix)) for tool in tools
    }
    costs, failed = in_turns(runs, bench.rounds)
    records = []
    for tool in tools:
        record = bench.record("lossy", tool.name, costs[tool.name], failed.get(tool.name, ""))
        store = bench.path(tool.name, tool.suffix)
        if record.values:
            noise, worst = _quality(bench, tool, store)
            record.note = f"{noise:.1f} dB, largest error {worst:.3g}"
            if tool.ours:
                record.equal = worst <= TOLERANCE
        records.append(record)
        remove(store)
    return records


def _quality(bench: Bench, tool: Tool, store: Path) -> tuple[float, float]:
    dump = bench.folder / "lossy.npy"
    whole = [(0, length) for length in bench.truth.shape]
    bench.ask(tool.reader, store, [("scan", whole)], dump=str(dump))
    found = bench.truth.compare(np.load(dump, mmap_mode="r").reshape(bench.truth.shape))
    remove(dump)
    return found


def start(environments: Sequence[Environment], rounds: int) -> list[Record]:
    """The bare interpreter, ``import mdio`` and ``mdio --help``, ours and those of peers."""
    bare = [sys.executable, "-c", "pass"]
    importing = {OURS: [sys.executable, "-c", "import mdio"], "python, bare": bare}
    helping = {OURS: mdio_command("--help"), "python, bare": bare}
    for environment in environments:
        if "multidimio" in environment.packages:
            name = environment.name("multidimio")
            importing[name] = [environment.python, "-c", "import mdio"]
            helping[name] = [str(Path(environment.python).with_name("mdio")), "--help"]
    records = []
    for what, commands in (("import mdio", importing), ("mdio --help", helping)):
        runs = {name: lambda command=command: measure(command) for name, command in commands.items()}
        in_turns(runs, 1)  # whatever was not compiled yet
        costs, failed = in_turns(runs, max(rounds, 5))
        for name, some in costs.items():
            values = {"seconds": [cost.seconds for cost in some], "cpu": [cost.cpu for cost in some]}
            records.append(Record("start", what, name, values if some else {}, None, failed.get(name, "")))
    return records


CASES: dict[str, Callable[[Bench], list[Record]]] = {
    "ingest": ingest,
    "export": export,
    "vds": vds,
    "rechunk": rechunk,
    "reads": reads,
    "lazy": lazy,
    "lossy": lossy,
}
"""Cases that are run on every input; ``start`` and ``growth`` stand by themselves."""
