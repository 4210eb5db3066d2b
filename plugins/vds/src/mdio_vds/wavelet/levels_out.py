"""The adaptive level bytes of a chunk to write (VDS specification section 9.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdio_vds.chunks import ADAPTIVE_LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["level_bytes"]


def level_bytes(total: int, needed: Sequence[int]) -> bytes:
    """Return the 16 level bytes, such that no prefix is shorter than what its level needs.

    Parameters
    ----------
    total
        Bytes of the payload.
    needed
        Bytes that each level needs, descending; levels beyond it read as much as its last one.
    """
    shares = []
    length = total
    for size in needed[:ADAPTIVE_LEVELS]:
        share = min(255, -(-size * 255 // length))
        shares.append(share)
        length = length * share // 255
    return bytes(shares).ljust(ADAPTIVE_LEVELS, b"\0")
