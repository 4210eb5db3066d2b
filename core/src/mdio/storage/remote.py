"""Object stores and web servers through fsspec, read by absolute ranges only.

Suffix ranges (``bytes=-N``) are read wrong by several servers, so every read knows its offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mdio.exceptions import MDIONotFoundError, StorageError
from mdio.storage.urls import redact

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RemoteFile", "RemoteStore"]


_VERSION_KEYS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
    "created",
)
"""Where filesystems say which version of an object they have, the most telling first."""


class RemoteFile:
    """One object of an fsspec filesystem, read by absolute ranges."""

    def __init__(self, filesystem: Any, path: str, url: str) -> None:
        self._fs = filesystem
        self._path = path
        self.url = url
        try:
            info = filesystem.info(path)
        except FileNotFoundError as error:
            raise MDIONotFoundError(f"{url}: no such object") from error
        except OSError as error:
            raise StorageError(f"{url}: {type(error).__name__}: {error}") from error
        if info.get("type") == "directory":
            raise StorageError(f"{url}: a prefix, not an object", hint="give the URL of a file")
        if info.get("size") is None:
            raise StorageError(f"{url}: the server does not tell the size", hint="download the file first")
        self._size = int(info["size"])
        self.modified = next((str(info[key]) for key in _VERSION_KEYS if info.get(key)), None)

    @property
    def size(self) -> int:
        """Size in bytes when the object was opened."""
        return self._size

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` from ``offset``."""
        view = buffer.cast("B") if buffer.format != "B" or buffer.ndim != 1 else buffer
        view[:] = self.read(offset, len(view))

    def read(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``."""
        if length == 0:
            return b""
        try:
            data: bytes = self._fs.cat_file(self._path, start=offset, end=offset + length)
        except OSError as error:
            raise StorageError(f"{self.url}: reading at byte {offset} failed: {error}") from error
        if len(data) != length:
            raise StorageError(
                f"{self.url}: asked for {length} bytes at byte {offset}, got {len(data)}",
                hint="the object changed, or the server does not honour ranges",
            )
        return data

    def close(self) -> None:
        """Nothing is held open."""


class RemoteStore:
    """A prefix of an fsspec filesystem."""

    def __init__(self, filesystem: Any, path: str, url: str) -> None:
        self._fs = filesystem
        self._root = path.rstrip("/")
        self._url = redact(url).rstrip("/")

    @property
    def url(self) -> str:
        """The URL without secrets."""
        return self._url

    @property
    def path(self) -> None:
        """None: not a local path."""
        return

    def _at(self, key: str) -> str:
        if key.startswith("/") or ".." in key.split("/"):
            raise StorageError(f"{self._url}: key {key!r} leaves the store")
        return f"{self._root}/{key}" if key else self._root

    def _name(self, key: str) -> str:
        return f"{self._url}/{key}" if key else self._url

    def open(self, key: str = "") -> RemoteFile:
        """Open an object for range reads."""
        return RemoteFile(self._fs, self._at(key), self._name(key))

    def read(self, key: str = "") -> bytes:
        """Return a whole object."""
        data = self.get(key)
        if data is None:
            raise MDIONotFoundError(f"{self._name(key)}: no such object")
        return data

    def get(self, key: str) -> bytes | None:
        """Return a whole object, or None when it is missing."""
        try:
            data: bytes = self._fs.cat_file(self._at(key))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{self._name(key)}: {type(error).__name__}: {error}") from error
        return data

    def exists(self, key: str = "") -> bool:
        """Whether there is an object, or anything below it as a prefix."""
        try:
            return bool(self._fs.exists(self._at(key)))
        except OSError as error:
            raise StorageError(f"{self._name(key)}: {type(error).__name__}: {error}") from error

    def is_dir(self, key: str = "") -> bool:
        """Whether there are objects below this prefix."""
        try:
            return bool(self._fs.isdir(self._at(key)))
        except OSError as error:
            raise StorageError(f"{self._name(key)}: {type(error).__name__}: {error}") from error

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield ``(key, size)`` of all objects below a prefix."""
        root = self._fs._strip_protocol(self._root).rstrip("/")
        try:
            found = self._fs.find(self._at(prefix), detail=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"{self._name(prefix)}: {type(error).__name__}: {error}") from error
        for path, info in found.items():
            yield path[len(root) :].lstrip("/"), int(info.get("size") or 0)

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Store a whole object in one request."""
        path = self._at(key)
        try:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(path, bytes(data))
        except NotImplementedError as error:
            raise StorageError(f"{self._name(key)}: this kind of store cannot be written") from error
        except OSError as error:
            raise StorageError(f"{self._name(key)}: writing failed: {error}") from error

    def upload(self, key: str, path: Path) -> None:
        """Store a local file as an object, in parts where the filesystem has them: it need not fit in memory."""
        target = self._at(key)
        try:
            self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._fs.put_file(str(path), target)
        except NotImplementedError as error:
            raise StorageError(f"{self._name(key)}: this kind of store cannot be written") from error
        except OSError as error:
            raise StorageError(f"{self._name(key)}: writing failed: {error}") from error

    def delete(self, key: str = "") -> None:
        """Delete an object or everything below a prefix."""
        try:
            self._fs.rm(self._at(key), recursive=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"{self._name(key)}: deleting failed: {error}") from error

    def join(self, key: str) -> RemoteStore:
        """Return the store below a prefix."""
        return RemoteStore(self._fs, self._at(key), self._name(key))
