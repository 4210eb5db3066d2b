"""How a volume is cut into slabs: the unit that one task reads, measures and writes.

Three wishes pull at a slab. The sink wants whole chunks, the source wants to be read where it lies together, and the
machine has a memory budget. A plan is settled before anything moves, so that it can be shown (``--dry-run``), and is
the same whatever number of workers runs it (short of the budget), so that the same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import ShapeError

__all__ = ["DEFAULT_MEMORY", "Plan", "Regions", "make_plan"]

MIB = 1 << 20

DEFAULT_MEMORY = 512 * MIB
"""Memory budget in bytes when the caller names none."""

_ENOUGH = 8 * MIB  # larger slabs gain nothing: the cost of a task is far below that of its bytes
_TARGET = 32 * MIB  # the sample axis is split above this, unless that would tear source chunks
_TASK = MIB // 4  # below this a task costs more than its bytes, so parallelism does not pay
_SLABS = 32  # smallest number of slabs to keep work for all workers
_TRACE_BYTES = 9  # live flag and file position of a trace, beside its header


class Regions(Sequence[Region]):
    """The slabs of a plan in C order, made when asked for: a plan of millions of slabs costs nothing.

    Parameters
    ----------
    shape
        Shape of the volume.
    slab
        Shape of a slab; the last one along an axis may be shorter.
    """

    __slots__ = ("counts", "shape", "slab")

    def __init__(self, shape: Sequence[int], slab: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.slab = tuple(slab)
        self.counts = tuple(-(-length // step) for length, step in zip(self.shape, self.slab, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    @overload
    def __getitem__(self, index: int) -> Region: ...
    @overload
    def __getitem__(self, index: slice) -> list[Region]: ...
    def __getitem__(self, index: int | slice) -> Region | list[Region]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"slab {index} of {len(self)}")
        index %= len(self)
        cell = []
        for count in reversed(self.counts):
            index, position = divmod(index, count)
            cell.append(position)
        return Region.of_chunk(cell[::-1], self.slab, self.shape)

    def __iter__(self) -> Iterator[Region]:
        for cell in Region.whole(self.shape).chunks(self.slab):
            yield Region.of_chunk(cell, self.slab, self.shape)

    def __contains__(self, region: object) -> bool:
        if not isinstance(region, Region) or len(region) != len(self.shape):
            return False
        cell = [start // step for start, step in zip(region.start, self.slab, strict=True)]
        inside = all(0 <= i < count for i, count in zip(cell, self.counts, strict=True))
        return inside and Region.of_chunk(cell, self.slab, self.shape) == region


@dataclass(frozen=True, slots=True)
class Plan:
    """A volume cut into slabs.

    Parameters
    ----------
    shape
        Shape of the volume.
    slab
        Shape of a slab, without halo.
    workers
        Slabs in memory at once.
    memory
        The budget, in bytes.
    slab_bytes
        Largest slab in memory, in bytes: samples with halo, headers, live mask.
    peak_bytes
        Estimate of what all workers hold at once, in bytes, without the interpreter.
    read_amplification
        Cells that the source decodes for each cell of the volume, whole source chunks counted; 1 is best.
    fits
        Whether a slab keeps to its share of the budget; False where a single sink chunk, or a slab settled earlier,
        is too large.
    """

    shape: tuple[int, ...]
    slab: tuple[int, ...]
    workers: int
    memory: int
    slab_bytes: int
    peak_bytes: int
    read_amplification: float
    fits: bool

    @property
    def regions(self) -> Regions:
        """The slabs in C order."""
        return Regions(self.shape, self.slab)

    @property
    def count(self) -> int:
        """Number of slabs."""
        return len(self.regions)

    def describe(self) -> Mapping[str, Any]:
        """Return the plan as a JSON-able mapping, for ``--dry-run`` and logs."""
        notes = []
        if not self.fits:
            notes.append(
                f"a slab of {self.slab_bytes} bytes for each of {self.workers} workers exceeds the memory budget "
                f"of {self.memory} bytes; use smaller chunks, fewer workers or more memory"
            )
        return {
            "shape": list(self.shape),
            "slab": list(self.slab),
            "slabs": self.count,
            "slab_bytes": self.slab_bytes,
            "peak_bytes": self.peak_bytes,
            "memory": self.memory,
            "workers": self.workers,
            "read_amplification": round(self.read_amplification, 3),
            "fits": self.fits,
            "notes": notes,
        }


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Knows what a slab costs and how far it may grow along an axis."""

    shape: tuple[int, ...]
    units: tuple[int, ...]  # sink chunks
    halo: tuple[int, ...]
    itemsize: int
    trace_bytes: int

    def cost(self, slab: Sequence[int]) -> int:
        """Bytes of a slab in memory, halo included."""
        lengths = [
            min(length + 2 * margin, full) for length, margin, full in zip(slab, self.halo, self.shape, strict=True)
        ]
        traces = math.prod(lengths[:-1])
        return traces * (lengths[-1] * self.itemsize + self.trace_bytes)

    def count(self, slab: Sequence[int]) -> int:
        """Slabs of this shape in the volume."""
        return len(Regions(self.shape, slab))

    def grow(
        self, slab: tuple[int, ...], axis: int, wanted: int, limit: int, unit: int = 0, slabs: int = 0
    ) -> tuple[int, ...]:
        """Lengthen one axis towards ``wanted`` in steps of ``unit``, while cost and number of slabs allow."""
        full, unit = self.shape[axis], unit or self.units[axis]

        def with_steps(steps: int) -> tuple[int, ...]:
            return (*slab[:axis], min(steps * unit, full), *slab[axis + 1 :])

        low = -(-slab[axis] // unit)
        high = max(low, -(-min(wanted, full) // unit))
        while low < high:  # bisection: cost rises and number of slabs falls with the length
            middle = (low + high + 1) // 2
            grown = with_steps(middle)
            if self.cost(grown) <= limit and self.count(grown) >= slabs:
                low = middle
            else:
                high = middle - 1
        longest = with_steps(low)
        if longest[axis] >= wanted:
            return longest
        # Even pieces: 768 + 733 rather than 1472 + 29.
        pieces = -(-full // longest[axis])
        even = with_steps(math.ceil(full / pieces / unit))
        return even if even[axis] >= slab[axis] else longest


def make_plan(
    shape: Sequence[int],
    itemsize: int,
    header_bytes: int,
    source_chunks: Sequence[int],
    sink_chunks: Sequence[int],
    halo: Sequence[int],
    memory: int = DEFAULT_MEMORY,
    workers: int = 1,
    slab: Sequence[int] | None = None,
) -> Plan:
    """Cut a volume into slabs.

    A slab is a multiple of the sink's chunks, or reaches the end of the axis. It is grown towards the source's
    chunks, samples first (whole traces), while ``memory / (workers + 1)`` allows; and no further than pays, so
    that there is work for all workers and little memory in use.

    Parameters
    ----------
    shape
        Shape of the volume, the sample axis last.
    itemsize
        Bytes of one sample.
    header_bytes
        Bytes of one trace-header record.
    source_chunks
        What the source reads cheaply at once, per dimension.
    sink_chunks
        The grid on which slabs start, per dimension.
    halo
        Extra samples around a slab on both sides, per dimension.
    memory
        Budget in bytes for all slabs in memory.
    workers
        Slabs in memory at once.
    slab
        Shape of a slab settled earlier (a resumed run); taken as it is.

    Raises
    ------
    ShapeError
        The numbers of dimensions differ, a chunk is not positive, or ``slab`` is off the sink's grid.
    """
    shape = tuple(int(length) for length in shape)
    lengths = {len(shape), len(source_chunks), len(sink_chunks), len(halo)}
    if len(lengths) != 1 or not shape:
        raise ShapeError(
            f"shape {shape}, source chunks {tuple(source_chunks)}, sink chunks {tuple(sink_chunks)} and halo "
            f"{tuple(halo)} must have the same number of dimensions, at least one"
        )
    if min(*source_chunks, *sink_chunks) < 1 or min(halo) < 0:
        raise ShapeError(f"chunks {tuple(source_chunks)}, {tuple(sink_chunks)} must be 1 or more, halo 0 or more")
    workers = max(1, int(workers))
    extent = tuple(max(1, length) for length in shape)
    units = tuple(min(int(size), length) for size, length in zip(sink_chunks, extent, strict=True))
    cutter = _Cutter(extent, units, tuple(halo), itemsize, header_bytes + _TRACE_BYTES)
    budget = memory // (workers + 1)
    if slab is None:
        sources = tuple(min(int(size), length) for size, length in zip(source_chunks, extent, strict=True))
        settled = _choose(cutter, sources, budget, workers)
    else:
        settled = _checked(slab, extent, units)
    slab_bytes = cutter.cost(settled)
    return Plan(
        shape=shape,
        slab=settled,
        workers=workers,
        memory=memory,
        slab_bytes=slab_bytes,
        peak_bytes=workers * slab_bytes + 2 * workers * math.prod(units) * itemsize,
        read_amplification=_amplification(extent, settled, halo, source_chunks),
        fits=slab_bytes <= budget,
    )


def _choose(cutter: _Cutter, sources: tuple[int, ...], budget: int, workers: int) -> tuple[int, ...]:
    """Grow a slab from one sink chunk."""
    shape, units = cutter.shape, cutter.units
    last = len(shape) - 1
    spatial = range(last - 1, -1, -1)  # fast axis first
    wanted = tuple(_covering(unit, source, full) for unit, source, full in zip(units, sources, shape, strict=True))
    slab = units
    # 1. Whole source chunks. A source of whole traces (SEG-Y) reads any set of them well, so only its traces
    #    must not be torn; in a source of bricks all axes count.
    slab = cutter.grow(slab, last, wanted[last], budget)
    if sources[last] < shape[last]:
        for axis in spatial:
            slab = cutter.grow(slab, axis, wanted[axis], budget)
    # 2. Whole traces, in steps that keep whole source chunks.
    slab = cutter.grow(slab, last, shape[last], min(_TARGET, budget), unit=slab[last])
    # 3. More traces, while a task would be too small to be worth its while.
    few = min(max(_SLABS, 2 * workers), cutter.count(slab))
    for limit, slabs in ((_TASK, 0), (_ENOUGH, few)):
        for axis in spatial:
            slab = cutter.grow(slab, axis, shape[axis], min(limit, budget), unit=slab[axis], slabs=slabs)
    return slab


def _covering(unit: int, source: int, full: int) -> int:
    """Return the length along an axis that covers whole source chunks and whole sink chunks."""
    common = math.lcm(unit, source)
    covering = common if common <= 4 * max(unit, source) else -(-source // unit) * unit
    return min(covering, full)


def _checked(slab: Sequence[int], extent: Sequence[int], units: Sequence[int]) -> tuple[int, ...]:
    settled = tuple(int(length) for length in slab)
    if len(settled) != len(extent) or not all(
        length > 0 and (length % unit == 0 or length >= full)
        for length, unit, full in zip(settled, units, extent, strict=True)
    ):
        raise ShapeError(f"slab {settled} is off the sink's grid of chunks {tuple(units)} in {tuple(extent)}")
    return tuple(min(length, full) for length, full in zip(settled, extent, strict=True))


def _amplification(
    extent: Sequence[int], slab: Sequence[int], halo: Sequence[int], source_chunks: Sequence[int]
) -> float:
    """Cells decoded for each cell of the volume when every slab reads whole source chunks."""
    factor = 1.0
    for full, length, margin, chunk in zip(extent, slab, halo, source_chunks, strict=True):
        start = np.arange(0, full, length, dtype=np.int64)
        stop = np.minimum(start + length + margin, full)
        start = np.maximum(start - margin, 0)
        read = np.minimum(-(-stop // chunk) * chunk, full) - start // chunk * chunk
        factor *= float(read.sum()) / full
    return factor
