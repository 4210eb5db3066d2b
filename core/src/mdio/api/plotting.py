"""One section or slice of a volume as a picture; matplotlib is imported when one is drawn.

Figures are made as objects of their own, never through ``pyplot``: a library must not touch the figures of its user,
and batch jobs have no display.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.display_scale import limits_of
from mdio.api.sections import Axis, Section, difference_of, read_section
from mdio.convert import Stores
from mdio.exceptions import ConfigError, MDIOError
from mdio.plugins.registry import near
from mdio.storage.urls import redact, split_name, suffix

if TYPE_CHECKING:
    from mdio.core.volume import Volume

__all__ = ["coordinates_of", "plot_section", "volume_of"]

_GROUND = {"facecolor": "#e6e1d5", "edgecolor": "#b8af9b", "hatch": "////"}
_ENDINGS = (".png", ".pdf", ".svg")
_PIXELS = 20_000
"""Of a picture, each way."""


def plot_section(
    volume: Any,
    *,
    inline: float | None = None,
    crossline: float | None = None,
    sample: float | None = None,
    at: Mapping[str, float] | None = None,
    difference: Any = None,
    path: str | os.PathLike[str] | None = None,
    gain: float = 3.0,
    colours: str = "gray",
    size: Sequence[int] = (1200, 800),
    dpi: int = 100,
) -> Any:
    """Draw one section or slice.

    By default the section at the middle of the first axis. Samples run downward, dead traces are hatched; what is
    fixed stands in the title.

    Parameters
    ----------
    volume
        What ``mdio.open`` returns, any volume, or an ``MDIOReader``.
    inline, crossline
        Coordinate of the section along the other.
    sample
        Coordinate of a slice on the sample axis, whatever its name, e.g. in milliseconds.
    at
        Coordinate by the name of any dimension. Dimensions that are neither given nor shown are at their middle.
    difference
        Another one of the same kind, taken away from the first before it is drawn at the scale of the first.
    path
        Path or URL of a file to write, by its ending PNG, PDF or SVG; readers see it whole or not at all.
    gain
        Standard deviations at which the colours end: those of the whole volume where they are known, else of the
        section. Around 0, or around the mean where values have one sign only (velocities).
    colours
        Name of a matplotlib colour map.
    size
        Width and height in pixels.
    dpi
        Pixels an inch: the larger, the larger letters are.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to ``pyplot``.

    Raises
    ------
    MDIOError
        matplotlib is not installed.
    ConfigError
        The volume has no such dimension, or there is no such colour map, ending or size.
    GridError
        A dimension has no such coordinate; the hint names the nearest one.
    ShapeError
        Fewer than two axes are left, or the two volumes differ in their axes.
    """
    known = _matplotlib().colormaps
    if colours not in known:
        raise ConfigError(f"no colour map {colours!r}", hint=near(colours, known) or "gray, seismic and RdBu are some")
    if len(size) != 2 or min(*size, dpi) < 1 or max(size) > _PIXELS:
        raise ConfigError(f"a picture of size {tuple(size)} at {dpi} dpi", hint=f"give 1 to {_PIXELS} pixels each way")
    width, height = size
    kind = _kind_of(path)
    where = coordinates_of(volume, inline, crossline, sample, at)
    # Twice the pixels there are: what is thinned out could not be told from its neighbours anyway.
    section = read_section(volume_of(volume), where, columns=2 * width, rows=2 * height)
    low, high = limits_of(section, volume_of(volume).schema.metadata.statistics, gain)
    title = section.title
    if difference is not None:
        other = read_section(volume_of(difference), where, columns=2 * width, rows=2 * height)
        section = difference_of(section, other)
        low, high = (low - high) / 2, (high - low) / 2
        largest = np.max(np.abs(section.values), where=np.isfinite(section.values), initial=0)
        title = f"{title} – difference, at most {largest:.4g}".removeprefix(" – ")
    figure = _figure(width, height, dpi)
    _draw(figure, section, title, colours, low, high)
    if path is not None:
        _save(figure, os.fspath(path), kind)
    return figure


def coordinates_of(
    volume: Any,
    inline: float | None = None,
    crossline: float | None = None,
    sample: float | None = None,
    at: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return coordinates by dimension; ``sample`` is the last one, whatever its name.

    Raises
    ------
    ConfigError
        A dimension is given twice.
    """
    named = {"inline": inline, "crossline": crossline, volume_of(volume).schema.names[-1]: sample}
    where = {name: coord for name, coord in named.items() if coord is not None}
    for name, coord in (at or {}).items():
        if name in where:
            raise ConfigError(f"plot: {name} is given twice")
        where[name] = coord
    return where


def volume_of(source: Any) -> Volume:
    """Return the volume of an ``MDIOReader``, or the volume that it is."""
    volume: Volume = source if hasattr(source, "schema") else source.volume
    return volume


# -- drawing -----------------------------------------------------------------------------------------------------


def _matplotlib() -> Any:
    try:
        return import_module("matplotlib")
    except ImportError as error:
        raise MDIOError("plots need matplotlib, which is not installed", hint="pip install matplotlib") from error


def _figure(width: int, height: int, dpi: int) -> Any:
    figure = import_module("matplotlib.figure").Figure((width / dpi, height / dpi), dpi, layout="constrained")
    import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    return figure


def _draw(figure: Any, section: Section, title: str, colours: str, low: float, high: float) -> None:
    axes = figure.add_subplot()
    # The ground shows through where nothing is drawn: dead traces, and samples that are no numbers.
    axes.patch.set(**_GROUND)
    (left, right), (first, last) = _extent(section.across), _extent(section.down)
    image = axes.imshow(
        np.ma.masked_array(section.values, ~section.live | ~np.isfinite(section.values)),
        cmap=colours,
        vmin=low,
        vmax=high,
        aspect="auto",
        # Samples run downward; a map has its first line at the bottom.
        origin="lower" if section.sliced else "upper",
        extent=(left, right, first, last) if section.sliced else (left, right, last, first),
    )
    _label(axes.xaxis, section.across)
    _label(axes.yaxis, section.down)
    axes.set_title(title)
    figure.colorbar(image, ax=axes, extend="both")


def _extent(axis: Axis) -> tuple[float, float]:
    """Return where the first cell begins and the last one ends: coordinates where they are even, else positions."""
    if not axis.even:
        return -0.5, axis.coords.size - 0.5
    first, last = float(axis.coords[0]), float(axis.coords[-1])
    half = (last - first) / (axis.coords.size - 1) / 2 if axis.coords.size > 1 else 0.5
    return first - half, last + half


def _label(drawn: Any, axis: Axis) -> None:
    drawn.set_label_text(axis.label)
    ticker = import_module("matplotlib.ticker")
    if axis.even:
        whole = axis.coords.dtype.kind in "iu"
        drawn.set_major_locator(ticker.MaxNLocator("auto", steps=(1, 2, 2.5, 5, 10), integer=whole))
        drawn.set_major_formatter(ticker.ScalarFormatter(useOffset=False))
        return

    def coordinate(position: float, _: object) -> str:
        at = round(position)
        return f"{axis.coords[at]:.10g}" if 0 <= at < axis.coords.size else ""

    drawn.set_major_locator(ticker.MaxNLocator(integer=True))
    drawn.set_major_formatter(ticker.FuncFormatter(coordinate))


# -- saving ------------------------------------------------------------------------------------------------------


def _kind_of(path: str | os.PathLike[str] | None) -> str:
    """Return the format of a picture by the ending of its name."""
    ending = suffix(os.fspath(path)) if path is not None else _ENDINGS[0]
    if ending not in _ENDINGS:
        shown = redact(os.fspath(path or ""))
        raise ConfigError(f"{shown}: pictures end in {', '.join(_ENDINGS)}", hint="name it section.png")
    return ending.removeprefix(".")


def _save(figure: Any, path: str, kind: str) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format=kind)
    folder, name = split_name(path)
    Stores().open(folder or ("/" if path.startswith("/") else ".")).write(name, picture.getvalue())
