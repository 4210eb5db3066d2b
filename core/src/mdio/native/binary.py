"""The names of binary file-header words: those of segyio, which MDIO up to 0.7 keeps, and the words of later ones.

Exporters of MDIO refuse a dataset whose binary header has a name that they do not know, so the sets are closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["as_segyio", "as_words", "complete"]

_WORDS: Final[Mapping[str, str]] = {
    "JobID": "job_id",
    "LineNumber": "line_num",
    "ReelNumber": "reel_num",
    "Traces": "data_traces_per_ensemble",
    "AuxTraces": "aux_traces_per_ensemble",
    "Interval": "sample_interval",
    "IntervalOriginal": "orig_sample_interval",
    "Samples": "samples_per_trace",
    "SamplesOriginal": "orig_samples_per_trace",
    "Format": "data_sample_format",
    "EnsembleFold": "ensemble_fold",
    "SortingCode": "trace_sorting_code",
    "VerticalSum": "vertical_sum_code",
    "SweepFrequencyStart": "sweep_freq_start",
    "SweepFrequencyEnd": "sweep_freq_end",
    "SweepLength": "sweep_length",
    "Sweep": "sweep_type_code",
    "SweepChannel": "sweep_trace_num",
    "SweepTaperStart": "sweep_taper_start",
    "SweepTaperEnd": "sweep_taper_end",
    "Taper": "taper_type_code",
    "CorrelatedTraces": "correlated_data_code",
    "BinaryGainRecovery": "binary_gain_code",
    "AmplitudeRecovery": "amp_recovery_code",
    "MeasurementSystem": "measurement_system_code",
    "ImpulseSignalPolarity": "impulse_polarity_code",
    "VibratoryPolarity": "vibratory_polarity_code",
    "SEGYRevision": "segy_revision_major",
    "SEGYRevisionMinor": "segy_revision_minor",
    "TraceFlag": "fixed_length_trace_flag",
    "ExtendedHeaders": "num_extended_text_headers",
}
"""segyio name → word, of the 31 words of SEG-Y rev 1 (section 5)."""

_SEGYIO: Final[Mapping[str, str]] = {word: name for name, word in _WORDS.items()}
_EXTENDED: Final = {
    "ExtAuxTraces": "extended_aux_traces_per_ensemble",
    "ExtEnsembleFold": "extended_ensemble_fold",
    "ExtSamples": "extended_samples_per_trace",
    "ExtSamplesOriginal": "extended_orig_samples_per_trace",
}
"""Words of rev 2 that MDIO up to 0.7 keeps as well, and rev-1 exporters of later ones refuse."""
_LONG: Final = {word: name for name, word in _EXTENDED.items()}


def as_segyio(binary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words that MDIO up to 0.7 keeps, by the names of segyio."""
    known = {**_SEGYIO, **_LONG, **{name: name for name in (*_WORDS, *_EXTENDED)}}
    return {known[name]: value for name, value in binary.items() if name in known}


def as_words(binary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the 31 words of rev 1, as far as they are known, by the names of MDIO 0.8 and later."""
    return {_WORDS[name]: value for name, value in as_segyio(binary).items() if name in _WORDS}


def complete(binary: Mapping[str, Any], samples: int) -> Mapping[str, Any]:
    """Return the words, or those that exporters need where there are none: format, revision and counts."""
    if binary:
        return binary
    return {"Format": 5, "Samples": min(samples, 32767), "SEGYRevision": 1, "SEGYRevisionMinor": 0}
