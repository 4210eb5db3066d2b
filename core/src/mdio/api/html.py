"""A volume as notebooks show it: a small table, a map of where its traces are, and a thumbnail of a section."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.grey import thumbnail_of
from mdio.api.live_map import live_share
from mdio.api.png import grey_png
from mdio.exceptions import MDIOError

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio.core.volume import Schema, Volume

__all__ = ["dims_text", "volume_html"]

_LINE_ROWS = 12
"""Pixels that the map of a line is high."""


def dims_text(schema: Schema) -> str:
    """Return the axes in one line, e.g. ``inline 3 (100 … 102), sample 8 (0 … 28 ms)``."""
    return ", ".join(f"{dim.name} {dim.size} ({_range(dim)})" if dim.size else f"{dim.name} 0" for dim in schema.dims)


def volume_html(volume: Volume, source: str) -> str:
    """Return a description of a volume in HTML, everything escaped.

    Reads metadata, the live mask where the grid is small enough for a map, and then a few samples for a thumbnail,
    which is left out where they cannot be read.

    Parameters
    ----------
    volume
        Of any format.
    source
        Where it came from.
    """
    schema = volume.schema
    share = live_share(volume)
    rows = [
        ("Source", f"{source or 'not a file'} ({type(volume).__name__})"),
        *((f"{dim.name}", f"{dim.size:,}: {_range(dim)}" if dim.size else "0") for dim in schema.dims),
        ("Samples", f"{schema.dtype.name}, {_bytes(schema.region.size * schema.dtype.itemsize)}"),
        ("Chunks", " × ".join(map(str, schema.chunks))),
        ("Traces", _traces(schema, share)),
        *_statistics(schema),
    ]
    aside = ""
    if share is not None:
        pictures = [_map(share), *_thumbnail(volume)]
        style = "vertical-align:top;text-align:center;padding-left:1em"
        aside = "".join(f'<td rowspan="{len(rows)}" style="{style}">{picture}</td>' for picture in pictures)
    return _table(rows, aside)


def _table(rows: Iterable[tuple[str, str]], aside: str) -> str:
    lines = []
    for name, text in rows:
        cells = f'<th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(text)}</td>'
        lines.append(f"<tr>{cells}{aside}</tr>")
        aside = ""
    return f"<table>{''.join(lines)}</table>"


def _map(share: np.ndarray[Any, Any]) -> str:
    """Return a picture of the grid: dark where traces are, the first dimension downward."""
    # A single live trace among many dead cells is to be seen.
    dark = np.where(share > 0, 0.2 + 0.8 * share, 0.0)
    pixels = (235 - 195 * dark).astype(np.uint8)
    if len(pixels) == 1:
        pixels = np.repeat(pixels, _LINE_ROWS, axis=0)
    zoom = max(1, 160 // max(pixels.shape))
    height, width = (length * zoom for length in pixels.shape)
    # Only a full grid is 100 %.
    part = math.floor(100 * float(share.mean())) if share.min() < 1 else 100
    caption = f"live traces, {part} %"
    return _picture(grey_png(pixels), width, height, "live traces", caption)


def _thumbnail(volume: Volume) -> Iterator[str]:
    """Yield a picture of a section; nothing where it costs too much, or samples cannot be read."""
    try:
        thumbnail = thumbnail_of(volume)
    except (MDIOError, OSError):
        return  # a notebook shows what can be shown; reading the samples will say what is wrong
    if thumbnail is not None:
        # Small surveys are enlarged each way, so that the picture has the height of a map.
        width = thumbnail.columns * max(1, 240 // thumbnail.columns)
        height = thumbnail.rows * max(1, 160 // thumbnail.rows)
        yield _picture(thumbnail.png, width, height, "a section", thumbnail.title)


def _picture(png: bytes, width: int, height: int, name: str, caption: str) -> str:
    style = f"width:{width}px;height:{height}px;max-width:none;image-rendering:pixelated"
    image = base64.b64encode(png).decode("ascii")
    drawn = f'<img alt="{name}" title="{name}" style="{style}" src="data:image/png;base64,{image}">'
    return f"{drawn}<br><small>{escape(caption)}</small>" if caption else drawn


def _traces(schema: Schema, share: np.ndarray[Any, Any] | None) -> str:
    cells, live = schema.region.spatial.size, schema.metadata.trace_count
    # Datasets made from arrays by MDIO 0.9 say 0.
    if live > 0:
        return f"{live:,} in {cells:,} cells"
    if share is None:
        return f"unknown number in {cells:,} cells"
    return f"about {share.mean():.1%} of {cells:,} cells"


def _statistics(schema: Schema) -> list[tuple[str, str]]:
    known = schema.metadata.statistics or {}
    numbers = [f"{name} {known[name]:.6g}" for name in ("min", "max", "mean", "std", "rms") if name in known]
    return [("Statistics", ", ".join(numbers))] if numbers else []


def _range(dim: Dimension) -> str:
    first, last = dim.between(0, 1)[0], dim.between(dim.size - 1, dim.size)[0]
    unit = f" {dim.unit}" if dim.unit else ""
    return f"{first:.10g} … {last:.10g}{unit}" if dim.size > 1 else f"{first:.10g}{unit}"


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} TiB"
