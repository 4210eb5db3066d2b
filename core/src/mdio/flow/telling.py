"""Tells observers of work that is no conversion of a volume – adding access patterns, copying – how far it is."""

from __future__ import annotations

from collections.abc import Iterable

from mdio.core.region import Region
from mdio.flow.events import Event, Observer, SlabDone, Warned

__all__ = ["Telling"]


class Telling:
    """Counts steps and calls observers; one that fails is dropped with a warning, as by the engine.

    Parameters
    ----------
    observers
        Called with each event.
    steps
        Number of steps.
    size
        Bytes of all steps.
    """

    def __init__(self, observers: Iterable[Observer], steps: int, size: int) -> None:
        self._observers = list(observers)
        self.steps, self.size = steps, size
        self._done = self._size_done = 0

    def tell(self, event: Event) -> None:
        """Call all observers."""
        for observer in list(self._observers):
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 - an observer is a guest
                self._observers.remove(observer)
                name = getattr(observer, "__qualname__", type(observer).__qualname__)
                self.tell(Warned(f"observer {name} failed and is not called again: {type(error).__name__}: {error}"))

    def done(self, region: Region, size: int) -> None:
        """Count a step and tell it."""
        self._done += 1
        self._size_done += size
        self.tell(SlabDone(region, size, 0, False, self._done, self.steps, self._size_done, self.size, 0))
