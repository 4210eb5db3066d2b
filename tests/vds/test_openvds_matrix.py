"""A part of the matrix of ``openvds_matrix.py``: VDSs that the wheel writes and we read, and the other way round."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).with_name("matrix")))

from vds_cases import Channel, Job, further, matrix
from vds_compare import Bench, conversions
from vds_patches import PATCHES, patched

from mdio.storage.local import LocalStore
from mdio_vds.layout import parse_layout
from mdio_vds.volume import open_source
from mdio_vds.voxels import VoxelReader

PEER = os.environ.get("MDIO_PEER_OPENVDS", "")
pytestmark = [pytest.mark.interop, pytest.mark.skipif(not PEER, reason="MDIO_PEER_OPENVDS is not set")]

FILES = [job for job in matrix() if job.storage != "s3"]
FURTHER = further()
SAMPLE = [*FILES[::8], *FURTHER[::5]]
"""Every number of dimensions, margin, encoding, storage and direction, each VDS with all its channels."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with Bench(PEER, tmp_path_factory.mktemp("bench"), s3=False) as made:
        yield made


def test_the_sample_has_all_that_the_matrix_varies():
    for part in (lambda j: len(j.samples), lambda j: j.margins, lambda j: j.codec, lambda j: (j.storage, j.direction)):
        assert {part(job) for job in SAMPLE} >= {part(job) for job in FILES}


@pytest.mark.parametrize("job", SAMPLE, ids=lambda job: job.name)
def test_every_voxel_of_every_level(bench, job):
    outcome = bench.run(job)
    assert not outcome.differences
    assert sum(outcome.equal.values()) >= len(job.channels)


@pytest.mark.parametrize("job", [job for job in FURTHER if job.kind in ("scale and offset", "no-value")][::6],
                         ids=lambda job: job.name)  # fmt: skip
def test_converted_values(bench, job):
    equal, skipped, differences = conversions(bench, job)
    assert not differences
    assert equal >= 5 * len(job.channels) > sum(skipped.values())


@pytest.mark.parametrize("name", PATCHES)
def test_patched_bytes(bench, name):
    assert not patched(bench, name)


SHARED = Path(__file__).parents[3] / "shared/data/equinor__seismic-zfp__test_data__vds__small.vds"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is absent")
def test_a_file_of_2021_is_described_as_the_wheel_describes_it(bench, tmp_path):
    told = bench.wheel.ask({"do": "describe", "url": str(SHARED), "connection": ""})
    source = open_source(LocalStore(SHARED))
    layout = parse_layout(source.layout_json())
    axes = [[a.samples, a.name, a.unit, a.coordinate_min, a.coordinate_max] for a in layout.axes]
    assert axes == told["axes"]
    channels = [
        [c.name, c.format.name, f"Components_{c.components}", c.mapping.name, c.mapped_values,
         *(float(np.float32(end)) for end in c.value_range), c.discrete, c.renderable]
        for c in layout.channels
    ]  # fmt: skip
    assert channels == told["channels"]
    assert sorted([item.category, item.name, item.type.name] for item in layout.metadata) == told["metadata"]
    assert layout.value("SEGY", "TextHeader").hex() == told["text"]
    assert (f"BrickSize_{layout.layout.brick_size}", layout.layout.lod_levels) == (told["brick"], 0)
    assert told["lods"] == "LODLevels_None"
    samples = source.layers["Dimensions_012LOD0"]
    assert (samples.method.name, samples.tolerance) == (told["method"], told["tolerance"])

    told_of = tuple(
        Channel(c.name, c.format.label, c.components, c.mapping.name, c.mapped_values) for c in layout.channels
    )
    job = Job("", "container", layout.shape, told_of, lods=0)
    task = job.task(do="read", url=str(SHARED), connection="", out=str(tmp_path / "out")) | {"lods_of": [-1, 0, 0]}
    bench.wheel.ask(task)
    ours = [VoxelReader(source, layout, layout.channels[n]).chunk((0,) * 6).tobytes() for n in (1, 2)]
    assert b"".join(ours) == (tmp_path / "out").read_bytes()
    source.close()
