"""``mdio segy``: import, export, scan and header."""

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
    Select,
    StorageOptions,
    Workers,
    settings_of,
)

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_SegyFile = Annotated[str, typer.Argument(metavar="SEGY", help="Path or URL of a SEG-Y file.")]
_SegyFiles = Annotated[
    list[str],
    typer.Argument(metavar="SEGY", help="Paths or URLs of SEG-Y files, or a quoted pattern such as 'lines/*.sgy'."),
]
_MdioStore = Annotated[str, typer.Argument(metavar="MDIO", help="Path or URL of an MDIO dataset.")]
_HeaderNames = Annotated[str | None, typer.Option("--header-names", metavar="inline,crossline", help="Their names.")]
_HeaderTypes = Annotated[str | None, typer.Option("--header-types", metavar="int32,int32", help="Their types.")]
_SampleFormat = Annotated[
    int | None, typer.Option("--sample-format", metavar="CODE", help="Sample format code, where the file's is wrong.")
]
_Samples = Annotated[int | None, typer.Option("--samples", min=1, help="Samples a trace, where the file is wrong.")]
_Interval = Annotated[float | None, typer.Option("--interval", help="Sample interval in microseconds.")]
_Endian = Annotated[str, typer.Option("--endian", metavar="auto|big|little", help="Byte order.")]
_DataEndian = Annotated[
    str, typer.Option("--data-endian", metavar="auto|big|little", help="Byte order of the samples, if it differs.")
]
_ExtendedHeaders = Annotated[
    int | None, typer.Option("--extended-headers", min=0, help="Number of extended textual records.")
]
_Strict = Annotated[bool, typer.Option("--strict", help="Refuse files with a defect instead of warning of it.")]


def _reader_options(**given: object) -> dict[str, object]:
    """Return the options that were given; the reader finds out the others."""
    return {key: value for key, value in given.items() if value is not None and value is not False and value != "auto"}


@app.command("import")
def import_(
    context: typer.Context,
    segy: _SegyFiles,
    mdio: _MdioStore,
    header_locations: Annotated[
        str | None,
        typer.Option(
            "--header-locations",
            metavar="189,193",
            help="Index words by first byte, 181:int32 or name, slowest first.",
        ),
    ] = None,
    header_names: _HeaderNames = None,
    header_types: _HeaderTypes = None,
    chunk_size: Annotated[str | None, typer.Option("--chunk-size", metavar="64,64,64", help="Chunk shape.")] = None,
    endian: _Endian = "auto",
    data_endian: _DataEndian = "auto",
    sample_format: _SampleFormat = None,
    samples: _Samples = None,
    interval: _Interval = None,
    extended_headers: _ExtendedHeaders = None,
    strict: _Strict = False,
    spec: Annotated[
        str | None, typer.Option("--spec", metavar="FILE", help="A saved scan: what it says need not be found again.")
    ] = None,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="NAME", help="Kind of survey (mdio plugins list --kind template)."),
    ] = None,
    lossless: Annotated[bool, typer.Option("--lossless/--lossy", help="Lossy compression is ZFP.")] = True,
    compression_tolerance: Annotated[
        float, typer.Option("--compression-tolerance", help="Largest absolute error of a lossy import.")
    ] = 0.01,
    codec: Annotated[str | None, typer.Option("--codec", metavar="NAME[:k=v,…]", help="Codec of the samples.")] = None,
    on_nonfinite: Annotated[
        str,
        typer.Option(
            "--on-nonfinite",
            metavar="error|lossless",
            help="What a lossy import does with samples that ZFP cannot hold to the tolerance, such as NaN.",
        ),
    ] = "error",
    layout: Annotated[
        str | None, typer.Option("--layout", metavar="v0|v0.9|v1", help="Spelling of the dataset; v0 by default.")
    ] = None,
    shards: Annotated[
        str | None, typer.Option("--shards", metavar="true|128,128,128", help="v1: several chunks in one object.")
    ] = None,
    dtype: Annotated[str | None, typer.Option("--dtype", metavar="TYPE", help="Type to store samples in.")] = None,
    grid_overrides: Annotated[
        str | None, typer.Option("--grid-overrides", metavar="JSON", help="Rules that rework the index words.")
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
    """Import a SEG-Y file into an MDIO dataset; without header locations the geometry is found.

    Several files make one dataset, their traces in the given order; the files of a pattern come in natural order.
    """
    from mdio.cli.running import carry_out
    from mdio_segy.api import import_conversion, lossless_codec
    from mdio_segy.choices import chosen_options
    from mdio_segy.cli_told import tell_import
    from mdio_segy.filelist import listed_files

    files = listed_files(segy, storage_options)
    options, chunks = chosen_options(
        files[0],
        _reader_options(
            header_locations=header_locations,
            header_names=header_names,
            header_types=header_types,
            grid_overrides=grid_overrides,
            endian=endian,
            data_endian=data_endian,
            sample_format=sample_format,
            samples=samples,
            interval=interval,
            extended_headers=extended_headers,
            strict=strict,
        ),
        spec=spec,
        template=template,
        storage_options=storage_options or {},
    )
    conversion = import_conversion(
        files,
        mdio,
        header_locations=options.pop("header_locations", None),
        header_names=options.pop("header_names", None),
        header_types=options.pop("header_types", None),
        chunks=chunk_size if chunk_size is not None else chunks,
        endian=options.pop("endian", None),
        codec=codec or lossless_codec(lossless, compression_tolerance, on_nonfinite),
        layout=layout,
        shards=shards,
        dtype=dtype,
        grid_overrides=options.pop("grid_overrides", None),
        reader_options=options,
        storage_options=storage_options or {},
        overwrite=overwrite,
        resume=resume,
        workers=workers,
        memory=memory,
        client=scheduler,
    )
    carry_out(conversion, settings_of(context), quiet=quiet, dry_run=dry_run, as_json=json)
    if not (dry_run or quiet or json):
        tell_import(conversion)


@app.command("export")
def export(
    context: typer.Context,
    mdio: _MdioStore,
    segy: _SegyFile,
    access_pattern: Annotated[str | None, typer.Option("--access-pattern", help="Which array to read.")] = None,
    segy_format: Annotated[
        str, typer.Option("--segy-format", metavar="source|ibm32|ieee32|…", help="Sample format to write.")
    ] = "source",
    endian: Annotated[
        str, typer.Option("--endian", metavar="source|big|little", help="Byte order to write.")
    ] = "source",
    select: Select = None,
    split: Annotated[
        bool,
        typer.Option("--split", help="SEGY is a folder: give all files the dataset was made from back in it."),
    ] = False,
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
    """Export a dataset to SEG-Y; what came from SEG-Y comes back byte for byte."""
    from mdio.cli.running import carry_out
    from mdio_segy.api import export_conversion

    conversion = export_conversion(
        mdio,
        segy,
        access_pattern=access_pattern,
        segy_format=segy_format,
        endian=endian,
        select=select,
        mask=None,
        split=split,
        storage_options=storage_options or {},
        overwrite=overwrite,
        resume=resume,
        workers=workers,
        memory=memory,
        client=scheduler,
    )
    carry_out(conversion, settings_of(context), quiet=quiet, dry_run=dry_run, as_json=json)


@app.command("scan")
def scan(
    segy: _SegyFile,
    header_locations: Annotated[
        str | None,
        typer.Option(
            "--header-locations", metavar="189,193", help="Index words to look at, instead of the usual ones."
        ),
    ] = None,
    header_names: _HeaderNames = None,
    header_types: _HeaderTypes = None,
    endian: _Endian = "auto",
    data_endian: _DataEndian = "auto",
    sample_format: _SampleFormat = None,
    samples: _Samples = None,
    interval: _Interval = None,
    extended_headers: _ExtendedHeaders = None,
    strict: _Strict = False,
    text: Annotated[bool, typer.Option("--text", help="Show the textual header, too.")] = False,
    storage_options: StorageOptions = None,
    json: Json = False,
) -> None:
    """Say what a SEG-Y file holds: its format, what varies in its headers, and which words may index it.

    Saved with --json, the result is what import takes as --spec.
    """
    from mdio.cli import render
    from mdio_segy.report import scan_report, show_report

    options = _reader_options(
        header_locations=header_locations,
        header_names=header_names,
        header_types=header_types,
        endian=endian,
        data_endian=data_endian,
        sample_format=sample_format,
        samples=samples,
        interval=interval,
        extended_headers=extended_headers,
        strict=strict,
    )
    report = scan_report(segy, options, storage_options or {})
    if json:
        render.output_json(report)
    else:
        show_report(report, text=text)


@app.command("header")
def header(
    segy: _SegyFile,
    text: Annotated[bool, typer.Option("--text", help="The textual header.")] = False,
    binary: Annotated[bool, typer.Option("--binary", help="All words of the binary header.")] = False,
    extended: Annotated[bool, typer.Option("--extended", help="The extended textual records.")] = False,
    trace: Annotated[
        str | None,
        typer.Option("--trace", metavar="N|A:B[:STEP]", help="Trace headers; traces count from 0, -1 is the last."),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option("--fields", metavar="inline,193,181:int32", help="Words by name, byte, or byte and type."),
    ] = None,
    nonzero: Annotated[bool, typer.Option("--nonzero", help="Leave out words that are 0.")] = False,
    endian: _Endian = "auto",
    sample_format: _SampleFormat = None,
    samples: _Samples = None,
    extended_headers: _ExtendedHeaders = None,
    storage_options: StorageOptions = None,
    json: Json = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Trace headers as CSV, of all traces unless --trace says.")
    ] = False,
) -> None:
    """Show textual, binary and trace headers; without options text, binary words and the first trace's words."""
    from mdio_segy.header_output import show_headers
    from mdio_segy.headers_view import open_headers

    options = _reader_options(
        endian=endian, sample_format=sample_format, samples=samples, extended_headers=extended_headers
    )
    with open_headers(segy, options, storage_options or {}) as file:
        show_headers(
            file,
            parts={name for name, wanted in (("text", text), ("binary", binary), ("extended", extended)) if wanted},
            trace=trace,
            fields=fields,
            nonzero=nonzero,
            form="json" if json else "csv" if csv else "table",
        )
