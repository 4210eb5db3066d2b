"""The grid of a dataset as MDIO v0 shows it: named dimensions and which cells hold a trace."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mdio.exceptions import GridError

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension

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

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim.name}: {dim.size}" for dim in self.dims)
        return f"Grid({sizes})"
