"""``mdio config``: what run files may contain, one to start from, and a check of one."""

from __future__ import annotations

from typing import Annotated

import typer

from mdio.cli import render
from mdio.cli.options import Json

__all__ = ["app"]

app = typer.Typer(help="Write and check run files.", no_args_is_help=True)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of run files, with the options of the installed plugins."""
    from mdio.config import json_schema

    render.output_json(json_schema())


@app.command("init")
def init() -> None:
    """Print a commented run file to start from."""
    from importlib.resources import files

    text = (files("mdio.config") / "example.yaml").read_text(encoding="utf-8")
    render.lines(text.rstrip("\n"))


@app.command("validate")
def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Run file, YAML.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change the file, e.g. output.url=new.mdio.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a run file without opening any data."""
    from mdio.config import load
    from mdio.storage.urls import redact

    jobs = load(file, settings=settings or ()).jobs
    if as_json:
        ends = [(job.name, redact(job.conversion.source), redact(job.conversion.target)) for job in jobs]
        render.output_json([{"name": name, "source": source, "target": target} for name, source, target in ends])
        return
    count = len(jobs)
    render.lines(f"{count} run{'s' if count != 1 else ''} ok")
