"""Wavelet chunks of our encoder in the official wheel: it reads the samples that our decoder gives, at every level.

The suite takes some cases; ``MDIO_PEER_OPENVDS=…/bin/python python tests/vds/test_wavelet_encode_openvds.py`` all.
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

sys.path.append(str(Path(__file__).parents[1] / "support"))
from vds_wavelet_reads import answers

import mdio_vds
from mdio.storage.local import LocalStore
from mdio_vds.container_target import ContainerTarget
from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, LayoutDescriptor, VolumeDataLayout
from mdio_vds.enums import CompressionMethod, VolumeDataFormat
from mdio_vds.hashes import constant_hash, payload_hash
from mdio_vds.layout_json import write_layout
from mdio_vds.partition import channel_partition
from mdio_vds.values import no_value_code, stored_dtype

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
HERE = Path(__file__).parent
METHODS = ("Wavelet", "WaveletNormalizeBlock", "WaveletLossless", "WaveletNormalizeBlockLossless")
EDGES = (7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)


def cases():
    """4 methods × 3 formats × 2 to 3 dimensions × 12, the same ones every time; shapes slowest dimension first."""
    rng = random.Random(31)
    for method in METHODS:
        for fmt in ("R32", "U8", "U16"):
            for dims in (2, 3):
                for k in range(12):
                    shape = [
                        rng.choice([rng.randint(1, 24), rng.randint(1, 80), rng.choice(EDGES)]) for _ in range(dims)
                    ]
                    case = {
                        "method": method,
                        "format": fmt,
                        "shape": shape if k else [5, 6, 7][:dims],
                        "group": "Dimensions_01" if dims == 2 else "Dimensions_012",
                        "brick": rng.choice([32, 64, 128]),
                        "margin": rng.choice([0, 0, 4]),
                        "tolerance": rng.choice([0.01, 0.3, 1, 1, 3, 10]),
                        "noise": rng.choice([0, 0.5, 3, 30]),
                        "seed": rng.randrange(10**6),
                        "no_value": {1: -999.25, 9: 1e30}.get(k),
                        "zeros": k in (2, 6),
                        "strange": k in (5, 9) and "Lossless" in method,
                        "tolerances": [],
                        "ratios": [],
                        "scale": 1.0,
                        "offset": 0.0,
                        "lods": 0,
                        "per_trace": 0,
                    }
                    if "Lossless" in method:
                        case["tolerance"] = 0.01
                    if k in (3, 8, 9):
                        case["tolerances"] = [2 * case["tolerance"], 4, 16, 80]
                    if k in (4, 8):
                        case["ratios"] = [0.5, 2, 5, 12, 40, 1000]
                    if k == 6:
                        case["shape"] = [*([4] if dims == 3 else []), rng.randint(3, 20), rng.randint(256, 400)]
                        case["brick"] = 512
                    if k == 7:
                        case["shape"] = [128, 120, 128][3 - dims :]
                        case["brick"] = 128
                    if fmt != "R32" and k % 2:
                        case["scale"], case["offset"] = (0.5, -3.0) if fmt == "U8" else (1 / 512, -64.0)
                    yield case


def channel_of(case):
    return ChannelDescriptor(
        "Amplitude",
        "",
        VolumeDataFormat["Format_" + case["format"]],
        1,
        (-100.0, 100.0),
        no_value=case["no_value"],
        integer_scale=case["scale"],
        integer_offset=case["offset"],
    )


def source(case):
    rng = np.random.default_rng(case["seed"])
    shape, channel = case["shape"], channel_of(case)
    places = np.meshgrid(*[np.linspace(0, 3 + n / 9, n) for n in shape], indexing="ij", sparse=True)
    values = sum(np.sin(place * (2 + i)) for i, place in enumerate(places)) * 20
    values = values + rng.normal(0, case["noise"], shape)
    kind = stored_dtype(channel)
    if case["format"] == "R32":
        out = values.astype(kind)
    else:
        most = np.iinfo(kind).max
        out = np.clip(np.rint((values + 100) * (most / 200.0)), 0, most - 1).astype(kind)
    if case["zeros"]:
        out[np.arange(shape[-1]) < rng.integers(0, shape[-1] // 2 + 1, shape[:-1])[..., None]] = 0
    if case["no_value"] is not None:
        hole = rng.random(shape) < 0.05
        hole[..., : shape[-1] // 3] |= rng.random(shape[:-1])[..., None] < 0.4
        out[hole] = no_value_code(channel)
    if case["strange"] and case["format"] == "R32":
        for value in (np.nan, -np.inf, 1e36):
            out[rng.random(shape) < 0.02] = value
    return out


def write(case, encode):
    """Write a VDS whose chunks come from ``encode``."""
    channel, data = channel_of(case), source(case)
    edges = reversed(list(zip(case["shape"], ("Inline", "Crossline", "Sample")[-data.ndim :], strict=True)))
    layout = VolumeDataLayout(
        LayoutDescriptor(case["brick"], case["margin"], case["margin"]),
        tuple(AxisDescriptor(n, name, "", 0.0, max(n - 1.0, 1.0)) for n, name in edges),
        (channel,),
    )
    group = tuple(range(data.ndim))
    partition = channel_partition(layout, channel, group)
    method = CompressionMethod[case["method"]]
    target = ContainerTarget.create(LocalStore(case["name"] + ".vds"))
    layer = target.add_layer(case["group"] + "LOD0", method, case["tolerance"], partition.total)
    for index in range(partition.total):
        box = partition.box(partition.position(index))
        codes = data[tuple(slice(*box[d]) for d in reversed(group))]
        constant = constant_hash(codes, channel)
        if constant is not None:
            layer.put(index, constant)
            continue
        payload, levels = encode(codes, method, channel, case["tolerance"])
        layer.put(index, payload_hash(payload), payload, levels, codes.nbytes)
    target.commit(write_layout(layout, case["name"]))
    target.close()
    return data


def differences(case, data):
    """Yield where the wheel reads anything else than our decoder, or than was written where nothing may be lost."""
    wheel = np.load(case["name"] + ".npz")
    ours = answers(mdio_vds, case["name"] + ".vds", case)
    exact, normalised = "Lossless" in case["method"], "Normalize" in case["method"]
    if set(ours) != set(wheel.files):
        yield f"answered {sorted(ours)}"
    for how, got in ours.items():
        theirs = wheel[how]
        if how == "levels":
            if not np.array_equal(got, theirs):
                yield f"levels: {got.tolist()}, the wheel has {theirs.tolist()}"
            continue
        got, theirs = got.reshape(data.shape), theirs.reshape(data.shape)
        best = how.startswith("best")
        if best and exact and not same(got, data).all():
            yield f"{how}: our decoder does not give back what was written"
        agreed = same(got, theirs)
        if case["no_value"] is not None:
            hole = data == no_value_code(channel_of(case))
            if not same(got, data)[hole].all():
                yield f"{how}: our decoder has lost voxels without value"
            # The wheel multiplies them too (lossless parts undo that), and clamps them to the code below.
            if case["format"] != "R32" or (normalised and not (exact and best)):
                agreed |= hole
        if case["format"] != "R32" and normalised and case["scale"] != 1:
            continue  # the wheel takes codes of such channels for real values
        if not agreed.all():
            yield f"{how}: {int((~agreed).sum())} of {agreed.size} samples differ"


def same(a, b):
    """Bit by bit, but that the wheel may turn one not-a-number into another."""
    return (a == b) | (np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else a == b


def compare(chosen, folder):
    from mdio_vds.wavelet.encode import encode_wavelet

    chosen = [case | {"name": str(Path(folder) / f"e{n}")} for n, case in enumerate(chosen)]
    data = [write(case, encode_wavelet) for case in chosen]
    maker = HERE / "openvds_wavelet_read.py"
    subprocess.run([PEER, maker], input=json.dumps(chosen).encode(), check=True)
    each = zip(chosen, data, strict=True)
    return {json.dumps(case): found for case, values in each if (found := list(differences(case, values)))}


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")
def test_the_wheel_reads_what_our_decoder_reads(tmp_path):
    pytest.importorskip("numba")
    chosen = list(cases())[::5]
    assert {case["method"] for case in chosen} == set(METHODS)
    assert compare(chosen, tmp_path) == {}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        everything = list(cases())
        found = compare(everything, place)
    sys.stdout.writelines(f"{case}\n  {text}\n" for case, texts in found.items() for text in texts)
    sys.stdout.write(f"{len(everything)} files, {len(found)} differ\n")
    sys.exit(bool(found))
