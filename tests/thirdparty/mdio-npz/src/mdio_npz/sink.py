"""Writes a cube to an .npz archive: arrays grow in a temporary folder and are packed on commit.

A run that stops is begun anew, because an archive cannot be made in parts: the journal lives in memory.
"""

from __future__ import annotations

import json
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.flow.journal import Journal
from mdio.storage.staging import part_path, require_target

if TYPE_CHECKING:
    from mdio.core.region import Region
    from mdio.core.volume import Block, Creation, Volume
    from mdio.storage.store import Storage, Store
    from mdio_npz.options import WriteOptions


def create_npz(url: str, like: Volume, options: WriteOptions | None, storage: Storage, creation: Creation) -> NpzSink:
    """Begin an archive.

    Raises
    ------
    MDIOAlreadyExistsError
        Something is there and overwriting was not asked for.
    """
    store = storage.open(url)
    require_target(store, creation)
    return NpzSink(store, like, creation, compress=options is not None and options.compress)


class NpzSink:
    """An archive being written."""

    halo: tuple[int, ...]
    needs: frozenset[str] = frozenset()

    def __init__(self, store: Store, like: Volume, creation: Creation, *, compress: bool) -> None:
        self.creation = creation
        self.journal = Journal.in_memory()
        self._store = store
        self._schema = schema = like.schema
        self._compress = compress
        self.chunks = tuple(min(16, size) for size in schema.shape[:-1]) + schema.shape[-1:]
        self.halo = (0,) * len(schema.shape)
        # Beside a local target, so that the arrays lie where there is room for the archive.
        beside = store.path.absolute().parent if store.path is not None else None
        self._folder = tempfile.TemporaryDirectory(prefix=".npz-", dir=beside, ignore_cleanup_errors=True)
        traces = schema.shape[:-1]
        self._arrays = {
            "samples": self._array("samples", schema.dtype, schema.shape),
            "live": self._array("live", np.dtype(bool), traces),
            "order": self._array("order", np.dtype("i8"), traces),
        }
        if schema.headers.itemsize:
            self._arrays["records"] = self._array("records", np.dtype("u1"), (*traces, schema.headers.itemsize))
        self._patches: dict[Region, tuple[Any, Any]] = {}
        self._lock = threading.Lock()

    def _array(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
        path = Path(self._folder.name) / f"{name}.npy"
        return np.lib.format.open_memmap(path, "w+", dtype, shape)

    def write(self, block: Block) -> Mapping[str, Any]:
        """Store a block; blocks do not overlap, so threads need no lock for arrays."""
        traces = block.region.spatial.slices
        self._arrays["samples"][block.region.slices] = block.samples
        self._arrays["live"][traces] = block.live
        self._arrays["order"][traces] = -1 if block.order is None else block.order
        if block.headers is not None and "records" in self._arrays:
            raw = np.ascontiguousarray(block.headers).view(np.uint8)
            self._arrays["records"][traces] = raw.reshape(*block.headers.shape, -1)
        with self._lock:
            if block.lengths is not None:
                if "lengths" not in self._arrays:
                    self._arrays["lengths"] = self._array("lengths", np.dtype("u4"), self._schema.shape[:-1])
                self._arrays["lengths"][traces] = block.lengths
            self._patches.pop(block.region, None)
            if block.patches is not None:
                place = np.unravel_index(block.patches.index, block.region.shape)
                whole = [axis + start for axis, start in zip(place, block.region.start, strict=True)]
                flat = np.ravel_multi_index(whole, self._schema.shape)
                self._patches[block.region] = (flat.astype(np.int64), block.patches.words.copy())
        return {}

    def recheck(self, region: Region, receipt: Mapping[str, Any]) -> bool:
        """Nothing outlives a run."""
        return False

    def commit(self, statistics: Mapping[str, Any]) -> None:
        """Pack the arrays and let the archive appear under its name."""
        small = self._small_arrays(statistics)
        for name, value in small.items():
            np.save(Path(self._folder.name) / f"{name}.npy", value, allow_pickle=False)
        names = [*self._arrays, *small]
        for array in self._arrays.values():
            array.flush()
        local = self._store.path
        part = part_path(local.absolute()) if local is not None else Path(self._folder.name) / "archive"
        method = zipfile.ZIP_DEFLATED if self._compress else zipfile.ZIP_STORED
        try:
            with zipfile.ZipFile(part, "w", method) as archive:
                for name in names:
                    archive.write(Path(self._folder.name) / f"{name}.npy", f"{name}.npy")
            if local is not None:
                part.replace(local)
            else:
                self._store.write("", part.read_bytes())
        finally:
            part.unlink(missing_ok=True)
        self.close()

    def _small_arrays(self, statistics: Mapping[str, Any]) -> dict[str, Any]:
        schema, metadata = self._schema, self._schema.metadata
        arrays: dict[str, Any] = {"dims": np.array(schema.names)}
        arrays |= {f"coord_{dim.name}": dim.coords for dim in schema.dims}
        source = None
        if metadata.source is not None:
            blobs = metadata.source.blobs
            source = {"format": metadata.source.format, "facts": dict(metadata.source.facts), "blobs": [*blobs]}
            arrays |= {f"blob_{name}": np.frombuffer(data, np.uint8) for name, data in blobs.items()}
        if self._patches:
            index = np.concatenate([flat for flat, _ in self._patches.values()])
            words = np.concatenate([word for _, word in self._patches.values()])
            ascending = np.argsort(index)
            arrays |= {"patch_index": index[ascending], "patch_words": words[ascending]}
        meta = {
            "units": {dim.name: dim.unit for dim in schema.dims},
            "fields": [(f.name, f.offset, f.dtype, f.aliases) for f in schema.headers.fields],
            "text": metadata.text,
            "binary": dict(metadata.binary),
            "source": source,
            "order": {
                "kind": metadata.order.kind,
                "base": metadata.order.base,
                "strides": metadata.order.strides,
            },
            "statistics": dict(statistics),
            "attributes": dict(metadata.attributes),
        }
        arrays["meta"] = np.array(json.dumps(meta))
        return arrays

    def abort(self) -> None:
        """Leave nothing behind."""
        self.close()

    def close(self) -> None:
        """Let go of the temporary arrays; may be called again."""
        self._arrays.clear()
        self._folder.cleanup()
