"""Thumbnails for notebooks: what is shown, what it costs, and that a table appears whatever happens to the samples."""

import base64
import re

import numpy as np
import pytest

from mdio.api.grey import grey_pixels, thumbnail_of
from mdio.api.opened import OpenVolume
from mdio.api.sections import read_section
from mdio.cli.terminal_section import strongest
from mdio.exceptions import StorageError
from mdio.testing import synthetic


def pixels_of(png):
    image = pytest.importorskip("matplotlib.image", reason="an independent PNG reader")
    import io

    return np.round(image.imread(io.BytesIO(png)) * 255).astype(int)


def test_the_middle_inline():
    volume = synthetic.volume((3, 6, 8))
    thumbnail = thumbnail_of(volume)
    assert (thumbnail.title, thumbnail.rows, thumbnail.columns) == ("inline 101", 8, 6)
    values = synthetic.formula((3, 6, 8))[1].T.astype("f8")
    share = np.clip((values / (3 * values.std()) + 1) / 2, 0, 1)
    assert np.abs(pixels_of(thumbnail.png) - share * 255).max() <= 1


def test_dead_traces_are_striped():
    live = np.ones((3, 6), bool)
    live[1, 2] = False
    pixels = pixels_of(thumbnail_of(synthetic.volume((3, 6, 8), live=live)).png)
    assert set(pixels[:, 2]) == {188, 88}
    live[1] = False
    assert thumbnail_of(synthetic.volume((3, 6, 8), live=live)) is None


def test_long_axes_are_thinned():
    thumbnail = thumbnail_of(synthetic.volume((2, 1000, 400)))
    assert (thumbnail.rows, thumbnail.columns) == (134, 200)
    assert thumbnail_of(synthetic.volume((1000, 4))).title == ""


@pytest.mark.parametrize(("budget", "regions"), [(1 << 24, {(0, 12)}), (4 * 8 * 4 * 2, {(4, 8)}), (8, None)])
def test_cost(monkeypatch, budget, regions):
    """A budget of one column of chunks is spent on the middle one."""
    monkeypatch.setattr("mdio.api.grey._BUDGET", budget)
    volume = synthetic.volume((6, 12, 8), chunks=(2, 4, 8))
    read = []
    samples = volume.samples
    volume.samples = lambda region: read.append(region) or samples(region)
    assert (thumbnail_of(volume) is None) == (regions is None)
    assert {region[1] for region in read} == (regions or set())


def test_html_has_both_pictures():
    html = OpenVolume(synthetic.volume((3, 6, 8)))._repr_html_()
    pictures = re.findall('alt="([^"]*)".*?base64,([^"]*)"', html)
    assert [name for name, _ in pictures] == ["live traces", "a section"]
    assert pixels_of(base64.b64decode(pictures[1][1])).shape == (8, 6)
    assert "live traces, 100 %" in html
    assert "<small>inline 101</small>" in html


def test_a_table_appears_without_samples():
    volume = synthetic.volume((3, 6, 8))

    def fail(region):
        raise StorageError("no network")

    volume.samples = fail
    html = OpenVolume(volume)._repr_html_()
    assert html.count("<img") == 1
    assert "18 in 18 cells" in html


def test_maps_have_their_first_line_at_the_bottom():
    section = read_section(synthetic.volume((2, 3, 4)), {"sample": 0})
    assert grey_pixels(section, -100, 100).tolist() == grey_pixels(section, -100, 100).tolist()
    up = grey_pixels(section, 0, 24)
    assert up[0, 0] == int(255 * 13 / 24)
    assert up[1, 0] == int(255 * 1 / 24)


def test_rows_of_a_terminal_show_the_strongest_sample():
    section = read_section(synthetic.volume((2, 3, 7)), {"inline": 100})
    values = section.values
    values[:] = [[1, 0, 0], [-5, 0, 2], [2, np.nan, 1], [0, 3, 0], [0, 0, 0], [4, 0, 0], [-1, 0, -9]]
    small = strongest(section, 3)
    assert small.values.tolist() == [[-5, 0, 2], [4, 3, 0], [-1, 0, -9]]
    assert small.live.shape == (3, 3)
    assert strongest(section, 7) is section
