"""Datasets of MDIO v1: ours are opened and exported by multidimio 1.x and opened by xarray alone, theirs by us."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from peers import Peer, releases, variable

import mdio

SCRIPT = Path(__file__).with_name("peer_multidimio_v1.py")
SHAPES = {"cube": ((12, 10, 20), 0.0), "holes": ((40, 37, 70), 0.2), "small": ((20, 17, 40), 0.2)}
CHUNKS = [16, 16, 32]
OURS = {
    "defaults": ("cube", {"layout": "v1"}),
    "chunks": ("holes", {"layout": "v1", "chunks": CHUNKS}),
    "sharded": ("holes", {"layout": "v1", "chunks": CHUNKS, "shards": [32, 32, 64]}),
}
"""Our datasets: of which survey, and how they are laid out."""
INDEX = {"header_locations": [189, 193], "header_names": ["inline", "crossline"]}


@pytest.fixture(scope="module", params=releases("1.1.3", "1.2.3"))
def peer(request):
    return Peer(request.param, SCRIPT)


@pytest.fixture(scope="module")
def surveys(make_survey, tmp_path_factory):
    folder = tmp_path_factory.mktemp("surveys")
    return {name: make_survey(folder / f"{name}.sgy", shape, dead) for name, (shape, dead) in SHAPES.items()}


@pytest.fixture(scope="module", params=OURS)
def ours(request, surveys, tmp_path_factory):
    """A dataset of ours and its survey."""
    path = tmp_path_factory.mktemp("ours") / "a.mdio"
    name, options = OURS[request.param]
    mdio.convert(surveys[name].path, path, source_options=INDEX, target_options=options)
    return path, surveys[name]


def made_by(peer, survey, path):
    peer("import", source=survey.path, target=path, template="PostStack3DTime", chunks=CHUNKS)
    return path


@pytest.fixture(scope="module", params=["cube", "holes"])
def theirs(request, surveys, peer, tmp_path_factory):
    """A dataset of the peer and its survey."""
    return made_by(peer, surveys[request.param], tmp_path_factory.mktemp("theirs") / "a.mdio"), surveys[request.param]


def looked_at(peer, path, out, **arguments):
    """Return arrays and facts as the peer sees them."""
    peer("read", store=path, out=out, **arguments)
    return np.load(f"{out}.npz"), json.loads(Path(f"{out}.json").read_text())


@pytest.fixture(scope="module", params=["open_mdio", "xarray"])
def seen(request, ours, peer, tmp_path_factory):
    """What the peer, or xarray in its environment, sees of our dataset."""
    return looked_at(peer, ours[0], tmp_path_factory.mktemp("seen") / "seen", plain=request.param == "xarray")


def test_a_peer_reads_our_arrays(ours, seen):
    survey = ours[1]
    arrays, facts = seen
    live = survey.live
    assert facts["dims"] == ["inline", "crossline", "time"]
    assert facts["kind"] == "<f4"
    for name, coords in zip(facts["dims"], survey.coords, strict=True):
        np.testing.assert_array_equal(arrays[f"coord_{name}"], coords)
    np.testing.assert_array_equal(arrays["variable_amplitude"][live], survey.samples[live])
    assert np.isnan(arrays["variable_amplitude"][~live]).all()
    np.testing.assert_array_equal(arrays["mask"], live)
    np.testing.assert_array_equal(arrays["heads"], survey.heads[..., :232])
    assert facts["names"][-1] == "source_measurement_unit"
    assert {"inline", "crossline", "cdp_x", "coordinate_scalar"} < set(facts["names"])
    # The scalar of the survey is -100: hundredths.
    for name, byte in (("cdp_x", 181), ("cdp_y", 185)):
        np.testing.assert_allclose(arrays[f"coord_{name}"][live], survey.header(byte)[live] / 100, rtol=1e-12)
        assert np.isnan(arrays[f"coord_{name}"][~live]).all()
        assert facts["units"][name] == {"length": "m"}


def test_a_peer_reads_our_attributes(ours, seen):
    survey = ours[1]
    _, facts = seen
    assert facts["attributes"]["name"] == "PostStack3DTime"
    assert facts["attributes"]["attributes"]["defaultVariableName"] == "amplitude"
    assert facts["attributes"]["attributes"]["surveyType"] == "3D"
    assert facts["file_header"]["textHeader"] == "\n".join(survey.text)
    binary = facts["file_header"]["binaryHeader"]
    assert (binary["job_id"], binary["samples_per_trace"]) == (17, survey.words.shape[-1])
    assert (binary["sample_interval"], binary["data_sample_format"]) == (4000, 1)
    assert (binary["segy_revision_major"], binary["segy_revision_minor"]) == (1, 0)
    values = survey.samples.astype(float)
    values = values[values != 0]
    statistics = facts["statistics"]
    assert statistics["count"] == values.size
    assert statistics["sum"] == pytest.approx(values.sum(), rel=1e-9)
    assert statistics["sumSquares"] == pytest.approx((values**2).sum(), rel=1e-9)
    assert (statistics["min"], statistics["max"]) == (values.min(), values.max())


def test_a_peer_exports_our_dataset_to_the_source(ours, peer, tmp_path):
    path, survey = ours
    peer("export", store=path, target=tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()


def test_a_peer_adds_an_access_pattern_to_our_dataset(surveys, peer, tmp_path):
    """Not to a sharded one: both releases give the new variable the shards of the old one, which do not fit."""
    peer.needs("distributed")
    peer.needs("zfpy")
    survey, path = surveys["small"], tmp_path / "a.mdio"
    mdio.convert(survey.path, path, source_options=INDEX, target_options=OURS["chunks"][1])
    peer("optimize", store=path, dimensions={"inline": [4, 512, 512]})
    arrays, _ = looked_at(peer, path, tmp_path / "seen", variables=["amplitude", "fast_inline"])
    np.testing.assert_array_equal(arrays["variable_amplitude"][survey.live], survey.samples[survey.live])
    pytest.importorskip("zfpy", reason="lossy compression needs zfpy")
    with mdio.open(path, options={"access_pattern": "fast_inline"}) as volume:
        samples = volume.samples(volume.schema.region)
    np.testing.assert_array_equal(samples[survey.live], arrays["variable_fast_inline"][survey.live])


def is_the_survey(volume, survey, tolerance=None):
    """A volume holds the samples, the mask and the words of the headers, whatever its sample axis is called."""
    region = volume.schema.region
    samples = volume.samples(region)
    if tolerance is None:
        np.testing.assert_array_equal(samples, survey.samples)
    else:
        assert 0 < np.abs(samples - survey.samples)[survey.live].max() <= tolerance
        assert not samples[~survey.live].any()
    np.testing.assert_array_equal(volume.live(region.spatial), survey.live)
    assert [dim.name for dim in volume.schema.dims][:2] == ["inline", "crossline"]
    for dim, coords in zip(volume.schema.dims, survey.coords, strict=True):
        np.testing.assert_array_equal(dim.coords, coords)
    assert list(volume.schema.metadata.text) == survey.text


def test_we_read_the_dataset_of_a_peer(theirs):
    path, survey = theirs
    with mdio.open(path) as volume:
        is_the_survey(volume, survey)


def test_our_accessor_reads_the_dataset_of_a_peer(theirs):
    path, survey = theirs
    with mdio.MDIOReader(path, return_metadata=True) as reader:
        live, headers, samples = reader[:]
        assert reader.chunks == tuple(CHUNKS)
        assert reader.trace_count == survey.live.sum()
        assert {key: reader.stats[key] for key in survey.statistics} == pytest.approx(survey.statistics, rel=1e-5)
    np.testing.assert_array_equal(samples, survey.samples)
    np.testing.assert_array_equal(live, survey.live)
    for byte, name in ((73, "source_coord_x"), (189, "inline"), (181, "cdp_x"), (5, "trace_seq_num_reel")):
        np.testing.assert_array_equal(headers[name], survey.header(byte))
        np.testing.assert_array_equal(headers[str(byte)], survey.header(byte))


def test_we_export_the_dataset_of_a_peer_to_the_source(theirs, tmp_path):
    path, survey = theirs
    mdio.mdio_to_segy(path, tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()


def test_we_read_the_access_patterns_of_a_peer(surveys, peer, tmp_path):
    """ZFP by the release's own choice, and by a tolerance."""
    peer.needs("distributed")
    peer.needs("zfpy")
    pytest.importorskip("zfpy", reason="lossy compression needs zfpy")
    survey = surveys["small"]
    path = made_by(peer, survey, tmp_path / "a.mdio")
    peer("optimize", store=path, dimensions={"inline": [4, 512, 512], "time": [512, 512, 4]})
    peer("optimize", store=path, dimensions={"crossline": [512, 4, 512]}, tolerance=0.5)
    tolerances = {"fast_inline": np.inf, "fast_time": np.inf, "fast_crossline": 0.5}
    arrays, _ = looked_at(peer, path, tmp_path / "seen", variables=list(tolerances))
    for name, tolerance in tolerances.items():
        with mdio.open(path, options={"access_pattern": name}) as volume:
            is_the_survey(volume, survey, tolerance)
            samples = volume.samples(volume.schema.region)
        np.testing.assert_array_equal(samples[survey.live], arrays[f"variable_{name}"][survey.live])
    with mdio.open(path) as volume:
        is_the_survey(volume, survey)


def test_the_dataset_of_a_peer_becomes_v0(theirs, tmp_path):
    path, survey = theirs
    mdio.convert(path, tmp_path / "b.mdio", target_options={"layout": "v0"})
    mdio.mdio_to_segy(tmp_path / "b.mdio", tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()
    with mdio.MDIOReader(tmp_path / "b.mdio") as reader:
        assert reader.grid.dim_names == ("inline", "crossline", "sample")
        np.testing.assert_array_equal(reader[:], survey.samples)


def test_our_copy_of_a_dataset_of_a_peer_is_exported_by_it(surveys, peer, tmp_path):
    survey = surveys["small"]
    path = made_by(peer, survey, tmp_path / "a.mdio")
    mdio.convert(path, tmp_path / "b.mdio", target_options={"layout": "v1"})
    peer("export", store=tmp_path / "b.mdio", target=tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()


@pytest.mark.interop
@pytest.mark.skipif(not os.environ.get(variable("1.2.3")), reason=f"{variable('1.2.3')} is not set")
@pytest.mark.skipif(not os.environ.get(variable("1.1.3")), reason=f"{variable('1.1.3')} is not set")
def test_the_older_release_opens_what_the_newer_wrote_when_we_copied_it(surveys, tmp_path):
    """1.1.3 cannot open the original: zarr ≥ 3.2 spells the type of the headers in another way."""
    survey = surveys["small"]
    path = made_by(Peer("1.2.3", SCRIPT), survey, tmp_path / "a.mdio")
    mdio.convert(path, tmp_path / "b.mdio", target_options={"layout": "v1"})
    older = Peer("1.1.3", SCRIPT)
    with pytest.raises(AssertionError, match=r"1\.1\.3, read"):
        looked_at(older, path, tmp_path / "original")
    older("export", store=tmp_path / "b.mdio", target=tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()
