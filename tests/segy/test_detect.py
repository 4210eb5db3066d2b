"""What is refused, by name, and what the refusal says to do."""

from __future__ import annotations

import gzip
import struct

import pytest

from mdio.exceptions import ConfigError, FormatError
from mdio_segy import errors
from mdio_segy.filehead import LayoutOverrides, read_layout


@pytest.fixture
def refused(counting):
    def refuse(data: bytes, kind: type[errors.SegyError], match: str, **overrides):
        reader = counting(data)
        with pytest.raises(kind, match=match) as caught:
            read_layout(reader, LayoutOverrides(**overrides), url="a.sgy")
        assert type(caught.value) is kind
        assert isinstance(caught.value, FormatError)
        assert caught.value.url == "a.sgy"
        return caught.value

    return refuse


@pytest.fixture
def layout(counting):
    def read(data: bytes, **overrides):
        return read_layout(counting(data), LayoutOverrides(**overrides))

    return read


def test_too_short(refused, segy):
    refused(b"", errors.TruncatedFile, "empty")
    refused(b"C", errors.TruncatedFile, "only 1 bytes")
    refused(segy().build()[:3599], errors.TruncatedFile, "3599 bytes, shorter than the 3600")
    refused(segy().build()[:3600], errors.NoTraces, "no traces")


def test_other_content(refused, segy):
    data = segy().build()
    refused(gzip.compress(data), errors.CompressedInput, "gzip.*unpack")
    refused(b"PK\x03\x04" + data, errors.CompressedInput, "zip")
    refused(b"VDS\x00" + data, errors.NotSegy, "VDS")
    refused(b"\x89PNG\r\n\x1a\n" + data, errors.NotSegy, "PNG")
    refused(b"this is not seismic data\n" * 400, errors.NotSegy, "does not look like SEG-Y")
    refused(b"".join(segy(order="<").trace(n) for n in range(40)), errors.NotSegy, "little-endian SU")


def test_cut_file(refused, layout, segy):
    data = segy().build()
    error = refused(data[:-1], errors.TruncatedFile, "5 whole traces of 272 bytes.*271 bytes left over", strict=True)
    assert error.byte == 3600 + 5 * 272
    assert "--strict" in error.hint
    found = layout(data[:-1])
    assert (found.trace_count, found.trailer_bytes) == (5, 271)
    assert "271 bytes follow the 5 whole traces" in found.warnings[0]
    refused(data[: 3600 + 100], errors.TruncatedFile, "only 100 bytes")


def test_bytes_behind_the_traces(refused, layout, segy):
    data = segy(trailer=b"\x5a" * 700).build()
    refused(data, errors.TruncatedFile, "8 whole traces.*156 bytes left over.*--strict", strict=True)
    found = layout(data)
    assert (found.trace_count, found.trailer_bytes) == (6, 700)


def test_format_codes(refused, segy):
    for code in (0, 13, 14, 99):
        error = refused(segy(words={3225: ("H", code)}).build(), errors.UnsupportedFormat, f"code {code} ")
        assert "--sample-format" in error.hint
        assert " 1, 2, 4, 5, 10" in error.hint
    refused(segy(words={3225: ("h", -1)}).build(), errors.UnsupportedFormat, r"65535 \(-1\)")
    refused(segy().build(), errors.UnsupportedFormat, "13", format=13)
    # A defined code of another size names those that would fit.
    error = refused(segy(words={3225: ("H", 7)}).build(), errors.TruncatedFile, "int24")
    assert "1, 2, 4, 5, 10" in error.hint


def test_sample_counts(refused, segy):
    none = {115: ("H", 0)}
    refused(segy(words={3221: ("H", 0)}, trace_words=none).build(), errors.BadSampleCount, "neither.*--samples")
    refused(segy(words={3221: ("H", 60000)}, trace_words=none).build(), errors.BadSampleCount, "60000.*1632 bytes")
    huge = {3501: ("B", 2), 3221: ("H", 0), 3269: ("I", 2**31 - 1)}
    refused(segy(words=huge).build(), errors.BadSampleCount, "2147483647")


def test_extended_text(refused, segy):
    refused(segy(words={3505: ("h", 1000)}).build(), errors.BadExtendedText, "1000.*--extended-headers")
    error = refused(segy(traces=40, words={3505: ("h", -1)}).build(), errors.BadExtendedText, "EndText")
    assert error.byte == 3600


def test_first_trace_beyond_the_file(refused, segy):
    words = {3501: ("B", 2), 3521: ("Q", 2**60)}
    assert refused(segy(words=words).build(), errors.BadOffset, str(2**60)).byte == 3520


def test_byte_orders(refused, layout, segy):
    swapped = bytearray(segy(words={3501: ("B", 2), 3297: ("I", 0x02010403)}).build())
    refused(bytes(swapped), errors.UnsupportedByteOrder, "02 01 04 03")
    traces = b"".join(segy(order="<").trace(n) for n in range(6))
    error = refused(segy(body=traces).build(), errors.InconsistentByteOrder, "big-endian.*little-endian")
    assert "--endian little --sample-format 1 --samples 8" in error.hint
    # The constant decides, even against what would fit.
    refused(segy(words={3297: ("I", 0x04030201)}).build(), errors.NotSegy, "256")
    with pytest.raises(ConfigError, match="'auto'"):
        LayoutOverrides(endian="auto")


@pytest.mark.parametrize("lengths", [[8, 9, 10, 8, 9, 10], [7, 9, 7, 9, 7, 9], [8, 8, 9]])
def test_varying_lengths(layout, segy, lengths):
    body = b"".join(segy(samples=count).trace(number) for number, count in enumerate(lengths))
    found = layout(segy(body=body).build())
    assert (found.varying, found.trace_count, found.samples) == (True, len(lengths), max(lengths))
    if sum(lengths) == 8 * len(lengths):
        found = layout(segy(body=body, words={3503: ("h", 1)}).build())
        assert found.trace_count == len(lengths)


def test_the_exact_reading_wins(layout, segy):
    """With the format given, the other byte order is a candidate, too: 2048 samples and bytes left over."""
    for order in "><":
        found = layout(segy(order=order, traces=200, words={3225: ("H", 0)}).build(), format=1)
        assert (found.big_endian, found.samples, found.trace_count) == (order == ">", 8, 200)


def test_huge_claims_cost_nothing(counting, segy):
    """A lying header makes no allocation: nothing is read beyond the small file."""
    reader = counting(segy(words={3505: ("h", 32767)}).build())
    with pytest.raises(errors.BadExtendedText):
        read_layout(reader)
    assert sum(length for _, length in reader.ranges) <= reader.size + 3200


def test_errors_carry_over_processes():
    import pickle

    error = errors.TruncatedFile("x", url="u", byte=3, hint="h")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.byte, type(again)) == (str(error), 3, errors.TruncatedFile)


def test_first_traces_with_random_bytes(layout, segy):
    """Trace headers full of 0xFF or noise do not disturb the reading."""
    header = b"\xff" * 240
    body = (header + struct.pack(">8I", *[0x42640001] * 8)) * 6
    found = layout(segy(body=body).build())
    assert (found.trace_count, found.samples) == (6, 8)
