"""The inverse wavelet transform: lifting along z, y and x, coarsest level first (VDS specification section 9.7).

Every expression is evaluated in single precision in the order of the specification, so that results are those of the
reference implementation to the last bit. Both kinds of transform share their loops and differ in the two steps, which
are handed down as functions and become part of the compiled loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOW_SCALE", "inverse", "inverse_rounded", "mirrored_high", "mirrored_low"]

LOW_SCALE: Final = float(np.float32(1 / np.sqrt(2)))
"""Factor of the low half of a line before it is lifted; 1 in streams that are made for lossless integers."""

_NINE: Final = np.float32(9)
_LOW_STEP: Final = np.float32(-1 / 32)
_HIGH_STEP: Final = np.float32(1 / 16)

Loop = Callable[..., None]

Step = Callable[[Any, Any, Any, Any, Any, Any], Any]
"""New value of a coefficient from its old one, a factor, and four neighbours of the other half."""


@inlined
def _low_step(low: Any, scale: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return low * scale + _LOW_STEP * (_NINE * (b + c) - (a + d))


@inlined
def _high_step(high: Any, _scale: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return high + _HIGH_STEP * (_NINE * (b + c) - (a + d))


@inlined
def _rounded_low_step(low: Any, scale: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    scaled = low * scale
    away = np.ceil(scaled) if scaled >= 0 else np.floor(scaled)
    return away + np.rint(_LOW_STEP * (_NINE * (b + c) - (a + d)))


@inlined
def _rounded_high_step(high: Any, _scale: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return high + np.rint(_HIGH_STEP * (_NINE * (b + c) - (a + d)))


@inlined
def mirrored_high(k: int, count: int, odd: int) -> int:
    """Return which of ``count`` high coefficients stands for number ``k``; beyond the ends they are mirrored."""
    if k < 0:
        return -1 - k
    if k >= count:
        return 2 * count - 1 - k if odd else 2 * count - 2 - k
    return k


@inlined
def mirrored_low(k: int, count: int, odd: int) -> int:
    """Return which of ``count`` low coefficients stands for number ``k``; beyond the ends they are mirrored."""
    if k < 0:
        return -1 - k
    if k >= count:
        return 2 * count - 2 - k if odd else 2 * count - 1 - k
    return k


def _across(low_step: Step, high_step: Step) -> Loop:
    """Return the loop that lifts across rows."""

    @inlined
    def across(
        data: NDArray[np.float32],
        start: int,
        pitch: int,
        count: int,
        width: int,
        scale: float,
        work: NDArray[np.float32],
    ) -> None:
        """Lift across rows of neighbouring voxels that lie ``pitch`` apart."""
        odd = count & 1
        lows = (count + 1) >> 1
        highs = count - lows
        first = start + lows * pitch
        for k in range(lows):
            at = first + mirrored_high(k - 2, highs, odd) * pitch
            a = data[at : at + width]
            at = first + mirrored_high(k - 1, highs, odd) * pitch
            b = data[at : at + width]
            at = first + mirrored_high(k, highs, odd) * pitch
            c = data[at : at + width]
            at = first + mirrored_high(k + 1, highs, odd) * pitch
            d = data[at : at + width]
            old = data[start + k * pitch : start + k * pitch + width]
            new = work[k * width : (k + 1) * width]
            for x in range(width):
                new[x] = low_step(old[x], scale, a[x], b[x], c[x], d[x])
        # Row 2 k + 1 is not behind the high row k: what is overwritten has been read.
        for k in range(highs):
            at = mirrored_low(k - 1, lows, odd) * width
            a = work[at : at + width]
            b = work[k * width : (k + 1) * width]
            at = mirrored_low(k + 1, lows, odd) * width
            c = work[at : at + width]
            at = mirrored_low(k + 2, lows, odd) * width
            d = work[at : at + width]
            old = data[first + k * pitch : first + k * pitch + width]
            at = start + 2 * k * pitch
            new = data[at + pitch : at + pitch + width]
            for x in range(width):
                new[x] = high_step(old[x], scale, a[x], b[x], c[x], d[x])
            new = data[at : at + width]
            for x in range(width):
                new[x] = b[x]
        if odd:
            at = start + 2 * highs * pitch
            data[at : at + width] = work[highs * width : lows * width]

    return across


def _along(low_step: Step, high_step: Step) -> Loop:
    """Return the loop that lifts along a row."""

    @inlined
    def along(line: NDArray[np.float32], scale: float, work: NDArray[np.float32]) -> None:
        """Lift along neighbouring voxels."""
        count = line.size
        odd = count & 1
        lows = (count + 1) >> 1
        highs = count - lows
        low = work[:lows]
        high = work[lows:count]
        old = line[:lows]
        other = line[lows:]
        for k in (0, 1):
            a, b = other[mirrored_high(k - 2, highs, odd)], other[mirrored_high(k - 1, highs, odd)]
            low[k] = low_step(old[k], scale, a, b, other[k], other[k + 1])
        inner, out = old[2:], low[2:]
        b_, c_, d_ = other[1:], other[2:], other[3:]
        for k in range(highs - 3):
            out[k] = low_step(inner[k], scale, other[k], b_[k], c_[k], d_[k])
        for k in range(highs - 1, lows):
            c, d = other[mirrored_high(k, highs, odd)], other[mirrored_high(k + 1, highs, odd)]
            low[k] = low_step(old[k], scale, other[k - 2], other[k - 1], c, d)
        high[0] = high_step(other[0], scale, low[0], low[0], low[1], low[2])
        inner, out = other[1:], high[1:]
        b_, c_, d_ = low[1:], low[2:], low[3:]
        for k in range(lows - 3):
            out[k] = high_step(inner[k], scale, low[k], b_[k], c_[k], d_[k])
        for k in range(lows - 2, highs):
            c, d = low[mirrored_low(k + 1, lows, odd)], low[mirrored_low(k + 2, lows, odd)]
            high[k] = high_step(other[k], scale, low[k - 1], low[k], c, d)
        for k in range(highs):
            line[2 * k] = low[k]
            line[2 * k + 1] = high[k]
        if odd:
            line[count - 1] = low[highs]

    return along


def _levels(low_step: Step, high_step: Step) -> Loop:
    """Return the loop over all levels."""
    across, along = _across(low_step, high_step), _along(low_step, high_step)

    @inlined
    def levels(
        data: NDArray[np.float32],
        sizes: NDArray[np.int64],
        masks: NDArray[np.int64],
        scale: float,
    ) -> None:
        pitch_y = sizes[0, 0]
        pitch_z = pitch_y * sizes[0, 1]
        longest = max(sizes[0, 1], sizes[0, 2])
        work = np.empty(((longest + 1) >> 1) * pitch_y + pitch_y, np.float32)
        for level in range(masks.size - 1, -1, -1):
            nx, ny, nz = sizes[level, 0], sizes[level, 1], sizes[level, 2]
            if masks[level] & 4:
                for y in range(ny):
                    across(data, y * pitch_y, pitch_z, nz, nx, scale, work)
            for z in range(nz):  # y and x of a plane together, while it is in the cache
                if masks[level] & 2:
                    across(data, z * pitch_z, pitch_y, ny, nx, scale, work)
                if masks[level] & 1:
                    for y in range(ny):
                        start = z * pitch_z + y * pitch_y
                        along(data[start : start + nx], scale, work)

    return levels


_plain = _levels(_low_step, _high_step)
_rounded = _levels(_rounded_low_step, _rounded_high_step)


@compiled("void(float32[::1], int64[:, ::1], int64[::1], float32)")
def inverse(data: NDArray[np.float32], sizes: NDArray[np.int64], masks: NDArray[np.int64], scale: float) -> None:
    """Turn coefficients into voxels in place.

    Parameters
    ----------
    data
        The chunk, x fastest; single precision.
    sizes, masks
        Of its pyramid (:class:`mdio_vds.wavelet.bands.Pyramid`). Split lines have at least 8 voxels.
    scale
        Factor of low halves, :data:`LOW_SCALE` or 1.
    """
    _plain(data, sizes, masks, scale)


@compiled("void(float32[::1], int64[:, ::1], int64[::1], float32)")
def inverse_rounded(
    data: NDArray[np.float32], sizes: NDArray[np.int64], masks: NDArray[np.int64], scale: float
) -> None:
    """Turn coefficients into voxels in place, every lifting step rounded to whole numbers (streams of U8 and U16).

    Low halves are rounded away from zero after scaling, steps half to even. See :func:`inverse`.
    """
    _rounded(data, sizes, masks, scale)
