"""How ``mdio segy scan`` looks on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdio.cli import render
from mdio.cli.running import size_text

__all__ = ["show_report"]

_FEW = 6


def show_report(report: Mapping[str, Any], *, text: bool = False) -> None:
    """Print a report for people: the file, its geometry, what varies, what could index it, what is odd.

    Parameters
    ----------
    report
        What ``scan_report`` returns.
    text
        Print the textual header, too.
    """
    render.key_values(_summary(report))
    if text:
        lines = [line.rstrip() for line in report["text"]]
        while lines and not lines[-1]:
            lines.pop()
        render.lines("", *(lines or ["(the textual header is blank)"]))
    if report["varying"]:
        render.lines("")
        rows = [(row["byte"], row["word"], row["min"], row["max"]) for row in report["varying"]]
        render.table(rows, ["Byte", "Varying word", "Min", "Max"], right=["Byte", "Min", "Max"])
    render.lines("")
    _show_candidates(report["candidates"])
    _show_defects(report)


def _summary(report: Mapping[str, Any]) -> dict[str, str]:
    form, traces, sizes = report["format"], report["traces"], report["sizes"]
    endian = form["endian"] + ("" if form["endian"] == form["data_endian"] else f", samples {form['data_endian']}")
    step = f" every {traces['interval_us'] / 1000:g} ms" if traces["interval_us"] else ""
    summary = {
        "file": f"{report['file']['url']}  ({size_text(report['file']['bytes'])})",
        "samples": f"{form['sample_format']} (code {form['code']}), {endian} endian, revision {form['revision']}",
        "traces": f"{traces['count']} × {traces['samples']} samples{step}",
        "layout": f"first trace at byte {traces['first_at_byte']}, {form['trace_header_bytes']}-byte trace headers"
        + (f", {traces['trailing_bytes']} bytes behind the last trace" if traces["trailing_bytes"] else ""),
    }
    if report["evidence"]:
        summary["because"] = "\n".join(report["evidence"])
    if report["mapping"]["names"] or report["mapping"]["note"]:
        summary["mapping"] = _mapping(report["mapping"])
    if sizes["sample_range"]:
        low, high = sizes["sample_range"]
        summary["values"] = f"{low:g} to {high:g} in {sizes['estimated_from_traces']} traces looked at"
    if sizes["decoded"]:
        summary["size"] = (
            f"{size_text(sizes['decoded'])} decoded, about {size_text(sizes['mdio_lossless'])} as lossless MDIO"
        )
    summary["import"] = _import(report["geometry"])
    return summary


def _import(geometry: Mapping[str, Any]) -> str:
    grid = " × ".join(f"{name} {size}" for name, size in zip(geometry["names"], geometry["shape"], strict=True))
    if not geometry["locations"]:
        return f"{grid} (no usual header words make a grid)"
    places = ", ".join("none" if place is None else str(place) for place in geometry["locations"])
    how = "found at" if geometry["found"] else "given at"
    return f"{grid}; {how} bytes {places}; {_percent(geometry['fill'])} filled"


def _mapping(mapping: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{one['name']} {one['byte']}" for one in mapping["names"][:_FEW])
    more = ", …" if len(mapping["names"]) > _FEW else ""
    names = [f"{len(mapping['names'])} header words have names in the file: {shown}{more}"] if shown else []
    return "; ".join([*names, *filter(None, [mapping["note"]])])


def _percent(part: float) -> str:
    """Return a part as a percentage; only a full grid is 100 %."""
    return "100%" if part >= 1 else f"{min(part, 0.999):.1%}"


def _show_candidates(candidates: list[dict[str, Any]]) -> None:
    good = [one for one in candidates if "problem" not in one]
    if good:
        rows = [
            (
                ",".join(one["names"]),
                ",".join(map(str, one["locations"])),
                " × ".join(map(str, one["shape"])),
                _percent(one["fill"]),
            )
            for one in good
        ]
        render.table(rows, ["Possible index", "Bytes", "Grid", "Filled"], right=["Filled"])
        names, places = ",".join(good[0]["names"]), ",".join(map(str, good[0]["locations"]))
        render.lines("", f"mdio segy import … --header-locations {places} --header-names {names}")
    else:
        render.lines("No usual header words make a grid: import makes (trace, sample) without keys.")
    several = [one for one in candidates if "shared" in one]
    if several:
        sharing = [
            (
                ",".join(one["names"]),
                ",".join(map(str, one["locations"])),
                str(one["shared"]["traces"]),
                str(one["shared"]["cells"]),
                str(one["shared"]["most"]),
            )
            for one in several
        ]
        columns = ["No index alone", "Bytes", "Traces sharing", "Cells", "Most in one"]
        render.lines("")
        render.table(sharing, columns, right=columns[2:])


def _show_defects(report: Mapping[str, Any]) -> None:
    said = [("warning", message) for message in report["warnings"]]
    for finding in report["findings"]:
        where = f" (first: {finding['where']})" if finding["where"] else ""
        said.append(("note" if finding["severity"] == "info" else finding["severity"], finding["message"] + where))
    if said:
        render.lines("")
        render.key_values(said)
    for one in report["suggestions"]:
        render.lines("", f"{one['why']}; what helps:", f"  {one['options']}")
