"""Telling a VDS from other files and directories without opening it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mdio.storage.store import Storage

__all__ = ["sniff"]


def sniff(url: str, head: bytes, storage: Storage) -> bool:
    """Whether there is a VDS at a URL.

    Parameters
    ----------
    url
        A file, or a directory (key prefix).
    head
        First bytes of the file; empty for a directory.
    storage
        Resolves the URL.
    """
    from mdio_vds.container import MAGIC
    from mdio_vds.layout import LAYOUT_NAME

    return head.startswith(MAGIC) if head else storage.open(url).exists(LAYOUT_NAME)
