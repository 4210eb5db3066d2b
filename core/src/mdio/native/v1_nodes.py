"""The nodes of an MDIO v1 hierarchy in either Zarr format: arrays and attributes by path, read when asked for.

MDIO v1 does not consolidate its metadata, and stores cannot be asked for the names in one folder alone. So names come
from a local folder, from consolidated metadata where there are some, or from what the default variable refers to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import google_crc32c

from mdio.exceptions import CodecError, InvalidMDIOError
from mdio.native import zarr2, zarr3
from mdio.native.sealing import CHECK, check_node, sealed_node
from mdio.native.zarr2 import to_json

if TYPE_CHECKING:
    from mdio.native.arrays import ArraySpec
    from mdio.storage.store import Store

__all__ = ["Nodes", "Zarr2Nodes", "Zarr3Nodes"]

_DIMENSIONS = "_ARRAY_DIMENSIONS"
"""Attribute that names the dimensions of an array in Zarr format 2."""


class Nodes(Protocol):
    """A hierarchy whose arrays lie in its root; deeper ones are ours."""

    @property
    def identity(self) -> int:
        """Checksum of what was read so far; the same for the same calls."""
        ...

    def names(self) -> tuple[str, ...] | None:
        """Return the names of the arrays in the root, None where nothing tells."""
        ...

    def attributes(self, path: str) -> dict[str, Any]:
        """Return the attributes of a node, empty where there is none; ``""`` is the root."""
        ...

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Return the shape of an array, None where there is none."""
        ...

    def dims(self, path: str) -> tuple[str, ...] | None:
        """Return the names of the dimensions of an array, None where it has none."""
        ...

    def spec(self, path: str) -> ArraySpec | None:
        """Return an array, None where there is none; :class:`CodecError` where it is not read here."""
        ...

    def change(self, attributes: Mapping[str, Mapping[str, Any]], arrays: Iterable[ArraySpec] = ()) -> None:
        """Store arrays and the attributes of nodes, those of the root last."""
        ...

    def remove(self, paths: Iterable[str], root: Mapping[str, Any]) -> None:
        """Store the attributes of the root, then delete arrays with their objects."""
        ...


def _parse(url: str, key: str, text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMDIOError(f"{key} cannot be read: {error}", url=url) from error
    if not isinstance(document, dict):
        raise InvalidMDIOError(f"{key} is not a metadata document", url=url)
    return document


_KNOWN = frozenset(
    (
        "attributes",
        "chunk_grid",
        "chunk_key_encoding",
        "codecs",
        "consolidated_metadata",
        "data_type",
        "dimension_names",
        "fill_value",
        "node_type",
        "shape",
        "storage_transformers",
        "zarr_format",
    )
)
"""Keys of a node's document (Zarr core specification version 3, "Array metadata" and "Group metadata")."""


def _parse_node(url: str, key: str, text: bytes) -> dict[str, Any]:
    """Return the document of a node; one with keys that are not known is not understood, as the specification says."""
    document = _parse(url, key, text)
    for name in sorted(document.keys() - _KNOWN):
        value = document[name]
        if not (isinstance(value, Mapping) and value.get("must_understand") is False):
            raise InvalidMDIOError(f"{key} has the key {name!r}, which Zarr format 3 does not know", url=url)
    check_node(document, text, key, url)
    return document


def _local_names(store: Store, document: str) -> tuple[str, ...] | None:
    if store.path is None or not store.path.is_dir():
        return None
    with os.scandir(store.path) as entries:
        folders = sorted(entry.name for entry in entries if entry.is_dir())
    return tuple(name for name in folders if (store.path / name / document).is_file())


class Zarr3Nodes:
    """Nodes of Zarr format 3: one ``zarr.json`` each.

    Parameters
    ----------
    store
        The hierarchy.
    root
        Text of its root document.
    """

    def __init__(self, store: Store, root: bytes) -> None:
        self._store = store
        self._documents: dict[str, dict[str, Any]] = {"": _parse_node(store.url, "zarr.json", root)}

    @property
    def identity(self) -> int:
        """Checksum of what was read so far."""
        value: int = google_crc32c.value(to_json(self._documents))
        return value

    def _document(self, path: str) -> dict[str, Any]:
        if path not in self._documents:
            key = f"{path}/zarr.json"
            text = self._store.get(key)
            self._documents[path] = {} if text is None else _parse_node(self._store.url, key, text)
        return self._documents[path]

    def names(self) -> tuple[str, ...] | None:
        """Return the names of the arrays in the root, None where nothing tells."""
        local = _local_names(self._store, "zarr.json")
        if local is None:
            copied = (self._documents[""].get("consolidated_metadata") or {}).get("metadata")
            local = None if not copied else tuple(sorted(name for name in copied if "/" not in name))
        return None if local is None else tuple(name for name in local if self.shape(name) is not None)

    def attributes(self, path: str) -> dict[str, Any]:
        """Return the attributes of a node."""
        return {key: value for key, value in (self._document(path).get("attributes") or {}).items() if key != CHECK}

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Return the shape of an array."""
        document = self._document(path)
        return tuple(document["shape"]) if document.get("node_type") == "array" else None

    def dims(self, path: str) -> tuple[str, ...] | None:
        """Return the names of the dimensions of an array."""
        names = self._document(path).get("dimension_names")
        return None if not names or None in names else tuple(names)

    def spec(self, path: str) -> ArraySpec | None:
        """Return an array."""
        return None if self.shape(path) is None else zarr3.spec_of(path, self._document(path))

    def change(self, attributes: Mapping[str, Mapping[str, Any]], arrays: Iterable[ArraySpec] = ()) -> None:
        """Store arrays and the attributes of nodes, those of the root last."""
        changed = {spec.path: zarr3.array_document(spec) for spec in arrays}
        for path, new in attributes.items():
            changed[path] = {**changed.get(path, self._document(path)), "attributes": dict(new)}
        self._write(changed)

    def remove(self, paths: Iterable[str], root: Mapping[str, Any]) -> None:
        """Store the attributes of the root, then delete arrays with their objects."""
        paths = tuple(paths)
        for path in paths:
            self._documents[path] = {}
        self._write({"": {**self._documents[""], "attributes": dict(root)}}, gone=paths)
        for path in paths:
            self._store.delete(f"{path}/zarr.json")
            self._store.delete(path)

    def _write(self, changed: dict[str, dict[str, Any]], gone: tuple[str, ...] = ()) -> None:
        root = changed.pop("", self._documents[""])
        copied = root.get("consolidated_metadata")
        if copied:  # somebody's copy of all documents has to say the same
            kept = {path: entry for path, entry in copied.get("metadata", {}).items() if path not in gone}
            root = {**root, "consolidated_metadata": {**copied, "metadata": {**kept, **changed}}}
        changed = {path: sealed_node(document) for path, document in changed.items()}
        for path, document in changed.items():
            self._store.write(f"{path}/zarr.json", to_json(document))
        if root is not self._documents[""]:
            root = sealed_node(root)
            self._store.write("zarr.json", to_json(root))
        self._documents |= {**changed, "": root}


class Zarr2Nodes:
    """Nodes of Zarr format 2: ``.zarray`` and ``.zattrs``, mostly consolidated in ``.zmetadata``.

    Parameters
    ----------
    store
        The hierarchy.
    documents
        Key → document, of consolidated metadata; None where there are none.
    """

    def __init__(self, store: Store, documents: Mapping[str, Any] | None) -> None:
        self._store = store
        self._consolidated = documents is not None
        self._documents: dict[str, Any] = dict(documents or {})

    @property
    def identity(self) -> int:
        """Checksum of what was read so far."""
        value: int = google_crc32c.value(to_json(self._documents))
        return value

    def _document(self, path: str, name: str) -> dict[str, Any]:
        key = f"{path}/{name}" if path else name
        if key not in self._documents and not self._consolidated:
            text = self._store.get(key)
            self._documents[key] = {} if text is None else _parse(self._store.url, key, text)
        document: dict[str, Any] = self._documents.get(key) or {}
        return document

    def names(self) -> tuple[str, ...] | None:
        """Return the names of the arrays in the root, None where nothing tells."""
        if not self._consolidated:
            return _local_names(self._store, ".zarray")
        paths = (key.removesuffix("/.zarray") for key, entry in self._documents.items() if entry)
        return tuple(sorted(path for path in paths if "/" not in path and f"{path}/.zarray" in self._documents))

    def attributes(self, path: str) -> dict[str, Any]:
        """Return the attributes of a node."""
        return {key: value for key, value in self._document(path, ".zattrs").items() if key != _DIMENSIONS}

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Return the shape of an array."""
        document = self._document(path, ".zarray")
        return tuple(document["shape"]) if document else None

    def dims(self, path: str) -> tuple[str, ...] | None:
        """Return the names of the dimensions of an array."""
        names = self._document(path, ".zattrs").get(_DIMENSIONS)
        return tuple(names) if names else None

    def spec(self, path: str) -> ArraySpec | None:
        """Return an array."""
        document = self._document(path, ".zarray")
        if not document:
            return None
        try:
            spec = zarr2.spec_of(path, document)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, CodecError):
                raise
            raise CodecError(f"array {path}: its metadata cannot be read: {type(error).__name__}: {error}") from error
        return replace(spec, attributes=self.attributes(path), dimension_names=self.dims(path))

    def change(self, attributes: Mapping[str, Mapping[str, Any]], arrays: Iterable[ArraySpec] = ()) -> None:
        """Store arrays and the attributes of nodes, those of the root last."""
        changed: dict[str, Any] = {}
        dims = {}
        for spec in arrays:
            changed[f"{spec.path}/.zarray"] = zarr2.array_document(spec)
            dims[spec.path] = spec.dimension_names
            changed[f"{spec.path}/.zattrs"] = self._attributes(spec.attributes or {}, spec.dimension_names)
        for path, new in attributes.items():
            key = f"{path}/.zattrs" if path else ".zattrs"
            changed[key] = self._attributes(new, dims.get(path, self.dims(path)))
        self._write(changed)

    @staticmethod
    def _attributes(attributes: Mapping[str, Any], dims: tuple[str, ...] | None) -> dict[str, Any]:
        return {**attributes, **({_DIMENSIONS: list(dims)} if dims else {})}

    def remove(self, paths: Iterable[str], root: Mapping[str, Any]) -> None:
        """Store the attributes of the root, then delete arrays with their objects."""
        paths = tuple(paths)
        for path in paths:
            for name in (".zarray", ".zattrs"):
                self._documents.pop(f"{path}/{name}", None)
        self._write({".zattrs": dict(root)})
        for path in paths:
            self._store.delete(path)

    def _write(self, changed: dict[str, Any]) -> None:
        for key in sorted(changed, key=lambda key: key == ".zattrs"):
            self._store.write(key, to_json(changed[key]))
        self._documents |= changed
        if self._consolidated:
            whole = {"metadata": self._documents, "zarr_consolidated_format": 1}
            self._store.write(".zmetadata", to_json(whole))
