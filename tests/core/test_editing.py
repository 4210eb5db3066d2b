"""Edits of finished datasets against numpy: every key form, all layouts and access patterns, what follows an edit."""

import json
import os
import shutil
import subprocess
import sys
import threading
import typing

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import mdio
from mdio.api.convenience import rechunk
from mdio.convert import create
from mdio.core.dimension import Dimension
from mdio.core.region import Region
from mdio.core.trace_header import STANDARD_FIELDS
from mdio.core.volume import Creation
from mdio.exceptions import CodecError, ShapeError, StorageError, WriterLockedError, WrongTypeError
from mdio.flow import engine
from mdio.native.options import WriteOptions
from mdio.native.picking import Selection
from mdio.native.storable import require_storable
from mdio.storage.local import LocalStore
from mdio.testing import synthetic

FIELDS = [(name, f">{kind}") for _, name, kind in STANDARD_FIELDS]
SHAPE, CHUNKS = (5, 6, 7), [2, 4, 3]
LAYOUTS = [{"layout": name} for name in typing.get_args(WriteOptions.model_fields["layout"].annotation)]
if "shards" in WriteOptions.model_fields:
    LAYOUTS.append({"layout": "v1", "shards": [4, 4, 6]})
NAMES = ["-".join(map(str, layout.values())) for layout in LAYOUTS]


def some_dead(*index):
    return sum(index) % 3 != 1


def make(path, shape=SHAPE, dtype="f4", live=some_dead, chunks=CHUNKS, options=None, headers=FIELDS, **volume):
    source = synthetic.volume(shape, dtype, live=live, headers=headers, **volume)
    options = {"chunks": chunks, **(options or {})}
    if "shards" in options:
        options["chunks"] = [2, 4, 3] if chunks is CHUNKS else chunks
        options["shards"] = [2 * n for n in options["chunks"]]
    sink = create(str(path), source, format="mdio", options=options, creation=Creation(overwrite=True))
    engine.run(source, sink)
    sink.close()
    return source


def full(key, ndim):
    """The key with one item an axis."""
    key = key if isinstance(key, tuple) else (key,)
    dots = [at for at, item in enumerate(key) if item is Ellipsis]
    at = dots[0] if dots else len(key)
    return [*key[:at], *[slice(None)] * (ndim - len(key) + len(dots)), *key[at + 1 :]]


def positions(item, size):
    listed = np.asarray(item, dtype=None if np.size(item) else int) if isinstance(item, list) else item
    return np.atleast_1d(np.arange(size)[listed])


def numpy_way(array, key, values):
    """Assign by outer indexing with nothing but numpy: axes taken by integers are dropped from the values."""
    items = full(key, array.ndim)
    lines = [positions(item, size) for item, size in zip(items, array.shape, strict=True)]
    kept = [len(line) for line, item in zip(lines, items, strict=True) if not isinstance(item, int)]
    array[np.ix_(*lines)] = np.broadcast_to(values, kept).reshape([len(line) for line in lines])


def touched(key, shape):
    mask = np.zeros(shape, bool)
    numpy_way(mask, tuple(full(key, len(shape) + 1)[:-1]), True)
    return mask if len(positions(full(key, len(shape) + 1)[-1], SHAPE[-1])) else np.zeros(shape, bool)


@st.composite
def items(draw, size):
    position = st.integers(-size, size - 1)
    bound = st.none() | st.integers(-size - 2, size + 2)
    return draw(
        st.one_of(
            position,
            st.builds(slice, bound, bound, st.none() | st.integers(-3, 3).filter(bool)),
            st.just(slice(None)),
            st.lists(position, max_size=6),
            st.lists(st.booleans(), min_size=size, max_size=size),
        )
    )


@st.composite
def writes(draw):
    """A key and values of a shape that broadcasts to it."""
    chosen = [draw(items(size)) for size in SHAPE]
    cut = draw(st.integers(1, len(chosen)))
    key = tuple(chosen[:cut])
    if draw(st.booleans()):
        key = (*key, Ellipsis, *chosen[draw(st.integers(cut, len(chosen))) :])
    kept = [
        len(positions(item, size)) for item, size in zip(full(key, 3), SHAPE, strict=True) if not isinstance(item, int)
    ]
    shape = [draw(st.sampled_from([n, 1])) for n in kept][draw(st.integers(0, len(kept))) :]
    if draw(st.booleans()):
        shape = [1, *shape] if len(shape) == len(kept) else shape
    start = draw(st.integers(-99, 99))
    return key, (start + np.arange(int(np.prod(shape)))).reshape(shape).astype(
        draw(st.sampled_from(["f4", "f8", "i2"]))
    )


def stored(path, dataset, where):
    return np.asarray(zarr.open_group(str(path), mode="r")[where][...])


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return tmp_path_factory.mktemp("editing")


@pytest.mark.parametrize("options", LAYOUTS, ids=NAMES)
@given(sequence=st.lists(writes(), min_size=1, max_size=3))
@example(sequence=[((slice(None, None, -2), [3, 0, 0]), np.arange(3 * 3 * 7.0).reshape(3, 3, 7))])
@example(sequence=[((2, 2, 6), np.array(5.0)), ((..., 3), np.ones((5, 6)))])
@example(sequence=[((), np.zeros(()))])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_sequence_of_writes(places, options, sequence):
    base, path = places / f"{'-'.join(map(str, options.values()))}.mdio", places / "edited.mdio"
    if not base.exists():
        make(base, options=options)
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(base, path)
    source = synthetic.volume(SHAPE, live=some_dead)
    expected = source.samples(source.schema.region).copy()
    live = source.live(source.schema.region.spatial).copy()
    with mdio.MDIOWriter(path) as writer:
        for key, values in sequence:
            writer[key] = values
            wide = values
            while wide.ndim and wide.shape[0] == 1 and wide.ndim > sum(not isinstance(i, int) for i in full(key, 3)):
                wide = wide[0]
            numpy_way(expected, key, wide)
            live |= touched(key, SHAPE[:-1])
            np.testing.assert_array_equal(writer[...], expected)
            np.testing.assert_array_equal(writer.live_mask[:], live)
            assert writer.trace_count == np.count_nonzero(live)
        dataset = writer.volume.dataset
    reader = mdio.MDIOReader(path)
    np.testing.assert_array_equal(reader[...], expected)
    assert reader.trace_count == np.count_nonzero(live) == reader.volume.schema.metadata.trace_count
    # By others: dead cells may hold what the layout has for them.
    np.testing.assert_array_equal(stored(path, dataset, dataset.mask), live)
    found = stored(path, dataset, dataset.samples(dataset.patterns()[0]))
    np.testing.assert_array_equal(found[live], expected[live])
    assert not (path.parent / f".{path.name}.journal").exists()


# -- what a write reads and puts -------------------------------------------------------------------------------------


@pytest.fixture
def objects(monkeypatch):
    """Keys of samples that are read and written."""
    seen = {"get": [], "write": []}
    for name, kept in [("get", LocalStore.get), ("write", LocalStore.write)]:

        def spy(self, key, *rest, _kept=kept, _name=name):
            if key.startswith("data/"):
                seen[_name].append(key.removeprefix("data/chunked_012/"))
            return _kept(self, key, *rest)

        monkeypatch.setattr(LocalStore, name, spy)
    return seen


def test_only_touched_objects_are_read_and_replaced(tmp_path, objects):
    make(tmp_path / "a.mdio", live=None)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    writer[0, 0, 0] = 5
    assert objects == {"get": ["0/0/0"], "write": ["0/0/0"]}
    objects["get"].clear()
    objects["write"].clear()
    writer[2:4, 0:4, 3:6] = 1
    assert objects == {"get": [], "write": ["1/0/1"]}
    objects["write"].clear()
    writer[4:, 4:, 6:] = 1  # the end of every axis: clipped objects are whole as well
    assert objects == {"get": [], "write": ["2/1/2"]}
    objects["write"].clear()
    writer[::2, 5, :] = np.arange(7)
    assert sorted(objects["write"]) == sorted(objects["get"]) == [f"{i}/1/{k}" for i in range(3) for k in range(3)]


def test_objects_of_only_fill_hold_fill_where_there_was_an_object(tmp_path):
    path = tmp_path / "a.mdio"
    make(path, live=None)
    writer = mdio.MDIOWriter(path)
    assert (path / "data/chunked_012/1/0/1").exists()
    writer[2:4, 0:4, 3:6] = 0
    # One that is gone would pass for lost.
    assert (path / "data/chunked_012/1/0/1").stat().st_size < 100
    assert not zarr.open_group(path, mode="r")["data/chunked_012"][2:4, 0:4, 3:6].any()
    writer[3, 1, 4] = -0.0  # not fill: it comes back
    assert np.signbit(writer[3, 1, 4])
    writer.live_mask[0:2] = False
    assert not zarr.open_group(path, mode="r")["data/chunked_012"][0:2].any()
    assert not mdio.MDIOReader(path).live_mask[0:2].any()


def test_objects_carry_their_checks(tmp_path):
    make(tmp_path / "a.mdio")
    with mdio.MDIOWriter(tmp_path / "a.mdio") as writer:
        writer[1] = 3.5
        spec = writer.volume.dataset.array("data/chunked_012")
    data = (tmp_path / "a.mdio/data/chunked_012/0/0/0").read_bytes()
    assert spec.codec.check(data) is True
    assert spec.codec.check(data[:-3] + bytes(3)) is False


@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("codec", ["zstd", "lz4", None])
def test_stores_of_others(tmp_path, separator, codec):
    """Any codec, either separator, fill of their own; records in their own order and size."""
    import numcodecs

    path = tmp_path / "theirs.mdio"
    make(path)
    root = zarr.open_group(str(path), mode="r")
    before, records = root["data/chunked_012"][...], root["metadata/chunked_012_trace_headers"][...]
    compressor = {"zstd": numcodecs.Zstd(3), "lz4": numcodecs.Blosc("lz4"), None: None}[codec]
    for where in ("data/chunked_012", "metadata/chunked_012_trace_headers"):
        LocalStore(path).delete(where)
    root = zarr.open_group(str(path), mode="r+", use_consolidated=False, zarr_format=2)
    kind = np.dtype([("193", "<i4"), ("189", "<i4"), ("17", "<i2")])
    theirs = np.zeros(records.shape, kind)
    theirs["193"], theirs["189"], theirs["17"] = records["193"], records["189"], 5  # dead ones included
    encoding = {"name": "v2", "separator": separator}
    for name, values, chunks in (
        ("data/chunked_012", before, (2, 4, 3)),
        ("metadata/chunked_012_trace_headers", theirs, (2, 4)),
    ):
        array = root.create_array(
            name, shape=values.shape, dtype=values.dtype, chunks=chunks, compressors=compressor,
            chunk_key_encoding=encoding, fill_value=np.nan if values.dtype.kind == "f" else None,
        )  # fmt: skip
        array[...] = values
    zarr.consolidate_metadata(str(path), zarr_format=2)
    with mdio.MDIOWriter(path) as writer:
        writer[0, :, 2] = np.arange(6)
        writer.live_mask[2] = True
        writer.headers["inline"][2] = 77
        record = writer.headers[2, 0]
        writer.headers[2, 1] = record  # words that their records do not have are 0 and no matter
        assert writer.headers["189"][2, 1] == 77
        with pytest.raises(ValueError, match="no header field '181'"):
            writer.headers["cdp_x"][0] = 3
        with pytest.raises(ValueError, match="header word '17' is stored with another size"):
            writer.headers["17"][0] = 3
        writer.headers["193"][2, 1] = 101
    expected = before.copy()
    expected[0, :, 2] = np.arange(6)
    live = some_dead(*np.indices(SHAPE[:-1]))
    live[[0, 2]] = True
    expected[2][~some_dead(2, np.arange(6))] = 0
    root = zarr.open_group(str(path), mode="r", use_consolidated=False)
    np.testing.assert_array_equal(root["data/chunked_012"][...][live], expected[live])
    assert (root["metadata/chunked_012_trace_headers"][2]["189"] == 77).all()
    assert (root["metadata/chunked_012_trace_headers"][3]["189"] == records["189"][3]).all()
    was = some_dead(2, np.arange(6))
    np.testing.assert_array_equal(root["metadata/chunked_012_trace_headers"][2]["17"], np.where(was, 5, 0))


def test_arrays_that_can_only_be_read_are_refused(tmp_path):
    path = tmp_path / "a.mdio"
    make(path)
    known = json.loads((path / ".zmetadata").read_text())
    known["metadata"]["data/chunked_012/.zarray"]["order"] = "F"
    (path / ".zmetadata").write_text(json.dumps(known))
    with mdio.MDIOWriter(path) as writer, pytest.raises(CodecError, match="Fortran order"):
        writer[0] = 1
    assert not list(tmp_path.glob(".*"))


# -- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "values", "says"),
    [
        ("i2", np.array([1, 40000, -70000]), r"value at \[1, 2, 1\]: 40000 has no place in int16"),
        ("i2", np.array([1.0, 2.0, np.nan]), r"value at \[1, 2, 2\]: nan has no place in int16"),
        ("i2", np.inf, r"value at \[1, 2, 0\]: inf has no place in int16"),
        ("i2", np.array([32767.4, 32767.6, 0]), r"\[1, 2, 1\]: 32767\.6"),
        ("i4", np.array([0, 0, 2.0**31]), r"\[1, 2, 2\]: 2147483648\.0"),
        ("f4", np.array([np.inf, 1e39, np.nan]), r"\[1, 2, 1\]: 1e\+39 has no place in float32"),
        ("f4", np.array([np.nan, 0, -1e300]), r"\[1, 2, 2\]: -1e\+300"),
    ],
)
def test_values_that_the_type_cannot_hold(tmp_path, dtype, values, says):
    source = make(tmp_path / "a.mdio", dtype=dtype)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    with pytest.raises(ValueError, match=says):
        writer[1, 2, :3] = values
    np.testing.assert_array_equal(writer[...], source.samples(source.schema.region))
    assert not writer.volume.description.stale


@given(
    st.lists(st.integers(-(2**70), 2**70) | st.floats(width=64), min_size=1, max_size=5),
    st.sampled_from(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]),
    st.sampled_from(["i8", "u8", "f8", "f4"]),
)
def test_what_is_storable(values, dtype, given_as):
    """By exact arithmetic: an integer type takes what rounds into its range, a float type all but new infinities."""
    try:
        with np.errstate(all="ignore"):
            array = np.array([float(v) for v in values] if given_as[0] == "f" else [int(v) for v in values], given_as)
    except (OverflowError, ValueError):
        return
    kind = np.dtype(dtype)

    def fits(value):
        if kind.kind == "f":
            with np.errstate(over="ignore"):
                return not np.isfinite(value) or bool(np.isfinite(np.array(value, given_as).astype(kind)))
        info = np.iinfo(kind)
        return bool(np.isfinite(value)) and info.min <= round(value) <= info.max

    wrong = [at for at, value in enumerate(array.tolist()) if not fits(value)]
    if wrong:
        with pytest.raises(ValueError, match=f"^number {wrong[0]}:"):
            require_storable(array, kind, lambda at: f"number {at}")
    else:
        require_storable(array, kind, lambda at: f"number {at}")


def test_floats_become_integers_by_rounding_half_to_even(tmp_path):
    make(tmp_path / "a.mdio", dtype="i2")
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    writer[0, 0, :5] = [0.5, 1.5, -2.6, 32767.4, 7]
    np.testing.assert_array_equal(writer[0, 0, :5], [0, 2, -3, 32767, 7])
    writer[0, 1] = True
    assert (writer[0, 1] == 1).all()


def test_what_cannot_be_assigned(tmp_path):
    make(tmp_path / "a.mdio")
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    with pytest.raises(ShapeError, match=r"values of shape \(3,\) for a selection of shape \(6, 7\)"):
        writer[0] = [1, 2, 3]
    with pytest.raises(ShapeError):
        writer[0, 0] = np.zeros((2, 7))
    with pytest.raises(IndexError, match="position 9 outside of 5"):
        writer[9] = 0
    with pytest.raises(WrongTypeError, match="no real numbers"):
        writer[0] = "much"
    with pytest.raises(WrongTypeError, match="no real numbers"):
        writer[0] = 1j
    with pytest.raises(ValueError, match=r"\[2, 1\]: 2 has no place in bool"):
        writer.live_mask[2, 1] = 2
    writer[[], :, 2] = 5  # nothing
    assert not writer.volume.description.stale
    writer.close()
    assert not list(tmp_path.glob(".*"))


# -- traces ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", LAYOUTS, ids=NAMES)
def test_a_trace_that_becomes_live(tmp_path, options):
    make(tmp_path / "a.mdio", options=options)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio", return_metadata=True)
    assert not writer.live_mask[0, 1]
    count = writer.trace_count
    writer[0, 1, 4] = 9
    live, headers, samples = writer[0, 1]
    assert live
    np.testing.assert_array_equal(samples, [0, 0, 0, 0, 9, 0, 0])
    assert (headers["inline"], headers["crossline"]) == (100, 101)
    assert sum(value != 0 for value in headers.tolist()) == 2
    assert writer.trace_count == count + 1
    dataset = writer.volume.dataset
    found = stored(tmp_path / "a.mdio", dataset, dataset.samples(dataset.patterns()[0]))
    np.testing.assert_array_equal(found[0, 1], [0, 0, 0, 0, 9, 0, 0])


@pytest.mark.parametrize("options", LAYOUTS, ids=NAMES)
def test_a_trace_that_dies(tmp_path, options):
    source = make(tmp_path / "a.mdio", options=options)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio", return_metadata=True)
    writer.live_mask[3] = [True, False, True, False, True, False]
    expected = some_dead(*np.indices(SHAPE[:-1]))
    expected[3] = [True, False, True, False, True, False]
    live, headers, samples = writer[...]
    np.testing.assert_array_equal(live, expected)
    assert not samples[~expected].any()
    assert not headers["inline"][~expected].any()
    was = source.live(source.schema.region.spatial)
    np.testing.assert_array_equal(samples[expected & was], source.samples(source.schema.region)[expected & was])
    assert writer.trace_count == np.count_nonzero(expected)
    dataset = writer.volume.dataset
    spec = dataset.array(dataset.samples(dataset.patterns()[0]))
    found = stored(tmp_path / "a.mdio", dataset, spec.path)[~expected]
    assert (found == (0 if spec.fill is None else spec.fill)).all() or np.isnan(found).all()
    writer.live_mask[...] = True
    assert writer.trace_count == 30
    born = ~expected
    np.testing.assert_array_equal(writer.headers["inline"][...][born], np.nonzero(born)[0] + 100)
    writer.live_mask[...] = False
    assert writer.trace_count == 0
    assert not writer[...][2].any()


def test_an_unknown_number_of_traces_is_counted(tmp_path):
    path = tmp_path / "a.mdio"
    make(path)
    known = json.loads((path / ".zmetadata").read_text())
    known["metadata"][".zattrs"]["trace_count"] = 0
    (path / ".zmetadata").write_text(json.dumps(known))
    writer = mdio.MDIOWriter(path)
    assert writer.trace_count == 20
    writer[0, 1] = 4
    assert writer.trace_count == 21
    known = json.loads((path / ".zmetadata").read_text())["metadata"]
    assert known[".zattrs"]["trace_count"] == json.loads((path / ".zattrs").read_text())["trace_count"] == 21


def test_axes_that_are_no_header_words(tmp_path):
    """A fractional axis, one of an unknown name and one by a short name; a coordinate too large for its word."""
    dims = [
        Dimension(np.array([0.5, 1.5]), "inline"),
        Dimension.regular("cdp", 2**31 - 2, 1, 3),
        Dimension.regular("offset", 250, 250, 2),
        Dimension.regular("sample", 0, 2, 7),
    ]
    make(tmp_path / "a.mdio", (2, 3, 2, 7), dims=dims, chunks=[1, 1, 2, 7], live=lambda *index: index[0] > 5)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio", return_metadata=True)
    writer[...] = 1
    _, headers, _ = writer[1]
    assert not headers["inline"].any()
    np.testing.assert_array_equal(headers["ensemble_num"][:, 0], [2**31 - 2, 2**31 - 1, 0])
    np.testing.assert_array_equal(headers["37"][0], [250, 500])


# -- headers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", LAYOUTS, ids=NAMES)
def test_header_words(tmp_path, options):
    make(tmp_path / "a.mdio", live=None, options=options)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio", return_metadata=True)
    before = writer.headers[...]
    writer.headers["cdp_x"][1, ::2] = [10, 20, 30]
    writer.headers["185"][:, [4, 0]] = np.arange(10).reshape(5, 2)
    some = np.zeros(6, [("inline", "i4"), ("29", "i2")])
    some["inline"], some["29"] = np.arange(6), 2
    writer.headers[3] = some
    record = before[0, 0].copy()
    record["crossline"] = 9
    writer._headers[4, 5] = record
    expected = before.copy()
    expected["181"][1, ::2] = [10, 20, 30]
    expected["cdp_y"][:, [4, 0]] = np.arange(10).reshape(5, 2)
    expected["189"][3], expected["29"][3] = np.arange(6), 2
    expected[4, 5] = record
    np.testing.assert_array_equal(writer.headers[...], expected)
    np.testing.assert_array_equal(mdio.MDIOReader(tmp_path / "a.mdio").headers["cdp_x"][...], expected["cdp_x"])
    assert not writer.volume.description.stale
    writer.headers["inline"] = 5
    assert (writer.headers["189"][...] == 5).all()


def test_what_cannot_be_a_header_word(tmp_path):
    make(tmp_path / "a.mdio", live=None)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    with pytest.raises(ValueError, match=r"header word '29', value at \[2, 1\]: 40000 has no place in int16"):
        writer.headers["trace_id_code"][2, :3] = [1, 40000, 2]
    with pytest.raises(ValueError, match="no header field 'crosline'; did you mean crossline"):
        writer.headers["crosline"]
    with pytest.raises(ValueError, match="no header field 'oops'"):
        writer.headers[0] = np.zeros(6, [("oops", "i4")])
    with pytest.raises(WrongTypeError, match="named fields"):
        writer.headers[0] = 5


def test_a_word_that_the_original_headers_do_not_have(tmp_path):
    """It would be read back as 0, and not be in an exported file."""
    make(tmp_path / "a.mdio", live=None, headers=[("inline", ">i4"), ("odd", ">i2")])
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    with pytest.raises(ValueError, match="header word '181' has no place in the trace headers"):
        writer.headers["cdp_x"][0] = 5
    writer.headers[0] = writer.headers[1]
    np.testing.assert_array_equal(writer.headers["inline"][0], np.arange(6, 12))


def test_header_words_of_dead_traces(tmp_path):
    make(tmp_path / "a.mdio")
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    live = writer.live_mask[...]
    with pytest.warns(UserWarning, match="10 dead traces were left out"):
        writer.headers["inline"][...] = 8
    np.testing.assert_array_equal(writer.headers["inline"][...], np.where(live, 8, 0))


# -- access patterns -------------------------------------------------------------------------------------------------


@pytest.fixture
def patterned(tmp_path):
    """A dataset with two lossless copies and a lossy one."""
    zfpy = pytest.importorskip("zfpy")
    from numcodecs import ZFPY, Zstd

    path = tmp_path / "a.mdio"
    make(path, (8, 8, 8), chunks=[4, 4, 4])
    accessor = mdio.MDIOAccessor(path, "w")
    rechunk(accessor, (1, 8, 8), suffix="fast_il", compressor=Zstd(1))
    rechunk(accessor, (8, 8, 2), suffix="fast_z")
    rechunk(accessor, (8, 2, 8), suffix="lossy", compressor=ZFPY(zfpy.mode_fixed_accuracy, tolerance=0.01))
    return path


@pytest.mark.parametrize("pattern", ["012", "fast_il", "fast_z", "lossy"])
def test_edits_reach_every_access_pattern(patterned, pattern):
    expected = mdio.MDIOReader(patterned)[...]
    rng = np.random.default_rng(3)
    with mdio.MDIOWriter(patterned, access_pattern=pattern) as writer:
        for step in range(12):
            values = rng.normal(size=(3, 8)).astype("f4")
            writer[[1, 6, step % 8], step % 5] = values
            numpy_way(expected, ([1, 6, step % 8], step % 5), values)
        writer[..., 3:5] = 2.5
        expected[..., 3:5] = 2.5
        writer.live_mask[2, 2] = False
        expected[2, 2] = 0
        writer.headers["cdp_x"][4] = 11
    # Made from the exact samples by every edit, not from what it held: so it is what a new copy is.
    from numcodecs import ZFPY

    rechunk(mdio.MDIOAccessor(patterned, "w"), (8, 2, 8), suffix="new", compressor=ZFPY(4, tolerance=0.01))
    kept, made = (mdio.MDIOReader(patterned, access_pattern=name)[...] for name in ("lossy", "new"))
    assert kept.tobytes() == made.tobytes()
    live = np.ones((8, 8), bool)
    live[2, 2] = False
    for name in ("012", "fast_il", "fast_z", "lossy"):
        reader = mdio.MDIOReader(patterned, access_pattern=name, return_metadata=True)
        found_live, headers, samples = reader[...]
        error = np.abs(samples - expected).max()
        assert error <= (0.01 if name == "lossy" else 0), name  # once: edits do not add up
        np.testing.assert_array_equal(found_live, live)
        assert (headers["cdp_x"][4] == 11).all()
        assert not headers["inline"][2, 2]
        assert reader.volume.description.stale == ("statistics",)


@pytest.mark.parametrize("pattern", ["012", "lossy"])
def test_an_edit_that_fails_leaves_a_mark(patterned, pattern):
    writer = mdio.MDIOWriter(patterned, access_pattern=pattern)
    with pytest.raises(CodecError, match=r"chunked_lossy at \[0, 0, 0\]"):
        writer[0, 0, 0] = np.nan
    del writer
    with pytest.warns(mdio.api.accessor.StaleDataWarning, match="did not reach access pattern 'lossy'"):
        reader = mdio.MDIOReader(patterned, access_pattern="lossy")
    assert set(reader.volume.description.stale) == {"statistics", "fast_il", "fast_z", "lossy"}
    assert np.isnan(mdio.MDIOReader(patterned)[0, 0, 0])


def test_a_pattern_that_is_added_between_two_edits(tmp_path):
    make(tmp_path / "a.mdio")
    with mdio.MDIOAccessor(tmp_path / "a.mdio", "w") as accessor:
        accessor[0] = 3
        rechunk(accessor, (1, 6, 7), suffix="fast_il")
        accessor[1] = 4
    reader = mdio.MDIOReader(tmp_path / "a.mdio", access_pattern="fast_il")
    assert (reader[0] == 3).all()
    assert (reader[1] == 4).all()


@pytest.mark.filterwarnings("ignore:Consolidated metadata", "ignore:The data type")
def test_another_variable_over_the_same_grid(tmp_path):
    """MDIO v1: it is no copy of the samples; new traces have zeros in all of them."""
    path = tmp_path / "a.mdio"
    source = make(path, options={"layout": "v1"})
    expected = source.samples(source.schema.region).copy()
    accessor = mdio.MDIOReader(path)
    dataset, stats = accessor.volume.dataset, accessor.stats
    (path / "velocity").mkdir()
    shutil.copy(path / dataset.samples("012") / "zarr.json", path / "velocity/zarr.json")
    zarr.consolidate_metadata(str(path))
    with mdio.MDIOWriter(path, access_pattern="velocity") as writer:
        writer[0] = 2000
        writer[1, 0, 3] = 1500
        with pytest.warns(mdio.api.accessor.StaleDataWarning):
            assert writer.stats == stats
        found = writer.update_statistics()
        writer.live_mask[2] = False
    expected[2] = 0
    reader = mdio.MDIOReader(path)
    np.testing.assert_array_equal(reader[...], expected)
    assert not np.isnan(stored(path, dataset, dataset.samples("012"))[0]).any()
    assert found == stats
    velocity = mdio.MDIOReader(path, access_pattern="velocity")[...]
    assert (velocity[0] == 2000).all()
    assert velocity[1, 0, 3] == 1500
    assert not velocity[2].any()
    with mdio.MDIOWriter(path) as writer:
        writer[0] = 1
    np.testing.assert_array_equal(mdio.MDIOReader(path, access_pattern="velocity")[0], velocity[0])


# -- statistics ------------------------------------------------------------------------------------------------------


def test_statistics_are_marked_and_measured_anew(tmp_path):
    path = tmp_path / "a.mdio"
    make(path)
    writer = mdio.MDIOWriter(path)
    old = writer.stats
    writer[1, 1] = 1e6
    for accessor in (writer, mdio.MDIOReader(path)):
        with pytest.warns(mdio.api.accessor.StaleDataWarning, match="older than the samples") as caught:
            assert accessor.stats == old
        assert caught[0].filename == __file__
    found = writer.update_statistics()
    samples = writer[...].astype("f8")
    known = samples[samples != 0]
    expected = {"mean": known.mean(), "std": known.std(), "rms": np.sqrt((known**2).mean())}
    assert found == pytest.approx(expected | {"min": known.min(), "max": 1e6})
    reader = mdio.MDIOReader(path)
    assert reader.stats == found  # a warning would be an error
    assert not reader.volume.description.stale
    writer[1, 1] = 2
    assert reader.volume.description.stale == ()
    assert mdio.MDIOReader(path).volume.description.stale == ("statistics",)


def test_statistics_are_marked_before_the_first_sample_changes(tmp_path, monkeypatch):
    path = tmp_path / "a.mdio"
    make(path)
    kept = LocalStore.write

    def failing(self, key, data):
        if key.startswith("data/"):
            raise StorageError("no space left on the device")
        kept(self, key, data)

    writer = mdio.MDIOWriter(path)
    with monkeypatch.context() as patch, pytest.raises(StorageError, match="no space left"):
        patch.setattr(LocalStore, "write", failing)
        writer[0] = 1
    assert mdio.MDIOReader(path).volume.description.stale == ("statistics",)
    assert not mdio.MDIOReader(path).live_mask[0, 1]  # whole traces are live when they are there
    writer[0] = 1
    assert mdio.MDIOReader(path).trace_count == 22


def test_statistics_measured_during_an_edit_stay_marked(tmp_path, monkeypatch):
    make(tmp_path / "a.mdio")
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    from mdio.api import measuring

    kept = measuring.measure_volume

    def measured(volume):
        result = kept(volume)
        writer[0] = 5
        return result

    monkeypatch.setattr(measuring, "measure_volume", measured)
    with pytest.warns(mdio.api.accessor.StaleDataWarning):
        writer.update_statistics()
    assert mdio.MDIOReader(tmp_path / "a.mdio").volume.description.stale == ("statistics",)


# -- threads and processes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", LAYOUTS, ids=NAMES)
def test_threads_share_objects(tmp_path, options):
    """Every thread writes samples of its own to traces that were dead, all in the same objects."""
    make(tmp_path / "a.mdio", options=options, chunks=[5, 6, 7], live=lambda *index: index[0] > 9)
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    expected = np.arange(210.0).reshape(SHAPE)
    failures = []

    def work(at):
        try:
            for inline in range(5):
                writer[inline, :, at] = expected[inline, :, at]
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    np.testing.assert_array_equal(writer[...], expected)
    assert writer.trace_count == 30
    assert mdio.MDIOReader(tmp_path / "a.mdio").volume.schema.metadata.trace_count == 30


OTHER = """
import sys, mdio
from mdio.exceptions import WriterLockedError
reader = mdio.MDIOReader(sys.argv[1])
assert reader[0, 0, 0] == 7, reader[0, 0, 0]
try:
    mdio.MDIOWriter(sys.argv[1])[0] = 1
except WriterLockedError as error:
    print(error)
"""


def test_one_process_edits_at_a_time(tmp_path):
    path = tmp_path / "a.mdio"
    make(path)
    writer = mdio.MDIOWriter(path)
    other = mdio.MDIOWriter(path)
    writer[0, 0, 0] = 7
    ran = subprocess.run([sys.executable, "-c", OTHER, str(path)], capture_output=True, text=True, check=True)
    assert "another run is writing" in ran.stdout
    with pytest.raises(WriterLockedError):
        other[0] = 1
    with pytest.raises(WriterLockedError):
        create(str(path), synthetic.volume((2, 2, 2)), format="mdio", creation=Creation(overwrite=True))
    writer.close()
    other[0, 0, 1] = 8  # it sees what the first one did, metadata included
    np.testing.assert_array_equal(other[0, 0, :2], [7, 8])
    other.text_header = ["X"] * 40
    del other
    writer[0, 0, 2] = 9
    assert writer.text_header[0] == "X".ljust(80)
    del writer  # an accessor that nobody holds lets go of its lock
    mdio.MDIOWriter(path)[0, 0, 0] = 1


class Killed(BaseException):
    """From one moment on nothing is stored any more, as when the process is gone."""


def test_a_crash_at_any_object_loses_no_trace(tmp_path, monkeypatch):
    base, path = tmp_path / "base.mdio", tmp_path / "a.mdio"
    source = make(base)
    kept, left, done, steps = LocalStore.write, [0], False, 0

    def write(self, key, data):
        if not left[0]:
            raise Killed
        left[0] -= 1
        kept(self, key, data)

    while not done:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(base, path)
        old = source.samples(source.schema.region)
        was = source.live(source.schema.region.spatial)
        new = old.copy()
        new[0:3, :, 2:5] = 50
        left[0] = steps
        with monkeypatch.context() as patch:
            patch.setattr(LocalStore, "write", write)
            writer = mdio.MDIOWriter(path)
            try:
                writer[0:3, :, 2:5] = 50
                done = True
            except Killed:
                pass
            del writer
        reader = mdio.MDIOReader(path)
        found, live = reader[...], reader.live_mask[...]
        assert reader.trace_count == np.count_nonzero(live)
        assert (live | ~was).all()
        # A trace that is live can be located.
        np.testing.assert_array_equal(reader.headers["inline"][...][live & ~was], np.nonzero(live & ~was)[0] + 100)
        assert ((found == old) | (found == new)).all()
        for index in Region.whole(SHAPE).chunks(CHUNKS):  # each object is the old or the new one
            part = Region.of_chunk(index, CHUNKS, SHAPE).slices
            assert (found[part] == old[part]).all() or (found[part] == new[part]).all()
        if (found != old).any():
            assert "statistics" in reader.volume.description.stale
        mdio.MDIOWriter(path)[0:3, :, 2:5] = 50  # what is left does not hinder the next one
        again = mdio.MDIOReader(path)
        np.testing.assert_array_equal(again[...], new)
        assert again.trace_count == np.count_nonzero(again.live_mask[...]) == again.volume.schema.metadata.trace_count
        steps += 1
    assert steps > 20


def test_a_dataset_that_was_replaced(tmp_path):
    make(tmp_path / "a.mdio")
    writer = mdio.MDIOWriter(tmp_path / "a.mdio")
    make(tmp_path / "a.mdio", (5, 6, 8))
    with pytest.raises(StorageError, match="was replaced"):
        writer[0] = 1
    make(tmp_path / "a.mdio")
    writer[0] = 1


def test_object_stores(tmp_path):
    pytest.importorskip("fsspec")
    make("memory://editing/a.mdio")
    with mdio.MDIOWriter("memory://editing/a.mdio") as writer:
        writer[..., 2] = 6
    reader = mdio.MDIOReader("memory://editing/a.mdio")
    assert (reader[..., 2] == 6).all()
    assert reader.trace_count == 30


def test_selections_cut_at_objects():
    selection = Selection((slice(9, None, -3), np.array([4, 1, 4])), (10, 5))
    assert selection.shape == (4, 3)
    cuts = [(cut.box, cut.inside, cut.source) for cut in selection.cuts((4, 2))]
    assert [box for box, _, _ in cuts[:2]] == [((0, 4), (0, 2)), ((0, 4), (4, 5))]
    assert cuts[1][1] == (slice(0, 4, 3), slice(0, 1, 1))
    values = np.arange(12).reshape(4, 3)
    out = np.full((10, 5), -1)
    for cut in selection.cuts((4, 2)):
        cut.put(out[cut.box.slices], values)
        near = cut.narrow
        assert near.box.size <= cut.box.size
        np.testing.assert_array_equal(near.take(values), cut.take(values))
    expected = np.full((10, 5), -1)
    expected[np.ix_([9, 6, 3, 0], [4, 1])] = values[:, [2, 1]]
    np.testing.assert_array_equal(out, expected)


def test_nothing_is_left_beside_a_dataset(tmp_path):
    make(tmp_path / "a.mdio")
    with mdio.MDIOWriter(tmp_path / "a.mdio") as writer:
        writer[0] = 1
        assert (tmp_path / ".a.mdio.journal").exists()
    assert os.listdir(tmp_path) == ["a.mdio"]
    assert not list((tmp_path / "a.mdio").rglob("*.part"))
