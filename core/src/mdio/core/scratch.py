"""Long arrays outside of memory: temporary files that are gone when nobody uses them any more, crashes included.

They lie where :func:`tempfile.gettempdir` says (``TMPDIR``). Their names are removed at once where the system allows it
(POSIX), so that nothing stays behind whatever happens to the process; elsewhere when they are closed. They are written
and read by position; :attr:`Scratch.array` maps one. Short arrays stay in memory, by the same interface.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.exceptions import StorageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Scratch"]

_IN_MEMORY = 16 << 20
"""Bytes up to which an array stays in memory."""


class Scratch:
    """An array of numbers that may be longer than memory.

    Pickles by content where it is in memory, else by path: the process that has made it must be alive, on the same
    machine and of the same user, while the copy is opened (which then has the file for itself). Systems with nameless
    temporary files and without ``/proc`` refuse to pickle one.

    Parameters
    ----------
    dtype
        Type of the numbers.
    length
        How many; they are undefined until they are written.
    """

    def __init__(self, dtype: Any, length: int) -> None:
        self.dtype = np.dtype(dtype)
        self.length = length
        self._memory: NDArray[Any] | None = None
        self._mapped: NDArray[Any] | None = None
        self._fd, self._path = -1, ""
        if self.nbytes <= _IN_MEMORY:
            self._memory = np.empty(length, self.dtype)
            return
        try:
            self._fd, path = tempfile.mkstemp(prefix="mdio-")
            self._path = _unnamed(path)
            self._finalizer = weakref.finalize(self, _discard, self._fd, self._path)
            os.truncate(self._fd if os.truncate in os.supports_fd else path, self.nbytes)
        except OSError as error:
            raise _refused(error) from error

    @classmethod
    def of(cls, values: NDArray[Any]) -> Scratch:
        """Return values as they are, in memory."""
        self = cls(values.dtype, 0)
        self.length = len(values)
        self._memory = values
        return self

    @property
    def nbytes(self) -> int:
        """Size of the array."""
        return self.length * int(self.dtype.itemsize)

    def write(self, start: int, values: NDArray[Any]) -> None:
        """Put values from position ``start`` on."""
        if self._memory is not None:
            self._memory[start : start + len(values)] = values
            return
        view = np.ascontiguousarray(values, self.dtype).data.cast("B")
        offset, done = start * self.dtype.itemsize, 0
        try:
            while done < len(view):
                done += _pwrite(self._fd, view[done:], offset + done)
        except OSError as error:
            raise _refused(error) from error

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the values of positions ``start`` to ``stop``; not to be written to."""
        if self._memory is not None:
            return self._memory[start:stop]
        values = np.empty(max(0, min(stop, self.length) - start), self.dtype)
        view = values.data.cast("B")
        offset, done = start * self.dtype.itemsize, 0
        while done < len(view):
            got = _pread(self._fd, view[done:], offset + done)
            if not got:
                raise StorageError(f"a temporary file in {tempfile.gettempdir()} was cut")
            done += got
        return values

    @property
    def array(self) -> NDArray[Any]:
        """All values, mapped read-only where they lie in a file."""
        if self._memory is not None:
            return self._memory
        if self._mapped is None:
            with os.fdopen(os.dup(self._fd), "rb") as file:
                self._mapped = np.memmap(file, self.dtype, "r", shape=(self.length,))
        return self._mapped

    def close(self) -> None:
        """Give the file back now; it is also given back when nobody refers to this object any more."""
        self._mapped = self._memory = None
        if self._fd >= 0:
            self._finalizer()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._memory is not None:
            return type(self).of, (self._memory,)
        path = self._path or f"/proc/{os.getpid()}/fd/{self._fd}"
        if not Path(path).exists():
            raise TypeError("a trace index in a temporary file cannot be handed to another process on this system")
        return _reopened, (path, self.dtype, self.length, _identity(self._fd))


def _reopened(path: str, dtype: np.dtype[Any], length: int, identity: tuple[int, int]) -> Scratch:
    self = Scratch(dtype, 0)
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise StorageError(
            f"{path}: the trace index of another process is not there: {error.strerror}",
            hint="workers need it from the process that opened the source, on the same machine",
        ) from error
    if _identity(fd) != identity:
        os.close(fd)
        raise StorageError(f"{path}: not the trace index that was handed over", hint="open the source again")
    self.length, self._memory, self._fd = length, None, fd
    self._finalizer = weakref.finalize(self, _discard, fd, "")
    return self


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _unnamed(path: str) -> str:
    """Remove the name of an open file; return it where the system does not allow that."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            Path(path).unlink()
            return ""
    return path


def _discard(fd: int, path: str) -> None:
    with contextlib.suppress(OSError):
        os.close(fd)
    if path:
        with contextlib.suppress(OSError):
            Path(path).unlink()


def _pwrite(fd: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(fd, view, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.write(fd, view)


def _pread(fd: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(fd, [view], offset)
    os.lseek(fd, offset, os.SEEK_SET)
    data = os.read(fd, len(view))
    view[: len(data)] = data
    return len(data)


def _refused(error: OSError) -> StorageError:
    return StorageError(
        f"{tempfile.gettempdir()}: no temporary file for the trace index: {error.strerror}",
        hint="let TMPDIR name a directory with room (20 bytes a trace)",
    )
