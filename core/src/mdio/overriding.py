"""Grid overrides for formats and for Python: whatever the installed plugins offer, in any spelling.

::

    from mdio.overriding import ChannelWrap, apply_overrides

    table = apply_overrides(table, [ChannelWrap(channels_per_cable=800)])
    table = apply_overrides(table, {"ChannelWrap": True, "ChannelsPerCable": 800})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdio.core.override_options import (
    AutoChannelWrap,
    AutoShotWrap,
    CalculateCable,
    ChannelWrap,
    HasDuplicates,
    NonBinned,
)
from mdio.core.overriding import apply_steps, chunks_with_added, spelled, steps
from mdio.plugins.contributions import GridOverride
from mdio.plugins.registry import registry

if TYPE_CHECKING:
    from mdio.core.table import HeaderTable

__all__ = [
    "AutoChannelWrap",
    "AutoShotWrap",
    "CalculateCable",
    "ChannelWrap",
    "HasDuplicates",
    "NonBinned",
    "apply_overrides",
    "chunks_with_added",
    "normalise",
]


def apply_overrides(table: HeaderTable, spelling: Any) -> HeaderTable:
    """Return a table whose keys overrides have reworked; see :func:`mdio.core.overriding.apply_steps`.

    Parameters
    ----------
    table
        Index keys of all traces.
    spelling
        Flat mapping of MDIO v0, list of one-key mappings, names and typed objects, or None.

    Raises
    ------
    GridOverrideInputError
        And its subclasses: the spelling is wrong, or does not fit the keys.
    PluginError
        An override cannot be loaded or does not keep its promises.
    """
    return apply_steps(table, steps(spelling, registry().names(GridOverride)))


def normalise(spelling: Any) -> dict[str, dict[str, Any]]:
    """Return the canonical spelling, checked and JSON-able: name to parameters, in the order of application.

    Normalising it again changes nothing, and all spellings of the same overrides give the same.
    """
    return spelled(steps(spelling, registry().names(GridOverride)))
