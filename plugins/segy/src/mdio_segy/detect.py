"""Which reading of the file headers explains the file.

No single header word can be trusted, so every reading (byte order × extended text × header extensions × sample
count) is a candidate, and the one that cuts the *file size* into whole traces wins. Among several, the more
trustworthy source of the sample count comes first: rev 2 extended count, binary header, first trace header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mdio_segy.errors import BadExtendedText, BadOffset, BadSampleCount, NoTraces, SegyError, TruncatedFile
from mdio_segy.numbers import FORMATS, SampleFormat
from mdio_segy.text import ends_extended_text

if TYPE_CHECKING:
    from mdio_segy.claims import Claims, Head, LayoutOverrides

__all__ = ["Fit", "fit", "leftover_error", "stanza_bytes"]

_MOST_EXTENDED = 1024
_TOGETHER = 16
_MOST_STANZAS = 64
_TAIL = 1 << 20
_RECORD = 3200


@dataclass(frozen=True, slots=True)
class Fit:
    """One reading of the file.

    Parameters
    ----------
    claims
        The header words it rests on.
    format, samples, source
        Sample format, samples a trace, and which word they are from.
    header_bytes, data_offset, trace_count
        Bytes of a trace header, where the first trace begins, how many whole traces there are.
    left
        Bytes behind the last trace.
    exact
        Whether these bytes are explained: none, trailer stanzas, or zeros.
    extended_text
        Number of extended textual records.
    warnings
        What was found odd on the way.
    """

    claims: Claims
    format: SampleFormat
    samples: int
    source: str
    header_bytes: int
    data_offset: int
    trace_count: int
    left: int
    exact: bool
    extended_text: int
    warnings: tuple[str, ...] = ()

    @property
    def trace_bytes(self) -> int:
        """Bytes of a trace with its header."""
        return self.header_bytes + self.samples * self.format.item


def fit(claims: Claims, sample_format: SampleFormat, head: Head, overrides: LayoutOverrides) -> Fit:
    """Return the best reading of a file in one byte order.

    Raises
    ------
    SegyError
        No reading explains the file; the message says what was found and which option helps.
    """
    found = _fit_stated(claims, sample_format, head, overrides)
    if found.exact:
        return found
    # What older writers left in words that later got a meaning may keep whole traces from fitting.
    if claims.first_trace and found.data_offset == claims.first_trace:
        other = _fit_stated(replace(claims, first_trace=0), sample_format, head, overrides)
        if other.exact:
            return _noted(other, f"the first trace is stated to be at byte {claims.first_trace}, which fits nothing")
    if found.extended_text and overrides.extended_text is None:
        other = _fit_stated(claims, sample_format, head, replace(overrides, extended_text=0))
        if other.exact:
            return _noted(other, f"{found.extended_text} extended textual records are stated, but are not there")
    return found


def _noted(found: Fit, note: str) -> Fit:
    return replace(found, warnings=(*found.warnings, note))


def _fit_stated(claims: Claims, sample_format: SampleFormat, head: Head, overrides: LayoutOverrides) -> Fit:
    """Return the best reading that takes extended text and first trace as they are stated."""
    notes: list[str] = []
    extended = _extended_text(claims, head, overrides, notes)
    offset = _first_trace(claims, extended, head, notes)
    if offset == head.size:
        raise NoTraces("file headers only, no traces", url=head.url, byte=offset)
    counts = _sample_counts(claims, offset, head, overrides)
    if not counts:
        raise BadSampleCount(
            "neither binary header nor first trace header states a sample count",
            url=head.url,
            byte=claims.base + 3220,
            hint="give it with --samples",
        )
    trailer = stanza_bytes(claims, offset, head)
    for source, samples in counts:
        for extensions in claims.extensions:
            header_bytes = 240 * (1 + extensions)
            found = _exact(head, offset, header_bytes + samples * sample_format.item, trailer)
            if found is None:
                continue
            if source != counts[0][0]:
                stated = counts[0]
                notes.append(
                    f"the {stated[0]} says {stated[1]} samples a trace, which does not fit the file; the {source} says"
                    f" {samples}, which does"
                )
            elif source == "first trace header":
                notes.append(f"the binary header states no sample count; {samples} taken from the first trace header")
            if claims.modern and extensions != claims.extensions[0]:
                notes.append(f"{claims.extensions[0]} trace header extensions are stated, the file has {extensions}")
            if trailer and found[1] != trailer:
                notes.append(f"{claims.stanzas} trailer stanzas are stated, but are not there")
            return Fit(
                claims,
                sample_format,
                samples,
                source,
                header_bytes,
                offset,
                found[0],
                found[1],
                True,
                extended,
                tuple(notes),
            )
    source, samples = counts[0]
    header_bytes = 240 * (1 + claims.extensions[0])
    size = header_bytes + samples * sample_format.item
    body = head.size - offset
    whole, left = divmod(body, size)
    if not whole:
        kind: type[SegyError] = BadSampleCount if body > 240 else TruncatedFile
        raise kind(
            f"the {source} says {samples} samples, a trace of {size} bytes, but only {body} bytes follow the file"
            " headers",
            url=head.url,
            byte=offset,
            hint="give the right count with --samples" + _would_fit(head, offset, samples, header_bytes),
        )
    zeros = _trailing_zeros(head, min(body, _TAIL))
    padded = left <= zeros < body
    if padded:
        whole = -((zeros - body) // size)
        left = body - whole * size
        notes.append(f"{left} zero bytes of padding follow the {whole} traces; they are kept")
    return Fit(
        claims, sample_format, samples, source, header_bytes, offset, whole, left, padded, extended, tuple(notes)
    )


def _extended_text(claims: Claims, head: Head, overrides: LayoutOverrides, notes: list[str]) -> int:
    """Return the number of extended textual records."""
    count = claims.extended_text if overrides.extended_text is None else overrides.extended_text
    at = claims.base + 3600
    if count < -1:
        notes.append(f"{count} extended textual records are stated, which means nothing; taken as none")
        return 0
    if count == -1:
        most = min((head.size - at) // _RECORD, _MOST_EXTENDED)
        for first in range(0, most, _TOGETHER):
            together = min(_TOGETHER, most - first)
            records = head.read(at + first * _RECORD, together * _RECORD)
            for number in range(together):
                if ends_extended_text(records[number * _RECORD : (number + 1) * _RECORD]):
                    return first + number + 1
        raise BadExtendedText(
            f"extended text is to end with an ((SEG: EndText)) stanza, but {most} records hold none",
            url=head.url,
            byte=at,
            hint="give the number of extended textual records with --extended-headers, 0 for none",
        )
    if at + count * _RECORD > head.size:
        raise BadExtendedText(
            f"{count} extended textual records are stated, the file has room for {(head.size - at) // _RECORD}",
            url=head.url,
            byte=claims.base + 3504,
            hint="give the right number with --extended-headers, 0 for none",
        )
    return count


def _first_trace(claims: Claims, extended: int, head: Head, notes: list[str]) -> int:
    """Return the offset of the first trace."""
    usual = claims.base + 3600 + extended * _RECORD
    stated = claims.first_trace
    if not stated or stated == usual or stated + claims.base == usual:
        return usual
    if stated >= head.size:
        raise BadOffset(
            f"the first trace is stated to be at byte {stated}, the file has {head.size} bytes",
            url=head.url,
            byte=claims.base + 3520,
        )
    if stated < usual:
        notes.append(f"the first trace is stated to be at byte {stated}, inside the file headers; taken as {usual}")
        return usual
    return stated


def _sample_counts(claims: Claims, offset: int, head: Head, overrides: LayoutOverrides) -> list[tuple[str, int]]:
    """Return sample counts with their sources, the most trustworthy first."""
    if overrides.samples is not None:
        return [("option --samples", overrides.samples)]
    counts = [("extended sample count", claims.more_samples), ("binary header", claims.samples)]
    # A rev 2 count is meant; a trace header's, which has 16 bits, cannot stand in for it.
    if head.size - offset >= 240 and not claims.more_samples:
        first = struct.unpack_from(claims.order + "H", head.read(offset, 240), 114)[0]
        counts.append(("first trace header", first))
    return [(source, count) for source, count in counts if count]


def _exact(head: Head, offset: int, size: int, trailer: int) -> tuple[int, int] | None:
    """Return trace count and bytes left when whole traces, and trailer stanzas if stated, make up the file."""
    for left in dict.fromkeys((trailer, 0)):
        body = head.size - offset - left
        if body >= size and body % size == 0:
            return body // size, left
    return None


def stanza_bytes(claims: Claims, offset: int, head: Head) -> int:
    """Return the size of the trailer; stanzas of unstated number (-1) are looked for from the end."""
    room = (head.size - offset) // _RECORD
    if claims.stanzas > 0:
        return claims.stanzas * _RECORD if claims.stanzas <= room else 0
    if claims.stanzas == -1 and room:
        number = min(room, _MOST_STANZAS)
        tail = head.read(head.size - number * _RECORD, number * _RECORD)
        for at in range(0, len(tail), _RECORD):
            if tail[at : at + 2] in (b"((", b"\x4d\x4d"):  # ASCII, EBCDIC
                return len(tail) - at
    return 0


def _trailing_zeros(head: Head, most: int) -> int:
    tail = head.read(head.size - most, most)
    return len(tail) - len(tail.rstrip(b"\0"))


def _would_fit(head: Head, offset: int, samples: int, header_bytes: int) -> str:
    """Name the sample sizes that would cut the file into whole traces."""
    body = head.size - offset
    codes = [
        str(form.code)
        for form in FORMATS.values()
        if body >= header_bytes + samples * form.item and body % (header_bytes + samples * form.item) == 0
    ]
    return f"; sample format codes that would fit the size: {', '.join(codes)}" if codes else ""


def leftover_error(found: Fit, head: Head) -> TruncatedFile:
    """Return the refusal of a file that does not end with a whole trace."""
    return TruncatedFile(
        f"{found.trace_count} whole traces of {found.trace_bytes} bytes ({found.samples} samples of"
        f" {found.format.name}, by the {found.source}) and {found.left} bytes left over",
        url=head.url,
        byte=found.data_offset + found.trace_count * found.trace_bytes,
        hint="a file that was cut is read without --strict, as long as its trace headers stand where they should"
        + _would_fit(head, found.data_offset, found.samples, found.header_bytes),
    )
