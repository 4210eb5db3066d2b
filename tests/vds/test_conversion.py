"""Value conversion: numbers worked by hand from VDS specification section 11."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdio_vds.conversion import convert_codes, convert_reals, has_value, real_values
from mdio_vds.descriptors import ChannelDescriptor
from mdio_vds.enums import VolumeDataFormat as F


def channel(form, **more):
    return ChannelDescriptor("A", "", F[f"Format_{form}"], 1, more.pop("value_range", (-50.0, 50.0)), **more)


# codes, channel, target, replacement, expected
CASES = [
    # real = offset + scale * code
    ([0, 1, 255], channel("U8", integer_scale=0.5, integer_offset=-3.0), "R32", None, [-3.0, -2.5, 124.5]),
    ([0, 65535], channel("U16"), "R64", None, [0.0, 65535.0]),
    # (v + 50) * 255 / 100, half up, clamped
    ([-50.0, 0.0, 50.0, 1e9, -1e9, np.nan], channel("R32"), "U8", None, [0, 128, 255, 255, 0, 0]),
    # with "no value" the last code is kept for it: (v + 50) * 254 / 100
    ([-50.0, 0.0, 50.0, -9.0], channel("R32", no_value=-9.0), "U8", None, [0, 127, 254, 255]),
    ([0.0, 7.0], channel("R64", no_value=7.0), "U16", None, [32767, 65535]),
    ([3, 200, 255], channel("U8"), "U16", None, [3, 200, 255]),
    ([3, 200, 255], channel("U8", no_value=1.0), "U16", None, [3, 200, 65535]),
    ([3, 255], channel("U8", no_value=1.0), "U8", 7.5, [3, 255]),
    ([3, 255], channel("U8", no_value=1.5), "R32", None, [3.0, 1.5]),
    ([3, 255], channel("U8", no_value=1.5), "R32", 7.5, [3.0, 7.5]),
    ([3, 255], channel("U8", no_value=1.5), "U32", 7.5, [3, 8]),
    ([3.0, -9.0], channel("R32", no_value=-9.0), "U64", None, [3, 0]),
    # a replacement turns "no value" on: 0 in floats
    ([0.0, 1.0], channel("R32"), "R32", 7.5, [7.5, 1.0]),
    ([0.0, 1.0], channel("R32"), "R32", None, [0.0, 1.0]),
    ([0.49, 0.5, 254.5, -1.0, 5e9, np.nan], channel("R32"), "U32", None, [0, 1, 255, 0, 2**32 - 1, 0]),
    ([2**64 - 1, 7], channel("U64"), "U32", None, [2**32 - 1, 7]),
    ([2**32 - 1, 7], channel("U32"), "U64", None, [2**32 - 1, 7]),
    ([2**53 + 1], channel("U64"), "U64", None, [2**53 + 1]),
    ([0, 1], channel("1Bit"), "R32", 9.0, [0.0, 1.0]),
    ([0, 1], channel("1Bit"), "U8", None, [0, 1]),
    ([0.0, 0.25, -9.0], channel("R32", no_value=-9.0), "1Bit", None, [0, 1, 0]),
]


@pytest.mark.parametrize(("codes", "made", "target", "replacement", "expected"), CASES)
def test_conversion_by_hand(codes, made, target, replacement, expected):
    kind = np.dtype(made.format.typestr)
    given_codes = np.array(codes, kind)
    before = given_codes.copy()
    got = convert_codes(given_codes, made, F[f"Format_{target}"], replacement)
    wanted = np.array(expected, F[f"Format_{target}"].typestr)
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(given_codes, before)


@given(st.floats(width=32), st.sampled_from(["U32", "U64"]))
def test_whole_numbers_are_nearest_and_clamped(value, target):
    bits = int(target[1:])
    top = 2**bits - 1
    got = int(convert_codes(np.array([value], np.float32), channel("R32"), F[f"Format_{target}"])[0])
    if value != value:
        assert got == 0
    elif value >= top:
        assert got == top
    else:
        assert abs(got - max(value, 0.0)) <= max(0.5, abs(value) * 2**-23)


def test_values_that_were_interpolated_are_quantised_as_codes_are():
    made = channel("R32")
    values = np.linspace(-60, 60, 241, dtype=np.float32)
    for target in (F.Format_U8, F.Format_U16, F.Format_U32, F.Format_R64, F.Format_1Bit):
        np.testing.assert_array_equal(convert_reals(values, made, target), convert_codes(values, made, target))


def test_which_codes_have_a_value():
    codes = np.array([0, 7, 255], np.uint8)
    assert has_value(codes, channel("U8"), None) is None
    assert has_value(codes, channel("U8", no_value=7.0), None).tolist() == [True, True, False]
    assert has_value(codes.astype("f4"), channel("R32", no_value=7.0), None).tolist() == [True, False, True]
    assert real_values(np.array([2**40], np.uint64), channel("U64")).tolist() == [2.0**40]
