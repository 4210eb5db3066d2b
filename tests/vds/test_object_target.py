"""The object layout as we write and edit it: keys and pages to the byte, and what the wheel reads over HTTP."""

import functools
import http.server
import json
import os
import struct
import subprocess
import threading

import fsspec
import google_crc32c
import numpy as np
import pytest

from mdio.storage.local import LocalStore
from mdio.storage.remote import RemoteStore
from mdio.storage.staging import part_path
from mdio_vds import VdsError
from mdio_vds.chunks import ChunkEntry
from mdio_vds.enums import CompressionMethod
from mdio_vds.layout import parse_layout
from mdio_vds.layout_json import write_layout
from mdio_vds.object_target import ObjectTarget
from mdio_vds.objectstore import ObjectSource

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
NAME = "Dimensions_012LOD0"
NONE, ZIP, WAVELET = CompressionMethod.NONE, CompressionMethod.Zip, CompressionMethod.Wavelet
CONSTANT = 0x0101_0101_4040_0000  # 3.0


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    if request.param == "local":
        yield LocalStore(tmp_path / "a.vds")
        return
    filesystem = fsspec.filesystem("memory")
    yield RemoteStore(filesystem, "/b/a.vds", "memory://b/a.vds")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


@pytest.fixture
def layout(vds):
    raw = vds.layout_json((6, 7, 8), [vds.channel(), vds.channel("X")])
    return write_layout(parse_layout(json.dumps(raw).encode()))


def small(store, layout, commit=True):
    target = ObjectTarget.create(store)
    layer = target.add_layer(NAME, ZIP, 0.0, 1030)
    layer.put(1029, 7, b"last")
    layer.put(0, CONSTANT)
    other = target.add_layer("XDimensions_012LOD0", WAVELET, 0.5, 2)
    other.put(1, 9, b"0123456789" * 10, bytes([255, 128, 64, *[0] * 13]), decoded=4096)
    if commit:
        target.commit(layout)
        target.close()
    return target


def page(layer, first, rows, unused):
    """Return a metadata page with the checks behind it, by hand."""
    checks = [google_crc32c.value(f"{layer}\0{first + i}\0".encode() + row) for i, row in enumerate(rows)]
    return b"".join(rows) + bytes(unused) + b"mdiorows" + struct.pack(f"<{len(checks)}I", *checks)


def keys(store):
    return sorted(key for key, _ in store.list())


def status(store):
    return {item["layerName"]: item for item in json.loads(store.read("LayerStatus"))}


class TestObjects:
    def test_keys_and_pages_by_hand(self, store, layout):
        small(store, layout)
        assert keys(store) == [
            "Dimensions_012LOD0/1029",
            "Dimensions_012LOD0/ChunkMetadata/0",
            "Dimensions_012LOD0/ChunkMetadata/1",
            "LayerStatus",
            "VolumeDataLayout",
            "XDimensions_012LOD0/1",
            "XDimensions_012LOD0/ChunkMetadata/0",
        ]
        assert store.read("VolumeDataLayout") == layout
        assert store.read(NAME + "/1029") == b"last"
        empty = [bytes(8)] * 1023
        assert store.read(NAME + "/ChunkMetadata/0") == page(NAME, 0, [struct.pack("<Q", CONSTANT), *empty], 0)
        assert store.read(NAME + "/ChunkMetadata/1") == page(NAME, 1024, [*empty[:5], struct.pack("<Q", 7)], 8 * 1018)
        rows = [bytes(28), struct.pack("<IQ3B13x", 100, 9, 255, 128, 64)]
        name = "XDimensions_012LOD0"
        assert store.read(name + "/ChunkMetadata/0") == page(name, 0, rows, 28 * 1022)
        assert status(store) == {
            NAME: {
                "adaptiveLevelSizes": [0] * 16, "channelName": "Amplitude", "chunkCount": 1030,
                "chunkMetadataByteSize": 8, "chunkMetadataPageSize": 1024, "compressionMethod": "Zip",
                "compressionTolerance": 0.0, "dimensionGroup": "Dimensions_012", "hasChunkMetadataPages": True,
                "layerName": NAME, "lod": 0, "produceStatus": "Normal", "serializedSize": 4, "uncompressedSize": 0,
                "validChunkCount": 2,
            },
            "XDimensions_012LOD0": {
                "adaptiveLevelSizes": [100, 50, 12, *[0] * 13], "channelName": "X", "chunkCount": 2,
                "chunkMetadataByteSize": 28, "chunkMetadataPageSize": 1024, "compressionMethod": "Wavelet",
                "compressionTolerance": 0.5, "dimensionGroup": "Dimensions_012", "hasChunkMetadataPages": True,
                "layerName": "XDimensions_012LOD0", "lod": 0, "produceStatus": "Normal", "serializedSize": 100,
                "uncompressedSize": 4096, "validChunkCount": 1,
            },
        }  # fmt: skip

    def test_reads_back(self, store, layout):
        small(store, layout)
        source = ObjectSource(store)
        assert source.layout_json() == layout
        layer = source.layers[NAME]
        assert (layer.method, layer.chunk_count, layer.valid_chunk_count, layer.stored_bytes()) == (ZIP, 1030, 2, 4)
        assert [layer.entry(i).hash for i in (0, 1, 1029)] == [CONSTANT, 0, 7]
        assert layer.payload(1029) == b"last"
        assert source.layers["XDimensions_012LOD0"].entry(1) == ChunkEntry(9, bytes([255, 128, 64, *[0] * 13]))

    def test_what_makes_it_a_vds_is_last(self, store, layout, monkeypatch):
        written = []
        target = small(store, layout, commit=False)
        put = target.place._staged.put
        monkeypatch.setattr(target.place._staged, "put", lambda key, *data: (written.append(key), put(key, *data)))
        target.commit(layout)
        assert written[-2:] == ["LayerStatus", "VolumeDataLayout"]
        assert all("ChunkMetadata" in key for key in written[:-2])

    def test_what_was_put_is_there_at_once(self, store, layout):
        target = small(store, layout, commit=False)
        layer = target.layer(NAME)
        assert (layer.payload(1029), layer.payload(0), layer.payload(1)) == (b"last", b"", b"")
        assert (layer.entry(0), layer.entry(1029)) == (ChunkEntry(CONSTANT), ChunkEntry(7))
        assert layer.place(1029) == (NAME + "/1029", 0)
        assert (layer.valid_chunk_count, layer.stored_bytes()) == (2, 4)
        layer.put_at(1029, 8, 12345, b"again")
        assert (layer.payload(1029), layer.stored_bytes()) == (b"again", 5)
        layer.put(1029, 0)
        assert (layer.payload(1029), layer.stored_bytes(), layer.valid_chunk_count) == (b"", 0, 1)
        with pytest.raises(VdsError, match="not written yet"):
            target.layout_json()
        target.commit(layout)
        assert NAME + "/1029" not in keys(store)

    def test_nothing_before_the_first_chunk_and_nothing_after_abort(self, store, tmp_path):
        target = ObjectTarget.create(store)
        layer = target.add_layer(NAME, ZIP, 0.0, 3)
        assert not keys(store)
        assert not list(tmp_path.iterdir())
        layer.put(0, 7, b"x")
        target.abort()
        assert not keys(store)
        assert not list(tmp_path.iterdir())

    def test_given_up_before_the_first_chunk_it_leaves_the_old_one(self, store, layout):
        small(store, layout)
        before = keys(store)
        ObjectTarget.create(store).abort()
        assert keys(store) == before

    def test_a_resume_takes_up_what_is_there(self, store, layout):
        target = ObjectTarget.create(store)
        target.add_layer(NAME, WAVELET, 0.5, 3).put(1, 7, b"stays", bytes(16), decoded=10)
        target.close()
        target = ObjectTarget.create(store, fresh=False)
        layer = target.add_layer(NAME, WAVELET, 0.5, 3)
        layer.restore(1, 7, 0, 5, bytes([200] * 16), decoded=10)
        assert layer.payload(1) == b"stays"
        layer.put(2, 8, b"new", bytes(16), decoded=10)
        target.commit(layout)
        source = ObjectSource(store)
        assert [source.layers[NAME].payload(i) for i in range(3)] == [b"", b"stays", b"new"]
        assert (status(store)[NAME]["serializedSize"], status(store)[NAME]["uncompressedSize"]) == (8, 20)
        assert status(store)[NAME]["adaptiveLevelSizes"][:3] == [5 * 200 // 255, 3 * 200 // 255, 2 * 200 // 255]

    @pytest.mark.parametrize("name", ["", "../Dimensions_012LOD0", "Dimensions_019LOD0", "Amplitude"])
    def test_names_that_are_no_keys(self, store, name):
        with pytest.raises(ValueError, match="cannot be named"):
            ObjectTarget.create(store).add_layer(name, ZIP, 0.0, 3)

    def test_chunks_that_are_none(self, store):
        target = ObjectTarget.create(store)
        layer = target.add_layer(NAME, ZIP, 0.0, 3)
        with pytest.raises(IndexError):
            layer.put(3, 7, b"x")
        with pytest.raises(ValueError, match="needs a payload"):
            layer.put(0, 7)
        with pytest.raises(VdsError, match="no layer 'Q'"):
            target.layer("Q")

    def test_threads(self, store, layout):
        target = ObjectTarget.create(store)
        layer = target.add_layer(NAME, ZIP, 0.0, 200)

        def run(first):
            for i in range(first, 200, 4):
                layer.put(i, i + 1, b"%d" % i)

        threads = [threading.Thread(target=run, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        target.commit(layout)
        layer = ObjectSource(store).layers[NAME]
        assert [layer.payload(i) for i in range(200)] == [b"%d" % i for i in range(200)]
        assert layer.stored_bytes() == sum(len(b"%d" % i) for i in range(200))


class TestEditing:
    def test_changes_and_a_new_layer(self, store, layout):
        small(store, layout)
        target = ObjectTarget.edit(store)
        layer = target.layer(NAME)
        assert target.layout_json() == layout
        assert (layer.payload(1029), layer.entry(0).hash, layer.stored_bytes()) == (b"last", CONSTANT, 4)
        layer.put(0, 11, b"new one")
        layer.put(1029, CONSTANT)
        assert (layer.payload(0), layer.payload(1029), layer.stored_bytes()) == (b"new one", b"", 7)
        # The old state is still what a reader sees.
        old = ObjectSource(store).layers[NAME]
        assert (old.entry(0).hash, old.payload(1029)) == (CONSTANT, b"last")
        target.add_layer("Dimensions_012LOD1", NONE, 0.0, 1).put(0, 3, b"lod")
        target.commit(layout)
        assert keys(store) == [
            "Dimensions_012LOD0/0",
            "Dimensions_012LOD0/ChunkMetadata/2",
            "Dimensions_012LOD0/ChunkMetadata/3",
            "Dimensions_012LOD1/0",
            "Dimensions_012LOD1/ChunkMetadata/0",
            "LayerStatus",
            "VolumeDataLayout",
            "XDimensions_012LOD0/1",
            "XDimensions_012LOD0/ChunkMetadata/0",
        ]
        assert status(store)[NAME]["pageDirectory"] == [2, 3]
        assert status(store)[NAME]["serializedSize"] == 7
        source = ObjectSource(store)
        assert [source.layers[NAME].payload(i) for i in (0, 1)] == [b"new one", b""]
        assert source.layers[NAME].entry(1029) == ChunkEntry(CONSTANT)
        assert source.layers["Dimensions_012LOD1"].payload(0) == b"lod"
        # It goes on: one page, whose number is new again.
        layer.put(0, 12, b"once more")
        target.commit(layout)
        target.close()
        assert status(store)[NAME]["pageDirectory"] == [4, 3]
        assert ObjectSource(store).layers[NAME].payload(0) == b"once more"

    def test_wavelet_layers(self, store, layout):
        small(store, layout)
        target = ObjectTarget.edit(store)
        layer = target.layer("XDimensions_012LOD0")
        layer.put(0, 5, b"ab", bytes([255] * 16), decoded=1000)
        target.commit(layout)
        found = status(store)["XDimensions_012LOD0"]
        assert (found["uncompressedSize"], found["serializedSize"], found["validChunkCount"]) == (5096, 102, 2)
        assert found["adaptiveLevelSizes"][:4] == [102, 52, 14, 2]

    def test_given_up_it_is_what_it_was_but_for_replaced_payloads(self, store, layout):
        small(store, layout)
        before = {key: store.read(key) for key in keys(store)}
        target = ObjectTarget.edit(store)
        target.layer(NAME).put(5, 11, b"new one")
        target.layer(NAME).put(0, 0)
        target.add_layer("Dimensions_012LOD1", NONE, 0.0, 1).put(0, 3, b"lod")
        assert len(keys(store)) == len(before) + 2
        target.abort()
        assert {key: store.read(key) for key in keys(store)} == before

    def test_only_touched_layers_are_written(self, store, layout, monkeypatch):
        small(store, layout)
        before = status(store)["XDimensions_012LOD0"]
        target = ObjectTarget.edit(store)
        target.layer(NAME).put(5, 11, b"new one")
        monkeypatch.setattr(target.layer("XDimensions_012LOD0"), "_load", None)
        target.commit(layout)
        assert status(store)["XDimensions_012LOD0"] == before

    def test_small_pages_and_sizes_that_nobody_recorded(self, tmp_path, vds, layout):
        chunks = [(i + 1, b"%d" % i) for i in range(12)]
        store = LocalStore(vds.Writer(json.loads(layout)).layer(NAME, "None", chunks).objects(tmp_path / "o", page=5))
        found = json.loads(store.read("LayerStatus"))
        del found[0]["serializedSize"]
        found.append({"layerName": "Dimensions_01LOD0", "produceStatus": "Remapped"})
        store.write("LayerStatus", json.dumps(found).encode())
        target = ObjectTarget.edit(store)
        target.layer(NAME).put(11, 0)
        target.commit(layout)
        found = status(store)
        assert "serializedSize" not in found[NAME]
        assert (found[NAME]["pageDirectory"], found[NAME]["chunkMetadataPageSize"]) == ([3], 1024)
        assert found["Dimensions_01LOD0"] == {"layerName": "Dimensions_01LOD0", "produceStatus": "Remapped"}
        assert [key for key in keys(store) if "Chunk" in key] == [NAME + "/ChunkMetadata/3"]
        layer = ObjectSource(store).layers[NAME]
        assert [layer.payload(i) for i in range(11)] == [payload for _, payload in chunks[:-1]]
        assert layer.entry(11) == ChunkEntry(0)
        assert NAME + "/11" not in keys(store)

    def test_what_is_none(self, store):
        with pytest.raises(VdsError, match="LayerStatus: the object is missing"):
            ObjectTarget.edit(store)


class TestDamage:
    """What LayerStatus and pages may not say; see also test_damage.py."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"chunkCount": 2**31}, "2147483648 chunks"),
            ({"chunkCount": -1}, "-1 chunks"),
            ({"compressionTolerance": 10**400}, "compressionTolerance is too large"),
            ({"pageDirectory": [-1, 0]}, "pageDirectory"),
            ({"pageDirectory": [True, 0]}, "pageDirectory"),
            ({"layerName": "XDimensions_012LOD0", "compressionMethod": "Zip"}, "listed twice"),
            ({"chunkMetadataPageSize": 2**70, "chunkCount": "many"}, "chunkCount"),
        ],
    )
    def test_layer_status(self, store, layout, change, message):
        small(store, layout)
        found = json.loads(store.read("LayerStatus"))
        found[0] |= change
        store.write("LayerStatus", json.dumps(found).encode())
        with pytest.raises(VdsError, match=f"LayerStatus: .*{message}"):
            ObjectSource(store)

    def test_a_layout_that_is_missing(self, store, layout):
        small(store, layout)
        store.delete("VolumeDataLayout")
        with pytest.raises(VdsError, match="VolumeDataLayout: the object is missing"):
            ObjectSource(store).layout_json()

    def test_pages_that_end_early_are_not_edited(self, store, layout):
        small(store, layout)
        store.write(NAME + "/ChunkMetadata/1", bytes(40))
        with pytest.raises(VdsError, match=r"ChunkMetadata/1: .*40 bytes, 6 chunks need 48"):
            ObjectTarget.edit(store).layer(NAME).put(0, 0)

    def test_chunks_outside_the_layer(self, store, layout):
        small(store, layout)
        for index in (-1, 1030):
            with pytest.raises(IndexError):
                ObjectSource(store).layers[NAME].entry(index)

    def test_mutations(self, tmp_path, layout):
        store = LocalStore(tmp_path / "a.vds")
        small(store, layout)
        rng = np.random.default_rng(0)
        good = store.read("LayerStatus").rstrip()  # without its check, which nothing would get past
        outcomes = {"error": 0, "read": 0}
        for _ in range(1000):
            mutant = bytearray(good)
            for at in rng.integers(0, len(mutant), rng.integers(1, 4)):
                mutant[at] = int(rng.choice([*b'0129-.e"{}[],:', int(rng.integers(256))]))
            if rng.random() < 0.1:
                del mutant[int(rng.integers(len(mutant))) :]
            (store.path / "LayerStatus").write_bytes(mutant)
            try:
                source = ObjectSource(store)
                for layer in source.layers.values():
                    for index in range(min(layer.chunk_count, 2)):
                        layer.entry(index)
                outcomes["read"] += 1
            except VdsError as error:
                assert str(store.path) in str(error)
                outcomes["error"] += 1
        assert min(outcomes.values()) > 50


READ = """
import sys
import numpy as np, openvds
vds = openvds.open(sys.argv[1], "")
layout = openvds.getLayout(vds)
size = [layout.getDimensionNumSamples(d) for d in range(3)]
for lod in range(2):
    request = openvds.getAccessManager(vds).requestVolumeSubset((0,) * 6, (*size, 1, 1, 1), lod=lod)
    np.save(f"{sys.argv[2]}{lod}", np.asarray(request.data).reshape([-(-n // 2**lod) for n in size[::-1]]))
openvds.close(vds)
"""


@pytest.fixture
def serve(tmp_path):
    """Serve the directory of the test over HTTP, which is how the wheel reads the object layout."""
    handler = functools.partial(QuietHandler, directory=tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
@pytest.mark.parametrize("method", [NONE, ZIP])
def test_the_wheel_reads_what_we_wrote_and_edited(tmp_path, vds, serve, open_vds, method):
    data = np.random.default_rng(1).normal(size=(32, 32, 64)).astype("f4")
    store = LocalStore(tmp_path / "a.vds")
    target = ObjectTarget.create(store)
    for lod in (0, 1):
        part = np.ascontiguousarray(data[:: 2**lod, :: 2**lod, :: 2**lod])
        chunks = vds.cut(part, 32, (0, 0), (0, 1, 2), "R32", method.label)
        layer = target.add_layer(f"Dimensions_012LOD{lod}", method, 0.01, len(chunks))
        for index, chunk in enumerate(chunks):
            layer.put(index, *chunk)
    raw = vds.layout_json(data.shape, [vds.channel()], lods=1)
    target.commit(write_layout(parse_layout(json.dumps(raw).encode())))

    def read():
        subprocess.run([PEER, "-c", READ, f"{serve}/a.vds", tmp_path / "out"], check=True)
        return [np.load(tmp_path / f"out{lod}.npy") for lod in (0, 1)]

    full, half = read()
    np.testing.assert_array_equal(full, data)
    np.testing.assert_array_equal(half, data[::2, ::2, ::2])

    target = ObjectTarget.edit(store)
    target.layer(NAME).put(1, CONSTANT)
    target.layer("Dimensions_012LOD1").put(0, 99, vds.payload(-data[::2, ::2, ::2], "R32", method.label))
    target.commit(target.layout_json())
    full, half = read()
    expected = data.copy()
    expected[..., 32:] = 3.0
    np.testing.assert_array_equal(full, expected)
    np.testing.assert_array_equal(half, -data[::2, ::2, ::2])
    volume = open_vds(store.path)
    np.testing.assert_array_equal(volume.samples(volume.schema.region), expected)
    assert not part_path(store.path).exists()
