"""What this package adds to the toolkit; imported at every start, hence free of heavy imports."""

from __future__ import annotations

from collections.abc import Iterator

from mdio.plugins import Command, Reader, Writer, hookimpl

__all__ = ["MDIO_API", "mdio_commands", "mdio_readers", "mdio_writers"]

MDIO_API = "1.0"


@hookimpl
def mdio_readers() -> Iterator[Reader]:
    """VDS in one file or as objects below a prefix."""
    yield Reader(
        name="vds",
        summary="OpenVDS volume data store: one file, or objects below a prefix",
        target="mdio_vds.volume:open_volume",
        options="mdio_vds.options:VdsOptions",
        suffixes=(".vds",),
        magic=((0, b"HueDataStore"),),
        sniff="mdio_vds.detect:sniff",
        directories=True,
    )


@hookimpl
def mdio_writers() -> Iterator[Writer]:
    """VDS in one file or as objects below a prefix."""
    yield Writer(
        name="vds",
        summary="OpenVDS volume data store, byte for byte back to SEG-Y",
        target="mdio_vds.sink:create_vds",
        prepare="mdio_vds.filling:prepare",
        options="mdio_vds.options:VdsWriteOptions",
        suffixes=(".vds",),
        directories=True,
    )


@hookimpl
def mdio_commands() -> Iterator[Command]:
    """Offer the commands below ``mdio vds``."""
    yield Command(name="vds", summary="Import, export, copy, verify and look into VDS.", target="mdio_vds.cli:app")
