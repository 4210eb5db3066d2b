"""Damaged containers and object trees: one typed error that says where, never a crash, never wild memory."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio.exceptions import StorageError
from mdio_vds import VdsError, open_volume


@pytest.fixture(scope="module")
def good(tmp_path_factory, vds):
    data = np.arange(6 * 40 * 35, dtype="f4").reshape(6, 40, 35)
    channels = [vds.channel(), vds.channel("Trace", "U8", channelMapping="PerTrace")]
    layout = vds.layout_json(data.shape, channels)
    writer = vds.Writer(layout)
    writer.layer("Dimensions_012LOD0", "Zip", vds.cut(data, 32, (0, 0), (0, 1, 2), "R32", "Zip"), ipe=3)
    flags = [vds.payload(np.ones((6, n), "u1"), "U8", "RLE") for n in (32, 8)]
    writer.layer("TraceDimensions_012LOD0", "RLE", list(enumerate(flags, 1)))
    path = writer.container(tmp_path_factory.mktemp("good") / "a.vds")
    return Path(path).read_bytes()


def use(path, storage):
    volume = open_volume(str(path), {}, storage)
    try:
        volume.inspect()
        volume.read(volume.schema.region)
        volume.order(volume.schema.region.spatial)
    finally:
        volume.close()


def test_the_good_one_is_good(tmp_path, good, storage):
    (tmp_path / "a.vds").write_bytes(good)
    use(tmp_path / "a.vds", storage)


@pytest.mark.parametrize("part", [0, 11, 31, 32, 0.5, 0.9, 0.999])
def test_cut_files(tmp_path, good, storage, part):
    (tmp_path / "a.vds").write_bytes(good[: int(len(good) * part) if isinstance(part, float) else part])
    with pytest.raises((VdsError, StorageError)):
        use(tmp_path / "a.vds", storage)


def table(data):
    offset, count, name = struct.unpack_from("<qii", data, 16)
    return {
        bytes(data[offset + i * (32 + name) + 32 : offset + (i + 1) * (32 + name)]).rstrip(b"\0").decode(): offset
        + i * (32 + name)
        for i in range(count)
    }


@pytest.mark.parametrize(
    ("where", "offset", "form", "value", "message"),
    [
        ("header", 0, "<4s", b"Blue", "not a VDS container"),
        ("header", 16, "<q", 0, "the header names 3 file"),
        ("header", 16, "<q", 2**40, "file table"),
        ("header", 16, "<q", -1, "the header names 3 file"),
        ("header", 24, "<i", 2**31 - 1, "file table"),
        ("header", 24, "<i", -5, "the header names -5"),
        ("header", 28, "<i", 2**30, "the header names"),
        ("Dimensions_012LOD0", 0, "<q", 2**60, "Dimensions_012LOD0"),
        ("Dimensions_012LOD0", 8, "<i", 2**31 - 1, "Dimensions_012LOD0"),
        ("Dimensions_012LOD0", 8, "<i", -1, "impossible file table row"),
        ("Dimensions_012LOD0", 16, "<i", 0, "impossible file table row"),
        ("Dimensions_012LOD0", 24, "<i", 24, "24 bytes of metadata a chunk, Zip needs 8"),
        ("Dimensions_012LOD0", 28, "<i", 2**31 - 1, "Dimensions_012LOD0"),
        ("Dimensions_012LOD0", 28, "<i", 4, "no compression metadata"),
        ("VolumeDataLayout", 32, "<4s", b"Xxxx", "there is no VolumeDataLayout"),
        ("VolumeDataLayout", 32, "<16s", b"VDSObject", "legacy"),
        ("TraceDimensions_012LOD0", 32, "<1s", b"\xff", "not UTF-8"),
        ("TraceDimensions_012LOD0", 32, "<23s", b"Dimensions_012LOD0", "second file of this name"),
    ],
)
def test_patched_tables(tmp_path, good, storage, where, offset, form, value, message):
    data = bytearray(good)
    struct.pack_into(form, data, offset + (0 if where == "header" else table(good)[where]), value)
    path = tmp_path / "a.vds"
    path.write_bytes(data)
    with pytest.raises(VdsError, match=message) as caught:
        use(path, storage)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("field", "form", "value", "message"),
    [
        (0, "<q", 2**50, r"Dimensions_012LOD0 chunk 0, byte 1125899906842624: \d+ bytes are announced here"),
        (8, "<i", 2**31 - 1, r"Dimensions_012LOD0 chunk 0, byte \d+: 2147483647 bytes are announced here"),
        (8, "<i", -1, "chunk 0"),
        (8, "<i", 0, "the chunk has no data"),
        (8, "<i", 40, r"Dimensions_012LOD0 chunk 0, byte \d+: .*zip"),
        (0, "<q", 0, r"Dimensions_012LOD0 chunk 0, byte 0: the descriptor says"),
    ],
)
def test_patched_chunk_rows(tmp_path, good, storage, field, form, value, message):
    data = bytearray(good)
    (directory,) = struct.unpack_from("<q", data, table(good)["Dimensions_012LOD0"])
    (page,) = struct.unpack_from("<q", data, directory + 16 + 12)
    struct.pack_into(form, data, page + field, value)
    (tmp_path / "a.vds").write_bytes(data)
    with pytest.raises(VdsError, match=message):
        use(tmp_path / "a.vds", storage)


def test_an_absent_index_page_reads_as_unwritten(tmp_path, good, storage):
    data = bytearray(good)
    (directory,) = struct.unpack_from("<q", data, table(good)["Dimensions_012LOD0"])
    struct.pack_into("<q", data, directory + 16 + 12, 0)
    (tmp_path / "a.vds").write_bytes(data)
    volume = open_volume(str(tmp_path / "a.vds"), {}, storage)
    got = volume.samples(volume.schema.region)
    volume.close()
    assert not got[:, :32, :32].any()
    assert got[-1, -1, -1] == 6 * 40 * 35 - 1


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_patched_bytes_give_a_typed_error_or_a_volume(tmp_path_factory, good, storage, data):
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "mutant.vds"
    path.write_bytes(raw)
    try:
        volume = open_volume(str(path), {}, storage)
    except (VdsError, StorageError):
        return
    try:
        volume.inspect()
        # A patched layout may announce any size; a reader asks for regions, not for the whole.
        region = type(volume.schema.region)([(0, min(n, 40)) for n in volume.schema.shape])
        volume.read(region)
    except (VdsError, StorageError):
        pass
    finally:
        volume.close()


@pytest.fixture
def tree(tmp_path, vds):
    data = np.arange(6 * 40 * 35, dtype="f4").reshape(6, 40, 35)
    writer = vds.Writer(vds.layout_json(data.shape, [vds.channel()]))
    writer.layer("Dimensions_012LOD0", "Zip", vds.cut(data, 32, (0, 0), (0, 1, 2), "R32", "Zip"))
    return Path(writer.objects(tmp_path / "tree"))


def remove(path):
    path.unlink()


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("LayerStatus", remove, "LayerStatus: the object is missing"),
        ("LayerStatus", b"{}", "an array of objects"),
        ("LayerStatus", b"[", "not valid JSON"),
        ("Dimensions_012LOD0/ChunkMetadata/0", remove, "metadata page is missing"),
        ("Dimensions_012LOD0/ChunkMetadata/0", bytes(12), "ends before chunk 1"),
        ("Dimensions_012LOD0/2", remove, "Dimensions_012LOD0/2, byte 0: the chunk has no data"),
        ("Dimensions_012LOD0/2", b"x", "Dimensions_012LOD0/2, byte 0: a payload of 1 bytes"),
    ],
)
def test_damaged_objects(tree, storage, key, change, message):
    if change is remove:
        remove(tree / key)
    else:
        (tree / key).write_bytes(change)
    with pytest.raises(VdsError, match=message):
        use(tree, storage)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layerName": "../../secretDimensions_012LOD0"}, "not a layer name"),
        ({"layerName": 3}, "layerName"),
        ({"chunkMetadataByteSize": 28}, "8-byte rows"),
        ({"chunkMetadataPageSize": 0}, "0 rows a page"),
        ({"chunkCount": True}, "chunkCount: True"),
        ({"compressionMethod": "Squeeze"}, "Squeeze"),
        ({"pageDirectory": [0, 1]}, "pageDirectory"),
        ({"pageDirectory": ["../x"]}, "pageDirectory"),
        ({"hasChunkMetadataPages": False}, "object headers"),
    ],
)
def test_damaged_layer_status(tree, storage, change, message):
    status = json.loads((tree / "LayerStatus").read_text())
    status[0] |= change
    (tree / "LayerStatus").write_text(json.dumps(status))
    with pytest.raises(VdsError, match=message):
        use(tree, storage)


def test_a_page_directory_says_where_the_pages_are(tree, storage):
    status = json.loads((tree / "LayerStatus").read_text())
    status[0]["pageDirectory"] = [17]
    (tree / "LayerStatus").write_text(json.dumps(status))
    pages = tree / "Dimensions_012LOD0" / "ChunkMetadata"
    (pages / "0").rename(pages / "17")
    use(tree, storage)
