"""Ranges and counts of all words of all trace headers, taken in one pass: what scans and checks speak about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from mdio.core.region import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from mdio.core.headers import HeaderField, HeaderLayout
    from mdio.core.volume import Volume

__all__ = ["TALLIED", "HeaderSummary", "WordRange", "keep_summary", "summarise", "summary_of"]

TALLIED = (
    "trace_id_code",
    "elevation_depth_scalar",
    "coordinate_scalar",
    "delay_recording_time",
    "samples_per_trace",
    "sample_interval",
)
"""Two-byte words whose values are counted one by one (at most 65536 each)."""
_BAND = 1 << 18
"""Cells of a volume whose headers are read at once, some 60 MB."""


@dataclass(frozen=True, slots=True)
class WordRange:
    """What a word of the trace headers does.

    Parameters
    ----------
    name, byte
        The word.
    low, high
        Smallest and largest value.
    first
        Value in the first trace.
    others
        Number of traces with another value than the first.
    at
        The first of these, by its number in the file; -1 for none.
    """

    name: str
    byte: int
    low: int
    high: int
    first: int
    others: int = 0
    at: int = -1

    @property
    def varies(self) -> bool:
        """Whether traces differ."""
        return self.others > 0


@dataclass(frozen=True, slots=True)
class HeaderSummary:
    """All words of all trace headers.

    Parameters
    ----------
    count
        Number of traces.
    words
        Name to range; empty without traces.
    tallies
        Word of :data:`TALLIED` to value to number of traces.
    """

    count: int = 0
    words: Mapping[str, WordRange] = field(default_factory=dict)
    tallies: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


class _Word:
    """Gathers one word over batches."""

    def __init__(self, field: HeaderField, first: NDArray[np.uint8]) -> None:
        self.kind = np.dtype(field.dtype)
        self.bytes = slice(field.offset, field.offset + self.kind.itemsize)
        self.name, self.offset = field.name, field.offset
        self.tally: dict[int, int] | None = {} if field.name in TALLIED else None
        self.first = self.low = self.high = int(first[self.bytes].copy().view(self.kind)[0])
        self.others, self.at = 0, -1

    def constant(self, count: int) -> None:
        """Take traces that all hold the first value."""
        if self.tally is not None:
            self.tally[self.first] = self.tally.get(self.first, 0) + count

    def take(self, numbers: NDArray[np.int64], records: NDArray[np.uint8]) -> None:
        """Take traces of which some hold another value."""
        values = np.ascontiguousarray(records[:, self.bytes]).view(self.kind)[:, 0]
        self.low, self.high = min(self.low, int(values.min())), max(self.high, int(values.max()))
        other = values != self.first
        found = int(np.count_nonzero(other))
        if found and not self.others:
            self.at = int(numbers[np.argmax(other)])
        self.others += found
        if self.tally is not None:
            for value, times in zip(*(part.tolist() for part in np.unique(values, return_counts=True)), strict=True):
                self.tally[value] = self.tally.get(value, 0) + times

    def result(self) -> WordRange:
        return WordRange(self.name, self.offset + 1, self.low, self.high, self.first, self.others, self.at)


def summarise(batches: Iterable[tuple[NDArray[np.int64], NDArray[np.uint8]]], layout: HeaderLayout) -> HeaderSummary:
    """Return the summary of records that come in batches.

    Parameters
    ----------
    batches
        ``(trace numbers, records)``: int64 ``(n,)`` and uint8 ``(n, bytes)``.
    layout
        Where the words lie in a record. Only words whose bytes differ somewhere in a batch are looked at.
    """
    words: list[_Word] = []
    base: NDArray[np.uint8] | None = None
    count = 0
    for numbers, records in batches:
        if not len(records):
            continue
        if base is None:
            base = records[0].copy()
            words = [_Word(item, base) for item in layout.fields]
        count += len(records)
        differs = (records != base).any(axis=0)
        for word in words:
            if differs[word.bytes].any():
                word.take(numbers, records)
            else:
                word.constant(len(records))
    return HeaderSummary(
        count,
        {word.name: word.result() for word in words},
        {word.name: dict(sorted(word.tally.items())) for word in words if word.tally is not None},
    )


_KEPT: WeakKeyDictionary[Any, HeaderSummary] = WeakKeyDictionary()


def keep_summary(volume: Volume, summary: HeaderSummary) -> None:
    """Spare the checks of a volume the pass over its headers: somebody made it already, e.g. in file order."""
    _KEPT[volume] = summary


def summary_of(volume: Volume) -> HeaderSummary:
    """Return the summary of all live traces of a volume; read once, however many checks ask."""
    found = _KEPT.get(volume)
    if found is None:
        found = summarise(_batches(volume), volume.schema.headers)
        keep_summary(volume, found)
    return found


def _batches(volume: Volume) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    whole = volume.schema.region.spatial
    size = volume.schema.headers.itemsize
    for band in _bands(whole) if size else ():
        live = volume.live(band)
        records = volume.headers(band)[live]
        yield volume.order(band)[live], np.ascontiguousarray(records).view(np.uint8).reshape(len(records), size)


def _bands(region: Region) -> Iterator[Region]:
    """Cut a grid into boxes of at most about ``_BAND`` cells, along as many axes as it takes."""
    if region.size <= _BAND:
        if region.size:
            yield region
        return
    axis = next(axis for axis, length in enumerate(region.shape) if length > 1)
    start, stop = region[axis]
    step = max(1, (stop - start) * _BAND // region.size)
    for first in range(start, stop, step):
        pair = (first, min(first + step, stop))
        yield from _bands(Region([*region[:axis], pair, *region[axis + 1 :]]))
