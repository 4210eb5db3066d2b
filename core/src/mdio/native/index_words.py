"""Which header words say where a trace lies in the grid; a trace that somebody makes gets them and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mdio.core.trace_header import STANDARD_FIELDS, standard_layout

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio.native.dataset import Description

__all__ = ["IndexWord", "index_words"]

_BYTES = frozenset(byte for byte, _, _ in STANDARD_FIELDS)
_UNTOUCHED = frozenset({"inline", "crossline"})
"""Axes that grid overrides do not rework; channels, cables and shot points of the grid are not those of the header."""


@dataclass(frozen=True, slots=True)
class IndexWord:
    """A header word that holds the coordinate of an axis.

    Parameters
    ----------
    axis
        Its number.
    dim
        The axis.
    name
        Byte number of the word, e.g. ``"189"``.
    """

    axis: int
    dim: Dimension
    name: str


def index_words(described: Description) -> tuple[IndexWord, ...]:
    """Return the index words of a dataset: those it was imported by, or words of the standard named as an axis is."""
    geometry = described.attributes.get("geometry", {})
    imported_by = {str(key[0]): key[1] for key in geometry.get("keys", ())}
    named = {name: int(field.aliases[0]) for name, field in standard_layout().by_name.items()}
    found = []
    for axis, dim in enumerate(described.dims[:-1]):
        byte = imported_by.get(dim.name, named.get(dim.name))
        if byte in _BYTES and (dim.name in _UNTOUCHED or not geometry.get("overrides")):
            found.append(IndexWord(axis, dim, str(byte)))
    return tuple(found)
