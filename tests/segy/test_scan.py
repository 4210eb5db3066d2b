"""What ``mdio segy scan`` finds: varying words with their ranges, and which geometries a file could have."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

from mdio.core.index import AffineIndex, MapIndex
from mdio.core.region import Region
from mdio.storage.local import LocalFile
from mdio_segy import look
from mdio_segy.fields import KeyField
from mdio_segy.filehead import read_layout
from mdio_segy.report import scan_report
from mdio_segy.scan import find_geometry, scan_keys, weigh_candidates
from mdio_segy.tracefile import TraceFile


@pytest.fixture
def opened(tmp_path):
    files = []

    def make(keys, **changes):
        values = samples_for(3, np.random.default_rng(1), len(next(iter(keys.values()))), 5)
        (tmp_path / "x.sgy").write_bytes(segy(keys, values, 3, **changes))
        files.append(LocalFile(tmp_path / "x.sgy"))
        layout = read_layout(files[-1])
        return TraceFile(files[-1], layout), layout

    yield make
    for file in files:
        file.close()


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("window", [64 << 20, 300])
def test_keys_of_all_traces(opened, order, window, monkeypatch):
    from mdio_segy import tracefile

    monkeypatch.setattr(tracefile, "_WINDOW", window)
    il, xl = grid(6, 7, il=(-5, 3))
    traces, layout = opened({189: il, 9: xl}, order=order)
    keys = [KeyField("a", 189), None, KeyField("b", 9)]
    table = scan_keys(traces, layout, keys, ["a", "nothing", "b"])
    assert table.names == ("a", "nothing", "b")
    assert table.columns["a"].tolist() == il.tolist()
    assert table.columns["b"].tolist() == xl.tolist()
    assert table.columns["nothing"].tolist() == [0] * 42
    assert table.columns["a"].dtype == np.int32


def test_only_words_that_are_missing(opened):
    traces, layout = opened({189: np.arange(4)})
    table = scan_keys(traces, layout, [None], ["nothing"])
    assert table.columns["nothing"].tolist() == [0] * 4


def verdicts(traces, layout):
    return {tuple(byte for _, byte in one.keys): one for one, _ in weigh_candidates(traces, layout)}


def test_candidates_are_weighed(opened):
    il, xl = grid(6, 5)
    found = verdicts(*opened({189: il, 193: xl, 21: np.arange(30), 5: np.arange(30)}))
    assert found[189, 193].shape == (6, 5)
    assert found[189, 193].fill == 1.0
    assert found[189, 193].plausible
    assert found[21,].shape == (30,)
    assert "900 cells for 30 traces" in found[5, 21].problem
    assert not found[5, 21].plausible
    assert found[17, 13].problem == "does not vary"
    assert "0 in all traces" in found[9, 21].problem


def test_holes_are_counted(opened):
    il, xl = grid(6, 5)
    kept = np.delete(np.arange(30), [2, 3, 4])
    found = verdicts(*opened({189: il[kept], 193: xl[kept]}))
    assert found[189, 193].fill == pytest.approx(0.9)


def test_repeats_are_seen_at_once_and_later(opened, monkeypatch):
    il, xl = grid(6, 5)
    twice = np.r_[np.arange(30), 4]
    traces, layout = opened({189: il[twice], 193: xl[twice]})
    assert verdicts(traces, layout)[189, 193].problem == "repeats within the first traces"
    monkeypatch.setattr(look, "_FIRST_LOOK", 8)
    problem = verdicts(traces, layout)[189, 193].problem
    assert "traces 4 and 30 both have inline 100, crossline 204" in problem
    assert find_geometry(traces, layout) is None


def test_a_report(tmp_path):
    il, xl = grid(6, 5, il=(100, 2))
    data = segy({189: il, 193: xl}, samples_for(3, np.random.default_rng(1), 30, 8), 3, interval=2000, trailer=b"xyz")
    (tmp_path / "x.sgy").write_bytes(data)
    report = json.loads(json.dumps(scan_report(str(tmp_path / "x.sgy"), {}, {})))
    assert report["file"] == {"url": str(tmp_path / "x.sgy"), "bytes": len(data)}
    assert report["format"]["sample_format"] == "int16"
    assert report["format"]["code"] == 3
    assert report["format"]["endian"] == report["format"]["data_endian"] == "big"
    assert report["format"]["revision"] == "1.0"
    expected = {
        "count": 30,
        "samples": 8,
        "interval_us": 2000.0,
        "record_bytes": 256,
        "first_at_byte": 3600,
        "trailing_bytes": 3,
    }
    assert report["traces"] == expected
    assert report["varying"] == [
        {"word": "inline", "byte": 189, "min": 100, "max": 110},
        {"word": "crossline", "byte": 193, "min": 200, "max": 204},
    ]
    best = report["candidates"][0]
    assert best == {"names": ["inline", "crossline"], "locations": [189, 193], "shape": [6, 5, 8], "fill": 1.0}
    assert any("3 bytes" in line for line in report["warnings"])


def test_a_report_of_a_single_trace_and_of_none(tmp_path):
    for traces in (1, 0):
        keys = {189: np.arange(traces)}
        (tmp_path / "x.sgy").write_bytes(
            segy(keys, np.zeros((traces, 6 * traces), np.int16), 3, binary={3503: ("h", traces)})
        )
        report = scan_report(str(tmp_path / "x.sgy"), {}, {})
        assert report["traces"]["count"] == traces
        assert report["varying"] == []


class TestReading:
    """How often the headers of all traces are read."""

    @pytest.fixture
    def scans(self, monkeypatch):
        done = []
        scan = TraceFile.scan

        def counted(self, low, high):
            done.append((low, high))
            return scan(self, low, high)

        monkeypatch.setattr(TraceFile, "scan", counted)
        monkeypatch.setattr(look, "_FIRST_LOOK", 8)
        monkeypatch.setattr(look, "_WINDOW", 2)
        return done

    @pytest.fixture
    def keys(self):
        il, xl = grid(40, 5, il=(7, 1), xl=(3, 2))
        # All of the usual words vary, and none repeats.
        return {189: il, 193: xl, 9: il, 21: xl, 5: il, 25: il, 17: il, 13: xl, 37: np.arange(200)}

    def test_once_where_keys_are_in_order(self, opened, keys, scans):
        candidate, (dims, index) = find_geometry(*opened(keys))
        assert candidate.keys == (("inline", 189), ("crossline", 193))
        assert len(scans) == 1
        assert type(index) is AffineIndex
        assert [dim.coords.tolist() for dim in dims] == [list(range(7, 47)), [3, 5, 7, 9, 11]]
        scans.clear()
        assert len(list(weigh_candidates(*opened(keys)))) == 11
        assert len(scans) == 2  # crosslines and offsets are in order, but do not count all traces

    @pytest.mark.parametrize("order", [np.random.default_rng(3).permutation(200), np.r_[0:190, 195:200, 190:195]])
    def test_twice_where_they_are_in_none(self, opened, keys, scans, order, monkeypatch):
        from mdio_segy import tracefile

        monkeypatch.setattr(tracefile, "_WINDOW", 250 * 30)
        candidate, (_, index) = find_geometry(*opened({byte: column[order] for byte, column in keys.items()}))
        assert candidate.keys == (("inline", 189), ("crossline", 193))
        assert candidate.fill == 1
        assert len(scans) == 2
        assert type(index) is MapIndex
        assert index.traces(Region([(0, 40), (0, 5)])).ravel()[order].tolist() == list(range(200))
        scans.clear()
        found = [candidate.shape for candidate, grid in weigh_candidates(*opened(keys)) if grid is not None]
        assert found.count((40, 5)) >= 3
        assert len(scans) <= 2

    def test_not_at_all_where_the_look_tells(self, opened, scans):
        n = np.arange(40)  # 22 of them are looked at, and 484 cells are more than 10 a trace
        assert find_geometry(*opened({189: n, 193: n})) is None
        assert scans == []

    def test_no_further_than_something_fits(self, opened, scans, monkeypatch):
        # A diagonal in the middle: the look at the first traces, a grid of few lines, does not tell.
        from mdio_segy import tracefile

        monkeypatch.setattr(tracefile, "_WINDOW", 250 * 10)
        n = np.arange(3000)
        inline = np.where((n > 20) & (n < 2900), n, 5)
        traces, layout = opened({189: inline, 193: n})
        problems = {candidate.keys: candidate.problem for candidate, _ in weigh_candidates(traces, layout)}
        assert "at least" in problems[("inline", 189), ("crossline", 193)]


MEASURE = """
import sys, mdio
from pathlib import Path
options = {"header_locations": [189, 193]} if sys.argv[2] == "named" else {}
volume = mdio.open(sys.argv[1], options=options)
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])  # of this process, unlike ru_maxrss
print(*volume.schema.shape, peak // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_memory_of_a_scan(tmp_path, order):
    path = tmp_path / "x.sgy"
    il, xl = grid(600, 1000)
    if order == "shuffled":
        places = np.random.default_rng(1).permutation(600_000)
        il, xl = il[places], xl[places]
    try:
        path.write_bytes(segy({189: il, 193: xl}, np.zeros((600_000, 5), np.int16), 3))
        for how in ("named", "found"):
            done = subprocess.run(
                [sys.executable, "-c", MEASURE, str(path), how], capture_output=True, text=True, check=True
            )
            *shape, peak = (int(word) for word in done.stdout.split())
            assert shape == [600, 1000, 5]
            assert peak < 300  # of which nothing grows with the traces; the whole file is 143 MiB
    finally:
        path.unlink()
