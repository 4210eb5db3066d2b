"""What ``mdio segy scan`` finds: varying words with their ranges, and which geometries a file could have."""

from __future__ import annotations

import json

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

from mdio.storage.local import LocalFile
from mdio_segy import scan
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
    monkeypatch.setattr(scan, "_FIRST_LOOK", 8)
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
