"""A small survey that looks like one – layers, a dome, a fault, noise – for demonstrations and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.dimension import Dimension
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Metadata, Schema
from mdio.testing.memory import MemoryVolume

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["poststack"]


def poststack(shape: tuple[int, int, int], *, interval_ms: float = 4, seed: int = 1) -> MemoryVolume:
    """Return a 3-D post-stack time survey.

    Parameters
    ----------
    shape
        Inlines, crosslines, samples.
    interval_ms
        Sample interval in milliseconds.
    seed
        Of the reflectivity and the noise.

    Returns
    -------
    MemoryVolume
        float32 samples; inlines from 101, crosslines from 201; standard trace headers, big endian.
    """
    schema = Schema(
        dims=(
            Dimension.regular("inline", 101, 1, shape[0]),
            Dimension.regular("crossline", 201, 1, shape[1]),
            Dimension.regular("sample", 0, interval_ms, shape[2], "ms"),
        ),
        dtype=np.dtype(np.float32),
        headers=standard_layout(big_endian=True),
        chunks=(1, shape[1], shape[2]),
        metadata=Metadata(trace_count=shape[0] * shape[1]),
    )
    headers = _headers(shape, interval_ms)
    return MemoryVolume(schema, _samples(shape, seed), headers, np.ones(shape[:2], dtype=bool))


def _samples(shape: tuple[int, int, int], seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    wavelet = _ricker(25, 0.004)
    depth = np.arange(shape[2] + 200)
    layers = rng.laplace(size=depth.size) * (rng.random(depth.size) < 0.15)
    trace = np.convolve(layers, wavelet, mode="same")
    x, y = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    dome = 40 * np.exp(-3 * (x**2 + y**2))
    fault = np.where(x + 0.4 * y > 0.35, 12.0, 0.0)
    shift = (dome - fault)[..., None]
    at = np.arange(shape[2]) + 60 + shift
    samples = np.interp(at, depth, trace) + 0.05 * rng.standard_normal(shape)
    return np.asarray(samples, dtype=np.float32)


def _ricker(frequency: float, interval: float) -> NDArray[np.float64]:
    time = (np.arange(41) - 20) * interval
    power = (np.pi * frequency * time) ** 2
    return np.asarray((1 - 2 * power) * np.exp(-power))


def _headers(shape: tuple[int, int, int], interval_ms: float) -> NDArray[Any]:
    layout = standard_layout(big_endian=True)
    records = np.zeros(shape[:2], dtype=layout.struct)
    inline, crossline = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    number = np.arange(1, records.size + 1).reshape(records.shape)
    values = {
        "trace_seq_num_line": number,
        "trace_seq_num_reel": number,
        "trace_id_code": 1,
        "ensemble_num": number,
        "coordinate_scalar": -10,
        "samples_per_trace": shape[2],
        "sample_interval": round(interval_ms * 1000),
        "cdp_x": 4_310_000 + 125 * inline,
        "cdp_y": 64_780_000 + 125 * crossline,
        "inline": 101 + inline,
        "crossline": 201 + crossline,
    }
    for name, value in values.items():
        records[name] = value
    return records.view(layout.record)
