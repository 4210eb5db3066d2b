"""The paired import benchmark runs, compares decoded samples, and fails when they differ."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PEER = os.environ.get("MDIO_PEER_MULTIDIMIO_1_1_3", "")


@pytest.mark.interop
@pytest.mark.skipif(not PEER, reason="MDIO_PEER_MULTIDIMIO_1_1_3 is not set")
def test_both_imports_decode_to_the_same_samples(make_survey, tmp_path):
    survey = make_survey(tmp_path / "a.sgy", (40, 30, 100), dead=0.1)
    command = [sys.executable, "-m", "benchmarks.ingest_pair", survey.path, "--peer", PEER, "--repeat", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "mdio: every sample equal\nmultidimio: every sample equal\n" in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith(("seconds", "CPU", "peak", "written"))]
    assert len(rows) == 4


def test_a_difference_is_seen(make_survey, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.ingest_pair import Truth

    survey = make_survey(tmp_path / "a.sgy", (40, 30, 100), dead=0.1)
    truth = Truth.of(survey.path, survey.index_bytes)
    assert truth.shape == survey.words.shape
    samples = survey.samples
    assert truth.differs(samples) == 0
    cell = tuple(axis[-1] for axis in np.nonzero(survey.live))
    samples[cell][99] += 1
    assert truth.differs(samples) == 1
