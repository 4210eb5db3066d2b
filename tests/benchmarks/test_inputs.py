"""Synthetic surveys are what they say, and the independent decode agrees with the values that were encoded."""

import numpy as np
import pytest


@pytest.mark.parametrize("kind", ["stack", "prestack", "line2d"])
@pytest.mark.parametrize("format", ["ibm", "ieee", "int16"])
def test_a_survey_has_the_size_and_grid_it_says(kind, format, tmp_path):
    from benchmarks.inputs import make, survey_of
    from benchmarks.truth import Truth, shape_of

    survey = survey_of(kind, 0.2, format)
    path = tmp_path / "a.sgy"
    make(survey, path)
    assert path.stat().st_size == survey.bytes
    assert shape_of(path, survey.keys) == survey.shape
    samples = Truth.of(path, survey.keys, tmp_path / "truth.npy").samples
    assert samples.shape == survey.shape
    assert 0.3 < np.abs(samples).max() / (2500 if format == "int16" else 1) < 20
    assert np.isfinite(samples).all()


def test_known_sizes():
    from benchmarks.inputs import survey_of

    assert survey_of("stack", 405).shape == (345, 188, 1501)
    assert survey_of("stack", 1328).shape == (480, 760, 850)


def test_the_same_survey_has_the_same_bytes(tmp_path):
    from benchmarks.inputs import make, survey_of

    for name in ("a.sgy", "b.sgy"):
        make(survey_of("stack", 0.2), tmp_path / name)
    assert (tmp_path / "a.sgy").read_bytes() == (tmp_path / "b.sgy").read_bytes()


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.0, 0x00000000),
        (1.0, 0x41100000),
        (-118.625, 0xC276A000),  # the example of many textbooks: 76.A in base 16
        (0.1, 0x4019999A),
        (-0.5, 0xC0800000),
        (16.0, 0x42100000),
    ],
)
def test_ibm_words(value, word):
    from benchmarks.inputs import to_ibm
    from benchmarks.truth import from_ibm

    encoded = to_ibm(np.array([value], np.float32))
    assert encoded.dtype == ">u4"
    assert int(encoded[0]) == word
    assert from_ibm(encoded)[0] == pytest.approx(value, rel=1e-6)


def test_a_carry_of_the_fraction_is_no_other_number():
    """Rounding up 0xFFFFFF.8 must give the next power of 16, not a fraction of 25 bits."""
    from benchmarks.inputs import to_ibm
    from benchmarks.truth import from_ibm

    rng = np.random.default_rng(3)
    values = rng.integers(1 << 27, 1 << 28, 4000).astype(np.float32) * np.float32(2.0**-27)
    values[:2] = np.float32(16) - np.float32(2**-20), np.float32(2) - np.float32(2**-23)
    assert np.max(np.abs(from_ibm(to_ibm(values)) / values - 1)) < 2.0**-20
