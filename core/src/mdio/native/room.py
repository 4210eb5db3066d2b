"""Room for what is read: memory that comes in large pages where it is large enough.

Fresh memory is handed out page by page when it is first written to. For a section of 2 MB that takes longer than
copying it there; large pages of 2 MB make a tenth of it. numpy asks for them from 4 MB on, but where its memory
begins, the first and last of them do not fit in.
"""

from __future__ import annotations

import contextlib
import math
import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["copied", "zeros"]

_PAGE = 2 << 20
_LEAST = 3 * _PAGE // 4
"""From here on at most a third more memory is taken than wanted."""
_MOST = 32 * _PAGE
"""From here on the pages at the ends of numpy's own memory do not count."""


def zeros(shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array of zeros, C order."""
    size = math.prod(shape) * dtype.itemsize
    if not _LEAST <= size <= _MOST or not hasattr(mmap, "MADV_HUGEPAGE") or dtype.hasobject:
        return np.zeros(shape, dtype)
    memory = mmap.mmap(-1, -(-size // _PAGE) * _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a kernel without large pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype, math.prod(shape)).reshape(shape)


def copied(array: NDArray[Any]) -> NDArray[Any]:
    """Return a copy, C order."""
    copy = zeros(array.shape, array.dtype)
    copy[...] = array
    return copy
