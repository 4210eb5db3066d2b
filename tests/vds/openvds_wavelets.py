"""Run by the interpreter of the environment that has the openvds wheel: make wavelet VDS files, say what it reads.

Reads a JSON list of cases from standard input. Each gives ``<name>.vds`` and ``<name>.npz`` with what
:func:`vds_wavelet_reads.answers` returns, and the source.
"""

import json
import sys
from pathlib import Path

import numpy as np
import openvds

sys.path.append(str(Path(__file__).parents[1] / "support"))
from vds_wavelet_reads import answers

TYPES = {"U8": np.uint8, "U16": np.uint16, "R32": np.float32, "U32": np.uint32, "R64": np.float64, "U64": np.uint64}
Layout = openvds.VolumeDataLayoutDescriptor
Channel = openvds.VolumeDataChannelDescriptor
CREATE = openvds.IVolumeDataAccessManager.AccessMode.AccessMode_Create
AXES = ["Sample", "Crossline", "Inline", "Four"]


def source(case):
    shape, kind = case["shape"], TYPES[case["format"]]
    rng = np.random.default_rng(case["seed"])
    places = np.meshgrid(*[np.linspace(0, 3 + n / 9, n) for n in shape], indexing="ij", sparse=True)
    values = sum(np.sin(place * (2 + i)) for i, place in enumerate(places)) * 20
    values = values + rng.normal(0, case["noise"], shape)
    muted = np.zeros(shape, bool)
    if case["zeros"]:
        muted = np.arange(shape[-1]) < rng.integers(0, shape[-1] // 2 + 1, shape[:-1])[..., None]
    if np.dtype(kind).kind == "f":
        out = values.astype(kind)
    else:
        most = np.iinfo(kind).max
        out = np.clip(np.rint((values + 100) * (most / 200.0)), 0, most - 1).astype(kind)
    out[muted] = 0
    if case["no_value"] is not None:
        hole = rng.random(shape) < 0.05
        hole[..., : shape[-1] // 3] |= rng.random(shape[:-1])[..., None] < 0.4
        out[hole] = case["no_value"] if np.dtype(kind).kind == "f" else np.iinfo(kind).max
    return out


def write(manager, case, channel, data):
    accessor = manager.createVolumeDataPageAccessor(
        getattr(openvds.DimensionsND, case["group"]), 0, channel, 100, CREATE
    )
    for i in range(accessor.getChunkCount()):
        page = accessor.createPage(i)
        lo, hi = page.getMinMax()
        buffer = np.array(page.getWritableBuffer(), copy=False)
        part = data[tuple(slice(a, b) for a, b in reversed(list(zip(lo, hi, strict=True))[: data.ndim]))]
        # The buffer has the axes of the VDS or fewer, and is padded at the end of each.
        if buffer.ndim < part.ndim:
            part = part.reshape([n for n in part.shape if n > 1] if part.shape[-1] > 1 else part.shape[:-1])
        part = part.reshape((1,) * (buffer.ndim - part.ndim) + part.shape[max(0, part.ndim - buffer.ndim) :])
        buffer[tuple(slice(0, n) for n in part.shape)] = part
        page.release()
    accessor.commit()


def make(case):
    kind = getattr(openvds.VolumeDataFormat, f"Format_{case['format']}")
    levels = getattr(Layout.LODLevels, "LODLevels_" + (str(case["lods"]) if case["lods"] else "None"))
    layout = Layout(
        getattr(Layout.BrickSize, f"BrickSize_{case['brick']}"),
        *case["margins"], case["multiplier"], levels, Layout.Options.Options_None, 0,
    )  # fmt: skip
    axes = [
        openvds.VolumeDataAxisDescriptor(n, name, "unitless", 0.0, max(n - 1.0, 1.0))
        for n, name in zip(reversed(case["shape"]), AXES, strict=False)
    ]
    one, direct = openvds.VolumeDataComponents.Components_1, openvds.VolumeDataMapping.Direct
    start = (kind, one, "Amplitude", "", -100.0, 100.0, direct, 1, getattr(Channel.Flags, case["flags"]))
    missing = () if case["no_value"] is None else (case["no_value"],)
    channels = [Channel(*start, *missing, case["scale"], case["offset"])]
    if case["per_trace"]:
        mapping = openvds.VolumeDataMapping.PerTrace
        single = openvds.VolumeDataFormat.Format_R32
        channels.append(
            Channel(single, one, "T", "", -9.0, 9.0, mapping, case["per_trace"], Channel.Flags.Default, 1.0, 0.0)
        )
    path = case["name"] + ".vds"
    method = getattr(openvds.CompressionMethod, case["method"])
    vds = openvds.create(
        path, "", layout, axes, channels, openvds.MetadataContainer(), method, case["tolerance"]
    )  # fmt: skip
    got = {"source": source(case)}
    manager = openvds.getAccessManager(vds)
    write(manager, case, 0, got["source"])
    if case["per_trace"]:
        traces = np.random.default_rng(9).normal(0, 20, (*case["shape"][:-1], case["per_trace"])).cumsum(0)
        write(manager, case, 1, traces.astype(np.float32))  # pages of one dimension crash the wheel now and then
    openvds.close(vds)
    got |= answers(openvds, path, case)
    np.savez(Path(path).with_suffix(".npz"), **got)


for each in json.load(sys.stdin):
    make(each)
