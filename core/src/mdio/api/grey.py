"""A section as grey pixels, for pages and notebooks, without a plotting library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.api.display_scale import limits_of
from mdio.api.png import grey_png
from mdio.api.sections import Axis, Section

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Volume

__all__ = ["Thumbnail", "grey_pixels", "thumbnail_of"]

_PAPER, _STRIPE = 188, 88
"""Of dead traces."""
_BUDGET = 1 << 24
"""Bytes of samples, decoded, that a thumbnail may cost."""
_COLUMNS, _ROWS = 240, 180


def grey_pixels(section: Section, low: float, high: float) -> NDArray[np.uint8]:
    """Return grey values of a section, the first row on top; dead traces are striped."""
    with np.errstate(invalid="ignore"):
        share = np.clip((section.values.astype(np.float64) - low) / (high - low), 0, 1)
    empty = ~section.live | ~np.isfinite(share)
    grey = np.where(empty, 0, share * 255).astype(np.uint8)
    down, across = np.indices(grey.shape)
    grey = np.where(empty, np.where((down + across) % 8 < 2, _STRIPE, _PAPER), grey).astype(np.uint8)
    return grey[::-1] if section.sliced else grey


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small grey picture of a section from the middle of a volume.

    Parameters
    ----------
    png
        The picture.
    rows, columns
        Its size in pixels.
    title
        Where it is from.
    """

    png: bytes
    rows: int
    columns: int
    title: str


def thumbnail_of(volume: Volume) -> Thumbnail | None:
    """Return a picture of the middle of a volume; None where even a narrow one costs too much, or nothing is there.

    The section is along the longest spatial axis at the middle of the others, of as many chunks about its middle as
    a fixed amount of memory takes.
    """
    schema = volume.schema
    shape, chunks, last = schema.shape, schema.chunks, len(schema.dims) - 1
    if last < 1 or not schema.region.size:
        return None
    # The first axis is shown only where there is no other: its sections are what chunks of SEG-Y files are.
    along = max(range(1, last), key=lambda axis: shape[axis], default=0)
    column = schema.dtype.itemsize * min(chunks[along], shape[along])
    for axis in range(last + 1):
        if axis != along:
            column *= shape[axis] if axis == last else min(chunks[axis], shape[axis])
    count = _BUDGET // max(1, column)
    if not count:
        return None
    chunk = max(1, chunks[along])
    first = max(0, (-(-shape[along] // chunk) - count) // 2) * chunk
    wanted = np.arange(first, min(first + count * chunk, shape[along]))
    wanted = wanted[:: -(-wanted.size // _COLUMNS)]
    rows = -(-shape[last] // _ROWS)
    middle: list[Any] = [size // 2 for size in shape[:-1]]
    middle[along] = wanted
    mask = RegionArray(volume.live, shape[:-1], np.dtype(np.bool_), chunks[:-1])
    live = mask[tuple(middle)]
    if not live.any():
        return None
    values = RegionArray(volume.samples, shape, schema.dtype, chunks)[tuple(middle)][:, ::rows].T
    dims = schema.dims
    fixed = tuple(
        (dims[axis].name, dims[axis].between(at, at + 1)[0], dims[axis].unit)
        for axis, at in enumerate(middle)
        if axis != along
    )
    down, across = (Axis(dims[axis].name, dims[axis].unit, np.zeros(0), 1) for axis in (last, along))
    section = Section(values, np.broadcast_to(live, values.shape), down, across, fixed)
    pixels = grey_pixels(section, *limits_of(section, schema.metadata.statistics, 3))
    height, width = pixels.shape
    return Thumbnail(grey_png(pixels), height, width, section.title)
