"""``mdio run``: the conversions of a run file, one after the other."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.options import (
    DryRun,
    Json,
    Memory,
    Overwrite,
    Quiet,
    Resume,
    Settings,
    StorageOptions,
    Workers,
    settings_of,
)
from mdio.cli.running import ends_of, progress_of, report_facts, size_text
from mdio.exceptions import CancelledError, MDIOAlreadyExistsError, MDIOError, MDIONotFoundError

if TYPE_CHECKING:
    from mdio.config import Job
    from mdio.convert import Conversion
    from mdio.flow.events import Observer, Report

__all__ = ["app"]

app = typer.Typer()

_STYLES = {"done": "green", "there already": "dim", "failed": "red"}


@dataclass(slots=True)
class _Outcome:
    """What became of a run."""

    job: Job
    status: str
    report: Report | None = None
    error: MDIOError | None = None


@app.command()
def run(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Run file, YAML.")],
    only: Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Only this run; repeatable.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change the file, e.g. output.url=new.mdio; repeatable."),
    ] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    memory: Memory = None,
    storage_options: StorageOptions = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run the conversions of a YAML file in the order they are written in.

    The whole file is checked before the first one starts. A run that fails stops the file, unless its on_error
    says skip. Local paths in the file are relative to the current directory.
    """
    from mdio.config import load
    from mdio.plugins.registry import registry

    workload = load(file, settings=settings or (), only=only or ())
    given = {"overwrite": overwrite or None, "resume": resume or None, "workers": workers, "memory": memory}
    changes = {name: value for name, value in given.items() if value is not None}
    jobs = [replace(job, conversion=_changed(job.conversion, changes, storage_options)) for job in workload.jobs]
    with registry().preferring(workload.prefer):
        if dry_run:
            _show_plans(jobs, as_json=as_json)
            return
        call = settings_of(context)
        _carry_out(jobs, replace(call, quiet=call.quiet or quiet), as_json=as_json)


def _changed(
    conversion: Conversion, changes: Mapping[str, Any], storage_options: Mapping[str, Any] | None
) -> Conversion:
    """Return a conversion with what the command line says; storage options by protocol add to those of the file."""
    storage = conversion.storage_options
    if storage_options is not None:
        by_protocol = all(isinstance(value, Mapping) for value in storage_options.values())
        storage = {**storage, **storage_options} if by_protocol else storage_options
    return replace(conversion, storage_options=storage, **changes)


# -- dry run -----------------------------------------------------------------------------------------------------


def _show_plans(jobs: Sequence[Job], *, as_json: bool) -> None:
    """Print what each run would do; nothing is written."""
    plans = []
    for index, job in enumerate(jobs):
        try:
            plans.append(_plan(job.conversion))
        except MDIONotFoundError as error:
            maker = _maker(jobs[:index], job.conversion.source)
            if maker is None:
                raise _named(error, job) from error.__cause__
            plans.append(ends_of(job.conversion) | {"notes": [f"can be planned once {maker} has written the source"]})
        except MDIOError as error:
            raise _named(error, job) from error.__cause__
    named = [{"name": job.name, **plan} for job, plan in zip(jobs, plans, strict=True)]
    if as_json:
        render.output_json(named)
        return
    for number, plan in enumerate(named):
        plan["shape"] = " × ".join(f"{name} {size}" for name, size in plan.get("shape", {}).items()) or "unknown"
        plan["notes"] = "; ".join(plan["notes"]) or "none"
        name = plan.pop("name")
        render.key_values(plan, title=("\n" if number else "") + f"run {name} would convert")


def _plan(conversion: Conversion) -> dict[str, Any]:
    volume, plan = conversion.plan()
    try:
        shape = {dim.name: dim.size for dim in volume.schema.dims}
        return {**ends_of(conversion), **plan.describe(), "shape": shape, "samples": volume.schema.dtype.name}
    finally:
        volume.close()


def _maker(earlier: Sequence[Job], url: str) -> str | None:
    """Return the name of the run that writes a URL."""
    return next((job.name for job in earlier if job.conversion.target.rstrip("/") == url.rstrip("/")), None)


# -- run ---------------------------------------------------------------------------------------------------------


def _carry_out(jobs: Sequence[Job], settings: Settings, *, as_json: bool) -> None:
    """Run one after the other and print how it went; the exit code is that of the first failure."""
    observer = progress_of(settings)
    outcomes: list[_Outcome] = []
    try:
        for job in jobs:
            _announce(job, settings)
            outcomes.append(_Outcome(job, "failed"))
            outcomes[-1] = _run(job, observer)
            error = outcomes[-1].error
            if error is None:
                continue
            if job.conversion.on_error != "skip" or isinstance(error, CancelledError):
                raise error
            _tell(settings, "error", error.message, hint=error.hint)
    finally:
        _show(outcomes, jobs[len(outcomes) :], as_json=as_json)
    codes = [outcome.error.exit_code for outcome in outcomes if outcome.error is not None]
    if codes:
        raise typer.Exit(codes[0])


def _run(job: Job, observer: Observer) -> _Outcome:
    try:
        return _Outcome(job, "done", job.conversion.run(observers=[observer]))
    except MDIOAlreadyExistsError as error:
        if job.conversion.resume and _opens(job.conversion):
            return _Outcome(job, "there already")
        return _Outcome(job, "failed", error=_named(error, job))
    except CancelledError as error:
        return _Outcome(job, "cancelled", error=_named(error, job))
    except MDIOError as error:
        return _Outcome(job, "failed", error=_named(error, job))


def _opens(conversion: Conversion) -> bool:
    """Whether the target is a finished dataset of the wanted format, not just something of that name."""
    from mdio.convert import open as open_volume
    from mdio.plugins.registry import registry

    writer = conversion.target_format or registry().writer_for(conversion.target).name
    try:
        open_volume(conversion.target, format=writer, storage_options=conversion.storage_options).close()
    except MDIOError:
        return False
    return True


def _named(error: MDIOError, job: Job) -> MDIOError:
    """Say in an error which run it is about."""
    error.message = f"run {job.name}: {error.message}"
    return error


def _announce(job: Job, settings: Settings) -> None:
    if not settings.quiet:
        ends = ends_of(job.conversion)
        _tell(settings, "run", f"{job.name}: {ends['source']} → {ends['target']}")


def _tell(settings: Settings, kind: str, message: str, *, hint: str = "") -> None:
    """Write a line to standard error, as the log is asked for."""
    if settings.log == "json":
        fields = {"level": "info" if kind == "run" else kind, "message": message, "hint": hint}
        text = json.dumps({key: value for key, value in fields.items() if value})
    else:
        text = f"{kind} {message}" if kind == "run" else f"{kind}: {message}" + (f"\nhint: {hint}" if hint else "")
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _show(outcomes: Sequence[_Outcome], left: Sequence[Job], *, as_json: bool) -> None:
    """Print a line for each run: the result of the command."""
    outcomes = [*outcomes, *(_Outcome(job, "not run") for job in left)]
    if as_json:
        render.output_json(
            [
                {"name": item.job.name, "status": item.status}
                | (report_facts(item.job.conversion, item.report) if item.report is not None else {})
                | ends_of(item.job.conversion)
                | ({"error": item.error.message} if item.error is not None else {})
                for item in outcomes
            ]
        )
        return
    rows = []
    for item in outcomes:
        report = item.report
        facts = (report.slabs, size_text(report.bytes), f"{report.seconds:.1f} s") if report is not None else ("",) * 3
        skipped = f", {len(report.skipped)} slabs left out" if report is not None and report.skipped else ""
        rows.append((item.job.name, item.status + skipped, *facts, ends_of(item.job.conversion)["target"]))
    columns = ("Run", "Result", "Slabs", "Samples", "Time", "Target")
    render.table(rows, columns, styles=_STYLES, right=("Slabs", "Samples", "Time"))
