"""Wavelet VDS files by the official wheel: through every public door the samples are the wheel's to the last bit.

The suite takes every ninth case; ``MDIO_PEER_OPENVDS=…/bin/python python tests/vds/test_wavelet_openvds.py`` all.
"""

import collections
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "support"))
from vds_wavelet_reads import answers

import mdio
import mdio_vds
from mdio.cli.app import run
from mdio_vds.entries import level_totals

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
METHODS = ("Wavelet", "WaveletNormalizeBlock", "WaveletLossless", "WaveletNormalizeBlockLossless")
EDGES = (7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)


def shape_of(dims, rng):
    if dims == 2:
        return [rng.randint(1, 150), rng.randint(1, 150)]
    shape = [rng.choice([rng.randint(1, 24), rng.randint(1, 80), rng.choice(EDGES)]) for _ in range(3)]
    return shape if dims == 3 else [rng.randint(2, 3), *(min(n, 40) for n in shape)]


def cases():
    """4 methods × 3 formats × 2 to 4 dimensions × 10, and what is stored without wavelets all the same."""
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
                        "flags": "Default",
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
    plain = case | {"shape": [20, 30, 70], "group": "Dimensions_012", "brick": 32, "margins": [0, 0], "lods": 1}
    plain |= {"no_value": None, "per_trace": 0, "scale": 1.0, "offset": 0.0, "tolerances": [4], "ratios": [5]}
    for method in ("Wavelet", "WaveletLossless"):
        for fmt, flags in (
            ("U32", "Default"),
            ("U64", "Default"),
            ("R64", "Default"),
            ("U8", "DiscreteData"),
            ("R32", "NoLossyCompression"),
            ("R32", "NoLossyCompressionUseZip"),
        ):
            yield plain | {"method": method, "format": fmt, "flags": flags}


def differences(case, counts):
    """Yield what is not as in the wheel, or as in the source where the wheel loses what is stored (section 9.8)."""
    path = case["name"] + ".vds"
    wheel = np.load(case["name"] + ".npz")
    got = answers(mdio_vds, path, case)
    if set(got) != set(wheel.files) - {"source"}:
        yield f"answered {sorted(got)}"
    for how, found in got.items():
        counts["reads of the façade"] += 1
        if how == "levels":
            if not np.array_equal(found, wheel[how]):
                yield f"levels: {found.tolist()}, the wheel has {wheel[how].tolist()}"
            continue
        if text := unlike(case, how, found, wheel):
            yield f"{how}: {text}"
    yield from volume_differences(case, path, got, counts)
    yield from size_differences(path, counts)
    if case["copied"]:
        yield from copy_differences(case, path, counts)


def unlike(case, how, got, wheel):
    """Return what is wrong with an answer."""
    # The wheel takes the codes of normalised streams for real values: it gives other codes than were written.
    scaled = "Normalize" in case["method"] and (case["scale"], case["offset"]) != (1, 0)
    best, trace = how == "best-0-0", how.startswith("trace")
    source = wheel["source"].reshape(-1)
    expected = wheel[how]
    if best and "Lossless" in case["method"]:
        expected = source  # which the wheel does not always give back for integers
    elif scaled and not trace:
        return ""
    wrong = got != expected
    if case["no_value"] is not None and case["format"] == "R32" and "Normalize" in case["method"]:
        hole = got == np.float32(case["no_value"])
        if how.endswith("-0") and not trace:
            lost = int((hole != (source == np.float32(case["no_value"]))).sum())
            if lost:
                return f"{lost} voxels have lost or won a value"
        wrong &= ~hole  # the wheel multiplies them as well
    return f"{int(wrong.sum())} of {wrong.size} samples differ" if wrong.any() else ""


def values_of(case, codes):
    """Return what codes mean (section 11)."""
    if (case["scale"], case["offset"]) == (1, 0):
        return codes
    values = np.float32(case["offset"]) + np.float32(case["scale"]) * codes.astype("f4")
    if case["no_value"] is not None:
        values[codes == np.iinfo(codes.dtype).max] = case["no_value"]
    return values


def volume_differences(case, path, got, counts):
    """Yield what volumes give otherwise than the façade, which was compared with the wheel."""
    wishes = {"best-0-0": {}}
    wishes |= {f"tolerance-{n}-0": {"adaptive_tolerance": t} for n, t in enumerate(case["tolerances"])}
    wishes |= {f"ratio-{n}-0": {"adaptive_ratio": r} for n, r in enumerate(case["ratios"])}
    for how, options in wishes.items():
        counts["reads of volumes"] += 1
        with mdio.open(path, options=options) as volume:
            samples = volume.samples(volume.schema.region)
        if not np.array_equal(samples.reshape(-1), values_of(case, got[how])):
            yield f"mdio.open {options}: other samples"


def size_differences(path, counts):
    """Yield layers whose recorded sizes are not the sums that we would write (section 9.9)."""
    with mdio.open(path) as opened:
        for name, layer in opened._source.layers.items():
            if layer.method.is_wavelet:
                counts["wavelet layers"] += 1
                rows = layer.file.rows()
                levels = np.ascontiguousarray(rows["metadata"]).view("u1").reshape(len(rows), -1)[:, 8:]
                if tuple(level_totals(rows["length"], levels)) != layer.level_sizes:
                    yield f"{name}: level sizes {layer.level_sizes}"


def copy_differences(case, path, counts):
    """Yield what a copy without wavelets gives otherwise."""
    for method in ("Zip", "None"):
        counts["copies"] += 1
        copy = f"{case['name']}-{method}.vds"
        if run(["vds", "copy", path, copy, "--compression-method", method, "--quiet"]):
            yield f"no copy with {method}"
            continue
        asked = case | {"tolerances": [], "ratios": []}
        ours, theirs = answers(mdio_vds, path, asked), answers(mdio_vds, copy, asked)
        for how in set(ours) - {"levels"}:
            if not np.array_equal(ours[how], theirs[how]):
                yield f"{method} copy, {how}: other samples"


def compare(chosen, folder):
    chosen = [case | {"name": str(Path(folder) / f"w{n}"), "copied": n % 8 == 0} for n, case in enumerate(chosen)]
    maker = Path(__file__).with_name("openvds_wavelets.py")
    subprocess.run([PEER, maker], input=json.dumps(chosen).encode(), check=True)
    counts = collections.Counter()
    return {json.dumps(case): found for case in chosen if (found := list(differences(case, counts)))}, counts


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_the_samples_are_those_of_the_wheel(tmp_path):
    pytest.importorskip("numba")
    chosen = list(cases())[::9]
    assert {case["method"] for case in chosen} == set(METHODS)
    assert any(case["tolerances"] for case in chosen)
    assert any(case["ratios"] for case in chosen)
    found, counts = compare(chosen, tmp_path)
    assert found == {}
    assert counts["copies"] >= 10


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        everything = list(cases())
        found, counts = compare(everything, place)
    sys.stdout.writelines(f"{case}\n  {text}\n" for case, texts in found.items() for text in texts)
    sys.stdout.write(f"{len(everything)} files, {len(found)} differ; {dict(counts)}\n")
    sys.exit(bool(found))
