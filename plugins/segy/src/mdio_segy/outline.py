"""What a SEG-Y file to be written looks like around its samples: file headers, record layout, sample format.

Raw bytes are the truth and decoded forms are views of them: bytes of the original file are written as they are
unless somebody changed what they say, and where a change of sample format or byte order was asked for, only the words
that describe it are rewritten (``specs`` of SEG-Y rev 1, sections 4 to 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdio.core.trace_header import RECORD_SIZE
from mdio.exceptions import ConfigError
from mdio_segy.binary import BINARY_FIELDS, decode_binary, encode_binary
from mdio_segy.fields import trace_header_layout
from mdio_segy.headermap import HeaderMap
from mdio_segy.line_words import WORDS, require_whole_lines, words_of
from mdio_segy.numbers import FORMATS, SampleFormat, format_by_code, format_by_name
from mdio_segy.text import decode_text, detect_code_page, encode_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdio.core.dimension import Dimension
    from mdio.core.volume import Block, Patches, Schema
    from mdio_segy.options import SegyWriteOptions

__all__ = ["SegyOutline", "outline_for"]

_TEXT, _LINE, _BINARY = 3200, 80, 400
_MOST_SAMPLES = 0xFFFF
_MOST_DELAY = 0x7FFF
_SAME_MS = 1e-3
"""Milliseconds: steps and starts in seconds are rarely exact."""
_DESCRIBING = frozenset(
    {"Format", "Samples", "ExtSamples", "data_sample_format", "samples_per_trace", "extended_samples_per_trace"}
)


@dataclass(frozen=True)
class SegyOutline:
    """File headers, trailer, and the form of every record.

    Parameters
    ----------
    head, trailer
        Bytes before the first and behind the last trace.
    format
        Sample format.
    big_endian, data_big_endian
        Byte order of headers and of samples.
    header_bytes
        Bytes of a trace header.
    count
        Samples a trace.
    dims
        Spatial dimensions, for sources without trace headers.
    header_map
        Turns the records that blocks carry into trace headers; None where they carry none.
    words
        Trace-header words to rewrite: byte to value.
    interval_us
        Sample interval in microseconds.
    delay_ms
        Where the sample axis starts, for trace headers that are made: readers of SEG-Y take it from there.
    """

    head: bytes
    trailer: bytes
    format: SampleFormat
    big_endian: bool
    data_big_endian: bool
    header_bytes: int
    count: int
    dims: tuple[Dimension, ...]
    header_map: HeaderMap | None
    words: Mapping[int, int]
    interval_us: float
    delay_ms: int = 0

    @property
    def trace_bytes(self) -> int:
        """Bytes of a whole trace."""
        return self.header_bytes + self.count * self.format.item

    def headers(
        self, records: NDArray[Any] | None, rows: NDArray[np.int64], places: NDArray[np.int64], block: Block
    ) -> NDArray[np.uint8]:
        """Return trace headers, uint8 ``(n, header bytes)``.

        Parameters
        ----------
        records
            Raw records of a block, flat; None where the format has none.
        rows
            The traces that are wanted.
        places
            Where they go in the file.
        block
            The block, for words that have to be made.
        """
        if records is None or self.header_map is None:
            return self.make_headers(rows, places, block)
        base = None if self.header_map.complete else self.make_headers(rows, places, block)
        out = self.header_map(records[rows], base)
        if self.words:
            self._put_words(out)
        return out

    def make_headers(self, rows: NDArray[np.int64], places: NDArray[np.int64], block: Block) -> NDArray[np.uint8]:
        """Return trace headers for a source that has none, or too few words: sequence numbers and coordinates."""
        out = np.zeros((len(rows), self.header_bytes), dtype=np.uint8)
        struct = trace_header_layout(self.big_endian, self.header_bytes)
        view = out.view(struct.struct)[:, 0]
        view["trace_seq_num_line"] = view["trace_seq_num_reel"] = places + 1
        view["trace_id_code"] = 1
        view["samples_per_trace"] = np.array(_short(self.count), np.uint16).astype(np.int16)
        view["sample_interval"] = np.array(round(self.interval_us) & 0xFFFF, np.uint16).astype(np.int16)
        view["delay_recording_time"] = self.delay_ms
        positions = np.unravel_index(rows, block.live.shape)
        for axis, byte in words_of(self.dims):
            start, stop = block.region[axis]
            coords = self.dims[axis].between(start, stop)[positions[axis]]
            view[struct.field(str(byte)).name] = coords.astype(np.int64)
        return out

    def _put_words(self, out: NDArray[np.uint8]) -> None:
        order = ">" if self.big_endian else "<"
        for byte, value in self.words.items():
            word = np.frombuffer(np.array(value & 0xFFFF, dtype=f"{order}u2").tobytes(), dtype=np.uint8)
            out[:, byte - 1 : byte + 1] = word

    def samples(self, samples: NDArray[Any], patches: Patches | None, out: NDArray[np.uint8]) -> None:
        """Encode samples into ``out``, uint8 ``(n, bytes)``; a type of another width is cast where it fits."""
        if samples.dtype != self.format.dtype:
            samples = _cast(samples, self.format)
            patches = None
        self.format.encode(samples, self.data_big_endian, patches, out)


def _cast(samples: NDArray[Any], form: SampleFormat) -> NDArray[Any]:
    """Return samples in the type of a format.

    Raises
    ------
    ConfigError
        A value has no place in it.
    """
    values = np.rint(samples) if form.dtype.kind in "iu" and samples.dtype.kind == "f" else samples
    if form.dtype.kind in "iu":
        limits = np.iinfo(form.dtype)
        # The end above the largest value is a power of two, which every float type holds exactly.
        fit = (values >= limits.min) & (
            values <= limits.max if values.dtype.kind in "iu" else values < limits.max + 1.0
        )
    elif values.dtype.kind == "f" and values.dtype.itemsize > form.dtype.itemsize:
        fit = ~(np.isfinite(values) & (np.abs(values) > np.finfo(form.dtype).max))
    else:
        return values.astype(form.dtype)
    if not fit.all():
        bad = values[~fit][0]
        raise ConfigError(
            f"sample {bad} does not fit {form.name}", path="segy_format", hint="choose a wider format, e.g. ieee32"
        )
    return values.astype(form.dtype)


def outline_for(schema: Schema, options: SegyWriteOptions, *, own_lengths: bool = False) -> SegyOutline:
    """Return the outline of the file that a volume becomes.

    Parameters
    ----------
    schema
        Of the volume.
    options
        How it is to be written.
    own_lengths
        Whether traces keep the lengths that they had in the original file; the outline is that of the longest.

    Raises
    ------
    ConfigError
        The sample format does not exist.
    """
    source = schema.metadata.source
    if source is not None and source.format == "segy":
        return _from_source(schema, options, own_lengths)
    return _from_scratch(schema, options)


def _from_source(schema: Schema, options: SegyWriteOptions, own_lengths: bool) -> SegyOutline:
    source = schema.metadata.source
    assert source is not None
    facts, head = source.facts, source.blobs.get("head", b"")
    was = format_by_code(int(facts["format"]))
    form = _chosen(options, schema.dtype, was)
    big, data_big = bool(facts["big_endian"]), bool(facts["data_big_endian"])
    if options.endian != "source":
        big_out = data_out = options.endian == "big"
    else:
        big_out, data_out = big, data_big
    text_at = int(facts.get("text_offset", 0))
    count = schema.shape[-1]
    text, binary = head[text_at : text_at + _TEXT], head[text_at + _TEXT : text_at + _TEXT + _BINARY]
    new_text = _text_if_changed(text, schema.metadata.text)
    changes = _binary_changes(binary, big, schema.metadata.binary)
    words: dict[int, int] = {}
    if form.code != was.code:
        changes["Format"] = form.code
    if count != int(facts["samples"]) or (facts.get("varying") and not own_lengths):
        extended = decode_binary(binary, big).get("ExtSamples") == facts["samples"] or count > _MOST_SAMPLES
        changes |= _count_words(count, extended)
        words[115] = _short(count)
    new_binary = _rewritten(binary, big, big_out, changes)
    return SegyOutline(
        head=head[:text_at] + new_text + new_binary + head[text_at + _TEXT + _BINARY :],
        trailer=source.blobs.get("trailer", b""),
        format=form,
        big_endian=big_out,
        data_big_endian=data_out,
        header_bytes=int(facts["header_bytes"]),
        count=count,
        dims=schema.dims[:-1],
        header_map=_header_map(schema, big_out, int(facts["header_bytes"])),
        words=words,
        interval_us=float(facts["interval_us"]),
    )


def _from_scratch(schema: Schema, options: SegyWriteOptions) -> SegyOutline:
    metadata = schema.metadata
    axis = schema.dims[-1]
    count = axis.size
    interval = _interval_us(axis)
    code = metadata.binary.get("Format", metadata.binary.get("data_sample_format"))
    form = _chosen(options, schema.dtype, FORMATS.get(int(code)) if code is not None else None)
    big = options.endian != "little"
    known = {name for field in BINARY_FIELDS for name in (field.segyio, field.word) if name}
    stated = {key: value for key, value in metadata.binary.items() if key in known}
    # A foreign store's own words are kept, but those that describe the samples have to be true.
    values = {"Format": form.code, **_count_words(count, count > _MOST_SAMPLES)}
    if interval or not stated:
        values["Interval"] = round(interval) & 0xFFFF
    if not stated:
        stated = {"SEGYRevision": 1, "SEGYRevisionMinor": 0, "TraceFlag": 1, "MeasurementSystem": 1, "Traces": 1}
    if "ExtSamples" in values:
        values["SEGYRevision"] = 2
    text = tuple(metadata.text) or _default_text(schema)
    header_map = _header_map(schema, big, RECORD_SIZE)
    if header_map is None or not header_map.complete:
        require_whole_lines(schema.dims[:-1])
    return SegyOutline(
        head=encode_text(text) + encode_binary(stated | values, big),
        trailer=b"",
        format=form,
        big_endian=big,
        data_big_endian=big,
        header_bytes=RECORD_SIZE,
        count=count,
        dims=schema.dims[:-1],
        header_map=header_map,
        words={},
        interval_us=interval,
        delay_ms=_delay_ms(axis),
    )


def _chosen(options: SegyWriteOptions, dtype: np.dtype[Any], was: SampleFormat | None) -> SampleFormat:
    """Return the sample format to write: the one asked for, the source's, or one that holds the type as it is."""
    if options.segy_format != "source":
        return format_by_name(options.segy_format)
    if was is not None and was.dtype == dtype:
        return was
    preferred = (5, 6, 3, 2, 8, 9, 10, 11, 12, 16)
    for code in preferred:
        if FORMATS[code].dtype == dtype:
            return FORMATS[code]
    raise ConfigError(f"SEG-Y has no format for {dtype.name} samples", path="segy_format", hint="cast, e.g. to float32")


def _count_words(count: int, extended: bool) -> dict[str, int]:
    """Return the binary header words that state the number of samples; rev 2 has one of 32 bits."""
    return {"Samples": _short(count), **({"ExtSamples": count} if extended else {})}


def _short(count: int) -> int:
    """Return a count for a word of 16 bits; 0 where it has no room (rev 2 then states it elsewhere)."""
    return count if count <= _MOST_SAMPLES else 0


def _header_map(schema: Schema, big_endian: bool, size: int) -> HeaderMap | None:
    return HeaderMap(schema.headers, big_endian, size) if schema.headers.itemsize else None


def _text_if_changed(raw: bytes, text: tuple[str, ...]) -> bytes:
    """Return the textual record with the lines that somebody edited; the others stay as they are, bit by bit."""
    old = decode_text(raw)
    if not text or tuple(text) == old:
        return raw
    lines = [*text, *(" " * _LINE for _ in old)][: len(old)]
    new = encode_text(lines, detect_code_page(raw))
    parts = [
        (raw if line == was else new)[at * _LINE : (at + 1) * _LINE]
        for at, (line, was) in enumerate(zip(lines, old, strict=True))
    ]
    return b"".join(parts)


def _binary_changes(raw: bytes, big_endian: bool, binary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words that no longer are what the raw bytes say: somebody edited them.

    What describes the samples is no matter of opinion: it follows from the samples.
    """
    stored = decode_binary(raw, big_endian) | decode_binary(raw, big_endian, "word")  # stores keep either names
    return {
        name: value
        for name, value in binary.items()
        if name in stored and stored[name] != value and name not in _DESCRIBING
    }


def _rewritten(raw: bytes, big: bool, big_out: bool, changes: Mapping[str, Any]) -> bytes:
    if big == big_out:
        return encode_binary(changes, big, raw) if changes else raw
    values = decode_binary(raw, big, "word") | {}
    swapped = encode_binary(values, big_out, raw)
    return encode_binary(changes, big_out, swapped) if changes else swapped


def _interval_us(axis: Dimension) -> float:
    if axis.size < 2:
        return 0.0
    first, second = axis.between(0, 2).astype(float)
    return float((second - first) * _scale_to_us(axis))


def _delay_ms(axis: Dimension) -> int:
    """Return where an axis starts for a word of 16 bits; 0 where that has no room or no fractions for it."""
    if not axis.size:
        return 0
    start = float(axis.between(0, 1)[0]) * _scale_to_us(axis) / 1000
    whole = round(start) if np.isfinite(start) else 0
    return whole if abs(start - whole) < _SAME_MS and abs(whole) <= _MOST_DELAY else 0


def _scale_to_us(axis: Dimension) -> float:
    return {"s": 1e6, "us": 1.0, "µs": 1.0}.get(axis.unit, 1e3)


def _default_text(schema: Schema) -> tuple[str, ...]:
    shape = " x ".join(f"{dim.name} {dim.size}" for dim in schema.dims)
    words = [f"{dim.name} AT BYTE {WORDS[dim.name]}" for dim in schema.dims if dim.name in WORDS]
    lines = {1: "WRITTEN BY MDIO", 2: shape.upper(), 3: ", ".join(words).upper(), 39: "SEG Y REV1", 40: "END EBCDIC"}
    return tuple(f"C{number:2d} {lines.get(number, '')}".ljust(80)[:80] for number in range(1, 41))
