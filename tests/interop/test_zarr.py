"""A dataset is a plain Zarr store: zarr-python alone reads what was imported."""

import numpy as np
import pytest
import zarr

import mdio

SHAPES = {"cube": ((12, 10, 20), 0.0), "holes": ((70, 67, 150), 0.2), "line": ((900, 110), 0.0)}


@pytest.fixture(scope="module", params=SHAPES)
def survey(request, make_survey, tmp_path_factory):
    return make_survey(tmp_path_factory.mktemp("survey") / "a.sgy", *SHAPES[request.param])


@pytest.fixture(scope="module")
def root(survey, tmp_path_factory):
    path = tmp_path_factory.mktemp("ours") / "a.mdio"
    mdio.segy_to_mdio(survey.path, path, index_bytes=survey.index_bytes, index_names=survey.index_names)
    return zarr.open_consolidated(str(path), mode="r")


def test_samples_mask_and_headers(survey, root):
    pattern = "012"[: survey.words.ndim]
    samples = root[f"data/chunked_{pattern}"]
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples[:], survey.samples)
    np.testing.assert_array_equal(root["metadata/live_mask"][:], survey.live)
    headers = root[f"metadata/chunked_{pattern}_trace_headers"][:]
    assert headers.dtype.itemsize == 232
    for byte in (1, 5, 73, *survey.index_bytes):
        np.testing.assert_array_equal(headers[str(byte)], survey.header(byte))


def test_attributes(survey, root):
    assert root.attrs["api_version"] == "0.7.4"
    assert root.attrs["trace_count"] == survey.live.sum()
    assert [dim["name"] for dim in root.attrs["dimension"]] == [*survey.index_names, "sample"]
    for dim, coords in zip(root.attrs["dimension"], survey.coords, strict=True):
        assert dim["coords"] == list(coords)
    assert {key: root.attrs[key] for key in survey.statistics} == pytest.approx(survey.statistics, rel=1e-9)
    assert root["metadata"].attrs["text_header"] == survey.text


def test_the_tree_without_consolidated_metadata_says_the_same(survey, root, tmp_path):
    plain = zarr.open_group(root.store, mode="r", use_consolidated=False)
    assert sorted(key for key, _ in plain.members(max_depth=None)) == sorted(
        key for key, _ in root.members(max_depth=None)
    )
    assert dict(plain.attrs) == dict(root.attrs)
