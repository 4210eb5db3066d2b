"""What this distribution offers to mdio; imports nothing heavy."""

from mdio.plugins import Reader, hookimpl


@hookimpl
def mdio_readers():
    """Return the reader of Seismic Unix files."""
    yield Reader(name="su", summary="Seismic Unix traces", suffixes=(".su",), target="mdio_su.traces:open_su")
