"""``mdio codecs``: the codecs for chunks. Plugins hang more commands in, as ``codecs bench``."""

from __future__ import annotations

import typer

from mdio.cli import render
from mdio.cli.options import Json
from mdio.plugins import Codec
from mdio.plugins.registry import registry

app = typer.Typer(no_args_is_help=True)


@app.callback()
def codecs() -> None:
    """List the codecs for chunks."""


@app.command("list")
def list_codecs(as_json: Json = False) -> None:
    """List the codecs that are installed, and the plugin each comes from."""
    found = [(name, codec, registry().provider(codec)) for name, codec in registry().names(Codec).items()]
    if as_json:
        render.output_json(
            [
                {
                    "codec": name,
                    "summary": codec.summary,
                    "lossy": codec.lossy,
                    "dtypes": list(codec.dtypes),
                    "numcodecs_id": codec.numcodecs_id,
                    "plugin": plugin.name,
                    "distribution": plugin.distribution,
                }
                for name, codec, plugin in found
            ]
        )
        return
    rows = [
        (
            name,
            "yes" if codec.lossy else "no",
            ", ".join(codec.dtypes) or "any",
            plugin.distribution,
            codec.summary,
        )
        for name, codec, plugin in found
    ]
    render.table(rows, ("Codec", "Lossy", "Sample types", "From", "Summary"))
    if not found:
        render.lines("", f"none; {registry().remedy('mdio-compression')}")
