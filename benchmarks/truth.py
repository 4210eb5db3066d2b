"""The samples of a SEG-Y file decoded here, without any of the readers that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.drivers.timing import Span, digest

__all__ = ["Truth", "from_ibm", "shape_of"]


@dataclass(frozen=True)
class Truth:
    """All samples on their grid, mapped from a file; cells without a trace hold 0.

    Parameters
    ----------
    samples
        float32 (grid axes, samples); axes are the sorted values of the index words.
    """

    samples: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.samples.shape

    @classmethod
    def of(cls, path: Path, keys: tuple[int, ...], target: Path) -> Truth:
        """Decode a big-endian SEG-Y file (IBM, IEEE or 16-bit integer samples) and keep the result in a file."""
        traces, cells, shape = _traces(path, keys)
        kind = int(np.fromfile(path, ">i2", 1800)[1612])
        samples = np.lib.format.open_memmap(target, "w+", np.float32, shape)
        flat = samples.reshape(-1, shape[-1])
        for first in range(0, len(traces), 4096):
            words = np.asarray(traces["words"][first : first + 4096])
            flat[cells[first : first + 4096]] = from_ibm(words.view(">u4")) if kind == 1 else words
        samples.flush()
        return cls(np.load(target, mmap_mode="r"))

    def digest(self, region: list[Span]) -> int:
        """Return the digest that a reader's result of a region must have."""
        return digest(self.samples[tuple(slice(*span) for span in region)])

    def compare(self, other: np.ndarray) -> tuple[float, float]:
        """Return the signal-to-noise ratio of a lossy copy in dB, and its largest error."""
        signal = noise = worst = 0.0
        for line in range(self.shape[0]):
            mine = self.samples[line].astype(np.float64)
            off = other[line].reshape(mine.shape) - mine
            signal += float(np.sum(mine * mine))
            noise += float(np.sum(off * off))
            worst = max(worst, float(np.max(np.abs(off))))
        return 10 * float(np.log10(signal / noise)) if noise else float("inf"), worst


def shape_of(path: Path, keys: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the grid of a file: distinct values of each index word, and samples."""
    return _traces(path, keys)[2]


def _traces(path: Path, keys: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Return the traces of a file, the flat cell of each, and the shape."""
    head = np.fromfile(path, ">i2", 1800)
    samples, code, extended = int(head[1610]), int(head[1612]), int(head[1752])
    kinds = {1: ">u4", 3: ">i2", 5: ">f4"}
    if code not in kinds or extended:
        raise SystemExit(f"{path}: sample format {code}, {extended} extended headers; only plain IBM, IEEE and int16")
    record = np.dtype([("head", "u1", 240), ("words", kinds[code], samples)])
    traces = np.memmap(path, record, "r", 3600, ((path.stat().st_size - 3600) // record.itemsize,))
    cells = np.zeros(len(traces), np.int64)
    shape = []
    for key in keys:
        column = np.ascontiguousarray(traces["head"][:, key - 1 : key + 3]).view(">i4")[:, 0]
        values, places = np.unique(column, return_inverse=True)
        cells = cells * len(values) + places
        shape.append(len(values))
    if len(np.unique(cells)) != len(cells):
        raise SystemExit(f"{path}: two traces share a cell by the index words at {keys}")
    return traces, cells, (*shape, samples)


def from_ibm(words: np.ndarray) -> np.ndarray:
    """Decode IBM words: sign, base-16 exponent biased by 64, 24-bit fraction (SEG-Y rev 1, section 5.1)."""
    words = words.astype(np.uint32)
    magnitude = np.ldexp((words & 0xFFFFFF).astype(np.float64), 4 * ((words >> 24) & 0x7F).astype(np.int32) - 280)
    return np.where(words >> 31, -magnitude, magnitude).astype(np.float32)
