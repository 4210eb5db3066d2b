"""The wavelet transform: lifting along x, y and z, finest level first; undone by :mod:`mdio_vds.wavelet.transform`.

VDS specification sections 9.7 and 9.10. Rounded lifting is undone exactly as long as numbers stay below 2^24; plain
lifting up to the rounding of single precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled, inlined
from mdio_vds.wavelet.transform import mirrored_high, mirrored_low

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOW_GAIN", "forward", "forward_rounded"]

LOW_GAIN: Final = float(np.float32(np.sqrt(2)))
"""Factor of the low half of a line after it was lifted; 1 in streams that are made for lossless integers."""

_NINE: Final = np.float32(9)
_LOW_STEP: Final = np.float32(1 / 32)
_HIGH_STEP: Final = np.float32(1 / 16)

Loop = Callable[..., None]

Step = Callable[[Any, Any, Any, Any, Any, Any], Any]
"""New value of a coefficient from its old one, a factor, and four neighbours of the other half."""


@inlined
def _low_step(low: Any, gain: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return (low + _LOW_STEP * (_NINE * (b + c) - (a + d))) * gain


@inlined
def _high_step(high: Any, _gain: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return high - _HIGH_STEP * (_NINE * (b + c) - (a + d))


@inlined
def _rounded_low_step(low: Any, gain: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    # Away from zero goes the way back: what is cut off here comes back there.
    return np.trunc((low - np.rint(-_LOW_STEP * (_NINE * (b + c) - (a + d)))) * gain)


@inlined
def _rounded_high_step(high: Any, _gain: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return high - np.rint(_HIGH_STEP * (_NINE * (b + c) - (a + d)))


def _across(low_step: Step, high_step: Step) -> Loop:
    """Return the loop that lifts across rows."""

    @inlined
    def across(
        data: NDArray[np.float32],
        start: int,
        pitch: int,
        count: int,
        width: int,
        gain: float,
        work: NDArray[np.float32],
    ) -> None:
        """Lift across rows of neighbouring voxels that lie ``pitch`` apart."""
        odd = count & 1
        lows = (count + 1) >> 1
        highs = count - lows
        for k in range(highs):
            at = start + 2 * mirrored_low(k - 1, lows, odd) * pitch
            a = data[at : at + width]
            at = start + 2 * k * pitch
            b = data[at : at + width]
            old = data[at + pitch : at + pitch + width]
            at = start + 2 * mirrored_low(k + 1, lows, odd) * pitch
            c = data[at : at + width]
            at = start + 2 * mirrored_low(k + 2, lows, odd) * pitch
            d = data[at : at + width]
            new = work[k * width : (k + 1) * width]
            for x in range(width):
                new[x] = high_step(old[x], gain, a[x], b[x], c[x], d[x])
        # Row k is not behind row 2 k, and the odd rows are in the work memory: what is overwritten has been read.
        for k in range(lows):
            at = mirrored_high(k - 2, highs, odd) * width
            a = work[at : at + width]
            at = mirrored_high(k - 1, highs, odd) * width
            b = work[at : at + width]
            at = mirrored_high(k, highs, odd) * width
            c = work[at : at + width]
            at = mirrored_high(k + 1, highs, odd) * width
            d = work[at : at + width]
            old = data[start + 2 * k * pitch : start + 2 * k * pitch + width]
            new = data[start + k * pitch : start + k * pitch + width]
            for x in range(width):
                new[x] = low_step(old[x], gain, a[x], b[x], c[x], d[x])
        for k in range(highs):
            at = start + (lows + k) * pitch
            new = data[at : at + width]
            old = work[k * width : (k + 1) * width]
            for x in range(width):
                new[x] = old[x]

    return across


def _along(low_step: Step, high_step: Step) -> Loop:
    """Return the loop that lifts along a row."""

    @inlined
    def along(line: NDArray[np.float32], gain: float, work: NDArray[np.float32]) -> None:
        """Lift along neighbouring voxels."""
        count = line.size
        odd = count & 1
        lows = (count + 1) >> 1
        highs = count - lows
        low = work[:lows]
        other = work[lows:count]
        for k in range(highs):
            low[k] = line[2 * k]
            other[k] = line[2 * k + 1]
        if odd:
            low[highs] = line[count - 1]
        high = line[lows:]
        high[0] = high_step(other[0], gain, low[0], low[0], low[1], low[2])
        inner, out = other[1:], high[1:]
        b_, c_, d_ = low[1:], low[2:], low[3:]
        for k in range(lows - 3):
            out[k] = high_step(inner[k], gain, low[k], b_[k], c_[k], d_[k])
        for k in range(lows - 2, highs):
            c, d = low[mirrored_low(k + 1, lows, odd)], low[mirrored_low(k + 2, lows, odd)]
            high[k] = high_step(other[k], gain, low[k - 1], low[k], c, d)
        new = line[:lows]
        for k in (0, 1):
            a, b = high[mirrored_high(k - 2, highs, odd)], high[mirrored_high(k - 1, highs, odd)]
            new[k] = low_step(low[k], gain, a, b, high[k], high[k + 1])
        inner, out = low[2:], new[2:]
        b_, c_, d_ = high[1:], high[2:], high[3:]
        for k in range(highs - 3):
            out[k] = low_step(inner[k], gain, high[k], b_[k], c_[k], d_[k])
        for k in range(highs - 1, lows):
            c, d = high[mirrored_high(k, highs, odd)], high[mirrored_high(k + 1, highs, odd)]
            new[k] = low_step(low[k], gain, high[k - 2], high[k - 1], c, d)

    return along


def _levels(low_step: Step, high_step: Step) -> Loop:
    """Return the loop over all levels."""
    across, along = _across(low_step, high_step), _along(low_step, high_step)

    @inlined
    def levels(
        data: NDArray[np.float32],
        sizes: NDArray[np.int64],
        masks: NDArray[np.int64],
        gain: float,
    ) -> None:
        pitch_y = sizes[0, 0]
        pitch_z = pitch_y * sizes[0, 1]
        longest = max(sizes[0, 1], sizes[0, 2])
        work = np.empty(((longest + 1) >> 1) * pitch_y + pitch_y, np.float32)
        for level in range(masks.size):
            nx, ny, nz = sizes[level, 0], sizes[level, 1], sizes[level, 2]
            for z in range(nz):  # x and y of a plane together, while it is in the cache
                if masks[level] & 1:
                    for y in range(ny):
                        start = z * pitch_z + y * pitch_y
                        along(data[start : start + nx], gain, work)
                if masks[level] & 2:
                    across(data, z * pitch_z, pitch_y, ny, nx, gain, work)
            if masks[level] & 4:
                for y in range(ny):
                    across(data, y * pitch_y, pitch_z, nz, nx, gain, work)

    return levels


_plain = _levels(_low_step, _high_step)
_rounded = _levels(_rounded_low_step, _rounded_high_step)


@compiled("void(float32[::1], int64[:, ::1], int64[::1], float32)")
def forward(data: NDArray[np.float32], sizes: NDArray[np.int64], masks: NDArray[np.int64], gain: float) -> None:
    """Turn voxels into coefficients in place.

    Parameters
    ----------
    data
        The chunk, x fastest; single precision.
    sizes, masks
        Of its pyramid (:class:`mdio_vds.wavelet.bands.Pyramid`). Split lines have at least 8 voxels.
    gain
        Factor of low halves, :data:`LOW_GAIN` or 1.
    """
    _plain(data, sizes, masks, gain)


@compiled("void(float32[::1], int64[:, ::1], int64[::1], float32)")
def forward_rounded(data: NDArray[np.float32], sizes: NDArray[np.int64], masks: NDArray[np.int64], gain: float) -> None:
    """Turn whole numbers into coefficients that are whole numbers, in place. See :func:`forward`."""
    _rounded(data, sizes, masks, gain)
