"""Slabs that end in any order, stored one behind the other: the same input gives the same bytes.

A sink that appends to one file asks for the turn of its slab. Slabs are handed out in order, so that the one whose
turn it is always runs already, and those behind it wait in their workers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mdio.exceptions import RunError

if TYPE_CHECKING:
    from mdio.core.region import Region

__all__ = ["EarlierSlabError", "Turns"]


class EarlierSlabError(RunError):
    """A slab waits for one that failed; the error of that one says why."""


class Turns:
    """Who may append, and where.

    Parameters
    ----------
    regions
        All slabs in the order of the plan.
    start
        Position of the first one.
    """

    def __init__(self, regions: Sequence[Region], start: int) -> None:
        self._place = {region: at for at, region in enumerate(regions)}
        self._ends: dict[int, int] = {-1: start}
        self._ready = threading.Condition()
        self._failed = False

    @contextmanager
    def of(self, region: Region) -> Iterator[Turn]:
        """Wait until all slabs before this one are through, and give the position behind them.

        Raises
        ------
        EarlierSlabError
            A slab before this one failed for good.
        """
        at = self._place[region]
        with self._ready:
            self._ready.wait_for(lambda: self._failed or at - 1 in self._ends)
            if self._failed:
                raise EarlierSlabError("a slab before this one could not be stored")
            turn = Turn(self._ends[at - 1])
        try:
            yield turn
        except BaseException:
            with self._ready:
                self._failed = True
                self._ready.notify_all()
            raise
        self.passed(region, turn.end)

    def passed(self, region: Region, end: int) -> None:
        """Say where a slab ends that was stored, by an earlier run perhaps."""
        at = self._place[region]
        with self._ready:
            self._ends[at] = end
            self._forget(at)
            self._ready.notify_all()

    def left_out(self, region: Region) -> None:
        """Let those behind a slab go on that is never stored: it could not be read."""
        at = self._place[region]
        with self._ready:
            self._ready.wait_for(lambda: self._failed or at - 1 in self._ends)
            if not self._failed:
                self._ends[at] = self._ends[at - 1]
            self._ready.notify_all()

    def _forget(self, at: int) -> None:
        """Keep the ends that somebody may still ask for: nobody asks for those two slabs back."""
        if at - 2 in self._ends and at - 1 in self._ends:
            del self._ends[at - 2]

    @property
    def end(self) -> int:
        """Position behind the last slab, when all are through."""
        return self._ends[len(self._place) - 1]


class Turn:
    """The place of one slab: ``start``, and ``end``, which who stores it moves on."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
