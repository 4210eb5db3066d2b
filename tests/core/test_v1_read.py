"""MDIO v1 datasets as multidimio 1.1 and 1.2 spell them, and with things missing, written here by zarr-python."""

from __future__ import annotations

import base64
import json
import pickle
import warnings

import fsspec
import numcodecs
import numpy as np
import pytest
import zarr
from segy_bytes import binary_header

import mdio
from mdio.convert import convert
from mdio.convert import open as open_volume
from mdio.core.region import Region
from mdio.core.trace_header import STANDARD_FIELDS
from mdio.exceptions import CodecError, InvalidMDIOError, MDIONotFoundError

WORDS = [(name, f"<{kind}") for _, name, kind in STANDARD_FIELDS]
SPATIAL = ["inline", "crossline"]
TEXT = [f"C{n:2d} THEIRS".ljust(80) for n in range(1, 41)]
BINARY = {
    "job_id": 3,
    "sample_interval": 4000,
    "samples_per_trace": 20,
    "data_sample_format": 1,
    "segy_revision_major": 1,
    "segy_revision_minor": 0,
}


class Store:
    """What was written, as plain arrays, and the store's path."""

    def __init__(self, path, *, zarr_format=3, dtype="f4", dead=np.nan, fill=np.nan, fields=WORDS, shape=(7, 5, 20)):
        rng = np.random.default_rng(11)
        self.path, self.zarr_format = path, zarr_format
        self.live = rng.random(shape[:-1]) < 0.7
        self.live[0] = True
        self.samples = (rng.normal(size=shape) * 100).astype(dtype)
        self.samples[~self.live] = 0
        record = np.dtype(list(fields))
        noise = rng.integers(0, 256, (self.live.size, record.itemsize), dtype=np.uint8)
        self.headers = noise.view(record)[:, 0].reshape(shape[:-1]).copy()
        self.headers[~self.live] = np.zeros((), record)
        self.root = zarr.open_group(path, mode="w", zarr_format=zarr_format)
        self.root.attrs.update(
            {
                "apiVersion": "1.1.3",
                "createdOn": "2026-11-20 12:31:54.221082+00:00",
                "name": "PostStack3DTime",
                "attributes": {"surveyType": "3D", "gatherType": "stacked", "defaultVariableName": "amplitude"},
            }
        )
        stored = np.where(self.live[..., None], self.samples, np.array(dead).astype(dtype))
        self.put("amplitude", stored, [*SPATIAL, "time"], (4, 4, 8), fill=fill)
        self.put("trace_mask", self.live, SPATIAL, self.live.shape, fill=False)
        self.put("headers", self.headers, SPATIAL, (4, 4), fill=None)
        limit = 2147483647 if zarr_format == 3 else None
        self.put("inline", np.arange(10, 10 + 2 * shape[0], 2, dtype="i4"), ["inline"], (shape[0],), fill=limit)
        self.put("crossline", np.arange(5, 5 + shape[1], dtype="i4"), ["crossline"], (shape[1],), fill=limit)
        self.put("time", np.arange(0, 4 * shape[2], 4, dtype="i4"), ["time"], (shape[2],), fill=limit)
        self.put("cdp_x", np.where(self.live, 1.5, np.nan), SPATIAL, self.live.shape, fill=np.nan)
        self.file_header(textHeader="\n".join(TEXT), binaryHeader=BINARY)

    def put(self, name, values, dims, chunks, fill=0, **attributes):
        more = {"compressors": numcodecs.Blosc("zstd", clevel=5, shuffle=-1)} if self.zarr_format == 2 else {}
        if self.zarr_format == 3:
            more["dimension_names"] = dims
        else:
            more["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
            attributes["_ARRAY_DIMENSIONS"] = dims
        if fill is not None:
            more["fill_value"] = fill
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = self.root.create_array(name, shape=values.shape, chunks=chunks, dtype=values.dtype, **more)
            array[...] = values
            if attributes:
                array.attrs.update(attributes)
        return array

    def file_header(self, **attributes):
        if "segy_file_header" not in self.root:
            self.put("segy_file_header", np.array("", "<U1"), [], ())
        self.root["segy_file_header"].attrs.update(attributes)

    def edit(self, name, change):
        """Change a document by hand."""
        path = self.path / name / "zarr.json" if name else self.path / "zarr.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    def check(self, samples=None):
        volume = open_volume(self.path)
        assert volume.dataset.layout == "v1"
        block = volume.read(volume.schema.region)
        expected = self.samples if samples is None else samples
        assert block.samples.dtype == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(block.samples, expected)
        np.testing.assert_array_equal(block.live, self.live)
        for name in self.headers.dtype.names:
            if name == "unassigned":  # bytes of no field
                raw = block.headers.view(np.uint8).reshape(*self.live.shape, 240)[..., 232:]
                np.testing.assert_array_equal(np.ascontiguousarray(raw).view(">i8")[..., 0], self.headers[name])
                continue
            np.testing.assert_array_equal(volume.schema.headers.values(block.headers, name), self.headers[name], name)
        part = Region([(1, 6), (2, 3), (3, 19)])
        np.testing.assert_array_equal(volume.samples(part), expected[part.slices])
        return volume


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4"])
@pytest.mark.parametrize(("dead", "fill"), [(np.nan, np.nan), (0, 0), (np.nan, 0), (-65536, np.nan), (7, 0)])
def test_whatever_dead_cells_hold(tmp_path, dtype, dead, fill):
    if np.dtype(dtype).kind == "i":
        dead, fill = (0 if np.isnan(n) else n for n in (max(dead, -9), fill))
    Store(tmp_path / "a.mdio", dtype=dtype, dead=dead, fill=fill).check()


def test_metadata(tmp_path):
    store = Store(tmp_path / "a.mdio")
    sums = {"count": 4, "sum": 8.0, "sumSquares": 20.0, "min": -1.0, "max": 3.0, "histogram": {}}
    store.root["amplitude"].attrs["statsV1"] = json.dumps(sums)
    store.root.attrs["crs"] = "EPSG:32610"
    volume = store.check()
    metadata = volume.schema.metadata
    assert metadata.text == tuple(TEXT)
    assert dict(metadata.binary) == BINARY
    assert metadata.statistics == {"mean": 2.0, "std": 1.0, "rms": pytest.approx(5**0.5), "min": -1.0, "max": 3.0}
    assert metadata.trace_count == -1
    assert metadata.attributes == {"crs": "EPSG:32610"}
    assert metadata.source is None
    assert volume.attributes == {
        "api_version": "1.1.3",
        "created": "2026-11-20 12:31:54.221082+00:00",
        "template": "PostStack3DTime",
    }
    dims = volume.schema.dims
    assert [(dim.name, dim.unit) for dim in dims] == [("inline", ""), ("crossline", ""), ("time", "ms")]
    assert dims[0].coords.tolist() == [10, 12, 14, 16, 18, 20, 22]
    assert dims[2].coords.tolist() == list(range(0, 80, 4))
    assert pickle.loads(pickle.dumps(volume)).schema.shape == (7, 5, 20)


@pytest.mark.parametrize(
    ("units", "expected"),
    [({"time": "ms"}, "ms"), ({"time": "µs"}, "µs"), ({"time": "\u03bcs"}, "µs"), ({"length": "ft"}, "ft"), ({}, "ms")],
)
def test_units(tmp_path, units, expected):
    store = Store(tmp_path / "a.mdio")
    store.root["time"].attrs["unitsV1"] = units
    assert store.check().schema.dims[2].unit == expected


def test_it_reads_as_mdio_v0_does(tmp_path):
    store = Store(tmp_path / "a.mdio")
    reader = mdio.MDIOReader(str(store.path), access_pattern="012", return_metadata=True)
    live, headers, samples = reader[2:5, :, 3]
    np.testing.assert_array_equal(samples, store.samples[2:5, :, 3])
    np.testing.assert_array_equal(live, store.live[2:5])
    np.testing.assert_array_equal(headers["inline"], store.headers["inline"][2:5])
    np.testing.assert_array_equal(headers["189"], store.headers["inline"][2:5])
    assert reader.trace_count == store.live.sum()
    assert reader.chunks == (4, 4, 8)


# -- what is missing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["inline", "crossline", "time", "cdp_x", "segy_file_header"])
def test_variables_that_need_not_be_there(tmp_path, name):
    store = Store(tmp_path / "a.mdio")
    del store.root[name]
    volume = store.check()
    if name in ("inline", "crossline", "time"):
        axis = {"inline": 0, "crossline": 1, "time": 2}[name]
        assert volume.schema.dims[axis].coords.tolist() == list(range(volume.schema.shape[axis]))
    if name == "segy_file_header":
        assert volume.schema.metadata.text == ()


@pytest.mark.parametrize("key", ["apiVersion", "createdOn", "name", "attributes"])
def test_root_attributes_that_need_not_be_there(tmp_path, key):
    store = Store(tmp_path / "a.mdio")
    del store.root.attrs[key]
    store.check()


def test_headers_need_not_be_there(tmp_path):
    store = Store(tmp_path / "a.mdio")
    del store.root["headers"]
    volume = open_volume(store.path)
    assert volume.schema.headers.itemsize == 0
    np.testing.assert_array_equal(volume.samples(volume.schema.region), store.samples)


def test_another_default_variable(tmp_path):
    store = Store(tmp_path / "a.mdio")
    twice = np.where(store.live[..., None], 2 * store.samples, 0)
    store.put("velocity", twice, [*SPATIAL, "time"], (7, 5, 20))
    inner = {**store.root.attrs["attributes"], "defaultVariableName": "velocity"}
    store.root.attrs["attributes"] = inner
    store.check(twice)
    # A store of others that does not say: one candidate will do, two will not.
    del store.root.attrs["attributes"]
    store.check()
    (store.path / "amplitude").rename(store.path / "energy")
    with pytest.raises(InvalidMDIOError, match=r"defaultVariableName.*'energy'"):
        open_volume(store.path)
    del store.root["energy"]
    store.check(twice)


@pytest.mark.parametrize(
    ("name", "message"),
    [("amplitude", "'amplitude' is missing"), ("trace_mask", "array trace_mask is missing")],
)
def test_variables_that_have_to_be_there(tmp_path, name, message):
    store = Store(tmp_path / "a.mdio")
    del store.root[name]
    with pytest.raises(InvalidMDIOError, match=message):
        open_volume(store.path)


def test_dimensions_without_names(tmp_path):
    store = Store(tmp_path / "a.mdio")
    store.edit("amplitude", lambda document: document.pop("dimension_names"))
    with pytest.raises(InvalidMDIOError, match=r"no named dimensions.*dimension_names"):
        open_volume(store.path)


# -- header records ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["structured", "struct"])
def test_spellings_of_records(tmp_path, spelling):
    store = Store(tmp_path / "a.mdio")

    def respell(document):
        fields = document["data_type"]["configuration"]["fields"]
        pairs = [tuple(row.values()) if isinstance(row, dict) else row for row in fields]
        if spelling == "struct":
            fields = [{"name": name, "data_type": kind} for name, kind in pairs]
            document["fill_value"] = dict.fromkeys([name for name, _ in pairs], 0)
            document["codecs"][0] = {"name": "bytes", "configuration": {"endian": "little"}}
        else:
            fields = [list(pair) for pair in pairs]
        document["data_type"] = {"name": spelling, "configuration": {"fields": fields}}

    store.edit("headers", respell)
    store.check()


def without(*names):
    return [field for field in WORDS if field[0] not in names]


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ([*without("ensemble_num"), ("cdp", "<i4")], {"cdp": 20}),
        ([*without("source_to_receiver_distance"), ("offset", "<i4")], {"offset": 36}),
        ([*without("trace_num_orig_record"), ("channel", "<i4")], {"channel": 12}),
        ([*without("sweep_taper_end", "taper_type"), ("cable", "<i4")], {"cable": 136}),
        ([*without("group_num_roll_switch"), ("gun", "<i2")], {"gun": 170}),
        ([*without("energy_source_point_num", "shot_point"), ("shot_point", "<i4")], {"shot_point": 16}),
        ([*WORDS, ("unassigned", "<i8")], {}),
        ([*WORDS, ("trace_header_name", "S8")], {"trace_header_name": 232}),
        ([*WORDS, ("mystery", "<i4"), ("other", "<f4")], {"mystery": 240, "other": 244}),
        ([*without("inline"), ("inline", "<i8")], {"inline": 240}),
        (WORDS[:71], {}),
        (WORDS[::-1], {}),
    ],
)
def test_records_of_other_fields(tmp_path, fields, places):
    store = Store(tmp_path / "a.mdio", fields=fields)
    if "trace_header_name" in store.headers.dtype.names:
        store.headers["trace_header_name"] = b"name"
        store.headers["trace_header_name"][~store.live] = b""
        store.root["headers"][...] = store.headers
    layout = store.check().schema.headers
    for name, offset in places.items():
        assert layout.field(name).offset == offset
    assert layout.field("crossline").offset == 192


def test_fields_go_into_segy_at_their_bytes_and_through_other_layouts(tmp_path):
    fields = [*without("ensemble_num", "source_to_receiver_distance"), ("cdp", "<i4"), ("offset", "<i4")]
    store = Store(tmp_path / "a.mdio", fields=[*fields, ("mystery", "<i4")])
    convert(store.path, tmp_path / "a.sgy")
    data = (tmp_path / "a.sgy").read_bytes()
    traces = np.frombuffer(data[3600:], np.uint8).reshape(-1, 240 + 80)
    for byte, name in ((21, "cdp"), (37, "offset"), (189, "inline")):
        found = np.ascontiguousarray(traces[:, byte - 1 : byte + 3]).view(">i4")[:, 0]
        np.testing.assert_array_equal(found, store.headers[name][store.live])
    for layout in ("v0", "v1"):
        convert(store.path, tmp_path / "b.mdio", target_options={"layout": layout}, overwrite=True)
        again = open_volume(tmp_path / "b.mdio")
        records = again.headers(again.schema.region.spatial)
        np.testing.assert_array_equal(again.schema.headers.values(records, "mystery"), store.headers["mystery"])
        convert(tmp_path / "b.mdio", tmp_path / "b.sgy", overwrite=True)
        assert (tmp_path / "b.sgy").read_bytes() == data


# -- raw headers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("fields", [WORDS, [*without("ensemble_num"), ("cdp", "<i4")]])
def test_raw_headers_fill_in_what_records_do_not_hold(tmp_path, order, fields):
    store = Store(tmp_path / "a.mdio", fields=fields)
    raw = np.random.default_rng(1).integers(0, 256, (7, 5, 240), dtype=np.uint8)
    raw[~store.live] = 0
    store.put("raw_headers", raw.view("V240")[..., 0], SPATIAL, (4, 4), fill=None)
    words = {3217: ("h", 4000), 3221: ("h", 20), 3225: ("h", 1), 3261: ("i", 77), 3501: ("h", 256)}
    header = binary_header(order, words)
    store.file_header(rawBinaryHeader=base64.b64encode(header).decode())
    volume = store.check()
    found = volume.headers(volume.schema.region.spatial).view(np.uint8).reshape(7, 5, -1)
    np.testing.assert_array_equal(found[..., 232:240], raw[..., 232:])
    assert volume.schema.metadata.source.facts["big_endian"] is (order == ">")
    convert(store.path, tmp_path / "a.sgy")
    data = (tmp_path / "a.sgy").read_bytes()
    assert data[:3200].decode("cp037") == "".join(TEXT)
    assert data[3260:3264] == header[60:64]


@pytest.mark.parametrize(
    "raw", ["", "no base64!", base64.b64encode(b"short").decode(), base64.b64encode(bytes(400)).decode()]
)
def test_raw_binary_headers_that_do_not_fit_are_left_alone(tmp_path, raw):
    store = Store(tmp_path / "a.mdio")
    store.file_header(rawBinaryHeader=raw)
    assert store.check().schema.metadata.source is None


# -- further variables ---------------------------------------------------------------------------------------------


def test_fast_variables_are_access_patterns(tmp_path):
    store = Store(tmp_path / "a.mdio")
    stored = np.where(store.live[..., None], store.samples, -65536)  # what ZFP makes of NaN
    dims = [*SPATIAL, "time"]
    store.put("fast_inline", stored, dims, (1, 5, 20), fill=np.nan)
    store.put("fast_other", stored[..., :4], [*SPATIAL, "band"], (1, 5, 4))
    store.put("velocity", 2 * stored, dims, (7, 5, 20))
    store.put("order", np.zeros((7, 5), "i8"), SPATIAL, (7, 5))
    volume = store.check()
    assert volume.access_patterns == ("012", "fast_inline")
    for name, factor in (("fast_inline", 1), ("velocity", 2), ("amplitude", 1), ("012", 1)):
        other = open_volume(store.path, options={"access_pattern": name})
        np.testing.assert_array_equal(other.samples(other.schema.region), factor * store.samples)
    assert open_volume(store.path, options={"access_pattern": "amplitude"}).pattern == "012"
    with pytest.raises(InvalidMDIOError, match=r"no access pattern 'fast_crossline'.*there are: 012, fast_inline"):
        open_volume(store.path, options={"access_pattern": "fast_crossline"})


@pytest.mark.parametrize("fill", [np.nan, 0])
def test_dead_cells_that_hold_anything_become_zeros_where_a_layout_has_zeros(tmp_path, fill):
    store = Store(tmp_path / "a.mdio")
    stored = np.where(store.live[..., None], store.samples, np.float32(-65536))
    store.put("fast_inline", stored, [*SPATIAL, "time"], (1, 5, 20), fill=fill)
    convert(store.path, tmp_path / "b.mdio")
    found = zarr.open_group(tmp_path / "b.mdio", mode="r")["data/chunked_fast_inline"]
    np.testing.assert_array_equal(found[...], store.samples)


def test_zfp_by_others(tmp_path):
    pytest.importorskip("zfpy")
    from zarr.codecs.numcodecs import ZFPY

    store = Store(tmp_path / "a.mdio")
    stored = np.where(store.live[..., None], store.samples, np.float32(np.nan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = store.root.create_array(
            "fast_time",
            shape=stored.shape,
            chunks=(7, 5, 4),
            dtype="f4",
            fill_value=np.nan,
            serializer=ZFPY(mode=4, tolerance=0.5),
            compressors=None,
            dimension_names=[*SPATIAL, "time"],
        )
        array[...] = stored
        theirs = array[...]
    volume = open_volume(store.path, options={"access_pattern": "fast_time"})
    found = volume.samples(volume.schema.region)
    np.testing.assert_array_equal(found[store.live], theirs[store.live])
    assert not found[~store.live].any()
    store.check()


def test_an_unreadable_extra_does_no_harm_until_it_is_read(tmp_path):
    store = Store(tmp_path / "a.mdio")
    for name in ("fast_inline", "cdp_x", "raw_headers"):
        if name != "cdp_x":
            store.put(name, store.samples, [*SPATIAL, "time"], (1, 5, 20))
        store.edit(name, lambda document: document["codecs"].append({"name": "lz77"}))
    store.put("notes", np.zeros((7, 5)), SPATIAL, (7, 5))
    store.edit("notes", lambda document: document.update(data_type={"name": "string"}))
    volume = store.check()
    assert volume.access_patterns == ("012", "fast_inline")
    assert list(volume.sample_arrays) == ["012"]
    with pytest.raises(CodecError, match=r"array fast_inline is stored with 'lz77'.*install"):
        open_volume(store.path, options={"access_pattern": "fast_inline"})
    with pytest.warns(UserWarning, match="fast_inline"):
        convert(store.path, tmp_path / "b.mdio", target_options={"layout": "v1"})
    assert open_volume(tmp_path / "b.mdio").access_patterns == ("012",)


def test_metadata_of_others_may_be_consolidated(tmp_path):
    store = Store(tmp_path / "a.mdio")
    store.put("fast_time", store.samples, [*SPATIAL, "time"], (7, 5, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(store.path)
    assert store.check().access_patterns == ("012", "fast_time")


# -- Zarr format 2 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("consolidated", [True, False])
def test_format_2(tmp_path, consolidated):
    store = Store(tmp_path / "a.mdio", zarr_format=2)
    store.put("fast_time", store.samples, [*SPATIAL, "time"], (7, 5, 4))
    if consolidated:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(store.path, zarr_format=2)
    assert mdio.open(store.path).dataset.layout == "v1"  # recognised by content
    volume = store.check()
    assert volume.schema.names == ("inline", "crossline", "time")
    assert volume.access_patterns == ("012", "fast_time")
    assert volume.schema.metadata.text == tuple(TEXT)
    assert dict(volume.schema.metadata.binary) == BINARY


@pytest.mark.parametrize("consolidated", [True, False])
def test_format_2_is_edited_in_its_own_spelling(tmp_path, consolidated):
    from mdio.native.dataset import Revision
    from mdio.native.opening import open_dataset
    from mdio.storage.local import LocalStore

    store = Store(tmp_path / "a.mdio", zarr_format=2)
    if consolidated:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(store.path, zarr_format=2)
    dataset = open_dataset(LocalStore(store.path))
    dataset.revise(Revision(text=TEXT[::-1], trace_count=4, stale=["statistics"]))
    samples, none = dataset.pattern_specs("fast_time", (7, 5, 4), np.dtype("<f4"), numcodecs.Zstd(1))
    assert none is None
    dataset.add_arrays([samples])
    for found in (dataset, open_dataset(LocalStore(store.path))):
        described = found.describe()
        assert (described.text, described.trace_count, described.stale) == (tuple(TEXT[::-1]), 4, ("statistics",))
        assert found.patterns() == ("012", "fast_time")
    group = zarr.open_group(store.path, mode="r", zarr_format=2)
    assert group["fast_time"].attrs["_ARRAY_DIMENSIONS"] == [*SPATIAL, "time"]
    assert group["amplitude"].attrs["_ARRAY_DIMENSIONS"] == [*SPATIAL, "time"]
    dataset.remove_arrays(["fast_time"])
    assert open_dataset(LocalStore(store.path)).patterns() == ("012",)
    store.check()


# -- what lies at a place ------------------------------------------------------------------------------------------


def test_remote_stores_are_opened_without_a_listing(tmp_path):
    store = Store(tmp_path / "a.mdio")
    store.put("fast_inline", store.samples, [*SPATIAL, "time"], (1, 5, 20))
    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(store.path), "/bucket/a.mdio", recursive=True)
    try:
        volume = open_volume("memory://bucket/a.mdio")
        np.testing.assert_array_equal(volume.samples(volume.schema.region), store.samples)
        assert volume.access_patterns == ("012", "fast_inline")
        assert mdio.open("memory://bucket/a.mdio").schema.shape == (7, 5, 20)
    finally:
        filesystem.rm("/bucket", recursive=True)


def test_something_else(tmp_path):
    with pytest.raises(MDIONotFoundError, match="nowhere"):
        open_volume(tmp_path / "nowhere.mdio", format="mdio")
    zarr.open_group(tmp_path / "empty.mdio", mode="w", zarr_format=3)
    with pytest.raises(InvalidMDIOError, match="no root attribute says which variable"):
        open_volume(tmp_path / "empty.mdio", format="mdio")
    zarr.create_array(tmp_path / "array.mdio", shape=(3, 4), dtype="f4")
    with pytest.raises(InvalidMDIOError, match=r"a Zarr array.*folder above"):
        open_volume(tmp_path / "array.mdio", format="mdio")
    zarr.open_group(tmp_path / "old.mdio", mode="w", zarr_format=2)
    with pytest.raises(InvalidMDIOError, match=r"zmetadata is missing.*consolidate_metadata"):
        open_volume(tmp_path / "old.mdio", format="mdio")
    (tmp_path / "folder.mdio").mkdir()
    with pytest.raises(InvalidMDIOError, match=r"zmetadata is missing, and so is zarr\.json"):
        open_volume(tmp_path / "folder.mdio", format="mdio")
    (tmp_path / "folder.mdio" / "zarr.json").write_text("{not json")
    with pytest.raises(InvalidMDIOError, match=r"zarr\.json cannot be read"):
        open_volume(tmp_path / "folder.mdio", format="mdio")
    (tmp_path / "folder.mdio" / "zarr.json").write_text("[1]")
    with pytest.raises(InvalidMDIOError, match=r"zarr\.json is not a metadata document"):
        open_volume(tmp_path / "folder.mdio", format="mdio")


def test_a_damaged_chunk_is_named(tmp_path):
    store = Store(tmp_path / "a.mdio")
    file = store.path / "amplitude" / "c" / "0" / "0" / "1"
    file.write_bytes(file.read_bytes()[:-9])
    volume = open_volume(store.path)
    with pytest.raises(Exception, match="amplitude/c/0/0/1"):
        volume.samples(volume.schema.region)
