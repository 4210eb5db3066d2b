"""What codes in SEG-Y headers mean, in a few words: SEG-Y rev 2.1, tables 2 and 3."""

from __future__ import annotations

from typing import Final

from mdio_segy.numbers import FORMATS

__all__ = ["binary_meaning", "trace_meaning"]

_MEASUREMENT = {1: "metres", 2: "feet"}

_BINARY: Final[dict[str, dict[int, str]]] = {
    "data_sample_format": {code: form.name for code, form in FORMATS.items()},
    "trace_sorting_code": {
        -1: "other",
        0: "unknown",
        1: "as recorded",
        2: "CDP ensembles",
        3: "single-fold continuous profile",
        4: "horizontally stacked",
        5: "common source point",
        6: "common receiver point",
        7: "common offset point",
        8: "common mid-point",
        9: "common conversion point",
    },
    "sweep_type_code": {1: "linear", 2: "parabolic", 3: "exponential", 4: "other"},
    "taper_type_code": {1: "linear", 2: "cosine squared", 3: "other"},
    "correlated_data_code": {1: "no", 2: "yes"},
    "binary_gain_code": {1: "yes", 2: "no"},
    "amp_recovery_code": {1: "none", 2: "spherical divergence", 3: "AGC", 4: "other"},
    "measurement_system_code": _MEASUREMENT,
    "impulse_polarity_code": {1: "pressure increase is negative", 2: "pressure increase is positive"},
    "byte_order": {16909060: "as read", 67305985: "the other byte order", 33620995: "pairwise swapped"},
    "fixed_length_trace_flag": {0: "traces may differ in length", 1: "all traces have the same length"},
    "num_extended_text_headers": {-1: "until ((SEG: EndText))"},
    "time_basis_code": {1: "local", 2: "GMT", 3: "other", 4: "UTC", 5: "GPS"},
    "vertical_sum_code": {1: "no sum"},
}

_TRACE: Final[dict[str, dict[int, str]]] = {
    "trace_id_code": {
        -1: "other",
        0: "unknown",
        1: "time domain seismic data",
        2: "dead",
        3: "dummy",
        4: "time break",
        5: "uphole",
        6: "sweep",
        7: "timing",
        8: "waterbreak",
        9: "near-field gun signature",
        10: "far-field gun signature",
        11: "pressure sensor",
        12: "vertical component",
        13: "cross-line component",
        14: "in-line component",
    },
    "data_use": {1: "production", 2: "test"},
    "coordinate_unit": {1: "length", 2: "seconds of arc", 3: "decimal degrees", 4: "degrees, minutes, seconds"},
    "instrument_gain_type": {1: "fixed", 2: "binary", 3: "floating point"},
    "correlated_data": {1: "no", 2: "yes"},
    "sweep_type": {1: "linear", 2: "parabolic", 3: "exponential", 4: "other"},
    "taper_type": {1: "linear", 2: "cosine squared", 3: "other"},
    "time_basis_code": {1: "local", 2: "GMT", 3: "other", 4: "UTC", 5: "GPS"},
    "trace_value_unit": {
        -1: "other",
        1: "pascal",
        2: "volt",
        3: "millivolt",
        4: "ampere",
        5: "metre",
        6: "metre per second",
        7: "metre per second squared",
        8: "newton",
        9: "watt",
    },
}

_SCALARS = ("coordinate_scalar", "elevation_depth_scalar", "shot_point_scalar", "times_scalar")
_INTERVALS = ("sample_interval", "orig_sample_interval", "extended_sample_interval", "extended_orig_sample_interval")


def binary_meaning(word: str, value: int | float) -> str:
    """Return what a word of the binary header means, empty where the number speaks for itself."""
    if word in _INTERVALS and value:
        return f"{value / 1000:g} ms"
    known = _BINARY.get(word)
    if known is None:
        return ""
    return known.get(int(value), "" if not value else "not defined" if word == "data_sample_format" else "")


def trace_meaning(word: str, value: int | float) -> str:
    """Return what a word of a trace header means, empty where the number speaks for itself."""
    if word in _SCALARS and value:
        return f"divide by {-value}" if value < 0 else f"multiply by {value}"
    if word in _INTERVALS and value:
        return f"{value / 1000:g} ms"
    return _TRACE.get(word, {}).get(int(value), "") if word in _TRACE else ""
