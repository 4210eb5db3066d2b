"""Containers of ours with patched bytes: what the wheel refuses we refuse, and what it reads we read as it does."""

from __future__ import annotations

import shutil
import struct
import zlib

import numpy as np
from vds_cases import OURS, Channel, Job
from vds_ours import read, write
from vds_wheel import WheelError

from mdio.exceptions import MDIOError
from mdio.storage.local import LocalStore

LAYER = b"Dimensions_012LOD0\0"
FIRST = 1
"""The chunk that is patched; the one before it is constant."""


class Container:
    """The tables of a container as raw offsets (section 2), found without the package."""

    def __init__(self, path) -> None:
        self.data = bytearray(path.read_bytes())
        table, files, width = struct.unpack_from("<qii", self.data, 16)
        rows = [table + number * (32 + width) for number in range(files)]
        self.row = next(row for row in rows if self.data[row + 32 :].startswith(LAYER))
        (self.directory,) = struct.unpack_from("<q", self.data, self.row)
        (self.metadata,) = struct.unpack_from("<i", self.data, self.row + 28)
        self.pages = self.directory + 16 + self.metadata
        (page,) = struct.unpack_from("<q", self.data, self.pages)
        self.entry = page + FIRST * 24
        self.payload, self.length = struct.unpack_from("<qi", self.data, self.entry)
        self.put(
            "<i", self.entry + 12, 0
        )  # as the wheel writes rows, so that our check of the row does not see it first

    def put(self, form, offset, *values):
        """Overwrite bytes."""
        struct.pack_into(form, self.data, offset, *values)

    def opaque(self):
        """Make the hash one of somebody else, so that our check does not see the damage first."""
        self.put("<Q", self.entry + 16, 12345)

    def append(self, payload):
        """Give the chunk another payload."""
        self.put("<qi", self.entry, len(self.data), len(payload))
        self.data += payload
        self.opaque()

    def body(self):
        """Return descriptor and decoded body."""
        raw = bytes(self.data[self.payload : self.payload + self.length])
        return raw[:24], zlib.decompress(raw[24:])


def _descriptor(at, value):
    def change(file):
        file.opaque()
        file.put("<i", file.payload + 4 * at, value)

    return change


def _cut(part):
    def change(file):
        file.opaque()
        file.put("<i", file.entry + 8, int(file.length * part))

    return change


def _zip(edit):
    def change(file):
        head, body = file.body()
        file.append(head + edit(body))

    return change


def _spoiled(body):
    raw = bytearray(zlib.compress(body))
    raw[len(raw) // 2] ^= 0xFF
    return bytes(raw)


READ, REFUSED = "read", "refused"
STRICTER = "patched bytes that we refuse and the wheel reads: it looks at sizes only, and fills what is missing"
PATCHES = {
    "nothing": (lambda file: None, READ),
    "hash of somebody else": (lambda file: file.opaque(), READ),
    "hash 0": (lambda file: file.put("<Q", file.entry + 16, 0), READ),
    "hash of no-value": (lambda file: file.put("<q", file.entry + 16, -1), READ),
    "hash of a constant": (lambda file: file.put("<If", file.entry + 16, 0, 0) or file.put(
        "<fI", file.entry + 16, 2.5, 0x01010101), READ),
    "page offset 0": (lambda file: file.put("<q", file.pages, 0), READ),
    "wrong count of written chunks": (lambda file: file.put("<i", file.directory + 16 + 8, 99), READ),
    "level 9": (_zip(lambda body: zlib.compress(body, 9)), READ),
    "stored blocks": (_zip(lambda body: zlib.compress(body, 0)), READ),
    "dimensions 2": (_descriptor(0, 2), STRICTER),
    "dimensions 0": (_descriptor(0, 0), REFUSED),
    "dimensions 4": (_descriptor(0, 4), REFUSED),
    "size + 1": (_descriptor(1, 33), REFUSED),
    "size 0": (_descriptor(2, 0), REFUSED),
    "size -1": (_descriptor(3, -1), REFUSED),
    "format U32": (_descriptor(4, 4), STRICTER),
    "format 99": (_descriptor(4, 99), REFUSED),
    "components 2": (_descriptor(5, 2), REFUSED),
    "half of the zip stream": (_cut(0.5), REFUSED),
    "descriptor only": (lambda file: (file.opaque(), file.put("<i", file.entry + 8, 24)), REFUSED),
    "half of a descriptor": (lambda file: (file.opaque(), file.put("<i", file.entry + 8, 12)), REFUSED),
    "empty payload": (lambda file: (file.opaque(), file.put("<i", file.entry + 8, 0)), REFUSED),
    "payload behind the end": (lambda file: (file.opaque(), file.put("<q", file.entry, 1 << 40)), REFUSED),
    "spoiled zip stream": (_zip(_spoiled), REFUSED),
    "body too short": (_zip(lambda body: zlib.compress(body[:-4])), STRICTER),
}  # fmt: skip
"""Name, what is done to a chunk of R32 in Zip, and what both sides are to say of it."""


def patched(bench, name):
    """Patch a container and read it on both sides; return what is not as it should be."""
    job = Job(OURS, "container", (70, 35, 5), (Channel("A", "R32", no_value=-7.0),), lods=0, kind=f"patched: {name}")
    change, wanted = PATCHES[name]
    place = bench.folder / "patched"
    place.mkdir()
    path = place / "a.vds"
    try:
        write(job, job.data(), LocalStore(path))
        file = Container(path)
        change(file)
        path.write_bytes(file.data)
        results = []
        for ask in (lambda: bench._pages(job, place, str(path), ""), lambda: read(job, LocalStore(path))):
            try:
                results.append(ask()[0, 0].view(np.uint8).tobytes())
            except (WheelError, MDIOError) as error:
                results.append(error)
        said = [REFUSED if isinstance(result, Exception) else READ for result in results]
        if said != ([READ, REFUSED] if wanted == STRICTER else [wanted, wanted]):
            return [f"patched, {name}: {wanted} is due; the wheel: {said[0]}, we: {said[1]} ({results[1]!s:.80})"]
        if wanted == READ and results[0] != results[1]:
            return [f"patched, {name}: the wheel and we read different voxels"]
        return []
    finally:
        shutil.rmtree(place)
