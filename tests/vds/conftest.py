"""A VDS writer of the tests' own: slow, literal, and sharing no code with the package."""

import base64
import itertools
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from mdio.storage.local import LocalStore

FORMATS = {"1Bit": 0, "U8": 1, "U16": 2, "R32": 3, "U32": 4, "R64": 5, "U64": 6}
DTYPES = {"1Bit": "u1", "U8": "u1", "U16": "<u2", "R32": "<f4", "U32": "<u4", "R64": "<f8", "U64": "<u8"}
LEVELS = bytes(range(16, 32))
METHODS = {"None": 0, "Wavelet": 1, "RLE": 2, "Zip": 3}


def rle(data, unit):
    """Encode runs of equal units one after the other; single units become literal runs of one."""
    out = b""
    units = [data[i : i + unit] for i in range(0, len(data), unit)]
    for value, group in itertools.groupby(units):
        left = len(list(group))
        while left:
            n = min(left, 16384)
            literal = 0x40 if n == 1 else 0
            low, high = (n - 1) & 0x3F, (n - 1) >> 6
            out += bytes([low | literal | 0x80, high]) if high else bytes([low | literal])
            out += value
            left -= n
    return struct.pack("<3i", 12 + len(out), len(data), unit) + out


def payload(block, fmt, method):
    """Encode ``block[z, y, x]`` (1 to 3 axes)."""
    sizes = list(block.shape[::-1]) + [1] * (3 - block.ndim)
    if fmt == "1Bit":
        body = np.packbits(block, axis=-1, bitorder="little").tobytes()
    else:
        body = np.ascontiguousarray(block, DTYPES[fmt]).tobytes()
    unit = np.dtype(DTYPES[fmt]).itemsize
    body = {"None": lambda b: b, "Zip": zlib.compress, "RLE": lambda b: rle(b, unit)}[method](body)
    return struct.pack("<6i", block.ndim, *sizes, FORMATS[fmt], 1) + body


def channel(name="Amplitude", fmt="R32", **more):
    return {
        "format": f"Format_{fmt}", "components": "Components_1", "name": name, "unit": "",
        "valueRange": [-1.0, 1.0], "channelMapping": "Direct", "mappedValues": 1, "renderable": True,
        "integerScale": 1.0, "integerOffset": 0.0,
    } | more  # fmt: skip


def axis(samples, name, unit="unitless", first=1.0, step=1.0):
    return {
        "numSamples": samples, "name": name, "unit": unit,
        "coordinateMin": first, "coordinateMax": first + step * (samples - 1),
    }  # fmt: skip


AXES = [("Sample", "ms"), ("Crossline", "unitless"), ("Inline", "unitless"), ("Four", "m"), ("Five", "m"), ("Six", "m")]


def layout_json(shape, channels, brick=32, margins=(0, 0), lods=0, metadata=(), **more):
    """``shape`` is slowest first, as arrays are."""
    return {
        "layoutDescriptor": {
            "brickSize": f"BrickSize_{brick}", "negativeMargin": margins[0], "positiveMargin": margins[1],
            "brickSize2DMultiplier": 4, "lodLevels": f"LODLevels_{lods}" if lods else "LODLevels_None",
        } | more,
        "axisDescriptors": [axis(n, *AXES[d]) for d, n in enumerate(reversed(shape))],
        "channelDescriptors": channels,
        "metadata": list(metadata),
    }  # fmt: skip


def cut(array, brick, margins, group, fmt, method):
    """Cut ``array`` (slowest first) into chunks ``[(hash, payload)]``; dimensions outside the group have length 1."""
    n, p = margins
    shape = array.shape[::-1]
    base = (brick - n - p) * (4 if len(group) == 2 else 1)
    spans = []
    for d, length in enumerate(shape):
        if d not in group:
            spans.append([(i, i + 1) for i in range(length)])
            continue
        edge = min(base, length)
        count = max(1, int((length - 1 - n - p) / edge) + 1)
        spans.append([(i * edge, min(i * edge + edge + n + p, length)) for i in range(count)])
    chunks = []
    for box in itertools.product(*reversed(spans)):
        block = array[tuple(slice(lo, hi) for lo, hi in box)]
        block = block.reshape([array_n for d, array_n in enumerate(block.shape) if array.ndim - 1 - d in group])
        chunks.append((1 + len(chunks), payload(block, fmt, method)))
    return chunks


class Writer:
    """Collects layers and writes them as a container or as objects."""

    def __init__(self, layout):
        self.layout = layout
        self.layers = []
        self.extra = []

    def layer(self, name, method, chunks, ipe=1024):
        self.layers.append((name, method, chunks, ipe))
        return self

    def container(self, path, name_length=64):
        out = bytearray(32)
        rows = []

        def put(data):
            out.extend(data)
            return len(out) - len(data)

        def file(name, tag, chunks, ipe, metadata, cml):
            entries = [(put(data) if data else 0, len(data), meta) for meta, data in chunks]
            pages = []
            for start in range(0, len(entries), ipe):
                page = b"".join(struct.pack("<qii", o, n, 0) + m for o, n, m in entries[start : start + ipe])
                pages.append(put(page.ljust(ipe * (16 + cml), b"\0")))
            directory = put(bytes(16) + metadata + struct.pack(f"<{len(pages)}q", *pages))
            row = struct.pack("<qiii4sii", directory, len(chunks), 0, ipe, tag, cml, len(metadata))
            rows.append(row + name.encode().ljust(name_length, b"\0"))

        file("VolumeDataLayout", b"JSON", [(b"", json.dumps(self.layout).encode())], 1, b"", 0)
        for name, method, chunks, ipe in self.layers:
            wavelet = method == "Wavelet"
            valid = sum(1 for code, _ in chunks if code)
            metadata = struct.pack("<ifi", METHODS[method], 0.5, valid) + bytes(140 if wavelet else 0)
            coded = [(struct.pack("<Q", code) + (LEVELS if wavelet else b""), data) for code, data in chunks]
            file(name, b"VDS ", coded, ipe, metadata, 24 if wavelet else 8)
        table = put(b"".join(rows))
        out[:32] = struct.pack("<12siqii", b"HueDataStore", 0x10000, table, len(rows), name_length)
        Path(path).write_bytes(out)
        return str(path)

    def objects(self, path, page=5):
        root = Path(path)
        root.mkdir()
        (root / "VolumeDataLayout").write_text(json.dumps(self.layout))
        status = []
        for name, method, chunks, _ in self.layers:
            status.append({
                "layerName": name, "dimensionGroup": "Dimensions_012", "lod": 0, "produceStatus": "Normal",
                "hasChunkMetadataPages": True, "chunkCount": len(chunks), "chunkMetadataPageSize": page,
                "chunkMetadataByteSize": 28 if method == "Wavelet" else 8, "compressionMethod": method,
                "compressionTolerance": 0.5, "serializedSize": sum(len(data) for _, data in chunks),
            })  # fmt: skip
            (root / name / "ChunkMetadata").mkdir(parents=True)
            for number, (_, data) in enumerate(chunks):
                if data:
                    (root / name / str(number)).write_bytes(data)
            for start in range(0, len(chunks), page):
                rows = b"".join(
                    struct.pack("<IQ", len(data), code) + LEVELS if method == "Wavelet" else struct.pack("<Q", code)
                    for code, data in chunks[start : start + page]
                )
                (root / name / "ChunkMetadata" / str(start // page)).write_bytes(rows)
        (root / "LayerStatus").write_text(json.dumps(status))
        return str(path)


class LocalStorage:
    def open(self, url):
        return LocalStore(url)


def blob(category, name, data):
    return {"category": category, "name": name, "type": "BLOB", "value": base64.b64encode(data).decode()}


@pytest.fixture(scope="session")
def vds():
    """The writer's functions under one name."""
    import types

    return types.SimpleNamespace(
        Writer=Writer,
        layout_json=layout_json,
        channel=channel,
        cut=cut,
        payload=payload,
        blob=blob,
        rle=rle,
        DTYPES=DTYPES,
    )


@pytest.fixture(scope="session")
def storage():
    return LocalStorage()


@pytest.fixture
def open_vds(storage):
    """Open volumes that are closed when the test ends."""
    from mdio_vds import open_volume

    opened = []

    def open_(url, **options):
        opened.append(open_volume(str(url), options, storage))
        return opened[-1]

    yield open_
    for volume in opened:
        volume.close()
