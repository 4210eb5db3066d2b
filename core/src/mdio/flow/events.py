"""What a run tells while it goes: one stream for the progress bar, the log and observers of plugins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mdio.core.region import Region

__all__ = ["Event", "Observer", "Report", "RunFinished", "RunStarted", "RunStopped", "SlabDone", "Warned"]


@dataclass(frozen=True, slots=True)
class Report:
    """How a run went.

    Parameters
    ----------
    plan
        The plan as a mapping, see ``mdio.flow.plan.Plan.describe``.
    statistics
        What was measured, see ``mdio.flow.statistics.Partial.summary``; also handed to the sink.
    slabs
        Slabs of the plan.
    resumed
        Slabs that an earlier run had finished.
    skipped
        Slabs that could not be read, with the reason; only with ``on_error="skip"``.
    bytes
        Bytes of samples in the volume.
    seconds
        Wall-clock time from the plan to the end of the commit.
    """

    plan: Mapping[str, Any]
    statistics: Mapping[str, Any]
    slabs: int
    resumed: int
    skipped: tuple[tuple[Region, str], ...]
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins.

    Parameters
    ----------
    plan
        The plan as a mapping.
    slabs
        Number of slabs.
    bytes
        Bytes of samples in the volume.
    """

    plan: Mapping[str, Any]
    slabs: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SlabDone:
    """A slab is stored, or was found stored.

    Parameters
    ----------
    region
        The slab.
    bytes
        Its bytes of samples.
    traces
        Its live traces; 0 where they were counted with another part of the same traces.
    resumed
        Whether an earlier run had stored it.
    slabs_done, slabs, bytes_done, bytes_total, traces_done
        Sums so far, this slab included, and totals.
    """

    region: Region
    bytes: int
    traces: int
    resumed: bool
    slabs_done: int
    slabs: int
    bytes_done: int
    bytes_total: int
    traces_done: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something people should know; the run goes on."""

    message: str


@dataclass(frozen=True, slots=True)
class RunStopped:
    """The run ends early; the error is raised after this event."""

    message: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The target is complete."""

    report: Report


Event: TypeAlias = RunStarted | SlabDone | Warned | RunStopped | RunFinished
Observer: TypeAlias = Callable[[Event], None]
