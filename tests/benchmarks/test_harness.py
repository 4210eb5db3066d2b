"""The harness measures children, sees wrong results, and makes tables: on tiny inputs, without a look at any time."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_memory_and_cpu_of_children_count(tmp_path):
    from benchmarks.measure import measure

    child = "import time; a = b'x' * 150_000_000; time.sleep(0.3); sum(range(3_000_000))"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    cost = measure([sys.executable, "-c", parent])
    alone = measure([sys.executable, "-c", "pass"])
    assert cost.memory > 150_000_000 > alone.memory
    assert cost.cpu > alone.cpu


def test_the_size_of_a_target_counts_all_its_files(tmp_path):
    from benchmarks.measure import measure

    target = tmp_path / "made"
    code = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); (p / 'b').mkdir(parents=True)"
    code += "; (p / 'a').write_bytes(b'x' * 100); (p / 'b/c').write_bytes(b'x' * 23)"
    assert measure([sys.executable, "-c", code, str(target)], target).size == 123


def test_what_fails_is_not_asked_again():
    from benchmarks.measure import in_turns, measure

    asked = []

    def bad():
        asked.append(1)
        return measure([sys.executable, "-c", "raise SystemExit('no such thing')"])

    costs, failed = in_turns({"good": lambda: measure([sys.executable, "-c", "pass"]), "bad": bad}, 3)
    assert len(costs["good"]) == 3
    assert costs["bad"] == []
    assert len(asked) == 1
    assert "no such thing" in failed["bad"]


def test_a_single_wrong_sample_changes_the_digest(tmp_path):
    from benchmarks.inputs import make, survey_of
    from benchmarks.truth import Truth

    survey = survey_of("stack", 0.2)
    make(survey, tmp_path / "a.sgy")
    truth = Truth.of(tmp_path / "a.sgy", survey.keys, tmp_path / "truth.npy")
    whole = [(0, length) for length in truth.shape]
    wrong = truth.samples.copy()
    assert Truth(wrong).digest(whole) == truth.digest(whole)
    wrong[-1, -1, -1] += 1
    assert Truth(wrong).digest(whole) != truth.digest(whole)
    assert truth.compare(truth.samples) == (float("inf"), 0.0)
    assert truth.compare(wrong)[1] == pytest.approx(1.0, abs=1e-5)


def test_missing_samples_and_signed_zeros_are_zeros():
    from benchmarks.drivers.timing import digest

    assert digest(np.array([np.nan, -0.0, 1.0])) == digest(np.array([0, 0, 1], np.int16))


def test_requests_lie_inside_small_volumes():
    from benchmarks.cases import requests

    for shape in ((7, 9), (5, 7, 100), (3, 4, 5, 70)):
        for turn in range(7):
            for name, region in requests(shape, turn):
                assert all(0 <= start < stop <= length for (start, stop), length in zip(region, shape, strict=True)), (
                    name
                )


def record(name, seconds, case="ingest", **more):
    from benchmarks.results import Record

    return Record(case, "stack", name, {"seconds": seconds, "size": [10.0]}, **more)


def test_ratios_are_of_the_best(tmp_path):
    from benchmarks.results import Results, load, ratios, readme_table, save

    records = [record("mdio v0", [2.0, 1.0], equal=True), record("peer 1", [9.0, 8.0]), record("peer 2", [])]
    [(ours, peer, found), (_, second, sizes)] = ratios(records)
    assert (ours.name, peer.name, found) == ("mdio v0", "peer 1", {"seconds": 8.0, "size": 1.0})
    assert (second.name, sizes) == ("peer 2", {"size": 1.0})
    results = Results({"date": "2020-02-03T04:05", "cores": 2, "processor": "Z80", "repeat": 5}, records)
    save(results, tmp_path / "r.json")
    table = readme_table(load(tmp_path / "r.json"))
    assert "| ingest | stack | v0 | peer 1 | seconds 8×, size 1× |" in table
    assert "2020-02-03" in table
    assert "Z80" in table
    assert "peer 1" not in readme_table(results, ["volve"])


def test_wrong_results_of_ours_are_told_and_those_of_peers_noted():
    from benchmarks.results import Results

    mine = [record("mdio v0", [1.0], equal=True), record("mdio v1", [1.0], equal=False), record("mdio VDS", [1.0])]
    mine[2].values = {}
    assert [bad.name for bad in Results({}, [*mine, record("peer", [1.0], equal=False)]).wrong] == [
        "mdio v1",
        "mdio VDS",
    ]


def test_all_cases_on_a_tiny_stack(tmp_path):
    """Everything of ours, and the peers of our own environment; a wrong result would give another exit code."""
    found = tmp_path / "r.json"
    cases = "ingest,export,vds,rechunk,reads,lazy,lossy"
    done = run(
        "--only", cases, "--inputs", "stack", "--sizes", "0.3", "--repeat", 1, "--json", found, "--folder", tmp_path
    )
    assert done.returncode == 0, done.stderr
    records = json.loads(found.read_text())["records"]
    assert {record["case"] for record in records} >= {"ingest", "export", "vds import", "reads", "lazy", "lossy"}
    assert not [record for record in records if not record["equal"]]
    assert not [path for path in tmp_path.iterdir() if path != found]


def test_damage_to_the_input_is_seen(tmp_path, monkeypatch):
    """A peer that changes one sample must not pass: its reader is given another file than the truth is made of."""
    from benchmarks.cases import Bench
    from benchmarks.inputs import make, survey_of
    from benchmarks.tools import Source, own_tools

    survey = survey_of("stack", 0.2)
    path = tmp_path / "a.sgy"
    make(survey, path)
    bench = Bench(Source(survey, path), tmp_path, [], 1)
    store = bench.store(own_tools()[0])
    assert bench.is_whole(own_tools()[0].reader, store)
    data = bytearray(path.read_bytes())
    data[-4:] = b"\x42\x10\x00\x00"
    path.write_bytes(data)
    bench._truth = None
    assert not bench.is_whole(own_tools()[0].reader, store)


def test_the_index_of_each_order():
    from benchmarks.growth import indexes

    found = {record.input: record.note.split(",")[0] for record in indexes([20000])}
    assert found == {
        "sorted": "AffineIndex",
        "holes": "RankIndex",
        "shuffled": "MapIndex",
        "sparse": "SparseIndex",
    }


def test_an_unknown_case_is_refused():
    done = run("--only", "ingestion")
    assert done.returncode == 1
    assert "no case ingestion" in done.stderr
