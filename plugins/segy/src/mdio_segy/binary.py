"""The words of the binary file header, bytes 3201-3600, and what they are called.

SEG-Y rev 1 section 5 and rev 2.1 table 2; both the names of segyio (MDIO up to 0.7) and the words of MDIO 0.8 and
later.
"""

from __future__ import annotations

import difflib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BINARY_FIELDS", "BinaryField", "decode_binary", "encode_binary"]


@dataclass(frozen=True, slots=True)
class BinaryField:
    """One word of the binary header.

    Parameters
    ----------
    byte
        Position as the standard counts it, from 3201.
    type
        Code of :mod:`struct` without byte order: ``b B h H i I Q d``. Counts are unsigned, because lines with more
        than 32767 samples exist.
    segyio
        Name in segyio and MDIO up to 0.7; empty where they have none.
    word
        Name in MDIO 0.8 and later.
    """

    byte: int
    type: str
    segyio: str
    word: str

    @property
    def offset(self) -> int:
        """Position in the 400 bytes, 0-based."""
        return self.byte - 3201


BINARY_FIELDS: tuple[BinaryField, ...] = tuple(
    BinaryField(*item)
    for item in (
        (3201, "i", "JobID", "job_id"),
        (3205, "i", "LineNumber", "line_num"),
        (3209, "i", "ReelNumber", "reel_num"),
        (3213, "h", "Traces", "data_traces_per_ensemble"),
        (3215, "h", "AuxTraces", "aux_traces_per_ensemble"),
        (3217, "H", "Interval", "sample_interval"),
        (3219, "H", "IntervalOriginal", "orig_sample_interval"),
        (3221, "H", "Samples", "samples_per_trace"),
        (3223, "H", "SamplesOriginal", "orig_samples_per_trace"),
        (3225, "h", "Format", "data_sample_format"),
        (3227, "h", "EnsembleFold", "ensemble_fold"),
        (3229, "h", "SortingCode", "trace_sorting_code"),
        (3231, "h", "VerticalSum", "vertical_sum_code"),
        (3233, "h", "SweepFrequencyStart", "sweep_freq_start"),
        (3235, "h", "SweepFrequencyEnd", "sweep_freq_end"),
        (3237, "h", "SweepLength", "sweep_length"),
        (3239, "h", "Sweep", "sweep_type_code"),
        (3241, "h", "SweepChannel", "sweep_trace_num"),
        (3243, "h", "SweepTaperStart", "sweep_taper_start"),
        (3245, "h", "SweepTaperEnd", "sweep_taper_end"),
        (3247, "h", "Taper", "taper_type_code"),
        (3249, "h", "CorrelatedTraces", "correlated_data_code"),
        (3251, "h", "BinaryGainRecovery", "binary_gain_code"),
        (3253, "h", "AmplitudeRecovery", "amp_recovery_code"),
        (3255, "h", "MeasurementSystem", "measurement_system_code"),
        (3257, "h", "ImpulseSignalPolarity", "impulse_polarity_code"),
        (3259, "h", "VibratoryPolarity", "vibratory_polarity_code"),
        (3261, "I", "", "extended_data_traces_per_ensemble"),
        (3265, "I", "ExtAuxTraces", "extended_aux_traces_per_ensemble"),
        (3269, "I", "ExtSamples", "extended_samples_per_trace"),
        (3273, "d", "", "extended_sample_interval"),
        (3281, "d", "", "extended_orig_sample_interval"),
        (3289, "I", "ExtSamplesOriginal", "extended_orig_samples_per_trace"),
        (3293, "I", "ExtEnsembleFold", "extended_ensemble_fold"),
        (3297, "I", "", "byte_order"),
        (3501, "B", "SEGYRevision", "segy_revision_major"),
        (3502, "B", "SEGYRevisionMinor", "segy_revision_minor"),
        (3503, "h", "TraceFlag", "fixed_length_trace_flag"),
        (3505, "h", "ExtendedHeaders", "num_extended_text_headers"),
        (3507, "i", "", "max_extended_trace_headers"),
        (3511, "h", "", "time_basis_code"),
        (3513, "Q", "", "num_traces"),
        (3521, "Q", "", "byte_offset_first_trace"),
        (3529, "i", "", "num_data_trailer_stanzas"),
    )
)
"""Words of the binary header; the 35 with a segyio name are those that MDIO v0 stores."""

_BINARY_NAMES = {name: f for f in BINARY_FIELDS for name in (f.segyio, f.word) if name}


def decode_binary(header: bytes, big_endian: bool, names: str = "segyio") -> dict[str, int | float]:
    """Return the words of a 400-byte binary header.

    Parameters
    ----------
    header
        400 bytes.
    big_endian
        Their byte order. The two revision bytes stand for themselves in either.
    names
        ``"segyio"`` for the 35 names of MDIO up to 0.7, ``"word"`` for all words under the later names.
    """
    order = ">" if big_endian else "<"
    return {
        key: struct.unpack_from(order + f.type, header, f.offset)[0]
        for f in BINARY_FIELDS
        if (key := getattr(f, names))
    }


def encode_binary(values: Mapping[str, Any], big_endian: bool, base: bytes = bytes(400)) -> bytes:
    """Return a 400-byte binary header with the given words, by either name, in ``base``.

    Raises
    ------
    KeyError
        Unknown name; the message suggests near ones.
    ValueError
        A value does not fit its word; the message names it.
    """
    order = ">" if big_endian else "<"
    header = bytearray(base)
    for name, value in values.items():
        f = _BINARY_NAMES.get(name)
        if f is None:
            near = difflib.get_close_matches(name, _BINARY_NAMES, 3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise KeyError(f"no binary header word {name!r}{hint}")
        try:
            header[f.offset : f.offset + struct.calcsize(order + f.type)] = _pack(order, f.type, value)
        except struct.error as error:
            raise ValueError(f"binary header word {name} (byte {f.byte}) cannot hold {value!r}") from error
    return bytes(header)


def _pack(order: str, kind: str, value: Any) -> bytes:
    """Pack a value; negative numbers go into unsigned words by their bits, as other readers show them."""
    if kind == "d":
        return struct.pack(order + kind, float(value))
    number = int(value)
    return struct.pack(order + (kind if number >= 0 else kind.lower()), number)
