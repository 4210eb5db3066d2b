"""What is known of the samples after one pass: measured per slab, merged in plan order.

Two senses live side by side. MDIO v0 documents its numbers over *non-zero samples of live traces*
(``specs/mdio.md`` 1.6), and files hold them under these names; ``honest`` counts every sample of every live trace.
Samples that are not finite are counted and left out of both, for JSON has no word for them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.flow import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Partial", "measure"]

# Samples converted at once: their float64 copy (1 MiB) stays in the cache, and threads rarely wait for each other.
_BATCH = 1 << 17
# Longest vector handed to BLAS: it stays on the calling thread (OpenBLAS splits dot products from 10,000 on).
_ROW = 1 << 13
# Below this share of the sum of squares, the difference "sum of squares - n * mean²" has lost too many digits.
_CANCELLED = 1e-6


@dataclass(frozen=True, slots=True)
class Partial:
    """Statistics of some slabs. Extremes are None while there is nothing to compare.

    Parameters
    ----------
    traces
        Live traces.
    count, mean, m2, min, max
        Finite samples of live traces: number, mean, sum of squared deviations from the mean, extremes.
    nan_count, inf_count
        Samples of live traces that are not finite; in none of the other numbers.
    nonzero, sum, sum_squares, nonzero_min, nonzero_max
        The same samples without the zeros, as MDIO v0 counts.
    """

    traces: int = 0
    count: int = 0
    mean: float = 0.0
    m2: float = 0.0
    min: float | int | None = None
    max: float | int | None = None
    nan_count: int = 0
    inf_count: int = 0
    nonzero: int = 0
    sum: float = 0.0
    sum_squares: float = 0.0
    nonzero_min: float | int | None = None
    nonzero_max: float | int | None = None

    def merge(self, other: Partial) -> Partial:
        """Return the statistics of both (Chan, Golub and LeVeque 1979); the order decides about the last digits."""
        count = self.count + other.count
        mean, m2 = self.mean, self.m2
        if other.count:
            delta = other.mean - self.mean
            share = other.count / count
            mean += delta * share
            m2 += other.m2 + delta * delta * self.count * share
        return Partial(
            traces=self.traces + other.traces,
            count=count,
            mean=mean,
            m2=m2,
            min=_extreme(min, self.min, other.min),
            max=_extreme(max, self.max, other.max),
            nan_count=self.nan_count + other.nan_count,
            inf_count=self.inf_count + other.inf_count,
            nonzero=self.nonzero + other.nonzero,
            sum=self.sum + other.sum,
            sum_squares=self.sum_squares + other.sum_squares,
            nonzero_min=_extreme(min, self.nonzero_min, other.nonzero_min),
            nonzero_max=_extreme(max, self.nonzero_max, other.nonzero_max),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping; floats come back bit for bit."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Partial:
        """Return what :meth:`to_json` was called on."""
        return cls(**value)

    def summary(self) -> dict[str, Any]:
        """Return the numbers people ask for.

        Returns
        -------
        dict
            ``mean``, ``std``, ``rms``, ``min``, ``max`` over the non-zero samples of live traces (MDIO v0; zeros when
            there are none), ``trace_count``, and ``honest``: ``count``, ``mean``, ``std``, ``rms``, ``min``, ``max``
            over all finite samples of live traces, ``nan_count``, ``inf_count``.
        """
        return {
            **_moments(self.nonzero, self.sum, self.sum_squares),
            "min": _number(self.nonzero_min),
            "max": _number(self.nonzero_max),
            "trace_count": self.traces,
            "honest": {
                "count": self.count,
                "mean": _number(self.mean),
                "std": _root(self.m2, self.count),
                "rms": _root(self.sum_squares, self.count),
                "min": _number(self.min),
                "max": _number(self.max),
                "nan_count": self.nan_count,
                "inf_count": self.inf_count,
            },
        }


def measure(samples: NDArray[Any], live: NDArray[np.bool_]) -> Partial:
    """Return the statistics of a slab in one pass, without a copy of it.

    Parameters
    ----------
    samples
        Real numbers of any type, any memory order, the sample axis last; dead traces hold 0.
    live
        Which traces count; shape of ``samples`` without the last axis.
    """
    traces = int(np.count_nonzero(live))
    if not traces or not samples.size:
        return Partial(traces=traces)
    batches = _Batches()
    with np.errstate(all="ignore"):  # overflow and NaN are looked for, not warned about
        for part in _parts(samples):
            batches.add(part)
        return batches.partial(samples, traces)


class _Batches:
    """Adds up batches with one set of scratch arrays."""

    def __init__(self) -> None:
        self.wide = np.empty(_BATCH)
        self.flags = np.empty(_BATCH, dtype=np.bool_)
        self.rows = self.wide.reshape(-1, 1, _ROW)
        self.columns = self.wide.reshape(-1, _ROW, 1)
        self.sums: list[float] = []
        self.squares: list[float] = []
        self.nonzero = self.nan = self.inf = 0
        self.low: float | int | None = None
        self.high: float | int | None = None

    def add(self, part: NDArray[Any]) -> None:
        """Add a batch of at most ``_BATCH`` samples."""
        loops = kernel.sums()
        plain = part.dtype == np.float32 and part.flags.c_contiguous and part.flags.aligned
        found = loops.measure(part) if loops is not None and plain else None
        if found is None:
            self._add_by_numpy(part)
            return
        total, squares, nonzero, low, high = found
        self.sums.append(total)
        self.squares.append(squares)
        self.nonzero += nonzero
        if nonzero:
            self.low = _extreme(min, self.low, low)
            self.high = _extreme(max, self.high, high)

    def _add_by_numpy(self, part: NDArray[Any]) -> None:
        total, squares = self._widen(part)
        if not (math.isfinite(total) and math.isfinite(squares)) and not (finite := np.isfinite(part)).all():
            nan = int(np.count_nonzero(np.isnan(part)))
            self.nan += nan
            self.inf += part.size - int(np.count_nonzero(finite)) - nan
            part = part[finite]
            total, squares = self._widen(part)
        if not part.size:
            return
        self.sums.append(total)
        self.squares.append(squares)
        flags = self.flags[: part.size].reshape(part.shape)
        nonzero = int(np.count_nonzero(np.not_equal(part, 0, out=flags)))
        self.nonzero += nonzero
        if not nonzero:
            return
        low, high = part.min(), part.max()
        if nonzero < part.size:  # a zero may hide the extreme of the others
            if not low and (self.low is None or self.low > 0):
                low = part.min(where=flags, initial=high)
            if not high and (self.high is None or self.high < 0):
                high = part.max(where=flags, initial=low)
        if low:
            self.low = _extreme(min, self.low, low.item())
        if high:
            self.high = _extreme(max, self.high, high.item())

    def _widen(self, part: NDArray[Any]) -> tuple[float, float]:
        """Return sum and sum of squares in float64."""
        size = part.size
        np.copyto(self.wide[:size].reshape(part.shape), part, casting="unsafe")
        return float(np.einsum("i->", self.wide[:size])), self._dot(size)

    def _dot(self, size: int) -> float:
        """Return the scalar product of the scratch array with itself."""
        rows = -(-size // _ROW)
        self.wide[size : rows * _ROW] = 0
        return float(np.matmul(self.rows[:rows], self.columns[:rows]).sum())

    def partial(self, samples: NDArray[Any], traces: int) -> Partial:
        """Return the statistics of all batches, which together are ``samples``."""
        total, squares = _total(self.sums), _total(self.squares)
        count = traces * samples.shape[-1] - self.nan - self.inf
        zeros = count - self.nonzero
        low, high = self.low, self.high
        mean = total / count if count else 0.0
        m2 = squares - total * mean
        if m2 < _CANCELLED * squares:
            m2 = self._deviations(samples, mean) + zeros * mean * mean
        return Partial(
            traces=traces,
            count=count,
            mean=mean,
            m2=max(m2, 0.0),
            min=_extreme(min, low, 0) if zeros else low,
            max=_extreme(max, high, 0) if zeros else high,
            nan_count=self.nan,
            inf_count=self.inf,
            nonzero=self.nonzero,
            sum=total,
            sum_squares=squares,
            nonzero_min=low,
            nonzero_max=high,
        )

    def _deviations(self, samples: NDArray[Any], mean: float) -> float:
        """Return the sum of squared deviations of the finite non-zero samples; a second pass, rarely needed."""
        sums = []
        for part in _parts(samples):
            kept = part[np.isfinite(part) & (part != 0)]
            self.wide[: kept.size] = kept
            self.wide[: kept.size] -= mean
            sums.append(self._dot(kept.size))
        return _total(sums)


def _parts(samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield views of at most ``_BATCH`` samples that together are the array."""
    if samples.flags.c_contiguous:
        samples = samples.reshape(-1)
    if samples.size <= _BATCH:
        if samples.size:
            yield samples
        return
    rest = samples[:1].size
    if rest > _BATCH:
        for row in samples:
            yield from _parts(row)
        return
    step = _BATCH // rest
    for start in range(0, len(samples), step):
        yield samples[start : start + step]


def _extreme(pick: Any, one: float | int | None, other: float | int | None) -> Any:
    return other if one is None else one if other is None else pick(one, other)


def _total(values: list[float]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:
        return sum(values)


def _number(value: float | int | None) -> float:
    """Float for a summary: JSON has no infinity, so what overflowed in float64 becomes the largest number."""
    return 0.0 if value is None else max(-sys.float_info.max, min(float(value), sys.float_info.max))


def _moments(count: int, total: float, squares: float) -> dict[str, float]:
    """Mean, standard deviation and root mean square as MDIO v0 derives them."""
    if not count:
        return {"mean": 0.0, "std": 0.0, "rms": 0.0}
    mean = total / count
    return {
        "mean": _number(mean),
        "std": _root(squares / count - mean * mean, 1),
        "rms": _root(squares, count),
    }


def _root(total: float, count: int) -> float:
    """Root of a mean; rounding below zero, and overflow against overflow (NaN), count as 0."""
    return _number(math.sqrt(total / count)) if count and total > 0 else 0.0
