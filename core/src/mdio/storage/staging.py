"""Complete or not there: targets grow under another name and appear in one step.

Local targets grow in ``.NAME.part`` beside the target and are swapped in by rename, so that an old dataset stays
whole until the new one is. On object stores, which have no rename, what makes a dataset openable is deleted first
and written last. Who may begin is told by :mod:`mdio.storage.claiming`, whose functions writers find here, too.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mdio.exceptions import StorageError
from mdio.storage.claiming import (
    REMOTE_STATE,
    beside,
    claim_target,
    is_unfinished,
    journal_path,
    part_path,
    require_target,
)
from mdio.storage.local import (
    LocalStore,
    begin_writeback,
    pread,
    preallocate,
    pwrite,
    sync_directory,
    sync_filesystem,
    write_pieces,
)
from mdio.storage.space import free_bytes, no_space, require_space

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = [
    "REMOTE_STATE",
    "StagedFile",
    "StagedTree",
    "claim_target",
    "is_unfinished",
    "journal_path",
    "part_path",
    "require_target",
]


_BEGUN = f"{REMOTE_STATE}/begun"
"""Marks a remote target whose old contents are being deleted."""

_SEND = 8 << 20
"""Bytes written to a file after which the system is asked to send them to the disk."""

_MARKS = (".zmetadata", ".zgroup", ".zattrs", "zarr.json", "VolumeDataLayout", "LayerStatus")
"""Objects that make a dataset openable, in the order in which they go."""


class StagedTree:
    """A directory (or key prefix) under construction.

    Parameters
    ----------
    store
        The target, claimed before.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._local = store.path.absolute() if store.path is not None else None
        self._made: set[str] = set()
        if self._local is not None:
            self._part = part_path(self._local)
            self.work: Store = LocalStore(self._part)
        else:
            self.work = store

    def begin(self, *, fresh: bool, expected: int = 0) -> None:
        """Make the place; ``fresh`` discards what an earlier run left there.

        Parameters
        ----------
        fresh
            Whether the tree is begun anew.
        expected
            Bytes that it will hold at least: a local disk without room for them is refused now.

        Raises
        ------
        StorageError
            What is to be overwritten is no dataset: a folder of other things was named by mistake. Or the disk lacks
            the space.
        """
        if fresh:
            self._require_dataset()
        if self._local is None:
            if fresh:
                if any(self.store.exists(key) for key in _MARKS):
                    # Before anything goes, so that what is half deleted counts as unfinished.
                    self.store.write(_BEGUN, b"")
                for key in _MARKS:
                    self.store.delete(key)  # first what makes the old dataset openable
                for key in {key.split("/", 1)[0] for key, _ in self.store.list()} - {REMOTE_STATE}:
                    self.store.delete(key)
            return
        if fresh:
            self.work.delete()
            require_space(self._part, expected)
        try:
            self._part.mkdir(exist_ok=True)
        except OSError as error:
            raise _write_error(error, str(self._part)) from error

    def _require_dataset(self) -> None:
        marked = any(self.store.exists(key) for key in _MARKS) or is_unfinished(self.store)
        if not marked and next(iter(self.store.list()), None) is not None:
            raise StorageError(
                f"{self.store.url}: holds other things than a dataset and is not overwritten",
                hint="name another target, or delete it first",
            )

    def put(self, key: str, *pieces: bytes | memoryview) -> None:
        """Store one object, given in pieces; it is durable after :meth:`commit`, and a resume checks it."""
        if self._local is None:
            self.store.write(key, b"".join(pieces))
            return
        folder = key.rpartition("/")[0]
        path = f"{self._part}/{key}"
        try:
            if folder not in self._made:
                (self._part / folder).mkdir(parents=True, exist_ok=True)
                self._made.add(folder)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
            try:
                write_pieces(fd, pieces)
                begin_writeback(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise _write_error(error, path, sum(memoryview(piece).nbytes for piece in pieces)) from error

    def discard(self, key: str) -> None:
        """Delete one object if it is there (a chunk that turned out to be all fill)."""
        if self._local is None:
            self.store.delete(key)
            return
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            Path(f"{self._part}/{key}").unlink()

    def commit(self, last: Iterable[tuple[str, bytes]]) -> None:
        """Write the objects that make the target openable, in this order, and let it appear."""
        for key, data in last:
            self.put(key, data)
        if self._local is None:
            self.store.delete(_BEGUN)
            return
        sync_filesystem(self._part)
        try:
            swap_in(self._part, self._local)
        except OSError as error:
            raise _write_error(error, str(self._local)) from error

    def abort(self) -> None:
        """Leave nothing of the unfinished target."""
        self.work.delete()


class StagedFile:
    """A single file under construction, written at absolute offsets from any thread.

    A remote target is built in a local temporary file and uploaded on commit.

    Parameters
    ----------
    store
        The target, claimed before.
    size
        Final size in bytes; reserved at once, so that a full disk shows before the work.
    """

    def __init__(self, store: Store, size: int) -> None:
        self.store = store
        self._size = size
        self._local = store.path.absolute() if store.path is not None else None
        self._fd = -1
        self._unsent = 0
        if self._local is not None and self._local.is_dir():
            raise StorageError(f"{store.url}: is a directory", hint="give the path of a file")
        self._part: Path | None = part_path(self._local) if self._local is not None else None

    def begin(self, *, fresh: bool) -> None:
        """Open the file; ``fresh`` discards what an earlier run left there."""
        try:
            if self._part is None:
                self._fd, name = tempfile.mkstemp(".part", "mdio-upload-")
                self._part = Path(name)
                require_space(self._part, self._size)
            else:
                if fresh:
                    LocalStore(self._part).delete()
                    require_space(self._part, self._size)
                self._fd = os.open(self._part, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            if self._size:
                preallocate(self._fd, self._size)
        except StorageError:
            if self._part is not None and self._local is None:
                self.abort()
            raise
        except OSError as error:
            place = str(self._part or tempfile.gettempdir())
            if fresh:
                self.abort()
            raise _write_error(error, place, self._size) from error

    def write(self, offset: int, data: memoryview | bytes) -> None:
        """Write ``data`` at ``offset``."""
        try:
            pwrite(self._fd, data, offset)
        except OSError as error:
            raise _write_error(error, str(self._part), memoryview(data).nbytes) from error
        self._unsent += len(data)  # a count that threads lose now and then does as well
        if self._unsent >= _SEND:
            self._unsent = 0
            begin_writeback(self._fd)

    def read(self, offset: int, length: int) -> bytes:
        """Return what was written, for checks on resume."""
        return pread(self._fd, length, offset)

    def commit(self) -> None:
        """Let the file appear under its name."""
        assert self._part is not None
        try:
            os.fsync(self._fd)
            self._shut()
            if self._local is not None:
                self._part.replace(self._local)
                sync_directory(self._local.parent)
                return
        except OSError as error:
            raise _write_error(error, str(self._local or self._part)) from error
        try:
            self._upload(self._part)
        finally:
            self.abort()

    def _upload(self, part: Path) -> None:
        upload = getattr(self.store, "upload", None)
        if upload is not None:
            upload("", part)
        else:
            self.store.write("", part.read_bytes())

    def close(self) -> None:
        """Close the file; a local one is kept for a resume, what was to be uploaded is made anew."""
        if self._local is None:
            self.abort()
        self._shut()

    def _shut(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def abort(self) -> None:
        """Leave nothing of the unfinished file."""
        self._shut()
        if self._part is not None:
            self._part.unlink(missing_ok=True)


def swap_in(part: Path, target: Path) -> None:
    """Put a finished directory in the place of its target; an old one stays whole until that moment."""
    old = beside(target, "old")
    if not target.exists():
        part.rename(target)
    else:
        # Under a third name first: the exchange leaves the old data behind, and they must not pass for an unfinished
        # target, not even when the run is killed at once.
        LocalStore(old).delete()
        part.rename(old)
        if not _exchange(old, target):
            old.rename(part)
            target.rename(old)
            try:
                part.rename(target)
            except OSError:
                old.rename(target)
                raise
    sync_directory(target.parent)
    LocalStore(old).delete()  # also what a swap that was killed between its renames left


def _exchange(a: Path, b: Path) -> bool:
    """Swap two names in one step, where the system can (Linux ``renameat2`` with RENAME_EXCHANGE)."""
    import ctypes

    at_fdcwd, rename_exchange = -100, 2
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    return int(renameat2(at_fdcwd, os.fsencode(a), at_fdcwd, os.fsencode(b), rename_exchange)) == 0


def _write_error(error: OSError, path: str, needed: int = 0) -> StorageError:
    import errno

    if isinstance(error, StorageError):
        return error
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(path, needed, free_bytes(Path(path)))
    return StorageError(f"{path}: writing failed: {error.strerror or error}")
