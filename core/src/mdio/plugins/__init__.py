"""What plugin authors import: the marker ``hookimpl`` and the descriptors their hooks return.

The look-ups of the toolkit itself are in :mod:`mdio.plugins.registry`, which plugins rarely need.
"""

from mdio.plugins.contributions import (
    KINDS,
    Check,
    Codec,
    Command,
    Contribution,
    GridOverride,
    Observer,
    Reader,
    StorageBackend,
    Template,
    Writer,
)
from mdio.plugins.hookspecs import API_VERSION, hookimpl, hookspec

__all__ = [
    "API_VERSION",
    "KINDS",
    "Check",
    "Codec",
    "Command",
    "Contribution",
    "GridOverride",
    "Observer",
    "Reader",
    "StorageBackend",
    "Template",
    "Writer",
    "hookimpl",
    "hookspec",
]
