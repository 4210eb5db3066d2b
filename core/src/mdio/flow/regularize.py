"""A volume with its missing lines filled in, for formats that know regular axes only."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import TraceOrder
from mdio.exceptions import GridTraceSparsityError
from mdio.flow.axes import filled, is_regular
from mdio.flow.view import Place, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Volume

__all__ = ["Regularize"]

_GROWTH = 10  # times the cells that filling missing lines may make before it is surely a mistake


class Regularize(View):
    """A volume whose dimensions of traces have a regular step: missing lines are there, with dead traces.

    Parameters
    ----------
    volume
        What is filled up; an axis that is regular stays as it is, and so does the sample axis.
    names
        Dimensions to fill; all by default.

    Raises
    ------
    ShapeError
        Coordinates of an axis are neither ascending nor descending, or have no common step.
    GridTraceSparsityError
        The grid would grow more than tenfold.
    """

    def __init__(self, volume: Volume, names: Collection[str] | None = None) -> None:
        inner = volume.schema
        dims = list(inner.dims)
        self._lines: dict[int, NDArray[np.int64]] = {}  # axis: position in the view of each line of the volume
        for axis, dim in enumerate(dims[:-1]):
            if (names is None or dim.name in names) and not is_regular(dim):
                dims[axis], self._lines[axis] = filled(dim)
        schema = replace(inner, dims=tuple(dims))
        if math.prod(schema.shape[:-1]) > _GROWTH * math.prod(inner.shape[:-1]):
            raise GridTraceSparsityError(
                f"filling missing lines makes a grid of {schema.shape[:-1]} out of {inner.shape[:-1]}",
                hint="crop the volume, or check the header words it is indexed by",
            )
        if self._lines and inner.metadata.order.kind == "affine":
            schema = schema.with_metadata(order=TraceOrder("mapped"))
        super().__init__(volume, schema, "regularize")

    def _behind(self, region: Region) -> Region:
        pairs = []
        for axis, (start, stop) in enumerate(region):
            lines = self._lines.get(axis)
            if lines is not None:
                start, stop = (int(end) for end in np.searchsorted(lines, (start, stop)))
            pairs.append((start, stop))
        return Region(pairs)

    def _targets(self, region: Region) -> list[NDArray[np.int64]]:
        """Return per axis where each line of ``_behind(region)`` is in ``region``."""
        behind = self._behind(region)
        return [
            self._lines[axis][start:stop] - base if axis in self._lines else np.arange(stop - start)
            for axis, ((start, stop), (base, _)) in enumerate(zip(behind, region, strict=True))
        ]

    def _shown(self, array: NDArray[Any], region: Region, fill: Any) -> NDArray[Any]:
        if array.shape == region.shape:  # no line is missing here
            return array
        shown = np.zeros(region.shape, dtype=array.dtype)
        if fill:
            shown[...] = fill
        shown[np.ix_(*self._targets(region))] = array
        return shown

    def _moved(self, place: Place, region: Region) -> tuple[Place, None]:
        return tuple(line[axis] for line, axis in zip(self._targets(region), place, strict=True)), None
