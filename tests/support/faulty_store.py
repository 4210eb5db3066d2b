"""A filesystem that fails as stores fail, with seeded dice, over another filesystem of fsspec.

Answers of 503, connections that are reset, bodies that are cut, delays, and a disk that is full::

    with faulty("503", 0.3, seed=1) as faults:
        mdio.convert.convert("x.sgy", "faulty://b/x.mdio")
    assert faults.injected
"""

from __future__ import annotations

import collections
import contextlib
import errno
import random
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import fsspec
from fsspec import AbstractFileSystem

from mdio.plugins import API_VERSION, StorageBackend, hookimpl
from mdio.plugins.registry import registry
from mdio.storage.options import environment_options

MDIO_API = API_VERSION
KINDS = ("503", "reset", "truncation")


class ClientResponseError(Exception):
    """What web clients raise for a status: named and shaped like aiohttp's."""

    def __init__(self, status):
        super().__init__(f"{status}, url='http://host/x?X-Amz-Signature=CANARYQUERY'")
        self.status = status
        self.message = "Slow Down"


class ClientPayloadError(Exception):
    """What web clients raise for a body shorter than its announced length."""


class ClientError(Exception):
    """What the client of S3 keeps as the cause: shaped like botocore's."""

    def __init__(self, status):
        super().__init__(f"An error occurred ({status})")
        self.response = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}


@dataclass
class Faults:
    """Which requests fail how; shared by all filesystems of a context."""

    kind: str
    rate: float = 1.0
    seed: int = 0
    delay: float = 0.0
    room: int | None = None
    silent: bool = False
    only: tuple[str, ...] = ()
    injected: collections.Counter = field(default_factory=collections.Counter)
    calls: collections.Counter = field(default_factory=collections.Counter)

    def __post_init__(self):
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def strikes(self, method, path):
        """Count a request; tell how it fails and throw the dice for how much, or return None."""
        with self._lock:
            self.calls[method] += 1
            if self.only and method not in self.only:
                return None
            if self._random.random() >= self.rate:
                return None
            self.injected[self.kind, method] += 1
            return self._random.random()

    def takes(self, size):
        """Take room on the disk."""
        if self.room is None:
            return
        with self._lock:
            if size > self.room:
                self.injected["full", "write"] += 1
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= size

    def fail(self, share):
        """Raise what a client raises when a request fails as a whole."""
        if self.kind == "delay":
            time.sleep(self.delay)
        elif self.kind == "reset":
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        elif self.kind == "truncation":
            raise ClientPayloadError("Response payload is not completed")
        elif self.kind == "denied":
            raise PermissionError("Forbidden") from ClientError(403)
        elif self.kind == "503" and share < 0.5:
            raise OSError(errno.EIO, "Please reduce your request rate.") from ClientError(503)
        else:
            raise ClientResponseError(int(self.kind))


_current: list[Faults] = []


@contextlib.contextmanager
def faulty(kind, rate=1.0, **more) -> Iterator[Faults]:
    """Let requests to ``faulty://`` fail while the context lasts."""
    faults = Faults(kind, rate, **more)
    _current.append(faults)
    try:
        with reachable():
            yield faults
    finally:
        _current.remove(faults)


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Let ``faulty://`` be a scheme of the toolkit: this module is a plugin."""
    with registry().registered(sys.modules[__name__], "faulty-store"):
        yield


@hookimpl
def mdio_storage_backends():
    """Return the store that fails."""
    yield StorageBackend(
        name="faulty", summary="Fails as stores fail", schemes=("faulty",), target="faulty_store:filesystem"
    )


def filesystem(url, options):
    """Return the filesystem; what the registry loads."""
    return FaultyFileSystem(**(options or environment_options()))


class FaultyFileSystem(AbstractFileSystem):
    """Objects in memory, when the dice allow it."""

    protocol = "faulty"
    cachable = False

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = fsspec.filesystem("memory")

    @classmethod
    def _strip_protocol(cls, path):
        return "/" + path.removeprefix("faulty://").strip("/")

    def _ask(self, method, path, call):
        faults = _current[-1] if _current else None
        share = faults.strikes(method, path) if faults is not None else None
        if share is None:
            return call()
        # The answer may be lost although the request was carried out.
        if faults.kind == "reset" and share < 0.5:
            call()
        faults.fail(share)
        return call()

    def info(self, path, **_):
        return self._ask("info", path, lambda: self.inner.info(self._strip_protocol(path)))

    def ls(self, path, detail=True, **_):
        return self._ask("ls", path, lambda: self.inner.ls(self._strip_protocol(path), detail=detail))

    def cat_file(self, path, start=None, end=None, **_):
        path = self._strip_protocol(path)
        faults = _current[-1] if _current else None
        cuts = faults is not None and faults.kind == "truncation" and (faults.silent or start is not None)
        if not cuts:
            return self._ask("cat_file", path, lambda: self.inner.cat_file(path, start, end))
        share = faults.strikes("cat_file", path)
        data = self.inner.cat_file(path, start, end)
        return data if share is None else data[: int(len(data) * share)]

    def pipe_file(self, path, value, mode="overwrite", **_):
        path = self._strip_protocol(path)

        def store():
            if _current:
                _current[-1].takes(len(value))
            self.inner.pipe_file(path, value, mode=mode)

        return self._ask("pipe_file", path, store)

    def put_file(self, lpath, rpath, **_):
        with open(lpath, "rb") as file:
            self.pipe_file(rpath, file.read())

    def _rm(self, path):
        return self._ask("rm", path, lambda: self.inner.rm_file(self._strip_protocol(path)))

    def makedirs(self, path, exist_ok=False):
        return self._ask("makedirs", path, lambda: self.inner.makedirs(self._strip_protocol(path), exist_ok=exist_ok))

    def rmdir(self, path):
        return self._ask("rmdir", path, lambda: self.inner.rmdir(self._strip_protocol(path)))


def clear():
    """Forget all objects in memory."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
