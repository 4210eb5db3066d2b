"""From the first bytes of a SEG-Y file to where everything in it lies.

:func:`read_layout` reads the file headers, a few trace headers and, where something follows the traces, the tail.
Nothing is allocated by what a header claims before the size of the file bears it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from mdio_segy.binary import decode_binary
from mdio_segy.byteorder import choose
from mdio_segy.claims import Claims, Head, LayoutOverrides
from mdio_segy.detect import Fit, leftover_error
from mdio_segy.errors import BadOffset, InconsistentByteOrder, NoTraces, TruncatedFile
from mdio_segy.magic import is_tape_label, refuse_foreign
from mdio_segy.numbers import FORMATS, SampleFormat
from mdio_segy.probe import Probe, headers_agree, probe, real_traces
from mdio_segy.suspect import suspect_format
from mdio_segy.text import decode_text
from mdio_segy.varying import Varying, find_varying

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdio.storage.store import RangeReader
    from mdio_segy.records import RecordTable

__all__ = ["LayoutOverrides", "SegyLayout", "read_layout"]

_NOTHING_KNOWN = LayoutOverrides()
_LABEL = 128
_MOST_HEAD = 64 << 20
_PROBED = 16 << 10


@dataclass(frozen=True, slots=True)
class SegyLayout:
    """Where everything in a SEG-Y file lies, and how to read it; all positions and sizes in bytes.

    Parameters
    ----------
    tape_label
        Size of the tape label, 0 or 128.
    head
        Everything before the first trace, raw.
    text_offset
        Where the textual header begins: ``tape_label``.
    extended_text
        Number of extended textual records.
    big_endian, data_big_endian
        Byte order of binary and trace headers, and of samples.
    format
        Sample format.
    samples
        Samples a trace; the longest where ``varying``.
    interval_us
        Sample interval in microseconds; 0 when the file does not say.
    revision
        Bytes 3501-3502 as one big-endian word, as found.
    header_bytes, trace_bytes
        A trace header with its extensions, and a trace with its header.
    data_offset, data_end, trace_count
        First trace, end of the last, number of traces.
    trailer_bytes
        Bytes behind ``data_end``.
    varying
        Whether traces have lengths of their own; then ``trace_bytes`` is that of the longest and places none.
    warnings
        What was odd, one line each.
    text
        Textual header, 40 lines of 80 characters.
    binary
        Words of the binary header by their segyio names.
    records
        Length and place of every trace where ``varying``, else None.
    """

    tape_label: int
    head: bytes
    text_offset: int
    extended_text: int
    big_endian: bool
    data_big_endian: bool
    format: SampleFormat
    samples: int
    interval_us: float
    revision: int
    header_bytes: int
    trace_bytes: int
    data_offset: int
    data_end: int
    trace_count: int
    trailer_bytes: int
    varying: bool
    warnings: tuple[str, ...]
    text: tuple[str, ...]
    binary: Mapping[str, int | float]
    records: RecordTable | None = field(default=None, repr=False, compare=False)

    def record_at(self, trace: int) -> int:
        """Return the offset of a trace."""
        if self.records is None:
            return self.data_offset + trace * self.trace_bytes
        return int(self.records.offsets(np.array([trace]))[0])

    @property
    def text_raw(self) -> bytes:
        """The 3200 bytes of the textual header."""
        return self.head[self.text_offset : self.text_offset + 3200]

    @property
    def binary_raw(self) -> bytes:
        """The 400 bytes of the binary header."""
        return self.head[self.text_offset + 3200 : self.text_offset + 3600]

    @property
    def extended_raw(self) -> bytes:
        """What lies between binary header and first trace: extended textual records, or padding."""
        return self.head[self.text_offset + 3600 :]


def read_layout(reader: RangeReader, overrides: LayoutOverrides = _NOTHING_KNOWN, *, url: str = "") -> SegyLayout:
    """Return the layout of a SEG-Y file.

    Parameters
    ----------
    reader
        The open file.
    overrides
        What the user knows better.
    url
        Name for messages, secrets removed.

    Raises
    ------
    SegyError
        The file is refused; the class says why, the hint which option helps.
    StorageError
        Reading failed.
    """
    if not reader.size:
        raise TruncatedFile("the file is empty", url=url)
    head = Head(reader, url)
    refuse_foreign(head.start, url)
    base = _LABEL if is_tape_label(head.start) else 0
    if head.size < base + 3600:
        raise TruncatedFile(
            f"only {head.size} bytes, shorter than the {base + 3600} bytes of SEG-Y file headers", url=url
        )
    try:
        found = choose(head, base, overrides)
    except NoTraces:
        if overrides.strict or _states_samples(head.start[base + 3200 : base + 3600]):
            raise
        return _empty_layout(head, base, overrides)
    seen = probe(found, head)
    if overrides.endian is None and seen.other_order(found.samples):
        here, there = ("big", "little") if found.claims.big_endian else ("little", "big")
        raise InconsistentByteOrder(
            f"the binary header is {here}-endian, the trace headers are {there}-endian"
            f" (they state {found.samples} samples only when swapped)",
            url=url,
            byte=found.data_offset + 114,
            hint=f"--endian {there} --sample-format {found.claims.code} --samples {found.samples} reads the traces",
        )
    varying = None
    if not found.claims.fixed and overrides.samples is None:
        varying = find_varying(found, seen, head, strict=overrides.strict)
    if varying is not None:
        return _layout(_varying_fit(found, varying), seen, head, overrides, varying.table)
    found = _settle_leftover(found, head, overrides)
    return _layout(found, probe(found, head), head, overrides)


def _varying_fit(found: Fit, varying: Varying) -> Fit:
    table = varying.table
    # What was said of one length, where that seemed to fit, is void.
    notes = varying.warnings if found.exact else (*found.warnings, *varying.warnings)
    return replace(found, samples=table.longest, trace_count=table.count, left=varying.left, warnings=notes)


def _states_samples(binary: bytes) -> bool:
    """Whether the binary header speaks of traces that are missing, instead of holding a placeholder count."""
    return any(binary[302:304]) or (binary[20:22] not in (b"\0\0", b"\0\1", b"\1\0"))


def _empty_layout(head: Head, base: int, overrides: LayoutOverrides) -> SegyLayout:
    """Return the layout of file headers that stand for themselves: at most a placeholder of one sample is stated."""
    big_endian = overrides.endian != "little"
    start = head.read(0, head.size)
    binary = start[base + 3200 : base + 3600]
    words = decode_binary(binary, big_endian)
    code = int(words["Format"])
    return SegyLayout(
        tape_label=base,
        head=start,
        text_offset=base,
        extended_text=(head.size - base - 3600) // 3200,
        big_endian=big_endian,
        data_big_endian=big_endian,
        format=FORMATS[code if code in FORMATS else 1],
        samples=0,
        interval_us=float(words["Interval"]),
        revision=int.from_bytes(binary[300:302], "big"),
        header_bytes=240,
        trace_bytes=240,
        data_offset=head.size,
        data_end=head.size,
        trace_count=0,
        trailer_bytes=0,
        varying=False,
        warnings=("file headers only: no traces, and no sample count that calls for any",),
        text=decode_text(start[base : base + 3200]),
        binary=words,
    )


def _settle_leftover(found: Fit, head: Head, overrides: LayoutOverrides) -> Fit:
    """Return the reading with its last traces looked at; bytes that nothing explains are kept and said out loud."""
    if found.exact:
        return found
    count = real_traces(found, head)
    if overrides.strict or not headers_agree(found, count, head):
        raise leftover_error(found, head)
    left = found.left + (found.trace_count - count) * found.trace_bytes
    note = (
        f"{left} bytes follow the {count} whole traces of {found.trace_bytes} bytes; they are kept,"
        " but the file may have been cut (--strict refuses it)"
    )
    return replace(found, trace_count=count, left=left, warnings=(*found.warnings, note))


def _layout(
    found: Fit, seen: Probe, head: Head, overrides: LayoutOverrides, records: RecordTable | None = None
) -> SegyLayout:
    claims = found.claims
    if found.data_offset > _MOST_HEAD:
        raise BadOffset(
            f"{found.data_offset} bytes of file headers before the first trace are more than anyone writes",
            url=head.url,
            byte=found.data_offset,
        )
    start = head.read(0, found.data_offset)
    binary = start[claims.base + 3200 : claims.base + 3600]
    data_big = claims.big_endian if overrides.data_endian is None else overrides.data_endian == "big"
    notes = list(found.warnings)
    if claims.base:
        notes.append("a SEG tape label of 128 bytes comes first; it is kept")
    revision = int.from_bytes(binary[300:302], "big")
    if binary[300] > 2:
        notes.append(f"revision {binary[300]}.{binary[301]} is unknown; read by what older revisions say")
    odd = sorted(set(seen.samples) - {0, found.samples}) if records is None else []
    if odd:
        notes.append(f"trace headers state {', '.join(map(str, odd))} samples, the file has {found.samples}")
    if claims.traces and claims.traces != found.trace_count:
        notes.append(f"{claims.traces} traces are stated, the file has {found.trace_count}")
    interval = _interval(claims, seen, overrides, notes)
    first = found if records is None else replace(found, samples=seen.samples[0], trace_count=1)
    looked = _suspicion(first, head, data_big)
    if looked:
        notes.append(looked)
    data_end = found.data_offset + found.trace_count * found.trace_bytes if records is None else records.end
    return SegyLayout(
        tape_label=claims.base,
        head=start,
        text_offset=claims.base,
        extended_text=found.extended_text,
        big_endian=claims.big_endian,
        data_big_endian=data_big,
        format=found.format,
        samples=found.samples,
        interval_us=interval,
        revision=revision,
        header_bytes=found.header_bytes,
        trace_bytes=found.trace_bytes,
        data_offset=found.data_offset,
        data_end=data_end,
        trace_count=found.trace_count,
        trailer_bytes=head.size - data_end,
        varying=records is not None,
        warnings=tuple(notes),
        text=decode_text(start[claims.base : claims.base + 3200]),
        binary=decode_binary(binary, claims.big_endian),
        records=records,
    )


def _interval(claims: Claims, seen: Probe, overrides: LayoutOverrides, notes: list[str]) -> float:
    """Return the sample interval in microseconds, 0.0 when nobody knows it.

    Evidence order: user, rev 2 extended interval, binary header, first trace header. Words above 32767 were most
    often meant to be negative; another source goes before them.
    """
    if overrides.interval is not None:
        return float(overrides.interval)
    if claims.more_interval:
        return claims.more_interval
    binary, trace = claims.interval, seen.intervals[0]
    if binary > 32767:
        notes.append(f"the binary header states a sample interval of {binary - 65536} µs ({binary} unsigned)")
    if 0 < binary <= 32767:
        if trace not in (0, binary):
            notes.append(f"sample interval {binary} µs in the binary header, {trace} µs in the first trace header")
        return float(binary)
    if 0 < trace <= 32767:
        notes.append(f"sample interval {trace} µs taken from the first trace header, the binary header has {binary}")
        return float(trace)
    if not (binary or trace):
        notes.append("no sample interval anywhere; samples are counted, --interval gives it")
    return float(binary or trace)


def _suspicion(found: Fit, head: Head, data_big: bool) -> str:
    """Look at the samples of the first traces as far as one small read goes."""
    if found.format.item != 4:
        return ""
    count = max(1, min(found.trace_count, _PROBED // found.trace_bytes))
    samples = min(found.samples, _PROBED // 4)
    length = (count - 1) * found.trace_bytes + found.header_bytes + samples * 4
    raw = np.frombuffer(head.read(found.data_offset, length), np.uint8)
    raw = raw.reshape(count, -1)  # several traces are read only where they are whole
    words = np.ascontiguousarray(raw[:, found.header_bytes : found.header_bytes + samples * 4])
    return suspect_format(found.format.code, words.view(">u4" if data_big else "<u4"))
