"""Carries the slabs of a run with a Dask cluster: what its workers open, and what is asked before they write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mdio.core.volume import Creation, Sink, Volume
from mdio.flow.cluster import ClusterPool, new_token, threads_of
from mdio.flow.joining import Joining
from mdio.flow.lease import Lease, LeaseCheck
from mdio.flow.pools import ClusterError, NotSharedError
from mdio.flow.slab import Carried, carry
from mdio.flow.working import require_wanted

if TYPE_CHECKING:
    from mdio.core.region import Region
    from mdio.storage.store import Store

__all__ = ["OnCluster", "SlabWork", "Way"]


@dataclass(frozen=True)
class Way:
    """How source and target are opened; pickled, so the callables are functions and methods of plain data.

    Parameters
    ----------
    source
        Opens the source.
    sink
        Begins the target like a volume.
    store
        Returns the store of the target.
    local
        What only this process can reach: names of stores in its memory; empty where there is none.
    """

    source: Callable[[], Volume] = field(repr=False)
    sink: Callable[[Volume, Creation], Sink] = field(repr=False)
    store: Callable[[], Store] = field(repr=False)
    local: str = ""


@dataclass(frozen=True)
class SlabWork:
    """What a worker needs to carry slabs of a run.

    Parameters
    ----------
    way
        To source and target.
    header
        Of the run's journal.
    identity
        What tells the source from others, as the driver sees it.
    token
        Tells the run from others.
    """

    way: Way
    header: Mapping[str, Any]
    identity: Mapping[str, Any]
    token: str

    def begin(self) -> _Carrying:
        """Open source and target.

        Raises
        ------
        LeaseLostError
            The run is over, or the target is not where this machine looks.
        ClusterError
            This machine sees another source under the same name.
        """
        check = LeaseCheck(self.way.store(), self.token)
        check.require()
        volume = self.way.source()
        try:
            _require_same(volume, self.identity)
            sink = self.way.sink(volume, Joining(resume=True, header=self.header))
            if "value_range" in self.header and hasattr(sink, "value_range"):
                low, high = self.header["value_range"]
                sink.value_range((low, high))
        except BaseException:
            volume.close()
            raise
        return _Carrying(volume, sink, check)


@dataclass(frozen=True)
class _Carrying:
    volume: Volume
    sink: Sink
    check: LeaseCheck

    def __call__(self, region: Region, entry: Mapping[str, Any]) -> Carried:
        self._require()
        return carry(self.volume, self.sink, region, entry, self._require)

    def _require(self) -> None:
        require_wanted()
        self.check.require()

    def close(self) -> None:
        self.sink.close()
        self.volume.close()


def _require_same(volume: Volume, identity: Mapping[str, Any]) -> None:
    found = _told(volume)
    for key in sorted(found.keys() | identity.keys()):
        if found.get(key) != identity.get(key):
            raise ClusterError(
                f"a worker sees another source under this name: {key} is {found.get(key)!r}, not {identity.get(key)!r}",
                hint="all machines must see the same files",
            )


def _told(volume: Volume) -> dict[str, Any]:
    """Return what tells a source from others besides its name, which machines may spell differently."""
    import json

    identity = {key: value for key, value in volume.schema.metadata.identity.items() if key != "url"}
    told: dict[str, Any] = json.loads(json.dumps({**identity, "shape": volume.schema.shape}, default=str))
    return told


class OnCluster:
    """A cluster that carries the slabs of a run; see :class:`mdio.flow.pools.Elsewhere`.

    Parameters
    ----------
    client
        Of its scheduler.
    way
        To source and target, from any of its machines.
    source
        The source as this process has opened it.
    workers
        Slabs at once; None for as many as there are threads.

    Raises
    ------
    ClusterError
        There are no workers.
    """

    def __init__(self, client: Any, way: Way, source: Volume, workers: int | None = None) -> None:
        self._client, self._way, self._source, self._workers = client, way, source, workers
        threads = threads_of(client)
        self.slots = sum(threads.values())
        self.threads = max(threads.values())
        self._processes = len(threads)

    def describe(self) -> str:
        """Say what works, for the report."""
        return f"Dask: {self._processes} workers with {self.slots} threads"

    def begin(
        self, sink: Sink, header: Mapping[str, Any], finished: MutableMapping[Region, dict[str, Any]]
    ) -> ClusterPool[Carried]:
        """Let the workers begin on a target.

        Raises
        ------
        NotSharedError
            The target, or the source, is out of their reach.
        """
        if self._way.local:
            raise NotSharedError(f"{self._way.local} is in the memory of this process")
        share: Callable[[], None] | None = getattr(sink, "share", None)
        if share is None:
            raise NotSharedError("this kind of target is written by one process only")
        share()
        work = SlabWork(self._way, dict(header), _told(self._source), new_token())
        lease = Lease(self._way.store(), work.token)
        try:
            return ClusterPool(
                self._client,
                work,
                arguments=lambda region: (region, finished.pop(region, {})),
                lease=lease,
                slots=self._workers,
            )
        except BaseException:
            lease.end()
            raise
