"""How many traces share a cell under index words that do not tell all traces apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdio_segy.fields import KeyField
from mdio_segy.scan import scan_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mdio_segy.filehead import SegyLayout
    from mdio_segy.tracefile import TraceFile

__all__ = ["Shared", "shared_cells"]

Keys = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """Traces that fall into the same cells.

    Parameters
    ----------
    traces
        Traces that are not alone in their cell.
    cells
        Cells with more than one trace.
    most
        Traces in the fullest cell.
    taken
        Cells with a trace.
    """

    traces: int
    cells: int
    most: int
    taken: int


def shared_cells(traces: TraceFile, layout: SegyLayout, geometries: Sequence[Keys]) -> dict[Keys, Shared]:
    """Return what several geometries make traces share; those that tell all traces apart are left out.

    One pass over the headers for all of them; 4 bytes a trace and word are held, and 8 bytes a trace to count.

    Parameters
    ----------
    traces, layout
        The file.
    geometries
        ``(name, byte)`` of the index words of each.
    """
    places = sorted({byte for keys in geometries for _, byte in keys})
    names = [str(byte) for byte in places]
    if not places or not layout.trace_count:
        return {}
    table = scan_keys(traces, layout, [KeyField(name, byte) for name, byte in zip(names, places, strict=True)], names)
    found = {}
    for keys in geometries:
        _, times = np.unique(_codes([table.columns[str(byte)] for _, byte in keys]), return_counts=True)
        several = times[times > 1]
        if several.size:
            found[keys] = Shared(int(several.sum()), int(several.size), int(several.max()), int(times.size))
    return found


def _codes(columns: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Return one number a trace, the same for traces with the same words."""
    codes = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        low, high = int(column.min()), int(column.max())
        if (int(codes.max()) + 1) * (high - low + 1) > np.iinfo(np.int64).max:
            codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
        codes *= high - low + 1
        codes += column.astype(np.int64) - low
    return codes
