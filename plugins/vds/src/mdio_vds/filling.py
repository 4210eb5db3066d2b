"""Surveys with missing lines, filled in for axes that can only be regular."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mdio.exceptions import GridError, ShapeError
from mdio.flow.regularize import Regularize

if TYPE_CHECKING:
    from mdio.core.volume import Volume
    from mdio_vds.options import VdsWriteOptions

__all__ = ["prepare"]

_LINES = frozenset({"inline", "crossline"})
_GROWTH = 2
"""Times the cells that filling may make; beyond, lines are counted instead (specification section 16)."""


def prepare(volume: Volume, options: VdsWriteOptions) -> Volume:  # noqa: ARG001 - every layout has regular axes
    """Return a volume whose inlines and crosslines have a regular step, so that the axes of a VDS can say them.

    Missing lines are there with dead traces. A volume that has no common step, or would grow to more than twice its
    cells, stays as it is: its lines are counted, and their numbers kept beside.
    """
    try:
        regular = Regularize(volume, _LINES)
    except (ShapeError, GridError):
        return volume
    if math.prod(regular.schema.shape) > _GROWTH * math.prod(volume.schema.shape):
        return volume
    return volume if regular.schema.shape == volume.schema.shape else regular
