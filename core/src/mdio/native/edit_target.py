"""The arrays of a dataset that is being edited, and what of its metadata changes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdio.core.region import Region
from mdio.exceptions import InvalidMDIOError
from mdio.native import source
from mdio.native.index_words import index_words
from mdio.native.rewriting import ObjectLocks, Rewriter, is_lossy

if TYPE_CHECKING:
    from mdio.native.dataset import Dataset

__all__ = ["EditTarget"]


class EditTarget:
    """What an edit changes.

    Parameters
    ----------
    dataset
        As it is now.
    pattern
        The access pattern that is written.

    Attributes
    ----------
    samples
        Arrays of samples: first the one that holds them best – that of the pattern, unless it is lossy and another one
        is not –, which the others can be made from.
    further
        Arrays of other values of the same traces.
    others
        Names of the access patterns of the others.
    headers
        Arrays of header records.
    layout
        Of the raw records that these stand for.
    mask
        Live mask.
    lengths
        Sample count of each trace, or None.
    beside
        Arrays with further facts of each trace.
    words
        Index words of a new trace.
    stale
        What metadata mark as left behind.
    behind
        Access patterns that were when the edit began.
    count
        Number of live traces, 0 when unknown.
    counted
        Whether metadata say so.
    failed
        Whether an edit did not end well.

    Raises
    ------
    InvalidMDIOError
        An array that a dataset must have is missing.
    CodecError
        An array cannot be edited.
    """

    def __init__(self, dataset: Dataset, pattern: str) -> None:
        self.dataset = dataset
        self.store = dataset.store
        self._locks = ObjectLocks()
        described = dataset.describe()
        copies = sorted(dataset.patterns(), key=lambda name: name != pattern)
        arrays = {name: self._required(dataset.samples(name)) for name in {*copies, pattern}}
        copies.sort(key=lambda name: is_lossy(arrays[name].spec))
        # MDIO v1 has further variables over the same grid: they are no copies of the samples, nor these of them.
        alone = pattern not in copies
        self.samples = [arrays[name] for name in ([pattern] if alone else copies)]
        self.further = [arrays[name] for name in (copies if alone else ())]
        self.others = frozenset(() if alone else copies[1:])
        paths = dict.fromkeys(dataset.headers(name) for name in copies)
        self.headers = [array for path in paths if (array := self._array(path)) is not None]
        self.layout = source.header_layout(described.header, has_records=bool(self.headers))
        self.mask = self._required(dataset.mask)
        self.lengths = self._array(source.LENGTHS)
        rest = self._array(source.HEADER_REST)
        self.beside = [array for array in (self.lengths, rest) if array is not None]
        self.words = index_words(described)
        self.stale = frozenset(described.stale)
        self.behind = self.stale & self.others
        self.count = max(0, described.trace_count)
        self.counted = self.count > 0
        self.failed = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the grid, the sample axis last."""
        return self.samples[0].spec.shape

    def _array(self, path: str) -> Rewriter | None:
        spec = self.dataset.array(path)
        return None if spec is None else Rewriter(self.store, spec, self._locks)

    def _required(self, path: str) -> Rewriter:
        array = self._array(path)
        if array is None:
            raise InvalidMDIOError(f"array {path} is missing", url=self.store.url)
        return array

    def count_live(self) -> int:
        """Return the number of live traces by the mask."""
        mask = self.mask
        boxes = (
            Region.of_chunk(index, mask.spec.objects, mask.spec.shape)
            for index in Region.whole(mask.spec.shape).chunks(mask.spec.objects)
        )
        return sum(int(np.count_nonzero(mask.read(box))) for box in boxes)
