"""Kills writers with SIGKILL at random moments and at chosen ones, and looks at what they left.

    python tests/soak/kills.py --count 50                 # five targets on the local disk: about 6 minutes on two cores
    python tests/soak/kills.py --count 20 --s3            # four in an emulator of S3 (moto): about 20 minutes
    python tests/soak/kills.py --only vds --seed 3 --count 500

Targets are MDIO v0 and v1, VDS in one file and as objects, and the SEG-Y export; a VDS in one file is made locally and
sent at its end, and left out with ``--s3``. Moments are taken in turn: a random time, a random write, a write of the
commit, one of the levels of detail; every third run replaces another dataset. After each kill nothing may open as
complete, by us or by plain Zarr (an old dataset that was to be replaced stays whole); nothing may be written any more;
and ``--resume`` has to give the bytes of a run that nothing stopped. Four of five kills have to meet an unfinished
target, or the moments are chosen badly.

The short form is ``tests/crash/test_kills.py``. The last line has all the numbers; ends with code 1 when anything is
wrong.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "vds" / "matrix")]

import zarr  # noqa: E402
from killing import Counter, command, digest, forked, survey, survivors  # noqa: E402

import mdio.cli  # noqa: E402 - once, not in every child
import mdio.convert  # noqa: E402
import mdio.native.sink  # noqa: E402, F401
import mdio_segy.sink  # noqa: E402, F401
import mdio_vds.lods  # noqa: E402
import mdio_vds.sink  # noqa: E402, F401

KEYS = ["-i", "header_locations=189,193", "-i", "header_names=inline,crossline"]
RUN = ["--workers", "2", "--memory", "2MB", "--quiet"]


@dataclass(frozen=True)
class Target:
    """What is written, how, and whether plain Zarr could open it."""

    name: str
    ending: str
    options: tuple[str, ...]
    zarr: bool = False
    export: bool = False


TARGETS = {
    target.name: target
    for target in (
        Target("v0", "a.mdio", ("--to", "mdio", "-o", "chunks=8,8,64"), zarr=True),
        Target("v1", "a.mdio", ("--to", "mdio", "-o", "layout=v1", "-o", "chunks=8,8,64", "-o", "shards=16,16,128"),
               zarr=True),
        Target("vds", "a.vds", ("--to", "vds", "-o", "brick_size=32", "-o", "lods=2")),
        Target("vds-objects", "a", ("--to", "vds", "-o", "layout=objects", "-o", "brick_size=32", "-o", "lods=2")),
        Target("segy", "a.sgy", ("--to", "segy"), export=True),
    )
}  # fmt: skip


class Place:
    """Local targets."""

    remote = False
    more: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "targets"

    def url(self, target: Target) -> str:
        return str(self.folder / target.ending)

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def everything(self) -> dict[str, str]:
        return digest(self.folder)

    def content(self, target: Target) -> dict[str, str]:
        return digest(self.folder / target.ending)


class Bucket:
    """Targets in an emulator of S3; its client runs in forked processes only."""

    remote = True

    def __init__(self, endpoint: str, folder: Path) -> None:
        from vds_wheel import storage_options

        self._endpoint = endpoint
        options = folder / "s3.json"
        options.write_text(
            json.dumps({k: v for k, v in storage_options(endpoint).items() if k != "skip_instance_cache"})
        )
        self.more = ("--storage-options", f"@{options}")
        forked(lambda: self._filesystem().call_s3("create_bucket", Bucket="bucket") and None)

    def _filesystem(self):
        from vds_wheel import filesystem

        return filesystem(self._endpoint)

    def url(self, target: Target) -> str:
        return f"s3://bucket/{target.ending}"

    def clear(self) -> None:
        forked(lambda: [self._filesystem().rm(key, recursive=True) for key in self._filesystem().ls("bucket")] and None)

    def everything(self) -> dict[str, str]:
        return forked(self._all)[1]

    def _all(self) -> dict[str, str]:
        import hashlib

        return {
            key.removeprefix("bucket/"): hashlib.sha256(data).hexdigest()
            for key, data in self._filesystem().cat("bucket", recursive=True, on_error="omit").items()
        } if self._filesystem().find("bucket") else {}  # fmt: skip

    def content(self, target: Target) -> dict[str, str]:
        prefix = f"{target.ending}/"
        found = {
            "" if key == target.ending else key.removeprefix(prefix): value
            for key, value in self.everything().items()
            if key == target.ending or key.startswith(prefix)
        }
        return {key: value for key, value in found.items() if not key.startswith(".mdio-writing")}


class Kills:
    """Kills one target many times.

    Attributes
    ----------
    seen
        What was met, counted.
    wrong
        What must not be, in words.
    """

    def __init__(self, target: Target, folder: Path, place: Place | Bucket, seed: int) -> None:
        self.target = target
        self.place = place
        self.rng = random.Random(f"{seed}:{target.name}:{place.remote}")
        self.seen: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.new, self.old = folder / "new.sgy", folder / "old.sgy"
        self.pause = 0.0 if place.remote else 0.0005
        # Unbroken runs: their bytes, how long they take, and which write belongs to which phase.
        self.before = self._unbroken(self.old)[0]
        self.expected, self.phases, self.seconds = self._unbroken(self.new)
        self.replacing = self._run(self.new, "--overwrite", counter={})[1] or []

    def _arguments(self, source: Path, *more: str) -> list[str]:
        keys = [] if self.target.export else KEYS
        if self.target.export:
            source = source.with_suffix(".mdio")
        target = [self.place.url(self.target), *keys, *self.target.options]
        return ["convert", source, *target, *RUN, *self.place.more, *more]

    def _run(self, source: Path, *more: str, counter: dict | None = None, kill_after: float | None = None):
        run = command(*self._arguments(source, *more))
        remote = self.place.remote

        def work():
            counting = None if counter is None else Counter(remote=remote, **counter)
            code = run()
            return counting.moments() if counting is not None else code

        return forked(work, kill_after=kill_after)

    def _unbroken(self, source: Path):
        self.place.clear()
        begun = time.monotonic()
        status, phases, _ = self._run(source, counter={"pause": self.pause})
        seconds = time.monotonic() - begun
        content = self.place.content(self.target)
        if status or not content or not phases:
            raise SystemExit(f"{self.target.name}: the unbroken run failed")
        return content, phases, seconds

    def kill(self, number: int) -> None:
        """Kill one run, look at what is left, and go on with it."""
        replace = number % 3 == 2
        more = ["--overwrite"] if replace else []
        self.place.clear()
        if replace:
            self._run(self.old)
        phases = self.replacing if replace else self.phases
        known = ("time", "anywhere", *sorted({*phases} - {"cleanup"}))
        # What comes when the target is whole is met once a round of three: it has to be looked at, but not often.
        aims = [*known * 3, *sorted({*phases} & {"cleanup"})]
        aim = aims[number % len(aims)]
        if aim == "time":
            after = self.rng.uniform(0.0, self.seconds * 0.9)
            status, _, session = self._run(self.new, *more, counter={"pause": self.pause}, kill_after=after)
            moment = f"after {after:.3f} s"
        else:
            wanted = {*phases} - {"cleanup"} if aim == "anywhere" else {aim}
            at = self.rng.choice([i for i, phase in enumerate(phases) if phase in wanted])
            how = self.rng.choice(("before", "half", "after"))
            status, _, session = self._run(self.new, *more, counter={"at": at, "how": how})
            moment = f"{how} change {at} of {len(phases)} ({phases[at]})"
        what = f"{self.target.name} kill {number} {moment}{' replacing' if replace else ''}"
        self.seen["ended first"] += not status  # threads make a few changes more or less each time
        if status not in (0, -signal.SIGKILL):
            self.wrong.append(f"{what}: the run ended with {status}")
            return
        self.seen[f"{aim}{' replacing' if replace else ''}"] += 1
        left = survivors(session)
        if left:
            self._fault("survivors", f"{what}: processes {left} live on")
        found = self.place.everything()
        content = self.place.content(self.target)
        complete = content == self.expected
        self.seen["unfinished"] += not complete
        if not complete:
            self._must_not_open(what, content, replace)
        time.sleep(0.05)
        if self.place.everything() != found:
            self._fault("written on", f"{what}: something is written after the kill")
        if complete:
            return
        status, code, _ = self._run(self.new, *more, "--resume")
        if status or code:
            self.wrong.append(f"{what}: the resume ended with {status}, {code}")
        elif self.place.content(self.target) != self.expected:
            made = self.place.content(self.target)
            other = sorted(key for key in made.keys() | self.expected.keys() if made.get(key) != self.expected.get(key))
            self.wrong.append(f"{what}: the resume made other bytes of {other[:5]}")
        else:
            self.seen["resumed"] += 1
            rest = [key for key in self.place.everything() if key.split("/")[0].startswith(".") or "/.mdio-" in key]
            if rest:
                self.wrong.append(f"{what}: the resume left {rest[:3]}")

    def _fault(self, kind: str, what: str) -> None:
        self.seen[kind] += 1
        self.wrong.append(what)

    def _must_not_open(self, what: str, content: dict[str, str], replace: bool) -> None:
        if replace and content == self.before:
            self.seen["old one whole"] += 1
            return
        url = self.place.url(self.target)
        status, code, _ = forked(command("info", url, *self.place.more))
        if status or not code:
            self._fault("opened", f"{what}: it opens ({status}, {code})")
        if not self.target.zarr:
            return
        places = [url] if self.place.remote else [url, str(Path(url).with_name(f".{Path(url).name}.part"))]
        for place in places:
            status, opened, _ = forked(lambda place=place: self._zarr_opens(place))
            if status or opened:
                self._fault("opened", f"{what}: plain Zarr opens {place} ({status})")

    def _zarr_opens(self, place: str) -> bool:
        options = json.loads(Path(self.place.more[1][1:]).read_text()) if self.place.remote else None
        with contextlib.suppress(FileNotFoundError, KeyError, ValueError):
            zarr.open(place, mode="r", storage_options=options)
            return True
        return False


def closing(results: dict[str, dict]) -> str:
    """Return the line that sums up."""

    def total(what: str) -> int:
        return sum(result.get(what, 0) for result in results.values())

    return (
        f"{total('kills')} kills of {', '.join(results)}: {total('unfinished')} met an unfinished target, "
        f"{total('opened')} opened as complete, {total('written on')} written to afterwards, "
        f"{total('survivors')} left processes, {total('resumed')} resumed to the same bytes, "
        f"{sum(len(result['wrong']) for result in results.values())} wrong"
    )


def prepare(folder: Path) -> None:
    """Make two surveys and a dataset of each to export."""
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
    for name, seed in (("new", 1), ("old", 2)):
        survey(folder / f"{name}.sgy", seed=seed)
        made = forked(command("convert", folder / f"{name}.sgy", folder / f"{name}.mdio", *KEYS, "-o", "chunks=8,8,64",
                              "--quiet"))  # fmt: skip
        assert made[:2] == (0, 0), made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=list(TARGETS), action="append")
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    results, failed = {}, False
    try:
        with contextlib.ExitStack() as stack:
            prepare(folder)
            place: Place | Bucket = Place(folder)
            if given.s3:
                from servers import s3_server

                place = Bucket(stack.enter_context(s3_server()), folder)
            for name in given.only or TARGETS:
                if given.s3 and name == "vds":
                    continue  # a single file is made here and sent at its end, as the SEG-Y export is
                kills = Kills(TARGETS[name], folder, place, given.seed)
                for number in range(given.count):
                    kills.kill(number)
                results[name] = {"kills": given.count, **kills.seen, "wrong": kills.wrong}
                if given.count >= 20 and kills.seen["unfinished"] < 0.8 * given.count:
                    kills.wrong.append(f"{name}: only {kills.seen['unfinished']} kills met an unfinished target")
                failed |= bool(kills.wrong)
                if not given.json:
                    print(closing({name: results[name]}), flush=True)
                    print(f"  {dict(kills.seen)}")
                    for line in kills.wrong:
                        print("  WRONG", line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        print(json.dumps(results))
    else:
        print(closing(results))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
