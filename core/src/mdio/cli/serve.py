"""``mdio serve``: a page on this machine to browse the slices of a dataset of any format."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mdio.cli import render
from mdio.cli.opening import InputOption, SourceFormat, opened
from mdio.cli.options import StorageOptions, key_values

__all__ = ["app"]

app = typer.Typer()


@app.command()
def serve(
    url: Annotated[str, typer.Argument(metavar="URL", help="Path or URL of a dataset of any format.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="Port; any free one by 0.")] = 0,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDR", help="Where to listen; others reach this machine by 0.0.0.0.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = False,
    source_format: SourceFormat = None,
    source_option: InputOption = None,
    storage_options: StorageOptions = None,
) -> None:
    """Browse slices in a web page; Ctrl-C ends it."""
    from mdio.api.browsing import Browsed
    from mdio.api.serving import SliceServer

    with (
        opened(url, source_format, key_values(source_option or []), storage_options) as dataset,
        SliceServer(Browsed(dataset.volume, dataset.url), host, port) as server,
    ):
        render.lines(f"{dataset.url} is shown at", server.url, "Ctrl-C ends it.")
        sys.stdout.flush()
        if browser:
            import webbrowser

            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
