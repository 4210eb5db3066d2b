"""The MDIO v0 sink: what it writes is read by zarr-python, and nothing opens before it is whole."""

from __future__ import annotations

import base64
import json
import os
import threading

import fsspec
import numpy as np
import pytest
import zarr

import mdio
from mdio.convert import convert, create
from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderLayout
from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation, Metadata, Patches, Schema, SourceFile, TraceOrder
from mdio.exceptions import ConfigError, IncompleteDatasetError, MDIOAlreadyExistsError, MDIOError, StorageError
from mdio.flow import engine
from mdio.testing import MemoryVolume, synthetic


def write(path, volume, creation=None, **options):
    sink = create(str(path), volume, format="mdio", options=options, creation=creation)
    try:
        return engine.run(volume, sink, workers=2)
    finally:
        sink.close()


def files(path):
    return {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}


def whole(volume):
    return volume.read(volume.schema.region)


def holes(*indices):
    return sum(indices) % 3 != 1


SHAPES = [(40, 30), (9, 7, 33), (3, 4, 5, 20), (2, 3, 2, 4, 11)]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4", "i1", "u1", "u2", "u4", "i8", "u8", "f2"])
def test_types(tmp_path, dtype):
    source = synthetic.volume((5, 4, 30), dtype=dtype, live=holes)
    write(tmp_path / "x.mdio", source, chunks=(2, 4, 16))
    array = zarr.open_group(tmp_path / "x.mdio", mode="r")["data/chunked_012"]
    assert array.dtype == np.dtype(dtype)
    assert array[:].tobytes() == source.samples(source.schema.region).tobytes()
    assert whole(mdio.open(tmp_path / "x.mdio")).samples.tobytes() == array[:].tobytes()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chunks", [None, "ones"])
def test_shapes(tmp_path, shape, chunks):
    source = synthetic.volume(shape, live=holes)
    options = {} if chunks is None else {"chunks": (*(1 for _ in shape[:-1]), shape[-1])}
    write(tmp_path / "x.mdio", source, **options)
    pattern = "01234"[: len(shape)]
    group = zarr.open_group(tmp_path / "x.mdio", mode="r")
    assert np.array_equal(group[f"data/chunked_{pattern}"][:], source.samples(source.schema.region))
    assert np.array_equal(group["metadata/live_mask"][:], source.live(source.schema.region.spatial))
    records = group[f"metadata/chunked_{pattern}_trace_headers"][:]
    assert records.dtype.itemsize == 232
    expected = source.schema.headers.values(source.headers(source.schema.region.spatial), "inline")
    assert np.array_equal(records["189"], expected)


def test_documents_are_those_of_the_specification(tmp_path):
    source = synthetic.volume((9, 7, 33), live=holes)
    write(tmp_path / "x.mdio", source, Creation(created="2024-05-06T07:08:09.123456+00:00"))
    documents = json.loads((tmp_path / "x.mdio" / ".zmetadata").read_text())
    assert documents["zarr_consolidated_format"] == 1
    found = documents["metadata"]
    for key, document in found.items():
        assert json.loads((tmp_path / "x.mdio" / key).read_text()) == document
    root = found[".zattrs"]
    assert root["api_version"] == "0.7.4"
    assert root["created"] == "2024-05-06T07:08:09.123456+00:00"
    assert [dim["name"] for dim in root["dimension"]] == ["inline", "crossline", "sample"]
    assert root["dimension"][2]["coords"] == list(range(0, 132, 4))
    assert all(isinstance(value, int) for dim in root["dimension"] for value in dim["coords"])
    assert root["trace_count"] == int(source.live(source.schema.region.spatial).sum())
    # Over non-zero samples of live traces; no sample of the formula is zero.
    values = source.samples(source.schema.region)[source.live(source.schema.region.spatial)].astype(np.float64)
    assert root["mean"] == pytest.approx(values.mean())
    assert root["rms"] == pytest.approx(np.sqrt((values**2).mean()))
    assert (root["min"], root["max"]) == (values.min(), values.max())
    data, mask = found["data/chunked_012/.zarray"], found["metadata/live_mask/.zarray"]
    headers = found["metadata/chunked_012_trace_headers/.zarray"]
    assert (data["dtype"], data["fill_value"], data["chunks"]) == ("<f4", 0.0, [64, 64, 64])
    assert (mask["dtype"], mask["fill_value"], mask["chunks"]) == ("|b1", False, [9, 7])
    assert headers["chunks"] == [64, 64]
    assert len(headers["dtype"]) == 89
    assert base64.b64decode(headers["fill_value"]) == bytes(232)
    assert len(headers["fill_value"]) == 312
    for array in (data, mask, headers):
        assert array["zarr_format"] == 2
        assert array["order"] == "C"
        assert array["filters"] is None
        assert array["dimension_separator"] == "/"
    assert data["compressor"]["id"] == "blosc"


def test_fractions_stay_fractions(tmp_path):
    source = synthetic.volume(
        (2, 2, 4),
        dims=(Dimension([1.5, 2.25], "x"), Dimension([5, 7], "y"), Dimension.regular("sample", 0, 0.5, 4, "ms")),
    )
    write(tmp_path / "x.mdio", source)
    dims = mdio.open(tmp_path / "x.mdio").schema.dims
    assert [dim.coords.tolist() for dim in dims] == [[1.5, 2.25], [5, 7], [0.0, 0.5, 1.0, 1.5]]


def test_coordinates_that_only_look_regular(tmp_path):
    """Steps that are equal as floats do not make ``start + step * i`` equal."""
    step = 0.1
    coords = np.cumsum(np.full(50, step))
    source = synthetic.volume(
        (50, 2, 3), dims=(Dimension(coords, "x"), Dimension([5, 7], "y"), Dimension.regular("sample", 0, 4, 3, "ms"))
    )
    write(tmp_path / "x.mdio", source)
    assert mdio.open(tmp_path / "x.mdio").schema.dims[0].coords.tolist() == coords.tolist()


@pytest.mark.parametrize("unit", ["ms", "m", ""])
def test_units_come_back(tmp_path, unit):
    dims = (Dimension([1, 2], "inline"), Dimension([1, 2], "crossline", "m"), Dimension([0, 4, 8], "sample", unit))
    write(tmp_path / "x.mdio", synthetic.volume((2, 2, 3), dims=dims))
    assert [dim.unit for dim in mdio.open(tmp_path / "x.mdio").schema.dims] == ["", "m", unit]


def test_empty_chunks_take_no_object(tmp_path):
    source = synthetic.volume((8, 8, 16), live=lambda i, x: (i < 4) & (x >= 0))
    write(tmp_path / "x.mdio", source, chunks=(4, 4, 16))
    found = files(tmp_path / "x.mdio")
    assert {key for key in found if key.startswith("data/chunked_012/0")} == {
        "data/chunked_012/0/0/0",
        "data/chunked_012/0/1/0",
    }
    assert not [key for key in found if key.startswith("data/chunked_012/1")]


def test_minus_zero_is_not_nothing(tmp_path):
    source = synthetic.volume((2, 2, 4))
    source._samples[:] = -0.0
    write(tmp_path / "x.mdio", source, chunks=(2, 2, 4))
    assert np.signbit(whole(mdio.open(tmp_path / "x.mdio")).samples).all()


def test_not_a_number_and_infinity(tmp_path):
    source = synthetic.volume((2, 2, 4))
    source._samples[0, 0] = [np.nan, np.inf, -np.inf, 1]
    write(tmp_path / "x.mdio", source)
    assert whole(mdio.open(tmp_path / "x.mdio")).samples.tobytes() == source._samples.tobytes()
    root = json.loads((tmp_path / "x.mdio" / ".zattrs").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert np.isfinite([root[key] for key in ("mean", "std", "rms", "min", "max")]).all()


def with_source(shape=(6, 5, 20), *, rest=True, patches=True, order="mapped", big=True, size=240):
    """A volume with everything that travels."""
    rng = np.random.default_rng(4)
    layout = standard_layout(big, size)
    raw = rng.integers(0, 256, (*shape[:-1], size), dtype=np.uint8)
    if not rest:
        raw[..., 232:] = 0
    live = rng.random(shape[:-1]) < 0.8
    raw[~live] = 0
    samples = rng.normal(size=shape).astype(np.float32)
    samples[~live] = 0
    numbers = np.full(shape[:-1], -1, np.int64)
    numbers[live] = rng.permutation(int(live.sum())) if order == "mapped" else np.arange(int(live.sum()))
    index = np.flatnonzero((rng.random(shape) < 0.05) & live[..., None])
    words = rng.integers(1, 1 << 32, index.size, dtype=np.uint32)
    schema = Schema(
        dims=synthetic.volume(shape).schema.dims,
        dtype=np.dtype("f4"),
        headers=layout,
        chunks=(1, 1, shape[-1]),
        metadata=Metadata(
            text=tuple(f"C{line:2d}".ljust(80) for line in range(1, 41)),
            binary={"Format": 1, "Interval": 4000, "SEGYRevision": 1, "SEGYRevisionMinor": 0},
            source=SourceFile("other", {"a": 1, "b": [True, None, "x"]}, {"head": bytes(range(256)), "trailer": b""}),
            order=TraceOrder(order),
            trace_count=int(live.sum()),
            attributes={"crs": "EPSG:32631"},
        ),
    )
    return MemoryVolume(schema, samples, raw.view(layout.record)[..., 0], live, numbers, Patches(index, words))


@pytest.mark.parametrize("chunks", [(64, 64, 64), (2, 3, 8), (6, 5, 20)])
@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("size", [240, 480])
def test_everything_that_travels_comes_back(tmp_path, chunks, big, size):
    source = with_source(big=big, size=size)
    write(tmp_path / "x.mdio", source, chunks=chunks)
    opened = mdio.open(tmp_path / "x.mdio")
    before, after = whole(source), whole(opened)
    assert after.headers.tobytes() == before.headers.tobytes()
    assert after.samples.tobytes() == before.samples.tobytes()
    assert np.array_equal(after.live, before.live)
    assert np.array_equal(after.order, before.order)
    assert np.array_equal(after.patches.index, before.patches.index)
    assert np.array_equal(after.patches.words, before.patches.words)
    one, other = source.schema.metadata, opened.schema.metadata
    assert (other.text, dict(other.binary), other.order, other.trace_count) == (
        one.text,
        dict(one.binary),
        one.order,
        one.trace_count,
    )
    assert other.source == one.source
    assert dict(other.attributes) == {"crs": "EPSG:32631"}
    for region in (Region([(1, 4), (2, 5), (3, 17)]), Region([(5, 6), (0, 1), (19, 20)])):
        part, of = opened.read(region), source.read(region)
        assert part.headers.tobytes() == of.headers.tobytes()
        assert (part.patches is None) == (of.patches is None)
        if of.patches is not None:
            assert np.array_equal(part.patches.index, of.patches.index)


def test_extras_are_there_only_where_they_are_needed(tmp_path):
    source = with_source(rest=False, order="grid")
    source._patches = None
    write(tmp_path / "x.mdio", source)
    assert {key for key in files(tmp_path / "x.mdio") if key.startswith("source/")} == {
        "source/.zgroup",
        "source/.zattrs",
        "source/head/.zarray",
        "source/head/0",
    }


def test_headers_of_bytes_beyond_232_in_few_traces(tmp_path):
    source = with_source(shape=(8, 8, 4), rest=False)
    raw = source._headers.view(np.uint8).reshape(8, 8, 240)
    raw[7, 7, 239] = 9
    write(tmp_path / "x.mdio", source, chunks=(2, 2, 4))
    assert whole(mdio.open(tmp_path / "x.mdio")).headers.tobytes() == source._headers.tobytes()


def test_no_headers(tmp_path):
    source = synthetic.volume((4, 3, 10), headers=())
    source.schema = type(source.schema)(
        source.schema.dims, source.schema.dtype, HeaderLayout(), source.schema.chunks, source.schema.metadata
    )
    write(tmp_path / "x.mdio", source)
    opened = mdio.open(tmp_path / "x.mdio")
    assert whole(opened).headers is None
    assert np.array_equal(whole(opened).samples, whole(source).samples)


@pytest.mark.parametrize("shape", [(0, 4, 5), (4, 0, 5), (4, 3, 0), (0, 0, 0)])
def test_axes_without_positions(tmp_path, shape):
    source = synthetic.volume(shape, chunks=(1, 1, 1))
    write(tmp_path / "x.mdio", source)
    opened = mdio.open(tmp_path / "x.mdio")
    assert opened.schema.shape == shape
    assert whole(opened).samples.shape == shape
    assert zarr.open_group(tmp_path / "x.mdio", mode="r")["data/chunked_012"].shape == shape


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunks": (4, 4)}, "chunks 4,4 have 2 lengths, the volume 3 dimensions"),
        ({"chunks": (4, 4, 0)}, "chunks"),
        ({"chunks": "4,4,x"}, "chunks"),
        ({"codec": "blsoc"}, "blosc"),
        ({"codec": "zfp:tolerance"}, "key=value"),
        ({"codec": "zfp:tolerence=1"}, "tolerance"),
        ({"codec": "zfp:tolerance=minus"}, "tolerance"),
        ({"chunk": (4, 4, 4)}, "chunks"),
        ({"layout": "v9"}, "layout"),
    ],
)
def test_options_that_do_not_fit(tmp_path, options, message):
    with pytest.raises(MDIOError, match=message) as caught:
        write(tmp_path / "x.mdio", synthetic.volume((4, 4, 4)), **options)
    assert caught.value.exit_code in (2, 3)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["none", "blosc", "zfp:tolerance=0.01", {"name": "zfp", "tolerance": 0.01}])
def test_codecs(tmp_path, codec):
    source = synthetic.volume((8, 8, 64))
    write(tmp_path / "x.mdio", source, codec=codec, chunks=(8, 8, 32))
    error = np.abs(whole(mdio.open(tmp_path / "x.mdio")).samples - whole(source).samples).max()
    assert error <= (0.01 if "zfp" in str(codec) else 0)


class TestUnfinished:
    def test_nothing_opens_before_commit(self, tmp_path):
        source = synthetic.volume((6, 5, 8))
        sink = create(str(tmp_path / "x.mdio"), source)
        sink.journal.begin({"fingerprint": {}})
        sink.write(whole(source))
        with pytest.raises(IncompleteDatasetError, match="--resume"):
            mdio.open(tmp_path / "x.mdio")
        sink.abort()
        sink.close()
        assert list(tmp_path.iterdir()) == []

    def test_a_target_that_is_there(self, tmp_path):
        source = synthetic.volume((6, 5, 8))
        write(tmp_path / "x.mdio", source)
        with pytest.raises(MDIOAlreadyExistsError):
            write(tmp_path / "x.mdio", source)
        write(tmp_path / "x.mdio", synthetic.volume((2, 2, 2)), Creation(overwrite=True))
        assert mdio.open(tmp_path / "x.mdio").schema.shape == (2, 2, 2)
        assert [path.name for path in tmp_path.iterdir()] == ["x.mdio"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_cannot_be_written(self, tmp_path):
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(StorageError):
                write(tmp_path / "x.mdio", synthetic.volume((2, 2, 2)))
        finally:
            tmp_path.chmod(0o700)

    def test_a_place_that_cannot_be_made_leaves_no_journal(self, tmp_path, monkeypatch):
        from pathlib import Path

        def fail(self, *_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", fail)
        with pytest.raises(StorageError, match="Permission denied"):
            create(str(tmp_path / "x.mdio"), synthetic.volume((2, 2, 2)), format="mdio")
        monkeypatch.undo()
        assert list(tmp_path.iterdir()) == []

    def test_chunks_lost_by_a_power_cut_are_written_again(self, tmp_path):
        source = with_source(shape=(8, 8, 16))
        creation = Creation(resume=True, fingerprint={"a": 1}, created="2024-01-01T00:00:00+00:00")
        regions = [Region([(i, i + 2), (0, 8), (0, 16)]) for i in range(0, 8, 2)]
        sink = create(str(tmp_path / "x.mdio"), source, options={"chunks": (2, 4, 8)}, creation=creation)
        receipts = [dict(sink.write(source.read(region))) for region in regions]
        assert {"samples", "headers", "rest", "patches"} <= set(receipts[0])
        assert all(sink.recheck(region, receipt) for region, receipt in zip(regions, receipts, strict=True))
        part = tmp_path / ".x.mdio.part"
        for number, key in enumerate(["data/chunked_012", "source/header_rest", "source/patches"]):
            lost = min(p for p in (part / key / str(number)).rglob("*") if p.is_file())
            if number:
                lost.unlink()
            else:
                lost.write_bytes(lost.read_bytes()[:-1])
            assert not sink.recheck(regions[number], receipts[number]), key
            sink.write(source.read(regions[number]))
            assert sink.recheck(regions[number], receipts[number])
        sink.abort()
        sink.close()


def test_many_threads_write_the_same_store(tmp_path):
    """Blocks arrive from more threads than there are chunks in a folder, some of them twice."""
    source = with_source(shape=(12, 8, 20))
    sink = create(str(tmp_path / "x.mdio"), source, options={"chunks": (2, 2, 8)})
    sink.journal.begin({"fingerprint": {}})
    regions = [Region.of_chunk(index, (2, 2, 8), (12, 8, 20)) for index in source.schema.region.chunks((2, 2, 8))] * 2
    errors = []

    def work(part):
        try:
            for region in part:
                sink.write(source.read(region))
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(regions[n::6],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    from mdio.flow.statistics import measure

    block = whole(source)
    sink.commit(measure(block.samples, block.live).summary())
    sink.close()
    after = whole(mdio.open(tmp_path / "x.mdio"))
    assert after.samples.tobytes() == block.samples.tobytes()
    assert after.headers.tobytes() == block.headers.tobytes()
    assert np.array_equal(after.patches.words, block.patches.words)


class TestRemote:
    @pytest.fixture
    def memory(self):
        filesystem = fsspec.filesystem("memory")
        filesystem.store.clear()
        yield filesystem
        filesystem.store.clear()
        filesystem.pseudo_dirs[:] = [""]

    def test_written_and_read(self, memory):
        source = with_source()
        write("memory://bucket/x.mdio", source, chunks=(2, 3, 8))
        after = whole(mdio.open("memory://bucket/x.mdio"))
        assert after.samples.tobytes() == whole(source).samples.tobytes()
        assert after.headers.tobytes() == whole(source).headers.tobytes()
        assert np.array_equal(after.patches.words, whole(source).patches.words)
        assert not [key for key in memory.store if "writing" in key]

    def test_unfinished_does_not_open(self, memory):
        source = synthetic.volume((6, 5, 8))
        sink = create("memory://bucket/x.mdio", source)
        sink.journal.begin({"fingerprint": {}})
        sink.write(whole(source))
        with pytest.raises(MDIOError):
            mdio.open("memory://bucket/x.mdio")
        sink.abort()
        sink.close()
        assert not memory.store

    def test_overwritten(self, memory):
        write("memory://bucket/x.mdio", synthetic.volume((6, 5, 8)))
        with pytest.raises(MDIOAlreadyExistsError):
            write("memory://bucket/x.mdio", synthetic.volume((2, 2, 2)))
        write("memory://bucket/x.mdio", synthetic.volume((2, 2, 2)), Creation(overwrite=True), chunks=(2, 2, 2))
        assert mdio.open("memory://bucket/x.mdio").schema.shape == (2, 2, 2)

    def test_onto_itself_is_refused_before_anything_goes(self, memory):
        write("memory://bucket/x.mdio", synthetic.volume((6, 5, 8)))
        before = dict(memory.store)
        with pytest.raises(ConfigError, match="the same"):
            convert("memory://bucket/x.mdio", "memory://bucket/x.mdio/", overwrite=True, target_format="mdio")
        assert dict(memory.store) == before
