"""Chunk geometry: numbers worked by hand from the rules, and properties that any partition must have."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdio_vds.descriptors import AxisDescriptor, ChannelDescriptor, LayoutDescriptor, VolumeDataLayout
from mdio_vds.enums import VolumeDataFormat, VolumeDataMapping
from mdio_vds.partition import DIMENSIONS, GROUPS, channel_partition, group_name

PRIMARY = ChannelDescriptor("Amplitude", "", VolumeDataFormat.Format_R32, 1, (-1.0, 1.0))


def per_trace(values):
    return ChannelDescriptor(
        "T", "", VolumeDataFormat.Format_U8, 1, (0.0, 1.0), mapping=VolumeDataMapping.PerTrace, mapped_values=values
    )


def layout(shape, brick=64, margins=(0, 0), full=-1):
    axes = tuple(AxisDescriptor(length, f"A{i}", "", 0.0, 1.0) for i, length in enumerate(shape))
    descriptor = LayoutDescriptor(brick, *margins, full_resolution_dimension=full)
    return VolumeDataLayout(descriptor, axes, (PRIMARY,))


def test_group_numbers_are_those_of_the_api():
    assert len(GROUPS) == 35
    assert [GROUPS[i] for i in (0, 1, 4, 10, 19)] == [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3), (3, 4, 5)]
    assert [GROUPS[i] for i in (20, 25, 34)] == [(0, 1), (1, 2), (4, 5)]
    assert group_name((0, 2, 3)) == "Dimensions_023"


def test_plain_bricks():
    partition = channel_partition(layout((200, 100, 64)), PRIMARY, (0, 1, 2))
    assert partition.count == (4, 2, 1, 1, 1, 1)
    assert partition.index((3, 1, 0, 0, 0, 0)) == 7
    assert partition.box((3, 1, 0, 0, 0, 0))[:3] == ((192, 200), (64, 100), (0, 64))
    assert partition.stored_shape((3, 1, 0, 0, 0, 0)) == (8, 36, 64)


def test_margins_overlap_and_do_not_leave_the_volume():
    # Interior edge 64 - 4 - 4 = 56; trunc((200 - 1 - 8) / 56) + 1 = 4 chunks.
    partition = channel_partition(layout((200, 60, 5), margins=(4, 4)), PRIMARY, (0, 1, 2))
    assert partition.count[:3] == (4, 1, 1)
    assert [partition.box((i, 0, 0, 0, 0, 0))[0] for i in range(4)] == [(0, 64), (56, 120), (112, 176), (168, 200)]
    assert [partition.interior((i, 0, 0, 0, 0, 0))[0] for i in range(4)] == [(0, 60), (60, 116), (116, 172), (172, 200)]
    # 60 samples fit one brick of 64: trunc((60 - 1 - 8) / 56) + 1 = 1; 5 samples are shorter than the margins.
    assert partition.box((0, 0, 0, 0, 0, 0))[1:3] == ((0, 60), (0, 5))
    assert [partition.owner(0, x) for x in (0, 59, 60, 115, 116, 171, 172, 199)] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_levels_of_detail_double_the_edge_and_halve_what_is_stored():
    partition = channel_partition(layout((200, 100, 65)), PRIMARY, (0, 1, 2), lod=1)
    assert partition.edge[:3] == (128, 100, 65)
    assert partition.count[:3] == (2, 1, 1)
    assert partition.stored_shape((1, 0, 0, 0, 0, 0)) == (36, 50, 33)


def test_a_full_resolution_dimension_is_not_decimated():
    partition = channel_partition(layout((200, 100, 65), full=0), PRIMARY, (0, 1, 2), lod=1)
    assert partition.edge[:3] == (64, 100, 65)
    assert partition.stored_shape((3, 0, 0, 0, 0, 0)) == (8, 50, 33)


def test_two_dimensional_groups_use_longer_edges():
    # (64 - 2 - 2) * 4 = 240
    partition = channel_partition(layout((1000, 700, 3), margins=(2, 2)), PRIMARY, (0, 1))
    assert partition.edge[:3] == (240, 240, 1)
    assert partition.count[:3] == (5, 3, 3)
    assert partition.box((1, 0, 2, 0, 0, 0))[:3] == ((240, 484), (0, 244), (2, 3))
    assert partition.stored_shape((1, 0, 2, 0, 0, 0)) == (244, 244)


def test_per_trace_channels():
    flags = channel_partition(layout((1000, 100, 70)), per_trace(1), (0, 1, 2))
    assert flags.count[:3] == (1, 2, 2)
    assert flags.stored_shape((0, 1, 1, 0, 0, 0)) == (36, 6)
    headers = channel_partition(layout((1000, 100, 70), margins=(4, 4)), per_trace(240), (0, 1, 2))
    assert headers.group == (0, 1, 2)
    assert headers.stored_shape((0, 0, 0, 0, 0, 0)) == (240, 64, 64)
    line = channel_partition(layout((1000, 300)), per_trace(1), (0, 1))
    assert (line.group, line.count[:2], line.stored_shape((0, 1, 0, 0, 0, 0))) == ((1,), (1, 2), (44,))


shapes = st.lists(st.integers(1, 150), min_size=2, max_size=4)


@given(shapes, st.integers(0, 4), st.integers(0, 4), st.integers(0, 2), st.sampled_from(GROUPS))
def test_interiors_tile_the_volume_and_stored_boxes_hold_them(shape, negative, positive, lod, group):
    partition = channel_partition(layout(shape, 32, (negative, positive)), PRIMARY, group, lod)
    for dim in range(DIMENSIONS):
        end = 0
        for at in range(partition.count[dim]):
            position = tuple(at if d == dim else 0 for d in range(DIMENSIONS))
            lo, hi = partition.interior(position)[dim]
            outer = partition.box(position)[dim]
            assert lo == end < hi
            assert 0 <= outer[0] <= lo
            assert hi <= outer[1] <= partition.samples[dim]
            assert {partition.owner(dim, x) for x in (lo, hi - 1)} == {at}
            end = hi
        assert end == partition.samples[dim]
    for index in {0, partition.total // 2, partition.total - 1}:
        assert partition.index(partition.position(index)) == index


@given(st.data())
def test_touching_finds_the_chunks_that_own_a_box(data):
    shape = data.draw(st.lists(st.integers(1, 90), min_size=3, max_size=3))
    partition = channel_partition(
        layout(shape, 32, (2, 3)), PRIMARY, data.draw(st.sampled_from(GROUPS[:1] + GROUPS[20:22]))
    )
    box = []
    for length in partition.samples:
        lo = data.draw(st.integers(0, length - 1))
        box.append((lo, data.draw(st.integers(lo + 1, min(length, lo + 40)))))
    expected = [
        position[::-1]
        for position in itertools.product(*(range(count) for count in reversed(partition.count)))
        if all(lo < d and c < hi for (lo, hi), (c, d) in zip(box, partition.interior(position[::-1]), strict=True))
    ]
    assert list(partition.touching(tuple(box))) == expected


def test_touching_an_empty_box_is_nothing():
    partition = channel_partition(layout((9, 9, 9)), PRIMARY, (0, 1, 2))
    assert list(partition.touching(((3, 3), (0, 9), (0, 9), (0, 1), (0, 1), (0, 1)))) == []


@pytest.mark.parametrize(("index", "position"), [(0, (0, 0, 0)), (4, (0, 1, 0)), (8, (0, 0, 1)), (15, (3, 1, 1))])
def test_dimension_0_varies_fastest(index, position):
    partition = channel_partition(layout((200, 100, 100)), PRIMARY, (0, 1, 2))
    assert partition.position(index)[:3] == position
