"""A plugin written for another major version of the plugin API."""

from mdio.plugins import Reader, hookimpl

MDIO_API = "2.0"


@hookimpl
def mdio_readers():
    yield Reader(name="oldthing", suffixes=(".old",), target="mdio_oldthing:open_old")
