"""``mdio vds import`` and ``export``: every option means something, is refused with its name, or is not there."""

import json
import re

import numpy as np
import pytest
from segy_bytes import grid, ibm_words, samples_for, segy

import mdio
from mdio.cli.app import run
from mdio.convert import Stores
from mdio_vds.layout import parse_layout
from mdio_vds.volume import open_source

RNG = np.random.default_rng(1)
KEYS = {189: grid(6, 5)[0], 193: grid(6, 5)[1]}


@pytest.fixture
def data():
    return segy(KEYS, ibm_words(np.random.default_rng(1), (30, 20)))


@pytest.fixture(autouse=True)
def place(tmp_path, data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.sgy").write_bytes(data)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def layout_of(path):
    source = open_source(Stores({}).open(str(path)))
    try:
        return parse_layout(source.layout_json())
    finally:
        source.close()


def do(arguments):
    assert run([*arguments.split(" "), "--quiet"]) == 0


def round_trip(place, data, options=""):
    (place / "s.sgy").write_bytes(data)
    do(f"vds import s.sgy s.vds {options}".strip() + " --overwrite")
    do("vds export s.vds back.sgy --overwrite")
    assert (place / "back.sgy").read_bytes() == data
    return layout_of("s.vds")


# -- there and back --------------------------------------------------------------------------------------------------


def test_there_and_back(place, data, capsys):
    do("vds import x.sgy x.vds")
    do("vds export x.vds y.sgy")
    assert (place / "y.sgy").read_bytes() == data
    assert names(place) == ["x.sgy", "x.vds", "y.sgy"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("code", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("order", [">", "<"])
def test_all_formats_come_back(place, code, order):
    values = samples_for(code, np.random.default_rng(code), 30, 17)
    round_trip(place, segy(KEYS, values, code, order))


def test_results_as_json(place, capsys):
    for flag in ("--json", "--json-output"):
        assert run(["vds", "import", "x.sgy", "x.vds", "--quiet", "--overwrite", flag]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["statistics"]["trace_count"] == 30
    assert run(["vds", "export", "x.vds", "y.sgy", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["target"] == "y.sgy"


def test_dry_run_writes_nothing(place, capsys):
    assert run(["vds", "import", "x.sgy", "x.vds", "--dry-run", "--json", "--brick-size", "32"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == {"inline": 6, "crossline": 5, "sample": 20}
    assert names(place) == ["x.sgy"]


def test_bricks_and_channel(place, data):
    found = round_trip(
        place, data, "-b 32 --margin 2,3 --lod-levels 1 --compression-method rle --attribute-name Depth"
        " --attribute-unit m --value-range -5:7.5 --crs-wkt LOCAL_CS[x]",
    )  # fmt: skip
    bricks = found.layout
    assert (bricks.brick_size, bricks.negative_margin, bricks.positive_margin, bricks.lod_levels) == (32, 2, 3, 1)
    channel = found.channels[0]
    assert (channel.name, channel.unit, channel.value_range) == ("Depth", "m", (-5.0, 7.5))
    assert found.value("SurveyCoordinateSystem", "CRSWkt") == "LOCAL_CS[x]"


def test_sample_axis(place, data):
    axis = round_trip(place, data, "--sample-unit m --sample-start 1000").axes[0]
    assert (axis.unit, axis.coordinate_min, axis.coordinate_max) == ("m", 1000, 1000 + 19 * 4)
    assert axis.name == "Sample"


def test_codes_of_a_scale(place):
    values = np.linspace(-3, 5, 600, dtype=np.float32).reshape(30, 20)
    (place / "x.sgy").write_bytes(segy(KEYS, values, 5))
    do("vds import x.sgy q.vds --vds-format UInt8 --integer-scale 0.0625:-4")
    channel = layout_of("q.vds").channels[0]
    assert channel.format.label == "U8"
    assert channel.integer_scale == pytest.approx(0.0625)
    assert channel.integer_offset == -4
    volume = mdio.open("q.vds")
    stored = volume.samples(volume.schema.region).reshape(30, 20)
    volume.close()
    np.testing.assert_allclose(stored, values, atol=0.0626 / 2)
    assert np.abs(stored / 0.0625 - np.round(stored / 0.0625)).max() < 1e-3


# -- where header words lie --------------------------------------------------------------------------------------------


def moved(xy=None):
    """A file whose inline is a short word at byte 9 and whose crossline lies at byte 13; nothing at 189."""
    inline, crossline = grid(4, 7, (10, 2), (100, 5))
    words = {7: inline, 13: crossline}  # 4 bytes from 7 on: the number is in bytes 9 and 10
    return segy(words | (xy or {}), ibm_words(np.random.default_rng(2), (28, 12)))


@pytest.mark.parametrize(
    "options",
    [
        "--header-field InlineNumber=9:2 --header-field crosslinenumber=13-16",
        "--primary-key 9:int16 --secondary-key 13",
        "--header-field Slow=9:TwoByte -p Slow --secondary-key 13:int32",
        "--primary-key CrosslineNumber -s InlineNumber --header-field InlineNumber=9:2"
        " --header-field CrosslineNumber=13",
    ],
)
def test_keys(place, options):
    found = round_trip(place, moved(), options)
    assert [axis.samples for axis in found.axes] == [12, 7, 4]
    assert (found.axes[1].coordinate_min, found.axes[1].coordinate_max) == (100, 130)
    assert (found.axes[2].coordinate_min, found.axes[2].coordinate_max) == (10, 16)
    assert found.axes[2].name == ("slow" if "Slow" in options else "Inline")
    assert found.axes[1].name == "Crossline"


def test_header_format_file(place):
    content = {"InlineNumber": [9, "TwoByte"], "CrosslineNumber": [13, "FourByte"], "Endianness": "BigEndian"}
    (place / "f.json").write_text(json.dumps(content))
    assert [axis.samples for axis in round_trip(place, moved(), "--header-format f.json").axes] == [12, 7, 4]


def test_positions(place):
    """Inline i, crossline x lie at (1000 + 3 i + x, 5000 - 2 x) in hundredths of feet; stored in metres."""
    inline, crossline = grid(4, 7, (10, 2), (100, 5))
    xy = {73: 1000 + 3 * inline + crossline, 77: 5000 - 2 * crossline}
    options = (
        "--header-field InlineNumber=9:2 --header-field CrosslineNumber=13"
        " --header-field EnsembleXCoordinate=73:4 --header-field CDPYCoordinate=77 --scale 0.01"
        " --segy-survey-coordinate-system-unit ft --survey-coordinate-system-unit m"
    )
    found = round_trip(place, moved(xy), options)
    foot = 0.003048
    values = {name: found.value("SurveyCoordinateSystem", name) for name in ("Origin", "InlineSpacing", "Unit")}
    assert values["Origin"] == pytest.approx((1000 * foot, 5000 * foot))
    assert values["InlineSpacing"] == pytest.approx((3 * foot, 0))
    assert found.value("SurveyCoordinateSystem", "CrosslineSpacing") == pytest.approx((foot, -2 * foot))
    assert values["Unit"] == "m"


def test_words_that_nothing_depends_on(place, capsys):
    assert run(["vds", "import", "x.sgy", "x.vds", "--header-field", "SourceXCoordinate=77:4"]) == 0
    assert "SourceXCoordinate: nothing depends on its place" in capsys.readouterr().err


# -- lines and gathers -------------------------------------------------------------------------------------------------


def line():
    return segy({21: np.arange(50, 80), 181: np.arange(30) * 10}, ibm_words(np.random.default_rng(3), (30, 8)))


def test_lines(place):
    axis = round_trip(place, line(), "--2d").axes[1]
    assert (axis.name, axis.samples, axis.coordinate_min, axis.coordinate_max) == ("CDP", 30, 50, 79)
    axis = round_trip(place, line(), "--2d --2d-index-axis --no-2d-lods").axes[1]
    assert (axis.name, axis.samples, axis.coordinate_min, axis.coordinate_max) == ("CDP", 30, 1, 30)


def gathers(offsets):
    inline, crossline = grid(3, 4)
    keys = {189: np.repeat(inline, 5), 193: np.repeat(crossline, 5), 37: offsets}
    return segy(keys, ibm_words(np.random.default_rng(4), (60, 9)))


def test_gathers(place, capsys):
    regular = gathers(np.tile(np.arange(5) * 100, 12))
    for options in ("--prestack", "--offset-sorted", "--prestack --respace-gathers On"):
        found = round_trip(place, regular, options)
        assert [(axis.name, axis.samples) for axis in found.axes[1:]] == [
            ("Trace (offset)", 5), ("Crossline", 4), ("Inline", 3),
        ]  # fmt: skip


def test_gathers_that_offsets_do_not_tell_apart(place, capsys):
    same = gathers(np.tile([7, 7, 7, 7, 7], 12))
    (place / "s.sgy").write_bytes(same)
    assert run(["vds", "import", "s.sgy", "t.vds", "--prestack", "--respace-gathers", "On", "--quiet"]) == 4
    assert names(place) == ["s.sgy", "x.sgy"]
    assert run(["vds", "import", "s.sgy", "t.vds", "--prestack"]) == 0
    assert "the traces of a gather are counted" in capsys.readouterr().err
    for options in ("--prestack", "--prestack --respace-gathers off"):
        found = round_trip(place, same, options)
        assert sorted(axis.samples for axis in found.axes[1:]) == [3, 4, 5]


# -- scans -------------------------------------------------------------------------------------------------------------


def test_scan_is_printed_saved_and_used(place, capsys):
    (place / "m.sgy").write_bytes(moved())
    options = "--header-field InlineNumber=9:2 --header-field CrosslineNumber=13"
    assert run(f"vds import m.sgy --scan {options}".split()) == 0
    assert json.loads(capsys.readouterr().out)["import"]["header_locations"][0] in (9, "9:int16")
    assert run(f"vds import m.sgy --scan --file-info m.json {options}".split()) == 0
    assert run(["vds", "import", "m.sgy", "--scan", "--file-info", "m.json"]) == 5
    assert "--overwrite" in capsys.readouterr().err
    do("vds import m.sgy m.vds --file-info m.json")
    assert [axis.samples for axis in layout_of("m.vds").axes] == [12, 7, 4]
    (place / "n.sgy").write_bytes(moved()[: -(240 + 4 * 12)])  # the last trace is missing
    assert run(["vds", "import", "n.sgy", "n.vds", "--file-info", "m.json"]) == 0
    assert "scan of another file" in capsys.readouterr().err
    assert [axis.samples for axis in layout_of("n.vds").axes] == [12, 7, 4]


# -- export ------------------------------------------------------------------------------------------------------------


def test_export_of_a_part_in_another_format(place):
    do("vds import x.sgy x.vds")
    do("vds export x.vds y.sgy --select inline=101:102,crossline=200 --segy-format ieee32 --endian little")
    one, other = mdio.open("x.sgy"), mdio.open("y.sgy")
    assert other.layout.format.name == "ieee32"
    assert not other.layout.big_endian
    part = one.samples(one.schema.region)[1:3, :1].reshape(2, 20)
    assert np.array_equal(other.samples(other.schema.region).reshape(2, 20), part)
    one.close()
    other.close()
    assert run(["vds", "export", "x.vds", "z.sgy", "--dry-run"]) == 0
    assert names(place) == ["x.sgy", "x.vds", "y.sgy"]


def test_targets_that_are_there(place, data, capsys):
    do("vds import x.sgy x.vds")
    for command in ("vds import x.sgy x.vds", "vds export x.vds x.sgy"):
        assert run(command.split()) == 5
        assert "--overwrite" in capsys.readouterr().err
    for flag in ("--overwrite", "--force", "-f"):
        do(f"vds import x.sgy x.vds {flag}")
    assert (place / "x.sgy").read_bytes() == data


# -- wrong usage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--brick-size 50", ["--brick-size", "64"]),
        ("--margin 20,20 --brick-size 32", ["margins"]),
        ("--margin x", ["--margin"]),
        ("--lod-levels 13", ["--lod-levels"]),
        ("--compression-method Zap", ["--compression-method", "did you mean Zip"]),
        ("--tolerance 1", ["--tolerance"]),
        ("--compression-method RLE --tolerance 1", ["--tolerance", "loses nothing"]),
        ("--vds-format UInt32", ["--vds-format", "UInt16"]),
        ("--integer-scale 1:0", ["--integer-scale", "--vds-format"]),
        ("--vds-format UInt8 --integer-scale 1:0 --value-range 0:1", ["--integer-scale", "--value-range"]),
        ("--vds-format UInt8 --integer-scale 1", ["--integer-scale", "SCALE:OFFSET"]),
        ("--vds-format UInt8 --integer-scale 0:1", ["--integer-scale", "positive"]),
        ("--vds-format UInt8 --integer-scale nan:1", ["--integer-scale", "positive"]),
        ("--vds-format UInt8 --integer-scale inf:1", ["--integer-scale", "finite"]),
        ("--vds-format UInt8 --integer-scale 1:-inf", ["--integer-scale", "finite"]),
        ("--value-range 7:5", ["value_range", "smaller"]),
        ("--value-range 0:inf", ["value_range", "finite"]),
        ("--sample-unit furlong", ["--sample-unit"]),
        ("--sample-format IBMFlota", ["--sample-format", "IBMFloat"]),
        ("--survey-coordinate-system-unit yard", ["--survey-coordinate-system-unit"]),
        ("--scale 0", ["--scale"]),
        ("--primary-key InlineNumbr", ["--primary-key", "did you mean InlineNumber"]),
        ("--primary-key 189 --secondary-key InlineNumber", ["--secondary-key"]),
        ("--2d --secondary-key 193", ["--secondary-key"]),
        ("--2d-index-axis --prestack", ["--2d-index-axis", "line"]),
        ("--header-field InlineNumber", ["--header-field", "NAME=offset:width"]),
        ("--header-field InlineNumber=189:3", ["--header-field", "189-192"]),
        ("--header-field InlineNumbr=189:4", ["--header-field", "InlineNumber"]),
        ("--header-field EnsembleXCoordinate=239:4", ["--header-field", "behind the trace header"]),
        ("--primary-key 300", ["--primary-key", "behind the trace header"]),
        ("--header-format x.json", ["--header-format"]),
        ("--file-info x.json", ["--file-info", "mdio segy scan"]),
        ("--respace-gathers Sometimes", ["--respace-gathers"]),
        ("--respace-gathers On", ["--respace-gathers", "--prestack"]),
        ("--flush-frequency 60", ["--flush-frequency", "--resume"]),
        ("--bricksize 64", ["--bricksize", "--brick-size"]),
        ("--workers 0", ["--workers"]),
    ],
)
def test_wrong_usage(place, capsys, options, parts):
    (place / "x.json").write_text("[]")
    assert run(f"vds import x.sgy x.vds {options}".split()) == 2
    captured = capsys.readouterr()
    assert len(re.findall("^error: ", captured.err, re.MULTILINE)) == 1, captured.err
    assert "Traceback" not in captured.err
    assert len([text for text in captured.err.splitlines() if not text.startswith("warning: ")]) <= 2
    for part in parts:
        assert part in captured.err, captured.err
    assert captured.out == ""
    assert names(place) == ["x.json", "x.sgy"]


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("{", ["x.json", "no JSON object"]),
        ('{"InlineNumber": 189}', ["InlineNumber", "189", "[byte, width]"]),
        ('{"InlineNumber": [0, "FourByte"]}', ["InlineNumber"]),
        ('{"InlineNumber": [189, "ThreeByte"]}', ["InlineNumber"]),
        ('{"Endianness": "Middle"}', ["'Middle'", "BigEndian", "LittleEndian"]),
    ],
)
def test_header_formats_that_are_none(place, capsys, said, parts):
    (place / "x.json").write_text(said)
    assert run(["vds", "import", "x.sgy", "x.vds", "--header-format", "x.json"]) == 2
    error = capsys.readouterr().err
    for part in ["--header-format", *parts]:
        assert part in error
    assert names(place) == ["x.json", "x.sgy"]


def test_a_sample_format_by_its_code(place, data):
    from mdio_vds.importing import sample_format_code

    assert sample_format_code("5") == sample_format_code("IEEEFloat") == 5
    round_trip(place, data, "--sample-format 1")


def test_a_file_that_is_no_saved_scan(place, capsys):
    (place / "x.json").write_text("{")
    assert run(["vds", "import", "x.sgy", "x.vds", "--file-info", "x.json"]) == 2
    error = capsys.readouterr().err
    assert "x.json is not JSON" in error
    assert "mdio segy scan x.sgy --json writes one" in error


@pytest.mark.parametrize(
    ("command", "code", "part"),
    [
        ("vds import x.sgy", 2, "name of the VDS"),
        ("vds import missing.sgy x.vds", 5, "missing.sgy"),
        ("vds import x.sgy no/such/x.vds", 5, "no such directory"),
        ("vds export missing.vds y.sgy", 5, "missing.vds"),
        ("vds export x.sgy y.sgy", 4, "x.sgy"),
        ("vds inof x.vds", 2, "info"),
    ],
)
def test_what_cannot_be(place, capsys, command, code, part):
    assert run(command.split()) == code
    assert part in capsys.readouterr().err
    assert names(place) == ["x.sgy"]


def test_export_of_what_is_not_there(place, capsys):
    do("vds import x.sgy x.vds")
    assert run(["vds", "export", "x.vds", "y.sgy", "--channel", "Amplitud"]) == 4
    assert "Amplitude" in capsys.readouterr().err
    assert run(["vds", "export", "x.vds", "y.sgy", "--select", "inlin=100"]) == 2
    assert "did you mean inline" in capsys.readouterr().err
    assert names(place) == ["x.sgy", "x.vds"]
