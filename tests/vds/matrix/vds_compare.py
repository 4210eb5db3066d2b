"""Runs the VDSs of the matrix: one side writes, both read, and every voxel of every level of detail is compared."""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from servers import s3_server
from vds_cases import OURS, RULE, WHEEL
from vds_ours import coarser_than, expected, group_of, layout_of, read, write
from vds_wheel import Wheel, WheelError, connection, filesystem, http_server, storage_options

from mdio.convert import Stores
from mdio.exceptions import MDIOError
from mdio.storage.local import LocalStore
from mdio_vds.channel import layer_name
from mdio_vds.chunks import ChunkKind
from mdio_vds.conversion import convert_codes
from mdio_vds.enums import VolumeDataFormat
from mdio_vds.layout import parse_layout
from mdio_vds.partition import channel_partition
from mdio_vds.volume import open_source
from mdio_vds.voxels import VoxelReader

LOST = "the wheel takes a chunk for constant where only the first of its bytes, one part in {} of them, are the same"
BITS = "rule of LODs of 1Bit: in a cell that the end of a row cuts, the wheel sees the bits behind the row"
SINGLE = "constant chunks of U32, U64 and R64: the wheel keeps their value in single precision (section 7)"
QUANTISED = "answers in U8 and U16: the wheel takes the real value of constant chunks, and the code of others"


@dataclass
class Outcome:
    """What came of one VDS, by where it was read from: combinations of channel and level."""

    equal: Counter[str] = field(default_factory=Counter)
    rule: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


class Bench:
    """A folder, the servers and the wheel; to be entered.

    Parameters
    ----------
    python
        Interpreter of the wheel's environment.
    folder
        For files; removed by nobody else.
    s3
        Whether an emulator of S3 is needed.
    """

    def __init__(self, python: str, folder: Path, *, s3: bool = True) -> None:
        self.wheel = Wheel(python)
        self.folder = folder
        self._s3 = s3
        self._stack = contextlib.ExitStack()
        self._number = itertools.count()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self.wheel.close)
            self.http = stack.enter_context(http_server(self.folder))
            if self._s3:
                self.endpoint = stack.enter_context(s3_server())
                self.filesystem = filesystem(self.endpoint)
                self.filesystem.call_s3("create_bucket", Bucket="matrix")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.close()

    def run(self, job) -> Outcome:
        """Write a VDS, read it on both sides, and compare."""
        outcome = Outcome(skipped=Counter(job.skipped))
        place = self.folder / str(next(self._number))
        place.mkdir()
        try:
            (self._ours if job.direction == OURS else self._wheels)(job, place, outcome)
        except (WheelError, MDIOError) as error:
            outcome.differences.append(f"{job.name}: {type(error).__name__}: {error}")
        finally:
            shutil.rmtree(place, ignore_errors=True)
            if job.storage == "s3":
                with contextlib.suppress(FileNotFoundError):
                    self.filesystem.rm(f"matrix/{place.name}", recursive=True)
        return outcome

    def _urls(self, job, place):
        """Return where we write and where the wheel reads."""
        if job.storage == "container":
            return LocalStore(place / "a.vds"), str(place / "a.vds"), ""
        if job.storage == "http":
            return LocalStore(place / "a"), f"{self.http}/{place.name}/a", ""
        url = f"s3://matrix/{place.name}"
        return Stores(storage_options(self.endpoint)).open(url), url, connection(self.endpoint)

    def _pages(self, job, place, url, connect):
        """Return what the wheel reads: bytes of all chunks by channel and level."""
        task = job.task(do="read", url=url, connection=connect, out=str(place / "out"))
        parts = self.wheel.ask(task)["parts"]
        raw, at, found = np.fromfile(place / "out", np.uint8), 0, {}
        for number, lod, _, size in parts:
            found[number, lod] = raw[at : at + size]
            at += size
        return found

    def _ours(self, job, place, outcome):
        data = job.data()
        store, url, connect = self._urls(job, place)
        write(job, data, store)
        self._compare(job, data, self._pages(job, place, url, connect), read(job, store), job.storage, outcome)

    def _wheels(self, job, place, outcome):
        data = job.data()
        np.savez(place / "in.npz", **data)
        store, url, connect = self._urls(job, place)
        self.wheel.ask(job.task(do="make", url=url, connection=connect, data=str(place / "in.npz")))
        pages = self._pages(job, place, url, connect)
        self._compare(job, data, pages, read(job, store), job.storage, outcome)
        self._rule(job, store, pages, outcome)
        if job.storage == "s3":
            self.filesystem.get(f"matrix/{place.name}", str(place / "a"), recursive=True)
            web = Stores({}).open(f"{self.http}/{place.name}/a")
            self._compare(job, data, pages, read(job, web), "http", outcome)

    def _compare(self, job, data, pages, ours, where, outcome):
        wanted = expected(job, data)
        layout = layout_of(job)
        for key in ours.keys() | pages.keys():
            number, lod = key
            name = f"{job.name} read from {where}: {layout.channels[number].name} LOD {lod}"
            theirs, own = pages.get(key), ours.get(key)
            if theirs is None or own is None or theirs.tobytes() != own.tobytes():
                outcome.differences.append(f"{name}: the wheel and we read different voxels")
            elif lod or wanted[key].tobytes() == own.tobytes():
                outcome.equal[where] += 1
            elif job.direction == WHEEL and lost(layout, job, number, wanted[key], own):
                outcome.skipped[LOST.format("2 or 4")] += 1
            elif job.direction == WHEEL and rounded(layout, job, number, lod, wanted[key], own):
                outcome.skipped[SINGLE] += 1
            else:
                outcome.differences.append(f"{name}: not what was written")

    def _rule(self, job, store, pages, outcome):
        """Compare the levels that the wheel made with those that we make of the same finer ones."""
        ours = coarser_than(job, store)
        layout = layout_of(job)
        for (number, lod), theirs in pages.items():
            channel = layout.channels[number]
            if not lod:
                continue
            if channel.components > 1:
                outcome.skipped[RULE] += 1
                continue
            own = ours[number, lod]
            if own.tobytes() == theirs.tobytes():
                outcome.rule[job.storage] += 1
            elif channel.format is VolumeDataFormat.Format_1Bit and behind(layout, job, number, lod, theirs, own):
                outcome.skipped[BITS] += 1
            elif rounded(layout, job, number, lod, own, theirs.view(own.dtype)):
                outcome.skipped[SINGLE] += 1
            else:
                outcome.differences.append(f"{job.name}: {channel.name} LOD {lod}: not the level that we would make")


def chunks(layout, job, number, lod, *codes):
    """Yield the chunks of a layer as arrays, slowest dimension first, of several arrays of all codes."""
    channel = layout.channels[number]
    partition = channel_partition(layout, channel, group_of(job), lod)
    tail = (channel.components,) if channel.components > 1 else ()
    at = 0
    for index in range(partition.total):
        shape = (*partition.stored_shape(partition.position(index))[::-1], *tail)
        size = int(np.prod(shape))
        yield tuple(code[at : at + size].reshape(shape) for code in codes)
        at += size


def lost(layout, job, number, wanted, found):
    """Whether the chunks that differ are those which the wheel took for constant, looking at too few bytes."""
    components = layout.channels[number].components
    for before, after in chunks(layout, job, number, 0, wanted, found):
        if before.tobytes() == after.tobytes():
            continue
        looked_at = before.reshape(-1)[: before.size // components]
        same = (after == after.reshape(-1)[0]).all() and (looked_at == after.reshape(-1)[0]).all()
        if components == 1 or not same:
            return False
    return True


def rounded(layout, job, number, lod, wanted, found):
    """Whether the chunks that differ are of one value, which went through single precision."""
    kind = wanted.dtype
    if kind.itemsize < 4 or kind == np.float32:
        return False
    for before, after in chunks(layout, job, number, lod, wanted, found):
        if before.tobytes() == after.tobytes():
            continue
        single = before.reshape(-1)[:1].astype(np.float32).astype(np.float64)
        if (before != before.reshape(-1)[0]).any() or (after.astype(np.float64) != single).any():
            return False
    return True


def behind(layout, job, number, lod, theirs, ours):
    """Whether levels of 1Bit differ only in bits that the wheel has at the ends of rows."""
    for their, own in chunks(layout, job, number, lod, theirs, ours):
        if (their[..., :-1] != own[..., :-1]).any() or (their[..., -1] < own[..., -1]).any():
            return False
    return True


def constant(source, layout, channel, reader, like):
    """Return which voxels lie in constant chunks."""
    found = np.zeros(like.shape, bool)
    partition = reader.partition
    layer = source.layers[layer_name(layout, channel, partition.group)]
    for index in range(partition.total):
        if layer.entry(index).kind is ChunkKind.CONSTANT:
            box = partition.interior(partition.position(index))
            found[tuple(slice(lo, hi) for lo, hi in reversed(box))] = True
    return found


FORMATS = ("U8", "U16", "R32", "U32", "R64", "U64")


def conversions(bench, job):
    """Ask the wheel for a VDS of ours in all formats; return equal answers, those left out, and what differs."""
    place = bench.folder / "conversions"
    place.mkdir()
    try:
        write(job, job.data(), LocalStore(place / "a.vds"))
        asked = [
            (number, form, replacement)
            for number, channel in enumerate(job.channels)
            for form in FORMATS
            for replacement in ((None,) if channel.no_value is None else (None, 7.5, -999.25))
        ]
        task = job.task(do="convert", url=str(place / "a.vds"), connection="", out=str(place / "out.npz"))
        bench.wheel.ask(task | {"requests": asked})
        answers = np.load(place / "out.npz")
        source = open_source(LocalStore(place / "a.vds"))
        layout = parse_layout(source.layout_json())
        box = (*((0, n) for n in job.samples), *((0, 1),) * (6 - len(job.samples)))
        equal, skipped, differences = 0, Counter(), []
        for at, (number, form, replacement) in enumerate(asked):
            channel = layout.channels[number]
            reader = VoxelReader(source, layout, channel, group_of(job))
            ours = convert_codes(reader.read(box), channel, VolumeDataFormat[f"Format_{form}"], replacement)
            theirs = answers[str(at)].view(ours.dtype).reshape(ours.shape)
            if ours.tobytes() == theirs.tobytes():
                equal += 1
            elif form in ("U8", "U16") and not (ours != theirs)[~constant(source, layout, channel, reader, ours)].any():
                skipped[QUANTISED] += 1
            else:
                differences.append(f"{job.name}: {channel.name} asked for as {form}, replacement {replacement}")
        source.close()
        return equal, skipped, differences
    finally:
        shutil.rmtree(place)
