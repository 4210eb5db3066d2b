"""The right to edit a dataset, and the marks that its metadata carry while edits are on their way."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mdio.exceptions import StorageError, WriterLockedError
from mdio.flow.lines import FileLines
from mdio.native.dataset import Revision
from mdio.native.edit_target import EditTarget
from mdio.native.opening import open_dataset
from mdio.storage.claiming import is_unfinished, journal_path

if TYPE_CHECKING:
    from mdio.native.dataset import Dataset
    from mdio.storage.store import Store

__all__ = ["STATISTICS", "EditSession"]

STATISTICS = "statistics"
"""What is marked as stale while it is not that of the samples."""


class EditSession:
    """Locks a dataset with the first edit until it is closed, and knows which edits are running.

    Parameters
    ----------
    dataset
        As it was opened.
    pattern
        The access pattern that is written.
    changed
        Called after every edit with the dataset.

    Attributes
    ----------
    edits
        Number of edits of samples so far.
    """

    def __init__(self, dataset: Dataset, pattern: str, changed: Callable[[Dataset], None]) -> None:
        self.edits = 0
        self._opened = dataset
        self._pattern = pattern
        self._changed = changed
        self._dataset: Dataset | None = None
        self._target: EditTarget | None = None
        self._release: Callable[[], object] = lambda: None
        self._running = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def working(self) -> Iterator[EditTarget]:
        """Give the arrays as they are now; at the end take the marks of access patterns off that no longer are true.

        Raises
        ------
        WriterLockedError
            Another process, or another session of this one, is editing or replacing the dataset.
        StorageError
            The dataset was replaced since it was opened.
        """
        with self._lock:
            if self._dataset is None:
                self._dataset = self._locked()
            if self._target is None:
                self._target = EditTarget(self._dataset, self._pattern)
            target = self._target
            self._running += 1
        try:
            yield target
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    # Others in this process may change the dataset until the next edit: then it is looked at again.
                    self._target = None
                    if not target.failed:
                        self._mark(target, target.stale - (target.others - target.behind))
            self._changed(target.dataset)

    @contextlib.contextmanager
    def changing(self, target: EditTarget, *more: str) -> Iterator[None]:
        """Mark the other access patterns, and more, as left behind before anything changes."""
        with self._lock:
            self.edits += STATISTICS in more
            self._mark(target, target.stale | target.others | {*more})
        try:
            yield
        except BaseException:
            target.failed = True
            raise

    def revise(self, target: EditTarget, revision: Revision) -> None:
        """Change metadata."""
        with self._lock:
            target.dataset.revise(revision)

    def store_statistics(self, target: EditTarget, revision: Revision, edits: int) -> None:
        """Change metadata that were made from the samples when there had been so many edits."""
        with self._lock:
            current = edits == self.edits and self._running == 1
            stale = target.stale - {STATISTICS} if current else target.stale
            target.dataset.revise(replace(revision, stale=sorted(stale)))
            target.stale = stale

    def _mark(self, target: EditTarget, stale: frozenset[str]) -> None:
        if stale != target.stale:
            target.dataset.revise(Revision(stale=sorted(stale)))
            target.stale = stale

    def _locked(self) -> Dataset:
        """Lock the dataset and open it again: somebody may have edited it in the meantime."""
        store = self._opened.store
        self._take_lock(store)
        try:
            dataset = open_dataset(store)
            old, new = (each.array(each.samples(self._pattern)) for each in (self._opened, dataset))
            if old is None or new is None or (old.shape, old.dtype) != (new.shape, new.dtype):
                raise StorageError(f"{store.url}: was replaced since it was opened", hint="open it again")
        except BaseException:
            self._release()
            raise
        return dataset

    def _take_lock(self, store: Store) -> None:
        if store.path is None:
            return
        path = journal_path(store.path.absolute())
        try:
            lines = FileLines(path, store.url)
        except WriterLockedError as error:
            hint = f"{error.hint}; an accessor lets go when it is closed"
            raise WriterLockedError(error.message, hint=hint) from error
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}", hint="editing locks a file beside the dataset") from error
        # The journal of a run that was to replace the dataset is not ours to delete.
        self._release = weakref.finalize(self, lines.close if is_unfinished(store) else lines.remove)

    def close(self) -> None:
        """Let go of the lock, unless an edit is running; the next edit takes it again."""
        with self._lock:
            if self._dataset is not None and not self._running:
                self._opened, self._dataset = self._dataset, None
                self._release()
