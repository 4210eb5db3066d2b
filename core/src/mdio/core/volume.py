"""The two contracts where all formats meet: a volume is read by region, a sink is written by block.

The core knows no pair of formats. A reader returns a :class:`Volume`, a writer a :class:`Sink`, and
``mdio.flow.engine`` carries blocks from one to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from mdio.core.headers import HeaderLayout
from mdio.core.region import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension

__all__ = [
    "Block",
    "Creation",
    "Metadata",
    "Patches",
    "Region",
    "Schema",
    "Sink",
    "SourceFile",
    "TraceOrder",
    "Volume",
    "has_lengths",
    "lengths_of",
]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Raw bytes and facts of the file that data came from; sinks store it, volumes give it back.

    Parameters
    ----------
    format
        Name of the reader that made it, e.g. ``"segy"``.
    facts
        JSON-able facts that the format needs to write the file again (byte orders, format code, …).
    blobs
        Name to raw bytes (file headers, trailer, …); small, never per trace.
    """

    format: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TraceOrder:
    """How the file positions of traces follow from their grid positions.

    ``kind`` is ``"grid"`` (position = number of live cells before it in C order), ``"affine"`` (every cell live,
    position = base + Σ strides·index) or ``"mapped"`` (only :meth:`Volume.order` knows).
    """

    kind: str = "grid"
    base: int = 0
    strides: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What describes a volume besides its grid.

    Parameters
    ----------
    text
        Textual file header decoded for people: lines of 80 characters; empty when there is none.
    binary
        Binary file header words by their segyio names.
    source
        Raw bytes of the original file, or None.
    order
        How traces lay in the original file.
    trace_count
        Number of live traces; -1 while unknown.
    statistics
        Known statistics, as JSON-able mapping (see ``mdio.flow.statistics``), or None.
    identity
        What tells this source from another: url, size, modification time, hash of its headers.
    attributes
        Anything else worth carrying: CRS, units, provenance. JSON-able.
    """

    text: tuple[str, ...] = ()
    binary: Mapping[str, Any] = field(default_factory=dict)
    source: SourceFile | None = None
    order: TraceOrder = TraceOrder()
    trace_count: int = -1
    statistics: Mapping[str, Any] | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schema:
    """Shape and types of a volume.

    Parameters
    ----------
    dims
        Axes, slowest first; the last one is the sample axis.
    dtype
        Sample type in native byte order. IBM floats exist only inside the SEG-Y plugin.
    headers
        Layout of one trace-header record.
    chunks
        What the source reads cheaply at once, one length a dimension.
    metadata
        Everything else.
    """

    dims: tuple[Dimension, ...]
    dtype: np.dtype[Any]
    headers: HeaderLayout
    chunks: tuple[int, ...]
    metadata: Metadata = Metadata()

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(dim.size for dim in self.dims)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each axis."""
        return tuple(dim.name for dim in self.dims)

    @property
    def region(self) -> Region:
        """The whole volume."""
        return Region.whole(self.shape)

    def with_metadata(self, **changes: Any) -> Schema:
        """Return a schema whose metadata differ in the given fields."""
        return replace(self, metadata=replace(self.metadata, **changes))


@dataclass(frozen=True, slots=True)
class Patches:
    """Raw 32-bit words that the stored sample type cannot give back (unnormalised IBM floats and the like).

    Parameters
    ----------
    index
        int64, ascending: positions in the block's samples, flat, C order.
    words
        uint32, native order: the raw word of each. A word of 0 never needs a patch.
    """

    index: NDArray[np.int64]
    words: NDArray[np.uint32]


@dataclass(slots=True)
class Block:
    """A piece of a volume in memory.

    Parameters
    ----------
    region
        Where it lies; a halo asked for by the sink is included.
    samples
        C order, shape of ``region``, native byte order; dead traces hold 0.
    headers
        Raw records, ``V<itemsize>``, shape of the region without the sample axis; None when the format has none.
        Records of dead cells are zero bytes.
    live
        bool, same shape as ``headers``.
    patches
        Raw words for samples of this region, or None.
    order
        int64, same shape as ``live``: position of each trace in the original file, -1 where dead.
    lengths
        uint32, same shape as ``live``: true sample count of each trace where counts vary, else None.
    """

    region: Region
    samples: NDArray[Any]
    headers: NDArray[Any] | None
    live: NDArray[np.bool_]
    patches: Patches | None = None
    order: NDArray[np.int64] | None = None
    lengths: NDArray[np.uint32] | None = None


@runtime_checkable
class Volume(Protocol):
    """A readable volume. Any region, from any thread; regions are in grid positions and inside the shape.

    A volume whose traces differ in length may have one more method, ``lengths(region)``: the true sample count of each
    trace of a region *without* sample axis, uint32, 0 where dead; None where all traces fill the sample axis. It is
    asked for with :func:`lengths_of`, and says the same as :attr:`Block.lengths`.
    """

    @property
    def schema(self) -> Schema:
        """Shape, types and metadata."""
        ...

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region, C order; dead traces are 0."""
        ...

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw header records of a region *without* sample axis; dead cells are zero bytes."""
        ...

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region *without* sample axis hold a trace; cheap, before samples move."""
        ...

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the file position of each trace of a region *without* sample axis, -1 where dead."""
        ...

    def read(self, region: Region) -> Block:
        """Return everything about a region in one pass over the source."""
        ...

    def close(self) -> None:
        """Let go of files; may be called again."""
        ...


def lengths_of(volume: Volume, region: Region) -> NDArray[np.uint32] | None:
    """Return the true sample count of each trace of a region *without* sample axis; None where none is kept."""
    ask: Callable[[Region], NDArray[np.uint32] | None] | None = getattr(volume, "lengths", None)
    return None if ask is None else ask(region)


def has_lengths(volume: Volume) -> bool:
    """Whether a volume keeps the true sample counts of its traces; judged by its first cell."""
    return lengths_of(volume, Region((0, min(1, length)) for length in volume.schema.shape[:-1])) is not None


class Sink(Protocol):
    """A writable target. Nothing can be opened under the target's name before :meth:`commit`.

    A sink that appends, so that the place of a slab follows from those before it, may have two more methods:
    ``expect(regions)``, called once before the first block with all slabs in order, and ``left_out(region)``, called
    from a worker for a slab that could not be read. :class:`mdio.flow.turns.Turns` does the waiting.
    """

    @property
    def chunks(self) -> tuple[int, ...]:
        """The grid on which every region handed over starts."""
        ...

    @property
    def halo(self) -> tuple[int, ...]:
        """Extra samples wanted around a block on both sides, per dimension; usually zeros."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """What must be known before the first block, e.g. ``{"value_range"}``."""
        ...

    @property
    def journal(self) -> Any:
        """The ``mdio.flow.journal.Journal`` of the run that fills this sink."""
        ...

    @property
    def creation(self) -> Creation:
        """How the target was asked to be made."""
        ...

    def write(self, block: Block) -> Mapping[str, Any]:
        """Store a block; any order, any thread, again with the same result.

        Returns
        -------
        Mapping
            A JSON-able receipt for the journal: what was written, so that a resume can check it.
        """
        ...

    def recheck(self, region: Region, receipt: Mapping[str, Any]) -> bool:
        """Whether what :meth:`write` stored for this region is still there and whole."""
        ...

    def commit(self, statistics: Mapping[str, Any]) -> None:
        """Write what makes the target openable, last; then it is complete under its name."""
        ...

    def abort(self) -> None:
        """Leave nothing behind."""
        ...

    def close(self) -> None:
        """Let go of files and locks and keep what was written for a resume."""
        ...


@dataclass(frozen=True, slots=True)
class Creation:
    """How a target is to be made; handed to every writer.

    Parameters
    ----------
    overwrite
        Replace what is there; it stays whole until the new one is complete.
    resume
        Go on with an unfinished target of the same fingerprint.
    fingerprint
        JSON-able identity of source and options; an unfinished target of another is refused.
    created
        Time stamp to write, ISO 8601 UTC; a resume takes the one in the journal.
    """

    overwrite: bool = False
    resume: bool = False
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""
