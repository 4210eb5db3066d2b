"""The rule by which a voxel of a coarser level is chosen (VDS specification section 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio_vds.enums import VolumeDataFormat
from mdio_vds.values import stored_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["coarser", "special_code"]


def coarser(codes: NDArray[Any], axes: list[int], special: NDArray[Any]) -> NDArray[Any]:
    """Halve some axes: of each cell the first voxel that is not special, the fastest axis running first.

    Parameters
    ----------
    codes
        Any shape.
    axes
        Axes to halve, the fastest first; a cell cut by the end has the voxels that are there.
    special
        The code that is passed over, without dimensions. A cell of nothing else becomes special.
    """
    picked = [slice(None)] * codes.ndim
    for axis in axes:
        picked[axis] = slice(None, None, 2)
    plain = codes[tuple(picked)]
    if not (plain == special).any():
        return plain
    for axis in axes:
        even: list[slice] = [slice(None)] * codes.ndim
        odd = even.copy()
        even[axis], odd[axis] = slice(None, None, 2), slice(1, None, 2)
        first, second = codes[tuple(even)].copy(), codes[tuple(odd)]
        paired = even.copy()
        paired[axis] = slice(0, second.shape[axis])
        pair = first[tuple(paired)]
        np.copyto(pair, second, where=pair == special)
        codes = first
    return codes


def special_code(channel: ChannelDescriptor) -> NDArray[Any]:
    """Return the code that levels of detail pass over: 0, in floats the no-value, which is 0 where there is none."""
    floats = channel.format in (VolumeDataFormat.Format_R32, VolumeDataFormat.Format_R64)
    return np.asarray((channel.no_value or 0.0) if floats else 0, stored_dtype(channel))
