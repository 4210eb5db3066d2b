"""A plugin that contributes a reader under the name that the one in ``ok`` has, and one under the core's."""

from mdio.plugins import Command, Reader, hookimpl


@hookimpl
def mdio_readers():
    yield Reader(name="cube", summary="Another cube", suffixes=(".cube2",), target="another_cube:open_cube")
    yield Reader(name="mdio", summary="Not the core's", suffixes=(".other",), target="another_cube:open_cube")


@hookimpl
def mdio_commands():
    yield Command(name="info", summary="Not the core's", target="another_cube:app")


def open_cube(url, options, storage):
    raise NotImplementedError
