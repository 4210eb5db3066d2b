"""Copies a VDS as what it is: all channels, all layers, all metadata, whatever they mean.

A conversion carries one volume and what belongs to it. A copy goes by layers, so that nothing is lost that a volume
has no place for. Where a chunk stays as it is its bytes are copied; where the encoding changes its codes are encoded
anew; where bricks change each is put together from the old ones, and levels of detail are made again.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import google_crc32c

from mdio.core.region import Region
from mdio.exceptions import ConfigError, StorageError
from mdio.flow.plan import DEFAULT_MEMORY
from mdio.flow.walk import walk
from mdio_vds.beginning import begin_target
from mdio_vds.cache import CACHE_BYTES, ChunkCache
from mdio_vds.channel import ChannelReader
from mdio_vds.chunk_codes import EncodedChunk, Encoding
from mdio_vds.chunks import ChunkKind
from mdio_vds.errors import VdsError
from mdio_vds.hashes import verify_hash
from mdio_vds.layout_json import write_layout
from mdio_vds.lods import make_lods
from mdio_vds.placed import ChunkRow
from mdio_vds.voxels import VoxelReader

if TYPE_CHECKING:
    from mdio.core.volume import Creation
    from mdio.flow.events import Observer
    from mdio.storage.store import Store
    from mdio_vds.chunks import VdsSource
    from mdio_vds.container_target import ContainerTarget
    from mdio_vds.copy_plan import CopyPlan
    from mdio_vds.descriptors import ChannelDescriptor
    from mdio_vds.object_target import ObjectTarget

__all__ = ["copy_vds"]


_HINT = "mdio vds verify names all damage"


_Chunk = tuple[int, EncodedChunk]
"""A chunk on its way, and the number of its layer in the plan."""


def copy_vds(
    source: VdsSource,
    plan: CopyPlan,
    store: Store,
    url: str,
    creation: Creation,
    *,
    layout: str = "auto",
    workers: int | None = None,
    memory: int | None = None,
    observers: Iterable[Observer] = (),
) -> dict[str, int]:
    """Copy a VDS.

    Parameters
    ----------
    source
        The open VDS.
    plan
        From :func:`plan_copy`.
    store, url
        Where to.
    creation
        Overwriting and resuming.
    layout
        ``"container"``, ``"objects"`` or ``"auto"``, as writers take it.
    workers, memory
        Threads, and bytes of the chunks under way.
    observers
        Called with the events of the copy.

    Returns
    -------
    dict
        ``chunks``, ``stored`` (with payload), ``resumed`` and ``bytes`` of the payloads.

    Raises
    ------
    VdsError
        A chunk is damaged, or of an encoding that cannot be decoded; nothing is left behind.
    MDIOError
        The target cannot be begun or written; what was written is kept for a resume.
    """

    def fill(target: ContainerTarget | ObjectTarget) -> None:
        for copy in plan.layers:
            target.add_layer(copy.placed.layer.name, copy.method, copy.tolerance, copy.chunks)

    row = ChunkRow([copy.chunks for copy in plan.layers])
    half = (DEFAULT_MEMORY if memory is None else memory) // 2
    walked = row.plan(_chunk_bytes(plan), workers, half)
    reading = _Reading(source, plan, row, min(half, CACHE_BYTES))
    journal, target = begin_target(store, url, layout, creation, fill)
    try:
        try:
            header = journal.begin({"fingerprint": creation.fingerprint, "slab": walked.slab})
            walked = replace(walked, slab=tuple(header["slab"]))
            sums = {"chunks": len(row), "stored": 0, "resumed": 0, "bytes": 0}
            names = [copy.placed.layer.name for copy in plan.layers]
            for region, entry in journal.finished().items():
                _take_up(target, names, region, entry, reading.finished, sums)
            size = max(1, sum(max(0, copy.placed.layer.stored_bytes()) for copy in plan.layers) // max(1, len(row)))
            for region, chunks in walk(walked, reading, size, observers) if len(row) else ():
                if region in reading.finished:
                    continue
                journal.record(region, {"chunks": [_put(target, names, chunk) for chunk in chunks]})
                sums["stored"] += sum(bool(chunk.payload) for _, chunk in chunks)
                sums["bytes"] += sum(len(chunk.payload) for _, chunk in chunks)
            _finish(source, plan, target, walked.workers)
        except (VdsError, ConfigError):
            target.abort()
            journal.remove()
            raise
        journal.remove()
    finally:
        target.close()
        journal.close()
    return sums


def _chunk_bytes(plan: CopyPlan) -> int:
    """Return the bytes of the largest decoded chunk."""
    return max(
        (copy.geometry.decoded_bytes(0) for copy in plan.layers if copy.geometry is not None),
        default=1 << 20,
    )


class _Reading:
    """Makes the chunks of a span of the copy; runs in workers."""

    def __init__(self, source: VdsSource, plan: CopyPlan, row: ChunkRow, kept: int) -> None:
        self._plan, self._row, self._url = plan, row, source.url
        self.finished: set[Region] = set()
        # New bricks are put together from pieces of old ones; a brick that is encoded anew is needed once.
        several, once = ChunkCache(kept), ChunkCache(0)
        self._voxels: dict[int, VoxelReader] = {}
        self._plain: dict[int, ChannelReader] = {}
        for number, copy in enumerate(plan.layers):
            known = copy.placed.geometry
            if known is not None and copy.how != "bytes":
                cache = several if copy.how == "cut" else once
                self._voxels[number] = VoxelReader(source, plan.old, known.channel, known.group, known.lod, cache)
                self._plain[number] = ChannelReader(source, plan.old, known.channel, known.group, known.lod)

    def __call__(self, region: Region) -> list[_Chunk]:
        if region in self.finished:
            return []
        made = (self._chunk(number, index) for number, index in self._row.chunks(region))
        return [chunk for chunk in made if chunk is not None]

    def _chunk(self, number: int, index: int) -> _Chunk | None:
        """Return a chunk of the copy; None for one that is not written."""
        copy = self._plan.layers[number]
        return self._cut(number, index) if copy.how == "cut" else self._same(number, index)

    def _same(self, number: int, index: int) -> _Chunk | None:
        copy = self._plan.layers[number]
        layer, geometry = copy.placed.layer, copy.geometry
        entry = layer.entry(index)
        if entry.kind is ChunkKind.UNWRITTEN:
            return None
        levels = entry.levels if copy.method.is_wavelet else b""
        if entry.kind is not ChunkKind.STORED:
            return number, EncodedChunk(index, entry.hash, levels=levels)
        if copy.how == "bytes":
            payload = layer.payload(index)
            name, byte = layer.place(index)
            if not payload:
                raise VdsError("the chunk has no data", url=self._url, name=name, byte=byte, hint=_HINT)
            if verify_hash(entry.hash, payload) is False:
                message = "the chunk does not match its check: it is damaged"
                raise VdsError(message, url=self._url, name=name, byte=byte, hint=_HINT)
            decoded = geometry.decoded_bytes(index) if geometry is not None else 0
            return number, EncodedChunk(index, entry.hash, payload, levels, decoded)
        assert geometry is not None
        position = geometry.partition.position(index)
        return self._encoded(number, index, self._voxels[number].chunk(position), position)

    def _cut(self, number: int, index: int) -> _Chunk | None:
        geometry = self._plan.layers[number].geometry
        assert geometry is not None
        position = geometry.partition.position(index)
        box = geometry.partition.box(position)
        if not self._plain[number].touches(box):
            return None
        return self._encoded(number, index, self._voxels[number].read(box), position)

    def _encoded(self, number: int, index: int, codes: Any, position: tuple[int, ...]) -> _Chunk:
        copy = self._plan.layers[number]
        assert copy.geometry is not None
        channel = copy.geometry.channel
        tail = (channel.components,) if channel.components > 1 else ()
        shape = (*reversed(copy.geometry.partition.stored_shape(position)), *tail)
        return number, Encoding(copy.method, copy.tolerance).chunk(index, codes.reshape(shape), channel)


def _put(target: ContainerTarget | ObjectTarget, names: list[str], chunk: _Chunk) -> list[Any]:
    """Store a chunk; return what a resume needs to find it again."""
    number, stored = chunk
    layer = target.layers[names[number]]
    stored.put(layer)
    check = google_crc32c.value(bytes(stored.payload))
    place = layer.place(stored.index)[1]
    levels = base64.b64encode(stored.levels).decode()
    return [number, stored.index, stored.hash, place, len(stored.payload), levels, stored.decoded, check]


def _take_up(
    target: ContainerTarget | ObjectTarget,
    names: list[str],
    region: Region,
    entry: Mapping[str, Any],
    finished: set[Region],
    sums: dict[str, int],
) -> None:
    """Take up the chunks of a span that an earlier run stored, unless they are no longer what they were."""
    try:
        for number, index, hash, place, length, levels, decoded, check in entry["chunks"]:
            layer = target.layers[names[number]]
            layer.restore(index, hash, place, length, base64.b64decode(levels), decoded)
            if google_crc32c.value(layer.payload(index)) != check:
                return
    except (KeyError, ValueError, IndexError, VdsError, StorageError):
        return
    finished.add(region)
    sums["resumed"] += len(entry["chunks"])
    sums["stored"] += sum(bool(chunk[4]) for chunk in entry["chunks"])
    sums["bytes"] += sum(chunk[4] for chunk in entry["chunks"])


def _finish(source: VdsSource, plan: CopyPlan, target: ContainerTarget | ObjectTarget, workers: int) -> None:
    """Make levels of detail, then write what describes the copy."""
    if plan.layout == plan.old:
        target.commit(source.layout_json())
        return
    for group, channels in _by_group(plan):
        make_lods(target, replace(plan.layout, channels=channels), group, workers=workers)
    target.commit(write_layout(plan.layout, target.url))


def _by_group(plan: CopyPlan) -> Iterator[tuple[tuple[int, ...], tuple[ChannelDescriptor, ...]]]:
    """Yield each dimension group that is stored with its channels, in the order of the layout."""
    stored: dict[tuple[int, ...], set[str]] = {}
    for copy in plan.layers:
        if copy.geometry is not None:
            stored.setdefault(copy.geometry.group, set()).add(copy.geometry.channel.name)
    for group, names in stored.items():
        channels = tuple(channel for channel in plan.layout.channels if channel.name in names)
        if channels[0] is not plan.layout.channels[0]:
            raise ConfigError(f"layers of {channels[0].name} without those of the first channel cannot be made anew")
        yield group, channels
