"""The one way to a filesystem of fsspec: every call is limited in time, tried again, and its errors get names.

Clients try again by themselves, each in its way and some not at all. Above them, what passes when one waits (an answer
of 429 or 503, a connection that was reset, a body that was cut, a request that takes too long) is tried again with
growing random pauses until a deadline. What stays (404, 403, a wrong option) is not. Nothing of this costs anything
before the first failure.
"""

from __future__ import annotations

import math
import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from mdio.exceptions import EnvironmentFormatError, MDIOError, MDIONotFoundError, StorageError
from mdio.storage.failures import is_missing, is_transient, is_unreachable, status_of
from mdio.storage.secrets import keep_secret, scrub

__all__ = ["DEADLINE", "Access", "Request", "Truncated", "deadline_in_force"]

DEADLINE: Final = 120.0
"""Seconds after which a request is given up, unless ``MDIO_STORE_DEADLINE`` or the option says otherwise."""

_SLOWEST = 500_000
"""Bytes a second: what moves more slowly counts as stuck. Long transfers get time by their size."""

_ATTEMPT = 0.25
"""Part of the deadline after which one attempt is given up, so that one that hangs leaves time for others."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
"""Seconds; pauses are random below a bound that doubles ("full jitter"), so that many workers do not come at once."""

_LISTING = 10
"""Listing or deleting a prefix makes many requests and gets as many times the deadline."""

_AT_HAND: Final = frozenset({"memory", "file", "local"})
"""Filesystems that cannot hang on a network: called without a thread that could be left behind."""

_T = TypeVar("_T")


class Truncated(Exception):
    """Fewer bytes came than the object has."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a call is for, as messages and time limits need it.

    Parameters
    ----------
    name
        The object, without secrets.
    doing
        ``"writing"``.
    part
        The bytes of the object, ``"bytes 0 to 99"``; may be empty.
    moved
        Bytes that are transferred.
    prefix
        Whether a whole prefix is listed or deleted.
    """

    name: str
    doing: str
    part: str = ""
    moved: int = 0
    prefix: bool = False


def deadline_in_force() -> float:
    """Return the deadline of requests in seconds: that of the environment, or the default.

    Raises
    ------
    EnvironmentFormatError
        ``MDIO_STORE_DEADLINE`` is no positive number.
    """
    text = os.environ.get("MDIO_STORE_DEADLINE")
    if not text:
        return DEADLINE
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise EnvironmentFormatError(f"MDIO_STORE_DEADLINE={text!r} is not a number of seconds above 0")
    return seconds


class Access:
    """Calls the methods of a filesystem; safe to use from any thread.

    Parameters
    ----------
    filesystem
        Of fsspec.
    deadline
        Seconds for a request with all its attempts; see :func:`deadline_in_force`. Bytes that are moved add 2 s for
        each million.
    """

    def __init__(self, filesystem: Any, deadline: float | None = None) -> None:
        self.filesystem = filesystem
        self.deadline = deadline_in_force() if deadline is None else deadline
        self._answered = False
        keep_secret(getattr(filesystem, "storage_options", {}))
        protocol = getattr(filesystem, "protocol", "")
        kinds = {protocol} if isinstance(protocol, str) else set(protocol)
        self._at_hand = bool(kinds & _AT_HAND)
        self._has_loop = _has_loop(filesystem)

    def call(
        self,
        request: Request,
        method: str,
        *arguments: Any,
        check: Callable[[Any], None] | None = None,
        **keywords: Any,
    ) -> Any:
        """Call a method of the filesystem.

        Parameters
        ----------
        request
            What for.
        method
            Its name; the call must be one that may be repeated.
        *arguments, **keywords
            Its arguments.
        check
            Raises :class:`Truncated` when the result is to be asked for again, any other error when it is wrong.

        Raises
        ------
        MDIONotFoundError
            There is no such object.
        StorageError
            It failed; names object, bytes and attempts.
        """
        allowance = request.moved / _SLOWEST
        limit = self.deadline * (_LISTING if request.prefix else 1) + allowance
        patience = limit * (1 if request.prefix else _ATTEMPT) + allowance
        begun = time.monotonic()

        def once() -> Any:
            left = begun + limit - time.monotonic()
            result = self._limited(method, arguments, keywords, max(0.01, min(patience, left)))
            if check is not None:
                check(result)
            return result

        first: BaseException | None = None
        try:
            result = once()
        except MDIOError:
            raise
        except Exception as error:  # noqa: BLE001 - clients have families of errors of their own
            if is_missing(error):
                # No cause and no further questions: chunks that were never written are looked for all the time.
                self._answered = True
                raise MDIONotFoundError(f"{request.name}: no such object") from None
            if not self._passes(error):
                raise _named(error, request) from _cause(error)
            first = error
        if first is not None:
            result = self._again(once, first, request, begun, begun + limit)
        self._answered = True
        return result

    def _again(self, once: Callable[[], _T], first: BaseException, request: Request, begun: float, end: float) -> _T:
        """Try further times after a first failure."""
        from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

        waiting: list[BaseException] = [first]

        def attempt() -> _T:
            if waiting:
                raise waiting.pop()
            return once()

        def too_late(state: RetryCallState) -> bool:
            return time.monotonic() + state.upcoming_sleep >= end

        retrying = Retrying(
            retry=retry_if_exception(self._passes),
            wait=wait_random_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE),
            stop=too_late,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except MDIOError:
            raise
        except Exception as error:  # noqa: BLE001 - clients have families of errors of their own
            tried = f"{retrying.statistics.get('attempt_number', 1)} attempts in {time.monotonic() - begun:.1f} s"
            raise _named(error, request, tried if self._passes(error) else "") from _cause(error)

    def _passes(self, error: BaseException) -> bool:
        if isinstance(error, MDIOError | NotImplementedError):
            return False
        if isinstance(error, Truncated) or is_transient(error):
            return True
        return self._answered and is_unreachable(error)

    def _limited(self, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], seconds: float) -> Any:
        """Call a method and stop waiting for it after some time."""
        filesystem = self.filesystem
        if self._has_loop:
            coroutine = getattr(filesystem, f"_{method}", None)
            if coroutine is not None:
                from fsspec.asyn import sync

                return sync(filesystem.loop, coroutine, *arguments, timeout=seconds, **keywords)
        call = getattr(filesystem, method)
        if self._at_hand:
            return call(*arguments, **keywords)
        return _in_thread(lambda: call(*arguments, **keywords), seconds)


def _has_loop(filesystem: Any) -> bool:
    """Whether a filesystem has coroutines that run on a loop of its own; one around another has those of the other."""
    while filesystem is not None:
        if not getattr(filesystem, "async_impl", False) or getattr(filesystem, "asynchronous", False):
            return False
        filesystem = getattr(filesystem, "fs", None)
    return True


def _in_thread(call: Callable[[], _T], seconds: float) -> _T:
    """Return what a call returns, or leave it behind when it takes too long; a call cannot be stopped from outside."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised where it was called
            errors.append(error)

    thread = threading.Thread(target=work, name="mdio-store", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:.1f} s")
    return results[0]


def _named(error: BaseException, request: Request, tried: str = "") -> StorageError:
    """Return the error of the toolkit for what a client raised: they have families of their own beside OSError."""
    if is_missing(error):
        return MDIONotFoundError(f"{request.name}: no such object")
    if isinstance(error, NotImplementedError):
        return StorageError(f"{request.name}: {request.doing} is not possible in this kind of store")
    cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error
    message = f"{request.name}: {request.doing} failed: {_said(cause)}"
    if not tried:
        return StorageError(message)
    what = f"{request.part} " if request.part else ""
    return StorageError(
        f"{message}; gave up {what}after {tried}",
        hint="try again, with --resume where that goes on; MDIO_STORE_DEADLINE=SECONDS waits longer",
    )


def _cause(error: BaseException) -> BaseException | None:
    """Return an error as the cause of another, or None when its traceback would show a secret."""
    text = "".join(traceback.format_exception(error))
    return error if scrub(text) == text else None


def _said(error: BaseException) -> str:
    status = status_of(error)  # web clients put the whole request into their message
    own = isinstance(getattr(error, "status", None), int)
    text = f"HTTP {status} {getattr(error, 'message', '')}".rstrip() if own else str(error)
    return " ".join(f"{type(error).__name__}: {scrub(text)}".split())
