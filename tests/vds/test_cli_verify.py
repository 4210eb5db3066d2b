"""``mdio vds verify``: a flipped byte is named with its layer, its chunk and the coordinates that it covers."""

import json
import struct

import numpy as np
import pytest

import mdio
from mdio.cli.app import run
from mdio.convert import Stores, create
from mdio.core.trace_header import standard_layout
from mdio.flow import engine
from mdio.testing import synthetic
from mdio_vds.volume import open_source


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(path, **options):
    """A volume of 70 × 40 × 50 samples in bricks of 32 with noise, which no chunk of is constant."""
    source = synthetic.volume((70, 40, 50), live=lambda i, x: (i + x) % 9 != 4, headers=standard_layout())
    engine.run(source, create(path, source, format="vds", options={"brick_size": 32, **options}))
    return source.schema


def place_of(path, layer, index):
    source = open_source(Stores({}).open(str(path)))
    try:
        found = source.layers[layer]
        return found.place(index), len(found.payload(index))
    finally:
        source.close()


def flip(path, offset):
    raw = bytearray(path.read_bytes())
    raw[offset] ^= 0x40
    path.write_bytes(bytes(raw))


def verify_json(capsys, path, code):
    capsys.readouterr()
    assert run(["vds", "verify", str(path), "--json", "--quiet"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["x.vds", "tree"])
def test_whole(place, capsys, name):
    make(place / name)
    facts = verify_json(capsys, name, 0)
    assert facts["ok"]
    assert facts["damages"] == []
    assert facts["unchecked"] == facts["undecoded"] == 0
    assert facts["chunks"] == facts["stored"] + facts["constant"] + facts["no_value"] + facts["unwritten"]
    # Full resolution alone: 3 × 2 × 2 bricks of samples, 3 × 2 of the mask, 3 × 2 of headers.
    assert facts["chunks"] > 12 + 6 + 6
    assert run(["vds", "verify", name, "--quiet"]) == 0
    assert f"{name}: whole; chunks: " in capsys.readouterr().out


def test_flipped_byte_in_samples(place, capsys):
    schema = make(place / "x.vds")
    # Brick (1, 0, 2) of 2 × 2 × 3, dimension 0 first: samples 32 to 50, crosslines 0 to 32, inlines 64 to 70.
    index = 1 + 2 * (0 + 2 * 2)
    (name, offset), length = place_of("x.vds", "Dimensions_012LOD0", index)
    flip(place / "x.vds", offset + length // 2)
    facts = verify_json(capsys, "x.vds", 4)
    assert facts["damaged"] == 1
    damage = facts["damages"][0]
    assert (damage["layer"], damage["chunk"], damage["name"]) == ("Dimensions_012LOD0", index, name)
    assert damage["region"] == [[64, 70], [0, 32], [32, 50]]
    first, last = schema.dims[0].coords[[64, 69]]
    assert f"{first}–{last}" in damage["where"]
    assert "does not match its check" in damage["message"]
    assert run(["vds", "verify", "x.vds", "--quiet"]) == 4
    shown = capsys.readouterr().out
    assert f"Dimensions_012LOD0 chunk {index} (" in shown
    assert "1 damaged" in shown


@pytest.mark.parametrize(
    ("layer", "index", "region"),
    [
        ("Dimensions_012LOD1", 1, [[64, 70], [0, 40], [0, 50]]),
        ("TraceDimensions_012LOD0", 1, [[0, 32], [32, 40]]),
        ("SEGYTraceHeaderDimensions_012LOD0", 2, [[32, 64], [0, 32]]),
    ],
)
@pytest.mark.parametrize("name", ["x.vds", "tree"])
def test_other_layers(place, capsys, layer, index, region, name):
    make(place / name)
    (_, offset), length = place_of(name, layer, index)
    flip(place / name if name == "x.vds" else place / name / layer / str(index), offset + length - 1)
    facts = verify_json(capsys, name, 4)
    assert [(row["layer"], row["chunk"], row["region"]) for row in facts["damages"]] == [(layer, index, region)]


def test_mdio_verify_says_the_same_once(place, capsys):
    make(place / "x.vds")
    (_, offset), length = place_of("x.vds", "Dimensions_012LOD0", 0)
    flip(place / "x.vds", offset + length // 2)
    assert run(["verify", "x.vds", "--json", "--quiet"]) == 4
    facts = json.loads(capsys.readouterr().out)
    assert facts["objects"] > 24
    assert [(row["name"], row["region"]) for row in facts["damages"]] == [
        ("Dimensions_012LOD0 chunk 0", [[0, 32], [0, 32], [0, 32]])
    ]


def test_missing_objects_and_layers(place, capsys):
    make(place / "tree")
    (place / "tree" / "Dimensions_012LOD0" / "3").unlink()
    status = json.loads((place / "tree" / "LayerStatus").read_text())
    left = [row for row in status if row["layerName"] != "Dimensions_012LOD2"]
    assert len(left) == len(status) - 1
    (place / "tree" / "LayerStatus").write_text(json.dumps(left))
    facts = verify_json(capsys, "tree", 4)
    assert {(row["layer"], row["chunk"]) for row in facts["damages"]} == {
        ("Dimensions_012LOD0", 3), ("Dimensions_012LOD2", None),
    }  # fmt: skip


def test_chunks_of_others(place, vds, capsys):
    """No check of ours: what does not decode is damaged, what decodes is counted as unchecked."""
    values = np.random.default_rng(1).normal(size=(40, 33, 20)).astype("f4")
    chunks = vds.cut(values, 32, (0, 0), (0, 1, 2), "R32", "Zip")
    writer = vds.Writer(vds.layout_json(values.shape, [vds.channel()]))
    path = writer.layer("Dimensions_012LOD0", "Zip", chunks).container(place / "o.vds")
    facts = verify_json(capsys, path, 0)
    assert (facts["chunks"], facts["unchecked"]) == (4, 4)
    hash, payload = chunks[2]
    chunks[2] = hash, payload[:-9] + bytes(9)
    chunks[3] = chunks[3][0], b""
    chunks[1] = 0, b""
    chunks[0] = 0x01010101 << 32 | struct.unpack("<I", struct.pack("<f", 2.5))[0], b""
    path = writer.container(place / "o.vds")
    facts = verify_json(capsys, path, 4)
    assert [row["chunk"] for row in facts["damages"]] == [2, 3]
    assert "zip" in facts["damages"][0]["message"]
    assert (facts["stored"], facts["constant"], facts["unwritten"]) == (2, 1, 1)


def test_wavelets_that_are_no_streams(place, vds, capsys):
    pytest.importorskip("numba")
    payload = bytes(range(64))
    writer = vds.Writer(vds.layout_json((20, 20, 20), [vds.channel()]))
    path = writer.layer("Dimensions_012LOD0", "Wavelet", [(5, payload)]).container(place / "w.vds")
    facts = verify_json(capsys, path, 4)
    assert [row["chunk"] for row in facts["damages"]] == [0]
    assert "wavelet streams of version" in facts["damages"][0]["message"]


def test_what_is_no_vds(place, capsys):
    (place / "x.vds").write_bytes(b"HueDataStore" + bytes(4))
    assert run(["vds", "verify", "x.vds"]) == 4
    assert "x.vds" in capsys.readouterr().err
    assert run(["vds", "verify", "no.vds"]) == 5


def test_objects_of_a_volume(place):
    make(place / "x.vds")
    volume = mdio.open("x.vds")
    found = list(volume.verify_objects())
    volume.close()
    assert {problem for _, _, problem in found} == {""}
    samples = [region for name, region, _ in found if name.startswith("Dimensions_012LOD0")]
    assert sum(region.size for region in samples) == 70 * 40 * 50


def test_channels_without_a_layer_and_layers_without_a_channel(place, vds, capsys):
    values = np.zeros((20, 20, 20), "f4")
    layout = vds.layout_json(values.shape, [vds.channel(), vds.channel("Other")])
    chunks = vds.cut(values, 32, (0, 0), (0, 1, 2), "R32", "None")
    writer = vds.Writer(layout).layer("Dimensions_012LOD0", "None", chunks)
    path = writer.layer("StrangeDimensions_012LOD0", "None", [(0, b"")] * 5).container(place / "s.vds")
    facts = verify_json(capsys, path, 4)
    assert {(row["layer"], row["message"]) for row in facts["damages"]} == {
        ("Other", "no layer of this channel is stored"),
        ("StrangeDimensions_012LOD0", "5 chunks do not fit any channel of the layout"),
    }


def test_an_object_that_cannot_be_read_is_told_without_its_place_twice(place, capsys):
    make(place / "tree")
    victim = place / "tree" / "Dimensions_012LOD0" / "3"
    victim.unlink()
    victim.mkdir()
    (damage,) = verify_json(capsys, "tree", 4)["damages"]
    assert damage["chunk"] == 3
    assert damage["message"]
    assert "Dimensions_012LOD0/3" not in damage["message"]
