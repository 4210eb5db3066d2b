"""What this distribution offers; imports nothing heavy."""

from mdio.plugins import Command, Reader, Writer, hookimpl

MDIO_API = "1.0"


@hookimpl
def mdio_readers():
    yield Reader(
        name="cube",
        summary="A JSON line and raw samples",
        suffixes=(".cube",),
        magic=((0, b'{"format": "cube"'),),
        target="mdio_cube.volume:open_volume",
    )


@hookimpl
def mdio_writers():
    yield Writer(
        name="cube",
        summary="A JSON line and raw samples",
        suffixes=(".cube",),
        target="mdio_cube.sink:create_sink",
    )


@hookimpl
def mdio_commands():
    yield Command(name="cube", summary="Look at cubes.", target="mdio_cube.cli:app")
