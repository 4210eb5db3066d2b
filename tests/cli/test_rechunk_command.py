"""``mdio rechunk``: what would be done, and doing it."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from mdio import MDIOReader, numpy_to_mdio
from mdio.cli import main

SAMPLES = np.arange(1, 20 * 24 * 40 + 1, dtype="f4").reshape(20, 24, 40) % 997
PAIRS = ["--chunk-size", "4,512,512", "--suffix", "fast_il", "--chunk-size", "512, 512, 4", "--suffix", "fast_z"]


@pytest.fixture
def path(tmp_path):
    numpy_to_mdio(SAMPLES, tmp_path / "a.mdio", (8, 8, 8))
    return str(tmp_path / "a.mdio")


def patterns(path):
    return MDIOReader(path).volume.access_patterns


def test_two_patterns(path, capsys):
    assert main(["rechunk", path, *PAIRS, "--json", "--quiet", "--workers", "2", "--memory", "8MiB"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert [pattern["name"] for pattern in out["patterns"]] == ["fast_il", "fast_z"]
    assert out["source_reads"] == {"max": 1, "mean": 1.0}
    assert patterns(path) == ("012", "fast_il", "fast_z")
    for name, chunks in (("fast_il", (4, 24, 40)), ("fast_z", (20, 24, 4))):
        array = zarr.open_consolidated(path, mode="r")[f"data/chunked_{name}"]
        assert array.chunks == chunks
        assert np.array_equal(array[:], SAMPLES)


def test_a_dry_run_says_what_is_read_and_writes_nothing(path, capsys):
    assert main(["rechunk", path, *PAIRS, "--dry-run", "--memory", "120k", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    # One worker and 120 KiB: the 75 KiB of the whole do not fit beside buffers, one reading and a file do.
    assert [row[:2] for row in rows[1:5]] == [
        ["fast_il", "samples"],
        ["fast_z", "samples"],
        ["fast_il", "headers"],
        ["fast_z", "headers"],
    ]
    assert "most reads" in out
    assert "at most" in out
    assert patterns(path) == ("012",)
    assert main(["rechunk", path, *PAIRS, "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["fits"]
    assert plan["headers"]["shape"] == [20, 24]
    assert patterns(path) == ("012",)


def test_what_does_not_fit_is_said(path, capsys):
    assert main(["rechunk", path, *PAIRS, "--dry-run", "--memory", "1k"]) == 0
    assert "more than the memory budget of 1024 bytes" in capsys.readouterr().out


def test_codecs(path):
    pytest.importorskip("mdio_compression")
    base = ["rechunk", path, "--chunk-size", "4,24,40", "--quiet"]
    assert main([*base, "--suffix", "a", "--codec", "zfp:tolerance=0.5"]) == 0
    assert 0 < np.abs(MDIOReader(path, "a")[:] - SAMPLES).max() <= 0.5
    assert main([*base, "--suffix", "b", "--codec", "zfp:quality=high"]) == 0
    # A tenth of the standard deviation.
    assert 0 < np.abs(MDIOReader(path, "b")[:] - SAMPLES).max() <= 0.1 * SAMPLES.std() * 1.001
    document = json.loads((Path(path) / ".zmetadata").read_text())["metadata"]["data/chunked_b/.zarray"]
    assert document["compressor"]["tolerance"] == pytest.approx(0.1 * SAMPLES.std(), rel=1e-3)
    assert main([*base, "--suffix", "c", "--codec", "none"]) == 2
    assert main([*base, "--suffix", "c", "--codec", "zpf:tolerance=1"]) != 0
    assert patterns(path) == ("012", "a", "b")


def test_what_goes_wrong(path, capsys):
    assert main(["rechunk", path, "--chunk-size", "1,2,3"]) == 2
    assert main(["rechunk", path, "--chunk-size", "1,2,3", "--suffix", "a", "--suffix", "b"]) == 2
    assert main(["rechunk", path, "--chunk-size", "1,two,3", "--suffix", "a"]) == 2
    assert main(["rechunk", path, "--chunk-size", "1,2", "--suffix", "a"]) == 2
    assert main(["rechunk", path, "--chunk-size", "1,2,3", "--suffix", "012", "--overwrite"]) == 2
    capsys.readouterr()
    assert main(["rechunk", path, "--chunk-size", "1,24,40", "--suffix", "a", "--quiet"]) == 0
    assert main(["rechunk", path, "--chunk-size", "2,24,40", "--suffix", "a"]) == 5
    assert "--overwrite" in capsys.readouterr().err
    assert main(["rechunk", path, "-chunks", "2,24,40", "--suffix", "a", "-overwrite", "--quiet"]) == 0
    assert MDIOReader(path, "a").chunks == (2, 24, 40)


def test_from_a_pattern(path):
    assert main(["rechunk", path, "--chunk-size", "1,24,40", "--suffix", "a", "--quiet"]) == 0
    assert main(["rechunk", path, "-access", "a", "--chunk-size", "20,24,1", "--suffix", "b", "--quiet"]) == 0
    assert np.array_equal(MDIOReader(path, "b")[:], SAMPLES)
