"""The compiled loop of :mod:`mdio.flow.statistics`, where there is one.

It takes a third of the time that numpy takes in several passes. Without a compiler at installation numpy does it; the
last digits of sums may differ.
"""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["is_compiled", "sums"]


def is_compiled() -> bool:
    """Whether the compiled loop is there and in use."""
    return sums() is not None


@cache
def sums() -> Any | None:
    """Return the module with ``measure``, or None."""
    try:
        from mdio.flow import _sums  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        return None
    return _sums
