"""Run by the interpreter of the environment that has the openvds wheel: make VDSs and answer requests about them.

Reads a JSON list of cases from standard input. A case names a folder with ``0.npy``, ``1.npy`` … (codes of each
channel, dimension 0 last, then components); ``a.vds`` and ``answers.npz`` are written there.
"""

import json
import sys
from pathlib import Path

import numpy as np
import openvds

CREATE = openvds.IVolumeDataAccessManager.AccessMode.AccessMode_Create


def channel(case):
    kind = openvds.VolumeDataChannelDescriptor
    no_value = [] if case.get("no_value") is None else [case["no_value"]]
    return kind(
        getattr(openvds.VolumeDataFormat, "Format_" + case["format"]),
        getattr(openvds.VolumeDataComponents, f"Components_{case.get('components', 1)}"),
        case["name"], "", *case.get("range", (-50.0, 50.0)),
        getattr(openvds.VolumeDataMapping, case.get("mapping", "Direct")), case.get("mapped", 1),
        getattr(kind.Flags, case.get("flags", "Default")),
        *no_value, case.get("scale", 1.0), case.get("offset", 0.0),
    )  # fmt: skip


def fill(manager, number, group, data, case):
    accessor = manager.createVolumeDataPageAccessor(getattr(openvds.DimensionsND, group), 0, number, 100, CREATE)
    components = case.get("components", 1)
    dims = data.ndim - (components > 1)
    for i in range(accessor.getChunkCount()):
        page = accessor.createPage(i)
        lo, hi = page.getMinMax()
        buffer = np.array(page.getWritableBuffer(), copy=False)
        part = data[tuple(slice(a, b) for a, b in reversed(list(zip(lo, hi, strict=True))[:dims]))]
        if case["format"] == "1Bit":
            part = np.packbits(part, axis=-1, bitorder="little")
        if components > 1:
            part = np.ascontiguousarray(part).view(buffer.dtype)[..., 0]
        keep = part.shape if buffer.ndim == part.ndim else [n for n in part.shape if n > 1]
        buffer[tuple(slice(0, n) for n in keep)] = part.reshape(keep)
        page.release()
    accessor.commit()


def create(folder, case):
    layout = openvds.VolumeDataLayoutDescriptor
    lods = f"LODLevels_{case['lods']}" if case.get("lods") else "LODLevels_None"
    descriptor = layout(
        getattr(layout.BrickSize, f"BrickSize_{case.get('brick', 32)}"), *case.get("margins", (0, 0)), 4,
        getattr(layout.LODLevels, lods),
        getattr(layout.Options, "Options_" + case.get("options", "None")), case.get("full", 0),
    )  # fmt: skip
    axes = [openvds.VolumeDataAxisDescriptor(n, f"D{i}", "ms", 0.0, n - 1.0) for i, n in enumerate(case["samples"])]
    vds = openvds.create(
        str(folder / "a.vds"), "", descriptor, axes, [channel(c) for c in case["channels"]],
        openvds.MetadataContainer(), getattr(openvds.CompressionMethod, case.get("method", "Zip")), 0.01,
    )  # fmt: skip
    manager = openvds.getAccessManager(vds)
    for number, each in enumerate(case["channels"]):
        for group in case.get("groups", ["Dimensions_012"]):
            fill(manager, number, group, np.load(folder / f"{number}.npy"), each)
    openvds.close(vds)


def six(values, missing):
    return np.array(list(values) + [missing] * (6 - len(values)), np.int32)


def projected(manager, request):
    arguments = dict(request)
    lo, hi = six(arguments["min"], 0), six(arguments["max"], 1)
    group, flat = (getattr(openvds.DimensionsND, arguments[k]) for k in ("dimensionsND", "projectedDimensions"))
    form = getattr(openvds.VolumeDataFormat, arguments["format"])
    lod, number = arguments.get("lod", 0), arguments.get("channel", 0)
    size = manager.getProjectedVolumeSubsetBufferSize(tuple(lo.tolist()), tuple(hi.tolist()), flat, form, lod, number)
    kind = {"R32": np.float32, "U8": np.uint8, "U16": np.uint16}[arguments["format"][7:]]
    out = np.zeros(size // np.dtype(kind).itemsize, kind)
    request = manager.manager.requestProjectedVolumeSubset(  # the wheel's own wrapper of it raises AttributeError
        out, group, lod, number, lo, hi, tuple(arguments["voxelPlane"]), flat, form,
        getattr(openvds.InterpolationMethod, arguments["interpolationMethod"]), arguments.get("replacementNoValue"),
    )  # fmt: skip
    assert request.waitForCompletion()
    return out


def answer(manager, request):
    request = dict(request)
    kind = request.pop("kind")
    if kind == "Projected":
        return projected(manager, request)
    for key, enum in (
        ("dimensionsND", openvds.DimensionsND),
        ("format", openvds.VolumeDataFormat),
        ("interpolationMethod", openvds.InterpolationMethod),
    ):
        if key in request:
            request[key] = getattr(enum, request[key])
    if kind == "Status":
        status = manager.getVDSProduceStatus(**request)
        return np.array([int(status), manager.getVDSChunkCount(**request)])
    try:
        return np.array(getattr(manager, "requestVolume" + kind)(**request).data)
    except Exception as error:  # noqa: BLE001 - the test compares what is said
        return np.array(f"{type(error).__name__}: {error}")


for case in json.load(sys.stdin):
    folder = Path(case["folder"])
    create(folder, case)
    vds = openvds.open(str(folder / "a.vds"), "")
    manager = openvds.getAccessManager(vds)
    np.savez(folder / "answers.npz", *[answer(manager, request) for request in case["requests"]])
    openvds.close(vds)
