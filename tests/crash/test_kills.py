"""A few SIGKILLs of every writer; ``tests/soak/kills.py`` does the same by the hundred, and on an emulator of S3."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "soak" / "kills.py"
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")


@pytest.mark.parametrize("target", ["v0", "v1", "vds", "vds-objects", "segy"])
def test_what_is_killed_does_not_open_and_is_resumed_to_the_same_bytes(target, record_property):
    command = [sys.executable, str(SCRIPT), "--count", "6", "--json", "--only", target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)[target]
    counted = f"{found['kills']} kills, {found['unfinished']} met an unfinished target, {found['resumed']} resumed"
    record_property("counted", f"{counted}, {len(found['wrong'])} wrong")
    assert found["wrong"] == []
    assert found["unfinished"] >= 3
    assert found["resumed"] == found["unfinished"]
