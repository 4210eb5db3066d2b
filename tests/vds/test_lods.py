"""Levels of detail: the rule by hand, and every chunk of every level as the wheel makes it."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mdio.storage.local import LocalStore
from mdio_vds.channel import ChannelReader
from mdio_vds.layer_encoding import lod_tolerance
from mdio_vds.layout import parse_layout
from mdio_vds.lods import coarser_chunk, levels_of
from mdio_vds.partition import GROUPS, channel_partition
from mdio_vds.thinning import coarser
from mdio_vds.volume import open_source

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
ZERO = np.asarray(0, np.uint8)


def test_a_cell_is_its_first_voxel():
    codes = np.arange(1, 61).reshape(3, 4, 5)
    assert np.array_equal(coarser(codes, [2, 1, 0], np.asarray(0)), codes[::2, ::2, ::2])


def test_the_fastest_axis_is_looked_at_first():
    codes = np.zeros((2, 2, 2), np.uint8)
    codes[1, 1, 1] = 8
    assert coarser(codes, [2, 1, 0], ZERO).tolist() == [[[8]]]
    codes[1, 0, 0] = 5
    assert coarser(codes, [2, 1, 0], ZERO).tolist() == [[[5]]]
    codes[0, 1, 0] = 3
    assert coarser(codes, [2, 1, 0], ZERO).tolist() == [[[3]]]
    codes[0, 0, 1] = 2
    assert coarser(codes, [2, 1, 0], ZERO).tolist() == [[[2]]]


def test_a_cut_cell_has_the_voxels_that_are_there():
    codes = np.array([[7, 0, 0], [0, 0, 9], [0, 4, 0]], np.uint8)
    assert coarser(codes, [1, 0], ZERO).tolist() == [[7, 9], [4, 0]]


def test_an_axis_that_stays_whole():
    codes = np.array([[0, 1, 2], [3, 4, 5]], np.uint8)
    assert coarser(codes, [1], ZERO).tolist() == [[1, 2], [3, 5]]
    assert codes.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_tolerances_grow_as_section_8_says():
    assert [lod_tolerance(1.0, lod) for lod in range(4)] == [1.0, 4.0, 8.0, 8.0]
    assert [lod_tolerance(3.0, lod) for lod in range(3)] == [3.0, 6.0, 12.0]
    assert lod_tolerance(0.01, 1) == 4.0
    assert lod_tolerance(0.0, 3) == 0.0


MAKE = """
import json, sys
import numpy as np, openvds
case = json.load(sys.stdin)
vdf = getattr(openvds.VolumeDataFormat, "Format_" + case["format"])
D = openvds.VolumeDataLayoutDescriptor
options = D.Options.Options_None
if case.get("flat"):
    options = D.Options.Options_Create2DLODs
if case.get("full") is not None:
    options = D.Options.Options_ForceFullResolutionDimension
desc = D(getattr(D.BrickSize, f"BrickSize_{case['brick']}"), *case["margins"], 4, getattr(D.LODLevels, "LODLevels_3"),
         options, case.get("full") or 0)
axes = [openvds.VolumeDataAxisDescriptor(n, f"D{d}", "m", 0, n) for d, n in enumerate(case["shape"])]
flags = openvds.VolumeDataChannelDescriptor.Flags.Default
C = openvds.VolumeDataChannelDescriptor
text = ("Amplitude", "", -50.0, 50.0)
channel = C(vdf, openvds.VolumeDataComponents.Components_1, *text, openvds.VolumeDataMapping.Direct, 1, flags, 1.0, 0.0)
if case.get("no_value") is not None:
    channel = C(vdf, openvds.VolumeDataComponents.Components_1, *text, openvds.VolumeDataMapping.Direct, 1, flags,
                case["no_value"], 1.0, 0.0)
vds = openvds.create(case["path"], "", desc, axes, [channel], openvds.MetadataContainer(),
                     getattr(openvds.CompressionMethod, case["method"]), 0.01)
manager = openvds.getAccessManager(vds)
mode = openvds.IVolumeDataAccessManager.AccessMode.AccessMode_Create
group = getattr(openvds.DimensionsND, case["group"])
accessor = manager.createVolumeDataPageAccessor(group, 0, 0, 100, mode)
data = np.load(case["data"])
for i in range(accessor.getChunkCount()):
    page = accessor.createPage(i)
    lo, hi = page.getMinMax()
    buf = np.array(page.getWritableBuffer(), copy=False)
    part = data[tuple(slice(a, b) for a, b in reversed(list(zip(lo, hi))[: data.ndim]))]
    if case["format"] == "1Bit":
        part = np.packbits(part, axis=-1, bitorder="little")
    keep = part.shape if buf.ndim == part.ndim else [n for n in part.shape if n > 1]
    buf[tuple(slice(0, n) for n in keep)] = part.reshape(keep)
    page.release()
accessor.commit()
openvds.close(vds)
"""
TYPES = {"1Bit": "u1", "U8": "u1", "U16": "u2", "R32": "f4", "U32": "u4", "R64": "f8", "U64": "u8"}
CASES = [
    *({"format": fmt} for fmt in TYPES),
    {"format": "R32", "margins": [2, 2]},
    {"format": "R32", "margins": [2, 3], "method": "Zip"},
    {"format": "U8", "margins": [3, 3], "method": "RLE"},
    {"format": "R32", "margins": [1, 4]},
    {"format": "R32", "margins": [4, 4], "shape": [250, 75, 67]},
    {"format": "R32", "full": 0},
    {"format": "R32", "full": 2, "margins": [2, 2]},
    {"format": "R32", "no_value": -7.0},
    {"format": "R32", "shape": [300, 280], "group": "Dimensions_01", "flat": True},
    {"format": "U16", "shape": [41, 33, 35, 3]},
]


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_every_chunk_is_as_the_wheel_makes_it(tmp_path, case):
    case = {"brick": 32, "margins": [0, 0], "method": "None", "shape": [75, 41, 67], "group": "Dimensions_012"} | case
    rng = np.random.default_rng(7)
    shape = case["shape"][::-1]
    data = rng.integers(0 if case["format"] != "R32" else -9, 2 if case["format"] == "1Bit" else 9, shape)
    data[rng.random(shape) < 0.6] = case.get("no_value") or 0
    data = data.astype(TYPES[case["format"]])
    np.save(tmp_path / "data.npy", data)
    case |= {"path": str(tmp_path / "a.vds"), "data": str(tmp_path / "data.npy")}
    subprocess.run([PEER, "-c", MAKE], input=json.dumps(case).encode(), check=True)

    source = open_source(LocalStore(Path(case["path"])))
    layout = parse_layout(source.layout_json())
    channel = layout.channels[0]
    group = next(g for g in GROUPS if case["group"] == "Dimensions_" + "".join(map(str, g)))
    assert np.array_equal(ChannelReader(source, layout, channel, group).read(
        tuple((0, n) for n in case["shape"])), data)  # fmt: skip
    assert list(levels_of(layout, channel, group)) == [1, 2, 3]
    for lod in (1, 2, 3):
        finer = ChannelReader(source, layout, channel, group, lod - 1)
        wheel = ChannelReader(source, layout, channel, group, lod)
        lossy = channel.format.label in ("U8", "U16", "R32")
        assert wheel.layer.tolerance == lod_tolerance(0.01 if lossy else 0.0, lod)
        partition = channel_partition(layout, channel, group, lod)
        for index in range(partition.total):
            position = partition.position(index)
            ours = coarser_chunk(finer, partition, position)
            theirs = wheel.chunk(position)
            np.testing.assert_array_equal(ours, theirs.reshape(ours.shape), err_msg=f"level {lod}, chunk {position}")
    source.close()
