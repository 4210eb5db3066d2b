"""Compares two volumes of any formats region by region, and says where they first differ."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.places import cell_text
from mdio.core.volume import lengths_of
from mdio.flow.differences import HeaderPairs, SampleDifference, sample_difference
from mdio.flow.walk import plan_walk, walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.region import Region
    from mdio.core.volume import Metadata, Volume
    from mdio.flow.events import Observer

__all__ = ["Comparison", "Tally", "compare"]

_BATCH = 1 << 20
_STEP_SHARE = 1e-3
"""Coordinates of which one is a float are equal within this part of a step: formats keep origin and step in float32."""


@dataclass(slots=True)
class Tally:
    """How many things differ and the first of them.

    Parameters
    ----------
    count
        Number of them.
    cell
        Grid position of the first one in C order, whatever the order of the walk.
    first
        What is seen there, e.g. ``"inline 12, crossline 305: 7 against 8"``.
    """

    count: int = 0
    cell: tuple[int, ...] = ()
    first: str = ""

    def add(self, count: int, cell: tuple[int, ...], first: str) -> None:
        """Count more."""
        if not self.count or cell < self.cell:
            self.cell, self.first = cell, first
        self.count += count


@dataclass(slots=True)
class Comparison:
    """What differs between two volumes.

    Parameters
    ----------
    grid
        One line for each difference of axes; samples are compared only where all lengths are equal.
    sample_type
        A line when the sample types differ.
    live
        Cells with a trace in one of the two only. Samples and headers are compared where both have a trace.
    samples, traces
        Different samples, and the number of traces they lie in.
    compared
        Samples that were compared; 0 where the grids cannot be compared.
    largest
        Largest absolute difference of finite samples.
    not_finite
        Different samples of which one is NaN or infinite.
    lengths
        Traces whose number of samples differs.
    headers
        Field name to the traces in which it differs.
    fields
        Header fields that both layouts have.
    text
        Lines of the textual header that differ, from 1: ``{3: ("C 3 …", "C 3 …")}``.
    binary
        Words of the binary header that differ: name to both values.
    not_compared
        What only one of the two has, or what was not asked for.
    """

    grid: list[str] = field(default_factory=list)
    sample_type: str = ""
    live: Tally = field(default_factory=Tally)
    samples: Tally = field(default_factory=Tally)
    traces: int = 0
    compared: int = 0
    largest: float = 0.0
    not_finite: int = 0
    lengths: Tally = field(default_factory=Tally)
    headers: dict[str, Tally] = field(default_factory=dict)
    fields: int = 0
    text: dict[int, tuple[str, str]] = field(default_factory=dict)
    binary: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    not_compared: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared differs."""
        counts = (self.live.count, self.samples.count, self.lengths.count)
        return not (any(counts) or self.grid or self.sample_type or self.headers or self.text or self.binary)


def compare(
    one: Volume,
    other: Volume,
    *,
    tolerance: float | None = None,
    samples_only: bool = False,
    workers: int | None = None,
    memory: int | None = None,
    observers: Iterable[Observer] = (),
) -> Comparison:
    """Compare two volumes: axes, sample type, live traces, samples, trace headers, textual and binary header.

    Parameters
    ----------
    one, other
        Of any formats.
    tolerance
        Largest absolute difference of samples that counts as equal; None compares bit by bit.
    samples_only
        Look at the samples alone; a dead trace then equals one of zeros.
    workers, memory
        Threads, and bytes that slabs may take.
    observers
        Called with the events of the pass.
    """
    a, b = one.schema, other.schema
    result = Comparison()
    if not samples_only:
        result.grid = [line for pair in zip(a.dims, b.dims, strict=False) for line in _axis(*pair)]
        if a.dtype != b.dtype:
            result.sample_type = f"{a.dtype.name} against {b.dtype.name}"
        _metadata(a.metadata, b.metadata, result)
    if a.shape != b.shape:
        lengths = [" × ".join(map(str, schema.shape)) for schema in (a, b)]
        result.grid.append(f"shape {lengths[0]} against {lengths[1]}")
        result.not_compared.append("samples and trace headers: the shapes differ")
        return result
    pairs = None if samples_only else HeaderPairs.of(a.headers, b.headers)
    result.fields = len(pairs.pairs) if pairs else 0
    if samples_only:
        result.not_compared.append("everything but the samples")
    elif not result.fields:
        result.not_compared.append("trace headers: the two have no field in common")
    look = _Look(one, other, pairs if result.fields else None, tolerance, samples_only)
    seen = _Seen(a.dims, result)
    for region, slab in walk(plan_walk([a, b], workers, memory), look, a.dtype.itemsize, observers):
        seen.add(region, slab)
    seen.end()
    result.compared = a.region.size
    return result


# -- once ----------------------------------------------------------------------------------------------------------


def _axis(one: Dimension, other: Dimension) -> list[str]:
    lines = []
    if one.name != other.name:
        lines.append(f"axis {one.name!r} against {other.name!r}")
    if one.unit and other.unit and one.unit != other.unit:
        lines.append(f"{one.name}: unit {one.unit!r} against {other.unit!r}")
    if one.size != other.size:
        return lines
    count, first = 0, ""
    margin: float | None = None
    for start in range(0, one.size, _BATCH):
        x, y = (dim.between(start, min(start + _BATCH, dim.size)) for dim in (one, other))
        if "f" in (x.dtype.kind, y.dtype.kind):
            if margin is None:
                margin = _STEP_SHARE * abs(float(x[1]) - float(x[0])) if x.size > 1 else 0.0
            unequal = ~(np.abs(x.astype(np.float64) - y) <= margin)
        else:
            unequal = x != y
        if unequal.any():
            at = int(unequal.argmax())
            first = first or f"the first at position {start + at}: {x[at]} against {y[at]}"
            count += int(np.count_nonzero(unequal))
    if count:
        lines.append(f"{one.name}: {count} of {one.size} coordinates differ, {first}")
    return lines


def _metadata(one: Metadata, other: Metadata, result: Comparison) -> None:
    if bool(one.text) == bool(other.text):
        lines = itertools.zip_longest(one.text, other.text, fillvalue="")
        for number, (mine, theirs) in enumerate(lines, 1):
            if mine.rstrip() != theirs.rstrip():
                result.text[number] = mine.rstrip(), theirs.rstrip()
    else:
        result.not_compared.append("textual header: only one of the two has it")
    if bool(one.binary) == bool(other.binary):
        shared = [name for name in one.binary if name in other.binary]
        result.binary = {
            name: (one.binary[name], other.binary[name]) for name in shared if one.binary[name] != other.binary[name]
        }
    else:
        result.not_compared.append("binary header: only one of the two has it")


# -- slab by slab --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Slab:
    """What differs in a slab; positions are flat in the slab."""

    samples: SampleDifference
    live: NDArray[np.bool_] | None = None
    lengths: tuple[int, int, Any, Any] | None = None
    headers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    words: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class _Look:
    """Reads a slab of both volumes and compares; runs in workers."""

    one: Volume
    other: Volume
    pairs: HeaderPairs | None
    tolerance: float | None
    samples_only: bool

    def __call__(self, region: Region) -> _Slab:
        if self.samples_only:
            return _Slab(
                sample_difference(self.one.samples(region), self.other.samples(region), tolerance=self.tolerance)
            )
        traces = region.spatial
        live, theirs = self.one.live(traces), self.other.live(traces)
        both = live & theirs
        slab = _Slab(sample_difference(self.one.samples(region), self.other.samples(region), both, self.tolerance))
        if region.start[-1]:
            return slab  # the first part of these traces has looked at the rest
        if not np.array_equal(live, theirs):
            slab.live = live != theirs
        slab.lengths = self._lengths(traces, both)
        if self.pairs is not None and both.any():
            mine, others = self.one.headers(traces), self.other.headers(traces)
            slab.headers = self.pairs.difference(mine, others, both)
            slab.words = {name: self._words(mine, others, name, at) for name, (_, at) in slab.headers.items()}
        return slab

    def _lengths(self, traces: Region, both: NDArray[np.bool_]) -> tuple[int, int, Any, Any] | None:
        mine, theirs = lengths_of(self.one, traces), lengths_of(self.other, traces)
        if mine is None or theirs is None:
            return None
        unequal = (mine != theirs) & both
        at = int(unequal.argmax())
        count = int(np.count_nonzero(unequal))
        return (count, at, mine.reshape(-1)[at], theirs.reshape(-1)[at]) if count else None

    def _words(self, mine: NDArray[Any], theirs: NDArray[Any], name: str, at: int) -> tuple[Any, Any]:
        assert self.pairs is not None
        for one, other in self.pairs.pairs:
            if one.name == name:
                left = self.pairs.one.values(mine.reshape(-1)[at : at + 1], one.name)
                return left[0], self.pairs.other.values(theirs.reshape(-1)[at : at + 1], other.name)[0]
        return "", ""


class _Seen:
    """Adds slabs up in plan order, in which the parts of the same traces follow each other."""

    def __init__(self, dims: tuple[Dimension, ...], result: Comparison) -> None:
        self.dims = dims
        self.result = result
        self.traces: Region | None = None
        self.different: NDArray[np.bool_] | None = None

    def add(self, region: Region, slab: _Slab) -> None:
        result, traces = self.result, region.spatial
        found = slab.samples
        if traces != self.traces:
            self.end()
            self.traces, self.different = traces, found.traces
        elif self.different is not None:
            self.different |= found.traces
        result.largest = max(result.largest, found.largest)
        result.not_finite += found.not_finite
        if found.count and found.values is not None:
            self._count(result.samples, found.count, region, found.first, _against(*found.values))
        if slab.live is not None:
            at = int(slab.live.argmax())
            self._count(result.live, int(np.count_nonzero(slab.live)), traces, at, "")
        if slab.lengths is not None:
            count, at, mine, theirs = slab.lengths
            self._count(result.lengths, count, traces, at, f"{mine} samples against {theirs}")
        for name, (count, at) in slab.headers.items():
            words = slab.words[name]
            text = f"{words[0]} against {words[1]}" if words[0] != "" else ""
            self._count(result.headers.setdefault(name, Tally()), count, traces, at, text)

    def end(self) -> None:
        """Count the traces whose parts are all seen."""
        if self.different is not None:
            self.result.traces += int(np.count_nonzero(self.different))
        self.different = None

    def _count(self, tally: Tally, count: int, region: Region, at: int, text: str) -> None:
        inside = np.unravel_index(at, region.shape)
        cell = tuple(int(i) + start for i, start in zip(inside, region.start, strict=True))
        where = cell_text(self.dims, cell)
        tally.add(count, cell, f"{where}: {text}" if text else where)


def _against(one: Any, other: Any) -> str:
    """Return two samples as text; those that look alike with their bits."""
    if str(one) != str(other):
        return f"{one} against {other}"
    bits = [f"0x{int.from_bytes(value.tobytes(), sys.byteorder):0{2 * value.nbytes}x}" for value in (one, other)]
    return f"{one} ({bits[0]}) against {other} ({bits[1]})"
