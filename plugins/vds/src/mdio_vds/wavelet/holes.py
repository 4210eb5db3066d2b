"""Smooth numbers for voxels that have none, so that the transform does not spend its bits on the edges of holes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.wavelet.compiled import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fill_holes"]

_SWEEPS: Final = 3


@inlined
def _relax(values: NDArray[np.float32], holes: NDArray[np.uint8]) -> None:
    """Bring voxels in holes nearer to the mean of their neighbours."""
    nz, ny, nx = values.shape
    for _ in range(_SWEEPS):
        for z in range(nz):
            for y in range(ny):
                for x in range(nx):
                    if holes[z, y, x]:
                        near = values[max(z - 1, 0), y, x] + values[min(z + 1, nz - 1), y, x]
                        near += values[z, max(y - 1, 0), x] + values[z, min(y + 1, ny - 1), x]
                        near += values[z, y, max(x - 1, 0)] + values[z, y, min(x + 1, nx - 1)]
                        values[z, y, x] = near * np.float32(1 / 6)


@compiled("void(float32[:, :, ::1], uint8[:, :, ::1], float32[:, :, ::1], uint8[:, :, ::1])")
def _gather(
    values: NDArray[np.float32],
    holes: NDArray[np.uint8],
    coarse: NDArray[np.float32],
    coarse_holes: NDArray[np.uint8],
) -> None:
    """Take the mean of what is known in each cell of two voxels a side."""
    nz, ny, nx = values.shape
    for z in range(coarse.shape[0]):
        for y in range(coarse.shape[1]):
            for x in range(coarse.shape[2]):
                total = np.float64(0)
                count = 0
                for k in range(2 * z, min(2 * z + 2, nz)):
                    for j in range(2 * y, min(2 * y + 2, ny)):
                        for i in range(2 * x, min(2 * x + 2, nx)):
                            if not holes[k, j, i]:
                                total += values[k, j, i]
                                count += 1
                coarse_holes[z, y, x] = count == 0
                coarse[z, y, x] = total / max(count, 1)


@compiled("void(float32[:, :, ::1], uint8[:, :, ::1], float32[:, :, ::1])")
def _spread(values: NDArray[np.float32], holes: NDArray[np.uint8], coarse: NDArray[np.float32]) -> None:
    """Give voxels in holes what their cell has, and smooth it."""
    nz, ny, nx = values.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if holes[z, y, x]:
                    values[z, y, x] = coarse[z >> 1, y >> 1, x >> 1]
    _relax(values, holes)


def fill_holes(values: NDArray[np.float32], holes: NDArray[np.uint8]) -> None:
    """Replace the voxels of holes, in place.

    Parameters
    ----------
    values
        The chunk, three axes; what is not in a hole is finite.
    holes
        1 where a voxel is to be replaced. Where all are, they become 0.
    """
    if not holes.any():
        return
    if values.size == 1:
        values[...] = 0
        return
    shape = tuple((length + 1) // 2 for length in values.shape)
    coarse, coarse_holes = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    _gather(values, holes, coarse, coarse_holes)
    fill_holes(coarse, coarse_holes)
    _spread(values, holes, coarse)
