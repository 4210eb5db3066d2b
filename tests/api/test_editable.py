"""Datasets changed in place by line, trace and header, read back by the plain reader."""

import pickle

import numpy as np
import pytest

import mdio
from mdio.api.cells import read_cells, write_cells
from mdio.api.from_arrays import from_numpy
from mdio.exceptions import ConfigError, ShapeError, StorageError
from mdio.testing import synthetic

SHAPE = (3, 4, 10)


def cube():
    return synthetic.formula(SHAPE)


@pytest.fixture(params=["v0", "v1"])
def path(tmp_path, request):
    live = np.ones((3, 4), bool)
    live[1, 2] = False
    from_numpy(cube(), tmp_path / "a.mdio", live=live, options={"layout": request.param})
    return tmp_path / "a.mdio"


def stored(path):
    with mdio.open(path) as volume:
        return volume.samples(volume.schema.region), volume.header["cdp_x"][:], volume.header["inline"][:]


class TestSamples:
    def test_lines_slices_and_gathers(self, path):
        expected = cube()
        expected[1, 2] = 0
        with mdio.open(path, mode="r+") as volume:
            volume.iline[1] = 7
            volume.xline[2:4] = np.stack([np.full((3, 10), 20), np.full((3, 10), 30)])
            volume.depth_slice[-1] = np.arange(12).reshape(3, 4)
            volume.gather[3, 4] = np.arange(10)
            assert (volume.iline[1][0, 0], volume.xline[3][0, 0]) == (7, 30)
        expected[0] = 7
        expected[:, 1], expected[:, 2] = 20, 30
        expected[..., 9] = np.arange(12).reshape(3, 4)
        expected[2, 3] = np.arange(10)
        assert np.array_equal(stored(path)[0], expected)

    def test_traces(self, path):
        expected = cube()
        expected[1, 2] = 0
        with mdio.open(path, mode="r+") as volume:
            volume.trace[0] = 1
            volume.trace[[6, 4, 10]] = np.array([[6], [4], [10]])
            volume.trace[-4:-2] = 50
            assert volume.trace[6].tolist() == [6] * 10
        # Cell (1, 2) has no trace: trace 6 is the cell behind it.
        expected[0, 0], expected[1, 3], expected[1, 0], expected[2, 3] = 1, 6, 4, 10
        expected[2, 0], expected[2, 1] = 50, 50
        assert np.array_equal(stored(path)[0], expected)

    def test_a_trace_that_becomes_live_is_counted(self, path):
        with mdio.open(path, mode="r+") as volume:
            assert len(volume.trace) == 11
            volume.gather[2, 3] = 5
            assert len(volume.trace) == 12
            assert volume.trace[6].tolist() == [5] * 10


class TestHeaders:
    def test_words(self, path):
        with mdio.open(path, mode="r+") as volume:
            volume.header[0][181] = 11
            header = volume.header[6]
            header.update({"cdp_x": 66, 185: 67})
            assert (header["cdp_x"], header["cdp_y"]) == (66, 67)
            volume.header[9:] = {"181": 99}
            volume.header["cdp_x"][[2, 1]] = [22, 21]
        samples, found, inline = stored(path)
        assert found.tolist() == [11, 21, 22, 0, 0, 0, 66, 0, 0, 99, 99]
        assert inline.tolist() == [1] * 4 + [2] * 3 + [3] * 4
        assert np.array_equal(samples[0], cube()[0])

    def test_nothing_is_stored_where_a_word_is_unknown(self, path):
        with mdio.open(path, mode="r+") as volume, pytest.raises(KeyError, match="did you mean"):
            volume.header[0] = {"cdp_x": 5, "cpd_y": 6}
        assert not stored(path)[1].any()

    def test_for_reading(self, path):
        with mdio.open(path) as volume:
            for edit in (
                lambda: volume.header["cdp_x"].__setitem__(0, 1),
                lambda: volume.header.__setitem__(0, {"cdp_x": 1}),
                lambda: volume.trace.__setitem__(0, 1),
            ):
                with pytest.raises(StorageError, match="reading only"):
                    edit()
            with pytest.raises(TypeError):
                volume.header[0]["cdp_x"] = 1


class TestCalls:
    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda v: v.iline.__setitem__(1, np.zeros(3)), r"shape \(3,\) for lines of shape \(4, 10\)"),
            (lambda v: v.trace.__setitem__(0, np.zeros(3)), r"shape \(3,\) for \(1, 10\)"),
            (lambda v: v.header["inline"].__setitem__(slice(2), [1, 2, 3]), r"shape \(3,\) for \(2,\)"),
        ],
    )
    def test_shapes(self, path, edit, message):
        with mdio.open(path, mode="r+") as volume, pytest.raises(ShapeError, match=message):
            edit(volume)

    def test_other_formats_and_modes(self, tmp_path):
        from_numpy(cube(), tmp_path / "a.sgy")
        with pytest.raises(StorageError, match="segy files are not changed in place"):
            mdio.open(tmp_path / "a.sgy", mode="r+")
        with pytest.raises(ConfigError, match="mode 'w'"):
            mdio.open(tmp_path / "a.sgy", mode="w")
        from_numpy(cube(), tmp_path / "a.mdio")
        with pytest.raises(ConfigError, match="option 'cache' does not go"):
            mdio.open(tmp_path / "a.mdio", mode="r+", options={"cache": 1})

    def test_it_stays_here(self, path):
        with mdio.open(path, mode="r+") as volume, pytest.raises(TypeError, match="being edited"):
            pickle.dumps(volume)


@pytest.mark.parametrize("seed", range(8))
def test_cells_anywhere(seed):
    """Any list of cells, repeats included, against numpy's own paired indexing."""
    rng = np.random.default_rng(seed)
    shape = (4, 5, 3)
    cells = [rng.integers(0, size, size=rng.integers(1, 70)) for size in shape[:1]]
    cells += [rng.integers(0, size, size=cells[0].size) for size in shape[1:]]

    class Outer:
        def __init__(self, values):
            self.values = values
            self.shape, self.dtype, self.kind = values.shape, values.dtype, np.ndarray

        def key(self, items):
            return np.ix_(*(np.atleast_1d(item) for item in items))

        def __getitem__(self, items):
            kept = [item.size for item in items if not isinstance(item, int)]
            return self.values[self.key(items)].reshape(*kept, *self.values.shape[len(items) :])

        def __setitem__(self, items, values):
            where = self.key(items)
            self.values[where] = values.reshape(self.values[where].shape)

    held = rng.normal(size=(*shape, 2))
    assert np.array_equal(read_cells(Outer(held), cells), held[tuple(cells)])
    flat, first = np.unique(np.ravel_multi_index(cells, shape), return_index=True)
    cells = [axis[first] for axis in cells]
    new = rng.normal(size=(flat.size, 2))
    expected = held.copy()
    expected[tuple(cells)] = new
    write_cells(Outer(held), cells, new)
    assert np.array_equal(held, expected)
