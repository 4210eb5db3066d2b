"""New datasets that are written whole, without a resume: complete under their name, or not there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mdio.core.volume import Creation
from mdio.flow.journal import Journal
from mdio.storage.claiming import claim_target
from mdio.storage.staging import StagedTree

if TYPE_CHECKING:
    from mdio.storage.store import Store

__all__ = ["staged_dataset"]


@contextlib.contextmanager
def staged_dataset(target: Store, *, overwrite: bool, origin: Mapping[str, Any]) -> Iterator[StagedTree]:
    """Yield the place where a dataset grows; the caller commits it at the end of the block.

    Parameters
    ----------
    target
        Where it is to appear.
    overwrite
        Replace what is there; on a local disk it stays whole until then.
    origin
        What it is made from; tells an unfinished target of another run from this one.

    Raises
    ------
    MDIOAlreadyExistsError, IncompleteDatasetError, WriterLockedError, StorageError
        It cannot be begun.
    """
    journal, _ = claim_target(target, Creation(overwrite=overwrite), lambda: Journal.of_target(target))
    try:
        tree = StagedTree(target)
        tree.begin(fresh=True)
        try:
            journal.begin({"fingerprint": dict(origin)})
            yield tree
        except BaseException:
            tree.abort()
            raise
    finally:
        journal.remove()
