"""Import path of MDIO 0.9: what an empty dataset is to be made of; the functions are those of ``mdio.api.making``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdio.api.making import create_empty as create_empty
    from mdio.api.making import create_empty_like as create_empty_like
    from mdio.core.grid import Grid

__all__ = ["MDIOCreateConfig", "MDIOVariableConfig", "create_empty", "create_empty_like"]


@dataclass
class MDIOVariableConfig:
    """An array of a new dataset.

    Parameters
    ----------
    name
        Of the array, ``chunked_`` and the access pattern: ``"chunked_012"``.
    dtype
        Type of the samples, e.g. ``"float32"``.
    chunks
        Chunk shape; the default of the layout without.
    compressors
        Codec of numcodecs, its configuration, or a list with one; None stores samples as they are, ``"auto"``
        takes the lossless default.
    header_dtype
        Structured type of a header record; the standard one without.
    """

    name: str
    dtype: str
    chunks: tuple[int, ...] | None = None
    compressors: Any = None
    header_dtype: Any = None


@dataclass
class MDIOCreateConfig:
    """An empty dataset.

    Parameters
    ----------
    path
        Path or URL.
    grid
        Its dimensions.
    variables
        Its arrays; all have the shape of the grid.
    """

    path: str
    grid: Grid
    variables: list[MDIOVariableConfig]


def __getattr__(name: str) -> Any:
    if name not in ("create_empty", "create_empty_like"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import mdio

    return getattr(mdio, name)
