"""What reading, writing and editing need of a layout of MDIO; the layouts themselves know only their spelling.

A :class:`Dataset` is a store with metadata of one layout: where its arrays lie, what they mean, and how both are
changed. A :class:`Layout` says how a new dataset is spelled. :class:`~mdio.native.volume.MdioVolume`,
:class:`~mdio.native.sink.MdioSink` and everything that edits talk to these two only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mdio.core.volume import Metadata, TraceOrder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Block, Schema, SourceFile, Volume
    from mdio.native.arrays import ArraySpec
    from mdio.native.records import RecordPacker
    from mdio.storage.store import Store

__all__ = ["Contents", "Dataset", "Description", "Layout", "Revision", "default_pattern"]


def default_pattern(ndim: int) -> str:
    """Return the access pattern name of the first array: ``"012"`` for three dimensions."""
    return "".join(str(axis) for axis in range(ndim))


@dataclass(frozen=True)
class Description:
    """What the metadata of a dataset say, in the words of the core.

    Parameters
    ----------
    dims
        Axes, slowest first.
    text, binary
        Textual lines and binary header words, the latter under the names of the store.
    statistics
        ``mean``, ``std``, ``rms``, ``min``, ``max`` of non-zero live samples, and ``honest`` where known.
    trace_count
        -1 when it is not said.
    source, order
        The original file and the order of its traces.
    header
        Attributes of the group ``source/``, empty where there is none.
    stale
        Names of access patterns and of ``"statistics"`` that an edit left behind the samples.
    attributes
        Carried through.
    facts
        Attributes worth showing: versions, time stamps.
    """

    dims: tuple[Dimension, ...]
    text: tuple[str, ...] = ()
    binary: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, Any] | None = None
    trace_count: int = -1
    source: SourceFile | None = None
    order: TraceOrder = field(default_factory=TraceOrder)
    header: Mapping[str, Any] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Revision:
    """Changes to the metadata of a dataset; None leaves as it is."""

    text: Sequence[str] | None = None
    binary: Mapping[str, Any] | None = None
    statistics: Mapping[str, Any] | None = None
    trace_count: int | None = None
    stale: Sequence[str] | None = None
    emptied: Sequence[str] | None = None
    """Arrays whose objects may be missing from now on."""


class Dataset(Protocol):
    """An existing dataset of one layout."""

    @property
    def store(self) -> Store:
        """Its root."""
        ...

    @property
    def layout(self) -> str:
        """``"v0"``, ``"v0.9"`` or ``"v1"``."""
        ...

    @property
    def identity(self) -> int:
        """Checksum of all metadata."""
        ...

    @property
    def mask(self) -> str:
        """Path of the live mask."""
        ...

    def patterns(self) -> tuple[str, ...]:
        """Return the names of the access patterns, the one that is read by default first."""
        ...

    def samples(self, pattern: str) -> str:
        """Return the path of the samples of an access pattern."""
        ...

    def headers(self, pattern: str) -> str:
        """Return the path of the header records of an access pattern; there need be no array."""
        ...

    def array(self, path: str) -> ArraySpec | None:
        """Return an array by its path, None where there is none."""
        ...

    def describe(self) -> Description:
        """Return what the metadata say."""
        ...

    def revise(self, revision: Revision) -> None:
        """Change metadata in the store; readers see all of the change or nothing of it."""
        ...

    def pattern_specs(
        self, pattern: str, chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> tuple[ArraySpec, ArraySpec | None]:
        """Return the arrays of samples and header records of an access pattern that is to be added."""
        ...

    def add_arrays(self, specs: Iterable[ArraySpec]) -> None:
        """Make arrays part of the dataset whose objects are stored already."""
        ...

    def remove_arrays(self, paths: Iterable[str]) -> None:
        """Take arrays out of the dataset, metadata first, and delete their objects."""
        ...


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What the metadata of a finished dataset are made from.

    Parameters
    ----------
    schema
        Of the volume it was made from.
    arrays
        All arrays that were written.
    packer
        How header records were packed; None where there are none.
    statistics
        Of the run.
    created
        Time stamp, ISO 8601.
    objects
        Which objects of the arrays are stored; see :mod:`mdio.native.presence`.
    """

    schema: Schema
    arrays: tuple[ArraySpec, ...]
    packer: RecordPacker | None
    statistics: Mapping[str, Any]
    created: str
    objects: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metadata(self) -> Metadata:
        """Of the volume."""
        return self.schema.metadata


Put = Callable[..., None]


class Layout(Protocol):
    """How a new dataset is spelled."""

    @property
    def header_fields(self) -> tuple[tuple[int, str, str], ...]:
        """``(byte, name, type)`` of the fields of a stored header record."""
        ...

    def default_chunks(self, ndim: int) -> tuple[int, ...]:
        """Return the chunk shape where none is asked for."""
        ...

    def samples(self, schema: Schema, chunks: tuple[int, ...], shards: tuple[int, ...] | None, codec: Any) -> ArraySpec:
        """Return the array of samples."""
        ...

    def headers(self, schema: Schema, chunks: tuple[int, ...], codec: Any) -> ArraySpec:
        """Return the array of header records of the first access pattern; chunks are those of the samples."""
        ...

    def mask(self, schema: Schema, chunks: tuple[int, ...], codec: Any) -> ArraySpec:
        """Return the array of the live mask."""
        ...

    def plain(
        self, path: str, shape: tuple[int, ...], chunks: tuple[int, ...], dtype: np.dtype[Any], codec: Any
    ) -> ArraySpec:
        """Return an array of our own, such as those in ``source/``."""
        ...

    def stored(self, block: Block) -> NDArray[Any]:
        """Return the samples of a block as they are stored: dead traces may have a value of their own."""
        ...

    def describe_axes(self, like: Volume, put: Put) -> Sequence[ArraySpec]:
        """Store what this layout keeps of axes and coordinates as arrays; return them."""
        ...

    def documents(self, contents: Contents) -> Sequence[tuple[str, bytes]]:
        """Return all metadata objects in the order in which they are stored: only the last makes it openable."""
        ...
