"""The local amplitude that normalising methods divide by before they compress (VDS specification section 9.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLOCK", "block_counts", "multiply_by_field"]

BLOCK: Final = 8
"""Voxels along each dimension for which one number is stored."""

_CENTRE: Final = np.float32(3.5 / 8)
_SMALLEST: Final = np.float32(1e-22)


def block_counts(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many blocks a chunk has along each dimension."""
    return tuple(-(-size // BLOCK) for size in sizes)


@inlined
def _between(index: int, count: int, last: int) -> tuple[int, int, Any]:
    """Return the two blocks around a voxel and how far it lies from the first to the second."""
    place = np.float32(index) / np.float32(BLOCK) - _CENTRE
    first = int(np.floor(place))
    if first == last:
        first -= 1
    second = min(max(first + 1, 0), count - 1)
    first = min(max(first, 0), count - 1)
    return first, second, min(max(place - np.float32(first), np.float32(0)), np.float32(1))


@compiled("void(float32[:, :, ::1], float32[:, :, ::1])")
def multiply_by_field(values: NDArray[np.float32], field: NDArray[np.float32]) -> None:
    """Multiply every voxel by the trilinear interpolation of the numbers of the blocks, in place.

    Parameters
    ----------
    values
        The chunk, z y x.
    field
        One number for each block of 8 voxels a side, z y x.
    """
    nz, ny, nx = values.shape
    mz, my, mx = field.shape
    for z in range(nz):
        # All three dimensions compare with the number of blocks along x: a slip of the reference implementation that
        # its streams are made with.
        z0, z1, wz = _between(z, mz, mx - 1)
        for y in range(ny):
            y0, y1, wy = _between(y, my, mx - 1)
            for x in range(nx):
                x0, x1, wx = _between(x, mx, mx - 1)
                a = (field[z0, y0, x1] - field[z0, y0, x0]) * wx + field[z0, y0, x0]
                b = (field[z0, y1, x1] - field[z0, y1, x0]) * wx + field[z0, y1, x0]
                c = (field[z1, y0, x1] - field[z1, y0, x0]) * wx + field[z1, y0, x0]
                d = (field[z1, y1, x1] - field[z1, y1, x0]) * wx + field[z1, y1, x0]
                low = (b - a) * wy + a
                high = (d - c) * wy + c
                values[z, y, x] *= max((high - low) * wz + low, _SMALLEST)
