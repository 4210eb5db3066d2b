"""The grid of a dataset as MDIO v0 shows it: named dimensions and which cells hold a trace."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from mdio.core.dimension import Dimension
from mdio.core.serialization import get_deserializer, get_serializer
from mdio.exceptions import FormatError, GridError

__all__ = ["Grid"]


class Grid:
    """Dimensions of a dataset, slowest first; the last one is the sample axis.

    Parameters
    ----------
    dims
        The dimensions.
    live_mask
        Which cells hold a trace: bool, one length a dimension without the sample axis; sliced, never copied here.
        None where it is not known.
    """

    def __init__(self, dims: Sequence[Dimension], live_mask: Any = None) -> None:
        self.dims = tuple(dims)
        self.live_mask = live_mask

    @property
    def dim_names(self) -> tuple[str, ...]:
        """Name of each dimension."""
        return tuple(dim.name for dim in self.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of positions of each dimension."""
        return tuple(dim.size for dim in self.dims)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.dims)

    def select_dim(self, name: str) -> Dimension:
        """Return the dimension of this name.

        Raises
        ------
        GridError
            There is none (a ValueError); the hint suggests a near name.
        """
        for dim in self.dims:
            if dim.name == name:
                return dim
        near = difflib.get_close_matches(str(name), self.dim_names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.dim_names)}"
        raise GridError(f"no dimension {name!r}", hint=hint)

    def get_min(self, name: str) -> Any:
        """Return the smallest coordinate of a dimension."""
        return self.select_dim(name).min()

    def get_max(self, name: str) -> Any:
        """Return the largest coordinate of a dimension."""
        return self.select_dim(name).max()

    def serialize(self, stream_format: str) -> str:
        """Return the dimensions as JSON or YAML text: a list of ``{"name", "coords"}``; the live mask stays out.

        Raises
        ------
        ConfigError
            ``stream_format`` is neither; case does not matter.
        """
        return get_serializer(stream_format)([dim.to_dict() for dim in self.dims])

    @classmethod
    def deserialize(cls, stream: str, stream_format: str) -> Grid:
        """Return the grid of :meth:`serialize`, without live mask.

        Raises
        ------
        FormatError
            The text is not of the format, or holds something else than a list of dimensions.
        """
        payload = get_deserializer(stream_format)(stream)
        if not isinstance(payload, list) or not all(isinstance(item, dict) for item in payload):
            raise FormatError(f"the {stream_format.upper()} text is no list of dimensions")
        return cls([Dimension.from_dict(item) for item in payload])

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim.name}: {dim.size}" for dim in self.dims)
        return f"Grid({sizes})"
