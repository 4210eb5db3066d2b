"""The layout of files that are in order, or odd in ways that can be lived with."""

from __future__ import annotations

import struct

import pytest

from mdio_segy.filehead import LayoutOverrides, read_layout
from mdio_segy.text import decode_text, detect_code_page, encode_text, ends_extended_text

END = b"((SEG: EndText))".ljust(3200)


@pytest.fixture
def layout(counting):
    def read(data: bytes, **overrides):
        return read_layout(counting(data), LayoutOverrides(**overrides), url="a.sgy")

    return read


@pytest.mark.parametrize("order", [">", "<"])
def test_plain_file(layout, segy, order):
    file = segy(order=order)
    found = layout(file.build())
    assert (found.big_endian, found.data_big_endian) == (order == ">", order == ">")
    assert (found.format.name, found.samples, found.trace_count) == ("ibm32", 8, 6)
    assert (found.header_bytes, found.trace_bytes, found.data_offset) == (240, 272, 3600)
    assert (found.data_end, found.trailer_bytes, found.tape_label) == (3600 + 6 * 272, 0, 0)
    assert found.interval_us == 4000.0
    assert found.warnings == ()
    assert found.text[0] == "C 1 MADE BY A TEST".ljust(80)
    assert found.text_raw == file.text
    assert found.binary_raw == file.binary()
    assert found.binary["Samples"] == 8
    assert not found.varying


@pytest.mark.parametrize(("code", "item"), [(3, 2), (6, 8), (7, 3), (8, 1), (15, 3), (16, 1)])
@pytest.mark.parametrize("order", [">", "<"])
def test_formats_of_other_sizes(layout, segy, code, item, order):
    found = layout(segy(order=order, item=item, words={3225: ("H", code)}).build())
    assert (found.format.code, found.trace_count, found.trace_bytes) == (code, 6, 240 + 8 * item)


def test_counts_are_unsigned(layout, segy):
    found = layout(segy(samples=60000, traces=1).build())
    assert found.samples == 60000


def test_junk_in_trace_headers_changes_nothing(layout, segy):
    found = layout(segy(trace_words={115: ("H", 462)}).build())
    assert found.samples == 8
    assert "462" in found.warnings[0]


def test_junk_in_words_of_later_revisions_changes_nothing(layout, segy):
    junk = {3269: ("I", 3), 3507: ("i", 1), 3521: ("Q", 3700), 3529: ("i", 1), 3273: ("d", 7.0)}
    found = layout(segy(words={3501: ("B", 1), **junk}).build())
    assert (found.samples, found.data_offset, found.header_bytes, found.interval_us) == (8, 3600, 240, 4000.0)
    assert found.warnings == ()


def test_tape_label(layout, segy):
    label = b"   1SY1.0RECORD     0        1".ljust(128)
    file = segy(label=label)
    found = layout(file.build())
    assert (found.tape_label, found.text_offset, found.data_offset, found.trace_count) == (128, 128, 3728, 6)
    assert found.head[:128] == label
    assert found.text_raw == file.text


def test_extended_text_of_stated_number(layout, segy):
    found = layout(segy(extended=b"x" * 6400, words={3505: ("h", 2)}).build())
    assert (found.extended_text, found.data_offset, found.trace_count) == (2, 10000, 6)
    assert found.extended_raw == b"x" * 6400


@pytest.mark.parametrize("page", ["ascii", "cp037"])
def test_extended_text_up_to_its_end(layout, segy, page):
    records = b"y" * 3200 * 20 + END.decode().encode(page)
    found = layout(segy(extended=records, words={3505: ("h", -1)}).build())
    assert (found.extended_text, found.trace_count) == (21, 6)


def test_extended_text_that_is_not_there(layout, segy):
    found = layout(segy(traces=60, words={3505: ("h", 2)}).build())
    assert (found.extended_text, found.trace_count) == (0, 60)
    assert "2 extended textual records" in found.warnings[-1]
    assert layout(segy(words={3505: ("h", -5)}).build()).trace_count == 6
    assert layout(segy(words={3505: ("h", -1)}).build(), extended_text=0).trace_count == 6


@pytest.mark.parametrize("kind", ["h", "i"])
def test_trace_header_extensions(layout, segy, kind):
    file = segy(extension=b"E" * 240, words={3501: ("B", 2), 3507: (kind, 1)})
    assert (layout(file.build()).header_bytes, layout(file.build()).trace_count) == (480, 6)


def test_rev_2_words(layout, segy):
    words = {3501: ("B", 2), 3221: ("H", 0), 3269: ("I", 8), 3273: ("d", 62.5), 3297: ("I", 0x01020304)}
    for order in "><":
        found = layout(segy(order=order, words=words, trace_words={115: ("H", 0)}).build())
        assert (found.samples, found.interval_us, found.big_endian) == (8, 62.5, order == ">")


def test_first_trace_where_the_header_says(layout, segy):
    words = {3501: ("B", 2), 3502: ("B", 1), 3521: ("Q", 4096)}
    found = layout(segy(words=words, extended=bytes(496)).build())
    assert (found.data_offset, found.trace_count) == (4096, 6)
    assert found.extended_raw == bytes(496)
    found = layout(segy(words=words).build())
    assert (found.data_offset, found.trace_count) == (3600, 6)
    assert "4096" in found.warnings[0]


@pytest.mark.parametrize("stated", [2, -1])
def test_trailer_stanzas(layout, segy, stated):
    trailer = b"((one))".ljust(3200) + b"((two))".ljust(3200)
    found = layout(segy(words={3501: ("B", 2), 3529: ("i", stated)}, trailer=trailer).build())
    assert (found.trace_count, found.trailer_bytes) == (6, 6400)
    assert found.warnings == ()


def test_zero_padding_is_no_trace(layout, segy):
    for size in (1, 272 + 20, 5 * 272 + 1):
        found = layout(segy(trailer=bytes(size)).build())
        assert (found.trace_count, found.trailer_bytes) == (6, size)
        assert f"{size} zero bytes" in found.warnings[0]


def test_sample_count_from_the_first_trace(layout, segy):
    for wrong in (0, 9, 65535):
        found = layout(segy(words={3221: ("H", wrong)}).build())
        assert (found.samples, found.trace_count) == (8, 6)
        assert "first trace header" in found.warnings[0]


@pytest.mark.parametrize(
    ("binary", "trace", "expected", "said"),
    [
        (4000, 4000, 4000, ""),
        (500, 0, 500, ""),
        (2000, 4000, 2000, "2000.*4000"),
        (0, 4000, 4000, "first trace"),
        (65534, 4000, 4000, "-2"),
        (65286, 65286, 65286, "-250"),
        (0, 0, 0, "--interval"),
    ],
)
def test_interval(layout, segy, binary, trace, expected, said):
    file = segy(words={3217: ("H", binary)}, trace_words={117: ("H", trace)}).build()
    found = layout(file)
    assert found.interval_us == expected
    assert bool(found.warnings) == bool(said)
    if said:
        import re

        assert re.search(said, " ".join(found.warnings))
    assert layout(file, interval=125.5).interval_us == 125.5


def test_stated_trace_count_is_only_a_claim(layout, segy):
    found = layout(segy(words={3501: ("B", 2), 3513: ("Q", 10**12)}).build())
    assert found.trace_count == 6
    assert "1000000000000" in found.warnings[0]


def test_unknown_revision_is_a_warning(layout, segy):
    found = layout(segy(words={3501: ("B", 255), 3502: ("B", 255)}).build())
    assert found.revision == 0xFFFF
    assert "255.255" in found.warnings[0]
    assert layout(segy(words={3502: ("B", 1)}).build()).warnings == ()


def test_overrides(layout, segy):
    assert layout(segy(words={3225: ("H", 99)}).build(), format=5).format.name == "ieee32"
    assert layout(segy().build(), format=5).format.code == 5
    assert layout(segy(words={3221: ("H", 9)}).build(), samples=8).trace_count == 6
    found = layout(segy().build(), data_endian="little")
    assert (found.big_endian, found.data_big_endian) == (True, False)


def test_mixed_byte_orders_with_overrides(layout, segy):
    traces = b"".join(segy(order="<").trace(n) for n in range(6))
    found = layout(segy(body=traces).build(), endian="little", format=1, samples=8)
    assert (found.big_endian, found.trace_count) == (False, 6)


def test_little_is_read_of_a_large_file(counting, segy):
    data = segy(traces=1, samples=1000).build()
    reader = counting(data[:3600] + data[3600:7840] * 4, 3600 + 4240 * 10_000_000)
    reader.data += b""
    found = read_layout(reader)
    assert found.trace_count == 10_000_000
    assert sum(length for _, length in reader.ranges) < 200_000


def test_code_pages():
    lines = [f"C{n:2d} Åse 50% done".ljust(80) for n in range(40)]
    for page in ("cp037", "ascii"):
        raw = encode_text(lines, page)
        assert len(raw) == 3200
        assert detect_code_page(raw) == page
        assert decode_text(raw) == tuple(lines)
        assert encode_text(decode_text(raw), page) == raw
    assert detect_code_page(bytes(3200)) == "nul"
    assert decode_text(bytes(3200)) == (" " * 80,) * 40
    assert encode_text(decode_text(bytes(3200)), "nul") == bytes(3200)


def test_text_that_is_none():
    lines = decode_text(bytes(range(256)) * 12 + bytes(128))
    assert len(lines) == 40
    assert all((len(line) == 80 and line.isprintable()) or "\xa0" in line for line in lines)
    assert encode_text(["short", "海"], "ascii")[:81] == b"short".ljust(80) + b"?"


def test_end_of_extended_text():
    assert ends_extended_text(END)
    assert ends_extended_text("text (( SEG : endtext ))".encode("cp037"))
    assert not ends_extended_text(b"((SEG: Layout))".ljust(3200))


def test_suspected_format(layout, segy):
    """A sine in one float format under the code of the other."""
    import numpy as np

    values = (np.sin(np.arange(400) / 7) * np.exp(np.arange(400) / 80)).astype(np.float32)
    ibm = np.zeros(400, ">u4")
    for at, value in enumerate(values.tolist()):
        power = 0
        while abs(value) >= 16.0**power:
            power += 1
        while value and abs(value) < 16.0 ** (power - 1):
            power -= 1
        ibm[at] = (value < 0) << 31 | (64 + power) << 24 | int(abs(value) / 16.0**power * (1 << 24))
    header = bytearray(240)
    struct.pack_into(">H", header, 114, 400)
    for code, words in ((1, ibm), (5, values.astype(">f4"))):
        other = 6 - code
        body = bytes(header) + words.tobytes()
        make = segy(samples=400, body=body, words={3225: ("H", code)})
        assert layout(make.build()).warnings == ()
        make.words = {3225: ("H", other)}
        assert f"--sample-format {code}" in layout(make.build()).warnings[0]
