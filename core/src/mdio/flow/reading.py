"""Looks at a volume with the processes of a Dask cluster: nothing is written, so that nobody needs leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mdio.flow.cluster import ClusterPool, new_token, threads_of
from mdio.flow.working import require_wanted

if TYPE_CHECKING:
    from mdio.core.region import Region
    from mdio.core.volume import Volume

__all__ = ["ReadingPool", "reading_pool"]

T = TypeVar("T")


class ReadingPool(ClusterPool[T]):
    """A pool that looks at slabs; ``threads`` is the number of those that one process looks at."""

    threads = 1


def reading_pool(
    client: Any,
    open_volume: Callable[[], Volume],
    look: Callable[[Volume], Callable[[Region], T]],
    *,
    slots: int | None = None,
) -> ReadingPool[T]:
    """Return a pool that looks at a volume.

    Parameters
    ----------
    client
        Of the scheduler.
    open_volume
        Opens the volume, in each worker; picklable.
    look
        Returns what is called with each slab, given the volume; picklable.
    slots
        Slabs at once; None for as many as the workers have threads.

    Raises
    ------
    NotSharedError
        One of the two cannot be pickled.
    ClusterError
        There are no workers.
    """
    threads = threads_of(client)
    pool: ReadingPool[T] = ReadingPool(client, _ReadingWork(open_volume, look, new_token()), slots=slots)
    pool.threads = max(threads.values())
    return pool


@dataclass(frozen=True)
class _ReadingWork:
    open_volume: Callable[[], Volume] = field(repr=False)
    look: Callable[[Volume], Callable[[Region], Any]]
    token: str

    def begin(self) -> _Looking[Any]:
        volume = self.open_volume()
        return _Looking(volume, self.look(volume))


@dataclass(frozen=True)
class _Looking(Generic[T]):
    volume: Volume
    look: Callable[[Region], T]

    def __call__(self, region: Region) -> T:
        require_wanted()
        return self.look(region)

    def close(self) -> None:
        self.volume.close()
