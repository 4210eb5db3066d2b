"""Who may write a target: the names beside it, what tells that it is unfinished, and the lock.

``.NAME.part`` and ``.NAME.journal`` beside a local target, or what lies below ``.mdio-writing`` in a remote one, mark
it as unfinished; the journal of the run doubles as the lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mdio.exceptions import IncompleteDatasetError, MDIOAlreadyExistsError, StorageError

if TYPE_CHECKING:
    from mdio.core.volume import Creation
    from mdio.storage.store import Store

__all__ = [
    "REMOTE_STATE",
    "RunJournal",
    "beside",
    "claim_target",
    "is_unfinished",
    "journal_path",
    "part_path",
    "require_target",
]


class RunJournal(Protocol):
    """What claiming a target needs of :class:`mdio.flow.journal.Journal`."""

    @property
    def header(self) -> Mapping[str, Any] | None:
        """The header of the run that began it, or None."""
        ...

    def restart(self) -> None:
        """Forget that run."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def remove(self) -> None:
        """Delete it."""
        ...


_Journal = TypeVar("_Journal", bound=RunJournal)

REMOTE_STATE = ".mdio-writing"
"""Prefix below a remote target that exists while it is unfinished; the journal's segments lie there."""


def part_path(target: Path) -> Path:
    """Return where a local target grows."""
    return beside(target, "part")


def journal_path(target: Path) -> Path:
    """Return the journal of a local target."""
    return beside(target, "journal")


def beside(target: Path, ending: str) -> Path:
    """Return a hidden name beside a local target."""
    if target.name in ("", ".."):  # "." and "/" have no name of their own
        target = Path(os.path.realpath(target))
    return target.parent / f".{target.name}.{ending}"


def is_unfinished(store: Store) -> bool:
    """Whether a run that was to make this target has not ended."""
    if store.path is not None:
        return journal_path(store.path).exists() and part_path(store.path).exists()
    return store.is_dir(REMOTE_STATE)


def require_target(store: Store, creation: Creation) -> None:
    """Check that a target may be begun.

    Raises
    ------
    MDIOAlreadyExistsError
        Something is there and overwriting was not asked for.
    IncompleteDatasetError
        An unfinished target is there, and neither resuming nor overwriting was asked for.
    StorageError
        The folder that is to hold the target is missing.
    """
    if store.path is not None:
        parent = store.path.absolute().parent
        if not parent.is_dir():
            raise StorageError(f"{parent}: no such directory", hint="make it first")
    unfinished = is_unfinished(store)
    there = store.exists() if store.path is not None or not unfinished else False
    if there and not creation.overwrite:
        further = ", --overwrite --resume to go on with the run that was to replace it" if unfinished else ""
        raise MDIOAlreadyExistsError(f"{store.url}: already exists", hint=f"use --overwrite to replace it{further}")
    if unfinished and not creation.resume and not creation.overwrite:
        raise IncompleteDatasetError(
            f"{store.url}: an unfinished target of an earlier run is there",
            hint="--resume goes on with it, --overwrite begins again",
        )


def claim_target(store: Store, creation: Creation, journal: Callable[[], _Journal]) -> tuple[_Journal, bool]:
    """Lock a target and tell whether this run goes on with what an earlier one left.

    Parameters
    ----------
    store
        The target.
    creation
        What was asked for.
    journal
        Opens the journal of the run; one in a local file locks it.

    Returns
    -------
    journal, bool
        The journal, and whether the run resumes; if not, the journal is empty.

    Raises
    ------
    MDIOAlreadyExistsError, IncompleteDatasetError, StorageError
        See :func:`require_target`.
    WriterLockedError
        Another run is writing it.
    """
    local = store.path is not None
    if not (local and is_unfinished(store)):
        require_target(store, creation)  # a refusal that touches nothing
    held = journal()
    try:
        # Again under the lock: only now what is unfinished is nobody's, and no other run can have ended since.
        if local and (is_unfinished(store) or store.exists()):
            require_target(store, creation)
    except BaseException:
        if is_unfinished(store):
            held.close()
        else:
            held.remove()
        raise
    # A journal may have outlived its target.
    resumes = creation.resume and held.header is not None and (store.path is None or part_path(store.path).exists())
    if not resumes:
        held.restart()
    return held, resumes
