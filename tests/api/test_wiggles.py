"""Wiggles and gathers: which traces are drawn, where, how far they swing."""

import numpy as np
import pytest

from mdio.api.opened import OpenVolume
from mdio.api.sections import section_at
from mdio.core.dimension import Dimension
from mdio.exceptions import ConfigError, ShapeError
from mdio.testing import synthetic

pytest.importorskip("matplotlib", reason="the extra 'viz'")

SHAPE = (3, 4, 8)


def volume(live=None, shape=SHAPE, dims=None):
    return OpenVolume(synthetic.volume(shape, live=live, dims=dims))


def drawn(figure):
    """Return the lines and the filled outlines of the traces."""
    fills, lines = figure.axes[0].collections
    return np.array(lines.get_segments()), [path.vertices for path in fills.get_paths()]


class TestWiggles:
    def test_each_live_trace_is_a_line_about_its_place(self):
        live = np.ones((3, 4), bool)
        live[1, 2] = False
        lines, fills = drawn(volume(live).plot(inline=101, style="wiggle", gain=2))
        assert len(lines) == len(fills) == 3
        values = synthetic.formula(SHAPE)[1]
        half = 2 * values[[0, 1, 3]].astype("f8").std()
        for line, number, trace in zip(lines, (100, 101, 103), values[[0, 1, 3]], strict=True):
            assert line[0] == pytest.approx([number + 1.5 * trace[0] / half, 0])
            assert line[-1] == pytest.approx([number + 1.5 * trace[-1] / half, 28])
            # Between samples lines are straight, so that every sample is on them.
            at = np.interp(np.arange(0, 32, 4), line[:, 1], line[:, 0])
            assert at == pytest.approx(number + 1.5 * trace / half)

    def test_only_what_is_above_the_middle_is_filled(self):
        _, fills = drawn(volume().plot(inline=101, style="wiggle"))
        for number, fill in zip(range(100, 104), fills, strict=True):
            assert fill[:, 0].min() == number
            assert fill[:, 0].max() > number

    def test_what_is_too_large_is_cut_off(self):
        lines, _ = drawn(volume().plot(inline=101, style="wiggle", gain=0.1))
        assert np.abs(lines[0][:, 0] - 100).max() == pytest.approx(1.5)

    def test_there_is_room_for_some_traces_only(self):
        lines, _ = drawn(volume(shape=(2, 400, 8)).plot(inline=100, style="wiggle", size=(400, 200)))
        assert len(lines) == 50
        lines, _ = drawn(volume().plot(inline=101, style="wiggle", difference=volume()))
        assert not np.ptp(lines[0][:, 0])

    def test_uneven_lines_and_bad_samples(self):
        dims = [Dimension([1, 2, 9], "inline"), *synthetic.volume(SHAPE).schema.dims[1:]]
        inner = synthetic.volume(SHAPE, dims=dims)
        inner._samples[1, 0, 3] = np.nan
        lines, _ = drawn(OpenVolume(inner).plot(crossline=100, style="wiggle"))
        assert [round(float(line[:, 0].mean())) for line in lines] == [0, 1, 2]
        assert np.isfinite(lines).all()

    def test_maps_and_other_styles(self):
        with pytest.raises(ShapeError, match="a slice has no traces"):
            volume().plot(sample=4, style="wiggle")
        with pytest.raises(ConfigError, match="no style 'wigle'") as caught:
            volume().plot(style="wigle")
        assert "wiggle" in caught.value.hint


class TestGathers:
    def test_the_last_axis_is_shown(self):
        names = ("inline", "crossline", "offset", "time")
        shape = (2, 9, 3, 5)
        dims = [Dimension.regular(name, 1, 1, size) for name, size in zip(names, shape, strict=True)]
        figure = volume(shape=shape, dims=dims).plot(gather=(2, 4))
        shown = np.asarray(figure.axes[0].images[0].get_array())
        assert np.array_equal(shown, synthetic.formula(shape)[1, 3].T)
        assert figure.axes[0].get_title() == "inline 2, crossline 4"
        assert figure.axes[0].get_xlabel() == "offset"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"gather": (1, 2)}, "gather: 2 coordinates, not 1"),
            ({"gather": (101,), "inline": 101}, "inline is given twice"),
        ],
    )
    def test_wrong(self, options, message):
        with pytest.raises(ConfigError, match=message):
            volume().plot(**options)


@pytest.mark.parametrize(
    ("positions", "message"),
    [({}, "3 axes are left"), ({0: 3}, "position 3 of inline, which has 3"), ({0: -1}, "position -1")],
)
def test_sections_by_position(positions, message):
    with pytest.raises(ShapeError, match=message):
        section_at(volume(), positions)
