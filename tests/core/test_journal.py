"""A journal survives torn lines, refuses other runs and keeps a second writer away."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import mdio.flow.lines as module
from mdio.core.region import Region
from mdio.exceptions import JournalMismatchError, MDIONotFoundError, WriterLockedError
from mdio.flow.journal import Journal

HEADER = {
    "fingerprint": {"source": {"size": 10, "etag": "a"}, "chunks": (64, 64)},
    "created": "2024-01-01T00:00:00Z",
    "slab": (64, 64),
}


def slab(number):
    return Region([(64 * number, 64 * number + 64), (0, 64)])


class DictStore:
    """Objects in a dict; as much of a store as a journal uses."""

    url = "memory://bucket/target"
    path = None

    def __init__(self):
        self.objects = {}

    def list(self, prefix=""):
        yield from [(key, len(data)) for key, data in self.objects.items() if key.startswith(prefix.rstrip("/") + "/")]

    def read(self, key=""):
        if key not in self.objects:
            raise MDIONotFoundError(key)
        return self.objects[key]

    def write(self, key, data):
        self.objects[key] = bytes(data)

    def delete(self, key=""):
        for name in [n for n in self.objects if n == key or n.startswith(key + "/")]:
            del self.objects[name]


@pytest.fixture(params=["local", "guarded", "store", "memory"])
def open_journal(request, tmp_path, monkeypatch):
    if request.param == "guarded":
        monkeypatch.setattr(module, "fcntl", None)
    if request.param == "store":
        store = DictStore()
        return lambda: Journal.on_store(store, ".journal")
    if request.param == "memory":
        lines = []
        return lambda: Journal.in_memory(lines)
    return lambda: Journal.local(tmp_path / "journal")


def test_a_resume_finds_what_was_recorded(open_journal):
    journal = open_journal()
    assert journal.header is None
    assert journal.begin(HEADER)["slab"] == [64, 64]
    for number in (2, 0, 1):
        journal.record(slab(number), {"stats": {"sum": 0.1 + 0.2}, "receipt": {"number": number}})
    assert set(journal.finished()) == {slab(0), slab(1), slab(2)}
    journal.close()
    journal.close()

    journal = open_journal()
    begun = journal.begin(HEADER | {"created": "2030-01-01T00:00:00Z", "slab": (32, 32)})
    assert begun["created"] == "2024-01-01T00:00:00Z"
    assert begun["slab"] == [64, 64]
    assert journal.header == begun
    assert journal.finished()[slab(1)] == {"stats": {"sum": 0.1 + 0.2}, "receipt": {"number": 1}}
    journal.record(slab(1), {"receipt": {"number": 11}})
    journal.record(slab(3), {"receipt": {}})
    journal.close()

    journal = open_journal()
    assert journal.finished()[slab(1)] == {"receipt": {"number": 11}}
    assert len(journal.finished()) == 4
    journal.remove()
    journal.remove()

    journal = open_journal()
    assert journal.header is None
    assert journal.finished() == {}
    journal.close()


def test_another_run_is_refused_by_the_first_difference(open_journal):
    journal = open_journal()
    journal.begin(HEADER)
    journal.close()
    journal = open_journal()
    other = HEADER | {"fingerprint": {"source": {"size": 11, "etag": "b"}, "chunks": (64, 64)}}
    with pytest.raises(JournalMismatchError, match=r'source\.etag = "a".*has "b"'):
        journal.begin(other)
    with pytest.raises(JournalMismatchError, match="codec = null"):
        journal.begin(HEADER | {"fingerprint": {**HEADER["fingerprint"], "codec": "zfp"}})
    journal.begin(HEADER)
    journal.close()


def test_a_restart_forgets_but_keeps_the_lock(open_journal):
    journal = open_journal()
    journal.begin(HEADER)
    journal.record(slab(0), {})
    journal.close()
    journal = open_journal()
    journal.restart()
    assert journal.header is None
    assert journal.finished() == {}
    journal.begin(HEADER | {"fingerprint": {"other": 1}})
    journal.record(slab(1), {})
    journal.close()
    journal = open_journal()
    assert set(journal.finished()) == {slab(1)}
    journal.close()


def test_remove_after_close_and_in_a_folder_that_is_gone(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    journal = Journal.local(folder / "journal")
    journal.begin(HEADER)
    journal.close()
    journal.remove()
    assert list(folder.iterdir()) == []
    journal = Journal.local(folder / "journal")
    journal.close()
    (folder / "journal").unlink()
    folder.rmdir()
    journal.remove()


@pytest.mark.parametrize("tail", [b'{"region":[[0,64],[0', b"\0\0\0\0\n", b'{"region":3,"entry":{}}\n', b"\xff\n"])
def test_a_torn_end_is_dropped_and_written_over(tmp_path, tail):
    path = tmp_path / "journal"
    journal = Journal.local(path)
    journal.begin(HEADER)
    journal.record(slab(0), {})
    journal.close()
    with path.open("ab") as file:
        file.write(tail)
    journal = Journal.local(path)
    journal.begin(HEADER)
    assert set(journal.finished()) == {slab(0)}
    journal.record(slab(1), {})
    journal.close()
    journal = Journal.local(path)
    assert set(journal.finished()) == {slab(0), slab(1)}
    journal.close()
    assert len([json.loads(line) for line in path.read_bytes().splitlines()]) == 3


def test_a_torn_header_is_a_fresh_journal(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b'{"version":1,"finger')
    journal = Journal.local(path)
    assert journal.header is None
    journal.begin(HEADER)
    journal.close()
    journal = Journal.local(path)
    assert journal.header["created"] == HEADER["created"]
    journal.close()


def test_a_long_torn_line_is_cut_whole(tmp_path):
    path = tmp_path / "journal"
    journal = Journal.local(path)
    journal.begin(HEADER)
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b"x" * 200_000)
    Journal.local(path).close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("guarded", [False, True])
def test_a_second_writer_is_kept_away(tmp_path, monkeypatch, guarded):
    if guarded:
        monkeypatch.setattr(module, "fcntl", None)
    journal = Journal.local(tmp_path / "journal", "survey.mdio")
    with pytest.raises(WriterLockedError, match=r"survey\.mdio"):
        Journal.local(tmp_path / "journal", "survey.mdio")
    journal.close()
    again = Journal.local(tmp_path / "journal", "survey.mdio")
    with pytest.raises(WriterLockedError):
        journal.remove()  # it is not ours any more
    again.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(module.fcntl is None, reason="no flock")
def test_the_lock_holds_between_processes_and_dies_with_its_process(tmp_path):
    path = tmp_path / "journal"
    code = (
        "import sys; from mdio.flow.journal import Journal\n"
        "j = Journal.local(sys.argv[1]); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(WriterLockedError):
            Journal.local(path)
        other.kill()
    Journal.local(path).remove()


def test_threads_do_not_mix_their_lines(open_journal):
    journal = open_journal()
    journal.begin(HEADER)

    def work(first):
        for number in range(first, first + 50):
            journal.record(slab(number), {"receipt": {"text": "x" * number}})

    threads = [threading.Thread(target=work, args=(50 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    journal = open_journal()
    finished = journal.finished()
    assert len(finished) == 200
    assert all(len(finished[slab(n)]["receipt"]["text"]) == n for n in range(200))
    journal.close()


def test_a_closed_journal_takes_no_more(open_journal):
    journal = open_journal()
    journal.begin(HEADER)
    journal.close()
    with pytest.raises(ValueError, match="closed"):
        journal.record(slab(0), {})


def test_store_segments_are_few_and_the_header_comes_first():
    store = DictStore()
    journal = Journal.on_store(store, ".journal/")
    journal.begin(HEADER)
    assert list(store.objects) == [".journal/00000000.jsonl"]
    for number in range(100):
        journal.record(slab(number), {})
    journal.close()
    assert len(store.objects) <= 5
    journal = Journal.on_store(store, ".journal")
    assert len(journal.finished()) == 100
    store.objects[".journal/00000001.jsonl"] = store.objects[".journal/00000001.jsonl"][:-20]
    assert len(journal.finished()) == 99
    journal.begin(HEADER)
    journal.record(slab(200), {})
    journal.close()
    assert len(Journal.on_store(store, ".journal").finished()) == 100


def test_of_picks_a_locked_file_where_the_store_is_local(tmp_path):
    store = DictStore()
    store.path = Path(tmp_path)
    journal = Journal.of(store, "a/journal")
    journal.begin(HEADER)
    assert (tmp_path / "a" / "journal").is_file()
    journal.close()


@pytest.mark.parametrize("of", [Journal.of_target, Journal.of_local_target])
def test_the_journal_of_a_local_target_lies_beside_it_and_locks_it(tmp_path, of):
    store = DictStore()
    store.path = tmp_path / "lines.mdio"
    journal = of(store)
    journal.begin(HEADER)
    assert [path.name for path in tmp_path.iterdir()] == [".lines.mdio.journal"]
    with pytest.raises(WriterLockedError):
        of(store)
    journal.remove()


def test_the_journal_of_a_remote_target_is_found_again_where_it_can_be_gone_on_with():
    store = DictStore()
    for of, kept in ((Journal.of_local_target, []), (Journal.of_target, [".mdio-writing/0"])):
        journal = of(store)
        journal.begin(HEADER)
        journal.close()
        assert [key[: len(".mdio-writing/0")] for key in store.objects] == kept


def test_a_file_system_without_locks_gets_a_lock_file(tmp_path, monkeypatch):
    def refuse(fd, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module.fcntl, "flock", refuse)
    first = Journal.local(tmp_path / ".journal", "target")
    assert (tmp_path / ".journal.lock").exists()
    with pytest.raises(WriterLockedError, match="another run is writing target") as caught:
        Journal.local(tmp_path / ".journal", "target")
    assert f"delete {tmp_path / '.journal.lock'}" in caught.value.hint
    first.close()
    assert not (tmp_path / ".journal.lock").exists()


def test_a_lock_file_does_not_outlive_a_journal_that_cannot_be_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "fcntl", None)
    (tmp_path / ".journal").mkdir()
    with pytest.raises(IsADirectoryError):
        Journal.local(tmp_path / ".journal", "target")
    assert not (tmp_path / ".journal.lock").exists()


def test_a_line_that_is_taken_in_parts_is_whole(tmp_path, monkeypatch):
    journal = Journal.local(tmp_path / "journal", "target")
    real, sizes = module.os.write, iter([7])
    monkeypatch.setattr(module.os, "write", lambda fd, data: real(fd, data[: next(sizes, len(data))]))
    journal.begin(HEADER)
    journal.close()
    monkeypatch.undo()
    assert Journal.local(tmp_path / "journal", "target").header["slab"] == [64, 64]


def test_two_runs_do_not_write_the_same_segment():
    class Exclusive(DictStore):
        def create(self, key, data):
            if key in self.objects:
                return False
            self.write(key, data)
            return True

    store = Exclusive()
    first, second = Journal.on_store(store, ".journal"), Journal.on_store(store, ".journal")
    first.begin(HEADER)
    with pytest.raises(WriterLockedError, match="memory://bucket/target: another run is writing it"):
        second.begin(HEADER)
