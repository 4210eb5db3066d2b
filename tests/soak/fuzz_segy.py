"""Spoils SEG-Y files by the hundred thousand and sees that each is read, or refused with an error of the toolkit.

    python tests/soak/fuzz_segy.py --count 200000 --seed 1
    python tests/soak/fuzz_segy.py --seed 1 --only 1234      # one case again
    python tests/soak/fuzz_segy.py --replay failed/1-1234.sgy --options '{"strict": true}'

Every case is opened from memory or from a file, its geometry found or taken from keys, and both ends of its grid are
read; every 50th is imported, exported and compared, every 20th is scanned. An error that is no refusal of the file
or of the options, a case that takes more than 5 seconds, and memory beyond 1 GB are failures: the file is kept and
the way to it printed.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import collections
import faulthandler
import json
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from segy_mutations import (  # noqa: E402
    OPTIONS,
    REFUSALS,
    BytesStorage,
    apply,
    own_bases,
    random_edits,
    read_some,
    shared_bases,
)

from mdio.convert import Stores  # noqa: E402
from mdio_segy import mdio_to_segy, segy_to_mdio  # noqa: E402
from mdio_segy.report import scan_report  # noqa: E402

MEMORY = 1 << 30
PATIENCE = 5.0
READER = ("endian", "data_endian", "samples", "sample_format", "extended_headers", "strict")
"""Options that the documented call takes as ``reader_options``, or by another name."""


class HungError(BaseException):
    """A case took too long; no handler of ordinary errors may swallow it."""


def _alarm(signum, frame):
    raise HungError


def case(seed: int, number: int, bases):
    """Return base, edits, options and bytes of a case; the same for the same numbers."""
    rng = random.Random(f"{seed}:{number}")
    base = rng.choice(bases)
    edits = random_edits(rng, base, bases)
    return base, edits, rng.choice(OPTIONS), apply(base.data, edits)


def around(data: bytes, options, folder: Path) -> str:
    """Import and export; the file that comes back has to be the same."""
    folder = folder / "around"
    folder.mkdir()
    source, store, out = folder / "in.sgy", folder / "x.mdio", folder / "out.sgy"
    source.write_bytes(data)
    given = dict(options)
    reader = {key: given.pop(key) for key in READER if key in given}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            try:
                segy_to_mdio(
                    source,
                    store,
                    index_bytes=given.get("header_locations"),
                    index_names=given.get("header_names"),
                    index_types=given.get("header_types"),
                    grid_overrides=given.get("grid_overrides"),
                    reader_options=reader,
                    workers=1,
                )
            except REFUSALS as error:
                left = sorted(path.name for path in folder.iterdir())
                assert left == ["in.sgy"], f"left behind by an import that was refused: {left}"
                return f"around: {type(error).__name__}"
            mdio_to_segy(store, out, workers=1)
        assert out.read_bytes() == data, "the file that came back is another one"
        return "around: identical"
    finally:
        shutil.rmtree(folder)


def scan(data: bytes, folder: Path) -> str:
    """Describe the file."""
    source = folder / "scan.sgy"
    source.write_bytes(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            json.dumps(scan_report(str(source), {}, {}))
        return "scan: described"
    except REFUSALS as error:
        return f"scan: {type(error).__name__}"


def exercise(number: int, data: bytes, options, folder: Path):
    """Yield what came of each thing that is done with a file."""
    if number % 4 == 0:
        path = folder / "file.sgy"
        path.write_bytes(data)

        class Local(Stores):
            def open(self, url):
                return super().open(str(path))

        yield read_some(Local(), options)
    else:
        yield read_some(BytesStorage(data), options)
    if number % 20 == 0:
        yield scan(data, folder)
    if number % 50 == 0:
        yield around(data, options, folder)


class Run:
    """Counts what came of the cases, and keeps those that failed."""

    def __init__(self, failures: Path) -> None:
        self.failures = failures
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.failed: collections.Counter[str] = collections.Counter()
        self.slowest = (0.0, -1)

    def one(self, name: str, number: int, data: bytes, options, folder: Path, again: str) -> None:
        """Run one case."""
        started = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        faulthandler.dump_traceback_later(4 * PATIENCE, exit=True)  # a loop in C hears no signal
        try:
            self.outcomes.update(exercise(number, data, options, folder))
        except (Exception, HungError) as error:  # noqa: BLE001
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._keep(name, data, options, error, again)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
        self.slowest = max(self.slowest, (time.perf_counter() - started, number))

    def _keep(self, name: str, data: bytes, options, error: BaseException, again: str) -> None:
        at = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"
        self.failed[kind] += 1
        if self.failed[kind] > 3:
            return
        self.failures.mkdir(parents=True, exist_ok=True)
        path = self.failures / f"{name}.sgy"
        path.write_bytes(data)
        print(f"FAILED {kind}: {error}\n  {again}\n  --replay {path} --options '{json.dumps(options)}'")
        traceback.print_exception(error, file=sys.stdout)
        sys.stdout.flush()


def main() -> int:
    """Run, print what came of the cases, and return 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="run one case")
    parser.add_argument("--replay", type=Path, help="run a file")
    parser.add_argument("--options", type=json.loads, default={}, help="reader options of --replay, JSON")
    parser.add_argument("--failures", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-segy-failures")
    parser.add_argument("--no-shared", action="store_true", help="own files only")
    given = parser.parse_args()

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _alarm)
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-segy-", dir=memory if memory.is_dir() else None))
    bases = own_bases() + ([] if given.no_shared else shared_bases(ROOT.parent / "shared" / "data"))
    run = Run(given.failures)
    started = time.monotonic()
    numbers = range(given.first, given.first + given.count) if given.only is None else [given.only]
    done = 0
    try:
        if given.replay:
            data = given.replay.read_bytes()
            for number in (0, 1):
                run.one(given.replay.stem, number, data, given.options, folder, "")
            numbers = []
        for number in numbers:
            base, edits, options, data = case(given.seed, number, bases)
            again = f"--seed {given.seed} --only {number}  # {base.name} {str(edits)[:400]}"
            # A single case does everything, whatever its number.
            run.one(f"{given.seed}-{number}", number, data, options, folder, again)
            if given.only is not None:
                run.one(f"{given.seed}-{number}", 0, data, options, folder, again)
            done += 1
            if time.monotonic() - started > given.seconds:
                break
            if done % 10_000 == 0:
                failed = sum(run.failed.values())
                print(f"{done} cases, {time.monotonic() - started:.0f} s, {failed} failed", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{done} cases of {len(bases)} files in {time.monotonic() - started:.0f} s, peak {peak} MiB")
    print(f"slowest: {run.slowest[0]:.2f} s, case {run.slowest[1]}")
    for outcome, times in run.outcomes.most_common():
        print(f"{times:8d} {outcome}")
    for kind, times in run.failed.most_common():
        print(f"{times:8d} FAILED {kind}")
    return 1 if run.failed or peak > 1024 else 0


if __name__ == "__main__":
    sys.exit(main())
