"""``mdio compare``: whether two datasets of any formats hold the same, and where they first differ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.opening import InputOption, observers, opened
from mdio.cli.options import Json, Memory, Quiet, StorageOptions, Workers, key_values, settings_of
from mdio.exceptions import ConfigError, IntegrityError

if TYPE_CHECKING:
    from mdio.api.comparing import Comparison, Tally

__all__ = ["app"]

app = typer.Typer()

_SHOWN = 10
"""Lines of text, words and fields that are shown to people; JSON has all."""


@app.command()
def compare(
    context: typer.Context,
    one: Annotated[str, typer.Argument(metavar="A", help="Path or URL of a dataset of any format.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Path or URL of another one.")],
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", metavar="X", help="Largest absolute difference of samples that counts as equal."),
    ] = None,
    samples_only: Annotated[
        bool, typer.Option("--samples-only", help="Look at samples alone: no axes, headers, live traces.")
    ] = False,
    one_format: Annotated[str | None, typer.Option("--from-a", metavar="FORMAT", help="Format of A.")] = None,
    other_format: Annotated[str | None, typer.Option("--from-b", metavar="FORMAT", help="Format of B.")] = None,
    source_option: InputOption = None,
    workers: Workers = None,
    memory: Memory = None,
    storage_options: StorageOptions = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compare two datasets: axes, live traces, samples bit by bit, trace headers, textual and binary header.

    Reader options (-i) are those of A. Ends with code 4 when anything differs.
    """
    if tolerance is not None and not (tolerance >= 0 and math.isfinite(tolerance)):
        raise ConfigError(f"--tolerance {tolerance}: expected a number of 0 or more")
    from mdio.api.comparing import compare as compare_volumes

    with (
        opened(one, one_format, key_values(source_option or []), storage_options) as a,
        opened(other, other_format, {}, storage_options) as b,
    ):
        result = compare_volumes(
            a.volume,
            b.volume,
            tolerance=tolerance,
            samples_only=samples_only,
            workers=workers,
            memory=memory,
            observers=observers(settings_of(context), quiet),
        )
        if json:
            render.output_json({"a": a.url, "b": b.url, **_facts(result)})
        else:
            for line in _lines(result):
                render.lines(line)
            render.lines(f"{a.url} and {b.url}: {_verdict(result, tolerance)}")
    if not result.equal:
        raise typer.Exit(IntegrityError.exit_code)


def _facts(result: Comparison) -> dict[str, Any]:
    return {
        "equal": result.equal,
        "grid": result.grid,
        "sample_type": result.sample_type,
        "live": _tally(result.live),
        "samples": {
            "compared": result.compared,
            **_tally(result.samples),
            "traces": result.traces,
            "largest": result.largest,
            "not_finite": result.not_finite,
        },
        "lengths": _tally(result.lengths),
        "headers": {"fields": result.fields, "different": {key: _tally(item) for key, item in result.headers.items()}},
        "text": {str(number): list(lines) for number, lines in result.text.items()},
        "binary": {name: [str(value) for value in values] for name, values in result.binary.items()},
        "not_compared": result.not_compared,
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {"different": tally.count, "cell": list(tally.cell), "first": tally.first}


def _lines(result: Comparison) -> Iterator[str]:
    for line in result.grid:
        yield f"grid: {line}"
    if result.sample_type:
        yield f"sample type: {result.sample_type}"
    if result.live.count:
        yield f"live traces: {result.live.count:,} in only one of the two, the first at {result.live.first}"
    if result.samples.count:
        infinite = f", {result.not_finite:,} of them with NaN or infinity" if result.not_finite else ""
        yield (
            f"samples: {result.samples.count:,} of {result.compared:,} in {result.traces:,} "
            f"{'trace' if result.traces == 1 else 'traces'} differ{infinite}, by {result.largest:g} at most"
        )
        yield f"  first: {result.samples.first}"
    if result.lengths.count:
        yield f"trace lengths: {result.lengths.count:,} differ, the first at {result.lengths.first}"
    for name, tally in list(result.headers.items())[:_SHOWN]:
        yield f"header {name}: {tally.count:,} traces differ, the first at {tally.first}"
    yield from _more(len(result.headers), "header fields")
    for number, (mine, theirs) in list(result.text.items())[:_SHOWN]:
        yield f"text line {number}: {mine!r} against {theirs!r}"
    yield from _more(len(result.text), "text lines")
    for name, (mine, theirs) in list(result.binary.items())[:_SHOWN]:
        yield f"binary header {name}: {mine} against {theirs}"
    yield from _more(len(result.binary), "words of the binary header")
    for line in result.not_compared:
        yield f"not compared: {line}"


def _more(count: int, what: str) -> Iterator[str]:
    if count > _SHOWN:
        yield f"and {count - _SHOWN} more {what}"


def _verdict(result: Comparison, tolerance: float | None) -> str:
    if not result.equal:
        return "different"
    what = [f"{result.compared:,} samples"]
    if result.fields:
        what.append(f"{result.fields} header fields")
    if tolerance is not None:
        return f"equal within {tolerance:g} ({', '.join(what)}; samples differ by {result.largest:g} at most)"
    return f"equal ({', '.join(what)})"
