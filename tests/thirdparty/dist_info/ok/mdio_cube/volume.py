"""Opens a cube file: one line of JSON, then the samples as little-endian float32, C order.

This format is an example that works. Replace it by yours, method by method; the tests say what must hold.
"""

from __future__ import annotations

import json
import math

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderLayout
from mdio.core.volume import Block, Metadata, Schema, TraceOrder
from mdio.exceptions import FormatError

LINE = 4096  # the JSON line is at most this long


def write_example(path, dims, samples):
    """Write a file, for tests: ``dims`` are (name, coordinates) pairs, slowest first."""
    axes = [{"name": name, "coords": [float(value) for value in coords]} for name, coords in dims]
    with open(path, "wb") as file:
        file.write(json.dumps({"format": "cube", "dims": axes}).encode() + b"\n")
        file.write(np.ascontiguousarray(samples, dtype="<f4").tobytes())
    return path


def open_volume(url, options, storage):
    """Return the volume at a URL. ``options`` is None, because plugin.py names no options model."""
    store = storage.open(url)
    file = store.open()
    try:
        line, newline, _ = file.read(0, min(LINE, file.size)).partition(b"\n")
        try:
            facts = json.loads(line) if newline else None
            dims = tuple(Dimension(axis["coords"], axis["name"]) for axis in facts["dims"])
        except (ValueError, TypeError, KeyError) as error:
            raise FormatError("not a cube header", url=store.url, byte=0) from error
        expected = len(line) + 1 + 4 * math.prod(dim.size for dim in dims)
        if file.size != expected:
            raise FormatError(f"{file.size} bytes long, its header means {expected}", url=store.url)
        return CubeVolume(file, dims, len(line) + 1, store.url)
    except BaseException:
        file.close()
        raise


class CubeVolume:
    """Every cell holds a trace, and there are no trace headers."""

    def __init__(self, file, dims, offset, url):
        self._file = file
        self._offset = offset
        shape = tuple(dim.size for dim in dims)
        self._strides = tuple(math.prod(shape[axis + 1 : -1]) for axis in range(len(shape) - 1))
        self.schema = Schema(
            dims=dims,
            dtype=np.dtype("f4"),
            headers=HeaderLayout(),
            chunks=(1, *shape[1:]),
            metadata=Metadata(
                trace_count=math.prod(shape[:-1]),
                order=TraceOrder("affine", 0, self._strides),
                identity={"url": url, "size": file.size},
            ),
        )

    def samples(self, region):
        # Whole rows of the first axis are one range of the file.
        (start, stop), *rest = region
        row = self.schema.shape[1:]
        size = 4 * math.prod(row)
        data = np.frombuffer(self._file.read(self._offset + start * size, (stop - start) * size), "<f4")
        cut = data.reshape(stop - start, *row)[(slice(None), *(slice(*pair) for pair in rest))]
        return np.array(cut, dtype="f4", order="C")

    def headers(self, region):
        return np.zeros(region.shape, self.schema.headers.record)

    def live(self, region):
        return np.ones(region.shape, dtype=bool)

    def order(self, region):
        axes = [np.arange(*pair) * stride for pair, stride in zip(region, self._strides, strict=True)]
        return np.asarray(sum(np.ix_(*axes)), dtype=np.int64)

    def read(self, region):
        traces = region.spatial
        return Block(
            region=region,
            samples=self.samples(region),
            headers=None,
            live=self.live(traces),
            order=self.order(traces),
        )

    def close(self):
        self._file.close()
