"""Lines on the map: the lattice from coordinates or corners, traces at points and along lines."""

import numpy as np
import pytest

from mdio.api.map_grid import MapGrid
from mdio.api.opened import OpenVolume
from mdio.core.dimension import Dimension
from mdio.exceptions import GridError, ShapeError
from mdio.testing import synthetic

SHAPE = (6, 7, 4)
FIELDS = [("cdp_x", ">i4"), ("cdp_y", ">i4"), ("coordinate_scalar", ">i2")]


def survey(shift=0, live=None, dims=None, origin=(4_000_000, 60_000_000)):
    """Inlines run along (3, 4) · 5 m, crosslines along (-4, 3) · 2 m, scaled by a hundred."""
    volume = synthetic.volume(SHAPE, live=live, headers=FIELDS, dims=dims)
    first, second = np.indices(SHAPE[:2])
    words = volume._headers.view(volume.schema.headers.struct)
    words["cdp_x"] = 100 * origin[0] // 100 + 1500 * first - 800 * second
    words["cdp_y"] = 100 * origin[1] // 100 + 2000 * first + 600 * second
    words["coordinate_scalar"] = -100
    words["cdp_x"][3, 3] += shift
    words[~volume._live] = 0
    return OpenVolume(volume)


class TestLattice:
    def test_from_headers(self):
        grid = survey().map_grid
        assert grid.first == pytest.approx((15, 20))
        assert grid.second == pytest.approx((-8, 6))
        x, y = grid.xy(102, 103)
        assert (x, y) == (pytest.approx(40_000 + 30 - 24), pytest.approx(600_000 + 40 + 18))
        one, two = grid.lines([40_000, 40_006], [600_000, 600_058])
        assert one == pytest.approx([100, 102])
        assert two == pytest.approx([100, 103])

    def test_dead_traces_say_nothing(self):
        live = np.zeros(SHAPE[:2], bool)
        live[1, 2] = live[4, 2] = live[2, 6] = True
        assert survey(live=live).map_grid.first == pytest.approx((15, 20))

    def test_from_corners(self):
        grid = MapGrid.from_corners([(1, 1, 0, 0), (1, 11, 100, 0), (21, 1, 0, 500)], unit="ft")
        assert (grid.first, grid.second, grid.unit) == (pytest.approx((0, 25)), pytest.approx((10, 0)), "ft")
        assert grid.origin == pytest.approx((-10, -25))

    @pytest.mark.parametrize(
        ("corners", "message"),
        [
            ([(1, 1, 0, 0), (1, 2, 1, 0)], "three corners"),
            ([(1, 1, 0, 0), (1, 2, 1, 0), (1, 3, 2, 0)], "one line"),
            ([(1, 1, 0, 0), (1, 2, 1, 0), (2, 1, 2, 0)], "one line"),
            ([(1, 1, 0, 0), (1, 9, 80, 0), (9, 1, 0, 80), (9, 9, 80, 120)], "away from where the others put them"),
        ],
    )
    def test_no_lattice(self, corners, message):
        with pytest.raises((GridError, ShapeError), match=message):
            MapGrid.from_corners(corners)

    def test_stray_traces_are_named(self):
        with pytest.raises(GridError, match="lines 103, 103 lie"):
            _ = survey(shift=5000).map_grid

    def test_without_coordinates(self):
        volume = OpenVolume(synthetic.volume(SHAPE))
        with pytest.raises(GridError, match="no CDP coordinates") as caught:
            volume.at(0, 0)
        assert "from_corners" in caught.value.hint
        volume.map_grid = MapGrid.from_corners([(100, 100, 0, 0), (101, 100, 10, 0), (100, 101, 0, 10)], "m")
        assert np.array_equal(volume.at(20, 30), synthetic.formula(SHAPE)[2, 3])

    def test_xarray_has_the_corners(self):
        pytest.importorskip("xarray")
        volume = OpenVolume(synthetic.volume(SHAPE))
        assert "cdp_x" not in volume.to_xarray().coords
        volume.map_grid = MapGrid.from_corners([(100, 100, 0, 0), (101, 100, 10, 0), (100, 101, 0, 10)], "m")
        dataset = volume.to_xarray()
        assert float(dataset.cdp_x.sel(inline=103, crossline=101)) == pytest.approx(30)
        assert float(dataset.cdp_y.sel(inline=103, crossline=101)) == pytest.approx(10)
        assert dataset.cdp_x.attrs == {"units": "m"}

    def test_one_axis(self):
        with pytest.raises(ShapeError, match="two spatial axes"):
            _ = OpenVolume(synthetic.volume((5, 4))).map_grid


class TestPoints:
    def test_nearest_bin(self):
        volume = survey()
        values = synthetic.formula(SHAPE)
        assert np.array_equal(volume.at(40_000 + 30 - 24 + 3, 600_000 + 40 + 18 - 2), values[2, 3])
        x, y = volume.map_grid.xy([100, 105], [106, 100])
        assert np.array_equal(volume.at(x, y), values[[0, 5], [6, 0]])

    def test_outside(self):
        volume = survey()
        x, y = volume.map_grid.xy(105.6, 100)
        with pytest.raises(GridError, match=r"lies at inline 105\.6, where nothing is") as caught:
            volume.at(x, y)
        assert caught.value.hint == "inline goes from 100 to 105"
        assert volume.at(*volume.map_grid.xy(105.4, 100)).shape == (4,)

    def test_uneven_lines(self):
        """Inline 100, 101, then 110: what lies in the gap is not there."""
        dims = [Dimension([110, 101, 100], "inline"), *synthetic.volume((3, 4, 8)).schema.dims[1:]]
        volume = OpenVolume(synthetic.volume((3, 4, 8), dims=dims))
        volume.map_grid = MapGrid((0, 0), (1, 0), (0, 1))
        assert np.array_equal(volume.at(110, 102), synthetic.formula((3, 4, 8))[0, 2])


class TestAlong:
    def test_a_corner(self):
        volume = survey()
        place = volume.map_grid.xy
        corners = [[float(axis) for axis in place(*lines)] for lines in ((100, 100), (104, 100), (104, 106))]
        found = volume.along(corners, spacing=5)
        # 4 inlines of 25 m, then 6 crosslines of 10 m.
        assert found.distance.tolist() == [*range(0, 165, 5)]
        assert found.lines[0].tolist() == [100, 100]
        assert found.lines[20].tolist() == [104, 100]
        assert found.lines[-1].tolist() == [104, 106]
        assert np.array_equal(found.values[-1], synthetic.formula(SHAPE)[4, 6])
        assert (found.x[-1], found.y[-1]) == (pytest.approx(corners[2][0]), pytest.approx(corners[2][1]))
        assert found.live.all()
        assert len(volume.along(corners).distance) == 17  # every 10 m, the shorter side of a bin

    def test_dead(self):
        live = np.ones(SHAPE[:2], bool)
        live[2, 3] = False
        volume = survey(live=live)
        ends = [[float(axis) for axis in volume.map_grid.xy(102, at)] for at in (100, 106)]
        found = volume.along(ends)
        assert found.live.tolist() == [True] * 3 + [False] + [True] * 3
        assert not found.values[3].any()

    @pytest.mark.parametrize(
        ("points", "spacing", "message"),
        [
            ([(0, 0)], None, "two points"),
            ([(0, 0), (1, 1)], 0, "larger spacing|every 0"),
            ([(0, 0), (1e9, 1)], 1e-3, "every 0.001"),
            ([(0, 0), (1, 1)], 1, "where nothing is"),
        ],
    )
    def test_wrong(self, points, spacing, message):
        with pytest.raises((GridError, ShapeError), match=message):
            survey().along(points, spacing)
