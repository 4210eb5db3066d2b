"""``mdio segy scan``: what is said about a file, once each and with counts."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from segy_bytes import grid, ibm_words, samples_for, segy

from mdio.cli.app import run
from mdio_segy.report import scan_report

SAMPLES = 8
LENGTH = 240 + 2 * SAMPLES


def survey(**changes):
    """30 traces of 8 int16 samples on a grid of 6 × 5."""
    inline, crossline = grid(6, 5)
    values = samples_for(3, np.random.default_rng(1), 30, SAMPLES)
    return bytearray(segy({189: inline, 193: crossline}, values, 3, **changes))


def put(data, byte, values, kind=">h"):
    """Write a word into trace headers: 1-based byte, trace number to value."""
    for trace, value in values.items():
        struct.pack_into(kind, data, 3600 + trace * LENGTH + byte - 1, value)


@pytest.fixture
def report(tmp_path):
    def make(data, **options):
        (tmp_path / "x.sgy").write_bytes(bytes(data))
        return json.loads(json.dumps(scan_report(str(tmp_path / "x.sgy"), options, {}), allow_nan=False))

    return make


def found(report):
    return {one["check"]: one for one in report["findings"]}


def test_a_sound_file(report):
    facts = report(survey())
    assert facts["kind"] == "mdio segy scan"
    assert facts["version"] == 1
    assert facts["geometry"] == {
        "names": ["inline", "crossline", "sample"],
        "shape": [6, 5, 8],
        "locations": [189, 193],
        "found": True,
        "fill": 1.0,
    }
    assert facts["findings"] == facts["warnings"] == facts["suggestions"] == []
    assert facts["import"] == {
        "endian": "big",
        "data_endian": "big",
        "sample_format": 3,
        "samples": 8,
        "interval": 4000.0,
        "header_locations": [189, 193],
        "header_names": ["inline", "crossline"],
        "header_types": ["int32", "int32"],
    }
    assert facts["sizes"]["segy"] == 3600 + 30 * LENGTH
    assert facts["sizes"]["decoded"] == 30 * LENGTH
    assert facts["sizes"]["estimated_from_traces"] == 30
    assert 0 < facts["sizes"]["mdio_lossless"] < 30 * LENGTH


def test_evidence(report):
    big, little = report(survey())["evidence"], report(survey(order="<"))["evidence"]
    assert big[0] == "the format code is 3 in big endian, and undefined (768) in little endian"
    assert little[0] == "the format code is 3 in little endian, and undefined (768) in big endian"
    assert big[1] == "30 traces of 240 + 8 × 2 bytes fill exactly the file"
    assert "says little endian" in report(survey(order="<", binary={3297: ("I", 16909060)}))["evidence"][0]
    assert "all but 3 bytes of" in report(survey(trailer=b"xyz"))["evidence"][1]


def test_every_defect_once_and_with_its_count(report):
    data = survey()
    put(data, 109, {3: 20, 7: 40})
    put(data, 71, {0: -100} | dict.fromkeys(range(1, 30), -10))
    put(data, 117, {29: 2000})
    put(data, 115, {1: 9, 2: 9, 5: 0})
    put(data, 29, {4: 2, 6: 2, 8: 2})
    facts = report(data)
    checks = found(facts)
    assert len(checks) == len(facts["findings"]) == 5
    assert checks["delay-varies"]["count"] == 2
    assert checks["delay-varies"]["where"] == "trace 3"
    assert "0 to 40 ms" in checks["delay-varies"]["message"]
    assert checks["coordinate-scalar-varies"]["count"] == 29
    assert checks["interval-varies"]["count"] == 1
    assert checks["interval-varies"]["where"] == "trace 29"
    assert checks["sample-counts-differ"]["count"] == 2
    assert "2 traces state 9 samples in the header, the file has 8" in checks["sample-counts-differ"]["message"]
    assert checks["dead-traces"]["count"] == 3
    assert checks["dead-traces"]["severity"] == "info"
    # The layout saw the same sample counts in passing; it is not said twice.
    assert not [line for line in facts["warnings"] if "samples" in line]


def test_a_warning_that_nobody_counts_stays(report):
    facts = report(survey(trailer=b"xyz"))
    assert len(facts["warnings"]) == 1
    assert "3 bytes" in facts["warnings"][0]


@pytest.mark.parametrize(
    ("extra", "override"),
    [([4], '{"HasDuplicates": true}'), (list(range(30)) * 3, '{"NonBinned": true, "chunksize": 4}')],
)
def test_traces_that_share_cells(report, tmp_path, extra, override):
    inline, crossline = grid(6, 5)
    rows = np.r_[np.arange(30), extra].astype(int)
    values = samples_for(3, np.random.default_rng(1), len(rows), SAMPLES)
    facts = report(segy({189: inline[rows], 193: crossline[rows]}, values, 3))
    _, times = np.unique(rows, return_counts=True)
    one = next(one for one in facts["candidates"] if one["locations"] == [189, 193])
    assert one["shared"] == {
        "traces": int(times[times > 1].sum()),
        "cells": int((times > 1).sum()),
        "most": int(times.max()),
        "cells_taken": 30,
    }
    assert facts["geometry"]["names"] == ["trace", "sample"]
    (suggestion,) = facts["suggestions"]
    assert suggestion["options"].endswith(f"--grid-overrides '{override}'")
    # What is suggested works.
    arguments = ["--header-locations", "189,193", "--grid-overrides", override]
    assert run(["segy", "import", str(tmp_path / "x.sgy"), str(tmp_path / "x.mdio"), "--quiet", *arguments]) == 0


def test_words_that_do_not_vary_share_nothing(report):
    assert not [one for one in report(survey())["candidates"] if "shared" in one]


def test_cells_of_words_too_wide_for_one_number():
    from mdio_segy.sharing import _codes

    ends = [-(2**31), 2**31 - 1]
    first, others = [*ends, 5, 6, 5], [*ends, 7, 7, 7]  # traces 2 and 3 differ in the slowest word only
    codes = _codes([np.array(column, np.int32) for column in (first, others, others)])
    assert codes[2] == codes[4]
    assert len(set(codes.tolist())) == 4


def test_no_interval_suggests_one(report):
    data = survey(interval=0)
    put(data, 117, dict.fromkeys(range(30), 0))
    assert [one["options"] for one in report(data)["suggestions"]] == ["--interval MICROSECONDS"]


def test_words_that_are_given(report):
    facts = report(survey(), header_locations="193,189", header_names="x,i")
    assert facts["geometry"]["names"] == ["x", "i", "sample"]
    assert facts["geometry"]["shape"] == [5, 6, 8]
    assert facts["geometry"]["found"] is False
    assert facts["import"]["header_locations"] == [193, 189]
    assert facts["import"]["header_names"] == ["x", "i"]
    assert "header_types" not in facts["import"]


def test_a_volume_that_lies_in_another_order(report):
    """Numbers are those of the file, whatever the grid."""
    inline, crossline = grid(6, 5)
    back = slice(None, None, -1)
    values = samples_for(3, np.random.default_rng(1), 30, SAMPLES)
    data = bytearray(segy({189: inline[back], 193: crossline[back]}, values, 3))
    put(data, 109, {3: 20})
    assert found(report(data))["delay-varies"]["where"] == "trace 3"


def test_no_traces(report):
    facts = report(segy({189: np.arange(0)}, np.zeros((0, 0), np.int16), 3, binary={3503: ("h", 0)}))
    assert facts["traces"]["count"] == 0
    assert facts["candidates"] == facts["findings"] == []
    assert facts["sizes"]["mdio_lossless"] == 0


@pytest.mark.parametrize("width", ["80", "120"])
def test_what_people_see(report, tmp_path, capsys, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    data = survey()
    put(data, 109, {3: 20, 7: 40})
    report(data)
    path = str(tmp_path / "x.sgy")
    assert run(["segy", "scan", path]) == 0
    shown = capsys.readouterr().out
    assert "inline 6 × crossline 5 × sample 8; found at bytes 189, 193; 100% filled" in shown
    assert shown.count("delay recording time") == 1
    assert "(first: trace 3)" in shown
    assert "mdio segy import … --header-locations 189,193 --header-names inline,crossline" in shown
    assert "C 1" not in shown
    assert run(["segy", "scan", path, "--text"]) == 0
    assert len(capsys.readouterr().out) > len(shown)


def test_a_grid_with_one_hole_is_not_full(report, tmp_path, capsys):
    inline, crossline = grid(100, 50)
    keep = np.arange(1, 5000)
    values = np.zeros((4999, 1), np.int16)
    facts = report(segy({189: inline[keep], 193: crossline[keep]}, values, 3))
    assert facts["geometry"]["fill"] == 0.9998
    assert run(["segy", "scan", str(tmp_path / "x.sgy")]) == 0
    assert "99.9% filled" in capsys.readouterr().out


def test_ibm_floats_are_looked_at(report):
    inline, crossline = grid(6, 5)
    words = ibm_words(np.random.default_rng(1), (30, SAMPLES))
    words[3, 2] = 0x7FFFFFFF  # 7.2e75
    words[5, 1] = 0x46000001  # 1.0, not normalised
    facts = report(segy({189: inline, 193: crossline}, words))
    checks = found(facts)
    assert checks["ibm-saturated"]["count"] == 1
    assert checks["ibm-odd-words"]["count"] == 1
    assert facts["sizes"]["sample_range"][1] == pytest.approx(3.4028235e38)


def test_people_see_which_words_are_no_index_alone(report, tmp_path, capsys):
    inline, crossline = grid(6, 5)
    rows = np.r_[np.arange(30), [4, 4]]
    report(segy({189: inline[rows], 193: crossline[rows]}, samples_for(3, np.random.default_rng(1), 32, SAMPLES), 3))
    assert run(["segy", "scan", str(tmp_path / "x.sgy")]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("No index alone"))
    assert lines[at].split() == ["No", "index", "alone", "Bytes", "Traces", "sharing", "Cells", "Most", "in", "one"]
    assert ["inline,crossline", "189,193", "3", "1", "3"] in [line.split() for line in lines[at:]]
    assert any("what helps:" in line for line in lines)
    assert lines[-1].startswith("  --header-locations") or "--grid-overrides" in lines[-1]


def test_people_see_that_nothing_makes_a_grid(report, tmp_path, capsys):
    report(segy({}, samples_for(3, np.random.default_rng(1), 5, SAMPLES), 3))
    assert run(["segy", "scan", str(tmp_path / "x.sgy")]) == 0
    shown = capsys.readouterr().out
    assert "trace 5 × sample 8 (no usual header words make a grid)" in shown
    assert "No usual header words make a grid: import makes (trace, sample) without keys." in shown
