"""MDIO v0 datasets as multidimio 0.3 to 0.9 spell them, written here by zarr-python, read by ours."""

import json
import pickle
import shutil

import numcodecs
import numpy as np
import pytest
import zarr

import mdio
from mdio.convert import open as open_volume
from mdio.core.region import Region
from mdio.core.trace_header import STANDARD_FIELDS
from mdio.exceptions import (
    CodecError,
    IncompleteDatasetError,
    IntegrityError,
    InvalidMDIOError,
    MDIOError,
    MDIONotFoundError,
)
from mdio.storage.local import LocalStore

NAMES = {2: ("cdp",), 3: ("inline", "crossline"), 4: ("shot_point", "cable", "channel")}
COMPRESSORS = {
    "blosc zstd": numcodecs.Blosc("zstd", clevel=5, shuffle=1),
    "blosc lz4": numcodecs.Blosc("lz4", clevel=5, shuffle=1),
    "zlib": numcodecs.Zlib(1),
    "zstd": numcodecs.Zstd(3),
    "none": None,
}


class Dataset:
    """What was written, as plain arrays, and the dataset's path."""

    def __init__(
        self,
        path,
        shape=(7, 5, 20),
        *,
        chunks=None,
        names="numbers",
        fields=89,
        separator="/",
        compressor="blosc zstd",
        dtype="<f4",
        pattern=None,
        attributes=None,
        metadata=None,
    ):
        rng = np.random.default_rng(11)
        self.path = path
        chunks = chunks or (4,) * len(shape)
        pattern = pattern or "012345"[: len(shape)]
        spatial = shape[:-1]
        self.live = rng.random(spatial) < 0.8
        self.samples = (rng.normal(size=shape) * 100).astype(dtype)
        self.samples[~self.live] = 0
        self.samples[-1] = 0  # live, but zero: its chunks are not written where whole
        words = [(str(byte) if names == "numbers" else name, f"<{kind}") for byte, name, kind in STANDARD_FIELDS]
        words += [("233" if names == "numbers" else "unassigned", "<i8")] * (fields - 89)
        record = np.dtype(words)
        noise = rng.integers(0, 256, (self.live.size, record.itemsize), dtype=np.uint8)
        self.headers = noise.view(record)[:, 0].reshape(spatial).copy()
        self.headers[~self.live] = np.zeros((), dtype=record)
        root = zarr.open_group(path, mode="a", zarr_format=2)
        options = {
            "compressors": COMPRESSORS[compressor],
            "chunk_key_encoding": {"name": "v2", "separator": separator},
            "overwrite": True,
        }

        def put(name, values, chunks, **more):
            array = root.create_array(name, shape=values.shape, chunks=chunks, dtype=values.dtype, **options, **more)
            array[...] = values

        put(f"data/chunked_{pattern}", self.samples, chunks, fill_value=0)
        put(f"metadata/chunked_{pattern}_trace_headers", self.headers, chunks[:-1])
        put("metadata/live_mask", self.live, spatial, fill_value=False)
        root.attrs.update(
            {
                "api_version": "0.9.3" if fields == 90 else "0.7.4",
                "created": "2024-05-05T10:00:00.000000+00:00",
                "trace_count": int(self.live.sum()),
                "dimension": [
                    *(
                        {"name": name, "coords": list(range(5, 5 + 3 * n, 3))}
                        for name, n in zip(NAMES[len(shape)], shape, strict=False)
                    ),
                    {"coords": list(range(0, 2 * shape[-1], 2)), "name": "sample"},
                ],
                "mean": 0.25,
                "std": 2.0,
                "rms": 2.5,
                "min": -8.0,
                "max": 9.0,
            }
            if attributes is None
            else attributes
        )
        if metadata is None:
            metadata = {
                "text_header": [f"C{line:2d}".ljust(80) for line in range(1, 41)],
                "binary_header": {"Format": 1},
            }
        root["metadata"].attrs.update(metadata)
        zarr.consolidate_metadata(root.store, zarr_format=2)

    def check(self, reader):
        live, headers, samples = reader[...]
        np.testing.assert_array_equal(samples, self.samples)
        np.testing.assert_array_equal(live, self.live)
        for (byte, name, _), own in zip(STANDARD_FIELDS, self.headers.dtype.names, strict=False):
            np.testing.assert_array_equal(headers[str(byte)], self.headers[own])
            np.testing.assert_array_equal(headers[name], self.headers[own])


def reader(path, **options):
    return mdio.MDIOReader(path, return_metadata=True, **options)


@pytest.mark.parametrize("compressor", COMPRESSORS)
@pytest.mark.parametrize("separator", ["/", "."])
def test_compressors_and_separators(tmp_path, compressor, separator):
    data = Dataset(tmp_path / "a.mdio", compressor=compressor, separator=separator)
    data.check(reader(data.path))


@pytest.mark.parametrize("fields", [89, 90])
@pytest.mark.parametrize("names", ["numbers", "words"])
def test_header_spellings(tmp_path, names, fields):
    data = Dataset(tmp_path / "a.mdio", names=names, fields=fields)
    opened = reader(data.path)
    data.check(opened)
    if fields == 90:
        headers = opened._headers[:]
        np.testing.assert_array_equal(headers["unassigned"], data.headers[data.headers.dtype.names[-1]])
        np.testing.assert_array_equal(headers["233"], headers["unassigned"])
    else:
        assert "233" not in opened._headers.dtype.names


def test_raw_headers_are_big_endian_records_of_240_bytes(tmp_path):
    """As SEG-Y holds them (SEG-Y rev 1, section 6), so that an export copies bytes."""
    data = Dataset(tmp_path / "a.mdio", names="words", fields=90)
    volume = open_volume(data.path)
    raw = volume.headers(Region([(1, 2), (0, 5)])).view(np.uint8).reshape(5, 240)
    for byte, name, kind in (*STANDARD_FIELDS, (233, "unassigned", "i8")):
        size = int(kind[1])
        expected = data.headers[name][1].astype(f">{kind}").view(np.uint8).reshape(5, size)
        np.testing.assert_array_equal(raw[:, byte - 1 : byte - 1 + size], expected)


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i2", "<i4", ">f4", "<f2"])
def test_sample_types(tmp_path, dtype):
    data = Dataset(tmp_path / "a.mdio", dtype=dtype)
    data.check(reader(data.path))
    assert reader(data.path)[0][2].dtype == np.dtype(dtype).newbyteorder("=")


@pytest.mark.parametrize(
    ("shape", "chunks"), [((40, 9), (16, 4)), ((3, 2, 5, 8), (2, 2, 2, 8)), ((3, 4, 6), (64, 64, 64))]
)
def test_ranks_and_chunks_larger_than_the_shape(tmp_path, shape, chunks):
    data = Dataset(tmp_path / "a.mdio", shape, chunks=chunks)
    opened = reader(data.path)
    data.check(opened)
    assert opened.chunks == chunks
    assert opened.volume.schema.chunks == tuple(map(min, chunks, shape))


def test_metadata(tmp_path):
    opened = reader(Dataset(tmp_path / "a.mdio").path)
    assert opened.text_header == [f"C{line:2d}".ljust(80) for line in range(1, 41)]
    assert opened.binary_header == {"Format": 1}
    assert opened.stats == {"mean": 0.25, "std": 2.0, "rms": 2.5, "min": -8.0, "max": 9.0}
    assert opened.grid.dim_names == ("inline", "crossline", "sample")
    assert opened.grid.get_max("crossline") == 17
    assert [dim.unit for dim in opened.grid.dims] == ["", "", "ms"]


def test_only_what_must_be_there(tmp_path):
    coords = {"inline": [1, 2, 4], "crossline": [7, 5], "sample": [0, 0.5, 1.0, 1.5]}
    data = Dataset(
        tmp_path / "a.mdio",
        (3, 2, 4),
        attributes={"dimension": [{"name": name, "coords": values} for name, values in coords.items()]},
        metadata={},
    )
    opened = reader(data.path)
    data.check(opened)
    assert opened.text_header == []
    assert opened.binary_header == {}
    assert opened.stats == {}
    assert opened.trace_count == data.live.sum()
    assert {name: opened.grid.select_dim(name).coords.tolist() for name in coords} == coords


def test_without_trace_headers(tmp_path):
    data = Dataset(tmp_path / "a.mdio")
    shutil.rmtree(tmp_path / "a.mdio" / "metadata" / "chunked_012_trace_headers")
    zarr.consolidate_metadata(zarr.storage.LocalStore(data.path), zarr_format=2)
    live, headers, samples = reader(data.path)[2]
    np.testing.assert_array_equal(samples, data.samples[2])
    np.testing.assert_array_equal(live, data.live[2])
    assert not headers["inline"].any()


def test_a_few_header_words(tmp_path):
    """The set of fields is free for opening (multidimio 0.7 to 0.9 open such datasets)."""
    data = Dataset(tmp_path / "a.mdio")
    few = np.zeros((7, 5), dtype=[("crossline", "<i4"), ("189", "<i4"), ("mine", "<f8")])
    few["crossline"], few["189"] = np.indices((7, 5))
    root = zarr.open_group(data.path, mode="a", zarr_format=2)
    array = root.create_array(
        "metadata/chunked_012_trace_headers", shape=(7, 5), chunks=(4, 4), dtype=few.dtype, overwrite=True
    )
    array[...] = few
    zarr.consolidate_metadata(root.store, zarr_format=2)
    headers = reader(data.path)._headers[:]
    np.testing.assert_array_equal(headers["193"], few["crossline"])
    np.testing.assert_array_equal(headers["inline"], few["189"])
    assert not headers["1"].any()


def test_access_patterns(tmp_path):
    first = Dataset(tmp_path / "a.mdio")
    second = Dataset(tmp_path / "a.mdio", pattern="fast_z", chunks=(7, 5, 1))
    assert reader(first.path).access_pattern == "012"
    fast = reader(first.path, access_pattern="fast_z")
    assert fast.chunks == (7, 5, 1)
    second.check(fast)
    with pytest.raises(InvalidMDIOError, match="no access pattern 'fast_x'; there are: 012, fast_z"):
        reader(first.path, access_pattern="fast_x")


def test_the_only_pattern_is_opened_whatever_its_name(tmp_path):
    data = Dataset(tmp_path / "a.mdio", pattern="fast_il")
    data.check(reader(data.path))


def test_only_chunks_that_a_region_touches_are_fetched(tmp_path, monkeypatch):
    data = Dataset(tmp_path / "a.mdio")
    volume = open_volume(data.path)
    fetched = []
    get = LocalStore.get
    monkeypatch.setattr(LocalStore, "get", lambda self, key: fetched.append(key) or get(self, key))
    found = volume.samples(Region([(3, 5), (0, 1), (9, 11)]))
    np.testing.assert_array_equal(found, data.samples[3:5, 0:1, 9:11])
    assert sorted(fetched) == ["data/chunked_012/0/0/2", "data/chunked_012/1/0/2"]


def test_pickled_volumes_read(tmp_path):
    data = Dataset(tmp_path / "a.mdio")
    again = pickle.loads(pickle.dumps(open_volume(data.path)))
    np.testing.assert_array_equal(again.samples(again.schema.region), data.samples)


# -- damage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressor", ["blosc zstd", "zlib", "none"])
def test_damaged_chunks_are_named(tmp_path, compressor):
    data = Dataset(tmp_path / "a.mdio", compressor=compressor)
    chunk = tmp_path / "a.mdio" / "data" / "chunked_012" / "0" / "1" / "2"
    chunk.write_bytes(chunk.read_bytes()[:50])
    opened = mdio.MDIOReader(data.path)
    with pytest.raises((CodecError, IntegrityError), match="chunk data/chunked_012/0/1/2") as caught:
        opened[...]
    assert caught.value.exit_code == 4
    np.testing.assert_array_equal(opened[4:], data.samples[4:])


def test_unknown_compressor(tmp_path):
    data = Dataset(tmp_path / "a.mdio")
    with pytest.raises(CodecError, match="'snappy'"):
        edited(data.path, "data/chunked_012/.zarray", {"compressor": {"id": "snappy"}})


def edited(path, document, changes):
    """Open the dataset with a metadata document changed; a value of None takes the key out."""
    file = path / ".zmetadata"
    consolidated = json.loads(file.read_text())
    held = consolidated["metadata"][document] | changes
    consolidated["metadata"][document] = {key: value for key, value in held.items() if value is not None}
    file.write_text(json.dumps(consolidated))
    return mdio.MDIOReader(path)


def test_what_is_no_dataset(tmp_path):
    data = Dataset(tmp_path / "a.mdio")
    with pytest.raises(InvalidMDIOError, match="'dimension' is missing"):
        edited(data.path, ".zattrs", {"dimension": None})
    with pytest.raises(InvalidMDIOError, match=r"dimensions \[1\] and array \[7, 5, 20\] disagree"):
        edited(data.path, ".zattrs", {"dimension": [{"name": "sample", "coords": [0]}]})
    (data.path / ".zmetadata").write_text("{")
    with pytest.raises(InvalidMDIOError, match="cannot be read"):
        mdio.MDIOReader(data.path)
    (data.path / ".zmetadata").unlink()
    with pytest.raises(InvalidMDIOError, match=r"\.zmetadata is missing"):
        mdio.MDIOReader(data.path)
    with pytest.raises(MDIONotFoundError, match="nothing"):
        mdio.MDIOReader(tmp_path / "nothing")


def test_unfinished_datasets_do_not_open(tmp_path):
    (tmp_path / ".a.mdio.part").mkdir()
    (tmp_path / ".a.mdio.journal").write_bytes(b"")
    with pytest.raises(IncompleteDatasetError, match="--resume"):
        mdio.MDIOReader(tmp_path / "a.mdio")


def test_objects_are_never_read(tmp_path):
    data = Dataset(tmp_path / "a.mdio")
    with pytest.raises(MDIOError, match="objects"):
        edited(data.path, "data/chunked_012/.zarray", {"dtype": "|O"})


@pytest.mark.parametrize("mode", [{"tolerance": 0.01}, {"rate": 24}])
def test_zfp_chunks(tmp_path, mode):
    zfpy = pytest.importorskip("zfpy")
    data = Dataset(tmp_path / "a.mdio", compressor="none")
    folder = tmp_path / "a.mdio" / "data" / "chunked_012"
    for chunk in [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]:
        values = np.frombuffer(chunk.read_bytes(), "<f4").reshape(4, 4, 4)
        chunk.write_bytes(zfpy.compress_numpy(values, **mode))
    config = {"id": "zfpy", "mode": 4, "tolerance": -1, "rate": -1, "precision": -1, "compression_kwargs": mode} | mode
    opened = edited(data.path, "data/chunked_012/.zarray", {"compressor": config})
    np.testing.assert_allclose(opened[...], data.samples, atol=0.01)


def test_the_separator_is_a_point_where_nothing_is_said(tmp_path):
    """Zarr format 2 specification, "Metadata": ``dimension_separator`` is optional and defaults to a point."""
    data = Dataset(tmp_path / "a.mdio", separator=".")
    opened = edited(data.path, "data/chunked_012/.zarray", {"dimension_separator": None})
    np.testing.assert_array_equal(opened[...], data.samples)
