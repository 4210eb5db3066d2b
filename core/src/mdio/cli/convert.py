"""``mdio convert``: any readable dataset to any writable format."""

from __future__ import annotations

from typing import Annotated

import typer

from mdio.cli.options import (
    DryRun,
    Json,
    Memory,
    Overwrite,
    Quiet,
    Resume,
    Scheduler,
    StorageOptions,
    Workers,
    key_values,
    settings_of,
)

__all__ = ["app"]

app = typer.Typer()


@app.command()
def convert(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Path or URL to read.")],
    target: Annotated[str, typer.Argument(help="Path or URL to write.")],
    source_format: Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="Format of the source.")] = None,
    target_format: Annotated[str | None, typer.Option("--to", metavar="FORMAT", help="Format of the target.")] = None,
    source_option: Annotated[
        list[str] | None, typer.Option("--input-option", "-i", metavar="KEY=VALUE", help="Option of the reader.")
    ] = None,
    target_option: Annotated[
        list[str] | None, typer.Option("--output-option", "-o", metavar="KEY=VALUE", help="Option of the writer.")
    ] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    memory: Memory = None,
    scheduler: Scheduler = None,
    storage_options: StorageOptions = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Convert any readable dataset to any writable format."""
    from mdio.cli.running import carry_out
    from mdio.convert import Conversion

    conversion = Conversion(
        source=source,
        target=target,
        source_format=source_format,
        target_format=target_format,
        source_options=key_values(source_option or []),
        target_options=key_values(target_option or []),
        storage_options=storage_options or {},
        overwrite=overwrite,
        resume=resume,
        workers=workers,
        memory=memory,
        client=scheduler,
    )
    carry_out(conversion, settings_of(context), quiet=quiet, dry_run=dry_run, as_json=json)
