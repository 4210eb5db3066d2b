"""Files whose traces have lengths of their own: found, padded, and given back byte for byte."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tracemalloc
import warnings

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import mdio
from mdio.convert import create
from mdio.core.region import Region
from mdio.core.volume import Creation
from mdio.flow.views import Crop, Decimated, Regularize, Select, Transpose
from mdio.testing import ReaderContract
from mdio_segy import errors, mdio_to_segy, segy_to_mdio
from mdio_segy.filehead import LayoutOverrides, read_layout
from mdio_segy.opening import SegyWarning
from mdio_segy.records import dense_table, packed, run_table, unpack

LENGTHS = [5, 7, 7, 3, 9, 5, 5, 8, 1, 9, 9, 2]
KINDS = {2: "i4", 3: "i2", 5: "f4", 6: "f8", 8: "i1"}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegyWarning)
        yield


def head(nominal, code=3, order=">", words=()):
    binary = bytearray(400)
    for byte, kind, value in ((3217, "H", 2000), (3221, "H", nominal), (3225, "H", code), *words):
        struct.pack_into(order + kind, binary, byte - 3201, value)
    return "C 1 TRACES OF MANY LENGTHS".ljust(3200).encode("cp037") + bytes(binary)


def trace(number, samples, order=">", interval=2000, **words):
    header = bytearray(240)
    struct.pack_into(order + "i", header, 0, number + 1)
    struct.pack_into(order + "HH", header, 114, len(samples), interval)
    for name, value in words.items():
        struct.pack_into(order + "i", header, int(name.removeprefix("at")) - 1, value)
    return bytes(header) + samples.astype(samples.dtype.newbyteorder(order)).tobytes()


def values(number, length, kind="i2"):
    return ((np.arange(length) + 1) * (number % 7 + 1)).astype(kind)


def segy(lengths=LENGTHS, code=3, order=">", nominal=None, words=(), keys=None, tail=b""):
    traces = [
        trace(n, values(n, length, KINDS[code]), order, **({f"at{b}": c[n] for b, c in keys.items()} if keys else {}))
        for n, length in enumerate(lengths)
    ]
    return head(lengths[0] if nominal is None else nominal, code, order, words) + b"".join(traces) + tail


def grid_keys(seed=4):
    """Three in-lines by four cross-lines, shuffled over the file."""
    cells = np.random.default_rng(seed).permutation(12)
    return {189: (cells // 4 + 10).tolist(), 193: (cells % 4 + 100).tolist()}


def opened(tmp_path, data, **options):
    path = tmp_path / "in.sgy"
    path.write_bytes(data)
    return mdio.open(path, options=options) if options else mdio.open(path)


def around(tmp_path, data, keys=None, **options):
    source, store, out = tmp_path / "in.sgy", tmp_path / "x.mdio", tmp_path / "out.sgy"
    source.write_bytes(data)
    segy_to_mdio(source, store, index_bytes=keys, overwrite=True, **options)
    mdio_to_segy(store, out, overwrite=True)
    assert out.read_bytes() == data
    return mdio.open(store)


def layout_of(data, counting, **overrides):
    return read_layout(counting(data), LayoutOverrides(**overrides), url="a.sgy")


def read_file(data):
    """Read a file of 2-byte samples by walking it: an independent reader."""
    file, found = io.BytesIO(data), []
    file.seek(3600)
    while header := file.read(240):
        count = struct.unpack_from(">H", header, 114)[0]
        found.append((header, np.frombuffer(file.read(2 * count), ">i2")))
    return found


# --- finding them ---------------------------------------------------------------------


def test_layout(counting):
    found = layout_of(segy(), counting)
    assert found.varying
    assert (found.trace_count, found.samples, found.trailer_bytes) == (12, 9, 0)
    assert found.data_end == 3600 + 12 * 240 + 2 * sum(LENGTHS)
    starts = 3600 + np.concatenate([[0], np.cumsum(240 + 2 * np.array(LENGTHS))[:-1]])
    assert [found.record_at(n) for n in range(12)] == starts.tolist()
    assert len(found.warnings) == 1
    assert "1 to 9 samples in 12 traces of 7 lengths: 9 are padded" in found.warnings[0]


@pytest.mark.parametrize("lengths", [[8, 9], [9, 8], [7, 9] * 10, [8] * 200 + [9], [9] + [8] * 200, [8] * 99 + [7, 9]])
def test_few_and_late_differences(counting, lengths):
    found = layout_of(segy(lengths, nominal=8), counting)
    assert (found.varying, found.trace_count, found.samples) == (True, len(lengths), 9)


def test_one_length_is_not_varying(counting):
    for data in (segy([8] * 9), segy([8] * 9, words=[(3503, "h", 1)])):
        assert not layout_of(data, counting).varying
        assert layout_of(data, counting).records is None


def test_the_flag_and_the_option_rule_it_out(counting):
    data = segy([7, 9] * 6, nominal=8)
    assert layout_of(data, counting).varying
    assert not layout_of(segy([7, 9] * 6, nominal=8, words=[(3503, "h", 1)]), counting).varying
    assert not layout_of(data, counting, samples=8).varying


@pytest.mark.parametrize("place", [0, 3, 7, 19])
@pytest.mark.parametrize("count", [0, 4, 999, 65535])
def test_a_lying_count_does_not_make_a_fixed_file_vary(counting, place, count):
    data = bytearray(segy([8] * 20))
    struct.pack_into(">H", data, 3600 + place * 256 + 114, count)
    found = layout_of(bytes(data), counting)
    assert (found.varying, found.samples, found.trace_count) == (False, 8, 20)


def test_junk_counts_do_not_make_a_fixed_file_vary(counting):
    data = bytearray(segy([8] * 20))
    for number in range(20):
        struct.pack_into(">H", data, 3600 + number * 256 + 114, number * 37 + 3)
    assert not layout_of(bytes(data), counting).varying


def test_what_follows_the_traces(counting):
    data = segy()
    stanza = b"((SEG:OTHER))".ljust(3200)
    revision = [(3501, "B", 2), (3529, "i", 1)]
    found = layout_of(segy(words=revision, tail=stanza), counting)
    assert (found.trace_count, found.trailer_bytes, len(found.warnings)) == (12, 3200, 1)
    found = layout_of(data + bytes(700), counting)
    assert (found.trace_count, found.trailer_bytes) == (12, 700)
    assert "700 zero bytes" in found.warnings[1]
    found = layout_of(data + b"\1" * 20, counting)
    assert (found.trace_count, found.trailer_bytes) == (12, 20)
    assert "20 bytes follow" in found.warnings[1]
    with pytest.raises(errors.VaryingTraceLength, match=r"too little for a trace header .* trace 12") as caught:
        layout_of(data + b"\1" * 20, counting, strict=True)
    assert caught.value.byte == len(data)


def test_a_walk_that_goes_astray_is_refused(counting):
    data = bytearray(segy([5, 7, 6, 9] * 30))
    at = 3600 + 40 * 240 + 2 * 10 * 27
    struct.pack_into(">H", data, at + 114, 6)
    with pytest.raises(errors.VaryingTraceLength, match="trace 41 should begin") as caught:
        layout_of(bytes(data), counting)
    assert caught.value.byte == at + 252
    assert "--samples" in caught.value.hint


def test_headers_on_the_way_need_interval_or_number(counting):
    """Intervals that change are accepted while traces are numbered one by one."""
    data = head(5) + b"".join(trace(n, values(n, k), interval=(n % 3) * 500) for n, k in enumerate(LENGTHS))
    assert layout_of(data, counting).trace_count == 12
    for interval in (lambda n: (n % 3) * 500, lambda n: 0):
        lengths = [8] * 300 + [9] * 90
        data = head(5) + b"".join(trace(n, values(n, k), interval=interval(n)) for n, k in enumerate(lengths))
        assert layout_of(data, counting).trace_count == 390
    data = head(5) + b"".join(trace(-5 * n, values(n, k)) for n, k in enumerate(LENGTHS))
    assert layout_of(data, counting).trace_count == 12
    data = head(5) + b"".join(trace(-5 * n, values(n, k), interval=n) for n, k in enumerate(LENGTHS))
    with pytest.raises(errors.SegyError):
        layout_of(data, counting)


def test_uneven_lengths_are_refused_before_they_are_padded(counting, monkeypatch):
    lengths = [2] * 400 + [3, 60000]
    data = segy(lengths, nominal=2)
    assert layout_of(data, counting).samples == 60000
    monkeypatch.setattr("mdio_segy.varying._MUCH", 1 << 20)
    with pytest.raises(errors.VaryingTraceLength, match="2 to 60000 samples") as caught:
        layout_of(data, counting)
    assert "MDIO_IGNORE_CHECKS" in caught.value.hint
    monkeypatch.setenv("MDIO_IGNORE_CHECKS", "1")
    assert layout_of(data, counting).samples == 60000


def test_windows_are_joined(counting, monkeypatch):
    """A header may begin anywhere in a window, a trace may be longer than one."""
    rng = np.random.default_rng(1)
    lengths = [*rng.integers(1, 40, 60).tolist(), 900, 3, *[11] * 70, 12, *[11] * 5]
    data = segy(lengths)
    expected = np.cumsum(240 + 2 * np.array(lengths)) + 3600
    for window in (240, 241, 250, 500, 1000, 5000):
        monkeypatch.setattr("mdio_segy.walking._WINDOW", window)
        found = layout_of(data, counting)
        assert [found.record_at(n) for n in range(1, len(lengths))] == expected[:-1].tolist()


# --- 200 thousand traces --------------------------------------------------------------


def big_file(path, lengths):
    """Write traces of 1-byte samples with numpy; returns their offsets."""
    sizes = 240 + lengths
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    body = np.ones(int(sizes.sum()), np.uint8)
    body[(offsets[:, None] + np.arange(240)).reshape(-1)] = 0
    body[offsets[:, None] + np.arange(4)] = np.arange(len(lengths), dtype=">i4").view("u1").reshape(-1, 4)
    body[offsets[:, None] + [114, 115]] = lengths.astype(">u2").view("u1").reshape(-1, 2)
    body[offsets[:, None] + [116, 117]] = [7, 208]
    with open(path, "wb") as file:
        file.write(head(int(lengths[0]), 8))
        file.write(body)
    return offsets + 3600


@pytest.mark.parametrize("form", ["random", "runs", "alternating"])
def test_many_traces(tmp_path, form):
    rng, count = np.random.default_rng(3), 200_000
    lengths = {
        "random": rng.integers(1, 12, count),
        "runs": np.repeat([5, 9, 4, 6], count // 4),
        "alternating": np.arange(count) % 2 + 3,
    }[form]
    offsets = big_file(tmp_path / "in.sgy", lengths)
    tracemalloc.start()
    volume = mdio.open(tmp_path / "in.sgy", options={"header_locations": [1]})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    records = volume.layout.records
    assert peak < 24 << 20  # 50 MB are in the file
    assert len(pickle.dumps(records)) < (1000 if form == "runs" else 2.5 * count)
    some = np.unique(rng.integers(0, count, 500))
    assert np.array_equal(records.offsets(some), offsets[some])
    assert np.array_equal(records.lengths(some), lengths[some])
    assert records.end == offsets[-1] + 240 + lengths[-1]
    block = volume.read(Region([(count // 2 - 20, count // 2 + 20), (0, volume.schema.shape[-1])]))
    there = np.arange(volume.schema.shape[-1]) < lengths[count // 2 - 20 : count // 2 + 20, None]
    assert np.array_equal(block.samples, there.astype(np.int8))
    volume.close()


# --- tables ---------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(1, 70)), min_size=1, max_size=40), st.data())
def test_tables_equal_a_plain_sum(given_runs, data):
    times, lengths = (np.array(column) for column in zip(*given_runs, strict=True))
    every = np.repeat(lengths, times)
    starts = 100 + np.concatenate([[0], np.cumsum(240 + 4 * every)])
    tables = [run_table(times.astype(np.int64), lengths.astype(np.uint32), 100, 240, 4)]
    tables.append(dense_table(every.astype(np.uint16), 100, 240, 4))
    traces = np.array(data.draw(st.lists(st.integers(0, len(every) - 1), max_size=50)), dtype=np.int64)
    for table in tables:
        assert (table.count, table.shortest, table.longest) == (len(every), every.min(), every.max())
        assert (table.end, table.samples) == (starts[-1], every.sum())
        assert np.array_equal(table.offsets(np.arange(len(every))), starts[:-1])
        assert np.array_equal(table.offsets(traces), starts[traces])
        assert np.array_equal(table.sizes(traces), 240 + 4 * every[traces])


@given(st.lists(st.integers(0, 9), max_size=60))
def test_packed_rows_are_unpacked(sizes):
    sizes = np.array(sizes, dtype=np.int64)
    rows = np.arange(len(sizes) * 9, dtype=np.uint8).reshape(-1, 9)
    expected = b"".join(row[:size].tobytes() for row, size in zip(rows, sizes, strict=True))
    flat = packed(rows, sizes)
    assert flat.tobytes() == expected
    out = np.full_like(rows, 255)
    unpack(flat, np.cumsum(sizes) - sizes, sizes, out)
    assert np.array_equal(out, np.where(np.arange(9) < sizes[:, None], rows, 0))


# --- there and back -------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=30),
    code=st.sampled_from(sorted(KINDS)),
    order=st.sampled_from("<>"),
    first=st.booleans(),
)
def test_any_lengths_come_back(tmp_path_factory, lengths, code, order, first):
    data = segy(lengths, code, order, nominal=lengths[0] if first else min(lengths))
    volume = around(tmp_path_factory.mktemp("x"), data)
    if sum(lengths) != len(lengths) * (lengths[0] if first else min(lengths)):
        assert volume.schema.shape[-1] == max(lengths)
        everything = volume.read(volume.schema.region)
        for number, length in enumerate(lengths):
            assert everything.lengths.reshape(-1)[number] == length
            row = everything.samples.reshape(-1, max(lengths))[number]
            assert np.array_equal(row[:length], values(number, length, KINDS[code]))
            assert not row[length:].any()


def test_ibm_words_and_patches_come_back(tmp_path):
    words = np.array([0x40080000, 0x46000001, 0x41000000, 0xC2640000, 0x80000000], dtype=np.uint32)
    lengths = [3, 5, 4, 5, 1, 2, 5, 5]
    body = b"".join(trace(n, words[:length]) for n, length in enumerate(lengths))
    volume = around(tmp_path, head(3, 1) + body)
    assert volume.samples(Region([(0, 1), (0, 5)]))[0].tolist() == [0.03125, 1.0, 0.0, 0.0, 0.0]


def test_shuffled_keys_and_holes(tmp_path):
    keys = grid_keys()
    data = segy(keys=keys)
    volume = around(tmp_path, data, [189, 193], index_names=["inline", "crossline"])
    assert volume.schema.shape == (3, 4, 9)
    lengths = volume.read(volume.schema.region).lengths
    for number, length in enumerate(LENGTHS):
        assert lengths[keys[189][number] - 10, keys[193][number] - 100] == length
    holed = {byte: column[:11] for byte, column in keys.items()}
    volume = around(tmp_path, segy(LENGTHS[:11], keys=holed), [189, 193])
    lengths = volume.read(volume.schema.region).lengths
    assert lengths[keys[189][11] - 10, keys[193][11] - 100] == 0
    assert np.count_nonzero(lengths) == 11


def test_around_the_traces(tmp_path):
    """Tape label, extended text, trailer and header extensions are where they were."""
    label = b"   1SY1.0RECORD".ljust(128)
    words = [(3501, "B", 2), (3505, "h", 1), (3507, "i", 1), (3529, "i", 1)]
    body = b"".join(
        trace(n, values(n, k))[:240] + bytes([n]) * 240 + trace(n, values(n, k))[240:] for n, k in enumerate(LENGTHS)
    )
    data = head(5, words=words) + b"EXTENDED".ljust(3200) + body + b"((SEG:OTHER))".ljust(3200)
    volume = around(tmp_path, label + data)
    assert volume.schema.shape == (12, 9)
    assert volume.schema.headers.itemsize == 480
    around(tmp_path, segy() + b"\1" * 33)


def test_the_defect_is_told_once(tmp_path):
    (tmp_path / "in.sgy").write_bytes(segy())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        segy_to_mdio(tmp_path / "in.sgy", tmp_path / "x.mdio")
    said = [str(item.message) for item in caught if "differ in length" in str(item.message)]
    assert len(said) == 1
    assert "1 to 9 samples in 12 traces" in said[0]


def test_remote_files(tmp_path):
    import fsspec

    data = segy(keys=grid_keys())
    with fsspec.open("memory://varying/in.sgy", "wb") as file:
        file.write(data)
    volume = mdio.open("memory://varying/in.sgy")
    local = opened(tmp_path, data)
    assert volume.schema.shape == local.schema.shape == (3, 4, 9)
    for region in (local.schema.region, Region([(0, 3), (1, 2), (2, 6)]), Region([(1, 2), (0, 4), (8, 9)])):
        mine, other = volume.read(region), local.read(region)
        assert mine.samples.tobytes() == other.samples.tobytes() == local.samples(region).tobytes()
        assert mine.headers.tobytes() == other.headers.tobytes()
        assert np.array_equal(mine.lengths, other.lengths)
    mdio.convert("memory://varying/in.sgy", "memory://varying/x.mdio")
    mdio_to_segy("memory://varying/x.mdio", tmp_path / "out.sgy")
    assert (tmp_path / "out.sgy").read_bytes() == data


# --- the dataset ----------------------------------------------------------------------


def test_the_stored_array(tmp_path):
    keys = grid_keys()
    around(tmp_path, segy(keys=keys), [189, 193])
    stored = zarr.open_array(str(tmp_path / "x.mdio"), path="source/lengths", mode="r")
    expected = np.zeros((3, 4), int)
    expected[np.array(keys[189]) - 10, np.array(keys[193]) - 100] = LENGTHS
    assert stored.dtype == np.uint32
    assert np.array_equal(stored[...], expected)
    facts = json.loads((tmp_path / "x.mdio/.zmetadata").read_text())["metadata"]["source/.zattrs"]["facts"]
    assert (facts["varying"], facts["samples"]) == (True, 9)


def test_files_of_one_length_have_no_array(tmp_path):
    volume = around(tmp_path, segy([8] * 9))
    assert not (tmp_path / "x.mdio/source/lengths").exists()
    assert volume.lengths(Region([(0, 9)])) is None
    assert volume.read(volume.schema.region).lengths is None
    assert "varying" not in volume.schema.metadata.source.facts


@pytest.fixture
def segy_volume(tmp_path):
    return opened(tmp_path, segy(keys=grid_keys()))


@pytest.fixture
def dataset(tmp_path):
    return around(tmp_path, segy(keys=grid_keys()), [189, 193], chunksize=(2, 2, 4))


class TestSegyVolume(ReaderContract):
    @pytest.fixture
    def volume(self, segy_volume):
        return segy_volume


class TestDataset(ReaderContract):
    @pytest.fixture
    def volume(self, dataset):
        return dataset


class TestView(ReaderContract):
    @pytest.fixture(params=["select", "transpose", "crop", "decimated", "none"])
    def volume(self, dataset, request):
        return {
            "select": lambda: Select(dataset, {"dim_0": [0, 2]}),
            "transpose": lambda: Transpose(dataset, (1, 0)),
            "crop": lambda: Crop(dataset, [(0, 3), (1, 4), (2, 8)]),
            "decimated": lambda: Decimated(dataset, (2, 1, 2)),
            "none": lambda: Select(Regularize(dataset), {"dim_0": []}),
        }[request.param]()

    def test_lengths_are_told_without_samples(self, volume):
        assert volume.lengths(volume.schema.region.spatial) is not None


# --- writing --------------------------------------------------------------------------


def write(path, source, regions=None):
    sink = create(str(path), source, options={})
    sink.journal.begin({"fingerprint": {}})
    receipts = {}
    for region in regions or [source.schema.region]:
        receipts[Region(region)] = sink.write(source.read(Region(region)))
    return sink, receipts


def finish(sink):
    sink.commit({})
    sink.close()


def test_pieces_in_any_order(tmp_path, dataset):
    cells = [Region([(i, i + 1), (x, x + 1), (0, 9)]) for i in range(3) for x in range(4)]
    np.random.default_rng(5).shuffle(cells)
    finish(write(tmp_path / "out2.sgy", dataset, [*cells, *cells[:3]])[0])
    assert (tmp_path / "out2.sgy").read_bytes() == (tmp_path / "in.sgy").read_bytes()


def test_fewer_traces_keep_their_lengths_and_order(tmp_path, dataset):
    before = read_file((tmp_path / "in.sgy").read_bytes())
    some = Select(dataset, {"dim_0": [0, 2], "dim_1": [1, 2, 3]})
    kept = sorted(some.order(some.schema.region.spatial)[some.live(some.schema.region.spatial)].tolist())
    finish(write(tmp_path / "some.sgy", some)[0])
    data = (tmp_path / "some.sgy").read_bytes()
    after = read_file(data)
    assert data[:3600] == (tmp_path / "in.sgy").read_bytes()[:3600]
    assert [header for header, _ in after] == [before[number][0] for number in kept]
    for number, (_, samples) in zip(kept, after, strict=True):
        assert np.array_equal(samples, before[number][1])


def test_a_cropped_sample_axis_makes_one_length(tmp_path, dataset, counting):
    finish(write(tmp_path / "crop.sgy", Crop(dataset, [(0, 3), (0, 4), (0, 6)]))[0])
    data = (tmp_path / "crop.sgy").read_bytes()
    assert len(data) == 3600 + 12 * (240 + 12)
    assert struct.unpack_from(">H", data, 3220)[0] == 6
    for number, (header, samples) in enumerate(read_file(data)):
        assert struct.unpack_from(">H", header, 114)[0] == 6
        expected = values(number, LENGTHS[number])[:6]
        assert np.array_equal(samples, np.pad(expected, (0, 6 - len(expected))))
    assert not layout_of(data, counting).varying


def test_a_source_that_lost_the_lengths_makes_one_length(tmp_path, dataset, counting):
    class Forgetful(Transpose):
        def lengths(self, region):
            return None

    finish(write(tmp_path / "even.sgy", Forgetful(dataset, (0, 1)))[0])
    found = layout_of((tmp_path / "even.sgy").read_bytes(), counting)
    assert (found.varying, found.samples, found.trace_count) == (False, 9, 12)


def test_another_format_keeps_the_lengths(tmp_path, dataset, counting):
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "wide.sgy", out_sample_format="int32", endian="little")
    found = layout_of((tmp_path / "wide.sgy").read_bytes(), counting)
    assert (found.varying, found.format.code, found.big_endian) == (True, 2, False)
    assert found.records.lengths(np.arange(12)).tolist() == LENGTHS
    volume = mdio.open(tmp_path / "wide.sgy")
    assert np.array_equal(volume.samples(volume.schema.region), dataset.samples(dataset.schema.region))


def test_recheck_sees_what_is_lost(tmp_path, dataset):
    halves = [Region([(0, 2), (0, 4), (0, 9)]), Region([(2, 3), (0, 4), (0, 9)])]
    sink, receipts = write(tmp_path / "out3.sgy", dataset, halves)
    assert all(sink.recheck(region, receipt) for region, receipt in receipts.items())
    offsets = sink._table.offsets(np.sort(dataset.order(halves[1].spatial).reshape(-1)))
    sink._file.write(int(offsets[-1]) + 241, b"\x55")
    assert sink.recheck(halves[0], receipts[halves[0]])
    assert not sink.recheck(halves[1], receipts[halves[1]])
    sink.abort()


def test_an_edited_count_cannot_tear_the_file(tmp_path, dataset):
    """The count in a header places the next trace, so it states what is written."""

    class Edited(Transpose):
        def read(self, region):
            block = super().read(region)
            block.headers = block.headers.copy()
            raw = block.headers.reshape(-1).view(np.uint8).reshape(-1, 240)
            raw[:, 114:116] = 77
            return block

    finish(write(tmp_path / "edited.sgy", Edited(dataset, (0, 1)))[0])
    assert (tmp_path / "edited.sgy").read_bytes() == (tmp_path / "in.sgy").read_bytes()


def test_a_trace_made_later_gets_the_whole_axis(tmp_path):
    keys = {byte: column[:11] for byte, column in grid_keys().items()}
    dataset = around(tmp_path, segy(LENGTHS[:11], keys=keys), [189, 193])
    mask = zarr.open_array(str(tmp_path / "x.mdio"), path="metadata/live_mask", mode="r+")
    mask[...] = True
    dataset.close()
    mdio_to_segy(tmp_path / "x.mdio", tmp_path / "more.sgy")
    traces = read_file((tmp_path / "more.sgy").read_bytes())
    assert [len(samples) for _, samples in traces] == [*LENGTHS[:11], 9]
    assert struct.unpack_from(">H", traces[-1][0], 114)[0] == 9


def test_a_resumed_import_gives_the_same(tmp_path, dataset):
    """Lengths are written at the end, from the source: a resume needs nothing of them."""
    source = mdio.open(tmp_path / "in.sgy")
    options = {"chunks": (1, 4, 9)}
    sink = create(str(tmp_path / "r.mdio"), source, options=options, creation=Creation(fingerprint={"a": 1}))
    sink.journal.begin({"fingerprint": {"a": 1}, "slab": (1, 4, 9), "created": ""})
    sink.write(source.read(Region([(0, 1), (0, 4), (0, 9)])))
    sink.close()
    resumed = Creation(fingerprint={"a": 1}, resume=True)
    sink = create(str(tmp_path / "r.mdio"), source, options=options, creation=resumed)
    from mdio.flow import engine

    engine.run(source, sink)
    mdio_to_segy(tmp_path / "r.mdio", tmp_path / "r.sgy")
    assert (tmp_path / "r.sgy").read_bytes() == (tmp_path / "in.sgy").read_bytes()
