"""``mdio vds copy``: a VDS once more, its encoding or bricks changed where that is asked for."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from mdio.cli import render
from mdio.cli.options import DryRun, Memory, Quiet, Resume, StorageOptions, Workers, settings_of
from mdio.exceptions import ConfigError
from mdio_vds.cli_options import (
    BrickSize,
    Compression,
    FlushFrequency,
    Json,
    LodLevels,
    Margin,
    Overwrite,
    Tolerance,
    VdsUrl,
    refuse_flush,
)

__all__ = ["copy"]

_LAYOUTS = ("auto", "container", "objects")


def copy(
    context: typer.Context,
    source: VdsUrl,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Path or URL of the copy.")],
    compression_method: Compression = None,
    tolerance: Tolerance = None,
    brick_size: BrickSize = None,
    margin: Margin = None,
    lod_levels: LodLevels = None,
    layout: Annotated[
        str, typer.Option("--layout", metavar="auto|container|objects", help="One file, or objects below a prefix.")
    ] = "auto",
    flush_frequency: FlushFrequency = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    memory: Memory = None,
    storage_options: StorageOptions = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Copy a VDS with all its channels, layers and metadata.

    Chunks are copied as bytes where neither their encoding nor their bricks change; what changes is decoded and
    encoded anew without loss, and levels of detail are made again for other bricks.
    """
    from mdio.cli.running import progress_of, size_text
    from mdio.convert import Stores, time_stamp
    from mdio.core.volume import Creation
    from mdio_vds.compression_names import chosen_method
    from mdio_vds.copy_plan import CopyWishes, copy_fingerprint, plan_copy
    from mdio_vds.copying import copy_vds
    from mdio_vds.importing import writer_options
    from mdio_vds.options import VdsWriteOptions
    from mdio_vds.volume import open_source

    refuse_flush(flush_frequency)
    if layout not in _LAYOUTS:
        raise ConfigError(f"no layout {layout!r}", path="--layout", hint=", ".join(_LAYOUTS))
    method = None
    if compression_method is not None or tolerance is not None:
        method = chosen_method(compression_method or "Zip", tolerance)
    checked = VdsWriteOptions.model_validate(
        writer_options(
            compression_method=None, tolerance=None, vds_format=None, integer_scale=None,
            brick_size=brick_size, margin=margin, lods=lod_levels,
        )
    )  # fmt: skip
    wishes = CopyWishes(
        method=method,
        tolerance=tolerance,
        brick_size=None if brick_size is None else checked.brick_size,
        margin=None if margin is None else checked.margin,
        lods=lod_levels,
    )
    settings = settings_of(context)
    stores = Stores(storage_options or {})
    begun = time.monotonic()
    store = stores.open(target)
    opened = open_source(stores.open(source))
    try:
        if store.path is None and store.url == opened.url:
            raise ConfigError(f"{store.url}: source and target are the same", hint="only local ones swap in one step")
        plan = plan_copy(opened, wishes)
        facts: dict[str, Any] = {"source": opened.url, "target": store.url, **plan.describe()}
        if not dry_run:
            facts |= copy_vds(
                opened,
                plan,
                store,
                target,
                Creation(overwrite, resume, copy_fingerprint(opened, wishes), time_stamp()),
                layout=layout,
                workers=workers,
                memory=memory,
                observers=[progress_of(settings, quiet=quiet)],
            )
            facts["seconds"] = round(time.monotonic() - begun, 3)
    finally:
        opened.close()
    if json:
        render.output_json(facts)
        return
    if dry_run:
        rows = [(row["name"], row["how"], row.get("compression", ""), row.get("chunks", "")) for row in facts["layers"]]
        render.lines(f"would copy {facts['source']} → {facts['target']}: channels {', '.join(facts['channels'])}")
        render.table(rows, ("Layer", "How", "Compression", "Chunks"), right=("Chunks",))
    elif not (quiet or settings.quiet):
        render.lines(
            f"{facts['target']}: channels {', '.join(facts['channels'])}; {len(facts['layers'])} layers,"
            f" {facts['chunks']:,} chunks, {size_text(facts['bytes'])}"
        )
