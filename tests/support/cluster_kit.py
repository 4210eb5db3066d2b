"""What tests of a Dask cluster share: slow sources that workers can import, trees of bytes, and how to kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class Slow:
    """A volume whose slabs take their time, so that somebody can be killed meanwhile."""

    def __init__(self, inner, seconds, log):
        self.inner, self.seconds, self.log = inner, seconds, log

    def __getattr__(self, name):
        if name in ("inner", "seconds", "log"):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def read(self, region):
        with open(self.log, "a") as log:
            log.write(f"{os.getpid()} {tuple(region)}\n")
        time.sleep(self.seconds)
        return self.inner.read(region)


class Deadly(Slow):
    """A volume that takes the process with it that reads a slab, the first ``times`` times or always."""

    def __init__(self, inner, log, times=None):
        super().__init__(inner, 0, log)
        self.times = times

    def read(self, region):
        block = super().read(region)
        if self.times is None or len(lines(self.log)) <= self.times:
            os._exit(1)
        return block


class Flaky(Slow):
    """A volume that fails the first time that a slab is read."""

    def read(self, region):
        block = super().read(region)
        again = [line.partition(" ")[2] for line in lines(self.log)]
        if again.count(again[-1]) < 2:
            raise OSError("a hiccup of the store")
        return block


class Other(Slow):
    """A volume that every process takes for another one, as if its file were not the same everywhere."""

    def __init__(self, inner):
        super().__init__(inner, 0, os.devnull)
        self.schema = inner.schema.with_metadata(identity={"who": os.getpid()})


def lines(path):
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def wait_until(condition, seconds=20.0):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to it"
        time.sleep(0.01)


def digests(path):
    """Return a digest of every file below a path (or of the one file), by its name."""
    path = Path(path)
    if path.is_file():
        return {"": hashlib.sha256(path.read_bytes()).hexdigest()}
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def worker_pids(client):
    """Return the process of each worker."""
    return sorted(set(client.run(os.getpid).values()))


@contextlib.contextmanager
def process(*arguments):
    """Run Python in another process and make sure that it is gone at the end."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    running = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@contextlib.contextmanager
def machines(folder, name):
    """Yield the address of a scheduler in a process of its own with two workers, and that process."""
    file = folder / name
    quiet = ["--no-dashboard", "--scheduler-file", str(file)]
    with process("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *quiet) as scheduler:
        wait_until(lambda: file.exists() and file.read_text().strip().endswith("}"))
        worker = ["-m", "distributed.cli.dask_worker", "--nworkers", "2", "--nthreads", "1", *quiet]
        with process(*worker):
            address = json.loads(file.read_text())["address"]
            yield address, scheduler
