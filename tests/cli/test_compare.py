"""``mdio compare``: differences made on purpose, at places known beforehand."""

import json
import sys
import types

import numpy as np
import pytest

from mdio.api.comparing import compare
from mdio.cli import main
from mdio.convert import convert, create
from mdio.core.dimension import Dimension
from mdio.core.trace_header import standard_layout
from mdio.core.volume import Creation, Schema
from mdio.flow import engine
from mdio.plugins import Reader, hookimpl
from mdio.plugins.registry import registry
from mdio.testing.memory import MemoryVolume
from mdio.testing.survey import poststack

SHAPE = (6, 5, 40)
DIMS = (
    Dimension.regular("inline", 10, 1, 6),
    Dimension.regular("crossline", 300, 5, 5),
    Dimension.regular("sample", 0.0, 0.5, 40, "ms"),
)


def cube(**changes):
    """A volume of ones whose arrays may be changed by tests."""
    layout = changes.pop("headers", standard_layout())
    dtype = np.dtype(changes.pop("dtype", "f4"))
    live = changes.pop("live", np.ones(SHAPE[:-1], bool))
    dims = changes.pop("dims", DIMS)
    shape = tuple(dim.size for dim in dims)
    records = np.zeros(shape[:-1], layout.struct)
    if layout.fields:
        records["inline"] = dims[0].coords[:, None]
    schema = Schema(dims=dims, dtype=dtype, headers=layout, chunks=changes.pop("chunks", (2, 2, 16)))
    samples = np.ones(shape, dtype)
    samples[~live] = 0
    return MemoryVolume(
        schema.with_metadata(text=("C 1 A".ljust(80),), binary={"Interval": 500}, **changes),
        samples,
        records.view(layout.record),
        live,
    )


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Give a function that makes two volumes the datasets ``a.cube`` and ``b.cube`` of a format of their own."""
    made = {}
    module = types.ModuleType("cube")
    module.mdio_readers = hookimpl(
        lambda: [Reader(name="cube", summary="Cubes", suffixes=(".cube",), target="mdio_test_cube:open_cube")]
    )
    target = types.ModuleType("mdio_test_cube")
    target.open_cube = lambda url, options, storage: made[url[-6]]
    monkeypatch.setitem(sys.modules, "mdio_test_cube", target)

    def place(a, b):
        made.update(a=a, b=b)
        for name in made:
            (tmp_path / f"{name}.cube").touch()
        return str(tmp_path / "a.cube"), str(tmp_path / "b.cube")

    with registry().registered(module, "cubething", distribution="mdio-cubething"):
        yield place


def samples_of(volume):
    """The array behind a MemoryVolume."""
    return volume._samples


def changed(*cells, **changes):
    volume = cube(**changes)
    for cell, value in cells:
        samples_of(volume)[cell] = value
    return volume


def run(capsys, *arguments):
    code = main(["compare", *arguments, "--quiet"])
    return code, capsys.readouterr().out


def test_equal(pair, capsys):
    paths = pair(cube(), cube(chunks=(6, 1, 40)))
    code, out = run(capsys, *paths)
    assert code == 0
    assert out == f"{paths[0]} and {paths[1]}: equal (1,200 samples, 89 header fields)\n"


def test_the_first_difference_has_coordinates(pair, capsys):
    # A slab of 2 × 2 traces meets inline 13, crossline 300 before inline 12, crossline 310, which is first in C order.
    other = changed(((2, 2, 37), 1.25), ((3, 0, 5), 2), ((3, 1, 3), 4), ((3, 1, 30), -1), ((5, 4, 0), 1.5))
    for chunks, memory in (((2, 2, 16), "16kB"), ((6, 5, 40), "16kB"), ((2, 2, 16), "1"), ((2, 2, 16), "1MB")):
        code, out = run(capsys, *pair(cube(chunks=chunks), other), "--memory", memory, "--workers", "3")
        assert code == 4
        assert out.splitlines()[:2] == [
            "samples: 5 of 1,200 in 4 traces differ, by 3 at most",
            "  first: inline 12, crossline 310, sample 18.5 ms: 1.0 against 1.25",
        ]
        assert out.endswith(": different\n")


def test_as_json(pair, capsys):
    code, out = run(capsys, *pair(cube(), changed(((2, 1, 37), np.nan))), "--json")
    facts = json.loads(out)
    assert code == 4
    assert facts["equal"] is False
    assert facts["samples"] == {
        "compared": 1200,
        "different": 1,
        "cell": [2, 1, 37],
        "first": "inline 12, crossline 305, sample 18.5 ms: 1.0 against nan",
        "traces": 1,
        "largest": 0.0,
        "not_finite": 1,
    }
    assert facts["headers"] == {"fields": 89, "different": {}}


def test_tolerance(pair, capsys):
    paths = pair(cube(), changed(((0, 0, 0), 1.5), ((1, 1, 1), 0.25)))
    assert run(capsys, *paths, "--tolerance", "0.75") == (
        0,
        f"{paths[0]} and {paths[1]}: equal within 0.75 (1,200 samples, 89 header fields; "
        "samples differ by 0.75 at most)\n",
    )
    code, out = run(capsys, *paths, "--tolerance", "0.5")
    assert code == 4
    assert "samples: 1 of 1,200 in 1 trace differ, by 0.75 at most" in out
    assert main(["compare", *paths, "--tolerance", "-1"]) == 2
    assert main(["compare", *paths, "--tolerance", "nan"]) == 2


def nan(bits):
    return np.array([bits], "u4").view("f4")[0]


def test_bits_decide_without_tolerance():
    one = changed(((0, 0, 0), 0.0), ((0, 0, 1), nan(0x7FC00000)), ((0, 0, 2), nan(0x7FC00000)), ((0, 0, 3), np.inf))
    two = changed(((0, 0, 0), -0.0), ((0, 0, 1), nan(0x7FC00000)), ((0, 0, 2), nan(0x7FC00001)), ((0, 0, 3), np.inf))
    found = compare(one, two)
    assert (found.samples.count, found.not_finite, found.traces) == (2, 1, 1)
    assert found.samples.first == "inline 10, crossline 300, sample 0 ms: 0.0 against -0.0"
    assert compare(one, two, tolerance=0).equal
    samples_of(two)[0, 0, 0] = 0.0
    text = "inline 10, crossline 300, sample 1 ms: nan (0x7fc00000) against nan (0x7fc00001)"
    assert compare(one, two).samples.first == text
    samples_of(two)[0, 0, 3] = -np.inf
    assert compare(one, two, tolerance=5).samples.count == 1


def test_sample_types_are_compared_by_value():
    found = compare(cube(), cube(dtype="i2"))
    assert (found.sample_type, found.samples.count, found.equal) == ("float32 against int16", 0, False)
    assert compare(cube(), cube(dtype="i2"), samples_only=True).equal
    assert compare(cube(), changed(((3, 3, 3), 7), dtype="i2")).largest == 6


def test_axes():
    dims = (
        DIMS[0],
        Dimension([300, 305, 310, 316, 320], "xline"),
        Dimension(DIMS[2].coords.astype("f4") + 1e-5, "sample", "m"),
    )
    assert compare(cube(), cube(dims=dims)).grid == [
        "axis 'crossline' against 'xline'",
        "crossline: 1 of 5 coordinates differ, the first at position 3: 315 against 316",
        "sample: unit 'ms' against 'm'",
    ]
    dims = (*DIMS[:2], Dimension.regular("sample", 0, 0.5, 41, "ms"))
    found = compare(cube(), cube(dims=dims))
    assert found.grid == ["shape 6 × 5 × 40 against 6 × 5 × 41"]
    assert found.compared == 0
    assert "shapes differ" in found.not_compared[0]
    assert not compare(cube(), cube(dims=dims), samples_only=True).equal


def test_live_traces():
    live = np.ones(SHAPE[:-1], bool)
    live[3, 2] = live[4, 4] = False
    other = cube(live=live)
    found = compare(cube(), other, workers=2, memory=1)
    assert (found.live.count, found.live.first) == (2, "inline 13, crossline 310")
    assert found.samples.count == 0  # a trace that only one of them has is said once
    assert not found.headers
    assert compare(other, other).equal


def test_header_fields_in_whatever_layout():
    one, two = cube(), cube(headers=standard_layout(big_endian=False))
    assert compare(one, two).equal
    records = two._headers.view(standard_layout(big_endian=False).struct)
    records["cdp_x"][4, 1] = 77
    records["cdp_x"][2, 3] = 78
    found = compare(one, two, workers=2, memory=1)
    assert list(found.headers) == ["cdp_x"]
    assert found.headers["cdp_x"].count == 2
    assert found.headers["cdp_x"].first == "inline 12, crossline 315: 0 against 78"
    assert compare(one, two, samples_only=True).equal


def test_bytes_outside_the_fields_count_in_one_layout():
    one, two = cube(), cube()
    two._headers.view("u1").reshape(*SHAPE[:-1], 240)[1, 1, 239] = 1
    found = compare(one, two)
    assert {name: (tally.count, tally.first) for name, tally in found.headers.items()} == {
        "other bytes": (1, "inline 11, crossline 305")
    }


def test_file_headers():
    one, two = cube(), cube()
    two.schema = two.schema.with_metadata(text=("C 1 B", "C 2"), binary={"Interval": 250, "Other": 1})
    found = compare(one, two)
    assert found.text == {1: ("C 1 A", "C 1 B"), 2: ("", "C 2")}
    assert found.binary == {"Interval": (500, 250)}
    two.schema = two.schema.with_metadata(text=(), binary={})
    found = compare(one, two)
    assert found.equal
    assert found.not_compared == [
        "textual header: only one of the two has it",
        "binary header: only one of the two has it",
    ]


def test_volumes_without_headers():
    from mdio.core.headers import HeaderLayout

    found = compare(cube(), cube(headers=HeaderLayout()))
    assert found.equal
    assert found.not_compared == ["trace headers: the two have no field in common"]


def test_lengths_of_traces():
    one, two = cube(), cube()
    full = np.full(SHAPE[:-1], 40, "u4")
    short = full.copy()
    short[1, 4] = 39
    for volume, lengths in ((one, full), (two, short)):
        volume.lengths = lambda region, lengths=lengths: lengths[region.slices]
    found = compare(one, two)
    assert (found.lengths.count, found.lengths.first) == (1, "inline 11, crossline 320: 40 samples against 39")
    assert not found.equal


def test_through_the_formats(tmp_path, capsys):
    volume = poststack((6, 7, 30))
    sink = create(tmp_path / "a.sgy", volume, creation=Creation())
    engine.run(volume, sink)
    sink.close()
    a, b, c = (str(tmp_path / name) for name in ("a.sgy", "b.mdio", "c.mdio"))
    convert(a, b, target_options={"chunks": [4, 4, 16]})
    assert run(capsys, a, b)[0] == 0
    data = bytearray((tmp_path / "a.sgy").read_bytes())
    # Trace 9 (the second inline, the third crossline), sample 20, of 42 traces of 240 + 30 * 4 bytes.
    at = 3600 + 9 * 360 + 240 + 20 * 4
    data[at : at + 4] = np.array([0.5], ">f4").tobytes()
    (tmp_path / "d.sgy").write_bytes(data)
    convert(str(tmp_path / "d.sgy"), c)
    code, out = run(capsys, b, c)
    assert code == 4
    assert "samples: 1 of 1,260 in 1 trace differ" in out
    assert "  first: inline 102, crossline 203, sample 80 ms: " in out
    assert " against 0.5\n" in out
    assert run(capsys, a, str(tmp_path / "none"))[0] == 5


def test_every_kind_of_difference_has_its_line(pair, capsys):
    live = np.ones(SHAPE[:-1], bool)
    live[3, 2] = False
    one, two = cube(), cube(live=live, dtype="f8", dims=(DIMS[0], DIMS[1], Dimension(DIMS[2].coords, "sample", "m")))
    records = two._headers.view(standard_layout().struct)
    names = [field.name for field in standard_layout().fields][20:32]
    for name in names:
        records[name][2, 3] = 78
    text = tuple(f"C{number:2} B" for number in range(1, 14))
    binary = {f"Word {number:02}": number for number in range(12)}
    one.schema = one.schema.with_metadata(binary=dict.fromkeys(binary, 99))
    two.schema = two.schema.with_metadata(text=text, binary=binary)
    for volume, samples in ((one, 40), (two, 39)):
        lengths = np.full(SHAPE[:-1], 40, "u4")
        lengths[1, 4] = samples
        volume.lengths = lambda region, lengths=lengths: lengths[region.slices]
    code, out = run(capsys, *pair(one, two))
    lines = out.splitlines()
    assert code == 4
    assert lines[:4] == [
        "grid: sample: unit 'ms' against 'm'",
        "sample type: float32 against float64",
        "live traces: 1 in only one of the two, the first at inline 13, crossline 310",
        "trace lengths: 1 differ, the first at inline 11, crossline 320: 40 samples against 39",
    ]
    first = "1 traces differ, the first at inline 12, crossline 315: 0 against 78"
    assert lines[4:15] == [*(f"header {name}: {first}" for name in names[:10]), "and 2 more header fields"]
    assert lines[15:17] == ["text line 1: 'C 1 A' against 'C 1 B'", "text line 2: '' against 'C 2 B'"]
    assert lines[25] == "and 3 more text lines"
    assert lines[26:28] == ["binary header Word 00: 99 against 0", "binary header Word 01: 99 against 1"]
    assert lines[36] == "and 2 more words of the binary header"
    assert lines[37].endswith(": different")
    assert len(lines) == 38
