"""Header layouts and packed MDIO v0 records, against struct."""

from __future__ import annotations

import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.trace_header import BYTE_OF, STANDARD_FIELDS, standard_layout


def random_records(count, size, seed=1):
    return np.random.default_rng(seed).integers(0, 256, (count, size), dtype=np.uint8)


def test_the_89_fields_cover_bytes_1_to_232():
    assert len(STANDARD_FIELDS) == 89
    at = 1
    for byte, _, kind in STANDARD_FIELDS:
        assert byte == at
        at += {"i2": 2, "i4": 4}[kind]
    assert at == 233
    # Positions of SEG-Y rev 1, table 3.
    expected = {"inline": 189, "crossline": 193, "cdp_x": 181, "cdp_y": 185, "samples_per_trace": 115}
    expected |= {"sample_interval": 117, "coordinate_scalar": 71, "source_to_receiver_distance": 37, "ensemble_num": 21}
    assert {name: BYTE_OF[name] for name in expected} == expected


@pytest.mark.parametrize("big", [True, False])
def test_values_are_what_struct_reads(big):
    raw = random_records(6, 240)
    layout = standard_layout(big)
    records = raw.view(layout.record)[:, 0].reshape(2, 3)
    for byte, name, kind in STANDARD_FIELDS:
        code = (">" if big else "<") + {"i2": "h", "i4": "i"}[kind]
        expected = [struct.unpack_from(code, row.tobytes(), byte - 1)[0] for row in raw]
        for spelling in (name, str(byte)):
            got = layout.values(records, spelling)
            assert got.shape == (2, 3)
            assert got.dtype.isnative
            assert got.ravel().tolist() == expected


def test_values_of_records_that_do_not_lie_together():
    raw = random_records(6, 240)
    layout = standard_layout(True)
    records = raw.view(layout.record)[:, 0]
    expected = layout.values(records, "inline")
    assert layout.values(records[::2], "inline").tolist() == expected[::2].tolist()
    assert layout.values(records[::-1], "inline").tolist() == expected[::-1].tolist()
    assert layout.values(records.reshape(2, 3).T, "inline").tolist() == expected.reshape(2, 3).T.tolist()
    assert layout.values(records[3:3], "inline").shape == (0,)


def test_near_names_are_suggested():
    with pytest.raises(KeyError, match="inline"):
        standard_layout().field("inlien")


def test_struct_views_raw_records():
    raw = random_records(4, 240)
    layout = standard_layout(False)
    assert layout.struct.itemsize == 240
    assert raw.view(layout.struct)[:, 0]["crossline"].tolist() == raw[:, 192:196].copy().view("<i4")[:, 0].tolist()


def test_longer_and_shorter_records():
    assert standard_layout(True, 232).itemsize == 232
    assert len(standard_layout(True, 232).fields) == 89
    assert standard_layout(True, 480).record == np.dtype("V480")
    assert HeaderLayout().itemsize == 0


def test_fields_of_ones_own():
    layout = standard_layout(True).with_fields([HeaderField("mine", 232, ">f8"), HeaderField("inline", 180, ">i2")])
    assert layout.field("mine").offset == 232
    assert layout.field("inline").offset == 180
    assert layout.field("crossline").offset == 192
    offsets = [field.offset for field in layout.fields]
    assert offsets == sorted(offsets)


def test_pickles_after_use():
    layout = standard_layout(True)
    layout.by_name  # noqa: B018 - fills the cache
    assert pickle.loads(pickle.dumps(layout)) == layout


@given(st.integers(0, 2**31 - 1), st.integers(-(2**15), 2**15 - 1))
def test_written_words_are_read(four, two):
    record = bytearray(240)
    struct.pack_into(">i", record, 188, four)
    struct.pack_into(">h", record, 70, two)
    layout = standard_layout(True)
    records = np.frombuffer(bytes(record), layout.record)
    assert layout.values(records, "189").tolist() == [four]
    assert layout.values(records, "coordinate_scalar").tolist() == [two]
