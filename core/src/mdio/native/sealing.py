"""Checks of metadata documents: a CRC32C of what a document says, kept inside it.

It is that of the document as JSON without white space, keys sorted, ASCII, and without the check itself.

What others write is told from what is damaged by the way it is spelled, so that an edit with somebody else's tool is
no damage. ``.zmetadata`` is made anew as a whole by whoever changes it, which drops the check with the rest. Documents
of Zarr format 3 keep attributes that they do not know, the check as well, but others indent and order them differently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import google_crc32c

from mdio.exceptions import IntegrityError
from mdio.native.zarr2 import to_json

__all__ = ["CHECK", "check_consolidated", "check_node", "sealed_consolidated", "sealed_node"]

CHECK = "mdio_check"
_OURS = b'{\n    "attributes"'
_OURS_CONSOLIDATED = b'{\n    "mdio_check"'
"""How documents begin that :func:`mdio.native.zarr2.to_json` made of a node, and of consolidated metadata."""


def _crc(document: Any) -> str:
    # Without indentation, which takes the standard library ten times as long.
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    value: int = google_crc32c.value(text.encode())
    return f"{value:08x}"


def sealed_consolidated(documents: Mapping[str, Any]) -> bytes:
    """Return the text of ``.zmetadata`` (Zarr format 2) with a check of all documents in it."""
    whole = {"metadata": dict(documents), "zarr_consolidated_format": 1}
    return to_json({**whole, CHECK: _crc(whole)})


def check_consolidated(document: Mapping[str, Any], text: bytes, url: str) -> None:
    """Compare ``.zmetadata`` with its check, where it has one and nobody else has written it since.

    Raises
    ------
    IntegrityError
        It does not match.
    """
    stated = document.get(CHECK)
    if stated is None or not text.startswith(_OURS_CONSOLIDATED):
        return
    if stated != _crc({key: value for key, value in document.items() if key != CHECK}):
        raise IntegrityError(
            f"{url}: .zmetadata does not match its check: it is damaged, or was edited by hand",
            hint="restore it from a copy, or make it anew from the single documents: "
            "zarr.consolidate_metadata(path, zarr_format=2)",
        )


def sealed_node(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ``zarr.json`` document (Zarr format 3) with its check among the attributes."""
    attributes = {key: value for key, value in (document.get("attributes") or {}).items() if key != CHECK}
    bare = {**document, "attributes": attributes}
    return {**bare, "attributes": {**attributes, CHECK: _crc(bare)}}


def check_node(document: Mapping[str, Any], text: bytes, key: str, url: str) -> None:
    """Compare a ``zarr.json`` document with its check, where it has one and nobody else has written it since.

    Raises
    ------
    IntegrityError
        It does not match.
    """
    attributes = document.get("attributes")
    stated = attributes.get(CHECK) if isinstance(attributes, Mapping) else None
    if stated is None or not text.startswith(_OURS):
        return
    if sealed_node(document)["attributes"][CHECK] != stated:
        raise IntegrityError(
            f"{url}: {key} does not match its check: it is damaged, or was edited by hand",
            hint=f"restore it from a copy; after an edit by hand, take {CHECK} out of its attributes",
        )
