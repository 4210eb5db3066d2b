"""The compiled inner loops of IBM floats and of header scans, where there are any.

They work without the interpreter's lock, so that threads do not queue for it. Without a compiler at installation numpy
does everything; what comes out is the same, bit for bit.
"""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["is_compiled", "words"]


def is_compiled() -> bool:
    """Whether the compiled loops are there and in use."""
    return words() is not None


@cache
def words() -> Any | None:
    """Return the module with ``decode``, ``encode`` and ``gather``, or None."""
    try:
        from mdio_segy import _words
    except ImportError:
        return None
    return _words
