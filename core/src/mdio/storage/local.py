"""Local files, without a detour through fsspec: positioned reads and writes from any thread."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mdio.exceptions import MDIONotFoundError, StorageError
from mdio.storage.space import free_bytes, no_space

__all__ = [
    "LocalFile",
    "LocalStore",
    "begin_writeback",
    "pread",
    "preallocate",
    "pwrite",
    "sync_directory",
    "sync_filesystem",
    "write_pieces",
]


class LocalFile:
    """An open file read at absolute offsets.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    MDIONotFoundError
        There is no such file.
    StorageError
        It is not a regular file, or may not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # O_NONBLOCK: opening a FIFO must not wait for a writer.
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            raise _translate(error, path) from error
        try:
            status = os.fstat(self._fd)
            if not _is_regular(status.st_mode):
                directory = _is_directory(status.st_mode)
                raise StorageError(
                    f"{path}: {'a directory' if directory else 'not a regular file'}",
                    hint="give the path of a file" + (f", or see mdio info {path}" if directory else ""),
                )
        except BaseException:
            os.close(self._fd)
            raise
        self._size = status.st_size
        self.modified = status.st_mtime_ns
        self._lock = threading.Lock()
        self._map: Any = None
        self._closed = False

    @property
    def size(self) -> int:
        """Size in bytes when the file was opened."""
        return self._size

    @property
    def descriptor(self) -> int:
        """Number of the open file, for code that reads it by itself."""
        return self._fd

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` from ``offset``; StorageError when the file ends before."""
        view = buffer.cast("B") if buffer.format != "B" or buffer.ndim != 1 else buffer
        done = 0
        while done < len(view):
            try:
                got = self._pread(view[done:], offset + done)
            except OSError as error:
                raise StorageError(f"{self.path}: reading at byte {offset + done} failed: {error.strerror}") from error
            if got == 0:
                raise StorageError(
                    f"{self.path}: ends at byte {offset + done}, {len(view) - done} bytes missing",
                    hint="the file was cut or is still being written",
                )
            done += got

    def _pread(self, view: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._fd, [view], offset)
        with self._lock:  # systems without positioned reads share one file position
            os.lseek(self._fd, offset, os.SEEK_SET)
            data = os.read(self._fd, len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``."""
        if hasattr(os, "pread"):  # one pass over the memory; what does not come at once is read the plain way
            with contextlib.suppress(OSError):
                data = os.pread(self._fd, length, offset)
                if len(data) == length:
                    return data
        buffer = bytearray(length)
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    @contextlib.contextmanager
    def window(self, offset: int, length: int) -> Iterator[memoryview]:
        """Map a part of the file for as long as the context lasts; what is touched counts as memory until then.

        No view of the memory may outlive the context.
        """
        import mmap

        base = offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        self._require(offset + length)
        with mmap.mmap(self._fd, length + offset - base, offset=base, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            part = view[offset - base :]
            try:
                yield part
            finally:
                part.release()
                view.release()

    def kept_window(self, offset: int, length: int) -> memoryview:
        """Return a part of a map of the whole file, which is kept until :meth:`let_go` or :meth:`close`.

        What was touched once costs nothing the next time, and counts as memory until then.
        """
        import mmap

        self._require(offset + length)
        with self._lock:
            if self._map is None or len(self._map) < offset + length:
                self._map = mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ)
            return memoryview(self._map)[offset : offset + length]

    def let_go(self) -> None:
        """Give the map up; it ends with the last view of it."""
        self._map = None

    def _require(self, end: int) -> None:
        if os.fstat(self._fd).st_size < end:  # touching a page behind the end would kill the process
            raise StorageError(
                f"{self.path}: ends before byte {end}", hint="the file was cut or is still being written"
            )

    def close(self) -> None:
        """Close the file; may be called again."""
        self._map = None
        if not self._closed:
            self._closed = True
            os.close(self._fd)

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path,)


class LocalStore:
    """A local file, or a directory and the files below it."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    @property
    def url(self) -> str:
        """The path."""
        return str(self._path)

    @property
    def path(self) -> Path:
        """The path."""
        return self._path

    def _at(self, key: str) -> Path:
        if not key:
            return self._path
        if key.startswith("/") or ".." in key.split("/"):
            raise StorageError(f"{self._path}: key {key!r} leaves the store")
        return self._path / key

    def file_name(self, key: str) -> str:
        """Return the name of a file; a formatted one, as a path object costs as much as reading its first block."""
        return f"{self._path}/{key}" if key and ".." not in key and key[:1] != "/" else str(self._at(key))

    def open(self, key: str = "") -> LocalFile:
        """Open a file for range reads."""
        return LocalFile(self._at(key))

    def read(self, key: str = "") -> bytes:
        """Return a whole file."""
        path = self._at(key)
        try:
            return path.read_bytes()
        except OSError as error:
            raise _translate(error, path) from error

    def get(self, key: str) -> bytes | None:
        """Return a whole file, or None when it is missing."""
        try:
            fd = os.open(self.file_name(key), os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _translate(error, self._at(key)) from error
        try:
            size = os.fstat(fd).st_size
            data = os.read(fd, size + 1)
            while len(data) < size:
                more = os.read(fd, size - len(data))
                if not more:
                    break
                data += more
            return data
        except IsADirectoryError:
            return None
        except OSError as error:
            raise _translate(error, self._at(key)) from error
        finally:
            os.close(fd)

    def exists(self, key: str = "") -> bool:
        """Whether there is a file or directory."""
        return self._at(key).exists()

    def is_dir(self, key: str = "") -> bool:
        """Whether there is a directory."""
        return self._at(key).is_dir()

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield ``(key, size)`` of all files below a directory."""
        root = self._at(prefix)
        for folder, _, names in os.walk(root):
            base = os.path.relpath(folder, self._path).replace(os.sep, "/")
            for name in names:
                key = name if base == "." else f"{base}/{name}"
                yield key, (Path(folder) / name).stat().st_size

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Store a file under a temporary name, sync it and rename it."""
        path = self._at(key)
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_directory(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise _translate(error, path) from error

    def delete(self, key: str = "") -> None:
        """Delete a file or a whole directory; nothing there is no error."""
        path = self._at(key)
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise _translate(error, path) from error

    def join(self, key: str) -> LocalStore:
        """Return the store below a directory."""
        return LocalStore(self._at(key))


def preallocate(fd: int, size: int) -> None:
    """Reserve ``size`` bytes for an open file, so that a full disk shows at once.

    Raises
    ------
    OSError
        ENOSPC where the space is not there.
    """
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            import errno

            if error.errno == errno.ENOSPC:
                raise
        else:
            return
    os.ftruncate(fd, size)


_SEEK_LOCK = threading.Lock()
_MOST_PIECES = 1024
"""IOV_MAX of Linux: buffers that one call takes."""


def pwrite(fd: int, data: memoryview | bytes, offset: int) -> None:
    """Write all of ``data`` at ``offset``, from any thread."""
    view = memoryview(data).cast("B")
    done = 0
    while done < len(view):
        if hasattr(os, "pwrite"):
            done += os.pwrite(fd, view[done:], offset + done)
        else:
            with _SEEK_LOCK:
                os.lseek(fd, offset + done, os.SEEK_SET)
                done += os.write(fd, view[done:])


def pread(fd: int, length: int, offset: int) -> bytes:
    """Return up to ``length`` bytes from ``offset``, fewer where the file ends, from any thread."""
    found = b""
    while len(found) < length:
        if hasattr(os, "pread"):
            part = os.pread(fd, length - len(found), offset + len(found))
        else:
            with _SEEK_LOCK:
                os.lseek(fd, offset + len(found), os.SEEK_SET)
                part = os.read(fd, length - len(found))
        if not part:
            break
        found = found + part if found else part
    return found


def write_pieces(fd: int, pieces: Sequence[memoryview | bytes]) -> None:
    """Write buffers one after another at the file's position, without joining them first."""
    if not hasattr(os, "writev"):
        pwrite(fd, b"".join(pieces), 0)
        return
    for start in range(0, len(pieces), _MOST_PIECES):
        part = pieces[start : start + _MOST_PIECES]
        left = sum(map(len, part)) - os.writev(fd, part)
        if left:  # a signal or a full disk cut it short: what is left goes the plain way, which says why
            rest = b"".join(part)[-left:]
            while rest:
                rest = rest[os.write(fd, rest) :]


def begin_writeback(fd: int) -> None:
    """Ask the system to write a file to the disk soon, without waiting: the sync at the end finds little to do."""
    call = _sync_file_range()
    if call is not None:
        call(fd, 0, 0, 2)  # SYNC_FILE_RANGE_WRITE


def sync_directory(path: Path) -> None:
    """Make renames inside a directory durable, on systems where directories can be synced."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@cache
def _sync_file_range() -> Any:
    import ctypes

    try:
        call = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError, TypeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call


def sync_filesystem(path: Path) -> None:
    """Make everything below a directory durable.

    One call for the file system where there is one (``syncfs``): a sync of every chunk costs a disk barrier each.
    """
    import ctypes

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        syncfs = libc.syncfs
    except (OSError, AttributeError, TypeError):
        for folder, _, names in os.walk(path):
            for name in names:
                _sync_file(Path(folder) / name)
            sync_directory(Path(folder))
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        if syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise StorageError(f"{path}: the disk did not take the data: {os.strerror(number)}")
    finally:
        os.close(fd)


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _is_regular(mode: int) -> bool:
    import stat

    return stat.S_ISREG(mode)


def _is_directory(mode: int) -> bool:
    import stat

    return stat.S_ISDIR(mode)


def _translate(error: OSError, path: Path) -> StorageError:
    import errno

    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return MDIONotFoundError(f"{path}: no such file or directory")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(str(path), free=free_bytes(path))
    return StorageError(f"{path}: {error.strerror or error}")
