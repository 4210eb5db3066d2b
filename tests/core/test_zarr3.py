"""Documents of Zarr format 3, written by zarr-python and read here, and the other way round."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec

from mdio.core.region import Region
from mdio.exceptions import CodecError, IntegrityError
from mdio.native.arrays import ArraySpec
from mdio.native.chunk_writer import ChunkWriter
from mdio.native.chunks import ChunkCache, ChunkReader
from mdio.native.codecs import default_codec
from mdio.native.zarr3 import array_document, group_document, spec_of
from mdio.native.zarr3_codecs import Chain, Crc32c
from mdio.storage.local import LocalStore

TYPES = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
RECORD = np.dtype([("one", "<i4"), ("two", "<i2"), ("three", "<f8")])


def values_of(dtype, shape=(7, 5)):
    rng = np.random.default_rng(3)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    raw = rng.integers(0, 100, (*shape, dtype.itemsize), dtype=np.uint8)
    return np.ascontiguousarray(raw).view(dtype)[..., 0]


def document_of(path):
    return json.loads((path / "zarr.json").read_text())


def read(folder, name, region=None):
    spec = spec_of(name, document_of(folder / name))
    reader = ChunkReader(LocalStore(folder), spec, ChunkCache())
    return reader.read(Region.whole(spec.shape) if region is None else region)


def write(folder, spec, values):
    store = LocalStore(folder)
    writer = ChunkWriter(lambda key, *pieces: store.write(key, b"".join(pieces)), store.delete, spec)
    writer.write(Region.whole(spec.shape), values)
    store.write(f"{spec.path}/zarr.json", json.dumps(array_document(spec)).encode())


# -- theirs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize("dtype", TYPES)
def test_types_of_zarr(tmp_path, dtype, endian):
    values = values_of(dtype)
    array = zarr.create_array(
        tmp_path / "a", shape=values.shape, chunks=(4, 4), dtype=values.dtype, serializer=BytesCodec(endian=endian)
    )
    array[...] = values
    found = read(tmp_path, "a")
    np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(read(tmp_path, "a", Region([(3, 6), (1, 5)])), values[3:6, 1:5])


COMPRESSORS = {
    "none": None,
    "blosc": BloscCodec(cname="zstd", clevel=5, shuffle="shuffle"),
    "blosc lz4 bits": BloscCodec(cname="lz4", clevel=3, shuffle="bitshuffle"),
    "blosc plain": BloscCodec(cname="zlib", clevel=1, shuffle="noshuffle"),
    "zstd": ZstdCodec(level=0),
    "zstd checksum": ZstdCodec(level=3, checksum=True),
    "gzip": GzipCodec(level=4),
    "blosc crc32c": (BloscCodec(cname="zstd"), Crc32cCodec()),
    "crc32c": Crc32cCodec(),
    "zstd gzip crc32c": (ZstdCodec(level=1), GzipCodec(level=1), Crc32cCodec()),
}


@pytest.mark.parametrize("compressors", COMPRESSORS)
def test_codecs_of_zarr(tmp_path, compressors):
    values = values_of("f4", (30, 40))
    array = zarr.create_array(
        tmp_path / "a", shape=values.shape, chunks=(16, 16), dtype="f4", compressors=COMPRESSORS[compressors]
    )
    array[...] = values
    np.testing.assert_array_equal(read(tmp_path, "a"), values)
    np.testing.assert_array_equal(read(tmp_path, "a", Region([(17, 20), (3, 39)])), values[17:20, 3:39])


def test_codecs_of_numcodecs(tmp_path):
    from zarr.codecs import numcodecs as wrapped

    values = values_of("f4", (30, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, compressor in {"lz4": wrapped.LZ4(), "bz2": wrapped.BZ2(), "adler": wrapped.Adler32()}.items():
            array = zarr.create_array(
                tmp_path / name, shape=values.shape, chunks=(16, 16), dtype="f4", compressors=compressor
            )
            array[...] = values
            np.testing.assert_array_equal(read(tmp_path, name), values)


def test_zfp_of_numcodecs(tmp_path):
    from zarr.codecs import numcodecs as wrapped

    values = np.cumsum(values_of("u1", (8, 8, 8)), axis=-1).astype("f4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, serializer in {
            "accuracy": wrapped.ZFPY(mode=4, tolerance=0.5),
            "rate": wrapped.ZFPY(mode=2, rate=24),
        }.items():
            array = zarr.create_array(
                tmp_path / name,
                shape=values.shape,
                chunks=(4, 8, 8),
                dtype="f4",
                serializer=serializer,
                compressors=None,
            )
            array[...] = values
            found = read(tmp_path, name)
            np.testing.assert_array_equal(found, array[...])
            assert np.abs(found - values).max() < 1


@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("name", ["default", "v2"])
def test_keys(tmp_path, name, separator):
    values = values_of("i4")
    array = zarr.create_array(
        tmp_path / "a",
        shape=values.shape,
        chunks=(4, 4),
        dtype="i4",
        chunk_key_encoding={"name": name, "separator": separator},
    )
    array[...] = values
    np.testing.assert_array_equal(read(tmp_path, "a"), values)


@pytest.mark.parametrize("spelling", ["structured", "struct"])
def test_records(tmp_path, spelling):
    """zarr-python 3.1 writes the first, later ones the second; the chunks are the same."""
    values = values_of(RECORD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = zarr.create_array(tmp_path / "a", shape=values.shape, chunks=(4, 4), dtype=RECORD)
        array[...] = values
    document = document_of(tmp_path / "a")
    fields = document["data_type"]["configuration"]["fields"]
    if spelling == "struct":
        fields = [row if isinstance(row, dict) else {"name": row[0], "data_type": row[1]} for row in fields]
        document["fill_value"] = {"one": 0, "two": 7, "three": "NaN"}
        document["codecs"][0] = {"name": "bytes", "configuration": {"endian": "little"}}
    else:
        fields = [[row["name"], row["data_type"]] if isinstance(row, dict) else row for row in fields]
    document["data_type"] = {"name": spelling, "configuration": {"fields": fields}}
    (tmp_path / "a" / "zarr.json").write_text(json.dumps(document))
    found = read(tmp_path, "a")
    assert found.dtype == RECORD
    assert found.tobytes() == values.tobytes()
    cell = spec_of("a", document).fill_cell
    if spelling == "struct":
        assert (cell["one"], cell["two"]) == (0, 7)
        assert np.isnan(cell["three"])
    else:
        assert cell is None


def test_bytes_within_records():
    document = array_document(ArraySpec("a", (2,), (2,), np.dtype([("n", "<i4"), ("t", "S8"), ("r", "V3")])))
    assert document["data_type"]["configuration"]["fields"] == [
        ["n", "int32"],
        ["t", {"name": "null_terminated_bytes", "configuration": {"length_bytes": 8}}],
        ["r", {"name": "raw_bytes", "configuration": {"length_bytes": 3}}],
    ]
    assert spec_of("a", document).dtype == np.dtype([("n", "<i4"), ("t", "S8"), ("r", "V3")])
    assert spec_of("a", {**document, "data_type": "r1920", "fill_value": [0] * 240}).dtype == np.dtype("V240")


@pytest.mark.parametrize(
    ("data_type", "fill", "expected"),
    [
        ("float32", "NaN", np.nan),
        ("float32", "Infinity", np.inf),
        ("float64", "-Infinity", -np.inf),
        ("float32", "0x7fc00001", np.uint32(0x7FC00001).view("f4")),
        ("float32", 1.5, 1.5),
        ("int32", 2147483647, 2147483647),
        ("uint8", 255, 255),
        ("bool", True, True),
    ],
)
def test_fills(tmp_path, data_type, fill, expected):
    document = array_document(ArraySpec("a", (3,), (2,), np.dtype(data_type), prefix="c/"))
    found = spec_of("a", {**document, "fill_value": fill})
    assert found.fill_cell.tobytes() == np.array(expected, data_type).tobytes()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "zarr.json").write_text(json.dumps({**document, "fill_value": fill}))
    assert read(tmp_path, "a").tobytes() == np.full(3, expected, data_type).tobytes()


def test_zero_is_no_fill():
    for data_type, fill in (("float32", 0.0), ("int16", 0), ("bool", False), ("float32", None)):
        document = array_document(ArraySpec("a", (3,), (2,), np.dtype(data_type)))
        assert spec_of("a", {**document, "fill_value": fill}).fill_cell is None


def test_minus_zero_is_a_fill():
    document = array_document(ArraySpec("a", (3,), (2,), np.dtype("f4")))
    assert np.signbit(spec_of("a", {**document, "fill_value": -0.0}).fill_cell)


def good():
    return array_document(ArraySpec("a", (6, 4), (3, 2), np.dtype("<f4"), default_codec(4), prefix="c/"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_type": "complex64"}, "array a has the data type 'complex64', which is not read here; read this"),
        ({"data_type": {"name": "string"}}, "'string'"),
        ({"data_type": {"name": "numpy.datetime64", "configuration": {"unit": "s"}}}, "datetime64"),
        ({"data_type": 7}, "no data type"),
        ({"codecs": [{"name": "bytes"}, {"name": "lz77"}]}, "array a is stored with 'lz77'.*install"),
        ({"codecs": [{"name": "bytes"}, {"name": "numcodecs.nothing"}]}, "array a: .*nothing"),
        ({"codecs": [{"name": "transpose", "configuration": {"order": [1, 0]}}, {"name": "bytes"}]}, "transpose"),
        ({"codecs": [{"name": "numcodecs.delta"}, {"name": "bytes"}]}, "array a is stored with 'numcodecs.delta'"),
        ({"codecs": [{"name": "vlen-utf8"}]}, "vlen-utf8"),
        ({"codecs": []}, "array a is stored with"),
        ({"codecs": None}, "array a"),
        ({"chunk_grid": {"name": "rectilinear", "configuration": {}}}, "chunk grid 'rectilinear'"),
        ({"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3]}}}, "chunks"),
        ({"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3, 0]}}}, "chunks"),
        ({"chunk_key_encoding": {"name": "fancy"}}, "fancy"),
        ({"storage_transformers": [{"name": "x"}]}, "storage transformers"),
        ({"fill_value": "lots"}, "fill value 'lots'"),
        ({"shape": None}, "array a"),
    ],
)
def test_what_is_not_read(change, message):
    assert spec_of("a", good()).shape == (6, 4)
    with pytest.raises(CodecError, match=message) as caught:
        spec_of("a", {**good(), **change})
    assert "\n" not in str(caught.value)


def test_transposed_by_zarr(tmp_path):
    zarr.create_array(tmp_path / "a", shape=(4, 6), chunks=(2, 3), dtype="f4", filters=[TransposeCodec(order=(1, 0))])
    with pytest.raises(CodecError, match=r"transpose.*C order"):
        read(tmp_path, "a")


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("inner", [[BytesCodec(), BloscCodec(cname="zstd")], [BytesCodec(), Crc32cCodec()]])
def test_shards_of_zarr(tmp_path, location, checked, inner):
    values = values_of("f4", (30, 20, 11))
    values[:8] = 0
    index = [BytesCodec(), Crc32cCodec()] if checked else [BytesCodec()]
    sharding = ShardingCodec(chunk_shape=(4, 5, 6), codecs=inner, index_codecs=index, index_location=location)
    array = zarr.create(
        store=tmp_path / "a", shape=values.shape, chunks=(8, 10, 12), dtype="f4", codecs=[sharding], zarr_format=3
    )
    array[...] = values
    np.testing.assert_array_equal(read(tmp_path, "a"), values)
    for region in (Region([(3, 29), (4, 5), (0, 11)]), Region([(0, 3), (0, 20), (0, 11)]), Region([(9, 9)] * 3)):
        np.testing.assert_array_equal(read(tmp_path, "a", region), values[region.slices])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chunk_shape": [2, 3]}, "not whole chunks"),
        ({"index_codecs": [{"name": "bytes"}, {"name": "zstd"}]}, "index has the codecs bytes, zstd"),
        ({"index_codecs": [{"name": "bytes", "configuration": {"endian": "big"}}]}, "index"),
    ],
)
def test_shards_that_are_not_read(change, message):
    spec = ArraySpec("a", (6, 4), (3, 2), np.dtype("<f4"), default_codec(4), shards=(6, 4))
    document = array_document(spec)
    assert spec_of("a", document).shards == (6, 4)
    document["codecs"][0]["configuration"] |= change
    with pytest.raises(CodecError, match=message):
        spec_of("a", document)


def test_shards_within_shards_or_compressed():
    spec = ArraySpec("a", (6, 4), (3, 2), np.dtype("<f4"), default_codec(4), shards=(6, 4))
    document = array_document(spec)
    with pytest.raises(CodecError, match="followed by zstd"):
        spec_of("a", {**document, "codecs": [*document["codecs"], {"name": "zstd"}]})
    nested = json.loads(json.dumps(document))
    nested["codecs"][0]["configuration"]["codecs"] = document["codecs"]
    with pytest.raises(CodecError, match="shards within shards"):
        spec_of("a", nested)


# -- ours ----------------------------------------------------------------------------------------------------------


def codec_named(name):
    import numcodecs

    return {
        "none": None,
        "split blosc": default_codec(4),
        "numcodecs blosc": numcodecs.Blosc("lz4", clevel=2, shuffle=-1),
        "zstd": numcodecs.Zstd(1),
        "gzip": numcodecs.GZip(1),
        "chain": Chain([default_codec(4), Crc32c()]),
    }[name]


@pytest.mark.parametrize("shards", [None, (12, 20, 18)])
@pytest.mark.parametrize("codec", ["none", "split blosc", "numcodecs blosc", "zstd", "gzip", "chain"])
def test_zarr_reads_ours(tmp_path, codec, shards):
    values = values_of("f4", (13, 20, 17))
    spec = ArraySpec(
        "a", values.shape, (4, 5, 6), np.dtype("<f4"), codec_named(codec), fill=np.nan, prefix="c/", shards=shards
    )
    values[:4] = np.nan
    write(tmp_path, spec, values)
    array = zarr.open_array(tmp_path / "a", mode="r")
    np.testing.assert_array_equal(array[...], values)
    assert np.isnan(array.metadata.fill_value)
    np.testing.assert_array_equal(read(tmp_path, "a"), values)
    again = spec_of("a", document_of(tmp_path / "a"))
    assert (again.chunks, again.shards, again.prefix) == (spec.chunks, spec.shards, "c/")
    assert array_document(again)["codecs"][0]["name"] == array_document(spec)["codecs"][0]["name"]


@pytest.mark.parametrize("dtype", [*TYPES, ">f4", ">i2"])
def test_zarr_reads_our_types(tmp_path, dtype):
    values = values_of(dtype)
    write(tmp_path, ArraySpec("a", values.shape, (4, 4), values.dtype, prefix="c/"), values)
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "a", mode="r")[...], values)


def test_documents():
    spec = ArraySpec(
        "amplitude",
        (70, 130, 150),
        (128, 128, 128),
        np.dtype("<f4"),
        default_codec(4),
        fill=np.nan,
        prefix="c/",
        attributes={"coordinates": "cdp_x cdp_y"},
        dimension_names=("inline", "crossline", "time"),
    )
    document = array_document(spec)
    blosc = document["codecs"].pop()
    assert document == {
        "shape": [70, 130, 150],
        "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [128, 128, 128]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN",
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {"coordinates": "cdp_x cdp_y"},
        "dimension_names": ["inline", "crossline", "time"],
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }
    assert blosc["name"] == "blosc"
    assert {**blosc["configuration"], "clevel": 5} == {
        "typesize": 4,
        "cname": "zstd",
        "clevel": 5,
        "shuffle": "shuffle",
        "blocksize": 0,
    }
    assert group_document({"a": 1}) == {"attributes": {"a": 1}, "zarr_format": 3, "node_type": "group"}


def test_zfp_is_a_serializer(tmp_path):
    zfp = pytest.importorskip("mdio_compression.zfp")
    pytest.importorskip("zfpy")
    values = np.cumsum(values_of("u1", (8, 8, 8)), axis=-1).astype("f4")
    spec = ArraySpec("a", values.shape, (4, 8, 8), np.dtype("<f4"), zfp.Zfp(0.5), prefix="c/")
    assert array_document(spec)["codecs"] == [
        {"name": "numcodecs.zfpy", "configuration": {"mode": 4, "tolerance": 0.5, "rate": None, "precision": None}}
    ]
    write(tmp_path, spec, values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = zarr.open_array(tmp_path / "a", mode="r")[...]
    assert 0 < np.abs(theirs - values).max() <= 0.5
    np.testing.assert_array_equal(read(tmp_path, "a"), theirs)


def test_filters_have_no_spelling():
    spec = ArraySpec("a", (4,), (4,), np.dtype("<f4"), filters=(object(),))
    with pytest.raises(CodecError, match="filters"):
        array_document(spec)


class TestCrc32c:
    def test_is_that_of_the_standard(self):
        # RFC 3720, appendix B.4: 32 bytes of zeros.
        assert Crc32c().encode(bytes(32))[-4:] == (0x8A9136AA).to_bytes(4, "little")

    def test_finds_damage(self):
        data = bytearray(Crc32c().encode(b"some bytes"))
        assert bytes(Crc32c().decode(bytes(data))) == b"some bytes"
        for at in range(len(data)):
            broken = bytearray(data)
            broken[at] ^= 4
            assert not Crc32c().check(broken)
            with pytest.raises(IntegrityError):
                Crc32c().decode(broken)
        with pytest.raises(IntegrityError):
            Crc32c().decode(b"abc")
        with pytest.raises(CodecError, match="expected"):
            Crc32c().decode(data, out=np.empty(3, np.uint8))

    def test_of_a_chunk_is_reported_with_its_name(self, tmp_path):
        values = values_of("f4", (8, 8))
        spec = ArraySpec("a", (8, 8), (4, 4), np.dtype("<f4"), Chain([default_codec(4), Crc32c()]), prefix="c/")
        write(tmp_path, spec, values)
        file = tmp_path / "a" / "c" / "1" / "0"
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
        assert spec.codec.check(bytes(data)) is False
        with pytest.raises(IntegrityError, match="chunk a/c/1/0"):
            read(tmp_path, "a")
        with pytest.raises(IntegrityError, match="chunk a/c/1/0"):
            read(tmp_path, "a", Region([(4, 5), (0, 1)]))
        np.testing.assert_array_equal(read(tmp_path, "a", Region([(0, 4), (0, 8)])), values[:4])
