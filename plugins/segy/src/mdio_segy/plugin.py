"""What this distribution offers; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from mdio.plugins import Check, Command, Reader, Writer, hookimpl

MDIO_API = "1.0"


@hookimpl
def mdio_readers() -> Iterable[Reader]:
    """SEG-Y files."""
    yield Reader(
        name="segy",
        summary="SEG-Y files of all revisions",
        suffixes=(".sgy", ".segy"),
        sniff="mdio_segy.sniffing:sniff",
        target="mdio_segy.opening:open_segy",
        options="mdio_segy.options:SegyReadOptions",
    )


@hookimpl
def mdio_writers() -> Iterable[Writer]:
    """SEG-Y files."""
    yield Writer(
        name="segy",
        summary="SEG-Y, byte for byte where the data came from SEG-Y",
        suffixes=(".sgy", ".segy"),
        target="mdio_segy.sink:create_segy",
        options="mdio_segy.options:SegyWriteOptions",
    )


@hookimpl
def mdio_checks() -> Iterable[Check]:
    """Return rules for SEG-Y volumes: the first five look at all trace headers, the others at some samples."""
    for name, summary in (
        ("delay-varies", "Delay recording times differ between traces"),
        ("coordinate-scalar-varies", "Coordinate scalars differ between traces"),
        ("interval-varies", "Sample intervals differ between traces"),
        ("sample-counts-differ", "Trace headers state another sample count than the traces have"),
        ("dead-traces", "Traces are marked dead"),
        ("silent-traces", "Traces hold only zeros"),
        ("not-finite", "Samples are NaN or infinite"),
        ("ibm-saturated", "IBM words exceed float32"),
        ("ibm-odd-words", "Words are no normalised IBM floats"),
    ):
        target = f"mdio_segy.checks:{name.replace('-', '_')}"
        yield Check(name=name, summary=summary, formats=("segy",), target=target)


@hookimpl
def mdio_commands() -> Iterable[Command]:
    """Offer the commands below ``mdio segy``."""
    yield Command(name="segy", summary="Import, export and look into SEG-Y files.", target="mdio_segy.cli:app")
