"""Run by the interpreter of the environment that has the openvds wheel: make a VDS and say what the wheel sees in it.

Reads one JSON object from standard input and writes ``report.json`` and ``samples.npy`` beside the VDS.
"""

import json
import sys
from pathlib import Path

import numpy as np
import openvds

TYPES = {
    "1Bit": np.uint8,
    "U8": np.uint8,
    "U16": np.uint16,
    "R32": np.float32,
    "U32": np.uint32,
    "R64": np.float64,
    "U64": np.uint64,
}


def codes(shape, fmt, seed):
    rng = np.random.default_rng(seed)
    kind = TYPES[fmt]
    if kind in (np.float32, np.float64):
        data = rng.normal(0, 10, shape).astype(kind)
    else:
        data = rng.integers(1, 200, shape).astype(kind)
    data[..., : shape[-1] // 3] = np.repeat(data[..., :1], shape[-1] // 3, axis=-1)  # runs
    data[:40] = np.where(np.arange(len(data))[:40].reshape(-1, *[1] * (data.ndim - 1)) < 32, kind(7), data[:40])
    return data


def main(case):
    vdf = getattr(openvds.VolumeDataFormat, f"Format_{case['format']}")
    desc = openvds.VolumeDataLayoutDescriptor(
        getattr(openvds.VolumeDataLayoutDescriptor.BrickSize, f"BrickSize_{case['brick']}"),
        *case["margins"],
        4,
        getattr(
            openvds.VolumeDataLayoutDescriptor.LODLevels, "LODLevels_" + (str(case["lods"]) if case["lods"] else "None")
        ),
        openvds.VolumeDataLayoutDescriptor.Options.Options_None,
        0,
    )
    axes = [openvds.VolumeDataAxisDescriptor(n, name, unit, lo, hi) for n, name, unit, lo, hi in case["axes"]]
    channels = [
        openvds.VolumeDataChannelDescriptor(
            vdf, openvds.VolumeDataComponents.Components_1, "Amplitude", "", -50.0, 50.0,
            openvds.VolumeDataMapping.Direct, 1, openvds.VolumeDataChannelDescriptor.Flags.Default,
            case["scale"], case["offset"],
        )
    ]  # fmt: skip
    meta = openvds.MetadataContainer()
    meta.setMetadataDoubleVector2("SurveyCoordinateSystem", "Origin", (1.5, -2.25))
    meta.setMetadataString("Test", "Name", "käse")
    meta.setMetadataBLOB("Test", "Blob", b"\x00\x01\xfe")
    meta.setMetadataInt("Test", "Int", -5)
    method = getattr(openvds.CompressionMethod, case["method"])
    vds = openvds.create(case["path"], "", desc, axes, channels, meta, method, 0.01)
    layout = openvds.getLayout(vds)
    manager = openvds.getAccessManager(vds)
    dims = getattr(openvds.DimensionsND, case["group"])
    accessor = manager.createVolumeDataPageAccessor(
        dims, 0, 0, 100, openvds.IVolumeDataAccessManager.AccessMode.AccessMode_Create
    )
    shape = tuple(axis[0] for axis in reversed(case["axes"]))
    data = codes(shape, case["format"], case["seed"])
    counts = {}
    for i in range(accessor.getChunkCount()):
        page = accessor.createPage(i)
        lo, hi = page.getMinMax()
        buf = np.array(page.getWritableBuffer(), copy=False)
        part = data[tuple(slice(a, b) for a, b in reversed(list(zip(lo, hi, strict=True))[: len(shape)]))]
        # The buffer has the axes of the VDS or fewer, and is padded at the end of each.
        keep = part.shape if buf.ndim == part.ndim else [n for n in part.shape if n > 1]
        buf[tuple(slice(0, n) for n in keep)] = part.reshape(keep)
        page.release()
    counts["0"] = accessor.getChunkCount()
    accessor.commit()
    openvds.close(vds)
    vds = openvds.open(case["path"], "")
    layout = openvds.getLayout(vds)
    manager = openvds.getAccessManager(vds)
    for lod in range(1, case["lods"] + 1):
        counts[str(lod)] = manager.createVolumeDataPageAccessor(
            dims, lod, 0, 10, openvds.IVolumeDataAccessManager.AccessMode.AccessMode_ReadOnly
        ).getChunkCount()
    six = [axis[0] for axis in case["axes"]] + [1] * (6 - len(case["axes"]))
    request = manager.requestVolumeSubset((0,) * 6, tuple(six), lod=0, channel=0, format=vdf, dimensionsND=dims)
    samples = np.asarray(request.data).reshape(shape)
    report = {
        "chunks": counts,
        "written equals read": bool(np.array_equal(samples, data)),
        "axes": [
            [layout.getDimensionNumSamples(d), layout.getDimensionName(d), layout.getDimensionUnit(d),
             layout.getDimensionMin(d), layout.getDimensionMax(d)]
            for d in range(layout.dimensionality)
        ],
        "channels": [
            [layout.getChannelName(c), layout.getChannelFormat(c).name,
             layout.getChannelValueRangeMin(c), layout.getChannelValueRangeMax(c)]
            for c in range(layout.channelCount)
        ],
        "method": openvds.getCompressionMethod(vds).name,
    }  # fmt: skip
    openvds.close(vds)
    out = Path(case["path"]).parent
    np.save(out / "samples.npy", samples)
    (out / "report.json").write_text(json.dumps(report))


main(json.load(sys.stdin))
