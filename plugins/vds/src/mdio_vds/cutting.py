"""Cuts what is to be stored of a slab into chunks; the opposite of :class:`mdio_vds.channel.ChannelReader`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.partition import DIMENSIONS
from mdio_vds.values import sample_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mdio_vds.channels import StoredChannel
    from mdio_vds.chunk_codes import EncodedChunk
    from mdio_vds.partition import Box, Partition

__all__ = ["SlabMemory", "cut"]

_ALIGNED = 64


class SlabMemory(threading.local):
    """Memory for the payloads of a slab, used again for each slab of a thread: fresh pages cost as much as a copy."""

    def __init__(self) -> None:
        self._buffer = np.empty(0, np.uint8)
        self._taken = 0

    def begin(self) -> None:
        """Take everything back; whoever holds some of it is through."""
        if self._taken > self._buffer.size:
            self._buffer = np.empty(self._taken, np.uint8)
        self._taken = 0

    def take(self, size: int) -> NDArray[np.uint8]:
        """Return so many bytes; those that a slab before did not need are freshly made."""
        start = self._taken
        self._taken += -(-size // _ALIGNED) * _ALIGNED
        return self._buffer[start : start + size] if self._taken <= self._buffer.size else np.empty(size, np.uint8)


def cut(
    values: NDArray[Any],
    outer: Sequence[tuple[int, int]],
    inner: Sequence[tuple[int, int]],
    stored: StoredChannel,
    partition: Partition,
    wanted: Callable[[NDArray[Any]], bool] | None = None,
    memory: Callable[[int], NDArray[np.uint8]] | None = None,
) -> Iterator[EncodedChunk]:
    """Yield the chunks of full resolution that begin in a box.

    Parameters
    ----------
    values
        Samples, or values a trace as the last axis; slowest axis first.
    outer
        Where they lie: half-open bounds of each axis, margins included.
    inner
        The box in which chunks are to begin.
    stored
        The channel and its encoding.
    partition
        Its chunk grid.
    wanted
        Says whether a chunk of these values is stored at all.
    memory
        See :func:`~mdio_vds.encoding.encode_block`.
    """
    rest = ((0, 1),) * (DIMENSIONS - len(outer))
    box: Box = (*((lo, hi) for lo, hi in reversed(inner)), *rest)
    for position in partition.beginning_in(box):
        bounds = partition.box(position)[: len(outer)]
        picked = tuple(slice(lo - base, hi - base) for (lo, hi), (base, _) in zip(bounds[::-1], outer, strict=True))
        part = values[picked].reshape(partition.stored_shape(position)[::-1])
        if wanted is not None and not wanted(part):
            continue
        codes = sample_codes(part, stored.channel)
        yield stored.encoding.chunk(partition.index(position), codes, stored.channel, memory)
