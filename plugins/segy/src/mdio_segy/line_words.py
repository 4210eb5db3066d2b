"""Which header words get the coordinates of a source without trace headers, and what these words cannot hold."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mdio.exceptions import ConfigError

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension

__all__ = ["WORDS", "require_whole_lines", "words_of"]

WORDS = {"inline": 189, "crossline": 193, "cdp": 21, "offset": 37, "shot_point": 17, "channel": 13}
"""First byte of the word of each dimension, by name (SEG-Y rev 1, section 6)."""


def words_of(dims: Sequence[Dimension]) -> Iterator[tuple[int, int]]:
    """Yield ``(axis, first byte of its word)`` of spatial dimensions: by their names, else by their places."""
    usual = {0: 189, 1: 193} if len(dims) > 1 else {0: 21}
    for axis, dim in enumerate(dims):
        byte = WORDS.get(dim.name) or usual.get(axis)
        if byte is not None:
            yield axis, byte


def require_whole_lines(dims: Sequence[Dimension]) -> None:
    """See that header words, which are whole numbers of 32 bits, tell the lines of a survey from each other.

    Fractions that are lost on the way are warned about.

    Raises
    ------
    ConfigError
        Two lines would have one number, or one would have none.
    """
    for axis, byte in words_of(dims):
        dim = dims[axis]
        coords = np.asarray(dim.coords)
        whole = np.trunc(coords.astype(np.float64)) if coords.dtype.kind == "f" else coords
        limits = np.iinfo(np.int32)
        if not ((whole >= limits.min) & (whole <= limits.max)).all():  # NaN is not
            raise ConfigError(
                f"{dim.name} {coords.min()} to {coords.max()} does not fit the four bytes of header word {byte}",
                hint="renumber the lines, or write mdio or vds",
            )
        if np.array_equal(whole, coords):
            continue
        cut = int(np.flatnonzero(whole != coords)[0])
        what = f"{dim.name} {coords[cut]} is no whole number, and header word {byte} holds nothing else"
        if len(np.unique(whole)) < len(whole):
            raise ConfigError(
                f"{what}; two lines would have the number {int(whole[cut])}",
                hint="renumber the lines, or write mdio or vds, which hold fractions",
            )
        from mdio_segy.opening import SegyWarning

        warnings.warn(f"{what}; it becomes {int(whole[cut])}", SegyWarning, stacklevel=3)
