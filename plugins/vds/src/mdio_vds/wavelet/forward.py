"""The wavelet transform: lifting along x, y and z, finest level first; undone by :mod:`mdio_vds.wavelet.transform`.

VDS specification sections 9.7 and 9.10. Rounded lifting is undone exactly as long as numbers stay below 2^24; plain
lifting up to the rounding of single precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled, inlined
from mdio_vds.wavelet.lifting import Loop, Step, high_line, high_rows, low_line, low_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOW_GAIN", "forward", "forward_rounded"]

LOW_GAIN: Final = float(np.float32(np.sqrt(2)))
"""Factor of the low half of a line after it was lifted; 1 in streams that are made for lossless integers."""

_NINE: Final = np.float32(9)
_LOW_STEP: Final = np.float32(1 / 32)
_HIGH_STEP: Final = np.float32(1 / 16)


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
    lift_low, lift_high = low_rows(low_step), high_rows(high_step)

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
        lows = (count + 1) >> 1
        odd_rows = start + pitch
        lift_high(data, odd_rows, 2 * pitch, data, start, 2 * pitch, work, 0, width, count, width, gain)
        # Row k is not behind row 2 k, and the odd rows are in the work memory: what is overwritten has been read.
        lift_low(data, start, 2 * pitch, work, 0, width, data, start, pitch, count, width, gain)
        for k in range(count - lows):
            at = start + (lows + k) * pitch
            new = data[at : at + width]
            old = work[k * width : (k + 1) * width]
            for x in range(width):
                new[x] = old[x]

    return across


def _along(low_step: Step, high_step: Step) -> Loop:
    """Return the loop that lifts along a row."""
    lift_low, lift_high = low_line(low_step), high_line(high_step)

    @inlined
    def along(line: NDArray[np.float32], gain: float, work: NDArray[np.float32]) -> None:
        """Lift along neighbouring voxels."""
        count = line.size
        lows = (count + 1) >> 1
        highs = count - lows
        low = work[:lows]
        other = work[lows:count]
        for k in range(highs):
            low[k] = line[2 * k]
            other[k] = line[2 * k + 1]
        if count & 1:
            low[highs] = line[count - 1]
        high = line[lows:]
        lift_high(other, low, high, gain)
        lift_low(low, high, line[:lows], gain)

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
