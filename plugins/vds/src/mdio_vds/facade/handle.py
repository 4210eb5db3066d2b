"""``VDS``: an open VDS, which is read, written, or both."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from mdio_vds.channel import layer_name, stored_group
from mdio_vds.enums import CompressionMethod, MetadataType
from mdio_vds.facade.errors import runtime_errors
from mdio_vds.facade.exceptions import InvalidOperation
from mdio_vds.facade.layout import VolumeDataLayout
from mdio_vds.facade.originals import Originals
from mdio_vds.facade.records import values_of
from mdio_vds.facade.storing import add_layers, clear_layer, update_levels
from mdio_vds.layout import parse_layout
from mdio_vds.layout_json import write_layout
from mdio_vds.lods import levels_of
from mdio_vds.metadata import MetadataItem
from mdio_vds.voxels import ChunkCache
from mdio_vds.wavelet.quality import BEST_QUALITY, Quality

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mdio.flow.journal import Journal
    from mdio.storage.store import Store
    from mdio_vds.chunks import VdsSource
    from mdio_vds.descriptors import VolumeDataLayout as Record
    from mdio_vds.facade.metadata import Values
    from mdio_vds.facade.pages import VolumeDataPageAccessor
    from mdio_vds.targets import VdsTarget

__all__ = ["VDS", "begun", "opened"]

_TOLERANCE = 0.009999999776482582


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_threads(), "mdio-vds")


@cache
def _threads() -> int:
    from mdio.flow.engine import available_cores

    return available_cores()


class VDS:
    """A handle; made by ``open`` and ``create``, ended by ``close`` or by leaving its ``with`` block.

    Changes reach the file with ``flush`` and ``close``. Without them a new VDS does not appear under its name.
    """

    def __init__(
        self,
        store: Store,
        record: Record,
        values: Values,
        source: VdsSource | None,
        target: VdsTarget | None = None,
        lock: Journal | None = None,
        method: CompressionMethod = CompressionMethod.NONE,
        tolerance: float = _TOLERANCE,
        zipped: frozenset[str] = frozenset(),
        quality: Quality = BEST_QUALITY,
    ) -> None:
        self._store, self._source, self._target, self._lock = store, source, target, lock
        self._values, self._zipped = values, zipped
        self.method, self.tolerance, self.quality = method, tolerance, quality
        self.layout = record
        self.cache = ChunkCache()
        self.closed = False
        self.public_layout = VolumeDataLayout(record, values, zipped, self._state)
        self._stale: dict[tuple[int, tuple[int, ...]], set[int]] = {}
        """Chunks of full resolution whose coarser levels are out of date, by channel and group."""
        self._originals: dict[tuple[int, tuple[int, ...]], Originals] = {}
        self._changed = target is not None
        self._accessors: list[VolumeDataPageAccessor] = []
        self._guard = threading.RLock()

    # ---- for access managers, requests and pages -----------------------------------------------------------------

    @property
    def executor(self) -> Executor:
        """Threads shared by all handles."""
        return _pool()

    @property
    def threads(self) -> int:
        """How many tasks a request may have at a time."""
        return _threads()

    @property
    def source(self) -> VdsSource:
        """Stored layers, coarser levels up to date."""
        with self._guard:
            self._update_levels()
            return self.stored

    @property
    def stored(self) -> VdsSource:
        """Stored layers; coarser levels may be out of date."""
        found = self._target if self._target is not None else self._source
        if found is None or self.closed:
            raise InvalidOperation("the VDS was closed")
        return found

    def writable(self) -> VdsTarget:
        """Return the stored layers for changes, which go to the file with :meth:`flush`.

        Raises
        ------
        StorageError, WriterLockedError
            It cannot be written, or somebody else does.
        """
        with self._guard:
            if self.closed:
                raise InvalidOperation("the VDS was closed")
            if self._target is None:
                self._lock = _locked(self._store)
                old, self._source = self._source, None
                objects = old is not None and old.storage_layout == "objects"
                if old is not None:
                    old.close()
                self._target = _edited(self._store, objects=objects)
            self._changed = True
            return self._target

    def begin_layer(self, channel: int, group: tuple[int, ...], lod: int, *, levels: bool, empty: bool) -> None:
        """Make sure that a layer is there, and with ``empty`` that it has no chunks; also its coarser ``levels``."""
        descriptor = self.layout.channels[channel]
        target = self.writable()
        with self._guard:
            instead = CompressionMethod.Zip if descriptor.name in self._zipped else CompressionMethod.RLE
            add_layers(target, self.layout, descriptor, group, self.method, self.tolerance, instead)
            if empty:
                clear_layer(target.layers[layer_name(self.layout, descriptor, group, lod)])
                if levels:
                    self._stale.pop((channel, group), None)

    def note_changed(self, channel: int, group: tuple[int, ...], chunks: Iterable[int]) -> None:
        """Take down that coarser levels of chunks are out of date."""
        with self._guard:
            self._stale.setdefault((channel, group), set()).update(chunks)

    def keep_original(self, channel: int, group: tuple[int, ...], index: int, codes: NDArray[Any]) -> None:
        """Keep what coarser levels need of a chunk of full resolution that is stored with loss."""
        descriptor = self.layout.channels[channel]
        layer = self.stored.layers[layer_name(self.layout, descriptor, group)]
        if not layer.method.is_wavelet or not levels_of(self.layout, descriptor, group):
            return
        with self._guard:
            if (channel, group) not in self._originals:
                self._originals[channel, group] = Originals(self.layout, descriptor, group)
            self._originals[channel, group].keep(index, codes)

    def forget_original(self, channel: int, group: tuple[int, ...], index: int) -> None:
        """Take down that a chunk of full resolution was stored as it was encoded elsewhere."""
        with self._guard:
            if (channel, group) in self._originals:
                self._originals[channel, group].forget(index)

    def note_metadata(self) -> None:
        """Take down that metadata changed."""
        self._changed = True

    def register(self, accessor: VolumeDataPageAccessor) -> None:
        """Have an accessor commit its pages when the VDS is flushed."""
        self._accessors.append(accessor)

    def _update_levels(self) -> None:
        while self._stale and self._target is not None:
            (channel, group), chunks = self._stale.popitem()
            originals = self._originals.get((channel, group))
            update_levels(self._target, self.layout, self.layout.channels[channel], group, sorted(chunks), originals)

    def _state(self) -> bytes:
        source = self._target if self._target is not None else self._source
        layers = () if source is None or self.closed else source.layers.items()
        return repr([(name, layer.chunk_count, layer.valid_chunk_count) for name, layer in layers]).encode()

    # ---- life ----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write pages that were changed, coarser levels, and all that describes the VDS."""
        with self._guard, runtime_errors():
            if self.closed:
                raise InvalidOperation("the VDS was closed")
            for accessor in self._accessors:
                accessor.commit()
            if self._changed:
                target = self.writable()
                self._update_levels()
                target.commit(write_layout(self._described(), target.url))
                # A finished VDS is opened anew: writing it has ended, and editing it is something else.
                target.close()
                self._release()
                self._target, self._changed = None, False
                self._source = _reopened(self._store)

    def _described(self) -> Record:
        items = [
            MetadataItem(category, name, MetadataType(kind), value)
            for (category, name, kind), value in self._values.items()
        ]
        return replace(self.layout, metadata=tuple(items))

    def close(self, *, flush: bool = True) -> None:
        """End it; without ``flush``, what was not written yet is dropped, and a new VDS with it."""
        with self._guard:
            if self.closed:
                raise InvalidOperation("the VDS was closed")
            try:
                if flush:
                    self.flush()
            finally:
                self.closed = True
                if self._target is not None:
                    self._target.abort()
                if self._source is not None:
                    self._source.close()
                self._target = self._source = None
                self._release()
                for originals in self._originals.values():
                    originals.close()
                self.cache.clear()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.remove()
            self._lock = None

    def __enter__(self) -> VDS:
        return self

    def __exit__(self, *error: object) -> None:
        if not self.closed:
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("cannot pickle an open VDS")


def opened(store: Store, quality: Quality = BEST_QUALITY) -> VDS:
    """Open a VDS; raises as :func:`mdio_vds.volume.open_volume` does."""
    source = _reopened(store)
    try:
        record = parse_layout(source.layout_json(), source.url)
        first = next(iter(source.layers.values()), None)
        method = CompressionMethod.NONE if first is None else first.method
        tolerance = _TOLERANCE if first is None else first.tolerance
        values, zipped = values_of(record.metadata), _zipped(source, record)
        return VDS(store, record, values, source, method=method, tolerance=tolerance, zipped=zipped, quality=quality)
    except BaseException:
        source.close()
        raise


def begun(
    store: Store,
    record: Record,
    values: Values,
    method: CompressionMethod,
    tolerance: float,
    zipped: frozenset[str],
    *,
    objects: bool,
) -> VDS:
    """Begin a VDS, in the place of what is there.

    Raises
    ------
    VdsError
        A layout that no VDS can have.
    StorageError, WriterLockedError
        It cannot be written, or somebody else does.
    """
    from mdio.core.volume import Creation
    from mdio.storage.claiming import claim_target

    write_layout(record, store.url)
    lock, _ = claim_target(store, Creation(overwrite=True), lambda: _locked(store))
    try:
        target = _created(store, objects=objects)
        return VDS(store, record, values, None, target, lock, method, tolerance, zipped)
    except BaseException:
        lock.remove()
        raise


def _locked(store: Store) -> Journal:
    from mdio.flow.journal import Journal

    return Journal.of_local_target(store)


def _created(store: Store, *, objects: bool) -> VdsTarget:
    from mdio_vds.container_target import ContainerTarget
    from mdio_vds.object_target import ObjectTarget

    return ObjectTarget.create(store) if objects else ContainerTarget.create(store)


def _edited(store: Store, *, objects: bool) -> VdsTarget:
    from mdio_vds.container_target import ContainerTarget
    from mdio_vds.object_target import ObjectTarget

    return ObjectTarget.edit(store) if objects else ContainerTarget.edit(store)


def _zipped(source: VdsSource, record: Record) -> frozenset[str]:
    """Return the channels that allow no lossy method and are stored with Zip; the layout itself does not tell."""
    found = set()
    for channel in record.channels:
        group = None if channel.allow_lossy_compression else stored_group(source, record, channel)
        if group is not None and source.layers[layer_name(record, channel, group)].method is CompressionMethod.Zip:
            found.add(channel.name)
    return frozenset(found)


def _reopened(store: Store) -> VdsSource:
    from mdio_vds.volume import open_source

    return open_source(store)
