"""Filesystems of fsspec with real folders: made before they are written to, and files where folders are asked for."""

from __future__ import annotations

import pytest
from fsspec.implementations.local import LocalFileSystem

from mdio.exceptions import MDIONotFoundError, StorageError
from mdio.storage.remote import RemoteStore
from mdio.testing.contracts import StorageContract


@pytest.fixture
def store(tmp_path):
    filesystem = LocalFileSystem(auto_mkdir=False, skip_instance_cache=True)
    return RemoteStore(filesystem, str(tmp_path / "root"), "sftp://host/root")


class TestContract(StorageContract):
    @pytest.fixture
    def store(self, store):
        return store


def test_folders_are_made_when_they_are_missed(store, tmp_path):
    store.write("a/b/c", b"1")
    assert store.create("d/e", b"2")
    assert not store.create("d/e", b"3")
    (tmp_path / "local").write_bytes(b"4")
    store.upload("f/g", tmp_path / "local")
    assert {key: store.read(key) for key, _ in store.list()} == {"a/b/c": b"1", "d/e": b"2", "f/g": b"4"}


def test_below_a_file_there_is_nothing(store):
    store.write("file", b"1")
    assert store.get("file/x") is None
    assert not store.exists("file/x")
    assert not store.is_dir("file/x")
    assert list(store.list("file/x")) == []
    with pytest.raises(MDIONotFoundError):
        store.read("file/x")


def test_a_folder_is_no_object(store):
    store.write("a/b", b"1")
    assert store.get("a") is None
    with pytest.raises(StorageError, match="a prefix, not an object"):
        store.open("a")


def test_a_server_that_does_not_tell_sizes(store, monkeypatch):
    store.write("x", b"1")
    monkeypatch.setattr(LocalFileSystem, "info", lambda self, path, **_: {"name": path, "type": "file", "size": None})
    with pytest.raises(StorageError, match="sftp://host/root/x: the server does not tell the size") as caught:
        store.open("x")
    assert "download the file first" in caught.value.hint
