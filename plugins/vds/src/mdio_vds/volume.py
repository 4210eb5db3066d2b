"""A VDS as a volume: its primary (or a named) channel at full resolution."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.headers import HeaderLayout
from mdio.core.index import cells_of
from mdio.core.region import Region
from mdio.core.volume import Block, Metadata, Patches, Schema, TraceOrder
from mdio.exceptions import IncompleteDatasetError
from mdio.flow.engine import available_cores
from mdio.storage.claiming import is_unfinished
from mdio_vds.cache import ChunkCache
from mdio_vds.channel import ChannelReader, stored_group
from mdio_vds.channels import LENGTHS, ORDER, PATCHES, holds
from mdio_vds.conventions import header_channel, header_layout, text_header, to_dimension, trace_channel
from mdio_vds.enums import VolumeDataMapping
from mdio_vds.errors import VdsError
from mdio_vds.inspect import inspect_source, layout_mapping
from mdio_vds.layout import parse_layout
from mdio_vds.origin import read_origin
from mdio_vds.survey import imported_source, imported_type
from mdio_vds.values import as_type, sample_dtype, sample_values
from mdio_vds.wavelet.quality import BEST_QUALITY, Quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from mdio.core.rank import BitRank
    from mdio.core.volume import SourceFile
    from mdio.flow.events import Observer
    from mdio.storage.store import Storage, Store
    from mdio_vds.checking import ChunkCheck
    from mdio_vds.chunks import VdsSource
    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.options import VdsOptions
    from mdio_vds.partition import Box

__all__ = ["VdsVolume", "open_source", "open_volume"]

_CACHE_BYTES = 128 << 20
"""Decoded chunks that a volume keeps for :meth:`VdsVolume.samples`: those of a section of many surveys."""


def open_volume(url: str, options: Mapping[str, Any] | VdsOptions | None, storage: Storage) -> VdsVolume:
    """Open a VDS: one file, or a directory (key prefix) in the object layout.

    Parameters
    ----------
    url
        Where it is.
    options
        See :class:`~mdio_vds.options.VdsOptions`.
    storage
        Resolves the URL.

    Raises
    ------
    VdsError
        Not a VDS, damaged, or without the channel asked for.
    MDIONotFoundError
        There is nothing at the URL.
    IncompleteDatasetError
        The run that was to write it has not ended.
    """
    from mdio_vds.options import VdsOptions

    source = open_source(storage.open(url))
    try:
        return VdsVolume(source, VdsOptions.model_validate(options or {}), (url, storage))
    except BaseException:
        source.close()
        raise


def open_source(store: Store) -> VdsSource:
    """Return the stored layers of a VDS, whichever layout it has; raises as :func:`open_volume` does."""
    from mdio_vds.container import ContainerSource
    from mdio_vds.layout import LAYOUT_NAME
    from mdio_vds.objectstore import ObjectSource

    if store.exists(LAYOUT_NAME):
        return ObjectSource(store)
    if is_unfinished(store) and (store.path is None or not store.exists()):
        raise IncompleteDatasetError(
            f"{store.url}: a conversion into it did not end", hint="run the same command again with --resume"
        )
    reader = store.open()
    try:
        return ContainerSource(reader, store.url)
    except BaseException:
        reader.close()
        raise


class VdsVolume:
    """One channel of a VDS as a volume.

    Axes are those of the VDS in reverse, so that dimension 0, the sample axis, comes last. Samples are what the
    stored codes mean (:func:`mdio_vds.values.sample_dtype`); "no value" is left as it is stored. Trace headers and the
    live mask come from the channels ``SEGYTraceHeader`` and ``Trace`` where they are there (VDS specification section
    13); else every cell is live.

    A VDS that we wrote also has what its source had: axes, sample type, order and lengths of traces, raw words and the
    bytes around them (:mod:`mdio_vds.origin`). One that came from SEG-Y otherwise has its file headers.

    Parameters
    ----------
    source
        The open VDS; :meth:`close` closes it.
    options
        Which channel.
    origin
        URL and storage with which another process opens it again; without, the volume cannot be pickled.

    Raises
    ------
    VdsError
        The layout is damaged, or there is no such channel.
    """

    def __init__(self, source: VdsSource, options: VdsOptions, origin: tuple[str, Storage] | None = None) -> None:
        self._source = source
        self._options = options
        self._opened = origin
        text = source.layout_json()
        self.layout = parse_layout(text, source.url)
        self.channel = self._choose(options.channel)
        self._origin = read_origin(self.layout, source.url)
        primary = self.channel is self.layout.channels[0]
        self._headers = self._available(header_channel(self.layout))
        self._live = self._available(trace_channel(self.layout))
        own = self.layout.by_channel if self._origin is not None else {}
        self._order = self._available(own.get(ORDER))
        self._lengths = self._available(own.get(LENGTHS))
        self._patches = self._available(own.get(PATCHES) if primary else None)
        self._source_file = self._find_source()
        self._dtype = sample_dtype(self.channel)
        if self._origin is None and primary and self._source_file is not None:
            self._dtype = imported_type(self._source_file, self._dtype)
        elif self._origin is not None and primary and holds(self.channel, self._origin.dtype):
            self._dtype = self._origin.dtype
        self._cache = ChunkCache(_CACHE_BYTES)
        self._quality = Quality(options.adaptive_tolerance, options.adaptive_ratio)
        self._identity = {"url": source.url, "layout": hashlib.sha256(text).hexdigest()}
        if self._quality != BEST_QUALITY:  # what is read depends on it
            self._identity["quality"] = f"{options.adaptive_tolerance} {options.adaptive_ratio}"

    def _find_source(self) -> SourceFile | None:
        if self._origin is not None:
            return self._origin.source
        return imported_source(self.layout) if self._headers is not None else None

    def _choose(self, name: str | None) -> ChannelDescriptor:
        channel = self.layout.channels[0] if name is None else self.layout.by_channel.get(name)
        direct = [c.name for c in self.layout.channels if c.mapping is VolumeDataMapping.Direct]
        if channel is None or channel.mapping is not VolumeDataMapping.Direct:
            raise VdsError(f"no sample channel {name!r}", url=self._source.url, hint=f"there are: {', '.join(direct)}")
        return channel

    def _available(self, channel: ChannelDescriptor | None, quality: Quality = BEST_QUALITY) -> ChannelReader | None:
        group = stored_group(self._source, self.layout, channel) if channel is not None else None
        if channel is None or group is None:
            return None
        level = quality.level(self._source, self.layout, channel, group)
        return ChannelReader(self._source, self.layout, channel, group, level=level)

    @cached_property
    def _samples(self) -> ChannelReader:
        reader = self._available(self.channel, self._quality)
        if reader is None:
            raise VdsError(f"no layer of channel {self.channel.name!r} is stored", url=self._source.url)
        return reader

    @cached_property
    def schema(self) -> Schema:
        """Shape, types and metadata; ``metadata.attributes["layout"]`` is what ``mdio info`` prints."""
        origin = self._origin
        dims = origin.dims if origin is not None else None
        if dims is None:
            dims = tuple(to_dimension(axis) for axis in reversed(self.layout.axes))
        group = stored_group(self._source, self.layout, self.channel)
        edges = self._samples.partition.edge if group is not None else self.layout.shape
        return Schema(
            dims=dims,
            dtype=self._dtype,
            headers=self._header_layout(),
            chunks=tuple(reversed(edges[: len(dims)])),
            metadata=self._metadata(),
        )

    def _metadata(self) -> Metadata:
        attributes = {"layout": layout_mapping(self.layout)}
        origin = self._origin
        if origin is None:
            cells = math.prod(self.layout.shape[1:])
            return Metadata(
                text=text_header(self.layout),
                source=self._source_file,
                order=TraceOrder("grid"),
                trace_count=cells if self._live is None else -1,
                identity=self._identity,
                attributes=attributes,
            )
        return Metadata(
            text=origin.text,
            binary=origin.binary,
            source=self._source_file,
            order=TraceOrder("grid") if origin.order.kind == "mapped" and self._order is None else origin.order,
            trace_count=origin.trace_count,
            statistics=origin.statistics,
            identity=self._identity,
            attributes={**origin.attributes, **attributes},
        )

    def _header_layout(self) -> HeaderLayout:
        if self._headers is None:
            return HeaderLayout()
        size = self._headers.channel.mapped_values
        if self._origin is not None and self._origin.headers.itemsize == size:
            return self._origin.headers
        return header_layout(self.layout, size)

    def inspect(self) -> Mapping[str, Any]:
        """Return what ``mdio info`` prints beyond the schema: sections, each a mapping or a list of rows."""
        return inspect_source(self._source, self.layout)

    def check_chunks(self, *, workers: int | None = None, observers: Iterable[Observer] = ()) -> Iterator[ChunkCheck]:
        """Yield what is found of every chunk of every layer; see :func:`mdio_vds.checking.check_chunks`."""
        from mdio_vds.checking import check_chunks

        return check_chunks(self._source, self.layout, workers=workers, observers=observers)

    def verify_objects(self) -> Iterator[tuple[str, Region | None, str | None]]:
        """Yield every stored chunk of all layers: name, cells that it covers, and what is wrong with it.

        The last is empty for a chunk that matches its check and decodes, None for one that decodes and carries no
        check of ours.
        """
        from mdio_vds.chunks import ChunkKind

        for check in self.check_chunks():
            if check.kind is ChunkKind.STORED or check.problem:
                yield check.name, check.region, check.problem or ("" if check.checked else None)

    def samples(self, region: Region) -> NDArray[Any]:
        """Return the samples of a region, C order; dead traces are 0.

        Raises
        ------
        VdsError
            A chunk is damaged, or of an encoding that cannot be decoded.
        """
        box = tuple(reversed(region))
        codes = self._samples.read(box, cache=self._cache, workers=available_cores())
        return self._alive(codes, self.live(region.spatial))

    def headers(self, region: Region) -> NDArray[Any]:
        """Return raw header records of a region without sample axis; dead cells are zero bytes."""
        return self._records(region, self.live(region))

    def live(self, region: Region) -> NDArray[np.bool_]:
        """Return which cells of a region without sample axis hold a trace."""
        if self._live is None:
            return np.ones(region.shape, np.bool_)
        mask: NDArray[np.bool_] = self._live.read(_box(region, 1)).reshape(region.shape) != 0
        return mask

    def order(self, region: Region) -> NDArray[np.int64]:
        """Return the file position of each trace of a region without sample axis, -1 where dead.

        Files are in grid order (VDS specification section 13) unless we know better: then it is the number of live
        cells before.
        """
        schema = self.schema
        order = schema.metadata.order
        if order.kind == "affine":
            return cells_of(region, schema.shape[:-1], order.strides) + order.base
        live = self.live(region)
        if order.kind == "mapped" and self._order is not None:
            stored = self._order.read(_box(region, 1)).reshape(region.shape).astype(np.int64)
            return np.where(live, stored - 1, -1)
        cells = cells_of(region, schema.shape[:-1])
        return cells if self._live is None else np.where(live, self._rank.rank(cells), -1)

    def lengths(self, region: Region) -> NDArray[np.uint32] | None:
        """Return the sample count of each trace of a region, 0 where dead; None where all fill the sample axis."""
        if self._lengths is None:
            return None
        stored = np.minimum(self._lengths.read(_box(region, 1)).reshape(region.shape), self.schema.shape[-1])
        return np.where(self.live(region), stored, 0).astype(np.uint32)

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        spatial = region.spatial
        live = self.live(spatial)
        return Block(
            region=region,
            samples=self._alive(self._samples.read(tuple(reversed(region))), live),
            headers=None if self._headers is None else self._records(spatial, live),
            live=live,
            patches=self._raw_words(region),
            order=self.order(spatial),
            lengths=self.lengths(spatial),
        )

    def _raw_words(self, region: Region) -> Patches | None:
        box = tuple(reversed(region))
        if self._patches is None or not self._patches.touches(box):
            return None
        words = self._patches.read(box).reshape(-1)
        index = np.flatnonzero(words)
        return Patches(index, words[index]) if index.size else None

    def close(self) -> None:
        """Close the file; may be called again."""
        self._source.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._opened is None:
            raise TypeError("a VdsVolume without origin cannot be pickled")
        url, storage = self._opened
        return open_volume, (url, self._options, storage)

    @cached_property
    def _rank(self) -> BitRank:
        from mdio.core.rank import BitRank

        grid = self.schema.shape[:-1]
        rows = self.schema.chunks[0]
        below = int(np.prod(grid[1:], dtype=np.int64))

        def members() -> Any:
            for start in range(0, grid[0], rows):
                stop = min(start + rows, grid[0])
                mask = self.live(Region([(start, stop), *((0, length) for length in grid[1:])]))
                yield np.flatnonzero(mask) + start * below

        return BitRank(grid[0] * below, members())

    def _alive(self, codes: NDArray[Any], live: NDArray[np.bool_]) -> NDArray[Any]:
        values = as_type(sample_values(codes, self.channel), self._dtype)
        if not live.all():
            values[~live] = 0
        return values

    def _records(self, region: Region, live: NDArray[np.bool_]) -> NDArray[Any]:
        record = self.schema.headers.record
        if self._headers is None:
            return np.zeros(region.shape, record)
        raw = self._headers.read(_box(region, record.itemsize))
        if not live.all():
            raw[~live] = 0
        return raw.view(record)[..., 0]


def _box(region: Region, values: int) -> Box:
    """Return the box of a per-trace channel: all its values along dimension 0, then the traces of the region."""
    return ((0, values), *reversed(region))
