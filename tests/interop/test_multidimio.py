"""Datasets made here are read and exported by multidimio 0.x, and theirs by us: samples, headers, mask, every byte."""

import json
from pathlib import Path

import numpy as np
import pytest
from peers import Peer, releases
from plain_segy import from_ibm, read_plain

import mdio

SCRIPT = Path(__file__).with_name("peer_multidimio.py")
SHAPES = {
    "cube": ((12, 10, 20), 0.0, (64, 64, 64)),
    "holes": ((70, 130, 150), 0.2, (64, 64, 64)),
    "line": ((900, 110), 0.0, (512, 512)),
}


@pytest.fixture(scope="module", params=releases("0.8.5", "0.9.3"))
def peer(request):
    return Peer(request.param, SCRIPT)


def looked_at(peer, path, pattern, out, names=()):
    """Return arrays and facts as the peer sees them."""
    peer("read", store=path, pattern=pattern, names=list(names), out=out)
    return np.load(f"{out}.npz"), json.loads(Path(f"{out}.json").read_text())


@pytest.fixture(scope="module", params=SHAPES)
def survey(request, make_survey, tmp_path_factory):
    shape, dead, chunks = SHAPES[request.param]
    made = make_survey(tmp_path_factory.mktemp("survey") / f"{request.param}.sgy", shape, dead)
    made.chunks = chunks
    made.pattern = "012"[: len(shape)]
    return made


@pytest.fixture(scope="module")
def ours(survey, tmp_path_factory):
    path = tmp_path_factory.mktemp("ours") / "a.mdio"
    mdio.segy_to_mdio(survey.path, path, index_bytes=survey.index_bytes, index_names=survey.index_names)
    return path


@pytest.fixture(scope="module")
def theirs(survey, peer, tmp_path_factory):
    path = tmp_path_factory.mktemp("theirs") / "a.mdio"
    peer(
        "import",
        segy_path=survey.path,
        mdio_path_or_buffer=path,
        index_bytes=survey.index_bytes,
        index_names=survey.index_names,
        chunksize=survey.chunks,
    )
    return path


def test_a_peer_reads_our_dataset(survey, ours, peer, tmp_path):
    fields = [str(byte) for byte in (1, 5, 73, *survey.index_bytes)]
    seen, facts = looked_at(peer, ours, survey.pattern, tmp_path / "seen", fields)
    assert seen["samples"].dtype == np.float32
    np.testing.assert_array_equal(seen["samples"], survey.samples)
    np.testing.assert_array_equal(seen["live"], survey.live)
    for name in fields:
        np.testing.assert_array_equal(seen[f"header_{name}"], survey.header(int(name)))
    assert (facts["fields"], facts["itemsize"]) == (89, 232)
    assert facts["shape"] == list(survey.words.shape)
    assert facts["trace_count"] == survey.live.sum()
    assert facts["names"] == [*survey.index_names, "sample"]
    assert facts["coords"] == [list(coords) for coords in survey.coords]
    assert facts["text_header"] == survey.text
    assert facts["binary_header"]["Samples"] == survey.words.shape[-1]
    assert facts["binary_header"]["JobID"] == 17
    assert facts["stats"] == pytest.approx(survey.statistics, rel=1e-9)


def test_a_peer_exports_our_dataset_to_the_source(survey, ours, peer, tmp_path):
    peer("export", mdio_path_or_buffer=ours, output_segy_path=tmp_path / "b.sgy", access_pattern=survey.pattern)
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()


def test_we_read_the_dataset_of_a_peer(survey, theirs):
    with mdio.MDIOReader(theirs, access_pattern=survey.pattern, return_metadata=True) as reader:
        live, headers, samples = reader[:]
        np.testing.assert_array_equal(samples, survey.samples)
        np.testing.assert_array_equal(live, survey.live)
        for byte, name in zip(survey.index_bytes, survey.index_names, strict=True):
            np.testing.assert_array_equal(headers[name], survey.header(byte))
            np.testing.assert_array_equal(headers[str(byte)], survey.header(byte))
        np.testing.assert_array_equal(headers["73"], survey.header(73))
        assert reader.text_header == survey.text
        assert reader.trace_count == survey.live.sum()
        assert {key: reader.stats[key] for key in survey.statistics} == pytest.approx(survey.statistics, rel=1e-5)
        assert [list(reader.grid.select_dim(name).coords) for name in reader.grid.dim_names] == [
            list(coords) for coords in survey.coords
        ]


def test_we_export_the_dataset_of_a_peer_to_the_source(survey, theirs, tmp_path):
    mdio.mdio_to_segy(theirs, tmp_path / "b.sgy", access_pattern=survey.pattern)
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()


# -- edits by a peer ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd_survey(make_survey, tmp_path_factory):
    """A survey of which the dataset keeps more than samples and records; inline 3 has a dead cell."""
    made = make_survey(tmp_path_factory.mktemp("odd") / "odd.sgy", (12, 10, 40), 0.2, odd=True)
    assert made.live[[1, 5]].all(axis=1).any()
    return made


@pytest.fixture
def edited(odd_survey, peer, tmp_path):
    """Our dataset, edited by the peer, what the peer sees of it then, and where it wrote samples and headers."""
    path = tmp_path / "a.mdio"
    mdio.segy_to_mdio(odd_survey.path, path, odd_survey.index_bytes, odd_survey.index_names, chunksize=(8, 8, 16))
    untouched, _ = looked_at(peer, path, "012", tmp_path / "before")
    np.testing.assert_array_equal(untouched["samples"], odd_survey.samples)
    peer(
        "edit",
        store=path,
        pattern="012",
        samples=[[[3], 12.5], [[[None], 4], -3.0], [[7, 2], 1.0 / 3.0]],
        headers=[[[5], "73", 123456], [[[None], 6], "77", -9]],
    )
    seen, _ = looked_at(peer, path, "012", tmp_path / "after")
    wrote = np.zeros(odd_survey.live.shape, bool)
    wrote[3], wrote[:, 4], wrote[7, 2] = True, True, True
    assert not np.array_equal(seen["samples"], untouched["samples"])
    return path, seen, wrote


def test_we_read_what_a_peer_wrote_into_our_dataset(odd_survey, edited):
    path, seen, wrote = edited
    expected = odd_survey.samples.copy()
    expected[7, 2] = np.float32(1.0 / 3.0)
    expected[3], expected[:, 4] = 12.5, -3.0
    expected[~seen["live"]] = seen["samples"][~seen["live"]]
    with mdio.MDIOReader(path, return_metadata=True) as reader:
        live, headers, samples = reader[:]
    np.testing.assert_array_equal(seen["samples"][wrote], np.where(wrote[..., None], expected, 0)[wrote])
    np.testing.assert_array_equal(samples, seen["samples"])
    np.testing.assert_array_equal(live, seen["live"])
    assert live[odd_survey.live].all()
    source = odd_survey.header(73)
    source[5] = 123456
    np.testing.assert_array_equal(headers["73"], source)


def test_we_export_what_a_peer_wrote_into_our_dataset(odd_survey, edited, tmp_path):
    """Nothing that we keep beside the arrays overwrites an edit; where there was none the source comes back."""
    path, seen, wrote = edited
    mdio.mdio_to_segy(path, tmp_path / "b.sgy")
    exported = read_plain(tmp_path / "b.sgy")
    live = seen["live"]
    assert len(exported.words) == live.sum()
    np.testing.assert_array_equal(exported.heads[:, :232], seen["heads"][live][:, :232])
    np.testing.assert_allclose(from_ibm(exported.words), seen["samples"][live], rtol=2.0**-21)  # of IBM words
    words, heads = np.zeros_like(odd_survey.words), np.zeros_like(odd_survey.heads)
    words[live], heads[live] = exported.words, exported.heads
    kept = odd_survey.live & ~wrote
    np.testing.assert_array_equal(words[kept], odd_survey.words[kept])
    kept[5], kept[:, 6] = False, False
    np.testing.assert_array_equal(heads[kept], odd_survey.heads[kept])


def test_edits_of_shuffled_traces_are_exported(make_survey, peer, tmp_path):
    """The order of the file is kept apart from the samples."""
    survey = make_survey(tmp_path / "a.sgy", (12, 10, 40), 0.1, odd=True, shuffled=True)
    mdio.segy_to_mdio(survey.path, tmp_path / "a.mdio", survey.index_bytes, survey.index_names)
    cell = np.argwhere(survey.live)[17].tolist()
    peer(
        "edit",
        store=tmp_path / "a.mdio",
        pattern="012",
        samples=[[cell, 2.5]],
        headers=[[cell, "81", 77]],
    )
    mdio.mdio_to_segy(tmp_path / "a.mdio", tmp_path / "b.sgy")
    exported = read_plain(tmp_path / "b.sgy")
    at = np.flatnonzero(survey.order == np.ravel_multi_index(cell, survey.live.shape))[0]
    source = read_plain(survey.path)
    np.testing.assert_array_equal(from_ibm(exported.words[at]), np.full(40, 2.5, "f4"))
    assert exported.header(81)[at] == 77
    others = np.arange(len(source.words)) != at
    np.testing.assert_array_equal(exported.words[others], source.words[others])
    np.testing.assert_array_equal(exported.heads[others], source.heads[others])


def test_file_headers_that_a_peer_wrote_are_exported(odd_survey, peer, tmp_path):
    if peer.release == "0.8.5":
        pytest.skip("0.8.5 does not write the text header: what it sets is not there afterwards")
    mdio.segy_to_mdio(odd_survey.path, tmp_path / "a.mdio", odd_survey.index_bytes, odd_survey.index_names)
    text = [f"C{line:2d} WRITTEN BY A PEER".ljust(80) for line in range(1, 41)]
    peer("edit", store=tmp_path / "a.mdio", pattern="012", text=text, binary={"JobID": 4711})
    reader = mdio.MDIOReader(tmp_path / "a.mdio")
    assert reader.text_header == text
    assert reader.binary_header["JobID"] == 4711
    mdio.mdio_to_segy(tmp_path / "a.mdio", tmp_path / "b.sgy")
    exported, source = read_plain(tmp_path / "b.sgy"), read_plain(odd_survey.path)
    assert exported.lines == text
    assert exported.binary == (4711).to_bytes(4, "big") + source.binary[4:]
    np.testing.assert_array_equal(exported.words, source.words)


# -- lossy datasets ----------------------------------------------------------------------------------------------

TOLERANCE = 0.05


def test_we_read_the_lossy_dataset_of_a_peer(survey, peer, tmp_path):
    peer.needs("zfpy")
    pytest.importorskip("zfpy", reason="lossy compression needs zfpy")
    peer(
        "import",
        segy_path=survey.path,
        mdio_path_or_buffer=tmp_path / "a.mdio",
        index_bytes=survey.index_bytes,
        index_names=survey.index_names,
        chunksize=survey.chunks,
        lossless=False,
        compression_tolerance=TOLERANCE,
    )
    seen, _ = looked_at(peer, tmp_path / "a.mdio", survey.pattern, tmp_path / "seen")
    with mdio.MDIOReader(tmp_path / "a.mdio", access_pattern=survey.pattern, return_metadata=True) as reader:
        live, headers, samples = reader[:]
    np.testing.assert_array_equal(samples[survey.live], seen["samples"][survey.live])
    assert 0 < np.abs(samples - survey.samples).max() <= TOLERANCE
    assert not samples[~survey.live].any()  # ZFP leaves something there, which is no sample
    np.testing.assert_array_equal(live, survey.live)
    np.testing.assert_array_equal(headers["73"], survey.header(73))


def test_a_peer_reads_our_lossy_dataset(survey, peer, tmp_path):
    peer.needs("zfpy")
    pytest.importorskip("zfpy", reason="lossy compression needs zfpy")
    mdio.segy_to_mdio(
        survey.path,
        tmp_path / "a.mdio",
        survey.index_bytes,
        survey.index_names,
        lossless=False,
        compression_tolerance=TOLERANCE,
    )
    seen, _ = looked_at(peer, tmp_path / "a.mdio", survey.pattern, tmp_path / "seen")
    assert 0 < np.abs(seen["samples"] - survey.samples).max() <= TOLERANCE
    with mdio.MDIOReader(tmp_path / "a.mdio", access_pattern=survey.pattern) as reader:
        np.testing.assert_array_equal(reader[:][survey.live], seen["samples"][survey.live])


def test_we_read_the_access_pattern_that_a_peer_added(odd_survey, peer, tmp_path):
    peer.needs("zfpy")
    pytest.importorskip("zfpy", reason="lossy compression needs zfpy")
    path = tmp_path / "a.mdio"
    mdio.segy_to_mdio(odd_survey.path, path, odd_survey.index_bytes, odd_survey.index_names)
    peer("rechunk", store=path, pattern="012", chunks=[4, 512, 512], suffix="fast_il", tolerance=0.5)
    with mdio.MDIOReader(path, access_pattern="fast_il", return_metadata=True) as reader:
        live, headers, samples = reader[:]
        assert reader.chunks == (4, 10, 40)
    assert 0 < np.abs(samples - odd_survey.samples).max() <= 0.5
    assert not samples[~odd_survey.live].any()
    np.testing.assert_array_equal(live, odd_survey.live)
    np.testing.assert_array_equal(headers["73"], odd_survey.header(73))
    mdio.mdio_to_segy(path, tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == odd_survey.path.read_bytes()


def test_a_peer_reads_the_access_pattern_that_we_added(odd_survey, peer, tmp_path):
    from mdio.api.accessor import MDIOAccessor
    from mdio.api.convenience import rechunk

    path = tmp_path / "a.mdio"
    mdio.segy_to_mdio(odd_survey.path, path, odd_survey.index_bytes, odd_survey.index_names)
    accessor = MDIOAccessor(str(path), "w", "012", None, False, None, "zarr", 0, False)
    rechunk(accessor, (4, 512, 512), suffix="fast_il")
    seen, facts = looked_at(peer, path, "fast_il", tmp_path / "seen")
    assert facts["chunks"] == [4, 10, 40]
    np.testing.assert_array_equal(seen["samples"], odd_survey.samples)
    np.testing.assert_array_equal(seen["live"], odd_survey.live)
    np.testing.assert_array_equal(seen["heads"], odd_survey.heads[..., :232])


def test_a_peer_sees_what_our_writer_wrote(odd_survey, peer, tmp_path):
    path = tmp_path / "a.mdio"
    mdio.segy_to_mdio(odd_survey.path, path, odd_survey.index_bytes, odd_survey.index_names)
    with mdio.MDIOWriter(str(path)) as writer:
        writer[3] = 12.5
        writer[..., 7] = -1.0
    expected = odd_survey.samples.copy()
    expected[3], expected[..., 7] = 12.5, -1.0
    seen, _ = looked_at(peer, path, "012", tmp_path / "seen")
    np.testing.assert_array_equal(seen["samples"], expected)
    assert seen["live"].all()
