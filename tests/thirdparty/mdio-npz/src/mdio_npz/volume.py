"""Reads a cube from an .npz archive.

``samples`` is the cube, C order, sample axis last. The rest may be missing: ``dims`` (names), ``coord_NAME``
(coordinates of an axis), ``live`` (which traces there are), ``records`` (uint8, raw header records), ``order`` (file
positions of traces), ``lengths`` (sample counts), ``patch_index`` and ``patch_words``, ``blob_NAME`` and ``meta``
(JSON). The archive is held in memory, which suits an example; a format for large data reads ranges.
"""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.volume import Block, Metadata, Patches, Schema, SourceFile, TraceOrder
from mdio.exceptions import FormatError

if TYPE_CHECKING:
    from mdio.core.region import Region
    from mdio.storage.store import Storage
    from mdio_npz.options import ReadOptions

_NAMES = ("inline", "crossline", "sample")


def open_npz(url: str, options: ReadOptions | None, storage: Storage) -> NpzVolume:
    """Return the cube at a URL.

    Raises
    ------
    FormatError
        The file is no .npz archive, or its arrays do not fit each other.
    """
    store = storage.open(url)
    data = store.read()
    try:
        with closing(np.load(io.BytesIO(data), allow_pickle=False)) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise FormatError(f"not a NumPy archive: {error}", url=store.url) from error
    name = options.array if options is not None else "samples"
    if name not in arrays:
        hint = f"arrays in it: {', '.join(arrays)}; name one with -i array=NAME"
        raise FormatError(f"no array {name!r}", url=store.url, hint=hint)
    try:
        return NpzVolume(arrays, name, {"url": store.url, "size": len(data)})
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"arrays do not fit each other: {error}", url=store.url) from error


class NpzVolume:
    """A cube held in memory."""

    def __init__(self, arrays: dict[str, Any], name: str, identity: dict[str, Any]) -> None:
        samples = arrays[name]
        self._samples = np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))
        shape = samples.shape
        if len(shape) < 2:
            raise ValueError(f"{name} has {len(shape)} dimensions, at least 2 are needed")
        traces = shape[:-1]
        meta = json.loads(str(arrays["meta"])) if "meta" in arrays else {}
        names = [str(item) for item in arrays["dims"]] if "dims" in arrays else _default_names(len(shape))
        dims = tuple(
            Dimension(arrays.get(f"coord_{dim}", np.arange(size)), dim, meta.get("units", {}).get(dim, ""))
            for dim, size in zip(names, shape, strict=True)
        )
        if tuple(dim.size for dim in dims) != shape:
            raise ValueError(f"coordinates of lengths {[dim.size for dim in dims]} for samples of shape {shape}")
        self._live = arrays.get("live", np.ones(traces, dtype=bool)).reshape(traces)
        fields = tuple(HeaderField(n, o, t, tuple(a)) for n, o, t, a in meta.get("fields", ()))
        records = np.ascontiguousarray(arrays.get("records", np.zeros((*traces, 0), np.uint8)))
        layout = HeaderLayout(fields, records.shape[-1])
        self._records = (
            records.view(layout.record).reshape(traces) if layout.itemsize else np.zeros(traces, layout.record)
        )
        grid_order = np.where(self._live, np.cumsum(self._live).reshape(traces) - 1, -1)
        self._order = arrays.get("order", grid_order).astype(np.int64).reshape(traces)
        self._lengths = arrays.get("lengths")
        self._patches = (arrays["patch_index"], arrays["patch_words"]) if "patch_index" in arrays else None
        self.schema = Schema(
            dims=dims,
            dtype=self._samples.dtype,
            headers=layout,
            chunks=(1,) * len(traces) + shape[-1:],
            metadata=_metadata(meta, arrays, int(self._live.sum()), identity),
        )

    def samples(self, region: Region) -> Any:
        """Return the samples of a region."""
        return self._samples[region.slices].copy()

    def headers(self, region: Region) -> Any:
        """Return the header records of a region of traces."""
        return self._records[region.slices].copy()

    def live(self, region: Region) -> Any:
        """Return which cells of a region of traces hold one."""
        return self._live[region.slices].copy()

    def order(self, region: Region) -> Any:
        """Return the file positions of a region of traces."""
        return self._order[region.slices].copy()

    def read(self, region: Region) -> Block:
        """Return everything about a region."""
        traces = region.spatial
        return Block(
            region=region,
            samples=self.samples(region),
            headers=self.headers(traces) if self.schema.headers.itemsize else None,
            live=self.live(traces),
            patches=self._patches_of(region),
            order=self.order(traces),
            lengths=None if self._lengths is None else self._lengths[traces.slices].copy(),
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def _patches_of(self, region: Region) -> Patches | None:
        if self._patches is None:
            return None
        index, words = self._patches
        place = np.unravel_index(index, self.schema.shape)
        inside = np.logical_and.reduce(
            [(axis >= start) & (axis < stop) for axis, (start, stop) in zip(place, region, strict=True)]
        )
        if not inside.any():
            return None
        local = [axis[inside] - start for axis, start in zip(place, region.start, strict=True)]
        return Patches(np.ravel_multi_index(local, region.shape).astype(np.int64), words[inside])


def _default_names(count: int) -> list[str]:
    return [f"dim_{axis}" for axis in range(count - 3)] + list(_NAMES[-count:])


def _metadata(meta: dict[str, Any], arrays: dict[str, Any], count: int, identity: dict[str, Any]) -> Metadata:
    source = meta.get("source")
    order = meta.get("order", {"kind": "grid"})
    return Metadata(
        text=tuple(meta.get("text", ())),
        binary=meta.get("binary", {}),
        source=SourceFile(
            source["format"],
            source["facts"],
            {name: arrays[f"blob_{name}"].tobytes() for name in source["blobs"]},
        )
        if source
        else None,
        order=TraceOrder(order["kind"], order.get("base", 0), tuple(order.get("strides", ()))),
        trace_count=count,
        statistics=meta.get("statistics"),
        identity=identity,
        attributes=meta.get("attributes", {}),
    )
