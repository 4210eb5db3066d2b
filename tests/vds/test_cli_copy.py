"""``mdio vds copy``: all channels, layers and metadata, whatever is changed; a stopped copy goes on."""

import json

import numpy as np
import pytest

from mdio.cli.app import run
from mdio.convert import Stores
from mdio_vds.container_target import ContainerLayerTarget
from mdio_vds.layout import parse_layout
from mdio_vds.volume import open_source
from mdio_vds.voxels import VoxelReader

SHAPE = (40, 33, 50)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def arrays():
    rng = np.random.default_rng(7)
    return {
        "Amplitude": rng.normal(size=SHAPE).astype("f4"),
        "Class": rng.integers(0, 4, SHAPE).astype("u1"),
        "Mute": rng.integers(0, 900, (*SHAPE[:2], 3)).astype("<u2"),
    }


@pytest.fixture
def path(place, vds, arrays):
    """Two channels of samples and one of three values a trace, which no volume would carry together."""
    channels = [
        vds.channel(),
        vds.channel("Class", "U8", discrete=True, renderable=False, useNoValue=True, noValue=-1.0),
        vds.channel("Mute", "U16", channelMapping="PerTrace", mappedValues=3, renderable=False),
    ]
    metadata = [{"category": "Own", "name": "Thing", "type": "String", "value": "kept"}]
    writer = vds.Writer(vds.layout_json(SHAPE, channels, metadata=metadata))
    chunks = vds.cut(arrays["Amplitude"], 32, (0, 0), (0, 1, 2), "R32", "Zip")
    chunks[3] = 0, b""  # never written
    writer.layer("Dimensions_012LOD0", "Zip", chunks)
    writer.layer("ClassDimensions_012LOD0", "RLE", vds.cut(arrays["Class"], 32, (0, 0), (0, 1, 2), "U8", "RLE"))
    writer.layer("MuteDimensions_012LOD0", "Zip", vds.cut(arrays["Mute"], 32, (0, 0), (0, 1, 2), "U16", "Zip"))
    return writer.container(place / "x.vds")


def content(path):
    """Layout, and the codes of all channels."""
    source = open_source(Stores({}).open(str(path)))
    try:
        layout = parse_layout(source.layout_json())
        values = {}
        for channel in layout.channels:
            reader = VoxelReader(source, layout, channel)
            box = tuple((0, length) for length in reader.partition.samples)
            values[channel.name] = reader.read(box).reshape(reader.shape(box)[3:])
        return layout, values, {name: layer.method.label for name, layer in source.layers.items()}
    finally:
        source.close()


def payloads(path):
    source = open_source(Stores({}).open(str(path)))
    try:
        return {
            (name, index): (layer.entry(index), layer.payload(index))
            for name, layer in source.layers.items()
            for index in range(layer.chunk_count)
        }
    finally:
        source.close()


def copied(target, *options):
    assert run(["vds", "copy", "x.vds", target, "--quiet", *options]) == 0
    one, other = content("x.vds"), content(target)
    assert other[0].axes == one[0].axes
    assert other[0].channels == one[0].channels
    assert other[0].metadata == one[0].metadata
    assert other[1].keys() == one[1].keys()
    for name, values in one[1].items():
        assert np.array_equal(values, other[1][name]), name
    return other


@pytest.mark.parametrize("target", ["y.vds", "tree"])
def test_bytes_stay(path, place, target, arrays):
    _, values, _ = copied(target)
    assert payloads("x.vds") == payloads(target)
    # Against what was written, too, not only against what the same code reads: brick 3 of 2 × 2 × 2 is missing.
    expected = arrays["Amplitude"].copy()
    expected[:32, 32:, 32:] = 0
    assert np.array_equal(values["Amplitude"], expected)
    assert np.array_equal(values["Class"], arrays["Class"])
    assert np.array_equal(values["Mute"], arrays["Mute"])
    assert (place / target).is_dir() == (target == "tree")


@pytest.mark.parametrize("name", ["y.vds", "tree"])
def test_object_stores(path, place, capsys, name):
    url = f"memory://copies/{name}"
    copied(url, "--overwrite")
    assert payloads("x.vds") == payloads(url)
    assert run(["vds", "copy", url, url, "--overwrite"]) == 2
    assert "the same" in capsys.readouterr().err
    assert run(["vds", "verify", url, "--quiet"]) == 0


def test_another_encoding(path):
    _, _, methods = copied("y.vds", "--compression-method", "none")
    assert set(methods.values()) == {"None"}
    _, _, methods = copied("z.vds", "--compression-method", "RLE")
    assert methods == {
        "Dimensions_012LOD0": "RLE", "ClassDimensions_012LOD0": "Zip", "MuteDimensions_012LOD0": "Zip",
    }  # fmt: skip


@pytest.mark.parametrize(
    "options", [["--brick-size", "64"], ["--margin", "3,1"], ["--brick-size", "64", "--margin", "2"]]
)
def test_other_bricks(path, options):
    layout, _, _ = copied("y.vds", *options, "--lod-levels", "2")
    assert layout.layout.lod_levels == 2
    assert run(["vds", "verify", "y.vds", "--quiet"]) == 0


def test_other_levels(path, capsys):
    _, _, methods = copied("y.vds", "--lod-levels", "1")
    assert methods.keys() == {
        "Dimensions_012LOD0", "Dimensions_012LOD1", "ClassDimensions_012LOD0", "MuteDimensions_012LOD0",
    }  # fmt: skip
    source = open_source(Stores({}).open("y.vds"))
    layout = parse_layout(source.layout_json())
    reader = VoxelReader(source, layout, layout.channels[0], (0, 1, 2), 1)
    box = tuple((0, length) for length in reader.partition.samples)
    coarse = reader.read(box).reshape(20, 17, 25)
    source.close()
    # No sample of the first brick is 0, so that halving is leaving out (VDS specification section 10).
    assert np.array_equal(coarse[:16, :16, :16], content("x.vds")[1]["Amplitude"][:32:2, :32:2, :32:2])


def test_result_and_dry_run(path, place, capsys):
    assert run(["vds", "copy", "x.vds", "y.vds", "--dry-run", "--json", "--brick-size", "64"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["channels"] == ["Amplitude", "Class", "Mute"]
    assert {row["how"] for row in facts["layers"]} == {"cut"}
    assert run(["vds", "copy", "x.vds", "y.vds", "--dry-run"]) == 0
    assert "Amplitude, Class, Mute" in capsys.readouterr().out
    assert sorted(path.name for path in place.iterdir()) == ["x.vds"]
    assert run(["vds", "copy", "x.vds", "y.vds", "--json", "--quiet"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["chunks"], facts["stored"], facts["resumed"]) == (8 + 8 + 4, 7 + 8 + 4, 0)
    assert run(["vds", "copy", "x.vds", "y.vds"]) == 5
    assert "--overwrite" in capsys.readouterr().err
    assert run(["vds", "copy", "x.vds", "y.vds", "--force", "--quiet"]) == 0


def test_wavelets_are_copied_as_they_are(place, vds):
    writer = vds.Writer(vds.layout_json((20, 20, 20), [vds.channel()]))
    writer.layer("Dimensions_012LOD0", "Wavelet", [(5, bytes(range(64)))]).container(place / "x.vds")
    assert run(["vds", "copy", "x.vds", "y.vds", "--quiet"]) == 0
    assert payloads("x.vds") == payloads("y.vds")
    assert run(["vds", "copy", "x.vds", "tree", "--quiet"]) == 0
    assert payloads("x.vds") == payloads("tree")


def test_damage_is_not_copied(path, place, capsys):
    assert run(["vds", "copy", "x.vds", "y.vds", "--compression-method", "None", "--quiet"]) == 0  # with checks of ours
    raw = bytearray((place / "y.vds").read_bytes())
    raw[5000] ^= 1
    (place / "y.vds").write_bytes(bytes(raw))
    assert run(["vds", "copy", "y.vds", "z.vds"]) == 4
    assert "Dimensions_012LOD0 chunk 0" in capsys.readouterr().err
    assert sorted(path.name for path in place.iterdir()) == ["x.vds", "y.vds"]


@pytest.mark.parametrize(
    ("options", "call", "resumed"),
    [
        ([], 3, 0),
        ([], 7, 4),  # five chunks are recorded together, one of which is not written
        (["--compression-method", "None", "--brick-size", "64"], 3, 2),
    ],
)
def test_a_stopped_copy_goes_on(path, place, capsys, monkeypatch, options, call, resumed):
    assert run(["vds", "copy", "x.vds", "whole.vds", "--quiet", *options]) == 0
    put, calls = ContainerLayerTarget.put, []

    def fail(self, *args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            raise OSError(5, "broken disk")
        put(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(ContainerLayerTarget, "put", fail)
        assert run(["vds", "copy", "x.vds", "y.vds", "--quiet", "--workers", "1", *options]) == 5
    capsys.readouterr()
    assert not (place / "y.vds").exists()
    assert run(["vds", "copy", "x.vds", "y.vds", *options]) == 4
    assert "--resume" in capsys.readouterr().err
    assert run(["vds", "copy", "x.vds", "y.vds", "--resume", "--lod-levels", "7", *options]) == 4
    assert "lods" in capsys.readouterr().err
    assert run(["vds", "copy", "x.vds", "y.vds", "--resume", "--quiet", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["resumed"] == resumed
    assert payloads("y.vds") == payloads("whole.vds")
    assert sorted(path.name for path in place.iterdir()) == ["whole.vds", "x.vds", "y.vds"]


def test_what_a_resume_finds_changed_is_copied_again(path, place, monkeypatch, capsys):
    put, calls = ContainerLayerTarget.put, []

    def fail(self, *args, **kwargs):
        calls.append(args)
        if len(calls) == 12:
            raise OSError(5, "broken disk")
        put(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(ContainerLayerTarget, "put", fail)
        assert run(["vds", "copy", "x.vds", "y.vds", "--quiet", "--workers", "1"]) == 5
    capsys.readouterr()
    part = place / ".y.vds.part"
    raw = bytearray(part.read_bytes())
    raw[100] ^= 1
    part.write_bytes(bytes(raw))
    assert run(["vds", "copy", "x.vds", "y.vds", "--resume", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["resumed"] == 5
    assert payloads("y.vds") == payloads("x.vds")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--compression-method Zipp", "did you mean Zip"),
        ("--tolerance 2", "--tolerance"),
        ("--brick-size 65", "--brick-size"),
        ("--margin 16", "margin"),
        ("--layout tree", "--layout"),
        ("--flush-frequency 5", "--flush-frequency"),
        ("--bricks 64", "--brick"),
    ],
)
def test_wrong_usage(path, place, capsys, options, part):
    assert run(f"vds copy x.vds y.vds {options}".split()) == 2
    captured = capsys.readouterr()
    assert part in captured.err
    assert captured.out == ""
    assert sorted(path.name for path in place.iterdir()) == ["x.vds"]
