"""Reads the variables of a dataset that nothing else of the toolkit reads: coordinates that xarray shows as they are.

Places on the map come from the trace headers here, so that damage in ``cdp_x`` of an MDIO v1 dataset would pass every
read of ours, and give wrong places to whoever opens it elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mdio.core.findings import Finding
from mdio.core.places import region_text
from mdio.core.region import Region
from mdio.exceptions import CodecError, MDIOError
from mdio.native.chunks import ChunkCache, ChunkReader

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio.native.arrays import ArraySpec

__all__ = ["other_variables"]


def other_variables(volume: Any) -> Iterator[Finding]:
    """Name the objects of coordinates and other variables that cannot be read.

    Parameters
    ----------
    volume
        Of any format; only datasets with variables besides samples, trace headers and live mask have such.
    """
    dataset: Any = getattr(volume, "dataset", None)
    names: tuple[str, ...] = getattr(dataset, "other_variables", ())
    for name in names:
        try:
            spec = dataset.array(name)
        except CodecError as error:
            yield Finding("info", f"variable {name} is not looked at: {error.message}")
            continue
        if spec is not None:
            yield from _damages(ChunkReader(dataset.store, spec, ChunkCache(0)), spec, volume.schema.dims)


def _damages(reader: ChunkReader, spec: ArraySpec, dims: Sequence[Dimension]) -> Iterator[Finding]:
    known = {dim.name: dim for dim in dims}
    own = [known[name] for name in spec.dimension_names or () if name in known]
    steps = [range(0, n, max(c, 1)) for n, c in zip(spec.shape, spec.objects, strict=True)]
    for start in itertools.product(*steps):
        ends = (min(a + c, n) for a, c, n in zip(start, spec.objects, spec.shape, strict=True))
        region = Region(zip(start, ends, strict=True))
        try:
            reader.read(region)
        except (MDIOError, OSError) as error:
            where = region_text(own, region) if len(own) == len(spec.shape) else ""
            yield Finding("error", " ".join(str(error).split()), where=where)
