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
from mdio.api.wiggles import WIGGLE_PIXELS, draw_wiggles, extent_of
from mdio.convert import Stores
from mdio.exceptions import ConfigError, MDIOError
from mdio.plugins.registry import near
from mdio.storage.urls import redact, split_name, suffix

if TYPE_CHECKING:
    from mdio.core.volume import Volume

__all__ = ["coordinates_of", "plot_section", "volume_of"]

_GROUND = {"facecolor": "#e6e1d5", "edgecolor": "#b8af9b", "hatch": "////"}
_STYLES = ("colour", "wiggle")
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
    gather: Sequence[float] | None = None,
    difference: Any = None,
    path: str | os.PathLike[str] | None = None,
    style: str = "colour",
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
    gather
        Coordinates of all dimensions but the last spatial one, in their order: the traces along that one are shown,
        e.g. ``(inline, crossline)`` of a survey with offsets.
    difference
        Another one of the same kind, taken away from the first before it is drawn at the scale of the first.
    path
        Path or URL of a file to write, by its ending PNG, PDF or SVG; readers see it whole or not at all.
    style
        ``"colour"``, or ``"wiggle"``: the line of each trace, filled where it is above the middle, of as many traces
        as there is room for.
    gain
        Standard deviations at which the colours end, or wiggles reach over their neighbour: those of the whole volume
        where they are known, else of the section; a slice has its own. Around 0, or around the mean where values have
        one sign only (velocities).
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
        The volume has no such dimension, or there is no such style, colour map, ending or size.
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
    if style not in _STYLES:
        raise ConfigError(f"no style {style!r}", hint=near(style, _STYLES) or f"choose {' or '.join(_STYLES)}")
    width, height = size
    kind = _kind_of(path)
    where = coordinates_of(volume, inline, crossline, sample, at, gather)
    # Twice the pixels there are: what is thinned out could not be told from its neighbours anyway.
    limits = {"columns": 2 * width if style == "colour" else max(2, width // WIGGLE_PIXELS), "rows": 2 * height}
    section = read_section(volume_of(volume), where, **limits)
    low, high = limits_of(section, volume_of(volume).schema.metadata.statistics, gain)
    title = section.title
    if difference is not None:
        other = read_section(volume_of(difference), where, **limits)
        section = difference_of(section, other)
        low, high = (low - high) / 2, (high - low) / 2
        largest = np.max(np.abs(section.values), where=np.isfinite(section.values), initial=0)
        title = f"{title} – difference, at most {largest:.4g}".removeprefix(" – ")
    figure = _figure(width, height, dpi)
    axes = _axes(figure, section, title)
    if style == "wiggle":
        draw_wiggles(axes, section, low, high, rows=2 * height)
    else:
        _draw_colours(figure, axes, section, colours, low, high)
    if path is not None:
        _save(figure, os.fspath(path), kind)
    return figure


def coordinates_of(
    volume: Any,
    inline: float | None = None,
    crossline: float | None = None,
    sample: float | None = None,
    at: Mapping[str, float] | None = None,
    gather: Sequence[float] | None = None,
) -> dict[str, float]:
    """Return coordinates by dimension; ``sample`` is the last one, whatever its name.

    Raises
    ------
    ConfigError
        A dimension is given twice, or a gather by too few or too many coordinates.
    """
    names = volume_of(volume).schema.names
    named = {"inline": inline, "crossline": crossline, names[-1]: sample}
    where = {name: coord for name, coord in named.items() if coord is not None}
    if gather is not None and len(gather) != len(names) - 2:
        raise ConfigError(
            f"gather: {len(gather)} coordinates, not {len(names) - 2}",
            hint=f"give those of {', '.join(names[:-2])}" if len(names) > 2 else "the whole line is one; leave it out",
        )
    wanted = dict(zip(names, gather or (), strict=False))
    for name, coord in [*wanted.items(), *(at or {}).items()]:
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


def _axes(figure: Any, section: Section, title: str) -> Any:
    """Return axes in the coordinates of a section, on a ground that shows where nothing is drawn."""
    axes = figure.add_subplot()
    # It shows through at dead traces, and at samples that are no numbers.
    axes.patch.set(**_GROUND)
    first, last = extent_of(section.down)
    # Samples run downward; a map has its first line at the bottom.
    axes.set(xlim=extent_of(section.across), ylim=(first, last) if section.sliced else (last, first), title=title)
    _label(axes.xaxis, section.across)
    _label(axes.yaxis, section.down)
    return axes


def _draw_colours(figure: Any, axes: Any, section: Section, colours: str, low: float, high: float) -> None:
    (left, right), (first, last) = extent_of(section.across), extent_of(section.down)
    box = axes.get_window_extent()
    enlarged = section.values.shape[0] <= box.height and section.values.shape[1] <= box.width
    image = axes.imshow(
        np.ma.masked_array(section.values, ~section.live | ~np.isfinite(section.values)),
        cmap=colours,
        vmin=low,
        vmax=high,
        aspect="auto",
        # Smoothing would let dead traces fade into live ones; it is of use only where pixels are fewer than samples.
        interpolation="nearest" if enlarged else "antialiased",
        origin="lower" if section.sliced else "upper",
        extent=(left, right, first, last) if section.sliced else (left, right, last, first),
    )
    bar = figure.colorbar(image, ax=axes, extend="both", fraction=0.05, aspect=35, pad=0.02)
    bar.outline.set_linewidth(0.6)


def _label(drawn: Any, axis: Axis) -> None:
    drawn.set_label_text(axis.label)
    ticker = import_module("matplotlib.ticker")
    if axis.even:
        whole = axis.coords.dtype.kind in "iu"
        drawn.set_major_locator(ticker.MaxNLocator("auto", steps=(1, 2, 2.5, 5, 10), integer=whole))
        numbers = ticker.ScalarFormatter(useOffset=False)
        numbers.set_scientific(False)
        drawn.set_major_formatter(numbers)
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
