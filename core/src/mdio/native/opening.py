"""What lies at a place: which layout of MDIO, whole or unfinished, or something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mdio.exceptions import IncompleteDatasetError, InvalidMDIOError, MDIONotFoundError
from mdio.native.v0 import open_v0
from mdio.native.v1 import V1Dataset
from mdio.native.v1_nodes import Zarr2Nodes, Zarr3Nodes
from mdio.storage.claiming import is_unfinished

if TYPE_CHECKING:
    from mdio.native.dataset import Dataset
    from mdio.storage.store import Storage, Store

__all__ = ["open_dataset", "sniff"]

_API_VERSION = "apiVersion"
"""Root attribute of MDIO v1; v0 spells it with an underscore."""


def sniff(url: str, head: bytes, storage: Storage) -> bool:  # noqa: ARG001 - a directory has no first bytes
    """Whether there is an MDIO dataset of any layout, complete or not."""
    store = storage.open(url)
    if store.get(".zmetadata") is not None:
        return True
    root = _json(store.get("zarr.json"))
    if root.get("node_type") == "group":
        return True
    return _API_VERSION in _json(store.get(".zattrs")) or is_unfinished(store)


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
    there = store.exists()
    old = store.get(".zmetadata") if there else None
    new = store.get("zarr.json") if there and old is None else None
    text = new if old is None else old
    if (text is None or store.path is None) and is_unfinished(store) and not allow_incomplete:
        raise IncompleteDatasetError(
            f"{store.url}: an import or conversion into it did not end",
            hint="run the same command again with --resume",
        )
    if old is not None:
        documents = _json(old).get("metadata")
        if isinstance(documents, dict) and _API_VERSION in (documents.get(".zattrs") or {}):
            return V1Dataset(store, Zarr2Nodes(store, documents))
        return open_v0(store, old)
    if new is not None:
        if _json(new).get("node_type") == "array":
            raise InvalidMDIOError("a Zarr array, not an MDIO dataset", url=store.url, hint="name the folder above it")
        return V1Dataset(store, Zarr3Nodes(store, new))
    if not there:
        raise MDIONotFoundError(f"{store.url}: no such file or directory")
    if _API_VERSION in _json(store.get(".zattrs")):
        return V1Dataset(store, Zarr2Nodes(store, None))
    if store.get(".zgroup") is not None:
        raise InvalidMDIOError(
            "a Zarr group without consolidated metadata: .zmetadata is missing",
            url=store.url,
            hint="make them: zarr.consolidate_metadata(path, zarr_format=2)",
        )
    raise InvalidMDIOError("not an MDIO dataset: .zmetadata is missing, and so is zarr.json", url=store.url)


def _json(text: bytes | None) -> dict[str, Any]:
    """Return a JSON object, empty where there is none."""
    try:
        document = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
