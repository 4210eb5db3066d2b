"""Where a VDS grows: files and trees that are begun, and such that are edited in place.

The size of a container shows only at its end, and what is there before it is edited must stay readable.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from mdio.exceptions import StorageError
from mdio.storage.claiming import part_path
from mdio.storage.local import pread, pwrite
from mdio.storage.staging import StagedFile, StagedTree

if TYPE_CHECKING:
    from pathlib import Path

    from mdio.storage.store import RangeReader, Store

__all__ = ["EditedFile", "EditedTree", "GrowingFile", "NewFile", "NewTree", "ObjectPlace"]

_BLOCK = 8 << 20


class GrowingFile(Protocol):
    """A file written and read at absolute offsets from any thread."""

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write ``data`` at ``offset``."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return what is there; less at the end of the file."""
        ...

    def finish(self, end: int, header: bytes) -> None:
        """Cut the file at ``end``, write its header last of all, and make it durable."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...

    def abort(self) -> None:
        """Leave nothing behind of what was not there before."""
        ...


class NewFile:
    """A file that appears under its name when it is finished; see :class:`~mdio.storage.staging.StagedFile`.

    Takes no disk before the first write or read.

    Parameters
    ----------
    store
        The target, claimed before.
    fresh
        Whether what an earlier run left is discarded.
    original
        An object whose bytes the file begins with: edits of remote files.
    """

    def __init__(self, store: Store, *, fresh: bool, original: RangeReader | None = None) -> None:
        self._part: Path | None = part_path(store.path.absolute()) if store.path is not None else None
        kept = 0
        if self._part is not None and not fresh and self._part.is_file():
            kept = self._part.stat().st_size  # a staged file of another size would be cut
        self._staged = StagedFile(store, kept)
        self._fresh = fresh
        self._original = original
        self._begun = False
        self._lock = threading.Lock()

    def _begin(self) -> None:
        with self._lock:
            if not self._begun:
                self._staged.begin(fresh=self._fresh)
                self._begun = True
                if self._original is not None:
                    for start in range(0, self._original.size, _BLOCK):
                        length = min(_BLOCK, self._original.size - start)
                        self._staged.write(start, self._original.read(start, length))

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write ``data`` at ``offset``."""
        self._begin()
        self._staged.write(offset, data)

    def read(self, offset: int, length: int) -> bytes:
        """Return what is there; less at the end of the file."""
        self._begin()
        return self._staged.read(offset, length)

    def finish(self, end: int, header: bytes) -> None:
        """Cut the file, write its header and let it appear; nothing can be written any more."""
        self._begin()
        if self._part is not None and self._part.stat().st_size > end:
            try:
                os.truncate(self._part, end)  # an earlier run, since resumed, may have come further
            except OSError as error:
                raise StorageError(f"{self._part}: writing failed: {error.strerror or error}") from error
        self._staged.write(0, header)
        self._staged.commit()

    def close(self) -> None:
        """Close the file; a local one is kept for a resume."""
        self._staged.close()

    def abort(self) -> None:
        """Leave nothing of the unfinished file."""
        self._staged.abort()


class EditedFile:
    """A local file that gets longer; its header says what counts, and is written last.

    Parameters
    ----------
    path
        The file. Nobody else may write it meanwhile: who edits holds a lock.

    Raises
    ------
    StorageError
        It cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise StorageError(f"{path}: cannot be edited: {error.strerror or error}") from error
        self._size = os.fstat(self._fd).st_size

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write ``data`` at ``offset``."""
        try:
            pwrite(self._fd, data, offset)
        except OSError as error:
            raise self._failed(error) from error

    def read(self, offset: int, length: int) -> bytes:
        """Return what is there; less at the end of the file."""
        return pread(self._fd, length, offset)

    def finish(self, end: int, header: bytes) -> None:
        """Make the new parts durable, then the header that leads to them; writing may go on."""
        try:
            os.ftruncate(self._fd, end)
            os.fsync(self._fd)
            pwrite(self._fd, header, 0)
            os.fsync(self._fd)
        except OSError as error:
            raise self._failed(error) from error
        self._size = end

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(f"{self._path}: writing failed: {error.strerror or error}")

    def close(self) -> None:
        """Cut off what was not finished, to which nothing leads, and close the file; may be called again."""
        if self._fd >= 0:
            try:
                os.ftruncate(self._fd, self._size)
            except OSError as error:
                raise self._failed(error) from error
            finally:
                os.close(self._fd)
                self._fd = -1

    def abort(self) -> None:
        """As :meth:`close`: the file is what it was when it was opened or last finished."""
        self.close()


class ObjectPlace(Protocol):
    """Where objects go, by key."""

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        ...

    def get(self, key: str) -> bytes | None:
        """Return an object, or None when it is missing."""
        ...

    def discard(self, key: str) -> None:
        """Delete an object if it is there."""
        ...

    def finish(self, last: Sequence[tuple[str, bytes]]) -> None:
        """Store the objects that lead to all others, in this order."""
        ...

    def abort(self) -> None:
        """Leave nothing of what is not finished, where that is known here."""
        ...


class NewTree:
    """Objects that appear together when the last are stored; see :class:`~mdio.storage.staging.StagedTree`.

    Takes no place before the first object.

    Parameters
    ----------
    store
        The target, claimed before.
    fresh
        Whether what an earlier run left is discarded.
    """

    def __init__(self, store: Store, *, fresh: bool) -> None:
        self._staged = StagedTree(store)
        self._fresh = fresh
        self._begun = False
        self._lock = threading.Lock()

    def _begin(self) -> StagedTree:
        with self._lock:
            if not self._begun:
                self._staged.begin(fresh=self._fresh)
                self._begun = True
        return self._staged

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._begin().put(key, data)

    def get(self, key: str) -> bytes | None:
        """Return an object, or None when it is missing."""
        return self._begin().work.get(key)

    def discard(self, key: str) -> None:
        """Delete an object if it is there."""
        self._begin().discard(key)

    def finish(self, last: Sequence[tuple[str, bytes]]) -> None:
        """Store the last objects; nothing can be stored any more."""
        self._begin().commit(last)

    def abort(self) -> None:
        """Leave nothing of the unfinished tree; what was to be replaced stays as long as nothing was stored."""
        if self._begun or not self._fresh or self._staged.store.path is not None:
            self._staged.abort()


class EditedTree:
    """Objects that are replaced where they are."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put = store.write
        self.get = store.get
        self.discard = store.delete

    def finish(self, last: Sequence[tuple[str, bytes]]) -> None:
        """Store the last objects; storing may go on."""
        for key, data in last:
            self._store.write(key, data)

    def abort(self) -> None:
        """Nothing: what each object was is not known here."""
