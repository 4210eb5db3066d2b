"""Packing trace headers for MDIO v0 is a permutation of bytes: nothing is lost, whatever the layout."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mdio.core.headers import HeaderField, HeaderLayout
from mdio.core.trace_header import STANDARD_FIELDS, standard_layout
from mdio.native.records import FIELDS, RecordPacker, record_dtype


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("size", [232, 240, 480])
def test_packing_and_back(big, size):
    raw = np.random.default_rng(2).integers(0, 256, (7, size), dtype=np.uint8)
    layout = standard_layout(big, size)
    packer = RecordPacker(layout)
    records = raw.view(layout.record)[:, 0]
    packed, rest = packer.pack(records), packer.rest(records)
    assert packed.shape == (7, 232)
    assert rest.shape == (7, size - 232)
    stored = packed.view(record_dtype(FIELDS, words=False))[:, 0]
    for byte, _, kind in STANDARD_FIELDS:
        code = (">" if big else "<") + {"i2": "h", "i4": "i"}[kind]
        assert stored[str(byte)].tolist() == [struct.unpack_from(code, row.tobytes(), byte - 1)[0] for row in raw]
    assert packer.unpack(packed, rest).tobytes() == raw.tobytes()


def test_records_of_any_shape():
    raw = np.random.default_rng(2).integers(0, 256, (6, 240), dtype=np.uint8)
    packer = RecordPacker(standard_layout(True))
    flat = raw.view("V240")[:, 0]
    assert np.array_equal(packer.pack(flat.reshape(2, 3)), packer.pack(flat))
    assert np.array_equal(packer.pack(flat.reshape(2, 3)[:, ::-1]), packer.pack(flat.reshape(2, 3)[:, ::-1].copy()))
    assert packer.pack(flat[:0]).shape == (0, 232)


def test_layouts_of_other_formats():
    layout = HeaderLayout(
        (HeaderField("crossline", 0, "<i4"), HeaderField("x", 4, ">f8"), HeaderField("inline", 12, ">i4")), 16
    )
    records = np.frombuffer(struct.pack("<i", 7) + struct.pack(">d", 1.5) + struct.pack(">i", -9), layout.record)
    packer = RecordPacker(layout)
    packed = packer.pack(records).tobytes()
    assert struct.unpack_from("<i", packed, 188) == (-9,)
    assert struct.unpack_from("<i", packed, 192) == (7,)
    assert packed[:188] == bytes(188)
    assert packed[196:] == bytes(36)
    # What the fields do not cover travels beside them, and nothing is lost.
    assert packer.rest_size == 16
    assert packer.unpack(packer.pack(records), packer.rest(records)).tobytes() == records.tobytes()
