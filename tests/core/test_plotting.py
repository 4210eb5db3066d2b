"""What a plot shows: which samples, where, between which values; and the picture itself, read back."""

import types
from dataclasses import replace

import numpy as np
import pytest

import mdio
from mdio.api.display_scale import limits_of
from mdio.api.opened import OpenVolume
from mdio.api.sections import difference_of, read_section
from mdio.core.dimension import Dimension
from mdio.exceptions import ConfigError, GridError, ShapeError
from mdio.testing import synthetic

SHAPE = (3, 4, 8)


def stack(live=None, dims=None, chunks=None, shape=SHAPE):
    return synthetic.volume(shape, live=live, dims=dims, chunks=chunks)


def cells(*shape):
    return synthetic.formula(shape)


class TestSections:
    """Inlines 100 …, crosslines 100 …, samples 0, 4, … ms; every sample is a formula of its place."""

    @pytest.mark.parametrize("chunks", [(1, 1, 8), (2, 3, 5)])
    def test_inline(self, chunks):
        section = read_section(stack(chunks=chunks), {"inline": 102})
        assert np.array_equal(section.values, cells(*SHAPE)[2].T)
        assert (section.down.name, section.down.unit, section.down.coords.tolist()) == (
            "sample",
            "ms",
            [*range(0, 32, 4)],
        )
        assert (section.across.name, section.across.coords.tolist()) == ("crossline", [100, 101, 102, 103])
        assert (section.title, section.sliced) == ("inline 102", False)
        assert (section.down.label, section.across.label) == ("time (ms)", "crossline")

    def test_crossline(self):
        section = read_section(stack(), {"crossline": 101.0})
        assert np.array_equal(section.values, cells(*SHAPE)[:, 1].T)
        assert section.across.name == "inline"
        assert section.title == "crossline 101"

    def test_sample(self):
        live = np.ones((3, 4), bool)
        live[2, 1] = False
        section = read_section(stack(live), {"sample": 8})
        expected = cells(*SHAPE)[:, :, 2].copy()
        expected[2, 1] = 0
        assert np.array_equal(section.values, expected)
        assert np.array_equal(section.live, live)
        assert (section.down.name, section.across.name) == ("inline", "crossline")
        assert (section.title, section.sliced) == ("time 8 ms", True)

    def test_the_middle_of_the_first_axis(self):
        section = read_section(stack())
        assert section.title == "inline 101"
        assert np.array_equal(section.values, cells(*SHAPE)[1].T)

    def test_lines_are_shown_whole(self):
        section = read_section(
            synthetic.volume((5, 8), dims=[Dimension.regular("cdp", 1, 1, 5), Dimension.regular("t", 0, 2, 8)])
        )
        assert (section.values.shape, section.title) == ((8, 5), "")

    def test_more_dimensions(self):
        """Shown is the longest of the axes that are left; the others are at their middle or where they were asked."""
        shape = (2, 6, 3, 4, 5)
        volume = stack(shape=shape)
        names = volume.schema.names
        section = read_section(volume)
        assert section.across.name == names[1]
        assert section.title == f"{names[0]} 101, {names[2]} 101, {names[3]} 102"
        assert np.array_equal(section.values, cells(*shape)[1, :, 1, 2].T)
        section = read_section(volume, {names[1]: 105, names[0]: 100})
        assert np.array_equal(section.values, cells(*shape)[0, 5, 1].T)
        section = read_section(volume, {"sample": 4})
        assert (section.down.name, section.across.name) == (names[1], names[3])
        assert np.array_equal(section.values, cells(*shape)[1, :, 1, :, 1])

    def test_dead_traces(self):
        live = np.ones((3, 4), bool)
        live[1, 2] = False
        section = read_section(stack(live), {"inline": 101})
        assert section.live.shape == section.values.shape
        assert section.live[:, [0, 1, 3]].all()
        assert not section.live[:, 2].any()

    @pytest.mark.parametrize("batch", [1 << 22, 9])
    def test_long_axes_are_thinned(self, monkeypatch, batch):
        monkeypatch.setattr("mdio.api.sections._BATCH", batch)
        volume = stack(shape=(3, 10, 9))
        section = read_section(volume, {"inline": 100}, columns=4, rows=5)
        # Ten crosslines in four columns: every third; nine samples in five rows: every second.
        assert np.array_equal(section.values, cells(3, 10, 9)[0, ::3, ::2].T)
        assert section.across.coords.tolist() == [100, 103, 106, 109]
        assert section.across.label == "crossline, one in 3"
        assert section.down.label == "time (ms), one in 2"
        section = read_section(volume, {"sample": 4}, columns=4, rows=2)
        assert np.array_equal(section.values, cells(3, 10, 9)[::2, ::3, 1])

    def test_only_what_is_shown_is_read(self):
        volume = stack(shape=(50, 10, 9))
        read = []
        samples = volume.samples
        volume.samples = lambda region: read.append(region.size) or samples(region)
        read_section(volume, {"inline": 120})
        assert sum(read) == 90
        del read[:]
        read_section(volume, {"crossline": 105}, columns=5)
        assert sum(read) == 5 * 9

    @pytest.mark.parametrize(
        ("at", "error", "message"),
        [
            ({"inline": 107}, GridError, "inline has no coordinate 107; nearest is 102"),
            ({"inlne": 100}, ConfigError, "no dimension 'inlne'; did you mean inline"),
            ({"inline": 100, "crossline": 100}, ShapeError, "less than two axes"),
            ({"sample": 5}, GridError, "sample has no coordinate 5"),
        ],
    )
    def test_wrong_coordinates(self, at, error, message):
        with pytest.raises(error) as raised:
            read_section(stack(), at)
        assert message in str(raised.value)

    def test_nothing_to_show(self):
        with pytest.raises(ShapeError, match="nothing to show"):
            read_section(stack(shape=(2, 0, 4)))

    def test_irregular_axes(self):
        dims = [
            Dimension([3, 7, 50], "inline"),
            Dimension([9, 5, 1, 2], "crossline"),
            Dimension.regular("sample", 0, 4, 8),
        ]
        section = read_section(stack(dims=dims), {"inline": 7})
        assert not section.across.even
        assert section.down.even
        assert section.across.coords.tolist() == [9, 5, 1, 2]

    def test_difference(self):
        one, two = stack(), stack()
        two._samples = two._samples.copy()
        two._samples[1, 2, 3] += 5
        two._live[1, 0] = False
        left = difference_of(read_section(one), read_section(two))
        assert left.values[3, 2] == -5
        assert np.count_nonzero(left.values) == 1
        assert not left.live[:, 0].any()
        with pytest.raises(ShapeError, match="crossline 100 … 103 and crossline 100 … 104"):
            difference_of(read_section(one), read_section(stack(shape=(3, 5, 8))))


class TestScale:
    def test_known_statistics(self):
        section = read_section(stack())
        known = {"min": -9.0, "max": 8.0, "mean": 1.0, "std": 2.0}
        assert limits_of(section, known, 3) == (-6, 6)
        assert limits_of(section, {**known, "min": 5.0}, 1.5) == (-2, 4)

    def test_statistics_of_the_section(self):
        live = np.ones((3, 4), bool)
        live[1] = [True, False, False, False]
        section = read_section(stack(live))
        # Samples 32 … 39 of the formula: 33, -34, 35 … -40, whose mean is -0.5.
        shown = np.array([33, -34, 35, -36, 37, -38, 39, -40.0])
        assert section.values[:, 0].tolist() == shown.tolist()
        half = 2 * np.sqrt((shown**2).mean() - 0.25)
        assert limits_of(section, None, 2) == pytest.approx((-half, half))
        assert limits_of(section, {"std": float("nan")}, 2) == pytest.approx((-half, half))

    def test_slices_have_a_scale_of_their_own(self):
        # On a reflection all samples are strong, between two all are weak: the volume's scale would show neither.
        known = {"min": -9.0, "max": 8.0, "mean": 1.0, "std": 2.0}
        section = read_section(stack(), {"sample": 4})
        values = np.zeros_like(section.values)
        values[0, :2] = [30, 40]
        section = replace(section, values=values)
        assert limits_of(section, known, 2) == pytest.approx((-2 * np.sqrt(1250), 2 * np.sqrt(1250)))
        assert limits_of(replace(section, values=np.zeros_like(values)), known, 2) == (-4, 4)
        # Velocities swing about the mean of the volume.
        assert limits_of(section, {**known, "min": 5.0}, 2) == pytest.approx(
            (1 - 2 * np.sqrt(1181), 1 + 2 * np.sqrt(1181))
        )

    def test_spikes_do_not_make_all_else_grey(self):
        rng = np.random.default_rng(1)
        quiet = replace(read_section(stack()), values=np.zeros((100, 50)), live=np.ones((100, 50), bool))
        values = rng.normal(0, 2, (100, 50))
        values[3, 4] = 1e9
        known = {"min": -8.0, "max": 1e9, "mean": 0.0, "std": 1e6}
        low, high = limits_of(replace(quiet, values=values), known, 3)
        assert low == -high
        assert 5 < high < 6.5
        # Also where nothing is known, and in a slice.
        assert 5 < limits_of(replace(quiet, values=values), None, 3)[1] < 6.5
        assert 5 < limits_of(replace(quiet, values=values, sliced=True), known, 3)[1] < 6.5
        # A line that is only weaker than the others keeps their scale.
        assert limits_of(replace(quiet, values=values.clip(-9, 9) / 10), {**known, "std": 2.0}, 3) == (-6, 6)

    def test_constant_and_empty_sections(self):
        section = read_section(stack())
        for value, expected in ((0.0, (-1, 1)), (7.0, (0, 14)), (np.nan, (-1, 1))):
            values = np.full_like(section.values, value)
            assert limits_of(replace(section, values=values), None, 3) == expected

    @pytest.mark.parametrize("gain", [0, -1, float("nan"), float("inf")])
    def test_wrong_gain(self, gain):
        with pytest.raises(ConfigError, match="not a positive number"):
            limits_of(read_section(stack()), None, gain)


class TestPictures:
    @pytest.fixture(autouse=True)
    def _matplotlib(self):
        pytest.importorskip("matplotlib", reason="the extra 'viz'")

    def parts(self, figure):
        axes = figure.axes[0]
        return axes, axes.images[0]

    def test_section(self):
        live = np.ones((3, 4), bool)
        live[0, 1] = False
        volume = OpenVolume(stack(live))
        axes, image = self.parts(volume.plot(inline=100, gain=1))
        shown = image.get_array()
        assert np.array_equal(shown.filled(0)[:, [0, 2, 3]], cells(*SHAPE)[0, [0, 2, 3]].T)
        assert shown.mask[:, 1].all()
        assert shown.mask.sum() == 8
        # Cells are around their coordinates; the first sample is at the top.
        assert image.get_extent() == [99.5, 103.5, 30, -2]
        assert axes.get_ylim() == (30, -2)
        assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("crossline", "time (ms)", "inline 100")
        assert axes.patch.get_hatch()

    def test_slice(self):
        axes, image = self.parts(OpenVolume(stack()).plot(sample=4))
        assert np.array_equal(image.get_array(), cells(*SHAPE)[:, :, 1])
        assert axes.get_ylim() == (99.5, 102.5)
        assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("crossline", "inline", "time 4 ms")

    def test_long_line_numbers_are_written_out(self):
        dims = (*stack().schema.dims[:1], Dimension(np.arange(4) + 2_000_001, "crossline"), *stack().schema.dims[2:])
        figure = OpenVolume(stack(dims=dims)).plot(inline=100)
        figure.canvas.draw()
        axis = self.parts(figure)[0].xaxis
        assert "2000002" in [text.get_text() for text in axis.get_ticklabels()]
        assert axis.get_offset_text().get_text() == ""

    @pytest.mark.parametrize(("unit", "label"), [("s", "time (s)"), ("ft", "depth (ft)"), ("Hz", "sample (Hz)")])
    def test_samples_are_called_by_what_they_measure(self, unit, label):
        dims = (*stack().schema.dims[:2], Dimension.regular("sample", 0, 4, SHAPE[2], unit))
        assert self.parts(OpenVolume(stack(dims=dims)).plot(inline=100))[0].get_ylabel() == label

    def test_samples_that_are_no_numbers_are_not_drawn(self):
        volume = stack()
        volume._samples[1, 0, 0] = np.nan
        volume._samples[1, 1, 1] = np.inf
        mask = self.parts(OpenVolume(volume).plot())[1].get_array().mask
        assert np.argwhere(mask).tolist() == [[0, 0], [1, 1]]

    def test_irregular_axes_are_labelled_with_their_coordinates(self):
        dims = [
            Dimension([3, 7, 50], "inline"),
            Dimension([9, 5, 1, 2], "crossline"),
            Dimension.regular("t", 0, 4, 8, "ms"),
        ]
        figure = OpenVolume(stack(dims=dims)).plot(inline=50)
        axes, image = self.parts(figure)
        figure.canvas.draw()
        labels = dict(
            zip(axes.get_xticks().tolist(), [text.get_text() for text in axes.get_xticklabels()], strict=True)
        )
        assert image.get_extent()[:2] == [-0.5, 3.5]
        assert {labels[0], labels[1], labels[2], labels[3]} == {"9", "5", "1", "2"}
        assert self.parts(OpenVolume(stack(dims=dims)).plot(sample=8))[0].get_title() == "t 8 ms"

    def test_difference(self):
        one, two = stack(), stack()
        two._samples = two._samples * 2
        axes, image = self.parts(OpenVolume(one).plot(inline=101, difference=OpenVolume(two), gain=2))
        assert np.array_equal(image.get_array(), -cells(*SHAPE)[1].T)
        assert image.get_clim() == pytest.approx(limits_of(read_section(one, {"inline": 101}), None, 2))
        assert axes.get_title() == "inline 101 – difference, at most 64"

    def test_file(self, tmp_path):
        """Read back: black and white where samples are, in the place where they are."""
        from matplotlib import image

        values = np.zeros((1, 2, 2), "f4")
        values[0, 0, 0], values[0, 1, 1] = -100, 100
        values[0, 0, 1], values[0, 1, 0] = 1, 1
        volume = stack(shape=(1, 2, 2))
        volume._samples = values
        OpenVolume(volume).plot(path=tmp_path / "a.png", size=(400, 300), gain=1, dpi=50)
        picture = image.imread(tmp_path / "a.png")
        assert picture.shape[:2] == (300, 400)
        assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
        quarters = [picture[y, x, 0] for y, x in ((75, 100), (200, 100), (75, 250), (200, 250))]
        assert quarters[0] == 0
        assert quarters[3] == 1
        assert all(0.4 < grey < 0.6 for grey in quarters[1:3])

    def test_other_endings_and_urls(self, tmp_path):
        import fsspec

        volume = OpenVolume(stack())
        volume.plot(path=tmp_path / "a.pdf", size=(300, 200))
        assert (tmp_path / "a.pdf").read_bytes()[:4] == b"%PDF"
        volume.plot(path="memory://plots/a.svg", size=(300, 200))
        assert b"<svg" in fsspec.filesystem("memory").cat("/plots/a.svg")

    def test_a_local_name_alone(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        OpenVolume(stack()).plot(path="a.png", size=(300, 200))
        assert [path.name for path in tmp_path.iterdir()] == ["a.png"]

    def test_no_figure_of_the_user_is_touched(self):
        from matplotlib import pyplot

        before = pyplot.get_fignums()
        OpenVolume(stack()).plot()
        assert pyplot.get_fignums() == before

    def test_bare_volumes_and_readers(self, tmp_path):
        from mdio.api.plotting import plot_section

        mine = types.SimpleNamespace(volume=stack())
        assert np.array_equal(self.parts(plot_section(mine))[1].get_array(), cells(*SHAPE)[1].T)
        assert np.array_equal(self.parts(plot_section(stack()))[1].get_array(), cells(*SHAPE)[1].T)

    def test_reader(self, tmp_path):
        from mdio.api.plotting import plot_section
        from mdio.flow import engine

        sink = mdio.create(tmp_path / "a.mdio", stack())
        engine.run(stack(), sink)
        sink.close()
        with mdio.MDIOReader(tmp_path / "a.mdio") as reader:
            figure = plot_section(reader, crossline=103)
        assert np.array_equal(self.parts(figure)[1].get_array(), cells(*SHAPE)[:, 3].T)
        # Statistics are known here; they are those of all 96 samples, ±1 … ±96.
        every = cells(*SHAPE)
        half = 3 * np.sqrt((every**2.0).mean() - every.mean() ** 2)
        assert self.parts(figure)[1].get_clim() == pytest.approx((-half, half))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"path": "a.jpg"}, "a.jpg: pictures end in .png, .pdf, .svg"),
            ({"path": "s3://b/a?key=secret"}, "s3://b/a: pictures end in"),
            ({"colours": "grey scale"}, "no colour map 'grey scale'"),
            ({"size": (0, 10)}, r"size \(0, 10\)"),
            ({"size": (10, 10**6)}, "give 1 to 20000 pixels"),
            ({"dpi": 0}, "0 dpi"),
            ({"inline": 100, "at": {"inline": 101}}, "inline is given twice"),
        ],
    )
    def test_wrong_options(self, options, message):
        with pytest.raises(ConfigError, match=message):
            OpenVolume(stack()).plot(**options)
