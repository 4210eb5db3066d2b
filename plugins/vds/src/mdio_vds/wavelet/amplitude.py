"""The local amplitude that normalising methods divide by, found and applied; :mod:`~mdio_vds.wavelet.normalise` undoes.

The reference implementation takes the mean magnitude of each block (observed; VDS specification section 9.2, part 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mdio_vds.wavelet.normalise import BLOCK, block_counts, multiply_by_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["divide_by_amplitude"]

_LEAST: Final = 1e-6
"""Smallest amplitude of a block, as a share of the largest: voxels of a silent block may be read with any other one."""


def divide_by_amplitude(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide voxels by the amplitude around them, in place; return the amplitudes of the blocks, z y x.

    Parameters
    ----------
    values
        The chunk, z y x; finite.
    """
    sums = np.abs(values, dtype=np.float64)
    voxels = 1.0
    for axis, length in enumerate(values.shape):
        starts = np.arange(0, length, BLOCK)
        sums = np.add.reduceat(sums, starts, axis=axis)
        counts = np.minimum(starts + BLOCK, length) - starts
        voxels = voxels * counts.reshape([-1 if d == axis else 1 for d in range(3)])
    field = (sums / voxels).astype(np.float32)
    np.maximum(field, np.float32(field.max() * _LEAST), out=field)
    assert field.shape == block_counts(values.shape)
    factors = np.ones_like(values)
    multiply_by_field(factors, field)
    values /= factors
    return field
