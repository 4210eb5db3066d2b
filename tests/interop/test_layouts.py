"""SEG-Y through every layout and back: no byte is lost on the way, whichever stores lie between."""

import itertools

import numpy as np
import pytest

import mdio

SURVEYS = {
    "regular": {},
    "odd": {"dead": 0.2, "odd": True},
    "shuffled": {"dead": 0.1, "odd": True, "shuffled": True},
}
LAYOUTS = {
    "v0": {"layout": "v0", "chunks": [8, 8, 16]},
    "v0.9": {"layout": "v0.9", "chunks": [8, 8, 16]},
    "v1": {"layout": "v1", "chunks": [8, 8, 16]},
    "sharded": {"layout": "v1", "chunks": [8, 8, 16], "shards": [16, 16, 32]},
}
WAYS = [
    ("v0", "v1", "v0"),
    ("v0", "sharded", "v0"),
    ("v1",),
    ("sharded",),
    ("v1", "v0", "v1"),
    ("v0.9", "v1", "v0.9"),
    ("v0", "v0.9", "sharded", "v1", "v0"),
]


@pytest.fixture(scope="module", params=SURVEYS)
def survey(request, make_survey, tmp_path_factory):
    return make_survey(tmp_path_factory.mktemp("survey") / "a.sgy", (20, 17, 40), **SURVEYS[request.param])


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_there_and_back(survey, tmp_path, way):
    stores = [tmp_path / f"{number}.mdio" for number in range(len(way))]
    options = {"source_options": {"header_locations": [189, 193], "header_names": ["inline", "crossline"]}}
    for source, target, layout in zip([survey.path, *stores], stores, way, strict=False):
        mdio.convert(source, target, target_options=LAYOUTS[layout], **options)
        options = {}
    mdio.mdio_to_segy(stores[-1], tmp_path / "b.sgy")
    assert (tmp_path / "b.sgy").read_bytes() == survey.path.read_bytes()


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(LAYOUTS, 2)))
def test_samples_mask_headers_and_axes_are_the_same(make_survey, tmp_path, first, second):
    survey = make_survey(tmp_path / "a.sgy", (20, 17, 40), 0.2, odd=True)
    mdio.convert(survey.path, tmp_path / "a.mdio", target_options=LAYOUTS[first])
    mdio.convert(tmp_path / "a.mdio", tmp_path / "b.mdio", target_options=LAYOUTS[second])
    for path in (tmp_path / "a.mdio", tmp_path / "b.mdio"):
        with mdio.MDIOReader(path, return_metadata=True) as reader:
            live, headers, samples = reader[:]
            assert reader.text_header == survey.text
            assert reader.trace_count == survey.live.sum()
            for dim, coords in zip(reader.grid.dims, survey.coords, strict=True):
                np.testing.assert_array_equal(dim.coords, coords)
        np.testing.assert_array_equal(samples, survey.samples)
        np.testing.assert_array_equal(live, survey.live)
        np.testing.assert_array_equal(headers["73"], survey.header(73))
        np.testing.assert_array_equal(headers["inline"], survey.header(189))


@pytest.mark.parametrize("how", ["python", "cli"])
def test_an_import_to_v1(make_survey, tmp_path, how):
    """``layout="v1"`` of the importer, and ``--layout v1``: a root ``zarr.json`` and nothing of format 2."""
    survey = make_survey(tmp_path / "a.sgy", (20, 17, 40), 0.2)
    if how == "python":
        mdio.segy_to_mdio(survey.path, tmp_path / "a.mdio", (189, 193), ("inline", "crossline"), layout="v1")
    else:
        from mdio.cli.app import run

        line = f"segy import {survey.path} {tmp_path}/a.mdio -loc 189,193 -names inline,crossline --layout v1 --quiet"
        assert run(line.split()) == 0
    assert (tmp_path / "a.mdio" / "zarr.json").is_file()
    assert not (tmp_path / "a.mdio" / ".zmetadata").exists()
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(tmp_path / "a.mdio", mode="r")
    amplitude = root["amplitude"]
    assert amplitude.metadata.dimension_names == ("inline", "crossline", "time")
    np.testing.assert_array_equal(amplitude[:][survey.live], survey.samples[survey.live])
    assert np.isnan(amplitude[:][~survey.live]).all()
    np.testing.assert_array_equal(root["trace_mask"][:], survey.live)
    np.testing.assert_array_equal(root["headers"][:]["inline"], survey.header(189))
    for name, coords in zip(("inline", "crossline", "time"), survey.coords, strict=True):
        np.testing.assert_array_equal(root[name][:], coords)
        assert root[name].metadata.dimension_names == (name,)
