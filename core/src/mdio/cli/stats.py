"""``mdio stats``: what is known of the samples of a dataset of any format, and what one pass over them finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.opening import InputOption, SourceFormat, observers, opened
from mdio.cli.options import Json, Memory, Quiet, StorageOptions, Workers, key_values, settings_of

if TYPE_CHECKING:
    from mdio.api.measuring import Histogram

__all__ = ["app"]

app = typer.Typer()

_WIDTH = 50
"""Characters of the longest bar."""


@app.command()
def stats(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Path or URL of a dataset of any format.")],
    compute: Annotated[
        bool, typer.Option("--compute", help="Walk the samples even where statistics are stored.")
    ] = False,
    histogram: Annotated[
        int | None, typer.Option("--histogram", min=1, max=10_000, metavar="N", help="Count samples in N bins, too.")
    ] = None,
    source_format: SourceFormat = None,
    source_option: InputOption = None,
    workers: Workers = None,
    memory: Memory = None,
    storage_options: StorageOptions = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Print the statistics of the samples: stored ones at once, else from one pass over the samples.

    Non-zero samples are what MDIO v0 counts; all samples are those of live traces, zeros included.
    """
    from mdio.api.measuring import histogram as count
    from mdio.api.measuring import measure_volume, stored_statistics

    settings = settings_of(context)
    with opened(url, source_format, key_values(source_option or []), storage_options) as source:
        found = None if compute else stored_statistics(source.volume)
        stored = found is not None
        if found is None or (histogram and not found.get("honest")):
            found, stored = (
                measure_volume(
                    source.volume, workers=workers, memory=memory, observers=observers(settings, quiet)
                ).summary(),
                False,
            )
        bars = None
        if histogram:
            honest = found["honest"]
            bars = count(
                source.volume,
                honest["min"],
                honest["max"],
                histogram,
                workers=workers,
                memory=memory,
                observers=observers(settings, quiet),
            )
        facts: dict[str, Any] = {"path": source.url, "format": source.format, "stored": stored, **_plain(found)}
        if facts.get("trace_count") is None and source.volume.schema.metadata.trace_count >= 0:
            facts["trace_count"] = source.volume.schema.metadata.trace_count
    if bars is not None:
        facts["histogram"] = {
            "counts": bars.counts.tolist(),
            "edges": bars.edges.tolist(),
            "outside": bars.outside,
        }
    if json:
        render.output_json(facts)
        return
    _show(facts)
    if bars is not None:
        render.lines("", *_picture(bars))


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers in the order in which they are shown."""
    names = ("mean", "std", "rms", "min", "max")
    plain = {key: found[key] for key in (*names, "trace_count") if key in found}
    honest = found.get("honest") or {}
    known = ("count", *names, "nan_count", "inf_count")
    return plain | ({"honest": {key: honest[key] for key in known if key in honest}} if honest else {})


def _show(facts: Mapping[str, Any]) -> None:
    names = ("mean", "std", "rms", "min", "max")
    rows = []
    for title, numbers in (("Non-zero samples", facts), ("All samples", facts.get("honest", {}))):
        if any(name in numbers for name in names):
            rows.append((title, *(_number(numbers.get(name)) for name in names)))
    origin = "stored" if facts["stored"] else "computed"
    render.table(rows, ("Statistics", *names), title=f"{facts['path']} ({origin})", right=names)
    honest = facts.get("honest", {})
    counted = [
        (what, f"{numbers[key]:,}")
        for what, key, numbers in (
            ("Live traces", "trace_count", facts),
            ("Finite samples", "count", honest),
            ("NaN", "nan_count", honest),
            ("Infinite", "inf_count", honest),
        )
        if key in numbers
    ]
    if counted:
        render.lines("")
        render.key_values(counted)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.6g}"


def _picture(bars: Histogram) -> Iterator[str]:
    """Yield a line for each bin: its first edge, a bar, its count."""
    most = max(1, int(bars.counts.max()))
    edges = [f"{edge:.4g}" for edge in bars.edges]
    wide = max(map(len, edges))
    for edge, count in zip(edges, bars.counts.tolist(), strict=False):
        # A bin that is not empty shows, however small.
        bar = "#" * max(int(count > 0), round(_WIDTH * count / most))
        yield f"{edge:>{wide}} | {bar:<{_WIDTH}} {count:,}"
    yield f"{edges[-1]:>{wide}}"
    if bars.outside:
        yield f"{bars.outside:,} samples lie outside: the stored extremes are not those of the samples"
