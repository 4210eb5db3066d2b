"""What the workers of a cluster do: they open what a run needs once in each process, and work on slab after slab."""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from mdio.exceptions import MDIOError
from mdio.flow.lease import LeaseLostError

__all__ = ["Failed", "Sent", "Session", "Work", "forget", "perform", "require_wanted", "same"]

_KEPT = 4
"""Runs whose source and target a worker keeps open while it has nothing to do for them."""


class Session(Protocol):
    """What a worker has opened for a run."""

    def __call__(self, *arguments: Any) -> Any:
        """Work on a slab; in any thread."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Work(Protocol):
    """What a worker needs to take part in a run; it is pickled, and holds nothing that is open."""

    @property
    def token(self) -> str:
        """Tells the run from any other."""
        ...

    def begin(self) -> Session:
        """Open what the run needs, in a worker."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """Work on its way; it is opened by who does it, not by Dask, whose logs show what it handles."""

    token: str
    pickled: bytes = field(repr=False)

    def work(self) -> Work:
        """Return the work."""
        work: Work = pickle.loads(self.pickled)  # noqa: S301 - from the driver of the run, as the task itself
        return work


@dataclass(frozen=True, slots=True)
class Failed:
    """An error as the result of a task: Dask would log the arguments, and lose the cause."""

    error: BaseException
    cause: BaseException | None

    @classmethod
    def of(cls, error: BaseException) -> Failed:
        """Return a failure that can be pickled."""
        return cls(_picklable(error), None if error.__cause__ is None else _picklable(error.__cause__))

    def error_again(self) -> BaseException:
        """Return the error with its cause."""
        self.error.__cause__ = self.cause
        return self.error


def _picklable(error: BaseException) -> BaseException:
    try:
        again: BaseException = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - errors of third parties need not be picklable
        return MDIOError(f"{type(error).__name__}: {error}")
    return again


class _Opened:
    """The session of a run in this process, opened by the first task that needs it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Session | None = None
        self.users = 0
        self.forgotten = False


_opened: dict[str, _Opened] = {}
_opening = threading.Lock()


def same(sent: Sent) -> Sent:
    """Return what is given: the task that brings work to the workers."""
    return sent


def perform(sent: Sent, arguments: bytes) -> Any:
    """Work on a slab; a task."""
    try:
        with _session(sent) as session:
            return session(*pickle.loads(arguments))  # noqa: S301 - see Sent
    except Exception as error:  # noqa: BLE001 - raised again by the driver
        return Failed.of(error)


@contextlib.contextmanager
def _session(sent: Sent) -> Iterator[Session]:
    with _opening:
        opened = _opened.pop(sent.token, None) or _Opened()
        _opened[sent.token] = opened  # the last one used is the last one
        opened.users += 1
        idle = [token for token, other in _opened.items() if not other.users][: max(0, len(_opened) - _KEPT)]
        old = [_opened.pop(token) for token in idle]
    _close(old)
    try:
        with opened.lock:
            if opened.session is None:
                opened.session = sent.work().begin()
        yield opened.session
    finally:
        with _opening:
            opened.users -= 1
            last = opened.forgotten and not opened.users
        if last:
            _close([opened])


async def forget(token: str) -> None:
    """Close what is open for a run that is over; on the workers' loop, which need not be waited for."""
    with _opening:
        opened = _opened.pop(token, None)
        if opened is not None:
            opened.forgotten = True
        idle = opened is not None and not opened.users
    if opened is not None and idle:
        _close([opened])


def _close(done: list[_Opened]) -> None:
    for opened in done:
        if opened.session is not None:
            opened.session.close()
            opened.session = None


def require_wanted() -> None:
    """Return where the scheduler still wants what this task does.

    Raises
    ------
    LeaseLostError
        The client is gone, or has taken it back; Dask cannot stop a thread that has begun.
    """
    from distributed import get_worker

    with contextlib.suppress(ValueError, AttributeError, KeyError):  # not in a task, or another version's insides
        worker = get_worker()
        state = worker.state.tasks[worker.get_current_task()].state
        if state in ("cancelled", "resumed", "released"):
            raise LeaseLostError("the client of this run is gone")
