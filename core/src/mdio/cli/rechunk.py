"""``mdio rechunk``: further access patterns for an MDIO dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mdio.cli.options import (
    DryRun,
    Json,
    Memory,
    Overwrite,
    Quiet,
    Scheduler,
    StorageOptions,
    Workers,
    comma_list,
    settings_of,
)
from mdio.exceptions import ConfigError

if TYPE_CHECKING:
    from mdio.api.accessor import MDIOAccessor

__all__ = ["app"]

app = typer.Typer()


@app.command()
def rechunk(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Path or URL of the dataset.")],
    chunk_size: Annotated[
        list[str], typer.Option("--chunk-size", metavar="N,N,N", help="Chunk shape; once for each --suffix.")
    ],
    suffix: Annotated[list[str], typer.Option("--suffix", metavar="NAME", help="Name of the new access pattern.")],
    access_pattern: Annotated[
        str | None, typer.Option("--access-pattern", metavar="NAME", help="Access pattern that is read.")
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option("--codec", metavar="NAME[:KEY=VALUE]", help="Codec of the samples, e.g. zfp:tolerance=0.1."),
    ] = None,
    overwrite: Overwrite = False,
    memory: Memory = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    storage_options: StorageOptions = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Add access patterns to an MDIO dataset: the same samples and headers in other chunks."""
    from mdio.api.accessor import MDIOAccessor
    from mdio.api.convenience import add_patterns, connected
    from mdio.cli import render
    from mdio.cli.memory import give_slabs_back
    from mdio.cli.running import progress_of

    if len(chunk_size) != len(suffix):
        raise ConfigError(f"{len(chunk_size)} --chunk-size for {len(suffix)} --suffix", hint="give one for each")
    with (
        connected(scheduler) as client,
        MDIOAccessor(url, "w", access_pattern, storage_options=storage_options) as accessor,
    ):
        job = add_patterns(
            accessor,
            [_lengths(text) for text in chunk_size],
            suffix,
            _codec(codec, accessor),
            overwrite=overwrite,
            memory=memory,
            workers=workers,
            client=client,
        )
        if dry_run:
            _show(url, job.describe(), as_json=json)
            return
        give_slabs_back()
        report = job.run([progress_of(settings_of(context), quiet=quiet)])
    if json:
        render.output_json({"url": url, "seconds": round(report.seconds, 3), **report.plan})


def _lengths(text: str) -> list[int]:
    try:
        return [int(part) for part in comma_list(text)]
    except ValueError:
        raise ConfigError(f"{text!r} is no chunk shape", path="--chunk-size", hint="write it like 4,512,512") from None


def _codec(text: str | None, accessor: MDIOAccessor) -> Any:
    """Return the codec that was named; a quality is measured by the standard deviation of the samples."""
    if text is None:
        return None
    from mdio.native.codecs import sample_codec
    from mdio.native.options import CodecChoice, WriteOptions
    from mdio.validation import validated

    choice: CodecChoice | None = validated(WriteOptions, {"codec": text}, "rechunk").codec
    if choice is not None and "quality" in choice.parameters and "std" not in choice.parameters:
        choice = CodecChoice.model_validate({**choice.model_dump(), "std": accessor.stats.get("std")})
    chosen = sample_codec(choice, accessor.volume.sample_array.dtype)
    if chosen is None:
        raise ConfigError("access patterns are not added uncompressed", path="--codec", hint="see: mdio codecs list")
    return chosen


def _show(url: str, plan: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what would be done: a line for each array, and where the numbers of all of them stand."""
    from mdio.cli import render
    from mdio.cli.running import size_text

    if as_json:
        render.output_json({"url": url, **plan})
        return
    rows = []
    for kind, part in (("samples", plan), ("headers", plan.get("headers", {}))):
        for pattern in part.get("patterns", ()):
            reads = pattern["source_reads"]
            rows.append(
                (
                    pattern["name"],
                    kind,
                    _by(pattern["chunks"]),
                    _by(pattern["slab"]),
                    pattern["from"],
                    reads["max"],
                    f"{reads['mean']:g}",
                    size_text(pattern["peak_bytes"]),
                )
            )
    columns = ("pattern", "array", "chunks", "slab", "read from", "most reads", "mean reads", "peak")
    render.table(rows, columns, right=("most reads", "mean reads", "peak"))
    reads = plan["source_reads"]
    facts = {
        "would rechunk": url,
        "source chunks are read": f"at most {reads['max']} times, {reads['mean']:g} in the mean",
        "temporary file": size_text(plan["scratch_bytes"]) if plan["scratch_bytes"] else "none",
        "memory": f"{size_text(plan['peak_bytes'])} of {size_text(plan['memory'])}",
        "workers": plan["workers"],
    }
    render.key_values(facts)
    render.lines(*(f"warning: {note}" for note in (*plan["notes"], *plan.get("headers", {}).get("notes", ()))))


def _by(lengths: list[int]) -> str:
    return " × ".join(map(str, lengths))
