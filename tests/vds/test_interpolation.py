"""Kernels: cells worked by hand, and polynomials that they must reproduce (VDS specification section 12.3)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdio_vds.interpolation import InterpolationMethod as M
from mdio_vds.interpolation import Neighbourhood, interpolate, tap_offsets

RANGE = (-180.0, 180.0)


def cell(method, function, fractions, dtype=np.float32, missing=()):
    """Return the neighbourhood of one position whose voxels are ``function(x, y, z)``, x = 0 at the voxel before."""
    offsets = tap_offsets(method)
    near = [int(f >= 0.5) for f in fractions]
    steps = [[near[i]] if len(o) == 1 else o for i, o in enumerate(offsets)]
    values = np.array([[[function(x, y, z) for x in steps[0]] for y in steps[1]] for z in steps[2]], dtype)[..., None]
    valid = np.array([[[(x, y, z) not in missing for x in steps[0]] for y in steps[1]] for z in steps[2]])[..., None]
    return Neighbourhood(
        values=values,
        nearest=np.array([function(*near)], dtype),
        fractions=tuple(np.array([f], np.float32) for f in fractions),
        valid=valid if missing else None,
        nearest_valid=np.array([tuple(near) not in missing]) if missing else None,
    )


def value(method, function, fractions, missing=(), dtype=np.float32, value_range=RANGE):
    return float(interpolate(method, cell(method, function, fractions, dtype, missing), -999.0, value_range)[0])


fraction = st.floats(0, 1, exclude_max=True, width=32)
number = st.integers(-20, 20)


@given(number, number, number, number, fraction, fraction, fraction, st.sampled_from([M.Linear, M.Cubic]))
def test_linear_functions_are_reproduced(a, b, c, d, u, v, w, method):
    got = value(method, lambda x, y, z: a + b * x + c * y + d * z, (u, v, w), dtype=np.float64)
    assert got == pytest.approx(a + b * u + c * v + d * w, abs=1e-4)


@given(number, number, number, fraction)
def test_cubic_reproduces_quadratics(a, b, c, u):
    got = value(M.Cubic, lambda x, y, z: a + b * x + c * x * x, (u, 0.0, 0.0), dtype=np.float64)
    assert got == pytest.approx(a + b * u + c * u * u, abs=1e-4)


@given(number, number, number, fraction, fraction, fraction)
def test_triangular_reproduces_planes_and_takes_the_nearest_third(a, b, c, u, v, w):
    got = value(M.Triangular, lambda x, y, z: a + b * x + c * y + 100 * z, (u, v, w))
    assert got == pytest.approx(a + b * u + c * v + 100 * (w >= 0.5), abs=1e-3)


def test_catmull_rom_weights_at_a_quarter():
    # -t/2 + t² - t³/2, 1 - 5t²/2 + 3t³/2, t/2 + 2t² - 3t³/2, -t²/2 + t³/2 at t = 1/4, in 128ths
    for tap, weight in zip((-1, 0, 1, 2), (-9, 111, 29, -3), strict=True):
        assert value(M.Cubic, lambda x, y, z, tap=tap: float(x == tap), (0.25, 0, 0)) == weight / 128


def test_nearest():
    assert [value(M.Nearest, lambda x, y, z: x, (u, 0, 0)) for u in (0.0, 0.49, 0.5, 0.99)] == [0, 0, 1, 1]


def test_angular_goes_the_short_way_round():
    # from 170 degrees to -170 is 20 degrees
    function = lambda x, y, z: (170, -170)[x] if 0 <= x < 2 else 0  # noqa: E731
    assert value(M.Angular, function, (0.25, 0, 0)) == pytest.approx(175)
    assert value(M.Angular, function, (0.75, 0, 0)) == pytest.approx(-175)
    assert value(M.Linear, function, (0.25, 0, 0)) == pytest.approx(85)
    function = lambda x, y, z: (175, -165)[x] if 0 <= x < 2 else 0  # noqa: E731
    assert value(M.Angular, function, (0.4, 0, 0)) == pytest.approx(-177)  # 183 is beyond the range
    assert value(M.Angular, lambda x, y, z: 10 * x, (0.25, 0, 0), value_range=(5.0, 5.0)) == 2.5  # no range


def test_taps_without_value_are_left_out():
    assert value(M.Linear, lambda x, y, z: 1 + x, (0.25, 0, 0), missing={(1, 0, 0)}) == 1
    assert value(M.Linear, lambda x, y, z: 1 + x, (0.25, 0, 0), missing={(0, 0, 0)}) == -999
    # the outer tap 2 counts only with tap 1: weights -9 and 111 are left
    got = value(M.Cubic, lambda x, y, z: x + 5, (0.25, 0, 0), missing={(1, 0, 0)})
    assert got == pytest.approx((-9 * 4 + 111 * 5) / 102)


@pytest.mark.parametrize(
    ("missing", "at", "expected"),
    [
        # corners a=1 (0,0), b=2 (1,0), c=4 (0,1), d=8 (1,1)
        ((), (0.25, 0.25), 1 + 0.25 * 1 + 0.25 * 3),
        ((), (0.75, 0.75), 8 + 0.25 * (4 - 8) + 0.25 * (2 - 8)),
        ({(1, 0, 0)}, (0.25, 0.5), 4 + 0.25 * 4 + 0.5 * (1 - 4)),  # other diagonal, side of c
        ({(1, 0, 0)}, (0.5, 0.25), -999),
        ({(0, 1, 0)}, (0.5, 0.25), 2 + 0.5 * (1 - 2) + 0.25 * 6),  # side of b
        ({(0, 0, 0)}, (0.25, 0.25), -999),
        ({(0, 0, 0)}, (0.75, 0.75), 8 + 0.25 * (4 - 8) + 0.25 * (2 - 8)),
        ({(0, 1, 0), (1, 1, 0)}, (0.25, 0.0), 1.25),  # on the edge a-b
        ({(1, 0, 0), (1, 1, 0)}, (0.0, 0.5), 2.5),  # on the edge a-c
        ({(1, 0, 0), (1, 1, 0)}, (0.25, 0.5), -999),
    ],
)
def test_triangles(missing, at, expected):
    function = lambda x, y, z: [[1, 2], [4, 8]][y][x]  # noqa: E731
    assert value(M.Triangular, function, (*at, 0.0), missing) == expected
