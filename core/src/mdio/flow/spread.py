"""The pieces of one read in several threads, with no more threads than the machine has cores however many read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

from mdio.flow.engine import available_cores

__all__ = ["spread"]

_lock = threading.Lock()
_reading = 0


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, available_cores() - 1), "mdio-read")


def spread(jobs: Iterable[Callable[[], None]]) -> None:
    """Run jobs in the calling thread and in those that no other read needs; return when all are done.

    Parameters
    ----------
    jobs
        Advanced by one thread at a time. After the first error no other one begins.
    """
    global _reading
    with _lock:
        _reading += 1
        helpers = available_cores() - _reading
    try:
        if helpers <= 0:
            for job in jobs:
                job()
        else:
            _run(_Jobs(jobs), helpers)
    finally:
        with _lock:
            _reading -= 1


class _Jobs:
    """Hands out jobs until there are no more, or one failed."""

    def __init__(self, jobs: Iterable[Callable[[], None]]) -> None:
        self._jobs = iter(jobs)
        self._lock = threading.Lock()
        self._failed = False

    def work(self) -> None:
        """Do jobs."""
        while True:
            with self._lock:
                job = None if self._failed else next(self._jobs, None)
            if job is None:
                return
            try:
                job()
            except BaseException:
                self._failed = True
                raise


def _run(jobs: _Jobs, helpers: int) -> None:
    futures: list[Future[None]] = [_pool().submit(jobs.work) for _ in range(helpers)]
    try:
        jobs.work()
    finally:
        errors = [None if future.cancel() else future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error
