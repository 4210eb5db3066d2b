"""A look at some of the samples: pieces spread over a volume, small enough to be read from anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from mdio.core.region import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mdio.core.volume import Block, Volume

__all__ = ["SampleLook", "look_at_samples"]

_PIECES = 8
_PIECE = 1 << 20
"""Bytes of samples in one piece."""
_MOST_TRACES = 64


@dataclass(slots=True)
class SampleLook:
    """What some traces hold.

    Parameters
    ----------
    traces, samples
        Number of traces looked at, and of their samples.
    silent
        Traces that hold nothing but zeros.
    not_finite
        Samples that are NaN or infinite.
    odd_words
        Raw words that the decoded sample does not give back and that are kept beside it.
    saturated
        Words beyond the largest float32, stored as that.
    low, high
        Smallest and largest finite sample; None without any.
    raw_bytes, packed_bytes
        Samples and headers before and after the default lossless codec.
    """

    traces: int = 0
    samples: int = 0
    silent: int = 0
    not_finite: int = 0
    odd_words: int = 0
    saturated: int = 0
    low: float | None = None
    high: float | None = None
    raw_bytes: int = 0
    packed_bytes: int = 0

    def take(self, block: Block) -> None:
        """Count one piece."""
        live = block.live.reshape(-1)
        values = block.samples.reshape(len(live), -1)[live]
        self.traces += len(values)
        self.samples += values.size
        if not values.size:
            return
        with np.errstate(invalid="ignore"):  # signalling NaNs are samples, too
            self.silent += int(np.count_nonzero(~(values != 0).any(axis=1)))
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        self.not_finite += values.size - finite.size
        if finite.size:
            low, high = finite.min().item(), finite.max().item()
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
        if block.patches is not None:
            kept = block.samples.reshape(-1)[block.patches.index]
            self.odd_words += kept.size
            self.saturated += int(np.count_nonzero(np.abs(kept) == np.finfo(np.float32).max))
        parts = [values] if block.headers is None else [values, block.headers.reshape(-1)[live]]
        for part in parts:
            self.raw_bytes += part.nbytes
            self.packed_bytes += _packed(np.ascontiguousarray(part))


_LOOKS: WeakKeyDictionary[Any, SampleLook] = WeakKeyDictionary()


def look_at_samples(volume: Volume) -> SampleLook:
    """Return what some traces of a volume hold; read once, however many checks ask.

    At most eight pieces of 1 MiB are read, each of up to 64 neighbouring traces; traces of more than 1 MiB one by one.
    """
    found = _LOOKS.get(volume)
    if found is None:
        found = SampleLook()
        for region in _pieces(volume):
            found.take(volume.read(region))
        _LOOKS[volume] = found
    return found


def _pieces(volume: Volume) -> Iterator[Region]:
    """Yield boxes of neighbouring traces at even distances over the grid."""
    shape = volume.schema.shape
    spatial, samples = shape[:-1], shape[-1]
    if not Region.whole(shape).size:
        return
    room = max(1, min(_MOST_TRACES, _PIECE // (samples * volume.schema.dtype.itemsize)))
    box: list[int] = []
    for length in reversed(spatial):
        box.insert(0, min(length, room))
        room = max(1, room // box[0])
    counts = [-(-length // step) for length, step in zip(spatial, box, strict=True)]
    boxes = Region.whole(counts).size
    for number in dict.fromkeys(boxes * piece // _PIECES for piece in range(_PIECES)):
        at = [int(index) for index in np.unravel_index(number, counts)]
        yield Region([*Region.of_chunk(at, box, spatial), (0, samples)])


def _packed(values: Any) -> int:
    """Return the size after what datasets are compressed with when nobody chooses."""
    import numcodecs

    from mdio.plugins.registry import registry

    size = values.dtype.itemsize
    item = size if size < 256 else 1  # headers with extensions are longer than Blosc's items
    default = next((codec.load() for codec in registry().codecs() if codec.name == "blosc"), None)
    codec = default(typesize=item) if default else numcodecs.Blosc("zstd", clevel=5, shuffle=1)
    return len(codec.encode(values.view(np.uint8) if values.dtype.kind == "V" else values))
