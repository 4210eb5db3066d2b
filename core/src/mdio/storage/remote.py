"""Object stores and web servers through fsspec, read by absolute ranges only.

Suffix ranges (``bytes=-N``) are read wrong by several servers, so every read knows its offset. Every call goes through
:class:`~mdio.storage.access.Access`. Where fsspec answers a question with "no" when it got no answer (``exists``,
``isdir``, ``walk``), another question is asked here: a store that is short of breath must not look empty.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mdio.exceptions import MDIONotFoundError, StorageError
from mdio.storage.access import Access, Request, Truncated
from mdio.storage.failures import is_taken
from mdio.storage.secrets import keep_secret
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

    def __init__(self, access: Access, path: str, url: str) -> None:
        self._access = access
        self._path = path
        self.url = url
        info = access.call(Request(url, "opening"), "info", path)
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
        """Return ``length`` bytes from ``offset``; asked for again when fewer come."""
        if length == 0:
            return b""
        if offset + length > self._size:
            raise StorageError(
                f"{self.url}: ends at byte {self._size}, bytes {offset} to {offset + length - 1} were asked for",
                hint="the file was cut or is still being written",
            )
        data: bytes = self._access.call(
            Request(self.url, f"reading at byte {offset}", f"bytes {offset} to {offset + length - 1}", length),
            "cat_file",
            self._path,
            start=offset,
            end=offset + length,
            check=lambda data: self._require(data, offset, length),
        )
        return data

    def _require(self, data: bytes, offset: int, length: int) -> None:
        if len(data) == length:
            return
        what = f"asked for {length} bytes at byte {offset}, got {len(data)}"
        if len(data) < length:
            self._access.filesystem.invalidate_cache()
            now = self._access.call(Request(self.url, "looking"), "info", self._path).get("size")
            if now is None or int(now) == self._size:
                raise Truncated(what)
        raise StorageError(f"{self.url}: {what}", hint="the object changed, or the server does not honour ranges")

    def close(self) -> None:
        """Nothing is held open."""


class RemoteStore:
    """A prefix of an fsspec filesystem.

    Parameters
    ----------
    filesystem
        Of fsspec; or the :class:`~mdio.storage.access.Access` of another store, for one below it.
    path
        The prefix as the filesystem knows it.
    url
        The URL as it was given; kept without secrets.
    deadline
        Seconds for a request with all its attempts; by default ``MDIO_STORE_DEADLINE``, or 120.
    """

    def __init__(self, filesystem: Any, path: str, url: str, *, deadline: float | None = None) -> None:
        self._access = filesystem if isinstance(filesystem, Access) else Access(filesystem, deadline)
        keep_secret({}, url)
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
        return RemoteFile(self._access, self._at(key), self._name(key))

    def read(self, key: str = "") -> bytes:
        """Return a whole object."""
        data = self.get(key)
        if data is None:
            raise MDIONotFoundError(f"{self._name(key)}: no such object")
        return data

    def get(self, key: str) -> bytes | None:
        """Return a whole object, or None when it is missing.

        Its length is not known before; clients compare what came with the length that the answer announced.
        """
        path = self._at(key)
        try:
            data: bytes = self._access.call(Request(self._name(key), "reading"), "cat_file", path)
        except MDIONotFoundError:
            return None
        except StorageError as error:
            if isinstance(error.__cause__, NotADirectoryError | IsADirectoryError):
                return None
            raise
        return data

    def exists(self, key: str = "") -> bool:
        """Whether there is an object, or anything below it as a prefix."""
        return self._info(key) is not None

    def _info(self, key: str) -> dict[str, Any] | None:
        path = self._at(key)
        self._forget(path)
        try:
            info: dict[str, Any] = self._access.call(Request(self._name(key), "looking"), "info", path)
        except MDIONotFoundError:
            return None
        except StorageError as error:
            if isinstance(error.__cause__, NotADirectoryError):
                return None
            raise
        return info

    def is_dir(self, key: str = "") -> bool:
        """Whether there are objects below this prefix."""
        path = self._at(key)
        self._forget(path)
        try:
            found = self._access.call(Request(self._name(key), "looking"), "ls", path, detail=False)
        except MDIONotFoundError:
            return False
        except StorageError as error:
            if isinstance(error.__cause__, NotADirectoryError):
                return False
            raise
        own = self._access.filesystem._strip_protocol(path).strip("/")
        return any(str(name).strip("/") != own for name in found)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield ``(key, size)`` of all objects below a prefix."""
        root = self._access.filesystem._strip_protocol(self._root).rstrip("/")
        for name, info in self._found(self._at(prefix), self._name(prefix)).items():
            yield name[len(root) :].lstrip("/"), int(info.get("size") or 0)

    def _found(self, path: str, name: str) -> dict[str, Any]:
        self._forget(path)
        if self._walks:
            return self._walk(path, name)
        try:
            found: dict[str, Any] = self._access.call(Request(name, "listing", prefix=True), "find", path, detail=True)
        except MDIONotFoundError:
            return {}
        return found

    def _walk(self, path: str, name: str) -> dict[str, Any]:
        """List a tree folder by folder; the walk of fsspec leaves out folders that it could not list."""
        found: dict[str, Any] = {}
        waiting = [self._access.filesystem._strip_protocol(path).rstrip("/")]
        while waiting:
            folder = waiting.pop()
            try:
                entries = self._access.call(Request(name, "listing"), "ls", folder, detail=True)
            except MDIONotFoundError:
                continue
            except StorageError as error:
                if isinstance(error.__cause__, NotADirectoryError):  # below a file there is nothing
                    continue
                raise
            for info in entries:
                own = info["name"].rstrip("/")
                if info["type"] != "directory":
                    found[own] = info
                elif own != folder:
                    waiting.append(own)
        return found

    @property
    def _walks(self) -> bool:
        """Whether the filesystem lists a tree folder by folder, as fsspec does it where there is no better way."""
        from fsspec import AbstractFileSystem
        from fsspec.asyn import AsyncFileSystem

        filesystem = self._access.filesystem
        while isinstance(getattr(filesystem, "fs", None), AbstractFileSystem):  # caches ask what they stand before
            filesystem = filesystem.fs
        kind = type(filesystem)
        if isinstance(filesystem, AsyncFileSystem):
            return kind._find is AsyncFileSystem._find
        return bool(kind.find is AbstractFileSystem.find)

    def _forget(self, path: str) -> None:
        """Let no listing of earlier pass for what is there now; others write, too."""
        self._access.filesystem.invalidate_cache(path)

    def write(self, key: str, data: bytes | memoryview) -> None:
        """Store a whole object in one request."""
        path, whole = self._at(key), bytes(data)
        request = Request(self._name(key), "writing", moved=len(whole))
        self._in_folder(path, lambda: self._access.call(request, "pipe_file", path, whole))

    def create(self, key: str, data: bytes) -> bool:
        """Store a whole object where there is none, and tell whether that is so.

        Decided by the store where it honours conditions (S3: ``If-None-Match``), else by looking first. The answer to
        a request may be lost, so an object that holds the same bytes counts as this call's: give it bytes of your own.
        """
        path = self._at(key)
        request = Request(self._name(key), "writing", moved=len(data))
        try:
            self._in_folder(path, lambda: self._access.call(request, "pipe_file", path, data, mode="create"))
        except StorageError as error:
            if error.__cause__ is None or not is_taken(error.__cause__):
                raise
            return self.get(key) == data
        return True

    def upload(self, key: str, path: Path) -> None:
        """Store a local file as an object, in parts where the filesystem has them: it need not fit in memory."""
        target = self._at(key)
        request = Request(self._name(key), "writing", moved=path.stat().st_size)
        self._in_folder(target, lambda: self._access.call(request, "put_file", str(path), target))

    def _in_folder(self, path: str, store: Callable[[], Any]) -> None:
        """Store an object; make its folder only where that is missed, since object stores have none to make."""
        try:
            store()
        except MDIONotFoundError:
            folder = path.rpartition("/")[0]
            self._access.call(Request(self._url, "making a folder"), "makedirs", folder, exist_ok=True)
            store()

    def delete(self, key: str = "") -> None:
        """Delete an object or everything below a prefix."""
        path, name = self._at(key), self._name(key)
        if self._walks:
            self._delete_each(path, name)
            if self._info(key) is None:
                return  # no folders that outlive their objects
        with contextlib.suppress(MDIONotFoundError):
            self._access.call(Request(name, "deleting", prefix=True), "rm", path, recursive=True)

    def _delete_each(self, path: str, name: str) -> None:
        """Delete the objects of a prefix one by one: deleting a tree skips folders that could not be listed."""
        for each in self._found(path, name):
            with contextlib.suppress(MDIONotFoundError):
                self._access.call(Request(name, "deleting"), "rm_file", each)

    def join(self, key: str) -> RemoteStore:
        """Return the store below a prefix."""
        return RemoteStore(self._access, self._at(key), self._name(key))
