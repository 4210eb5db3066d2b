"""Who is compared: our own layouts, and what the given environments hold, each as command lines."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.inputs import Survey
from benchmarks.measure import clean_environment

__all__ = [
    "DRIVERS",
    "OURS",
    "PEER_SETTINGS",
    "Environment",
    "Reader",
    "Source",
    "Tool",
    "mdio_command",
    "openvds",
    "own_tools",
    "own_vds",
    "tools_of",
]

DRIVERS = Path(__file__).with_name("drivers")
OURS = "mdio"
"""How the names of our own contestants begin."""
PEER_SETTINGS = {"MDIO__IMPORT__SAVE_SEGY_FILE_HEADER": "1"}
"""multidimio 1.x keeps text and binary header, without which there is no export, when it is told so."""

_PACKAGES = ("multidimio", "openvds", "segyio", "tensorstore", "zarr")
_TEMPLATES = {"stack": "PostStack3DTime", "prestack": "CdpOffsetGathers3DTime", "line2d": "PostStack2DTime"}


@dataclass(frozen=True)
class Source:
    """A SEG-Y file with what it holds."""

    survey: Survey
    path: Path

    @property
    def chunks(self) -> list[int] | None:
        """64³ for everyone's stack, so that stores can be compared; everyone's own default otherwise."""
        return [64, 64, 64] if self.survey.kind == "stack" else None

    @property
    def named_keys(self) -> dict[str, int]:
        return dict(zip(self.survey.names, self.survey.keys, strict=True))


@dataclass(frozen=True)
class Reader:
    """A driver script, the Python it runs in, and what it wants to know besides the requests."""

    python: str
    script: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def command(self, source: Source, store: Path, requests: Sequence[Any], **more: Any) -> list[str]:
        survey = source.survey
        about = {"store": str(store), "requests": list(requests), "axes": len(survey.shape), "shape": survey.shape}
        arguments = about | {"keys": survey.keys} | dict(self.settings) | more
        return [self.python, "-W", "ignore", str(DRIVERS / self.script), json.dumps(arguments)]


Command = list[str]


@dataclass(frozen=True)
class Tool:
    """A writer of one layout with its reader.

    Parameters
    ----------
    name
        In tables; ours begin with :data:`OURS`.
    suffix
        Of its stores.
    ingest, export
        Command line from SEG-Y to its store and back.
    reader
        Reads its store.
    rechunk
        Command line that adds an access pattern with the given chunks, or None.
    extra
        Variables of the environment.
    """

    name: str
    suffix: str
    ingest: Callable[[Source, Path], Command]
    export: Callable[[Source, Path, Path], Command]
    reader: Reader
    rechunk: Callable[[Source, Path, Sequence[int]], Command] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.name.startswith(OURS)


@dataclass(frozen=True)
class Environment:
    """A Python and the versions of the packages in it that matter here."""

    label: str
    python: str
    packages: Mapping[str, str]

    @classmethod
    def at(cls, python: str, label: str = "") -> Environment:
        """Ask an interpreter what it has."""
        code = (
            "import importlib.metadata as m, json\n"
            f"wanted = {_PACKAGES!r}\n"
            "have = {d.metadata['Name']: d.version for d in m.distributions()}\n"
            "print(json.dumps({n: have[n] for n in wanted if n in have}))"
        )
        try:
            done = subprocess.run(
                [python, "-c", code], capture_output=True, text=True, env=clean_environment(), check=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(f"{python} does not run: {error}") from None
        return cls(label, python, json.loads(done.stdout))

    def name(self, package: str) -> str:
        return f"{package} {self.packages[package]}"


def mdio_command(*arguments: object) -> Command:
    """Return a command line of ours."""
    return [sys.executable, "-m", "mdio", *map(str, arguments)]


def index_options(source: Source) -> list[str]:
    """Return the options of ``mdio segy import`` that name the index words."""
    survey = source.survey
    return ["--header-locations", ",".join(map(str, survey.keys)), "--header-names", ",".join(survey.names)]


def own_tools() -> list[Tool]:
    """Return our own: what ``mdio segy import`` makes by default, and the sharded v1 layout."""
    reader = Reader(sys.executable, "read_mdio.py")

    def ingest(*layout: str, chunked: bool) -> Callable[[Source, Path], Command]:
        def command(source: Source, target: Path) -> Command:
            chunks = ["--chunk-size", ",".join(map(str, source.chunks))] if chunked and source.chunks else []
            options = [*index_options(source), *layout, *chunks, "--quiet"]
            return mdio_command("segy", "import", source.path, target, *options)

        return command

    def export(_: Source, store: Path, target: Path) -> Command:
        return mdio_command("segy", "export", store, target, "--quiet")

    def rechunk(_: Source, store: Path, chunks: Sequence[int]) -> Command:
        return mdio_command(
            "rechunk", store, "--chunk-size", ",".join(map(str, chunks)), "--suffix", "bench", "--quiet"
        )

    sharded = ingest("--layout", "v1", "--shards", "true", chunked=False)
    return [
        Tool(f"{OURS} v0", ".mdio", ingest(chunked=True), export, reader, rechunk),
        Tool(f"{OURS} v1 sharded", ".mdio", sharded, export, reader),
    ]


def tools_of(environment: Environment) -> list[Tool]:
    """Return the writers of an environment."""
    found = []
    if "multidimio" in environment.packages:
        major = int(environment.packages["multidimio"].split(".")[0])
        found.append(_multidimio_v0(environment) if major == 0 else _multidimio_v1(environment))
    if "openvds" in environment.packages:
        found.append(openvds(environment, "Zip"))
    return found


def _multidimio_v0(environment: Environment) -> Tool:
    def run(command: str, **arguments: Any) -> Command:
        script = str(DRIVERS / "multidimio_v0.py")
        return [environment.python, "-W", "ignore", script, command, json.dumps(arguments)]

    def ingest(source: Source, target: Path) -> Command:
        survey = source.survey
        chunks = source.chunks or ([8, 8, 32, 512] if survey.kind == "prestack" else None)  # no default there
        options = {"index_bytes": survey.keys, "index_names": survey.names, "chunksize": chunks}
        return run("import", segy_path=str(source.path), mdio_path_or_buffer=str(target), **options)

    def export(source: Source, store: Path, target: Path) -> Command:
        axes = "".join(str(axis) for axis in range(len(source.survey.shape)))
        paths = {"mdio_path_or_buffer": str(store), "output_segy_path": str(target)}
        return run("export", **paths, access_pattern=axes)

    def rechunk(source: Source, store: Path, chunks: Sequence[int]) -> Command:
        return run("rechunk", store=str(store), chunks=list(chunks), axes=len(source.survey.shape))

    reader = Reader(environment.python, "multidimio_v0.py")
    return Tool(environment.name("multidimio"), ".mdio", ingest, export, reader, rechunk, PEER_SETTINGS)


def _multidimio_v1(environment: Environment) -> Tool:
    def run(command: str, **arguments: Any) -> Command:
        script = str(DRIVERS / "multidimio_v1.py")
        return [environment.python, "-W", "ignore", script, command, json.dumps(arguments)]

    def ingest(source: Source, target: Path) -> Command:
        paths = {"source": str(source.path), "target": str(target)}
        template = _TEMPLATES[source.survey.kind]
        return run("import", **paths, template=template, keys=source.named_keys, chunks=source.chunks)

    def export(source: Source, store: Path, target: Path) -> Command:
        return run("export", source=str(store), target=str(target), keys=source.named_keys)

    def rechunk(_: Source, store: Path, chunks: Sequence[int]) -> Command:
        return run("rechunk", store=str(store), chunks=list(chunks))

    reader = Reader(environment.python, "multidimio_v1.py")
    return Tool(environment.name("multidimio"), ".mdio", ingest, export, reader, rechunk, PEER_SETTINGS)


def openvds(environment: Environment, method: str, tolerance: float | None = None) -> Tool:
    """Return ``SEGYImport`` and ``SEGYExport`` of a wheel with a compression method, lossy ones with a tolerance."""
    folder = Path(environment.python).parent
    lossy = [] if tolerance is None else ["--tolerance", str(tolerance)]

    def ingest(source: Source, target: Path) -> Command:
        survey = source.survey
        kind = {"stack": [], "prestack": ["--prestack"], "line2d": ["--2d"]}[survey.kind]
        words = {"inline": "InlineNumber", "crossline": "CrosslineNumber", "offset": "Offset"}
        words |= {"cdp": "EnsembleNumber"}
        places = [f"--header-field={words[name]}={byte}:4" for name, byte in source.named_keys.items()]
        how = ["--compression-method", method, *lossy, *kind, *places, "--disable-print-text-header"]
        return [str(folder / "SEGYImport"), "--vdsfile", str(target), *how, str(source.path)]

    def export(_: Source, store: Path, target: Path) -> Command:
        return [str(folder / "SEGYExport"), "--quiet", "--vdsfile", str(store), str(target)]

    name = " ".join([environment.name("openvds"), method, *lossy[1:]])
    return Tool(name, ".vds", ingest, export, Reader(environment.python, "read_openvds.py"))


def own_vds(method: str) -> Tool:
    """Return our own VDS with a compression method."""

    def ingest(source: Source, target: Path) -> Command:
        survey = source.survey
        words = [f"header_locations={','.join(map(str, survey.keys))}", f"header_names={','.join(survey.names)}"]
        inputs = [part for word in words for part in ("-i", word)]
        return mdio_command("convert", source.path, target, *inputs, "-o", f"compression={method.lower()}", "--quiet")

    def export(_: Source, store: Path, target: Path) -> Command:
        return mdio_command("convert", store, target, "--quiet")

    return Tool(f"{OURS} VDS {method}", ".vds", ingest, export, Reader(sys.executable, "read_mdio.py"))
