"""Pyramid geometry by hand and by counting: every coefficient is stored raw or has exactly one parent."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdio_vds.wavelet.bands import pyramid


def test_a_cube_of_16_by_hand():
    p = pyramid((16, 16, 16), 3)
    assert p.sizes.tolist() == [[16, 16, 16], [8, 8, 8], [4, 4, 4]]
    assert p.masks.tolist() == [7, 7]
    assert p.regular
    assert len(p.starts) == 512  # 4³ low ones and 8³ - 4³ roots
    assert p.starts[:5].tolist() == [0, 1, 2, 3, 16]
    assert p.starts[64:70].tolist() == [4, 5, 6, 7, 20, 21]  # sector 1: high in x only
    assert p.roots[0] == 4 | 1 << 30 | 1 << 33  # x = 4, sector 1, level 1
    assert p.corners.tolist() == list(map(list, [(x, y, z) for z in (0, 1) for y in (0, 1) for x in (0, 1)]))
    assert (p.node_count, p.value_count) == (448, 16**3 - 512)


def test_lines_shorter_than_8_are_not_split():
    p = pyramid((20, 7, 1), 2)
    assert p.sizes.tolist() == [[20, 7, 1], [10, 7, 1], [5, 7, 1]]
    assert p.masks.tolist() == [1, 1]
    p = pyramid((7, 5, 3), 3)
    assert p.masks.size == p.roots.size == 0
    assert p.starts.tolist() == list(range(105))


@pytest.mark.parametrize(
    ("shape", "dims", "regular"),
    [
        ((64, 64, 64), 3, True),
        ((32, 32, 1), 2, True),
        ((40, 1, 1), 1, True),  # 40, 20, 10, 5
        ((128, 64, 64), 3, False),  # x is split once more than the others
        ((64, 60, 64), 3, False),  # 60, 30, 15, 8: the level below 15 has one parent too few
    ],
)
def test_where_children_are_simply_doubled(shape, dims, regular):
    assert pyramid(shape, dims).regular is regular


def children(p, level, sector, at):
    """The children of a node by the words of section 9.5, from the table's rows."""
    for row in p.children[level, sector, : p.band_counts[level, sector]].tolist():
        child, origin, end, factor, first, wider = row[0], row[1:4], row[4:7], row[7:10], row[10:13], row[13:16]
        spans = []
        for d in range(3):
            lo = origin[d] + (at[d] - first[d]) * factor[d]
            spans.append(range(lo, min(lo + factor[d] + (at[d] == wider[d]), end[d])))
        for z, y, x in itertools.product(*reversed(spans)):
            yield child, (x, y, z)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(1, 34)] * 3))
def test_every_coefficient_has_one_origin(shape):
    p = pyramid(shape, 3)
    seen = np.zeros(shape[::-1], int)
    flat = seen.reshape(-1)
    np.add.at(flat, p.starts, 1)
    nodes = [
        (int(n) >> 33, int(n) >> 30 & 7, tuple(int(n) >> 10 * d & 1023 for d in range(3))) for n in p.roots.tolist()
    ]
    total = 0
    while nodes:
        level, sector, at = nodes.pop()
        total += 1
        for child, place in children(p, level, sector, at):
            seen[place[::-1]] += 1
            if level > 1:
                nodes.append((level - 1, child, place))
    assert (seen == 1).all()
    assert total == p.node_count
