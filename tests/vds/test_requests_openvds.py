"""Requests about VDSs of the official wheel: our answers must be the wheel's, bit for bit."""

import itertools
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from vds_handle import Handle

from mdio_vds.facade.access import VolumeDataAccessManager
from mdio_vds.facade.enumerations import DimensionsND, InterpolationMethod, VolumeDataFormat

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
pytestmark = [pytest.mark.interop, pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")]

TYPES = {"1Bit": "u1", "U8": "u1", "U16": "u2", "R32": "f4", "U32": "u4", "R64": "f8", "U64": "u8"}
METHODS = list(InterpolationMethod.__members__)
FORMATS = list(VolumeDataFormat.__members__)[1:]
GROUPS = list(DimensionsND.__members__)
CUBE = [70, 41, 45]
PICTURED = ("plain",)
"""Without margins: where bricks overlap, the wheel lets each of them write a pixel, and the last one wins."""
KNOWN_TO_DIFFER = ("Format_1Bit", "Format_U8", "Format_U16")
"""With a replacement on a channel without "no value" the wheel quantises constant chunks unlike others, and "no value"
of U8 and U16 becomes 1 in 1Bit; ours is the same everywhere, and 0."""


def one(form="R32", **more):
    return {"name": "A", "format": form} | more


CASES = {
    "plain": {"samples": CUBE, "channels": [one()], "lods": 2},
    "margins": {"samples": CUBE, "channels": [one(range=(-7.0, 9.0))], "lods": 2, "margins": (2, 2)},
    "wide": {"samples": CUBE, "channels": [one()], "lods": 1, "margins": (4, 4), "brick": 64, "method": "RLE"},
    "odd": {"samples": CUBE, "channels": [one()], "lods": 2, "margins": (3, 1)},
    "novalue": {"samples": CUBE, "channels": [one(no_value=-999.25)], "lods": 1, "margins": (2, 2)},
    "full": {"samples": CUBE, "channels": [one()], "lods": 1, "margins": (2, 2), "full": 1,
             "options": "ForceFullResolutionDimension"},
    "u8": {"samples": CUBE, "channels": [one("U8", scale=0.37, offset=-11.3, no_value=-999.25)], "lods": 1},
    "u16": {"samples": CUBE, "channels": [one("U16", scale=0.01)], "margins": (4, 4)},
    "u32": {"samples": CUBE, "channels": [one("U32", no_value=7.0)], "margins": (2, 2)},
    "r64": {"samples": CUBE, "channels": [one("R64", no_value=-999.25)], "lods": 1},
    "u64": {"samples": CUBE, "channels": [one("U64")]},
    "bits": {"samples": CUBE, "channels": [one("1Bit", range=(0.0, 1.0))], "lods": 1},
    "discrete": {"samples": CUBE, "channels": [one("U8", flags="DiscreteData")]},
    "plane": {"samples": [70, 41], "channels": [one()], "groups": ["Dimensions_01"], "margins": (2, 2)},
    "remapped": {"samples": CUBE, "channels": [one()], "groups": ["Dimensions_01"], "margins": (2, 2)},
    "four": {"samples": [40, 21, 19, 5], "channels": [one()], "lods": 1, "margins": (2, 2)},
    "023": {"samples": [40, 21, 19, 5], "channels": [one()], "groups": ["Dimensions_023"], "lods": 1},
    "2dlods": {"samples": [40, 21, 19, 3], "channels": [one()], "lods": 1, "options": "Create2DLODs",
               "groups": ["Dimensions_012", "Dimensions_02"]},
    "six": {"samples": [20, 11, 6, 3, 2, 2], "channels": [one()], "margins": (2, 2)},
    "traces": {"samples": CUBE, "margins": (2, 2), "channels": [
        one(), {"name": "T", "format": "U8", "mapping": "PerTrace", "mapped": 1, "flags": "DiscreteData"},
        {"name": "H", "format": "U8", "mapping": "PerTrace", "mapped": 24, "flags": "DiscreteData"}]},
    "pairs": {"samples": CUBE, "margins": (2, 2), "channels": [one(components=2)]},
    "quads": {"samples": CUBE, "channels": [one("U16", components=4)]},
}  # fmt: skip


def codes(shape, channel, rng):
    kind = np.dtype(TYPES[channel["format"]])
    if channel["format"] == "1Bit":
        return rng.integers(0, 2, shape, np.uint8)
    if kind.kind == "f":
        data = rng.normal(0, 10, shape).astype(kind)
    else:
        data = rng.integers(0, min(np.iinfo(kind).max, 2**62), shape, kind)
    if channel.get("no_value") is not None:
        missing = np.iinfo(kind).max if channel["format"] in ("U8", "U16") else channel["no_value"]
        data[rng.random(shape) < 0.1] = kind.type(missing)
    data[:2, :2] = kind.type(3)
    return data


def requests(case, rng):
    """Yield requests about channel 0: subsets of all kinds, and samples and traces with all kernels."""
    samples, stored = case["samples"], case.get("groups", ["Dimensions_012"])[0]
    channel = case["channels"][0]
    single = channel.get("components", 1) == 1
    for lod in range(case.get("lods", 0) + 1):
        for _ in range(4):
            ends = [sorted(rng.choice(n + 1, 2, replace=False).tolist()) for n in samples]
            box = {"min": [lo for lo, _ in ends], "max": [hi for _, hi in ends]}
            yield {"kind": "Subset", **box, "lod": lod, "dimensionsND": stored, "format": f"Format_{channel['format']}"}
        for form in FORMATS:
            if single or form != "Format_1Bit":
                for more in ({}, {"replacementNoValue": 7.5}):
                    if form in KNOWN_TO_DIFFER and (more or channel["format"] == "U8"):
                        continue
                    yield {"kind": "Subset", **box, "lod": lod, "dimensionsND": stored, "format": form} | more
        if not single:
            continue  # the wheel samples one component, and of the wrong voxels
        inside = (rng.random((200, len(samples))) * samples).tolist()
        around = (rng.random((50, len(samples))) * (np.array(samples) + 9) - 4).tolist()
        for method in METHODS:
            how = {"interpolationMethod": method, "lod": lod, "dimensionsND": stored}
            yield {"kind": "Samples", "samplePositions": inside + around} | how
            yield {"kind": "Samples", "samplePositions": inside, "replacementNoValue": 3.5} | how
            for dim in range(len(samples)):
                if lod == 0 or str(dim) in stored:
                    yield {"kind": "Traces", "tracePositions": inside[:7], "traceDimension": dim} | how
    for group, lod in itertools.product(GROUPS, range(4)):
        yield {"kind": "Status", "dimensionsND": group, "lod": lod}
    for group in GROUPS[:1] + GROUPS[20:22]:
        yield {"kind": "Subset", **box, "dimensionsND": group}
        if single:
            for method in METHODS:
                how = {"interpolationMethod": method, "dimensionsND": group}
                yield {"kind": "Samples", "samplePositions": inside} | how
    wrong = {"min": [0] * len(samples), "max": [1] * len(samples)}
    for more in (
        {"lod": 9}, {"channel": 9}, {"channel": -1}, {"min": wrong["max"]},
        {"min": [-1, *wrong["min"][1:]]}, {"dimensionsND": "Dimensions_345"}, {"dimensionsND": "Dimensions_13"},
    ):  # fmt: skip
        yield {"kind": "Subset"} | wrong | more
    if stored == "Dimensions_012":
        yield {"kind": "Subset"} | wrong | {"max": [999, *wrong["max"][1:]]}
    for number, other in enumerate(case["channels"]):
        if number:
            box = {"min": [0, 3, 4], "max": [other["mapped"], 40, 31]}
            for group in ("Dimensions_012", "Dimensions_12", "Dimensions_01"):
                yield {"kind": "Subset", **box, "channel": number, "format": "Format_U8", "dimensionsND": group}
                yield {"kind": "Status", "channel": number, "dimensionsND": group}
            for method in METHODS:
                how = {"interpolationMethod": method, "channel": number}
                at = (rng.random((50, 3)) * [other["mapped"], 41, 45]).tolist()
                yield {"kind": "Samples", "samplePositions": at} | how
                yield {"kind": "Traces", "tracePositions": at, "traceDimension": 1} | how


def pictures(case):
    """Yield requests for planes seen along each dimension; the wheel's last one wins where bricks overlap."""
    size = case["samples"]
    for flat, plane in (
        ("Dimensions_12", (1.0, 0.31, -0.17, -20.3)),
        ("Dimensions_02", (0.2, 1.0, 0.13, -25.1)),
        ("Dimensions_01", (-0.21, 0.3, 2.0, -41.7)),
    ):
        for method in METHODS:
            for lod in range(case.get("lods", 0) + 1):
                yield {
                    "kind": "Projected", "min": [4, 0, 8], "max": [size[0] - 4, size[1], size[2] - 1], "lod": lod,
                    "dimensionsND": "Dimensions_012", "voxelPlane": plane, "projectedDimensions": flat,
                    "interpolationMethod": method, "format": "Format_R32",
                }  # fmt: skip


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """Return ``{case: (folder, requests)}`` after one run of the wheel."""
    root = tmp_path_factory.mktemp("openvds")
    made = {}
    for seed, (name, case) in enumerate(CASES.items()):
        rng = np.random.default_rng(seed)
        folder = root / name
        folder.mkdir()
        for number, channel in enumerate(case["channels"]):
            shape = case["samples"][::-1]
            if channel.get("mapping") == "PerTrace":
                shape = [*shape[:-1], channel["mapped"]]
            shape = (*shape, channel["components"]) if channel.get("components", 1) > 1 else tuple(shape)
            np.save(folder / f"{number}.npy", codes(shape, channel, rng))
        asked = list(requests(case, rng))
        made[name] = (folder, asked + list(pictures(case) if name in PICTURED else ()))
    told = [CASES[name] | {"folder": str(folder), "requests": asked} for name, (folder, asked) in made.items()]
    script = Path(__file__).with_name("openvds_requests.py")
    subprocess.run([PEER, script], input=json.dumps(told).encode(), check=True)
    return made


def ours(manager, request):
    arguments = dict(request)
    kind = arguments.pop("kind")
    for key, enum in (
        ("dimensionsND", DimensionsND), ("format", VolumeDataFormat), ("interpolationMethod", InterpolationMethod),
        ("projectedDimensions", DimensionsND),
    ):  # fmt: skip
        if key in arguments:
            arguments[key] = getattr(enum, arguments[key])
    if kind == "Status":
        return np.array([int(manager.getVDSProduceStatus(**arguments)), manager.getVDSChunkCount(**arguments)])
    name = "requestProjectedVolumeSubset" if kind == "Projected" else "requestVolume" + kind
    try:
        return np.array(getattr(manager, name)(**arguments).data)
    except (ValueError, RuntimeError) as error:
        return np.array(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("name", CASES)
def test_every_answer_is_that_of_the_wheel(answered, name):
    folder, asked = answered[name]
    wrong = []
    with Handle(folder / "a.vds") as handle, np.load(folder / "answers.npz") as answers:
        manager = VolumeDataAccessManager(handle, boundary="openvds")
        for number, request in enumerate(asked):
            expected, got = answers[f"arr_{number}"], ours(manager, request)
            if expected.dtype.kind == "U" or got.dtype.kind == "U":
                same = str(got) == str(expected)
            elif request["kind"] == "Projected":
                # The wheel solves the plane with another rounding.
                same = got.shape == expected.shape and np.mean(~np.isclose(got, expected, atol=1e-3)) < 0.005
            else:
                same = got.dtype == expected.dtype or request["kind"] == "Status"
                same = same and np.array_equal(got, expected, equal_nan=got.dtype.kind == "f")
            if not same:
                short = {k: v for k, v in request.items() if not k.endswith("Positions")}
                wrong.append(f"{short}: {got!s:.150} instead of {expected!s:.150}")
    assert not wrong, f"{len(wrong)} of {len(asked)} answers differ:\n" + "\n".join(wrong[:40])
