"""Wavelet payloads that are spoiled: the short form of the soak."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[1] / "soak" / "fuzz_wavelets.py"


def test_spoiled_payloads_are_refused_or_decode_to_their_shape():
    pytest.importorskip("numba")
    environment = {name: value for name, value in os.environ.items() if name != "MDIO_PEER_OPENVDS"}
    command = [sys.executable, SOAK, "--count", "3000", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("3000 cases")
