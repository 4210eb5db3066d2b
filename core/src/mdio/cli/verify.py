"""``mdio verify``: reads all of a dataset and names what is damaged."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.opening import InputOption, Opened, SourceFormat, observers, opened
from mdio.cli.options import Json, Memory, Quiet, Scheduler, StorageOptions, Workers, key_values, settings_of
from mdio.exceptions import IntegrityError

if TYPE_CHECKING:
    from mdio.api.verifying import Verification

__all__ = ["app"]

app = typer.Typer()


@app.command()
def verify(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Path or URL of a dataset of any format.")],
    source_format: SourceFormat = None,
    source_option: InputOption = None,
    workers: Workers = None,
    memory: Memory = None,
    scheduler: Scheduler = None,
    storage_options: StorageOptions = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Read all of a dataset, name every damaged object and what it covers, and ask the checks of the plugins.

    Ends with code 4 when anything is damaged.
    """
    from mdio.api.convenience import connected
    from mdio.api.verifying import verify as verify_volume
    from mdio.convert import absolute
    from mdio.convert import open as open_volume
    from mdio.plugins.registry import registry

    options = key_values(source_option or [])
    work: dict[str, Any] = {"workers": workers, "memory": memory, "observers": observers(settings_of(context), quiet)}
    with (
        connected(scheduler) as client,
        opened(url, source_format, options, storage_options) as source,
    ):
        work["client"] = client
        again = partial(open_volume, absolute(url), format=source.format, storage_options=storage_options)
        result = verify_volume(
            source.volume,
            checks=registry().checks(source.format),
            reopen=partial(again, options=options),
            **work,
        )
        for pattern in () if "access_pattern" in options else _other_patterns(source.volume):
            chosen = {**options, "access_pattern": pattern}
            with opened(url, source.format, chosen, storage_options) as other:
                result.add(verify_volume(other.volume, objects=(), reopen=partial(again, options=chosen), **work))
        if json:
            render.output_json(_facts(source, result))
        else:
            _show(source, result)
    if not result.ok:
        raise typer.Exit(IntegrityError.exit_code)


def _other_patterns(volume: Any) -> list[str]:
    """Return the chunkings of an MDIO dataset besides the one that is open."""
    return [pattern for pattern in getattr(volume, "access_patterns", ()) if pattern != volume.pattern]


def _facts(source: Opened, result: Verification) -> dict[str, Any]:
    return {
        "path": source.url,
        "format": source.format,
        "ok": result.ok,
        "bytes": result.bytes,
        "traces": result.traces,
        "objects": result.objects,
        "unchecked_objects": result.unchecked,
        "damaged": result.damaged,
        "damages": [
            {
                "name": damage.name,
                "where": damage.where,
                "region": None if damage.region is None else [list(pair) for pair in damage.region],
                "message": damage.message,
            }
            for damage in result.damages
        ],
        "findings": [
            {
                "check": check,
                "severity": finding.severity,
                "message": finding.message,
                "count": finding.count,
                "where": finding.where,
            }
            for check, finding in result.findings
        ],
    }


def _show(source: Opened, result: Verification) -> None:
    from mdio.cli.running import size_text

    said = []
    for damage in result.damages:
        where = f" ({damage.where})" if damage.where else ""
        said.append(("damaged", f"{damage.name}{where}: {damage.message}"))
    if result.damaged > len(result.damages):
        said.append(("damaged", f"and {result.damaged - len(result.damages)} more"))
    for _, finding in result.findings:
        first = f" (first: {finding.where})" if finding.where else ""
        said.append(("note" if finding.severity == "info" else finding.severity, finding.message + first))
    if said:
        render.key_values(said)
        render.lines("")
    errors = sum(finding.severity == "error" for _, finding in result.findings)
    verdict = "whole" if result.ok else f"{_count(result.damaged, 'damage')}, {_count(errors, 'error')} of checks"
    read = f"{size_text(result.bytes)} of samples, {_count(result.traces, 'trace')} read"
    objects = f"; {_count(result.objects, 'object')}, {result.unchecked} of them without a check of ours"
    render.lines(f"{source.url}: {verdict}; {read}{objects if result.objects else ''}")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
