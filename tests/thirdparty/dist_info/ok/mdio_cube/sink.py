"""Writes a cube: every block goes straight to its place in a file that appears on commit."""

from __future__ import annotations

import json
import math

import numpy as np

from mdio.exceptions import ShapeError
from mdio.flow.journal import Journal
from mdio.storage.staging import StagedFile, require_target


def create_sink(url, like, options, storage, creation):
    """Begin a file; the format holds neither dead traces nor trace headers, so those are dropped."""
    store = storage.open(url)
    require_target(store, creation)
    if like.schema.dtype.kind not in "fiu":
        raise ShapeError(f"{store.url}: samples of type {like.schema.dtype} do not fit float32")
    return CubeSink(store, like, creation)


class CubeSink:
    needs = frozenset()

    def __init__(self, store, like, creation):
        shape = like.schema.shape
        dims = [{"name": dim.name, "coords": [float(value) for value in dim.coords]} for dim in like.schema.dims]
        self._header = json.dumps({"format": "cube", "dims": dims}).encode() + b"\n"
        self._row = 4 * math.prod(shape[1:])
        self._file = StagedFile(store, len(self._header) + shape[0] * self._row)
        self._file.begin(fresh=True)
        self._done = False
        self.chunks = (1, *shape[1:])  # whole rows of the first axis, so that a block is one range
        self.halo = (0,) * len(shape)
        self.creation = creation
        self.journal = Journal.in_memory()  # a stopped run is begun anew

    def write(self, block):
        start = block.region[0][0]
        samples = np.ascontiguousarray(block.samples, "<f4")
        self._file.write(len(self._header) + start * self._row, samples.tobytes())
        return {}

    def recheck(self, region, receipt):
        return False

    def commit(self, statistics):
        self._file.write(0, self._header)
        self._file.commit()
        self._done = True

    def abort(self):
        if not self._done:
            self._file.abort()

    close = abort
