"""The grid overrides of MDIO v0: pure functions that rework the index keys of all traces before the grid is built.

What each computes follows the user guide of MDIO v0 ("grid_overrides" of ``segy_to_mdio``). Where its releases fail
on their own examples, these do not: the cable is computed before channels are wrapped (the descriptors say so with
``after``), several lines of any kind of shot numbering are taken, and counters do not end at 32767.

Nothing here loops over traces: columns are walked in batches, groups are found by :mod:`mdio.core.runs`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio.core.runs import batches, counters, distinct, extents, run_starts
from mdio.core.table import HeaderTable
from mdio.exceptions import GridOverrideKeysError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core import override_options

__all__ = [
    "auto_channel_wrap",
    "auto_shot_wrap",
    "calculate_cable",
    "channel_wrap",
    "has_duplicates",
    "non_binned",
]

TRACE: Final = "trace"
"""Dimension that counts the traces of a cell."""


def channel_wrap(table: HeaderTable, params: override_options.ChannelWrap) -> HeaderTable:
    """Renumber the channels of each cable from 1: channel' = (channel - 1) mod n + 1.

    Parameters
    ----------
    table
        With the key ``channel``.
    params
        n is ``channels_per_cable``.
    """
    count = params.channels_per_cable
    return table.replace(channel=_map(table.columns["channel"], lambda part: (part - 1) % count + 1, count))


def calculate_cable(table: HeaderTable, params: override_options.CalculateCable) -> HeaderTable:
    """Compute the cable from unwrapped channels: cable' = (channel - 1) div n + 1.

    Parameters
    ----------
    table
        With the keys ``cable``, which is replaced, and ``channel``.
    params
        n is ``channels_per_cable``.
    """
    count = params.channels_per_cable
    channel = table.columns["channel"]
    return table.replace(cable=_map(channel, lambda part: (part - 1) // count + 1, _largest(channel)))


def auto_channel_wrap(table: HeaderTable, params: object) -> HeaderTable:  # noqa: ARG001 - overrides are called alike
    """Renumber the channels of each cable from 1 unless two cables share channel numbers.

    Cables a and b share channels when min_a < max_b and max_a > min_b; then the channels are wrapped already and stay
    as they are. Otherwise channel' = channel - min(cable) + 1.

    Parameters
    ----------
    table
        With the keys ``cable`` and ``channel``.
    params
        Not used.
    """
    cable, channel = table.columns["cable"], table.columns["channel"]
    cables, low, high = extents(cable, channel)
    by_low = np.lexsort((high, low))
    # Sorted by their lowest channels, cables are apart when none begins before all earlier ones have ended.
    wraps = not np.any(np.maximum.accumulate(high[by_low])[:-1] > low[by_low][1:])
    notes = {"AutoChannelWrap": {"wrapped": bool(wraps)}}
    if not wraps:
        return _with(table, {}, notes)
    low, span = _exact(low), (_exact(high) - _exact(low)).max(initial=0) + 1
    wrapped = np.empty(table.count, _type_for(channel.dtype, span))
    for part in batches(table.count):
        wrapped[part] = _exact(channel[part]) - low[np.searchsorted(cables, cable[part])] + 1
    return _with(table, {"channel": wrapped}, notes)


def auto_shot_wrap(table: HeaderTable, params: object) -> HeaderTable:  # noqa: ARG001 - overrides are called alike
    """Make the shot numbers of each gun dense where guns fire in turn.

    With G guns in a line, shots are numbered in turn (type B) when shot_point div G still tells apart the shots of
    every gun of every line; then shot_point' = shot_point div the largest G. Otherwise each gun numbers its shots by
    itself (type A), and they stay as they are.

    Parameters
    ----------
    table
        With the keys ``shot_line``, ``gun`` and ``shot_point``.
    params
        Not used.
    """
    shot = table.columns["shot_point"]
    line, gun, point = distinct([table.columns["shot_line"], table.columns["gun"], shot])
    new_gun = run_starts([line, gun])
    _, line_of_gun, guns_of_line = np.unique(line[new_gun], return_inverse=True, return_counts=True)
    guns = guns_of_line[line_of_gun]
    divisors = np.repeat(guns, np.diff(new_gun, append=len(line)))
    turn = _exact(point) // divisors
    in_turn = len(run_starts([line, gun, turn])) == len(turn)
    most = int(guns.max(initial=1))
    notes = {"AutoShotWrap": {"type": "B" if in_turn else "A", "guns": most}}
    if not in_turn:
        return _with(table, {}, notes)
    return _with(table, {"shot_point": _map(shot, lambda part: part // most, _largest(shot))}, notes)


def non_binned(table: HeaderTable, params: override_options.NonBinned) -> HeaderTable:
    """Count the traces of each grid cell 1, 2, 3, … in file order along a new dimension ``trace``.

    Parameters
    ----------
    table
        With the keys of ``non_binned_dims``; these are left out, and the notes say which (``collapsed``).
    params
        ``chunksize``, noted as the chunk of the new dimension, and ``non_binned_dims``.

    Raises
    ------
    GridOverrideKeysError
        One of ``non_binned_dims`` is no key.
    """
    missing = [name for name in params.non_binned_dims if name not in table.columns]
    if missing:
        raise GridOverrideKeysError(
            f"NonBinned shall replace {', '.join(missing)}, but the index keys are {', '.join(table.names)}"
        )
    kept = {name: column for name, column in table.columns.items() if name not in params.non_binned_dims}
    counted = _counted(HeaderTable(kept, table.notes), table.count, params.chunksize)
    return _with(counted, {}, {"collapsed": [name for name in table.names if name not in kept]})


def has_duplicates(table: HeaderTable, params: object) -> HeaderTable:  # noqa: ARG001 - overrides are called alike
    """Count the traces of each grid cell 1, 2, 3, … in file order along a new dimension ``trace`` of chunk 1."""
    return _counted(table, table.count, 1)


def _counted(table: HeaderTable, count: int, chunk: int) -> HeaderTable:
    added = {**table.notes.get("added", {}), TRACE: chunk}
    return _with(table, {TRACE: counters(list(table.columns.values()), count)}, {"added": added})


def _with(table: HeaderTable, columns: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> HeaderTable:
    return HeaderTable({**table.columns, **columns}, {**table.notes, **notes})


# -- one column --------------------------------------------------------------------------------------------------


def _exact(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a type in which keys can be reckoned with: 64 bits, and signed where they are whole."""
    return values.astype(np.float64 if values.dtype.kind == "f" else np.int64, copy=False)


def _type_for(kind: np.dtype[Any], largest: float) -> np.dtype[Any]:
    """Return the type of what is computed from a column: floats stay, whole numbers take int32 where they fit."""
    if kind.kind == "f":
        return kind
    return np.dtype(np.int32 if largest <= np.iinfo(np.int32).max else np.int64)


def _largest(column: NDArray[Any]) -> int:
    return 0 if column.dtype.kind == "f" else int(np.iinfo(column.dtype).max)


def _map(column: NDArray[Any], function: Callable[[NDArray[Any]], NDArray[Any]], largest: float) -> NDArray[Any]:
    """Return a function of a column whose results are not above ``largest``."""
    result = np.empty(len(column), _type_for(column.dtype, largest))
    for part in batches(len(column)):
        result[part] = function(_exact(column[part]))
    return result
