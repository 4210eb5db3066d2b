"""``mdio vds``: import and export; info, copy and verify are in modules of their own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mdio.cli.options import DryRun, Memory, Quiet, Resume, Select, StorageOptions, Workers, settings_of
from mdio_vds.cli_copy import copy
from mdio_vds.cli_info import info
from mdio_vds.cli_options import (
    BrickSize,
    Compression,
    FlushFrequency,
    Json,
    LodLevels,
    Margin,
    Overwrite,
    SegyFile,
    Tolerance,
    VdsUrl,
    refuse_flush,
)
from mdio_vds.cli_verify import verify

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.command("import")
def import_(
    context: typer.Context,
    segy: SegyFile,
    vds: Annotated[str | None, typer.Argument(metavar="VDS", help="Path or URL of the VDS to make.")] = None,
    header_format: Annotated[
        str | None, typer.Option("--header-format", metavar="FILE", help="JSON of header words: name to [byte, width].")
    ] = None,
    header_field: Annotated[
        list[str] | None,
        typer.Option("--header-field", metavar="NAME=OFFSET:WIDTH", help="Where a header word lies; may be repeated."),
    ] = None,
    primary_key: Annotated[
        str | None,
        typer.Option(
            "--primary-key",
            "-p",
            metavar="WORD",
            help="Header word of the slow axis, e.g. InlineNumber, 189 or 181:int16; without keys they are found.",
        ),
    ] = None,
    secondary_key: Annotated[
        str | None, typer.Option("--secondary-key", "-s", metavar="WORD", help="Header word of the next axis.")
    ] = None,
    prestack: Annotated[bool, typer.Option("--prestack", help="Gathers: an axis of offsets, too.")] = False,
    offset_sorted: Annotated[
        bool, typer.Option("--offset-sorted", help="As --prestack: traces are found in any order.")
    ] = False,
    respace_gathers: Annotated[
        str,
        typer.Option(
            "--respace-gathers",
            metavar="Auto|On|Off",
            help="On places the traces of a gather by offset, Off counts them, Auto does what is possible.",
        ),
    ] = "Auto",
    keep_original_order: Annotated[
        bool,
        typer.Option("--keep-original-order", help="Always so: an export gives the traces in the order of the file."),
    ] = False,
    two_d: Annotated[bool, typer.Option("--2d", help="A line: one axis of CDP numbers.")] = False,
    two_d_index_axis: Annotated[
        bool, typer.Option("--2d-index-axis", help="Count the traces of a line from 1 instead.")
    ] = False,
    sample_format: Annotated[
        str | None,
        typer.Option("--sample-format", metavar="IBMFloat|…|CODE", help="Sample format, where the file's is wrong."),
    ] = None,
    sample_unit: Annotated[
        str | None, typer.Option("--sample-unit", metavar="ms|m|ft", help="Unit of samples.")
    ] = None,
    sample_start: Annotated[
        float | None, typer.Option("--sample-start", help="Time or depth of the first one.")
    ] = None,
    little_endian: Annotated[bool, typer.Option("--little-endian", "-l", help="The file is little-endian.")] = False,
    scale: Annotated[
        float | None, typer.Option("--scale", help="Factor of coordinates, instead of the headers' scalar.")
    ] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Only look at the file: print the JSON, or save it as --file-info says.")
    ] = False,
    file_info: Annotated[
        str | None, typer.Option("--file-info", "-i", metavar="FILE", help="A saved scan of the file.")
    ] = None,
    brick_size: BrickSize = None,
    margin: Margin = None,
    lod_levels: LodLevels = None,
    create_2d_lods: Annotated[
        bool | None, typer.Option("--create-2d-lods/--no-2d-lods", help="Levels of detail of lines.")
    ] = None,
    compression_method: Compression = None,
    tolerance: Tolerance = None,
    attribute_name: Annotated[str | None, typer.Option("--attribute-name", help="Name of the sample channel.")] = None,
    attribute_unit: Annotated[str | None, typer.Option("--attribute-unit", help="Unit of its samples.")] = None,
    value_range: Annotated[
        str | None, typer.Option("--value-range", metavar="MIN:MAX", help="Range of values; that of the data else.")
    ] = None,
    integer_scale: Annotated[
        str | None, typer.Option("--integer-scale", metavar="SCALE:OFFSET", help="Value of the codes of --vds-format.")
    ] = None,
    vds_format: Annotated[
        str | None, typer.Option("--vds-format", metavar="UInt8|UInt16", help="Quantise floats. Loses precision.")
    ] = None,
    crs_wkt: Annotated[
        str | None, typer.Option("--crs-wkt", metavar="TEXT", help="Coordinate reference system, well-known text.")
    ] = None,
    header_unit: Annotated[
        str | None,
        typer.Option("--segy-survey-coordinate-system-unit", metavar="m|ft|ussft", help="Unit of the coordinates."),
    ] = None,
    survey_unit: Annotated[
        str | None,
        typer.Option("--survey-coordinate-system-unit", metavar="m|ft|ussft", help="Unit to store them in."),
    ] = None,
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
    """Import a SEG-Y file into a VDS; without keys the geometry is found. An export gives it back byte for byte."""
    from mdio.convert import Conversion
    from mdio.exceptions import ConfigError
    from mdio_vds.import_run import run_import, save_scan
    from mdio_vds.importing import Geometry, header_words, read_file_info, reader_options, writer_options

    del keep_original_order  # there is no other way
    refuse_flush(flush_frequency)
    if respace_gathers.lower() not in ("auto", "on", "off"):
        raise ConfigError(f"{respace_gathers!r}", path="--respace-gathers", hint="Auto, On or Off")
    prestack = prestack or offset_sorted
    if respace_gathers.lower() != "auto" and not prestack:
        raise ConfigError("there are gathers in prestack data only", path="--respace-gathers", hint="give --prestack")
    storage = storage_options or {}
    words, endian = header_words(header_field, header_format, storage)
    geometry = Geometry(primary_key, secondary_key, prestack, two_d or two_d_index_axis, respace_gathers.lower())
    positions = words.positions()
    spec = read_file_info(file_info, segy, storage) if file_info is not None and not scan else None
    source = reader_options(
        words, geometry, endian="little" if little_endian else endian, sample_format=sample_format, spec=spec
    )
    words.check_used()
    if scan:
        save_scan(segy, source, file_info, overwrite=overwrite, storage_options=storage)
        return
    if vds is None:
        raise ConfigError("the name of the VDS is missing", path="VDS", hint="mdio vds import SEGY VDS")
    conversion = Conversion(
        source=segy,
        target=vds,
        source_format="segy",
        target_format="vds",
        source_options=source,
        target_options=writer_options(
            compression_method=compression_method,
            tolerance=tolerance,
            vds_format=vds_format,
            integer_scale=integer_scale,
            value_range=value_range,
            brick_size=brick_size,
            margin=margin,
            lods=lod_levels,
            create_2d_lods=create_2d_lods,
            channel=attribute_name,
            unit=attribute_unit,
            sample_unit=sample_unit,
            sample_start=sample_start,
            index_axis=True if two_d_index_axis else None,
            position_words=positions,
            position_scale=scale,
            header_unit=header_unit,
            survey_unit=survey_unit,
            crs_wkt=crs_wkt,
        ),
        storage_options=storage,
        overwrite=overwrite,
        resume=resume,
        workers=workers,
        memory=memory,
    )
    run_import(conversion, geometry, settings_of(context), quiet=quiet, dry_run=dry_run, as_json=json)


@app.command("export")
def export(
    context: typer.Context,
    vds: VdsUrl,
    segy: SegyFile,
    channel: Annotated[str | None, typer.Option("--channel", help="Sample channel; the first one else.")] = None,
    segy_format: Annotated[
        str, typer.Option("--segy-format", metavar="source|ibm32|ieee32|…", help="Sample format to write.")
    ] = "source",
    endian: Annotated[
        str, typer.Option("--endian", metavar="source|big|little", help="Byte order to write.")
    ] = "source",
    select: Select = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    workers: Workers = None,
    memory: Memory = None,
    storage_options: StorageOptions = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Export a VDS to SEG-Y; what came from SEG-Y comes back byte for byte."""
    from functools import partial

    from mdio.cli.running import carry_out
    from mdio.convert import Conversion
    from mdio.flow import selecting

    transforms: list[Any] = []
    if select:
        transforms.append(partial(selecting.select, wanted=selecting.parse_selection(select)))
    conversion = Conversion(
        source=vds,
        target=segy,
        source_format="vds",
        target_format="segy",
        source_options={"channel": channel} if channel is not None else {},
        target_options={"segy_format": segy_format, "endian": endian},
        transforms=transforms,
        storage_options=storage_options or {},
        overwrite=overwrite,
        resume=resume,
        workers=workers,
        memory=memory,
    )
    carry_out(conversion, settings_of(context), quiet=quiet, dry_run=dry_run, as_json=json)


app.command("info")(info)
app.command("copy")(copy)
app.command("verify")(verify)
