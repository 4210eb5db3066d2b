"""Saved scans and templates: what an import is told, and who wins."""

from __future__ import annotations

import json
import struct
import warnings

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

import mdio
from mdio.cli.app import run
from mdio.exceptions import ConfigError, MDIONotFoundError
from mdio.plugins.registry import registry
from mdio_segy import segy_to_mdio
from mdio_segy.choices import chosen_options
from mdio_segy.opening import SegyWarning
from mdio_segy.spec import over, read_spec, spec_options
from mdio_segy.survey import template_chunks, template_options


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inline, crossline = grid(6, 5)
    values = samples_for(3, np.random.default_rng(1), 30, 8)
    (tmp_path / "x.sgy").write_bytes(segy({9: inline, 21: crossline}, values, 3))
    return tmp_path


@pytest.fixture
def saved(place, capsys):
    def make(*options, name="s.json", source="x.sgy"):
        assert run(["segy", "scan", source, "--json", *options]) == 0
        (place / name).write_text(capsys.readouterr().out)
        return json.loads((place / name).read_text())

    return make


def shape_after(place, *arguments, source="x.sgy"):
    assert run(["segy", "import", source, "x.mdio", "--quiet", "--overwrite", *arguments]) == 0
    volume = mdio.open(place / "x.mdio")
    shape = dict(zip(volume.schema.names, volume.schema.shape, strict=True))
    step = volume.schema.dims[-1].coords[1] - volume.schema.dims[-1].coords[0]
    volume.close()
    return shape, step


def test_a_scan_is_used_again(place, saved):
    saved("--interval", "1000", "--header-locations", "21,9", "--header-names", "a,b", "--header-types", "int32,int32")
    assert shape_after(place, "--spec", "s.json") == ({"a": 5, "b": 6, "sample": 8}, 1)


def test_words_that_were_found_are_used(place, saved):
    spec = saved()
    assert spec["import"]["header_locations"] == [9, 21]
    assert shape_after(place, "--spec", "s.json")[0] == {"inline": 6, "crossline": 5, "sample": 8}


def test_a_scan_may_be_corrected_by_hand(place, saved):
    spec = saved()
    spec["import"]["header_names"] = ["line", "cdp"]
    (place / "s.json").write_text(json.dumps(spec))
    assert shape_after(place, "--spec", "s.json")[0] == {"line": 6, "cdp": 5, "sample": 8}


def test_options_of_the_call_win(place, saved):
    saved("--interval", "1000")
    shape, step = shape_after(
        place, "--spec", "s.json", "--interval", "2000", "--header-locations", "21,9", "--header-names", "x,i"
    )
    assert (shape, step) == ({"x": 5, "i": 6, "sample": 8}, 2)
    assert shape_after(place, "--spec", "s.json", "--header-names", "x,i")[0] == {"x": 6, "i": 5, "sample": 8}


def test_index_words_are_replaced_as_a_whole():
    base = {
        "header_locations": [9, 21],
        "header_names": ["a", "b"],
        "samples": 5,
        "grid_overrides": {"NonBinned": True},
    }
    assert over(base, {"header_locations": [1]}) == {"header_locations": [1], "samples": 5}
    assert over(base, {"samples": 7, "interval": None}) == base | {"samples": 7}
    orders = {"endian": "big", "data_endian": "big"}
    assert over(orders, {"endian": "little"}) == {"endian": "little"}
    assert over(orders, {"data_endian": "little"}) == {"endian": "big", "data_endian": "little"}


def test_in_python(place, saved):
    saved("--header-locations", "21,9", "--header-names", "x,i")
    segy_to_mdio("x.sgy", "y.mdio", reader_options=spec_options("s.json"))
    volume = mdio.open("y.mdio")
    assert volume.schema.names == ("x", "i", "sample")
    volume.close()


def test_a_format_that_had_to_be_said(place, saved, capsys):
    broken = bytearray((place / "x.sgy").read_bytes())
    struct.pack_into(">h", broken, 3224, 99)
    (place / "x.sgy").write_bytes(broken)
    assert run(["segy", "import", "x.sgy", "x.mdio", "--quiet"]) == 4
    capsys.readouterr()
    saved("--sample-format", "3")
    assert shape_after(place, "--spec", "s.json")[0]["inline"] == 6


def test_a_sister_file_is_read_by_the_scan_of_another(place, saved, capsys):
    saved("--header-locations", "21,9", "--header-names", "x,i")
    inline, crossline = grid(4, 3)
    values = samples_for(3, np.random.default_rng(2), 12, 8)
    (place / "y.sgy").write_bytes(segy({9: inline, 21: crossline}, values, 3, interval=2000))
    assert run(["segy", "import", "y.sgy", "y.mdio", "--spec", "s.json"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(said) == 1
    assert "s.json is a scan of another file" in said[0]
    assert "sample interval in µs (2000.0, there 4000.0)" in said[0]
    assert "samples a trace" not in said[0]
    volume = mdio.open("y.mdio")
    assert volume.schema.shape == (3, 4, 8)
    assert volume.schema.dims[-1].coords[1] == 4
    volume.close()


@pytest.mark.parametrize("byte", [10, 3700, -1])
def test_another_file_of_the_same_size_is_noticed(place, saved, byte):
    saved()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen_options("x.sgy", {}, spec="s.json")
    other = bytearray((place / "x.sgy").read_bytes())
    other[byte] ^= 1
    (place / "x.sgy").write_bytes(other)
    with pytest.warns(SegyWarning, match="another file"):
        chosen_options("x.sgy", {}, spec="s.json")


@pytest.mark.parametrize(
    ("change", "path", "part"),
    [
        (lambda spec: spec.update(version=2), "s.json: version", "version 2"),
        (lambda spec: spec.pop("version"), "s.json: version", "None"),
        (lambda spec: spec.update(kind="x"), "s.json", "not a saved scan"),
        (lambda spec: spec.pop("import"), "s.json: import", "mapping"),
        (lambda spec: spec["import"].update(smaples=3), "s.json: import.smaples", "samples"),
        (lambda spec: spec["import"].update(samples=-3), "s.json: import.samples", "greater than 0"),
        (lambda spec: spec.update(identity=[]), "s.json: identity", "mapping"),
    ],
)
def test_scans_that_are_none(place, saved, change, path, part):
    spec = saved()
    change(spec)
    (place / "s.json").write_text(json.dumps(spec))
    with pytest.raises(ConfigError) as caught:
        read_spec("s.json")
    assert caught.value.path == path
    assert part in str(caught.value)
    assert run(["segy", "import", "x.sgy", "x.mdio", "--spec", "s.json"]) == 2
    assert not (place / "x.mdio").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[]", b"3"])
def test_files_that_are_no_scan(place, content):
    (place / "s.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^s\.json: not"):
        read_spec("s.json")


def test_no_scan_there():
    with pytest.raises(MDIONotFoundError, match=r"s\.json"):
        read_spec("s.json")


def test_a_template_names_words_and_chunks(place):
    inline, crossline = grid(6, 5)
    (place / "x.sgy").write_bytes(
        segy({189: inline, 193: crossline}, samples_for(3, np.random.default_rng(1), 30, 8), 3)
    )
    assert shape_after(place, "--template", "poststack3d")[0] == {"inline": 6, "crossline": 5, "sample": 8}
    # Words elsewhere, names and chunks of the template; chunks that are given win.
    assert template_chunks("poststack3d") == [64, 64, 64]
    (place / "x.sgy").write_bytes(segy({9: inline, 21: crossline}, samples_for(3, np.random.default_rng(1), 30, 8), 3))
    assert shape_after(place, "--template", "poststack3d", "--header-locations", "9,21")[0]["inline"] == 6
    chosen = ["--template", "poststack3d", "--header-locations", "9,21", "--chunk-size", "4,4,4"]
    shape_after(place, *chosen)
    volume = mdio.open(place / "x.mdio")
    assert volume.schema.chunks == (4, 4, 4)
    volume.close()


def test_chunks_of_a_template_reach_the_dataset(place):
    chosen = ["--template", "offset3d", "--header-locations", "9,21,37"]
    shape, _ = shape_after(place, *chosen)
    assert shape == {"inline": 6, "crossline": 5, "offset": 1, "sample": 8}
    document = json.loads((place / "x.mdio" / "data" / "chunked_0123" / ".zarray").read_text())
    assert document["chunks"] == [8, 8, 32, 512]


def test_a_template_over_a_scan(saved):
    saved("--interval", "1000")
    options, chunks = chosen_options("x.sgy", {"samples": 8}, spec="s.json", template="shot2d")
    assert options["header_locations"] == [17, 13]
    assert options["header_names"] == ["shot_point", "channel"]
    assert (options["interval"], options["samples"]) == (1000, 8)
    assert chunks == [16, 32, 2048]


def test_names_of_the_call_over_those_of_a_template():
    options, _ = chosen_options("x.sgy", {"header_names": "a,b", "header_locations": "5,9"}, template="poststack3d")
    assert options["header_names"] == "a,b"
    assert options["header_locations"] == [5, 9]
    assert options["header_types"] == ["int32", "int32"]


def test_an_override_that_adds_a_dimension_takes_no_chunks():
    assert template_chunks("shot2d", {"HasDuplicates": True}) is None
    assert template_chunks("shot2d", {"HasDuplicates": False}) == [16, 32, 2048]
    assert template_chunks("shot2d", {"AutoChannelWrap": True}) == [16, 32, 2048]


def test_templates_that_cannot_be_used(place, capsys):
    with pytest.raises(ConfigError, match="did you mean poststack3d"):
        template_options("postack3d")
    with pytest.raises(ConfigError, match=r"angle.*--header-locations 189,193,…"):
        template_options("angle3d")
    with pytest.raises(ConfigError, match="1 header locations for the 2 dimensions inline, crossline"):
        template_options("poststack3d", [189])
    assert run(["segy", "import", "x.sgy", "x.mdio", "--template", "postack3d"]) == 2
    assert "poststack3d" in capsys.readouterr().err


def test_every_template_has_a_chunk_for_every_dimension():
    names = {template.name for template in registry().templates()}
    kinds = {"poststack2d", "poststack3d", "offset2d", "offset3d", "shot2d", "shot3d", "streamerfield3d"}
    assert kinds | {"receiver3d", "obn3d", "offsettiles3d", "coca3d", "fieldrecords2d"} <= names
    for template in registry().templates():
        assert len(template.chunks) == len(template.dims)
        assert template.dims[-1] == "sample"
        assert {*template.keys} <= {*template.dims[:-1]}
