"""Local and remote stores: the published contract, and what only one of them does."""

from __future__ import annotations

import os
import pickle
import threading
import types
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from mdio.convert import Stores
from mdio.exceptions import MDIONotFoundError, StorageError
from mdio.plugins import StorageBackend, hookimpl
from mdio.plugins.registry import registry
from mdio.storage.local import LocalFile, LocalStore
from mdio.storage.remote import RemoteStore
from mdio.storage.urls import beside, local_path, redact, scheme, split_name, suffix
from mdio.testing.contracts import StorageContract


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


class TestLocal(StorageContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(tmp_path)


class TestRemote(StorageContract):
    @pytest.fixture
    def store(self, memory):
        return RemoteStore(memory, "/bucket/root", "memory://bucket/root")


def folder(url, options):
    return DirFileSystem(options["root"], LocalFileSystem(auto_mkdir=True))


class TestFolderOfAnother(StorageContract):
    """A scheme of a plugin for a folder: fsspec's filesystem around another has coroutines only where the other has."""

    @pytest.fixture
    def store(self, tmp_path):
        module = types.ModuleType("folders")
        backend = StorageBackend(name="folders", summary="A folder", schemes=("folders",), target=f"{__name__}:folder")
        module.mdio_storage_backends = hookimpl(lambda: [backend])
        with registry().registered(module, "folders"):
            yield Stores({"root": str(tmp_path)}).open("folders://bucket/root")


@pytest.fixture(params=["local", "remote"])
def store(request, tmp_path, memory):
    if request.param == "local":
        (tmp_path / "root").mkdir()
        (tmp_path / "secret").write_text("secret")
        return LocalStore(tmp_path / "root")
    memory.pipe_file("/bucket/secret", b"secret")
    memory.makedirs("/bucket/root")
    return RemoteStore(memory, "/bucket/root", "memory://bucket/root")


@pytest.mark.parametrize("key", ["../secret", "a/../../secret", "/etc/passwd", ".."])
@pytest.mark.parametrize("method", ["get", "read", "open", "exists", "is_dir", "list", "delete", "join", "write"])
def test_keys_cannot_leave_the_store(store, key, method):
    arguments = (key, b"x") if method == "write" else (key,)
    with pytest.raises(StorageError, match="leaves the store"):
        result = getattr(store, method)(*arguments)
        list(result) if method == "list" else None


def test_dots_in_names_are_names(store):
    store.write("a..b/c.d", b"1")
    assert store.get("a..b/c.d") == b"1"


def test_a_folder_is_no_object(store):
    store.write("a/b", b"1")
    assert store.get("a") is None
    with pytest.raises(StorageError):
        store.open("a")


class TestLocalFiles:
    def test_kinds_of_files_that_are_refused(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        for name, what in (("fifo", "not a regular file"), (".", "a directory")):
            with pytest.raises(StorageError, match=what):
                LocalFile(tmp_path / name)
        with pytest.raises(MDIONotFoundError, match="no such file"):
            LocalFile(tmp_path / "missing")

    def test_nothing_stays_open_after_a_refusal(self, tmp_path):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with pytest.raises(StorageError):
                LocalFile(tmp_path)
        assert len(os.listdir("/proc/self/fd")) == before

    def test_without_positioned_calls(self, tmp_path, monkeypatch):
        """Systems without preadv and pwrite seek under a lock; threads still read the right bytes."""
        from concurrent.futures import ThreadPoolExecutor

        from mdio.storage.local import pwrite

        monkeypatch.delattr(os, "preadv")
        monkeypatch.delattr(os, "pwrite")
        path = tmp_path / "x"
        data = os.urandom(50_000)
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda at: pwrite(fd, data[at : at + 100], at), range(0, 50_000, 100)))
        os.close(fd)
        file = LocalFile(path)
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(lambda at: file.read(at, 100), range(0, 50_000, 100)))
        file.close()
        assert b"".join(parts) == data

    def test_windows(self, tmp_path):
        data = os.urandom(20_000)
        (tmp_path / "x").write_bytes(data)
        file = LocalFile(tmp_path / "x")
        for offset, length in ((0, 20_000), (5000, 100), (4096, 4096), (19_999, 1)):
            with file.window(offset, length) as view:
                assert bytes(view) == data[offset : offset + length]
        file.close()

    def test_a_file_cut_while_it_is_read_is_an_error(self, tmp_path):
        path = tmp_path / "x"
        path.write_bytes(bytes(20_000))
        file = LocalFile(path)
        os.truncate(path, 10_000)
        with pytest.raises(StorageError, match="was cut"):
            file.read(9000, 2000)
        with pytest.raises(StorageError, match="was cut"), file.window(9000, 2000):
            pass
        file.close()

    def test_tells_when_it_was_modified(self, tmp_path):
        (tmp_path / "x").write_bytes(b"abc")
        os.utime(tmp_path / "x", ns=(1, 1_700_000_000_123_456_789))
        file = LocalFile(tmp_path / "x")
        assert file.modified == 1_700_000_000_123_456_789
        file.close()

    def test_pickles(self, tmp_path):
        (tmp_path / "x").write_bytes(b"abc")
        file = LocalFile(tmp_path / "x")
        copy = pickle.loads(pickle.dumps(file))
        assert copy.read(1, 2) == b"bc"
        copy.close()
        file.close()

    def test_a_write_that_fails_leaves_nothing(self, tmp_path, monkeypatch):
        store = LocalStore(tmp_path)
        monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(StorageError, match="no space left"):
            store.write("x", b"1")
        assert list(tmp_path.iterdir()) == []


class TestRemoteStores:
    def test_uploads_a_file(self, tmp_path, memory):
        (tmp_path / "x").write_bytes(b"content")
        RemoteStore(memory, "/b", "memory://b").upload("deep/y", tmp_path / "x")
        assert memory.cat_file("/b/deep/y") == b"content"

    @pytest.mark.parametrize(
        ("info", "version"),
        [({"ETag": '"abc"', "LastModified": 5}, '"abc"'), ({"LastModified": 5}, "5"), ({}, None), ({"ETag": ""}, None)],
    )
    def test_tells_its_version(self, memory, monkeypatch, info, version):
        monkeypatch.setattr(memory, "info", lambda path: {"size": 3, "type": "file", **info})
        assert RemoteStore(memory, "/b", "memory://b").open("x").modified == version

    def test_a_short_answer_is_an_error(self, memory, monkeypatch):
        memory.pipe_file("/b/x", bytes(100))
        file = RemoteStore(memory, "/b", "memory://b").open("x")
        monkeypatch.setattr(memory, "cat_file", lambda path, start, end: bytes(100))
        with pytest.raises(StorageError, match="asked for 10 bytes at byte 5, got 100"):
            file.read(5, 10)

    @pytest.mark.parametrize("method", ["get", "exists", "is_dir", "delete"])
    def test_errors_name_the_object(self, memory, monkeypatch, method):
        def fail(*_, **__):
            raise PermissionError("denied")

        for name in ("cat_file", "info", "ls", "find", "rm"):
            monkeypatch.setattr(memory, name, fail)
        with pytest.raises(StorageError, match=r"memory://b/x.*denied"):
            getattr(RemoteStore(memory, "/b", "memory://b"), method)("x")


class TestStorageOptions:
    @pytest.fixture
    def given(self, monkeypatch, memory):
        seen = []

        def url_to_fs(url, **options):
            seen.append(options)
            return memory, "/x"

        monkeypatch.setattr(fsspec.core, "url_to_fs", url_to_fs)
        return seen

    @pytest.mark.parametrize(
        ("options", "url", "expected"),
        [
            ({"key": "k"}, "s3://b/x", {"key": "k"}),
            (
                {"client_kwargs": {"endpoint_url": "http://e"}},
                "s3://b/x",
                {"client_kwargs": {"endpoint_url": "http://e"}},
            ),
            ({"s3": {"key": "k"}, "gs": {"token": "t"}}, "s3://b/x", {"key": "k"}),
            ({"s3": {"key": "k"}, "gs": {"token": "t"}}, "gs://b/x", {"token": "t"}),
            ({"s3": {"key": "k"}}, "memory://b/x", {}),
            (
                {"simplecache": {"cache_storage": "/c"}, "s3": {"key": "k"}},
                "simplecache::s3://b/x",
                {"simplecache": {"cache_storage": "/c"}, "s3": {"key": "k"}},
            ),
        ],
    )
    def test_go_where_they_belong(self, given, options, url, expected):
        Stores(options).open(url)
        assert given == [expected]

    def test_are_not_shown(self):
        assert "hunter2" not in repr(Stores({"password": "hunter2"}))

    def test_a_cache_in_front_of_a_store(self, memory, tmp_path):
        memory.pipe_file("/b/x", b"0123456789")
        options = {"simplecache": {"cache_storage": str(tmp_path)}}
        file = Stores(options).open("simplecache::memory://b/x").open()
        assert file.read(2, 3) == b"234"
        assert list(tmp_path.iterdir())

    def test_unknown_schemes(self):
        with pytest.raises(Exception, match="nosuch") as caught:
            Stores().open("nosuch://b/x")
        assert caught.value.exit_code in (3, 5)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/data/x.sgy", ("file", "/data/x.sgy", ".sgy")),
        ("x.SGY", ("file", "x.SGY", ".sgy")),
        ("file:///data/x.mdio/", ("file", "/data/x.mdio", ".mdio")),
        ("file://localhost/data/x", ("file", "/data/x", "")),
        ("s3://bucket/x.mdio?versionId=3", ("s3", None, ".mdio")),
        ("simplecache::s3://bucket/x.sgy", ("simplecache", None, ".sgy")),
        ("C:/data/x.sgy", ("file", "C:/data/x.sgy", ".sgy")),
    ],
)
def test_urls(url, expected):
    path = local_path(url)
    assert (scheme(url), str(path) if path is not None else None, suffix(url)) == expected


def test_home():
    assert local_path("~/x") == Path.home() / "x"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:hunter2@host/x?token=hunter2#hunter2", "https://host/x"),
        ("simplecache::s3://key:hunter2@bucket/x", "simplecache::s3://bucket/x"),
        ("s3://bucket/x", "s3://bucket/x"),
        ("/data/x?y", "/data/x?y"),
    ],
)
def test_secrets_are_removed(url, shown):
    assert redact(url) == shown
    assert "hunter2" not in redact(url)


def test_split_name():
    assert split_name("s3://b/x/y.mdio/") == ("s3://b/x", "y.mdio")


@pytest.mark.parametrize(
    ("url", "name", "expected"),
    [
        ("cube.rsf", "cube.bin", "cube.bin"),
        ("a/cube.rsf", "data/cube.bin", "a/data/cube.bin"),
        ("/a/what?.rsf", "cube.bin", "/a/cube.bin"),
        ("a/cube.rsf", "/data/cube.bin", "/data/cube.bin"),
        ("s3://lab/a/cube.rsf?versionId=1/2", "cube.bin", "s3://lab/a/cube.bin"),
        ("tape://cube.rsf", "cube.bin", "tape://cube.bin"),
        ("simplecache::s3://lab/cube.rsf", "cube.bin", "simplecache::s3://lab/cube.bin"),
        ("a/cube.rsf", "s3://lab/cube.bin", "s3://lab/cube.bin"),
    ],
)
def test_beside(url, name, expected):
    assert beside(url, name) == expected


def test_reading_from_many_threads(tmp_path):
    data = os.urandom(100_000)
    (tmp_path / "x").write_bytes(data)
    file, wrong = LocalFile(tmp_path / "x"), []

    def read(seed):
        for at in range(seed, 90_000, 977):
            if file.read(at, 50) != data[at : at + 50]:
                wrong.append(at)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    assert wrong == []
