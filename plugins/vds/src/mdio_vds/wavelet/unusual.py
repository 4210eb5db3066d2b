"""Voxels that the transform must not see: those without value, and what is no number or too large a one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mdio_vds.blocks import BlockError
from mdio_vds.enums import VolumeDataFormat
from mdio_vds.values import no_value_code

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio_vds.descriptors import ChannelDescriptor

__all__ = ["UnkeptToleranceError", "Unusual", "unusual_voxels"]

_HUGE: Final = np.float32(1e33)
"""Coefficients of larger numbers may overflow."""


class UnkeptToleranceError(BlockError):
    """A chunk that a lossy stream cannot hold within the tolerance; a lossless one can."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """What is unusual in a chunk; at least one voxel.

    Parameters
    ----------
    missing
        Voxels that the stream marks.
    value
        What readers give these.
    replaced
        Voxels that the lossless part alone gives back.
    """

    missing: NDArray[np.bool_]
    value: np.float32
    replaced: NDArray[np.bool_]

    @property
    def holes(self) -> NDArray[np.bool_]:
        """Voxels for which the transform needs other numbers."""
        return self.missing | self.replaced


def unusual_voxels(codes: NDArray[Any], channel: ChannelDescriptor, *, exact: bool) -> Unusual | None:
    """Return what is unusual in a chunk, or None.

    A stream can mark voxels, which readers give the channel's "no value": the number that stands in the stream is our
    decoder's alone. So there is no other number that a lossy stream could hold besides.

    Parameters
    ----------
    codes
        Stored codes in native byte order.
    channel
        The channel.
    exact
        Whether the bits have to come back, and a lossless part follows.

    Raises
    ------
    UnkeptToleranceError
        There are infinities, not-a-numbers or huge numbers, and no lossless part.
    """
    if channel.format is not VolumeDataFormat.Format_R32:
        if channel.no_value is None:
            return None
        code = no_value_code(channel)
        missing = codes == code
        return Unusual(missing, np.float32(code), np.zeros_like(missing)) if missing.any() else None
    strange = ~(np.abs(codes) < _HUGE)
    value = np.float32(np.nan if channel.no_value is None else channel.no_value)
    if channel.no_value is None:
        missing = np.zeros_like(strange)
    else:
        missing = _same(codes, value, exact=exact)
        strange &= ~missing
    if not strange.any():
        return Unusual(missing, value, strange) if missing.any() else None
    if not exact:
        count = f"{int(strange.sum())} of {codes.size} voxels"
        raise UnkeptToleranceError(f"{count} are not finite or beyond {_HUGE:g}, which no lossy stream holds")
    return Unusual(missing, value, strange)


def _same(codes: NDArray[np.float32], value: np.float32, *, exact: bool) -> NDArray[np.bool_]:
    """Return which voxels are a number: to the last bit, or as numbers, all not-a-numbers being one."""
    if exact:
        same: NDArray[np.bool_] = codes.view(np.uint32) == value.view(np.uint32)
    else:
        same = (codes == value) | (np.isnan(codes) & np.isnan(value))
    return same
