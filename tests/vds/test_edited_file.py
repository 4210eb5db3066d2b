"""A container that gets longer in its place: what does not end well leaves what was there."""

import errno
import os

import pytest

from mdio.exceptions import StorageError
from mdio_vds import growing
from mdio_vds.growing import EditedFile

OLD = b"header|old data"


def failing(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def path(tmp_path):
    (tmp_path / "x.vds").write_bytes(OLD)
    return tmp_path / "x.vds"


def test_what_is_finished_stays_and_the_rest_is_cut_off(path):
    file = EditedFile(path)
    file.write(len(OLD), b"|new data")
    assert file.read(len(OLD) + 1, 100) == b"new data"
    file.finish(len(OLD) + 4, b"HEADER")
    file.write(len(OLD) + 4, b" never led to")
    file.close()
    file.close()
    assert path.read_bytes() == b"HEADER|old data|new"


def test_what_is_not_finished_is_cut_off(path):
    file = EditedFile(path)
    file.write(len(OLD), b"|new data")
    file.abort()
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("step", ["write", "finish"])
def test_a_full_disk_is_named_and_leaves_what_was_there(path, monkeypatch, step):
    file = EditedFile(path)
    with monkeypatch.context() as full:
        full.setattr(growing, "pwrite", failing)
        with pytest.raises(StorageError, match=f"x.vds: writing failed: {os.strerror(errno.ENOSPC)}"):
            file.write(len(OLD), b"new") if step == "write" else file.finish(len(OLD) + 3, b"HEADER")
    file.close()
    assert path.read_bytes() == OLD


def test_a_cut_that_fails_closes_the_file_all_the_same(path, monkeypatch):
    file = EditedFile(path)
    monkeypatch.setattr(os, "ftruncate", failing)
    with pytest.raises(StorageError, match="writing failed"):
        file.close()
    file.close()


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(StorageError, match=f"x.vds: cannot be edited: {os.strerror(errno.ENOENT)}"):
        EditedFile(tmp_path / "x.vds")
