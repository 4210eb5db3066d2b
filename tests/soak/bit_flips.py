"""Flips single bits of stored datasets and sees that no wrong value is read without a word.

    python tests/soak/bit_flips.py --count 1000                # all five: about 2 minutes on two cores
    python tests/soak/bit_flips.py --only vds --seed 7 --count 20000

The five are MDIO v0, v1 and sharded v1, VDS in one file and as objects. A flip has to be refused with an error of the
toolkit, or change nothing of what is read: samples, trace headers, live mask, trace order, odd words, axes, units, file
headers, statistics. ``mdio verify`` has to find every flip that a read refuses, end with code 4, and name the damaged
object and, for chunks of samples and headers, the lines that it covers. What no read of ours touches (levels of
detail, coordinates for xarray) is for ``verify`` to find, unless plain Zarr reads the same in spite of it.

Kinds are drawn with equal chances, so that each is met often however few bytes it has: samples, trace headers, live
mask, metadata (twice), and in a VDS the entries of chunks and, once more, the hash that holds a constant. Bricks are
zipped in the file and plain in the objects, so that nothing but our checks can find damage there. The short form is
``tests/crash/test_bit_flips.py``. The last line has all the numbers; ends with code 1 when anything is wrong.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import collections
import json
import random
import shutil
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import numpy as np  # noqa: E402
import zarr  # noqa: E402
from killing import survey  # noqa: E402

from mdio.api.verifying import Verification, verify  # noqa: E402
from mdio.convert import convert  # noqa: E402
from mdio.convert import open as open_volume  # noqa: E402
from mdio.exceptions import MDIOError  # noqa: E402
from mdio.plugins.registry import registry  # noqa: E402

KEYS = {"header_locations": [189, 193], "header_names": ["inline", "crossline"]}
FORMATS = {
    "v0": ("mdio", {"chunks": [8, 8, 32]}),
    "v1": ("mdio", {"layout": "v1", "chunks": [8, 8, 32]}),
    "v1-sharded": ("mdio", {"layout": "v1", "chunks": [8, 8, 32], "shards": [16, 16, 64]}),
    "vds": ("vds", {"layout": "container", "brick_size": 32, "lods": 1}),
    "vds-objects": ("vds", {"layout": "objects", "brick_size": 32, "lods": 1, "compression": "none"}),
}
ZEROS = bytes(4) + b"\1\1\1\1"
"""Hash of a chunk of zeros (VDS specification section 7)."""
KINDS = ("samples", "headers", "mask", "metadata", "entries", "constants")


def build(folder: Path, name: str) -> Path:
    """Write a dataset of that format; a part of it is dead, and a part of the samples has no bit set."""
    format, options = FORMATS[name]
    source = folder / "in.sgy"
    if not source.exists():
        survey(source, (24, 20, 60))
        raw = bytearray(source.read_bytes())
        words = np.frombuffer(raw, np.uint8)[3600:].reshape(-1, 240 + 4 * 60)
        words[:200, 240 : 240 + 4 * 33] = 0
        words[:, 240 : 240 + 4 * 32] = 0  # a brick of 32 that is constant
        words[300, 380:384] = (0x42, 0, 0, 7)  # a word that IEEE numbers cannot give back
        source.write_bytes(raw[: 3600 + 450 * (240 + 4 * 60)])
    target = folder / name
    convert(source, target, source_options=KEYS, target_format=format, target_options=options)
    return target


def read_all(path: Path) -> dict[str, object]:
    """Return everything that a reader is given."""
    volume = open_volume(path)
    try:
        schema = volume.schema
        block = volume.read(schema.region)
        meta = schema.metadata
        patches = block.patches
        return {
            "samples": block.samples.tobytes(),
            "dtype": str(schema.dtype),
            "headers": None if block.headers is None else block.headers.tobytes(),
            "layout": repr(schema.headers),
            "live": block.live.tobytes(),
            "order": None if block.order is None else np.asarray(block.order).tobytes(),
            "lengths": None if block.lengths is None else block.lengths.tobytes(),
            "patches": None if patches is None else (patches.index.tobytes(), patches.words.tobytes()),
            "axes": [(dim.name, dim.unit, np.asarray(dim.coords).tobytes()) for dim in schema.dims],
            "text": meta.text,
            "binary": dict(meta.binary),
            "statistics": json.dumps(meta.statistics, default=str, sort_keys=True),
            "traces": meta.trace_count,
            "source": None if meta.source is None else (meta.source.format, repr(meta.source.facts), meta.source.blobs),
            "attributes": json.dumps(dict(meta.attributes), default=str, sort_keys=True),
        }  # fmt: skip
    finally:
        volume.close()


def plain_values(path: Path) -> dict[str, bytes] | None:
    """Return what plain Zarr reads of all arrays; nothing of a VDS, None where it refuses."""
    if not (path / ".zgroup").exists() and not (path / "zarr.json").exists():
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            group = zarr.open_group(path, mode="r")
            return {name: np.asarray(array[...]).tobytes() for name, array in _arrays(group)}
        except Exception:  # noqa: BLE001 - whatever it raises, no wrong value comes of it
            return None


def _arrays(group):
    for name, array in group.arrays():
        yield array.path or name, array
    for _, inner in group.groups():
        yield from _arrays(inner)


def kind_of(name: str, key: str) -> str:
    """Return what an object of a dataset holds, by its key."""
    last = key.rpartition("/")[2]
    if last.startswith(".z") or last in ("zarr.json", "VolumeDataLayout", "LayerStatus") or "ChunkMetadata" in key:
        return "metadata"
    if key.startswith(("data/", "amplitude/", "Dimensions_")):
        return "samples"
    if "mask" in key or key.startswith("Trace"):
        return "mask"
    return "headers"


def places(name: str, path: Path) -> dict[str, list[tuple[Path, int, int]]]:
    """Return ``(file, first byte, size)`` of all that is stored, by kind."""
    found: dict[str, list[tuple[Path, int, int]]] = {kind: [] for kind in KINDS}
    if not path.is_file():
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            key = file.relative_to(path).as_posix()
            size = file.stat().st_size
            if "ChunkMetadata" in key:
                used = 8 * _chunks_of(file.parent.parent)
                found["entries"].append((file, 0, used))
                constant = file.read_bytes()[:used].find(ZEROS)
                if constant >= 0:
                    found["constants"].append((file, constant, 8))
            found[kind_of(name, key)].append((file, 0, size))
        return found
    from mdio_vds.container import ContainerSource

    volume = open_volume(path)
    source: ContainerSource = volume._source
    taken = []
    for layer in source.layers.values():
        for index in range(layer.chunk_count):
            page, row = divmod(index, layer.file.row.entries_per_page)
            width = 16 + layer.file.row.chunk_metadata_length
            found["entries"].append((path, int(layer.file.pages[page]) + row * width, width))
            offset, length, hash = layer.file.find(index)
            if hash[:8] == ZEROS:
                found["constants"].append((path, int(layer.file.pages[page]) + row * width + 16, 8))
            if length:
                found[kind_of(name, layer.name)].append((path, offset, length))
                taken.append((offset, length))
    volume.close()
    at = 0
    for offset, length in [*sorted(taken), (path.stat().st_size, 0)]:
        if offset > at:
            found["metadata"].append((path, at, offset - at))
        at = offset + length
    return found


def _chunks_of(layer: Path) -> int:
    """Return the chunks of a layer of objects: those with an object, and those before them without."""
    return 1 + max((int(file.name) for file in layer.iterdir() if file.is_file()), default=0)


@dataclass
class Flips:
    """Flips bits of one dataset."""

    name: str
    path: Path
    seed: int
    seen: collections.Counter[str] = field(default_factory=collections.Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.expected = read_all(self.path)
        self.places = {kind: found for kind, found in places(self.name, self.path).items() if found}
        self.elsewhere = plain_values(self.path)
        report = self._verified()
        assert report.ok, report.damages[:3]

    def _verified(self) -> Verification:
        format = "vds" if self.name.startswith("vds") else "mdio"
        return verify(open_volume(self.path), checks=registry().checks(format))

    def flip(self, number: int) -> None:
        """Flip one bit, look, and put it back."""
        rng = random.Random(f"{self.seed}:{self.name}:{number}")
        kind = rng.choice([*self.places, "metadata"])
        spots = self.places[kind]
        file, first, size = rng.choices(spots, [size for *_, size in spots])[0]
        byte, bit = first + rng.randrange(size), rng.randrange(8)
        place = f"{file.relative_to(self.path.parent)} byte {byte} bit {bit}"
        self._set(file, byte, bit)
        try:
            self._look(kind, f"{self.name} {number}: {kind} {place}", file)
        finally:
            self._set(file, byte, bit)

    @staticmethod
    def _set(file: Path, byte: int, bit: int) -> None:
        with file.open("r+b") as out:
            out.seek(byte)
            old = out.read(1)[0]
            out.seek(byte)
            out.write(bytes([old ^ 1 << bit]))

    def _look(self, kind: str, what: str, file: Path) -> None:
        try:
            found = read_all(self.path)
        except MDIOError as error:
            self.seen[f"{kind} refused"] += 1
            self._verify(kind, what, file, str(error))
            return
        except Exception:  # noqa: BLE001 - any of them is what this looks for
            self.wrong.append(f"{what}: not an error of ours: {traceback.format_exc(limit=-3)}")
            return
        differs = [key for key in self.expected if self.expected[key] != found[key]]
        if differs:
            self.wrong.append(f"{what}: {', '.join(differs)} read wrong without a word")
        else:
            self.seen[f"{kind} harmless"] += 1
            self._verify_harmless(kind, what)

    def _verify_harmless(self, kind: str, what: str) -> None:
        try:
            found = not self._verified().ok
        except MDIOError:
            found = True
        self.seen["harmless, verify finds it" if found else "harmless, verify passes"] += 1
        if not found and kind != "metadata" and plain_values(self.path) not in (self.elsewhere, None):
            self.wrong.append(f"{what}: verify says nothing, and plain Zarr reads other values")
        if not found and kind in ("samples", "headers", "mask", "constants") and self.name.startswith("vds"):
            self.wrong.append(f"{what}: neither a read nor verify says anything of a flip in stored values")

    def _verify(self, kind: str, what: str, file: Path, said: str) -> None:
        try:
            report = self._verified()
        except MDIOError:
            self.seen["verify cannot open"] += 1  # and ends with the code of that error
            return
        except Exception:  # noqa: BLE001
            self.wrong.append(f"{what}: verify failed: {traceback.format_exc(limit=-3)}")
            return
        if report.ok:
            self.wrong.append(f"{what}: verify finds nothing, a read said {said}")
            return
        self.seen["verify found"] += 1
        named = " ".join(f"{damage.name} {damage.message}" for damage in report.damages)
        if self.path.is_dir() and file.relative_to(self.path).as_posix() not in named:
            self.wrong.append(f"{what}: verify names {named[:200]}")
        lines = kind in ("samples", "headers", "entries", "constants")
        if lines and "source" not in str(file) and not any(d.where for d in report.damages):
            self.wrong.append(f"{what}: verify names no lines: {named[:200]}")


def closing(results: dict[str, dict]) -> str:
    """Return the line that sums up."""

    def total(what: str) -> int:
        return sum(result.get(what, 0) for result in results.values())

    found = total("verify found") + total("verify cannot open")
    return (
        f"{total('flips')} flips in {', '.join(results)}: "
        f"{sum(len(result['wrong']) for result in results.values())} wrong (read without a word, missed by verify, or "
        f"not named), {total('refused')} refused by a read, of which verify found {found}, "
        f"{total('harmless, verify finds it')} met by verify alone, {total('harmless, verify passes')} changed nothing"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=list(FORMATS), action="append")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="flips-"))
    results = {}
    try:
        for name in given.only or FORMATS:
            flips = Flips(name, build(folder, name), given.seed)
            for number in range(given.count):
                flips.flip(number)
            results[name] = {"flips": given.count, **flips.seen, "wrong": flips.wrong}
            results[name]["refused"] = sum(n for what, n in flips.seen.items() if what.endswith(" refused"))
            if not given.json:
                print(name, dict(flips.seen), f"{len(flips.wrong)} wrong", flush=True)
                for line in flips.wrong[:20]:
                    print("  WRONG", line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        print(json.dumps(results))
    else:
        print(closing(results))
    return int(any(result["wrong"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
