"""Transforms: a view wraps a volume and is one, so that every source and every sink knows all of them.

Views are lazy, keep what is still true of the volume below and drop what is not: file positions and the raw source
travel on, statistics do so only where no sample changes or goes. ``Metadata.identity`` tells views apart, so that a
resume does not go on with another crop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import TraceOrder
from mdio.exceptions import ShapeError
from mdio.flow.cast import Cast
from mdio.flow.decimate import Decimated
from mdio.flow.regularize import Regularize
from mdio.flow.view import Place, View, thinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Schema, Volume

__all__ = ["Cast", "Crop", "Decimated", "Regularize", "Select", "Transpose"]

Mask: TypeAlias = "Callable[[Region], NDArray[np.bool_]]"


class Crop(View):
    """The part of a volume inside a region.

    Parameters
    ----------
    volume
        What is cropped.
    region
        Grid positions to keep.

    Raises
    ------
    IndexError
        The region lies outside the volume.
    """

    def __init__(self, volume: Volume, region: Any) -> None:
        inner = volume.schema
        self.region = Region.normalise(region, inner.shape)
        schema = replace(
            inner,
            dims=tuple(dim.crop(*bounds) for dim, bounds in zip(inner.dims, self.region, strict=True)),
            chunks=tuple(max(1, min(c, n)) for c, n in zip(inner.chunks, self.region.shape, strict=True)),
        )
        if self.region != inner.region:
            schema = thinned(schema, inner)
        super().__init__(volume, schema, {"crop": [list(bounds) for bounds in self.region]})

    def _behind(self, region: Region) -> Region:
        pairs = zip(region, self.region, strict=False)
        return Region((start + base, stop + base) for (start, stop), (base, _) in pairs)

    def _lengths(self, lengths: NDArray[np.uint32]) -> NDArray[np.uint32]:
        start, stop = self.region[-1]
        return (np.clip(lengths, start, stop) - start).astype(np.uint32)


class Select(View):
    """The same grid with fewer traces: those not selected are dead.

    Parameters
    ----------
    volume
        What is selected from.
    selection
        Per dimension name the grid positions to keep, dimensions not named being kept whole; or a function that gives
        the mask of a region of traces (picklable, if the view is to be); its attribute ``identity``, if it has one,
        tells it from others.

    Raises
    ------
    ShapeError
        The name is no dimension of traces, or a position is outside.
    """

    def __init__(self, volume: Volume, selection: Mapping[str, Sequence[int]] | Mask) -> None:
        inner = volume.schema
        self._kept: dict[int, NDArray[np.bool_]] = {}
        self._function: Mask | None = None
        identity: Any
        if callable(selection):
            self._function = selection
            named = getattr(selection, "__qualname__", type(selection).__qualname__)
            identity = getattr(selection, "identity", named)
        else:
            for name, positions in selection.items():
                self._kept[self._axis(inner, name)] = self._flags(inner, name, positions)
            identity = {name: [int(position) for position in positions] for name, positions in selection.items()}
        super().__init__(volume, thinned(inner, inner, known=False), {"select": identity})

    @staticmethod
    def _axis(schema: Schema, name: str) -> int:
        if name not in schema.names[:-1]:
            raise ShapeError(f"cannot select traces along {name!r}", hint=f"choose of {', '.join(schema.names[:-1])}")
        return schema.names.index(name)

    def _flags(self, schema: Schema, name: str, positions: Sequence[int]) -> NDArray[np.bool_]:
        size = schema.shape[self._axis(schema, name)]
        where = np.asarray(positions, dtype=np.int64)
        if where.size and not 0 <= where.min() <= where.max() < size:
            raise ShapeError(f"selected positions of {name!r} must be within 0 and {size - 1}")
        flags = np.zeros(size, dtype=np.bool_)
        flags[where] = True
        return flags

    def _mask(self, region: Region) -> NDArray[np.bool_]:
        if self._function is not None:
            return np.asarray(self._function(region), dtype=np.bool_)
        mask = np.ones(region.shape, dtype=np.bool_)
        for axis, flags in self._kept.items():
            start, stop = region[axis]
            mask &= flags[start:stop].reshape(-1, *(1 for _ in region[axis + 1 :]))
        return mask

    def _shown(self, array: NDArray[Any], region: Region, fill: Any) -> NDArray[Any]:
        mask = self._mask(region if array.ndim < len(self.schema.dims) else region.spatial)
        if mask.all():
            return array
        if array.shape != region.shape:  # nothing was read
            array = np.zeros(region.shape, dtype=array.dtype)
        array = array if array.flags.writeable else array.copy()
        array[~mask] = np.zeros((), dtype=array.dtype) if fill is None else fill
        return array

    def _behind(self, region: Region) -> Region:
        if self._kept and not self._mask(region if len(region) < len(self.schema.dims) else region.spatial).any():
            return Region((start, start) for start, _ in region)  # nothing to read
        return region

    def _moved(self, place: Place, region: Region) -> tuple[Place, NDArray[np.bool_]]:
        return place, self._mask(region.spatial)[place[:-1]]


class Transpose(View):
    """A volume with its dimensions of traces in another order.

    Parameters
    ----------
    volume
        What is transposed.
    axes
        For each axis of the view, the axis of the volume; the sample axis stays last and may be left out.

    Raises
    ------
    ShapeError
        ``axes`` is no permutation, or moves the sample axis.
    """

    def __init__(self, volume: Volume, axes: Sequence[int]) -> None:
        inner = volume.schema
        last = len(inner.dims) - 1
        self.axes = (*axes, last) if len(axes) == last else tuple(axes)
        if sorted(self.axes) != list(range(last + 1)) or self.axes[-1] != last:
            raise ShapeError(
                f"axes {tuple(axes)} are no order of the {last} dimensions of traces; the sample axis stays last"
            )
        order = inner.metadata.order
        if self.axes != tuple(range(last + 1)):
            if order.kind == "affine":
                order = replace(order, strides=tuple(order.strides[axis] for axis in self.axes[:-1]))
            else:
                order = TraceOrder("mapped")
        schema = replace(
            inner,
            dims=tuple(inner.dims[axis] for axis in self.axes),
            chunks=tuple(inner.chunks[axis] for axis in self.axes),
        )
        super().__init__(volume, schema.with_metadata(order=order), {"transpose": list(self.axes)})

    def _behind(self, region: Region) -> Region:
        return Region(region[self.axes.index(axis)] for axis in range(len(region)))

    def _shown(self, array: NDArray[Any], region: Region, fill: Any) -> NDArray[Any]:
        del region, fill
        return np.ascontiguousarray(array.transpose(self.axes[: array.ndim]))

    def _moved(self, place: Place, region: Region) -> tuple[Place, None]:
        del region
        return tuple(place[axis] for axis in self.axes), None
