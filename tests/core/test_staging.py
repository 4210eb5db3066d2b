"""Targets are complete or not there, however a run ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import fsspec
import pytest

from mdio.core.volume import Creation
from mdio.exceptions import IncompleteDatasetError, MDIOAlreadyExistsError, StorageError
from mdio.storage import staging
from mdio.storage.local import LocalStore
from mdio.storage.remote import RemoteStore
from mdio.storage.staging import (
    REMOTE_STATE,
    StagedFile,
    StagedTree,
    is_unfinished,
    journal_path,
    part_path,
    require_target,
    swap_in,
)


@pytest.fixture
def remote():
    filesystem = fsspec.filesystem("memory")
    yield RemoteStore(filesystem, "/b/x.mdio", "memory://b/x.mdio")
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def tree(path, **files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content)
    return path


def content(path):
    return {p.relative_to(path).as_posix(): p.read_text() for p in path.rglob("*") if p.is_file()}


class TestTree:
    def test_appears_in_one_step(self, tmp_path):
        target = tmp_path / "x.mdio"
        staged = StagedTree(LocalStore(target))
        staged.begin(fresh=True)
        staged.put("data/c/0/1", b"chunk")
        assert not target.exists()
        staged.commit([(".zmetadata", b"m"), (".zgroup", b"g")])
        assert content(target) == {"data/c/0/1": "chunk", ".zmetadata": "m", ".zgroup": "g"}
        assert list(tmp_path.iterdir()) == [target]

    @pytest.mark.parametrize("where", ["local", "remote"])
    def test_what_makes_it_openable_is_written_last(self, tmp_path, remote, monkeypatch, where):
        store = remote if where == "remote" else LocalStore(tmp_path / "x.mdio")
        staged = StagedTree(store)
        staged.begin(fresh=True)
        written, put = [], staged.put
        monkeypatch.setattr(staged, "put", lambda key, data: (written.append(key), put(key, data)))
        staged.put("data/0", b"1")
        staged.commit([(".zattrs", b"a"), (".zmetadata", b"m"), (".zgroup", b"g")])
        assert written == ["data/0", ".zattrs", ".zmetadata", ".zgroup"]

    def test_abort_leaves_nothing(self, tmp_path):
        staged = StagedTree(LocalStore(tmp_path / "x.mdio"))
        staged.begin(fresh=True)
        staged.put("data/0", b"1")
        staged.abort()
        assert list(tmp_path.iterdir()) == []

    def test_abort_leaves_nothing_remote(self, remote):
        staged = StagedTree(remote)
        staged.begin(fresh=True)
        staged.put("data/0", b"1")
        staged.abort()
        assert list(remote.list()) == []

    def test_an_overwrite_keeps_the_old_until_the_new_is_whole(self, tmp_path):
        target = tree(tmp_path / "x.mdio", **{".zgroup": "old", "data/only-old": "1"})
        staged = StagedTree(LocalStore(target))
        staged.begin(fresh=True)
        staged.put("data/0", b"new")
        assert content(target) == {".zgroup": "old", "data/only-old": "1"}
        staged.commit([(".zgroup", b"new")])
        assert content(target) == {".zgroup": "new", "data/0": "new"}
        assert list(tmp_path.iterdir()) == [target]

    def test_an_aborted_overwrite_keeps_the_old(self, tmp_path):
        target = tree(tmp_path / "x.mdio", **{".zgroup": "old"})
        staged = StagedTree(LocalStore(target))
        staged.begin(fresh=True)
        staged.abort()
        assert content(target) == {".zgroup": "old"}

    def test_remote_overwrite_begins_with_what_makes_it_openable(self, remote, monkeypatch):
        for key in ("data/0", ".zattrs", ".zgroup", ".zmetadata"):
            remote.write(key, b"old")
        deleted, delete = [], remote.delete
        monkeypatch.setattr(remote, "delete", lambda key="": (deleted.append(key), delete(key)))
        tree = StagedTree(remote)
        tree.begin(fresh=True)
        assert deleted[0] == ".zmetadata"
        assert [key for key, _ in remote.list()] == [f"{REMOTE_STATE}/begun"]  # it counts as unfinished
        tree.commit([])
        assert list(remote.list()) == []

    def test_resume_keeps_what_is_there(self, tmp_path):
        for _ in range(2):
            staged = StagedTree(LocalStore(tmp_path / "x.mdio"))
            staged.begin(fresh=False)
        (part_path(tmp_path / "x.mdio") / "old").write_text("1")
        staged.begin(fresh=False)
        staged.commit([])
        assert content(tmp_path / "x.mdio") == {"old": "1"}

    @pytest.mark.parametrize("where", ["local", "remote"])
    def test_a_folder_of_other_things_is_not_overwritten(self, tmp_path, remote, where):
        """``--overwrite`` with a home directory or a bucket by mistake."""
        store = remote if where == "remote" else LocalStore(tmp_path / "home")
        store.write("thesis/chapter-1.txt", b"precious")
        with pytest.raises(StorageError, match="holds other things than a dataset"):
            StagedTree(store).begin(fresh=True)
        assert store.get("thesis/chapter-1.txt") == b"precious"
        store.write(".zgroup", b"{}")
        StagedTree(store).begin(fresh=True)

    def test_an_empty_folder_or_a_file_is_replaced(self, tmp_path):
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("1")
        for name in ("folder", "file"):
            staged = StagedTree(LocalStore(tmp_path / name))
            staged.begin(fresh=True)
            staged.commit([(".zgroup", b"g")])
            assert content(tmp_path / name) == {".zgroup": "g"}
        assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]

    def test_discard(self, tmp_path):
        staged = StagedTree(LocalStore(tmp_path / "x.mdio"))
        staged.begin(fresh=True)
        staged.put("a/b", b"1")
        staged.discard("a/b")
        staged.discard("a/b")
        staged.discard("never/there")
        staged.commit([])
        assert content(tmp_path / "x.mdio") == {}

    def test_a_full_disk_is_said(self, tmp_path, monkeypatch):
        staged = StagedTree(LocalStore(tmp_path / "x.mdio"))
        staged.begin(fresh=True)

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(staging, "write_pieces", full)
        with pytest.raises(StorageError, match="no space left"):
            staged.put("a/b", b"1")

    def test_threads_make_the_same_folders(self, tmp_path):
        from concurrent.futures import ThreadPoolExecutor

        staged = StagedTree(LocalStore(tmp_path / "x.mdio"))
        staged.begin(fresh=True)
        keys = [f"data/{n % 7}/{n % 3}/{n}" for n in range(300)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: staged.put(key, key.encode()), keys))
        staged.commit([])
        assert content(tmp_path / "x.mdio") == {key: key for key in keys}


class TestSwap:
    """Putting a finished directory in the place of another, with and without an atomic exchange."""

    @pytest.fixture(params=["exchange", "renames"])
    def way(self, request, monkeypatch):
        if request.param == "renames":
            monkeypatch.setattr(staging, "_exchange", lambda a, b: False)
        return request.param

    def test_replaces(self, tmp_path, way):
        part, target = tree(tmp_path / ".x.part", new="1"), tree(tmp_path / "x", old="1")
        swap_in(part, target)
        assert content(target) == {"new": "1"}
        assert list(tmp_path.iterdir()) == [target]

    def test_killed_while_the_old_is_deleted(self, tmp_path, way, monkeypatch):
        """The new one is there, and what is left of the old does not pass for an unfinished target."""
        part, target = tree(tmp_path / ".x.part", new="1"), tree(tmp_path / "x", old="1")
        journal_path(target).write_text("journal")
        delete = LocalStore.delete

        def killed(self, key=""):
            if self.path.exists():
                raise KeyboardInterrupt
            delete(self, key)

        monkeypatch.setattr(LocalStore, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            swap_in(part, target)
        monkeypatch.undo()
        assert content(target) == {"new": "1"}
        assert not is_unfinished(LocalStore(target))
        require_target(LocalStore(target), Creation(overwrite=True))
        swap_in(tree(tmp_path / ".x.part", newer="1"), target)
        assert sorted(path.name for path in tmp_path.iterdir()) == [".x.journal", "x"]

    def test_killed_between_renames(self, tmp_path, monkeypatch):
        """The old one survives under another name, and the next swap cleans up."""
        monkeypatch.setattr(staging, "_exchange", lambda a, b: False)
        part, target = tree(tmp_path / ".x.part", new="1"), tree(tmp_path / "x", old="1")
        rename = Path.rename

        def killed(self, to):
            if (self, to) == (part, target):
                raise KeyboardInterrupt
            return rename(self, to)

        monkeypatch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            swap_in(part, target)
        monkeypatch.undo()
        assert content(tmp_path / ".x.old") == {"old": "1"}
        assert content(part) == {"new": "1"}
        swap_in(part, target)
        assert content(target) == {"new": "1"}
        assert list(tmp_path.iterdir()) == [target]

    def test_a_rename_that_fails_puts_the_old_back(self, tmp_path, monkeypatch):
        monkeypatch.setattr(staging, "_exchange", lambda a, b: False)
        part, target = tree(tmp_path / ".x.part", new="1"), tree(tmp_path / "x", old="1")
        rename = Path.rename

        def failing(self, to):
            if (self, to) == (part, target):
                raise OSError(errno.EIO, "io")
            return rename(self, to)

        monkeypatch.setattr(Path, "rename", failing)
        with pytest.raises(OSError, match="io"):
            swap_in(part, target)
        assert content(target) == {"old": "1"}

    def test_systems_without_the_call(self, tmp_path, monkeypatch):
        import ctypes

        def missing(*_, **__):
            raise OSError("no such library")

        monkeypatch.setattr(ctypes, "CDLL", missing)
        part, target = tree(tmp_path / ".x.part", new="1"), tree(tmp_path / "x", old="1")
        swap_in(part, target)
        assert content(target) == {"new": "1"}
        assert list(tmp_path.iterdir()) == [target]


class TestFile:
    def test_appears_in_one_step(self, tmp_path):
        target = tmp_path / "x.sgy"
        target.write_bytes(b"old")
        staged = StagedFile(LocalStore(target), 10)
        staged.begin(fresh=True)
        staged.write(5, b"world")
        staged.write(0, b"hello")
        assert target.read_bytes() == b"old"
        staged.commit()
        assert target.read_bytes() == b"helloworld"
        assert list(tmp_path.iterdir()) == [target]

    def test_abort_leaves_nothing(self, tmp_path):
        staged = StagedFile(LocalStore(tmp_path / "x.sgy"), 10)
        staged.begin(fresh=True)
        staged.abort()
        staged.abort()
        assert list(tmp_path.iterdir()) == []

    def test_space_is_taken_before_the_work(self, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        staged = StagedFile(LocalStore(tmp_path / "x.sgy"), 12345)
        with pytest.raises(StorageError, match="no space left on the device for 12345 bytes"):
            staged.begin(fresh=True)
        assert list(tmp_path.iterdir()) == []

    def test_a_full_disk_does_not_end_a_resume(self, tmp_path, monkeypatch):
        part_path(tmp_path / "x.sgy").write_bytes(b"work of days")

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(StorageError, match="no space left"):
            StagedFile(LocalStore(tmp_path / "x.sgy"), 12345).begin(fresh=False)
        assert part_path(tmp_path / "x.sgy").read_bytes().startswith(b"work of days")

    @pytest.mark.parametrize("call", ["pwrite", "fsync", "replace"])
    def test_a_disk_that_fills_up_meanwhile_is_said_and_the_part_stays(self, tmp_path, monkeypatch, call):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        staged = StagedFile(LocalStore(tmp_path / "x.sgy"), 4)
        staged.begin(fresh=True)
        staged.write(0, b"ab")
        with monkeypatch.context() as patched:
            owner = {"pwrite": staging, "fsync": os, "replace": Path}[call]
            patched.setattr(owner, call, full)
            with pytest.raises(StorageError, match=r"x\.sgy.*no space left on the device"):
                staged.write(2, b"cd") if call == "pwrite" else staged.commit()
        staged.close()
        assert part_path(tmp_path / "x.sgy").read_bytes()[:2] == b"ab"
        assert not (tmp_path / "x.sgy").exists()

    def test_no_room_for_what_is_uploaded(self, remote, tmp_path, monkeypatch):
        import tempfile

        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with pytest.raises(StorageError, match="no space left on the device for"):
            StagedFile(remote, 1 << 62).begin(fresh=True)
        assert list(tmp_path.iterdir()) == []

    def test_close_keeps_the_part_for_a_resume(self, tmp_path):
        staged = StagedFile(LocalStore(tmp_path / "x.sgy"), 4)
        staged.begin(fresh=True)
        staged.write(0, b"ab")
        staged.close()
        again = StagedFile(LocalStore(tmp_path / "x.sgy"), 4)
        again.begin(fresh=False)
        again.write(2, b"cd")
        again.commit()
        assert (tmp_path / "x.sgy").read_bytes() == b"abcd"

    @pytest.mark.parametrize("end", ["commit", "abort", "close"])
    def test_remote(self, remote, tmp_path, monkeypatch, end):
        import tempfile

        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        staged = StagedFile(remote, 4)
        staged.begin(fresh=True)
        staged.write(0, b"abcd")
        assert not remote.exists()
        getattr(staged, end)()
        assert (remote.get("") == b"abcd") is (end == "commit")
        assert list(tmp_path.iterdir()) == [], "no temporary file stays: a remote export begins anew"

    def test_a_remote_file_is_not_read_into_memory(self, remote, monkeypatch):
        staged = StagedFile(remote, 4)
        staged.begin(fresh=True)
        staged.write(0, b"abcd")
        monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read whole"))
        staged.commit()
        assert remote.get("") == b"abcd"


class TestRequireTarget:
    def test_nothing_there(self, tmp_path, remote):
        require_target(LocalStore(tmp_path / "x"), Creation())
        require_target(remote, Creation())

    def test_something_there(self, tmp_path, remote):
        tree(tmp_path / "x", a="1")
        remote.write("a", b"1")
        for store in (LocalStore(tmp_path / "x"), remote):
            with pytest.raises(MDIOAlreadyExistsError, match="--overwrite"):
                require_target(store, Creation())
            require_target(store, Creation(overwrite=True))

    def test_something_unfinished_there(self, tmp_path, remote):
        part_path(tmp_path / "x").mkdir()
        journal_path(tmp_path / "x").write_text("")
        remote.write(f"{staging.REMOTE_STATE}/0", b"1")
        for store in (LocalStore(tmp_path / "x"), remote):
            assert is_unfinished(store)
            with pytest.raises(IncompleteDatasetError, match="--resume"):
                require_target(store, Creation())
            require_target(store, Creation(resume=True))
            require_target(store, Creation(overwrite=True))

    def test_no_folder(self, tmp_path):
        with pytest.raises(StorageError, match="no such directory"):
            require_target(LocalStore(tmp_path / "a" / "b"), Creation())

    @pytest.mark.parametrize("path", [".", "..", "/", "./"])
    def test_places_without_a_name(self, path, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert not is_unfinished(LocalStore(path))
