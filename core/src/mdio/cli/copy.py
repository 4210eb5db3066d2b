"""``mdio copy``: an MDIO dataset once more, as bytes; unlike ``mdio convert`` it decodes nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from mdio.cli.options import Json, Overwrite, Quiet, StorageOptions, settings_of

__all__ = ["app"]

app = typer.Typer()


@app.command()
def copy(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Path or URL of the dataset.")],
    target: Annotated[str, typer.Argument(help="Path or URL of the copy.")],
    access_pattern: Annotated[
        str | None, typer.Option("--access-pattern", metavar="NAME", help="Access pattern that must be there.")
    ] = None,
    excludes: Annotated[
        str,
        typer.Option("--excludes", metavar="TEXT", help="What stays empty, e.g. chunked_012; a regular expression."),
    ] = "",
    includes: Annotated[
        str, typer.Option("--includes", metavar="TEXT", help="What is copied nevertheless, e.g. trace_headers.")
    ] = "",
    overwrite: Overwrite = False,
    storage_options: StorageOptions = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Copy an MDIO dataset with all its access patterns; arrays that are left out are there, and empty."""
    from mdio.api.accessor import MDIOReader
    from mdio.api.convenience import copy_accessor
    from mdio.cli import render
    from mdio.cli.running import progress_of

    observer = progress_of(settings_of(context), quiet=quiet)
    with MDIOReader(source, access_pattern, storage_options=storage_options) as reader:
        report = copy_accessor(
            reader, target, excludes, includes, storage_options, overwrite=overwrite, observers=[observer]
        )
    if json:
        render.output_json(
            {
                "source": source,
                "target": target,
                "objects": report.slabs,
                "bytes": report.bytes,
                "seconds": round(report.seconds, 3),
            }
        )
