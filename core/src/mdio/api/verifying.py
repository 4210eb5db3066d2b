"""Reads all of a dataset of any format and names what is damaged, with the coordinates that it covers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mdio.core.findings import Finding
from mdio.core.places import region_text
from mdio.core.region import Region
from mdio.core.volume import lengths_of
from mdio.flow.walk import plan_walk, walk

if TYPE_CHECKING:
    from mdio.core.volume import Block, Volume
    from mdio.flow.events import Observer
    from mdio.flow.reading import ReadingPool
    from mdio.plugins.contributions import Check

__all__ = ["Damage", "ObjectCheck", "Verification", "verify"]

ObjectCheck: TypeAlias = "tuple[str, Region | None, str | None]"
"""Name of a stored object, the cells it covers (with or without sample axis, None for those of the whole dataset), and
what is wrong with it: empty when it matches its check, None when it carries none."""

_KEPT = 1000
"""Damages that are kept; further ones are counted."""


@dataclass(slots=True)
class Damage:
    """Something that cannot be read, or is not what it should be.

    Parameters
    ----------
    name
        The stored object, or which part of the volume.
    region
        Cells that it covers, grid positions; None for the whole volume.
    message
        What is wrong.
    where
        The region in coordinates.
    """

    name: str
    region: Region | None
    message: str
    where: str = ""


@dataclass(slots=True)
class Verification:
    """What was verified, and what was found.

    Parameters
    ----------
    damages
        What is damaged, at most 1000.
    damaged
        Their number.
    findings
        Of the checks: name of the check and what it found.
    bytes, traces
        Bytes of samples and live traces that were read.
    objects, unchecked
        Stored objects that were looked at one by one, and how many of them carry no check of ours; both 0 where the
        format has no such objects.
    """

    damages: list[Damage] = field(default_factory=list)
    damaged: int = 0
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    bytes: int = 0
    traces: int = 0
    objects: int = 0
    unchecked: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged, and no check found an error."""
        return not self.damaged and all(finding.severity != "error" for _, finding in self.findings)

    def add(self, other: Verification) -> None:
        """Take over what was found in another copy of the same samples; one damage of both is said once."""
        known = {damage.message for damage in self.damages}
        new = [damage for damage in other.damages if damage.message not in known]
        self.damaged += other.damaged - (len(other.damages) - len(new))
        self.damages += new[: _KEPT - len(self.damages)]
        self.findings += other.findings
        self.bytes += other.bytes
        self.objects += other.objects
        self.unchecked += other.unchecked


def verify(
    volume: Volume,
    *,
    checks: Iterable[Check] = (),
    objects: Iterable[ObjectCheck] | None = None,
    workers: int | None = None,
    memory: int | None = None,
    observers: Iterable[Observer] = (),
    client: Any = None,
    reopen: Callable[[], Volume] | None = None,
) -> Verification:
    """Look at every stored object, read everything, and ask the checks; nothing that fails ends it.

    Parameters
    ----------
    volume
        Of any format.
    checks
        Rules to ask, e.g. ``registry().checks(format)``.
    objects
        Results of checks of single stored objects; by default those of the volume's own ``verify_objects()``, where
        it has one.
    workers, memory
        Threads, and bytes that slabs may take.
    observers
        Called with the events of the pass.
    client
        A ``dask.distributed.Client``, or the address of a scheduler, whose workers read the slabs; ``memory`` is then
        that of each worker process. Single stored objects are checked, and checks asked, by this process.
    reopen
        Opens the volume again, in the workers; by default the volume is sent to them, where it can be pickled.

    Raises
    ------
    MemoryError
        A slab does not fit; give less memory or fewer workers.
    """
    report = _Report(volume)
    if objects is None:
        own: Callable[[], Iterable[ObjectCheck]] | None = getattr(volume, "verify_objects", None)
        objects = own() if callable(own) else ()
    for name, region, problem in objects:
        report.object(name, region, problem)
    schema = volume.schema
    with _pool(client, volume, reopen, workers) as pool:
        plan = plan_walk([schema], workers if pool is None else pool.threads, memory)
        for _, slab in walk(plan, _Reading(volume), schema.dtype.itemsize, observers, pool):
            report.slab(slab)
    report.totals()
    for check in checks:
        report.check(check)
    return report.result


@contextlib.contextmanager
def _pool(
    client: Any, volume: Volume, reopen: Callable[[], Volume] | None, workers: int | None
) -> Iterator[ReadingPool[_Slab] | None]:
    """Yield the cluster that reads, or None."""
    if client is None:
        yield None
        return
    from mdio.flow.cluster import client_of
    from mdio.flow.reading import reading_pool

    with client_of(client) as connected:
        yield reading_pool(connected, reopen or partial(_itself, volume), _Reading, slots=workers)


def _itself(volume: Volume) -> Volume:
    return volume


# -- reading -------------------------------------------------------------------------------------------------------


_REST = "trace order or raw words"
"""What is read in one go only; what is damaged there may also stand in the way of other parts of the volume."""


@dataclass(slots=True)
class _Slab:
    samples: int = 0
    traces: int = 0
    damages: list[Damage] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads a slab; where that fails, reads its chunks and their parts one by one. Runs in workers."""

    volume: Volume

    def __call__(self, region: Region) -> _Slab:
        blocks: list[Block] = []
        problem = _problem(lambda: blocks.append(self.volume.read(region)))
        if problem is None:
            # Traces are counted with their first part.
            return _Slab(region.size, 0 if region.start[-1] else int(np.count_nonzero(blocks[0].live)))
        slab = _Slab()
        for piece in self._pieces(region):
            found = [] if _problem(partial(self.volume.read, piece)) is None else self._parts(piece)
            slab.samples += 0 if any(damage.name == "samples" for damage in found) else piece.size
            slab.damages += found
        if not slab.damages:
            slab.damages.append(Damage("samples", region, problem))
        return slab

    def _pieces(self, region: Region) -> Iterator[Region]:
        """Yield the parts of a region that lie in one chunk of the source each."""
        schema = self.volume.schema
        for cell in region.chunks(schema.chunks):
            yield Region.of_chunk(cell, schema.chunks, schema.shape).intersect(region)

    def _parts(self, piece: Region) -> list[Damage]:
        """Return what cannot be read of a chunk."""
        traces = piece.spatial
        parts: list[tuple[str, Region, Callable[[], Any]]] = [
            ("samples", piece, partial(self.volume.samples, piece)),
            ("live mask", traces, partial(self.volume.live, traces)),
            ("trace headers", traces, partial(self.volume.headers, traces)),
            ("trace lengths", traces, partial(lengths_of, self.volume, traces)),
            (_REST, piece, partial(self.volume.read, piece)),
        ]
        found: list[Damage] = []
        for name, region, read in parts:
            message = _problem(read)
            if message is not None and all(message != damage.message for damage in found):
                if name == _REST and found:
                    continue  # fails for the same reasons
                found.append(Damage(name, region, message))
        return found


def _problem(read: Callable[[], Any]) -> str | None:
    """Return what is wrong with what is read, None for nothing."""
    try:
        read()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a reader raises is the finding
        return " ".join(str(error).split()) or type(error).__name__
    return None


# -- adding up -----------------------------------------------------------------------------------------------------


class _Report:
    """Collects; one stored object that several chunks need is one damage."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.result = Verification()
        self._known: dict[str, Damage] = {}
        self._objects: list[str] = []
        self._unread = False

    def object(self, name: str, region: Region | None, problem: str | None) -> None:
        self.result.objects += 1
        self.result.unchecked += problem is None
        if problem:
            self._add(Damage(name, region, problem))
            self._objects.append(name)

    def slab(self, slab: _Slab) -> None:
        result = self.result
        result.traces += slab.traces
        result.bytes += slab.samples * self.volume.schema.dtype.itemsize
        self._unread |= bool(slab.damages)
        for damage in slab.damages:
            if any(_names(damage.message, name) for name in self._objects):
                continue  # said already, as a damaged object
            known = self._known.get(damage.message)
            if known is None or not self._merge(known, damage):
                self._add(damage)

    def _merge(self, known: Damage, damage: Damage) -> bool:
        """Make one of two damages with the same message; not where they lie apart."""
        if known.name != damage.name:
            if known.name == _REST:
                known.name, known.region, known.where = damage.name, damage.region, self._where(damage)
            return True
        if known.region is None or damage.region is None:
            return True
        pairs = list(zip(known.region, damage.region, strict=True))
        if any(max(a, c) > min(b, d) for (a, b), (c, d) in pairs):
            return False
        known.region = Region((min(a, c), max(b, d)) for (a, b), (c, d) in pairs)
        known.where = self._where(known)
        return True

    def totals(self) -> None:
        """Compare the number of traces with what the dataset says, where all could be read."""
        stated, found = self.volume.schema.metadata.trace_count, self.result.traces
        if stated > 0 and stated != found and not self._unread:
            self._add(Damage("live mask", None, f"{found} traces are live, the dataset says that it has {stated}"))

    def check(self, check: Check) -> None:
        found: list[Finding] = []
        problem = _problem(lambda: found.extend(check.load()(self.volume)))
        if problem is not None and not self._unread:
            found.append(Finding("error", f"the check failed: {problem}"))
        self.result.findings += [(check.name, finding) for finding in found]

    def _add(self, damage: Damage) -> None:
        self.result.damaged += 1
        if len(self.result.damages) < _KEPT:
            damage.where = self._where(damage)
            self.result.damages.append(damage)
            self._known[damage.message] = damage

    def _where(self, damage: Damage) -> str:
        return "" if damage.region is None else region_text(self.volume.schema.dims, damage.region)


def _names(message: str, name: str) -> bool:
    """Whether a message names an object, and not one whose name only begins or ends like it."""
    before, found, after = message.partition(name)
    return bool(found) and not before[-1:].isalnum() and not after[:1].isalnum()
