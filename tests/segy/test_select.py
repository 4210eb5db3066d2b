"""Parts of a dataset as SEG-Y: by coordinates, by mask, always in the order of the file."""

from __future__ import annotations

import numpy as np
import pytest
from segy_bytes import grid, ibm_words, samples_for, segy

import mdio
from mdio.cli.app import run
from mdio.exceptions import CancelledError, ConfigError, JournalMismatchError, ShapeError, WrongTypeError
from mdio.flow.engine import CancelToken
from mdio.flow.selecting import GridMask, Span, parse_selection
from mdio_segy import mdio_to_segy, segy_to_mdio

INLINE, CROSSLINE = grid(8, 6, il=(100, 2), xl=(30, 1))
SAMPLES = 9
RECORD = 240 + 4 * SAMPLES


@pytest.fixture(params=["in order", "shuffled"])
def survey(request, tmp_path):
    """A dataset, its file's bytes, and in-line and cross-line of the traces in file order."""
    order = np.arange(48) if request.param == "in order" else np.random.default_rng(2).permutation(48)
    rng = np.random.default_rng(1)
    data = segy({189: INLINE[order], 193: CROSSLINE[order]}, ibm_words(rng, (48, SAMPLES)), noise=rng)
    (tmp_path / "x.sgy").write_bytes(data)
    segy_to_mdio(
        tmp_path / "x.sgy", tmp_path / "x.mdio", [189, 193], index_names=("inline", "crossline"), chunksize=(3, 4, 8)
    )
    return tmp_path, data, INLINE[order], CROSSLINE[order]


def chosen(data, wanted):
    """The file with only some of its traces."""
    traces = np.frombuffer(data[3600:], np.uint8).reshape(-1, RECORD)
    return data[:3600] + traces[wanted].tobytes()


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        ("inline=102:106", lambda i, _: (i >= 102) & (i <= 106)),
        ("inline=106:102", lambda i, _: (i >= 102) & (i <= 106)),
        ("inline=101:107", lambda i, _: (i >= 102) & (i <= 106)),
        ("inline=100:112:4", lambda i, _: np.isin(i, [100, 104, 108, 112])),
        ("inline=104", lambda i, _: i == 104),
        ("crossline=31,35,33", lambda _, x: np.isin(x, [31, 33, 35])),
        ("inline=102:110,crossline=31:34:2", lambda i, x: (i >= 102) & (i <= 110) & np.isin(x, [31, 33])),
        (" inline = 102 , 104 , crossline = 30 ", lambda i, x: np.isin(i, [102, 104]) & (x == 30)),
    ],
)
def test_by_coordinates(survey, selection, wanted):
    folder, data, inline, crossline = survey
    assert run(["segy", "export", f"{folder}/x.mdio", f"{folder}/y.sgy", "--select", selection, "--quiet"]) == 0
    assert (folder / "y.sgy").read_bytes() == chosen(data, wanted(inline, crossline))


def test_in_python(survey):
    folder, data, inline, crossline = survey
    mdio_to_segy(folder / "x.mdio", folder / "a.sgy", select={"inline": "100:104", "crossline": [30, 32]})
    wanted = chosen(data, (inline <= 104) & np.isin(crossline, [30, 32]))
    assert (folder / "a.sgy").read_bytes() == wanted
    mdio_to_segy(
        folder / "x.mdio", folder / "b.sgy", select={"inline": range(100, 105, 2), "crossline": np.array([30, 32])}
    )
    assert (folder / "b.sgy").read_bytes() == wanted


def test_by_mask(survey):
    folder, data, inline, crossline = survey
    mask = np.random.default_rng(3).random((8, 6)) < 0.4
    mdio_to_segy(folder / "x.mdio", folder / "y.sgy", selection_mask=mask)
    kept = mask[(inline - 100) // 2, crossline - 30]
    assert 0 < kept.sum() < 48
    assert (folder / "y.sgy").read_bytes() == chosen(data, kept)
    mdio_to_segy(folder / "x.mdio", folder / "z.sgy", selection_mask=mask, select="inline=100:106")
    assert (folder / "z.sgy").read_bytes() == chosen(data, kept & (inline <= 106))


def test_with_another_format(survey):
    folder, _, inline, _ = survey
    mask = np.zeros((8, 6), bool)
    mask[3] = True
    mdio_to_segy(folder / "x.mdio", folder / "y.sgy", "little", None, "float32", selection_mask=mask)
    written = (folder / "y.sgy").read_bytes()
    assert written[3224:3226] == b"\x05\0"
    traces = np.frombuffer(written[3600:], np.uint8).reshape(-1, RECORD)
    assert np.ascontiguousarray(traces[:, 188:192]).view("<i4").ravel().tolist() == [106] * 6
    volume = mdio.open(folder / "x.mdio")
    order = volume.order(volume.schema.region.spatial)[3]
    samples = volume.samples(volume.schema.region)[3][np.argsort(order)]
    assert np.array_equal(np.ascontiguousarray(traces[:, 240:]).view("<f4"), samples)
    assert (inline == 106).sum() == len(traces)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("inline=1:50", "select: no inline from 1 to 50; inline goes from 100 to 114"),
        ("inline=103", "select: there is no inline 103; inline goes from 100 to 114"),
        ("inlnie=103", "select: the volume has no dimension 'inlnie'; did you mean inline?"),
        ("inline=a:b", "select: 'a:b' is not of the form first:last or first:last:step; "),
        ("inline=1:2:0", "select: '1:2:0' is not of the form"),
        ("100:200", "select: '100:200' names no dimension; write inline=100:200"),
        ("inline=100,inline=102", "select: inline is given twice"),
        ("inline=100:102,108", "select: inline: a range stands alone; "),
        ("sample=0:8", "cannot select traces along 'sample'"),
    ],
)
def test_selections_that_are_wrong(survey, capsys, selection, message):
    folder = survey[0]
    with pytest.raises(ValueError, match=r".") as error:
        mdio_to_segy(folder / "x.mdio", folder / "y.sgy", select=selection)
    assert str(error.value).startswith(message)
    assert isinstance(error.value, (ConfigError, ShapeError))
    assert run(["segy", "export", f"{folder}/x.mdio", f"{folder}/y.sgy", "--select", selection]) == 2
    assert capsys.readouterr().err.count("error: ") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["x.mdio", "x.sgy"]


def test_nothing_live_in_the_selection(tmp_path, capsys):
    """A survey with a hole: the selected cells are there, their traces are not."""
    there = (INLINE < 104) | (CROSSLINE > 32)
    data = segy({189: INLINE[there], 193: CROSSLINE[there]}, ibm_words(np.random.default_rng(1), (there.sum(), 5)))
    (tmp_path / "x.sgy").write_bytes(data)
    segy_to_mdio(tmp_path / "x.sgy", tmp_path / "x.mdio", [189, 193], index_names=("inline", "crossline"))
    command = ["segy", "export", f"{tmp_path}/x.mdio", f"{tmp_path}/y.sgy", "--select", "inline=104:,crossline=30:32"]
    assert run(command) == 2
    command[-1] = "inline=104:114,crossline=30:32"
    capsys.readouterr()
    assert run(command) == 2
    assert "no live trace to write" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no live trace to write"):
        mdio_to_segy(tmp_path / "x.mdio", tmp_path / "y.sgy", selection_mask=~there.reshape(8, 6))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.mdio", "x.sgy"]


def test_masks_that_are_wrong(survey):
    folder = survey[0]
    with pytest.raises(ValueError, match="selects no trace"):
        mdio_to_segy(folder / "x.mdio", folder / "y.sgy", selection_mask=np.zeros((8, 6), bool))
    with pytest.raises(ShapeError, match=r"\(6, 8\) for a grid of \(8, 6\).*inline × crossline"):
        mdio_to_segy(folder / "x.mdio", folder / "y.sgy", selection_mask=np.ones((6, 8), bool))
    with pytest.raises(WrongTypeError, match="int64"):
        mdio_to_segy(folder / "x.mdio", folder / "y.sgy", selection_mask=np.ones((8, 6), np.int64))
    assert sorted(path.name for path in folder.iterdir()) == ["x.mdio", "x.sgy"]


def test_another_mask_does_not_resume(survey):
    folder = survey[0]
    masks = [np.ones((8, 6), bool) for _ in range(2)]
    masks[0][0, 0] = masks[1][5, 5] = False
    token = CancelToken()

    def stop(event):
        if type(event).__name__ == "SlabDone":
            token.cancel()

    settings = {"workers": 1, "memory": 1}
    with pytest.raises(CancelledError):
        mdio_to_segy(
            folder / "x.mdio",
            folder / "y.sgy",
            selection_mask=masks[0],
            observers=[stop],
            cancel=token,
            **settings,
        )
    with pytest.raises(JournalMismatchError):
        mdio_to_segy(folder / "x.mdio", folder / "y.sgy", selection_mask=masks[1], resume=True, **settings)
    mdio_to_segy(folder / "x.mdio", folder / "y.sgy", selection_mask=masks[0], resume=True, **settings)
    assert (folder / "y.sgy").stat().st_size == 3600 + 47 * RECORD


def test_a_selection_of_several_files(tmp_path):
    """Only the files that keep a trace come back, with those that they keep."""
    made = {}
    for number in range(4):
        some = slice(12 * number, 12 * number + 12)
        values = samples_for(3, np.random.default_rng(number), 12, SAMPLES)
        made[number] = segy({189: INLINE[some], 193: CROSSLINE[some]}, values, 3, text=bytes([number]) * 3200)
        (tmp_path / f"{number}.sgy").write_bytes(made[number])
    segy_to_mdio(tmp_path / "?.sgy", tmp_path / "x.mdio", [189, 193], index_names=("inline", "crossline"))
    command = ["segy", "export", f"{tmp_path}/x.mdio", f"{tmp_path}/out", "--split", "--select", "inline=106:110"]
    assert run([*command, "--quiet"]) == 0
    record = 240 + 2 * SAMPLES
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == {"1.sgy": made[1][:3600] + made[1][3600 + 6 * record :], "2.sgy": made[2]}


def test_the_words_of_a_selection():
    assert parse_selection("a=1:2,b=3, 4,c=-5:5:0.5") == {"a": Span(1, 2), "b": [3, 4], "c": Span(-5, 5, 0.5)}
    assert GridMask(np.eye(3, dtype=bool)).identity != GridMask(np.eye(3, dtype=bool)[::-1]).identity
