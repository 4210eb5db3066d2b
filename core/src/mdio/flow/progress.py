"""Run events made visible: a bar on a terminal, a line for each tenth elsewhere, JSON lines for machines."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Literal

from mdio.flow.events import Event, Observer, RunFinished, RunStarted, RunStopped, SlabDone, Warned

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["progress_observer"]


def progress_observer(quiet: bool = False, log: Literal["text", "json"] = "text") -> Observer:
    """Return an observer that writes to standard error; results never go there, nor this to standard output.

    Parameters
    ----------
    quiet
        Warnings only.
    log
        ``"json"`` for one JSON object a line.
    """
    if log == "json":
        show: Observer = _json
    elif sys.stderr.isatty() and not quiet:
        show = _Bar()
    else:
        show = _Tenths()
    return (lambda event: show(event) if isinstance(event, Warned) else None) if quiet else show


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _json(event: Event) -> None:
    fields: dict[str, Any] = dataclasses.asdict(event)
    _say(json.dumps({"event": type(event).__name__, **fields}))


def _rate(count: int, seconds: float) -> str:
    return f"{count / 1e6 / max(seconds, 1e-3):.0f} MB/s"


class _Tenths:
    """A line at the start, at each tenth and at the end."""

    def __init__(self) -> None:
        self._tenth = 0
        self._begun = 0.0
        self._moved = 0

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._tenth = self._moved = 0
                self._begun = time.monotonic()
                _say(f"{event.slabs} slabs, {event.bytes / 1e6:.1f} MB")
            case SlabDone():
                self._moved += 0 if event.resumed else event.bytes
                tenth = 10 * event.bytes_done // max(1, event.bytes_total)
                if self._tenth < tenth < 10:
                    self._tenth = tenth
                    _say(f"{10 * tenth} %, {_rate(self._moved, time.monotonic() - self._begun)}")
            case RunFinished():
                _say(f"100 %, {event.report.seconds:.1f} s, {_rate(self._moved, event.report.seconds)}")
            case Warned():
                _say(f"warning: {event.message}")
            case RunStopped():
                pass  # the error itself is shown by whoever catches it


class _Bar:
    """A rich bar with rate and time left."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._start(event.bytes)
            case SlabDone() if self._progress and self._task is not None:
                self._progress.update(self._task, completed=event.bytes_done)
            case Warned():
                if self._progress:
                    self._progress.console.print(f"warning: {event.message}", markup=False, highlight=False)
                else:
                    _say(f"warning: {event.message}")
            case RunFinished() | RunStopped():
                if self._progress:
                    self._progress.stop()
                self._progress = None
            case _:
                pass

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn, TransferSpeedColumn

        self._progress = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("", total=total)
        self._progress.start()
