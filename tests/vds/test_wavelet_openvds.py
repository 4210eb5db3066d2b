"""Wavelet VDS files by the official wheel: our decoder gives the wheel's samples to the last bit.

The suite takes every seventh case; ``MDIO_PEER_OPENVDS=…/bin/python python tests/vds/test_wavelet_openvds.py`` all.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from mdio.storage.local import LocalStore
from mdio_vds import open_volume
from mdio_vds.channel import ChannelReader

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
METHODS = ("Wavelet", "WaveletNormalizeBlock", "WaveletLossless", "WaveletNormalizeBlockLossless")
EDGES = (7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)


def shape_of(dims, rng):
    if dims == 2:
        return [rng.randint(1, 150), rng.randint(1, 150)]
    shape = [rng.choice([rng.randint(1, 24), rng.randint(1, 80), rng.choice(EDGES)]) for _ in range(3)]
    return shape if dims == 3 else [rng.randint(2, 3), *(min(n, 40) for n in shape)]


def cases():
    """4 methods × 3 formats × 2 to 4 dimensions × 10, the same ones every time."""
    rng = random.Random(20)
    for method in METHODS:
        for fmt in ("R32", "U8", "U16"):
            for dims in (2, 3, 4):
                for k in range(10):
                    case = {
                        "method": method,
                        "format": fmt,
                        "shape": shape_of(dims, rng),
                        "group": "Dimensions_01" if dims == 2 else "Dimensions_012",
                        "brick": rng.choice([32, 64, 64, 128]),
                        "multiplier": rng.choice([1, 4]) if dims == 2 else 4,
                        "margins": rng.choice([[0, 0], [4, 4], [2, 2], [0, 4]]),
                        "lods": rng.choice([0, 0, 1, 2]) if dims > 2 else 0,
                        "tolerance": rng.choice([0.01, 0.3, 1, 1, 3, 10]),
                        "noise": rng.choice([0, 0.5, 3, 30]),
                        "seed": rng.randrange(10**6),
                        "no_value": {1: -999.25, 9: 1e30}.get(k),
                        "zeros": k in (2, 6),
                        "tolerances": [],
                        "ratios": [],
                        "per_trace": rng.choice([5, 20] if dims == 2 else [1, 5, 20]) if k == 7 else 0,
                        "scale": 1.0,
                        "offset": 0.0,
                    }
                    if k in (3, 9):
                        case["tolerances"] = [2 * case["tolerance"], 4, 16, 80]
                    if k == 4:
                        case["ratios"] = [0.5, 2, 5, 12, 40, 1000]
                    if k == 6 and dims == 3:
                        case |= {"shape": [*case["shape"][:2], rng.randint(256, 400)], "brick": 512}
                    if fmt != "R32" and k % 2:
                        case["scale"], case["offset"] = (0.5, -3.0) if fmt == "U8" else (1 / 512, -64.0)
                    yield case


class Storage:
    def open(self, url):
        return LocalStore(url)


class Reader(ChannelReader):
    """Decodes at a given adaptive level, from no more bytes than it needs."""

    level = -1

    def block(self, index, position):
        from mdio_vds.wavelet.adaptive import prefix_length
        from mdio_vds.wavelet.decode import decode_wavelet

        if not self.layer.method.is_wavelet:
            return super().block(index, position)
        payload = self.layer.payload(index)
        part = payload[: prefix_length(len(payload), self.layer.entry(index).levels, self.level)]
        return decode_wavelet(part, self.layer.method, self.channel, self.partition.stored_shape(position), self.level)


def adaptive_level(case, how, full, layer, lod):
    """The level that the wheel reads; section 9.9."""
    from mdio_vds.wavelet.adaptive import level_at_lod, level_for_ratio, level_for_tolerance, prefix_length

    kind, n, _ = how.split("-")
    if kind == "tolerance":
        level = level_for_tolerance(case["tolerances"][int(n)], full.layer.tolerance)
    else:
        stored = [i for i in range(full.layer.chunk_count) if full.layer.payload(i)]
        rows = [(len(full.layer.payload(i)), full.layer.entry(i).levels) for i in stored]
        sizes = [sum(prefix_length(size, levels, at) for size, levels in rows if levels[at]) for at in range(16)]
        shapes = [full.partition.stored_shape(full.partition.position(i)) for i in stored]
        voxels = sum(int(np.prod(shape)) for shape in shapes)
        level = level_for_ratio(case["ratios"][int(n)], voxels * np.dtype(full.channel.format.typestr).itemsize, sizes)
    return level_at_lod(level, lod, layer.layer.tolerance, full.layer.tolerance)


def differences(case):
    """Yield what is not as in the wheel, or as in the source where the wheel loses what is stored (section 9.8)."""
    volume = open_volume(case["name"] + ".vds", {}, Storage())
    group = tuple(int(digit) for digit in case["group"].removeprefix("Dimensions_"))
    wheel = np.load(case["name"] + ".npz")
    # The wheel takes the codes of normalised streams for real values: it gives other codes than were written.
    scaled = "Normalize" in case["method"] and (case["scale"], case["offset"]) != (1, 0)
    full = Reader(volume._source, volume.layout, volume.layout.channels[0], group)
    for how in set(wheel.files) - {"source"}:
        lod = int(how.split("-")[2])
        channel = volume.layout.channels[how.startswith("trace")]
        reader = Reader(volume._source, volume.layout, channel, group, lod)
        if not how.startswith(("best", "trace")):
            reader.level = adaptive_level(case, how, full, reader, lod)
        partition = reader.partition
        got = reader.read(partition.in_voxels(tuple((0, n) for n in partition.samples))[: len(case["shape"])])
        if len(case["shape"]) == 4:
            got = got[:: 1 << lod]  # requests thin out every dimension
        expected = wheel[how].reshape(got.shape)
        best = how == "best-0-0"
        if best and "Lossless" in case["method"]:
            expected = wheel["source"]  # which the wheel does not always give back for integers
        elif scaled and not how.startswith("trace"):
            continue
        wrong = got != expected
        if case["no_value"] is not None and case["format"] == "R32" and "Normalize" in case["method"]:
            hole = got == np.float32(case["no_value"])
            if lod == 0 and not how.startswith("trace"):
                lost = int((hole != (wheel["source"] == np.float32(case["no_value"]))).sum())
                if lost:
                    yield f"{how}: {lost} voxels have lost or won a value"
            wrong &= ~hole  # the wheel multiplies them as well
        if wrong.any():
            yield f"{how}: {int(wrong.sum())} of {wrong.size} samples differ, level {reader.level}"
    volume.close()


def compare(chosen, folder):
    chosen = [case | {"name": str(Path(folder) / f"w{n}")} for n, case in enumerate(chosen)]
    maker = Path(__file__).with_name("openvds_wavelets.py")
    subprocess.run([PEER, maker], input=json.dumps(chosen).encode(), check=True)
    return {json.dumps(case): found for case in chosen if (found := list(differences(case)))}


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_the_samples_are_those_of_the_wheel(tmp_path):
    pytest.importorskip("numba")
    chosen = list(cases())[::7]
    assert {case["method"] for case in chosen} == set(METHODS)
    assert compare(chosen, tmp_path) == {}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        everything = list(cases())
        found = compare(everything, place)
    sys.stdout.writelines(f"{case}\n  {text}\n" for case, texts in found.items() for text in texts)
    sys.stdout.write(f"{len(everything)} files, {len(found)} differ\n")
    sys.exit(bool(found))
