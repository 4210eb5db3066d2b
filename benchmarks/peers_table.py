"""What other releases make of our files, and we of theirs: the interop tests, as one table of releases and checks.

    python -m benchmarks.peers_table [WORD …]

The path of each release's Python stands in a variable, e.g. ``MDIO_PEER_MULTIDIMIO_1_1_3``; see ``.ci/run``. What is
not given is named as not at hand. ``WORD`` limits the checks to those that hold one of the words. The exit code is 1
when something differs, and 2 when nothing was run.
"""

from __future__ import annotations

import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("tests/interop", "tests/vds")
KNOWN = {
    "MDIO_PEER_MULTIDIMIO_0_8_5": "multidimio 0.8.5",
    "MDIO_PEER_MULTIDIMIO_0_9_3": "multidimio 0.9.3",
    "MDIO_PEER_MULTIDIMIO_1_1_3": "multidimio 1.1.3",
    "MDIO_PEER_MULTIDIMIO_1_2_3": "multidimio 1.2.3",
    "MDIO_PEER_OPENVDS": "openvds",
}
"""Variable and the release it stands for."""

_PEER = re.compile(r"MDIO_PEER_\w+")


@dataclass
class Cell:
    """How a check of one release ended; a check may be run on several datasets."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """``ok``, ``differs``, or why it was skipped."""
        total = self.outcomes.total()
        if bad := self.outcomes["failed"]:
            return f"DIFFERS {bad}/{total}" if total > 1 else "DIFFERS"
        if good := self.outcomes["passed"]:
            skipped = f", {total - good} skipped" if good < total else ""
            return f"ok ×{good}{skipped}" if total > 1 else "ok"
        return f"skipped [{', '.join(sorted(self.reasons))}]" if total else "-"


class Collector:
    """A pytest plugin that sorts outcomes by check and release."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, Cell]] = defaultdict(lambda: defaultdict(Cell))
        self.reasons: dict[str, int] = {}
        self.messages: dict[str, str] = {}
        self._where: dict[str, tuple[str, list[str]]] = {}

    def pytest_collection_modifyitems(self, items: Sequence[Any]) -> None:
        """Note the check and the releases of each test."""
        for item in items:
            said = " ".join(str(mark.kwargs.get("reason", "")) for mark in item.iter_markers("skipif"))
            check = f"{Path(item.path).stem.removeprefix('test_')}: {item.originalname.removeprefix('test_')}"
            self._where[item.nodeid] = (check.replace("_", " "), sorted(set(_PEER.findall(said))))

    def pytest_collectreport(self, report: Any) -> None:
        """Note a module that cannot be read."""
        if report.failed:
            self.messages[report.nodeid] = f"{report.nodeid}: {str(report.longrepr).splitlines()[-1]}"

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note how a test ended."""
        if report.when != "call" and report.outcome == "passed":
            return
        check, peers = self._where.get(report.nodeid, ("", []))
        for peer in peers:
            cell = self.cells[check][peer]
            cell.outcomes[report.outcome] += 1
            if report.outcome == "skipped":
                reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
                number = self.reasons.setdefault(reason.removeprefix("Skipped: "), len(self.reasons) + 1)
                cell.reasons.add(str(number))
        if report.outcome == "failed":
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message if crash else str(report.longrepr)
            self.messages.setdefault(check, f"{report.nodeid.split('::')[-1]}: {' '.join(text.split())[:160]}")


def table(cells: Mapping[str, Mapping[str, Cell]], names: Mapping[str, str]) -> str:
    """Return the checks as rows and the releases that were asked as columns.

    Parameters
    ----------
    cells
        ``{check: {variable: cell}}``.
    names
        Heading of each column by variable, in the order of the columns.
    """
    columns = [peer for peer in names if any(peer in row for row in cells.values())]
    rows = [["check", *(names[peer] for peer in columns)]]
    rows += [[check, *(row[peer].text if peer in row else "" for peer in columns)] for check, row in cells.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def main(words: Iterable[str] = ()) -> int:
    """Run the checks, print the table and return the exit code."""
    os.chdir(ROOT)
    collector = Collector()
    chosen = [f"-k={' or '.join(words)}"] if words else []
    options = ["-m", "interop", "-q", "--no-header", "--no-summary", "--show-capture=no", "--tb=short", *chosen]
    code = pytest.main([*options, *FOLDERS], plugins=[collector])
    given = {peer for peer in os.environ if _PEER.fullmatch(peer) and os.environ[peer]}
    names = KNOWN | {peer: peer.removeprefix("MDIO_PEER_") for peer in sorted(given - KNOWN.keys())}
    shown = {peer: name for peer, name in names.items() if peer in given}
    cells = {
        check: {peer: cell for peer, cell in row.items() if peer in given} for check, row in collector.cells.items()
    }
    print("\n" + table({check: row for check, row in sorted(cells.items()) if row}, shown))
    used = {number for row in cells.values() for cell in row.values() for number in cell.reasons}
    for reason, number in collector.reasons.items():
        if str(number) in used:
            print(f"[{number}] {reason}")
    for _, message in sorted(collector.messages.items()):
        print(f"differs: {message}")
    for peer in sorted(names.keys() - given):
        print(f"not at hand: {names[peer]} ({peer} is not set)")
    if not any(row for row in cells.values()):
        why = "no variable of a release is set" if not given else "no check of a release that is given was run"
        print(f"nothing was checked: {why}", file=sys.stderr)
        return 2
    failed = any(cell.outcomes["failed"] for row in cells.values() for cell in row.values())
    return 1 if failed or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
