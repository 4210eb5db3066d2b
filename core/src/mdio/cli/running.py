"""What every command that converts does alike: show the plan, show progress, say how it went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mdio.cli import render
from mdio.cli.options import Settings

if TYPE_CHECKING:
    from mdio.convert import Conversion
    from mdio.flow.events import Observer, Report

__all__ = ["carry_out", "ends_of", "progress_of", "report_facts", "show_plan", "size_text"]


def carry_out(
    conversion: Conversion, settings: Settings, *, quiet: bool = False, dry_run: bool = False, as_json: bool = False
) -> None:
    """Run a conversion, or only print its plan, and print what was done."""
    if dry_run:
        show_plan(conversion, as_json=as_json)
        return
    from mdio.cli.memory import give_slabs_back

    give_slabs_back()
    report = conversion.run(observers=[progress_of(settings, quiet=quiet)])
    if as_json:
        render.output_json(report_facts(conversion, report))
    for region, reason in report.skipped:
        render.lines(f"skipped {list(region)}: {reason}")


def progress_of(settings: Settings, *, quiet: bool = False) -> Observer:
    """Return what shows progress and warnings on standard error, as the call asks for it."""
    from mdio.flow.progress import progress_observer

    return progress_observer(quiet=quiet or settings.quiet, log="json" if settings.log == "json" else "text")


def show_plan(conversion: Conversion, *, as_json: bool = False) -> None:
    """Print what a run would do; nothing is written."""
    volume, plan = conversion.plan()
    try:
        schema = volume.schema
        facts: dict[str, Any] = {
            **ends_of(conversion),
            **plan.describe(),
            "shape": {dim.name: dim.size for dim in schema.dims},
            "samples": schema.dtype.name,
            "traces": schema.metadata.trace_count,
        }
    finally:
        volume.close()
    if as_json:
        render.output_json(facts)
        return
    render.key_values(_plan_for_people(facts))


def _plan_for_people(facts: Mapping[str, Any]) -> dict[str, str]:
    shape = " × ".join(f"{name} {size}" for name, size in facts["shape"].items())
    slab = " × ".join(map(str, facts["slab"]))
    shown = {
        "would convert": f"{facts['source']} → {facts['target']}",
        "shape": f"{shape}, {facts['samples']}",
        "traces": f"{facts['traces']:,}",
        "slabs": f"{facts['slabs']} of up to {slab}, {size_text(facts['slab_bytes'])} each",
        "memory": f"{size_text(facts['peak_bytes'])} at most, by {facts['workers']} workers",
        "memory budget": size_text(facts["memory"]),
        "samples read": f"{facts['read_amplification']:g} times each",
    }
    return shown | ({"note": "; ".join(facts["notes"])} if facts["notes"] else {})


def ends_of(conversion: Conversion) -> dict[str, str]:
    """Return source and target for people and logs, without what opens them."""
    from mdio.storage.urls import redact

    return {"source": redact(conversion.source), "target": redact(conversion.target)}


def report_facts(conversion: Conversion, report: Report) -> dict[str, Any]:
    """Return a report as plain data for ``--json``."""
    return {
        **ends_of(conversion),
        "slabs": report.slabs,
        "resumed": report.resumed,
        "skipped": [{"region": [list(pair) for pair in region], "reason": reason} for region, reason in report.skipped],
        "bytes": report.bytes,
        "seconds": round(report.seconds, 3),
        "statistics": dict(report.statistics),
    }


def size_text(count: int) -> str:
    """Return a number of bytes for people."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""  # pragma: no cover - the loop returns
