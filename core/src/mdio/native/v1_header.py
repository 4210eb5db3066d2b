"""The file headers of an MDIO v1 dataset: attributes of the scalar variable ``segy_file_header``.

Exporters of multidimio 1.x refuse words that they do not know, and need four of those that they do; so exactly the 31
words of SEG-Y revision 1 are written, and what else a file has stands beside them as raw bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from mdio.core.volume import SourceFile
from mdio.native import binary

if TYPE_CHECKING:
    from mdio.core.dimension import Dimension
    from mdio.core.volume import Schema

__all__ = ["NAME", "binary_words", "file_header", "joined", "parted", "source_file"]

NAME: Final = "segy_file_header"
"""The variable."""

_Order = Literal["big", "little"]
_ORDERS: Final[tuple[_Order, ...]] = ("big", "little")
_ROWS, _COLUMNS = 40, 80
_TEXT, _BINARY = 3200, 400
_FORMATS: Final = {"f4": 5, "f8": 6, "i4": 2, "i2": 3, "i1": 8, "i8": 9, "u4": 10, "u2": 11, "u8": 12, "u1": 16}
"""Sample format codes of SEG-Y revision 2 (section 4, bytes 3225-3226) by sample type."""
_WORDS: Final = (
    "job_id",
    "line_num",
    "reel_num",
    "data_traces_per_ensemble",
    "aux_traces_per_ensemble",
    "sample_interval",
    "orig_sample_interval",
    "samples_per_trace",
    "orig_samples_per_trace",
    "data_sample_format",
    "ensemble_fold",
    "trace_sorting_code",
    "vertical_sum_code",
    "sweep_freq_start",
    "sweep_freq_end",
    "sweep_length",
    "sweep_type_code",
    "sweep_trace_num",
    "sweep_taper_start",
    "sweep_taper_end",
    "taper_type_code",
    "correlated_data_code",
    "binary_gain_code",
    "amp_recovery_code",
    "measurement_system_code",
    "impulse_polarity_code",
    "vibratory_polarity_code",
    "fixed_length_trace_flag",
    "num_extended_text_headers",
    "segy_revision_major",
    "segy_revision_minor",
)
"""What exporters know, in the order of the file."""
_MICROSECONDS: Final = {"s": 1e6, "ms": 1e3, "us": 1.0, "µs": 1.0}


def joined(lines: Sequence[str]) -> str:
    """Return 40 rows of 80 characters joined by newlines."""
    return "\n".join(_rows(lines))


def _rows(lines: Sequence[str]) -> list[str]:
    rows = [str(line)[:_COLUMNS].ljust(_COLUMNS) for line in lines[:_ROWS]]
    return [*rows, *[" " * _COLUMNS] * (_ROWS - len(rows))]


def parted(text: Any) -> tuple[str, ...]:
    """Return the rows of a textual header; cut by place, as a row may hold a newline of its own."""
    if not isinstance(text, str):
        return tuple(str(line) for line in text or ())
    step = _COLUMNS + 1
    if len(text) % step == _COLUMNS and set(text[_COLUMNS::step]) <= {"\n"}:
        return tuple(text[start : start + _COLUMNS] for start in range(0, len(text), step))
    return tuple(text.split("\n")) if text else ()


def binary_words(schema: Schema) -> dict[str, int]:
    """Return the 31 words of revision 1; those that a volume does not have say what its samples are, or 0."""
    stated = {name: int(value) for name, value in binary.as_words(schema.metadata.binary).items()}
    # A depth axis has no interval in µs; many write thousandths of its unit there.
    interval = _step(schema.dims[-1]) * _MICROSECONDS.get(schema.dims[-1].unit, 1e3)
    words = dict.fromkeys(_WORDS, 0)
    words |= {
        "sample_interval": round(interval) if 0 <= interval <= 65535 else 0,
        "samples_per_trace": schema.shape[-1] if schema.shape[-1] <= 65535 else 0,
        "data_sample_format": _FORMATS.get(schema.dtype.str[1:], 5),
        "segy_revision_major": 1,
        "fixed_length_trace_flag": int(not stated),
    }
    return words | stated


def _step(dim: Dimension) -> float:
    if dim.size < 2:
        return 0.0
    first, second = dim.between(0, 2)
    return float(abs(second - first))


def file_header(schema: Schema) -> dict[str, Any]:
    """Return the attributes of the variable."""
    return {
        "textHeader": joined(schema.metadata.text),
        "binaryHeader": binary_words(schema),
        **_raw(schema.metadata.source),
    }


def _raw(source: SourceFile | None) -> dict[str, str]:
    """Return the raw headers of a SEG-Y file, as its reader keeps them."""
    if source is None or source.format != "segy":
        return {}
    head = source.blobs.get("head", b"")[int(source.facts.get("text_offset", 0)) :]
    if len(head) < _TEXT + _BINARY:
        return {}
    parts = {"rawTextHeader": head[:_TEXT], "rawBinaryHeader": head[_TEXT : _TEXT + _BINARY]}
    return {name: base64.standard_b64encode(part).decode() for name, part in parts.items()}


def _raw_bytes(attributes: Mapping[str, Any], name: str) -> bytes:
    """Return one of the raw headers, empty where it is not there or not whole."""
    size = _TEXT if name == "rawTextHeader" else _BINARY
    try:
        data = base64.standard_b64decode(attributes.get(name, ""))
    except (TypeError, ValueError, binascii.Error):
        return b""
    return data if len(data) == size else b""


def source_file(attributes: Mapping[str, Any], shape: Sequence[int]) -> SourceFile | None:
    """Return the original SEG-Y file as far as another writer kept it: its raw binary header has words of no name.

    None where that is missing, or speaks of textual headers that nobody kept.
    """
    raw = _raw_bytes(attributes, "rawBinaryHeader")
    words = attributes.get("binaryHeader") or {}
    if not raw or not words:
        return None
    order = next((order for order in _ORDERS if _agrees(raw, words, order)), None)
    if order is None or int.from_bytes(raw[304:306], order, signed=True):
        return None
    text = _raw_bytes(attributes, "rawTextHeader")
    if not text:
        text = "".join(_rows(parted(attributes.get("textHeader")))).encode("cp037", "replace")
    facts = {
        "big_endian": order == "big",
        "data_big_endian": order == "big",
        "format": int(words["data_sample_format"]),
        "header_bytes": 240,
        "samples": int(shape[-1]),
        "interval_us": int(words["sample_interval"]),
        "text_offset": 0,
    }
    return SourceFile("segy", facts, {"head": text + raw, "trailer": b""})


def _agrees(raw: bytes, words: Mapping[str, Any], order: _Order) -> bool:
    """Whether raw bytes say the same in a byte order: sample interval (3217), samples (3221), format (3225)."""
    places = {"sample_interval": 16, "samples_per_trace": 20, "data_sample_format": 24}
    return all(
        name in words and int.from_bytes(raw[at : at + 2], order) == int(words[name]) & 0xFFFF
        for name, at in places.items()
    )
