"""What was measured, as JSON, as tables of ratios, and as the short table of the README."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.tools import OURS

__all__ = ["Record", "Results", "grouped", "load", "ratios", "readme_table", "save", "show"]

UNITS = {
    "seconds": "s",
    "cpu": "CPU s",
    "memory": "peak MB",
    "size": "MB",
    "cpu a gigabyte": "CPU s/GB",
    "kept a trace": "bytes/trace kept",
    "files a trace": "bytes/trace of temporary files",
}
"""Headings of measures; all others are latencies in milliseconds."""


@dataclass
class Record:
    """One contestant in one case on one input.

    Parameters
    ----------
    case, input, name
        What was done, to what, by whom.
    values
        Measure to the values of all rounds; ``seconds``, ``cpu``, ``memory`` and ``size`` (MB), or milliseconds.
    equal
        Whether the result was right; None where nothing can be compared.
    note
        Why there are no values, or more about the result.
    """

    case: str
    input: str
    name: str
    values: dict[str, list[float]] = field(default_factory=dict)
    equal: bool | None = None
    note: str = ""

    @property
    def ours(self) -> bool:
        return self.name == OURS or self.name.startswith(f"{OURS} ")

    def best(self, measure: str) -> float | None:
        """The smallest value of a measure, None where there is none."""
        return min(self.values[measure]) if self.values.get(measure) else None


@dataclass
class Results:
    """All records of a run, and where and when it was."""

    machine: dict[str, Any]
    records: list[Record]

    @property
    def wrong(self) -> list[Record]:
        """Our own results that are not right or not there."""
        return [record for record in self.records if record.ours and (record.equal is False or not record.values)]


def save(results: Results, path: Path) -> None:
    """Write JSON."""
    path.write_text(json.dumps(asdict(results), indent=1) + "\n")


def load(path: Path) -> Results:
    """Read JSON."""
    found = json.loads(path.read_text())
    return Results(found["machine"], [Record(**record) for record in found["records"]])


def grouped(records: Iterable[Record]) -> Iterator[tuple[str, str, list[Record]]]:
    """Yield ``(case, input, records)`` in the order of the first record of each."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.case, record.input), []).append(record)
    for (case, name), found in groups.items():
        yield case, name, found


def ratios(records: Sequence[Record]) -> list[tuple[Record, Record, dict[str, float]]]:
    """Return ``(ours, peer, {measure: peer's best / our best})`` for every pair of a group."""
    pairs = []
    for ours in (record for record in records if record.ours):
        for peer in (record for record in records if not record.ours):
            found = {}
            for measure in ours.values:
                mine, theirs = ours.best(measure), peer.best(measure)
                if mine and theirs is not None:
                    found[measure] = theirs / mine
            if found:
                pairs.append((ours, peer, found))
    return pairs


def show(results: Results, console: Any) -> None:
    """Print a table of every group: best (median) of each measure, then how many times ours the others take."""
    from rich.table import Table

    console.print(", ".join(f"{name} {value}" for name, value in results.machine.items()))
    for case, name, records in grouped(results.records):
        measures = list(dict.fromkeys(measure for record in records for measure in record.values))
        table = Table(title=f"{case} · {name}", title_justify="left")
        table.add_column("best (median)")
        for measure in measures:
            table.add_column(UNITS.get(measure, f"{measure} ms"), justify="right")
        table.add_column("result")
        for record in records:
            verdict = {True: "equal", False: "DIFFERENT", None: ""}[record.equal]
            cells = [_cell(record.values.get(measure, [])) for measure in measures]
            table.add_row(record.name, *cells, " ".join(filter(None, [verdict, record.note])))
        table.add_section()
        for ours, peer, found in ratios(records):
            cells = [f"×{found[measure]:.3g}" if measure in found else "" for measure in measures]
            table.add_row(f"{peer.name} / {ours.name}", *cells, "", style="bold")
        console.print(table)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    best, middle = min(values), statistics.median(values)
    return f"{_number(best)} ({_number(middle)})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


_SHORT = {
    "ingest": ("seconds", "memory", "size"),
    "export": ("seconds",),
    "vds import": ("seconds", "size"),
    "vds export": ("seconds",),
    "rechunk": ("seconds",),
    "reads": ("inline", "crossline", "slice", "cube", "trace", "scan"),
    "lazy": ("slice", "slice again", "cube", "cube again"),
    "lossy": ("seconds", "size"),
}
"""Cases of the short table and their measures."""


def readme_table(results: Results, words: Sequence[str] = ()) -> str:
    """Return Markdown: how many times what mdio takes each peer takes, with date and machine.

    Parameters
    ----------
    results
        Of a run.
    words
        Inputs whose name holds one of them; all by default.
    """
    machine = results.machine
    lines = [
        f"Times that a peer takes what mdio takes, the best of {machine.get('repeat', '?')} runs in turns each; "
        f"{machine.get('cores', '?')} cores ({machine.get('processor', '?')}), {machine.get('date', '?')[:10]}, "
        "by `python -m benchmarks`.",
        "",
        "| case | input | mdio | peer | ratios |",
        "|---|---|---|---|---|",
    ]
    for case, name, records in grouped(results.records):
        if case not in _SHORT or (words and not any(word in name for word in words)):
            continue
        first = next((record.name for record in records if record.ours), None)
        for ours, peer, found in ratios(records):
            if case == "reads" and ("cache" in ours.name or "SEG-Y" in peer.name):
                continue
            if ours.name != first and case != "reads":
                continue
            cells = [f"{measure} {found[measure]:.2g}×" for measure in _SHORT[case] if measure in found]
            if cells:
                mine = ours.name.removeprefix(OURS).strip()
                lines.append(f"| {case} | {name} | {mine} | {peer.name} | {', '.join(cells)} |")
    return "\n".join(lines) + "\n"
