"""What is asked of a wavelet VDS, of the official wheel and of this package alike: run by both their interpreters."""

import numpy as np


def openings(api, path, case):
    """Yield ``(kind, number, function that opens)`` of every way in which a case is opened."""
    yield "best", 0, lambda: api.open(path, "")
    for n, tolerance in enumerate(case["tolerances"]):
        yield "tolerance", n, lambda t=tolerance: api.openWithAdaptiveCompressionTolerance(path, "", t)
        if n == 0:
            yield "string", n, lambda t=tolerance: api.open(path, f"WaveletAdaptiveTolerance={t}")
    for n, ratio in enumerate(case["ratios"]):
        yield "ratio", n, lambda r=ratio: api.openWithAdaptiveCompressionRatio(path, "", r)
        if n == 1:
            yield "options", n, lambda r=ratio: api.open(_options(api, path, r))


def _options(api, path, ratio):
    options = api.VDSFileOpenOptions(path)
    options.waveletAdaptiveMode = api.WaveletAdaptiveMode.Ratio
    options.waveletAdaptiveRatio = ratio
    return options


def read(api, vds, case, lod, channel=0):
    layout, manager = api.getLayout(vds), api.getAccessManager(vds)
    size = [layout.getDimensionNumSamples(d) for d in range(layout.dimensionality)]
    if channel:
        size[0] = case["per_trace"]
    size += [1] * (6 - len(size))
    group = getattr(api.DimensionsND, case["group"])
    kind = layout.getChannelFormat(channel)
    request = manager.requestVolumeSubset(
        (0,) * 6, tuple(size), lod=lod, channel=channel, format=kind, dimensionsND=group
    )
    return np.asarray(request.data).copy()


def answers(api, path, case):
    """Return everything that is read of a case, by name: kind, number of the wish, level of detail."""
    got = {}
    for how, n, open_ in openings(api, path, case):
        vds = open_()
        for lod in range(case["lods"] + 1):
            got[f"{how}-{n}-{lod}"] = read(api, vds, case, lod)
        if case["per_trace"] and how == "best":
            got["trace-0-0"] = read(api, vds, case, 0, channel=1)
        if how == "best":
            levels = api.getWaveletAdaptiveLevels(vds)
            rows = [(one.compressedSize, one.compressionRatio, one.compressionTolerance) for one in levels]
            sizes = (api.getWaveletCompressedSize(vds), api.getWaveletUncompressedSize(vds), 0)
            got["levels"] = np.array([*rows, sizes], np.float64)
        api.close(vds)
    return got
