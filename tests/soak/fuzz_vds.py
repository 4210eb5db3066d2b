"""Spoils VDSs by the ten thousand and sees that each is read, or refused with an error of the toolkit.

    python tests/soak/fuzz_vds.py --count 20000 --seed 1
    python tests/soak/fuzz_vds.py --seed 1 --only 1234      # one case again

Containers and trees of objects, of all encodings, are patched, cut and rearranged, their JSON also by values. Every
case is opened, described, and read: all channels at all levels, what a volume has, and through the API of OpenVDS. An
error that is no refusal, data of another shape than was asked for, a case that takes more than 5 seconds, and memory
beyond 1 GB are failures: the case is printed.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import collections
import faulthandler
import itertools
import json
import random
import re
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
sys.path[:0] = [str(ROOT / "tests" / "vds" / "matrix"), str(ROOT / "tests" / "support")]

from vds_cases import OURS, Channel, Job  # noqa: E402
from vds_ours import write  # noqa: E402
from vds_streams import coefficients_of, encode, levels_of  # noqa: E402

import mdio_vds as openvds  # noqa: E402
from mdio.convert import Stores  # noqa: E402
from mdio.core.region import Region  # noqa: E402
from mdio.exceptions import MDIOError  # noqa: E402
from mdio.storage.local import LocalStore  # noqa: E402
from mdio_vds.container_target import ContainerTarget  # noqa: E402
from mdio_vds.enums import CompressionMethod  # noqa: E402
from mdio_vds.layout import parse_layout  # noqa: E402
from mdio_vds.object_target import ObjectTarget  # noqa: E402
from mdio_vds.partition import GROUPS  # noqa: E402
from mdio_vds.volume import open_source, open_volume  # noqa: E402
from mdio_vds.voxels import ChunkCache, VoxelReader  # noqa: E402

MEMORY = 1 << 30
PATIENCE = 5.0
SPAN = 24
"""Voxels along each axis that are read of what a layout announces."""
MOST_CHUNK = 64 << 20
"""Bytes of a page that is asked for as a whole."""
NUMBERS = (0, 1, -1, 2, 7, 8, 24, 28, 255, 2**15, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, -(2**63), 0x0101010100000000)
VALUES = (0, -1, 1, 2**31 - 1, 2**40, 1.5, 1e308, -1e-300, True, None, "", "x", "Format_U64", "Format_1Bit", [], {},
          "PerTrace", "LODLevels_12", "BrickSize_4096", "BrickSize_32", "Components_4", "Wavelet", "RLE",
          "None")  # fmt: skip

Files = dict[str, bytes]


class HungError(BaseException):
    """A case took too long; no handler of ordinary errors may swallow it."""


def _alarm(signum, frame):
    raise HungError


def bases(folder: Path) -> list[tuple[str, Files]]:
    """Return small VDSs: name, and contents by key; a container has one key, the empty one."""
    channels = (
        Channel("Amplitude", "R32", no_value=-999.25),
        Channel("Trace", "U8", 1, "PerTrace", 1, discrete=True, renderable=False),
        Channel("SEGYTraceHeader", "U8", 1, "PerTrace", 240, discrete=True, renderable=False),
        Channel("Pair", "U16", 2, scale=0.5, offset=-3.0),
        Channel("Bits", "1Bit"),
        Channel("Long", "U64", 1, "PerTrace", 2, renderable=False),
    )
    found = []
    for storage, codec in itertools.product(("container", "http"), ("None", "Zip", "RLE")):
        for samples, group, margins in (
            ((35, 5, 4), "012", (0, 0)),
            ((34, 33), "01", (2, 3)),
            ((5, 4, 3, 2), "012", (0, 0)),
        ):
            job = Job(OURS, storage, samples, channels, margins, codec, f"Dimensions_{group}", flat_lods=True, lods=1)
            path = folder / "base"
            write(job, job.data(), LocalStore(path))
            if path.is_file():
                files = {"": path.read_bytes()}
                path.unlink()
            else:
                files = {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}
                shutil.rmtree(path)
            found.append((f"{storage} {codec} {samples}", files))
    return found + [(f"{storage} Wavelet", wavelets(folder / "base", storage)) for storage in ("container", "http")]


def wavelets(path: Path, storage: str) -> Files:
    """Return the files of a small VDS of two wavelet chunks."""
    axes = [{"numSamples": n, "name": name, "unit": "", "coordinateMin": 0.0, "coordinateMax": n - 1.0}
            for n, name in ((40, "Sample"), (17, "Crossline"), (9, "Inline"))]  # fmt: skip
    channel = {"format": "Format_R32", "components": "Components_1", "name": "Amplitude", "unit": "",
               "valueRange": [-1.0, 1.0], "channelMapping": "Direct", "mappedValues": 1, "renderable": True,
               "allowLossyCompression": True, "integerScale": 1.0, "integerOffset": 0.0}  # fmt: skip
    bricks = {"brickSize": "BrickSize_32", "negativeMargin": 0, "positiveMargin": 0, "brickSize2DMultiplier": 4,
              "lodLevels": "LODLevels_None", "options": {"create2DLODs": False, "forceFullResolutionDimension": False},
              "fullResolutionDimension": 0}  # fmt: skip
    text = {"layoutDescriptor": bricks, "axisDescriptors": axes, "channelDescriptors": [channel], "metadata": []}
    target = (ContainerTarget if storage == "container" else ObjectTarget).create(LocalStore(path))
    layer = target.add_layer("Dimensions_012LOD0", CompressionMethod.Wavelet, 1.0, 2)
    for index, length in enumerate((32, 8)):
        stream, _, ends = encode(coefficients_of((length, 17, 9), index), 3, 2.0)
        layer.put(index, 77 + index, stream, levels_of(stream, ends), 4 * length * 17 * 9)
    target.commit(json.dumps(text, indent=2, separators=(",", " : ")).encode())
    target.close()
    if path.is_file():
        files = {"": path.read_bytes()}
        path.unlink()
    else:
        files = {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}
        shutil.rmtree(path)
    return files


def spoiled(rng: random.Random, files: Files, others: list[tuple[str, Files]]) -> tuple[Files, list[str]]:
    """Return a spoiled copy, and what was done."""
    files = dict(files)
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        key = rng.choice(sorted(files)) if rng.random() < 0.5 else rng.choice([k for k in sorted(files) if k in (
            "", "LayerStatus", "VolumeDataLayout") or "ChunkMetadata" in k] or sorted(files))  # fmt: skip
        data = bytearray(files[key])
        how = rng.choice((byte, byte, number, number, number, table, table, value, value, value, cut, move, swap, drop))
        done.append(f"{how.__name__} {key!r}")
        changed = how(rng, data, key, files, others)
        if changed is None:
            del files[key]
        else:
            files[key] = bytes(changed)
        if not files:
            break
    return files, done


def byte(rng, data, key, files, others):
    """Change a byte."""
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return data


def number(rng, data, key, files, others):
    """Put an interesting number anywhere."""
    width = rng.choice((1, 2, 4, 4, 8, 8))
    at = rng.randrange(max(1, len(data) - width + 1))
    data[at : at + width] = (rng.choice(NUMBERS) % (1 << 8 * width)).to_bytes(width, "little")
    return data


def table(rng, data, key, files, others):
    """Put an interesting number where a container has its header and tables: the start and the last part."""
    if len(data) < 64:
        return number(rng, data, key, files, others)
    start = rng.choice((0, max(0, len(data) - 1200)))
    at = start + 4 * rng.randrange(max(1, min(len(data) - start, 1200 if start else 32) // 4))
    width = rng.choice((4, 8))
    data[at : at + width] = (rng.choice((*NUMBERS, at, len(data), len(data) - 1)) % (1 << 8 * width)).to_bytes(
        width, "little"
    )
    return data


def value(rng, data, key, files, others):
    """Change a value in the JSON, keeping what surrounds it in place."""
    begin = data.find(b"{") if key == "" else 0
    if key not in ("", "LayerStatus", "VolumeDataLayout") or begin < 0:
        return number(rng, data, key, files, others)
    tokens = list(re.finditer(rb'(?<= : )("[^"]*"|-?[0-9.e+]+|true|false)', bytes(data)))
    if not tokens:
        return data
    token = rng.choice(tokens)
    text = json.dumps(rng.choice(VALUES)).encode()
    if key == "":  # offsets stay what they are
        text = text[: len(token[0])].ljust(len(token[0]))
    data[token.start() : token.end()] = text
    return data


def cut(rng, data, key, files, others):
    """Leave away the end."""
    return data[: rng.randrange(len(data) + 1)]


def move(rng, data, key, files, others):
    """Copy a piece to another place, or in between."""
    length = rng.choice((1, 8, 24, 32, 100))
    source, target = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
    piece = data[source : source + length]
    data[target : target + (length if rng.random() < 0.8 else 0)] = piece
    return data


def swap(rng, data, key, files, others):
    """Take the contents of another object, or of another VDS."""
    other = rng.choice(others)[1]
    return bytearray(files[rng.choice(sorted(files))] if rng.random() < 0.5 or key not in other else other[key])


def drop(rng, data, key, files, others):
    """Delete an object."""
    return None if key else data


def store_files(folder: Path, files: Files) -> Path:
    """Write a case; return its path."""
    path = folder / "case"
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if "" in files:
        path.write_bytes(files[""])
        return path
    for key, data in files.items():
        (path / key).parent.mkdir(parents=True, exist_ok=True)
        (path / key).write_bytes(data)
    path.mkdir(exist_ok=True)
    return path


def read_volume(path: Path) -> str:
    """Describe and read what a volume has."""
    try:
        volume = open_volume(str(path), {}, Stores())
    except MDIOError as error:
        return f"volume: not opened: {type(error).__name__}"
    try:
        json.dumps(volume.inspect())
        shape = volume.schema.shape
        region = Region([(0, min(n, SPAN)) for n in shape])
        block = volume.read(region)
        assert block.samples.shape == region.shape, "samples of another shape"
        volume.order(region.spatial)
        end = Region([(max(0, n - 3), n) for n in shape])
        assert volume.samples(end).shape == end.shape, "samples of another shape"
        return "volume: read"
    except MDIOError as error:
        return f"volume: {type(error).__name__}"
    finally:
        volume.close()


def read_layers(path: Path) -> str:
    """Read all channels at all levels, also as chunks."""
    refused = 0
    try:
        source = open_source(LocalStore(path))
    except MDIOError as error:
        return f"layers: not opened: {type(error).__name__}"
    try:
        layout = parse_layout(source.layout_json())
        cache = ChunkCache(1 << 20)
        for channel in layout.channels[:8]:
            for lod, group in itertools.product(range(min(layout.layout.lod_levels, 3) + 1), ((0, 1, 2), (0, 1))):
                if group not in GROUPS or group[-1] >= max(len(layout.axes), 3):
                    continue
                try:
                    reader = VoxelReader(source, layout, channel, group, lod, cache)
                    partition = reader.partition
                    box = tuple((0, min(n, SPAN if n > 1 else 1)) for n in partition.samples)
                    assert reader.read(box).shape == reader.shape(box), "codes of another shape"
                    for index in range(min(partition.total, 6)):
                        position = partition.position(index)
                        sizes = partition.stored_shape(position)
                        entry = reader._stored.layer.entry(index) if not reader._remapped else None
                        if entry is not None and _bytes(sizes, reader.dtype) < MOST_CHUNK:
                            chunk = reader.chunk(position)
                            assert sorted(n for n in chunk.shape if n > 1) == sorted(
                                n for n in (*sizes, channel.components) if n > 1
                            ), f"a chunk of another shape: {chunk.shape}, {sizes} are stored"
                except LookupError:
                    continue
                except MDIOError:
                    refused += 1
        return "layers: read" if not refused else "layers: some refused"
    except MDIOError as error:
        return f"layers: {type(error).__name__}"
    finally:
        source.close()


def _bytes(sizes, dtype) -> int:
    total = dtype.itemsize
    for size in sizes:
        total *= size
    return total


def read_api(path: Path) -> str:
    """Ask as a program for OpenVDS would."""
    try:
        handle = openvds.open(str(path), "")
    except RuntimeError as error:
        return _cause("api: not opened", error)
    refused = ""
    try:
        layout = openvds.getLayout(handle)
        dims = layout.getDimensionality()
        samples = [layout.getDimensionNumSamples(d) for d in range(dims)]
        manager = openvds.getAccessManager(handle)
        for key in layout.getMetadataKeys():
            assert key.getName() is not None
        for number in range(min(layout.getChannelCount(), 8)):
            channel = layout.getChannelDescriptor(number)
            first = (
                samples[0]
                if channel.getMapping() == openvds.VolumeDataMapping.Direct
                else channel.getMappedValueCount()
            )
            most = [min(n, SPAN) for n in (first, *samples[1:])] + [1] * (6 - dims)
            group = openvds.DimensionsND.Dimensions_01 if dims == 2 else openvds.DimensionsND.Dimensions_012
            try:
                request = manager.requestVolumeSubset(
                    (0,) * 6, tuple(most), lod=0, channel=number, format=channel.getFormat(), dimensionsND=group
                )
                data = request.data
                assert data is not None
                mode = openvds.VolumeDataAccessManager.AccessMode.AccessMode_ReadOnly
                accessor = manager.createVolumeDataPageAccessor(group, 0, number, 4, mode)
                lo, hi = accessor.getChunkMinMax(0)
                if _bytes([b - a for a, b in zip(lo, hi, strict=True)], _ITEM) < MOST_CHUNK:
                    page = accessor.readPage(0)
                    page.getBuffer()
                    page.release()
            except MDIOError as error:
                refused = f"api: some refused: {type(error).__name__}"
            except RuntimeError as error:
                refused = _cause("api: some refused", error)
        return refused or "api: read"
    except RuntimeError as error:
        return _cause("api", error)
    finally:
        openvds.close(handle)


class _ITEM:
    itemsize = 32


def _cause(what: str, error: BaseException) -> str:
    """Say what was refused; what lies behind a RuntimeError has to be an error of the toolkit."""
    cause = error.__cause__
    if cause is not None and not isinstance(cause, MDIOError):
        raise cause
    return f"{what}: {type(cause or error).__name__}"


class Run:
    """Counts what came of the cases."""

    def __init__(self) -> None:
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.failed: collections.Counter[str] = collections.Counter()
        self.slowest = (0.0, -1)

    def one(self, number: int, files: Files, folder: Path, again: str) -> None:
        """Run one case."""
        path = store_files(folder, files)
        started = time.perf_counter()
        faulthandler.dump_traceback_later(4 * PATIENCE, exit=True)  # a loop in C hears no signal
        for read in (read_volume, read_layers, read_api):
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    warnings.simplefilter("error", RuntimeWarning)
                    self.outcomes[read(path)] += 1
            except (Exception, HungError) as error:  # noqa: BLE001
                signal.setitimer(signal.ITIMER_REAL, 0)
                self._note(error, again)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        self.slowest = max(self.slowest, (time.perf_counter() - started, number))

    def _note(self, error: BaseException, again: str) -> None:
        at = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"
        self.failed[kind] += 1
        if self.failed[kind] <= 2:
            print(f"FAILED {kind}: {error}\n  {again}")
            traceback.print_exception(error, file=sys.stdout)
            sys.stdout.flush()


def main() -> int:
    """Run, print what came of the cases, and return 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", type=int, help="run one case")
    parser.add_argument("--keep", type=Path, help="with --only: leave the case there")
    given = parser.parse_args()

    signal.signal(signal.SIGALRM, _alarm)
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-vds-", dir=memory if memory.is_dir() else None))
    run, started, done = Run(), time.monotonic(), 0
    try:
        known = bases(folder)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        for _, files in known:
            run.one(-1, files, folder, "unspoiled")
        assert set(run.outcomes) == {"volume: read", "layers: read", "api: read"}, run.outcomes
        numbers = range(given.first, given.first + given.count) if given.only is None else [given.only]
        for number in numbers:
            rng = random.Random(f"{given.seed}:{number}")
            name, files = rng.choice(known)
            files, edits = spoiled(rng, files, known)
            run.one(number, files, folder, f"--seed {given.seed} --only {number}  # {name}: {', '.join(edits)}")
            done += 1
            if given.keep and given.only is not None:
                shutil.copytree(folder, given.keep)
            if done % 5000 == 0:
                print(
                    f"{done} cases, {time.monotonic() - started:.0f} s, {sum(run.failed.values())} failed", flush=True
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{done} cases of {len(known)} VDSs in {time.monotonic() - started:.0f} s, peak {peak} MiB")
    print(f"slowest: {run.slowest[0]:.2f} s, case {run.slowest[1]}")
    for outcome, times in run.outcomes.most_common():
        print(f"{times:8d} {outcome}")
    for kind, times in run.failed.most_common():
        print(f"{times:8d} FAILED {kind}")
    return 1 if run.failed or peak > 1024 else 0


if __name__ == "__main__":
    sys.exit(main())
