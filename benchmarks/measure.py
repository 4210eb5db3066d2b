"""What a whole process costs with all its children: seconds, CPU seconds, memory, bytes written."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Cost",
    "ProcessFailed",
    "clean_environment",
    "in_turns",
    "last_words",
    "measure",
    "remove",
    "size_of",
    "warm",
]

POLL_SECONDS = 0.01
NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
"""Two packages are called mdio, so none may be on a common path; and Python caches what it compiles, as installed."""


class ProcessFailed(RuntimeError):
    """A measured process ended with an error; the message holds the end of what it wrote."""


@dataclass(frozen=True)
class Cost:
    """What one run took.

    Parameters
    ----------
    seconds
        From start to end.
    cpu
        CPU seconds, user and system, of the process and all children that it waited for.
    memory
        Peak bytes of the process tree.
    size
        Bytes of the target.
    """

    seconds: float
    cpu: float
    memory: int
    size: int


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of measured processes."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return kept | dict(extra or {})


def measure(command: Sequence[str], target: Path | None = None, *, extra: Mapping[str, str] | None = None) -> Cost:
    """Run a command and return what it took.

    Memory is the largest sum of resident pages of the process and its descendants, looked at every 10 ms (pages that
    processes share count in each, so it is a little hard on those with many), or the
    high-water mark that the kernel keeps of one of them (``VmHWM``) where that is more. ``ru_maxrss`` is no use: a
    child begins with its parent's.

    Raises
    ------
    ProcessFailed
        It ended with an error.
    """
    os.sync()
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=clean_environment(extra),
    )
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read() if process.stderr else b""))
    reader.start()
    stop = threading.Event()
    peaks = [0]
    poller = threading.Thread(target=_poll, args=(process.pid, stop, peaks))
    poller.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:  # interrupted: nothing stays behind
            process.kill()
            process.wait()
        stop.set()
        poller.join()
        reader.join()
        if process.stderr:
            process.stderr.close()
    if process.returncode:
        said = last_words(errors[0].decode(errors="replace"))
        raise ProcessFailed(f"ended with {process.returncode}: {said}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peaks[0], size_of(target) if target else 0)


def last_words(text: str) -> str:
    """Return the end of what a process wrote, in one line."""
    return " ".join(text.split())[-300:]


def _poll(pid: int, stop: threading.Event, peaks: list[int]) -> None:
    while True:
        total = 0
        for member in _family(pid):
            try:
                lines = Path(f"/proc/{member}/status").read_text().splitlines()
            except OSError:
                continue  # ended meanwhile
            held = {line[:5]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("VmHWM", "VmRSS"))}
            total += held.get("VmRSS", 0)
            peaks[0] = max(peaks[0], held.get("VmHWM", 0))
        peaks[0] = max(peaks[0], total)
        if stop.wait(POLL_SECONDS):
            return


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def size_of(path: Path) -> int:
    """Return the bytes of a file or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def warm(path: Path) -> None:
    """Read a file or folder, so that every run finds it in the page cache."""
    for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
        with file.open("rb") as opened:
            while opened.read(1 << 20):
                pass


def in_turns(runs: Mapping[str, Callable[[], Cost]], rounds: int) -> tuple[dict[str, list[Cost]], dict[str, str]]:
    """Run all of them once a round, so that a change of the machine's mood meets everyone.

    Returns
    -------
    tuple
        Costs by name, and the messages of those that failed, which are not asked again.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    failed: dict[str, str] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            if name in failed:
                continue
            try:
                costs[name].append(run())
            except ProcessFailed as error:
                failed[name] = str(error)
    return costs, failed
