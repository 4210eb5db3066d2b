"""Datasets made here are read and exported by multidimio 0.x, and theirs by us: samples, headers, mask, every byte."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import mdio

SCRIPT = Path(__file__).with_name("peer_multidimio.py")
RELEASES = ("0.8.5", "0.9.3")
SHAPES = {
    "cube": ((12, 10, 20), 0.0, (64, 64, 64)),
    "holes": ((70, 130, 150), 0.2, (64, 64, 64)),
    "line": ((900, 110), 0.0, (512, 512)),
}


def variable(release):
    return "MDIO_PEER_MULTIDIMIO_" + release.replace(".", "_")


class Peer:
    """A release in its own Python."""

    def __init__(self, release):
        self.python = os.environ[variable(release)]

    def __call__(self, command, **arguments):
        arguments = {key: str(value) if isinstance(value, Path) else value for key, value in arguments.items()}
        environment = {**os.environ, "MDIO__IMPORT__CPU_COUNT": "2", "MDIO__EXPORT__CPU_COUNT": "2"}
        environment.pop("PYTHONPATH", None)  # it might put our own package before the peer's of the same name
        done = subprocess.run(
            [self.python, SCRIPT, command, json.dumps(arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            env=environment,
        )
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            release,
            marks=[
                pytest.mark.interop,
                pytest.mark.skipif(not os.environ.get(variable(release)), reason=f"{variable(release)} is not set"),
            ],
        )
        for release in RELEASES
    ],
)
def peer(request):
    return Peer(request.param)


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
    peer("read", store=ours, pattern=survey.pattern, names=fields, out=tmp_path / "seen")
    seen, facts = np.load(tmp_path / "seen.npz"), json.loads((tmp_path / "seen.json").read_text())
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
