"""How one array becomes several of other chunks: few reads of the source, in a stated budget of memory.

Target chunks are long where source chunks are short, so that writing one reads many, and each of those is needed by
many others. Where one slab of the array holds whole chunks of all grids, everything is written from one reading.
Where it does not fit into memory there are two ways that keep to two readings: two passes with half of the targets
each, or a first pass that also puts the decoded chunks into a temporary file, from which the others read. Which one
is taken is settled here, before anything moves, and can be shown.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdio.core.region import Region
from mdio.exceptions import ShapeError
from mdio.flow.plan import DEFAULT_MEMORY, Regions
from mdio.flow.slabs import Slab, choose_slab, common_grid

__all__ = ["Pass", "RechunkPlan", "Target", "plan_apart", "plan_rechunking"]

_ENOUGH = 64 << 20  # larger slabs gain nothing
_READ_COPIES = 3  # of a source chunk while it is decoded: stored form, decoded form, a filter between
_MANY = 8  # targets beyond which groups are no longer tried in all combinations


@dataclass(frozen=True, slots=True)
class Target:
    """An array to be written.

    Parameters
    ----------
    name
        Of the target.
    chunks
        What is encoded and stored as one; clipped to the shape by the plan.
    copies
        Copies of a chunk in memory while it is encoded, the one handed to the codec included.
    """

    name: str
    chunks: tuple[int, ...]
    copies: int = 2


@dataclass(frozen=True, slots=True)
class Pass:
    """A walk over the array (or a tile of it) that writes some targets.

    Parameters
    ----------
    names
        Targets that are written; none where chunks are only decoded into the temporary file.
    slab
        What is held in memory at once.
    origin
        ``"source"`` or ``"scratch"``.
    keeps
        Whether decoded chunks also go into the temporary file.
    peak_bytes
        Slab and everything that workers hold beside it.
    """

    names: tuple[str, ...]
    slab: Slab
    origin: str
    keeps: bool
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class RechunkPlan:
    """What is read and written in which order.

    Parameters
    ----------
    shape
        Of the array.
    itemsize
        Bytes of a cell.
    chunks
        Of the source.
    targets
        With their chunks clipped to the shape.
    tile
        Part of the array that all passes go through before the next one is begun; bounds the temporary file.
    passes
        In order.
    memory
        Budget in bytes.
    workers
        Threads; fewer than were asked for where their chunks would not fit.
    fits
        Whether the plan keeps to the budget; False where a single target chunk is too large for it.
    """

    shape: tuple[int, ...]
    itemsize: int
    chunks: tuple[int, ...]
    targets: tuple[Target, ...]
    tile: tuple[int, ...]
    passes: tuple[Pass, ...]
    memory: int
    workers: int
    fits: bool

    @property
    def peak_bytes(self) -> int:
        """Estimate of what is held at once, without the interpreter."""
        return max(step.peak_bytes for step in self.passes)

    @property
    def scratch_bytes(self) -> int:
        """Size of the temporary file, 0 where there is none."""
        return math.prod(self.tile) * self.itemsize if any(step.keeps for step in self.passes) else 0

    @property
    def max_reads(self) -> int:
        """Times that the source chunk which is read most often is read."""
        return sum(step.slab.max_reads for step in self.passes if step.origin == "source")

    @property
    def mean_reads(self) -> float:
        """Times that a source chunk is read in the mean."""
        return sum(step.slab.mean_reads for step in self.passes if step.origin == "source")

    @property
    def tiles(self) -> Regions:
        """The tiles in order."""
        return Regions(self.shape, self.tile)

    @property
    def slabs(self) -> int:
        """Number of slabs of all passes."""
        return sum(len(Regions(tile.shape, step.slab.shape)) for tile in self.tiles for step in self.passes)

    def walk(self, step: Pass, tile: Region) -> Iterator[Region]:
        """Yield the slabs of a pass in a tile."""
        for box in Regions(tile.shape, step.slab.shape):
            yield Region((a + base, b + base) for (a, b), base in zip(box, tile.start, strict=True))

    def describe(self) -> Mapping[str, Any]:
        """Return the plan as a JSON-able mapping, for ``--dry-run`` and logs."""
        chunks = {target.name: target.chunks for target in self.targets}
        notes = []
        if not self.fits:
            notes.append(
                f"needs {self.peak_bytes} bytes with one worker, more than the memory budget of {self.memory} bytes; "
                "use smaller chunks or more memory"
            )
        return {
            "shape": list(self.shape),
            "source_chunks": list(self.chunks),
            "workers": self.workers,
            "memory": self.memory,
            "peak_bytes": self.peak_bytes,
            "scratch_bytes": self.scratch_bytes,
            "source_reads": {"max": self.max_reads, "mean": round(self.mean_reads, 3)},
            "slabs": self.slabs,
            "fits": self.fits,
            "patterns": [
                {
                    "name": name,
                    "chunks": list(chunks[name]),
                    "slab": list(step.slab.shape),
                    "from": step.origin,
                    "source_reads": {
                        "max": step.slab.max_reads if step.origin == "source" else 0,
                        "mean": round(step.slab.mean_reads, 3) if step.origin == "source" else 0.0,
                    },
                    "peak_bytes": step.peak_bytes,
                }
                for step in self.passes
                for name in step.names
            ],
            "notes": notes,
        }


def plan_rechunking(
    shape: Sequence[int],
    itemsize: int,
    chunks: Sequence[int],
    targets: Iterable[Target],
    memory: int | None = None,
    workers: int = 1,
) -> RechunkPlan:
    """Return how an array is best written with several other chunk shapes.

    No source chunk is read more than twice: once where a slab with whole chunks of all grids fits the budget, or
    through a temporary file, and twice where two passes, or a slab that cuts source chunks along one axis, fit.

    Parameters
    ----------
    shape
        Of the array.
    itemsize
        Bytes of a cell.
    chunks
        Of the source.
    targets
        What is to be written, at least one.
    memory
        Budget in bytes for everything in memory; 512 MiB by default.
    workers
        Threads; each holds the chunks it works on.

    Raises
    ------
    ShapeError
        Numbers of dimensions differ, or a length is not positive.
    """
    targets = tuple(targets)
    for count in range(max(1, workers), 0, -1):
        planner = _planner(shape, itemsize, chunks, targets, memory, count)
        plan = planner.once() or planner.twice() or planner.through_scratch()
        if plan is not None:
            return plan
    return planner.regardless()


def plan_apart(
    shape: Sequence[int], itemsize: int, chunks: Sequence[int], targets: Sequence[Target], memory: int | None = None
) -> RechunkPlan:
    """Return how an array is written by tasks that share neither memory nor disk, one for each slab.

    There is no temporary file, so that source chunks may be read more often than by :func:`plan_rechunking`, which
    has the parameters.

    Raises
    ------
    ShapeError
        Numbers of dimensions differ, or a length is not positive.
    """
    planner = _planner(shape, itemsize, chunks, targets, memory, 1)
    return planner.once() or planner.twice() or planner.apart()


def _planner(
    shape: Sequence[int],
    itemsize: int,
    chunks: Sequence[int],
    targets: Iterable[Target],
    memory: int | None,
    workers: int,
) -> _Planner:
    shape = tuple(int(length) for length in shape)
    extent = tuple(max(1, length) for length in shape)
    given = tuple(targets)
    for sizes in (tuple(chunks), *(target.chunks for target in given)):
        if len(sizes) != len(shape) or min(sizes) < 1:
            raise ShapeError(f"chunks {sizes} do not fit the shape {shape}: one positive length a dimension is needed")
    clipped = tuple(Target(target.name, tuple(map(min, target.chunks, extent)), target.copies) for target in given)
    return _Planner(
        shape, extent, itemsize, tuple(chunks), clipped, DEFAULT_MEMORY if memory is None else memory, workers
    )


@dataclass(frozen=True, slots=True)
class _Planner:
    """Tries the ways there are with a number of workers."""

    shape: tuple[int, ...]
    extent: tuple[int, ...]
    itemsize: int
    chunks: tuple[int, ...]
    targets: tuple[Target, ...]
    memory: int
    workers: int

    def beside(self, group: Iterable[Target], keeps: bool) -> int:
        """Bytes that workers hold beside the slab: a buffer for each target, and what coding takes on its way."""
        source = math.prod(self.chunks) * self.itemsize
        held, transient = (source if keeps else 0), _READ_COPIES * source
        for target in group:
            size = math.prod(target.chunks) * self.itemsize
            held += size
            transient = max(transient, (target.copies - 1) * size)
        return self.workers * (held + transient)

    def step(
        self,
        group: Sequence[Target],
        most: int | None,
        *,
        within: tuple[int, ...] | None = None,
        origin: str = "source",
        keeps: bool = False,
        limit: int | None = None,
    ) -> Pass | None:
        """Return a pass that writes a group and reads no source chunk more than ``most`` times, None if none fits."""
        within = within or self.extent
        unit = common_grid(within, *(target.chunks for target in group)) if group else (1,) * len(within)
        beside = self.beside(group, keeps)
        cells = (self.memory - beside) // self.itemsize if limit is None else limit
        slab = choose_slab(within, unit, self.chunks, cells, _ENOUGH // self.itemsize)
        if slab is None or (most is not None and slab.max_reads > most):
            return None
        names = tuple(target.name for target in group)
        return Pass(names, slab, origin, keeps, slab.cells * self.itemsize + beside)

    def plan(self, *passes: Pass, tile: tuple[int, ...] | None = None, fits: bool = True) -> RechunkPlan:
        return RechunkPlan(
            self.shape,
            self.itemsize,
            self.chunks,
            self.targets,
            tile or self.extent,
            passes,
            self.memory,
            self.workers,
            fits,
        )

    def groups(self) -> Iterator[tuple[tuple[Target, ...], tuple[Target, ...]]]:
        """Yield targets and the rest, large groups first."""
        if len(self.targets) > _MANY:
            sizes = range(len(self.targets), 0, -1)
            yield from ((self.targets[:size], self.targets[size:]) for size in sizes)
            return
        for size in range(len(self.targets), 0, -1):
            for group in itertools.combinations(self.targets, size):
                yield group, tuple(target for target in self.targets if target not in group)

    def once(self) -> RechunkPlan | None:
        """Everything from one reading."""
        step = self.step(self.targets, 1)
        return None if step is None else self.plan(step)

    def twice(self) -> RechunkPlan | None:
        """One slab that cuts source chunks along one axis, or two passes that cut none."""
        step = self.step(self.targets, 2)
        if step is not None:
            return self.plan(step)
        for group, rest in self.groups():
            if rest:
                first, second = self.step(group, 1), self.step(rest, 1)
                if first is not None and second is not None:
                    return self.plan(first, second)
        return None

    def through_scratch(self) -> RechunkPlan | None:
        """One reading that writes what it can, the rest from a temporary file of decoded chunks."""
        tile = common_grid(self.extent, self.chunks, *(target.chunks for target in self.targets))
        for group, rest in (*self.groups(), ((), self.targets)):
            first = self.step(group, 1, within=tile, keeps=True)
            if first is None or not rest:
                continue
            others = [self.step((target,), None, within=tile, origin="scratch") for target in rest]
            if None not in others:
                return self.plan(first, *(step for step in others if step is not None), tile=tile)
        return None

    def apart(self) -> RechunkPlan:
        """One pass a target, however often source chunks are read."""
        steps, fits = [], True
        for target in self.targets:
            step = self.step((target,), None)
            if step is None:
                fits = False
                step = self.step((target,), None, limit=math.prod(target.chunks))
            assert step is not None  # a single target chunk is a slab
            steps.append(step)
        return self.plan(*steps, fits=fits)

    def regardless(self) -> RechunkPlan:
        """Return the smallest slabs there are, through a temporary file: it does not fit, but comes to an end."""
        tile = common_grid(self.extent, self.chunks, *(target.chunks for target in self.targets))
        first = self.step((), 1, within=tile, keeps=True, limit=math.prod(self.chunks))
        others = [
            self.step((target,), None, within=tile, origin="scratch", limit=math.prod(target.chunks))
            for target in self.targets
        ]
        return self.plan(*(step for step in (first, *others) if step is not None), tile=tile, fits=False)
