"""A volume of a format without holes and trace headers: only its samples are its own."""

import numpy as np
import pytest

from mdio.core.dense import DenseVolume
from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderLayout
from mdio.core.region import Region
from mdio.core.volume import Metadata, Schema
from mdio.testing import ReaderContract

CUBE = np.arange(2 * 3 * 4 * 5, dtype="f4").reshape(2, 3, 4, 5)


class Cube(DenseVolume):
    def __init__(self, cube=CUBE):
        self._cube = cube
        dims = tuple(Dimension.regular(name, 1, 1, size) for name, size in zip("abcs", cube.shape, strict=True))
        self.schema = Schema(dims, cube.dtype, HeaderLayout(), (1, *cube.shape[1:]), Metadata(trace_count=24))

    def samples(self, region):
        return self._cube[region.slices].copy()


class TestDense(ReaderContract):
    @pytest.fixture
    def volume(self):
        return Cube()


def test_traces_are_counted_as_they_lie():
    # Cell (a, b, c) of a grid of 2 × 3 × 4 is trace 12 a + 4 b + c.
    assert Cube().order(Region([(1, 2), (1, 3), (0, 2)])).tolist() == [[[16, 17], [20, 21]]]


def test_there_are_no_headers():
    block = Cube().read(Region([(0, 1), (0, 2), (1, 3), (0, 5)]))
    assert block.headers is None
    assert block.live.all() and block.live.shape == (1, 2, 2)
    assert Cube().headers(Region([(0, 1), (0, 2), (1, 3)])).nbytes == 0
