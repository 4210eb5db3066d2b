"""An array in memory → a dataset of any format that is written, in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.array_volume import ArrayVolume
from mdio.convert import create, time_stamp
from mdio.core.dimension import Dimension
from mdio.core.volume import Creation
from mdio.exceptions import ConfigError, ShapeError
from mdio.flow import engine
from mdio.plugins.registry import near

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mdio.flow.events import Observer, Report

__all__ = ["from_numpy"]

_NAMES = {
    2: ("cdp", "sample"),
    3: ("inline", "crossline", "sample"),
    4: ("inline", "crossline", "offset", "sample"),
}


def from_numpy(
    array: Any,
    target: str | os.PathLike[str],
    *,
    names: Sequence[str] | None = None,
    coords: Mapping[str, ArrayLike] | None = None,
    interval: float = 4.0,
    unit: str = "ms",
    live: ArrayLike | None = None,
    headers: Mapping[str, ArrayLike] | Mapping[int, ArrayLike] | None = None,
    text: Sequence[str] = (),
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    observers: Sequence[Observer] = (),
) -> Report:
    """Write an array as SEG-Y, MDIO, VDS or any other format that has a writer.

    Parameters
    ----------
    array
        Real numbers, two dimensions or more, the samples along the last one. Memory-mapped arrays are read in pieces.
    target
        Path or URL; its ending decides the format.
    names
        Of the dimensions; ``cdp``, ``inline, crossline`` or ``inline, crossline, offset``, and ``sample`` by default.
        Names of header words go into the trace headers.
    coords
        Coordinates by dimension; 1, 2, 3, … by default, and 0, ``interval``, … of the samples.
    interval, unit
        Of the samples where ``coords`` does not have them: milliseconds by default.
    live
        bool, shape without samples: which cells have a trace; all by default.
    headers
        Trace header words by name or byte number to integers that broadcast to the grid, e.g.
        ``{"cdp_x": x, "cdp_y": y, "coordinate_scalar": -100}``.
    text
        Lines of the textual file header; those of the writer by default.
    format, options
        Name of the writer where the ending does not tell, and its options.
    storage_options
        Options of the store.
    overwrite
        Replace what is there; it stays whole until the new one is complete.
    observers
        Called with the events of the run.

    Returns
    -------
    Report
        What was written, with the statistics of the samples.

    Raises
    ------
    ShapeError, WrongTypeError
        Names, coordinates, mask or words do not fit the array; nothing is written.
    ConfigError
        Coordinates of a dimension that is not there, or an unknown option.
    MDIOAlreadyExistsError
        Something is there, and ``overwrite`` was not asked for.

    Examples
    --------
    >>> from_numpy(cube, "cube.sgy", coords={"inline": range(100, 150)})  # doctest: +SKIP
    """
    values = np.asarray(array) if not isinstance(array, np.ndarray) else array
    volume = ArrayVolume(values, _dims(values.shape, names, coords or {}, interval, unit), live, headers, text)
    sink = create(
        target,
        volume,
        format=format,
        options=options,
        storage_options=storage_options,
        creation=Creation(overwrite=overwrite, created=time_stamp()),
    )
    try:
        return engine.run(volume, sink, observers=observers)
    except BaseException:
        # An array cannot be resumed from: it is gone with the process.
        sink.abort()
        raise
    finally:
        sink.close()


def _dims(
    shape: tuple[int, ...],
    names: Sequence[str] | None,
    coords: Mapping[str, ArrayLike],
    interval: float,
    unit: str,
) -> list[Dimension]:
    if names is None:
        if len(shape) not in _NAMES:
            raise ShapeError(f"names are needed for an array of {len(shape)} dimensions", hint="give names=(…)")
        names = _NAMES[len(shape)]
    if len(names) != len(shape) or len({*names}) != len(names):
        raise ShapeError(f"names {list(names)} for {len(shape)} dimensions", hint="one for each, no two equal")
    for name in coords:
        if name not in names:
            raise ConfigError(f"coords: no dimension {name!r}", hint=near(name, names) or f"there are {list(names)}")
    dims = []
    for axis, (name, size) in enumerate(zip(names, shape, strict=True)):
        last = axis == len(shape) - 1
        if name not in coords:
            start, step = (0, interval) if last else (1, 1)
            dims.append(Dimension.regular(name, start, step, size, unit if last else ""))
            continue
        given = coords[name]
        values = np.asarray(given if not isinstance(given, range) else np.arange(given.start, given.stop, given.step))
        if values.shape != (size,):
            raise ShapeError(f"coords of {name!r} have shape {values.shape}, the dimension has {size}")
        dims.append(Dimension(values, name, unit if last else ""))
    return dims
