"""Keeps the process as small as its budget says.

glibc raises the size from which it maps memory by itself after the first large block is freed; from then on slabs of
20 MB live in the heap, which does not shrink again. A fixed size gives every slab back when it is done.
"""

from __future__ import annotations

__all__ = ["give_slabs_back"]

_TRIM, _MAP = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
_LARGE = 4 << 20


def give_slabs_back() -> None:
    """Have blocks above 4 MiB mapped and unmapped on their own; does nothing where the C library is another."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_MAP, _LARGE)
    mallopt(_TRIM, 2 * _LARGE)
