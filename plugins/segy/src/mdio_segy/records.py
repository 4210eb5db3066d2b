"""Where every record of a file lies whose traces have lengths of their own, in a few bytes a trace at most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RecordTable", "dense_table", "packed", "run_table", "unpack"]

_BLOCK = 64
"""Traces from one known offset to the next: what lies between is added up when it is asked for."""
_PIECE = 1 << 14
"""Traces whose offsets are found at once; scattered ones take a whole block each, 8 MB in all."""
_FEW = 8
"""Rows of one size up to which single copies are quicker than one for all."""
_RUN_BYTES = 18
_TRACE_BYTES = 2.25


class _Lengths(Protocol):
    """Sample counts and offsets by trace number; offsets count from the first trace."""

    def lengths(self, traces: NDArray[np.int64]) -> NDArray[np.int64]: ...
    def offsets(self, traces: NDArray[np.int64]) -> NDArray[np.int64]: ...


class RecordTable:
    """Length and place of every record; see :func:`run_table` and :func:`dense_table`.

    Parameters
    ----------
    form
        Sample counts and offsets behind the first trace.
    base
        Where the first record begins.
    header_bytes, item
        Bytes of a trace header, and of a sample.
    count, shortest, longest
        Number of traces, fewest and most samples.
    end
        Where the last record ends.
    """

    def __init__(
        self,
        form: _Lengths,
        base: int,
        header_bytes: int,
        item: int,
        *,
        count: int,
        shortest: int,
        longest: int,
        samples: int,
    ) -> None:
        self._form = form
        self.base = base
        self.header_bytes = header_bytes
        self.item = item
        self.count = count
        self.shortest = shortest
        self.longest = longest
        self.samples = samples
        """Samples of all traces together."""
        self.end = base + count * header_bytes + samples * item

    @property
    def record_bytes(self) -> int:
        """Bytes of the longest record."""
        return self.header_bytes + self.longest * self.item

    def lengths(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sample counts of some traces, any order."""
        return self._form.lengths(traces)

    def sizes(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bytes of some records, any order."""
        return self.lengths(traces) * self.item + self.header_bytes

    def offsets(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where some records begin, any order."""
        return self._form.offsets(traces) + self.base


class _Runs:
    """Runs of traces of one length: nothing a trace."""

    def __init__(self, times: NDArray[np.int64], lengths: NDArray[np.uint32], header_bytes: int, item: int) -> None:
        self._lengths = lengths
        self._sizes = header_bytes, item
        self._starts = np.concatenate([[0], np.cumsum(times)[:-1]]).astype(np.int64)
        self._offsets = np.concatenate([[0], np.cumsum(times * (header_bytes + lengths.astype(np.int64) * item))[:-1]])

    def lengths(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._lengths[np.searchsorted(self._starts, traces, side="right") - 1].astype(np.int64)

    def offsets(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        run = np.searchsorted(self._starts, traces, side="right") - 1
        header_bytes, item = self._sizes
        size = header_bytes + self._lengths[run].astype(np.int64) * item
        found: NDArray[np.int64] = self._offsets[run] + (traces - self._starts[run]) * size
        return found


class _Dense:
    """The length of each trace, and the offset of every 64th."""

    def __init__(self, lengths: NDArray[np.uint16] | NDArray[np.uint32], header_bytes: int, item: int) -> None:
        self._lengths = lengths
        self._sizes = header_bytes, item
        sums = np.add.reduceat(lengths, np.arange(0, len(lengths), _BLOCK), dtype=np.int64)
        marks = sums * item + _BLOCK * header_bytes
        self._marks = np.concatenate([[0], np.cumsum(marks[:-1])]).astype(np.int64)

    def lengths(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._lengths[traces].astype(np.int64)

    def offsets(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        out = np.empty(len(traces), dtype=np.int64)
        for start in range(0, len(traces), _PIECE):
            out[start : start + _PIECE] = self._some(traces[start : start + _PIECE])
        return out

    def _some(self, traces: NDArray[np.int64]) -> NDArray[np.int64]:
        header_bytes, item = self._sizes
        block, within = np.divmod(traces, _BLOCK)
        blocks, where = np.unique(block, return_inverse=True)
        members = np.minimum(blocks[:, None] * _BLOCK + np.arange(_BLOCK - 1), len(self._lengths) - 1)
        before = np.zeros((len(blocks), _BLOCK), dtype=np.int64)
        np.cumsum(self._lengths[members], axis=1, dtype=np.int64, out=before[:, 1:])
        found: NDArray[np.int64] = self._marks[block] + within * header_bytes + before[where, within] * item
        return found


def run_table(
    times: NDArray[np.int64], lengths: NDArray[np.uint32], base: int, header_bytes: int, item: int
) -> RecordTable:
    """Return the table of records that come in runs of one length, kept in what form takes less memory.

    Parameters
    ----------
    times, lengths
        Traces of each run, 1 or more, and their sample count; at least one run.
    base
        Where the first record begins.
    header_bytes, item
        Bytes of a trace header, and of a sample.
    """
    count = int(times.sum())
    if len(times) * _RUN_BYTES > count * _TRACE_BYTES:
        narrow = np.uint16 if int(lengths.max()) <= 0xFFFF else np.uint32
        return dense_table(np.repeat(lengths.astype(narrow), times), base, header_bytes, item)
    return RecordTable(
        _Runs(times, lengths, header_bytes, item),
        base,
        header_bytes,
        item,
        count=count,
        shortest=int(lengths.min()),
        longest=int(lengths.max()),
        samples=int((times * lengths.astype(np.int64)).sum()),
    )


def dense_table(
    lengths: NDArray[np.uint16] | NDArray[np.uint32], base: int, header_bytes: int, item: int
) -> RecordTable:
    """Return the table of records from the sample count of each, one or more."""
    return RecordTable(
        _Dense(lengths, header_bytes, item),
        base,
        header_bytes,
        item,
        count=len(lengths),
        shortest=int(lengths.min()),
        longest=int(lengths.max()),
        samples=int(lengths.sum(dtype=np.int64)),
    )


def unpack(flat: NDArray[np.uint8], at: NDArray[np.int64], sizes: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
    """Copy pieces of ``flat`` into the rows of ``out`` and fill these up with zeros.

    Parameters
    ----------
    flat
        Bytes of a file.
    at, sizes
        Where in it the piece of each row begins, and its bytes, at most the width of ``out``.
    out
        uint8 ``(n, width)``.
    """
    for size, rows in _alike(sizes):
        if size and len(rows) > _FEW:
            out[rows, :size] = sliding_window_view(flat, size)[at[rows]]
        elif size:
            for row, begin in zip(rows.tolist(), at[rows].tolist(), strict=True):
                out[row, :size] = flat[begin : begin + size]
        out[rows, size:] = 0


def packed(records: NDArray[np.uint8], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the first ``sizes`` bytes of each row, one behind the other."""
    ends = np.cumsum(sizes)
    flat = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    for size, rows in _alike(sizes):
        if len(rows) > _FEW:
            sliding_window_view(flat, size, writeable=True)[ends[rows] - size] = records[rows, :size]
            continue
        for row, end in zip(rows.tolist(), ends[rows].tolist(), strict=True):
            flat[end - size : end] = records[row, :size]
    return flat


def _alike(sizes: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Return the rows of each size: as many copies as there are sizes, not as there are rows."""
    if not len(sizes):
        return []
    by_size = np.argsort(sizes, kind="stable")
    ordered = sizes[by_size]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return [(int(sizes[rows[0]]), rows) for rows in np.split(by_size, edges)]
