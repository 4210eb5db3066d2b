"""Where slabs are worked on: in threads of this process, or elsewhere; the loops above do not tell the difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from mdio.exceptions import RunError

if TYPE_CHECKING:
    from mdio.core.region import Region
    from mdio.core.volume import Sink
    from mdio.flow.slab import Carried

__all__ = ["ClusterError", "Elsewhere", "NotSharedError", "Pool", "Threads"]

T = TypeVar("T")


class ClusterError(RunError):
    """The machines that work on a run, or the way to them, failed: what is stored so far stays for a resume."""


class NotSharedError(RunError):
    """Other processes cannot take part in this work; the message says why."""


class Pool(Protocol[T]):
    """Works on slabs; what it does with one was settled when the pool was made."""

    @property
    def slots(self) -> int:
        """Slabs that are worked on at once; twice as many are worth handing over."""
        ...

    def submit(self, region: Region) -> Future[T]:
        """Hand over a slab."""
        ...

    def shutdown(self) -> None:
        """Drop what is not begun, and wait for what is."""
        ...


class Elsewhere(Protocol):
    """Processes that can carry the slabs of a run."""

    @property
    def slots(self) -> int:
        """Slabs that they work on at once, all together."""
        ...

    @property
    def threads(self) -> int:
        """Slabs that one of them works on at once: each has a budget of memory of its own."""
        ...

    def describe(self) -> str:
        """Say what works, for the report."""
        ...

    def begin(
        self, sink: Sink, header: Mapping[str, Any], finished: MutableMapping[Region, dict[str, Any]]
    ) -> Pool[Carried]:
        """Let them begin on a target.

        Parameters
        ----------
        sink
            Where blocks go; this process holds its lock and its journal.
        header
            Of the journal: what all of them must agree on.
        finished
            Journal entries of slabs that an earlier run stored; each is taken out when its turn comes.

        Raises
        ------
        NotSharedError
            The target, or the source, is out of their reach.
        """
        ...


class Threads(Generic[T]):
    """Threads of this process.

    Parameters
    ----------
    work
        Called with each slab.
    slots
        Threads that are of use.
    count
        Slabs there are: no more threads are made.
    name
        Of the threads.
    """

    def __init__(self, work: Callable[[Region], T], slots: int, count: int, name: str) -> None:
        self._work = work
        self.slots = slots
        self._pool = ThreadPoolExecutor(min(slots, max(1, count)), name)

    def submit(self, region: Region) -> Future[T]:
        """Hand over a slab."""
        return self._pool.submit(self._work, region)

    def shutdown(self) -> None:
        """Drop what is not begun, and wait for what is."""
        self._pool.shutdown(cancel_futures=True)
