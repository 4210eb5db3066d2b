"""Real files that nobody on this project wrote, and the torture set, at the level of file headers and samples."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mdio.exceptions import MDIOError
from mdio.storage.local import LocalFile
from mdio_segy import errors
from mdio_segy.filehead import LayoutOverrides, SegyLayout, read_layout

ROOT = Path(__file__).resolve().parents[3] / "shared"
DATA = ROOT / "data"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (DATA / "ORACLE.json").exists(), reason="../shared is absent"),
]

# increment.sgy is a pattern of rising header words; its oracle row (38 samples, 4 traces) does not agree with itself.
PATTERN = "equinor__segyio__test-data__increment.sgy"


def oracle() -> dict[str, dict]:
    if not (DATA / "ORACLE.json").exists():
        return {}
    with open(DATA / "MANIFEST.csv", newline="") as file:
        kinds = {row["name"]: row["kind"] for row in csv.DictReader(file)}
    with open(DATA / "ORACLE.json") as file:
        return {name: facts for name, facts in json.load(file).items() if kinds[name] == "segy"}


ORACLE = oracle()


def read(path: Path, **overrides) -> SegyLayout:
    reader = LocalFile(path)
    try:
        return read_layout(reader, LayoutOverrides(**overrides), url=path.name)
    finally:
        reader.close()


def words(path: Path, layout: SegyLayout) -> np.ndarray:
    with open(path, "rb") as file:
        file.seek(layout.data_offset)
        raw = np.frombuffer(file.read(layout.data_end - layout.data_offset), np.uint8)
    return raw.reshape(layout.trace_count, layout.trace_bytes)


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_layout_is_what_an_independent_parser_found(name):
    facts = ORACLE[name]
    path = DATA / name
    if not facts["samples"]:
        if facts["traces"] == 0:
            assert (read(path).trace_count, read(path).samples) == (0, 0)
        else:
            with pytest.raises(errors.BadSampleCount):
                read(path)
        return
    if any("not multiple" in odd for odd in facts["odd"]) and name != PATTERN:
        with pytest.raises(errors.TruncatedFile):
            read(path, strict=True)
    layout = read(path)
    assert layout.big_endian == (facts["endian"] == "BE")
    assert layout.format.code == facts["format"]
    assert layout.extended_text == facts["ext_text"]
    if name == PATTERN:
        return
    assert (layout.trace_count, layout.samples) == (facts["traces"], facts["samples"])
    assert layout.data_end + layout.trailer_bytes == path.stat().st_size


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_samples_are_what_an_independent_parser_found(name):
    facts = ORACLE[name]
    if "sha256_samples_raw" not in facts or name == PATTERN:
        pytest.skip("no samples to compare")
    layout = read(DATA / name)
    raw = words(DATA / name, layout)
    headers = np.ascontiguousarray(raw[:, : layout.header_bytes])
    body = raw[:, layout.header_bytes :]
    if layout.header_bytes == 240:
        assert hashlib.sha256(headers.tobytes()).hexdigest() == facts["sha256_trace_headers_raw"]
    assert hashlib.sha256(body.tobytes()).hexdigest() == facts["sha256_samples_raw"]
    out = np.empty((layout.trace_count, layout.samples), layout.format.dtype)
    patches = layout.format.decode(body, out, layout.data_big_endian)
    assert layout.format.encode(out, layout.data_big_endian, patches).tobytes() == body.tobytes()
    if "sha256_samples_f32le_nearest" in facts:
        assert hashlib.sha256(out.astype("<f4").tobytes()).hexdigest() == facts["sha256_samples_f32le_nearest"]
    if facts.get("first4") and layout.format.code != 4:
        expected = np.array([np.nan if v is None else v for v in facts["first4"]], float)
        np.testing.assert_array_equal(out.reshape(-1)[:4].astype(float), expected)


def test_multiformats_hold_the_same_numbers():
    """Every Format*.sgy holds the int16 samples of f3.sgy, the narrow and unsigned ones modulo their size."""
    base = DATA / "equinor__segyio__test-data__f3.sgy"
    layout = read(base)
    golden = np.empty((layout.trace_count, layout.samples), np.int16)
    layout.format.decode(words(base, layout)[:, 240:], golden, layout.data_big_endian)
    seen = set()
    for path in sorted(DATA.glob("*multiformats__Format*")):
        layout = read(path)
        if layout.format.code == 4:  # mislabelled IEEE
            continue
        out = np.empty(golden.shape, layout.format.dtype)
        layout.format.decode(words(path, layout)[:, 240:], out, layout.data_big_endian)
        expected = golden.astype(np.int64)
        if layout.format.code == 8:
            expected = golden.astype(np.int8)
        elif layout.format.code in (10, 11, 15, 16):
            expected = expected % (1 << 8 * layout.format.item)
        assert np.array_equal(out, expected), path.name
        seen.add(layout.format.code)
    assert seen >= {1, 2, 3, 5, 6, 7, 8, 10, 11, 15, 16}


# Refused by what is built on the layout (geometry), not by the layout itself.
ABOVE = {"DuplicateIndex", "NoGeometry", "GridTooSparse"}
# A directory and a missing file are the storage's to refuse.
STORAGE = {"directory.sgy", "dangling_link.sgy"}
# Said by what looks at all traces or their samples, or by the geometry.
LATER = {"sparse_diagonal.sgy", "delay_varies.sgy", "ibm_extreme_exponent.sgy"}
OPTIONS = {
    "mixed_endian_headers.sgy": {"endian": "little", "format": 1, "samples": 32},
    "ext_minus1_no_end.sgy": {"extended_text": 0},
    "ext_too_many.sgy": {"extended_text": 0},
    **{f"format_{code}.sgy": {"format": 1} for code in ("0", "13", "14", "99", "65535", "minus1")},
}


def test_torture(tmp_path):
    script = ROOT / "torture" / "make_torture.py"
    if not script.exists():
        pytest.skip("../shared/torture is absent")
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, capture_output=True)
    with open(tmp_path / "expected.json") as file:
        cases = json.load(file)
    wrong = [f"{name}: {why}" for name, case in cases.items() if (why := judge(tmp_path / name, case))]
    assert not wrong, "\n".join(wrong)
    assert len(cases) > 120


def judge(path: Path, case: dict) -> str:
    name = path.name
    try:
        layout = read(path)
    except MDIOError as error:
        if case["class"] not in ("error", "option"):
            return f"refused: {error}"
        if name not in STORAGE and type(error).__name__ != case["error"]:
            return f"refused as {type(error).__name__}, not {case['error']}"
        if name not in OPTIONS:
            return "no option was tried" if case["class"] == "option" else ""
        layout = read(path, **OPTIONS[name])
        facts = case.get("facts", {})
        traces = facts.get("whole_traces", facts.get("real_traces", facts.get("traces", layout.trace_count)))
        return "" if layout.trace_count == traces else f"{layout.trace_count} traces with the option"
    if case["class"] == "error" and case["error"] not in ABOVE:
        return "laid out"
    if case["class"] == "option" and case["error"] not in ABOVE and not layout.warnings:
        return "laid out without a word"
    if case["class"] == "warn" and not layout.warnings and name not in LATER:
        return "laid out without a word"
    facts = case.get("facts", {})
    found = {
        "traces": layout.trace_count,
        "samples": layout.samples,
        "ext_text": layout.extended_text,
        "dt_us": layout.interval_us,
        "leftover": layout.trailer_bytes,
    }
    return "; ".join(
        f"{key} {found[key]}, not {facts[key]}" for key in found if key in facts and facts[key] != found[key]
    )
