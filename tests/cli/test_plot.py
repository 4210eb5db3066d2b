"""``mdio plot``: pictures, the terminal, and what is wrong with a call."""

import re

import numpy as np
import pytest

import mdio
from mdio.cli import main
from mdio.cli.terminal_section import drawn, show_section
from mdio.flow import engine
from mdio.testing import synthetic


def stored(path, volume):
    sink = mdio.create(path, volume)
    engine.run(volume, sink)
    sink.close()
    return str(path)


@pytest.fixture
def path(tmp_path):
    live = np.ones((3, 6), bool)
    live[1, 2:4] = False
    return stored(tmp_path / "a.mdio", synthetic.volume((3, 6, 8), live=live))


class TestPicture:
    @pytest.fixture(autouse=True)
    def _matplotlib(self):
        pytest.importorskip("matplotlib", reason="the extra 'viz'")

    def test_file(self, path, tmp_path, capsys):
        from matplotlib import image

        target = tmp_path / "a.png"
        assert main(["plot", path, "--inline", "101", "-o", str(target), "--size", "640x480", "--dpi", "80"]) == 0
        assert capsys.readouterr() == ("", "")
        assert image.imread(target).shape[:2] == (480, 640)

    def test_overwriting_is_asked_for(self, path, tmp_path, capsys):
        target = tmp_path / "a.png"
        target.write_bytes(b"mine")
        assert main(["plot", path, "-o", str(target)]) == 5
        assert capsys.readouterr().err == f"error: {target}: is there already\nhint: give --overwrite to replace it\n"
        assert target.read_bytes() == b"mine"
        assert main(["plot", path, "-o", str(target), "--overwrite", "--size", "200x200"]) == 0
        assert target.read_bytes()[:4] == b"\x89PNG"

    def test_every_option_reaches_the_plot(self, path, tmp_path, monkeypatch):
        calls = []
        monkeypatch.setattr("mdio.api.plotting.plot_section", lambda volume, **options: calls.append(options))
        assert main([
            "plot", path, "--crossline", "102", "--sample", "4", "--at", "inline=101", "-o", str(tmp_path / "b.png"),
            "--gain", "1.5", "--colors", "RdBu", "--size", "30X20", "--dpi", "10", "--minus", path,
            "--from", "mdio", "--gather", "7,8", "--wiggle",
        ]) == 0  # fmt: skip
        (options,) = calls
        assert options.pop("difference").schema.shape == (3, 6, 8)
        assert options == {
            "inline": None,
            "crossline": 102,
            "sample": 4,
            "at": {"inline": 101},
            "gather": [7, 8],
            "style": "wiggle",
            "path": str(tmp_path / "b.png"),
            "gain": 1.5,
            "colours": "RdBu",
            "size": (30, 20),
            "dpi": 10,
        }

    def test_nothing_is_left_of_a_plot_that_failed(self, path, tmp_path, capsys):
        assert main(["plot", path, "--inline", "7", "-o", str(tmp_path / "b.png")]) == 4
        assert capsys.readouterr().err.splitlines() == [
            "error: inline has no coordinate 7",
            "hint: nearest is 100, the axis goes from 100 to 102",
        ]
        assert not (tmp_path / "b.png").exists()


class TestTerminal:
    def test_letters(self, path, capsys):
        assert main(["plot", path, "--inline", "101", "--gain", "100"]) == 0
        lines = capsys.readouterr().out.splitlines()
        # Far below full colour all samples are grey: the letters around the middle of the ramp.
        assert [re.sub("[-=+]", "o", line) for line in lines[:-1]] == ["oo//oo"] * 8
        assert lines[-1] == "inline 101; down: 0 … 28 time (ms); across: 100 … 105 crossline"

    def test_the_ramp(self):
        values = np.array([[-3.0, -1.0, 0.0, 1.0, 3.0, np.nan]])
        section = _section(values)
        assert drawn(section, -1, 1, colours=False) == ["  +@@/"]

    def test_maps_have_their_first_line_at_the_bottom(self, path, capsys):
        assert main(["plot", path, "--sample", "0"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.count("/") for line in lines] == [0, 2, 0, 0]
        assert drawn(_section(np.array([[1.0], [-1.0]]), sliced=True), -1, 1, colours=False) == [" ", "@"]

    def test_colours(self):
        values = np.array([[-1.0, 1.0], [1.0, np.nan], [0.2, 0.2]])
        lines = drawn(_section(values), -1, 1, colours=True)
        assert len(lines) == 2
        assert lines[0] == ("\x1b[38;2;0;0;0m\x1b[48;2;255;255;255m▀\x1b[38;2;255;255;255m\x1b[48;2;40;60;110m▀\x1b[0m")
        assert lines[1].count("153;153;153") == 4

    def test_difference(self, path, tmp_path, capsys):
        volume = synthetic.volume((3, 6, 8))
        show_section(volume, volume, {"inline": 100}, 3)
        lines = capsys.readouterr().out.splitlines()
        assert set("".join(lines[:-1])) == {"+"}

    def test_large_sections_fit(self, capsys):
        show_section(synthetic.volume((2, 300, 200)), None, {"inline": 100}, 3)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) <= 24
        assert max(map(len, lines[:-1])) <= 80
        assert "one in 4" in lines[-1]

    def test_a_terminal_is_filled(self, capsys, monkeypatch):
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: (60, 20))
        show_section(synthetic.volume((2, 3, 4)), None, {"inline": 100}, 3)
        *lines, title = capsys.readouterr().out.splitlines()
        # 3 traces of 4 samples: 20 columns each and 34 rows of half blocks, 8 a sample.
        assert [line.count("▀") for line in lines] == [60] * 16
        for line in lines:
            cells = line.removesuffix("\x1b[0m").split("▀")[:-1]
            assert [len({*cells[at : at + 20]}) for at in (0, 20, 40)] == [1, 1, 1]
        assert len({*lines}) == 4
        assert title.startswith("inline 100; down: ")


def _section(values, sliced=False):
    from mdio.api.sections import Axis, Section

    down, across = (Axis("a", "", np.arange(size), 1) for size in values.shape)
    return Section(values, np.ones(values.shape, bool), down, across, (), sliced)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--at", "inline"], 2, "'inline' is not of the form key=value"),
        (["--at", "inline=abc"], 2, "--at inline=abc: not a number"),
        (["--at", "inline=true"], 2, "not a number"),
        (["--at", "inlin=101"], 2, "no dimension 'inlin'"),
        (["--size", "12"], 2, "--size 12: not of the form WxH"),
        (["--inline", "100", "--crossline", "100"], 2, "less than two axes are left"),
        (["--difference", "/nowhere.mdio"], 5, "nowhere.mdio"),
        (["--gather", "a"], 2, "--gather a: not numbers"),
        (["--gather", "100,100"], 2, "gather: 2 coordinates, not 1"),
        (["--wiggle"], 2, "the terminal shows no lines"),
        (["--gain", "0"], 2, "gain 0.0 is not a positive number"),
        (["-i", "nonsense=1"], 2, "nonsense"),
    ],
)
def test_wrong_calls(path, capsys, arguments, code, message):
    assert main(["plot", path, *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
