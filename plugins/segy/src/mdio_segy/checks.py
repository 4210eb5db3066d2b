"""Rules that SEG-Y volumes are looked at by, for ``mdio segy scan`` and ``mdio verify``.

Each rule is one function of a volume, named in ``plugin.py``; the header rules share one pass over the trace headers
(:mod:`mdio_segy.summary`), the sample rules one look at some traces (:mod:`mdio_segy.sampling`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mdio.core.findings import Finding
from mdio.core.volume import has_lengths
from mdio_segy.sampling import look_at_samples
from mdio_segy.summary import summary_of

if TYPE_CHECKING:
    from mdio.core.volume import Volume

__all__ = [
    "coordinate_scalar_varies",
    "dead_traces",
    "delay_varies",
    "ibm_odd_words",
    "ibm_saturated",
    "interval_varies",
    "not_finite",
    "sample_counts_differ",
    "silent_traces",
]

_DEAD = 2
"""Trace identification code of a dead trace (SEG-Y rev 1, section 6, bytes 29-30)."""


def delay_varies(volume: Volume) -> Iterator[Finding]:
    """Delay recording times (bytes 109-110) differ: samples of one index lie at different times."""
    yield from _varies(
        volume,
        "delay_recording_time",
        "the delay recording time",
        " ms",
        "; the sample axis is that of delay 0, delays stay in the headers",
    )


def coordinate_scalar_varies(volume: Volume) -> Iterator[Finding]:
    """Coordinate scalars (bytes 71-72) differ: coordinates of different traces cannot be compared as they stand."""
    yield from _varies(volume, "coordinate_scalar", "the coordinate scalar", "", "; scale each trace by its own")


def interval_varies(volume: Volume) -> Iterator[Finding]:
    """Sample intervals (bytes 117-118) differ between traces, where one sample axis holds for all."""
    yield from _varies(volume, "sample_interval", "the sample interval", " µs", "; one sample axis is used for all")


def _varies(volume: Volume, word: str, what: str, unit: str, meaning: str) -> Iterator[Finding]:
    found = summary_of(volume).words.get(word)
    if found is not None and found.varies:
        span = f"{found.low} to {found.high}{unit}"
        yield Finding(
            "warning",
            f"{what} (byte {found.byte}) varies from {span}: {_traces(found.others)} another one than the first trace"
            f"{meaning}",
            found.others,
            f"trace {found.at}",
        )


def sample_counts_differ(volume: Volume) -> Iterator[Finding]:
    """Trace headers state (bytes 115-116) another sample count than the traces have; 0 states nothing."""
    if has_lengths(volume):
        return  # each trace has the length that its header states
    tally = summary_of(volume).tallies.get("samples_per_trace", {})
    have = volume.schema.shape[-1]
    # The word is declared signed and holds an unsigned count.
    odd = {value % 65536: times for value, times in tally.items() if value % 65536 not in (0, have % 65536)}
    if odd:
        count = sum(odd.values())
        stated = ", ".join(map(str, sorted(odd)[:5])) + (", …" if len(odd) > 5 else "")
        yield Finding(
            "warning", f"{_traces(count, 'state', 'states')} {stated} samples in the header, the file has {have}", count
        )


def dead_traces(volume: Volume) -> Iterator[Finding]:
    """Traces that are marked as dead; they are traces like any other, with their headers and samples."""
    count = summary_of(volume).tallies.get("trace_id_code", {}).get(_DEAD, 0)
    if count:
        yield Finding("info", f"{_traces(count, 'are', 'is')} marked dead (trace identification code 2)", count)


def silent_traces(volume: Volume) -> Iterator[Finding]:
    """Traces of zeros only, among those that were looked at."""
    look = look_at_samples(volume)
    if look.silent:
        yield Finding("info", f"{look.silent} of {look.traces} traces looked at hold only zeros", look.silent)


def not_finite(volume: Volume) -> Iterator[Finding]:
    """Not-a-number and infinite samples among those that were looked at; statistics leave them out."""
    look = look_at_samples(volume)
    if look.not_finite:
        yield Finding(
            "warning",
            f"{look.not_finite} of {look.samples} samples looked at are NaN or infinite; they are kept bit by bit",
            look.not_finite,
        )


def ibm_saturated(volume: Volume) -> Iterator[Finding]:
    """IBM words beyond the largest float32 (3.4e38): read as that, written back as they were."""
    look = look_at_samples(volume)
    if look.saturated:
        yield Finding(
            "warning",
            f"{look.saturated} of {look.samples} samples looked at exceed float32 and read as ±3.4e38;"
            " often a sign of another sample format",
            look.saturated,
        )


def ibm_odd_words(volume: Volume) -> Iterator[Finding]:
    """Words that are no normalised IBM floats: kept beside their value, so that they come back."""
    look = look_at_samples(volume)
    odd = look.odd_words - look.saturated
    if odd:
        yield Finding(
            "info",
            f"{odd} of {look.samples} samples looked at are words that their value does not give back;"
            " they are kept as they are",
            odd,
        )


def _traces(count: int, several: str = "have", one: str = "has") -> str:
    return f"1 trace {one}" if count == 1 else f"{count} traces {several}"
