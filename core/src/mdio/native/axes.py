"""Stored coordinates → axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.dimension import Dimension

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["axis_of"]


def axis_of(name: str, coords: NDArray[Any], unit: str) -> Dimension:
    """Return the axis of these coordinates; a regular one is kept as three numbers."""
    if len(coords) > 1:
        first, step = coords[0].item(), (coords[1] - coords[0]).item()
        if np.array_equal(first + step * np.arange(len(coords)), coords):
            return Dimension.regular(name, first, step, len(coords), unit)
    return Dimension(coords, name, unit)
