"""Cuts what is to be stored of a slab into chunks; the opposite of :class:`mdio_vds.channel.ChannelReader`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.encoding import encode_block
from mdio_vds.hashes import constant_hash, payload_hash
from mdio_vds.partition import DIMENSIONS
from mdio_vds.values import sample_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mdio_vds.channels import StoredChannel
    from mdio_vds.partition import Box, Partition

__all__ = ["EncodedChunk", "cut"]


@dataclass(frozen=True, slots=True)
class EncodedChunk:
    """A chunk as it is stored: number, hash, and payload, which constant chunks do not have."""

    index: int
    hash: int
    payload: bytes


def cut(
    values: NDArray[Any],
    outer: Sequence[tuple[int, int]],
    inner: Sequence[tuple[int, int]],
    stored: StoredChannel,
    partition: Partition,
    level: int | None = None,
    wanted: Callable[[NDArray[Any]], bool] | None = None,
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
    level
        Zip level.
    wanted
        Says whether a chunk of these values is stored at all.
    """
    rest = ((0, 1),) * (DIMENSIONS - len(outer))
    box: Box = (*((lo, hi) for lo, hi in reversed(inner)), *rest)
    for position in partition.beginning_in(box):
        bounds = partition.box(position)[: len(outer)]
        picked = tuple(slice(lo - base, hi - base) for (lo, hi), (base, _) in zip(bounds[::-1], outer, strict=True))
        part = values[picked].reshape(partition.stored_shape(position)[::-1])
        if wanted is not None and not wanted(part):
            continue
        codes = np.ascontiguousarray(sample_codes(part, stored.channel))
        index = partition.index(position)
        constant = constant_hash(codes, stored.channel)
        if constant is not None:
            yield EncodedChunk(index, constant, b"")
            continue
        payload = encode_block(codes, stored.method, stored.channel, level=level)
        yield EncodedChunk(index, payload_hash(payload), payload)
