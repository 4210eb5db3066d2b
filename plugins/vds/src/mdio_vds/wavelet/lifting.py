"""One lifting step along a line or across rows: what both directions of the wavelet transform are made of.

VDS specification section 9.7. A step gives half of the coefficients of a line, low or high ones, new values from their
old ones and four neighbours of the other half. What the values are is handed down as a function and becomes part of the
compiled loops; they lie wherever the direction wants them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mdio_vds.wavelet.compiled import inlined, spliced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Loop", "Step", "high_line", "high_rows", "low_line", "low_rows"]

Loop = Callable[..., None]

Step = Callable[[Any, Any, Any, Any, Any, Any], Any]
"""New value of a coefficient from its old one, a factor, and four neighbours of the other half."""


@inlined
def _mirrored_high(k: int, count: int, odd: int) -> int:
    """Return which of ``count`` high coefficients stands for number ``k``; beyond the ends they are mirrored."""
    if k < 0:
        return -1 - k
    if k >= count:
        return 2 * count - 1 - k if odd else 2 * count - 2 - k
    return k


@inlined
def _mirrored_low(k: int, count: int, odd: int) -> int:
    """Return which of ``count`` low coefficients stands for number ``k``; beyond the ends they are mirrored."""
    if k < 0:
        return -1 - k
    if k >= count:
        return 2 * count - 2 - k if odd else 2 * count - 1 - k
    return k


def low_rows(step: Step) -> Loop:
    """Return the loop that gives rows of low coefficients new values."""

    @spliced
    def rows(
        old: NDArray[np.float32],
        old_at: int,
        old_pitch: int,
        high: NDArray[np.float32],
        high_at: int,
        high_pitch: int,
        new: NDArray[np.float32],
        new_at: int,
        new_pitch: int,
        count: int,
        width: int,
        factor: float,
    ) -> None:
        """Each of ``old``, ``high`` and ``new`` has rows from a place on that lie a pitch apart."""
        odd = count & 1
        lows = (count + 1) >> 1
        highs = count - lows
        for k in range(lows):
            at = high_at + _mirrored_high(k - 2, highs, odd) * high_pitch
            a = high[at : at + width]
            at = high_at + _mirrored_high(k - 1, highs, odd) * high_pitch
            b = high[at : at + width]
            at = high_at + _mirrored_high(k, highs, odd) * high_pitch
            c = high[at : at + width]
            at = high_at + _mirrored_high(k + 1, highs, odd) * high_pitch
            d = high[at : at + width]
            was = old[old_at + k * old_pitch : old_at + k * old_pitch + width]
            out = new[new_at + k * new_pitch : new_at + k * new_pitch + width]
            for x in range(width):
                out[x] = step(was[x], factor, a[x], b[x], c[x], d[x])

    return rows


def high_rows(step: Step) -> Loop:
    """Return the loop that gives rows of high coefficients new values."""

    @spliced
    def rows(
        old: NDArray[np.float32],
        old_at: int,
        old_pitch: int,
        low: NDArray[np.float32],
        low_at: int,
        low_pitch: int,
        new: NDArray[np.float32],
        new_at: int,
        new_pitch: int,
        count: int,
        width: int,
        factor: float,
    ) -> None:
        """Each of ``old``, ``low`` and ``new`` has rows from a place on that lie a pitch apart."""
        odd = count & 1
        lows = (count + 1) >> 1
        for k in range(count - lows):
            at = low_at + _mirrored_low(k - 1, lows, odd) * low_pitch
            a = low[at : at + width]
            at = low_at + k * low_pitch
            b = low[at : at + width]
            at = low_at + _mirrored_low(k + 1, lows, odd) * low_pitch
            c = low[at : at + width]
            at = low_at + _mirrored_low(k + 2, lows, odd) * low_pitch
            d = low[at : at + width]
            was = old[old_at + k * old_pitch : old_at + k * old_pitch + width]
            out = new[new_at + k * new_pitch : new_at + k * new_pitch + width]
            for x in range(width):
                out[x] = step(was[x], factor, a[x], b[x], c[x], d[x])

    return rows


def low_line(step: Step) -> Loop:
    """Return the loop that gives the low coefficients of a line new values."""

    @spliced
    def line(old: NDArray[np.float32], high: NDArray[np.float32], new: NDArray[np.float32], factor: float) -> None:
        lows, highs = old.size, high.size
        odd = lows - highs
        for k in (0, 1):
            a, b = high[_mirrored_high(k - 2, highs, odd)], high[_mirrored_high(k - 1, highs, odd)]
            new[k] = step(old[k], factor, a, b, high[k], high[k + 1])
        was, out = old[2:], new[2:]
        b_, c_, d_ = high[1:], high[2:], high[3:]
        for k in range(highs - 3):
            out[k] = step(was[k], factor, high[k], b_[k], c_[k], d_[k])
        for k in range(highs - 1, lows):
            c, d = high[_mirrored_high(k, highs, odd)], high[_mirrored_high(k + 1, highs, odd)]
            new[k] = step(old[k], factor, high[k - 2], high[k - 1], c, d)

    return line


def high_line(step: Step) -> Loop:
    """Return the loop that gives the high coefficients of a line new values."""

    @spliced
    def line(old: NDArray[np.float32], low: NDArray[np.float32], new: NDArray[np.float32], factor: float) -> None:
        lows, highs = low.size, old.size
        odd = lows - highs
        new[0] = step(old[0], factor, low[0], low[0], low[1], low[2])
        was, out = old[1:], new[1:]
        b_, c_, d_ = low[1:], low[2:], low[3:]
        for k in range(lows - 3):
            out[k] = step(was[k], factor, low[k], b_[k], c_[k], d_[k])
        for k in range(lows - 2, highs):
            c, d = low[_mirrored_low(k + 1, lows, odd)], low[_mirrored_low(k + 2, lows, odd)]
            new[k] = step(old[k], factor, low[k - 1], low[k], c, d)

    return line
