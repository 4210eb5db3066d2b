"""The MDIO v1 sink: documents as the specification has them, read by zarr-python and xarray; everything comes back."""

from __future__ import annotations

import base64
import csv
import json
import warnings
from pathlib import Path

import fsspec
import numpy as np
import pytest
import zarr

from mdio.convert import convert, create
from mdio.convert import open as open_volume
from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.core.trace_header import STANDARD_FIELDS, standard_layout
from mdio.core.volume import Creation, Metadata, Patches, Schema, SourceFile, TraceOrder
from mdio.exceptions import (
    ConfigError,
    IncompleteDatasetError,
    MDIOAlreadyExistsError,
    MDIOError,
    SlabError,
)
from mdio.flow import engine
from mdio.native.chunk_writer import ChunkWriter
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.codecs import default_codec
from mdio.native.dataset import Revision
from mdio.native.opening import open_dataset
from mdio.native.templates import TEMPLATES
from mdio.native.v1_coordinates import axis_type
from mdio.storage.local import LocalStore
from mdio.testing import MemoryVolume, synthetic

UNSHARDED = {"layout": "v1"}
SHARDED = {"layout": "v1", "chunks": (2, 3, 8), "shards": (4, 6, 16)}
NAN = "AAAAAAAA+H8="


def write(path, volume, creation=None, **options):
    sink = create(str(path), volume, format="mdio", options={"layout": "v1", **options}, creation=creation)
    try:
        return engine.run(volume, sink, workers=2)
    except BaseException:
        sink.abort()
        raise
    finally:
        sink.close()


def document(path, *names):
    return json.loads(path.joinpath(*names, "zarr.json").read_text())


def whole(volume):
    return volume.read(volume.schema.region)


def survey(shape=(6, 5, 20), *, big=True, size=240, order="mapped", dtype="f4", dims=None, binary=None, **scalars):
    """A volume with everything that travels; every fourth trace is dead, the first one too."""
    rng = np.random.default_rng(4)
    layout = standard_layout(big, size)
    raw = rng.integers(0, 256, (*shape[:-1], size), dtype=np.uint8)
    live = np.arange(raw[..., 0].size).reshape(shape[:-1]) % 4 != 0
    words = np.zeros(live.size, layout.struct)
    view = raw.reshape(-1, size).view(layout.struct)[:, 0]
    for name, value in {"coordinate_scalar": -100, **scalars}.items():
        view[name] = value
    del words
    raw[~live] = 0
    samples = (rng.normal(size=shape) * 100).astype(dtype)
    samples[~live] = 0
    numbers = np.full(shape[:-1], -1, np.int64)
    numbers[live] = rng.permutation(int(live.sum())) if order == "mapped" else np.arange(int(live.sum()))
    index = np.flatnonzero((rng.random(shape) < 0.05) & live[..., None])
    patches = Patches(index, rng.integers(1, 1 << 32, index.size, dtype=np.uint32))
    schema = Schema(
        dims=dims or synthetic.volume(shape).schema.dims,
        dtype=np.dtype(dtype),
        headers=layout,
        chunks=(*(1 for _ in shape[:-1]), shape[-1]),
        metadata=Metadata(
            text=tuple(f"C{line:2d}".ljust(80) for line in range(1, 41)),
            binary=binary
            or {"Format": 1, "Interval": 4000, "SEGYRevision": 1, "SEGYRevisionMinor": 0, "ExtSamples": 7},
            source=SourceFile("other", {"a": 1, "b": [True, None, "x"]}, {"head": bytes(range(256)), "trailer": b""}),
            order=TraceOrder(order),
            trace_count=int(live.sum()),
            attributes={"crs": "EPSG:32631"},
        ),
    )
    return MemoryVolume(schema, samples, raw.view(layout.record)[..., 0], live, numbers, patches)


# -- documents -----------------------------------------------------------------------------------------------------


def test_documents_are_those_of_the_specification(tmp_path):
    source = survey((12, 10, 20), order="grid", binary={"Format": 1, "Interval": 4000, "MeasurementSystem": 2})
    write(tmp_path / "x.mdio", source, Creation(created="2026-11-20T12:31:54.221082+00:00"))
    root = document(tmp_path / "x.mdio")
    assert (root["zarr_format"], root["node_type"]) == (3, "group")
    assert "consolidated_metadata" not in root
    attributes = root["attributes"]
    assert attributes["createdOn"] == "2026-11-20 12:31:54.221082+00:00"
    assert attributes["name"] == "PostStack3DTime"
    assert attributes["attributes"] == {
        "defaultVariableName": "amplitude",
        "surveyType": "3D",
        "gatherType": "stacked",
    }
    assert attributes["crs"] == "EPSG:32631"
    assert attributes["apiVersion"] == "1.1.3"
    found = {path.parent.name: document(path.parent) for path in (tmp_path / "x.mdio").glob("*/zarr.json")}
    assert found.keys() == {
        *("inline", "crossline", "time", "cdp_x", "cdp_y"),
        *("trace_mask", "headers", "amplitude", "segy_file_header", "source"),
    }
    names = {name: array.get("dimension_names") for name, array in found.items()}
    spatial = ["inline", "crossline"]
    assert {name: names.pop(name) for name in ("amplitude", "segy_file_header", "source")} == {
        "amplitude": [*spatial, "time"],
        "segy_file_header": [],
        "source": None,
    }
    assert {name: names.pop(name) for name in ("inline", "crossline", "time")} == {
        name: [name] for name in ("inline", "crossline", "time")
    }
    assert all(dims == spatial for dims in names.values())
    for array in (found["trace_mask"], found["headers"], found["amplitude"], found["cdp_x"], found["time"]):
        assert array["chunk_key_encoding"] == {"name": "default", "configuration": {"separator": "/"}}
        assert array["storage_transformers"] == []
        assert array["codecs"][0]["name"] == "bytes"
    kinds = {name: array.get("data_type") for name, array in found.items()}
    assert [kinds[name] for name in ("inline", "time", "cdp_x", "trace_mask")] == ["int32", "int32", "float64", "bool"]
    fills = {name: array.get("fill_value") for name, array in found.items()}
    assert [fills[name] for name in ("amplitude", "inline", "cdp_x", "trace_mask")] == ["NaN", 2147483647, "NaN", False]
    chunks = {name: array["chunk_grid"]["configuration"]["chunk_shape"] for name, array in found.items() if fills[name]}
    assert (chunks["amplitude"], chunks["headers"], chunks["inline"]) == ([128, 128, 128], [128, 128], [12])
    assert chunks["cdp_x"] == [12, 10]
    given = {name: array["attributes"] for name, array in found.items()}
    assert all(len(attributes.pop("mdio_check")) == 8 for attributes in given.values())
    assert given["amplitude"]["coordinates"] == given["headers"]["coordinates"] == "cdp_x cdp_y"
    assert given["trace_mask"] == {"coordinates": "cdp_x cdp_y"}
    assert given["amplitude"]["_FillValue"] == given["cdp_x"]["_FillValue"] == NAN
    assert given["cdp_x"]["unitsV1"] == {"length": "ft"}
    assert given["time"] == {"unitsV1": {"time": "ms"}}
    assert given["inline"] == {}


def test_headers_are_spelled_so_that_zarr_3_1_knows_them(tmp_path):
    write(tmp_path / "x.mdio", survey())
    headers = document(tmp_path / "x.mdio", "headers")
    kinds = {"i4": "int32", "i2": "int16"}
    assert headers["data_type"] == {
        "name": "structured",
        "configuration": {"fields": [[name, kinds[kind]] for _, name, kind in STANDARD_FIELDS]},
    }
    assert base64.b64decode(headers["fill_value"]) == bytes(232)
    assert headers["codecs"][0] == {"name": "bytes"}
    assert headers["codecs"][1]["configuration"]["typesize"] == 232


def test_ninety_fields(tmp_path):
    source = survey()
    write(tmp_path / "x.mdio", source, header_fields="90")
    fields = document(tmp_path / "x.mdio", "headers")["data_type"]["configuration"]["fields"]
    assert fields[-1] == ["unassigned", "int64"]
    assert len(fields) == 90
    assert not (tmp_path / "x.mdio" / "source" / "header_rest").exists()
    assert whole(open_volume(tmp_path / "x.mdio")).headers.tobytes() == whole(source).headers.tobytes()


def test_the_file_header(tmp_path):
    source = survey()
    write(tmp_path / "x.mdio", source)
    scalar = document(tmp_path / "x.mdio", "segy_file_header")
    assert scalar["data_type"] == {"name": "fixed_length_utf32", "configuration": {"length_bytes": 4}}
    assert scalar["shape"] == []
    assert sorted(path.name for path in (tmp_path / "x.mdio" / "segy_file_header").iterdir()) == ["zarr.json"]
    text = scalar["attributes"]["textHeader"]
    assert len(text) == 40 * 80 + 39
    assert text.split("\n") == list(source.schema.metadata.text)
    words = scalar["attributes"]["binaryHeader"]
    assert len(words) == 31
    assert (words["data_sample_format"], words["sample_interval"], words["segy_revision_major"]) == (1, 4000, 1)
    assert words["samples_per_trace"] == 20
    assert all(type(value) is int for value in words.values())
    assert "rawTextHeader" not in scalar["attributes"]  # it did not come from SEG-Y


def test_raw_file_headers(tmp_path):
    text, binary = bytes(range(200)) * 16, bytes(range(100)) * 4
    source = survey()
    blob = SourceFile("segy", {"text_offset": 128}, {"head": b"T" * 128 + text + binary + b"more", "trailer": b""})
    source.schema = source.schema.with_metadata(source=blob)
    write(tmp_path / "x.mdio", source)
    attributes = document(tmp_path / "x.mdio", "segy_file_header")["attributes"]
    assert base64.b64decode(attributes["rawTextHeader"]) == text
    assert base64.b64decode(attributes["rawBinaryHeader"]) == binary


def test_statistics(tmp_path):
    source = survey()
    source._samples[1, 1:3] = 0
    source._samples[2, 3, 0] = 900.0
    write(tmp_path / "x.mdio", source)
    sums = json.loads(document(tmp_path / "x.mdio", "amplitude")["attributes"]["statsV1"])
    values = source._samples[source._live].astype(float)
    values = values[values != 0]
    assert sums["count"] == values.size
    assert sums["sum"] == pytest.approx(values.sum())
    assert sums["sumSquares"] == pytest.approx((values**2).sum())
    assert (sums["min"], sums["max"]) == (values.min(), 900.0)
    assert sums["histogram"] == {"counts": [], "binCenters": []}
    known = open_volume(tmp_path / "x.mdio").schema.metadata.statistics
    assert known["rms"] == pytest.approx(np.sqrt((values**2).mean()))
    assert known["honest"]["count"] == source._live.sum() * 20


# -- what others see -----------------------------------------------------------------------------------------------


def opened_by_xarray(path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("dask")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xarray.open_zarr(path, consolidated=False)


@pytest.mark.parametrize("options", [UNSHARDED, SHARDED])
@pytest.mark.parametrize("dtype", ["f4", "i2", "f8", "i4", "u1"])
def test_zarr_and_xarray_read_it(tmp_path, options, dtype):
    source = survey(dtype=dtype)
    write(tmp_path / "x.mdio", source, **options)
    block = whole(source)
    group = zarr.open_group(tmp_path / "x.mdio", mode="r")
    amplitude = group["amplitude"][...]
    assert amplitude.dtype == np.dtype(dtype)
    assert amplitude[block.live].tobytes() == block.samples[block.live].tobytes()
    dead = amplitude[~block.live]
    assert np.isnan(dead).all() if np.dtype(dtype).kind == "f" else not dead.any()
    assert np.array_equal(group["trace_mask"][...], block.live)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = group["headers"][...]
    for _, name, _ in STANDARD_FIELDS:
        assert np.array_equal(records[name], source.schema.headers.values(block.headers, name)), name
    dataset = opened_by_xarray(tmp_path / "x.mdio")
    assert dataset.amplitude.dims == ("inline", "crossline", "time")
    assert dataset.amplitude.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(dataset.amplitude.values, amplitude)
    assert {"cdp_x", "cdp_y", "inline", "crossline", "time"} <= set(dataset.coords)
    assert dataset.inline.values.tolist() == list(range(100, 106))
    assert dataset.time.values.tolist() == list(range(0, 80, 4))
    expected = source.schema.headers.values(block.headers, "cdp_x") / 100
    np.testing.assert_array_equal(dataset.cdp_x.values, np.where(block.live, expected, np.nan))


def test_unclipped_chunks_and_holes_as_zarr_counts_them(tmp_path):
    source = survey((8, 8, 16))
    source._live[4:] = False
    write(tmp_path / "x.mdio", source, chunks=(4, 8, 16))
    assert (tmp_path / "x.mdio" / "amplitude" / "c" / "0" / "0" / "0").is_file()
    assert not (tmp_path / "x.mdio" / "amplitude" / "c" / "1").exists()
    assert np.isnan(zarr.open_group(tmp_path / "x.mdio", mode="r")["amplitude"][4:]).all()


# -- axes and coordinates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("coords", "wanted", "expected"),
    [
        ([1, 2, 3], "int32", "int32"),
        ([1.0, 2.0], "int32", "int32"),
        ([0.5, 1.0], "int32", "float64"),
        ([2**31, 5], "int32", "int64"),
        ([-(2**31), 5], "int32", "int32"),
        ([1, 255], "uint8", "uint8"),
        ([1, 256], "uint8", "int64"),
        ([-1, 5], "uint32", "int64"),
        ([0.5, 1.25], "float32", "float32"),
        ([0.1], "float32", "float64"),
        ([], "int32", "int32"),
        ([np.nan], "int32", "float64"),
    ],
)
def test_types_of_axes(coords, wanted, expected):
    assert axis_type(Dimension(np.array(coords), "x"), wanted) == np.dtype(expected)


def test_half_milliseconds_stay(tmp_path):
    dims = (*synthetic.volume((6, 5, 20)).schema.dims[:2], Dimension.regular("sample", 0, 0.5, 20, "ms"))
    write(tmp_path / "x.mdio", survey(dims=dims))
    assert document(tmp_path / "x.mdio", "time")["data_type"] == "float64"
    assert opened_by_xarray(tmp_path / "x.mdio").time.values.tolist() == [0.5 * n for n in range(20)]
    axis = open_volume(tmp_path / "x.mdio").schema.dims[2]
    assert (axis.name, axis.unit, axis.coords.tolist()) == ("sample", "ms", [0.5 * n for n in range(20)])


@pytest.mark.parametrize(
    ("unit", "name"), [("ms", "time"), ("m", "depth"), ("ft", "depth"), ("", "time"), ("s", "time")]
)
def test_the_sample_axis_is_time_or_depth(tmp_path, unit, name):
    dims = (*synthetic.volume((6, 5, 20)).schema.dims[:2], Dimension.regular("sample", 0, 4, 20, unit))
    write(tmp_path / "x.mdio", survey(dims=dims))
    assert document(tmp_path / "x.mdio", "amplitude")["dimension_names"][-1] == name
    assert document(tmp_path / "x.mdio")["attributes"]["name"] == f"PostStack3D{name.title()}"
    axis = open_volume(tmp_path / "x.mdio").schema.dims[2]
    assert (axis.name, axis.unit) == ("sample", unit)


def test_names_that_mean_something_else(tmp_path):
    names = ("headers", "amplitude", "a/b", "..", "time", "sample")
    shape = (2, 2, 1, 2, 2, 4)
    dims = tuple(Dimension.regular(name, 5, 1, n) for name, n in zip(names, shape, strict=True))
    source = synthetic.volume(shape, dims=dims)
    write(tmp_path / "x.mdio", source)
    found = document(tmp_path / "x.mdio", "amplitude")["dimension_names"]
    assert found == ["headers_", "amplitude_", "a_b", "dim", "time", "time_"]
    opened = open_volume(tmp_path / "x.mdio")
    assert opened.schema.names == names
    assert np.array_equal(whole(opened).samples, whole(source).samples)
    assert opened_by_xarray(tmp_path / "x.mdio").sizes["time_"] == 4


def gather(live, scalar=None):
    """CDP offset gathers in which every header tells its trace: cdp_x = 1000 · trace + 7."""
    shape = (*live.shape, 8)
    names = ("inline", "crossline", "offset", "sample")
    dims = tuple(Dimension.regular(name, 10, 1, n) for name, n in zip(names, shape, strict=True))
    layout = standard_layout()
    records = np.zeros(live.size, layout.struct)
    records["cdp_x"] = 1000 * np.arange(live.size) + 7
    records["cdp_y"] = -records["cdp_x"]
    records["coordinate_scalar"] = -10 if scalar is None else scalar
    records = records.view(layout.record).reshape(live.shape)
    records[~live] = np.zeros((), layout.record)
    samples = synthetic.formula(shape)
    samples[~live] = 0
    schema = Schema(dims, np.dtype("f4"), layout, (1, 1, 1, 8), Metadata(trace_count=int(live.sum())))
    return MemoryVolume(schema, samples, records, live)


@pytest.mark.parametrize("chunks", [None, (2, 1, 3, 8), (1, 4, 2, 4)])
def test_coordinates_over_fewer_dimensions_are_those_of_the_first_live_trace(tmp_path, chunks):
    live = np.random.default_rng(2).random((3, 4, 6)) < 0.4
    live[1, 2] = False  # no trace at all
    live[0, 0, :3] = False
    live[0, 0, 3] = True
    write(tmp_path / "x.mdio", gather(live), **({} if chunks is None else {"chunks": chunks}))
    expected = np.full((3, 4), np.nan)
    for il in range(3):
        for xl in range(4):
            if live[il, xl].any():
                expected[il, xl] = (1000 * ((il * 4 + xl) * 6 + np.flatnonzero(live[il, xl])[0]) + 7) / 10
    dataset = opened_by_xarray(tmp_path / "x.mdio")
    assert dataset.cdp_x.dims == ("inline", "crossline")
    np.testing.assert_array_equal(dataset.cdp_x.values, expected)
    np.testing.assert_array_equal(dataset.cdp_y.values, -expected)
    assert document(tmp_path / "x.mdio")["attributes"]["name"] == "CdpOffsetGathers3DTime"
    if chunks is None:
        grid = document(tmp_path / "x.mdio", "amplitude")["chunk_grid"]
        assert grid["configuration"]["chunk_shape"] == [8, 8, 32, 512]


@pytest.mark.parametrize(("scalar", "factor"), [(-100, 0.01), (100, 100.0), (0, 1.0), (1, 1.0), (-1, 1.0)])
def test_the_scalar_is_that_of_the_first_trace_of_the_file(tmp_path, scalar, factor):
    live = np.ones((2, 3, 2), bool)
    live[0, 0, 0] = False
    scalars = np.full(12, 3, np.int16)
    scalars[9] = scalar
    source = gather(live, scalars)
    order = np.full(live.shape, -1, np.int64)
    order[live] = np.arange(11)[::-1]
    order.reshape(-1)[[9, 11]] = order.reshape(-1)[[11, 9]]  # trace 9 of the grid is the file's first
    source._order = order
    source.schema = source.schema.with_metadata(order=TraceOrder("mapped"))
    write(tmp_path / "x.mdio", source, chunks=(1, 1, 1, 8))
    words = np.array([[1, 2, 4], [6, 8, 10]]) * 1000 + 7
    np.testing.assert_allclose(opened_by_xarray(tmp_path / "x.mdio").cdp_x.values, words * factor, rtol=1e-15)


def test_coordinates_in_many_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("mdio.native.v1_layout._COORDINATE_CELLS", 6)
    source = survey((9, 7, 8))
    write(tmp_path / "x.mdio", source, chunks=(2, 3, 8))
    assert document(tmp_path / "x.mdio", "cdp_x")["chunk_grid"]["configuration"]["chunk_shape"] == [2, 3]
    block = whole(source)
    expected = source.schema.headers.values(block.headers, "cdp_x") / 100
    found = opened_by_xarray(tmp_path / "x.mdio").cdp_x.values
    np.testing.assert_array_equal(found, np.where(block.live, expected, np.nan))


def test_shot_gathers_get_the_coordinates_of_their_template(tmp_path):
    names = ("shot_point", "channel", "sample")
    dims = tuple(Dimension.regular(name, 1, 1, n) for name, n in zip(names, (4, 3, 8), strict=True))
    source = survey((4, 3, 8), dims=dims)
    write(tmp_path / "x.mdio", source)
    assert document(tmp_path / "x.mdio")["attributes"]["name"] == "StreamerShotGathers2D"
    block, layout = whole(source), source.schema.headers
    dataset = opened_by_xarray(tmp_path / "x.mdio")
    first = block.live.argmax(axis=1)
    shots = layout.values(block.headers, "source_coord_x")[np.arange(4), first] / 100
    np.testing.assert_array_equal(dataset.source_coord_x.values, shots)
    groups = layout.values(block.headers, "group_coord_y") / 100
    np.testing.assert_array_equal(dataset.group_coord_y.values, np.where(block.live, groups, np.nan))


def test_logical_coordinates_are_integers(tmp_path):
    names = ("shot_line", "shot_point", "receiver_line", "receiver", "sample")
    dims = tuple(Dimension.regular(name, 1, 1, n) for name, n in zip(names, (2, 3, 2, 2, 8), strict=True))
    source = survey((2, 3, 2, 2, 8), dims=dims, orig_field_record_num=77)
    write(tmp_path / "x.mdio", source)
    number = document(tmp_path / "x.mdio", "orig_field_record_num")
    assert (number["data_type"], number["fill_value"]) == ("uint32", 2**32 - 1)
    assert number["dimension_names"] == ["shot_line", "shot_point"]
    assert "_FillValue" not in number["attributes"]
    assert document(tmp_path / "x.mdio", "shot_line")["data_type"] == "uint32"
    assert (opened_by_xarray(tmp_path / "x.mdio").orig_field_record_num.values == 77).all()


def test_traces_that_share_a_cell(tmp_path):
    names = ("inline", "crossline", "trace", "sample")
    dims = tuple(Dimension.regular(name, 1, 1, n) for name, n in zip(names, (3, 2, 2, 8), strict=True))
    source = survey((3, 2, 2, 8), dims=dims)
    added = {"geometry": {"keys": [["inline", 189], ["crossline", 193]], "added": {"trace": 4}}}
    added["geometry"]["overrides"] = {"NonBinned": True, "chunksize": 4}
    source.schema = source.schema.with_metadata(attributes=added)
    write(tmp_path / "x.mdio", source)
    root = document(tmp_path / "x.mdio")["attributes"]
    assert root["name"] == "PostStack3DTime"
    assert root["attributes"]["gridOverrides"] == {"NonBinned": True, "chunksize": 4}
    grid = document(tmp_path / "x.mdio", "amplitude")["chunk_grid"]["configuration"]["chunk_shape"]
    assert grid == [128, 128, 4, 128]
    assert opened_by_xarray(tmp_path / "x.mdio").cdp_x.dims == ("inline", "crossline", "trace")


def test_no_headers_no_coordinates(tmp_path):
    source = synthetic.volume((4, 3, 10), headers=())
    write(tmp_path / "x.mdio", source)
    assert not (tmp_path / "x.mdio" / "cdp_x").exists()
    assert "coordinates" not in document(tmp_path / "x.mdio", "amplitude")["attributes"]
    assert np.array_equal(whole(open_volume(tmp_path / "x.mdio")).samples, whole(source).samples)


# -- templates and options -----------------------------------------------------------------------------------------


def test_there_are_the_templates_of_both_releases():
    assert len({template.name for template in TEMPLATES}) == 23  # 22 in both, one in 1.2 only
    for template in TEMPLATES:
        assert len(template.chunks) == len(template.dims) + 1
        assert {dim for c in template.coordinates for dim in c.dims} <= {*template.dims}
        assert template.types.keys() <= {*template.dims}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: f"{template.name}-{template.dims[-1]}")
def test_every_template_is_chosen_by_its_dimensions(tmp_path, template):
    shape = (*(2 for _ in template.dims), 3)
    unit = "m" if template.domain == "depth" else "ms"
    dims = (
        *(Dimension.regular(name, 1, 1, 2) for name in template.dims),
        Dimension.regular("sample", 0, 4, 3, unit),
    )
    source = survey(shape, dims=dims)
    write(tmp_path / "x.mdio", source, chunks=shape)
    root = document(tmp_path / "x.mdio")["attributes"]
    assert root["name"] == template.name
    assert root["attributes"].get("gatherType") == template.gather
    assert root["attributes"][template.survey_key] == template.survey
    for coordinate in template.coordinates:
        if coordinate.name != "gun":  # no word of revision 1 holds it
            found = document(tmp_path / "x.mdio", coordinate.name)
            assert tuple(found["dimension_names"]) == coordinate.dims
            assert found["data_type"] == coordinate.dtype
    for name, kind in template.types.items():
        assert document(tmp_path / "x.mdio", name)["data_type"] == kind
    assert whole(open_volume(tmp_path / "x.mdio")).samples.tobytes() == whole(source).samples.tobytes()


def test_other_dimensions_have_a_name_of_ours(tmp_path):
    dims = tuple(Dimension.regular(name, 1, 1, 3) for name in ("dim_0", "dim_1", "twt"))
    write(tmp_path / "x.mdio", survey((3, 3, 3), dims=dims))
    root = document(tmp_path / "x.mdio")["attributes"]
    assert root["name"] == "Volume3DTwt"
    assert open_volume(tmp_path / "x.mdio").schema.names == ("dim_0", "dim_1", "twt")
    assert opened_by_xarray(tmp_path / "x.mdio").cdp_x.dims == ("dim_0", "dim_1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "v0", "shards": True}, "shards: layout v0 has none; use layout=v1"),
        ({"layout": "v0.9", "template": "PostStack3DTime"}, "template: layout v0.9"),
        ({"layout": "v0", "header_fields": 90}, "header_fields"),
        ({"template": "PostStack3Dtime"}, "did you mean 'PostStack3DTime'"),
        ({"template": "PostStack2DTime"}, "has the dimensions cdp"),
        ({"shards": (4, 4)}, "shards"),
        ({"chunks": (4, 4, 8), "shards": (8, 8, 12)}, "shards 8,8,12 are not whole chunks 4,4,8"),
        ({"shards": "4,4,x"}, "shards"),
        ({"shards": "yes"}, "shards"),
        ({"shards": (0, 4, 4)}, "shards"),
        ({"header_fields": 91}, "header_fields"),
        ({"layout": "v2"}, "layout"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        write(tmp_path / "x.mdio", survey(), **options)
    assert list(tmp_path.iterdir()) == []


def test_a_template_by_name(tmp_path):
    write(tmp_path / "x.mdio", survey(), template="PostStack3DDepth")
    assert document(tmp_path / "x.mdio")["attributes"]["name"] == "PostStack3DDepth"


def test_shards_as_text(tmp_path):
    write(tmp_path / "x.mdio", survey(), shards="true")
    amplitude = document(tmp_path / "x.mdio", "amplitude")
    assert amplitude["chunk_grid"]["configuration"]["chunk_shape"] == [128, 128, 128]
    sharding = amplitude["codecs"][0]
    assert sharding["name"] == "sharding_indexed"
    assert sharding["configuration"]["chunk_shape"] == [32, 32, 32]
    assert sharding["configuration"]["index_codecs"][-1] == {"name": "crc32c"}
    assert document(tmp_path / "x.mdio", "headers")["codecs"][0] == {"name": "bytes"}  # never sharded


# -- everything comes back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [UNSHARDED, SHARDED, {"chunks": (2, 3, 8)}, {"chunks": (6, 5, 20), "shards": True}])
@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("size", [240, 480])
def test_everything_that_travels_comes_back(tmp_path, options, big, size):
    source = survey(big=big, size=size)
    write(tmp_path / "x.mdio", source, **options)
    opened = open_volume(tmp_path / "x.mdio")
    before, after = whole(source), whole(opened)
    assert after.headers.tobytes() == before.headers.tobytes()
    assert after.samples.tobytes() == before.samples.tobytes()
    assert np.array_equal(after.live, before.live)
    assert np.array_equal(after.order, before.order)
    assert np.array_equal(after.patches.index, before.patches.index)
    assert np.array_equal(after.patches.words, before.patches.words)
    one, other = source.schema.metadata, opened.schema.metadata
    assert (other.text, other.order, other.trace_count, other.source) == (
        one.text,
        one.order,
        one.trace_count,
        one.source,
    )
    assert dict(other.attributes) == dict(one.attributes)
    assert (other.binary["data_sample_format"], other.binary["ExtSamples"]) == (1, 7)
    for region in (Region([(1, 4), (2, 5), (3, 17)]), Region([(5, 6), (0, 1), (19, 20)])):
        part, of = opened.read(region), source.read(region)
        assert part.samples.tobytes() == of.samples.tobytes()
        assert part.headers.tobytes() == of.headers.tobytes()
        assert (part.patches is None) == (of.patches is None)


@pytest.mark.parametrize("text", [(), ("C 1 ONE LINE",), tuple("x" * 80 for _ in range(50)), ("two\nlines",)])
def test_text_of_another_form(tmp_path, text):
    source = survey()
    source.schema = source.schema.with_metadata(text=text)
    write(tmp_path / "x.mdio", source)
    found = open_volume(tmp_path / "x.mdio").schema.metadata.text
    assert found == (text or tuple(" " * 80 for _ in range(40)))


@pytest.mark.parametrize("shape", [(0, 4, 5), (4, 0, 5), (4, 3, 0)])
def test_axes_without_positions(tmp_path, shape):
    write(tmp_path / "x.mdio", synthetic.volume(shape, chunks=(1, 1, 1), headers=standard_layout()))
    opened = open_volume(tmp_path / "x.mdio")
    assert opened.schema.shape == shape
    assert zarr.open_group(tmp_path / "x.mdio", mode="r")["amplitude"].shape == shape


def test_a_live_trace_of_only_nan(tmp_path):
    source = survey()
    source._samples[2, 1] = np.nan
    source._samples[2, 3] = -0.0
    write(tmp_path / "x.mdio", source, chunks=(1, 1, 20))
    assert whole(open_volume(tmp_path / "x.mdio")).samples.tobytes() == source._samples.tobytes()


# -- further access patterns ---------------------------------------------------------------------------------------


def add_pattern(path, name, chunks, codec):
    """Add an access pattern as an editor does, through the contract of datasets."""
    store, volume = LocalStore(path), open_volume(path)
    dataset = open_dataset(store)
    samples, headers = dataset.pattern_specs(name, chunks, volume.schema.dtype, codec)
    specs = [(samples, volume.samples)]
    if headers is not None:
        stored = ChunkReader(store, dataset.array(dataset.headers(dataset.patterns()[0])), ChunkCache())
        specs.append((headers, stored.read))
    for spec, get in specs:
        writer = ChunkWriter(lambda key, *pieces: store.write(key, b"".join(pieces)), store.delete, spec)
        for index in Region.whole(spec.shape).chunks(spec.objects):
            box = Region.of_chunk(index, spec.objects, spec.shape)
            writer.write(box, get(box))
    dataset.add_arrays([spec for spec, _ in specs])
    return [spec for spec, _ in specs]


def objects(path, spec):
    """Return the stored chunks of an array by their index."""
    grid = Region.whole(spec.shape).chunks(spec.objects)
    return {index: (path / spec.key(index)).read_bytes() for index in grid if (path / spec.key(index)).is_file()}


def test_access_patterns_go_there_and_back(tmp_path):
    source = survey((9, 7, 20))
    write(tmp_path / "0.mdio", source, layout="v0", chunks=(4, 4, 16))
    zfp = pytest.importorskip("mdio_compression.zfp")
    pytest.importorskip("zfpy")
    lossless = add_pattern(tmp_path / "0.mdio", "fast_il", (1, 7, 20), default_codec(4))[0]
    lossy = add_pattern(tmp_path / "0.mdio", "headers", (9, 7, 4), zfp.Zfp(0.5))[0]  # a name that v1 gives to another
    open_dataset(LocalStore(tmp_path / "0.mdio")).revise(Revision(stale=["headers"]))
    convert(tmp_path / "0.mdio", tmp_path / "1.mdio", target_options={**SHARDED, "layout": "v1"})
    convert(tmp_path / "1.mdio", tmp_path / "2.mdio", target_options={"chunks": (2, 2, 20)})
    volumes = [open_volume(tmp_path / f"{n}.mdio") for n in range(3)]
    assert [volume.access_patterns for volume in volumes] == [("012", "fast_il", "headers")] * 3
    assert [volume.description.stale for volume in volumes] == [("headers",)] * 3
    for pattern, spec in (("fast_il", lossless), ("headers", lossy)):
        first, *others = (volume.dataset.array(volume.dataset.samples(pattern)) for volume in volumes)
        kept = objects(tmp_path / "0.mdio", first)
        assert kept
        assert spec.chunks == first.chunks
        for n, other in enumerate(others, 1):
            assert objects(tmp_path / f"{n}.mdio", other) == kept
    assert document(tmp_path / "1.mdio", "fast_il")["dimension_names"] == ["inline", "crossline", "time"]
    dataset = opened_by_xarray(tmp_path / "1.mdio")
    np.testing.assert_array_equal(dataset.fast_il.values, source._samples)
    for pattern in ("fast_il", "headers"):
        found = [whole(open_volume(tmp_path / f"{n}.mdio", options={"access_pattern": pattern})) for n in range(3)]
        assert len({block.samples.tobytes() for block in found}) == 1
        assert {block.headers.tobytes() for block in found} == {whole(source).headers.tobytes()}
    # Readers of MDIO 0.x look for the records of every pattern.
    group = zarr.open_group(tmp_path / "2.mdio", mode="r")
    assert group["metadata/chunked_fast_il_trace_headers"].chunks == (1, 7)
    assert np.array_equal(
        group["metadata/chunked_fast_il_trace_headers"][...], group["metadata/chunked_012_trace_headers"][...]
    )


def test_access_patterns_of_a_view_stay_behind(tmp_path):
    from mdio.flow.views import Crop

    write(tmp_path / "0.mdio", survey((9, 7, 20)), layout="v0")
    add_pattern(tmp_path / "0.mdio", "fast_il", (1, 7, 20), default_codec(4))
    volume = open_volume(tmp_path / "0.mdio")
    write(tmp_path / "1.mdio", Crop(volume, [(1, 4), (0, 7), (0, 20)]))
    assert open_volume(tmp_path / "1.mdio").access_patterns == ("012",)
    other = open_volume(tmp_path / "0.mdio", options={"access_pattern": "fast_il"})
    write(tmp_path / "2.mdio", other)
    assert open_volume(tmp_path / "2.mdio").access_patterns == ("012",)


def test_a_damaged_chunk_is_not_copied(tmp_path):
    write(tmp_path / "0.mdio", survey((9, 7, 20)), layout="v0")
    spec = add_pattern(tmp_path / "0.mdio", "fast_il", (9, 7, 4), default_codec(4))[0]
    file = tmp_path / "0.mdio" / spec.key((0, 0, 1))
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(MDIOError, match="chunked_fast_il/0/0/1"):
        convert(tmp_path / "0.mdio", tmp_path / "1.mdio", target_options=UNSHARDED)
    assert not (tmp_path / "1.mdio").exists()


def test_a_pattern_that_only_v1_can_say_is_encoded_anew(tmp_path):
    from mdio.native.zarr3_codecs import Chain, Crc32c

    source = survey((9, 7, 20))
    write(tmp_path / "1.mdio", source)
    add_pattern(tmp_path / "1.mdio", "fast_il", (1, 7, 20), Chain([default_codec(4), Crc32c()]))
    convert(tmp_path / "1.mdio", tmp_path / "0.mdio")
    found = zarr.open_group(tmp_path / "0.mdio", mode="r")["data/chunked_fast_il"]
    assert found.chunks == (1, 7, 20)
    np.testing.assert_array_equal(found[...], source._samples)


def test_patterns_are_removed(tmp_path):
    write(tmp_path / "1.mdio", survey((9, 7, 20)))
    add_pattern(tmp_path / "1.mdio", "fast_il", (1, 7, 20), default_codec(4))
    add_pattern(tmp_path / "1.mdio", "slow", (9, 7, 20), default_codec(4))
    dataset = open_dataset(LocalStore(tmp_path / "1.mdio"))
    assert dataset.patterns() == ("012", "fast_il", "slow")
    dataset.remove_arrays(["fast_il", "not there"])
    assert dataset.patterns() == ("012", "slow")
    assert not (tmp_path / "1.mdio" / "fast_il").exists()
    assert open_dataset(LocalStore(tmp_path / "1.mdio")).patterns() == ("012", "slow")


# -- lossy ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["v0", "v1"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "f2"])
def test_zfp_keeps_its_promise(tmp_path, layout, dtype):
    pytest.importorskip("zfpy")
    source = survey((8, 8, 32), dtype=dtype)
    write(tmp_path / "x.mdio", source, layout=layout, codec="zfp:tolerance=0.5", chunks=(4, 4, 16))
    block = whole(open_volume(tmp_path / "x.mdio"))
    assert block.samples.dtype == (dtype if dtype in ("f4", "f8") else "f4")
    assert np.abs(block.samples - source._samples.astype(float)).max() <= 0.5
    assert not block.samples[~block.live].any()
    if layout == "v1":
        theirs = opened_by_xarray(tmp_path / "x.mdio").amplitude.values
        assert np.abs(theirs - source._samples.astype(float)).max() <= 0.5


@pytest.mark.parametrize(
    "options",
    [
        {"layout": "v0"},
        {"layout": "v0", "chunks": (3, 3, 7)},
        {"layout": "v1", "chunks": (3, 3, 7)},
        {"layout": "v1", "chunks": (2, 3, 5), "shards": (6, 3, 10)},
    ],
)
@pytest.mark.parametrize("value", [np.nan, -np.inf, 1e30])
def test_a_sample_that_cannot_be_stored_is_named_by_its_coordinates(tmp_path, options, value):
    pytest.importorskip("zfpy")
    source = synthetic.volume((8, 8, 32))
    source._samples[2, 3, 17] = value
    with pytest.raises(SlabError, match="inline 102, crossline 103, sample 68 ms: ") as caught:
        write(tmp_path / "x.mdio", source, codec="zfp:tolerance=0.001", **options)
    if not np.isfinite(value):
        assert f"{value} cannot be held to a tolerance of 0.001" in str(caught.value)
    assert "lossless" in str(caught.value)


# -- complete or not there -----------------------------------------------------------------------------------------


class TestUnfinished:
    def test_nothing_opens_before_commit(self, tmp_path):
        source = survey()
        sink = create(str(tmp_path / "x.mdio"), source, options=UNSHARDED)
        sink.journal.begin({"fingerprint": {}})
        sink.write(whole(source))
        with pytest.raises(IncompleteDatasetError, match="--resume"):
            open_volume(tmp_path / "x.mdio")
        for place in (tmp_path / "x.mdio", tmp_path / ".x.mdio.part"):
            with pytest.raises(FileNotFoundError):
                zarr.open_group(place, mode="r")
        sink.abort()
        sink.close()
        assert list(tmp_path.iterdir()) == []

    def test_the_root_comes_last(self, tmp_path, monkeypatch):
        from mdio.storage.staging import StagedTree

        keys, put = [], StagedTree.put
        monkeypatch.setattr(StagedTree, "put", lambda self, key, *pieces: (keys.append(key), put(self, key, *pieces)))
        write(tmp_path / "x.mdio", survey(), **SHARDED)
        assert keys[-1] == "zarr.json"
        documents = [key for key in keys if key.endswith("zarr.json")]
        assert keys[-len(documents) :] == documents

    def test_a_target_that_is_there(self, tmp_path):
        write(tmp_path / "x.mdio", survey(), layout="v0")
        with pytest.raises(MDIOAlreadyExistsError):
            write(tmp_path / "x.mdio", survey())
        write(tmp_path / "x.mdio", survey(), Creation(overwrite=True))
        assert not (tmp_path / "x.mdio" / ".zmetadata").exists()
        write(tmp_path / "x.mdio", survey(), Creation(overwrite=True), layout="v0")
        assert not (tmp_path / "x.mdio" / "zarr.json").exists()
        assert [path.name for path in tmp_path.iterdir()] == ["x.mdio"]

    @pytest.mark.parametrize("damage", ["lost", "short", "bit"])
    def test_a_resume_checks_shards(self, tmp_path, damage):
        source = survey((8, 6, 20))
        sink = create(str(tmp_path / "x.mdio"), source, options=SHARDED)
        sink.journal.begin({"fingerprint": {}})
        assert sink.chunks == (4, 6, 16)
        region = Region([(0, 4), (0, 6), (0, 20)])
        receipt = sink.write(source.read(region))
        assert sink.recheck(region, receipt)
        file = tmp_path / ".x.mdio.part" / "amplitude" / "c" / "0" / "0" / "1"
        data = bytearray(file.read_bytes())
        data[30] ^= 1
        file.unlink() if damage == "lost" else file.write_bytes(data[:-1] if damage == "short" else data)
        assert not sink.recheck(region, receipt)
        sink.write(source.read(region))
        assert sink.recheck(region, receipt)
        sink.abort()
        sink.close()


class TestRemote:
    @pytest.fixture
    def memory(self):
        filesystem = fsspec.filesystem("memory")
        filesystem.store.clear()
        yield filesystem
        filesystem.store.clear()
        filesystem.pseudo_dirs[:] = [""]

    @pytest.mark.parametrize("options", [UNSHARDED, SHARDED])
    def test_written_and_read(self, memory, options):
        source = survey()
        write("memory://bucket/x.mdio", source, **options)
        after = whole(open_volume("memory://bucket/x.mdio"))
        assert after.samples.tobytes() == whole(source).samples.tobytes()
        assert after.headers.tobytes() == whole(source).headers.tobytes()
        assert not [key for key in memory.store if "writing" in key]

    def test_patterns_are_found_without_a_listing(self, memory, tmp_path):
        write(tmp_path / "0.mdio", survey((9, 7, 20)), layout="v0")
        add_pattern(tmp_path / "0.mdio", "slow", (9, 7, 20), default_codec(4))
        add_pattern(tmp_path / "0.mdio", "fast_inline", (1, 7, 20), default_codec(4))
        convert(tmp_path / "0.mdio", "memory://bucket/x.mdio", target_options=UNSHARDED)
        volume = open_volume("memory://bucket/x.mdio")
        assert set(volume.access_patterns) == {"012", "slow", "fast_inline"}

    def test_unfinished_does_not_open(self, memory):
        source = survey()
        write("memory://bucket/x.mdio", source)
        sink = create("memory://bucket/x.mdio", source, options=UNSHARDED, creation=Creation(overwrite=True))
        sink.journal.begin({"fingerprint": {}})
        sink.write(whole(source))
        assert "/bucket/x.mdio/zarr.json" not in memory.store
        with pytest.raises(IncompleteDatasetError):
            open_volume("memory://bucket/x.mdio")
        sink.abort()
        sink.close()
        assert not memory.store


# -- edits ---------------------------------------------------------------------------------------------------------


class TestRevise:
    @pytest.fixture
    def dataset(self, tmp_path):
        write(tmp_path / "x.mdio", survey())
        return open_dataset(LocalStore(tmp_path / "x.mdio"))

    def again(self, dataset):
        return open_dataset(dataset.store).describe()

    def test_text_and_binary(self, dataset):
        text = [f"NEW {n}".ljust(80) for n in range(40)]
        dataset.revise(Revision(text=text, binary={"Format": 5, "JobID": 9, "ExtSamples": 4}))
        for found in (dataset.describe(), self.again(dataset)):
            assert found.text == tuple(text)
            assert (found.binary["data_sample_format"], found.binary["job_id"]) == (5, 9)
            assert (found.binary["sample_interval"], found.binary["ExtSamples"]) == (4000, 4)
        assert len(document(dataset.store.path, "segy_file_header")["attributes"]["binaryHeader"]) == 31

    def test_text_of_another_form(self, dataset):
        dataset.revise(Revision(text=["short"]))
        assert self.again(dataset).text == ("short",)

    def test_rows_that_somebody_else_edits_win(self, dataset):
        dataset.revise(Revision(text=["short"]))
        path = dataset.store.path / "segy_file_header" / "zarr.json"
        edited = json.loads(path.read_text())
        rows = [f"THEIRS {n}".ljust(80) for n in range(40)]
        edited["attributes"]["textHeader"] = "\n".join(rows)
        path.write_text(json.dumps(edited))
        assert self.again(dataset).text == tuple(rows)

    def test_statistics(self, dataset):
        honest = {"count": 100, "mean": 0.5, "std": 1.0, "rms": 1.0, "min": -3.0, "max": 4.0}
        new = {"mean": 1.0, "std": 1.7320508, "rms": 2.0, "min": -3.0, "max": 4.0, "honest": honest}
        dataset.revise(Revision(statistics=new, trace_count=5, stale=[]))
        found = self.again(dataset)
        assert found.statistics == new
        assert (found.trace_count, found.stale) == (5, ())
        sums = json.loads(document(dataset.store.path, "amplitude")["attributes"]["statsV1"])
        assert (sums["count"], sums["sum"], sums["sumSquares"]) == (25, 25.0, 100.0)

    def test_stale(self, dataset):
        before = self.again(dataset)
        dataset.revise(Revision(stale=["statistics"]))
        found = self.again(dataset)
        assert found.stale == ("statistics",)
        assert (found.text, found.binary, found.trace_count) == (before.text, before.binary, before.trace_count)

    def test_a_copy_of_the_metadata_stays_true(self, dataset):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(dataset.store.path)
        dataset = open_dataset(dataset.store)
        dataset.revise(Revision(text=["x" * 80] * 40))
        copied = document(dataset.store.path)["consolidated_metadata"]["metadata"]["segy_file_header"]
        assert copied["attributes"]["textHeader"].startswith("xxx")

    def test_metadata_change_the_identity(self, dataset):
        before = open_dataset(dataset.store).identity
        assert open_dataset(dataset.store).identity == before
        dataset.revise(Revision(stale=["statistics"]))
        assert open_dataset(dataset.store).identity != before


def test_segy_through_both_layouts(tmp_path):
    """SEG-Y → v0 → v1 → v0 → SEG-Y, byte for byte; see tests/matrix for more files."""
    from segy_bytes import grid, ibm_words, segy

    rng = np.random.default_rng(12)
    il, xl = grid(6, 5)
    words = ibm_words(rng, (30, 24))
    words[3, 4], words[17, 2] = 0x40000001, 0x80000000
    holes = np.delete(rng.permutation(30), [4, 9])
    (tmp_path / "in.sgy").write_bytes(segy({189: il[holes], 193: xl[holes]}, words[holes], noise=rng))
    for n, (layout, more) in enumerate(
        [("v0", {}), ("v1", {}), ("v0.9", {}), ("v1", {"header_fields": 90}), ("v1", {"shards": True}), ("v0", {})]
    ):
        source = tmp_path / (f"{n - 1}.mdio" if n else "in.sgy")
        convert(source, tmp_path / f"{n}.mdio", target_options={"layout": layout, **more})
        convert(tmp_path / f"{n}.mdio", tmp_path / "out.sgy", overwrite=True)
        assert (tmp_path / "out.sgy").read_bytes() == (tmp_path / "in.sgy").read_bytes(), (n, layout)


DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")
def test_shared_files_through_both_layouts(tmp_path):
    with (DATA / "MANIFEST.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "segy" and "NEGATIVE" not in row["facts"]]
    names = [row["name"] for row in rows if (DATA / row["name"]).stat().st_size < 100_000]
    assert len(names) >= 20
    for number, name in enumerate(names):
        layout = ("v0", "v0.9")[number % 2]
        options = ({}, {"shards": True}, {"header_fields": 90})[number % 3]
        source, how = DATA / name, {"source_format": "segy"}
        for step, target in enumerate(({"layout": layout}, {"layout": "v1", **options}, {"layout": layout})):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                convert(source, tmp_path / f"{step}.mdio", overwrite=True, target_options=target, **how)
            source, how = tmp_path / f"{step}.mdio", {}
            if step:
                convert(source, tmp_path / "x.sgy", overwrite=True)
                assert (tmp_path / "x.sgy").read_bytes() == (DATA / name).read_bytes(), (name, target)
