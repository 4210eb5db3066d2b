"""The dataset of an accessor as it is now: a volume is a snapshot of metadata, and an edit calls for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.header_records import read_records
from mdio.core.region import Region
from mdio.native.volume import MdioVolume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.native.dataset import Dataset
    from mdio.native.options import ReadOptions

__all__ = ["Current"]

_COUNTED_AT_ONCE = 1 << 24
"""Cells of the live mask looked at together."""


class Current:
    """Reads from the newest snapshot.

    Parameters
    ----------
    volume
        The first one.
    options
        How those after it are opened.
    """

    def __init__(self, volume: MdioVolume, options: ReadOptions) -> None:
        self._volume = volume
        self._options = options
        self._changed: Dataset | None = None
        self._counted: tuple[MdioVolume, int] | None = None

    @property
    def volume(self) -> MdioVolume:
        """The newest snapshot, its cache empty after an edit."""
        changed, self._changed = self._changed, None
        if changed is not None:
            self._volume = MdioVolume(changed, self._options)
        return self._volume

    @property
    def default(self) -> MdioVolume:
        """The newest snapshot through the default access pattern, which statistics speak of."""
        volume, pattern = self.volume, self.volume.access_patterns[0]
        if volume.pattern == pattern:
            return volume
        return MdioVolume(volume.dataset, self._options.model_copy(update={"access_pattern": pattern}))

    def renew(self, dataset: Dataset) -> None:
        """Say that a dataset was changed."""
        self._changed = dataset

    @property
    def trace_count(self) -> int:
        """Number of traces; counted where the dataset does not say."""
        volume = self.volume
        known = volume.schema.metadata.trace_count
        if known > 0:
            return known
        # 0 counts as unsaid: releases that made datasets from arrays wrote it.
        if self._counted is None or self._counted[0] is not volume:
            self._counted = (volume, _count_live(volume))
        return self._counted[1]

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region."""
        return self.volume.samples(region)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return the live mask of a region."""
        return self.volume.live(region)

    def headers(self, region: Region) -> NDArray[Any]:
        """Return the header records of a region."""
        return read_records(self.volume, region)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.volume, self._options)


def _count_live(volume: MdioVolume) -> int:
    shape = volume.schema.shape[:-1]
    rest = int(np.prod(shape[1:], dtype=np.int64))
    rows = max(1, _COUNTED_AT_ONCE // max(rest, 1))
    return sum(
        int(np.count_nonzero(volume.live(Region([(start, min(start + rows, shape[0])), *((0, n) for n in shape[1:])]))))
        for start in range(0, shape[0], rows)
    )
