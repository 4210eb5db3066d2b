"""Statistics against a plain float64 evaluation, in the honest and in the MDIO v0 sense."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import WAYS, use

from mdio.flow import kernel
from mdio.flow.statistics import Partial, measure

TYPES = ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f4", "f2"]


@pytest.fixture(autouse=True, scope="module", params=WAYS)
def way(request):
    with pytest.MonkeyPatch.context() as patch:
        use(request.param, patch, kernel, "sums")
        yield request.param


def expected(samples, live):
    """The definitions, word by word."""
    values = np.asarray(samples[live].reshape(-1), dtype=np.float64)
    finite = values[np.isfinite(values)]
    nonzero = finite[finite != 0]

    def numbers(x):
        if not x.size:
            return {"mean": 0, "std": 0, "rms": 0, "min": 0, "max": 0}
        return {"mean": x.mean(), "std": x.std(), "rms": math.sqrt((x * x).mean()), "min": x.min(), "max": x.max()}

    honest = numbers(finite) | {
        "count": finite.size,
        "nan_count": int(np.isnan(values).sum()),
        "inf_count": int(np.isinf(values).sum()),
    }
    return numbers(nonzero) | {"trace_count": int(live.sum()), "honest": honest}


def agrees(summary, wanted, rel=1e-9):
    summary, wanted = dict(summary), dict(wanted)
    honest, wanted_honest = summary.pop("honest"), wanted.pop("honest")
    scale = abs(wanted_honest["rms"]) + 1e-300
    assert summary == pytest.approx(wanted, rel=rel, abs=rel * scale)
    assert honest == pytest.approx(wanted_honest, rel=rel, abs=rel * scale)


def data(dtype, shape=(9, 11, 701), seed=1):
    rng = np.random.default_rng(seed)
    samples = (rng.standard_normal(shape) * 40).astype(dtype)
    samples[rng.random(shape) < 0.1] = 0
    live = rng.random(shape[:-1]) < 0.7
    samples[~live] = 0
    return samples, live


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type(dtype):
    samples, live = data(dtype)
    agrees(measure(samples, live).summary(), expected(samples, live))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("lowest", [0, 5])
def test_zeros_do_not_hide_the_extremes_of_the_others(sign, lowest):
    samples = sign * (lowest + np.arange(3 * 140_000, dtype=np.float32).reshape(3, 140_000))
    samples[1, ::2] = 0
    live = np.ones(3, bool)
    agrees(measure(samples, live).summary(), expected(samples, live))
    samples[2] *= -1
    agrees(measure(samples, live).summary(), expected(samples, live))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_zero_hides_no_extreme_of_a_later_batch(sign):
    samples = np.full((2, 140_000), 9 * sign, dtype=np.float32)
    samples[1, ::2] = 0
    samples[1, 5] = 2 * sign
    live = np.ones(2, bool)
    agrees(measure(samples, live).summary(), expected(samples, live))


def test_one_zero_among_large_numbers_keeps_its_weight():
    samples = np.full((1, 2_000_000), 1e9)
    samples[0, 7] = 0
    live = np.ones(1, bool)
    agrees(measure(samples, live).summary(), expected(samples, live))


def test_not_finite_samples_are_counted_and_left_out():
    samples, live = data("f4", (40, 20, 300))
    live[:] = True
    samples[3, 4, 5:9] = np.nan
    samples[30, 4, 5] = np.inf
    samples[30, 4, 6:8] = -np.inf
    summary = measure(samples, live).summary()
    agrees(summary, expected(samples, live))
    assert (summary["honest"]["nan_count"], summary["honest"]["inf_count"]) == (4, 3)
    only = np.full((2, 5), np.nan, dtype=np.float32)
    agrees(measure(only, np.ones(2, bool)).summary(), expected(only, np.ones(2, bool)))


@pytest.mark.parametrize(
    ("samples", "live"),
    [
        (np.zeros((3, 4, 5), "f4"), np.ones((3, 4), bool)),
        (np.zeros((3, 4, 5), "f4"), np.zeros((3, 4), bool)),
        (np.zeros((0, 4, 5), "f4"), np.zeros((0, 4), bool)),
        (np.zeros((3, 4, 0), "f4"), np.ones((3, 4), bool)),
        (-np.zeros((3, 4, 5), "f4"), np.ones((3, 4), bool)),
    ],
)
def test_empty_and_zero_data_are_legal(samples, live):
    summary = measure(samples, live).summary()
    agrees(summary, expected(samples, live))
    assert json.dumps(summary)


def test_a_view_without_halo_needs_no_copy():
    samples, _ = data("f4", (20, 30, 500))
    inner = samples[2:-2, 3:-3, 4:-4]
    live = np.ones(inner.shape[:-1], bool)
    agrees(measure(inner, live).summary(), expected(inner, live))
    agrees(
        measure(samples.transpose(1, 0, 2), np.ones((30, 20), bool)).summary(),
        expected(samples, np.ones((20, 30), bool)),
    )


def test_large_mean_keeps_its_digits():
    rng = np.random.default_rng(2)
    samples = 1e9 + rng.standard_normal((5, 4, 6000))
    live = np.ones((5, 4), bool)
    assert measure(samples, live).summary()["honest"]["std"] == pytest.approx(samples.std(), rel=1e-9)
    parts = [measure(row, mask) for row, mask in zip(samples, live, strict=True)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    assert merged.summary()["honest"]["std"] == pytest.approx(samples.std(), rel=1e-9)


def test_huge_numbers_stay_json():
    samples = np.array([[1e308, 1e308, -1e300]])
    summary = measure(samples, np.ones(1, bool)).summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_merging_slabs_gives_the_whole(seed, pieces):
    samples, live = data("f4", (8, 5, 40), seed)
    total = Partial()
    for part, mask in zip(np.array_split(samples, pieces), np.array_split(live, pieces), strict=True):
        total = total.merge(measure(part, mask))
    agrees(total.summary(), expected(samples, live))


def test_json_gives_every_bit_back():
    part = measure(*data("f4"))
    assert Partial.from_json(json.loads(json.dumps(part.to_json()))) == part
    assert Partial.from_json(json.loads(json.dumps(Partial().to_json()))) == Partial()
    whole = measure(np.array([[2**63 + 1, 1]], dtype="u8"), np.ones(1, bool))
    assert Partial.from_json(json.loads(json.dumps(whole.to_json()))).max == 2**63 + 1
