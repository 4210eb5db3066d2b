"""SEG-Y import side by side with another release: whole processes, in turns, with equal results.

    python -m benchmarks.ingest_pair SEGY --peer PYTHON [--repeat 5] [--keys 189,193] [--chunks 64,64,64]

``PYTHON`` is the interpreter of an environment with multidimio 1.x. Every round runs both once, each in a process of
its own that is measured from its start to its end: seconds, CPU seconds of all its processes, the most memory that
they held together, bytes written. Then both results are compared with a decode of the file that neither of them made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PEER = Path(__file__).with_name("ingest_peer.py")
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Cost:
    """What one run took; memory and size in bytes."""

    seconds: float
    cpu: float
    memory: int
    size: int


def measure(command: Sequence[str], target: Path) -> Cost:
    """Run a command that writes ``target`` and return what it took.

    Memory is the largest sum of resident pages of the process and its descendants, looked at every 10 ms, or the
    high-water mark that the kernel keeps of one of them (``VmHWM``) where that is more. ``ru_maxrss`` is no use: a
    child begins with its parent's.
    """
    shutil.rmtree(target, ignore_errors=True)
    os.sync()
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read() if process.stderr else b""))
    reader.start()
    stop = threading.Event()
    peaks = [0]
    poller = threading.Thread(target=_poll, args=(process.pid, stop, peaks))
    poller.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    stop.set()
    poller.join()
    reader.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr:
        process.stderr.close()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{errors[0].decode(errors='replace')[-2000:]}")
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peaks[0], size)


def _poll(pid: int, stop: threading.Event, peaks: list[int]) -> None:
    while not stop.wait(POLL_SECONDS):
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


@dataclass(frozen=True)
class Truth:
    """The SEG-Y file decoded here: big-endian IBM words, index words at two positions of the trace header."""

    traces: np.ndarray
    cells: tuple[np.ndarray, ...]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, path: Path, keys: Sequence[int]) -> Truth:
        head = np.fromfile(path, ">i2", 1800)
        samples = int(head[1610])
        if head[1612] != 1:
            sys.exit(f"{path}: sample format {head[1612]}; only IBM floats (1) are compared")
        kind = np.dtype([("head", "u1", 240), ("words", ">u4", samples)])
        traces = np.memmap(path, kind, "r", 3600)
        found = [
            np.unique(np.ascontiguousarray(traces["head"][:, key - 1 : key + 3]).view(">i4")[:, 0], return_inverse=True)
            for key in keys
        ]
        return cls(traces, tuple(cells for _, cells in found), (*(len(values) for values, _ in found), samples))

    def differs(self, array: object) -> int:
        """Return how many samples of live cells differ from an array (anything sliced like one), by inlines."""
        wrong = 0
        step = 16
        by_line = np.argsort(self.cells[0], kind="stable")
        lines = self.cells[0][by_line]
        for first in range(0, self.shape[0], step):
            some = by_line[np.searchsorted(lines, first) : np.searchsorted(lines, first + step)]
            stored = np.asarray(array[first : min(first + step, self.shape[0])])  # type: ignore[index]
            values = stored[self.cells[0][some] - first, self.cells[1][some]]
            wrong += int(np.count_nonzero(values != decode(self.traces["words"][some])))
        return wrong


def decode(words: np.ndarray) -> np.ndarray:
    """Decode IBM words: sign, base-16 exponent biased by 64, 24-bit fraction (SEG-Y rev 1, section 5.1)."""
    words = words.astype(np.uint32)
    magnitude = np.ldexp((words & 0xFFFFFF).astype(np.float64), 4 * ((words >> 24) & 0x7F).astype(np.int32) - 280)
    return np.where(words >> 31, -magnitude, magnitude).astype(np.float32)


class _Volume:
    """An MDIO dataset of ours, sliced by inlines."""

    def __init__(self, path: Path) -> None:
        import mdio

        self._volume = mdio.open(path)

    def __getitem__(self, part: slice) -> np.ndarray:
        from mdio.core.region import Region

        rest = [(0, size) for size in self._volume.schema.shape[1:]]
        return self._volume.samples(Region([(part.start, part.stop), *rest]))


def _peers_array(path: Path) -> object:
    import zarr

    return zarr.open_array(str(path / "amplitude"), mode="r")


def warm(path: Path) -> None:
    """Read a file, so that every run finds it in the page cache."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("segy", type=Path)
    parser.add_argument("--peer", required=True, help="Python with multidimio 1.x")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--keys", default="189,193", help="first bytes of the index words")
    parser.add_argument("--chunks", default="64,64,64")
    parser.add_argument("--folder", type=Path, help="where results are written (a temporary folder by default)")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="mdio-bench-", dir=arguments.folder) as folder:
        ours, theirs = Path(folder) / "ours.mdio", Path(folder) / "theirs.mdio"
        options = ["--header-locations", arguments.keys, "--header-names", "inline,crossline"]
        options += ["--chunk-size", arguments.chunks, "--quiet"]
        os.environ.pop("PYTHONPATH", None)  # both packages are called mdio
        mine = [sys.executable, "-m", "mdio", "segy", "import", str(arguments.segy), str(ours), *options]
        peers = [arguments.peer, str(PEER), str(arguments.segy), str(theirs), arguments.keys, arguments.chunks]
        commands = {"mdio": (mine, ours), "multidimio": (peers, theirs)}
        warm(arguments.segy)
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(arguments.repeat):
            for name, (command, target) in commands.items():
                costs[name].append(measure(command, target))
        truth = Truth.of(arguments.segy, [int(key) for key in arguments.keys.split(",")])
        differ = {"mdio": truth.differs(_Volume(ours)), "multidimio": truth.differs(_peers_array(theirs))}
    report(costs)
    for name, count in differ.items():
        print(f"{name}: {'every sample equal' if not count else f'{count} samples differ'}")
    sys.exit(1 if any(differ.values()) else 0)


def report(costs: dict[str, list[Cost]]) -> None:
    """Print minimum and median of each measure, and how many times ours the peer takes."""
    rounds = len(costs["mdio"])
    (peer,) = costs.keys() - {"mdio"}
    print(f"{'best (median) of ' + str(rounds):<22}{'mdio':>20}{peer:>20}{'ratio':>16}")
    for title, field, unit, digits in (
        ("seconds", "seconds", 1, 2),
        ("CPU seconds", "cpu", 1, 2),
        ("peak memory, MB", "memory", 1e6, 0),
        ("written, MB", "size", 1e6, 1),
    ):
        columns = {name: [getattr(cost, field) / unit for cost in some] for name, some in costs.items()}
        best = {name: min(values) for name, values in columns.items()}
        middle = {name: statistics.median(values) for name, values in columns.items()}
        cells = [f"{best[name]:.{digits}f} ({middle[name]:.{digits}f})" for name in columns]
        ratio = [found[peer] / found["mdio"] for found in (best, middle)]
        print(f"{title:<22}{cells[0]:>20}{cells[1]:>20}{f'{ratio[0]:.2f} ({ratio[1]:.2f})':>16}")


if __name__ == "__main__":
    main()
