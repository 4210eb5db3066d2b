"""``mdio segy``: exit codes, one line of error, nothing half-written."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from segy_bytes import grid, ibm_words, samples_for, segy

import mdio
from mdio.cli.app import run


@pytest.fixture
def data():
    inline, crossline = grid(6, 5)
    return segy({189: inline, 193: crossline}, ibm_words(np.random.default_rng(1), (30, 20)))


@pytest.fixture(autouse=True)
def place(tmp_path, data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.sgy").write_bytes(data)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def fails(capsys, arguments, code, *parts):
    """Run a command that has to fail in the right way."""
    assert run(arguments.split(" ")) == code
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, lines
    assert not [line for line in lines if not line.startswith(("error: ", "hint: ", "warning: "))], lines
    for part in parts:
        assert part in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_there_and_back(place, data, capsys):
    assert (
        run(["segy", "import", "x.sgy", "x.mdio", "--header-locations", "189,193", "--chunk-size", "4,4,8", "--quiet"])
        == 0
    )
    assert run(["segy", "export", "x.mdio", "y.sgy", "--quiet"]) == 0
    assert (place / "y.sgy").read_bytes() == data
    assert names(place) == ["x.mdio", "x.sgy", "y.sgy"]
    assert capsys.readouterr() == ("", "")


def test_results_as_json(place, capsys):
    assert run(["segy", "import", "x.sgy", "x.mdio", "--json", "--quiet"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["statistics"]["trace_count"] == 30
    assert facts["target"] == "x.mdio"


def test_dry_run_writes_nothing(place, capsys):
    assert run(["segy", "import", "x.sgy", "x.mdio", "--dry-run", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shape"] == {"inline": 6, "crossline": 5, "sample": 20}
    assert run(["segy", "import", "x.sgy", "x.mdio", "--dry-run"]) == 0
    assert "inline 6 × crossline 5 × sample 20" in capsys.readouterr().out
    assert names(place) == ["x.sgy"]


def test_scan(place, capsys):
    assert run(["segy", "scan", "x.sgy", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["candidates"][0]["shape"] == [6, 5, 20]
    assert run(["segy", "scan", "x.sgy"]) == 0
    shown = capsys.readouterr().out
    assert "--header-locations 189,193 --header-names inline,crossline" in shown
    assert "6 × 5 × 20" in shown


@pytest.mark.parametrize(
    ("options", "code", "parts"),
    [
        ("--header-locations 189,193 --header-names inline", 2, ["1 given for 2"]),
        ("--header-locations 189,193 --header-types int23,int32", 2, ["int23", "int32"]),
        ("--header-locations 189,x", 2, ["header_locations"]),
        ("--header-locations 300", 2, ["behind the trace header"]),
        ("--chunk-size 4,4", 2, ["2 lengths"]),
        ("--chunk-size 4,4,-1", 2, ["chunks"]),
        ("--endian middle", 2, ["endian"]),
        ("--codec blsoc", 3, ["blosc"]),
        ("--grid-overrides {broken", 2, []),
        ("--nonsense", 2, ["--nonsense"]),
        ("--header-location 189,193", 2, ["--header-locations"]),
        ("--header-locations 1,5", 4, ["HasDuplicates", "traces 0 and 1"]),
        ("--samples 0", 2, []),
        ("--workers x", 2, []),
        ("--memory much", 2, []),
    ],
)
def test_wrong_usage(place, capsys, options, code, parts):
    import re

    arguments = f"segy import x.sgy x.mdio {options}"
    assert run(arguments.split(" ")) in ({code, 2} if code == 3 else {code})
    captured = capsys.readouterr()
    assert len(re.findall("^error: ", captured.err, re.MULTILINE)) == 1, captured.err
    assert len([line for line in captured.err.splitlines() if not line.startswith("warning: ")]) <= 2
    for part in parts:
        assert part in captured.err, captured.err
    assert names(place) == ["x.sgy"]


@pytest.mark.parametrize(
    ("make", "code", "part"),
    [
        (lambda path: None, 5, "no such file"),
        (lambda path: path.mkdir(), 5, "directory"),
        (lambda path: os.mkfifo(path), 5, "not a regular file"),
        (lambda path: path.write_bytes(b""), 4, "empty"),
        (lambda path: path.write_bytes(b"\xc3" * 1000), 4, "1000 bytes"),
        (lambda path: path.write_bytes(b"\x1f\x8b" + bytes(5000)), 4, "gzip"),
        (lambda path: path.write_bytes(os.urandom(100)), 4, "100 bytes"),
    ],
    ids=["missing", "directory", "fifo", "empty", "short", "gzip", "tiny"],
)
@pytest.mark.parametrize(
    "command", ["segy import in.sgy x.mdio", "segy scan in.sgy", "convert in.sgy x.mdio --from segy"]
)
def test_inputs_that_are_no_input(place, capsys, make, code, part, command):
    make(place / "in.sgy")
    before = names(place)
    fails(capsys, command, code, "in.sgy", part)
    assert names(place) == before


def test_targets_that_are_there(place, data, capsys):
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet"]) == 0
    fails(capsys, "segy import x.sgy x.mdio", 5, "x.mdio", "--overwrite")
    fails(capsys, "segy export x.mdio x.sgy", 5, "x.sgy", "--overwrite")
    assert (place / "x.sgy").read_bytes() == data
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet", "--overwrite"]) == 0
    assert run(["segy", "export", "x.mdio", "x.sgy", "--quiet", "--overwrite"]) == 0
    assert (place / "x.sgy").read_bytes() == data
    assert names(place) == ["x.mdio", "x.sgy"]


def test_targets_that_cannot_be(place, capsys):
    fails(capsys, "segy import x.sgy no/such/x.mdio", 5, "no such directory")
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet"]) == 0
    fails(capsys, "segy export x.mdio no/such/y.sgy", 5, "no such directory")
    fails(capsys, "segy export missing.mdio y.sgy", 5, "missing.mdio")
    fails(capsys, "segy export x.sgy y.sgy --access-pattern 01", 2)
    assert names(place) == ["x.mdio", "x.sgy"]


@pytest.mark.parametrize(
    ("options", "code", "part"),
    [
        ("--segy-format iee32", 2, "ieee32"),
        ("--endian middle", 2, "endian"),
        ("--access-pattern fast", 4, "012"),
    ],
)
def test_wrong_export(place, capsys, options, code, part):
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet"]) == 0
    assert run(f"segy export x.mdio y.sgy {options}".split()) in {code, 2, 4}
    assert part in capsys.readouterr().err
    assert names(place) == ["x.mdio", "x.sgy"]


def test_no_extended_headers_can_be_said(place, capsys):
    """A zero is an answer, too."""
    inline, crossline = grid(4, 4)
    values = samples_for(3, np.random.default_rng(1), 16, 1480)  # 16 traces of 3200 bytes
    data = segy({189: inline, 193: crossline}, values, 3, binary={3505: ("h", 1)})
    (place / "e.sgy").write_bytes(data)
    assert run(["segy", "scan", "e.sgy", "--json", "--extended-headers", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["traces"]["count"] == 16


def test_another_format_and_byte_order(place, data):
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet"]) == 0
    assert run(["segy", "export", "x.mdio", "y.sgy", "--segy-format", "ieee32", "--endian", "little", "--quiet"]) == 0
    one, other = mdio.open(place / "x.sgy"), mdio.open(place / "y.sgy")
    assert other.layout.format.name == "ieee32"
    assert not other.layout.big_endian
    assert np.array_equal(one.samples(one.schema.region), other.samples(other.schema.region))
    assert one.schema.dims == other.schema.dims
    one.close()
    other.close()


def test_strict(place, data, capsys):
    (place / "x.sgy").write_bytes(data + b"stray")
    fails(capsys, "segy import x.sgy x.mdio --strict", 4, "5 bytes")
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet"]) == 0
    assert run(["segy", "export", "x.mdio", "y.sgy", "--quiet"]) == 0
    assert (place / "y.sgy").read_bytes() == data + b"stray"


def test_little_memory(place, data):
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet", "--memory", "1MiB", "--workers", "2"]) == 0
    assert run(["segy", "export", "x.mdio", "y.sgy", "--quiet", "--memory", "1MiB", "--workers", "1"]) == 0
    assert (place / "y.sgy").read_bytes() == data
