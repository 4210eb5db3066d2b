"""Local files on systems that lack calls of Linux, and on disks that refuse: the same bytes, or why not."""

from __future__ import annotations

import ctypes
import errno
import os
import tempfile
from types import SimpleNamespace

import fsspec
import numpy as np
import pytest

from mdio.core import scratch
from mdio.core.scratch import Scratch
from mdio.exceptions import MDIONotFoundError, StorageError
from mdio.native.pending import PendingDocuments
from mdio.storage import local, space
from mdio.storage.backends import filesystem
from mdio.storage.local import LocalFile, LocalStore, pread, preallocate, pwrite, sync_filesystem, write_pieces
from mdio.storage.staging import StagedFile

DATA = bytes(range(256)) * 40
CALLS = ("pread", "preadv", "pwrite", "writev", "posix_fallocate")


@pytest.fixture(params=["with", "without"])
def calls(request, monkeypatch):
    """The calls of this system, and none of them."""
    if request.param == "without":
        for name in CALLS:
            monkeypatch.delattr(os, name, raising=False)


def failing(number):
    def fail(*arguments, **named):
        raise OSError(number, os.strerror(number))

    return fail


class TestFiles:
    def test_read(self, tmp_path, calls):
        (tmp_path / "x").write_bytes(DATA)
        file = LocalFile(tmp_path / "x")
        try:
            buffer = bytearray(1000)
            file.read_into(300, memoryview(buffer))
            assert buffer == DATA[300:1300]
            assert file.read(17, 5000) == DATA[17:5017]
            with pytest.raises(StorageError, match="ends at byte 10240, 6 bytes missing"):
                file.read(len(DATA) - 4, 10)
        finally:
            file.close()

    def test_written(self, tmp_path, calls):
        fd = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
        try:
            preallocate(fd, 2000)
            assert os.fstat(fd).st_size == 2000
            write_pieces(fd, [DATA[:10], memoryview(DATA)[10:700]])
            pwrite(fd, DATA[700:1500], 700)
        finally:
            os.close(fd)
        assert (tmp_path / "x").read_bytes() == DATA[:1500] + bytes(500)

    def test_pieces_that_are_taken_in_parts(self, tmp_path, monkeypatch):
        real = os.writev
        monkeypatch.setattr(os, "writev", lambda fd, pieces: real(fd, [b"".join(pieces)[:11]]))
        fd = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
        try:
            write_pieces(fd, [DATA[:10], DATA[10:500]])
        finally:
            os.close(fd)
        assert (tmp_path / "x").read_bytes() == DATA[:500]

    def test_room_is_known_without_statvfs(self, tmp_path, monkeypatch):
        asked = []
        monkeypatch.delattr(os, "statvfs")
        monkeypatch.setattr("shutil.disk_usage", lambda path: asked.append(path) or SimpleNamespace(free=1000))
        space.require_space(tmp_path / "not" / "there", 1000)
        with pytest.raises(StorageError, match=r"there: no space left on the device for 1001 bytes, 1000 are free"):
            space.require_space(tmp_path / "not" / "there", 1001)
        assert asked == [tmp_path, tmp_path]

    def test_scratch(self, tmp_path, calls, monkeypatch):
        monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        values = Scratch("i8", 3000)
        values.write(0, np.arange(2000))
        values.write(2000, np.arange(2000, 3000))
        np.testing.assert_array_equal(values.read(1000, 2500), np.arange(1000, 2500))
        values.close()

    def test_scratch_that_somebody_cut(self, tmp_path, monkeypatch):
        monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        values = Scratch("i8", 3000)
        values.write(0, np.arange(3000))
        os.truncate(values._fd, 8000)
        np.testing.assert_array_equal(values.read(0, 1000), np.arange(1000))
        with pytest.raises(StorageError, match=f"a temporary file in {tmp_path} was cut"):
            values.read(0, 1001)
        values.close()

    def test_durable_without_a_call_for_the_file_system(self, tmp_path, monkeypatch):
        synced = []
        real = os.fsync
        monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")) or real(fd))
        monkeypatch.setattr(ctypes, "CDLL", failing(errno.ENOSYS))
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / "x").write_bytes(b"x")
        (tmp_path / "y").write_bytes(b"y")
        sync_filesystem(tmp_path)
        folders = [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
        assert sorted(synced) == sorted(map(str, [*folders, tmp_path / "a" / "b" / "x", tmp_path / "y"]))

    def test_a_disk_that_does_not_take_the_data(self, tmp_path, monkeypatch):
        class Libc:
            def syncfs(self, fd):
                ctypes.set_errno(errno.EIO)
                return -1

        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Libc())
        with pytest.raises(StorageError, match=f"did not take the data: {os.strerror(errno.EIO)}"):
            sync_filesystem(tmp_path)


class TestFailures:
    def test_of_reading(self, tmp_path, monkeypatch):
        (tmp_path / "x").write_bytes(DATA)
        file = LocalFile(tmp_path / "x")
        try:
            monkeypatch.setattr(os, "pread", failing(errno.EIO))
            assert file.read(5, 10) == DATA[5:15]
            monkeypatch.setattr(os, "preadv", failing(errno.EIO))
            with pytest.raises(StorageError, match=f"x: reading at byte 5 failed: {os.strerror(errno.EIO)}"):
                file.read(5, 10)
        finally:
            file.close()

    def test_of_whole_objects(self, tmp_path, monkeypatch):
        store = LocalStore(tmp_path)
        store.write("a/x", DATA)
        real = os.read
        with monkeypatch.context() as patched:
            patched.setattr(os, "read", lambda fd, size: real(fd, min(size, 1000)))
            assert store.get("a/x") == DATA
        with monkeypatch.context() as patched:
            patched.setattr(os, "read", failing(errno.EIO))
            with pytest.raises(StorageError, match=f"a/x: {os.strerror(errno.EIO)}"):
                store.get("a/x")

    def test_of_deleting(self, tmp_path, monkeypatch):
        store = LocalStore(tmp_path)
        store.write("a/x", DATA)
        monkeypatch.setattr("shutil.rmtree", failing(errno.EBUSY))
        with pytest.raises(StorageError, match=f"a: {os.strerror(errno.EBUSY)}"):
            store.delete("a")
        assert store.get("a/x") == DATA

    def test_of_reserving(self, tmp_path, monkeypatch):
        fd = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
        try:
            with monkeypatch.context() as patched:
                patched.setattr(os, "posix_fallocate", failing(errno.EOPNOTSUPP))
                preallocate(fd, 1234)
            assert os.fstat(fd).st_size == 1234
            monkeypatch.setattr(os, "posix_fallocate", failing(errno.ENOSPC))
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                preallocate(fd, 2345)
        finally:
            os.close(fd)

    @pytest.mark.parametrize("lacking", [True, False])
    def test_a_system_that_does_not_tell_its_room_is_not_asked_twice(self, tmp_path, monkeypatch, lacking):
        if lacking:
            monkeypatch.delattr(os, "statvfs", raising=False)
            monkeypatch.setattr("shutil.disk_usage", failing(errno.ENOSYS))
        else:
            monkeypatch.setattr(os, "statvfs", failing(errno.ENOSYS))
        assert space.free_bytes(tmp_path) is None
        space.require_space(tmp_path, 1 << 62)

    def test_data_are_not_hurried_where_the_call_is_missing(self, monkeypatch):
        monkeypatch.setattr(ctypes, "CDLL", failing(errno.ENOSYS))
        local._sync_file_range.cache_clear()
        try:
            assert local._sync_file_range() is None
        finally:
            local._sync_file_range.cache_clear()


class TestBackends:
    def test_a_package_that_is_missing(self):
        fsspec.register_implementation("nowhere", "no_such_package.Files", errtxt="install no_such_package")
        with pytest.raises(StorageError, match=r"nowhere:// is not supported here: .*no_such_package"):
            filesystem("nowhere://a/b", {})

    def test_options_that_are_refused_do_not_show_their_secrets(self):
        class Picky(fsspec.AbstractFileSystem):
            cachable = False

            def __init__(self, **options):
                raise TypeError(f"what is {options}?")

        fsspec.register_implementation("picky", Picky, clobber=True)
        with pytest.raises(StorageError, match="picky://host/x: TypeError: what is") as caught:
            filesystem("picky://host/x", {"password": "hunter2222"})
        assert "hunter2222" not in str(caught.value)
        assert "--storage-options" in caught.value.hint


class TestPendingDocuments:
    """What is stored last is edited like a store until then."""

    @pytest.fixture
    def pending(self):
        return PendingDocuments("x.mdio", [("a/.zarray", b"1"), ("a/b/.zattrs", b"22"), (".zgroup", b"333")])

    def test_is_read_like_a_store(self, pending):
        assert pending.get("a/.zarray") == pending.read("a/.zarray") == b"1"
        assert pending.get("c") is None
        for ask in (pending.read, pending.open):
            with pytest.raises(MDIONotFoundError, match=r"x\.mdio/c"):
                ask("c")
        there = ["", "a", "a/b", "a/.zarray", "c", "a/.z"]
        assert [pending.exists(key) for key in there] == [True, True, True, True, False, False]
        assert [pending.is_dir(key) for key in there] == [True, True, True, False, False, False]
        assert dict(pending.list()) == {"a/.zarray": 1, "a/b/.zattrs": 2, ".zgroup": 3}
        assert dict(pending.list("a/b")) == {"a/b/.zattrs": 2}

    def test_what_is_new_comes_first_and_what_was_there_keeps_its_order(self, pending):
        pending.write("late", memoryview(b"4444"))
        pending.write("a/.zarray", b"changed")
        assert [key for key, _ in pending] == ["late", "a/.zarray", "a/b/.zattrs", ".zgroup"]
        assert pending.get("a/.zarray") == b"changed"
        pending.delete("a")
        assert [key for key, _ in pending] == ["late", ".zgroup"]
        pending.delete(".zgroup")
        assert [key for key, _ in pending] == ["late"]

    def test_a_part(self, pending):
        part = pending.join("a")
        assert part.url == "x.mdio/a"
        assert list(part) == [(".zarray", b"1"), ("b/.zattrs", b"22")]
        assert not PendingDocuments("x", []).is_dir()


def test_pread_stops_at_the_end_of_the_file(tmp_path, calls):
    path = tmp_path / "x"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        assert pread(file.fileno(), 100, 7) == DATA[7:107]
        assert pread(file.fileno(), 100, len(DATA) - 9) == DATA[-9:]
        assert pread(file.fileno(), 100, len(DATA)) == b""


def test_a_staged_file_is_checked_on_any_system(tmp_path, calls):
    staged = StagedFile(LocalStore(tmp_path / "x"), len(DATA))
    staged.begin(fresh=True)
    staged.write(0, memoryview(DATA))
    assert staged.read(3, 50) == DATA[3:53]
    staged.abort()
