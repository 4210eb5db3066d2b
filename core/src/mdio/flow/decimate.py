"""Every so-many-th line, trace and sample of a volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import Block, Patches
from mdio.exceptions import ShapeError
from mdio.flow.axes import every
from mdio.flow.view import Place, View, thinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.volume import Schema, Volume

__all__ = ["Decimated"]


class Decimated(View):
    """Every so-many-th position of a volume along each axis, without any filter.

    Parameters
    ----------
    volume
        What is thinned out.
    steps
        Step along each axis, 1 or more; position 0 is kept.

    Raises
    ------
    ShapeError
        One step a dimension is needed, 1 or more.
    """

    def __init__(self, volume: Volume, steps: Sequence[int]) -> None:
        inner = volume.schema
        self.steps = tuple(int(step) for step in steps)
        if len(self.steps) != len(inner.dims) or min(self.steps) < 1:
            raise ShapeError(f"steps {self.steps} for {len(inner.dims)} dimensions: one of 1 or more for each")
        schema = replace(
            inner,
            dims=tuple(every(dim, step) for dim, step in zip(inner.dims, self.steps, strict=True)),
            chunks=tuple(-(-chunk // step) for chunk, step in zip(inner.chunks, self.steps, strict=True)),
        )
        if max(self.steps) > 1:
            schema = thinned(schema, inner)
        super().__init__(volume, schema, {"decimate": list(self.steps)})

    def _behind(self, region: Region) -> Region:
        pairs = zip(region, self.steps, strict=False)
        return Region((start * step, max(start * step, (stop - 1) * step + 1)) for (start, stop), step in pairs)

    def _shown(self, array: NDArray[Any], region: Region, fill: Any) -> NDArray[Any]:
        del region, fill
        return np.ascontiguousarray(array[tuple(slice(None, None, step) for step in self.steps[: array.ndim])])

    def _moved(self, place: Place, region: Region) -> tuple[Place, NDArray[np.bool_]]:
        del region
        kept = np.ones(place[0].shape, dtype=np.bool_)
        for axis, step in zip(place, self.steps, strict=True):
            kept &= axis % step == 0
        return tuple(axis // step for axis, step in zip(place, self.steps, strict=True)), kept

    def _lengths(self, lengths: NDArray[np.uint32]) -> NDArray[np.uint32]:
        return -(-lengths.astype(np.int64) // self.steps[-1]).astype(np.uint32)

    def _planes(self, region: Region) -> Iterator[Region]:
        """Cut a region into planes that lie apart in the volume, so that those between are not read."""
        if self.steps[0] == 1 or len(self.steps) < 3:
            yield region
        else:
            for plane in range(*region[0]):
                yield Region([(plane, plane + 1), *region[1:]])

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region."""
        return _joined([super(Decimated, self).samples(plane) for plane in self._planes(region)], region, self.schema)

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        blocks = [super(Decimated, self).read(plane) for plane in self._planes(region)]
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return super().read(region)
        first = blocks[0]
        found = [(n * first.samples.size, b.patches) for n, b in enumerate(blocks) if b.patches is not None]
        return Block(
            region=region,
            samples=np.concatenate([block.samples for block in blocks]),
            headers=None if first.headers is None else np.concatenate([b.headers for b in blocks]),
            live=np.concatenate([block.live for block in blocks]),
            patches=Patches(
                np.concatenate([patches.index + base for base, patches in found]),
                np.concatenate([patches.words for _, patches in found]),
            )
            if found
            else None,
            order=None if first.order is None else np.concatenate([b.order for b in blocks]),
            lengths=None if first.lengths is None else np.concatenate([b.lengths for b in blocks]),
        )


def _joined(parts: Sequence[NDArray[Any]], region: Region, schema: Schema) -> NDArray[Any]:
    if not parts:
        return np.zeros(region.shape, dtype=schema.dtype)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
