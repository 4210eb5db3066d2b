"""Where the chunks of a slab go in a single file: behind those of the slabs before it, in any order of completion.

A run that goes on finds slabs that an earlier one stored. They count only where they follow on what is before them now:
a slab that could not be read the first time, and can be now, moves all behind it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

from mdio.flow.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdio.core.region import Region
    from mdio.flow.turns import Turn

__all__ = ["Places"]


class Places:
    """Hands out places to slabs.

    Parameters
    ----------
    regions
        All slabs in the order of the plan.
    start
        Place of the first one, in bytes.
    """

    def __init__(self, regions: Sequence[Region], start: int) -> None:
        self._turns = Turns(regions, start)
        self._regions = {region.start: region for region in regions}
        self._held: dict[Region, tuple[AbstractContextManager[Turn], Turn]] = {}
        self._lock = threading.Lock()

    def region(self, start: tuple[int, ...]) -> Region:
        """Return the slab that begins at a position."""
        return self._regions[start]

    @contextmanager
    def of(self, region: Region) -> Iterator[Turn]:
        """Give the place of a slab when its turn comes; who stores it moves the end of the turn on."""
        with self._lock:
            held = self._held.pop(region, None)
        if held is None:
            with self._turns.of(region) as turn:
                yield turn
            return
        manager, turn = held
        with ExitStack() as stack:
            stack.push(manager)  # it was entered by recheck
            yield turn

    def recheck(self, region: Region, start: int, end: int, whole: Callable[[], bool]) -> bool:
        """Whether an earlier run stored a slab where it belongs; if not, its place is kept until it is stored.

        Parameters
        ----------
        region
            The slab.
        start, end
            Where it was stored, in bytes.
        whole
            Says whether all of it is there.
        """
        manager = self._turns.of(region)
        with ExitStack() as stack:
            turn = stack.enter_context(manager)
            if turn.start == start and whole():
                turn.end = end
                return True
            stack.pop_all()
        with self._lock:
            self._held[region] = manager, turn
        return False

    def left_out(self, region: Region) -> None:
        """Let those behind a slab go on that is never stored."""
        with self._lock:
            held = self._held.pop(region, None)
        if held is None:
            self._turns.left_out(region)
        else:
            held[0].__exit__(None, None, None)
