"""``mdio segy header``: every word where the standard has it, on a terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
import struct

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

from mdio.cli.app import run
from mdio.exceptions import ConfigError
from mdio_segy import headers_view
from mdio_segy.headers_view import parse_fields, parse_traces

SAMPLES = 8
LENGTH = 240 + 2 * SAMPLES


@pytest.fixture(params=[">", "<"], ids=["big", "little"])
def order(request):
    return request.param


@pytest.fixture(autouse=True)
def data(tmp_path, order, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inline, crossline = grid(6, 5)
    extended = "".join(f"EXTENDED {line}".ljust(80) for line in range(40)).encode("cp037")
    made = bytearray(
        segy(
            {189: inline, 193: crossline},
            samples_for(3, np.random.default_rng(1), 30, SAMPLES),
            3,
            order,
            binary={3505: ("h", 1), 3229: ("h", 4), 3255: ("h", 2), 3201: ("i", -7)},
            extended=extended,
        )
    )
    start = 3600 + 3200
    for trace in range(30):
        at = start + trace * LENGTH
        struct.pack_into(order + "h", made, at + 70, -100)
        struct.pack_into(order + "h", made, at + 108, trace % 3)
        struct.pack_into(order + "f", made, at + 232, trace / 4)
    (tmp_path / "x.sgy").write_bytes(made)
    return made


@pytest.fixture
def output(capsys):
    def of(*arguments):
        assert run(["segy", "header", "x.sgy", *arguments]) == 0
        return capsys.readouterr().out

    return of


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_what_comes_without_options(output):
    shown = output()
    assert "C 1 MADE BY A TEST" in shown
    lines = {tuple(line.split()) for line in shown.splitlines()}
    assert ("3225", "data_sample_format", "Format", "3", "int16") in lines
    assert ("3229", "trace_sorting_code", "SortingCode", "4", "horizontally", "stacked") in lines
    assert ("3255", "measurement_system_code", "MeasurementSystem", "2", "feet") in lines
    assert ("3217", "sample_interval", "Interval", "4000", "4", "ms") in lines
    assert ("71", "coordinate_scalar", "int16", "-100", "divide", "by", "100") in lines
    assert ("189", "inline", "int32", "100") in lines
    assert "EXTENDED 39" in shown
    assert "reel_num" not in shown
    assert "trace_seq_num_line" not in shown


def test_all_words(output):
    binary, trace = output("--binary"), output("--trace", "3")
    assert "reel_num" in binary
    assert "C 1" not in binary
    assert "trace_seq_num_line" in trace
    assert len(trace.splitlines()) == 92
    assert len(output("--trace", "3", "--nonzero").splitlines()) < 12


def test_parts_as_json(output, order):
    facts = json.loads(output("--json", "--text", "--binary", "--extended"))
    assert [*facts] == ["file", "text", "binary", "extended"]
    assert facts["text"][0] == "C 1 MADE BY A TEST".ljust(80)
    words = {row["byte"]: row for row in facts["binary"]}
    assert words[3201] == {"byte": 3201, "word": "job_id", "segyio": "JobID", "value": -7, "meaning": ""}
    assert words[3221]["value"] == SAMPLES
    assert len(words) == 44
    assert facts["extended"] == [[f"EXTENDED {line}".ljust(80) for line in range(40)]]


def test_one_trace_as_json(output):
    assert json.loads(output("--json", "--trace", "-1", "--fields", "inline,193,109:int16"))["traces"] == [
        {"trace": 29, "inline": 105, "crossline": 204, "delay_recording_time": 2}
    ]


@pytest.mark.parametrize("batch", [7, 1 << 14])
@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (":", range(30)),
        ("4:9", range(4, 9)),
        ("::7", range(0, 30, 7)),
        ("-3:", range(27, 30)),
        ("20:2:-3", range(20, 2, -3)),
        ("::-1", range(29, -1, -1)),
    ],
)
def test_several_traces(output, batch, text, numbers, monkeypatch):
    monkeypatch.setattr(headers_view, "_BATCH", batch)
    arguments = ["--trace", text, "--fields", "inline,crossline,233:float32"]
    inline, crossline = grid(6, 5)
    expected = [{"trace": n, "inline": inline[n], "crossline": crossline[n], "unassigned": n / 4} for n in numbers]
    assert json.loads(output(*arguments, "--json"))["traces"] == expected
    found = rows(output(*arguments, "--csv"))
    assert [{name: float(value) for name, value in row.items()} for row in found] == expected


def test_csv_of_everything(output):
    found = rows(output("--csv"))
    assert len(found) == 30
    assert len(found[0]) == 91
    assert [int(row["delay_recording_time"]) for row in found] == [n % 3 for n in range(30)]
    less = rows(output("--csv", "--nonzero"))
    # The interval and sample count are there, too; bytes 233 to 240 hold a number.
    assert [*less[0]] == [
        "trace",
        "coordinate_scalar",
        "delay_recording_time",
        "samples_per_trace",
        "sample_interval",
        "inline",
        "crossline",
        "unassigned",
    ]


def test_a_table_of_traces_shows_what_varies(output):
    lines = output("--trace", "0:10").splitlines()
    assert lines[0] == "Traces 0 to 9 of 30"
    assert lines[1].split() == ["delay_recording_time", "inline", "crossline", "unassigned"]
    assert lines[2].split() == ["Trace", "109", "189", "193", "233"]
    assert lines[3 + 7].split()[:4] == ["7", "1", "101", "202"]


def test_a_table_says_what_it_leaves_out(output, monkeypatch):
    from mdio_segy import header_output

    monkeypatch.setattr(header_output, "_MOST_ROWS", 4)
    shown = output("--trace", ":")
    assert "26 more traces" in shown
    assert len(shown.splitlines()) == 3 + 4 + 2


def test_numbers_that_json_does_not_have(output, data, tmp_path, order):
    struct.pack_into(order + "f", data, 6800 + 232, float("nan"))
    struct.pack_into(order + "f", data, 6800 + 2 * LENGTH + 232, float("inf"))
    (tmp_path / "x.sgy").write_bytes(data)
    text = output("--trace", "0:3", "--fields", "233:float32", "--json")
    assert json.loads(text, parse_constant=pytest.fail)["traces"] == [
        {"trace": 0, "unassigned": None},
        {"trace": 1, "unassigned": 0.25},
        {"trace": 2, "unassigned": None},
    ]


def test_json_of_what_is_not_zero(output):
    found = json.loads(output("--trace", "0:2", "--fields", "inline,109", "--json", "--nonzero"))["traces"]
    assert found == [{"trace": 0, "inline": 100}, {"trace": 1, "inline": 100, "delay_recording_time": 1}]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("--trace 30", ["no trace 30", "has 30"]),
        ("--trace -31", ["no trace -31"]),
        ("--trace 5:5", ["selects no trace"]),
        ("--trace 1:2:0", ["A:B[:STEP]"]),
        ("--trace x", ["'x'"]),
        ("--fields inlin", ["--fields", "inline"]),
        ("--fields 189:int23", ["--fields", "int32"]),
        ("--fields 238:int32", ["238 to 241", "240 bytes"]),
        ("--fields inline,189", ["twice"]),
        ("--fields ,", ["no word"]),
        ("--csv --text", ["--text", "CSV"]),
    ],
)
def test_wrong_usage(capsys, arguments, parts):
    assert run(["segy", "header", "x.sgy", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("error: ") == 1
    for part in parts:
        assert part in captured.err


def test_words_of_the_first_trace(output):
    assert "100" in output("--fields", "inline")
    assert "Binary" not in output("--fields", "inline")


def test_a_file_without_traces(output, tmp_path):
    empty = segy({189: np.arange(0)}, np.zeros((0, 0), np.int16), 3, binary={3503: ("h", 0)})
    (tmp_path / "x.sgy").write_bytes(empty)
    assert "Binary header" in output()
    assert len(rows(output("--csv"))) == 0
    assert json.loads(output("--json"))["text"]


def test_names_of_traces_and_words():
    assert parse_traces("-1", 5) == range(4, 5)
    assert parse_traces("1:", 5) == range(1, 5)
    assert [(field.name, field.byte, field.type) for field in parse_fields("inline, 21 ,181:ibm32,7")] == [
        ("inline", 189, "int32"),
        ("ensemble_num", 21, "int32"),
        ("cdp_x", 181, "ibm32"),
        ("byte_7", 7, "int32"),
    ]
    with pytest.raises(ConfigError, match="selects no trace"):
        parse_traces(":", 0)


def test_extended_records_are_told_apart_and_end_with_their_text(output, tmp_path):
    first = [b"FIRST", b"", b"OF TWO"]
    record = b"".join(line.ljust(80) for line in first).ljust(3200).decode().encode("cp037")
    blank = " ".ljust(3200).encode("cp037")
    inline, crossline = grid(2, 2)
    values = np.zeros((4, SAMPLES), np.int16)
    two = segy({189: inline, 193: crossline}, values, 3, binary={3505: ("h", 2)}, extended=record + blank)
    (tmp_path / "x.sgy").write_bytes(two)
    assert output("--extended").splitlines() == [
        "Extended textual record 1 of 2", "FIRST", "", "OF TWO", "", "Extended textual record 2 of 2", "(blank)",
    ]  # fmt: skip
    (tmp_path / "x.sgy").write_bytes(segy({189: inline, 193: crossline}, values, 3))
    assert output("--extended") == "No extended textual records.\n"


def test_a_table_leaves_out_what_it_has_no_room_for(output, data, order, tmp_path):
    names = {1: "i", 5: "i", 9: "i", 13: "i", 17: "i", 21: "i", 25: "i", 37: "i", 41: "i", 45: "i", 49: "i", 53: "i"}
    for trace in range(30):
        for byte, kind in names.items():
            struct.pack_into(order + kind, data, 6800 + trace * LENGTH + byte - 1, trace * byte)
    (tmp_path / "x.sgy").write_bytes(data)
    shown = output("--trace", "0:3")
    head = shown.splitlines()[1].split()
    assert "crossline" in head
    assert sum(max(len(name), 11) + 2 for name in head) <= 120 - 8
    (note,) = [line for line in shown.splitlines() if line.startswith("Not shown, though they vary: ")]
    assert note.endswith("(--fields chooses, --csv has all)")
    assert not {*head} & {name.strip(",") for name in note.split()}


def test_a_table_of_named_words_drops_those_that_are_zero_everywhere(output):
    shown = output("--trace", "0:2", "--fields", "inline,cdp_x,109", "--nonzero").splitlines()
    assert shown[1].split() == ["delay_recording_time", "inline"] or shown[1].split() == [
        "inline", "delay_recording_time",
    ]  # fmt: skip
