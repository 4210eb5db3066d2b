"""Every public SEG-Y file at hand: in without keys, out again, the same bytes; values as an independent parser saw."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import mdio
from mdio_segy import mdio_to_segy, segy_to_mdio

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")]


def names():
    if not DATA.is_dir():
        return []
    with (DATA / "MANIFEST.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "segy" and "NEGATIVE" not in row["facts"]]
    return sorted(row["name"] for row in rows)


def test_all_files_come_back(tmp_path, capsys):
    same, other = [], []
    for name in names():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                segy_to_mdio(DATA / name, tmp_path / "x.mdio", chunksize=None, overwrite=True)
                mdio_to_segy(tmp_path / "x.mdio", tmp_path / "x.sgy", overwrite=True)
            except mdio.exceptions.MDIOError as error:
                other.append(f"{name}: {error}")
                continue
        equal = (tmp_path / "x.sgy").read_bytes() == (DATA / name).read_bytes()
        (same if equal else other).append(name)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(same)} of {len(same) + len(other)} shared SEG-Y files came back byte for byte\n")
    assert other == []
    assert len(same) >= 71


def oracle():
    """Return the facts of files that the other parser could cut into whole traces."""
    facts = json.loads((DATA / "ORACLE.json").read_text()) if DATA.is_dir() else {}
    return {name: facts[name] for name in names() if "sha256_trace_headers_raw" in facts.get(name, {})}


def test_the_oracle_speaks_of_most_files():
    assert len(oracle()) >= 68


@pytest.mark.parametrize("name", list(oracle()))
def test_values_are_those_of_the_oracle(name):
    facts = oracle()[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        volume = mdio.open(DATA / name, format="segy")
    whole = volume.schema.region
    assert volume.schema.metadata.trace_count == facts["traces"]
    if not facts["traces"]:
        volume.close()
        return
    assert volume.schema.shape[-1] == facts["samples"]
    order = volume.order(whole.spatial).reshape(-1)
    cells = np.argsort(order, kind="stable")[np.count_nonzero(order < 0) :]
    samples = volume.samples(whole).reshape(-1, facts["samples"])[cells]
    headers = volume.headers(whole.spatial).reshape(-1)[cells]
    volume.close()
    assert hashlib.sha256(headers.tobytes()).hexdigest() == facts["sha256_trace_headers_raw"]
    if facts["format"] == 4:
        return  # the only such file is mislabelled: no oracle
    flat = samples.reshape(-1)
    for key, part in (("first4", flat[:4]), ("last4", flat[-4:])):
        if facts.get(key) is not None:
            assert np.array_equal(part.astype(float), np.array(facts[key], float), equal_nan=True), key
    if facts["format"] == 1 and facts.get("sha256_samples_f32le_nearest"):
        assert hashlib.sha256(flat.astype("<f4").tobytes()).hexdigest() == facts["sha256_samples_f32le_nearest"]
