"""``mdio vds info``: every section of VDSInfo, for people and as JSON."""

import json
from pathlib import Path

import pytest

from mdio.cli.app import run

SMALL = Path(__file__).parents[3] / "shared/data/equinor__seismic-zfp__test_data__vds__small.vds"
TEXT = "".join(f"C{line:2d} SOMETHING".ljust(80) for line in range(1, 41))


@pytest.fixture
def path(tmp_path, vds):
    import numpy as np

    values = np.arange(40 * 33 * 20, dtype="f4").reshape(40, 33, 20)
    metadata = [
        {"category": "Survey", "name": "Origin", "type": "DoubleVector2", "value": [1.5, 2.5]},
        {"category": "Survey", "name": "Unit", "type": "String", "value": "m"},
        vds.blob("SEGY", "TextHeader", TEXT.encode("cp037")),
        vds.blob("SEGY", "BinaryHeader", bytes(range(200)) * 2),
    ]
    layout = vds.layout_json(values.shape, [vds.channel(unit="Pa")], metadata=metadata)
    writer = vds.Writer(layout).layer("Dimensions_012LOD0", "Zip", vds.cut(values, 32, (0, 0), (0, 1, 2), "R32", "Zip"))
    return writer.container(tmp_path / "x.vds")


def facts(capsys, path, *options):
    capsys.readouterr()
    assert run(["vds", "info", str(path), *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def shown(capsys, path, *options):
    capsys.readouterr()
    assert run(["vds", "info", str(path), *options]) == 0
    return capsys.readouterr().out


def test_sections(path, capsys):
    found = facts(capsys, path, "--axis")
    assert found.keys() == {"path", "axes"}
    assert [(axis["name"], axis["samples"]) for axis in found["axes"]] == [
        ("Sample", 20), ("Crossline", 33), ("Inline", 40),
    ]  # fmt: skip
    channel = facts(capsys, path, "--channels")["channels"][0]
    assert (channel["name"], channel["unit"], channel["format"], channel["mapping"]) == (
        "Amplitude", "Pa", "R32", "Direct",
    )  # fmt: skip
    assert facts(capsys, path, "--layout")["layout"]["brick_size"] == 32
    layer = facts(capsys, path, "--compression-info")["layers"][0]
    assert (layer["name"], layer["compression"], layer["chunks"]) == ("Dimensions_012LOD0", "Zip", 4)
    assert facts(capsys, path, "--axis", "--layout").keys() == {"path", "axes", "layout"}


def test_dimension_groups(path, capsys):
    rows = facts(capsys, path, "--dimension-groups")["dimension_groups"]
    assert {row["group"]: (row["status"], row["lods"]) for row in rows} == {
        "Dimensions_012": ("Normal", [0]),
        "Dimensions_01": ("Remapped", []),
        "Dimensions_02": ("Remapped", []),
        "Dimensions_12": ("Remapped", []),
    }


def test_metadata(path, capsys):
    keys = facts(capsys, path, "--metadata-keys")["metadata"]
    assert keys == facts(capsys, path, "--metadatakeys")["metadata"]
    assert keys[0] == {"category": "Survey", "name": "Origin", "type": "DoubleVector2"}
    assert len(keys) == 4
    every = {row["name"]: row["value"] for row in facts(capsys, path, "--metadata-all")["metadata"]}
    assert every["Origin"] == [1.5, 2.5]
    assert every["Unit"] == "m"
    assert [row["name"] for row in facts(capsys, path, "--metadata-category", "survey")["metadata"]] == [
        "Origin", "Unit",
    ]  # fmt: skip
    assert facts(capsys, path, "--metadata-name", "Unit")["metadata"][0]["value"] == "m"


def test_text(path, capsys):
    assert facts(capsys, path, "--text")["text"] == [TEXT[i : i + 80] for i in range(0, 3200, 80)]
    assert shown(capsys, path, "--text").splitlines() == [TEXT[i : i + 80].rstrip() for i in range(0, 3200, 80)]
    lines = shown(capsys, path, "--metadata-name", "TextHeader", "-b", "-e", "-w", "160").splitlines()
    assert lines == [TEXT[i : i + 160].rstrip() for i in range(0, 3200, 160)]
    value = facts(capsys, path, "--metadata-name", "textheader", "-e", "-w", "160")["metadata"][0]["value"]
    assert value.splitlines() == lines


def test_blob_as_it_is(path, capfdbinary):
    assert run(["vds", "info", path, "--metadata-name", "BinaryHeader", "--metadata-firstblob"]) == 0
    assert capfdbinary.readouterr().out == bytes(range(200)) * 2


def test_overview(path, capsys):
    text = shown(capsys, path)
    for part in ("one file", "Crossline", "Amplitude", "brick size", "Dimensions_012LOD0", "TextHeader"):
        assert part in text
    found = facts(capsys, path)
    assert found.keys() == {"path", "storage", "layout", "axes", "channels", "layers", "metadata"}
    every = ["--axis", "--channels", "--layout", "-g", "--compression-info", "--metadata-all", "--text"]
    assert "Remapped" in shown(capsys, path, *every)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--metadata-name", "TextHeadr"], "did you mean TextHeader"),
        (["--metadata-category", "Surve"], "did you mean Survey"),
        (["--metadata-name", "Unit", "-b"], "--metadata-firstblob"),
        (["--axes"], "--axis"),
        (["--metadata-force-width", "0"], "--metadata-force-width"),
    ],
)
def test_wrong_usage(path, capsys, options, part):
    assert run(["vds", "info", path, *options]) == 2
    captured = capsys.readouterr()
    assert part in captured.err
    assert captured.out == ""


@pytest.mark.shared
@pytest.mark.skipif(not SMALL.exists(), reason="../shared is absent")
def test_of_another_tool(capsys):
    """A file by the reference implementation, with layers of several encodings."""
    found = facts(capsys, SMALL)
    assert [channel["name"] for channel in found["channels"]] == ["Amplitude", "Trace", "SEGYTraceHeader"]
    assert {row["channel"]: row["compression"] for row in found["layers"]} == {
        "Amplitude": "Wavelet", "Trace": "RLE", "SEGYTraceHeader": "Zip",
    }  # fmt: skip
    assert "Wavelet" in shown(capsys, SMALL)
    assert len(facts(capsys, SMALL, "--text")["text"]) == 40
    assert run(["vds", "verify", str(SMALL), "--quiet"]) == 0
