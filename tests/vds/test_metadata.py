"""Metadata values: what each of the 14 types can hold, and that nothing else gets in."""

import math

import numpy as np
import pytest

from mdio_vds.enums import MetadataType
from mdio_vds.layout import parse_layout
from mdio_vds.metadata import MetadataItem, json_value, metadata_value

GOOD = [
    ("Int", -(2**31), -(2**31)),
    ("Int", np.int64(7), 7),
    ("IntVector2", (1, 2**31 - 1), (1, 2**31 - 1)),
    ("IntVector3", [1, 2, 3], (1, 2, 3)),
    ("IntVector4", np.arange(4), (0, 1, 2, 3)),
    ("Float", 0.1, 0.10000000149011612),
    ("FloatVector2", (1, math.inf), (1.0, math.inf)),
    ("FloatVector3", (0.5, -0.0, 1e-45), (0.5, -0.0, 1.401298464324817e-45)),
    ("FloatVector4", (16777217, 0, 0, 0), (16777216.0, 0.0, 0.0, 0.0)),
    ("Double", 0.1, 0.1),
    ("DoubleVector2", (1, 2), (1.0, 2.0)),
    ("DoubleVector3", (1e300, 5e-324, np.float32(0.5)), (1e300, 5e-324, 0.5)),
    ("DoubleVector4", (1, 2, 3, 4), (1.0, 2.0, 3.0, 4.0)),
    ("String", "käse\n\0", "käse\n\0"),
    ("BLOB", bytearray(b"\0\xff"), b"\0\xff"),
]


@pytest.mark.parametrize(("kind", "given", "kept"), GOOD)
def test_values_that_fit(kind, given, kept):
    item = MetadataItem("C", "n", MetadataType[kind], given)
    assert item.value == kept
    assert type(item.value) is type(kept)
    assert metadata_value(item.type, json_value(item)) == kept


def test_every_type_is_tried():
    assert {kind for kind, _, _ in GOOD} == set(MetadataType.__members__)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("Int", 2**31, "32-bit"),
        ("Int", -(2**31) - 1, "32-bit"),
        ("Int", 1.0, "whole numbers"),
        ("Int", True, "whole numbers"),
        ("IntVector2", (1, 2**31), "32-bit"),
        ("IntVector2", (1, 2, 3), "2 component"),
        ("IntVector2", 3, "2 component"),
        ("IntVector2", "12", "2 component"),
        ("Float", 1e39, "single precision"),
        ("Float", "1", "must hold numbers"),
        ("FloatVector3", (1, 2), "3 component"),
        ("FloatVector3", (1, 2, None), "must hold numbers"),
        ("Double", 10**400, "precision"),
        ("Double", False, "must hold numbers"),
        ("DoubleVector4", (), "4 component"),
        ("String", b"x", "must be text"),
        ("String", "\ud800", "UTF-8"),
        ("BLOB", "x", "must be bytes"),
        ("BLOB", [1], "must be bytes"),
    ],
)
def test_values_that_do_not(kind, value, message):
    with pytest.raises(ValueError, match=message):
        MetadataItem("C", "n", MetadataType[kind], value)


@pytest.mark.parametrize("key", [3, "\ud800"])
def test_keys_are_text(key):
    with pytest.raises(ValueError, match="key"):
        MetadataItem(key, "n", MetadataType.Int, 1)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [("Int", 3.0, 3), ("Double", 3, 3.0), ("FloatVector2", [1, None], (1.0, math.nan)), ("Double", None, math.nan)],
)
def test_spellings_of_other_writers(kind, raw, value):
    np.testing.assert_equal(metadata_value(MetadataType[kind], raw), value)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [("Int", 2**31), ("Int", 1e400), ("Int", None), ("Int", 0.5), ("Float", 1e39), ("Double", 10**400), ("Double", [1]),
     ("FloatVector2", {}), ("FloatVector2", [1]), ("FloatVector2", ["1", "2"]), ("BLOB", "ä"), ("BLOB", 3),
     ("String", None), ("String", "\ud800")],
)  # fmt: skip
def test_what_a_file_cannot_hold_is_named_with_its_place(vds, kind, raw):
    import json

    item = {"category": "C", "name": "n", "type": kind, "value": raw}
    with pytest.raises(ValueError, match=r"a.vds: VolumeDataLayout: metadata\[0\].value: a \w+ must"):
        parse_layout(json.dumps(vds.layout_json((3, 4), [vds.channel()], metadata=[item])).encode(), "a.vds")
