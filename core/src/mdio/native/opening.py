"""What lies at a place: which layout of MDIO, whole or unfinished, or something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdio.exceptions import IncompleteDatasetError, InvalidMDIOError, MDIONotFoundError
from mdio.native.v0 import open_v0
from mdio.storage.staging import is_unfinished

if TYPE_CHECKING:
    from mdio.native.dataset import Dataset
    from mdio.storage.store import Storage, Store

__all__ = ["open_dataset", "sniff"]


def sniff(url: str, head: bytes, storage: Storage) -> bool:  # noqa: ARG001 - a directory has no first bytes
    """Whether there is an MDIO dataset, complete or not."""
    store = storage.open(url)
    return store.get(".zmetadata") is not None or is_unfinished(store)


def open_dataset(store: Store, *, allow_incomplete: bool = False) -> Dataset:
    """Return the dataset in a store.

    Raises
    ------
    MDIONotFoundError
        Nothing is there.
    IncompleteDatasetError
        It was never finished.
    InvalidMDIOError
        It is not an MDIO dataset, or lacks what one must have.
    """
    text = store.get(".zmetadata") if store.exists() else None
    if (text is None or store.path is None) and is_unfinished(store) and not allow_incomplete:
        raise IncompleteDatasetError(
            f"{store.url}: an import or conversion into it did not end",
            hint="run the same command again with --resume",
        )
    if text is not None:
        return open_v0(store, text)
    if not store.exists():
        raise MDIONotFoundError(f"{store.url}: no such file or directory")
    if store.get("zarr.json") is not None:
        raise InvalidMDIOError("a Zarr format 3 store; the MDIO v1 layout is not read yet", url=store.url)
    raise InvalidMDIOError("not an MDIO dataset: .zmetadata is missing", url=store.url)
