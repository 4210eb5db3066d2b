"""Looks at every stored chunk of a VDS: its entry, its payload, the check in its hash, and whether it decodes.

The reference implementation checks nothing of that: a hash is an opaque number to it, and a payload that does not
decode ends the program. Chunks that we wrote carry a check (VDS specification section 16).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mdio.exceptions import MDIOError, PluginNotInstalledError
from mdio.flow.walk import walk
from mdio_vds.blocks import BlockError
from mdio_vds.channel import layer_name, stored_group
from mdio_vds.chunks import ChunkKind
from mdio_vds.errors import VdsError
from mdio_vds.hashes import verify_hash
from mdio_vds.lods import levels_of
from mdio_vds.payloads import decode_payload
from mdio_vds.placed import ChunkRow, placed_layers

if TYPE_CHECKING:
    from mdio.core.region import Region
    from mdio.flow.events import Observer
    from mdio_vds.chunks import VdsSource
    from mdio_vds.descriptors import VolumeDataLayout
    from mdio_vds.placed import PlacedLayer

__all__ = ["ChunkCheck", "check_chunks"]


@dataclass(frozen=True, slots=True)
class ChunkCheck:
    """What was found of a chunk, or of a whole layer.

    Parameters
    ----------
    layer, index
        Name of the layer, and number of the chunk; None for what concerns the layer.
    name
        What messages call it.
    kind
        What its entry says; None where that cannot be read.
    region
        Cells of the volume that it covers, without sample axis where it has values a trace; None where unknown.
    problem
        What is wrong; empty for nothing.
    checked
        Whether its hash is a check of ours.
    decoded
        Whether it was decoded, or holds nothing to decode.
    """

    layer: str
    index: int | None
    name: str
    kind: ChunkKind | None
    region: Region | None
    problem: str
    checked: bool = False
    decoded: bool = True


def check_chunks(
    source: VdsSource,
    layout: VolumeDataLayout,
    *,
    workers: int | None = None,
    observers: Iterable[Observer] = (),
) -> Iterator[ChunkCheck]:
    """Yield what is found of each chunk of each layer, in the order of the layers, and of layers that are missing.

    Parameters
    ----------
    source, layout
        The open VDS.
    workers
        Threads; all cores by default. Each holds one chunk at a time.
    observers
        Called with the events of the pass.
    """
    yield from _layers(source, layout)
    layers = placed_layers(source, layout)
    row = ChunkRow([placed.layer.chunk_count for placed in layers])
    if not len(row):
        return
    stored = sum(max(0, placed.layer.stored_bytes()) for placed in layers)
    dimensions = len(layout.axes)

    def look(region: Region) -> list[ChunkCheck]:
        return [_chunk(layers[layer], index, dimensions, source.url) for layer, index in row.chunks(region)]

    said = ""
    written: dict[str, int] = {}
    unread: set[str] = set()
    for _, found in walk(row.plan(1, workers), look, max(1, stored // len(row)), observers):
        for check in found:
            if check.kind is None and check.problem == said:
                continue  # a damaged page of entries is one damage, not one for each of its chunks
            said = check.problem
            if check.kind is None:
                unread.add(check.layer)
            written[check.layer] = written.get(check.layer, 0) + (check.kind is not ChunkKind.UNWRITTEN)
            yield check
    for placed in layers:
        name, stated = placed.layer.name, placed.layer.valid_chunk_count
        if name not in unread and 0 <= stated != written.get(name, 0):
            problem = f"{written.get(name, 0)} chunks were written by their entries, {stated} by what the layer says"
            yield ChunkCheck(name, None, name, None, None, problem)


def _layers(source: VdsSource, layout: VolumeDataLayout) -> Iterator[ChunkCheck]:
    """Yield what is wrong with layers as a whole: those that the layout promises and that are not there."""
    for channel in layout.channels:
        group = stored_group(source, layout, channel)
        if group is None:
            name = channel.name or "the first channel"
            yield ChunkCheck(name, None, name, None, None, "no layer of this channel is stored")
            continue
        for lod in levels_of(layout, channel, group):
            name = layer_name(layout, channel, group, lod)
            if name not in source.layers:
                yield ChunkCheck(name, None, name, None, None, "the layout has this layer, but it is not stored")
    for placed in placed_layers(source, layout):
        if placed.geometry is None:
            name = placed.layer.name
            problem = f"{placed.layer.chunk_count} chunks do not fit any channel of the layout"
            yield ChunkCheck(name, None, name, None, None, problem)


def _chunk(placed: PlacedLayer, index: int, dimensions: int, url: str) -> ChunkCheck:
    layer, geometry = placed.layer, placed.geometry
    region = geometry.region(index, dimensions) if geometry is not None else None
    name, kind = f"{layer.name} chunk {index}", None
    checked = decoded = False
    try:
        name, _ = layer.place(index)
        entry = layer.entry(index)
        kind = entry.kind
        if kind is not ChunkKind.STORED:
            return ChunkCheck(layer.name, index, name, kind, region, "")
        payload = layer.payload(index)
        problem = "the chunk has no data"
        if payload:
            matches = verify_hash(entry.hash, payload)
            checked = matches is not None
            problem = "the chunk does not match its check: it is damaged" if matches is False else ""
        if not problem and geometry is not None:
            shape = geometry.partition.stored_shape(geometry.partition.position(index))
            decode_payload(payload, layer.method, geometry.channel, shape)
            decoded = True
    except BlockError as error:
        problem = str(error)
    except PluginNotInstalledError:
        raise  # which says nothing about the chunk
    except (MDIOError, OSError) as error:
        problem = _without_place(error, url, name)
    return ChunkCheck(layer.name, index, name, kind, region, problem, checked, decoded)


def _without_place(error: MDIOError | OSError, url: str, name: str) -> str:
    """Return a message without what is said beside it: the VDS and the chunk."""
    text = str(error.message if isinstance(error, MDIOError) else error)
    if isinstance(error, VdsError):
        text = text.removeprefix(f"{url}: ").removeprefix(name).lstrip(":, ")
    return " ".join(text.split()) or type(error).__name__
