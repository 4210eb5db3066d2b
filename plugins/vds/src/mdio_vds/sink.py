"""Writes VDS by blocks, in either layout: samples and headers as they come, all that describes them at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.region import Region
from mdio.core.volume import Block, Creation, Volume, has_lengths
from mdio.exceptions import ConfigError
from mdio.flow.engine import available_cores
from mdio.flow.joining import Joining
from mdio.flow.lease import revoke
from mdio.flow.pools import NotSharedError
from mdio_vds.appending import Places
from mdio_vds.axes import told_axes
from mdio_vds.beginning import begin_target
from mdio_vds.channel import layer_name
from mdio_vds.channels import OFFSET, patch_channel, per_trace, per_trace_channels, sample_channel
from mdio_vds.chunk_codes import Encoding
from mdio_vds.conventions import to_axis
from mdio_vds.cutting import SlabMemory, cut
from mdio_vds.descriptors import LayoutDescriptor, VolumeDataLayout
from mdio_vds.enums import CompressionMethod
from mdio_vds.errors import VdsError
from mdio_vds.hashes import verify_hash
from mdio_vds.layout import LAYOUT_NAME
from mdio_vds.layout_json import write_layout
from mdio_vds.lods import levels_of, make_lods
from mdio_vds.origin import origin_items
from mdio_vds.partition import channel_partition
from mdio_vds.positions import Positions
from mdio_vds.spool import begin_spools
from mdio_vds.survey import import_items, segy_items, survey_items
from mdio_vds.values import sample_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.storage.store import Storage, Store
    from mdio_vds.channels import StoredChannel
    from mdio_vds.chunk_codes import EncodedChunk
    from mdio_vds.container_target import ContainerLayerTarget, ContainerTarget
    from mdio_vds.metadata import MetadataItem
    from mdio_vds.object_target import ObjectLayerTarget, ObjectTarget
    from mdio_vds.options import VdsWriteOptions
    from mdio_vds.partition import Partition
    from mdio_vds.spool import LevelSpool

__all__ = ["VdsSink", "create_vds"]

_MOST_AXES = 6


def create_vds(url: str, like: Volume, options: VdsWriteOptions, storage: Storage, creation: Creation) -> VdsSink:
    """Begin a VDS.

    Raises
    ------
    ConfigError
        The format cannot hold the volume, or options do not fit it.
    MDIOAlreadyExistsError, IncompleteDatasetError, WriterLockedError, StorageError
        The target cannot be begun; see :func:`mdio.storage.claiming.claim_target`.
    """
    return VdsSink(url, like, options, storage, creation)


class VdsSink:
    """A VDS under construction."""

    def __init__(self, url: str, like: Volume, options: VdsWriteOptions, storage: Storage, creation: Creation) -> None:
        schema = told_axes(like.schema, options)
        if not 2 <= len(schema.dims) <= _MOST_AXES:
            raise ConfigError(f"a VDS has 2 to {_MOST_AXES} axes, the volume {len(schema.dims)}")
        self.creation = creation
        self._like, self._schema, self._options = like, schema, options
        self._positions = Positions(schema, options)
        plain = options.compression == "none"
        beside = Encoding(CompressionMethod.NONE if plain else CompressionMethod.Zip, level=options.level)
        self._samples = sample_channel(schema, options)
        wavelets = self._samples.encoding.method.is_wavelet
        self._traces = per_trace_channels(schema, beside, lengths=has_lengths(like))
        self._patches = patch_channel(beside)
        self._range = options.value_range
        self.needs: frozenset[str] = frozenset()
        if options.format != "source" or wavelets:
            if self._range is None:
                self.needs = frozenset({"value_range"})
            else:
                self._scale(self._range)
        self._group = (0, 1, 2) if len(schema.dims) > 2 else (0, 1)
        self._layout = self._describe()
        self._partitions: dict[str, Partition] = {
            stored.channel.name: channel_partition(self._layout, stored.channel, self._group)
            for stored in (self._samples, *self._traces, self._patches)
        }
        grid = self._partitions[options.channel]
        self.chunks = tuple(reversed(grid.edge[: len(schema.dims)]))
        shared = sum(options.margin)
        self.halo = tuple(shared if dim in self._group else 0 for dim in reversed(range(len(schema.dims))))
        self._lock = threading.Lock()
        self._memory = SlabMemory()
        self._places: Places | None = None
        self._offsets: tuple[float, float] | None = None
        store = storage.open(url)
        self._spools: tuple[LevelSpool, ...] = ()
        if isinstance(creation, Joining):
            self._join(store, creation)
            return
        self.journal, self._target = begin_target(store, url, options.layout, creation, self._fill_target)
        if creation.resume or creation.overwrite:
            revoke(store)
        # Samples that lose something are needed once more for levels of detail, and no longer there then.
        channel = self._samples.channel
        lods = levels_of(self._layout, channel, self._group) if wavelets else ()
        partitions = [channel_partition(self._layout, channel, self._group, lod) for lod in lods]
        self._spools = begin_spools(store.path, partitions, channel, fresh=self.journal.header is None)

    def _join(self, store: Store, creation: Joining) -> None:
        """Take part in a run of another process, which was asked by :meth:`share` whether that can be."""
        from mdio_vds.object_target import ObjectTarget

        self.journal = creation.journal()
        self._fill_target(ObjectTarget.create(store, fresh=False))

    def _describe(self) -> VolumeDataLayout:
        options, schema = self._options, self._schema
        flat = len(self._group) == 2
        create_2d = flat if options.create_2d_lods is None else options.create_2d_lods
        lods = options.lods if options.lods is not None else (4 if len(schema.dims) == 3 else 2)
        forced = options.full_resolution_dimension
        if forced is not None and forced >= len(schema.dims):
            raise ConfigError(f"there is no dimension {forced}", path="full_resolution_dimension")
        names = [stored.channel.name for stored in (*self._traces, self._patches)]
        if options.channel in names:
            raise ConfigError(f"{options.channel} is the name of another channel", path="channel")
        return VolumeDataLayout(
            layout=LayoutDescriptor(
                brick_size=options.brick_size,
                negative_margin=options.margin[0],
                positive_margin=options.margin[1],
                lod_levels=lods,
                create_2d_lods=create_2d,
                full_resolution_dimension=-1 if forced is None else forced,
            ),
            axes=tuple(to_axis(dim) for dim in reversed(schema.dims)),
            channels=(self._samples.channel, *(stored.channel for stored in self._traces)),
        )

    def _fill_target(self, target: ContainerTarget | ObjectTarget) -> None:
        self._target = target
        for stored in (self._samples, *self._traces):
            self._add_layer(stored)

    def _add_layer(self, stored: StoredChannel) -> None:
        name = layer_name(self._layout, stored.channel, self._group)
        total = self._partitions[stored.channel.name].total
        self._target.add_layer(name, stored.encoding.method, stored.encoding.tolerance, total)

    def value_range(self, found: tuple[float, float]) -> None:
        """Take the extremes of the samples, which quantising and tolerances need before the first block."""
        self._range = _usable(*found)
        self._scale(self._range)

    def _scale(self, ends: tuple[float, float]) -> None:
        low, high = ends
        channel = replace(self._samples.channel, value_range=ends)
        if self._options.format != "source":
            steps = 255 if self._options.format == "u8" else 65535
            channel = replace(channel, integer_scale=(high - low) / steps, integer_offset=low)
        self._samples = replace(self._samples, channel=channel)

    def expect(self, regions: Sequence[Region]) -> None:
        """Learn the order of the slabs: it is that of their chunks in a single file."""
        if self._target.storage_layout == "container":
            self._places = Places(regions, self._target.start)

    def left_out(self, region: Region) -> None:
        """Leave the chunks of a slab unwritten; they read as zeros."""
        if self._places is not None:
            self._places.left_out(region)

    def share(self) -> None:
        """Let other processes write blocks: every chunk is an object of its own.

        Raises
        ------
        NotSharedError
            It is one file, whose chunks follow each other, or has levels of detail that are made from originals.
        """
        place = getattr(self._target, "place", None)
        if place is None:
            raise NotSharedError(f"{self._target.url}: a VDS of one file is written by one process")
        place.get(LAYOUT_NAME)  # begins the folder: what lay there goes before anybody writes

    def take(self, region: Region, receipt: Mapping[str, Any]) -> None:  # noqa: ARG002 - chunks have numbers
        """Take up the chunks of a slab that another process stored."""
        for name, index, *row in receipt["chunks"]:
            self._restore(name, index, *row)
        self._take_offsets(receipt.get("offsets"))

    def write(self, block: Block) -> Mapping[str, Any]:
        """Store the chunks that begin in a block: samples, headers, and what the types cannot give back."""
        inner, places = self._inner(block.region), self._places
        self._memory.begin()
        try:
            encoded = list(self._encode(block, inner))
            offsets = self._offset_range(block) if inner.start[-1] == 0 else None
            level = self._thin_out(block, inner)
        except BaseException:
            if places is not None:
                with places.of(places.region(inner.start)):  # those behind this slab must not wait for it
                    raise
            raise
        self._take_offsets(offsets)
        receipt: dict[str, Any] = {"chunks": []} | ({"offsets": offsets} if offsets else {}) | level
        if places is None:
            for name, chunk in encoded:
                layer = self._layer(name)
                chunk.put(layer)
                receipt["chunks"].append(_row(name, chunk, layer.place(chunk.index)[1]))
            return receipt
        with places.of(places.region(inner.start)) as turn:
            start = turn.start
            end = turn.end = start + sum(len(chunk.payload) for _, chunk in encoded)
        # Writing needs no turn: the place is this slab's.
        at = start
        for name, chunk in encoded:
            self._layer(name).put_at(chunk.index, chunk.hash, at, chunk.payload, chunk.levels, chunk.decoded)
            receipt["chunks"].append(_row(name, chunk, at))
            at += len(chunk.payload)
        return receipt | {"start": start, "end": end}

    def _thin_out(self, block: Block, inner: Region) -> dict[str, int]:
        """Keep what levels of detail are made from; return its check for the receipt."""
        if not self._spools:
            return {}
        codes = sample_codes(block.samples, self._samples.channel)
        return {"level": self._spools[0].thin_out(codes, block.region, inner)}

    def _inner(self, outer: Region) -> Region:
        """Return a region without its halo. Where the end of the volume cut that, no chunk begins in what is left."""
        return Region(
            (start and start + margin, stop if stop == full else stop - margin)
            for (start, stop), margin, full in zip(outer, self.halo, self._schema.shape, strict=True)
        )

    def _encode(self, block: Block, inner: Region) -> Iterator[tuple[str, EncodedChunk]]:
        """Yield layer and chunk of all that is to be stored of a block."""
        yield from self._cut(self._samples, block.samples, block.region, inner)
        if inner.start[-1] == 0:
            for stored in self._traces:
                channel = stored.channel
                ends = (0, channel.mapped_values)
                values = per_trace(channel.name, block, self._schema)
                yield from self._cut(stored, values, (*block.region[:-1], ends), (*inner[:-1], ends))
        if block.patches is not None and block.patches.index.size:
            words = np.zeros(block.samples.shape, np.uint32)
            words.reshape(-1)[block.patches.index] = block.patches.words
            yield from self._cut(self._patches, words, block.region, inner, wanted=np.any)

    def _cut(
        self,
        stored: StoredChannel,
        values: NDArray[Any],
        outer: Sequence[tuple[int, int]],
        inner: Sequence[tuple[int, int]],
        wanted: Callable[[NDArray[Any]], Any] | None = None,
    ) -> Iterator[tuple[str, EncodedChunk]]:
        name = layer_name(self._layout, stored.channel, self._group)
        partition = self._partitions[stored.channel.name]
        for chunk in cut(values, outer, inner, stored, partition, wanted, self._memory.take):
            yield name, chunk

    def _layer(self, name: str) -> ContainerLayerTarget | ObjectLayerTarget:
        """Return a layer; that of raw words is there once a sample needs it."""
        with self._lock:
            if name not in self._target.layers:
                self._add_layer(self._patches)
        return self._target.layers[name]

    def _offset_range(self, block: Block) -> tuple[float, float] | None:
        if not (block.live.any() and any(stored.channel.name == OFFSET for stored in self._traces)):
            return None
        offsets = per_trace(OFFSET, block, self._schema)[..., 0][block.live]
        return float(offsets.min()), float(offsets.max())

    def _take_offsets(self, found: Sequence[float] | None) -> None:
        if found:
            with self._lock:
                low, high = self._offsets or found
                self._offsets = min(low, found[0]), max(high, found[1])

    def recheck(self, region: Region, receipt: Mapping[str, Any]) -> bool:
        """Whether the chunks of a slab are there as they were written, and where they belong; a power cut loses some.

        Their checks are in their hashes.
        """

        def whole() -> bool:
            for name, index, *row in receipt["chunks"]:
                self._restore(name, index, *row)
                _, length, hash = row[:3]
                if length and not verify_hash(hash, self._layer(name).payload(index)):
                    return False
            return not self._spools or self._spools[0].check(self._inner(region)) == receipt["level"]

        try:
            if self._places is None:
                kept = whole()
            else:
                kept = self._places.recheck(region, receipt["start"], receipt["end"], whole)
        except (KeyError, TypeError, VdsError):  # a journal of an earlier version says less
            return False
        if kept:
            self._take_offsets(receipt.get("offsets"))
        return kept

    def _restore(
        self, name: str, index: int, offset: int, length: int, hash: int, decoded: int, levels: str = ""
    ) -> None:
        self._layer(name).restore(index, hash, offset, length, bytes.fromhex(levels), decoded)

    def commit(self, statistics: Mapping[str, Any]) -> None:
        """Make levels of detail, then write what describes the VDS; then it is complete under its name."""
        created = (self.journal.header or {}).get("created") or self.creation.created
        layout = self._final(statistics)
        spools = {self._options.channel: self._spools} if self._spools else None
        make_lods(
            self._target, layout, self._group, level=self._options.level, workers=available_cores(), spools=spools
        )
        segy = list(segy_items(self._schema))
        headers = {item.name: item.value for item in segy if isinstance(item.value, bytes)}
        items: list[MetadataItem] = [
            *survey_items(self._like, layout.axes, self._positions, self._options.crs_wkt),
            *segy,
            *import_items(self._schema, created),
            *origin_items(self._schema, statistics, headers),
        ]
        self._target.commit(write_layout(replace(layout, metadata=tuple(items)), self._target.url))
        self._remove_spools()
        self.journal.remove()

    def _final(self, statistics: Mapping[str, Any]) -> VolumeDataLayout:
        """Return the layout with what is known only now: ranges of values, and whether there are raw words."""
        honest = statistics.get("honest", {})
        ends = self._range or _usable(honest.get("min", 0.0), honest.get("max", 0.0))
        channels = [replace(self._samples.channel, value_range=ends)]
        for stored in self._traces:
            known = stored.channel.name == OFFSET and self._offsets
            channels.append(replace(stored.channel, value_range=_usable(*known)) if known else stored.channel)
        if layer_name(self._layout, self._patches.channel, self._group) in self._target.layers:
            channels.append(self._patches.channel)
        return replace(self._layout, channels=tuple(channels))

    def abort(self) -> None:
        """Leave nothing behind."""
        self._target.abort()
        self._remove_spools()
        self.journal.remove()

    def _remove_spools(self) -> None:
        for spool in self._spools:
            spool.remove()
        self._spools = ()

    def close(self) -> None:
        """Let go of the target and keep what was written for a resume."""
        self._target.close()
        self.journal.close()


def _row(name: str, chunk: EncodedChunk, place: int) -> list[Any]:
    """Return what a receipt says of a chunk; the last is of wavelets."""
    row = [name, chunk.index, place, len(chunk.payload), chunk.hash, chunk.decoded]
    return [*row, chunk.levels.hex()] if chunk.levels else row


def _usable(low: float, high: float) -> tuple[float, float]:
    """Return a range of values in single precision whose ends differ."""
    limit = float(np.finfo(np.float32).max)
    low, high = (float(np.float32(min(max(end, -limit), limit))) for end in (low, high))
    return (low, high) if low < high else (low, float(max(np.nextafter(np.float32(low), np.float32(limit)), low + 1)))
