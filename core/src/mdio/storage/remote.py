"""Object stores and web servers through fsspec, read by absolute ranges only.

Suffix ranges (``bytes=-N``) are read wrong by several servers, so every read knows its offset.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mdio.exceptions import MDIOError, MDIONotFoundError, StorageError
from mdio.storage.urls import redact, redact_text

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


@contextlib.contextmanager
def _reported(url: str, doing: str) -> Iterator[None]:
    """Turn what a filesystem raises into errors of the toolkit: clients have families of their own beside OSError."""
    try:
        yield
    except MDIOError:
        raise
    except FileNotFoundError as error:
        # The one for the web says so, too, when it got another answer or none.
        cause = error.__cause__
        if getattr(cause, "status", 404) in (404, 410) and not _unreachable(cause):
            raise MDIONotFoundError(f"{url}: no such object") from error
        raise StorageError(f"{url}: {doing} failed: {_said(cause or error)}") from error
    except NotImplementedError as error:
        raise StorageError(f"{url}: {doing} is not possible in this kind of store") from error
    except Exception as error:
        raise StorageError(f"{url}: {doing} failed: {_said(error)}") from error


def _unreachable(cause: BaseException | None) -> bool:
    return isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError)


def _said(error: BaseException) -> str:
    status = getattr(error, "status", None)  # web clients put the whole request into their message
    text = f"HTTP {status} {getattr(error, 'message', '')}".rstrip() if isinstance(status, int) else str(error)
    return f"{type(error).__name__}: {redact_text(text)}"


class RemoteFile:
    """One object of an fsspec filesystem, read by absolute ranges."""

    def __init__(self, filesystem: Any, path: str, url: str) -> None:
        self._fs = filesystem
        self._path = path
        self.url = url
        with _reported(url, "opening"):
            info = filesystem.info(path)
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
        with _reported(self.url, f"reading at byte {offset}"):
            data: bytes = self._fs.cat_file(self._path, start=offset, end=offset + length)
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
        path = self._at(key)
        try:
            with _reported(self._name(key), "reading"):
                data: bytes = self._fs.cat_file(path)
        except MDIONotFoundError:
            return None
        except StorageError as error:
            if isinstance(error.__cause__, NotADirectoryError | IsADirectoryError):
                return None
            raise
        return data

    def exists(self, key: str = "") -> bool:
        """Whether there is an object, or anything below it as a prefix."""
        path = self._at(key)
        with _reported(self._name(key), "looking"):
            return bool(self._fs.exists(path))

    def is_dir(self, key: str = "") -> bool:
        """Whether there are objects below this prefix."""
        path = self._at(key)
        with _reported(self._name(key), "looking"):
            return bool(self._fs.isdir(path))

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield ``(key, size)`` of all objects below a prefix."""
        root = self._fs._strip_protocol(self._root).rstrip("/")
        path = self._at(prefix)
        try:
            with _reported(self._name(prefix), "listing"):
                found = self._fs.find(path, detail=True)
        except MDIONotFoundError:
            return
        for name, info in found.items():
            yield name[len(root) :].lstrip("/"), int(info.get("size") or 0)

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Store a whole object in one request."""
        path = self._at(key)
        with _reported(self._name(key), "writing"):
            self._in_folder(path, lambda: self._fs.pipe_file(path, bytes(data)))

    def upload(self, key: str, path: Path) -> None:
        """Store a local file as an object, in parts where the filesystem has them: it need not fit in memory."""
        target = self._at(key)
        with _reported(self._name(key), "writing"):
            self._in_folder(target, lambda: self._fs.put_file(str(path), target))

    def _in_folder(self, path: str, store: Callable[[], Any]) -> None:
        """Store an object; make its folder only where that is missed, since object stores have none to make."""
        try:
            store()
        except FileNotFoundError:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            store()

    def delete(self, key: str = "") -> None:
        """Delete an object or everything below a prefix."""
        path = self._at(key)
        with contextlib.suppress(MDIONotFoundError), _reported(self._name(key), "deleting"):
            self._fs.rm(path, recursive=True)

    def join(self, key: str) -> RemoteStore:
        """Return the store below a prefix."""
        return RemoteStore(self._fs, self._at(key), self._name(key))
