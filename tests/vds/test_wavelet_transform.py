"""The inverse transform against a literal one on single lines, and against the forward transform made here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")
from mdio_vds.wavelet.bands import pyramid
from mdio_vds.wavelet.transform import LOW_SCALE, inverse, inverse_rounded

F = np.float32
INVERSE_ROOT = F(1 / np.sqrt(2))


def extended(low, high):
    """Coefficients beyond the ends of a line, as section 9.7 lists them."""
    n, H, L = len(low) + len(high), len(high), len(low)
    h = {k: high[k] for k in range(H)} | {-1: high[0], -2: high[1]}
    lo = {k: low[k] for k in range(L)} | {-1: low[0]}
    if n % 2:
        h |= {H: high[H - 1], H + 1: high[H - 2]}
        lo |= {L: low[L - 2]}
    else:
        h |= {H: high[H - 2]}
        lo |= {L: low[L - 1], L + 1: low[L - 2]}
    return lo, h


def literal(line, rounded=False, scale=INVERSE_ROOT):
    """One line, one coefficient after the other, in single precision."""
    L = (len(line) + 1) // 2
    rint = np.rint if rounded else (lambda v: v)
    away = (lambda v: np.ceil(v) if v >= 0 else np.floor(v)) if rounded else (lambda v: v)
    low, high = [away(F(v) * scale) for v in line[:L]], [F(v) for v in line[L:]]
    _, h = extended(low, high)
    low = [low[k] + rint(F(-1 / 32) * (F(9) * (h[k - 1] + h[k]) - (h[k - 2] + h[k + 1]))) for k in range(L)]
    lo, _ = extended(low, high)
    high = [
        high[k] - rint(F(-1 / 16) * (F(9) * (lo[k] + lo[k + 1]) - (lo[k - 1] + lo[k + 2]))) for k in range(len(high))
    ]
    out = np.empty(len(line), F)
    out[::2], out[1::2] = low, high
    return out


def along(line, dim, run, scale=LOW_SCALE):
    """A line through the compiled transform, laid along a dimension between four neighbours."""
    others = [5, 5, 5]
    others[dim] = len(line)
    data = np.empty(others[::-1], F)
    data[...] = line.reshape([-1 if 2 - d == dim else 1 for d in range(3)])
    run(data.reshape(-1), np.array([others], np.int64), np.array([1 << dim]), scale)
    moved = np.moveaxis(data, 2 - dim, -1)
    assert (moved == moved[0, 0]).all()
    return moved[0, 0]


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("n", [*range(8, 26), 63, 64, 257])
def test_a_line_is_what_the_formula_gives(dim, n):
    rng = np.random.default_rng(n)
    line = (rng.normal(0, 1, n) * 10.0 ** rng.integers(-3, 4, n)).astype(F)
    np.testing.assert_array_equal(along(line, dim, inverse), literal(line))
    np.testing.assert_array_equal(along(line, dim, inverse_rounded), literal(line, rounded=True))
    whole = rng.integers(-500, 500, n).astype(F)
    np.testing.assert_array_equal(along(whole, dim, inverse_rounded, 1.0), literal(whole, True, F(1)))


@pytest.mark.parametrize("n", [8, 9, 16, 33])
def test_a_constant_has_no_details(n):
    line = np.zeros(n, F)
    line[: (n + 1) // 2] = 8 * np.sqrt(2)
    np.testing.assert_allclose(along(line, 0, inverse), 8, rtol=1e-6)


def forward(data, shape, dims):
    """Forward lifting in double precision: x, y, z; finest level first; the exact inverse of section 9.7."""
    p = pyramid(shape, dims)
    data = data.astype(float)
    for (nx, ny, nz), mask in zip(p.sizes.tolist(), p.masks.tolist(), strict=False):
        for axis, d in ((2, 0), (1, 1), (0, 2)):
            if mask >> d & 1:
                part = np.moveaxis(data[:nz, :ny, :nx], axis, 0)
                low, high = part[::2].copy(), part[1::2].copy()
                lo, _ = extended(low, high)
                high = [high[k] - (9 * (lo[k] + lo[k + 1]) - (lo[k - 1] + lo[k + 2])) / 16 for k in range(len(high))]
                _, h = extended(low, high)
                low = [low[k] + (9 * (h[k - 1] + h[k]) - (h[k - 2] + h[k + 1])) / 32 for k in range(len(low))]
                part[...] = np.concatenate([np.sqrt(2) * np.array(low), high])
    return data


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(1, 30)] * 3), st.integers(0, 2**32 - 1))
def test_the_inverse_undoes_the_forward_transform(shape, seed):
    data = np.random.default_rng(seed).normal(0, 100, shape[::-1])
    p = pyramid(shape, 3)
    coefficients = forward(data, shape, 3).astype(F).reshape(-1)
    inverse(coefficients, p.sizes, p.masks, LOW_SCALE)
    np.testing.assert_allclose(coefficients.reshape(data.shape), data, atol=2e-3)
