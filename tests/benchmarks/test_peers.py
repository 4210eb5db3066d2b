"""The benchmark drives each peer release, and what they make is equal to what ours makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.interop
@pytest.mark.parametrize(
    "variable",
    [
        pytest.param(name, marks=pytest.mark.skipif(not os.environ.get(name), reason=f"{name} is not set"))
        for name in ("MDIO_PEER_MULTIDIMIO_0_9_3", "MDIO_PEER_MULTIDIMIO_1_1_3", "MDIO_PEER_OPENVDS")
    ],
)
def test_a_peer_beside_ours(variable, tmp_path):
    found = tmp_path / "r.json"
    command = [sys.executable, "-m", "benchmarks", "--peer", os.environ[variable], "--only", "ingest,export,reads"]
    command += ["--inputs", "stack", "--sizes", "0.5", "--repeat", "1", "--json", str(found)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    records = [record for record in json.loads(found.read_text())["records"] if record["name"].startswith(("m", "o"))]
    assert any(not record["name"].startswith("mdio") for record in records)
    assert not [record for record in records if not record["equal"]]
