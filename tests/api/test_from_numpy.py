"""Arrays written in one call, read back by others."""

import numpy as np
import pytest

import mdio
from mdio.api.array_volume import ArrayVolume
from mdio.api.from_arrays import from_numpy
from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.exceptions import ConfigError, MDIOAlreadyExistsError, ShapeError, WrongTypeError
from mdio.testing import synthetic

SHAPE = (3, 4, 50)


def cube(shape=SHAPE):
    return synthetic.formula(shape)


@pytest.mark.parametrize("name", ["a.sgy", "a.mdio", "a.vds"])
def test_every_format(tmp_path, name):
    live = np.ones((3, 4), bool)
    live[1, 2] = False
    x = 1000 + 10 * np.arange(3)[:, None]
    report = from_numpy(
        cube(),
        tmp_path / name,
        coords={"inline": range(100, 106, 2), "crossline": [7, 8, 9, 10]},
        interval=2,
        live=live,
        headers={"cdp_x": x, 185: 5, "coordinate_scalar": -10},
    )
    assert report.statistics["max"] == cube()[live].max()
    with mdio.open(tmp_path / name) as volume:
        assert [dim.coords.tolist() for dim in volume.dims] == [[100, 102, 104], [7, 8, 9, 10], [*range(0, 100, 2)]]
        expected = cube()
        expected[1, 2] = 0
        assert np.array_equal(volume.samples(volume.schema.region), expected)
        assert np.array_equal(volume.live(volume.schema.region.spatial), live)
        assert volume.header["cdp_x"][:].tolist() == [1000] * 4 + [1010] * 3 + [1020] * 4
        assert volume.header[5]["crossline"] == 8
        assert volume.dims[-1].unit == "ms"


def test_segy_as_segyio_reads_it(tmp_path):
    segyio = pytest.importorskip("segyio")
    from_numpy(cube(), tmp_path / "a.sgy", interval=2, text=["C 1 MADE OF AN ARRAY"])
    with segyio.open(tmp_path / "a.sgy") as file:
        assert file.ilines.tolist() == [1, 2, 3]
        assert file.xlines.tolist() == [1, 2, 3, 4]
        assert file.samples.tolist() == [*range(0, 100, 2)]
        assert np.array_equal(segyio.tools.cube(file), cube())
        assert file.header[4][1] == 5
        assert file.header[4][115] == 50
        assert bytes(file.text[0]).startswith(b"C 1 MADE OF AN ARRAY")


def test_before_stack_and_lines(tmp_path):
    from_numpy(cube((2, 3, 4, 5)), tmp_path / "a.sgy", coords={"offset": [100, 200, 300, 400]})
    with mdio.open(tmp_path / "a.sgy") as volume:
        assert volume.header["offset"][:5].tolist() == [100, 200, 300, 400, 100]
        assert np.array_equal(volume.gather[2, 3], cube((2, 3, 4, 5))[1, 2])
    from_numpy(cube((6, 5)), tmp_path / "line.mdio", names=["station", "sample"])
    with mdio.open(tmp_path / "line.mdio") as volume:
        assert volume.schema.names == ("station", "sample")


def test_other_types_and_orders(tmp_path):
    big = np.asfortranarray(cube().astype(">f4"))
    from_numpy(big, tmp_path / "a.mdio")
    from_numpy(cube().tolist(), tmp_path / "b.mdio", overwrite=True)
    with mdio.open(tmp_path / "a.mdio") as one, mdio.open(tmp_path / "b.mdio") as two:
        assert np.array_equal(one.samples(one.schema.region), cube())
        assert two.schema.dtype == np.float64


def test_it_is_a_whole_volume():
    live = np.ones((3, 4), bool)
    live[0, 1] = False
    dims = [Dimension.regular("a", 0, 1, 3), Dimension.regular("crossline", 5, 1, 4), Dimension.regular("z", 0, 5, 50)]
    volume = ArrayVolume(cube(), dims, live)
    box = Region([(0, 2), (1, 3), (0, 50)])
    block = volume.read(box)
    assert block.order.tolist() == [[-1, 1], [4, 5]]
    assert volume.schema.headers.values(block.headers, "crossline").tolist() == [[0, 7], [6, 7]]
    assert volume.schema.headers.values(block.headers, "sample_interval").tolist() == [[0, 0], [0, 0]]
    assert not block.headers[0, 0].tobytes().strip(b"\0")
    assert not block.samples[0, 0].any()
    assert ArrayVolume(cube(), dims).order(box.spatial).tolist() == [[1, 2], [5, 6]]


@pytest.mark.parametrize(
    ("array", "options", "error", "message"),
    [
        (cube((2, 2)).astype(complex), {}, WrongTypeError, "complex128 are no real numbers"),
        (cube()[:, :0], {}, ShapeError, "shape"),
        (cube((5,)), {"names": ["sample"]}, ShapeError, "two dimensions"),
        (cube((1, 1, 1, 1, 2)), {}, ShapeError, "names are needed for an array of 5"),
        (cube(), {"names": ["a", "a", "b"]}, ShapeError, "no two equal|names"),
        (cube(), {"coords": {"inlin": [1]}}, ConfigError, "no dimension 'inlin'"),
        (cube(), {"coords": {"inline": [1, 2]}}, ShapeError, "the dimension has 3"),
        (cube(), {"coords": {"inline": [1.5, 2, 3]}}, WrongTypeError, "inline: values from 1.5 to 3.0"),
        (cube(), {"headers": {"cdp_x": 1e10}}, WrongTypeError, "cdp_x: values from 1.*32-bit"),
        (cube(), {"headers": {"cdp_z": 1}}, KeyError, "did you mean"),
        (cube(), {"headers": {"cdp_x": [1, 2]}}, ShapeError, "does not broadcast"),
        (cube(), {"headers": {"cdp_x": "a"}}, WrongTypeError, "is no number"),
        (cube(), {"live": np.ones((3, 4))}, ShapeError, "a live mask of float64"),
    ],
)
def test_wrong_calls(tmp_path, array, options, error, message):
    with pytest.raises(error, match=message):
        from_numpy(array, tmp_path / "a.mdio", **options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path):
    from_numpy(cube(), tmp_path / "a.mdio")
    with pytest.raises(MDIOAlreadyExistsError):
        from_numpy(cube() * 2, tmp_path / "a.mdio")

    class Fails(np.ndarray):
        def __getitem__(self, key):
            raise OSError("the disk of the array is gone")

    with pytest.raises(Exception, match="disk of the array"):
        from_numpy(cube().view(Fails), tmp_path / "a.mdio", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mdio"]
    with mdio.open(tmp_path / "a.mdio") as volume:
        assert np.array_equal(volume.iline[2], cube()[1])
