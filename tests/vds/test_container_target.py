"""Containers as we write and edit them: tables to the byte, crashes at any point, and what the wheel makes of them."""

import itertools
import json
import os
import struct
import subprocess
import threading
from pathlib import Path

import fsspec
import google_crc32c
import numpy as np
import pytest

from mdio.exceptions import MDIONotFoundError, StorageError
from mdio.storage.local import LocalStore
from mdio.storage.remote import RemoteStore
from mdio.storage.staging import part_path
from mdio_vds import VdsError
from mdio_vds.chunks import ChunkEntry
from mdio_vds.container import ContainerSource
from mdio_vds.container_target import HEADER_BYTES, ContainerTarget
from mdio_vds.entries import level_totals
from mdio_vds.enums import CompressionMethod

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
interop = [pytest.mark.interop, pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")]
NAME = "Dimensions_012LOD0"
NONE, ZIP, WAVELET = CompressionMethod.NONE, CompressionMethod.Zip, CompressionMethod.Wavelet
CONSTANT = 0x0101_0101_4040_0000  # 3.0
JSON = b'{"some" : "layout"}'


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "a.vds")


@pytest.fixture
def remote():
    filesystem = fsspec.filesystem("memory")
    yield RemoteStore(filesystem, "/b/a.vds", "memory://b/a.vds")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def entry(layer, index, offset, length, metadata):
    """Return an index row with the check of its reserved word, by hand."""
    place = struct.pack("<qi", offset, length)
    check = google_crc32c.value(f"{layer}\0{index}\0".encode() + place + metadata)
    return place + struct.pack("<I", check) + metadata


def small(store, commit=True):
    """One plain layer of three chunks and a wavelet layer of two."""
    target = ContainerTarget.create(store)
    layer = target.add_layer(NAME, ZIP, 0.0, 3)
    layer.put(2, 7, b"second")
    layer.put(0, CONSTANT)
    other = target.add_layer("XDimensions_012LOD0", WAVELET, 0.5, 2)
    other.put(1, 9, b"0123456789" * 10, bytes([255, 128, 64, *[0] * 13]), decoded=4096)
    if commit:
        target.commit(JSON)
        target.close()
    return target


def reopened(store):
    return ContainerSource(store.open(), store.url)


class TestTables:
    def test_bytes_by_hand(self, store):
        small(store)
        data = store.read()
        magic, version, table, count, width = struct.unpack_from("<12siqii", data)
        assert (magic, version, count, width) == (b"HueDataStore", 0x10000, 3, 24)
        assert len(data) == table + 3 * (32 + 24)
        assert data[32:38] == b"second"
        assert data[38:138] == b"0123456789" * 10
        # Layer 1: one index page of 1024 rows, then its directory.
        page, directory = 138, 138 + 1024 * 24
        rows = [(0, 0, CONSTANT), (0, 0, 0), (32, 6, 7), *[(0, 0, 0)] * 1021]
        assert data[page:directory] == b"".join(
            entry(NAME, i, offset, length, struct.pack("<Q", hash)) for i, (offset, length, hash) in enumerate(rows)
        )
        assert struct.unpack_from("<qii", data, directory) == (0, 0, 0)
        assert struct.unpack_from("<ifiq", data, directory + 16) == (3, 0.0, 2, page)
        # Layer 2, of wavelets.
        page = directory + 16 + 12 + 8
        other = page + 1024 * 40
        metadata = struct.pack("<Q3B13x", 9, 255, 128, 64)
        assert data[page + 40 : page + 80] == entry("XDimensions_012LOD0", 1, 38, 100, metadata)
        assert struct.unpack_from("<ifiiq", data, other + 16) == (1, 0.5, 1, 0, 4096)
        sizes = struct.unpack_from("<16q", data, other + 16 + 24)
        assert sizes == (100, 50, 12, *[0] * 13)  # 100·255/255, ·128/255, ·64/255, and no further level
        assert struct.unpack_from("<q", data, other + 16 + 152) == (page,)
        # The layout.
        text = other + 16 + 152 + 8
        assert data[text : text + len(JSON)] == JSON
        assert struct.unpack_from("<qii", data, text + len(JSON)) == (text, len(JSON), 0)
        rows = [struct.unpack_from("<qiii4sii24s", data, table + i * 56) for i in range(3)]
        assert rows == [
            (text + len(JSON) + 16, 1, 0, 1, b"JSON", 0, 0, b"VolumeDataLayout".ljust(24, b"\0")),
            (directory, 3, 0, 1024, b"VDS ", 8, 12, b"Dimensions_012LOD0".ljust(24, b"\0")),
            (other, 2, 0, 1024, b"VDS ", 24, 152, b"XDimensions_012LOD0".ljust(24, b"\0")),
        ]

    def test_reads_back(self, store):
        small(store)
        source = reopened(store)
        assert source.layout_json() == JSON
        layer = source.layers[NAME]
        assert (layer.method, layer.chunk_count, layer.valid_chunk_count, layer.stored_bytes()) == (ZIP, 3, 2, 6)
        assert [layer.entry(i).hash for i in range(3)] == [CONSTANT, 0, 7]
        assert [layer.payload(i) for i in range(3)] == [b"", b"", b"second"]
        source.close()

    def test_pages_without_chunks_take_no_place(self, store):
        target = ContainerTarget.create(store)
        layer = target.add_layer(NAME, NONE, 0.0, 5000)
        layer.put(4999, 7, b"last")
        layer.put(1024, 8, b"first of its page")
        target.commit(JSON)
        assert len(store.read()) < 4 * 1024 * 24
        source = reopened(store)
        assert source.layers[NAME].file.pages.astype(bool).tolist() == [False, True, False, False, True]
        assert [source.layers[NAME].payload(i) for i in (0, 1024, 4999)] == [b"", b"first of its page", b"last"]
        source.close()

    def test_a_table_of_a_million_chunks_is_small(self, store):
        target = ContainerTarget.create(store)
        plain = target.add_layer(NAME, NONE, 0.0, 1_000_000)
        wavelet = target.add_layer("X" + NAME, WAVELET, 0.1, 1_000_000)
        assert (plain.table._rows.nbytes, wavelet.table._rows.nbytes) == (24_000_000, 40_000_000)
        target.abort()

    def test_order_of_threads_does_not_matter_with_places(self, tmp_path):
        payloads = [bytes([i]) * (i + 1) for i in range(50)]
        starts = [HEADER_BYTES + sum(map(len, payloads[:i])) for i in range(50)]
        seen = []
        for number, step in enumerate((1, -1, 7)):
            store = LocalStore(tmp_path / f"{number}.vds")
            target = ContainerTarget.create(store)
            assert target.start == HEADER_BYTES
            layer = target.add_layer(NAME, NONE, 0.0, 50)
            order = [i * step % 50 for i in range(50)]
            threads = [
                threading.Thread(
                    target=lambda part=part, layer=layer: [layer.put_at(i, i + 1, starts[i], payloads[i]) for i in part]
                )
                for part in (order[:25], order[25:])
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            target.commit(JSON)
            seen.append(store.read())
        assert seen[0] == seen[1] == seen[2]
        assert seen[0][32 : 32 + 3] == b"\0\1\1"

    def test_threads_put_apart(self, store):
        target = ContainerTarget.create(store)
        layer = target.add_layer(NAME, NONE, 0.0, 400)

        def run(first):
            for i in range(first, 400, 4):
                layer.put(i, i + 1, struct.pack("<i", i) * (i % 9 + 1))
                assert layer.payload(i) == struct.pack("<i", i) * (i % 9 + 1)

        threads = [threading.Thread(target=run, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        target.commit(JSON)
        source = reopened(store)
        got = [source.layers[NAME].payload(i) for i in range(400)]
        assert got == [struct.pack("<i", i) * (i % 9 + 1) for i in range(400)]
        source.close()


class TestLayers:
    def test_what_was_put_is_there_at_once(self, store):
        target = small(store, commit=False)
        layer = target.layer(NAME)
        assert layer.payload(2) == b"second"
        assert layer.entry(2) == ChunkEntry(7)
        assert layer.place(2) == (f"{NAME} chunk 2", 32)
        assert target.layers["XDimensions_012LOD0"].entry(1).levels[:4] == b"\xff\x80\x40\0"
        assert (layer.valid_chunk_count, layer.stored_bytes()) == (2, 6)
        layer.put(2, 8, b"again")
        assert layer.payload(2) == b"again"
        layer.put(2, 0)
        assert (layer.payload(2), layer.valid_chunk_count, layer.stored_bytes()) == (b"", 1, 0)
        with pytest.raises(VdsError, match="not written yet"):
            target.layout_json()
        target.abort()

    def test_the_sum_of_decoded_bytes_follows_replacements(self, store):
        target = ContainerTarget.create(store)
        layer = target.add_layer(NAME, WAVELET, 0.5, 4)
        for index in (0, 1, 2, 1):
            layer.put(index, 5, b"xx", bytes(16), decoded=100)
        layer.put(2, CONSTANT, decoded=100)
        target.commit(JSON)
        assert reopened(store).layers[NAME].uncompressed_size == 200

    @pytest.mark.parametrize(
        ("arguments", "kind", "message"),
        [
            ((3, 7, b"x"), IndexError, "chunk 3 of 3"),
            ((-1, 7, b"x"), IndexError, "chunk -1 of 3"),
            ((0, 7), ValueError, "needs a payload"),
            ((0, 0, b"x"), ValueError, "has no payload"),
            ((0, CONSTANT, b"x"), ValueError, "has no payload"),
            ((0, 2**64 - 1, b"x"), ValueError, "has no payload"),
            ((0, 2**64, b"x"), ValueError, "64 bits"),
            ((0, 7, b"x", bytes(16)), ValueError, "16 level bytes in a layer of method Zip"),
        ],
    )
    def test_what_is_no_chunk_is_refused(self, store, arguments, kind, message):
        target = small(store, commit=False)
        with pytest.raises(kind, match=message):
            target.layer(NAME).put(*arguments)
        target.abort()

    def test_layers_are_made_once_and_found_by_name(self, store):
        target = small(store, commit=False)
        with pytest.raises(ValueError, match="cannot be named"):
            target.add_layer(NAME, ZIP, 0.0, 3)
        with pytest.raises(ValueError, match="0 chunks"):
            target.add_layer("Y" + NAME, ZIP, 0.0, 0)
        with pytest.raises(VdsError, match=r"no layer 'Q'.*there are: Dimensions_012LOD0, X"):
            target.layer("Q")
        with pytest.raises(ValueError, match="byte 32 or later, not at 31"):
            target.layer(NAME).put_at(0, 7, 31, b"x")
        target.abort()


def test_level_totals_by_hand():
    lengths = np.array([1000, 10], "<i4")
    levels = np.frombuffer(bytes([255, 128, 0, 64, *[255] * 12]) + bytes([200] * 16), "V16")
    totals = level_totals(lengths, levels)
    # 1000·255/255, ·128/255, and no level after the 0; 10·200/255 = 7, 5, 3, 2, 1, 0 …, rounded down each time.
    assert totals.tolist() == [1007, 506, 3, 2, 1, *[0] * 11]


class TestStaging:
    def test_it_appears_at_commit_only(self, tmp_path, store):
        target = ContainerTarget.create(store)
        layer = target.add_layer(NAME, ZIP, 0.0, 3)
        assert not list(tmp_path.iterdir())
        layer.put(0, 7, b"x")
        assert list(tmp_path.iterdir()) == [part_path(store.path)]
        target.commit(JSON)
        assert list(tmp_path.iterdir()) == [store.path]

    def test_abort_leaves_nothing(self, tmp_path, store):
        small(store, commit=False).abort()
        assert not list(tmp_path.iterdir())

    def test_a_resume_gives_the_same_bytes(self, tmp_path):
        payloads = {index: bytes([index + 65]) * (100 + index) for index in range(6)}
        starts = dict(zip(payloads, itertools.accumulate(map(len, payloads.values()), initial=32), strict=False))

        def run(store, fresh, done, now, commit=True):
            target = ContainerTarget.create(store, fresh=fresh)
            layer = target.add_layer(NAME, NONE, 0.0, 6)
            for index in done:
                layer.restore(index, index + 1, starts[index], len(payloads[index]))
                assert layer.payload(index) == payloads[index]
            for index in now:
                layer.put_at(index, index + 1, starts[index], payloads[index])
            if commit:
                target.commit(JSON)
            target.close()
            return target

        whole, stopped = LocalStore(tmp_path / "whole.vds"), LocalStore(tmp_path / "stopped.vds")
        run(whole, True, [], range(6))
        run(stopped, True, [], [0, 1, 5], commit=False)
        with part_path(stopped.path).open("ab") as part:
            part.write(bytes(1 << 16))  # the run that was stopped had come as far as its tables
        run(stopped, False, [0, 1], range(2, 6))
        assert stopped.read() == whole.read()

    def test_a_restored_chunk_that_is_not_there_is_named(self, store):
        target = ContainerTarget.create(store, fresh=False)
        layer = target.add_layer(NAME, NONE, 0.0, 6)
        layer.restore(3, 7, 32, 10)
        with pytest.raises(VdsError, match="chunk 3, byte 32: 10 bytes are announced here, of which 0 are there"):
            layer.payload(3)
        target.abort()

    def test_a_remote_one_is_uploaded_whole(self, remote, store):
        small(store)
        target = small(remote, commit=False)
        assert target.layer(NAME).payload(2) == b"second"
        assert remote.get("") is None
        target.commit(JSON)
        assert remote.read() == store.read()

    def test_a_remote_one_that_is_given_up(self, remote, monkeypatch, tmp_path):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        small(remote, commit=False).abort()
        small(remote, commit=False).close()
        assert remote.get("") is None
        assert not list(tmp_path.iterdir())


class TestEditing:
    def test_changes_and_a_new_layer(self, store):
        small(store)
        before = store.read()
        target = ContainerTarget.edit(store)
        layer = target.layer(NAME)
        assert target.layout_json() == JSON
        assert (layer.payload(2), layer.entry(0).hash, layer.valid_chunk_count) == (b"second", CONSTANT, 2)
        assert layer.place(2)[1] == 32
        layer.put(1, 11, b"new one")
        layer.put(0, 0)
        assert (layer.payload(1), layer.payload(2), layer.entry(0).hash) == (b"new one", b"second", 0)
        target.add_layer("Dimensions_012LOD1", NONE, 0.0, 1).put(0, 3, b"lod")
        target.commit(JSON + b" ")
        after = store.read()
        assert after[32 : len(before)] == before[32:]  # what was there is where it was
        source = reopened(store)
        assert source.layout_json() == JSON + b" "
        assert [source.layers[NAME].payload(i) for i in range(3)] == [b"", b"new one", b"second"]
        assert source.layers["Dimensions_012LOD1"].payload(0) == b"lod"
        assert source.layers["XDimensions_012LOD0"].entry(1).levels[:3] == b"\xff\x80\x40"
        assert source.layers["XDimensions_012LOD0"].uncompressed_size == 4096
        source.close()
        # It goes on.
        layer.put(1, 12, b"once more")
        target.commit(JSON)
        target.close()
        source = reopened(store)
        assert source.layers[NAME].payload(1) == b"once more"
        assert source.layout_json() == JSON
        source.close()

    def test_only_changed_pages_are_written(self, store):
        target = ContainerTarget.create(store)
        layer = target.add_layer(NAME, NONE, 0.0, 10_000)
        for index in range(0, 10_000, 100):
            layer.put(index, 7, b"x")
        target.commit(JSON)
        old = len(store.read())
        pages = reopened(store).layers[NAME].file.pages
        target = ContainerTarget.edit(store)
        target.layer(NAME).put(5000, 8, b"yy")
        target.commit(JSON)
        target.close()
        assert len(store.read()) < old + 2 * 1024 * 24
        source = reopened(store)
        assert (source.layers[NAME].file.pages != pages).tolist() == [i == 5000 // 1024 for i in range(10)]
        assert [source.layers[NAME].payload(i) for i in (4900, 5000, 9900)] == [b"x", b"yy", b"x"]
        source.close()

    @pytest.mark.parametrize("entries", [1, 7, 100, 1 << 20])
    def test_pages_of_other_writers(self, tmp_path, vds, entries):
        chunks = [(i + 1, b"payload %d" % i) for i in range(1500)]
        path = vds.Writer({}).layer(NAME, "None", chunks, ipe=entries).container(tmp_path / "a.vds")
        target = ContainerTarget.edit(LocalStore(path))
        target.layer(NAME).put(1499, 5, b"new")
        target.commit(JSON)
        target.close()
        source = reopened(LocalStore(path))
        got = [source.layers[NAME].payload(i) for i in range(1500)]
        assert got == [payload for _, payload in chunks[:-1]] + [b"new"]
        assert source.layers[NAME].file.row.entries_per_page == (100 if entries == 100 else 1024)
        assert os.path.getsize(path) < 40_000_000
        source.close()

    def test_a_commit_without_changes_writes_a_file_table_only(self, store):
        small(store)
        before = len(store.read())
        target = ContainerTarget.edit(store)
        target.layer(NAME).put(1, 11, b"new one")
        target.commit(JSON)
        between = len(store.read())
        target.commit(JSON)
        target.close()
        table = 3 * (32 + 24)
        assert between - before == 7 + 1024 * 24 + (16 + 12 + 8) + table
        assert len(store.read()) - between == table

    def test_the_header_follows_when_all_else_is_on_the_disk(self, store, monkeypatch):
        small(store)
        target = ContainerTarget.edit(store)
        target.layer(NAME).put(1, 11, b"new one")
        calls = []
        write, sync = os.pwrite, os.fsync
        monkeypatch.setattr(os, "pwrite", lambda fd, data, at: (calls.append(at), write(fd, data, at))[1])
        monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("sync"), sync(fd)))
        target.commit(JSON)
        assert calls[-3:] == ["sync", 0, "sync"]
        assert calls.count(0) == 1

    @pytest.mark.parametrize("end", ["abort", "close"])
    def test_given_up_it_is_what_it_was(self, store, end):
        small(store)
        before = store.read()
        target = ContainerTarget.edit(store)
        target.layer(NAME).put(1, 11, b"new one")
        assert store.read() != before
        getattr(target, end)()
        assert store.read() == before

    def test_killed_at_any_write_the_old_or_the_new_is_there(self, store, monkeypatch):
        small(store)
        before = store.read()

        class Killed(Exception):
            pass

        for number in range(30):
            store.write("", before)
            left = itertools.count(number, -1)

            def write(fd, data, offset, left=left):
                if next(left) == 0:
                    raise Killed
                os.pwrite(fd, data, offset)

            monkeypatch.setattr("mdio_vds.growing.pwrite", write)
            target = ContainerTarget.edit(store)
            try:
                target.layer(NAME).put(1, 11, b"new one")
                target.layer(NAME).put(2, 12, b"other")
                target.commit(JSON + b" ")
                break
            except Killed:
                source = reopened(store)  # without abort or close, as after a power cut
                assert source.layout_json() == JSON
                assert [source.layers[NAME].payload(i) for i in range(3)] == [b"", b"", b"second"]
                source.close()
        assert number == 9  # two payloads, index page, directory, text, its page and directory, file table, header
        assert [reopened(store).layers[NAME].payload(i) for i in range(3)] == [b"", b"new one", b"other"]

    def test_remote(self, remote):
        small(remote)
        target = ContainerTarget.edit(remote)
        layer = target.layer(NAME)
        assert layer.payload(2) == b"second"
        layer.put(1, 11, b"new one")
        assert (layer.payload(1), layer.payload(2)) == (b"new one", b"second")
        assert reopened(remote).layers[NAME].entry(1).hash == 0
        target.commit(JSON)
        assert [reopened(remote).layers[NAME].payload(i) for i in range(3)] == [b"", b"new one", b"second"]

    def test_files_of_other_kinds_stay(self, tmp_path, vds):
        path = Path(vds.Writer({}).layer(NAME, "None", [(1, b"x")]).layer("Else", "None", [(1, b"?")]).container(
            tmp_path / "a.vds"
        ))  # fmt: skip
        data = bytearray(path.read_bytes())
        (table,) = struct.unpack_from("<q", data, 16)
        struct.pack_into("<4s", data, table + 2 * (32 + 64) + 20, b"SHPE")
        struct.pack_into("<i", data, table + 2 * (32 + 64) + 12, 4)
        path.write_bytes(data)
        target = ContainerTarget.edit(LocalStore(path))
        target.layer(NAME).put(0, 5, b"new")
        target.commit(JSON)
        target.close()
        data = path.read_bytes()
        (table, count, width) = struct.unpack_from("<qii", data, 16)
        row = struct.unpack_from(f"<qiii4sii{width}s", data, table + 2 * (32 + width))
        assert count == 3
        assert row[2:5] == (4, 1024, b"SHPE")
        assert row[-1].rstrip(b"\0") == b"Else"

    def test_what_is_no_container_or_missing(self, tmp_path):
        (tmp_path / "x").write_bytes(b"SEG-Y" * 100)
        with pytest.raises(VdsError, match="not a VDS container"):
            ContainerTarget.edit(LocalStore(tmp_path / "x"))
        with pytest.raises(MDIONotFoundError):
            ContainerTarget.edit(LocalStore(tmp_path / "y"))
        assert (tmp_path / "x").stat().st_size == 500


class TestDamage:
    """What the tables of a container may not say; see also test_damage.py."""

    @pytest.fixture
    def data(self, store):
        small(store)
        return bytearray(store.read())

    def row(self, data, number):
        (table,) = struct.unpack_from("<q", data, 16)
        return table + number * 56

    @pytest.mark.parametrize(
        ("number", "offset", "form", "value", "message"),
        [
            (None, 12, "<i", 0x20000, "containers of version 2.0 are not known"),
            (1, 0, "<q", 8, "lies on that of header"),
            (1, 0, "<q", 0, "lies on that of|impossible"),
            (1, 24, "<i", 2**31 - 1, "impossible file table row"),
            (0, 24, "<i", 5000, "impossible file table row"),
            (1, 8, "<i", 2**31 - 1, "announced here, but the file has"),
        ],
    )
    def test_tables(self, store, data, number, offset, form, value, message):
        struct.pack_into(form, data, offset + (self.row(data, number) if number is not None else 0), value)
        store.write("", data)
        with pytest.raises(VdsError, match=message):
            reopened(store)

    def test_files_that_share_a_directory(self, store, data):
        data[self.row(data, 2) : self.row(data, 2) + 8] = data[self.row(data, 1) : self.row(data, 1) + 8]
        store.write("", data)
        with pytest.raises(VdsError, match="the table lies on that of Dimensions_012LOD0"):
            reopened(store)

    def test_an_index_page_in_the_header(self, store, data):
        (directory,) = struct.unpack_from("<q", data, self.row(data, 1))
        struct.pack_into("<q", data, directory + 16 + 12, 5)
        store.write("", data)
        with pytest.raises(VdsError, match="index page 0, byte 5: an index page cannot lie here"):
            reopened(store).layers[NAME].entry(0)

    def test_index_pages_that_lie_on_each_other(self, store):
        target = ContainerTarget.create(store)
        layer = target.add_layer(NAME, NONE, 0.0, 3000)
        for index in (0, 1024, 2048):
            layer.put(index, 7, b"x")
        target.commit(JSON)
        data = bytearray(store.read())
        (directory,) = struct.unpack_from("<q", data, self.row(data, 1))
        (first,) = struct.unpack_from("<q", data, directory + 28)
        struct.pack_into("<q", data, directory + 28 + 16, first + 24 * 1023)
        store.write("", data)
        with pytest.raises(VdsError, match=rf"byte {first + 24 * 1023}: index page 2 lies on page 0"):
            reopened(store).layers[NAME].entry(0)

    def test_chunks_without_pages_take_no_memory(self, store, data):
        # One page of two thousand million rows that was never written.
        (directory,) = struct.unpack_from("<q", data, self.row(data, 1))
        struct.pack_into("<q", data, directory + 28, 0)
        struct.pack_into("<i", data, self.row(data, 1) + 8, 2**31 - 1)
        struct.pack_into("<i", data, self.row(data, 1) + 16, 2**31 - 1)
        store.write("", data)
        layer = reopened(store).layers[NAME]
        assert layer.entry(2**31 - 2) == ChunkEntry(0)
        assert layer.stored_bytes() == 0

    def test_mutations(self, store, data):
        """Bytes changed at random, tables by preference, and cuts: a typed error or entries of the right shape."""
        rng = np.random.default_rng(0)
        (table,) = struct.unpack_from("<q", data, 16)
        directories = [struct.unpack_from("<q", data, self.row(data, i))[0] for i in range(3)]
        sensitive = [*range(32), *range(table, len(data))]
        sensitive += [at for start in directories for at in range(start, start + 48)]
        sensitive += [at for page in (138, directories[1] + 36) for at in range(page, page + 100)]
        outcomes = {"error": 0, "read": 0}
        for _ in range(1000):
            mutant = bytearray(data)
            for at in rng.choice(sensitive, rng.integers(1, 4)):
                mutant[at] = rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))])
            if rng.random() < 0.2:
                del mutant[int(rng.integers(len(mutant))) :]
            store.path.write_bytes(mutant)
            try:
                source = reopened(store)
                assert isinstance(source.layout_json(), bytes)
                for layer in source.layers.values():
                    layer.stored_bytes()
                    for index in {0, 1, min(2, layer.chunk_count - 1), layer.chunk_count - 1}:
                        if 0 <= index < layer.chunk_count:
                            assert len(layer.entry(index).levels) == (16 if layer.method.is_wavelet else 0)
                            assert len(layer.payload(index)) <= len(mutant)
                source.close()
                outcomes["read"] += 1
            except VdsError as error:
                assert str(store.path) in str(error)
                outcomes["error"] += 1
        assert min(outcomes.values()) > 50


MAKE_AND_EDIT = r"""
import sys
import numpy as np, openvds as o
vds = o.open(sys.argv[1], "")
manager = o.getAccessManager(vds)
layout = o.getLayout(vds)
mode = o.IVolumeDataAccessManager.AccessMode.AccessMode_ReadWrite
accessor = manager.createVolumeDataPageAccessor(o.DimensionsND.Dimensions_012, 0, 0, 100, mode)
page = accessor.readPage(1)
lo, hi = page.getMinMax()
values = np.array(page.getWritableBuffer(), copy=False)
values[0, 0, 0] = 1234.5
page.updateWrittenRegion(lo, hi)
page.release()
accessor.commit()
o.close(vds)
"""

READ = """
import sys
import numpy as np, openvds
vds = openvds.open(sys.argv[1], "")
layout = openvds.getLayout(vds)
size = [layout.getDimensionNumSamples(d) for d in range(3)]
for lod in range(int(sys.argv[3])):
    request = openvds.getAccessManager(vds).requestVolumeSubset((0,) * 6, (*size, 1, 1, 1), lod=lod)
    np.save(f"{sys.argv[2]}{lod}", np.asarray(request.data).reshape([-(-n // 2**lod) for n in size[::-1]]))
openvds.close(vds)
"""


def fill(target, vds, data, method, lods=0):
    """Put ``data``, subsampled for the levels of detail, into layers of ``target``."""
    for lod in range(lods + 1):
        part = np.ascontiguousarray(data[:: 2**lod, :: 2**lod, :: 2**lod])
        chunks = vds.cut(part, 32, (0, 0), (0, 1, 2), "R32", method.label)
        layer = target.add_layer(f"Dimensions_012LOD{lod}", method, 0.01, len(chunks))
        for index in reversed(range(len(chunks))):
            layer.put(index, *chunks[index])


def layout_of(vds, data, lods=0):
    from mdio_vds.layout import parse_layout
    from mdio_vds.layout_json import write_layout

    return write_layout(parse_layout(json.dumps(vds.layout_json(data.shape, [vds.channel()], lods=lods)).encode()))


@pytest.mark.parametrize("method", [NONE, ZIP])
class TestWheel:
    pytestmark = interop
    data = np.random.default_rng(1).normal(size=(34, 40, 70)).astype("f4")

    def test_it_reads_and_edits_what_we_wrote(self, tmp_path, store, vds, open_vds, method):
        target = ContainerTarget.create(store)
        fill(target, vds, self.data, method)
        target.commit(layout_of(vds, self.data))
        subprocess.run([PEER, "-c", READ, store.path, tmp_path / "out", "1"], check=True)
        np.testing.assert_array_equal(np.load(tmp_path / "out0.npy"), self.data)
        subprocess.run([PEER, "-c", MAKE_AND_EDIT, store.path], check=True)
        expected = self.data.copy()
        expected[0, 0, 32] = 1234.5
        volume = open_vds(store.path)
        np.testing.assert_array_equal(volume.samples(volume.schema.region), expected)

        # And we edit what the wheel has edited.
        target = ContainerTarget.edit(store)
        target.layer(NAME).put(0, 0x0101_0101_4040_0000)
        target.layer(NAME).put(5, 0)
        target.commit(target.layout_json())
        target.close()
        expected[:32, :32, :32] = 3.0
        expected[:32, 32:, 64:] = 0
        subprocess.run([PEER, "-c", READ, store.path, tmp_path / "out", "1"], check=True)
        np.testing.assert_array_equal(np.load(tmp_path / "out0.npy"), expected)

    def test_levels_of_detail(self, tmp_path, store, vds, method):
        data = self.data[:32, :32, :64]
        target = ContainerTarget.create(store)
        fill(target, vds, data, method, lods=1)
        target.commit(layout_of(vds, data, lods=1))
        subprocess.run([PEER, "-c", READ, store.path, tmp_path / "out", "2"], check=True)
        np.testing.assert_array_equal(np.load(tmp_path / "out0.npy"), data)
        np.testing.assert_array_equal(np.load(tmp_path / "out1.npy"), data[::2, ::2, ::2])

    def test_pages_that_were_never_written(self, tmp_path, store, vds, method):
        data = np.zeros((2, 2, 32 * 2000), "f4")
        target = ContainerTarget.create(store)
        layer = target.add_layer(NAME, method, 0.0, 2000)
        data[..., 32 * 1500 : 32 * 1501] = 2.5
        layer.put(1500, 9, vds.payload(data[..., 32 * 1500 : 32 * 1501], "R32", method.label))
        target.commit(layout_of(vds, data))
        subprocess.run([PEER, "-c", READ, store.path, tmp_path / "out", "1"], check=True)
        np.testing.assert_array_equal(np.load(tmp_path / "out0.npy"), data)


WAVELET_FILE = r"""
import sys
import numpy as np, openvds as o
D = o.VolumeDataLayoutDescriptor
descriptor = D(D.BrickSize.BrickSize_32, 0, 0, 4, D.LODLevels.LODLevels_None, D.Options.Options_None, 0)
axes = [o.VolumeDataAxisDescriptor(n, s, "", 0, n - 1) for n, s in ((70, "Sample"), (41, "Crossline"), (40, "Inline"))]
one = o.VolumeDataComponents.Components_1
channels = [o.VolumeDataChannelDescriptor(o.VolumeDataFormat.Format_R32, one, "Amplitude", "", -1.0, 1.0)]
vds = o.create(sys.argv[1], "", descriptor, axes, channels, o.MetadataContainer(), o.CompressionMethod.Wavelet, 0.01)
accessor = o.getAccessManager(vds).createVolumeDataPageAccessor(
    o.DimensionsND.Dimensions_012, 0, 0, 100, o.IVolumeDataAccessManager.AccessMode.AccessMode_Create)
rng = np.random.default_rng(0)
for i in range(accessor.getChunkCount()):
    page = accessor.createPage(i)
    buffer = np.array(page.getWritableBuffer(), copy=False)
    buffer[...] = rng.normal(size=buffer.shape) if i != 2 else 3.0
    page.release()
accessor.commit()
o.close(vds)
"""


class TestWheelWavelets:
    pytestmark = interop

    def test_the_sums_of_levels_are_those_of_the_wheel(self, tmp_path, store):
        subprocess.run([PEER, "-c", WAVELET_FILE, tmp_path / "w.vds"], check=True)
        theirs = reopened(LocalStore(tmp_path / "w.vds"))
        layer = theirs.layers[NAME]
        sizes = {2: 6 * 32 * 32 * 4}  # the constant one, in bytes
        target = ContainerTarget.create(store)
        ours = target.add_layer(NAME, layer.method, layer.tolerance, layer.chunk_count)
        for index in range(layer.chunk_count):
            entry, payload = layer.entry(index), layer.payload(index)
            decoded = sizes.get(index) or 4 * int(np.prod(struct.unpack_from("<3i", payload, 8)))
            ours.put(index, entry.hash, payload, entry.levels, decoded)
        target.commit(theirs.layout_json())
        copy = reopened(store)
        assert copy.layers[NAME].file.metadata == layer.file.metadata
        assert copy.layers[NAME].uncompressed_size == 434_624
        subprocess.run([PEER, "-c", READ, store.path, tmp_path / "a", "1"], check=True)
        subprocess.run([PEER, "-c", READ, tmp_path / "w.vds", tmp_path / "b", "1"], check=True)
        np.testing.assert_array_equal(np.load(tmp_path / "a0.npy"), np.load(tmp_path / "b0.npy"))


def test_a_folder_is_no_target(tmp_path):
    with pytest.raises(StorageError, match="is a directory"):
        ContainerTarget.create(LocalStore(tmp_path))
