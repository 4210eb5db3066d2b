"""SEG-Y from data that never was SEG-Y: file headers, trace headers and formats that other readers understand."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

import mdio
from mdio.convert import create
from mdio.core.dimension import Dimension
from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.region import Region
from mdio.core.trace_header import standard_layout
from mdio.exceptions import ConfigError, MDIOError
from mdio.flow import engine
from mdio.testing import MemoryVolume, synthetic
from mdio_segy.opening import SegyWarning


def export(tmp_path, volume, **options):
    path = tmp_path / "x.sgy"
    sink = create(str(path), volume, options=options)
    try:
        engine.run(volume, sink)
    finally:
        sink.close()
    return path.read_bytes()


def without_headers(volume):
    volume.schema = replace(volume.schema, headers=HeaderLayout())
    return volume


def words(data, count, item=4, order=">"):
    """Return text, binary header words by byte, trace headers and samples of a file."""
    raw = np.frombuffer(data, np.uint8)[3600:].reshape(-1, 240 + count * item)

    def binary(byte, kind="h"):
        return struct.unpack_from(order + kind, data, byte - 1)[0]

    def header(byte, kind="i4"):
        size = int(kind[1])
        return raw[:, byte - 1 : byte - 1 + size].copy().view(f"{order}{kind}")[:, 0].tolist()

    return binary, header, raw[:, 240:].copy()


def test_without_trace_headers(tmp_path):
    volume = without_headers(synthetic.volume((3, 4, 10)))
    data = export(tmp_path, volume)
    assert len(data) == 3600 + 12 * (240 + 40)
    binary, header, samples = words(data, 10)
    assert (binary(3217), binary(3221), binary(3225)) == (4000, 10, 5)
    assert (data[3500], data[3501], binary(3503)) == (1, 0, 1)
    assert header(1) == header(5) == list(range(1, 13))
    assert header(29, "i2") == [1] * 12
    assert header(115, "i2") == [10] * 12
    assert header(117, "i2") == [4000] * 12
    assert header(189) == np.repeat([100, 101, 102], 4).tolist()
    assert header(193) == np.tile([100, 101, 102, 103], 3).tolist()
    assert np.array_equal(samples.view(">f4"), volume.samples(volume.schema.region).reshape(12, 10))
    text = data[:3200].decode("cp037")
    assert text.startswith("C 1 SYNTHETIC")


def test_a_default_text_names_the_grid(tmp_path):
    volume = without_headers(synthetic.volume((3, 4, 10)))
    volume.schema = volume.schema.with_metadata(text=())
    text = export(tmp_path, volume)[:3200].decode("cp037")
    assert [text[at : at + 3] for at in range(0, 3200, 80)] == [f"C{line:2d}" for line in range(1, 41)]
    assert "INLINE 3 X CROSSLINE 4 X SAMPLE 10" in text
    assert "INLINE AT BYTE 189, CROSSLINE AT BYTE 193" in text


def test_holes_are_left_out(tmp_path):
    volume = without_headers(synthetic.volume((3, 4, 10), live=lambda i, x: (i + x) % 2 == 0))
    data = export(tmp_path, volume)
    _, header, samples = words(data, 10)
    assert header(189) == [100, 100, 101, 101, 102, 102]
    assert header(193) == [100, 102, 101, 103, 100, 102]
    live = volume.live(volume.schema.region.spatial)
    assert np.array_equal(samples.view(">f4"), volume.samples(volume.schema.region)[live])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("endian", ["big", "little"])
def test_few_words_of_another_layout(tmp_path, order, endian):
    """Words that the source knows by name go to their places; the others are made, and nothing else is copied."""
    fields = (("crossline", f"{order}i4"), ("odd", f"{order}i2"), ("inline", f"{order}i4"), ("cdp_x", f"{order}i4"))
    volume = synthetic.volume((3, 4, 10), headers=fields)
    data = export(tmp_path, volume, endian=endian)
    _, header, _ = words(data, 10, order=">" if endian == "big" else "<")
    trace = np.arange(12)
    # mdio.testing.synthetic: field k of trace t holds t + 1000 k.
    assert header(193) == trace.tolist()
    assert header(189) == (trace + 2000).tolist()
    assert header(181) == (trace + 3000).tolist()
    assert header(1) == (trace + 1).tolist()
    assert header(9) == [0] * 12
    assert header(115, "i2") == [10] * 12


@pytest.mark.parametrize("kind", ["<i8", ">i2", "<f8", ">u4"])
def test_words_of_another_size_are_converted(tmp_path, kind):
    volume = synthetic.volume((3, 4, 10), headers=(("inline", kind), ("crossline", ">i4")))
    _, header, _ = words(export(tmp_path, volume), 10)
    assert header(189) == list(range(12))


@pytest.mark.parametrize("endian", ["big", "little"])
@pytest.mark.parametrize("big", [True, False])
def test_whole_headers_of_a_foreign_store(tmp_path, big, endian):
    rng = np.random.default_rng(3)
    raw = rng.integers(0, 256, (3, 4, 240), dtype=np.uint8)
    layout = standard_layout(big)
    base = synthetic.volume((3, 4, 10))
    volume = MemoryVolume(
        replace(base.schema, headers=layout),
        base.samples(base.schema.region),
        raw.view(layout.record)[..., 0],
        base.live(base.schema.region.spatial),
    )
    data = export(tmp_path, volume, endian=endian)
    got = np.frombuffer(data, np.uint8)[3600:].reshape(12, -1)[:, :240]
    for field in layout.fields:
        size = np.dtype(field.dtype).itemsize
        span = slice(field.offset, field.offset + size)
        expected = raw.reshape(12, 240)[:, span]
        assert np.array_equal(got[:, span], expected if big == (endian == "big") else expected[:, ::-1]), field.name
    assert np.array_equal(got[:, 232:], raw.reshape(12, 240)[:, 232:])


@pytest.mark.parametrize(
    ("dtype", "code", "item"),
    [("f4", 5, 4), ("f8", 6, 8), ("i2", 3, 2), ("i4", 2, 4), ("i1", 8, 1), ("u1", 16, 1), ("u2", 11, 2), ("i8", 9, 8)],
)
def test_the_format_that_holds_the_samples(tmp_path, dtype, code, item):
    volume = without_headers(synthetic.volume((2, 3, 10), dtype=dtype))
    binary, _, samples = words(export(tmp_path, volume), 10, item)
    assert binary(3225) == code
    expected = volume.samples(volume.schema.region).reshape(6, 10)
    assert np.array_equal(samples.view(np.dtype(dtype).newbyteorder(">")), expected)


def test_a_type_that_seg_y_does_not_have(tmp_path):
    with pytest.raises(ConfigError, match="no format for float16"):
        export(tmp_path, synthetic.volume((2, 3, 10), dtype="f2"))
    assert list(tmp_path.iterdir()) == []
    binary, *_ = words(export(tmp_path, synthetic.volume((2, 3, 10), dtype="f2"), segy_format="ieee32"), 10)
    assert binary(3225) == 5


@pytest.mark.parametrize(
    ("dtype", "value", "name"),
    [
        ("f4", 40000.0, "int16"),
        ("f4", -(2.0**31) - 1000, "int32"),
        ("f4", 2.0**31, "int32"),
        ("f8", 2.0**63, "int64"),
        ("f4", np.nan, "int32"),
        ("f4", np.inf, "int16"),
        ("i4", 40000, "int16"),
        ("i2", -1, "uint8"),
        ("u8", 2**63, "int64"),
        ("f8", 1e39, "ieee32"),
        ("f4", np.nan, "ibm32"),
    ],
)
def test_values_without_a_place_are_refused(tmp_path, dtype, value, name):
    volume = without_headers(synthetic.volume((2, 3, 10), dtype=dtype))
    volume._samples[1, 2, 3] = value
    with pytest.raises(MDIOError, match=r"fit|represent|ibm32|NaN|nan"):
        export(tmp_path, volume, segy_format=name)
    assert not (tmp_path / "x.sgy").exists()


@pytest.mark.parametrize(
    ("dtype", "values", "name", "expected"),
    [
        ("f4", [32767.4, -32768.4, 0.5, 1.5, -0.2], "int16", [32767, -32768, 0, 2, 0]),
        ("f8", [2147483647.0, -2147483648.0], "int32", [2147483647, -2147483648]),
        ("i8", [2**31 - 1, -(2**31)], "int32", [2**31 - 1, -(2**31)]),
    ],
)
def test_values_at_the_ends_fit(tmp_path, dtype, values, name, expected):
    volume = without_headers(synthetic.volume((1, 1, 5), dtype=dtype))
    volume._samples[:] = 0
    volume._samples[0, 0, : len(values)] = values
    item = 2 if name == "int16" else 4
    _, _, samples = words(export(tmp_path, volume, segy_format=name), 5, item)
    assert samples.view(f">i{item}")[0, : len(values)].tolist() == expected


def test_unknown_formats_are_suggested(tmp_path):
    with pytest.raises(MDIOError, match="ieee32"):
        export(tmp_path, synthetic.volume((2, 3, 10)), segy_format="iee32")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("unit", "step", "interval"), [("ms", 4, 4000), ("ms", 0.5, 500), ("s", 0.002, 2000), ("us", 250, 250)]
)
def test_the_interval_follows_the_axis(tmp_path, unit, step, interval):
    base = synthetic.volume((1, 2, 10))
    base.schema = replace(base.schema, dims=(*base.schema.dims[:2], Dimension.regular("sample", 0, step, 10, unit)))
    binary, header, _ = words(export(tmp_path, without_headers(base)), 10)
    assert binary(3217) == interval
    assert header(117, "i2") == [interval] * 2


@pytest.mark.parametrize(
    ("unit", "start", "delay"),
    [
        ("ms", 100, 100),
        ("ms", -500, -500),
        ("s", 0.1, 100),
        ("us", 8000, 8),
        ("", 12, 12),
        ("ms", 0.5, 0),
        ("ms", 40_000, 0),
    ],
)
def test_where_the_axis_starts_is_the_delay(tmp_path, unit, start, delay):
    base = synthetic.volume((1, 2, 10))
    base.schema = replace(base.schema, dims=(*base.schema.dims[:2], Dimension.regular("sample", start, 4, 10, unit)))
    _, header, _ = words(export(tmp_path, without_headers(base)), 10)
    assert header(109, "i2") == [delay] * 2


def test_words_of_a_foreign_store_are_kept_but_cannot_lie(tmp_path):
    """Another program's binary header says what it wants; what describes the samples is as they are."""
    volume = without_headers(synthetic.volume((2, 2, 10)))
    stated = {"JobID": 7, "Format": 1, "Samples": 999, "Interval": 4000, "unknown word": 3, "SEGYRevision": 0}
    volume.schema = volume.schema.with_metadata(binary=stated)
    binary, _, _ = words(export(tmp_path, volume), 10)
    assert (binary(3201, "i"), binary(3217), binary(3221), binary(3225), binary(3501, "b")) == (7, 4000, 10, 1, 0)


def test_more_samples_than_16_bits_count(tmp_path):
    volume = without_headers(synthetic.volume((1, 2, 70_000), dtype="i1"))
    data = export(tmp_path, volume)
    assert struct.unpack_from(">I", data, 3268) == (70_000,)
    assert data[3500] == 2
    opened = mdio.open(tmp_path / "x.sgy", options={"header_locations": [189, 193]})
    assert opened.schema.shape == (1, 2, 70_000)
    assert np.array_equal(opened.samples(opened.schema.region), volume.samples(volume.schema.region))
    opened.close()


@pytest.mark.parametrize("shape", [(7, 10), (2, 3, 2, 10), (2, 1, 3, 2, 10)])
def test_other_numbers_of_dimensions(tmp_path, shape):
    volume = without_headers(synthetic.volume(shape))
    data = export(tmp_path, volume)
    traces = int(np.prod(shape[:-1]))
    assert len(data) == 3600 + traces * 280
    samples = np.frombuffer(data, np.uint8)[3600:].reshape(traces, 280)[:, 240:].copy().view(">f4")
    assert np.array_equal(samples, volume.samples(Region.whole(shape)).reshape(traces, 10))


def test_a_line_is_numbered_by_cdp(tmp_path):
    volume = without_headers(
        synthetic.volume((4, 10), dims=(Dimension([5, 7, 9, 11], "cdp"), Dimension.regular("sample", 0, 4, 10, "ms")))
    )
    _, header, _ = words(export(tmp_path, volume), 10)
    assert header(21) == [5, 7, 9, 11]


def test_a_field_that_is_only_an_alias():
    from mdio_segy.headermap import HeaderMap

    layout = HeaderLayout((HeaderField("anything", 2, ">i4", ("189",)),), 6)
    headers = HeaderMap(layout, True, 240)
    assert not headers.complete
    records = np.frombuffer(b"\xff\xff\x00\x00\x01\x00", layout.record)
    out = headers(records, None)
    assert out.shape == (1, 240)
    assert out[0, 188:192].tolist() == [0, 0, 1, 0]
    assert np.count_nonzero(out) == 1


def test_fractions_of_line_numbers_are_not_lost_in_silence(tmp_path):
    volume = without_headers(synthetic.volume((2, 3, 4)))

    def lines(*crosslines):
        dims = (volume.schema.dims[0], Dimension(np.array(crosslines), "crossline"), volume.schema.dims[2])
        volume.schema = replace(volume.schema, dims=dims)
        (tmp_path / "x.sgy").unlink(missing_ok=True)
        return export(tmp_path, volume)

    lines(10, 20, 30)
    with pytest.warns(SegyWarning, match=r"crossline 12\.5 is no whole number, and header word 193 .* it becomes 12"):
        lines(0, 12.5, 25)
    with pytest.raises(ConfigError, match="two lines would have the number 0"):
        lines(0, 0.5, 1)
    with pytest.raises(ConfigError, match="does not fit the four bytes"):
        lines(0, 1, 2**31)
