"""Requests under way: work that several threads do piece by piece, which callers wait for, watch and cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from mdio_vds.facade.enumerations import DimensionsND, InterpolationMethod, VolumeDataFormat
from mdio_vds.facade.exceptions import InvalidOperation, ReadErrorException

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Flag", "VolumeDataRequest", "Work"]

_numbers = count(1)
_INTERNAL_ERROR = -1


class Flag(int):
    """A truth value that may also be called.

    The reference implementation has two request classes: one with properties ``isCompleted`` and ``isCanceled``, which
    its managers return, and a documented one where both are methods. Ours serves callers of either.
    """

    def __new__(cls, value: bool) -> Flag:  # noqa: D102 - described by the class
        return super().__new__(cls, bool(value))

    def __call__(self) -> bool:  # noqa: D102 - described by the class
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))

    __str__ = __repr__


@dataclass(slots=True)
class Work:
    """What a request does.

    Parameters
    ----------
    jobs
        The pieces. The iterator is advanced by one thread at a time; the jobs themselves run in several.
    total
        How many there are.
    finish
        Runs once, after the last job.
    closed
        Says whether the VDS was closed, which cancels the request.
    """

    jobs: Iterator[Callable[[], None]]
    total: int
    finish: Callable[[], None] = lambda: None
    closed: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class _State:
    """What threads change; every access holds the lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    running: int = 0
    done: int = 0
    stopping: bool = False
    completed: bool = False
    code: int = 0
    message: str = ""


class VolumeDataRequest:
    """Data that were asked for and are, or will be, in :attr:`data`.

    Made by a :class:`~mdio_vds.facade.access.VolumeDataAccessManager`. Any thread may use it.

    Parameters
    ----------
    work, executor, threads
        What to do, where, and in how many threads at most.
    data_out
        The buffer that the work fills; None when there is none.
    format
        Type of its elements.
    byte_size
        Bytes that the request fills.
    described
        What was asked for, kept as attributes: ``min``, ``max``, ``lod``, ``channel``, ``dimensionsND``,
        ``interpolationMethod``, ``replacementNoValue`` and so on.
    """

    min: tuple[int, ...] = ()
    max: tuple[int, ...] = ()
    lod: int = 0
    channel: int = 0
    dimensionsND: DimensionsND = DimensionsND.Dimensions_012
    interpolationMethod: InterpolationMethod = InterpolationMethod.Cubic
    replacementNoValue: float | None = None

    def __init__(
        self,
        work: Work | None = None,
        executor: Executor | None = None,
        threads: int = 1,
        *,
        data_out: NDArray[Any] | None = None,
        format: VolumeDataFormat = VolumeDataFormat.Format_R32,
        byte_size: int = 0,
        **described: Any,
    ) -> None:
        self.__dict__.update(described)
        self.data_out = data_out
        self.format = format
        self._byte_size = byte_size
        self._work = work
        self._state = _State()
        self._id = next(_numbers) if work is not None else 0
        if work is None or executor is None:
            return
        tasks = max(1, min(threads, work.total))
        self._state.running = tasks
        for started in range(tasks):
            try:
                executor.submit(self._run)
            except RuntimeError as error:
                # The pool was shut down; those that did start end by themselves.
                self._leave(tasks - started, error)
                break

    # ---- what the work does ------------------------------------------------------------------------------------

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            while (job := self._next()) is not None:
                job()
                with self._state.lock:
                    self._state.done += 1
        except BaseException as caught:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
            error = caught
        self._leave(1, error)

    def _next(self) -> Callable[[], None] | None:
        work = self._active()
        with self._state.lock:
            if work.closed():
                self._state.stopping = True
            return None if self._state.stopping else next(work.jobs, None)

    def _leave(self, tasks: int, error: BaseException | None) -> None:
        """Count tasks out; the last one ends the request."""
        work, state = self._active(), self._state
        with state.lock:
            if error is not None:
                state.stopping = True
                state.code = state.code or _INTERNAL_ERROR
                state.message = state.message or str(error) or type(error).__name__
            state.running -= tasks
            if state.running:
                return
            stopped = state.stopping
        if not stopped:
            try:
                work.finish()
            except Exception as caught:  # noqa: BLE001 - as above
                stopped = True
                state.code, state.message = _INTERNAL_ERROR, str(caught)
        if stopped:
            self.data_out = None  # it holds no valid data
        state.completed = not stopped
        state.ended.set()

    def _active(self) -> Work:
        if self._work is None:
            raise InvalidOperation("Invalid request object")
        return self._work

    # ---- what callers see --------------------------------------------------------------------------------------

    @property
    def data(self) -> NDArray[Any] | None:
        """The data; waits for them.

        Raises
        ------
        ReadErrorException
            The request was cancelled (code 0) or failed (code -1, and the message says why).
        """
        self._active()
        self._state.ended.wait()
        if not self._state.completed:
            raise ReadErrorException(self._state.message, self._state.code)
        return self.data_out

    @property
    def isCompleted(self) -> Flag:
        """Whether all data are there; may be called as well."""
        self._active()
        return Flag(self._state.ended.is_set() and self._state.completed)

    @property
    def isCanceled(self) -> Flag:
        """Whether the request ended without data, cancelled or failed; may be called as well."""
        self._active()
        return Flag(self._state.ended.is_set() and not self._state.completed)

    @property
    def completed(self) -> bool:
        """See :attr:`isCompleted`."""
        return bool(self.isCompleted)

    @property
    def canceled(self) -> bool:
        """See :attr:`isCanceled`."""
        return bool(self.isCanceled)

    @property
    def completionFactor(self) -> float:
        """Share of the work that is done, 0 to 1; 0 once it was cancelled."""
        work, state = self._active(), self._state
        with state.lock:
            if state.ended.is_set():
                return float(state.completed)
            return state.done / max(1, work.total)

    @property
    def errorCode(self) -> int:
        """0, or -1 when the request failed."""
        self._active()
        return self._state.code

    @property
    def errorMessage(self) -> str:
        """Why the request failed."""
        self._active()
        return self._state.message

    def getCompletionFactor(self) -> float:
        """See :attr:`completionFactor`."""
        return self.completionFactor

    def getErrorCode(self) -> int:
        """See :attr:`errorCode`."""
        return self.errorCode

    def getErrorMessage(self) -> str:
        """See :attr:`errorMessage`."""
        return self.errorMessage

    def waitForCompletion(self, timeout: float = 0.0, millisecondsBeforeTimeout: float | None = None) -> bool:
        """Wait, and return whether all data are there.

        Parameters
        ----------
        timeout
            Seconds; 0 waits for as long as it takes. The request goes on when the time is up.
        millisecondsBeforeTimeout
            The same in milliseconds, by the name that the documented class has for it.
        """
        self._active()
        seconds = timeout if millisecondsBeforeTimeout is None else millisecondsBeforeTimeout / 1000
        self._state.ended.wait(seconds or None)
        return bool(self.isCompleted)

    def awaitCompletion(self, timeout: float = 0.0) -> None:
        """Wait as :meth:`waitForCompletion` does, and raise as :attr:`data` does when there will be no data."""
        if not self.waitForCompletion(timeout) and self.isCanceled:
            raise ReadErrorException(self.errorMessage, self.errorCode)

    def cancel(self) -> None:
        """Ask the work to stop; it may still write to the buffer until the request has ended."""
        self._active()
        with self._state.lock:
            if not self._state.ended.is_set():
                self._state.stopping = True

    def cancelAndWaitForCompletion(self) -> None:
        """Stop, and wait until nothing writes to the buffer."""
        self.cancel()
        self._state.ended.wait()

    def requestID(self) -> int:
        """Return a number that no other request of this process has; 0 when the request is not valid."""
        return self._id

    def validateRequest(self) -> None:
        """Raise InvalidOperation unless a manager made this request."""
        self._active()

    def buffer(self) -> memoryview | None:
        """Return the memory that is written to; None when there is none."""
        return None if self.data_out is None else self.data_out.data

    def bufferByteSize(self) -> int:
        """Return how many bytes the request fills."""
        return self._byte_size

    def bufferDataType(self) -> VolumeDataFormat:
        """Return the type of the elements."""
        return self.format
