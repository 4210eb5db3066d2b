"""Damaged SEG-Y files are read, or refused by name: nothing else comes out (the long form is in ``tests/soak``)."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segy_mutations import (
    BINARY_WORDS,
    OPTIONS,
    REFUSALS,
    TRACE_WORDS,
    BytesStorage,
    apply,
    interesting,
    own_bases,
    random_edits,
    read_some,
)

import mdio
from mdio.core.region import Region
from mdio_segy import mdio_to_segy, segy_to_mdio

BASES = own_bases()
PATIENT = {"deadline": 5000, "suppress_health_check": [HealthCheck.too_slow]}


def test_the_files_are_sound_before_they_are_damaged():
    """Otherwise damage would prove nothing."""
    for base in BASES:
        assert read_some(BytesStorage(base.data), {}) == "read", base.name


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("set", 10, b"abc"), b"0123456789abc"[:10] + b"ab"),
        (("flip", 0, 0), b"1123456789xy"),
        (("cut", 4), b"0123"),
        (("drop", 1, 10), b"0y"),
        (("repeat", 0, 2, 2), b"01010123456789xy"),
        (("insert", 12, b"!"), b"0123456789xy!"),
        (("splice", 3, b"--"), b"012--"),
    ],
)
def test_edits(edit, expected):
    assert apply(b"0123456789xy", [edit]) == expected


@st.composite
def cases(draw):
    """A file, edits that spoil it, and options to read it with."""
    base = draw(st.sampled_from(BASES))
    at = st.integers(0, len(base.data) - 1)
    some = st.integers(1, 4000)
    edits = []
    for kind in draw(st.lists(st.sampled_from(["binary", "trace", "bytes", "shape"]), min_size=1, max_size=4)):
        if kind in ("binary", "trace"):
            byte, width = draw(st.sampled_from(BINARY_WORDS if kind == "binary" else TRACE_WORDS))
            trace = None if kind == "binary" else draw(st.integers(0, base.count - 1))
            value = interesting(width, draw(st.sampled_from("><")), draw(st.integers(0, 60)))
            edits.append(("set", base.place(byte, trace), value))
        elif kind == "bytes":
            edits.append(("set", draw(at), draw(st.binary(min_size=1, max_size=16))))
        else:
            edit = draw(st.sampled_from(["cut", "drop", "repeat"]))
            rest = {"cut": (), "drop": (draw(some),), "repeat": (draw(some), 2)}[edit]
            edits.append((edit, draw(at), *rest))
    return base, edits, draw(st.sampled_from(OPTIONS))


@settings(max_examples=400, **PATIENT)
@given(cases())
def test_damaged_files_are_read_or_refused(case):
    base, edits, options = case
    read_some(BytesStorage(apply(base.data, edits)), options)


@pytest.mark.parametrize("seed", range(4))
def test_random_damage(seed):
    rng = random.Random(seed)
    outcomes = set()
    for _ in range(400):
        base = rng.choice(BASES)
        data = apply(base.data, random_edits(rng, base, BASES))
        outcomes.add(read_some(BytesStorage(data), rng.choice(OPTIONS)))
    assert {"read", "TruncatedFile", "GridTraceCountError"} <= outcomes  # the damage is neither too light nor too heavy


@pytest.mark.parametrize("seed", range(12))
def test_what_is_imported_comes_back(tmp_path, seed):
    """A damaged file that is taken at all is given back with its damage."""
    rng = random.Random(1000 + seed)
    base = rng.choice(BASES)
    data = apply(base.data, random_edits(rng, base, BASES))
    source, store, out = tmp_path / "in.sgy", tmp_path / "x.mdio", tmp_path / "out.sgy"
    source.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            segy_to_mdio(source, store, workers=1)
        except REFUSALS:
            assert [path.name for path in tmp_path.iterdir()] == ["in.sgy"]
            return
        mdio_to_segy(store, out, workers=1)
    assert out.read_bytes() == data


def test_counts_that_lie_allocate_nothing():
    """4 thousand million samples, extended records to the end of time, and traces beyond count: all in 8 KiB."""
    base = next(base for base in BASES if base.name == "ieee-rev2")
    lies = [
        *((("set", base.place(byte), b"\xff" * width),) for byte, width in BINARY_WORDS),
        (("set", base.place(3269), b"\xff" * 4), ("set", base.place(3221), b"\xff" * 2)),
        (("set", base.place(3521), (1 << 62).to_bytes(8, "big")),),
        (("set", base.place(3505), b"\x7f\xff"), ("set", base.place(3507), b"\x7f\xff\xff\xff")),
    ]
    import tracemalloc

    tracemalloc.start()
    try:
        for edits in lies:
            read_some(BytesStorage(apply(base.data, edits)), {})
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_headers_with_extensions_are_scanned(tmp_path):
    """480 bytes are more than an item of Blosc may have, with which the scan estimates sizes."""
    from mdio_segy.report import scan_report

    base = next(base for base in BASES if base.name == "double-extended")
    path = tmp_path / "x.sgy"
    path.write_bytes(base.data)
    report = scan_report(str(path), {}, {})
    assert report["format"]["trace_header_bytes"] == 480
    volume = mdio.open(path)
    assert np.prod(volume.schema.shape) == report["traces"]["count"] * report["traces"]["samples"] == 100


@pytest.mark.filterwarnings("ignore")
def test_regions_without_a_trace_of_24_bit_samples(tmp_path):
    """Decoding no traces at all is a case of its own where samples are no machine words."""
    base = next(base for base in BASES if base.name == "int24-sparse")
    path = tmp_path / "x.sgy"
    path.write_bytes(base.data)
    volume = mdio.open(path, options={"header_locations": [189, 193]})
    assert volume.schema.shape == (4, 4, 5)  # 4 traces on the diagonal
    empty = Region([(0, 1), (1, 4), (1, 3)])
    assert volume.samples(empty).tolist() == [[[0, 0]] * 3]
    raw = base.data[base.start + 240 + 3 : base.start + 240 + 9]  # samples 1 and 2 of the first trace
    expected = [int.from_bytes(raw[at : at + 3], "big", signed=True) for at in (0, 3)]
    assert volume.samples(Region([(0, 1), (0, 1), (1, 3)])).tolist() == [[expected]]
