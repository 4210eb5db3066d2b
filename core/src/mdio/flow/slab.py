"""What one task of a run does, in whatever process: read a slab, measure it, store it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mdio.core.region import Region
from mdio.flow.statistics import Partial, measure

if TYPE_CHECKING:
    from mdio.core.volume import Sink, Volume

__all__ = ["Carried", "UnreadableError", "carry"]


class UnreadableError(Exception):
    """Marks errors of the source; the cause is the error."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A slab that is stored.

    Parameters
    ----------
    partial
        Its statistics.
    receipt
        What the sink says of it; None once that is in the journal.
    resumed
        Whether an earlier run had stored it.
    """

    partial: Partial
    receipt: Mapping[str, Any] | None
    resumed: bool

    def entry(self) -> dict[str, Any]:
        """Return what the journal keeps of it."""
        return {"stats": self.partial.to_json(), "receipt": self.receipt}


def carry(
    source: Volume,
    sink: Sink,
    region: Region,
    entry: Mapping[str, Any],
    allowed: Callable[[], None] | None = None,
) -> Carried:
    """Store a slab, unless an earlier run did and it is whole.

    Parameters
    ----------
    source, sink
        What is read and written.
    region
        The slab, without halo.
    entry
        What an earlier run journalled of it; empty for nothing.
    allowed
        Called last before anything is written; raises where that is no longer this process's business.

    Raises
    ------
    UnreadableError
        The source failed.
    """
    if "receipt" in entry and sink.recheck(region, entry["receipt"]):
        return Carried(Partial.from_json(entry["stats"]), entry["receipt"], True)
    outer = _with_halo(region, sink.halo, source.schema.region)
    try:
        block = source.read(outer)
    except Exception as error:
        if hasattr(sink, "left_out"):
            sink.left_out(region)
        raise UnreadableError from error
    partial = measure(block.samples[region.within(outer)], block.live[region.spatial.within(outer.spatial)])
    if region.start[-1]:
        partial = replace(partial, traces=0)  # counted with the first part of these traces
    if allowed is not None:
        allowed()
    return Carried(partial, sink.write(block), False)


def _with_halo(region: Region, halo: tuple[int, ...], whole: Region) -> Region:
    if not any(halo):
        return region
    pairs = zip(region, halo, strict=True)
    return Region((start - margin, stop + margin) for (start, stop), margin in pairs).intersect(whole)
