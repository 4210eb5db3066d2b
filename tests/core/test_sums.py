"""The compiled loop of the statistics by itself; test_statistics.py has what it is for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from kernels import use

from mdio.flow import kernel
from mdio.flow.statistics import measure


@pytest.fixture
def loops(monkeypatch):
    use("compiled", monkeypatch, kernel, "sums")
    return kernel.sums()


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 40, 4096 + 5])
@pytest.mark.parametrize("kind", ["mixed", "positive", "negative", "zeros", "minus zero"])
def test_the_compiled_loop_takes_any_number_of_samples(loops, count, kind):
    samples = np.random.default_rng(count).normal(0, 1e3, count).astype("f4")
    samples[::3] = 0
    samples = {
        "mixed": samples,
        "positive": np.abs(samples),
        "negative": -np.abs(samples),
        "zeros": samples * 0,
        "minus zero": np.full(count, -0.0, "f4"),
    }[kind]
    total, squares, nonzero, low, high = loops.measure(samples)
    wide, there = samples.astype("f8"), samples[samples != 0]
    assert total == pytest.approx(math.fsum(wide), rel=1e-13, abs=1e-9)
    assert squares == pytest.approx(math.fsum(wide * wide), rel=1e-13)
    assert nonzero == there.size
    assert (low, high) == ((there.min(), there.max()) if there.size else (math.inf, -math.inf))


def test_the_compiled_loop_leaves_what_is_no_number_to_others(loops):
    for odd in (np.nan, np.inf, -np.inf):
        for at in (0, 15, 16, 36):
            samples = np.ones(37, "f4")
            samples[at] = odd
            assert loops.measure(samples) is None
    assert loops.measure(np.full(37, np.finfo("f4").max, "f4")) is not None
    with pytest.raises(ValueError, match="not float32"):
        loops.measure(np.ones(3))
    shifted = np.frombuffer(bytes(4 * 16 + 1), np.uint8)[1:].view("f4")
    with pytest.raises(ValueError, match="not aligned"):
        loops.measure(shifted)
    assert measure(shifted.reshape(4, 4), np.ones(4, bool)).count == 16
