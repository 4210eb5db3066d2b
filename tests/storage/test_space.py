"""Disks that are too small: refused before the work where the size is known, else an error that names the path."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from fault_cases import TARGETS, source

import mdio
from mdio.convert import convert
from mdio.exceptions import MDIOError, StorageError
from mdio.storage import staging
from mdio.storage.local import LocalStore
from mdio.storage.space import free_bytes, require_space
from mdio.storage.staging import StagedFile, StagedTree

FREE = 100_000


@pytest.fixture
def small(monkeypatch):
    """A disk with 100,000 free bytes."""

    class Found:
        f_bavail, f_frsize = FREE // 1000, 1000

    monkeypatch.setattr(os, "statvfs", lambda path: Found)


def test_free_bytes_by_the_system(tmp_path):
    told = subprocess.run(["df", "--output=avail", "-B1", tmp_path], capture_output=True, text=True, check=True)
    there = int(told.stdout.split()[-1])
    assert free_bytes(tmp_path / "not" / "yet" / "there") == pytest.approx(there, abs=1 << 28)


def test_the_message_counts(small, tmp_path):
    require_space(tmp_path, FREE)
    with pytest.raises(StorageError) as caught:
        require_space(tmp_path / "x", FREE + 1)
    assert str(caught.value).startswith(f"{tmp_path}/x: no space left on the device for 100001 bytes, 100000 are free")


def test_a_file_that_does_not_fit(small, tmp_path):
    with pytest.raises(StorageError, match=f"for {FREE + 1} bytes, {FREE} are free"):
        StagedFile(LocalStore(tmp_path / "x"), FREE + 1).begin(fresh=True)
    assert list(tmp_path.iterdir()) == []


def test_a_tree_that_does_not_fit(small, tmp_path):
    with pytest.raises(StorageError, match=f"for {FREE + 1} bytes, {FREE} are free"):
        StagedTree(LocalStore(tmp_path / "x")).begin(fresh=True, expected=FREE + 1)
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_does_not_fit(small, tmp_path):
    """20 · 24 traces of 240 + 4 · 70 bytes after 3600 are 253,200 bytes."""
    data = source(tmp_path / "x.sgy")
    assert len(data) == 253_200
    convert(tmp_path / "x.sgy", tmp_path / "x.mdio")
    with pytest.raises(MDIOError, match=f"for 253200 bytes, {FREE} are free") as caught:
        convert(tmp_path / "x.mdio", tmp_path / "back.sgy")
    assert caught.value.exit_code == 5
    assert not [path for path in tmp_path.iterdir() if "back.sgy" in path.name and ".journal" not in path.name]


@pytest.mark.parametrize("target", ["v0", "v1 sharded", "vds objects"])
def test_a_disk_that_fills_up(tmp_path, monkeypatch, target):
    """The third object does not fit: nothing has the final name, and with more room the run goes on."""
    source(tmp_path / "x.sgy")
    format, options = TARGETS[target]
    wanted = {"target_format": format, "target_options": options}
    left, real = [2], staging.write_pieces

    def write(fd, pieces):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd, pieces)

    monkeypatch.setattr(staging, "write_pieces", write)
    with pytest.raises(MDIOError, match=r"\.y\.part/.*no space left on the device for [1-9][0-9]* bytes") as caught:
        convert(tmp_path / "x.sgy", tmp_path / "y", workers=1, **wanted)
    assert caught.value.exit_code == 5
    assert not (tmp_path / "y").exists()
    with pytest.raises(MDIOError):
        mdio.open(tmp_path / "y")
    left[0] = 1 << 30
    convert(tmp_path / "x.sgy", tmp_path / "y", workers=1, resume=True, **wanted)
    with mdio.open(tmp_path / "y") as one, mdio.open(tmp_path / "x.sgy") as other:
        assert one.read(one.schema.region).samples.tobytes() == other.read(other.schema.region).samples.tobytes()


def test_a_single_file_on_a_disk_that_fills_up(tmp_path, monkeypatch):
    """What is written beyond the size that was reserved (a container grows) names path and bytes as well."""
    file = StagedFile(LocalStore(tmp_path / "x"), 0)
    file.begin(fresh=True)

    def full(fd, data, offset):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging, "pwrite", full)
    with pytest.raises(StorageError, match=r"\.x\.part: no space left on the device for 123 bytes, [0-9]+ are free"):
        file.write(0, bytes(123))
    file.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["sgy", "vds"])
def test_a_single_file_that_cannot_grow(tmp_path, format):
    """The system refuses to let any file grow beyond 50,000 bytes."""
    source(tmp_path / "x.sgy")
    assert subprocess.run([sys.executable, "-m", "mdio", "convert", tmp_path / "x.sgy", tmp_path / "a.mdio"],
                          check=True, capture_output=True)  # fmt: skip
    uncounted = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")
    }  # it has files, too
    done = subprocess.run(
        [sys.executable, "-m", "mdio", "convert", tmp_path / "a.mdio", tmp_path / f"y.{format}", "--quiet"],
        capture_output=True, text=True, env=uncounted,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert f".y.{format}.part" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path(tmp_path / f"y.{format}").exists()
