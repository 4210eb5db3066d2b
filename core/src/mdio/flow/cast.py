"""A volume in another sample type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.flow.view import View

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from mdio.core.region import Region
    from mdio.core.volume import Block, Volume

__all__ = ["Cast"]


class Cast(View):
    """A volume in another sample type. Raw words of the old type go.

    Parameters
    ----------
    volume
        What is converted.
    dtype
        The new type. Floats become integers by rounding half to even; what exceeds the range gets the nearest end, and
        NaN becomes 0.
    """

    def __init__(self, volume: Volume, dtype: DTypeLike) -> None:
        kind = np.dtype(dtype).newbyteorder("=")
        schema = replace(volume.schema, dtype=kind)
        if kind != volume.schema.dtype:
            schema = schema.with_metadata(statistics=None)
        super().__init__(volume, schema, {"cast": kind.str[1:]})

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region in the new type."""
        return self._cast(self.volume.samples(region))

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        block = self.volume.read(region)
        if self.schema.dtype == self.volume.schema.dtype:
            return block
        return replace(block, samples=self._cast(block.samples), patches=None)

    def _cast(self, samples: NDArray[Any]) -> NDArray[Any]:
        kind = self.schema.dtype
        if kind == samples.dtype:
            return samples
        if kind.kind in "iu":
            info = np.iinfo(kind)
            if samples.dtype.kind == "f":
                return _rounded(samples, kind)
            held = np.iinfo(samples.dtype)
            samples = np.clip(samples, max(info.min, held.min), min(info.max, held.max))
        with np.errstate(over="ignore"):  # too large for the narrower float: infinity, as IEEE 754 says
            return samples.astype(kind)


def _rounded(samples: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Round floats to the nearest integer that ``kind`` has."""
    info = np.iinfo(kind)
    values = np.rint(samples, dtype=np.result_type(samples.dtype, np.float32))
    # The ends are compared, not clipped to: no float is 2**63 - 1.
    low, high = values <= float(info.min), values >= float(info.max)
    values[low | high | np.isnan(values)] = 0
    result: NDArray[Any] = values.astype(kind)
    result[low] = info.min
    result[high] = info.max
    return result
