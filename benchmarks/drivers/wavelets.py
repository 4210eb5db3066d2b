"""Writes and reads wavelet bricks with ``openvds`` or ``mdio_vds``, whichever name it is given."""

import importlib
import json
import sys
import time
import zlib

import numpy as np


def make(path, edge):
    """Layers that bend, with noise: about as hard to compress as a migrated stack."""
    rng = np.random.default_rng(5)
    i, j, k = np.meshgrid(*[np.arange(edge, dtype="f4")] * 3, indexing="ij", sparse=True)
    reflectivity = rng.standard_normal(4 * edge).astype("f4") ** 3
    depth = k + 6 * np.sin(i / 37) + 9 * np.cos(j / 53) + edge
    at = depth.astype("i4")
    share = depth - at
    cube = reflectivity[at] * (1 - share) + reflectivity[at + 1] * share
    np.save(path, (cube + 0.05 * rng.standard_normal(cube.shape, "f4")).astype("f4"))


def take(path, segy):
    """All samples of a survey."""
    import mdio

    with mdio.open(segy) as volume:
        np.save(path, volume.samples(volume.schema.region))


def write(o, path, source, method, tolerance):
    """Write all bricks; the time is that from the first brick to the closed file."""
    data = np.load(source, mmap_mode="r")
    fill(o, path, np.array(data[:64, :64, :64]), method, tolerance)  # compiles or loads what it needs
    bricks = np.array(data)
    begun = time.perf_counter()
    fill(o, path, bricks, method, tolerance)
    return {"write_s": time.perf_counter() - begun, "bytes": bricks.nbytes}


def fill(o, path, data, method, tolerance):
    """Write an array as a VDS without levels of detail."""
    kind = o.VolumeDataLayoutDescriptor
    layout = kind(kind.BrickSize.BrickSize_64, 0, 0, 4, kind.LODLevels.LODLevels_None, kind.Options.Options_None)
    axes = [
        o.VolumeDataAxisDescriptor(n, name, "", 0.0, n - 1.0)
        for n, name in zip(data.shape[::-1], ("Sample", "Crossline", "Inline"), strict=False)
    ]
    channel = o.VolumeDataChannelDescriptor(
        o.VolumeDataFormat.Format_R32,
        o.VolumeDataComponents.Components_1,
        "Amplitude",
        "",
        float(data.min()),
        float(data.max()),
    )
    vds = o.create(
        path, "", layout, axes, [channel], o.MetadataContainer(), getattr(o.CompressionMethod, method), tolerance
    )
    accessor = o.getAccessManager(vds).createVolumeDataPageAccessor(
        o.DimensionsND.Dimensions_012, 0, 0, 8, o.VolumeDataPageAccessor.AccessMode.AccessMode_Create
    )
    for index in range(accessor.getChunkCount()):
        page = accessor.createPage(index)
        low, high = page.getMinMax()
        part = data[tuple(slice(a, b) for a, b in zip(low[2::-1], high[2::-1], strict=False))]
        np.asarray(page.getWritableBuffer())[: part.shape[0], : part.shape[1], : part.shape[2]] = part
        page.release()
    accessor.commit()
    o.close(vds)


def read(o, path, source):
    """Read everything; the time is that of the request."""
    data = np.load(source, mmap_mode="r")
    vds = o.open(path)
    manager = o.getAccessManager(vds)
    _ = manager.requestVolumeSubset((0, 0, 0), (1, 1, 1)).data  # compiles or loads what it needs
    o.close(vds)
    vds = o.open(path)
    manager = o.getAccessManager(vds)
    begun = time.perf_counter()
    found = manager.requestVolumeSubset((0, 0, 0), data.shape[::-1]).data
    taken = time.perf_counter() - begun
    o.close(vds)
    found = np.asarray(found).reshape(data.shape)
    signal, noise = 0.0, 0.0
    for one, other in zip(data, found, strict=False):
        signal += float(np.square(one, dtype="f8").sum())
        noise += float(np.square(one.astype("f8") - other).sum())
    snr = 10 * np.log10(signal / noise) if noise else 999.0
    return {"read_s": taken, "crc": zlib.crc32(found), "snr": snr}


def main(module, what, path, *rest):
    if what == "make":
        make(path, int(rest[0]))
    elif what == "take":
        take(path, rest[0])
    else:
        o = importlib.import_module(module)
        if what == "write":
            print(json.dumps(write(o, path, rest[0], rest[1], float(rest[2]))))
        else:
            print(json.dumps(read(o, path, rest[0])))


main(*sys.argv[1:])
