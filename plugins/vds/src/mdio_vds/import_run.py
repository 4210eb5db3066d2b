"""Carries out ``mdio vds import``: a scan by the command of the SEG-Y plugin, or a conversion."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mdio.cli import render
from mdio.cli.running import carry_out
from mdio.exceptions import ConfigError, GridError, MDIOAlreadyExistsError
from mdio.plugins.registry import registry
from mdio_vds.importing import as_options

if TYPE_CHECKING:
    from mdio.cli.options import Settings
    from mdio.convert import Conversion
    from mdio_vds.importing import Geometry

__all__ = ["run_import", "save_scan"]


def run_import(
    conversion: Conversion, geometry: Geometry, settings: Settings, *, quiet: bool, dry_run: bool, as_json: bool
) -> None:
    """Run a conversion; gathers whose traces offsets do not tell apart are counted, unless that was ruled out."""
    try:
        with as_options():
            carry_out(conversion, settings, quiet=quiet, dry_run=dry_run, as_json=as_json)
    except GridError as error:
        if not (geometry.prestack and geometry.respace == "auto"):
            raise
        warnings.warn(f"the traces of a gather are counted: {error.message}", stacklevel=2)
        options = {
            **conversion.source_options,
            "header_locations": conversion.source_options["header_locations"][:-1],
            "header_names": conversion.source_options["header_names"][:-1],
            "grid_overrides": {"HasDuplicates": True},
        }
        again = replace(conversion, source_options=options)
        with as_options():
            carry_out(again, settings, quiet=quiet, dry_run=dry_run, as_json=as_json)


def save_scan(
    segy: str, options: Mapping[str, Any], target: str | None, *, overwrite: bool, storage_options: Mapping[str, Any]
) -> None:
    """Print what ``mdio segy scan --json`` says of a file, or save it.

    Raises
    ------
    ConfigError
        Options that a scan does not take.
    MDIOAlreadyExistsError
        The file is there and overwriting was not asked for.
    """
    from typer.main import get_command

    from mdio.convert import Stores

    store = Stores(storage_options).open(target) if target is not None else None
    if store is not None and store.exists() and not overwrite:
        raise MDIOAlreadyExistsError(f"{store.url}: already exists", hint="use --overwrite to replace it")
    if options.get("grid_overrides"):
        raise ConfigError("a scan does not count the traces of gathers", path="--respace-gathers")
    arguments = ["scan", segy, "--json"]
    for name, value in options.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        arguments += ["--" + name.replace("_", "-"), text]
    if storage_options:
        import json

        arguments += ["--storage-options", json.dumps(dict(storage_options))]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        get_command(registry().command("segy").load())(args=arguments, prog_name="mdio segy", standalone_mode=False)
    if store is None:
        render.lines(printed.getvalue().rstrip("\n"))
    else:
        store.write("", printed.getvalue().encode())
