"""Commands run in forked processes of their own, killed at a chosen write or from outside, and what they left behind.

Only calls of the operating system (and of remote stores) are counted, so that the moments know nothing of how the
product is built but the names of its phases: ``commit`` of a sink, and the making of levels of detail.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

WRITES = ("pwrite", "write", "writev")
CHANGES = (*WRITES, "ftruncate", "fsync", "rename", "replace", "unlink", "remove", "rmdir", "mkdir")
"""Functions of ``os`` that change what is stored."""
REMOTE = ("write", "upload", "delete")
TIDYING = ("unlink", "remove", "rmdir", "fsync", "delete")
PHASES = {
    "commit": (
        ("mdio.native.sink", "MdioSink.commit"),
        ("mdio_vds.sink", "VdsSink.commit"),
        ("mdio_segy.sink", "SegySink.commit"),
    ),
    "lod": (("mdio_vds.lods", "make_lods"),),
}


class Counter:
    """Counts changes in this process; kills it at one of them.

    Parameters
    ----------
    at, how
        Number of the change, and whether to die before it, half way through its bytes, or after it.
    pause
        Seconds to sleep at each change.
    remote
        Count calls of the remote store instead.
    """

    def __init__(self, at: int = -1, how: str = "before", pause: float = 0.0, remote: bool = False) -> None:
        self.phases: list[str] = []
        self.names: list[str] = []
        self._at = at
        self._how = how
        self._pause = pause
        self._stack = ["data"]
        self._lock = threading.Lock()
        if remote:
            from mdio.storage.remote import RemoteStore

            for name in REMOTE:
                self._wrap(RemoteStore, name)
        else:
            for name in CHANGES:
                self._wrap(os, name)
        for phase, places in PHASES.items():
            for module, path in places:
                holder = sys.modules.get(module)
                if holder is None:
                    continue  # then nothing here writes that
                *outer, name = path.split(".")
                for part in outer:
                    holder = getattr(holder, part)
                self._mark(holder, name, phase)

    def moments(self) -> list[str]:
        """Return the phase of each change; what only tidies up behind the last real one is ``cleanup``."""
        last = max((at for at, name in enumerate(self.names) if name not in TIDYING), default=-1)
        return [phase if at <= last else "cleanup" for at, phase in enumerate(self.phases)]

    def _mark(self, holder, name, phase):
        inner = getattr(holder, name)

        @functools.wraps(inner)
        def marked(*args, **more):
            self._stack.append(phase)
            try:
                return inner(*args, **more)
            finally:
                self._stack.pop()

        setattr(holder, name, marked)
        for user in list(sys.modules.values()):  # imported by name elsewhere
            if getattr(user, "__name__", "").startswith("mdio") and getattr(user, name, None) is inner:
                setattr(user, name, marked)

    def _wrap(self, holder, name):
        inner = getattr(holder, name)

        @functools.wraps(inner)
        def counted(*args, **more):
            if holder is os and name in WRITES and args[0] in (0, 1, 2, self.report):
                return inner(*args, **more)
            with self._lock:
                number = len(self.phases)
                self.phases.append(self._stack[-1])
                self.names.append(name)
            if self._pause:
                time.sleep(self._pause)
            if number == self._at:
                if self._how == "half" and holder is os and name in WRITES:
                    data = b"".join(bytes(p) for p in args[1]) if name == "writev" else bytes(args[1])
                    half = data[: len(data) // 2]
                    inner(args[0], [half] if name == "writev" else half, *args[2:])
                elif self._how == "after":
                    with contextlib.suppress(OSError):  # such as the deletion of what is not there
                        inner(*args, **more)
                os.kill(os.getpid(), signal.SIGKILL)
            return inner(*args, **more)

        setattr(holder, name, counted)

    report = -1


def forked(work, *, kill_after: float | None = None):
    """Run ``work()`` in a process and session of its own; return ``(status, result, process group)``.

    Status is the exit code, or minus the signal. The result is what it returned, JSON-able, None where it was killed.
    """
    reads, writes = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if not process:
        code = 70
        try:
            os.close(reads)
            os.setsid()
            sink = os.open(os.devnull, os.O_WRONLY)
            log = os.open(os.environ.get("KILLS_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(sink, 1)
            os.dup2(log, 2)
            Counter.report = writes
            result = work()
            with os.fdopen(writes, "w") as out:
                json.dump(result, out)
            code = 0
        except BaseException:  # noqa: BLE001 - a child ends here whatever happens
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writes)
    if kill_after is not None:
        time.sleep(kill_after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    with os.fdopen(reads) as found:
        text = found.read()
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None, process


def survivors(session: int) -> list[int]:
    """Return processes of a session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    found.append(int(entry.name))
    return found


def command(*arguments):
    """Return a function that runs ``mdio`` and returns its exit code."""
    return lambda: _mdio(list(map(str, arguments)))


def _mdio(arguments: list[str]) -> int:
    from mdio.cli import main

    return main(arguments)


def digest(path: Path) -> dict[str, str]:
    """Return a hash of every file at or below a path, by its relative name."""
    if path.is_file():
        return {"": hashlib.sha256(path.read_bytes()).hexdigest()}
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else []
    return {file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def survey(path: Path, shape=(40, 30, 150), seed=1) -> Path:
    """Write a revision 1 SEG-Y file of IBM words, without its last trace."""
    inlines, crosslines, samples = shape
    rng = np.random.default_rng(seed)
    traces = np.zeros(inlines * crosslines - 1, np.dtype([("head", "u1", 240), ("words", ">u4", samples)]))
    traces["words"] = rng.integers(0, 1 << 24, (len(traces), samples), dtype=np.uint32) | np.uint32(0x42100000)
    number = np.arange(len(traces))
    for byte, value in ((1, number + 1), (189, 100 + number // crosslines), (193, 200 + number % crosslines)):
        traces["head"][:, byte - 1 : byte + 3] = value.astype(">i4")[:, None].view("u1")
    binary = np.zeros(200, ">u2")
    binary[[8, 10, 12, 150, 151]] = 2000, samples, 1, 0x100, 1
    text = "C 1 FOR RUNS THAT ARE KILLED".ljust(3200).encode("cp037")
    path.write_bytes(text + binary.tobytes() + traces.tobytes())
    return path
