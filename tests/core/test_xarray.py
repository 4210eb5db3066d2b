"""Every format through ``xarray.open_dataset(engine="mdio")``."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
from segy_bytes import grid, segy

import mdio
from mdio.api.opened import OpenVolume
from mdio.api.trace_coordinates import cdp_coordinates, scaled
from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.testing import synthetic

xr = pytest.importorskip("xarray", reason="the extra 'xarray'")

KEYS = {"header_locations": [189, 193], "header_names": ["inline", "crossline"]}


def values_of(traces, samples):
    return (10 * np.arange(traces)[:, None] + np.arange(samples)).astype("f4")


def file_of(path, **more):
    """Write three inlines of four crosslines; the trace (101, 202) is left out."""
    inline, crossline = grid(3, 4)
    kept = np.flatnonzero(~((inline == 101) & (crossline == 202)))
    keys = {189: inline, 193: crossline, 181: 5000 + inline, 185: 7000 + crossline, 69: np.full(12, -100)} | more
    keys = {byte: np.asarray(column)[kept] for byte, column in keys.items()}
    binary = {3255: ("h", 1)}
    path.write_bytes(segy(keys, values_of(12, 5)[kept], code=5, binary=binary))
    return str(path)


def vds_of(path):
    spec = importlib.util.spec_from_file_location(
        "vds_bytes", Path(__file__).resolve().parents[1] / "vds" / "conftest.py"
    )
    vds = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(vds)
    data = values_of(12, 5).reshape(3, 4, 5)
    layout = vds.layout_json(data.shape, [vds.channel("Velocity", unit="m/s")], 32)
    chunks = vds.cut(data, 32, (0, 0), (0, 1, 2), "R32", "Zip")
    return vds.Writer(layout).layer("Dimensions_012LOD0", "Zip", chunks).container(path), data


@pytest.fixture(params=["segy", "mdio"])
def path(request, tmp_path):
    file = file_of(tmp_path / "a.sgy")
    if request.param == "segy":
        return file
    mdio.convert(file, tmp_path / "a.mdio", source_options=KEYS)
    return str(tmp_path / "a.mdio")


def opened(path, **more):
    options = KEYS if path.endswith(".sgy") else None
    return xr.open_dataset(path, engine="mdio", options=options, **more)


def test_dataset(path):
    with opened(path) as data:
        assert dict(data.sizes) == {"inline": 3, "crossline": 4, "sample": 5}
        assert {*data.data_vars} == {"amplitude", "trace_mask", "headers"}
        assert {*data.coords} == {"inline", "crossline", "sample", "cdp_x", "cdp_y"}
        assert data.sample.attrs == {"units": "ms"}
        assert data.sample.values.tolist() == [0, 4, 8, 12, 16]
        assert data.inline.values.tolist() == [100, 101, 102]
        assert data.amplitude.dtype == np.float32
        # Trace 6 is (101, 202), which is not there; 7 is beside it.
        assert data.amplitude.sel(inline=101).values[2:].tolist() == [[0] * 5, [70, 71, 72, 73, 74]]
        assert data.trace_mask.dtype == bool
        assert np.argwhere(~data.trace_mask.values).tolist() == [[1, 2]]
        assert data.headers.values["crossline"].tolist() == [
            [200, 201, 202, 203],
            [200, 201, 0, 203],
            [200, 201, 202, 203],
        ]
        assert data.headers.dtype["inline"] == np.dtype("=i4")
        assert data.attrs["source"] == path
        assert data.attrs["text_header"].startswith("C 1 MADE BY A TEST\nC 2")
        assert data.attrs["binary_header"]["Samples"] == 5
        assert data.attrs["measurement_system"] == "m"


def test_map_coordinates(path):
    with opened(path) as data:
        # Bytes 69-72 hold -100 as one word, so bytes 71-72 hold -100: words are hundredths.
        assert data.cdp_x.dims == ("inline", "crossline")
        assert data.cdp_x.dtype == np.float64
        assert data.cdp_x.values[:, 0].tolist() == [51.0, 51.01, 51.02]
        assert data.cdp_y.values[0].tolist() == [72.0, 72.01, 72.02, 72.03]
        assert np.isnan(data.cdp_x.values[1, 2])
        assert np.isnan(data.cdp_x.values).sum() == 1
        assert data.cdp_x.attrs == {}


def test_nothing_is_read_before_it_is_used():
    inner = synthetic.volume((4, 6, 8), headers=standard_layout())
    reads = []

    def noted(name):
        method = getattr(inner, name)
        return lambda region: reads.append((name, region)) or method(region)

    for name in ("samples", "live"):
        setattr(inner, name, noted(name))
    data = OpenVolume(inner).to_xarray()
    repr(data)
    data._repr_html_()
    assert [name for name, _ in reads if name == "samples"] == []
    del reads[:]
    assert data.amplitude[1, 2:4, 3].values.tolist() == [-68, -76]
    assert reads == [("samples", ((1, 2), (2, 4), (3, 4)))]


@pytest.mark.parametrize(
    "index",
    [
        {"inline": 2},
        {"inline": -1, "crossline": 0, "sample": 3},
        {"inline": [2, 0], "sample": [4, 1, 1]},
        {"crossline": slice(None, None, -2)},
        {"sample": slice(3, 1)},
        {"inline": np.array([True, False, True])},
        {"inline": xr.DataArray([0, 2, 1], dims="p"), "crossline": xr.DataArray([3, 1, 0], dims="p")},
    ],
)
def test_indexing(path, index):
    expected = values_of(12, 5)
    expected[6] = 0
    memory = xr.DataArray(expected.reshape(3, 4, 5), dims=("inline", "crossline", "sample"))
    with opened(path) as data:
        found = data.amplitude.isel(index)
        assert found.dims == memory.isel(index).dims
        assert np.array_equal(found.values, memory.isel(index).values)
        spatial = {name: key for name, key in index.items() if name != "sample"}
        lines = xr.DataArray(np.arange(100, 103)[:, None] * [1, 1, 1, 1], dims=("inline", "crossline"))
        lines[1, 2] = 0
        assert np.array_equal(data.headers.isel(spatial).values["inline"], lines.isel(spatial).values)


@pytest.mark.filterwarnings("ignore:The specified chunks separate")
def test_dask_chunks(path):
    pytest.importorskip("dask.array", reason="the extra 'distributed'")
    with opened(path, chunks={}) as data:
        # All of it is far below the size of a task, so every variable is one.
        assert data.chunksizes == {"inline": (3,), "crossline": (4,), "sample": (5,)}
        assert float(data.amplitude.max().compute()) == 114
        assert int(data.trace_mask.sum().compute()) == 11
        assert np.nanmin(data.cdp_x.values) == 51.0
        assert data.headers.data.compute()["inline"][2, 0] == 102
    with opened(path, chunks="auto") as data:
        assert data.amplitude.data.numblocks == (1, 1, 1)
    with opened(path, chunks={"inline": 1}) as data:
        assert data.amplitude.data.chunksize == (1, 4, 5)


def test_two_volumes_are_never_mixed_up():
    pytest.importorskip("dask.array", reason="the extra 'distributed'")
    one, two = synthetic.volume((2, 3, 4)), synthetic.volume((2, 3, 4))
    two.samples = lambda region: np.zeros(region.shape, "f4")
    both = [OpenVolume(volume).to_xarray(chunks={}).amplitude for volume in (one, two)]
    assert both[0].data.name != both[1].data.name
    assert float((both[0] - both[1])[0, 0, 0]) == 1


def test_pickle(path):
    with opened(path) as data:
        again = pickle.loads(pickle.dumps(data))
        assert again.amplitude.values[0, 1].tolist() == [10, 11, 12, 13, 14]
        again.close()


def test_closing(path, monkeypatch):
    closed = []
    close = OpenVolume.close
    monkeypatch.setattr(OpenVolume, "close", lambda self: closed.append(self.source) or close(self))
    opened(path).close()
    assert closed == [path]
    volume = mdio.open(path)
    del closed[:]
    volume.to_xarray().close()
    assert closed == []
    volume.close()


def test_the_file_is_closed_when_it_cannot_be_shown(path, monkeypatch):
    closed = []
    close = OpenVolume.close
    monkeypatch.setattr(OpenVolume, "close", lambda self: closed.append(self.source) or close(self))
    monkeypatch.setattr("mdio.api.dataset.task_chunks", lambda schema: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        opened(path)
    assert closed == [path]


def test_dropped_variables(path):
    with opened(path, drop_variables=["headers", "cdp_x"]) as data:
        assert {*data.variables} == {"amplitude", "trace_mask", "inline", "crossline", "sample", "cdp_y"}
    with opened(path, drop_variables="inline") as data:
        assert "inline" not in data.coords


def test_options_reach_the_reader(path):
    if path.endswith(".sgy"):
        with xr.open_dataset(path, engine="mdio", options={"header_locations": [193, 189]}) as data:
            assert data.amplitude.shape == (4, 3, 5)
    with pytest.raises(mdio.MDIOError, match="nonsense"):
        xr.open_dataset(path, engine="mdio", options={"nonsense": 1})
    with pytest.raises(mdio.MDIOError, match="nonsense"):
        xr.open_dataset(path, engine="mdio", format="nonsense")


def test_vds(tmp_path):
    path, values = vds_of(tmp_path / "a.vds")
    with xr.open_dataset(path, engine="mdio") as data:
        assert {*data.data_vars} == {"Velocity", "trace_mask"}
        assert data.Velocity.attrs["units"] == "m/s"
        assert data.Velocity.dims == ("inline", "crossline", "sample")
        assert data.sample.attrs == {"units": "ms"}
        assert np.array_equal(data.Velocity.values, values)
        assert data.Velocity.sel(inline=3, crossline=1).values.tolist() == [80, 81, 82, 83, 84]
        assert data.trace_mask.values.all()


def test_the_engine_is_found_by_name(path, tmp_path):
    assert "mdio" in xr.backends.list_engines()
    with xr.open_dataset(path) as data:
        assert "amplitude" in data
    engine = xr.backends.list_engines()["mdio"]
    for name in ("a.mdio", "b.SGY", "s3://bucket/c.segy", "d.vds", Path("e.mdio")):
        assert engine.guess_can_open(name), name
    for name in ("a.nc", "b.zarr", b"CDF", 5, None):
        assert not engine.guess_can_open(name), name


class TestCoordinates:
    def test_scalars(self):
        """SEG-Y rev 1, trace header bytes 71-72: positive multiplies, negative divides, 0 is 1."""
        words = np.array([4310125, 4310125, 4310125, -3, 7], "i4")
        scalars = np.array([-10, 10, 0, -32768, 1], "i2")
        assert scaled(words, scalars).tolist() == [431012.5, 43101250.0, 4310125.0, -3 / 32768, 7.0]

    def volume(self, x, y, unit=0, scalar=1, live=None, system=0):
        layout = standard_layout()
        inner = synthetic.volume((2, 2, 3), headers=layout, live=live)
        records = np.zeros((2, 2), layout.struct)
        records["cdp_x"], records["cdp_y"] = x, y
        records["coordinate_scalar"], records["coordinate_unit"] = scalar, unit
        inner.headers = lambda region: records[region.slices].view(layout.record)
        inner.schema = inner.schema.with_metadata(binary={"MeasurementSystem": system})
        return inner

    def test_no_coordinates_where_all_are_zero(self):
        assert cdp_coordinates(self.volume(0, 0)) == {}
        assert cdp_coordinates(synthetic.volume((2, 2, 3))) == {}
        assert cdp_coordinates(self.volume(5, 5, live=np.zeros((2, 2), bool))) == {}

    def test_an_origin_at_zero_is_no_absence(self):
        found = cdp_coordinates(self.volume([[0, 0], [25, 25]], [[0, 25], [0, 25]]))
        assert found["cdp_x"](Region([(0, 2), (0, 2)])).tolist() == [[0, 0], [25, 25]]

    def test_one_of_the_two_may_be_zero(self):
        assert {*cdp_coordinates(self.volume(0, 5))} == {"cdp_x", "cdp_y"}

    @pytest.mark.parametrize(
        ("code", "system", "unit"),
        [(1, 1, "m"), (1, 2, "ft"), (1, 0, ""), (2, 1, "arcsecond"), (3, 1, "degree"), (0, 1, "")],
    )
    def test_units(self, code, system, unit):
        assert cdp_coordinates(self.volume(5, 5, unit=code, system=system))["cdp_y"].unit == unit


def test_long_axes_are_not_made(monkeypatch):
    """200 million coordinates are made when they are asked for, those of a few traces without the others."""
    dims = [Dimension.regular("trace", 1, 1, 200_000_000), Dimension.regular("sample", 0, 4, 3, "ms")]
    inner = synthetic.volume((2, 3))
    from dataclasses import replace

    inner.schema = replace(inner.schema, dims=tuple(dims))
    asked = []
    between = Dimension.between
    monkeypatch.setattr(
        Dimension, "between", lambda self, a, b: asked.append((self.name, b - a)) or between(self, a, b)
    )
    from mdio.api.dataset import dataset_of

    data = dataset_of(inner, drop=["headers"])
    assert data.trace[123_456_788:123_456_790].values.tolist() == [123_456_789, 123_456_790]
    assert int(data.trace[7]) == 8
    assert max(size for _, size in asked) <= 3
