"""Samples, traces and planes: linear volumes must come back exactly wherever brick borders are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vds_handle import Handle

from mdio_vds.interpolation import InterpolationMethod as M
from mdio_vds.sampling import BATCH, Sampler, plane_positions, trace_positions
from mdio_vds.voxels import VoxelReader

SHAPE = (37, 41, 70)  # slowest first
GRID = np.array([3.0, 50.0, 700.0])


def linear(positions):
    """Return the value at (x, y, z) of the volume whose voxel (i, j, k) has its value at (i + ½, j + ½, k + ½)."""
    return (np.asarray(positions)[..., :3] - 0.5) @ GRID


def volume():
    z, y, x = np.meshgrid(*[np.arange(n) + 0.5 for n in SHAPE], indexing="ij")
    return linear(np.stack([x, y, z], -1)).astype("f4")


@pytest.fixture(scope="module", params=[(0, 0), (2, 2)])
def handle(request, vds, tmp_path_factory):
    path = tmp_path_factory.mktemp("sampling") / "a.vds"
    data = volume()
    writer = vds.Writer(vds.layout_json(SHAPE, [vds.channel()], 32, request.param))
    writer.layer("Dimensions_012LOD0", "None", vds.cut(data, 32, request.param, (0, 1, 2), "R32", "None"))
    with Handle(writer.container(path)) as opened:
        yield opened


def sampler(handle, method=M.Linear, group=(0, 1, 2), **more):
    reader = VoxelReader(handle.source, handle.layout, handle.layout.channels[0], group, 0, handle.cache)
    return Sampler(reader, method, **more)


def at(*positions):
    out = np.zeros((len(positions), 6), np.float32)
    out[:, :3] = positions
    return out


inside = st.lists(
    st.tuples(*[st.floats(1.5, n - 1.5, width=32) for n in reversed(SHAPE)]), min_size=1, max_size=30, unique=True
)


@settings(max_examples=40, deadline=None)
@given(inside, st.sampled_from([M.Linear, M.Cubic, M.Triangular]))
def test_linear_volumes_are_reproduced_across_bricks(handle, positions, method):
    where = at(*positions)
    got = sampler(handle, method).values(where)[:, 0]
    if method is M.Triangular:  # the third dimension is the nearest voxel's
        where[:, 2] = np.floor(where[:, 2]) + 0.5
    np.testing.assert_allclose(got, linear(where), atol=0.05)


def test_the_other_boundary_stops_at_the_brick(handle):
    margin = handle.layout.layout.negative_margin
    position = at((32.0 - margin, 10.5, 10.5))  # between the last voxel of a brick and the first of the next
    across = sampler(handle).values(position)[0, 0]
    assert across == linear(position)[0]
    stopped = sampler(handle, boundary="openvds").values(position)[0, 0]
    # Without margin the position belongs to the second brick, which knows nothing of the first.
    assert stopped == pytest.approx(linear(position)[0] + (1.5 if margin == 0 else 0))


def test_outside_is_the_outermost_voxel(handle):
    corner = volume()[-1, -1, -1]
    far = at((1e30, 1e9, 99.0), (75.0, 45.0, 39.0))
    for method in set(M) - {M.Angular}:  # which would wrap the value into the channel's range
        assert sampler(handle, method).values(far)[:, 0].tolist() == [corner, corner]
    assert sampler(handle, M.Nearest).values(at((-1e30, -3.0, -0.1)))[0, 0] == volume()[0, 0, 0]


def test_order_of_positions_and_batches_do_not_matter(handle):
    rng = np.random.default_rng(1)
    positions = at(*(rng.random((BATCH + 1000, 3)) * SHAPE[::-1]))
    cubic = sampler(handle, M.Cubic)
    all_at_once = cubic.values(positions)
    shuffled = rng.permutation(len(positions))
    np.testing.assert_array_equal(cubic.values(positions[shuffled]), all_at_once[shuffled])
    some = rng.choice(len(positions), 20)
    np.testing.assert_array_equal(np.concatenate([cubic.values(positions[i : i + 1]) for i in some]), all_at_once[some])


def test_a_group_of_two_dimensions_takes_the_voxel_in_the_others(handle):
    positions = at((10.25, 11.5, 12.9))
    got = sampler(handle, M.Linear, (0, 1)).values(positions)[0, 0]
    assert got == linear(at((10.25, 11.5, 12.5)))[0]


def test_discrete_channels_are_not_interpolated(vds, tmp_path):
    data = np.arange(27, dtype="u1").reshape(3, 3, 3)
    writer = vds.Writer(vds.layout_json(data.shape, [vds.channel(fmt="U8", discrete=True)]))
    writer.layer("Dimensions_012LOD0", "None", vds.cut(data, 32, (0, 0), (0, 1, 2), "U8", "None"))
    with Handle(writer.container(tmp_path / "a.vds")) as opened:
        assert sampler(opened, M.Cubic).values(at((1.9, 0.1, 2.0)))[0, 0] == 1 + 18


def test_positions_of_traces():
    starts = at((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    got = trace_positions(starts, 1, 3, 4, 2.0)
    expected = [(x, y, z) for x, z in ((1, 3), (4, 6)) for y in (2, 6, 10)]
    assert got[:, :3].tolist() == [list(map(float, p)) for p in expected]


def test_positions_of_a_plane():
    box = ((0, 4), (2, 4), (0, 10), (1, 2), (0, 1), (0, 1))
    # x + y + z - 6 = 0, so z = 6 - x - y, seen along z
    got = plane_positions(box, (0, 1, 2), (0, 1), (1, 1, 1, -6), 0, (4, 4, 10, 2, 1, 1), slice(None))
    expected = [(x + 0.5, y + 0.5, 6 - (x + 0.5) - (y + 0.5), 1.5) for y in (2, 3) for x in range(4)]
    assert got[:, :4].tolist() == [[x, y, max(z, 0.0), w] for x, y, z, w in expected]
    rows = plane_positions(box, (0, 1, 2), (0, 1), (1, 1, 1, -6), 0, (4, 4, 10, 2, 1, 1), slice(1, 2))
    np.testing.assert_array_equal(rows, got[4:])
    # Halved: pixels stand for two voxels, and begin where those of the level do.
    halved = plane_positions(((1, 4), *box[1:]), (0, 1, 2), (0, 1), (0, 0, 1, -3), 1, (4,) * 6, slice(None))
    assert halved[:, :3].tolist() == [[1, 3, 3], [3, 3, 3]]
