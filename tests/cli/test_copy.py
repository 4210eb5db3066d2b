"""``mdio copy``: today's options and those of MDIO v0."""

import json

import numpy as np
import pytest

from mdio import MDIOReader, numpy_to_mdio, rechunk
from mdio.api.accessor import MDIOAccessor
from mdio.cli import main


@pytest.fixture
def path(tmp_path):
    numpy_to_mdio(np.arange(1, 121, dtype="f4").reshape(4, 5, 6), tmp_path / "a.mdio", (2, 2, 6))
    rechunk(MDIOAccessor(tmp_path / "a.mdio", "w"), (1, 5, 6), "fast")
    return str(tmp_path / "a.mdio")


def test_all_of_it(path, tmp_path, capsys):
    target = str(tmp_path / "b.mdio")
    assert main(["copy", path, target, "--json", "--quiet"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert (out["source"], out["target"]) == (path, target)
    # 2 × 3 × 1 chunks, 4 of the further pattern, the mask; headers are zeros, which take no object.
    assert out["objects"] == 6 + 4 + 1
    for pattern in ("012", "fast"):
        assert np.array_equal(MDIOReader(target, pattern)[:], MDIOReader(path, pattern)[:])


def test_the_options_of_v0(path, tmp_path):
    target = str(tmp_path / "b.mdio")
    (tmp_path / "b.mdio").mkdir()
    arguments = ["-access", "fast", "-exc", "chunked_012", "-inc", "trace_headers", "-storage", "{}", "-overwrite"]
    assert main(["copy", path, target, *arguments]) == 0
    reader = MDIOReader(target)
    assert not reader[:].any()
    assert reader.stats["max"] == 0
    assert MDIOReader(target, "fast")[:].any()


def test_what_goes_wrong(path, tmp_path, capsys):
    target = str(tmp_path / "b.mdio")
    assert main(["copy", path, target, "--access-pattern", "slow"]) == 4
    assert "there are: 012, fast" in capsys.readouterr().err
    assert main(["copy", path, target, "--excludes", "("]) == 2
    assert main(["copy", str(tmp_path / "none.mdio"), target]) == 5
    assert not (tmp_path / "b.mdio").exists()
    assert main(["copy", path, target, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["copy", path, target]) == 5
    assert "--overwrite" in capsys.readouterr().err


def test_progress_goes_to_standard_error(path, tmp_path, capsys):
    assert main(["copy", path, str(tmp_path / "b.mdio")]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "100 %" in told.err
