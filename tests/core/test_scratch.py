"""Long arrays in temporary files: content, where they lie, how they go away, and how they reach other processes."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from mdio.core import scratch
from mdio.core.index import MapIndex, SparseIndex
from mdio.core.region import Region
from mdio.core.scratch import Scratch
from mdio.exceptions import StorageError

POSIX = pytest.mark.skipif(sys.platform != "linux", reason="names of open files can be removed, and /proc finds them")


@pytest.fixture(params=["memory", "file"])
def made(request, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if request.param == "file":
        monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
    return Scratch


def test_written_and_read_by_position(made):
    held = made(np.int32, 1000)
    held.write(500, np.arange(500, 1000))  # another type is converted
    held.write(0, np.arange(1000, dtype=np.int32)[:500])
    assert held.read(490, 510).tolist() == list(range(490, 510))
    assert held.read(990, 2000).tolist() == list(range(990, 1000))
    assert held.array.tolist() == list(range(1000))
    assert held.array.dtype == np.int32
    kept = held.array
    held.close()
    held.close()
    assert kept[999] == 999


def test_nothing_at_all(made):
    assert made(np.int64, 0).read(0, 10).tolist() == []


def open_in(folder):
    """Return how many files of a directory this process has open, those without a name included."""
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found += os.readlink(f"/proc/self/fd/{fd}").startswith(str(folder))
    return found


@POSIX
def test_files_have_no_name_and_are_closed(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
    held = Scratch(np.int64, 10_000)
    assert os.listdir(tmp_path) == []
    assert open_in(tmp_path) == 1
    del held
    gc.collect()
    assert open_in(tmp_path) == 0


def test_where_names_cannot_be_removed_files_go_when_they_are_closed(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
    monkeypatch.setattr(scratch, "_unnamed", lambda path: path)
    held, other = Scratch(np.int64, 10), Scratch(np.int64, 10)
    assert len(os.listdir(tmp_path)) == 2
    held.close()
    assert len(os.listdir(tmp_path)) == 1
    other.write(0, np.arange(10))
    assert pickle.loads(pickle.dumps(other)).array.tolist() == list(range(10))
    del other
    gc.collect()
    assert os.listdir(tmp_path) == []


def test_no_room(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
    with pytest.raises(StorageError, match="missing: no temporary file") as caught:
        Scratch(np.int64, 10)
    assert "TMPDIR" in str(caught.value)


def test_a_full_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
    held = Scratch(np.int64, 10)

    def full(fd, view, offset):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scratch, "_pwrite", full)
    with pytest.raises(StorageError, match="No space left") as caught:
        held.write(0, np.arange(10))
    assert "TMPDIR" in str(caught.value)


def indices(made):
    numbers = made(np.uint32, 6)
    numbers.write(0, np.array([2, 0, 2**32 - 1, 1, 3, 2**32 - 1], np.uint32))
    cells, traces = made(np.int64, 3), made(np.uint32, 3)
    cells.write(0, np.array([0, 3, 5]))
    traces.write(0, np.array([2, 0, 1]))
    return [
        (MapIndex((2, 3), numbers, 4), [2, 0, -1, 1, 3, -1]),
        (SparseIndex((2, 3), cells, traces), [2, -1, -1, 0, -1, 1]),
        (SparseIndex((2, 3), cells), [0, -1, -1, 1, -1, 2]),
    ]


@POSIX
def test_indices_in_other_processes(made, tmp_path):
    work = (
        "import pickle, sys; from mdio.core.region import Region\n"
        "index = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(index.count, *index.traces(Region.whole((2, 3))).ravel().tolist())"
    )
    for index, expected in indices(made):
        assert index.traces(Region.whole((2, 3))).ravel().tolist() == expected
        (tmp_path / "index").write_bytes(pickle.dumps(index))
        done = subprocess.run(
            [sys.executable, "-c", work, str(tmp_path / "index")], capture_output=True, text=True, check=True
        )
        assert [int(word) for word in done.stdout.split()] == [index.count, *expected]


@POSIX
def test_long_indices_pickle_by_path(monkeypatch):
    monkeypatch.setattr(scratch, "_IN_MEMORY", -1)
    held = Scratch(np.int64, 100_000)
    held.write(0, np.arange(100_000))
    data = pickle.dumps(held)
    assert len(data) < 1000
    copy = pickle.loads(data)
    held.close()
    assert copy.array.sum() == 99_999 * 50_000
    with pytest.raises(StorageError, match="trace index"):
        pickle.loads(data)
    other = os.open(os.devnull, os.O_RDONLY)
    try:
        with pytest.raises(StorageError):
            pickle.loads(data.replace(b"/proc/", b"/nada/"))
    finally:
        os.close(other)
