"""``mdio stats``: numbers worked by hand, from what is stored and from the samples."""

import json

import numpy as np
import pytest

from mdio.api.measuring import histogram, measure_volume, stored_statistics
from mdio.cli import main
from mdio.convert import create
from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderLayout
from mdio.core.volume import Creation, Schema
from mdio.exceptions import ConfigError
from mdio.flow import engine
from mdio.testing.memory import MemoryVolume


def line(values, live=None, chunks=(1, 2), statistics=None):
    """A volume of traces of four samples."""
    samples = np.array(values, "f4").reshape(-1, 4)
    mask = np.ones(len(samples), bool) if live is None else np.array(live, bool)
    schema = Schema(
        dims=(Dimension.regular("cdp", 1, 1, len(samples)), Dimension.regular("sample", 0, 4, 4, "ms")),
        dtype=np.dtype("f4"),
        headers=HeaderLayout(),
        chunks=chunks,
    ).with_metadata(trace_count=int(mask.sum()), statistics=statistics)
    return MemoryVolume(schema, samples, np.zeros(len(samples), "V0"), mask)


# Two live traces and a dead one. Non-zero: 1, 3, -2, 2 -> sum 4, squares 18; all eight: mean 0.5.
VALUES = [1, 0, 3, 0, -2, 0, 2, 0, 0, 0, 0, 0]
LIVE = [1, 1, 0]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("memory", [None, 1])
def test_both_senses(workers, memory):
    found = measure_volume(line(VALUES, LIVE), workers=workers, memory=memory).summary()
    assert (found["mean"], found["min"], found["max"], found["trace_count"]) == (1, -2, 3, 2)
    assert found["rms"] == pytest.approx(4.5**0.5)
    assert found["std"] == pytest.approx(3.5**0.5)
    honest = found["honest"]
    assert (honest["count"], honest["mean"], honest["min"], honest["max"]) == (8, 0.5, -2, 3)
    assert honest["std"] == pytest.approx(2**0.5)  # 18/8 - 0.25
    assert honest["rms"] == pytest.approx(1.5)


@pytest.mark.parametrize("memory", [None, 1])
def test_histogram(memory):
    bars = histogram(line([*VALUES[:7], np.nan, *VALUES[8:]], LIVE), -2, 3, 5, memory=memory)
    assert bars.edges.tolist() == [-2, -1, 0, 1, 2, 3]
    assert bars.counts.tolist() == [1, 0, 3, 1, 2]  # 2 belongs to the last bin, as does 3
    assert bars.outside == 0
    assert histogram(line(VALUES, LIVE), 0, 2, 2).outside == 2
    with pytest.raises(ConfigError):
        histogram(line(VALUES), 3, 2, 5)
    with pytest.raises(ConfigError):
        histogram(line(VALUES), 0, float("inf"), 5)


def test_what_counts_as_stored():
    assert stored_statistics(line(VALUES)) is None
    assert stored_statistics(line(VALUES, statistics={"mean": 1.0}))["mean"] == 1.0
    assert stored_statistics(line(VALUES, statistics={"mean": 1.0, "stale": True})) is None


@pytest.fixture
def path(tmp_path):
    volume = line(VALUES, LIVE)
    sink = create(tmp_path / "a.mdio", volume, creation=Creation())
    engine.run(volume, sink)
    sink.close()
    return str(tmp_path / "a.mdio")


def test_stored_and_computed_say_the_same(path, capsys):
    assert main(["stats", path, "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)
    assert main(["stats", path, "--json", "--compute", "--quiet"]) == 0
    computed = json.loads(capsys.readouterr().out)
    assert (stored.pop("stored"), computed.pop("stored")) == (True, False)
    assert stored == computed
    assert (stored["mean"], stored["trace_count"], stored["honest"]["mean"]) == (1.0, 2, 0.5)


def test_stored_statistics_read_no_samples(path, tmp_path, capsys):
    for chunk in (tmp_path / "a.mdio" / "data").rglob("[0-9]*"):
        if chunk.is_file():
            chunk.write_bytes(b"x")
    assert main(["stats", path]) == 0
    out = capsys.readouterr()
    assert out.err == ""
    assert "(stored)" in out.out
    assert main(["stats", path, "--compute", "--quiet"]) == 4


def test_picture(path, capsys):
    assert main(["stats", path, "--histogram", "5"]) == 0
    out = capsys.readouterr()
    lines = out.out.splitlines()
    assert lines[-7:] == [
        "",
        f"-2 | {'#' * 12:50} 1",  # 50 * 1 / 4 = 12.5, rounded to even
        f"-1 | {'':50} 0",
        f" 0 | {'#' * 50:50} 4",
        f" 1 | {'#' * 12:50} 1",
        f" 2 | {'#' * 25:50} 2",
        " 3",
    ]
    assert "100 %" in out.err
    assert "100 %" not in out.out


def test_histogram_as_json(path, capsys):
    assert main(["stats", path, "--histogram", "2", "--json", "--quiet"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["histogram"] == {"counts": [5, 3], "edges": [-2.0, 0.5, 3.0], "outside": 0}
