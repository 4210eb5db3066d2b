"""Runs that are killed: what is left never opens as a dataset, an old one stays whole, and --resume finishes it.

The command runs in a process of its own. ``DRIVER`` ends it with SIGKILL at a chosen call, so that each moment of a
run is met every time; the tests marked slow kill a plain ``mdio`` from outside instead.
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

from mdio.cli import main

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")

DRIVER = """
import importlib, os, signal, sys, threading
module, name, when, word, count = sys.argv[1:6]
holder = importlib.import_module(module)
*path, name = name.split(".")
for part in path:
    holder = getattr(holder, part)
inner = getattr(holder, name)
left = int(count)
lock = threading.Lock()

def outer(*args, **more):
    global left
    with lock:
        mine = word in repr([arg for arg in args if isinstance(arg, str)])
        left -= mine
        hit = mine and left == 0
    if hit and when == "half":  # a write that was going on
        pieces = isinstance(args[1], (list, tuple))
        data = b"".join(args[1]) if pieces else bytes(args[1])
        data = data[: len(data) // 2]
        inner(args[0], [data] if pieces else data, *args[2:])
    if hit and when == "pause":
        print("here", flush=True)
        sys.stdin.readline()
    result = inner(*args, **more) if not hit or when in ("after", "pause") else None
    if hit and when != "pause":
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(holder, name, outer)
from mdio.cli import main
sys.exit(main(sys.argv[6:]))
"""
RECORD = ("mdio.flow.journal", "Journal.record")
PUT = ("mdio.storage.staging", "StagedTree.put")
PWRITE = ("mdio.storage.staging", "pwrite")
WRITE_PIECES = ("mdio.storage.staging", "write_pieces")
STAMP = "1700000000"
KEYS = ["--header-locations", "189,193", "--header-names", "inline,crossline"]
IMPORT = [*KEYS, "--chunk-size", "8,8,64", "--workers", "1", "--memory", "100kB", "--quiet"]
EXPORT = ["--workers", "1", "--memory", "100kB", "--quiet"]


def survey(path, shape=(40, 30, 150), seed=1):
    """Write a rev 1 SEG-Y of IBM words, a hundred of them not normalised, without its last trace."""
    inlines, crosslines, samples = shape
    rng = np.random.default_rng(seed)
    traces = np.zeros(inlines * crosslines - 1, np.dtype([("head", "u1", 240), ("words", ">u4", samples)]))
    words = rng.integers(0, 1 << 24, (len(traces), samples), dtype=np.uint32) | np.uint32(0x42100000)
    odd = rng.integers(0, words.size, 100)
    words.reshape(-1)[odd] = words.reshape(-1)[odd] & np.uint32(0xFF0FFFFF)
    traces["words"] = words
    number = np.arange(len(traces))
    for byte, value in ((1, number + 1), (189, 100 + number // crosslines), (193, 200 + number % crosslines)):
        traces["head"][:, byte - 1 : byte + 3] = value.astype(">i4")[:, None].view("u1")
    traces["head"][:, 232:240] = rng.integers(0, 256, (len(traces), 8), dtype=np.uint8)
    binary = np.zeros(200, ">u2")
    binary[[8, 10, 12, 150, 151]] = 2000, samples, 1, 0x100, 1
    text = "C 1 FOR RUNS THAT ARE KILLED".ljust(3200).encode("cp037")
    Path(path).write_bytes(text + binary.tobytes() + traces.tobytes())


def tree(path):
    """Return a hash of every file."""
    return {
        str(f.relative_to(path)): hashlib.sha256(f.read_bytes()).hexdigest() for f in path.rglob("*") if f.is_file()
    }


def hidden(folder):
    """Return what runs left beside their targets."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def killed(point, *arguments):
    """Run ``mdio`` until the point; return whether it was met there."""
    (module, name), when, word, count = point
    command = [sys.executable, "-c", DRIVER, module, name, when, word, str(count), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done


def mdio(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def stamp(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", STAMP)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A survey and its dataset by a run that nothing stopped; another survey and dataset of the same shape."""
    folder = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", STAMP)
        for name, seed in (("new", 1), ("old", 2)):
            survey(folder / f"{name}.sgy", seed=seed)
            assert mdio("segy", "import", folder / f"{name}.sgy", folder / f"{name}.mdio", *IMPORT) == 0
    assert hidden(folder) == []
    return folder


def imports(source, target, *more):
    return ["segy", "import", source, target, *IMPORT, *more]


IMPORT_POINTS = {
    "before the journal begins": (("mdio.flow.journal", "Journal.begin"), "before", "", 1),
    "in the first chunk": (WRITE_PIECES, "half", "", 1),
    "before the first record": (RECORD, "before", "", 1),
    "in a later chunk": (WRITE_PIECES, "half", "", 60),
    "after some records": (RECORD, "after", "", 5),
    "before the commit": (("mdio.native.sink", "MdioSink.commit"), "before", "", 1),
    "in the live mask": (PUT, "before", "live_mask", 1),
    "before the array documents": (PUT, "before", ".zarray", 1),
    "before the consolidated metadata": (PUT, "before", ".zmetadata", 1),
    "before the root group": (PUT, "before", "'.zgroup'", 1),
}


@pytest.mark.parametrize("moment", IMPORT_POINTS)
def test_a_killed_import_does_not_open_and_is_resumed_to_the_same_bytes(moment, unbroken, tmp_path, capsys):
    source, target = unbroken / "new.sgy", tmp_path / "a.mdio"
    killed(IMPORT_POINTS[moment], *imports(source, target))
    assert not target.exists()
    assert hidden(tmp_path) == [".a.mdio.journal", ".a.mdio.part"]

    assert mdio("info", target) == 4
    assert "--resume" in capsys.readouterr().err
    with pytest.raises((FileNotFoundError, KeyError, ValueError)):
        zarr.open(str(tmp_path / ".a.mdio.part"), mode="r")
    with pytest.raises((FileNotFoundError, KeyError, ValueError)):
        zarr.open(str(target), mode="r")
    assert mdio(*imports(source, target)) == 4
    message = capsys.readouterr().err
    assert "unfinished" in message
    assert "--resume" in message
    assert "--overwrite" in message

    assert mdio(*imports(source, target, "--resume")) == 0
    assert tree(target) == tree(unbroken / "new.mdio")
    assert hidden(tmp_path) == []


def test_a_resume_does_only_what_is_left(unbroken, tmp_path, capsys):
    source, target = unbroken / "new.sgy", tmp_path / "a.mdio"
    killed((RECORD, "after", "", 5), *imports(source, target))
    assert mdio(*imports(source, target, "--resume", "--json")) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["resumed"] == 5 < report["slabs"]


def test_a_chunk_that_was_lost_after_its_record_is_written_again(unbroken, tmp_path):
    source, target = unbroken / "new.sgy", tmp_path / "a.mdio"
    killed((RECORD, "after", "", 5), *imports(source, target))
    chunks = sorted((tmp_path / ".a.mdio.part" / "data" / "chunked_012").rglob("[0-9]*/[0-9]*/[0-9]*"))
    chunks[0].unlink()
    chunks[1].write_bytes(chunks[1].read_bytes()[:-1])
    assert mdio(*imports(source, target, "--resume")) == 0
    assert tree(target) == tree(unbroken / "new.mdio")


def test_a_resumed_dataset_keeps_the_stamp_of_the_first_run(unbroken, tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    source, target = unbroken / "new.sgy", tmp_path / "a.mdio"
    killed((RECORD, "after", "", 3), *imports(source, target))
    begun = json.loads((tmp_path / ".a.mdio.journal").read_text().splitlines()[0])["created"]
    assert mdio(*imports(source, target, "--resume")) == 0
    assert json.loads((target / ".zattrs").read_text())["created"] == begun
    stamped = {".zattrs", ".zmetadata"}
    same, other = tree(unbroken / "new.mdio"), tree(target)
    assert {key for key in same if same[key] != other[key]} == stamped
    assert same.keys() == other.keys()


def test_an_unfinished_import_begins_again_with_overwrite(unbroken, tmp_path):
    target = tmp_path / "a.mdio"
    killed((RECORD, "after", "", 5), *imports(unbroken / "old.sgy", target))
    assert mdio(*imports(unbroken / "new.sgy", target, "--overwrite")) == 0
    assert tree(target) == tree(unbroken / "new.mdio")
    assert hidden(tmp_path) == []


OVERWRITE_POINTS = {
    **{moment: IMPORT_POINTS[moment] for moment in ("in the first chunk", "after some records", "in the live mask")},
    "before the root group": IMPORT_POINTS["before the root group"],
    "before the swap": (("mdio.storage.staging", "swap_in"), "before", "", 1),
}


@pytest.mark.parametrize("moment", OVERWRITE_POINTS)
def test_a_killed_overwrite_leaves_the_old_dataset_whole(moment, unbroken, tmp_path, capsys):
    target = tmp_path / "a.mdio"
    assert mdio(*imports(unbroken / "old.sgy", target)) == 0
    killed(OVERWRITE_POINTS[moment], *imports(unbroken / "new.sgy", target, "--overwrite"))
    assert tree(target) == tree(unbroken / "old.mdio")
    assert mdio("info", target) == 0
    assert mdio("segy", "export", target, tmp_path / "back.sgy", "--quiet") == 0
    assert (tmp_path / "back.sgy").read_bytes() == (unbroken / "old.sgy").read_bytes()

    capsys.readouterr()
    assert mdio(*imports(unbroken / "new.sgy", target, "--resume")) == 5
    assert "--overwrite --resume" in capsys.readouterr().err
    assert tree(target) == tree(unbroken / "old.mdio")
    assert mdio(*imports(unbroken / "new.sgy", target, "--overwrite", "--resume")) == 0
    assert tree(target) == tree(unbroken / "new.mdio")
    assert hidden(tmp_path) == []


SWAP_POINTS = {
    "between the names": (("mdio.storage.staging", "_exchange"), "before", "", 1),
    "behind the exchange": (("mdio.storage.staging", "_exchange"), "after", "", 1),
    "before the journal is gone": (("mdio.flow.journal", "Journal.remove"), "before", "", 1),
}


@pytest.mark.parametrize("more", [["--overwrite", "--resume"], ["--overwrite"]], ids=" ".join)
@pytest.mark.parametrize("moment", SWAP_POINTS)
def test_a_swap_that_is_killed_never_mixes_two_datasets(moment, more, unbroken, tmp_path):
    """Chunks without compression all have the same size, so that nothing but the run's own order tells them apart."""
    plain = ["--codec", "none"]
    expected, target = tmp_path / "expected.mdio", tmp_path / "a.mdio"
    assert mdio(*imports(unbroken / "old.sgy", target, *plain)) == 0
    assert mdio(*imports(unbroken / "new.sgy", expected, *plain)) == 0
    old = tree(target)
    killed(SWAP_POINTS[moment], *imports(unbroken / "new.sgy", target, *plain, "--overwrite"))
    assert tree(target) == (old if moment == "between the names" else tree(expected))
    assert mdio("info", target) == 0
    assert mdio(*imports(unbroken / "new.sgy", target, *plain, *more)) == 0
    assert tree(target) == tree(expected)
    assert hidden(tmp_path) == []


def test_a_run_that_was_killed_behind_its_end_is_an_end(unbroken, tmp_path, capsys):
    source, target = unbroken / "new.sgy", tmp_path / "a.mdio"
    killed((("mdio.storage.staging", "swap_in"), "after", "", 1), *imports(source, target))
    assert tree(target) == tree(unbroken / "new.mdio")
    assert mdio("info", target) == 0
    capsys.readouterr()
    for more in ([], ["--resume"]):
        assert mdio(*imports(source, target, *more)) == 5
        assert "already exists" in capsys.readouterr().err
    assert mdio(*imports(source, target, "--overwrite")) == 0
    assert tree(target) == tree(unbroken / "new.mdio")
    assert hidden(tmp_path) == []


OTHERS = {
    "chunks": (["--chunk-size", "8,8,32"], "chunks"),
    "codec": (["--codec", "none"], "codec"),
    "keys": (["--header-names", "il,xl"], "header_names"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_resume_with_other_options_is_refused(what, unbroken, tmp_path, capsys):
    more, named = OTHERS[what]
    source, target = unbroken / "new.sgy", tmp_path / "a.mdio"
    killed((RECORD, "after", "", 3), *imports(source, target))
    part = tree(tmp_path / ".a.mdio.part")
    capsys.readouterr()
    assert mdio(*imports(source, target, "--resume", *more)) == 4
    message = capsys.readouterr().err
    assert named in message
    assert "--overwrite" in message
    assert tree(tmp_path / ".a.mdio.part") == part
    assert mdio(*imports(source, target, "--resume")) == 0
    assert tree(target) == tree(unbroken / "new.mdio")


@pytest.mark.parametrize("change", ["another file", "other samples, same size and headers"])
def test_a_resume_from_another_source_is_refused(change, unbroken, tmp_path, capsys):
    source, target = tmp_path / "in.sgy", tmp_path / "a.mdio"
    source.write_bytes((unbroken / "new.sgy").read_bytes())
    killed((RECORD, "after", "", 3), *imports(source, target))
    if change == "another file":
        source = unbroken / "old.sgy"
    else:
        words = bytearray(source.read_bytes())
        words[3600 + 240 + 5] ^= 0xFF
        source.write_bytes(words)
    capsys.readouterr()
    assert mdio(*imports(source, target, "--resume")) == 4
    assert "source" in capsys.readouterr().err
    assert not target.exists()


@contextlib.contextmanager
def paused(*arguments):
    """Run ``mdio`` up to its first record and hold it there; it goes on when the context ends."""
    command = [sys.executable, "-c", DRIVER, *RECORD, "pause", "", "1", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "here\n"
            yield
        finally:
            process.communicate("go on\n", timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("there", [False, True], ids=["new", "over an old one"])
def test_the_second_of_two_writers_is_refused(there, unbroken, tmp_path, capsys):
    source, target = unbroken / "new.sgy", tmp_path / "a.mdio"
    if there:
        assert mdio(*imports(unbroken / "old.sgy", target)) == 0
    with paused(*imports(source, target, "--overwrite")):
        capsys.readouterr()
        for more in ([], ["--resume"], ["--overwrite"], ["--overwrite", "--resume"]):
            assert mdio(*imports(source, target, *more)) == 5
            assert "another run is writing" in capsys.readouterr().err
    assert tree(target) == tree(unbroken / "new.mdio")
    assert hidden(tmp_path) == []


def test_a_refused_run_leaves_nothing(unbroken, tmp_path, capsys):
    target = tmp_path / "a.mdio"
    assert mdio(*imports(unbroken / "old.sgy", target)) == 0
    for more in ([], ["--resume"]):
        assert mdio(*imports(unbroken / "new.sgy", target, *more)) == 5
        assert "already exists" in capsys.readouterr().err
    assert hidden(tmp_path) == []
    assert tree(target) == tree(unbroken / "old.mdio")


# -- single files --------------------------------------------------------------------------------------------------

EXPORT_POINTS = {
    "in the first traces": (PWRITE, "half", "", 1),
    "before the first record": (RECORD, "before", "", 1),
    "after some records": (RECORD, "after", "", 5),
    "before the commit": (("mdio_segy.sink", "SegySink.commit"), "before", "", 1),
    "before the rename": (("mdio.storage.staging", "StagedFile.commit"), "before", "", 1),
}


def exports(source, target, *more):
    return ["segy", "export", source, target, *EXPORT, *more]


@pytest.mark.parametrize("moment", EXPORT_POINTS)
@pytest.mark.parametrize("there", [False, True], ids=["new", "over an old one"])
def test_a_killed_export_is_resumed_to_the_same_bytes(there, moment, unbroken, tmp_path, capsys):
    source, target = unbroken / "new.mdio", tmp_path / "b.sgy"
    more = ["--overwrite"] if there else []
    if there:
        target.write_bytes((unbroken / "old.sgy").read_bytes())
    killed(EXPORT_POINTS[moment], *exports(source, target, *more))
    if there:
        assert target.read_bytes() == (unbroken / "old.sgy").read_bytes()
    else:
        assert not target.exists()
        capsys.readouterr()
        assert mdio("info", target) == 4
        assert "--resume" in capsys.readouterr().err
        assert mdio(*exports(source, target)) == 4
        assert "--resume" in capsys.readouterr().err
    assert mdio(*exports(source, target, "--segy-format", "ieee32", "--resume", *more)) == 4
    assert "segy_format" in capsys.readouterr().err
    assert mdio(*exports(source, target, "--resume", *more)) == 0
    assert target.read_bytes() == (unbroken / "new.sgy").read_bytes()
    assert hidden(tmp_path) == []


def test_an_export_that_was_killed_behind_its_rename_is_an_end(unbroken, tmp_path):
    source, target = unbroken / "new.mdio", tmp_path / "b.sgy"
    killed((("mdio.flow.journal", "Journal.remove"), "before", "", 1), *exports(source, target))
    assert target.read_bytes() == (unbroken / "new.sgy").read_bytes()
    assert mdio(*exports(source, target, "--overwrite", "--resume")) == 0
    assert target.read_bytes() == (unbroken / "new.sgy").read_bytes()
    assert hidden(tmp_path) == []


def test_the_second_of_two_exports_is_refused(unbroken, tmp_path, capsys):
    source, target = unbroken / "new.mdio", tmp_path / "b.sgy"
    with paused(*exports(source, target)):
        capsys.readouterr()
        for more in ([], ["--resume"], ["--overwrite"]):
            assert mdio(*exports(source, target, *more)) == 5
            assert "another run is writing" in capsys.readouterr().err
    assert target.read_bytes() == (unbroken / "new.sgy").read_bytes()
    assert hidden(tmp_path) == []


# -- from outside --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    folder = tmp_path_factory.mktemp("big")
    survey(folder / "big.sgy", (128, 128, 1000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", STAMP)
        assert mdio("segy", "import", folder / "big.sgy", folder / "big.mdio", *BIG) == 0
    return folder


BIG = [*KEYS, "--chunk-size", "16,32,256", "--workers", "1", "--memory", "4MB", "--quiet"]


def kill_when(command, seen):
    """Start a command and kill it as soon as ``seen()``; return how it ended."""
    with subprocess.Popen([sys.executable, "-m", "mdio", *map(str, command)], stderr=subprocess.PIPE) as process:
        while process.poll() is None and not seen():
            time.sleep(0.001)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    return process.returncode


@pytest.mark.slow
def test_an_import_killed_from_outside_at_many_moments(big, tmp_path, capsys):
    source, target = big / "big.sgy", tmp_path / "a.mdio"
    journal, part = tmp_path / ".a.mdio.journal", tmp_path / ".a.mdio.part"

    def lines(count):
        return lambda: journal.exists() and journal.read_bytes().count(b"\n") > count

    # Killed and resumed and killed again, further each time, at last while the metadata are written.
    moments = [lines(1), lines(9), lines(25), lambda: (part / "metadata" / "live_mask").exists()]
    for number, seen in enumerate(moments):
        more = ["--resume"] if number else []
        code = kill_when(["segy", "import", source, target, *BIG, *more], seen)
        if code == 0:  # it was quicker than we were
            assert number == len(moments) - 1
            break
        assert code == -signal.SIGKILL
        assert not target.exists()
        assert mdio("info", target) == 4
        assert "--resume" in capsys.readouterr().err
    else:
        assert mdio("segy", "import", source, target, *BIG, "--resume") == 0
    assert tree(target) == tree(big / "big.mdio")
    assert hidden(tmp_path) == []
    assert mdio("segy", "export", target, tmp_path / "back.sgy", "--quiet") == 0
    assert (tmp_path / "back.sgy").read_bytes() == source.read_bytes()


@pytest.mark.slow
def test_an_export_killed_from_outside(big, tmp_path):
    source, target = big / "big.mdio", tmp_path / "b.sgy"
    journal = tmp_path / ".b.sgy.journal"
    command = ["segy", "export", source, target, "--workers", "1", "--memory", "4MB", "--quiet"]
    code = kill_when(command, lambda: journal.exists() and journal.read_bytes().count(b"\n") > 4)
    assert code == -signal.SIGKILL
    assert not target.exists()
    assert mdio(*command, "--resume") == 0
    assert target.read_bytes() == (big / "big.sgy").read_bytes()
    assert hidden(tmp_path) == []
