"""Raw trace headers of a volume ↔ the records that MDIO v0 shows: packed, little endian, under byte numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.api.arrays import RegionArray
from mdio.native.header_names import held_name
from mdio.native.records import record_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.region import Region
    from mdio.native.picking import Item
    from mdio.native.volume import MdioVolume

__all__ = ["HeaderTable", "read_records", "records_dtype"]


def records_dtype(volume: MdioVolume) -> np.dtype[Any]:
    """Return the type of the records: 89 fields, and the 90th of MDIO 0.8 where the store keeps it."""
    return record_dtype(volume.packer.fields, words=False)


def read_records(volume: MdioVolume, region: Region) -> NDArray[Any]:
    """Return the records of a region without sample axis."""
    dtype = records_dtype(volume)
    if not volume.schema.headers.itemsize:
        return np.zeros(region.shape, dtype=dtype)
    packed = volume.packer.pack(volume.headers(region))
    return np.ascontiguousarray(packed).view(dtype)[:, 0].reshape(region.shape)


class HeaderTable(RegionArray):
    """Trace headers that read when they are indexed, and are written by assigning to an index.

    ``headers[key]`` are records, ``headers["inline"]`` or ``headers["189"]`` one word of all traces, read when that is
    indexed. Records that are assigned need not have all words: ``headers["inline"][3] = 7`` changes one.
    """

    def __getitem__(self, key: Any) -> Any:
        """Return records, or an array of one word by its name."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        name = held_name(key, self.dtype.names or ())
        return RegionArray(
            _Word(self._fetch, name),
            self.shape,
            self.dtype[name],
            self.chunks,
            store=None if self._store is None else _StoredWord(self._store, name),
        )

    def __setitem__(self, key: Any, values: Any) -> None:
        """Store records, or one word of all traces."""
        if isinstance(key, str):
            self[key][...] = values
        else:
            super().__setitem__(key, values)


class _Word:
    """Picks one word of records that are read."""

    def __init__(self, fetch: Callable[[Region], NDArray[Any]], name: str) -> None:
        self._fetch = fetch
        self._name = name

    def __call__(self, region: Region) -> NDArray[Any]:
        return np.ascontiguousarray(self._fetch(region)[self._name])


class _StoredWord:
    """Stores records of one word."""

    def __init__(self, store: Callable[[tuple[Item, ...], NDArray[Any]], None], name: str) -> None:
        self._store = store
        self._name = name

    def __call__(self, items: tuple[Item, ...], values: NDArray[Any]) -> None:
        records = np.empty(values.shape, dtype=[(self._name, values.dtype)])
        records[self._name] = values
        self._store(items, records)
