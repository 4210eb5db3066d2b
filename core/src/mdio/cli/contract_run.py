"""Runs the published contracts on an installed plugin, in a process of its own, and says which did not hold."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from mdio.cli.checking import Finding
from mdio.plugins.manager import OK, Plugin

__all__ = ["contracts"]

_CORE = "builtin"

_LONGEST = 300
"""Characters of a message: those of the contracts say what to do at their end."""


def contracts(plugin: Plugin, file: str = "") -> list[Finding]:
    """Return a finding for each contribution that was tried.

    Parameters
    ----------
    plugin
        What to try; one that did not load, or lives in this process only, has nothing to try.
    file
        A file for its readers; without one, readers without a writer are not tried, and the finding says so.
    """
    installed = {point.name for point in entry_points(group="mdio.plugins")} | {_CORE}
    if plugin.state != OK or plugin.name not in installed:
        return []
    if find_spec("pytest") is None:
        return [Finding("contracts", note='they need pip install "mdio-core[testing]"')]
    with tempfile.TemporaryDirectory(prefix="mdio-check-") as folder:
        report = Path(folder) / "report.xml"
        done = _pytest(plugin.name, _absolute(file), Path(folder), report)
        if not report.exists():
            return [Finding("contracts", " ".join((done.stderr or done.stdout).split())[-300:])]
        return _findings(report.read_text(encoding="utf-8"))


def _absolute(file: str) -> str:
    """Return a path that holds in another directory; URLs do as they are."""
    return file if not file or "://" in file else str(Path(file).absolute())


def _pytest(name: str, file: str, folder: Path, report: Path) -> subprocess.CompletedProcess[str]:
    import mdio.testing

    suite = Path(mdio.testing.__file__).with_name("suite.py")
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={folder}", "--import-mode=importlib"]
    options += ["-o", "python_classes=Test*", f"--basetemp={folder / 'data'}", f"--junitxml={report}"]
    environment = {
        **os.environ,
        "MDIO_CHECK_PLUGIN": name,
        "MDIO_CHECK_FILE": file,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(  # noqa: S603 - our own interpreter and our own tests
        [sys.executable, "-m", "pytest", *options, str(suite)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )


def _findings(report: str) -> list[Finding]:
    """Return what pytest's report says, one finding a class."""
    cases: dict[str, list[ElementTree.Element]] = {}
    for case in ElementTree.fromstring(report).iter("testcase"):  # noqa: S314 - written by the process above
        what = case.get("classname", "").rpartition(".")[2].removeprefix("Test ") or "collecting the contracts"
        cases.setdefault(what, []).append(case)
    return [_finding(what, tried) for what, tried in cases.items()]


def _finding(what: str, cases: list[ElementTree.Element]) -> Finding:
    skipped = [case for case in cases if case.find("skipped") is not None]
    if len(skipped) == len(cases):
        why = skipped[0].find("skipped")
        return Finding(f"contract of {what}", note="" if why is None else why.get("message", ""))
    failures = []
    for case in cases:
        failed = case.find("failure") if case.find("failure") is not None else case.find("error")
        if failed is not None:
            message = " ".join(failed.get("message", "").split())
            failures.append(f"{case.get('name', '')}: {message[:_LONGEST]}")
    return Finding(f"contract of {what}, {len(cases) - len(skipped)} tests", "; ".join(failures))
