"""Copies with and without samples or headers, in the form of the documentation and that of 0.9; copies with chunks."""

import shutil

import numpy as np
import pytest

from mdio import MDIOReader, mdio_to_segy, segy_to_mdio
from mdio.api.accessor import MDIOAccessor
from mdio.exceptions import MDIOAlreadyExistsError, MDIOError


@pytest.fixture(scope="module")
def imported(small, folder):
    segy_to_mdio(small.path, folder / "a.mdio", (189, 193), ("inline", "crossline"), chunksize=(8, 8, 16))
    return folder / "a.mdio"


@pytest.fixture
def path(imported, tmp_path):
    """Return a dataset that a test may change."""
    return shutil.copytree(imported, str(tmp_path / "a.mdio"))


@pytest.fixture
def copy_mdio():
    from mdio.api.convenience import copy_mdio

    return copy_mdio


def look(path):
    """Return the parts of a dataset and what does not depend on them."""
    with MDIOReader(path, return_metadata=True) as reader:
        live, headers, samples = reader[:]
        facts = [[dim.coords.tolist() for dim in reader.grid.dims], reader.grid.dim_names, reader.chunks]
        return live, headers["73"], samples, [*facts, reader.text_header, reader.binary_header]


def is_copy(copy, source, small, samples, headers):
    live, words, seen, facts = look(copy)
    assert facts == look(source)[3]
    assert seen.shape == small.samples.shape
    np.testing.assert_array_equal(seen, small.samples if samples else np.zeros_like(small.samples))
    np.testing.assert_array_equal(words, small.words[73] if headers else np.zeros_like(words))
    return live


CASES = [
    ("", "", True, True),
    ("chunked_012", "", False, False),
    ("chunked_012", "trace_headers", False, True),
    ("trace_headers", "", True, False),
    ("", "trace_headers", True, True),
]


@pytest.mark.parametrize(("excludes", "includes", "samples", "headers"), CASES)
def test_copy(path, small, tmp_path, copy_mdio, excludes, includes, samples, headers):
    reader = MDIOReader(path)
    copy_mdio(
        source=reader,
        dest_path_or_buffer=str(tmp_path / "b.mdio"),
        excludes=excludes,
        includes=includes,
        storage_options=None,
        overwrite=False,
    )
    live = is_copy(tmp_path / "b.mdio", path, small, samples, headers)
    np.testing.assert_array_equal(live, small.live)


@pytest.mark.parametrize(("excludes", "includes", "samples", "headers"), CASES)
def test_copy_of_an_accessor(path, small, tmp_path, excludes, includes, samples, headers):
    MDIOReader(path).copy(str(tmp_path / "b.mdio"), excludes, includes, None, False)
    live = is_copy(tmp_path / "b.mdio", path, small, samples, headers)
    np.testing.assert_array_equal(live, small.live)


def test_copy_keeps_what_the_export_needs(path, small, tmp_path, copy_mdio):
    copy_mdio(MDIOReader(path), str(tmp_path / "b.mdio"))
    mdio_to_segy(str(tmp_path / "b.mdio"), str(tmp_path / "b.segy"))
    assert (tmp_path / "b.segy").read_bytes() == small.path.read_bytes()
    first, second = MDIOReader(path), MDIOReader(tmp_path / "b.mdio")
    assert second.stats == first.stats
    assert second.trace_count == first.trace_count


def test_an_empty_copy_is_filled(path, small, tmp_path, copy_mdio):
    """What the copy without samples is for."""
    from mdio import MDIOWriter

    copy_mdio(MDIOReader(path), str(tmp_path / "b.mdio"), "chunked_012", "trace_headers")
    with MDIOWriter(str(tmp_path / "b.mdio")) as writer:
        for inline in range(23):
            writer[inline] = 2 * small.samples[inline]
    np.testing.assert_array_equal(MDIOReader(tmp_path / "b.mdio")[:], 2 * small.samples)
    np.testing.assert_array_equal(MDIOReader(path)[:], small.samples)


@pytest.mark.parametrize("form", ["documentation", "0.9"])
def test_copy_over_something(path, small, tmp_path, copy_mdio, form):
    """0.9.3 overwrites unasked; nobody should."""
    target = str(tmp_path / "b.mdio")
    source = MDIOReader(path) if form == "documentation" else path
    copy_mdio(source, target)
    before = look(target)
    with pytest.raises(MDIOAlreadyExistsError):
        copy_mdio(source, target)
    assert [np.array_equal(one, other) for one, other in zip(before[:3], look(target)[:3], strict=True)] == [True] * 3
    if form == "documentation":
        copy_mdio(source, target, "", "", None, True)
    else:
        copy_mdio(source, target, overwrite=True, copy_traces=True, copy_headers=True)
    is_copy(target, path, small, True, True)


def test_copy_onto_itself(path, small, copy_mdio):
    with pytest.raises((MDIOError, ValueError)):
        copy_mdio(MDIOReader(path), path, overwrite=True)
    is_copy(path, path, small, True, True)


def test_copy_to_another_store(path, small, copy_mdio):
    target = "memory://seed-copy/b.mdio"
    copy_mdio(MDIOReader(path), target, storage_options={}, overwrite=True)
    is_copy(target, path, small, True, True)


@pytest.mark.parametrize("headers", [False, True])
@pytest.mark.parametrize("samples", [False, True])
def test_copy_in_the_form_of_0_9(path, small, tmp_path, copy_mdio, samples, headers):
    """Without both, 0.9.3 makes an empty dataset of the same grid, in which no cell is live."""
    copy_mdio(
        source_path=path,
        target_path=str(tmp_path / "b.mdio"),
        overwrite=False,
        copy_traces=samples,
        copy_headers=headers,
        storage_options_input=None,
        storage_options_output=None,
    )
    live = is_copy(tmp_path / "b.mdio", path, small, samples, headers)
    np.testing.assert_array_equal(live, small.live if samples or headers else np.zeros_like(small.live))


def test_copy_in_the_form_of_0_9_by_position(path, small, tmp_path, copy_mdio):
    copy_mdio(path, str(tmp_path / "b.mdio"), False, True, True)
    is_copy(tmp_path / "b.mdio", path, small, True, True)


# -- rechunk -----------------------------------------------------------------------------------------------------


def writable(path, access_pattern="012"):
    return MDIOAccessor(path, "w", access_pattern, None, False, None, "zarr", 0, False)


@pytest.fixture
def rechunk():
    from mdio.api.convenience import rechunk

    return rechunk


def test_rechunk_without_a_compressor(path, small, rechunk):
    """The example of the reference; lossless by default."""
    rechunk(writable(path), (1, 1024, 1024), suffix="fast_il")
    reader = MDIOReader(path, access_pattern="fast_il", return_metadata=True)
    live, headers, samples = reader[:]
    assert reader.chunks == (1, 14, 60)
    assert str(reader._traces.compressor).startswith("Blosc(cname='zstd', ")
    np.testing.assert_array_equal(samples, small.samples)
    np.testing.assert_array_equal(live, small.live)
    np.testing.assert_array_equal(headers["73"], small.words[73])


def test_rechunk_in_batch_without_a_compressor(path, small):
    from mdio.api.convenience import rechunk_batch

    rechunk_batch(
        writable(path),
        chunks_list=[(1, 1024, 1024), (1024, 1, 1024), (1024, 1024, 1)],
        suffix_list=["fast_il", "fast_xl", "fast_z"],
    )
    for suffix, chunks in (("fast_il", (1, 14, 60)), ("fast_xl", (23, 1, 60)), ("fast_z", (23, 14, 1))):
        reader = MDIOReader(path, access_pattern=suffix)
        assert reader.chunks == chunks
        np.testing.assert_array_equal(reader[:], small.samples)


@pytest.mark.parametrize("codec", ["Zstd", "LZ4", "Zlib"])
def test_other_codecs(path, small, rechunk, codec):
    numcodecs = pytest.importorskip("numcodecs")
    rechunk(writable(path), (4, 512, 512), suffix="fast_il", compressor=getattr(numcodecs, codec)())
    np.testing.assert_array_equal(MDIOReader(path, access_pattern="fast_il")[:], small.samples)


def test_a_copy_of_a_copy(path, small, rechunk):
    rechunk(writable(path), (4, 512, 512), suffix="fast_il")
    rechunk(writable(path, "fast_il"), (512, 4, 512), suffix="fast_xl")
    reader = MDIOReader(path, access_pattern="fast_xl")
    assert reader.chunks == (23, 4, 60)
    np.testing.assert_array_equal(reader[:], small.samples)


def test_a_copy_that_is_there(path, small, rechunk):
    rechunk(writable(path), (4, 512, 512), suffix="fast_il")
    with pytest.raises((MDIOError, ValueError), match="fast_il"):
        rechunk(writable(path), (8, 512, 512), suffix="fast_il")
    assert MDIOReader(path, access_pattern="fast_il").chunks == (4, 14, 60)
    rechunk(writable(path), (8, 512, 512), suffix="fast_il", overwrite=True)
    reader = MDIOReader(path, access_pattern="fast_il")
    assert reader.chunks == (8, 14, 60)
    np.testing.assert_array_equal(reader[:], small.samples)


def test_the_source_cannot_be_the_target(path, small, rechunk):
    with pytest.raises(NameError, match="012"):
        rechunk(writable(path), (4, 512, 512), suffix="012", overwrite=True)
    np.testing.assert_array_equal(MDIOReader(path)[:], small.samples)


@pytest.mark.parametrize("chunks", [(4, 512), (4, 512, 512, 1), (0, 512, 512), (-1, 512, 512)])
def test_chunks_that_cannot_be(path, rechunk, chunks):
    with pytest.raises(ValueError, match=r"."):
        rechunk(writable(path), chunks, suffix="fast_il")
    with pytest.raises(MDIOError):
        MDIOReader(path, access_pattern="fast_il")


def test_lists_of_different_lengths(path):
    from mdio.api.convenience import rechunk_batch

    with pytest.raises(ValueError, match=r"."):
        rechunk_batch(writable(path), chunks_list=[(4, 512, 512)], suffix_list=["fast_il", "fast_xl"])


def test_a_reader_is_not_rechunked(path, rechunk):
    with pytest.raises((MDIOError, PermissionError, ValueError), match=r"mode|read"):
        rechunk(MDIOReader(path), (4, 512, 512), suffix="fast_il")
    with pytest.raises(MDIOError):
        MDIOReader(path, access_pattern="fast_il")


def test_an_export_of_a_copy(path, small, tmp_path, rechunk):
    """A lossless copy brings the source back, odd words and all."""
    rechunk(writable(path), (4, 512, 512), suffix="fast_il")
    mdio_to_segy(path, str(tmp_path / "b.segy"), access_pattern="fast_il")
    assert (tmp_path / "b.segy").read_bytes() == small.path.read_bytes()


def test_a_lossy_copy_is_exported_as_it_is(path, small, tmp_path, rechunk):
    """Samples of the copy, not the words of the source."""
    zfpy = pytest.importorskip("zfpy")
    from numcodecs import ZFPY
    from plain_segy import from_ibm, read_plain

    rechunk(writable(path), (4, 512, 512), suffix="fast_il", compressor=ZFPY(zfpy.mode_fixed_accuracy, tolerance=100))
    mdio_to_segy(path, str(tmp_path / "b.segy"), access_pattern="fast_il")
    copy = MDIOReader(path, access_pattern="fast_il")[:]
    assert 0 < np.abs(copy - small.samples).max() <= 100
    assert not copy[~small.live].any()
    seen = from_ibm(read_plain(tmp_path / "b.segy").words)
    np.testing.assert_allclose(seen, copy[small.live], rtol=2**-20)
