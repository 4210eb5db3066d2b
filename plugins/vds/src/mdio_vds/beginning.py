"""Begins a VDS under its name: which layout it gets, the lock, and what an earlier run left of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mdio.flow.journal import Journal
from mdio.storage.claiming import claim_target
from mdio.storage.urls import suffix

if TYPE_CHECKING:
    from mdio.core.volume import Creation
    from mdio.storage.store import Store
    from mdio_vds.container_target import ContainerTarget
    from mdio_vds.object_target import ObjectTarget

__all__ = ["begin_target"]


def begin_target(
    store: Store,
    url: str,
    layout: str,
    creation: Creation,
    fill: Callable[[ContainerTarget | ObjectTarget], None],
) -> tuple[Journal, ContainerTarget | ObjectTarget]:
    """Return the journal of a run and the VDS that it writes.

    Parameters
    ----------
    store, url
        The target.
    layout
        ``"container"``, ``"objects"``, or ``"auto"``: one file where the name ends in ``.vds``.
    creation
        Overwriting and resuming.
    fill
        Adds the layers; nothing is left behind when it fails.

    Raises
    ------
    MDIOAlreadyExistsError, IncompleteDatasetError, WriterLockedError, StorageError
        The target cannot be begun; see :func:`mdio.storage.claiming.claim_target`.
    """
    from mdio_vds.container_target import ContainerTarget
    from mdio_vds.object_target import ObjectTarget

    container = layout == "container" or (layout == "auto" and suffix(url) == ".vds")
    # A remote file is made in a local temporary one, which ends with the process.
    begin = Journal.of_local_target if container else Journal.of_target
    journal, resumes = claim_target(store, creation, lambda: begin(store))
    try:
        made = ContainerTarget if container else ObjectTarget
        target: ContainerTarget | ObjectTarget = made.create(store, fresh=not resumes)
        fill(target)
    except BaseException:
        journal.close() if resumes else journal.remove()
        raise
    return journal, target
