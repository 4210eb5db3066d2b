"""How many bit planes every node of the trees is needed in, and which coefficients readers therefore get to know.

VDS specification section 9.10. This is all that has to be found out to tell what readers decode; nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.wavelet.bands import FIELD_BITS
from mdio_vds.wavelet.compiled import compiled
from mdio_vds.wavelet.planes_out import known_value
from mdio_vds.wavelet.tree import child_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEEPER", "DEPTH", "depths_irregular", "depths_regular"]

DEEPER: Final = 8
"""The bits of all descendants are in the lower half of a depth, from here on those of descendants but children."""
DEPTH: Final = 255


@compiled(
    "void(uint8[::1], uint32[::1], float32[::1], float32[::1], int64[:, ::1], int64[::1], int64[::1], uint16[::1],"
    " float32[::1])"
)
def depths_regular(
    lengths: NDArray[np.uint8],
    quantised: NDArray[np.uint32],
    table: NDArray[np.float32],
    weights: NDArray[np.float32],
    sizes: NDArray[np.int64],
    masks: NDArray[np.int64],
    corners: NDArray[np.int64],
    depths: NDArray[np.uint16],
    known: NDArray[np.float32],
) -> None:
    """Find the depths of a chunk in which the children of every node are those at twice its position.

    Parameters
    ----------
    lengths, quantised
        Of :func:`mdio_vds.wavelet.planes_out.quantise`.
    table, weights
        Of :func:`mdio_vds.wavelet.planes_out.value_table`, and of the planes.
    sizes, masks
        Of the pyramid.
    corners
        Offsets of the children of a node in the chunk.
    depths
        Receives, by position in the box of level 1, the bits of all descendants, and shifted up by :data:`DEEPER`
        those of descendants that are not children.
    known
        Receives the values that readers decode, to the last bit; others stay.
    """
    pitch_y, pitch_z = sizes[0, 0], sizes[0, 0] * sizes[0, 1]
    deep_y, deep_z = sizes[1, 0], sizes[1, 0] * sizes[1, 1]
    fx, fy, fz = 1 + (masks[0] & 1), 1 + (masks[0] >> 1 & 1), 1 + (masks[0] >> 2 & 1)
    for level in range(1, masks.size):
        here, low = sizes[level], sizes[level + 1]
        for z in range(here[2]):
            for y in range(here[1]):
                for x in range(low[0] if y < low[1] and z < low[2] else 0, here[0]):
                    first = fx * x + pitch_y * fy * y + pitch_z * fz * z
                    most = 0
                    for corner in range(corners.size):
                        most = max(most, int(lengths[first + corners[corner]]))
                    below = 0
                    if level > 1:
                        for k in range(fz):
                            for j in range(fy):
                                for i in range(fx):
                                    child = fx * x + i + deep_y * (fy * y + j) + deep_z * (fz * z + k)
                                    below = max(below, int(depths[child]) & DEPTH)
                    depths[x + deep_y * y + deep_z * z] = max(most, below) | below << DEEPER
                    if most or below:
                        for corner in range(corners.size):
                            at = first + corners[corner]
                            known[at] = known_value(quantised[at], table, weights)


@compiled(
    "void(uint8[::1], uint32[::1], float32[::1], float32[::1], int64[:, ::1], int64[::1], int64[:, :, :, ::1],"
    " int64[:, ::1], uint16[::1], float32[::1])"
)
def depths_irregular(
    lengths: NDArray[np.uint8],
    quantised: NDArray[np.uint32],
    table: NDArray[np.float32],
    weights: NDArray[np.float32],
    sizes: NDArray[np.int64],
    masks: NDArray[np.int64],
    children: NDArray[np.int64],
    band_counts: NDArray[np.int64],
    depths: NDArray[np.uint16],
    known: NDArray[np.float32],
) -> None:
    """Find the depths of a chunk of any shape; see :func:`depths_regular` for what is not listed.

    Parameters
    ----------
    children, band_counts
        Where the children of a node lie (:class:`mdio_vds.wavelet.bands.Pyramid`).
    """
    pitch_y, pitch_z = sizes[0, 0], sizes[0, 0] * sizes[0, 1]
    deep_y, deep_z = sizes[1, 0], sizes[1, 0] * sizes[1, 1]
    block = np.empty(7, np.int64)
    block[6] = 0
    for level in range(1, masks.size):
        here, low = sizes[level], sizes[level + 1]
        for z in range(here[2]):
            for y in range(here[1]):
                for x in range(low[0] if y < low[1] and z < low[2] else 0, here[0]):
                    sector = (x >= low[0]) | (y >= low[1]) << 1 | (z >= low[2]) << 2
                    node = x | y << FIELD_BITS | z << (2 * FIELD_BITS)
                    most = below = 0
                    for number in range(band_counts[level, sector]):
                        child_block(node, children[level, sector, number], block)
                        for k in range(block[2], block[5]):
                            for j in range(block[1], block[4]):
                                for i in range(block[0], block[3]):
                                    most = max(most, int(lengths[i + pitch_y * j + pitch_z * k]))
                                    if level > 1:
                                        below = max(below, int(depths[i + deep_y * j + deep_z * k]) & DEPTH)
                    depths[x + deep_y * y + deep_z * z] = max(most, below) | below << DEEPER
                    if most == 0 and below == 0:
                        continue
                    for number in range(band_counts[level, sector]):
                        child_block(node, children[level, sector, number], block)
                        for k in range(block[2], block[5]):
                            for j in range(block[1], block[4]):
                                for i in range(block[0], block[3]):
                                    at = i + pitch_y * j + pitch_z * k
                                    known[at] = known_value(quantised[at], table, weights)
