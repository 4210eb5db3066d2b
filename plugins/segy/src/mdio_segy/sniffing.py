"""Tells SEG-Y files that come under any name; the format has no magic bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdio_segy.errors import SegyError

if TYPE_CHECKING:
    from mdio.storage.store import Storage

__all__ = ["sniff"]


def sniff(url: str, head: bytes, storage: Storage) -> bool:
    """Whether the file can be laid out as SEG-Y; asked only when name and first bytes say nothing."""
    if len(head) < 3600:
        return False
    from mdio_segy.claims import LayoutOverrides
    from mdio_segy.filehead import read_layout

    reader = storage.open(url).open()
    try:
        read_layout(reader, LayoutOverrides(), url=url)
    except SegyError:
        return False
    finally:
        reader.close()
    return True
