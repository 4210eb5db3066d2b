"""What this distribution offers to mdio; imports nothing heavy."""

from mdio.plugins import Reader, Writer, hookimpl

MDIO_API = "1.0"


@hookimpl
def mdio_readers():
    """Return the reader of .npz cubes."""
    yield Reader(
        name="npz",
        summary="NumPy .npz cubes",
        suffixes=(".npz",),
        target="mdio_npz.volume:open_npz",
        options="mdio_npz.options:ReadOptions",
    )


@hookimpl
def mdio_writers():
    """Return the writer of .npz cubes."""
    yield Writer(
        name="npz",
        summary="NumPy .npz cubes",
        suffixes=(".npz",),
        target="mdio_npz.sink:create_npz",
        options="mdio_npz.options:WriteOptions",
    )
