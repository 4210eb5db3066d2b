"""The published contracts, applied to the volumes, views and sinks of the kit itself."""

from __future__ import annotations

import numpy as np
import pytest

from mdio.core.dimension import Dimension
from mdio.core.volume import Block, Creation, Patches, TraceOrder
from mdio.flow.views import Cast, Crop, Decimated, Regularize, Select, Transpose
from mdio.testing import ReaderContract, WriterContract, synthetic
from mdio.testing.memory import MemoryTarget, MemoryVolume

SHAPE = (9, 8, 21)


def patches(shape):
    index = np.arange(3, int(np.prod(shape)), 17, dtype=np.int64)
    return Patches(index, (index * 3 + 1).astype(np.uint32))


def holed(shape=SHAPE, **changes):
    live = (np.indices(shape[:-1]).sum(axis=0) % 5) > 0
    order = np.full(shape[:-1], -1, dtype=np.int64)
    order[live] = np.random.default_rng(1).permutation(int(live.sum()))
    found = patches(shape)
    kept = live[np.unravel_index(found.index, shape)[:-1]]
    found = Patches(found.index[kept], found.words[kept])
    return synthetic.volume(shape, live=live, order=order, patches=found, **changes)


def gappy():
    return with_gaps(holed())


def with_gaps(volume):
    dims = (
        Dimension([100, 101, 104, 105, 106, 110, 111, 112, 113], "inline"),
        Dimension([80, 70, 60, 50, 40, 30, 10, 0], "crossline"),
        volume.schema.dims[2],
    )
    return MemoryVolume(
        type(volume.schema)(dims, volume.schema.dtype, volume.schema.headers, (2, 2, 21), volume.schema.metadata),
        volume._samples,
        volume._headers,
        volume._live,
        volume._order,
        volume._patches,
    )


def affine():
    volume = synthetic.volume(SHAPE)
    volume.schema = volume.schema.with_metadata(order=TraceOrder("affine", 5, (1, 9)))
    volume._order = 5 + np.arange(9)[:, None] + 9 * np.arange(8)[None, :]
    return volume


def even(region):
    return (np.add.outer(*[np.arange(*pair) for pair in region]) % 2) == 0


class WithLengths(MemoryVolume):
    """Traces of varying length."""

    def read(self, region):
        block = super().read(region)
        true = (np.indices(self.schema.shape[:-1]).sum(axis=0) + 6).astype(np.uint32)
        block.lengths = np.where(block.live, true[region.spatial.slices], 0).astype(np.uint32)
        return block


def varying():
    volume = holed()
    return WithLengths(volume.schema, volume._samples, volume._headers, volume._live, volume._order, volume._patches)


VOLUMES = {
    "memory": lambda: synthetic.volume(SHAPE),
    "memory-holes": holed,
    "memory-2d": lambda: holed((30, 21)),
    "memory-4d": lambda: holed((3, 4, 5, 6), chunks=(2, 2, 2, 2)),
    "memory-affine": affine,
    "memory-int": lambda: holed(dtype="i2"),
    "memory-no-headers": lambda: holed(headers=()),
    "memory-lengths": varying,
    "crop": lambda: Crop(holed(), [(2, 8), (1, 7), (4, 19)]),
    "crop-2d": lambda: Crop(holed((30, 21)), [(5, 25), (3, 20)]),
    "crop-whole": lambda: Crop(synthetic.volume(SHAPE), [(0, n) for n in SHAPE]),
    "crop-of-crop": lambda: Crop(Crop(holed(), [(2, 8), (1, 7), (4, 19)]), [(1, 5), (0, 4), (2, 9)]),
    "crop-lengths": lambda: Crop(varying(), [(2, 8), (1, 7), (8, 19)]),
    "select": lambda: Select(holed(), {"inline": [1, 2, 7], "crossline": [0, 1, 2, 3, 5]}),
    "select-function": lambda: Select(holed(), even),
    "select-none": lambda: Select(holed(), {"inline": []}),
    "select-no-headers": lambda: Select(holed(headers=()), {"inline": [1]}),
    "transpose": lambda: Transpose(holed(), (1, 0, 2)),
    "transpose-4d": lambda: Transpose(holed((3, 4, 5, 6)), (2, 0, 1)),
    "transpose-affine": lambda: Transpose(affine(), (1, 0)),
    "transpose-grid": lambda: Transpose(synthetic.volume(SHAPE), (1, 0)),
    "regularize": lambda: Regularize(gappy()),
    "regularize-regular": lambda: Regularize(holed()),
    "regularize-affine": lambda: Regularize(with_gaps(affine())),
    "cast": lambda: Cast(holed(), "i2"),
    "cast-same": lambda: Cast(holed(), "f4"),
    "decimated": lambda: Decimated(holed(), (2, 3, 4)),
    "decimated-2d": lambda: Decimated(holed((30, 21)), (7, 2)),
    "decimated-lengths": lambda: Decimated(varying(), (1, 2, 3)),
    "stack-of-views": lambda: Transpose(Crop(Regularize(gappy()), [(1, 13), (0, 8), (2, 20)]), (1, 0)),
}


class TestVolumes(ReaderContract):
    @pytest.fixture(params=sorted(VOLUMES))
    def volume(self, request):
        return VOLUMES[request.param]()


class TestMemorySink(WriterContract):
    halo = (0, 0, 0)

    @pytest.fixture
    def target(self):
        return MemoryTarget()

    @pytest.fixture
    def make_sink(self, target):
        def make(like, creation):
            sink = target.create(like, creation, (4, 4, 32))
            sink.halo = self.halo
            return sink

        return make

    @pytest.fixture
    def reopen(self, target):
        return target.open


class TestMemorySinkWithHalo(TestMemorySink):
    """Overlapping blocks; receipts are about the slab only, so checks see the same bytes."""

    halo = (1, 2, 3)
    resumes = False

    @pytest.fixture
    def make_sink(self, target):
        def make(like, creation):
            sink = target.create(like, creation, (4, 4, 32))
            sink.halo = self.halo
            return sink

        return make


def test_blocks_of_the_memory_pair_carry_patches():
    source = holed()
    target = MemoryTarget()
    sink = target.create(source, Creation(), (4, 4, 8))
    sink.journal.begin({"fingerprint": {}})
    from mdio.flow.plan import Regions

    for region in Regions(SHAPE, (4, 4, 8)):
        sink.write(source.read(region))
    sink.commit({})
    given, got = source.read(source.schema.region).patches, target.open().read(source.schema.region).patches
    np.testing.assert_array_equal(given.index, got.index)
    np.testing.assert_array_equal(given.words, got.words)
    assert isinstance(target.open().read(source.schema.region), Block)
