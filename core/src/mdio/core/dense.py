"""A volume whose grid has no holes and whose traces have no headers, as array formats are: only samples differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.volume import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.core.volume import Schema

__all__ = ["DenseVolume"]


class DenseVolume(ABC):
    """Subclass it, set ``schema`` and give :meth:`samples`; the rest of a :class:`~mdio.core.volume.Volume` is here.

    Its schema has ``HeaderLayout()`` for headers, and traces in C order: ``Metadata(trace_count=…)`` without an order.
    """

    schema: Schema

    @abstractmethod
    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region, C order."""

    def headers(self, region: Region) -> NDArray[Any]:
        """Return records without a field."""
        return np.zeros(region.shape, self.schema.headers.record)

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return that there is a trace everywhere."""
        return np.ones(region.shape, np.bool_)

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the position of each trace, counted in C order."""
        place = np.zeros((), np.int64)
        for (start, stop), size in zip(region, self.schema.shape, strict=False):
            place = place[..., np.newaxis] * size + np.arange(start, stop, dtype=np.int64)
        return place

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        traces = region.spatial
        return Block(region, self.samples(region), None, self.live(traces), order=self.order(traces))

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Nothing to let go of; one that holds a file closes it."""
