"""The documented accessor, written to: modes, file headers, codecs, dask, and what an exported SEG-Y has of it."""

import pickle
import struct
import typing

import numpy as np
import pytest
from segy_bytes import grid, ibm_words, segy

import mdio
from mdio.api.file_headers import checked_binary
from mdio.convert import convert
from mdio.exceptions import StorageError, WrongTypeError
from mdio.native.options import WriteOptions

LAYOUTS = typing.get_args(WriteOptions.model_fields["layout"].annotation)
TRACES, SAMPLES = 20, 16
SIZE = 240 + 4 * SAMPLES
ONE, TEXTBOOK = 0x41100000, 0xC276A000
"""IBM words of 1.0 and -118.625 (the example of the format's descriptions)."""


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def data(rng):
    inline, crossline = grid(4, 5)
    words = ibm_words(rng, (TRACES, SAMPLES))
    words[:, 3] = 0x40000001  # unnormalised: kept as patches
    return bytearray(segy({189: inline, 193: crossline}, words, 1, noise=rng))


def imported(folder, data, layout="v0", chunks=(2, 2, 8), **options):
    (folder / "in.sgy").write_bytes(data)
    convert(
        folder / "in.sgy",
        folder / "x.mdio",
        source_options={"header_locations": [189, 193], "header_names": ["inline", "crossline"], **options},
        target_options={"layout": layout, "chunks": list(chunks)},
        overwrite=True,
    )
    return folder / "x.mdio"


def exported(store):
    mdio.mdio_to_segy(store, store.with_name("out.sgy"), overwrite=True)
    return store.with_name("out.sgy").read_bytes()


# -- modes -------------------------------------------------------------------------------------------------------


def test_modes(tmp_path, data):
    path = imported(tmp_path, data)
    for mode in ("a", "rw", "x", ""):
        with pytest.raises(ValueError, match="no mode"):
            mdio.MDIOAccessor(path, mode)
    reader = mdio.MDIOReader(path)
    assert reader.mode == "r"
    says = r'x\.mdio: opened for reading only; open it with mode="r\+", or mdio.MDIOWriter'
    with pytest.raises(StorageError, match=says):
        reader[0] = 1
    with pytest.raises(StorageError, match=says):
        reader.live_mask[0] = False
    with pytest.raises(StorageError, match=says):
        reader.headers["inline"][0] = 1
    with pytest.raises(StorageError, match=says):
        reader._traces[0] = 1
    with pytest.raises(StorageError, match=says):
        reader.text_header = [""] * 40
    with pytest.raises(StorageError, match=says):
        reader.binary_header = {"JobID": 4}
    with pytest.raises(StorageError, match=says):
        reader.update_statistics()
    for writer, mode in (
        (mdio.MDIOAccessor(path, "w"), "w"),
        (mdio.MDIOAccessor(path, "r+", "012"), "r+"),
        (mdio.MDIOWriter(path, disk_cache=True), "r+"),
    ):
        with writer:
            assert writer.mode == mode
            writer._traces[0, 0] = 2
            writer[0] += 1
            assert (writer[0, 0] == 3).all()
    with pytest.raises(mdio.MDIOError):
        mdio.MDIOWriter(tmp_path / "nothing.mdio")


def test_a_writer_stays_in_its_process(tmp_path, data):
    path = imported(tmp_path, data)
    reader = mdio.MDIOReader(path)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader))[0], reader[0])
    with pytest.raises(WrongTypeError, match="stays in its process"):
        pickle.dumps(mdio.MDIOWriter(path))


def test_a_cache_forgets_what_was_edited(tmp_path, data):
    writer = mdio.MDIOWriter(imported(tmp_path, data), memory_cache_size=2**24, return_metadata=True)
    before = writer[...]
    writer[1, 2, 3] = 8
    writer.live_mask[3] = False
    live, headers, samples = writer[...]
    assert samples[1, 2, 3] == 8
    assert not live[3].any()
    assert not headers["inline"][3].any()
    np.testing.assert_array_equal(samples[2], before[2][2])


def test_an_array_shows_the_codec_of_numcodecs(tmp_path, data):
    import numcodecs

    path = imported(tmp_path, data)
    stored = mdio.MDIOReader(path)._traces.compressor
    assert isinstance(stored, numcodecs.Blosc)
    assert repr(stored) == f"Blosc(cname='zstd', clevel={stored.clevel}, shuffle=SHUFFLE, blocksize=0)"
    pytest.importorskip("zfpy")
    pytest.importorskip("numcodecs.zfpy")
    from mdio.api.compressors import codec_of

    lossy = {"id": "zfpy", "mode": 4, "compression_kwargs": {"tolerance": 0.5}, "tolerance": 0.5, "rate": -1}
    assert repr(codec_of({**lossy, "precision": -1})) == "ZFPY(mode=4, tolerance=0.5, rate=-1, precision=-1)"
    third = {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 3, "shuffle": "bitshuffle", "typesize": 4}}
    assert repr(codec_of(third)).startswith("Blosc(cname='lz4', clevel=3, shuffle=BITSHUFFLE")
    assert codec_of({"id": "of nobody", "level": 3}) == {"id": "of nobody", "level": 3}
    assert codec_of(None) is None


def test_a_copy(tmp_path, data):
    pytest.importorskip("mdio.api.convenience")
    accessor = mdio.MDIOReader(imported(tmp_path, data))
    accessor.copy(tmp_path / "copy.mdio", excludes="chunked_012", includes="trace_headers")
    empty = mdio.MDIOReader(tmp_path / "copy.mdio", return_metadata=True)
    _, headers, samples = empty[...]
    assert not samples.any()
    assert headers["inline"].any()
    with pytest.raises(FileExistsError):
        accessor.copy(tmp_path / "copy.mdio")
    accessor.copy(tmp_path / "copy.mdio", overwrite=True)
    np.testing.assert_array_equal(mdio.MDIOReader(tmp_path / "copy.mdio")[...], accessor[...])


# -- dask --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["zarr", "dask"])
@pytest.mark.parametrize("lock", [False, True])
def test_dask_stores_into_an_accessor(tmp_path, data, backend, lock):
    dask_array = pytest.importorskip("dask.array")
    path = imported(tmp_path, data)
    values = np.arange(4 * 5 * 16, dtype="f4").reshape(4, 5, 16)
    writer = mdio.MDIOWriter(path, backend=backend)
    # Tasks that share stored objects, and traces.
    dask_array.store(dask_array.from_array(values, chunks=(1, 3, 5)), writer, lock=lock, scheduler="threads")
    np.testing.assert_array_equal(mdio.MDIOReader(path)[...], values)
    if backend == "dask":
        writer[0] = writer[1].max()
        assert (np.asarray(writer[0]) == values[1].max()).all()
        np.testing.assert_array_equal(writer[1].compute(), values[1])
    writer.close()


# -- file headers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_text_header(tmp_path, data, layout):
    path = imported(tmp_path, data, layout)
    with mdio.MDIOWriter(path) as writer:
        lines = writer.text_header
        assert len(lines) == 40
        lines[2] = "C 3 EDITED"
        writer.text_header = lines
        assert writer.text_header[2] == "C 3 EDITED".ljust(80)
        assert writer.text_header[3:] == lines[3:]
        for wrong, says in (
            (["x"] * 39, "40 lines, not 39"),
            (["x" * 81, *["x"] * 39], "line 1 of the text header has 81"),
            ("x" * 3200, "40 lines, not 1"),
        ):
            with pytest.raises(ValueError, match=says):
                writer.text_header = wrong
        with pytest.raises(WrongTypeError, match="line 40 of the text header is int"):
            writer.text_header = [*[""] * 39, 5]
    data[160:240] = "C 3 EDITED".ljust(80).encode("cp037")
    assert exported(path) == data


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("names", [("JobID", "MeasurementSystem"), ("job_id", "measurement_system_code")])
def test_the_binary_header(tmp_path, data, layout, names):
    path = imported(tmp_path, data, layout)
    with mdio.MDIOWriter(path) as writer:
        held = writer.binary_header
        writer.binary_header = {names[0]: 77, names[1]: np.int16(2)}
        assert writer.binary_header.keys() == held.keys()  # in the spelling of the store, and no other
        changed = {name: value for name, value in writer.binary_header.items() if value != held[name]}
        assert list(changed.values()) == [77, 2] or list(changed.values()) == [2, 77]
        with pytest.raises(ValueError, match="no binary header word 'Intervall'; did you mean Interval"):
            writer.binary_header = {"Intervall": 4}
        with pytest.raises(ValueError, match="no binary header word 'job_idd'; did you mean job_id"):
            writer.binary_header = {"job_idd": 4}
        with pytest.raises(ValueError, match="'Samples': 70000 has no place in 16 bits"):
            writer.binary_header = {"Samples": 70000}
        with pytest.raises(WrongTypeError, match=r"'JobID' is 1\.5, not an integer"):
            writer.binary_header = {"JobID": 1.5}
    struct.pack_into(">i", data, 3200, 77)  # bytes 3201-3204
    struct.pack_into(">h", data, 3254, 2)  # bytes 3255-3256
    assert exported(path) == data


def test_binary_words_that_a_store_lacks():
    assert checked_binary({"sample_interval": 5}, {}, "v0") == {"Interval": 5}
    assert checked_binary({"Interval": 5}, {}, "v0.9") == {"sample_interval": 5}
    assert checked_binary({"Interval": 5}, {"job_id": 1}, "v0") == {"job_id": 1, "sample_interval": 5}
    assert checked_binary({"ExtSamples": 99999}, {"Format": 1}, "v0") == {"Format": 1, "ExtSamples": 99999}
    held = {"extended_samples_per_trace": 1}
    assert checked_binary({"ExtSamples": 99999}, held, "v0.9") == {"extended_samples_per_trace": 99999}
    with pytest.raises(ValueError, match="no binary header word 'ExtSamples'"):
        checked_binary({"ExtSamples": 99999}, {"job_id": 1}, "v0.9")


# -- exported ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_edits_are_in_the_exported_file(tmp_path, data, layout):
    path = imported(tmp_path, data, layout)
    with mdio.MDIOWriter(path) as writer:
        writer[1, 2, 3] = 1.0  # over an unnormalised word
        writer[1, 2, 4] = -118.625
        writer[3, ::2] = np.full((3, SAMPLES), 1.0)
        writer.headers["cdp_x"][2, 1:3] = [123456, -7]
    at = 3600 + 240
    struct.pack_into(">II", data, at + 7 * SIZE + 12, ONE, TEXTBOOK)
    for crossline in (0, 2, 4):
        trace = at + (15 + crossline) * SIZE
        data[trace : trace + 4 * SAMPLES] = struct.pack(">I", ONE) * SAMPLES
    for crossline, word in ((1, 123456), (2, -7)):
        struct.pack_into(">i", data, 3600 + (10 + crossline) * SIZE + 180, word)
    assert exported(path) == data


def added(samples, inline, crossline):
    header = bytearray(240)
    struct.pack_into(">ii", header, 188, inline, crossline)
    return bytes(header) + struct.pack(">I", ONE) * samples


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_trace_that_was_added_to_a_sorted_file(tmp_path, rng, layout):
    """Grid order is file order: it goes where the grid has it."""
    inline, crossline = (np.delete(axis, [4, 9]) for axis in grid(4, 5))
    data = segy({189: inline, 193: crossline}, ibm_words(rng, (18, SAMPLES)), 1, noise=rng)
    path = imported(tmp_path, data, layout)
    with mdio.MDIOWriter(path) as writer:
        writer[1, 4] = 1
    cut = 3600 + 8 * SIZE  # nine traces lie before it, but for the one that is still missing
    assert exported(path) == data[:cut] + added(SAMPLES, 101, 204) + data[cut:]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_trace_that_was_added_to_a_shuffled_file(tmp_path, rng, layout):
    """It follows the others, in grid order."""
    chosen = np.delete(np.random.default_rng(5).permutation(20), [4, 11])
    missing = sorted(set(range(20)) - set(chosen.tolist()))
    inline, crossline = (axis[chosen] for axis in grid(4, 5))
    data = segy({189: inline, 193: crossline}, ibm_words(rng, (18, SAMPLES)), 1, noise=rng)
    path = imported(tmp_path, data, layout)
    with mdio.MDIOWriter(path) as writer:
        for cell in reversed(missing):
            writer[cell // 5, cell % 5] = 1
    tail = b"".join(added(SAMPLES, 100 + cell // 5, 200 + cell % 5) for cell in missing)
    assert exported(path) == data + tail


@pytest.mark.parametrize("order", ["sorted by crossline", "shuffled"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_trace_that_died_and_lives_again(tmp_path, rng, layout, order):
    """It has its old place, and nothing else of what it was: header bytes behind the 232nd included."""
    chosen = np.arange(20).reshape(4, 5).T.ravel() if order[1] == "o" else np.random.default_rng(5).permutation(20)
    inline, crossline = (axis[chosen] for axis in grid(4, 5))
    words = ibm_words(rng, (20, SAMPLES))
    words[:, 3] = 0x40000001
    data = segy({189: inline, 193: crossline}, words, 1, noise=rng)
    path = imported(tmp_path, data, layout)
    place = 7
    cell = int(chosen[place])
    start, stop = 3600 + place * SIZE, 3600 + (place + 1) * SIZE
    writer = mdio.MDIOWriter(path)
    writer.live_mask[cell // 5, cell % 5] = False
    assert exported(path) == data[:start] + data[stop:]
    writer[cell // 5, cell % 5] = 1
    assert exported(path) == data[:start] + added(SAMPLES, 100 + cell // 5, 200 + cell % 5) + data[stop:]


def varying(lengths, columns, rng):
    """Traces of different lengths: 240 bytes of header that state the count, IBM words."""
    head = segy({}, np.zeros((0, max(lengths)), np.uint32), 1, binary={3503: ("h", 0)})
    traces = []
    for number, length in enumerate(lengths):
        header = bytearray(240)
        struct.pack_into(">HH", header, 114, length, 4000)
        struct.pack_into(">ii", header, 188, *(int(column[number]) for column in columns))
        traces.append([header, ibm_words(rng, (length,)).astype(">u4").tobytes()])
    return head, traces


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_traces_of_different_lengths(tmp_path, rng, layout):
    lengths = [5, 7, 7, 3, 9, 5, 5, 8, 4, 9, 9]
    inline, crossline = (np.delete(axis, 5) for axis in grid(3, 4))
    head, traces = varying(lengths, (inline, crossline), rng)

    def file():
        return head + b"".join(bytes(header) + samples for header, samples in traces)

    path = imported(tmp_path, file(), layout, chunks=(2, 2, 4))
    assert exported(path) == file()
    writer = mdio.MDIOWriter(path)
    assert writer.shape == (3, 4, 9)
    writer[...] = writer[...] * 1  # padding is no reason to grow; the hole becomes a trace of the whole axis
    born = bytearray(240)
    struct.pack_into(">H", born, 114, 9)
    struct.pack_into(">ii", born, 188, 101, 201)
    traces.insert(5, [born, bytes(36)])
    assert exported(path) == file()
    writer[0, 3, 5] = 1  # 3 samples become 6
    traces[3][0][114:116] = struct.pack(">H", 6)
    traces[3][1] += struct.pack(">III", 0, 0, ONE)
    writer[2, 0, 6:] = [1, 1, 0]  # 4 was the length of the ninth, now moved one on
    at = 8
    before = struct.unpack(">H", traces[at][0][114:116])[0]
    traces[at][0][114:116] = struct.pack(">H", max(before, 8))
    samples = bytearray(traces[at][1].ljust(4 * max(before, 8), b"\0"))
    samples[24:32] = struct.pack(">II", ONE, ONE)
    if before > 8:
        samples[32:36] = bytes(4)
    traces[at][1] = bytes(samples)
    assert exported(path) == file()
    writer.live_mask[0, 0] = False
    writer[0, 0, 2] = 1  # a trace of its own now
    first = bytearray(240)
    struct.pack_into(">H", first, 114, 9)
    struct.pack_into(">ii", first, 188, 100, 200)
    traces[0] = [first, bytes(8) + struct.pack(">I", ONE) + bytes(24)]
    assert exported(path) == file()


def test_words_of_an_import_by_other_bytes(tmp_path, rng):
    """A new trace gets the words that the dataset was imported by, not those that its axes are named after."""
    inline, crossline = (np.delete(axis, 7) for axis in grid(4, 5))
    data = segy({181: inline, 185: crossline}, ibm_words(rng, (19, SAMPLES)), 1)
    path = imported(tmp_path, data, header_locations=[181, 185])
    with mdio.MDIOWriter(path) as writer:
        writer[1, 2] = 1
    back = exported(path)
    header = back[3600 + 7 * SIZE : 3600 + 7 * SIZE + 240]
    assert struct.unpack_from(">iiii", header, 180) == (101, 202, 0, 0)
    (tmp_path / "again").mkdir()
    again = imported(tmp_path / "again", back, header_locations=[181, 185])
    np.testing.assert_array_equal(mdio.MDIOReader(again)[...], mdio.MDIOReader(path)[...])


def test_an_open_reader_goes_on(tmp_path, data):
    path = imported(tmp_path, data)
    reader = mdio.MDIOReader(path)
    with mdio.MDIOWriter(path) as writer:
        writer[2] = 4
        assert (reader[2] == 4).all()
