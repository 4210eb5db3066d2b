"""``mdio doctor``: looks for what makes an installation or a machine fail later, and says what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import typer

from mdio.cli import render
from mdio.cli.options import Json
from mdio.exceptions import MDIOError
from mdio.plugins.manager import BROKEN, INCOMPATIBLE
from mdio.plugins.registry import registry

app = typer.Typer()

OK: Final = "ok"
WARNING: Final = "warning"
FAILED: Final = "failed"

_LIBRARIES: Final = ("numpy", "zarr", "numcodecs", "fsspec", "pydantic", "pluggy", "typer", "rich")
_COMPILED: Final = ("mdio.flow", "mdio_compression", "mdio_segy")
"""Packages whose module ``kernel`` says whether their inner loops are compiled."""
_MINIMUM_FILES: Final = 1024
_MINIMUM_TEMP: Final = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at.

    Parameters
    ----------
    topic
        What.
    state
        ``"ok"``, ``"warning"`` or ``"failed"``.
    text
        What was found, and what to do about it.
    """

    topic: str
    state: str
    text: str


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look at the installation and the machine; exit code 1 when something will not work."""
    found = [diagnosis for look in _LOOKS for diagnosis in look()]
    if as_json:
        render.output_json([{"topic": d.topic, "state": d.state, "text": d.text} for d in found])
    else:
        styles = {OK: "green", WARNING: "yellow", FAILED: "red"}
        render.table([(d.topic, d.state, d.text) for d in found], ("Topic", "State", "Found"), styles=styles)
    failed = [d.topic for d in found if d.state == FAILED]
    if failed:
        raise MDIOError(f"will not work: {', '.join(failed)}", hint="see the lines marked failed")


def _python() -> Iterator[Diagnosis]:
    import platform

    text = f"{platform.python_version()} at {sys.executable}, {platform.system()} {platform.machine()}"
    yield Diagnosis("python", OK, text)
    if sys.byteorder != "little":
        yield Diagnosis("python", WARNING, "a big-endian machine; the toolkit is tested on little-endian ones")


def _versions() -> Iterator[Diagnosis]:
    from importlib.metadata import PackageNotFoundError, version

    import mdio

    yield Diagnosis("mdio-core", OK, f"{mdio.__version__} in {os.path.dirname(mdio.__file__)}")
    texts = []
    for name in _LIBRARIES:
        try:
            texts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Diagnosis(name, FAILED, f"not installed; run: pip install {name}")
    yield Diagnosis("libraries", OK, ", ".join(texts))


def _owners() -> Iterator[Diagnosis]:
    """Report other distributions that bring a package or a command ``mdio``; whichever came last is in use."""
    from importlib.metadata import entry_points, packages_distributions

    owners = {*packages_distributions().get("mdio", ())}
    scripts = {
        point.dist.name for point in entry_points(group="console_scripts", name="mdio") if point.dist is not None
    }
    others = sorted((owners | scripts) - {"mdio-core"})
    if not others:
        yield Diagnosis("package", OK, "only mdio-core owns the package and the command mdio")
        return
    yield Diagnosis(
        "package",
        WARNING,
        f"{', '.join(others)} and mdio-core both own the package or the command mdio, and overwrite each "
        "other's files; use a fresh environment",
    )


def _plugins() -> Iterator[Diagnosis]:
    for plugin in registry().plugins:
        where = f"{plugin.distribution} {plugin.version}"
        if plugin.state in {BROKEN, INCOMPATIBLE}:
            text = f"{plugin.state} ({where}): {plugin.problem}; see: mdio plugins show {plugin.name}"
            yield Diagnosis(f"plugin {plugin.name}", WARNING, text)
        else:
            state = WARNING if plugin.problem and plugin.contributions else OK
            text = f"{plugin.state} ({where})" + (f": {plugin.problem}" if plugin.problem else "")
            yield Diagnosis(f"plugin {plugin.name}", state, text)
    for conflict in registry().conflicts:
        yield Diagnosis("plugins", WARNING, str(conflict))


def _compiled() -> Iterator[Diagnosis]:
    from importlib import import_module
    from importlib.util import find_spec

    for package in filter(find_spec, _COMPILED):
        if import_module(f"{package}.kernel").is_compiled():
            yield Diagnosis(package, OK, "its inner loops are compiled")
        else:
            text = "its inner loops are not compiled, which doubles what it takes; install it again with a C compiler"
            yield Diagnosis(package, WARNING, text)


def _codecs() -> Iterator[Diagnosis]:
    try:
        import numcodecs
    except Exception as error:  # noqa: BLE001 - a version string of zfpy that it cannot parse raises ValueError
        text = f"cannot be imported: {type(error).__name__}: {error}; "
        yield Diagnosis("numcodecs", FAILED, text + "a post-release of zfpy does that: pip install 'zfpy==1.0.1'")
        return
    yield Diagnosis("numcodecs", OK, f"imports, {len(numcodecs.registry.codec_registry)} codecs")


def _limits() -> Iterator[Diagnosis]:
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Diagnosis("processors", OK, f"{available} of {os.cpu_count()}")
    memory = _memory()
    if memory:
        yield Diagnosis("memory", OK, f"{memory / 1024**3:.1f} GiB")
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= files < _MINIMUM_FILES:
        yield Diagnosis("open files", WARNING, f"at most {files}; run: ulimit -n {_MINIMUM_FILES}")
    else:
        yield Diagnosis("open files", OK, f"at most {files}")


def _memory() -> int:
    """Return the bytes of memory this process may use: of the machine, or of its control group if less."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path, encoding="ascii") as file:
                text = file.read().strip()
        except OSError:
            continue
        if text.isdecimal():
            total = min(total, int(text))
    return total


def _temporary() -> Iterator[Diagnosis]:
    import shutil
    import tempfile

    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Diagnosis("temporary files", FAILED, f"cannot be written: {error}; set TMPDIR")
        return
    text = f"{free / 1024**3:.1f} GiB free in {folder}"
    if free < _MINIMUM_TEMP:
        yield Diagnosis("temporary files", WARNING, text + "; set TMPDIR to a folder with more room")
    else:
        yield Diagnosis("temporary files", OK, text)


_LOOKS: Final[tuple[Callable[[], Iterator[Diagnosis]], ...]] = (
    _python,
    _versions,
    _owners,
    _plugins,
    _compiled,
    _codecs,
    _limits,
    _temporary,
)
