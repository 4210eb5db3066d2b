"""SEG-Y in, SEG-Y out: not a byte differs, whatever the file holds and however its traces lie."""

from __future__ import annotations

import struct
import warnings

import numpy as np
import pytest
import zarr
from segy_bytes import ITEM, file_bytes, grid, ibm_value, ibm_words, samples_for, segy

import mdio
from mdio.core.region import Region
from mdio_segy import mdio_to_segy, segy_to_mdio


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def around(tmp_path, data, keys=None, **options):
    """Import and export, check that every byte is back, and return the dataset."""
    source, store, out = tmp_path / "in.sgy", tmp_path / "x.mdio", tmp_path / "out.sgy"
    source.write_bytes(data)
    segy_to_mdio(source, store, index_bytes=keys, **options)
    mdio_to_segy(store, out)
    back = out.read_bytes()
    assert len(back) == len(data)
    if back != data:
        at = next(i for i, (a, b) in enumerate(zip(back, data, strict=True)) if a != b)
        raise AssertionError(f"first difference at byte {at}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.sgy", "out.sgy", "x.mdio"]
    return mdio.open(store)


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("code", sorted(ITEM))
def test_formats_and_byte_orders(tmp_path, rng, code, order):
    inline, crossline = grid(5, 7)
    values = samples_for(code, rng, 35, 21)
    data = segy({189: inline, 193: crossline}, values, code, order, noise=rng)
    volume = around(tmp_path, data, [189, 193], chunksize=(4, 4, 8))
    assert volume.schema.shape == (5, 7, 21)
    got = volume.samples(volume.schema.region).reshape(35, 21)
    if code == 1:
        expected = np.vectorize(ibm_value)(values).astype(np.float32)
        assert got.dtype == np.float32
        assert np.array_equal(got, expected)
    else:
        assert got.dtype == values.dtype
        assert got.tobytes() == values.tobytes()


def test_samples_in_the_other_byte_order(tmp_path, rng):
    inline, crossline = grid(3, 4)
    values = samples_for(3, rng, 12, 10)
    data = segy({189: inline, 193: crossline}, values, 3, ">", data_order="<")
    volume = around(tmp_path, data, [189, 193], reader_options={"data_endian": "little"})
    assert np.array_equal(volume.samples(volume.schema.region).reshape(12, 10), values)


def orders():
    """Trace orders of a 6 x 5 survey, as permutations or parts of the inline-sorted file."""
    cells = np.arange(30).reshape(6, 5)
    zigzag = cells.copy()
    zigzag[1::2] = zigzag[1::2, ::-1]
    shuffled = np.random.default_rng(3).permutation(30)
    return {
        "inline-sorted": cells.ravel(),
        "crossline-sorted": cells.T.ravel(),
        "reversed": cells.ravel()[::-1],
        "inlines-descending": cells[::-1].ravel(),
        "crossline-sorted-descending": cells[::-1, ::-1].T.ravel(),
        "zigzag": zigzag.ravel(),
        "shuffled": shuffled,
        "holes": np.delete(cells.ravel(), [3, 4, 17, 29]),
        "holes-at-the-start": np.delete(cells.ravel(), [0, 1]),
        "shuffled-with-holes": shuffled[:19],
        "single-line": cells[2],
        "single-crossline": cells[:, 3],
        "single-trace": cells[2, 3:4],
        "sparse": np.array([0, 13, 26]),
    }


@pytest.mark.parametrize("name", list(orders()))
def test_trace_orders(tmp_path, rng, name):
    chosen = orders()[name]
    inline, crossline = grid(6, 5, il=(10, 3), xl=(-2, 2))
    inline, crossline = inline[chosen], crossline[chosen]
    values = samples_for(3, rng, len(chosen), 9)
    data = segy({189: inline, 193: crossline}, values, 3, noise=rng)
    volume = around(tmp_path, data, [189, 193], index_names=["inline", "crossline"], chunksize=(4, 2, 4))
    shape = (len(set(inline.tolist())), len(set(crossline.tolist())), 9)
    assert volume.schema.shape == shape
    by_cell = {cell: number for number, cell in enumerate(zip(inline.tolist(), crossline.tolist(), strict=True))}
    samples, live = volume.samples(volume.schema.region), volume.live(volume.schema.region.spatial)
    order = volume.order(volume.schema.region.spatial)
    for i, il in enumerate(sorted(set(inline.tolist()))):
        for j, xl in enumerate(sorted(set(crossline.tolist()))):
            number = by_cell.get((il, xl))
            assert live[i, j] == (number is not None)
            assert order[i, j] == (-1 if number is None else number)
            assert np.array_equal(samples[i, j], np.zeros(9) if number is None else values[number])


@pytest.mark.parametrize("name", ["zigzag", "holes", "inline-sorted"])
def test_geometry_is_found_without_keys(tmp_path, rng, name):
    chosen = orders()[name]
    inline, crossline = grid(6, 5)
    keys = {189: inline[chosen], 193: crossline[chosen]}
    volume = around(tmp_path, segy(keys, samples_for(3, rng, len(chosen), 9), 3))
    assert volume.schema.names == ("inline", "crossline", "sample")
    assert volume.schema.shape == (6, 5, 9)


def test_duplicates_without_keys_are_traces_in_a_row(tmp_path, rng):
    inline, crossline = grid(4, 3)
    twice = np.r_[np.arange(12), 5]
    data = segy({189: inline[twice], 193: crossline[twice]}, samples_for(3, rng, 13, 9), 3)
    volume = around(tmp_path, data)
    assert volume.schema.names == ("trace", "sample")
    assert volume.schema.shape == (13, 9)


def test_prestack_grid(tmp_path, rng):
    il, xl, offset = (axis.ravel() for axis in np.meshgrid([1, 2, 3], [7, 9], [100, 200, 400, 500], indexing="ij"))
    data = segy({189: il, 193: xl, 37: offset}, samples_for(5, rng, 24, 6), 5, noise=rng)
    volume = around(tmp_path, data, [189, 193, 37], chunksize=(2, 1, 3, 4))
    assert volume.schema.shape == (3, 2, 4, 6)
    assert volume.schema.dims[2].coords.tolist() == [100, 200, 400, 500]


def odd_words(rng, count):
    """IBM words that float32 cannot give back: unnormalised, signed zeros, huge, tiny."""
    kinds = np.array([0x40000001, 0x46000001, 0x80000000, 0x41000000, 0x7FFFFFFF, 0xFFFFFFFF, 0x00000001, 0x2000FFFF])
    return rng.choice(kinds.astype(np.uint32), count)


@pytest.mark.parametrize("share", [0.01, 0.6, 1.0])
def test_odd_ibm_words_come_back(tmp_path, rng, share):
    inline, crossline = grid(6, 6)
    words = ibm_words(rng, (36, 40))
    flat = words.reshape(-1)
    at = rng.permutation(flat.size)[: max(1, int(share * flat.size))]
    flat[at] = odd_words(rng, at.size)
    data = segy({189: inline, 193: crossline}, words, 1)
    volume = around(tmp_path, data, [189, 193], chunksize=(4, 4, 16))
    got = volume.samples(volume.schema.region).reshape(36, 40)
    assert np.isfinite(got).all(), "a word too large becomes the largest finite number"
    plain = np.setdiff1d(np.arange(flat.size), at)
    assert np.array_equal(got.reshape(-1)[plain], [np.float32(ibm_value(word)) for word in flat[plain]])


@pytest.mark.parametrize("extension", [0, 1, 2])
def test_every_header_byte(tmp_path, rng, extension):
    inline, crossline = grid(4, 5)
    binary = {3501: ("B", 2), 3502: ("B", 1), 3297: ("I", 0x01020304), 3507: ("i", extension)} if extension else {}
    data = segy(
        {189: inline, 193: crossline}, samples_for(3, rng, 20, 9), 3, binary=binary, noise=rng, extension=extension
    )
    volume = around(tmp_path, data, [189, 193], chunksize=(3, 3, 4))
    size = 240 * (1 + extension)
    raw = np.frombuffer(data, np.uint8)[3600:].reshape(20, size + 18)[:, :size]
    headers = volume.headers(volume.schema.region.spatial)
    assert headers.dtype.itemsize == size
    assert headers.reshape(-1).view(np.uint8).reshape(20, size).tobytes() == raw.tobytes()


def test_bytes_of_the_file_headers_that_no_word_covers(tmp_path, rng):
    inline, crossline = grid(3, 3)
    data = bytearray(segy({189: inline, 193: crossline}, samples_for(3, rng, 9, 9), 3))
    data[:3200] = rng.integers(1, 255, 3200, dtype=np.uint8).tobytes()
    data[3200 + 100 : 3200 + 300] = rng.integers(0, 256, 200, dtype=np.uint8).tobytes()
    around(tmp_path, bytes(data), [189, 193])


@pytest.mark.parametrize(
    ("extra", "offset"),
    [
        ({"label": b"   1SY1.0RECORD  B2   32760".ljust(128)}, 128),
        ({"extended": b"\xd9" * 3200, "binary": {3505: ("h", 1)}}, 0),
        (
            {
                "extended": b"X" * 3200 + b"((SEG: EndText))".ljust(3200),
                "binary": {3505: ("h", -1)},
            },
            0,
        ),
        ({"trailer": b"((OWN: Stanza))".ljust(3200), "binary": {3501: ("B", 2), 3529: ("i", 1)}}, 0),
        ({"trailer": bytes(100)}, 0),
        ({"trailer": b"left behind by some program"}, 0),
    ],
    ids=["tape label", "extended text", "extended text with end stanza", "trailer stanza", "zeros", "stray bytes"],
)
def test_what_lies_around_the_traces(tmp_path, rng, extra, offset):
    inline, crossline = grid(4, 4)
    data = segy({189: inline, 193: crossline}, samples_for(3, rng, 16, 30), 3, **extra)
    volume = around(tmp_path, data, [189, 193])
    assert volume.schema.shape == (4, 4, 30)


@pytest.mark.parametrize("count", [32768, 40000, 65535])
def test_sample_counts_are_unsigned(tmp_path, rng, count):
    data = segy({21: np.array([1, 2])}, samples_for(8, rng, 2, count), 8)
    volume = around(tmp_path, data)
    assert volume.schema.shape == (2, count)


def test_a_fraction_of_a_millisecond(tmp_path, rng):
    inline, crossline = grid(3, 3)
    data = segy({189: inline, 193: crossline}, samples_for(3, rng, 9, 4), 3, interval=250)
    volume = around(tmp_path, data)
    assert volume.schema.dims[-1].coords.tolist() == [0.0, 0.25, 0.5, 0.75]
    assert volume.schema.dims[-1].unit == "ms"


def test_no_interval_counts_samples(tmp_path, rng):
    inline, crossline = grid(3, 3)
    data = segy({189: inline, 193: crossline}, samples_for(3, rng, 9, 4), 3, interval=0)
    volume = around(tmp_path, data)
    assert volume.schema.dims[-1].coords.tolist() == [0, 1, 2, 3]
    assert volume.schema.dims[-1].unit == ""


@pytest.mark.parametrize("chunks", [(64, 64, 64), (5, 3, 7), (2, 2, 16)])
def test_little_memory_gives_the_same_bytes(tmp_path, rng, chunks):
    inline, crossline = grid(9, 8)
    words = ibm_words(rng, (72, 90))
    words[::3, ::5] = odd_words(rng, words[::3, ::5].shape)
    (tmp_path / "in.sgy").write_bytes(segy({189: inline, 193: crossline}, words, 1, noise=rng))
    stores = []
    for name, settings in (("a", {}), ("b", {"memory": 1, "workers": 1}), ("c", {"memory": 40_000, "workers": 3})):
        store = tmp_path / f"{name}.mdio"
        segy_to_mdio(tmp_path / "in.sgy", store, [189, 193], chunksize=chunks, **settings)
        stores.append({p.relative_to(store).as_posix(): p.read_bytes() for p in store.rglob("*") if p.is_file()})
        mdio_to_segy(store, tmp_path / "out.sgy", overwrite=True, **settings)
        assert (tmp_path / "out.sgy").read_bytes() == (tmp_path / "in.sgy").read_bytes()
    one, *others = stores
    for other in others:
        assert other.keys() == one.keys()
        # Statistics are merged slab by slab: the last digits follow the plan.
        assert [key for key in one if one[key] != other[key] and key not in (".zattrs", ".zmetadata")] == []


def test_same_input_same_bytes(tmp_path, rng, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    inline, crossline = grid(6, 6)
    (tmp_path / "in.sgy").write_bytes(segy({189: inline, 193: crossline}, ibm_words(rng, (36, 30)), 1, noise=rng))
    stores = []
    for workers in (1, 4):
        store = tmp_path / f"{workers}.mdio"
        segy_to_mdio(tmp_path / "in.sgy", store, [189, 193], chunksize=(2, 2, 8), workers=workers)
        stores.append({p.relative_to(store).as_posix(): p.read_bytes() for p in store.rglob("*") if p.is_file()})
    assert stores[0] == stores[1]


class TestTruthAfterEdits:
    """What somebody changed in the store is in the export, and nothing else is."""

    @pytest.fixture
    def data(self, rng):
        inline, crossline = grid(4, 5)
        words = ibm_words(rng, (20, 16))
        words[:, 3] = 0x40000001  # unnormalised: kept as patches
        words[7, 8] = 0x80000000
        return bytearray(segy({189: inline, 193: crossline}, words, 1, noise=rng))

    @pytest.fixture
    def store(self, tmp_path, data):
        (tmp_path / "in.sgy").write_bytes(data)
        segy_to_mdio(tmp_path / "in.sgy", tmp_path / "x.mdio", [189, 193], chunksize=(2, 2, 8))
        return tmp_path / "x.mdio"

    def exported(self, tmp_path, store):
        mdio_to_segy(store, tmp_path / "out.sgy")
        return (tmp_path / "out.sgy").read_bytes()

    def group(self, store):
        return zarr.open_group(store, mode="r+", zarr_format=2, use_consolidated=False)

    def test_samples(self, tmp_path, data, store):
        array = self.group(store)["data/chunked_012"]
        array[1, 2, 3] = 1.0  # over an unnormalised word
        array[1, 2, 4] = -118.625
        size = 240 + 16 * 4
        at = 3600 + 7 * size + 240
        struct.pack_into(">I", data, at + 3 * 4, 0x41100000)  # IBM 1.0
        struct.pack_into(">I", data, at + 4 * 4, 0xC276A000)  # IBM -118.625, the textbook example
        assert self.exported(tmp_path, store) == data

    def test_headers(self, tmp_path, data, store):
        array = self.group(store)["metadata/chunked_012_trace_headers"]
        record = array[2, 1]
        record["181"] = 123456
        array[2, 1] = record
        struct.pack_into(">i", data, 3600 + 11 * (240 + 64) + 180, 123456)
        assert self.exported(tmp_path, store) == data

    def attributes(self, store, **changes):
        """Change attributes as foreign tools do: in the group and in the consolidated metadata."""
        group = self.group(store)["metadata"]
        group.attrs.update({**dict(group.attrs), **changes})
        zarr.consolidate_metadata(store, zarr_format=2)

    def test_text(self, tmp_path, data, store):
        lines = list(mdio.open(store).schema.metadata.text)
        lines[2] = "C 3 EDITED".ljust(80)
        self.attributes(store, text_header=lines)
        data[160:240] = "C 3 EDITED".ljust(80).encode("cp037")
        assert self.exported(tmp_path, store) == data

    def test_text_keeps_the_other_lines_bit_by_bit(self, tmp_path, data, store):
        data[80:90] = bytes(range(10))  # control characters, which no decoded line can give back
        (tmp_path / "in.sgy").write_bytes(data)
        segy_to_mdio(tmp_path / "in.sgy", store, [189, 193], overwrite=True)
        lines = list(mdio.open(store).schema.metadata.text)
        lines[39] = "C40 EDITED".ljust(80)
        self.attributes(store, text_header=lines)
        data[39 * 80 : 3200] = "C40 EDITED".ljust(80).encode("cp037")
        assert self.exported(tmp_path, store) == data

    def test_binary(self, tmp_path, data, store):
        words = dict(mdio.open(store).schema.metadata.binary)
        self.attributes(store, binary_header={**words, "JobID": 77, "LineNumber": -3})
        struct.pack_into(">ii", data, 3200, 77, -3)
        assert self.exported(tmp_path, store) == data

    def test_words_that_describe_the_samples_cannot_lie(self, tmp_path, data, store):
        words = dict(mdio.open(store).schema.metadata.binary)
        self.attributes(store, binary_header={**words, "Format": 5, "Samples": 7})
        assert self.exported(tmp_path, store) == data

    def test_a_trace_that_was_killed_is_left_out(self, tmp_path, data, store):
        mask = self.group(store)["metadata/live_mask"]
        mask[1, 3] = False
        size = 240 + 64
        assert self.exported(tmp_path, store) == bytes(data[: 3600 + 8 * size] + data[3600 + 9 * size :])

    def test_a_trace_that_was_added_comes_behind_the_others(self, tmp_path, rng):
        chosen = np.delete(np.random.default_rng(5).permutation(20), [4])
        inline, crossline = (axis[chosen] for axis in grid(4, 5))
        words = ibm_words(rng, (19, 16))
        data = segy({189: inline, 193: crossline}, words, 1, noise=rng)
        (tmp_path / "in.sgy").write_bytes(data)
        segy_to_mdio(tmp_path / "in.sgy", tmp_path / "x.mdio", [189, 193], chunksize=(2, 2, 8))
        group = self.group(tmp_path / "x.mdio")
        ((i, j),) = np.argwhere(~group["metadata/live_mask"][:])
        group["metadata/live_mask"][i, j] = True
        group["data/chunked_012"][i, j] = np.full(16, 1.0, np.float32)
        record = np.zeros((), group["metadata/chunked_012_trace_headers"].dtype)
        record["189"] = 100 + i
        group["metadata/chunked_012_trace_headers"][i, j] = record
        back = self.exported(tmp_path, tmp_path / "x.mdio")
        assert back[: len(data)] == data
        assert back[len(data) + 240 :] == bytes.fromhex("41100000") * 16
        assert struct.unpack_from(">i", back, len(data) + 188) == (100 + i,)

    def test_a_killed_trace_of_a_shuffled_file(self, tmp_path, rng):
        chosen = np.random.default_rng(5).permutation(20)
        inline, crossline = (axis[chosen] for axis in grid(4, 5))
        data = segy({189: inline, 193: crossline}, ibm_words(rng, (20, 16)), 1, noise=rng)
        (tmp_path / "in.sgy").write_bytes(data)
        segy_to_mdio(tmp_path / "in.sgy", tmp_path / "x.mdio", [189, 193], chunksize=(2, 2, 8))
        i, j = divmod(int(chosen[6]), 5)
        self.group(tmp_path / "x.mdio")["metadata/live_mask"][i, j] = False
        size = 240 + 64
        expected = data[: 3600 + 6 * size] + data[3600 + 7 * size :]
        assert self.exported(tmp_path, tmp_path / "x.mdio") == expected


class TestAskedForAnotherForm:
    """Another sample format or byte order: the words that describe it are rewritten, nothing else is."""

    @pytest.fixture
    def values(self, rng):
        return rng.integers(-1000, 1000, (12, 10)).astype(np.float32)

    @pytest.fixture
    def store(self, tmp_path, rng, values):
        inline, crossline = grid(3, 4)
        data = segy({189: inline, 193: crossline}, values, 5, noise=rng)
        (tmp_path / "in.sgy").write_bytes(data)
        segy_to_mdio(tmp_path / "in.sgy", tmp_path / "x.mdio", [189, 193])
        return tmp_path / "x.mdio"

    @pytest.mark.parametrize(("name", "code", "kind"), [("int16", 3, "i2"), ("ieee64", 6, "f8"), ("int32", 2, "i4")])
    def test_format(self, tmp_path, store, values, name, code, kind):
        mdio_to_segy(store, tmp_path / "out.sgy", out_sample_format=name)
        old, new = (tmp_path / "in.sgy").read_bytes(), (tmp_path / "out.sgy").read_bytes()
        assert new[:3224] == old[:3224]
        assert struct.unpack_from(">h", new, 3224) == (code,)
        assert new[3226:3600] == old[3226:3600]
        before = np.frombuffer(old, np.uint8)[3600:].reshape(12, -1)
        after = np.frombuffer(new, np.uint8)[3600:].reshape(12, -1)
        assert np.array_equal(after[:, :240], before[:, :240])
        assert after[:, 240:].tobytes() == file_bytes(values.astype(kind), ">").tobytes()

    def test_ibm(self, tmp_path, store, values):
        mdio_to_segy(store, tmp_path / "out.sgy", out_sample_format="ibm32")
        new = (tmp_path / "out.sgy").read_bytes()
        assert struct.unpack_from(">h", new, 3224) == (1,)
        words = np.frombuffer(new, np.uint8)[3600:].reshape(12, -1)[:, 240:].copy().view(">u4")
        assert np.array_equal(np.vectorize(ibm_value)(words), values)

    def test_byte_order(self, tmp_path, store, values):
        mdio_to_segy(store, tmp_path / "out.sgy", endian="little")
        old, new = (tmp_path / "in.sgy").read_bytes(), (tmp_path / "out.sgy").read_bytes()
        assert len(old) == len(new)
        assert new[:3200] == old[:3200]
        for at in (16, 20, 24, 302):
            assert struct.unpack_from("<h", new, 3200 + at) == struct.unpack_from(">h", old, 3200 + at)
        assert new[3500:3502] == old[3500:3502], "the two revision bytes have no order"
        before = np.frombuffer(old, np.uint8)[3600:].reshape(12, -1)
        after = np.frombuffer(new, np.uint8)[3600:].reshape(12, -1)
        for byte, size in ((1, 4), (29, 2), (71, 2), (181, 4), (189, 4), (231, 2)):
            word = slice(byte - 1, byte - 1 + size)
            assert np.array_equal(after[:, word], before[:, word][:, ::-1]), byte
        assert np.array_equal(after[:, 232:240], before[:, 232:240]), "no word: copied as it is"
        assert after[:, 240:].tobytes() == file_bytes(values, "<").tobytes()
        # And there is a way back.
        segy_to_mdio(tmp_path / "out.sgy", tmp_path / "y.mdio", [189, 193])
        mdio_to_segy(tmp_path / "y.mdio", tmp_path / "back.sgy", endian="big")
        assert (tmp_path / "back.sgy").read_bytes() == old

    def test_a_value_that_does_not_fit_is_refused(self, tmp_path, store):
        zarr.open_group(store, mode="r+", zarr_format=2)["data/chunked_012"][2, 2, 5] = 32768.0
        with pytest.raises(mdio.exceptions.MDIOError, match="32768"):
            mdio_to_segy(store, tmp_path / "out.sgy", out_sample_format="int16")
        assert not (tmp_path / "out.sgy").exists()
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]

    @pytest.mark.parametrize("name", ["int16", "int32"])
    def test_not_a_number_has_no_place_in_integers(self, tmp_path, store, name):
        zarr.open_group(store, mode="r+", zarr_format=2)["data/chunked_012"][0, 0, 0] = np.nan
        with pytest.raises(mdio.exceptions.MDIOError, match="nan"):
            mdio_to_segy(store, tmp_path / "out.sgy", out_sample_format=name)


def test_foreign_reads_and_region_reads_agree(tmp_path, rng):
    """The store is plain Zarr: another reader sees the same samples."""
    inline, crossline = grid(7, 6)
    values = samples_for(3, rng, 42, 33)
    volume = around(tmp_path, segy({189: inline, 193: crossline}, values, 3), [189, 193], chunksize=(3, 4, 10))
    group = zarr.open_group(tmp_path / "x.mdio", mode="r", zarr_format=2)
    assert np.array_equal(group["data/chunked_012"][:], values.reshape(7, 6, 33))
    headers = group["metadata/chunked_012_trace_headers"][:]
    assert np.array_equal(headers["189"].ravel(), inline)
    assert np.array_equal(headers["193"].ravel(), crossline)
    assert group["metadata/live_mask"][:].all()
    box = Region([(2, 5), (1, 6), (4, 29)])
    assert np.array_equal(volume.samples(box), values.reshape(7, 6, 33)[box.slices])
