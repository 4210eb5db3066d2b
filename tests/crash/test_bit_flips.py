"""Some flipped bits in every format; ``tests/soak/bit_flips.py`` flips them by the thousand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "soak" / "bit_flips.py"


@pytest.mark.parametrize("format", ["v0", "v1", "v1-sharded", "vds", "vds-objects"])
def test_no_flipped_bit_reads_as_a_wrong_value(format, record_property):
    command = [sys.executable, str(SCRIPT), "--count", "100", "--json", "--only", format]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)[format]
    record_property("counted", f"{found['flips']} flips, {found['refused']} refused, {len(found['wrong'])} wrong")
    assert found["wrong"] == []
    assert found["verify found"] + found["verify cannot open"] == found["refused"] > 50
