"""The one loop: every import, export, copy and rechunk carries slabs from a volume to a sink here."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TYPE_CHECKING, Any

from mdio.core.places import region_text
from mdio.core.region import Region
from mdio.core.volume import Creation
from mdio.exceptions import CancelledError, ConfigError, JournalMismatchError, MDIOError, ShapeError, SlabError
from mdio.flow.events import Event, Observer, Report, RunFinished, RunStarted, RunStopped, SlabDone, Warned
from mdio.flow.plan import DEFAULT_MEMORY, Plan, make_plan
from mdio.flow.pools import ClusterError, NotSharedError, Threads
from mdio.flow.slab import Carried, UnreadableError, carry
from mdio.flow.statistics import Partial, measure
from mdio.flow.turns import EarlierSlabError

if TYPE_CHECKING:
    from mdio.core.volume import Schema, Sink, Volume
    from mdio.flow.pools import Elsewhere, Pool

__all__ = ["CancelToken", "available_cores", "plan_for", "run"]

_PROBES = 16  # strips of traces looked at to guess the value range of floats


class CancelToken:
    """Asks a run to stop between slabs; may be pulled from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask for the stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the stop was asked for."""
        return self._event.is_set()


def available_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def plan_for(
    source: Volume,
    sink: Sink,
    *,
    workers: int | None = None,
    memory: int | None = None,
    slab: tuple[int, ...] | None = None,
) -> Plan:
    """Return the plan that :func:`run` follows for this pair, for ``--dry-run``."""
    schema = source.schema
    return make_plan(
        schema.shape,
        schema.dtype.itemsize,
        schema.headers.itemsize,
        schema.chunks,
        sink.chunks,
        sink.halo,
        DEFAULT_MEMORY if memory is None else memory,
        available_cores() if workers is None else workers,
        slab,
    )


def run(
    source: Volume,
    sink: Sink,
    *,
    workers: int | None = None,
    memory: int | None = None,
    observers: Iterable[Observer] = (),
    cancel: CancelToken | None = None,
    on_error: str = "stop",
    elsewhere: Elsewhere | None = None,
) -> Report:
    """Fill a sink from a volume and commit it.

    A run goes on by itself where the sink's journal has finished slabs. However it ends early, running slabs end
    first, and the sink is closed but not aborted: whether the work so far is kept is the caller's choice.

    Parameters
    ----------
    source
        What is read.
    sink
        What is written; its ``commit`` is called last and removes the journal.
    workers
        Slabs worked on at once; all cores of the process, or all threads elsewhere, by default.
    memory
        Budget in bytes for slabs, 512 MiB by default; of each process.
    observers
        Called with each event, from the calling thread. One that fails is dropped with a warning.
    cancel
        Token that stops the run between slabs.
    on_error
        What a slab that cannot be *read* does: ``"stop"`` the run, or ``"skip"`` leaves it out of the target, and the
        report names it. A slab that cannot be written always stops the run.
    elsewhere
        Other processes that carry the slabs. Where they cannot, the threads of this one do, with a warning.

    Raises
    ------
    ConfigError
        ``on_error`` is neither of the two.
    SlabError
        A slab failed; region and cause are in the message.
    CancelledError
        Stopped by ``cancel`` or Ctrl-C.
    ClusterError
        The processes elsewhere were lost; a resume goes on.
    JournalMismatchError
        The sink's journal belongs to another source, or other options.
    """
    if on_error not in ("stop", "skip"):
        raise ConfigError(f"{on_error!r} is neither 'stop' nor 'skip'", path="on_error")
    return _Run(
        source, sink, workers, memory, observers, cancel or CancelToken(), on_error == "skip", elsewhere
    ).execute()


class _Run:
    def __init__(
        self,
        source: Volume,
        sink: Sink,
        workers: int | None,
        memory: int | None,
        observers: Iterable[Observer],
        cancel: CancelToken,
        skip: bool,
        elsewhere: Elsewhere | None,
    ) -> None:
        self.source = source
        self.sink = sink
        self.elsewhere = elsewhere
        # Each process elsewhere plans as if it were alone, so that the slabs are those of a local run.
        threads = available_cores() if elsewhere is None else elsewhere.threads
        self.workers = max(1, threads if workers is None else workers if elsewhere is None else min(workers, threads))
        self.memory = memory
        self.executor = ""
        self.observers = list(observers)
        self.cancel = cancel
        self.skip = skip
        self.schema: Schema = source.schema
        self.finished: dict[Region, dict[str, Any]] = {}
        self.total = Partial()
        self.waiting: dict[int, Partial] = {}
        self.merged = self.done = self.resumed = self.bytes_done = 0
        self.skipped: list[tuple[Region, str]] = []

    def execute(self) -> Report:
        try:
            return self._execute()
        except BaseException as error:
            self._tell(RunStopped(str(error) or type(error).__name__))
            for part in (self.sink.journal, self.sink):
                with contextlib.suppress(OSError):  # the error that ends the run matters, not what follows from it
                    part.close()
            raise

    def _execute(self) -> Report:
        begun = time.monotonic()
        self.plan = self._begin()
        self.bytes_total = self.schema.region.size * self.schema.dtype.itemsize
        self._tell(RunStarted(self._described(), self.plan.count, self.bytes_total))
        if hasattr(self.sink, "expect"):
            self.sink.expect(self.plan.regions)
        if not self.plan.fits:
            self._tell(Warned(self.plan.describe()["notes"][0]))
        self._carry()
        summary = self.total.summary()
        self.sink.commit(summary)
        report = Report(
            plan=self._described(),
            statistics=summary,
            slabs=self.plan.count,
            resumed=self.resumed,
            skipped=tuple(self.skipped),
            bytes=self.bytes_total,
            seconds=time.monotonic() - begun,
        )
        self._tell(RunFinished(report))
        return report

    def _described(self) -> Mapping[str, Any]:
        return {**self.plan.describe(), **({"executor": self.executor} if self.executor else {})}

    def _begin(self) -> Plan:
        """Settle plan and value range; a journalled run keeps its own, so that a resume gives the same bytes."""
        journal, creation = self.sink.journal, getattr(self.sink, "creation", Creation())
        begun = journal.header
        plan = plan_for(self.source, self.sink, workers=self.workers, memory=self.memory)
        header: dict[str, Any] = {
            "fingerprint": creation.fingerprint,
            "created": creation.created,
            "slab": plan.slab,
        }
        wants_range = "value_range" in self.sink.needs and hasattr(self.sink, "value_range")
        if wants_range and begun is None:
            header["value_range"] = _value_range(self.source, plan)
        header = journal.begin(header)
        self.finished = journal.finished() if begun is not None else {}
        if wants_range:
            low, high = header["value_range"]
            self.sink.value_range((low, high))  # type: ignore[attr-defined]
        if tuple(header["slab"]) == plan.slab:
            return plan
        try:
            return plan_for(
                self.source, self.sink, workers=self.workers, memory=self.memory, slab=tuple(header["slab"])
            )
        except ShapeError as error:
            raise JournalMismatchError(
                f"the unfinished target was begun with other chunks: {error.message}",
                hint="resume with the same source and options, or start anew with --overwrite",
            ) from error

    def _pool(self) -> Pool[Carried]:
        """Return what carries the slabs."""
        if self.elsewhere is not None:
            try:
                pool = self.elsewhere.begin(self.sink, self.sink.journal.header or {}, self.finished)
                self.executor = self.elsewhere.describe()
                return pool
            except NotSharedError as reason:
                self.executor = f"threads of this process: {reason.message}"
                self._tell(Warned(f"the threads of this process do the work, not the cluster: {reason.message}"))
                self.workers = min(self.workers, available_cores())
        return Threads(self._slab, self.workers, self.plan.count, "mdio-slab")

    def _carry(self) -> None:
        """Keep a small window of slabs in the pool until all are through."""
        slabs = enumerate(self.plan.regions)
        running: dict[Future[Carried], tuple[int, Region]] = {}
        pool = self._pool()
        try:
            while not self.cancel.cancelled:
                for index, region in islice(slabs, max(0, 2 * pool.slots - len(running))):
                    running[pool.submit(region)] = index, region
                if not running:
                    return
                done = wait(running, return_when=FIRST_COMPLETED).done
                for future in sorted(done, key=running.__getitem__):  # those that ended together are told in order
                    place = running.pop(future)
                    if running and isinstance(future.exception(), EarlierSlabError):
                        continue  # the slab that it waited for is still to say why
                    self._settle(future, *place)
        except KeyboardInterrupt:
            self.cancel.cancel()
        finally:
            pool.shutdown()
        for future, place in running.items():
            if not future.cancelled():
                self._settle(future, *place)
        if self.done < self.plan.count:
            raise CancelledError(
                f"stopped after {self.done} of {self.plan.count} slabs", hint="--resume goes on from here"
            )

    def _slab(self, region: Region) -> Carried:
        """Carry and record one slab; runs in a thread."""
        carried = carry(self.source, self.sink, region, self.finished.pop(region, {}))
        if not carried.resumed:
            self.sink.journal.record(region, carried.entry())
        return Carried(carried.partial, None, carried.resumed)

    def _take(self, region: Region, carried: Carried) -> None:
        """Record a slab that another process stored."""
        if hasattr(self.sink, "take"):
            self.sink.take(region, carried.receipt)
        if not carried.resumed:
            self.sink.journal.record(region, carried.entry())

    def _settle(self, future: Future[Carried], index: int, region: Region) -> None:
        """Count what a worker did; runs in the calling thread."""
        error = future.exception()
        resumed = False
        if error is None:
            carried = future.result()
            partial, resumed = carried.partial, carried.resumed
            if carried.receipt is not None:
                self._take(region, carried)
        elif isinstance(error, ClusterError):
            raise error
        else:
            unreadable = isinstance(error, UnreadableError)
            cause = error.__cause__ if unreadable and error.__cause__ is not None else error
            what = cause.message if isinstance(cause, MDIOError) else str(cause)
            message = f"{region_text(self.schema.dims, region)}: {what or type(cause).__name__}"
            if not (self.skip and unreadable):
                raise SlabError(message, region=region, cause=cause) from cause
            partial = Partial()
            self.sink.journal.record(region, {"error": message})
            self.skipped.append((region, message))
            self._tell(Warned(f"left out {message}"))
        self._merge(index, partial)
        size = region.size * self.schema.dtype.itemsize
        self.done += 1
        self.resumed += resumed
        self.bytes_done += size
        self._tell(
            SlabDone(
                region=region,
                bytes=size,
                traces=partial.traces,
                resumed=resumed,
                slabs_done=self.done,
                slabs=self.plan.count,
                bytes_done=self.bytes_done,
                bytes_total=self.bytes_total,
                traces_done=self.total.traces + sum(late.traces for late in self.waiting.values()),
            )
        )

    def _merge(self, index: int, partial: Partial) -> None:
        """Merge in plan order, whatever order slabs finish in: the same input gives the same last digits."""
        self.waiting[index] = partial
        while self.merged in self.waiting:
            self.total = self.total.merge(self.waiting.pop(self.merged))
            self.merged += 1

    def _tell(self, event: Event) -> None:
        for observer in list(self.observers):
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 - an observer is a guest: it must not end a run of days
                self.observers.remove(observer)
                name = getattr(observer, "__qualname__", type(observer).__qualname__)
                self._tell(Warned(f"observer {name} failed and is not called again: {type(error).__name__}: {error}"))


def _value_range(source: Volume, plan: Plan) -> tuple[float, float]:
    """Return the extremes of the samples: exact for integers, from strips of traces for floats."""
    schema = source.schema
    known = (schema.metadata.statistics or {}).get("honest")
    exact = schema.dtype.kind not in "fc"
    if known and not exact:
        return float(known["min"]), float(known["max"])
    total = Partial()
    for region in plan.regions if exact else _strips(plan):
        total = total.merge(measure(source.samples(region), source.live(region.spatial)))
    honest = total.summary()["honest"]
    return honest["min"], honest["max"]


def _strips(plan: Plan) -> Iterator[Region]:
    """Yield thin regions spread over the volume: the middle line of some slabs, all samples."""
    regions = plan.regions
    step = max(1, -(-len(regions) // _PROBES))
    for index in range(step // 2, len(regions), step):
        region = regions[index]
        lines = [((start + stop) // 2, (start + stop) // 2 + 1) for start, stop in region[:-2]]
        yield Region([*lines, *region[-2:]])
