"""A volume as an ``xarray.Dataset`` that reads when it is used, whatever format lies behind it.

The one module besides :mod:`mdio.api.xarray_backend` that imports xarray; both load only when xarray is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from xarray import Coordinates, Dataset, Variable
from xarray.backends import BackendArray
from xarray.core.indexing import IndexingSupport, LazilyIndexedArray, explicit_indexing_adapter

from mdio.api.arrays import RegionArray
from mdio.api.native_records import NativeRecords
from mdio.api.task_chunks import task_chunks
from mdio.api.trace_coordinates import cdp_coordinates, length_unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.region import Region
    from mdio.core.volume import Schema, Volume

__all__ = ["SAMPLES", "dataset_of"]

SAMPLES = "amplitude"
"""Name of the samples where the format has no better one."""
_MASK, _HEADERS = "trace_mask", "headers"
_COORDINATES = 1 << 16
"""Coordinates of an axis made together."""
_INDEXED = 1 << 24
"""Coordinates of the longest axis that is given an index at once; pandas holds all of them in memory."""
_STATISTICS = ("min", "max", "mean", "std", "rms")


class LazyArray(BackendArray):  # type: ignore[misc]  # xarray is not there for every type checker
    """Lets xarray index a :class:`RegionArray`: one item an axis, lists included."""

    def __init__(self, array: RegionArray) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: Any) -> Any:
        return explicit_indexing_adapter(key, self.shape, IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        return np.asarray(self.array[key])


class AxisCoordinates:
    """Makes coordinates of an axis when they are looked at: an axis can be as long as the survey has traces."""

    def __init__(self, dim: Dimension) -> None:
        self.dim = dim

    def __call__(self, region: Region) -> NDArray[Any]:
        """Return the coordinates of a region of one dimension."""
        return self.dim.between(*region[0]).copy()

    def lazy(self) -> Variable:
        """Return them as a variable."""
        kind = self.dim.between(0, min(1, self.dim.size)).dtype
        array = RegionArray(self, (self.dim.size,), kind, (_COORDINATES,))
        return Variable(self.dim.name, LazilyIndexedArray(LazyArray(array)), _units(self.dim.unit), fastpath=True)


def dataset_of(volume: Volume, source: str = "", *, drop: Collection[Hashable] = ()) -> Dataset:
    """Return a volume as a dataset; metadata and at most two trace headers are read.

    Parameters
    ----------
    volume
        Of any format. It stays open as long as the dataset reads from it.
    source
        Where it came from, without secrets.
    drop
        Variables and coordinates to leave out.

    Returns
    -------
    xarray.Dataset
        Over the dimensions of the volume, under their own names, with their coordinates (``units`` where known):

        - ``amplitude`` or the name of the channel: samples, 0 in dead traces;
        - ``trace_mask``: bool, where traces are;
        - ``headers``: structured, the fields of the trace headers by name in native byte order;
        - ``cdp_x``, ``cdp_y``: float64 coordinates on the map, scaled, NaN where there is no trace.

        Attributes: ``source``, ``text_header`` (lines), ``binary_header`` (JSON-able mapping),
        ``measurement_system`` (``"m"`` or ``"ft"``), each where known.
    """
    schema = volume.schema
    chunks = task_chunks(schema)

    def lazy(read: Callable[[Region], NDArray[Any]], dtype: Any, attributes: Mapping[str, Any], axes: int) -> Variable:
        array = RegionArray(read, schema.shape[:axes], np.dtype(dtype), schema.chunks[:axes])
        preferred = dict(zip(schema.names, chunks[:axes], strict=False))
        encoding = {"preferred_chunks": preferred}
        return Variable(schema.names[:axes], LazilyIndexedArray(LazyArray(array)), attributes, encoding, fastpath=True)

    traces, whole = len(schema.dims) - 1, len(schema.dims)
    name, attributes = _samples(volume)
    variables = {name: lazy(volume.samples, schema.dtype, attributes, whole)}
    variables[_MASK] = lazy(volume.live, np.bool_, {"long_name": "live traces"}, traces)
    if schema.headers.itemsize and schema.headers.fields:
        records = NativeRecords(volume)
        variables[_HEADERS] = lazy(records, records.dtype, {"long_name": "trace headers"}, traces)
    coords = {dim.name: AxisCoordinates(dim).lazy() for dim in schema.dims}
    wanted = {"cdp_x", "cdp_y"} - {*drop, *variables, *coords}
    for word, read in cdp_coordinates(volume).items() if wanted else ():
        if word in wanted:
            coords[word] = lazy(read, np.float64, _units(read.unit), traces)
    coords = {key: variable for key, variable in coords.items() if key not in drop}
    short = {key: variable for key, variable in coords.items() if key in schema.names and variable.size <= _INDEXED}
    indexed = Coordinates(short)
    return Dataset(
        {key: variable for key, variable in variables.items() if key not in drop},
        Coordinates({**coords, **indexed.variables}, indexes=dict(indexed.xindexes)),
        _attributes(schema, source),
    )


def _samples(volume: Volume) -> tuple[str, dict[str, Any]]:
    """Return name and attributes of the samples; formats of several channels say which one it is."""
    schema = volume.schema
    channel = getattr(volume, "channel", None)
    name = str(getattr(channel, "name", "") or SAMPLES)
    if name.lower() == SAMPLES or name in {*schema.names, _MASK, _HEADERS, "cdp_x", "cdp_y"}:
        name = SAMPLES
    known = schema.metadata.statistics or {}
    numbers = {key: known[key] for key in _STATISTICS if key in known}
    return name, {**_units(str(getattr(channel, "unit", "") or "")), **numbers}


def _units(unit: str) -> dict[str, str]:
    return {"units": unit} if unit and unit != "unitless" else {}


def _attributes(schema: Schema, source: str) -> dict[str, Any]:
    metadata = schema.metadata
    binary = {
        str(word): value.item() if isinstance(value, np.generic) else value for word, value in metadata.binary.items()
    }
    found = {
        "source": source,
        "text_header": "\n".join(line.rstrip() for line in metadata.text),
        "binary_header": binary,
        "measurement_system": length_unit(metadata),
    }
    return {key: value for key, value in found.items() if value}
