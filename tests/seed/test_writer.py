"""Writing through the accessor: samples under any key, the live mask with them, headers, and what is exported then."""

import shutil

import numpy as np
import pytest
from plain_segy import from_ibm, read_plain, to_ibm

from mdio import MDIOReader, MDIOWriter, mdio_to_segy, segy_to_mdio
from mdio.api.accessor import MDIOAccessor
from mdio.exceptions import MDIOError

SHAPE = (23, 14, 60)


@pytest.fixture(scope="module")
def imported(small, folder):
    segy_to_mdio(small.path, folder / "a.mdio", (189, 193), ("inline", "crossline"), chunksize=(8, 8, 16))
    return folder / "a.mdio"


@pytest.fixture
def path(imported, tmp_path):
    """Return a dataset that a test may change."""
    return shutil.copytree(imported, str(tmp_path / "a.mdio"))


def positions(key):
    """Return the positions a key selects along each axis, and the axes it drops; nothing but numpy."""
    items = list(key) if isinstance(key, tuple) else [key]
    at = items.index(Ellipsis) if any(item is Ellipsis for item in items) else len(items)
    missing = len(SHAPE) - len(items) + (at < len(items))
    items[at : at + 1] = [slice(None)] * missing
    picked = [np.atleast_1d(np.arange(size)[item]) for item, size in zip(items, SHAPE, strict=True)]
    return picked, tuple(axis for axis, item in enumerate(items) if isinstance(item, int))


def shape_of(key):
    picked, dropped = positions(key)
    return tuple(len(part) for axis, part in enumerate(picked) if axis not in dropped)


def put(array, key, values):
    """Assign under a key; lists select the intersection of their positions."""
    picked, dropped = positions(key)
    full = np.broadcast_to(values, shape_of(key))
    array[np.ix_(*picked)] = np.expand_dims(full, dropped)


KEYS = {
    "inline": np.s_[3],
    "last": np.s_[-1],
    "inlines": np.s_[2:11],
    "crossline": np.s_[:, 4],
    "trace": np.s_[2, 3],
    "sample-of-a-trace": np.s_[2, 3, 7],
    "time-slice": np.s_[..., 7],
    "time-slices": np.s_[:, :, 10:20],
    "box": np.s_[5:19, 3:9, 15:33],
    "strided": np.s_[::2, 1, 50:20:-3],
    "backwards": np.s_[::-1],
    "list": [1, 7, 16],
    "list-of-crosslines": np.s_[:, [2, 9]],
    "lists": ([1, 16, 4], [3, 0]),
    "array": np.array([20, 2]),
    "truth": np.arange(23) % 3 == 0,
    "everything": np.s_[:],
    "ellipsis": np.s_[...],
    "nothing": np.s_[5:5],
}


def check(path, samples, live, small):
    """What a reader, opened anew, sees."""
    seen_live, headers, seen = MDIOReader(path, return_metadata=True)[:]
    np.testing.assert_array_equal(seen, samples)
    np.testing.assert_array_equal(seen_live, live)
    np.testing.assert_array_equal(headers["73"], small.words[73])


@pytest.mark.parametrize("name", KEYS)
def test_values(path, small, name):
    """Written cells become live, whichever samples of them were written; all else stays what it was."""
    key = KEYS[name]
    values = np.random.default_rng(5).standard_normal(shape_of(key), dtype="f4")
    samples, live = small.samples.copy(), np.repeat(small.live[..., None], 60, axis=2)
    put(samples, key, values)
    put(live, key, True)
    with MDIOWriter(path) as writer:
        writer[key] = values
        np.testing.assert_array_equal(writer[:], samples)
    check(path, samples, live.any(axis=2), small)
    assert MDIOReader(path).trace_count == live.any(axis=2).sum()


@pytest.mark.parametrize(
    ("name", "scalar"),
    [("inline", 5.0), ("crossline", 3), ("time-slice", np.float64(0.1)), ("box", np.float32(-2)), ("lists", -1)],
)
def test_scalars(path, small, name, scalar):
    samples, live = small.samples.copy(), np.repeat(small.live[..., None], 60, axis=2)
    put(samples, KEYS[name], scalar)
    put(live, KEYS[name], True)
    with MDIOWriter(path) as writer:
        writer[KEYS[name]] = scalar
    check(path, samples, live.any(axis=2), small)


@pytest.mark.parametrize(
    ("key", "shape"),
    [(np.s_[4], (60,)), (np.s_[4], (14, 1)), (np.s_[:, 2:5], (3, 60)), (np.s_[..., 7], (14,)), (np.s_[:], (1, 1, 60))],
)
def test_broadcasting(path, small, key, shape):
    values = np.random.default_rng(6).standard_normal(shape)
    samples, live = small.samples.copy(), np.repeat(small.live[..., None], 60, axis=2)
    put(samples, key, values.astype("f4"))
    put(live, key, True)
    with MDIOWriter(path) as writer:
        writer[key] = values.tolist() if values.ndim == 1 else values
    check(path, samples, live.any(axis=2), small)


@pytest.mark.parametrize(("key", "shape"), [(np.s_[4], (61,)), (np.s_[4], (13, 60)), (np.s_[2:4], (3, 14, 60))])
def test_shapes_that_do_not_fit(path, small, key, shape):
    writer = MDIOWriter(path)
    with pytest.raises(ValueError, match=r"."):
        writer[key] = np.zeros(shape)
    check(path, small.samples, small.live, small)


@pytest.mark.parametrize("key", [23, -24, np.s_[:, 14], np.s_[..., 60], np.s_[1, 2, 3, 4], [1, 23]])
def test_positions_that_are_not_there(path, small, key):
    writer = MDIOWriter(path)
    with pytest.raises(IndexError):
        writer[key] = 1.0
    check(path, small.samples, small.live, small)


def test_zarr_sees_what_was_written(path, small):
    zarr = pytest.importorskip("zarr")
    with MDIOWriter(path) as writer:
        writer[10:14] = 9.0
    root = zarr.open_consolidated(path, mode="r")
    expected = small.samples.copy()
    expected[10:14] = 9
    np.testing.assert_array_equal(root["data/chunked_012"][:], expected)
    assert root["metadata/live_mask"][10:14].all()


def test_a_cache_does_not_keep_what_was_there(path, small):
    writer = MDIOWriter(path, "012", None, True, None, "zarr", 2**24, False)
    writer[:]
    writer[6] = 4.0
    live, _, samples = writer[6]
    assert live.all()
    assert (samples == 4).all()
    np.testing.assert_array_equal(writer[7][2], small.samples[7])


# -- modes -------------------------------------------------------------------------------------------------------


def accessor(path, mode):
    return MDIOAccessor(
        mdio_path_or_buffer=path,
        mode=mode,
        access_pattern="012",
        storage_options=None,
        return_metadata=False,
        new_chunks=None,
        backend="zarr",
        memory_cache_size=0,
        disk_cache=False,
    )


@pytest.mark.parametrize("mode", ["r+", "w"])
def test_modes_that_write(path, small, mode):
    with accessor(path, mode) as opened:
        opened[3] = 1.5
        assert opened.mode == mode
        np.testing.assert_array_equal(opened[4], small.samples[4])
    np.testing.assert_array_equal(MDIOReader(path)[3], np.full((14, 60), 1.5, "f4"))


def test_the_writer_is_open_for_changes_only(path):
    assert MDIOWriter(path).mode == "r+"


READ_ONLY = (MDIOError, PermissionError, ValueError, AttributeError)


@pytest.mark.parametrize("open_for_reading", [lambda path: accessor(path, "r"), MDIOReader], ids=["accessor", "reader"])
def test_reading_never_writes(path, small, open_for_reading):
    opened = open_for_reading(path)
    assert opened.mode == "r"
    with pytest.raises(READ_ONLY, match="read"):
        opened[3] = 1.5
    with pytest.raises(READ_ONLY, match="read"):
        opened.text_header = [" " * 80] * 40
    with pytest.raises(READ_ONLY, match="read"):
        opened.binary_header = dict(opened.binary_header)
    check(path, small.samples, small.live, small)
    assert MDIOReader(path).text_header == small.text


@pytest.mark.parametrize("mode", ["x", "a", "rw", "", "R", "w+"])
def test_other_modes(path, mode):
    with pytest.raises(ValueError, match="mode"):
        accessor(path, mode)


@pytest.mark.parametrize("mode", ["r", "r+", "w"])
def test_no_mode_makes_a_dataset(tmp_path, mode):
    with pytest.raises(FileNotFoundError):
        accessor(str(tmp_path / "none.mdio"), mode)
    assert not (tmp_path / "none.mdio").exists()


# -- file headers ------------------------------------------------------------------------------------------------

TEXT = [f"C{line:2d} WRITTEN LATER".ljust(80) for line in range(1, 41)]


def test_text_header(path, small, tmp_path):
    with MDIOWriter(path) as writer:
        writer.text_header = TEXT
        assert writer.text_header == TEXT
    assert MDIOReader(path).text_header == TEXT
    mdio_to_segy(path, tmp_path / "b.segy")
    assert read_plain(tmp_path / "b.segy").lines == TEXT
    assert (tmp_path / "b.segy").read_bytes()[3200:] == small.path.read_bytes()[3200:]


@pytest.mark.parametrize("text", [TEXT[:39], TEXT + TEXT[:1], "C" * 3200, [" " * 81] * 40, list(range(40)), []])
def test_text_that_is_no_header(path, small, text):
    """Releases raise AttributeError when it is no list of 40."""
    writer = MDIOWriter(path)
    with pytest.raises((MDIOError, AttributeError, ValueError, TypeError), match=r"text header"):
        writer.text_header = text
    assert MDIOReader(path).text_header == small.text


def test_binary_header(path, tmp_path, small):
    with MDIOWriter(path) as writer:
        writer.binary_header = {**writer.binary_header, "JobID": 4711, "LineNumber": 12}
        assert writer.binary_header["JobID"] == 4711
    assert MDIOReader(path).binary_header == {**MDIOReader(path).binary_header, "JobID": 4711, "LineNumber": 12}
    mdio_to_segy(path, tmp_path / "b.segy")
    seen, source = read_plain(tmp_path / "b.segy"), read_plain(small.path)
    assert int.from_bytes(seen.binary[:4], "big") == 4711
    assert int.from_bytes(seen.binary[4:8], "big") == 12
    assert seen.binary[8:] == source.binary[8:]


@pytest.mark.parametrize("header", [[1, 2], "JobID", None, 3])
def test_what_is_no_binary_header(path, header):
    writer = MDIOWriter(path)
    before = writer.binary_header
    with pytest.raises((MDIOError, AttributeError, ValueError, TypeError)):
        writer.binary_header = header
    assert MDIOReader(path).binary_header == before


# -- export of what was written ----------------------------------------------------------------------------------


def exported(path, tmp_path):
    mdio_to_segy(path, tmp_path / "b.segy")
    return read_plain(tmp_path / "b.segy")


def test_edits_are_exported(path, small, tmp_path):
    """The dataset keeps how odd words of the source were written; where samples changed, that is out of date.

    The inline with odd words is rewritten for half of its traces: those come back as written, the others to the bit.
    """
    source = read_plain(small.path)
    with MDIOWriter(path) as writer:
        writer[2, :7] = 1.25
        writer[small.live.nonzero()[0][-1], :, 30] = -8.0
    samples, live = small.samples.copy(), small.live.copy()
    samples[2, :7] = 1.25
    samples[22, :, 30] = -8
    live[22] = True
    seen = exported(path, tmp_path)
    np.testing.assert_array_equal(from_ibm(seen.words), samples[live])
    untouched = np.zeros(SHAPE, bool)
    untouched[small.live] = True
    untouched[2, :7] = untouched[22] = False
    words = np.zeros(SHAPE, np.uint32)
    words[small.live] = source.words
    found = np.zeros(SHAPE, np.uint32)
    found[live] = seen.words
    np.testing.assert_array_equal(found[untouched], words[untouched])


def test_a_sample_set_to_its_own_value_keeps_its_word_or_the_value(path, small, tmp_path):
    with MDIOWriter(path) as writer:
        writer[2] = writer[2]
    np.testing.assert_array_equal(from_ibm(exported(path, tmp_path).words), small.samples[small.live])


def test_traces_that_were_not_there_are_exported(path, small, tmp_path):
    dead = tuple(axis[0] for axis in np.nonzero(~small.live))
    values = np.arange(1, 61, dtype="f4")
    with MDIOWriter(path) as writer:
        writer[dead] = values
    live = small.live.copy()
    live[dead] = True
    seen = exported(path, tmp_path)
    assert len(seen.words) == live.sum() == small.live.sum() + 1
    place = np.count_nonzero(live.ravel()[: np.ravel_multi_index(dead, live.shape)])
    np.testing.assert_array_equal(seen.words[place], to_ibm(values))
    others = np.arange(len(seen.words)) != place
    np.testing.assert_array_equal(seen.words[others], read_plain(small.path).words)
    np.testing.assert_array_equal(seen.header(73)[others], small.words[73][small.live])


def test_headers_are_written_and_exported(path, small, tmp_path):
    """Inline 2 has all its traces."""
    with MDIOWriter(path) as writer:
        headers = writer._headers[2]
        headers["73"] = np.arange(14) + 500
        writer._headers[2] = headers
    expected = small.words[73].copy()
    expected[2] = np.arange(14) + 500
    np.testing.assert_array_equal(MDIOReader(path)._headers[:]["73"], expected)
    seen, source = exported(path, tmp_path), read_plain(small.path)
    np.testing.assert_array_equal(seen.header(73), expected[small.live])
    changed = source.heads.copy()
    changed[:, 72:76] = seen.heads[:, 72:76]
    np.testing.assert_array_equal(seen.heads, changed)
    np.testing.assert_array_equal(seen.words, source.words)
