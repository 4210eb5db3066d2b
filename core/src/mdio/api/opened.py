"""What ``mdio.open`` returns: a volume of any format with the doors to the tools around it.

Plugins make and take bare volumes (:class:`mdio.core.volume.Volume`); what people do with one – label it, plot it, hand
it to xarray or dask – is the same for all of them and stands here, once.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mdio.api.arrays import RegionArray
from mdio.api.html import dims_text, volume_html
from mdio.api.lazy import lazy_array
from mdio.api.lines import depth_slices, gathers, lines_along
from mdio.api.map_grid import map_grid_of
from mdio.api.plotting import plot_section
from mdio.api.task_chunks import chosen_chunks
from mdio.api.trace_numbers import TraceNumbers
from mdio.api.traces import Headers, Traces
from mdio.api.traverse import traces_along, traces_at
from mdio.convert import open as open_volume
from mdio.exceptions import ConfigError, MDIOError
from mdio.storage.urls import redact

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from mdio.api.lines import Lines
    from mdio.api.map_grid import MapGrid
    from mdio.api.traverse import Traverse
    from mdio.core.dimension import Dimension
    from mdio.core.region import Region
    from mdio.core.volume import Block, Schema, Volume

__all__ = ["OpenVolume", "open"]


class OpenVolume:
    """A volume of any format, readable by region, and ready for xarray, dask, plots and notebooks.

    Everything that the volume of the format has – ``lengths``, ``inspect``, what its plugin adds – is there too.
    Closes with :meth:`close` or at the end of a ``with`` block; pickles where the volume of the format does.

    Parameters
    ----------
    volume
        Volume of a format.
    source
        Where it came from, without secrets; for people.
    """

    def __init__(self, volume: Volume, source: str = "") -> None:
        self.inner = volume
        self.source = source
        self._token = uuid.uuid4().hex
        self._map_grid: MapGrid | None = None

    @property
    def _editor(self) -> Any:
        """What stores samples by position; None, for a volume is for reading."""
        return None

    # -- the volume ----------------------------------------------------------------------------------------------

    @property
    def schema(self) -> Schema:
        """Shape, types and metadata."""
        return self.inner.schema

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region, C order; dead traces are 0."""
        return self.inner.samples(region)

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw header records of a region *without* sample axis; dead cells are zero bytes."""
        return self.inner.headers(region)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region *without* sample axis hold a trace."""
        return self.inner.live(region)

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the file position of each trace of a region *without* sample axis, -1 where dead."""
        return self.inner.order(region)

    def read(self, region: Region) -> Block:
        """Return everything about a region in one pass over the source."""
        return self.inner.read(region)

    def close(self) -> None:
        """Let go of files; may be called again."""
        self.inner.close()

    def __getattr__(self, name: str) -> Any:
        # Protocols of Python are looked up by name too; a wrapper answers for itself there.
        if name.startswith("__") or name == "inner":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.inner, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.inner)})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.inner, self.source)

    def __dask_tokenize__(self) -> tuple[str, str]:
        # Else dask pickles the volume, and with it its trace index, to find a name.
        return type(self).__name__, self._token

    # -- what is in it -------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, the sample axis last."""
        return self.schema.shape

    @property
    def dims(self) -> tuple[Dimension, ...]:
        """Axes with their coordinates, the sample axis last."""
        return self.schema.dims

    def __repr__(self) -> str:
        kind = type(self.inner).__name__
        return f"<{kind} {self.source!r}: {dims_text(self.schema)}, {self.schema.dtype.name}>"

    def _repr_html_(self) -> str:
        """Return a table and a map of the traces for notebooks."""
        return volume_html(self.inner, self.source)

    # -- as users of segyio type it ------------------------------------------------------------------------------

    @property
    def iline(self) -> Lines:
        """Inlines by number, ``volume.iline[278]``; see :class:`mdio.api.lines.Lines`."""
        return lines_along(self.inner, "inline", self._editor)

    @property
    def xline(self) -> Lines:
        """Crosslines by number, ``volume.xline[1204]``."""
        return lines_along(self.inner, "crossline", self._editor)

    @property
    def depth_slice(self) -> Lines:
        """Slices by sample position, 0-based, ``volume.depth_slice[250]``."""
        return depth_slices(self.inner, self._editor)

    @property
    def gather(self) -> Lines:
        """What lies at an inline and crossline, ``volume.gather[278, 1204]``: (offset, sample) before stack."""
        return gathers(self.inner, self._editor)

    @property
    def trace(self) -> Traces:
        """Traces by number in the original file, ``volume.trace[0]``; see :class:`mdio.api.traces.Traces`."""
        return Traces(self._numbers, self._editor)

    @property
    def header(self) -> Headers:
        """Trace headers by number in the file, ``volume.header[0][189]``; see :class:`mdio.api.traces.Headers`."""
        return Headers(self._numbers, None if self._editor is None else self._editor.headers)

    @cached_property
    def _numbers(self) -> TraceNumbers:
        return TraceNumbers(self.inner)

    # -- on the map ----------------------------------------------------------------------------------------------

    @property
    def map_grid(self) -> MapGrid:
        """Where the first two axes lie on the map, found from CDP coordinates; may be set where there are none."""
        if self._map_grid is None:
            self._map_grid = map_grid_of(self.inner)
        return self._map_grid

    @map_grid.setter
    def map_grid(self, grid: MapGrid) -> None:
        self._map_grid = grid

    def at(self, x: ArrayLike, y: ArrayLike) -> NDArray[Any]:
        """Return the traces nearest to points of the map; see :func:`mdio.api.traverse.traces_at`."""
        return traces_at(self.inner, self.map_grid, x, y)

    def along(self, points: Sequence[Sequence[float]], spacing: float | None = None) -> Traverse:
        """Return the traces along lines between points of the map; see :func:`mdio.api.traverse.traces_along`."""
        return traces_along(self.inner, self.map_grid, points, spacing)

    # -- doors ---------------------------------------------------------------------------------------------------

    def to_xarray(self, chunks: Any = None, **options: Any) -> Any:
        """Return an ``xarray.Dataset`` that reads when it is used; see :func:`mdio.api.dataset.dataset_of`.

        Parameters
        ----------
        chunks
            As in ``xarray.open_dataset``: None for arrays that read into memory when they are used, ``{}`` or
            ``"auto"`` or lengths by dimension for dask arrays.
        **options
            Further ones of ``xarray.open_dataset``: ``drop_variables``, or ``create_default_indexes=False`` for axes
            of hundreds of millions of traces, whose index would not fit in memory.

        Raises
        ------
        MDIOError
            xarray is not installed.
        """
        try:
            xarray: Any = import_module("xarray")
        except ImportError as error:
            raise MDIOError("to_xarray needs xarray, which is not installed", hint="pip install xarray") from error
        from mdio.api.xarray_backend import MdioBackendEntrypoint

        dataset = xarray.open_dataset(self, engine=MdioBackendEntrypoint, chunks=chunks, **options)
        if self._map_grid is None or {"cdp_x", "cdp_y"} & {*dataset.coords}:
            return dataset
        # A map grid that was set stands in for coordinates that the traces do not have.
        first, second = (dim.coords for dim in self.dims[:2])
        names, unit = self.schema.names[:2], self._map_grid.unit
        places = zip(("cdp_x", "cdp_y"), self._map_grid.xy(first[:, None], second), strict=True)
        return dataset.assign_coords(
            {word: (names, values, {"units": unit} if unit else {}) for word, values in places}
        )

    def to_dask(self, chunks: Sequence[int] | Mapping[str, int] | None = None) -> Any:
        """Return the samples as a dask array, shape of the volume, that reads when it is computed.

        Parameters
        ----------
        chunks
            Cells a task: one length a dimension, or lengths by the names of some; -1 for a whole axis. By default
            the chunks of the source in whole multiples of about a mebibyte.

        Raises
        ------
        MDIOError
            dask is not installed.
        ShapeError
            The chunks do not fit the dimensions.
        """
        schema = self.schema
        array = RegionArray(self.inner.samples, schema.shape, schema.dtype, schema.chunks)
        return lazy_array(array, chosen_chunks(schema, chunks), self.source)

    plot = plot_section


def open(
    url: str | os.PathLike[str],
    *,
    mode: str = "r",
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> OpenVolume:
    """Open a dataset of any installed format.

    Parameters
    ----------
    url
        Path or URL.
    mode
        ``"r"``, or ``"r+"`` to change samples and headers of an MDIO dataset in place: ``volume.iline[278] = …``,
        ``volume.header[0][189] = 278``; see :class:`mdio.api.editable.EditableVolume`.
    format
        Name of the reader; found by content and name otherwise.
    options
        Options of that reader.
    storage_options
        Options of the store, e.g. credentials.

    Returns
    -------
    OpenVolume
        Readable by region; close it when done.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    NoReaderError
        No installed reader knows it.
    ConfigError
        An option that the reader does not have, or another mode.
    StorageError
        A format that is not changed in place.
    """
    if mode == "r+":
        from mdio.api.editable import open_to_edit

        return open_to_edit(url, format, options or {}, storage_options)
    if mode != "r":
        raise ConfigError(f"mode {mode!r}", hint='choose "r" or "r+"')
    volume = open_volume(url, format=format, options=options, storage_options=storage_options)
    return OpenVolume(volume, redact(os.fspath(url)))
