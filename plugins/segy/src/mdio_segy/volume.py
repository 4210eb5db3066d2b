"""A SEG-Y file as a volume: any region of its grid, decoded, with raw headers, patches and file order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import Block, Metadata, Patches, Schema
from mdio_segy.fields import trace_header_layout
from mdio_segy.tracefile import as_slice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.index import TraceIndex
    from mdio.core.volume import SourceFile
    from mdio_segy.filehead import SegyLayout
    from mdio_segy.tracefile import TraceFile

__all__ = ["SegyVolume", "source_facts"]

_LOOK = 16 << 20
"""Bytes of samples that are taken at once; more are read as blocks, batch by batch."""


class SegyVolume:
    """A SEG-Y file with a geometry.

    Parameters
    ----------
    traces
        The open file, or several as one.
    layout
        What the file headers say.
    source
        What it takes to write the file again.
    dims
        Spatial dimensions and the sample axis.
    index
        Trace numbers of the cells.
    identity
        What tells this file from another.
    attributes
        Notes for the record, e.g. how the geometry was found.
    """

    def __init__(
        self,
        traces: TraceFile,
        layout: SegyLayout,
        source: SourceFile,
        dims: tuple[Dimension, ...],
        index: TraceIndex,
        identity: Mapping[str, Any],
        attributes: Mapping[str, Any],
    ) -> None:
        self.layout = layout
        self._index = index
        self._traces = traces
        self._state = (traces, layout, source, dims, index, identity, attributes)
        self._local = threading.local()
        self._schema = Schema(
            dims=dims,
            dtype=np.dtype(layout.format.dtype),
            headers=trace_header_layout(layout.big_endian, layout.header_bytes),
            chunks=(*(1,) * len(index.shape), max(1, layout.samples)),
            metadata=Metadata(
                text=layout.text,
                binary=layout.binary,
                source=source,
                order=index.order,
                trace_count=index.count,
                identity=identity,
                attributes=attributes,
            ),
        )

    @property
    def schema(self) -> Schema:
        """Shape, types and metadata."""
        return self._schema

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells hold a trace."""
        return self._index.live(region)

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return trace numbers, -1 where there is none."""
        return self._index.traces(region)

    def lengths(self, region: Region) -> NDArray[np.uint32] | None:
        """Return the sample count of each trace, 0 where there is none; None where all have the same."""
        records = self.layout.records
        if records is None:
            return None
        order = self.order(region)
        out = np.zeros(region.shape, dtype=np.uint32)
        live = order >= 0
        out[live] = records.lengths(order[live])
        return out

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw trace headers."""
        size = self.layout.header_bytes
        out = np.zeros((region.size, size), dtype=np.uint8)
        traces, rows = _sorted(self.order(region))
        out[rows] = self._traces.fetch_part(traces, 0, size)
        return out.view(self._schema.headers.record).reshape(region.shape)

    def samples(self, region: Region) -> NDArray[Any]:
        """Return decoded samples."""
        first, last = region[-1]
        traces, rows = _sorted(self.order(region.spatial))
        item = self.layout.format.item
        low = self.layout.header_bytes
        if (last - first) * item * len(traces) > _LOOK:
            return self.read(region).samples
        raw = self._traces.look(traces, low + first * item, low + last * item)
        out = np.zeros((region.spatial.size, last - first), dtype=self._schema.dtype)
        self._decode(raw, rows, out)
        return out.reshape(region.shape)

    def read(self, region: Region) -> Block:
        """Return samples, headers, mask, order and patches of a region, each byte read once."""
        spatial = region.spatial
        order = self.order(spatial)
        traces, rows = _sorted(order)
        first, last = region[-1]
        width = last - first
        samples = np.zeros((spatial.size, width), dtype=self._schema.dtype)
        headers = np.zeros((spatial.size, self.layout.header_bytes), dtype=np.uint8)
        found: list[Patches] = []
        item, low = self.layout.format.item, self.layout.header_bytes
        step = max(1, self._traces.batch // self.layout.trace_bytes)
        buffer = self._buffer(min(step, len(traces)))
        for start in range(0, len(traces), step):
            some, at = traces[start : start + step], rows[start : start + step]
            records = buffer[: len(some)]
            self._traces.fetch(some, records)
            headers[as_slice(at)] = records[:, :low]
            patches = self._decode(records[:, low + first * item : low + last * item], at, samples)
            if patches is not None:
                found.append(patches)
        return Block(
            region=region,
            samples=samples.reshape(region.shape),
            headers=headers.view(self._schema.headers.record).reshape(spatial.shape),
            live=order >= 0,
            patches=_merged(found),
            order=order,
            lengths=self.lengths(spatial),
        )

    def _buffer(self, records: int) -> NDArray[np.uint8]:
        held: NDArray[np.uint8] | None = getattr(self._local, "buffer", None)
        if held is None or len(held) < records:
            held = self._local.buffer = np.empty((records, self.layout.trace_bytes), dtype=np.uint8)
        return held

    def _decode(self, raw: NDArray[np.uint8], rows: NDArray[np.int64], out: NDArray[Any]) -> Patches | None:
        """Decode records into rows of ``out``; patches are counted in ``out`` as a whole."""
        form, big = self.layout.format, self.layout.data_big_endian
        width = out.shape[1]
        where = as_slice(rows)
        if isinstance(where, slice):
            patches = form.decode(raw, out[where], big)
        else:
            values = np.empty((len(rows), width), dtype=out.dtype)
            patches = form.decode(raw, values, big)
            out[where] = values
        if patches is None:
            return None
        row, column = np.divmod(patches.index, width)
        return Patches(rows[row] * width + column, patches.words)

    def close(self) -> None:
        """Close the file; may be called again."""
        self._traces.close()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self._state


def _sorted(order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the trace numbers of a region in ascending order and the flat cells they belong to."""
    flat = order.reshape(-1)
    rows = np.flatnonzero(flat >= 0)
    traces = flat[rows]
    if len(traces) > 1 and not np.all(traces[1:] > traces[:-1]):
        by_trace = np.argsort(traces, kind="stable")
        traces, rows = traces[by_trace], rows[by_trace]
    return traces, rows


def _merged(found: list[Patches]) -> Patches | None:
    if not found:
        return None
    index = np.concatenate([patches.index for patches in found])
    words = np.concatenate([patches.words for patches in found])
    by_place = np.argsort(index, kind="stable")
    return Patches(index[by_place], words[by_place])


def source_facts(layout: SegyLayout) -> dict[str, Any]:
    """Return what the form of a file is, as a dataset keeps it."""
    facts: dict[str, Any] = {
        "big_endian": layout.big_endian,
        "data_big_endian": layout.data_big_endian,
        "format": layout.format.code,
        "header_bytes": layout.header_bytes,
        "samples": layout.samples,
        "interval_us": layout.interval_us,
        "text_offset": layout.tape_label,
        "traces": layout.trace_count,
    }
    if layout.varying:
        facts["varying"] = True
    return facts
