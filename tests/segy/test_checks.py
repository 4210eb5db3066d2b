"""Checks see what is wrong with a volume, in any order of its traces and in pieces of any size."""

from __future__ import annotations

import pickle
import struct

import numpy as np
import pytest
from segy_bytes import grid, samples_for, segy

import mdio
from mdio.core.findings import Finding
from mdio.plugins.registry import registry
from mdio_segy import checks, summary
from mdio_segy.fields import trace_header_layout
from mdio_segy.sampling import look_at_samples
from mdio_segy.summary import summarise, summary_of

SAMPLES = 8
LENGTH = 240 + 4 * SAMPLES


def header_words(numbers, byte, values, order=">"):
    """Return records in which one two-byte word is set."""
    records = np.zeros((len(numbers), 240), np.uint8)
    for row, value in enumerate(values):
        struct.pack_into(order + "h", records[row], byte - 1, value)
    return np.asarray(numbers, np.int64), records


@pytest.fixture
def opened(tmp_path):
    volumes = []

    def make(data):
        (tmp_path / "x.sgy").write_bytes(bytes(data))
        volumes.append(mdio.open(tmp_path / "x.sgy"))
        return volumes[-1]

    yield make
    for volume in volumes:
        volume.close()


def floats(values=None, **changes):
    inline, crossline = grid(6, 5)
    if values is None:
        values = np.random.default_rng(1).normal(size=(30, SAMPLES)).astype(np.float32)
    return bytearray(segy({189: inline, 193: crossline}, values, 5, **changes))


@pytest.mark.parametrize("order", [">", "<"])
def test_a_summary_over_batches(order):
    layout = trace_header_layout(order == ">", 240)
    batches = [
        header_words([0, 1], 109, [5, 5], order),
        header_words([], 109, [], order),
        header_words([2, 3, 4], 109, [5, -3, 700], order),
        header_words([5, 6], 109, [5, 6], order),
    ]
    found = summarise(batches, layout)
    word = found.words["delay_recording_time"]
    assert (found.count, word.low, word.high, word.first, word.others, word.at) == (7, -3, 700, 5, 3, 3)
    assert word.byte == 109
    assert found.tallies["delay_recording_time"] == {-3: 1, 5: 4, 6: 1, 700: 1}
    assert found.tallies["trace_id_code"] == {0: 7}
    assert [name for name, word in found.words.items() if word.varies] == ["delay_recording_time"]
    assert len(found.words) == 90


def test_nothing_to_summarise():
    found = summarise([], trace_header_layout(True, 240))
    assert (found.count, found.words, found.tallies) == (0, {}, {})


@pytest.mark.parametrize("band", [1, 4, 7, 1 << 18])
def test_a_volume_is_summarised_in_bands(opened, band, monkeypatch):
    monkeypatch.setattr(summary, "_BAND", band)
    data = floats()
    for trace in (12, 20, 21):
        struct.pack_into(">h", data, 3600 + trace * LENGTH + 108, trace)
    found = summary_of(opened(data))
    assert found.count == 30
    assert found.tallies["delay_recording_time"] == {0: 27, 12: 1, 20: 1, 21: 1}
    assert found.words["delay_recording_time"].at == 12
    assert (found.words["inline"].low, found.words["inline"].high) == (100, 105)


def test_headers_are_read_once_for_all_checks(opened, monkeypatch):
    volume = opened(floats())
    reads = []
    headers = volume.headers
    monkeypatch.setattr(type(volume), "headers", lambda self, region: reads.append(region) or headers(region))
    for check in registry().checks("segy"):
        list(check.load()(volume))
    assert len(reads) == 1


def test_a_sound_volume_has_no_findings(opened):
    volume = opened(floats())
    assert [finding for check in registry().checks("segy") for finding in check.load()(volume)] == []


def test_counts_above_32767_are_counts(opened):
    values = np.ones((4, 40000), np.int16)
    volume = opened(segy({189: np.arange(1, 5), 193: np.arange(1, 5)}, values, 3))
    assert list(checks.sample_counts_differ(volume)) == []
    data = bytearray(segy({189: np.arange(1, 5), 193: np.arange(1, 5)}, values, 3))
    struct.pack_into(">H", data, 3600 + 2 * (240 + 80000) + 114, 40001)
    (finding,) = checks.sample_counts_differ(opened(data))
    assert finding.message == "1 trace states 40001 samples in the header, the file has 40000"


def test_samples_that_are_no_numbers(opened):
    values = np.ones((30, SAMPLES), np.float32)
    values[3, 1], values[9, 7], values[29, 0] = np.nan, np.inf, -np.inf
    values.view(np.uint32)[4, 4] = 0x7F800001  # a signalling NaN
    (finding,) = checks.not_finite(opened(floats(values)))
    assert (finding.count, finding.severity) == (4, "warning")
    assert "4 of 240" in finding.message


def test_silent_traces(opened):
    values = np.ones((30, SAMPLES), np.float32)
    values[[3, 4, 9]] = 0
    values[9, 5] = 1e-30
    (finding,) = checks.silent_traces(opened(floats(values)))
    assert finding.count == 2
    assert finding.message.startswith("2 of 30 traces")


def test_a_look_stays_small(opened, monkeypatch):
    from mdio_segy import sampling

    monkeypatch.setattr(sampling, "_PIECE", 2 * SAMPLES * 4)
    values = np.arange(30 * SAMPLES, dtype=np.float32).reshape(30, SAMPLES)
    look = look_at_samples(opened(floats(values)))
    assert look.traces == 14  # two of 18 boxes of two lie at the end of a line of five, and hold one
    assert look.samples == look.traces * SAMPLES
    assert look.low == 0.0
    assert look.high > 0.8 * values.max()
    assert look.raw_bytes == look.traces * LENGTH


def test_every_check_is_found_by_its_name():
    offered = {check.name: check for check in registry().checks("segy")}
    for name in checks.__all__:
        assert offered[name.replace("_", "-")].load() is getattr(checks, name)
        assert offered[name.replace("_", "-")].summary
    assert not {check.name for check in registry().checks("vds")} & {name.replace("_", "-") for name in checks.__all__}


def test_a_finding_knows_its_severities():
    with pytest.raises(ValueError, match="fatal"):
        Finding("fatal", "x")
    finding = Finding("info", "x", 3, "trace 1")
    assert pickle.loads(pickle.dumps(finding)) == finding


def test_holes_are_no_traces(opened):
    inline, crossline = grid(6, 5)
    kept = np.delete(np.arange(30), [7, 8])
    volume = opened(segy({189: inline[kept], 193: crossline[kept]}, samples_for(2, np.random.default_rng(1), 28, 8), 2))
    assert summary_of(volume).count == 28
    assert summary_of(volume).words["inline"].low == 100
    assert look_at_samples(volume).traces == 28
