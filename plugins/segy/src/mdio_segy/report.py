"""``mdio segy scan``: what a file holds, what varies in its headers, and which words may index it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.convert import Stores
from mdio.validation import validated
from mdio_segy.fields import trace_header_layout
from mdio_segy.filehead import SegyLayout, read_layout
from mdio_segy.opening import SegyWarning, layout_overrides
from mdio_segy.options import SegyReadOptions
from mdio_segy.scan import weigh_candidates
from mdio_segy.tracefile import TraceFile

__all__ = ["scan_report", "show_report"]

if TYPE_CHECKING:
    from mdio_segy.scan import Candidate


def scan_report(url: str, options: Mapping[str, Any], storage_options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a scan finds, as plain data.

    Parameters
    ----------
    url
        The file.
    options
        Fields of ``SegyReadOptions`` that describe the file, not its geometry.
    storage_options
        Options of the store.

    Returns
    -------
    dict
        ``file``, ``format``, ``traces``, ``varying`` (word, byte, min, max), ``candidates`` (ranked), ``warnings``.
    """
    checked = validated(SegyReadOptions, options, "scan")
    store = Stores(storage_options).open(url)
    with contextlib.closing(store.open()) as reader, warnings.catch_warnings():
        warnings.simplefilter("ignore", SegyWarning)
        layout = read_layout(reader, layout_overrides(checked), url=store.url)
        traces = TraceFile(reader, layout)
        return {
            "file": {"url": store.url, "bytes": reader.size},
            "format": _format(layout),
            "traces": {
                "count": layout.trace_count,
                "samples": layout.samples,
                "interval_us": layout.interval_us,
                "record_bytes": layout.trace_bytes,
                "first_at_byte": layout.data_offset,
                "trailing_bytes": layout.trailer_bytes,
            },
            "varying": _varying(traces, layout),
            "candidates": _candidates(traces, layout),
            "warnings": list(layout.warnings),
            "text": list(layout.text),
        }


def _format(layout: SegyLayout) -> dict[str, Any]:
    return {
        "sample_format": layout.format.name,
        "code": layout.format.code,
        "revision": f"{layout.revision >> 8}.{layout.revision & 0xFF}",
        "endian": "big" if layout.big_endian else "little",
        "data_endian": "big" if layout.data_big_endian else "little",
        "trace_header_bytes": layout.header_bytes,
        "file_header_bytes": layout.data_offset,
    }


def _varying(traces: TraceFile, layout: SegyLayout) -> list[dict[str, Any]]:
    """Return the standard words that differ between traces, with their ranges."""
    header = trace_header_layout(layout.big_endian, 240)
    names = [field.name for field in header.fields]
    low = dict.fromkeys(names, 1 << 63)
    high = dict.fromkeys(names, -(1 << 63))
    for _, records in traces.scan(0, 240):
        words = records.view(header.struct)[:, 0]
        for name in names:
            low[name] = min(low[name], int(words[name].min()))
            high[name] = max(high[name], int(words[name].max()))
    return [
        {"word": field.name, "byte": field.offset + 1, "min": low[field.name], "max": high[field.name]}
        for field in header.fields
        if low[field.name] < high[field.name]
    ]


def _candidates(traces: TraceFile, layout: SegyLayout) -> list[dict[str, Any]]:
    """Return the usual geometries that make a grid, fullest first, then those that do not, with the reason."""
    weighed = [candidate for candidate, _ in weigh_candidates(traces, layout)]
    ranked = sorted(weighed, key=lambda one: (not one.plausible, bool(one.problem), -one.fill))
    return [_candidate(one, layout.samples) for one in ranked]


def _candidate(candidate: Candidate, samples: int) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "names": [name for name, _ in candidate.keys],
        "locations": [byte for _, byte in candidate.keys],
    }
    if candidate.problem:
        return facts | {"problem": candidate.problem}
    return facts | {"shape": [*candidate.shape, samples], "fill": round(candidate.fill, 4)}


def show_report(report: Mapping[str, Any]) -> None:
    """Print a report for people."""
    from mdio.cli import render
    from mdio.cli.running import size_text

    form, traces = report["format"], report["traces"]
    endian = form["endian"] + ("" if form["endian"] == form["data_endian"] else f", samples {form['data_endian']}")
    render.key_values(
        {
            "file": f"{report['file']['url']}  ({size_text(report['file']['bytes'])})",
            "samples": f"{form['sample_format']} (code {form['code']}), {endian} endian, revision {form['revision']}",
            "traces": f"{traces['count']} × {traces['samples']} samples every {traces['interval_us'] / 1000:g} ms",
            "layout": f"first trace at byte {traces['first_at_byte']}, {form['trace_header_bytes']}-byte trace headers"
            + (f", {traces['trailing_bytes']} bytes behind the last trace" if traces["trailing_bytes"] else ""),
        }
    )
    if report["varying"]:
        render.lines("")
        rows = [(row["byte"], row["word"], row["min"], row["max"]) for row in report["varying"]]
        render.table(rows, ["Byte", "Varying word", "Min", "Max"], right=["Byte", "Min", "Max"])
    render.lines("")
    _show_candidates(render, report["candidates"])
    for message in report["warnings"]:
        render.lines(f"warning: {message}")


def _show_candidates(render: Any, candidates: list[dict[str, Any]]) -> None:
    good = [one for one in candidates if "problem" not in one and np.prod(one["shape"]) > 0]
    rows = [
        (
            ",".join(one["names"]),
            ",".join(map(str, one["locations"])),
            " × ".join(map(str, one["shape"])),
            f"{one['fill']:.0%}",
        )
        for one in good
    ]
    if not rows:
        render.lines("No usual header words make a grid: an import without keys makes a (trace, sample) dataset.")
        return
    render.table(rows, ["Possible index", "Bytes", "Grid", "Filled"], right=["Filled"])
    best = good[0]
    names, places = ",".join(best["names"]), ",".join(map(str, best["locations"]))
    render.lines("", f"mdio segy import … --header-locations {places} --header-names {names}")
