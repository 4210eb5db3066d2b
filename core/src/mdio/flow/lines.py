"""Where the lines of a journal are kept.

Locally in one file, which is also the lock that keeps a second writer away. Object stores cannot append, so there the
lines are a row of numbered segment objects.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mdio.exceptions import WriterLockedError

if TYPE_CHECKING:
    from mdio.storage.store import Store

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileLines", "Lines", "MemoryLines", "SegmentLines"]

_INTERVAL = 1.0  # seconds between syncs of the file, and between segments in a store


class Lines(Protocol):
    """A place that keeps lines."""

    def read(self) -> Iterator[bytes]:
        """Yield the lines kept so far."""
        ...

    def keep(self, count: int) -> None:
        """Forget all lines but the first ``count``; the rest is unreadable."""
        ...

    def append(self, line: bytes) -> None:
        """Keep a line."""
        ...

    def close(self) -> None:
        """Make everything durable and let go."""
        ...

    def remove(self) -> None:
        """Delete the lines and let go."""
        ...


class MemoryLines:
    """Lines in a list."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines

    def read(self) -> Iterator[bytes]:
        """Yield the lines kept so far."""
        yield from self._lines

    def keep(self, count: int) -> None:
        """Forget all lines but the first ``count``."""
        del self._lines[count:]

    def append(self, line: bytes) -> None:
        """Keep a line."""
        self._lines.append(line)

    def close(self) -> None:
        """Nothing to let go of."""

    def remove(self) -> None:
        """Delete the lines and let go."""
        self._lines.clear()


class FileLines:
    """Lines at the end of a locked file."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self._target = target
        self._guard = path.with_name(path.name + ".lock")
        self._synced = 0.0
        self._removed = False
        self._guarded = fcntl is None
        self._fd = self._lock()
        self._mend()

    def _lock(self) -> int:
        """Open the file and take the lock that the system drops when the process ends."""
        while not self._guarded:
            fd = self._open()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(fd)
                raise self._busy() from error
            except OSError:  # a file system without locks
                os.close(fd)
                self._guarded = True
                break
            if self._path.exists() and os.path.samestat(os.fstat(fd), self._path.stat()):
                return fd
            os.close(fd)  # the run before removed its journal between our open and our lock
        return self._open_guarded()

    def _open_guarded(self) -> int:
        """Open the file where there is no ``flock``: a second file, made exclusively, is the lock."""
        try:
            os.close(os.open(self._guard, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError as error:
            raise self._busy(f"; if none is running, delete {self._guard}") from error
        try:
            return self._open()
        except BaseException:
            self._guard.unlink()
            raise

    def _busy(self, more: str = "") -> WriterLockedError:
        return WriterLockedError(
            f"another run is writing {self._target}", hint=f"wait for it to end, or stop it first{more}"
        )

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)

    def _mend(self) -> None:
        """Cut off a torn last line, which would spoil the next one."""
        size = os.fstat(self._fd).st_size
        with self._path.open("rb") as file:
            end = size
            while end:
                start = max(0, end - (1 << 16))
                file.seek(start)
                newline = file.read(end - start).rfind(b"\n")
                if newline >= 0:
                    end = start + newline + 1
                    break
                end = start
        if end < size:
            os.ftruncate(self._fd, end)

    def read(self) -> Iterator[bytes]:
        """Yield the lines kept so far."""
        with self._path.open("rb") as file:
            yield from file

    def keep(self, count: int) -> None:
        """Forget all lines but the first ``count``."""
        os.ftruncate(self._fd, sum(len(line) for line in itertools.islice(self.read(), count)))

    def append(self, line: bytes) -> None:
        """Keep a line."""
        written = os.write(self._fd, line)
        if written < len(line):  # the disk is full: os.write raises with the reason when tried again
            os.write(self._fd, line[written:])
        if time.monotonic() - self._synced >= _INTERVAL:
            os.fsync(self._fd)
            self._synced = time.monotonic()

    def close(self) -> None:
        """Make everything durable and let go."""
        if self._fd < 0:
            return
        try:
            os.fsync(self._fd)
        finally:
            self._let_go()

    def remove(self) -> None:
        """Delete the lines and let go."""
        if self._removed:
            return
        if self._fd < 0 and not self._path.exists():
            return
        if self._fd < 0:
            self._fd = self._lock()  # closed before: somebody else may have gone on with it
        self._removed = True
        if not self._guarded:
            self._path.unlink(missing_ok=True)  # under the lock, so that nobody writes to a file without a name
        self._let_go()

    def _let_go(self) -> None:
        os.close(self._fd)
        self._fd = -1
        if self._guarded:  # such systems cannot delete an open file, so it goes now; then the lock
            if self._removed:
                self._path.unlink(missing_ok=True)
            self._guard.unlink(missing_ok=True)


class SegmentLines:
    """Lines in objects ``<prefix>/00000000.jsonl``, ….

    Segments get longer as the run does, so that even a week makes hundreds of objects, not a million; a crash loses
    the record of the last second or hundredth part of the run.
    """

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix.rstrip("/")
        keys = self._keys()
        self._next = int(Path(keys[-1]).stem) + 1 if keys else 0
        self._waiting: list[bytes] = []
        self._begun = self._written = time.monotonic()
        self._first = True

    def _keys(self) -> list[str]:
        return sorted(key for key, _ in self._store.list(self._prefix) if key.endswith(".jsonl"))

    def _put(self, lines: Sequence[bytes]) -> None:
        key, data = f"{self._prefix}/{self._next:08d}.jsonl", b"".join(lines)
        create = getattr(self._store, "create", None)
        if create is None:
            self._store.write(key, data)
        elif not create(key, data):  # where the store honours it: two runs cannot both have written the next segment
            raise WriterLockedError(f"{self._store.url}: another run is writing it", hint="let it end, or stop it")
        self._next += 1

    def read(self) -> Iterator[bytes]:
        """Yield the lines kept so far."""
        for key in self._keys():
            yield from self._store.read(key).splitlines(keepends=True)
        yield from self._waiting

    def keep(self, count: int) -> None:
        """Forget all lines but the first ``count``."""
        kept = list(itertools.islice(self.read(), count))
        for key in self._keys():  # not what else marks the target as unfinished
            self._store.delete(key)
        self._next = 0
        if kept:
            self._put(kept)
        self._waiting = []

    def append(self, line: bytes) -> None:
        """Keep a line."""
        self._waiting.append(line)
        now = time.monotonic()
        # The first line is the header: it must be there before any data.
        if self._first or now - self._written >= max(_INTERVAL, (now - self._begun) / 100):
            self._first = False
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._put(self._waiting)
            self._waiting = []
            self._written = time.monotonic()

    def close(self) -> None:
        """Make everything durable and let go."""
        self._flush()

    def remove(self) -> None:
        """Delete the lines and let go."""
        self._waiting = []
        self._store.delete(self._prefix)
