"""Looks at a whole volume slab by slab, in threads and in bounded memory, and hands the results over in plan order.

Comparing, measuring and verifying write nothing; what they share with a run is the plan and the events.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from mdio.core.region import Region
from mdio.flow.engine import available_cores
from mdio.flow.events import Event, Observer, Report, RunFinished, RunStarted, RunStopped, SlabDone, Warned
from mdio.flow.plan import DEFAULT_MEMORY, Plan, make_plan
from mdio.flow.pools import Threads

if TYPE_CHECKING:
    from mdio.core.volume import Schema
    from mdio.flow.pools import Pool

__all__ = ["plan_walk", "walk"]

T = TypeVar("T")


def plan_walk(schemas: Sequence[Schema], workers: int | None = None, memory: int | None = None) -> Plan:
    """Return how volumes of one shape are walked together: by whole chunks of all, as far as memory allows.

    Parameters
    ----------
    schemas
        Of the volumes; at least one.
    workers
        Slabs in memory at once; all cores by default.
    memory
        Budget in bytes, 512 MiB by default.
    """
    shape = schemas[0].shape
    chunks = list(zip(*(schema.chunks for schema in schemas), strict=True))
    longest = [max(lengths) for lengths in chunks]
    common = [math.lcm(*lengths) for lengths in chunks]
    common = [most if of_all > 4 * most else of_all for of_all, most in zip(common, longest, strict=True)]
    # Whole chunks of all volumes, so that none is decoded twice; of the coarser one; or, where these are too large
    # for the budget, whatever fits.
    for units in (common, longest, [1] * len(shape)):
        plan = make_plan(
            shape,
            sum(schema.dtype.itemsize for schema in schemas) + len(schemas),  # and a mask
            sum(schema.headers.itemsize for schema in schemas),
            longest,
            units,
            [0] * len(shape),
            DEFAULT_MEMORY if memory is None else memory,
            available_cores() if workers is None else workers,
        )
        if plan.fits:
            break
    return plan


def walk(
    plan: Plan,
    look: Callable[[Region], T],
    itemsize: int,
    observers: Iterable[Observer] = (),
    pool: Pool[T] | None = None,
) -> Iterator[tuple[Region, T]]:
    """Yield each slab of a plan and what ``look`` returned for it, in plan order.

    The results of at most two slabs a worker wait for their turn, hence they should be small. Closing the iterator
    early, or an error, ends the running slabs first.

    Parameters
    ----------
    plan
        From :func:`plan_walk`.
    look
        Called with a region, in a worker thread; the first exception ends the walk.
    itemsize
        Bytes of a sample, for the progress.
    observers
        Called with the events of a run, from the calling thread; one that fails is dropped with a warning.
    pool
        Looks in place of ``look``, in other processes; it is shut down at the end.
    """
    begun, total = time.monotonic(), math.prod(plan.shape) * itemsize
    audience = _Audience(observers)
    audience.tell(RunStarted(plan.describe(), plan.count, total))
    done = bytes_done = 0
    try:
        with closing(_ordered(plan, pool or Threads(look, plan.workers, plan.count, "mdio-walk"))) as results:
            for region, result in results:
                yield region, result
                done, bytes_done = done + 1, bytes_done + region.size * itemsize
                audience.tell(
                    SlabDone(
                        region=region,
                        bytes=region.size * itemsize,
                        traces=0,
                        resumed=False,
                        slabs_done=done,
                        slabs=plan.count,
                        bytes_done=bytes_done,
                        bytes_total=total,
                        traces_done=0,
                    )
                )
    except BaseException as error:
        audience.tell(RunStopped(str(error) or type(error).__name__))
        raise
    report = Report(
        plan=plan.describe(),
        statistics={},
        slabs=plan.count,
        resumed=0,
        skipped=(),
        bytes=total,
        seconds=time.monotonic() - begun,
    )
    audience.tell(RunFinished(report))


def _ordered(plan: Plan, pool: Pool[T]) -> Generator[tuple[Region, T], None, None]:
    """Keep a small window of slabs in the pool; yield in plan order."""
    regions = iter(plan.regions)
    running: deque[tuple[Region, Future[T]]] = deque()
    try:
        while True:
            for region in islice(regions, max(0, 2 * pool.slots - len(running))):
                running.append((region, pool.submit(region)))
            if not running:
                return
            region, future = running.popleft()
            yield region, future.result()
    finally:
        pool.shutdown()


class _Audience:
    """Observers are guests: one that fails must not end a walk of hours."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self.observers = list(observers)

    def tell(self, event: Event) -> None:
        for observer in list(self.observers):
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 - see the class
                self.observers.remove(observer)
                name: Any = getattr(observer, "__qualname__", type(observer).__qualname__)
                self.tell(Warned(f"observer {name} failed and is not called again: {type(error).__name__}: {error}"))
