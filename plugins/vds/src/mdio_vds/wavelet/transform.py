"""The inverse wavelet transform: lifting along z, y and x, coarsest level first (VDS specification section 9.7).

Every expression is evaluated in single precision in the order of the specification, so that results are those of the
reference implementation to the last bit. Both kinds of transform share their loops
(:mod:`mdio_vds.wavelet.lifting`) and differ in the two steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled, inlined
from mdio_vds.wavelet.lifting import Loop, Step, high_line, high_rows, low_line, low_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LOW_SCALE", "inverse", "inverse_rounded"]

LOW_SCALE: Final = float(np.float32(1 / np.sqrt(2)))
"""Factor of the low half of a line before it is lifted; 1 in streams that are made for lossless integers."""

_NINE: Final = np.float32(9)
_LOW_STEP: Final = np.float32(-1 / 32)
_HIGH_STEP: Final = np.float32(1 / 16)


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
        scale: float,
        work: NDArray[np.float32],
    ) -> None:
        """Lift across rows of neighbouring voxels that lie ``pitch`` apart."""
        lows = (count + 1) >> 1
        first = start + lows * pitch
        odd_rows = start + pitch
        lift_low(data, start, pitch, data, first, pitch, work, 0, width, count, width, scale)
        # Row 2 k + 1 is not behind the high row k: what is overwritten has been read.
        lift_high(data, first, pitch, work, 0, width, data, odd_rows, 2 * pitch, count, width, scale)
        for k in range(lows):
            at = start + 2 * k * pitch
            new = data[at : at + width]
            old = work[k * width : (k + 1) * width]
            for x in range(width):
                new[x] = old[x]

    return across


def _along(low_step: Step, high_step: Step) -> Loop:
    """Return the loop that lifts along a row."""
    lift_low, lift_high = low_line(low_step), high_line(high_step)

    @inlined
    def along(line: NDArray[np.float32], scale: float, work: NDArray[np.float32]) -> None:
        """Lift along neighbouring voxels."""
        count = line.size
        lows = (count + 1) >> 1
        highs = count - lows
        low = work[:lows]
        high = work[lows:count]
        other = line[lows:]
        lift_low(line[:lows], other, low, scale)
        lift_high(other, low, high, scale)
        for k in range(highs):
            line[2 * k] = low[k]
            line[2 * k + 1] = high[k]
        if count & 1:
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
