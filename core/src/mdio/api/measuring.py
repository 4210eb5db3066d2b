"""Statistics and histogram of the samples of a volume of any format, from one pass each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import ConfigError
from mdio.flow.statistics import Partial, measure
from mdio.flow.walk import plan_walk, walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.core.volume import Volume
    from mdio.flow.events import Observer

__all__ = ["Histogram", "histogram", "measure_volume", "stored_statistics"]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many samples of live traces lie where.

    Parameters
    ----------
    counts
        int64, one a bin.
    edges
        float64, one more: bin ``k`` holds ``edges[k] <= sample < edges[k + 1]``, the last one both ends.
    outside
        Finite samples below the first edge or above the last one.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    outside: int = 0


def stored_statistics(volume: Volume) -> Mapping[str, Any] | None:
    """Return the statistics that a volume brings along, as ``mdio.flow.statistics.Partial.summary`` names them.

    None where there are none, or where what is stored says that samples changed since (``stale``). Datasets of
    others have only the numbers of MDIO v0, without ``honest``.
    """
    known = volume.schema.metadata.statistics
    if not known or known.get("stale") or not any(key in known for key in ("mean", "honest")):
        return None
    return known


def measure_volume(
    volume: Volume, *, workers: int | None = None, memory: int | None = None, observers: Iterable[Observer] = ()
) -> Partial:
    """Return the statistics of all samples of live traces; the same digits whatever the number of workers.

    Parameters
    ----------
    volume
        Of any format.
    workers, memory
        Threads, and bytes that slabs may take.
    observers
        Called with the events of the pass.
    """

    def look(region: Region) -> Partial:
        partial = measure(volume.samples(region), volume.live(region.spatial))
        # Traces are counted with their first part.
        return replace(partial, traces=0) if region.start[-1] else partial

    total = Partial()
    plan = plan_walk([volume.schema], workers, memory)
    for _, partial in walk(plan, look, volume.schema.dtype.itemsize, observers):
        total = total.merge(partial)
    return total


def histogram(
    volume: Volume,
    low: float,
    high: float,
    bins: int = 50,
    *,
    workers: int | None = None,
    memory: int | None = None,
    observers: Iterable[Observer] = (),
) -> Histogram:
    """Count the finite samples of live traces in bins of equal width.

    Parameters
    ----------
    volume
        Of any format.
    low, high
        First and last edge, e.g. the extremes of :func:`measure_volume`.
    bins
        Their number.
    workers, memory, observers
        As for :func:`measure_volume`.

    Raises
    ------
    ConfigError
        No bins, or the edges are not finite or in the wrong order.
    """
    if bins < 1 or not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ConfigError(f"a histogram of {bins} bins between {low} and {high} is not possible")
    edges = np.histogram_bin_edges(np.empty(0), bins, (float(low), float(high)))

    def look(region: Region) -> tuple[NDArray[np.int64], int]:
        samples, live = volume.samples(region), volume.live(region.spatial)
        kept = samples.reshape(-1) if live.all() else samples[live].reshape(-1)
        if kept.dtype.kind == "f" and not (finite := np.isfinite(kept)).all():
            kept = kept[finite]
        counts, _ = np.histogram(kept, bins, (float(edges[0]), float(edges[-1])))
        return counts.astype(np.int64), kept.size

    counts, size = np.zeros(bins, dtype=np.int64), 0
    plan = plan_walk([volume.schema], workers, memory)
    for _, (part, number) in walk(plan, look, volume.schema.dtype.itemsize, observers):
        counts += part
        size += number
    return Histogram(counts, edges, size - int(counts.sum()))
