"""Seismic data in SEG-Y, MDIO and VDS: read, write and convert without losing a byte.

Looking, converting, and making from arrays::

    volume = mdio.open("stack.sgy")                 # or .mdio, .vds, s3://…
    volume.iline[278]                               # by line number, as numpy; .xline, .depth_slice, .gather, .header
    volume.to_xarray(), volume.plot(inline=278)
    mdio.convert("stack.sgy", "stack.vds")          # any format to any other
    mdio.segy_to_mdio("stack.sgy", "stack.mdio", index_bytes=(189, 193), index_names=("inline", "crossline"))
    mdio.MDIOReader("stack.mdio")[100]              # by position, as in MDIO 0.x
    mdio.from_numpy(cube, "cube.mdio")

``help(mdio.open)`` says more of each, ``mdio --help`` of the same on the command line. Public names load on first use,
so that ``import mdio`` costs nothing. ``segy_to_mdio`` and ``mdio_to_segy`` come with the distribution mdio-segy.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio.api.accessor import MDIOAccessor, MDIOReader, MDIOWriter
    from mdio.api.convenience import copy_mdio, rechunk, rechunk_batch
    from mdio.api.from_arrays import from_numpy
    from mdio.api.making import create_empty, create_empty_like, numpy_to_mdio
    from mdio.api.map_grid import MapGrid
    from mdio.api.opened import open as open
    from mdio.convert import convert, create
    from mdio.core.dimension import Dimension
    from mdio.core.factory import MDIOCreateConfig, MDIOVariableConfig
    from mdio.core.grid import Grid
    from mdio.core.volume import Block, Metadata, Region, Schema, Sink, Volume
    from mdio.exceptions import MDIOError
    from mdio_segy import mdio_to_segy as mdio_to_segy
    from mdio_segy import segy_to_mdio as segy_to_mdio

__version__ = "0.1.0"

_EXPORTS = {
    "Block": "mdio.core.volume",
    "Dimension": "mdio.core.dimension",
    "Grid": "mdio.core.grid",
    "MDIOAccessor": "mdio.api.accessor",
    "MDIOCreateConfig": "mdio.core.factory",
    "MDIOError": "mdio.exceptions",
    "MDIOReader": "mdio.api.accessor",
    "MDIOVariableConfig": "mdio.core.factory",
    "MDIOWriter": "mdio.api.accessor",
    "MapGrid": "mdio.api.map_grid",
    "Metadata": "mdio.core.volume",
    "Region": "mdio.core.volume",
    "Schema": "mdio.core.volume",
    "Sink": "mdio.core.volume",
    "Volume": "mdio.core.volume",
    "convert": "mdio.convert",
    "copy_mdio": "mdio.api.convenience",
    "create": "mdio.convert",
    "create_empty": "mdio.api.making",
    "create_empty_like": "mdio.api.making",
    "from_numpy": "mdio.api.from_arrays",
    "mdio_to_segy": "mdio_segy",
    "numpy_to_mdio": "mdio.api.making",
    "open": "mdio.api.opened",
    "rechunk": "mdio.api.convenience",
    "rechunk_batch": "mdio.api.convenience",
    "segy_to_mdio": "mdio_segy",
}
"""Public name and the module that has it."""

_SHIPPED_BY = {"mdio_segy": "mdio-segy"}
"""Module outside the core and its distribution. Its names are not in ``__all__``, so that a star import never
fails; nor is ``open``, which would hide the built-in."""

__all__ = [
    "Block",
    "Dimension",
    "Grid",
    "MDIOAccessor",
    "MDIOCreateConfig",
    "MDIOError",
    "MDIOReader",
    "MDIOVariableConfig",
    "MDIOWriter",
    "MapGrid",
    "Metadata",
    "Region",
    "Schema",
    "Sink",
    "Volume",
    "__version__",
    "convert",
    "copy_mdio",
    "create",
    "create_empty",
    "create_empty_like",
    "from_numpy",
    "numpy_to_mdio",
    "rechunk",
    "rechunk_batch",
]


def __getattr__(name: str) -> Any:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        value = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        # Only the absence of the plugin itself is ours to explain, not that of something it imports.
        if error.name != module or module not in _SHIPPED_BY:
            raise
        from mdio.exceptions import PluginNotInstalledError
        from mdio.plugins.install import install_hint

        raise PluginNotInstalledError(
            f"mdio.{name} needs a plugin that is not installed",
            hint=f"run: {install_hint(_SHIPPED_BY[module])}",
        ) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})


class _Package(ModuleType):
    """Keeps ``mdio.convert`` the function: importing the module ``mdio.convert`` would put the module there."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _EXPORTS.get(name) == value.__name__:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
