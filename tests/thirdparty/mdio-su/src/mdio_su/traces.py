"""Seismic Unix: traces one after the other, each a SEG-Y trace header and float32 samples, in either byte order."""

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Block, Metadata, Schema, TraceOrder
from mdio.exceptions import FormatError


def open_su(url, options, storage):
    """Return the traces of a file; the byte order is the one in which the sample count fits the file."""
    store = storage.open(url)
    file = store.open()
    head = file.read(0, 240) if file.size >= 240 else b""
    for order in "<>":
        samples, interval = np.frombuffer(head[114:118], f"{order}u2") if head else (0, 0)
        if samples and file.size % (240 + 4 * int(samples)) == 0:
            return SuVolume(file, store.url, order, int(samples), int(interval))
    file.close()
    raise FormatError("the sample count in bytes 115-116 does not fit the file's size", url=store.url, byte=114)


class SuVolume:
    """Traces by their number in the file, from 1."""

    def __init__(self, file, url, order, samples, interval):
        self._file, self._order, self._size = file, order, 240 + 4 * samples
        traces = file.size // self._size
        self.schema = Schema(
            dims=(
                Dimension.regular("trace", 1, 1, traces),
                Dimension.regular("sample", 0, (interval or 1000) / 1000, samples, "ms"),
            ),
            dtype=np.dtype("f4"),
            headers=standard_layout(big_endian=order == ">"),
            chunks=(64, samples),
            metadata=Metadata(trace_count=traces, order=TraceOrder("grid"), identity={"url": url, "size": file.size}),
        )

    def read(self, region):
        (start, stop), (first, last) = region
        raw = np.frombuffer(self._file.read(start * self._size, (stop - start) * self._size), "u1")
        raw = raw.reshape(stop - start, self._size)
        values = np.ascontiguousarray(raw[:, 240 + 4 * first : 240 + 4 * last]).view(f"{self._order}f4")
        records = np.ascontiguousarray(raw[:, :240]).view(self.schema.headers.record)[..., 0]
        traces = region.spatial
        return Block(
            region=region,
            samples=np.ascontiguousarray(values, "f4"),
            headers=records,
            live=self.live(traces),
            order=self.order(traces),
        )

    def samples(self, region):
        return self.read(region).samples

    def headers(self, region):
        return self.read(type(region)([*region, (0, self.schema.shape[-1])])).headers

    def live(self, region):
        return np.ones(region.shape, dtype=bool)

    def order(self, region):
        return np.arange(*region[0], dtype=np.int64)

    def close(self):
        self._file.close()
