"""From coordinates – line numbers, milliseconds – to positions of a grid, for everybody who selects by them.

Run files, commands of plugins and Python calls mean the same by ``inline: 100:200``: both ends are included, the ends
need not be there, and single coordinates have to be.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from mdio.exceptions import ConfigError, ShapeError, WrongTypeError
from mdio.plugins.registry import near

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.region import Region
    from mdio.core.volume import Volume

__all__ = [
    "Coordinates",
    "GridMask",
    "Span",
    "axis_of",
    "parse_coordinates",
    "parse_selection",
    "positions_between",
    "select",
    "select_masked",
]

_PIECE: Final = 1 << 20
"""Coordinates looked at together: an axis may be as long as the survey has traces."""


class Span(NamedTuple):
    """Coordinates from ``first`` to ``last``, both included, in steps (0: all that are there)."""

    first: float
    last: float
    step: float = 0.0


Coordinates: TypeAlias = "Span | Sequence[float]"


def parse_coordinates(text: str) -> Span | list[float]:
    """Return one coordinate as a list, or a span for text like ``100:200`` and ``100:200:2``.

    Raises
    ------
    ValueError
        The text is of another form, or a number in it is not finite, or the step not positive.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(map(math.isfinite, parts)) or (len(parts) == 3 and parts[2] <= 0):
        raise ValueError(f"{text!r} is not of the form first:last or first:last:step")
    return parts if len(parts) == 1 else Span(*parts)


def parse_selection(text: str) -> dict[str, Span | list[float]]:
    """Return the selection that text like ``inline=100:200:2,crossline=7,9,12`` means.

    Raises
    ------
    ConfigError
        The text is of another form, or names a dimension twice.
    """
    wanted: dict[str, Span | list[float]] = {}
    name = ""
    for part in text.split(","):
        head, equals, tail = part.rpartition("=")
        if equals and head.strip() in wanted:
            raise ConfigError(f"{head.strip()} is given twice", path="select")
        name = head.strip() or name
        try:
            coords = parse_coordinates(tail.strip())
        except ValueError as error:
            raise ConfigError(str(error), path="select", hint="write inline=100:200,crossline=7,9") from None
        if not name:
            raise ConfigError(f"{part!r} names no dimension", path="select", hint="write inline=100:200")
        before = wanted.get(name)
        if before is None:
            wanted[name] = coords
        elif isinstance(before, Span) or isinstance(coords, Span):
            raise ConfigError(
                f"{name}: a range stands alone", path="select", hint="give one range, or single coordinates"
            )
        else:
            wanted[name] = [*before, *coords]
    return wanted


def select(volume: Volume, wanted: Mapping[str, Coordinates]) -> Volume:
    """Return a volume in which only traces with these coordinates are live; they keep their cells.

    Raises
    ------
    ConfigError
        The volume has no such dimension.
    ShapeError
        The coordinates asked for are not there, or the dimension is that of the samples.
    """
    from mdio.flow.views import Select

    positions = {}
    for name, coords in wanted.items():
        dim = volume.schema.dims[axis_of(volume, name, "select")]
        positions[name] = _positions_in(dim, coords) if isinstance(coords, Span) else _positions_of(dim, coords)
    return Select(volume, positions)  # type: ignore[arg-type]


class GridMask:
    """A mask of a whole grid, handed out by region.

    Parameters
    ----------
    mask
        bool, shape of the grid without samples.

    Raises
    ------
    WrongTypeError
        The mask is not bool.
    ShapeError
        The mask selects nothing.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        import numpy as np

        self._mask = np.asarray(mask)
        if self._mask.dtype != np.bool_:
            raise WrongTypeError(f"a mask of {self._mask.dtype.name}, not bool", hint="compare first, e.g. mask != 0")
        if not self._mask.any():
            raise ShapeError("the mask selects no trace", hint="set it to True where traces are to be kept")

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the grid."""
        return self._mask.shape

    @property
    def identity(self) -> str:
        """What tells this mask from another, so that a resume does not go on with a different one."""
        import numpy as np

        return f"mask {self.shape} {zlib.crc32(np.packbits(self._mask).tobytes()):08x}"

    def __call__(self, region: Region) -> NDArray[np.bool_]:
        """Return the mask of a region."""
        return self._mask[region.slices]


def select_masked(volume: Volume, mask: GridMask) -> Volume:
    """Return a volume in which only the traces of a mask are live.

    Raises
    ------
    ShapeError
        The mask has another shape than the grid.
    """
    from mdio.flow.views import Select

    shape = volume.schema.shape[:-1]
    if mask.shape != shape:
        raise ShapeError(
            f"a mask of shape {mask.shape} for a grid of {shape}",
            hint=f"one value for each of {' × '.join(volume.schema.names[:-1])}",
        )
    return Select(volume, mask)


def axis_of(volume: Volume, name: str, step: str) -> int:
    """Return the axis of a dimension; ``step`` is what the message calls the attempt.

    Raises
    ------
    ConfigError
        The volume has no such dimension.
    """
    names = [dim.name for dim in volume.schema.dims]
    if name not in names:
        hint = near(name, names) or f"it has {', '.join(names)}"
        raise ConfigError(f"{step}: the volume has no dimension {name!r}", hint=hint)
    return names.index(name)


def positions_between(dim: Dimension, low: float, high: float) -> tuple[int, int]:
    """Return first and last position (exclusive) of the coordinates from low to high.

    Raises
    ------
    ShapeError
        There are none, or they lie apart.
    """
    import numpy as np

    first, last, count = -1, -1, 0
    for start, coords in _pieces(dim):
        inside = np.flatnonzero((coords >= low) & (coords <= high))
        if inside.size:
            first = first if count else start + int(inside[0])
            last = start + int(inside[-1])
            count += inside.size
    if not count:
        raise ShapeError(f"crop: no {dim.name} from {low:g} to {high:g}", hint=_extent(dim))
    if last - first + 1 != count:
        raise ShapeError(
            f"crop: the coordinates of {dim.name} are in no order, those from {low:g} to {high:g} lie apart",
            hint="select keeps traces by their coordinates in any order",
        )
    return first, last + 1


def _pieces(dim: Dimension) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, dim.size, _PIECE):
        yield start, dim.between(start, min(start + _PIECE, dim.size))


def _where(dim: Dimension, holds: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return the positions whose coordinate fulfils a condition."""
    import numpy as np

    found = [start + np.flatnonzero(holds(coords)) for start, coords in _pieces(dim)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *found])


def _positions_in(dim: Dimension, span: Span) -> NDArray[np.int64]:
    low, high = sorted(span[:2])
    positions = _where(
        dim,
        lambda coords: (
            (coords >= low)
            & (coords <= high)
            & ((coords - span.first) % span.step == 0 if span.step else coords == coords)
        ),
    )
    if not positions.size:
        raise ShapeError(f"select: no {dim.name} from {low:g} to {high:g}", hint=_extent(dim))
    return positions


def _positions_of(dim: Dimension, coords: Sequence[float]) -> NDArray[np.int64]:
    import numpy as np

    positions = _where(dim, lambda there: np.isin(there, coords))
    missing = np.setdiff1d(coords, dim.coords[positions] if positions.size else [])
    if missing.size:
        raise ShapeError(f"select: there is no {dim.name} {missing[0]:g}", hint=_extent(dim))
    return positions


def _extent(dim: Dimension) -> str:
    return f"{dim.name} goes from {dim.min():g} to {dim.max():g}" if dim.size else f"{dim.name} is empty"
