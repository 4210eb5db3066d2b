"""``mdio info``: one description for people and programs, for every format."""

import json
import types

import numpy as np
import pytest

from mdio.api.description import describe
from mdio.cli import main
from mdio.cli.info import _section
from mdio.convert import create
from mdio.core.dimension import Dimension
from mdio.core.trace_header import STANDARD_FIELDS
from mdio.core.volume import Creation, SourceFile
from mdio.flow import engine
from mdio.plugins import Reader, hookimpl
from mdio.plugins.registry import registry
from mdio.testing import synthetic

FIELDS = [(name, f">{kind}") for _, name, kind in STANDARD_FIELDS]


def cube():
    dims = [
        Dimension(np.array([10, 20, 50]), "inline"),
        Dimension.regular("crossline", 100, 2, 4),
        Dimension.regular("sample", 0.0, 0.5, 8, "ms"),
    ]
    live = np.ones((3, 4), dtype=bool)
    live[1, 2] = False
    return synthetic.volume((3, 4, 8), dims=dims, live=live, headers=FIELDS)


@pytest.fixture
def path(tmp_path):
    volume = cube()
    sink = create(
        tmp_path / "a.mdio",
        volume,
        options={"chunks": [2, 2, 8]},
        creation=Creation(created="2024-01-01T00:00:00.000000+00:00"),
    )
    engine.run(volume, sink)
    sink.close()
    return str(tmp_path / "a.mdio")


class Odd:
    """A volume with everything that JSON and tables stumble over, and an ``inspect`` of its own."""

    def __init__(self, inner):
        self.inner = inner
        source = SourceFile("odd", {"order": np.int16(3), "raw": b"\x01\xff"}, {"head": bytes(3600)})
        self.schema = inner.schema.with_metadata(
            trace_count=-1,
            source=source,
            statistics={"mean": float("nan"), "std": np.float32(2.0)},
            attributes={"crs": {"name": "[red]UTM", "units": ["m", "m"]}, "flag": True, "bad": float("inf")},
        )
        self.live = inner.live
        self.closed = False

    def inspect(self):
        return {"storage": {"layers": 2}, "layers": [{"name": "L0", "size": 5}, {"name": "L1", "more": (1, 2)}]}

    def close(self):
        self.closed = True


@pytest.fixture
def odd(tmp_path, monkeypatch):
    made = Odd(cube())
    module = types.ModuleType("odd")
    module.mdio_readers = hookimpl(
        lambda: [Reader(name="odd", summary="Odd data", suffixes=(".odd",), target="mdio_test_odd:open_odd")]
    )
    target = types.ModuleType("mdio_test_odd")
    target.open_odd = lambda url, options, storage: made
    monkeypatch.setitem(__import__("sys").modules, "mdio_test_odd", target)
    (tmp_path / "a.odd").write_bytes(b"odd")
    with registry().registered(module, "oddthing", distribution="mdio-oddthing"):
        yield made, str(tmp_path / "a.odd")


def info_json(capsys, *arguments):
    assert main(["info", *arguments]) == 0

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(capsys.readouterr().out, parse_constant=refuse)


def test_json(capsys, path):
    found = info_json(capsys, path, "--json")
    assert found["path"] == path
    assert found["format"] == "mdio"
    assert (found["shape"], found["sample_type"], found["chunks"], found["nbytes"]) == (
        [3, 4, 8],
        "float32",
        [2, 2, 8],
        384,
    )
    assert found["traces"] == {"live": 11, "cells": 12, "fraction": pytest.approx(11 / 12)}
    assert found["grid"] == {
        "inline": {"name": "inline", "size": 3, "min": 10, "max": 50, "step": None, "unit": ""},
        "crossline": {"name": "crossline", "size": 4, "min": 100, "max": 106, "step": 2, "unit": ""},
        "sample": {"name": "sample", "size": 8, "min": 0, "max": 3.5, "step": 0.5, "unit": "ms"},
    }
    # Samples are ±(1 … 96) without the dead trace's; the formula is in mdio.testing.synthetic.
    assert (found["stats"]["min"], found["stats"]["max"]) == (-96, 95)
    assert found["all_samples"]["count"] == 11 * 8
    assert found["headers"] == {"bytes": 232, "fields": 89}
    assert (found["api_version"], found["created"][:10]) == ("0.7.4", "2024-01-01")
    assert found["access_pattern"] == "012"
    assert found["access_patterns"]["012"]["chunks"] == [2, 2, 8]
    assert found["access_patterns"]["012"]["compressor"]["id"] == "blosc"
    assert found["text_header"][0].rstrip() == "C 1 SYNTHETIC"
    assert found["source"] == {"trace_order": "grid"}


@pytest.mark.parametrize("asked", [["--output-format", "json"], ["-format", "json"], ["--output-format=json"]])
def test_every_way_to_ask_for_json(capsys, path, asked):
    assert info_json(capsys, path, *asked) == info_json(capsys, path, "--json")


def test_for_people(capsys, path):
    assert main(["info", path]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows = [line.split() for line in captured.out.splitlines()]
    assert rows[0] == [path, "(mdio)"]
    assert "3 × 4 × 8 float32, 384 bytes" in captured.out
    assert "11 in 12 cells (91.67% filled)" in captured.out
    assert ["inline", "3", "10", "50", "irregular"] in rows
    assert ["crossline", "4", "100", "106", "2"] in rows
    assert ["sample", "8", "0", "3.5", "0.5", "ms"] in rows
    assert ["Pattern", "012", "2", "×", "2", "×", "8,", "blosc/zstd,", "clevel", "1"] in rows
    assert any(row[:2] == ["All", "samples"] for row in rows)
    assert "SYNTHETIC" not in captured.out


def test_text(capsys, path):
    assert main(["info", path, "--text"]) == 0
    assert "\nTextual header\nC 1 SYNTHETIC\n" in capsys.readouterr().out


def test_access_pattern(capsys, path):
    assert info_json(capsys, path, "--json", "--access-pattern", "012")["access_pattern"] == "012"
    assert main(["info", path, "-access", "fast_z"]) == 4
    assert "there are: 012" in capsys.readouterr().err


def test_any_format(capsys, odd):
    volume, path = odd
    found = info_json(capsys, path, "--json")
    assert volume.closed
    assert found["format"] == "odd"
    assert found["stats"] == {"mean": None, "std": 2.0}
    assert found["traces"]["live"] == 11
    assert found["source"] == {
        "format": "odd",
        "order": 3,
        "raw": "01ff",
        "raw_bytes": {"head": 3600},
        "trace_order": "grid",
    }
    assert found["details"]["layers"] == [{"name": "L0", "size": 5}, {"name": "L1", "more": [1, 2]}]
    assert found["attributes"] == {"crs": {"name": "[red]UTM", "units": ["m", "m"]}, "flag": True, "bad": None}
    assert "access_patterns" not in found


def test_nested_details_for_people(capsys, odd):
    assert main(["info", odd[1]]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["raw_bytes"] not in rows
    at = rows.index(["Details:", "layers"])
    assert rows[at + 1 : at + 4] == [["name", "size", "more"], ["L0", "5"], ["L1", "1,", "2"]]
    assert ["name", "[red]UTM"] in rows
    assert ["units", "m,", "m"] in rows
    assert ["flag", "yes"] in rows


def test_tables_leave_out_what_is_the_same_in_every_row(capsys):
    rows = [
        {"name": "L0", "stored_bytes": 1200, "codec": "Zip", "unit": ""},
        {"name": "L1", "stored_bytes": 7, "codec": "Zip", "unit": ""},
    ]
    _section("Layers", rows)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Layers",
        "name  stored bytes",
        "L0            1200",
        "L1               7",
        "all: codec Zip",
    ]
    _section("Twins", [{"name": "a"}, {"name": "a"}])
    assert capsys.readouterr().out.splitlines() == ["", "Twins", "name", "a", "a"]


def test_layout_of_the_attributes_stands_in_for_inspect():
    volume = cube()
    volume.schema = volume.schema.with_metadata(attributes={"layout": {"bricks": 3}, "note": "x"})
    found = describe(volume, "x", "any")
    assert found["details"] == {"bricks": 3}
    assert found["attributes"] == {"note": "x"}


def test_an_empty_axis():
    volume = synthetic.volume((0, 4))
    found = describe(volume, "x", "any")
    assert found["traces"] == {"live": 0, "cells": 0, "fraction": None}
    assert found["grid"]["crossline"] == {
        "name": "crossline",
        "size": 0,
        "min": None,
        "max": None,
        "step": None,
        "unit": "",
    }


def test_a_format_named(capsys, odd, path):
    assert info_json(capsys, path, "--json", "--from", "odd")["format"] == "odd"
    assert main(["info", path, "--from", "ood"]) == 3
    assert "odd" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["{}.nothing"], 5, "no such file"),
        (["{}", "--output-format", "jsn"], 2, "did you mean json?"),
        (["{}", "-i", "acces_pattern=012"], 2, "did you mean 'access_pattern'?"),
        (["{}", "--storage-options", "{"], 2, "not JSON"),
    ],
)
def test_errors(capsys, path, arguments, code, says):
    assert main(["info", *(argument.replace("{}", path) for argument in arguments)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
