"""Byte planes: the k-th bytes of all items, side by side.

Floating-point samples shrink only plane by plane: the plane of the exponents compresses well, those of the
mantissas hardly. Items as wide as a machine word are taken apart with shifts, which numpy vectorises; a
byte-wise transpose is several times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TRIED", "WEAK", "WEAK_SQUARES", "join", "noisy", "split"]

Bytes = NDArray[np.uint8]

_WORDS: dict[int, np.dtype[Any]] = {2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<u8")}

_PIECE_ITEMS = 16384
"""Items taken apart at once: temporaries stay in the cache, and the allocator has them at hand; fresh pages for
larger ones cost more than the arithmetic."""

TRIED = 4
"""Of so many blocks one is compressed whatever it looks like; the others only where its plane shrank, or where their
own looks like anything but noise. Planes that repeat themselves look like noise as well, but shrink."""

WEAK = 10
"""At level 1 a plane that shrinks by less than a tenth is stored as it is in every other block: inflating it takes as
long as all else of a read, and saves a fiftieth of the chunk. IBM floats have such a plane: their lowest bits are often
zero. Higher levels are for those who want every byte."""
WEAK_SQUARES = 16_000
"""Such a plane, by the squares that :func:`noisy` sums up; more than that has one that is partly padding, say."""

_NOISE_LEAST, _NOISE_RUNS, _NOISE_RUN = 8192, 4, 256
_NOISE_SQUARES = 5600
"""Of 1024 random bytes the squares of the counts of each value sum up to 5116 ± 90; of bytes that a Huffman code
shortens by a sixteenth, to 6800."""


def noisy(planes: Bytes, limit: int = _NOISE_SQUARES) -> NDArray[np.bool_]:
    """Return which planes, ``(…, bytes)``, a sample of their bytes takes for noise, which no codec shortens.

    It counts how often each value is there; noise has the smallest sum of squares of that, and ``limit`` is more.
    """
    size = planes.shape[-1]
    if size < _NOISE_LEAST:
        return np.zeros(planes.shape[:-1], np.bool_)
    at = np.arange(_NOISE_RUNS)[:, None] * (size // _NOISE_RUNS) + np.arange(_NOISE_RUN)
    sample = planes[..., at.reshape(-1)].reshape(-1, at.size)
    number = np.arange(len(sample), dtype=np.int64)[:, None] * 256
    counts = np.bincount((sample + number).reshape(-1), minlength=256 * len(sample)).reshape(-1, 256)
    found: NDArray[np.bool_] = (np.sum(counts * counts, axis=1) < limit).reshape(planes.shape[:-1])
    return found


def split(data: Bytes, typesize: int, out: Bytes | None = None) -> Bytes:
    """Return the byte planes of items.

    Parameters
    ----------
    data
        Whole items, contiguous.
    typesize
        Bytes of one item.
    out
        Room for as many bytes.

    Returns
    -------
    ndarray of uint8, shape (typesize, items)
    """
    items = data.size // typesize
    planes = np.empty((typesize, items), np.uint8) if out is None else out.reshape(typesize, items)
    if typesize in _WORDS:
        words = data.view(_WORDS[typesize])
        for start in range(0, items, _PIECE_ITEMS):
            piece = slice(start, start + _PIECE_ITEMS)
            _halve(words[piece], planes[:, piece])
    else:
        planes[...] = data.reshape(items, typesize).T
    return planes


def _halve(words: NDArray[Any], planes: Bytes) -> None:
    """Write the planes of words by cutting them into halves; casts keep the low bits."""
    half = len(planes) // 2
    if half == 1:
        planes[0] = words
        planes[1] = words >> 8
        return
    narrow = _WORDS[half]
    _halve(words.astype(narrow), planes[:half])
    _halve((words >> (8 * half)).astype(narrow), planes[half:])


def join(planes: Sequence[Bytes] | Bytes, out: Bytes) -> None:
    """Write items into ``out`` (contiguous, ``len(planes)`` bytes an item) from their byte planes."""
    typesize = len(planes)
    if typesize == 4:
        words = out.view(_WORDS[4])
        low, high = _pair(planes[0], planes[1]), _pair(planes[2], planes[3])
        words[...] = high
        words <<= 16
        words |= low
    elif typesize == 2:
        out.view(_WORDS[2])[...] = _pair(planes[0], planes[1])
    elif typesize <= 16:
        items = out.reshape(-1, typesize)
        for k, plane in enumerate(planes):
            items[:, k] = plane
    else:
        # Header records: few items to a block, so that a transpose stays in the cache.
        out.reshape(-1, typesize)[...] = np.asarray(planes).T


def _pair(low: Bytes, high: Bytes) -> NDArray[np.uint16]:
    words = high.astype(_WORDS[2])
    words <<= 8
    words |= low
    return words
