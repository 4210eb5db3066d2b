"""Which pieces of a file are fetched together, where every request costs a round trip."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["FAR_BATCH", "spans"]

FAR_BATCH = 16 << 20
"""Most bytes of one request: some seconds of a home connection, and memory for each thread."""
_GAP = 1 << 20
"""Bytes that are fetched and thrown away rather than asked around: what a connection carries in a round trip."""


def spans(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ``(first, stop)`` positions of pieces that lie close together.

    Parameters
    ----------
    starts, ends
        Bytes of each piece, int64 ``(n,)``; ascending, and no piece overlaps the next. A piece longer than
        :data:`FAR_BATCH` stands alone.
    """
    if not len(starts):
        return
    breaks = np.flatnonzero(starts[1:] - ends[:-1] > _GAP) + 1
    for first, last in itertools.pairwise([0, *breaks.tolist(), len(starts)]):
        while first < last:
            fitting = int(np.searchsorted(ends[first:last], starts[first] + FAR_BATCH, side="right"))
            stop = first + max(1, fitting)
            yield first, stop
            first = stop
