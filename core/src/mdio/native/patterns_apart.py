"""Adds access patterns with a Dask cluster: each task reads a slab and writes the whole objects in it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mdio.core.region import Region
from mdio.flow.cluster import ClusterPool, new_token, threads_of
from mdio.flow.lease import Lease, LeaseCheck, revoke
from mdio.flow.pools import NotSharedError
from mdio.flow.rechunking import Pass, RechunkPlan, plan_apart
from mdio.flow.working import require_wanted
from mdio.native.opening import open_dataset
from mdio.native.patterns import ADDING, AddPatterns, NewPattern
from mdio.native.rechunking import Rechunking
from mdio.storage.staging import StagedTree

if TYPE_CHECKING:
    from mdio.flow.telling import Telling
    from mdio.native.dataset import Dataset
    from mdio.storage.store import Store

__all__ = ["AddPatternsApart"]

_OFTEN = 0.5
"""Seconds between two looks at whether the run goes on."""

P = ParamSpec("P")
T = TypeVar("T")


class AddPatternsApart(AddPatterns):
    """As :class:`~mdio.native.patterns.AddPatterns`; the slabs are worked on by a cluster.

    There is no temporary file there, so that source chunks are read more often where the memory of a worker does not
    hold a slab of all patterns.

    Parameters
    ----------
    dataset, source, wanted
        See there.
    client
        Of the scheduler.
    overwrite
        See there.
    memory
        Budget in bytes of each worker process.
    workers
        Slabs at once; None for as many as the workers have threads.

    Raises
    ------
    NotSharedError
        The dataset is in the memory of this process.
    ClusterError
        There are no workers.
    """

    def __init__(
        self,
        dataset: Dataset,
        source: str,
        wanted: Sequence[NewPattern],
        *,
        client: Any,
        overwrite: bool = False,
        memory: int | None = None,
        workers: int | None = None,
    ) -> None:
        super().__init__(dataset, source, wanted, overwrite=overwrite, memory=memory, workers=1)
        if "memory:" in dataset.store.url:
            raise NotSharedError(f"{dataset.store.url} is in the memory of this process")
        self._client, self._slots = client, workers
        most = max(threads_of(client).values())
        self.plan = _apart(self.plan, most)
        if self.header_plan is not None:
            self.header_plan = _apart(self.header_plan, most)
        self._slabs = sum(plan.slabs for plan in self._plans)

    def _carry(self, trees: Mapping[str, StagedTree], progress: Telling) -> None:  # noqa: ARG002 - workers have theirs
        """Write all objects, samples first: what a codec refuses shows early."""
        store, token = self.dataset.store, new_token()
        revoke(store, ADDING)
        work = _PatternWork(store, self._source, self.wanted, tuple(self._plans), token)
        lease = Lease(store, token, ADDING)
        now = (0, 0)  # a slab is known by its region: one pass after the other
        try:
            pool: ClusterPool[int] = ClusterPool(
                self._client, work, arguments=lambda region: (*now, region), lease=lease, slots=self._slots
            )
        except BaseException:
            lease.end()
            raise
        try:
            for at, plan in enumerate(self._plans):
                for number, step in enumerate(plan.passes):
                    now = at, number
                    _all(pool, plan.walk(step, Region.whole(plan.shape)), progress.done)
        finally:
            pool.shutdown()


def _all(pool: ClusterPool[int], regions: Iterator[Region], done: Callable[[Region, int], None]) -> None:
    """Hand over all slabs, not too many at once; the first error ends it."""
    running: dict[Future[int], Region] = {}
    while True:
        for region in itertools.islice(regions, max(0, 2 * pool.slots - len(running))):
            running[pool.submit(region)] = region
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            done(running.pop(future), future.result())


def _apart(plan: RechunkPlan, threads: int) -> RechunkPlan:
    """Return a plan for the same arrays whose slabs share nothing; ``threads`` of them are in one process."""
    return plan_apart(plan.shape, plan.itemsize, plan.chunks, plan.targets, plan.memory // threads)


# -- the workers' side -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PatternWork:
    """What a worker needs to write slabs of new access patterns.

    Parameters
    ----------
    store
        The dataset: a root and options, nothing that is open.
    source, wanted
        What is read and made.
    plans
        For the samples and, where there are any, the headers.
    token
        Tells the run from others.
    """

    store: Store = field(repr=False)
    source: str
    wanted: tuple[NewPattern, ...]
    plans: tuple[RechunkPlan, ...]
    token: str

    def begin(self) -> _Writing:
        """Open the dataset.

        Raises
        ------
        LeaseLostError
            The run is over, or the dataset is not where this machine looks.
        """
        check = LeaseCheck(self.store, self.token, ADDING)
        check.require()
        return _Writing(self.plans, _Parts(open_dataset(self.store), self.source, self.wanted, overwrite=True), check)


class _Parts(AddPatterns):
    """Reads and writes pieces of patterns that another process adds."""

    def rechunking(self, plan: RechunkPlan, at: int) -> Rechunking:
        """Return what carries out a plan, that of the samples (0) or that of the headers."""
        store = self.dataset.store
        paths = [spec.path for pair in self._new if (spec := pair[at]) is not None]
        return self._rechunking(plan, at, {path: StagedTree(store.join(path)) for path in paths})


@dataclass(frozen=True)
class _Writing:
    plans: tuple[RechunkPlan, ...]
    parts: _Parts
    check: LeaseCheck

    def __call__(self, at: int, step: int, region: Region) -> int:
        """Write the objects of a slab; return their decoded bytes."""
        plan = self.plans[at]
        one = _OneSlab(
            plan.shape,
            plan.itemsize,
            plan.chunks,
            plan.targets,
            plan.tile,
            (plan.passes[step],),
            plan.memory,
            1,
            plan.fits,
            region,
        )
        written: list[int] = []
        self._require()
        self.parts.rechunking(one, at).run(_Here(self._require), lambda _, size: written.append(size))
        return sum(written)

    def _require(self) -> None:
        require_wanted()
        self.check.require()

    def close(self) -> None:
        """Nothing is open between slabs."""


@dataclass(frozen=True, slots=True)
class _OneSlab(RechunkPlan):
    """A plan of which one slab is carried out."""

    region: Region

    def walk(self, step: Pass, tile: Region) -> Iterator[Region]:  # noqa: ARG002 - see the class
        """Yield the slab."""
        yield self.region


class _Here(Executor):
    """Does everything at once in the thread that asks: a worker's threads have a slab each."""

    def __init__(self, allowed: Callable[[], None]) -> None:
        self._allowed = allowed
        self._asked = 0.0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Return what the function returned."""
        future: Future[T] = Future()
        now = time.monotonic()
        if now - self._asked > _OFTEN:
            self._allowed()
            self._asked = now
        future.set_result(fn(*args, **kwargs))
        return future
