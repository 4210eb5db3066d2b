"""A section drawn with letters: enough to see on a remote machine what is in a file, without a plotting library."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.display_scale import limits_of
from mdio.api.plotting import coordinates_of
from mdio.api.sections import Section, difference_of, read_section
from mdio.cli import render

if TYPE_CHECKING:
    from mdio.core.volume import Volume

__all__ = ["drawn", "show_section", "strongest"]

_RAMP = " .:-=+*#%@"
"""Letters from low to high values where there are no colours."""
_DEAD = "/"
_SIZE = (80, 24)
_SAMPLES = 4096
"""Of a trace that are looked at."""


def show_section(volume: Volume, other: Volume | None, where: Mapping[str, Any], gain: float) -> None:
    """Print a section, or the difference of two, in the size of the terminal: grey cells there, letters elsewhere."""
    terminal = sys.stdout.isatty()
    columns, lines = shutil.get_terminal_size(_SIZE) if terminal else _SIZE
    at = coordinates_of(volume, **where)
    # Two rows of pixels a line of half blocks; two lines are left for the title and the prompt.
    height = (lines - 3) * (2 if terminal else 1)
    sliced = volume.schema.names[-1] in at
    limits = {"columns": columns, "rows": height if sliced else _SAMPLES}
    section = read_section(volume, at, **limits)
    low, high = limits_of(section, volume.schema.metadata.statistics, gain)
    if other is not None:
        section = difference_of(section, read_section(other, at, **limits))
        low, high = (low - high) / 2, (high - low) / 2
    down, across = (
        f"{axis.coords[0]:.10g} … {axis.coords[-1]:.10g} {axis.label}" for axis in (section.down, section.across)
    )
    shown = section if sliced else strongest(section, height)
    if terminal:
        shown = _enlarged(shown, height, columns)
    render.lines(*drawn(shown, low, high, colours=terminal))
    render.lines("; ".join(part for part in (section.title, f"down: {down}", f"across: {across}") if part))


def strongest(section: Section, rows: int) -> Section:
    """Return a section of at most some rows: of the samples that share one, that with the largest amount.

    Every n-th sample would alias, and means of samples that swing about 0 are 0.
    """
    size = section.values.shape[0]
    share = -(-size // max(1, rows))
    if share <= 1:
        return section
    padding = ((0, -size % share), (0, 0))
    values = np.pad(section.values.astype(np.float64), padding).reshape(-1, share, section.values.shape[1])
    best = np.argmax(np.where(np.isfinite(values), np.abs(values), -1), axis=1, keepdims=True)
    return replace(
        section, values=np.take_along_axis(values, best, axis=1)[:, 0], live=section.live[::share][: len(values)]
    )


def _enlarged(section: Section, rows: int, columns: int) -> Section:
    """Return a section in which each sample is a block, as large as there is room for."""
    down, across = (max(1, room // size) for room, size in zip((rows, columns), section.values.shape, strict=True))
    values, live = (
        np.repeat(np.repeat(cells, down, axis=0), across, axis=1) for cells in (section.values, section.live)
    )
    return replace(section, values=values, live=live)


def drawn(section: Section, low: float, high: float, *, colours: bool) -> list[str]:
    """Return the lines of a picture; dead traces are ``/`` among letters and blue among colours."""
    with np.errstate(invalid="ignore"):
        share = np.clip((section.values.astype(np.float64) - low) / (high - low), 0, 1)
    empty = ~section.live | ~np.isfinite(share)
    share = np.where(empty, 0, share)
    if section.sliced:
        share, empty = share[::-1], empty[::-1]
    if not colours:
        letters = np.array(list(_RAMP))[np.minimum((share * len(_RAMP)).astype(int), len(_RAMP) - 1)]
        return ["".join(row) for row in np.where(empty, _DEAD, letters)]
    if len(share) % 2:
        share, empty = np.vstack([share, share[-1:]]), np.vstack([empty, empty[-1:]])
    grey = (share * 255).astype(int)
    cells = np.stack([np.where(empty, level, grey) for level in (40, 60, 110)], axis=-1)
    return [
        "".join(
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]}m\x1b[48;2;{b[0]};{b[1]};{b[2]}m▀"
            for a, b in zip(upper, lower, strict=True)
        )
        + "\x1b[0m"
        for upper, lower in zip(cells[::2].tolist(), cells[1::2].tolist(), strict=True)
    ]
