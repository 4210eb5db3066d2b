"""Chunk entries carry a check: the value of a constant chunk lies there, and nothing else tells that it is right."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

import mdio
from mdio.api.verifying import verify
from mdio.convert import create
from mdio.flow.engine import run
from mdio.testing import synthetic
from mdio_vds import VdsError
from mdio_vds.container_target import ContainerTarget
from mdio_vds.object_target import ObjectTarget

sys.path.insert(0, str(Path(__file__).with_name("matrix")))

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
LAYER = "Dimensions_012LOD0"
CONSTANT = struct.pack("<II", 0x3F000000, 0x01010101)  # 0.5, the tag behind it
SHAPE = (40, 40, 40)  # eight bricks of 32
LAYOUTS = ["container", "objects"]


def written(path, layout):
    """Write a volume whose first brick is 0.5 throughout."""
    samples = synthetic.volume(SHAPE)._samples.copy()
    samples[:32, :32, :32] = 0.5
    return stored(samples, path, layout)


def stored(samples, path, layout):
    volume = synthetic.volume(SHAPE)
    volume._samples[...] = samples
    run(volume, create(path, volume, format="vds", options={"layout": layout, "brick_size": 32, "lods": 0}))
    return samples


def entries(path, layout):
    """Return the file with the entries of the amplitudes, and where the constant one begins in it."""
    file = path if layout == "container" else path / LAYER / "ChunkMetadata" / "0"
    data = file.read_bytes()
    assert data.count(CONSTANT) == 1
    return file, data.index(CONSTANT)


def patch(file, at, new):
    data = bytearray(file.read_bytes())
    data[at : at + len(new)] = new
    file.write_bytes(data)


def samples(path):
    with mdio.open(path) as volume:
        return volume.samples(volume.schema.region)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_bit_of_a_constant_reads_as_another_value(tmp_path, layout):
    expected = written(tmp_path / "x", layout)
    file, at = entries(tmp_path / "x", layout)
    np.testing.assert_array_equal(samples(tmp_path / "x"), expected)
    good = file.read_bytes()
    for bit in range(64):
        flipped = bytearray(good)
        flipped[at + bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)
        with pytest.raises(VdsError, match=r"entry 0 .*does not match its check|the chunk has no data"):
            samples(tmp_path / "x")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_verify_names_the_chunk_and_its_lines(tmp_path, layout):
    written(tmp_path / "x", layout)
    file, at = entries(tmp_path / "x", layout)
    patch(file, at + 3, b"\x40")  # 2.0 for 0.5
    with mdio.open(tmp_path / "x") as volume:
        (damage,) = verify(volume).damages
    assert damage.name == LAYER + (" chunk 0" if layout == "container" else "/0")
    assert "does not match its check" in damage.message
    assert layout == "container" or f"{LAYER}/ChunkMetadata/0" in damage.message
    assert damage.where == "inline 100–131, crossline 100–131, sample 0–124 ms"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_zeros_that_were_written_over_entries_are_no_unwritten_chunks(tmp_path, layout):
    written(tmp_path / "x", layout)
    file, at = entries(tmp_path / "x", layout)
    patch(file, at - 16 if layout == "container" else at, bytes(24 if layout == "container" else 8))
    with pytest.raises(VdsError, match=r"entry 0 .*does not match its check"):
        samples(tmp_path / "x")


def test_checks_by_hand(tmp_path):
    """CRC32C of name, number and row, as the documentation has it."""
    for layout in LAYOUTS:
        written(tmp_path / layout, layout)
    file, at = entries(tmp_path / "container", "container")
    row = file.read_bytes()[at - 16 : at + 8]
    named = f"{LAYER}\0".encode() + b"0\0"
    assert struct.unpack_from("<I", row, 12)[0] == google_crc32c.value(named + row[:12] + row[16:])
    file, at = entries(tmp_path / "objects", "objects")
    page = file.read_bytes()
    assert len(page) == 8 * 1024 + 8 + 4 * 8
    assert page[8192:8200] == b"mdiorows"
    assert struct.unpack_from("<I", page, 8200)[0] == google_crc32c.value(named + CONSTANT)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_entry_in_the_place_of_another_is_found(tmp_path, layout):
    samples_ = synthetic.volume(SHAPE)._samples.copy()
    samples_[:32, :32, :32], samples_[:32, :32, 32:] = 0.5, -0.5
    stored(samples_, tmp_path / "x", layout)
    file, at = entries(tmp_path / "x", layout)
    width = 24 if layout == "container" else 8
    at -= width - 8
    data = file.read_bytes()
    patch(file, at, data[at + width : at + 2 * width] + data[at : at + width])
    with pytest.raises(VdsError, match=r"entry [01] .*does not match its check"):
        samples(tmp_path / "x")


def test_a_page_that_is_lost_is_missed_by_verify(tmp_path):
    """A page offset of 0 is a page that was never written, whose chunks read as zeros: the layer knows their number."""
    written(tmp_path / "x.vds", "container")
    with mdio.open(tmp_path / "x.vds") as volume:
        assert verify(volume).ok
    data = bytearray((tmp_path / "x.vds").read_bytes())
    table, count, width = struct.unpack_from("<qii", data, 16)
    for row in range(table, table + count * (32 + width), 32 + width):
        if data[row + 32 :].startswith(LAYER.encode() + b"\0"):
            (directory,) = struct.unpack_from("<q", data, row)
            struct.pack_into("<q", data, directory + 16 + 12, 0)
    (tmp_path / "x.vds").write_bytes(data)
    with mdio.open(tmp_path / "x.vds") as volume:
        (damage,) = verify(volume).damages
    assert damage.name == LAYER
    assert damage.message == "0 chunks were written by their entries, 8 by what the layer says"


class TestEditedByOthers:
    """What somebody else wrote is never called damaged."""

    def test_a_row_of_a_container_without_check(self, tmp_path):
        expected = written(tmp_path / "x", "container").copy()
        file, at = entries(tmp_path / "x", "container")
        patch(file, at - 4, bytes(4) + struct.pack("<f", 7.0))
        expected[:32, :32, :32] = 7.0
        np.testing.assert_array_equal(samples(tmp_path / "x"), expected)

    def test_a_constant_with_an_empty_object(self, tmp_path):
        expected = written(tmp_path / "x", "objects").copy()
        file, at = entries(tmp_path / "x", "objects")
        patch(file, at, struct.pack("<f", 7.0))
        (tmp_path / "x" / LAYER / "0").write_bytes(b"")
        expected[:32, :32, :32] = 7.0
        np.testing.assert_array_equal(samples(tmp_path / "x"), expected)

    def test_a_chunk_with_a_hash_that_is_not_ours(self, tmp_path):
        expected = written(tmp_path / "x", "objects")
        file, at = entries(tmp_path / "x", "objects")
        patch(file, at + 8, struct.pack("<Q", 0x30B4DB983C63ECA7))
        np.testing.assert_array_equal(samples(tmp_path / "x"), expected)


@pytest.mark.parametrize(("layout", "target"), [("container", ContainerTarget), ("objects", ObjectTarget)])
def test_an_edit_does_not_make_damage_good(tmp_path, layout, target):
    from mdio.storage.local import LocalStore

    written(tmp_path / "x", layout)
    file, at = entries(tmp_path / "x", layout)
    patch(file, at + 3, b"\x40")
    editing = target.edit(LocalStore(tmp_path / "x"))
    try:
        with pytest.raises(VdsError, match=r"entry 0 .*does not match its check"):
            editing.layer(LAYER).put(1, 0x0101_0101_3F80_0000)
    finally:
        editing.close()


EDIT = r"""
import sys
import numpy as np, openvds as o
vds = o.open(sys.argv[1], sys.argv[2])
accessor = o.getAccessManager(vds).createVolumeDataPageAccessor(
    o.DimensionsND.Dimensions_012, 0, 0, 100, o.IVolumeDataAccessManager.AccessMode.AccessMode_ReadWrite)
page = accessor.readPage(0)
lo, hi = page.getMinMax()
np.array(page.getWritableBuffer(), copy=False)[...] = float(sys.argv[3])
page.updateWrittenRegion(lo, hi)
page.release()
accessor.commit()
o.close(vds)
"""
READ = r"""
import sys
import numpy as np, openvds as o
vds = o.open(sys.argv[1], sys.argv[2])
request = o.getAccessManager(vds).requestVolumeSubset((0,) * 6, (40, 40, 40, 1, 1, 1))
np.save(sys.argv[3], np.asarray(request.data).reshape(40, 40, 40))
o.close(vds)
"""


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
class TestWheel:
    """The reference implementation looks past the checks, and its edits are read as what they are."""

    def test_a_container(self, tmp_path):
        expected = written(tmp_path / "x.vds", "container").copy()
        subprocess.run([PEER, "-c", READ, tmp_path / "x.vds", "", tmp_path / "a.npy"], check=True)
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)
        subprocess.run([PEER, "-c", EDIT, tmp_path / "x.vds", "", "7"], check=True)
        expected[:32, :32, :32] = 7.0
        np.testing.assert_array_equal(samples(tmp_path / "x.vds"), expected)

    def test_objects(self, tmp_path):
        pytest.importorskip("moto")
        pytest.importorskip("s3fs")
        from servers import s3_server
        from vds_wheel import connection, filesystem, storage_options

        expected = written(tmp_path / "x", "objects").copy()
        with s3_server() as endpoint:
            bucket = filesystem(endpoint)
            bucket.call_s3("create_bucket", Bucket="bucket")
            bucket.put(f"{tmp_path}/x/", "bucket/x/", recursive=True)
            place = "s3://bucket/x", connection(endpoint)
            subprocess.run([PEER, "-c", READ, *place, tmp_path / "a.npy"], check=True)
            np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)
            # It dies at the end of an edit of objects, after it has stored chunk and page.
            subprocess.run([PEER, "-c", EDIT, *place, "7"], check=False)
            expected[:32, :32, :32] = 7.0
            with mdio.open("s3://bucket/x", storage_options=storage_options(endpoint)) as volume:
                np.testing.assert_array_equal(volume.samples(volume.schema.region), expected)
