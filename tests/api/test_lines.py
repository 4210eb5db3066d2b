"""Lines, slices, gathers, traces and headers as users of segyio type them, on every format."""

import pickle

import numpy as np
import pytest

import mdio
from mdio.api.lines import NoLineError
from mdio.api.opened import OpenVolume
from mdio.api.stacks import LazyStack
from mdio.cli.demo import convert_volume
from mdio.core.dimension import Dimension
from mdio.exceptions import GridError, StorageError
from mdio.testing import synthetic
from mdio.testing.survey import poststack

SHAPE = (3, 4, 8)


def formula(shape=SHAPE):
    return synthetic.formula(shape)


def opened(shape=SHAPE, **options):
    return OpenVolume(synthetic.volume(shape, **options))


def uneven():
    """Inlines 10, 20, 40, crosslines falling from 9."""
    dims = [Dimension([10, 20, 40], "inline"), Dimension([9, 7, 5, 3], "crossline"), Dimension.regular("time", 0, 4, 8)]
    return opened(dims=dims)


class TestLines:
    def test_one(self):
        volume = uneven()
        assert np.array_equal(volume.iline[20], formula()[1])
        assert np.array_equal(volume.xline[5], formula()[:, 2])
        assert np.array_equal(volume.depth_slice[3], formula()[..., 3])
        assert np.array_equal(volume.depth_slice[-1], formula()[..., 7])
        assert np.array_equal(volume.gather[40, 3], formula()[2, 3:4])

    @pytest.mark.parametrize(
        ("key", "positions"),
        [
            (slice(None), [0, 1, 2]),
            (slice(10, 40), [0, 1]),
            (slice(11, None), [1, 2]),
            (slice(None, None, -1), [2, 1, 0]),
            (slice(40, 10, -10), [2, 1]),
            (slice(10, 41, 30), [0, 2]),
            (slice(50, 60), []),
            ([40, 10], [2, 0]),
        ],
    )
    def test_ranges_of_numbers(self, key, positions):
        found = uneven().iline[key]
        assert isinstance(found, LazyStack)
        assert found.shape == (len(positions), 4, 8)
        assert np.array_equal(np.asarray(found), formula()[positions])
        assert [np.array_equal(line, formula()[at]) for line, at in zip(found, positions, strict=True)] == [True] * len(
            positions
        )

    def test_falling_numbers(self):
        volume = uneven()
        assert np.array_equal(np.asarray(volume.xline[5:9]), np.moveaxis(formula()[:, [1, 2]], 1, 0))
        assert np.array_equal(np.asarray(volume.xline[9:3:-2]), np.moveaxis(formula()[:, [0, 1, 2]], 1, 0))
        assert np.array_equal(np.asarray(volume.xline[3:8:1]), np.moveaxis(formula()[:, [3, 2, 1]], 1, 0))

    def test_as_a_mapping(self):
        lines = uneven().iline
        assert len(lines) == 3
        assert list(lines.keys()) == [10, 20, 40]
        assert 20 in lines
        assert 30 not in lines
        assert "x" not in lines
        assert [line.shape for line in lines] == [(4, 8)] * 3
        assert [(number, line[0, 0]) for number, line in lines.items()] == [
            (number, formula()[at, 0, 0]) for at, number in enumerate([10, 20, 40])
        ]
        assert repr(lines) == "<3 of inline 10 … 40, arrays of shape (4, 8)>"
        assert len(uneven().gather.values()) == len(uneven().gather) == 12
        assert (20, 7) in uneven().gather
        assert list(uneven().gather.keys())[5] == (20, 7)

    def test_what_is_kept_keeps_no_neighbours(self):
        lines = list(opened(chunks=(3, 4, 8)).iline)
        assert all(line.base is None for line in lines)

    def test_chunks_are_read_once(self):
        volume = opened((10, 4, 8), chunks=(5, 4, 8))
        regions = []
        inner = volume.inner.samples
        volume.inner.samples = lambda region: regions.append(region) or inner(region)
        assert len(list(volume.iline)) == 10
        assert [region[0] for region in regions] == [(0, 5), (5, 10)]

    def test_parts_of_a_row(self):
        row = uneven().iline[:]
        assert np.array_equal(row[1], formula()[1])
        assert np.array_equal(row[-1], formula()[2])
        assert np.array_equal(np.asarray(row[1:]), formula()[1:])
        assert np.asarray(row, dtype="f8").dtype == "f8"
        with pytest.raises(IndexError):
            row[3]
        with pytest.raises(ValueError, match="copy=False"):
            np.array(row, copy=False)
        assert repr(row) == "<3 arrays of shape (4, 8), float32; numpy.asarray(…) reads all>"

    def test_missing(self):
        with pytest.raises(NoLineError, match="inline has no coordinate 30") as caught:
            uneven().iline[30]
        assert isinstance(caught.value, KeyError)
        assert isinstance(caught.value, GridError)
        assert caught.value.hint == "nearest is 20, the axis goes from 10 to 40"
        assert str(caught.value).startswith("inline has no")
        with pytest.raises(NoLineError, match="no inlines"):
            _ = opened((6, 8), dims=[Dimension.regular("cdp", 1, 1, 6), Dimension.regular("time", 0, 4, 8)]).iline
        with pytest.raises(IndexError, match="position 8 outside of 8"):
            uneven().depth_slice[8]
        with pytest.raises(IndexError, match=r"4\.0 is no position"):
            uneven().depth_slice[4.0]
        with pytest.raises(IndexError, match="1 numbers between the brackets, which take inline, crossline"):
            uneven().gather[10]
        with pytest.raises(ValueError, match="step cannot be zero"):
            uneven().iline[::0]

    def test_assigning_says_how_to_edit(self):
        for lines in (uneven().iline, uneven().trace, uneven().header):
            with pytest.raises(StorageError, match="reading only") as caught:
                lines[10] = 0
            assert "mode='r+'" in caught.value.hint


class TestBeforeStack:
    """Inline, crossline, offset, sample."""

    shape = (2, 3, 4, 5)

    def volume(self):
        names = ("inline", "crossline", "offset", "time")
        return opened(self.shape, dims=[Dimension.regular(n, 1, 1, s) for n, s in zip(names, self.shape, strict=True)])

    def test_the_first_offset_unless_said(self):
        volume, values = self.volume(), formula(self.shape)
        assert np.array_equal(volume.iline[2], values[1, :, 0])
        assert np.array_equal(volume.iline[2, 3], values[1, :, 2])
        assert np.array_equal(volume.xline[2, 3], values[:, 1, 2])
        assert np.array_equal(volume.depth_slice[4, 3], values[:, :, 2, 4])

    def test_ranges_of_offsets(self):
        volume, values = self.volume(), formula(self.shape)
        assert np.array_equal(np.asarray(volume.iline[2, :]), np.moveaxis(values[1], 1, 0))
        both = np.asarray(volume.iline[1:, 2:4])
        assert np.array_equal(both, np.stack([values[line, :, at] for line in (0, 1) for at in (1, 2)]))
        assert np.array_equal(np.asarray(volume.depth_slice[1:3, 2:4])[3], values[:, :, 2, 2])

    def test_gathers(self):
        volume, values = self.volume(), formula(self.shape)
        assert np.array_equal(volume.gather[2, 3], values[1, 2])
        found = volume.gather[1:, 2:]
        assert found.shape == (4, 4, 5)
        assert np.array_equal(np.asarray(found), values[:, 1:].reshape(4, 4, 5))
        assert len(list(found)) == 4

    def test_shots(self):
        dims = [Dimension.regular("shot", 1, 1, 3), Dimension.regular("channel", 1, 1, 4), Dimension([0, 4], "time")]
        volume = opened((3, 4, 2), dims=dims)
        assert np.array_equal(volume.gather[2], formula((3, 4, 2))[1])


class TestTraces:
    def holes(self, order=None):
        live = np.ones((3, 4), bool)
        live[0, 1] = live[2, 3] = False
        return live, opened(live=live, order=order)

    def test_grid_order(self):
        live, volume = self.holes()
        expected = formula()[live]
        assert len(volume.trace) == 10
        assert np.array_equal(volume.trace[1], expected[1])
        assert np.array_equal(volume.trace[-1], expected[9])
        assert np.array_equal(np.stack(list(volume.trace)), expected)
        assert np.array_equal(volume.trace.raw[:], expected)
        assert np.array_equal(volume.trace.raw[8:2:-3], expected[8:2:-3])
        assert np.array_equal(np.asarray(volume.trace[[7, 2, 2]]), expected[[7, 2, 2]])
        assert np.array_equal(volume.trace[3, 2:5], expected[3, 2:5])
        assert volume.trace[3, 2] == expected[3, 2]
        assert np.array_equal(volume.trace[1:4, 2], expected[1:4, 2])

    def test_file_order(self):
        live = np.ones((3, 4), bool)
        live[1, 1] = False
        order = np.where(live, 0, -1)
        order[live] = np.random.default_rng(1).permutation(11)
        volume = opened(live=live, order=order)
        expected = formula()[live][np.argsort(order[live])]
        assert np.array_equal(volume.trace.raw[:], expected)
        assert volume.header[5]["inline"] == volume.header["inline"][:][5]

    @pytest.mark.parametrize("gap", [False, True])
    def test_large_grids_keep_no_table(self, monkeypatch, gap):
        monkeypatch.setattr("mdio.api.trace_numbers._KEPT", 1)
        monkeypatch.setattr("mdio.api.live_map._PIECE", 3)
        live = np.ones((3, 4), bool)
        live[1, 1] = False
        order = np.where(live, 0, -1)
        order[live] = np.random.default_rng(2).permutation(11) + gap
        volume = opened(live=live, order=order)
        if gap:
            with pytest.raises(GridError, match="trace 0 of the original file is not in this dataset"):
                volume.trace[0]
            return
        assert np.array_equal(volume.trace.raw[:], formula()[live][np.argsort(order[live])])

    def test_traces_that_were_left_out(self):
        order = np.arange(12).reshape(3, 4) * 2
        volume = opened(order=order)
        assert np.array_equal(volume.trace[5], formula().reshape(12, 8)[5])

    @pytest.mark.parametrize(
        ("key", "message"), [(12, "trace 12 of 12"), (-13, "0 to 11"), ("a", "'a' is no trace"), (1.5, "1.5 is no")]
    )
    def test_wrong(self, key, message):
        with pytest.raises(IndexError, match=message):
            opened().trace[key]

    def test_no_traces(self):
        assert opened().trace.raw[[]].shape == (0, 8)
        assert list(opened().trace[5:5]) == []

    def test_pickle(self):
        volume = pickle.loads(pickle.dumps(opened()))
        assert np.array_equal(volume.trace[3], formula().reshape(12, 8)[3])


class TestHeaders:
    def test_words(self):
        volume = opened()
        header = volume.header[7]
        # The third field of trace t holds t + 2000.
        assert (header["inline"], header["crossline"], header["odd"]) == (7, 1007, 2007)
        assert type(header["inline"]) is int
        assert dict(header) == {"inline": 7, "crossline": 1007, "odd": 2007}
        assert header[189] == header["189"] == 7
        assert repr(header) == "<TraceHeader inline: 7, crossline: 1007, odd: 2007>"
        assert header.buf == (7).to_bytes(4, "big") + (1007).to_bytes(4, "big") + (2007).to_bytes(2, "big")
        with pytest.raises(KeyError, match="did you mean inline"):
            header["inlin"]
        with pytest.raises(KeyError, match="no header field '3'"):
            header[3]

    def test_many(self):
        volume = opened()
        assert [one["inline"] for one in volume.header[2:8:2]] == [2, 4, 6]
        assert [one["inline"] for one in volume.header][-1] == 11
        assert volume.header[3:][0]["inline"] == 3
        assert volume.header["189"][:].tolist() == [*range(12)]
        assert volume.header["crossline"][3].tolist() == [1003]
        assert volume.header["odd"][[5, 1]].tolist() == [2005, 2001]
        assert len(volume.header["odd"]) == len(volume.header) == 12
        with pytest.raises(KeyError, match="crossline"):
            volume.header["croslsine"]

    def test_of_lines(self):
        live = np.ones((3, 4), bool)
        live[1, 2] = False
        volume = opened(live=live)
        assert [one["inline"] for one in volume.header.iline[101]] == [4, 5, 7]
        assert [one["inline"] for one in volume.header.xline[102]] == [2, 10]
        with pytest.raises(KeyError, match="inline has no coordinate 200"):
            volume.header.iline[200]
        with pytest.raises(IndexError, match="not a single number"):
            volume.header.iline[100:]


@pytest.mark.parametrize(
    "name",
    ["a.sgy", "a.mdio", "v1.mdio", "a.vds"],
)
def test_formats_as_segyio_reads_them(tmp_path, name):
    segyio = pytest.importorskip("segyio")
    made = poststack((6, 5, 40))
    convert_volume(made, tmp_path / "a.sgy")
    if name != "a.sgy":
        mdio.convert(tmp_path / "a.sgy", tmp_path / name, target_options={"layout": "v1"} if "v1" in name else {})
    with segyio.open(tmp_path / "a.sgy") as them, mdio.open(tmp_path / name) as ours:
        assert np.array_equal(ours.iline[103], them.iline[103])
        assert np.array_equal(ours.xline[203], them.xline[203])
        assert np.array_equal(ours.depth_slice[7], them.depth_slice[7])
        assert np.array_equal(ours.gather[103, 204], them.gather[103, 204])
        assert np.array_equal(np.asarray(ours.iline[102:106:2]), [line.copy() for line in them.iline[102:106:2]])
        assert np.array_equal(ours.trace.raw[3:20:4], them.trace.raw[3:20:4])
        assert len(ours.trace) == them.tracecount
        word = segyio.TraceField.CROSSLINE_3D
        assert ours.header[17][word] == them.header[17][word]
        assert np.array_equal(ours.header["cdp_x"][:], them.attributes(181)[:])
        assert [one[193] for one in ours.header.iline[102]] == [one[193] for one in them.header.iline[102]]
        assert ours.header[3].buf == bytes(them.header[3].buf)
