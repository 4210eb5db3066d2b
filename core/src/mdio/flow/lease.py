"""A run's leave to write, for processes that are not the one that holds the target's lock.

The process that drives a run keeps a small object beside the target and changes it every few seconds. Workers look at
it before they write: is it gone, or another run's, or has nobody changed it for long, the driver is no more, and they
write nothing. No clocks are compared: a worker measures with its own how long the object has been the same.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING

from mdio.exceptions import StorageError
from mdio.flow.pools import ClusterError
from mdio.storage.claiming import REMOTE_STATE, journal_path
from mdio.storage.local import LocalStore

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["Lease", "LeaseCheck", "LeaseLostError", "revoke"]

EVERY = 3.0
"""Seconds between two changes of a lease."""

LIMIT = 30.0
"""Seconds without a change after which its holder counts as gone."""

_NAME = "lease.json"


class LeaseLostError(ClusterError):
    """The run that this work belongs to is over, or somebody else's now."""


def _place(store: Store, state: str) -> tuple[Store, str]:
    """Return store and key of the lease of a target."""
    if store.path is None:
        return store, f"{state}/{_NAME}"
    path = journal_path(store.path.absolute()).with_suffix(".lease")
    return LocalStore(path.parent), path.name


def revoke(store: Store, state: str = REMOTE_STATE) -> None:
    """Take away the leave of a run that was killed; who holds the lock of the target may."""
    place, key = _place(store, state)
    place.delete(key)


class Lease:
    """The leave that a driver holds, and gives up with :meth:`end`.

    Parameters
    ----------
    store
        The target.
    token
        Tells this run from any other.
    state
        Prefix for it below a target that is not local.
    """

    def __init__(self, store: Store, token: str, state: str = REMOTE_STATE) -> None:
        self._store, self._key = _place(store, state)
        self._token = token
        self._beat = 0
        self._ended = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._renew, name="mdio-lease", daemon=True)
        self._thread.start()

    def _write(self) -> None:
        self._store.write(self._key, json.dumps({"token": self._token, "beat": self._beat}).encode())
        self._beat += 1

    def _renew(self) -> None:
        while not self._ended.wait(EVERY):
            with contextlib.suppress(StorageError):  # workers stop when it fails for long
                self._write()

    def end(self) -> None:
        """Take the leave away from all workers; may be called again."""
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            with contextlib.suppress(StorageError):
                self._store.delete(self._key)


class LeaseCheck:
    """What a worker asks before it writes.

    Parameters
    ----------
    store, token, state
        As of the :class:`Lease`.
    """

    def __init__(self, store: Store, token: str, state: str = REMOTE_STATE) -> None:
        self._store, self._key = _place(store, state)
        self._token = token
        self._lock = threading.Lock()
        self._beat = -1
        self._seen = 0.0

    def require(self) -> None:
        """Return where the run goes on.

        Raises
        ------
        LeaseLostError
            It does not, or what it writes is not where this process looks.
        """
        with self._lock:
            data = self._store.get(self._key)
            if data is None:
                raise LeaseLostError(
                    f"{self._store.url}/{self._key} is not there: the run is over, or this machine does not see it",
                    hint="workers need the paths of the driver: a shared file system, or an object store",
                )
            try:
                held = json.loads(data)
                token, beat = str(held["token"]), int(held["beat"])
            except (ValueError, TypeError, KeyError):
                token, beat = "", 0
            if token != self._token:
                raise LeaseLostError(f"{self._store.url}/{self._key}: another run writes this target now")
            now = time.monotonic()
            if beat != self._beat:
                self._beat, self._seen = beat, now
            elif now - self._seen > LIMIT:
                raise LeaseLostError(f"nobody has driven this run for {now - self._seen:.0f} s")
