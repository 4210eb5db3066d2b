"""What this distribution offers; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from mdio.plugins import Command, Reader, Writer, hookimpl

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
def mdio_commands() -> Iterable[Command]:
    """Offer the commands below ``mdio segy``."""
    yield Command(name="segy", summary="Import, export and look into SEG-Y files.", target="mdio_segy.cli:app")
