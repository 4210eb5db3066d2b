"""Levels and prefixes by hand, from VDS specification section 9.9."""

import numpy as np
import pytest

from mdio_vds.wavelet.adaptive import BEST, level_at_lod, level_for_ratio, level_for_tolerance, prefix_length


def test_prefixes_are_255ths_of_each_other():
    levels = bytes([255, 128, 51, 0, 200]) + bytes(11)
    assert [prefix_length(1000, levels, level) for level in (BEST, 0, 1, 2, 3, 15)] == [1000, 1000, 501, 100, 100, 100]


@pytest.mark.parametrize(
    ("tolerance", "layer", "level"),
    [
        (1, 1, 0),
        (1.99, 1, 0),
        (2, 1, 1),
        (0.6, float(np.float32(0.3)), 1),  # files hold single precision
        (300, 0.01, 14),
        (1e6, 0.01, 15),
        (0, 1, 0),
        (0.1, 1, 0),
    ],
)
def test_tolerance(tolerance, layer, level):
    assert level_for_tolerance(tolerance, layer) == level


def test_ratio():
    sizes = [500, 400, 100, 20, 0]
    assert [level_for_ratio(q, 1000, sizes) for q in (1, 2, 2.5, 9.9, 10, 49, 50)] == [0, 0, 1, 1, 2, 2, 3]


def test_coarser_layers_have_less_to_leave_out():
    # The layer of the wheel's tolerance 0.01 at full resolution has 4.0 at LOD 1: 8 doublings.
    assert [level_at_lod(level, 1, 4.0, 0.01) for level in (-1, 0, 8, 9, 15)] == [-1, 0, 0, 1, 4]
    assert level_at_lod(15, 2, 8.0, 1.0) == 4
    assert level_at_lod(7, 0, 1.0, 1.0) == 7
