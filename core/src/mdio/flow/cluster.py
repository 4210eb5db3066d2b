"""Works on slabs with the processes of a Dask cluster, on this machine or on many.

What crosses the wire is plain: where source and target are and with which options, which slab, and back a receipt of
some hundred bytes. Every worker process opens source and target once and keeps them for the slabs that follow. A task
owns whole stored objects and writes the same bytes whenever it is done again, so that it does not matter which workers
die when; the process that drives the run keeps journal and lock, and commits.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mdio.exceptions import IntegrityError
from mdio.flow.lease import LeaseLostError
from mdio.flow.pools import ClusterError, NotSharedError
from mdio.flow.slab import UnreadableError
from mdio.flow.working import Failed, Sent, forget, perform, same

if TYPE_CHECKING:
    from mdio.core.region import Region
    from mdio.flow.lease import Lease
    from mdio.flow.working import Work

__all__ = ["ClusterPool", "MissingDistributedError", "client_of", "new_token", "threads_of"]

T = TypeVar("T")

_RETRIES = 3
"""Times that a slab is handed over again after its workers died, or met an error of a store."""
_PATIENCE = 60.0
"""Seconds to wait for the first worker, and for the last slabs of a run that stops."""
_COUNTED = 5.0
"""Seconds between two counts of the workers: they come and go."""


class MissingDistributedError(ClusterError, ImportError):
    """Dask's scheduler is asked for and not installed."""


@contextlib.contextmanager
def client_of(given: Any) -> Iterator[Any]:
    """Yield a client of a scheduler.

    Parameters
    ----------
    given
        A ``dask.distributed.Client``, which stays open, or the address of a scheduler, ``tcp://host:8786``.

    Raises
    ------
    MissingDistributedError
        The package ``distributed`` is not installed.
    ClusterError
        There is no scheduler at the address, or it has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingDistributedError(
            f"working on a Dask cluster needs the package distributed: {error}",
            hint='run: pip install "mdio-core[distributed]"',
        ) from error
    if not isinstance(given, str):
        if getattr(given, "asynchronous", False) or not hasattr(given, "submit"):
            raise ClusterError(f"a {type(given).__name__} is no client", hint="give a dask.distributed.Client")
        yield given
        return
    try:
        connect: Any = Client  # untyped
        client = connect(given, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {given}: {str(error) or type(error).__name__}",
            hint="start one with: dask scheduler",
        ) from error
    try:
        yield client
    finally:
        client.close()


def threads_of(client: Any) -> Mapping[str, int]:
    """Return the threads of each worker process; waits a while for the first one.

    Raises
    ------
    ClusterError
        There is none, or no way to the scheduler.
    """
    try:
        threads: Mapping[str, int] = client.nthreads()
        if not threads:
            client.wait_for_workers(1, timeout=_PATIENCE)
            threads = client.nthreads()
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        raise ClusterError(
            f"the Dask scheduler has no workers: {str(error) or type(error).__name__}",
            hint="start some with: dask worker <address of the scheduler>",
        ) from error
    return threads


class ClusterPool(Generic[T]):
    """Hands slabs to the workers of a cluster.

    Parameters
    ----------
    client
        Of the scheduler.
    work
        Opened by each worker once.
    arguments
        What the session is called with for a slab; the region alone by default.
    lease
        Given up when the pool is shut down, so that workers stop writing.
    slots
        Slabs at once; None for as many as the workers have threads.

    Raises
    ------
    NotSharedError
        The work cannot be pickled.
    ClusterError
        There are no workers.
    """

    def __init__(
        self,
        client: Any,
        work: Work,
        *,
        arguments: Callable[[Region], tuple[Any, ...]] | None = None,
        lease: Lease | None = None,
        slots: int | None = None,
    ) -> None:
        import cloudpickle  # type: ignore[import-untyped]

        try:
            sent = Sent(work.token, cloudpickle.dumps(work))
        except Exception as error:
            raise NotSharedError(f"what is to be done cannot be sent to other processes: {error}") from error
        self._client, self._token, self._lease = client, work.token, lease
        self._arguments = arguments or (lambda region: (region,))
        self._asked = slots
        self._counted, self._threads = 0.0, 0
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._handed: dict[Future[T], Any] = {}
        self._closing = self._lost = False
        # A task, not scattered data: a worker that dies with it is no loss, the scheduler has it done again.
        self._sent = client.submit(same, sent, key=f"mdio-run-{self._token}", pure=False)

    @property
    def slots(self) -> int:
        """Slabs that are worked on at once."""
        if self._asked is not None:
            return self._asked
        now = time.monotonic()
        if not self._threads or now - self._counted > _COUNTED:
            # None at all is a cluster between two machines: what is handed over waits there.
            with contextlib.suppress(OSError, ValueError, RuntimeError, TimeoutError):
                self._threads = sum(self._client.nthreads().values()) or self._threads
            self._counted = now
        return max(1, self._threads)

    def submit(self, region: Region) -> Future[T]:
        """Hand over a slab."""
        promise: Future[T] = Future()
        self._hand_over(promise, self._arguments(region), 0)
        return promise

    def _hand_over(self, promise: Future[T], arguments: tuple[Any, ...], attempt: int) -> None:
        task = self._client.submit(
            perform,
            self._sent,
            pickle.dumps(arguments),  # Dask would take tuples apart
            key=f"mdio-slab-{self._token}-{next(self._numbers)}",
            pure=False,
        )
        with self._lock:
            self._handed[promise] = task
        task.add_done_callback(partial(self._arrived, promise, arguments, attempt))

    def _arrived(self, promise: Future[T], arguments: tuple[Any, ...], attempt: int, task: Any) -> None:
        """Pass on what became of a slab, or hand it over again; runs in a thread of the client."""
        try:
            outcome = self._outcome(task)
            if isinstance(outcome, BaseException) and not self._closing and attempt < _RETRIES and _may_pass(outcome):
                self._hand_over(promise, arguments, attempt + 1)
                return
        except Exception as error:  # noqa: BLE001 - nobody sees what this thread raises, and the run would wait
            outcome = ClusterError(f"the cluster was lost: {type(error).__name__}: {error}", hint=_RESUME)
        with self._lock:
            self._handed.pop(promise, None)
        if self._closing and isinstance(outcome, LeaseLostError):
            promise.cancel()  # it gave up, as it was told
        if not promise.set_running_or_notify_cancel():
            return
        if isinstance(outcome, BaseException):
            promise.set_exception(outcome)
        else:
            promise.set_result(outcome)

    def _outcome(self, task: Any) -> Any:
        """Return what a slab gave, or the error that stands for it."""
        if task.status == "cancelled":
            self._lost = self._lost or not self._closing
            return ClusterError("the connection to the Dask scheduler was lost", hint=_RESUME)
        if task.status == "error":
            return _translated(task.exception())
        result = task.result()
        return result.error_again() if isinstance(result, Failed) else result

    def shutdown(self) -> None:
        """Drop what is not begun, and wait for what is."""
        self._closing = True
        if self._lease is not None:
            self._lease.end()  # what comes to its turn now gives up
            with self._lock:
                running = list(self._handed)
            wait(running, timeout=_PATIENCE)
        with self._lock:
            left = dict(self._handed)
            self._handed.clear()
        for promise in left:
            if promise.cancel():
                promise.set_running_or_notify_cancel()
        if self._lost or self._client.status != "running":
            return  # the client would wait for the scheduler, and there is nothing left to tell it
        with contextlib.suppress(Exception):  # the run is through: a cluster that is gone is no error any more
            for task in left.values():
                task.cancel()
            self._client.run(forget, self._token, wait=False)
            self._sent.release()


_RESUME = "--resume goes on when the cluster is back"


def _may_pass(error: BaseException) -> bool:
    """Whether another worker, or another moment, may do better."""
    if isinstance(error, UnreadableError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, IntegrityError | FileNotFoundError):
        return False
    return isinstance(error, OSError | LeaseLostError | _DiedError)


class _DiedError(ClusterError):
    """Worker after worker died with a slab."""


def _translated(error: BaseException) -> BaseException:
    """Return the error for one that Dask raised, not a task of ours."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return _DiedError(
            "the workers that were given a slab died, one after the other",
            hint="see their logs; where memory ran out, give less --memory, or workers with fewer threads",
        )
    return ClusterError(
        f"a worker could not take part: {type(error).__name__}: {error}",
        hint="install the same packages on the workers as here",
    )


def new_token() -> str:
    """Return a token for a run."""
    return uuid.uuid4().hex
