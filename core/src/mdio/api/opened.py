"""What ``mdio.open`` returns: a volume of any format with the doors to the tools around it.

Plugins make and take bare volumes (:class:`mdio.core.volume.Volume`); what people do with one – label it, plot it, hand
it to xarray or dask – is the same for all of them and stands here, once.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mdio.api.arrays import RegionArray
from mdio.api.html import dims_text, volume_html
from mdio.api.lazy import lazy_array
from mdio.api.plotting import plot_section
from mdio.api.task_chunks import chosen_chunks
from mdio.convert import open as open_volume
from mdio.exceptions import MDIOError
from mdio.storage.urls import redact

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

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

        return xarray.open_dataset(self, engine=MdioBackendEntrypoint, chunks=chunks, **options)

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
    format: str | None = None,
    options: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> OpenVolume:
    """Open a dataset of any installed format.

    Parameters
    ----------
    url
        Path or URL.
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
        An option that the reader does not have.
    """
    volume = open_volume(url, format=format, options=options, storage_options=storage_options)
    return OpenVolume(volume, redact(os.fspath(url)))
