"""Header words: places checked against the standard through struct and segyio."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mdio.exceptions import ConfigError
from mdio_segy.fields import (
    BINARY_FIELDS,
    KEY_TYPES,
    TRACE_FIELDS,
    KeyField,
    decode_binary,
    encode_binary,
    trace_header_layout,
)


def test_fields_cover_every_byte_once():
    at = 1
    for byte, (_, kind) in sorted(TRACE_FIELDS.items()):
        assert byte == at
        at += int(kind[1:])
    assert at == 241
    assert len(TRACE_FIELDS) == 90
    assert len({name for name, _ in TRACE_FIELDS.values()}) == 90


def test_bytes_are_those_of_segyio():
    segyio = pytest.importorskip("segyio")
    known = {int(field) for field in segyio.TraceField.enums()} & set(range(1, 233))
    assert known == {byte for byte in TRACE_FIELDS if byte < 233}
    names = {name: int(field) for field in segyio.BinField.enums() for name in [str(field)]}
    for field in BINARY_FIELDS:
        if field.segyio:
            assert names[field.segyio] == field.byte, field.segyio


def test_all_names_mean_the_same_word():
    layout = trace_header_layout(big_endian=True)
    assert layout.itemsize == 240
    for byte, (name, _) in TRACE_FIELDS.items():
        assert layout.field(name) is layout.field(str(byte))
        assert layout.field(name).offset == byte - 1
    assert layout.field("cdp").name == "ensemble_num"
    assert layout.field("offset").offset == 36
    assert trace_header_layout(False, 480).itemsize == 480


@pytest.mark.parametrize("big", [True, False])
def test_layout_reads_records(big):
    records = np.zeros(2, "V240")
    raw = records.view(np.uint8).reshape(2, 240)
    order = ">" if big else "<"
    raw[1, 188:192] = np.frombuffer(struct.pack(order + "i", -7), np.uint8)
    raw[1, 114:116] = np.frombuffer(struct.pack(order + "h", 1501), np.uint8)
    layout = trace_header_layout(big)
    assert layout.values(records, "inline").tolist() == [0, -7]
    assert layout.values(records, "115").tolist() == [0, 1501]


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize(
    ("kind", "code", "value"),
    [
        ("int8", "b", -5), ("int16", "h", -300), ("int32", "i", -70000), ("int64", "q", -(2**40)), ("uint8", "B", 250),
        ("uint16", "H", 60000), ("uint32", "I", 2**32 - 1), ("uint64", "Q", 2**64 - 1), ("float32", "f", 1.5),
        ("float64", "d", 0.1),
    ],
)  # fmt: skip
def test_keys_of_every_type_at_an_odd_byte(kind, code, value, big):
    raw = np.zeros((3, 300), np.uint8)[:, 10:250]
    raw[2, 20 : 20 + struct.calcsize(code)] = list(struct.pack((">" if big else "<") + code, value))
    values = KeyField("key", 21, kind).read(raw, big)
    assert values.tolist() == [0, 0, value]
    assert values.dtype.isnative


def test_ibm_key():
    raw = np.zeros((2, 240), np.uint8)
    raw[:, 100:104] = list(bytes.fromhex("c2640000"))
    assert KeyField("x", 101, "ibm32").read(raw, True).tolist() == [-100.0, -100.0]
    assert set(KEY_TYPES) >= {"ibm32", "int8", "uint64", "float64"}


def test_keys_as_users_write_them():
    assert KeyField.parse("189") == KeyField("inline", 189, "int32")
    assert KeyField.parse("115") == KeyField("samples_per_trace", 115, "int16")
    assert KeyField.parse("181:int16") == KeyField("cdp_x", 181, "int16")
    assert KeyField.parse("crossline") == KeyField("crossline", 193, "int32")
    assert KeyField.parse("233:uint32", name="line") == KeyField("line", 233, "uint32")
    assert KeyField.parse("189:int16", type="uint8") == KeyField("inline", 189, "uint8")
    assert KeyField.parse("3") == KeyField("byte_3", 3, "int32")
    with pytest.raises(ConfigError, match="inline"):
        KeyField.parse("inlin")
    with pytest.raises(ConfigError, match="int16"):
        KeyField.parse("5:int15")
    with pytest.raises(ConfigError, match="from 1"):
        KeyField.parse("0")
    with pytest.raises(ConfigError, match="238 to 241"):
        KeyField("k", 238, "int32").read(np.zeros((1, 240), np.uint8), True)


def test_binary_header_words():
    header = bytearray(400)
    struct.pack_into("<i", header, 0, 77)
    struct.pack_into("<H", header, 20, 60000)
    header[300:302] = b"\x02\x01"
    words = decode_binary(bytes(header), big_endian=False)
    assert len(words) == 35
    assert (words["JobID"], words["Samples"], words["SEGYRevision"], words["SEGYRevisionMinor"]) == (77, 60000, 2, 1)
    later = decode_binary(bytes(header), big_endian=False, names="word")
    assert later["samples_per_trace"] == 60000
    assert len(later) == len(BINARY_FIELDS)


def test_binary_header_keeps_what_it_does_not_know():
    header = bytes(index * 7 % 251 for index in range(400))
    for big in (True, False):
        for names in ("segyio", "word"):
            assert encode_binary(decode_binary(header, big, names), big, header) == header
    assert encode_binary({"Samples": -1, "data_sample_format": 5}, True)[20:26] == b"\xff\xff\0\0\0\5"
    with pytest.raises(KeyError, match="Samples"):
        encode_binary({"Sample": 1}, True)
    with pytest.raises(ValueError, match="byte 3225"):
        encode_binary({"Format": 70000}, True)
